/* elementwise.h - how an elementwise op is written: an expression, and its derivative in the framework's
 * own ops. TP_UNARY and TP_BINARY make kernel, slope and block from them. */
#ifndef OPS_ELEMENTWISE_H
#define OPS_ELEMENTWISE_H

#include "base/pool.h"
#include "base/simd.h"
#include "base/vmath.h"

#include <taper/ext.h>
#include <taper/ops.h>

/* Works on `n` elements: p[0], p[1].. are the inputs, then the outputs; s their steps in elements, all 1
 * where there is one input; attr the attributes of the call, up to TP_MAX_ATTR. */
typedef void tp_inner_fn(void *const *p, const int64_t *s, int64_t n, const tp_attr *attr);

/* A kernel by the dtype it computes in; NULL: not for that dtype. Half formats compute in f32, integers
 * and bool in i64 (u64 in `u64`, or in i64 where that is the same). */
typedef struct tp_inner {
    tp_inner_fn *f32, *f64, *i64, *u64;
    bool to_bool; /* the kernel writes bool (uint8_t), not the dtype it computes in */
    bool by_bool; /* its first input is bool (uint8_t) */
    tp_cost cost; /* 0: TP_COST_PASS */
} tp_inner;

/* Runs `inner` over all elements, converting chunks where the dtype is not the one it computes in. */
void tp_each_element(const tp_call *call, const tp_array *in, const tp_array *out, const tp_inner *inner);

/* No element that is written is read at another index, so gcc may take several at once without a look at
 * the addresses; clang does look. */
#if defined(__clang__)
#define TP_INDEPENDENT
#else
#define TP_INDEPENDENT _Pragma("GCC ivdep")
#endif

/* Steps of arrays whose elements lie one after another; and those where the last input is one element. Both
 * are read from their end. */
enum { TP_STEPS = 9 };
static const int64_t tp_unit_steps[TP_STEPS] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
static const int64_t tp_still_steps[TP_STEPS] = {1, 1, 1, 1, 1, 1, 1, 0, 1};

static inline bool tp_steps_are(const int64_t *s, const int64_t *steps, int n)
{
    for (int i = 0; i < n; i++)
        if (s[i] != steps[TP_STEPS - n + i]) return false;
    return true;
}

/* A kernel `name`, by DEFINE(name, target, ...) compiled for every set of instructions; the one for the set
 * in use runs. */
