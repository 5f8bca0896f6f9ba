/* vmath against MPFR (f64), libm (f32) and the table of special values.
 * TAPER_VMATH_STRIDE=1 takes all 2^32 floats; the default takes every 8191st. */
#include "testing.h"

#include "base/vmath.h"

#include <math.h>
#include <mpfr.h>
#include <stdlib.h>
#include <string.h>

#define POINTS    200000
#define PRECISION 160

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
    if (mpfr_cmp_ui(x, 1000) > 0) return mpfr_set(r, x, rnd);
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

#define ROW(f, lo, hi)                             \
    {                                              \
#f, vm_##f, vm_##f##f, mpfr_##f, f, lo, hi \
    }
#define OWN_ROW(f, lo, hi)                                 \
    {                                                      \
#f, vm_##f, vm_##f##f, exact_##f, libm_##f, lo, hi \
    }
static const function1 unary[] = {
    ROW(exp, -750, 712),         ROW(expm1, -60, 712),
    ROW(sinh, -712, 712),        ROW(cosh, -712, 712),
    ROW(tanh, -25, 25),          ROW(log, 0, 4),
    ROW(log1p, -1, 4),           OWN_ROW(sigmoid, -750, 60),
    OWN_ROW(softplus, -750, 60), OWN_ROW(log_sigmoid, -60, 750),
};
#define N_UNARY (sizeof unary / sizeof *unary)

/* xorshift64* (Vigna): the tests' own source of numbers */
static uint64_t state = 0x9e3779b97f4a7c15u;
static uint64_t next(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1du;
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
    double x;
    switch (next() % 5) {
    case 0: return as_double(next());
    case 1: return lo + (hi - lo) * next_unit();
    case 2:
        x = points[next() % (sizeof points / sizeof *points)];
        return x + (next_unit() - 0.5) * ldexp(1, -(int)(next() % 60));
    case 3:
        x = floor(ldexp(next_unit(), (int)(next() % 40))) * 0x1.921fb54442d18p+0;
        return x + (next_unit() - 0.5) * ldexp(1, (int)(next() % 40) - 50);
    default: return (next_unit() - 0.5) * ldexp(1, (int)(next() % 40) - 20);
    }
}

/* |got - exact| in units of exact's last place; a wrong sign or NaN counts as infinite. */
static double ulp_error(double got, const mpfr_t exact)
{
    static mpfr_t d;
    static int ready;
    if (!ready++) mpfr_init2(d, PRECISION);
    if (mpfr_nan_p(exact) || isnan(got)) return mpfr_nan_p(exact) && isnan(got) ? 0 : INFINITY;
    if (!signbit(got) != !mpfr_signbit(exact)) return INFINITY;
    if (mpfr_inf_p(exact)) return isinf(got) ? 0 : INFINITY;
    if (isinf(got)) {
        if (mpfr_get_exp(exact) > 1024) return 0;
        mpfr_set_ui_2exp(d, 1, 1024, MPFR_RNDN); /* where the next double would be */
        if (got < 0) mpfr_neg(d, d, MPFR_RNDN);
    } else {
        mpfr_set_d(d, got, MPFR_RNDN);
    }
    mpfr_sub(d, d, exact, MPFR_RNDN);
    long e = mpfr_zero_p(exact) || mpfr_get_exp(exact) < -1021 ? -1074 : (long)mpfr_get_exp(exact) - 53;
    mpfr_mul_2si(d, d, -e, MPFR_RNDN);
    return fabs(mpfr_get_d(d, MPFR_RNDN));
}

static int report(const char *name, double worst, double x, double y, double bound)
{
    print_message("%-12s %.3f ULP at %a, %a\n", name, worst, x, y);
    return worst > bound;
}

static void test_f64(void **unused)
{
    (void)unused;
    int bad = 0;
    mpfr_t x, y, r;
    mpfr_inits2(PRECISION, x, y, r, (mpfr_ptr)NULL);
    for (size_t i = 0; i < N_UNARY; i++) {
        const function1 *u = &unary[i];
        double worst = 0, at = 0;
        for (int n = 0; n < POINTS; n++) {
            double v = sample(u->lo, u->hi);
            mpfr_set_d(x, v, MPFR_RNDN);
            u->exact(r, x, MPFR_RNDN);
            double e = ulp_error(u->f(v), r);
            if (e > worst) worst = e, at = v;
        }
        bad += report(u->name, worst, at, 0, 2);
    }
    mpfr_clears(x, y, r, (mpfr_ptr)NULL);
    assert_int_equal(bad, 0);
}

static float as_float(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* One rounding of an f64 value to f32, so libm's f64 functions are oracle enough and fast. */
static double f32_error(float got, double exact)
{
    if (isnan(exact) || isnan(got)) return isnan(exact) && isnan(got) ? 0 : INFINITY;
    if (!signbit(got) != !signbit(exact)) return INFINITY;
    if (fabs(exact) >= 0x1.ffffffp127) return isinf(got) ? 0 : INFINITY;
    double e = fabs(exact) < 0x1p-126 ? -149 : logb(exact) - 23;
    return fabs(got - exact) * exp2(-e);
}

static void test_f32(void **unused)
{
    (void)unused;
    const char *s = getenv("TAPER_VMATH_STRIDE");
    uint64_t stride = s ? strtoull(s, NULL, 10) : 8191;
    int bad = 0;
    for (size_t i = 0; i < N_UNARY; i++) {
        const function1 *u = &unary[i];
        double worst = 0;
        float at = 0;
        for (uint64_t n = 0; n <= UINT32_MAX; n += stride) {
            float v = as_float((uint32_t)n);
            double e = f32_error(u->f32(v), u->libm((double)v));
            if (e > worst) worst = e, at = v;
        }
        bad += report(u->name, worst, (double)at, 0, 1);
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f64), cmocka_unit_test(test_f32)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
