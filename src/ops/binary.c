/* binary.c - elementwise ops of two inputs. */
#include "ops/elementwise.h"

#include <math.h>

/* Kernels also for integers, which wrap (unsigned, so that no overflow is undefined) and never trap. */
#define KERNELS(name, ...) KERNELS_AT(name, TP_COST_PASS, __VA_ARGS__)
#define KERNELS_AT(name, price, on_real, on_i64, on_u64) \
    TP_LOOP2_(name##_f32, float, float, on_real)         \
    TP_LOOP2_(name##_f64, double, double, on_real)       \
    TP_LOOP2_(name##_i64, int64_t, int64_t, on_i64)      \
    TP_LOOP2_(name##_u64, uint64_t, uint64_t, on_u64)    \
    TP_EVAL_(name, .f32 = name##_f32, .f64 = name##_f64, .i64 = name##_i64, .u64 = name##_u64, .cost = price)

#define WRAP(operator) (int64_t)((uint64_t)a operator(uint64_t) b)

/* --- sums, products, quotients -------------------------------------------------------------------- */

KERNELS(add, a + b, WRAP(+), a + b)
KERNELS(sub, a - b, WRAP(-), a - b)
KERNELS(mul, a *b, WRAP(*), a *b)

static tp_tensor *add_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)call, (void)i, u[0];
}

static tp_tensor *add_push(const tp_call *call, int o, tp_tensor *const *t)
{
    (void)call, (void)o;
    return t[0] && t[1] ? tp_add(t[0], t[1]) : t[0] ? t[0] : t[1];
}

static tp_tensor *sub_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)call;
    return i == 0 ? u[0] : tp_neg(u[0]);
}

static tp_tensor *sub_push(const tp_call *call, int o, tp_tensor *const *t)
{
    (void)call, (void)o;
    return t[0] && t[1] ? tp_sub(t[0], t[1]) : t[0] ? t[0] : tp_neg(t[1]);
}

TP_SLOPE2_(mul, b, a)

const tp_rules tp_rules_add = {.eval = add_eval, .push = add_push, .pull = add_pull, .text = "a + b"};
const tp_rules tp_rules_sub = {.eval = sub_eval, .push = sub_push, .pull = sub_pull, .text = "a - b"};
const tp_rules tp_rules_mul = {
    .eval = mul_eval, .slope = mul_slope, .reads = TP_IN(0) | TP_IN(1), .text = "a * b"};

TP_LOOP2_(div_f32, float, float, a / b)
TP_LOOP2_(div_f64, double, double, a / b)
TP_EVAL_(div, .f32 = div_f32, .f64 = div_f64)

/* y = a / b: dy = (da - y db) / b */
static tp_tensor *div_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    tp_tensor *share = tp_div(u[0], call->in[1]);
    return i == 0 ? share : tp_neg(tp_mul(share, call->out[0]));
}

static tp_tensor *div_push(const tp_call *call, int o, tp_tensor *const *t)
{
    (void)o;
    tp_tensor *change = t[1] ? tp_mul(call->out[0], t[1]) : NULL;
    change = t[0] && change ? tp_sub(t[0], change) : t[0] ? t[0] : tp_neg(change);
    return tp_div(change, call->in[1]);
}

const tp_rules tp_rules_div = {.eval = div_eval,
                               .push = div_push,
                               .pull = div_pull,
                               .reads = TP_IN(1) | TP_OUT(0),
                               .text = "a / b",
                               .lo = {-3, -3},
                               .hi = {3, 3},
                               .kinks = 1};

/* --- quotients rounded to integers, and what they leave ------------------------------------------- */

/* A zero divisor of integers gives 0; -1 is taken apart because INT64_MIN / -1 traps. */
static int64_t int_fmod(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }

