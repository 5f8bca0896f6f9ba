/* vmath against MPFR (f64), libm (f32) and the table of special values. TAPER_VMATH_POINTS says how many
 * points f64 functions are tried at, TAPER_VMATH_STRIDE that every so manieth float is taken. (All floats:
 * ops/ulp.) */
#include "testing.h"

#include "base/vmath.h"

#include <math.h>
#include <mpfr.h>
#include <stdlib.h>
#include <string.h>

#define POINTS    200000
#define PRECISION 100
#define STRIDE    8191

typedef int oracle1(mpfr_t, const mpfr_t, mpfr_rnd_t);
typedef int oracle2(mpfr_t, const mpfr_t, const mpfr_t, mpfr_rnd_t);

typedef struct function1 {
    const char *name;
    double (*f)(double);
    float (*f32)(float);
    oracle1 *exact;
    double (*libm)(double);
    double lo, hi; /* where the function is neither trivial nor out of range */
} function1;

typedef struct function2 {
    const char *name;
    double (*f)(double, double);
    float (*f32)(float, float);
    oracle2 *exact;
    double (*libm)(double, double);
} function2;

static int exact_sigmoid(mpfr_t r, const mpfr_t x, mpfr_rnd_t rnd)
{
    mpfr_neg(r, x, rnd);
    mpfr_exp(r, r, rnd);
    mpfr_add_ui(r, r, 1, rnd);
    return mpfr_ui_div(r, 1, r, rnd);
}

static int exact_softplus(mpfr_t r, const mpfr_t x, mpfr_rnd_t rnd)
{
    if (mpfr_cmp_ui(x, 500) > 0) return mpfr_set(r, x, rnd);
    mpfr_exp(r, x, rnd);
    return mpfr_log1p(r, r, rnd);
}

static int exact_log_sigmoid(mpfr_t r, const mpfr_t x, mpfr_rnd_t rnd)
{
    mpfr_neg(r, x, rnd);
    exact_softplus(r, r, rnd);
    return mpfr_neg(r, r, rnd);
}

static double libm_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double libm_softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }
static double libm_log_sigmoid(double x) { return -libm_softplus(-x); }

#define ROW(name, lo, hi) {#name, vm_##name, vm_##name##f, mpfr_##name, name, lo, hi},
#define OWN(name, lo, hi) {#name, vm_##name, vm_##name##f, exact_##name, libm_##name, lo, hi},
static const function1 unary[] = {
    ROW(exp, -750, 712) ROW(expm1, -60, 712) ROW(log, 0, 4) ROW(log1p, -1, 4) ROW(sin, -1e6, 1e6)
        ROW(cos, -1e6, 1e6) ROW(tan, -1e6, 1e6) ROW(asin, -1, 1) ROW(acos, -1, 1) ROW(atan, -4, 4)
            ROW(sinh, -712, 712) ROW(cosh, -712, 712) ROW(tanh, -25, 25) OWN(sigmoid, -750, 60)
                OWN(log_sigmoid, -60, 750) OWN(softplus, -750, 60) ROW(erf, -7, 7) ROW(erfc, -7, 29)};
#define N_UNARY (sizeof unary / sizeof *unary)

static const function2 binary[] = {
    {"pow", vm_pow, vm_powf, mpfr_pow, pow},
    {"atan2", vm_atan2, vm_atan2f, mpfr_atan2, atan2},
};
#define N_BINARY (sizeof binary / sizeof *binary)

static const double special[] = {
    0,
    INFINITY,
    NAN,
    1,
    0x1p-1074,
    0x1p-1022,
    0x1.fffffffffffffp1023,
    0.5,
    2,
    3,
    -0.0,
    -INFINITY,
    -1,
    -0x1p-1074,
    -0x1p-1022,
    -0x1.fffffffffffffp1023,
    -0.5,
    -2,
    -3,
    0x1.fffffffffffffp-1,
    0x1.0000000000001p0,
    -0x1.fffffffffffffp-1,
    -0x1.0000000000001p0,
    0x1p52,
    0x1p53,
    0x1.fffffffffffffp52,
    -0x1.fffffffffffffp52,
    0x1p20,
    0x1p-27,
    1.5,
    -1.5,
    0x1.62e42fefa39efp9,
    0x1.62e42fefa39fp9,
    -0x1.74910d52d3051p9,
    -0x1.74910d52d3052p9,
    40,
    -40,
    6381956970095103.0 * 0x1p797, /* the double nearest to a multiple of pi / 2 */
};
#define N_SPECIAL (sizeof special / sizeof *special)

/* xorshift64* (Vigna): the tests' own source of numbers */
static uint64_t random_state = 0x9e3779b97f4a7c15u;
static uint64_t next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1du;
}
static double next_unit(void) { return (double)(next() >> 11) * 0x1p-53; }

