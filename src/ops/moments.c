/* moments.c - variance, standard deviation and norms over any axes. */
#include "base/vmath.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"

#include <taper/ops.h>

#include <math.h>

/* --- variance and std --- */

/* Two passes: the mean, then the squares of what is left. The first element is taken out of the mean, so that
 * equal elements leave exactly 0. */
#define VARIANCE(name, target, T, ending)                                                    \
    /* Sums x - shift, or its square. */                                                     \
    target static T name##_deviations(tp_core *core, T shift, bool squared)                  \
    {                                                                                        \
        T buffer[TP_BLOCK], d[TP_BLOCK];                                                     \
        const T *x;                                                                          \
        tp_sum_##T sum = {.blocks = 0};                                                      \
        tp_core_again(core);                                                                 \
        for (int64_t n; x = tp_core_next(core, buffer, &n), n > 0;) {                        \
            for (int64_t k = 0; k < n; k++) d[k] = x[k] - shift;                             \
            for (int64_t k = 0; k < n && squared; k++) d[k] *= d[k];                         \
            tp_sum_##T##_add(&sum, d, n);                                                    \
        }                                                                                    \
        return tp_sum_##T##_end(&sum);                                                       \
    }                                                                                        \
    TP_REDUCE_(name, target)                                                                 \
    {                                                                                        \
        T buffer[TP_BLOCK];                                                                  \
        int64_t n = core->numel, correction = call->attr[1].i, m;                            \
        const T *x = tp_core_next(core, buffer, &m);                                         \
        T first = n ? x[0] : 0, mean = first + name##_deviations(core, first, false) / (T)n; \
        T freedom = (T)(n > correction ? n - correction : 0);                                \
        T variance = name##_deviations(core, mean, true) / freedom;                          \
        *(T *)result = (T)ending((double)variance);                                          \
    }

TP_REDUCE(VARIANCE, variance_float, float, )
TP_REDUCE(VARIANCE, variance_double, double, )
TP_REDUCE(VARIANCE, std_float, float, sqrt)
TP_REDUCE(VARIANCE, std_double, double, sqrt)

static void variance_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    static const tp_reduction kernel = {
        .f32 = variance_float, .f64 = variance_double, .cost = TP_COST_CONVERT};
    tp_each_reduction(call, in, out, &kernel);
}

static void std_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    static const tp_reduction kernel = {.f32 = std_float, .f64 = std_double, .cost = TP_COST_CONVERT};
    tp_each_reduction(call, in, out, &kernel);
}

/* x - mean, and what it is divided by. */
static tp_tensor *centred(const tp_call *call)
{
    return tp_sub(call->in[0], tp_mean(call->in[0], *tp_reduced_axes(call), true));
}

static double freedom(const tp_call *call) { return (double)(tp_reduced_count(call) - call->attr[1].i); }

static tp_tensor *variance_weight(const tp_call *call)
{
    return tp_mul_scalar(centred(call), 2 / freedom(call));
}

/* (x - mean) / (y (n - correction)), 0 where y is 0. */
static tp_tensor *std_weight(const tp_call *call)
{
    tp_tensor *y = tp_with_reduced_axes(call, call->out[0]), *flat = tp_eq(y, tp_like(y, 0));
    tp_tensor *scale = tp_mul_scalar(tp_where(flat, tp_like(y, 1), y), freedom(call));
    return tp_where(flat, tp_like(y, 0), tp_div(centred(call), scale));
}

TP_WEIGHTED(variance)
TP_WEIGHTED(std)

const tp_rules tp_rules_variance = {
    .eval = variance_eval, .pull = variance_pull, .push = variance_push, .reads = TP_IN(0)};
const tp_rules tp_rules_std = {
    .eval = std_eval, .pull = std_pull, .push = std_push, .reads = TP_IN(0) | TP_OUT(0)};

/* --- norm --- */

