/* unary.c - elementwise ops of one input. */
#include "ops/elementwise.h"
#include "tensor/dtype.h"

#include <math.h>

/* --- on integers too: those keep their dtype ------------------------------------------------------ */

#define KERNELS(name, on_real, on_i64, on_u64)        \
    TP_LOOP1_(name##_f32, float, float, on_real)      \
    TP_LOOP1_(name##_f64, double, double, on_real)    \
    TP_LOOP1_(name##_i64, int64_t, int64_t, on_i64)   \
    TP_LOOP1_(name##_u64, uint64_t, uint64_t, on_u64) \
    TP_EVAL_(name, .f32 = name##_f32, .f64 = name##_f64, .i64 = name##_i64, .u64 = name##_u64)

#define NUMERIC(name, on_real, on_i64, on_u64, slope_expression, ...) \
    KERNELS(name, on_real, on_i64, on_u64)                            \
    TP_SLOPE1_(name, slope_expression)                                \
    const tp_rules tp_rules_##name = {                                \
        .eval = name##_eval, .slope = name##_slope, .text = #on_real, __VA_ARGS__};

KERNELS(neg, -x, (int64_t)(0 - (uint64_t)x), 0 - x)

static tp_tensor *neg_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)call, (void)i, tp_neg(u[0]);
}

const tp_rules tp_rules_neg = {.eval = neg_eval, .linear = TP_LINEAR, .pull = neg_pull, .text = "-x"};

NUMERIC(abs, fabs(x), x < 0 ? (int64_t)(0 - (uint64_t)x) : x, x, tp_sign(x), .reads = TP_IN(0), .kinks = 1)
NUMERIC(square, x *x, (int64_t)((uint64_t)x *(uint64_t)x), x *x, tp_add(x, x), .reads = TP_IN(0))

/* Steps: their slope is zero, jumps included. */
NUMERIC(sign, (x > 0) - (x < 0), (x > 0) - (x < 0), x > 0, NULL, .kinks = 1)
NUMERIC(floor, floor(x), x, x, NULL, .kink = {-1, 0, 1}, .kinks = 3, .lo = {-1.9}, .hi = {1.9},
        .narrow = "a step looks like any other")
NUMERIC(ceil, ceil(x), x, x, NULL, .kink = {-1, 0, 1}, .kinks = 3, .lo = {-1.9}, .hi = {1.9},
        .narrow = "a step looks like any other")
NUMERIC(trunc, trunc(x), x, x, NULL, .kink = {-1, 1}, .kinks = 2, .lo = {-1.9}, .hi = {1.9},
        .narrow = "a step looks like any other")
NUMERIC(round, rint(x), x, x, NULL, .kink = {-1.5, -.5, .5, 1.5}, .kinks = 4,
        .narrow = "a step looks like any other")

static bool clamp_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in, (void)in, (void)room;
    attr[0].d = k == 0 ? -1 : -INFINITY;
    attr[1].d = k == 0 ? 1.5 : 0.5;
    return k < 2;
}

static int64_t limit_i64(int64_t x, int64_t low, int64_t high)
{
    int64_t raised = x > low ? x : low;
    return raised < high ? raised : high;
}

static uint64_t limit_u64(uint64_t x, uint64_t low, uint64_t high)
{
    uint64_t raised = x > low ? x : low;
    return raised < high ? raised : high;
}

KERNELS(within, m_min(m_max(x, (real)attr[0].d), (real)attr[1].d),
        limit_i64(x, tp_saturate_i64(attr[0].d), tp_saturate_i64(attr[1].d)),
        limit_u64(x, tp_saturate_u64(attr[0].d), tp_saturate_u64(attr[1].d)))

/* The nearest value of an integer dtype; bool is computed as u8. */
static double nearest(double bound, tp_dtype dtype)
{
    uint64_t held;
    if (dtype == TP_BOOL) dtype = TP_U8;
    tp_convert(&held, 1, dtype, &bound, 1, TP_F64, 1);
    tp_convert(&bound, 1, TP_F64, &held, 1, dtype, 1);
    return bound;
}

static void clamp_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_call bounded = *call;
    tp_attr bounds[2] = {call->attr[0], call->attr[1]};
    if (!tp_dtype_is_float(in->dtype)) {
        bounds[0].d = nearest(ceil(bounds[0].d), in->dtype);
        bounds[1].d = nearest(floor(bounds[1].d), in->dtype);
        bounded.attr = bounds;
    }
    within_eval(&bounded, in, out);
}

TP_SLOPE1_(clamp,
           tp_logical_and(tp_ge(x, tp_like(x, call->attr[0].d)), tp_le(x, tp_like(x, call->attr[1].d))))

const tp_rules tp_rules_clamp = {.eval = clamp_eval,
                                 .slope = clamp_slope,
                                 .reads = TP_IN(0),
                                 .text = "min(max(x, attr[0].d), attr[1].d)",
                                 .kink = {-1, 1.5, 0.5},
                                 .kinks = 3,
                                 .sample = clamp_sample};

/* --- powers and logarithms ------------------------------------------------------------------------ */

TP_FUNCTION(exp, m_exp(x), y, .reads = TP_OUT(0))
TP_FUNCTION(expm1, m_expm1(x), tp_exp(x), .reads = TP_IN(0))
TP_FUNCTION(log, m_log(x), tp_reciprocal(x), .reads = TP_IN(0), .lo = {1e-3}, .hi = {10},
            .narrow = "differences lose their accuracy near the pole at 0")
TP_FUNCTION(log1p, m_log1p(x), tp_reciprocal(tp_add_scalar(x, 1)), .reads = TP_IN(0), .lo = {-.999},
            .hi = {9}, .narrow = "differences lose their accuracy near the pole at -1")
TP_UNARY(sqrt, sqrt(x), tp_div(tp_like(y, .5), y), .reads = TP_OUT(0), .lo = {1e-3}, .hi = {10},
         .narrow = "differences lose their accuracy near the infinite slope at 0")
TP_UNARY(rsqrt, 1 / sqrt(x), tp_mul_scalar(tp_mul(tp_square(y), y), -.5), .reads = TP_OUT(0), .lo = {1e-2},
         .hi = {10}, .narrow = "differences lose their accuracy near the pole at 0")
TP_UNARY(reciprocal, 1 / x, tp_neg(tp_square(y)), .reads = TP_OUT(0), .lo = {-4}, .hi = {4}, .kinks = 1)

/* --- trigonometric and hyperbolic ----------------------------------------------------------------- */

/* 1 / sqrt(1 - x^2), accurate near 1 as well. */
static tp_tensor *asin_slope_of(tp_tensor *x)
{
    return tp_rsqrt(tp_mul(tp_rsub_scalar(x, 1), tp_add_scalar(x, 1)));
}

/* Blocks of small elements go without the branch for huge ones, which takes them one by one. */
#define TRIG_AT_(name, target, T, function, near)                                             \
    target static void name(void *const *p, const int64_t *s, int64_t n, const tp_attr *attr) \
    {                                                                                         \
        enum { BLOCK = 256 };                                                                 \
        (void)s, (void)attr;                                                                  \
        for (int64_t start = 0; start < n; start += BLOCK) {                                  \
            const T *x = (const T *)p[0] + start;                                             \
            T *y = (T *)p[1] + start;                                                         \
            int64_t m = n - start < BLOCK ? n - start : BLOCK;                                \
            int far = 0;                                                                      \
            for (int64_t k = 0; k < m; k++) far |= !(fabs(x[k]) < VM_NEAR);                   \
            if (far)                                                                          \
                for (int64_t k = 0; k < m; k++) y[k] = function(x[k]);                        \
            else                                                                              \
                TP_INDEPENDENT for (int64_t k = 0; k < m; k++) y[k] = near(x[k]);             \
        }                                                                                     \
    }
#define TRIG(name, slope_expression, ...)                                          \
    TP_BY_LEVEL_(TRIG_AT_, name##_f32, float, vm_##name##f, vm_##name##f_near)     \
    TP_BY_LEVEL_(TRIG_AT_, name##_f64, double, vm_##name, vm_##name##_near)        \
    TP_EVAL_(name, .f32 = name##_f32, .f64 = name##_f64, .cost = TP_COST_FUNCTION) \
    TP_SLOPE1_(name, slope_expression)                                             \
    const tp_rules tp_rules_##name = {                                             \
        .eval = name##_eval, .slope = name##_slope, .text = "m_" #name "(x)", __VA_ARGS__};

TRIG(sin, tp_cos(x), .reads = TP_IN(0), .lo = {-7}, .hi = {7})
TRIG(cos, tp_neg(tp_sin(x)), .reads = TP_IN(0), .lo = {-7}, .hi = {7})
TRIG(tan, tp_add_scalar(tp_square(y), 1), .reads = TP_OUT(0), .lo = {-4}, .hi = {4},
     .kink = {-1.5708, 1.5708}, .kinks = 2)
TP_FUNCTION(asin, m_asin(x), asin_slope_of(x), .reads = TP_IN(0), .lo = {-.995}, .hi = {.995},
            .narrow = "differences lose their accuracy near the infinite slope at +-1")
TP_FUNCTION(acos, m_acos(x), tp_neg(asin_slope_of(x)), .reads = TP_IN(0), .lo = {-.995}, .hi = {.995},
            .narrow = "differences lose their accuracy near the infinite slope at +-1")
TP_FUNCTION(atan, m_atan(x), tp_reciprocal(tp_add_scalar(tp_square(x), 1)), .reads = TP_IN(0), .lo = {-9},
            .hi = {9})
TP_FUNCTION(sinh, m_sinh(x), tp_cosh(x), .reads = TP_IN(0))
TP_FUNCTION(cosh, m_cosh(x), tp_sinh(x), .reads = TP_IN(0))
TP_FUNCTION(tanh, m_tanh(x), tp_rsub_scalar(tp_square(y), 1), .reads = TP_OUT(0), .lo = {-5}, .hi = {5})

/* --- error function: erf' = 2/sqrt(pi) e^(-x^2) --------------------------------------------------- */

static tp_tensor *bell(tp_tensor *x, double height)
{
    return tp_mul_scalar(tp_exp(tp_neg(tp_square(x))), height);
}

#define TWO_OVER_SQRT_PI 1.1283791670955125739

TP_FUNCTION(erf, m_erf(x), bell(x, TWO_OVER_SQRT_PI), .reads = TP_IN(0), .lo = {-4}, .hi = {4})
TP_FUNCTION(erfc, m_erfc(x), bell(x, -TWO_OVER_SQRT_PI), .reads = TP_IN(0), .lo = {-4}, .hi = {4})