static double as_double(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* One of: any bit pattern; the middle of the domain; near a point where something changes;
 * near a multiple of pi / 2; a moderate exponent. */
static double sample(double lo, double hi)
{
    static const double points[] = {0,   1,  -1, 0.5, -0.5, 0.75, 0.3466, 0.7072, 1.4143, 2,
                                    -40, 40, 20, 50,  710,  745,  -745,   709.79, 1.0397, 4};
    double unit = next_unit(); /* drawn one by one: the order within an expression is the compiler's */
    int power = (int)(next() % 60);
    uint64_t other = next();
    switch (next() % 5) {
    case 0: return as_double(other);
    case 1: return lo + (hi - lo) * unit;
    case 2: return points[other % (sizeof points / sizeof *points)] + ldexp(unit - 0.5, -power);
    case 3: return (double)(other >> (24 + power % 40)) * 0x1.921fb54442d18p+0 + ldexp(unit - 0.5, -power);
    default: return ldexp(unit - 0.5, power - 30);
    }
}

static mpfr_t arg_x, arg_y, exact, difference;

static int open_oracle(void **unused)
{
    (void)unused;
    mpfr_inits2(PRECISION, arg_x, arg_y, exact, difference, (mpfr_ptr)NULL);
    return 0;
}

static int close_oracle(void **unused)
{
    (void)unused;
    mpfr_clears(arg_x, arg_y, exact, difference, (mpfr_ptr)NULL);
    mpfr_free_cache();
    return 0;
}

/* |got - exact| in units of exact's last place; a wrong sign or NaN counts as infinite. */
static double ulp_error(double got)
{
    if (mpfr_nan_p(exact) || isnan(got)) return mpfr_nan_p(exact) && isnan(got) ? 0 : INFINITY;
    if (!signbit(got) != !mpfr_signbit(exact)) return INFINITY;
    if (mpfr_inf_p(exact)) return isinf(got) ? 0 : INFINITY;
    if (isinf(got)) {
        if (mpfr_get_exp(exact) > 1024) return 0;
        mpfr_set_si_2exp(difference, got < 0 ? -1 : 1, 1024, MPFR_RNDN); /* where the next double would be */
    } else {
        mpfr_set_d(difference, got, MPFR_RNDN);
    }
    mpfr_sub(difference, difference, exact, MPFR_RNDN);
    long e = mpfr_zero_p(exact) || mpfr_get_exp(exact) < -1021 ? -1074 : (long)mpfr_get_exp(exact) - 53;
    mpfr_mul_2si(difference, difference, -e, MPFR_RNDN);
    return fabs(mpfr_get_d(difference, MPFR_RNDN));
}

typedef struct worst {
    double error, x, y;
} worst;

static void take(worst *w, double error, double x, double y)
{
    if (error > w->error) *w = (worst){error, x, y};
}

static int report(const char *name, worst w, double bound)
{
    print_message("%-12s %.3f ULP at %a, %a\n", name, w.error, w.x, w.y);
    return w.error > bound;
}

static void try1(worst *w, const function1 *u, double x)
{
    mpfr_set_d(arg_x, x, MPFR_RNDN);
    u->exact(exact, arg_x, MPFR_RNDN);
    take(w, ulp_error(u->f(x)), x, 0);
}

static void try2(worst *w, const function2 *b, double x, double y)
{
    mpfr_set_d(arg_x, x, MPFR_RNDN);
    mpfr_set_d(arg_y, y, MPFR_RNDN);
    b->exact(exact, arg_x, arg_y, MPFR_RNDN);
    take(w, ulp_error(b->f(x, y)), x, y);
}

/* A number from the environment. */
static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);
    uint64_t value = s ? strtoull(s, NULL, 10) : otherwise;
    assert_true(value > 0);
    return value;
}

static void test_f64(void **unused)
{
    (void)unused;
    uint64_t points = setting("TAPER_VMATH_POINTS", POINTS);
    int bad = 0;
    for (const function1 *u = unary; u < unary + N_UNARY; u++) {
        worst w = {0};
        for (size_t i = 0; i < N_SPECIAL; i++) try1(&w, u, special[i]);
        for (uint64_t n = 0; n < points; n++) try1(&w, u, sample(u->lo, u->hi));
        bad += report(u->name, w, 2);
    }
    assert_int_equal(bad, 0);
}