#if defined(__x86_64__)
#define TP_BY_LEVEL_(DEFINE, name, ...)                                                       \
    DEFINE(name##_baseline, , __VA_ARGS__)                                                    \
    DEFINE(name##_avx2, TP_AVX2, __VA_ARGS__)                                                 \
    DEFINE(name##_avx512, TP_AVX512, __VA_ARGS__)                                             \
    static void name(void *const *p, const int64_t *s, int64_t n, const tp_attr *attr)        \
    {                                                                                         \
        static tp_inner_fn *const by_level[] = {name##_baseline, name##_avx2, name##_avx512}; \
        by_level[tp_simd_in_use()](p, s, n, attr);                                            \
    }
#else
#define TP_BY_LEVEL_(DEFINE, name, ...) DEFINE(name, , __VA_ARGS__)
#endif

/* A kernel over so many arrays from LOOP(name, target, ...), compiled once more for elements that lie one
 * after another. */
#define TP_LEVELS_(LOOP, arrays, name, ...) TP_BY_LEVEL_(TP_STEPS_, name, LOOP, arrays, __VA_ARGS__)
#define TP_STEPS_(name, target, LOOP, arrays, ...)                                            \
    LOOP(name##_any, target, __VA_ARGS__)                                                     \
    target static void name(void *const *p, const int64_t *s, int64_t n, const tp_attr *attr) \
    {                                                                                         \
        if (tp_steps_are(s, tp_unit_steps, arrays))                                           \
            name##_any(p, tp_unit_steps, n, attr);                                            \
        else if (tp_steps_are(s, tp_still_steps, arrays))                                     \
            name##_any(p, tp_still_steps + TP_STEPS - (arrays), n, attr);                     \
        else                                                                                  \
            name##_any(p, s, n, attr);                                                        \
    }

/* The head of a LOOP. */
#define TP_LOOP_(name, target)                                                                      \
    static inline __attribute__((always_inline)) target void name(void *const *p, const int64_t *s, \
                                                                  int64_t n, const tp_attr *attr)

/* The attributes are copied, so that no write can change them. */
#define TP_LOOP1_AT_(name, target, T, R, expression)                                           \
    target static void name(void *const *p, const int64_t *s, int64_t n, const tp_attr *given) \
    {                                                                                          \
        typedef T real; /* for constants in the expression: (real)0.5, (real)attr[0].d */      \
        const tp_attr attr[2] = {given[0], given[1]};                                          \
        (void)s, (void)attr, (void)sizeof(real);                                               \
        const T *px = p[0];                                                                    \
        R *py = p[1];                                                                          \
        TP_INDEPENDENT for (int64_t k = 0; k < n; k++)                                         \
        {                                                                                      \
            T x = px[k];                                                                       \
            py[k] = (R)(expression);                                                           \
        }                                                                                      \
    }

#define TP_LOOP2_AT_(name, target, T, R, expression)                                      \
    TP_LOOP_(name, target)                                                                \
    {                                                                                     \
        typedef T real; /* for constants in the expression: (real)0.5, (real)attr[0].d */ \
        (void)attr, (void)sizeof(real);                                                   \
        const T *pa = p[0], *pb = p[1];                                                   \
        R *py = p[2];                                                                     \
        TP_INDEPENDENT for (int64_t k = 0; k < n; k++)                                    \
        {                                                                                 \
            T a = pa[k * s[0]], b = pb[k * s[1]];                                         \
            py[k * s[2]] = (R)(expression);                                               \
        }                                                                                 \
    }

#define TP_LOOP1_(name, T, R, expression) TP_BY_LEVEL_(TP_LOOP1_AT_, name, T, R, expression)
#define TP_LOOP2_(name, T, R, expression) TP_LEVELS_(TP_LOOP2_AT_, 3, name, T, R, expression)

/* A slope as a function of x, y (the tensors that `reads` names). */
#define TP_SLOPE1_(name, expression)                           \
    static tp_tensor *name##_slope(const tp_call *call, int i) \
    {                                                          \
        tp_tensor *x = call->in[0], *y = call->out[0];         \
        (void)x, (void)y, (void)i;                             \
        return expression;                                     \
    }

/* Slopes of two inputs, in terms of a, b, y. */
#define TP_SLOPE2_(name, slope_a, slope_b)                               \
    static tp_tensor *name##_slope(const tp_call *call, int i)           \
    {                                                                    \
        tp_tensor *a = call->in[0], *b = call->in[1], *y = call->out[0]; \
        (void)a, (void)b, (void)y;                                       \
        return i == 0 ? (slope_a) : (slope_b);                           \
    }

/* The eval function `name_eval` over kernels for f32 and f64 (and more in `...`). */
#define TP_EVAL_(name, ...)                                                               \
    static void name##_eval(const tp_call *call, const tp_array *in, const tp_array *out) \
    {                                                                                     \
        static const tp_inner inner = {__VA_ARGS__};                                      \
        tp_each_element(call, in, out, &inner);                                           \
    }

/* An elementwise op of one float: its value as a C expression in x (of type `real`: float, then double) and
 * attr, its slope as an expression in tensors x and y, then what goes into tp_rules (.reads = .., .lo = ..).
 */
#define TP_UNARY(name, expression, ...) TP_UNARY_(name, TP_COST_PASS, #expression, expression, __VA_ARGS__)
#define TP_FUNCTION(name, expression, ...) \
    TP_UNARY_(name, TP_COST_FUNCTION, #expression, expression, __VA_ARGS__)
#define TP_UNARY_(name, price, what, expression, slope_expression, ...) \
    TP_LOOP1_(name##_f32, float, float, expression)                     \
    TP_LOOP1_(name##_f64, double, double, expression)                   \
    TP_EVAL_(name, .f32 = name##_f32, .f64 = name##_f64, .cost = price) \
    TP_SLOPE1_(name, slope_expression)                                  \
    const tp_rules tp_rules_##name = {.eval = name##_eval, .slope = name##_slope, .text = what, __VA_ARGS__};

/* The same with the product of the slope and u, which one row makes in one pass, in the slope's place. */
#define TP_UNARY_PULLED(name, price, expression, product, ...)                             \
    TP_LOOP1_(name##_f32, float, float, expression)                                        \
    TP_LOOP1_(name##_f64, double, double, expression)                                      \
    TP_EVAL_(name, .f32 = name##_f32, .f64 = name##_f64, .cost = price)                    \
    static tp_tensor *name##_pull(const tp_call *call, int i, tp_tensor *const *cotangent) \
    {                                                                                      \
        tp_tensor *x = call->in[0], *y = call->out[0], *u = cotangent[0];                  \
        (void)x, (void)y, (void)i;                                                         \
        return product;                                                                    \
    }                                                                                      \
    const tp_rules tp_rules_##name = {                                                     \
        .eval = name##_eval, .push = name##_pull, .pull = name##_pull, .text = #expression, __VA_ARGS__};

/* The same for two floats, a and b, with a slope for each: of functions such as exp, all of them. */
#define TP_BINARY(name, expression, slope_a, slope_b, ...)                         \
    TP_LOOP2_(name##_f32, float, float, expression)                                \
    TP_LOOP2_(name##_f64, double, double, expression)                              \
    TP_EVAL_(name, .f32 = name##_f32, .f64 = name##_f64, .cost = TP_COST_FUNCTION) \
    TP_SLOPE2_(name, slope_a, slope_b)                                             \
    const tp_rules tp_rules_##name = {                                             \
        .eval = name##_eval, .slope = name##_slope, .text = #expression, __VA_ARGS__};

/* The larger and the smaller of two floats; NaN where either is. */
#define m_max(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))
#define m_min(a, b) ((a) < (b) || (a) != (a) ? (a) : (b))

/* A constant like a tensor, broadcast: 1 of the same dtype. */
tp_tensor *tp_like(tp_tensor *t, double value);

#endif
