/* Every elementwise function of one float errs by at most 1 ULP in f32, against itself in f64, which
 * base/vmath and the golden files hold to other implementations. TAPER_ULP_STRIDE=1 takes all 2^32 floats;
 * the default takes every 4093rd. */
#include "fixture.h"

#define STRIDE 4093

enum { BLOCK = 1 << 16 };

typedef struct function {
    const char *name;
    tp_tensor *(*apply)(tp_tensor *x);
} function;

static tp_tensor *elu(tp_tensor *x) { return tp_elu(x, 1); }
static tp_tensor *gelu(tp_tensor *x) { return tp_gelu(x, false); }
static tp_tensor *gelu_tanh(tp_tensor *x) { return tp_gelu(x, true); }

#define ROW(name) {#name, tp_##name},
static const function functions[] = {
    ROW(exp) ROW(expm1) ROW(log) ROW(log1p) ROW(sqrt) ROW(rsqrt) ROW(reciprocal) ROW(sin) ROW(cos) ROW(tan)
        ROW(asin) ROW(acos) ROW(atan) ROW(sinh) ROW(cosh) ROW(tanh) ROW(erf) ROW(erfc) ROW(sigmoid)
            ROW(log_sigmoid) ROW(softplus) ROW(silu) ROW(mish){"elu", elu},
    {"gelu", gelu},
    {"gelu_tanh", gelu_tanh}};

/* |got - want| in units of want's last place in f32, taken for infinite where sign or class differ. */
static double error_in_ulp(float got, double want)
{
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (!signbit(got) != !signbit(want)) return INFINITY;
    if (isinf(got) || isinf(want)) return fabs(want) >= 0x1.fffffep127 && isinf(got) ? 0 : INFINITY;
    uint64_t bits, least = 1023 - 126;
    memcpy(&bits, &want, sizeof bits);
    uint64_t exponent = bits >> 52 & 0x7ff;
    bits = (2046 + 23 - (exponent < least ? least : exponent)) << 52; /* one over a unit */
    double units;
    memcpy(&units, &bits, sizeof units);
    return fabs((double)got - want) * units;
}

typedef struct worst {
    double error;
    float x;
} worst;

/* Takes floats whose bits are start, start + stride .., up to BLOCK of them. */
static void take_block(tp_context *c, const function *f, uint64_t start, uint64_t stride, worst *w)
{
    static float x[BLOCK], y[BLOCK];
    static double exact[BLOCK];
    int64_t n = 0;
    for (uint64_t bits = start; n < BLOCK && bits <= UINT32_MAX; bits += stride, n++) {
        uint32_t low = (uint32_t)bits;
        memcpy(&x[n], &low, sizeof low);
    }
    tp_mark scope = tp_open_scope(c);
    tp_tensor *narrow = tp_from_array(c, TP_SHAPE(n), TP_F32, x);
    assert_int_equal(tp_read(f->apply(narrow), y, (size_t)n * sizeof *y), TP_OK);
    assert_int_equal(tp_read(f->apply(tp_cast(narrow, TP_F64)), exact, (size_t)n * sizeof *exact), TP_OK);
    tp_close_scope(c, scope);
    for (int64_t k = 0; k < n; k++) {
        bool nearest = y[k] == (float)exact[k] && y[k] != 0, none = isnan(y[k]) && isnan(exact[k]);
        if (nearest || none) continue; /* at most 1/2 */
        double error = error_in_ulp(y[k], exact[k]);
        if (error > w->error) *w = (worst){error, x[k]};
    }
}

static void test_ulp(void **state)
{
    const char *s = getenv("TAPER_ULP_STRIDE");
    uint64_t stride = s ? strtoull(s, NULL, 10) : STRIDE;
    int bad = 0;
    assert_true(stride > 0);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const function *f = &functions[i];
        worst w = {0};
        for (uint64_t start = 0; start <= UINT32_MAX; start += stride * BLOCK)
            take_block(*state, f, start, stride, &w);
        print_message("%-12s %.4f ULP at %a\n", f->name, w.error, (double)w.x);
        bad += w.error > 1;
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_ulp)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