/* Pairs of samples; a base near 1 with an exponent up to 2^40; a result of moderate size. */
static void test_f64_binary(void **unused)
{
    (void)unused;
    int bad = 0;
    for (const function2 *b = binary; b < binary + N_BINARY; b++) {
        worst w = {0};
        for (size_t i = 0; i < N_SPECIAL * N_SPECIAL; i++)
            try2(&w, b, special[i / N_SPECIAL], special[i % N_SPECIAL]);
        for (int n = 0; n < POINTS / 4; n++) {
            double x = sample(0, 4), y = sample(-40, 40), unit = next_unit();
            double base = 1 + ldexp(unit, -(int)(next() % 40));
            try2(&w, b, x, y);
            try2(&w, b, base, 700 * next_unit() / log(base));
            try2(&w, b, fabs(x), (1490 * next_unit() - 745) / log(fabs(x)));
            try2(&w, b, -x, floor(y));
        }
        bad += report(b->name, w, 2);
    }
    assert_int_equal(bad, 0);
}

/* One rounding of an f64 value to f32, so libm's f64 functions are oracle enough and fast. */
static double f32_error(float got, double want)
{
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (!signbit(got) != !signbit(want)) return INFINITY;
    if (fabs(want) >= 0x1.ffffffp127) return isinf(got) ? 0 : INFINITY;
    int e;
    frexp(want, &e);
    return ldexp(fabs((double)got - want), e < -125 || want == 0 ? 149 : 24 - e);
}

static float as_float(uint64_t u)
{
    uint32_t low = (uint32_t)u;
    float x;
    memcpy(&x, &low, sizeof x);
    return x;
}

static void test_f32(void **unused)
{
    (void)unused;
    uint64_t stride = setting("TAPER_VMATH_STRIDE", STRIDE);
    int bad = 0;
    for (const function1 *u = unary; u < unary + N_UNARY; u++) {
        worst w = {0};
        for (uint64_t n = 0; n <= UINT32_MAX; n += stride) {
            float x = as_float(n);
            take(&w, f32_error(u->f32(x), u->libm((double)x)), (double)x, 0);
        }
        bad += report(u->name, w, 1);
    }
    for (const function2 *b = binary; b < binary + N_BINARY; b++) {
        worst w = {0};
        for (uint64_t n = 0; n <= UINT32_MAX; n += stride) {
            float x = as_float(n), y = n & 1 ? as_float(next()) : (float)sample(-8, 8);
            take(&w, f32_error(b->f32(x, y), b->libm((double)x, (double)y)), (double)x, (double)y);
        }
        bad += report(b->name, w, 1);
    }
    assert_int_equal(bad, 0);
}

static uint64_t hash_in(uint64_t hash, double x)
{
    for (int i = 0; i < 64; i += 8) /* FNV-1a */
        hash = (hash ^ (isnan(x) ? 0 : vm_bits(x) >> i & 0xff)) * 0x100000001b3u;
    return hash;
}

/* The bits are the same in every build: compilers, optimization levels, instruction sets, sanitizers. */
static void test_bits(void **unused)
{
    (void)unused;
    uint64_t hash = 0xcbf29ce484222325u;
    random_state = 1;
    for (int n = 0; n < 20000; n++) {
        for (const function1 *u = unary; u < unary + N_UNARY; u++)
            hash = hash_in(hash, u->f(sample(u->lo, u->hi)));
        for (const function2 *b = binary; b < binary + N_BINARY; b++) {
            double x = sample(0, 8), y = sample(-40, 40);
            hash = hash_in(hash, b->f(x, y));
        }
    }
    assert_true(hash == 0x7d76a30c246ca1dbu);
    hash = 0xcbf29ce484222325u;
    for (int n = 0; n < 20000; n++)
        for (const function1 *u = unary; u < unary + N_UNARY; u++)
            hash = hash_in(hash, (double)u->f32((float)sample(u->lo, u->hi)));
    assert_true(hash == 0x17c58568f95932c9u);
}

/* m_* goes by the type of its argument, which is that of its result. */
static void test_generic(void **unused)
{
    (void)unused;
    float x = 0.7F;
    double y = 0.7;
    assert_true(sizeof m_exp(x) == sizeof x && sizeof m_exp(y) == sizeof y);
    assert_true(sizeof m_pow(x, x) == sizeof x && sizeof m_pow(x, y) == sizeof y);
    assert_true(m_tanh(x) == vm_tanhf(x) && m_tanh(y) == vm_tanh(y));
    assert_true(m_atan2(x, 2 * x) == vm_atan2f(x, 2 * x) && m_atan2(y, 2 * y) == vm_atan2(y, 2 * y));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_f64),  cmocka_unit_test(test_f64_binary), cmocka_unit_test(test_f32),
        cmocka_unit_test(test_bits), cmocka_unit_test(test_generic),
    };
    return cmocka_run_group_tests(tests, open_oracle, close_oracle);
}