#define LARGEST(T)                                                                             \
    static T largest_##T(tp_core *core)                                                        \
    {                                                                                          \
        T buffer[TP_BLOCK], y = 0;                                                             \
        const T *x;                                                                            \
        for (int64_t n; x = tp_core_next(core, buffer, &n), n > 0;)                            \
            for (int64_t k = 0; k < n; k++) y = ABS(x[k]) > y || x[k] != x[k] ? ABS(x[k]) : y; \
        return y;                                                                              \
    }
#define ABS(x) ((x) < 0 ? -(x) : (x))

LARGEST(float)
LARGEST(double)

#define NORM(name, target, T)                                                               \
    TP_REDUCE_(name, target)                                                                \
    {                                                                                       \
        T buffer[TP_BLOCK], power[TP_BLOCK], p = (T)call->attr[0].d, *y = result;           \
        const T *x;                                                                         \
        tp_sum_##T sum = {.blocks = 0};                                                     \
        if (isinf(call->attr[0].d)) {                                                       \
            *y = largest_##T(core);                                                         \
            return;                                                                         \
        }                                                                                   \
        for (int64_t n; x = tp_core_next(core, buffer, &n), n > 0;) {                       \
            for (int64_t k = 0; k < n; k++)                                                 \
                power[k] = p == 1 ? ABS(x[k]) : p == 2 ? x[k] * x[k] : m_pow(ABS(x[k]), p); \
            tp_sum_##T##_add(&sum, power, n);                                               \
        }                                                                                   \
        *y = tp_sum_##T##_end(&sum);                                                        \
        if (p == 2)                                                                         \
            *y = (T)sqrt((double)*y);                                                       \
        else if (p != 1)                                                                    \
            *y = m_pow(*y, 1 / p);                                                          \
    }

TP_REDUCE(NORM, norm_float, float)
TP_REDUCE(NORM, norm_double, double)

static void norm_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    static const tp_reduction kernel = {.f32 = norm_float, .f64 = norm_double};
    double p = call->attr[0].d;
    if (!(p > 0))
        tp_call_fail(call, TP_ERR_ARGUMENT, "p is %g, must be above 0", p);
    else if (!isinf(p) || tp_some_elements(call, &in[0]))
        tp_each_reduction(call, in, out, &kernel);
}

/* sign(x) (|x| / y)^(p-1), at x = 0 and at y = 0 as PyTorch has it: 0. */
static tp_tensor *norm_weight(const tp_call *call)
{
    double p = call->attr[0].d;
    tp_tensor *x = call->in[0], *zero = tp_like(x, 0), *one = tp_like(x, 1);
    if (p == 1) return tp_sign(x);
    tp_tensor *y = tp_with_reduced_axes(call, call->out[0]);
    if (isinf(p)) {
        tp_tensor *ties = tp_eq(tp_abs(x), y);
        return tp_mul(tp_sign(x), tp_where(ties, tp_share_ties(call, ties), zero));
    }
    tp_tensor *divisor = tp_where(tp_eq(y, zero), one, y);
    if (p == 2) return tp_div(x, divisor);
    tp_tensor *flat = tp_eq(x, zero), *magnitude = tp_where(flat, one, tp_abs(x));
    tp_tensor *power = tp_pow(tp_div(magnitude, divisor), tp_like(x, p - 1));
    return tp_where(flat, zero, tp_mul(tp_sign(x), power));
}

TP_WEIGHTED(norm)

/* Sample k: p = 2, 1, inf, 3 and 1.5, over the first axis and over all. */
static bool norm_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    static const double p[] = {2, 1, INFINITY, 3, 1.5};
    (void)n_in;
    *room = k % 2 && in->n ? TP_AXES(0) : TP_ALL;
    attr[0].d = p[k / 2 % 5];
    attr[1].v = room;
    attr[2].b = k % 3 == 0;
    return k < 10;
}

const tp_rules tp_rules_norm = {.eval = norm_eval,
                                .pull = norm_pull,
                                .push = norm_push,
                                .reads = TP_IN(0) | TP_OUT(0),
                                .kink = {0},
                                .kinks = 1,
                                .sample = norm_sample};