static int64_t int_remainder(int64_t a, int64_t b)
{
    int64_t r = int_fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static int64_t int_floor_divide(int64_t a, int64_t b)
{
    if (b == 0) return 0;
    if (b == -1) return (int64_t)(0 - (uint64_t)a);
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static double real_remainder(double a, double b)
{
    double r = fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/* From the exact remainder: a / b may round up to an integer that it does not reach. */
static double real_floor_divide(double a, double b)
{
    if (b == 0) return a / b;
    double r = fmod(a, b), quotient = rint((a - r) / b);
    return r != 0 && (r < 0) != (b < 0) ? quotient - 1 : quotient;
}

KERNELS(fmod, fmod(a, b), int_fmod(a, b), b == 0 ? 0 : a % b)
KERNELS(remainder, real_remainder(a, b), int_remainder(a, b), b == 0 ? 0 : a % b)
KERNELS(floor_divide, real_floor_divide(a, b), int_floor_divide(a, b), b == 0 ? 0 : a / b)

/* y = a - q b with an integer q that does not change */
#define DIVISION(name, lowest, highest)                                         \
    TP_SLOPE2_(name, tp_like(y, 1), tp_neg(tp_round(tp_div(tp_sub(a, y), b))))  \
    const tp_rules tp_rules_##name = {.eval = name##_eval,                      \
                                      .slope = name##_slope,                    \
                                      .reads = TP_IN(0) | TP_IN(1) | TP_OUT(0), \
                                      .text = #name "(a, b)",                   \
                                      .lo = {lowest, 1},                        \
                                      .hi = {highest, 1.2},                     \
                                      .narrow =                                 \
                                          "a range where a / b crosses no integer, as it jumps there"};

DIVISION(fmod, 2.5, 2.9)
DIVISION(remainder, -2.9, -2.5)

TP_SLOPE2_(floor_divide, NULL, NULL)

const tp_rules tp_rules_floor_divide = {.eval = floor_divide_eval,
                                        .slope = floor_divide_slope,
                                        .text = "floor(a / b)",
                                        .lo = {2.5, 1},
                                        .hi = {2.9, 1.2},
                                        .narrow =
                                            "a range where a / b crosses no integer, as it jumps there"};

/* --- the larger, the smaller ---------------------------------------------------------------------- */

KERNELS(maximum, m_max(a, b), a > b ? a : b, a > b ? a : b)
KERNELS(minimum, m_min(a, b), a < b ? a : b, a < b ? a : b)

/* The share of `u` that input i has: all where it is the result, half where both are, all at NaN. */
static tp_tensor *share(const tp_call *call, int i, tp_tensor *u)
{
    tp_tensor *own = call->in[i], *other = call->in[1 - i], *y = call->out[0];
    tp_tensor *half = tp_where(tp_eq(own, other), tp_mul_scalar(u, .5), u);
    return tp_where(tp_logical_and(tp_ne(own, y), tp_eq(other, y)), tp_like(u, 0), half);
}

static tp_tensor *extremum_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return share(call, i, u[0]);
}

static tp_tensor *extremum_push(const tp_call *call, int o, tp_tensor *const *t)
{
    (void)o;
    tp_tensor *a = t[0] ? share(call, 0, t[0]) : NULL, *b = t[1] ? share(call, 1, t[1]) : NULL;
    return a && b ? tp_add(a, b) : a ? a : b;
}

#define EXTREMUM(name)                                                          \
    const tp_rules tp_rules_##name = {.eval = name##_eval,                      \
                                      .push = extremum_push,                    \
                                      .pull = extremum_pull,                    \
                                      .reads = TP_IN(0) | TP_IN(1) | TP_OUT(0), \
                                      .text = #name "(a, b)"};

EXTREMUM(maximum)
EXTREMUM(minimum)

/* --- powers --------------------------------------------------------------------------------------- */

static uint64_t uint_pow(uint64_t a, uint64_t b)
{
    uint64_t y = 1;
    for (; b; b >>= 1, a *= a)
        if (b & 1) y *= a;
    return y;
}

/* A negative power of an integer is rounded towards zero; of 0 it is 0. */
static int64_t int_pow(int64_t a, int64_t b)
{
    if (b >= 0) return (int64_t)uint_pow((uint64_t)a, (uint64_t)b);
    return a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0;
}

KERNELS_AT(pow, TP_COST_FUNCTION, m_pow(a, b), int_pow(a, b), uint_pow(a, b))

/* b a^(b-1), which is 0 where b = 0: there a^-1 of 0 and NaN is kept out. */
static tp_tensor *pow_slope_base(tp_tensor *a, tp_tensor *b)
{
    tp_tensor *zero = tp_like(b, 0);
    tp_tensor *regular = tp_logical_or(tp_gt(tp_abs(a), zero), tp_ne(b, zero));
    return tp_mul(b, tp_pow(a, tp_where(regular, tp_add_scalar(b, -1), zero)));
}

/* y log a, which is 0 at a = 0 unless b < 0. */
static tp_tensor *pow_slope_exponent(tp_tensor *a, tp_tensor *b, tp_tensor *y)
{
    tp_tensor *zero = tp_like(a, 0);
    tp_tensor *vanishing = tp_logical_and(tp_eq(a, zero), tp_ge(b, zero));
    return tp_mul(y, tp_log(tp_where(vanishing, tp_like(a, 1), a)));
}

TP_SLOPE2_(pow, pow_slope_base(a, b), pow_slope_exponent(a, b, y))

const tp_rules tp_rules_pow = {.eval = pow_eval,
                               .slope = pow_slope,
                               .reads = TP_IN(0) | TP_IN(1) | TP_OUT(0),
                               .text = "pow(a, b)",
                               .lo = {.05, -3},
                               .hi = {3, 4},
                               .narrow = "a negative base has no real powers but the integer ones"};

/* --- angles --------------------------------------------------------------------------------------- */

static tp_tensor *over_square_radius(tp_tensor *t, tp_tensor *a, tp_tensor *b)
{
    return tp_div(t, tp_add(tp_square(a), tp_square(b)));
}

TP_BINARY(atan2, m_atan2(a, b), over_square_radius(b, a, b), tp_neg(over_square_radius(a, a, b)),
          .reads = TP_IN(0) | TP_IN(1), .kinks = 1) /* at a = 0 it jumps where b < 0 */
