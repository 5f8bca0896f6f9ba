/* compare.c - comparisons, logic, kinds of numbers, and choice by condition. */
#include "ops/elementwise.h"

#include <math.h>

#define COMPARE(name, expression)                                                              \
    TP_LOOP2_(name##_f32, float, uint8_t, expression)                                          \
    TP_LOOP2_(name##_f64, double, uint8_t, expression)                                         \
    TP_LOOP2_(name##_i64, int64_t, uint8_t, expression)                                        \
    TP_LOOP2_(name##_u64, uint64_t, uint8_t, expression)                                       \
    TP_EVAL_(name, .f32 = name##_f32, .f64 = name##_f64, .i64 = name##_i64, .u64 = name##_u64, \
             .to_bool = true)                                                                  \
    const tp_rules tp_rules_##name = {                                                         \
        .eval = name##_eval, .nodiff = "a comparison is constant almost everywhere", .text = #expression};

COMPARE(gt, a > b)
COMPARE(ge, a >= b)
COMPARE(lt, a < b)
COMPARE(le, a <= b)
COMPARE(eq, a == b)
COMPARE(ne, a != b)

/* Logic has bool inputs by its row, and bool is computed in i64. */
#define LOGICAL(name, loop, expression)                                                               \
    loop(name##_i64, int64_t, uint8_t, expression) TP_EVAL_(name, .i64 = name##_i64, .to_bool = true) \
        const tp_rules tp_rules_##name = {                                                            \
            .eval = name##_eval, .nodiff = "a truth value has no derivative", .text = #expression};

LOGICAL(logical_and, TP_LOOP2_, a &&b)
LOGICAL(logical_or, TP_LOOP2_, a || b)
LOGICAL(logical_xor, TP_LOOP2_, a != b)
LOGICAL(logical_not, TP_LOOP1_, !x)

/* All integers are finite. */
#define CLASSIFY(name, expression, on_integers)                                              \
    TP_LOOP1_(name##_f32, float, uint8_t, expression)                                        \
    TP_LOOP1_(name##_f64, double, uint8_t, expression)                                       \
    TP_LOOP1_(name##_i64, int64_t, uint8_t, on_integers)                                     \
    TP_EVAL_(name, .f32 = name##_f32, .f64 = name##_f64, .i64 = name##_i64, .to_bool = true) \
    const tp_rules tp_rules_##name = {                                                       \
        .eval = name##_eval, .nodiff = "a kind of number has no derivative", .text = #expression};

CLASSIFY(isnan, isnan(x) != 0, ((void)x, 0))
CLASSIFY(isinf, isinf(x) != 0, ((void)x, 0))
CLASSIFY(isfinite, isfinite(x) != 0, ((void)x, 1))

#define WHERE(name, target, T)                            \
    TP_LOOP_(name, target)                                \
    {                                                     \
        (void)attr;                                       \
        const uint8_t *condition = p[0];                  \
        const T *a = p[1], *b = p[2];                     \
        T *y = p[3];                                      \
        TP_INDEPENDENT for (int64_t k = 0; k < n; k++)    \
        {                                                 \
            T yes = a[k * s[1]], no = b[k * s[2]];        \
            y[k * s[3]] = condition[k * s[0]] ? yes : no; \
        }                                                 \
    }

TP_LEVELS_(WHERE, 4, where_f32, float)
TP_LEVELS_(WHERE, 4, where_f64, double)
TP_LEVELS_(WHERE, 4, where_i64, int64_t)
TP_EVAL_(where, .f32 = where_f32, .f64 = where_f64, .i64 = where_i64, .by_bool = true)

static tp_tensor *where_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    tp_tensor *zero = tp_like(u[0], 0);
    return i == 1 ? tp_where(call->in[0], u[0], zero) : tp_where(call->in[0], zero, u[0]);
}

const tp_rules tp_rules_where = {.eval = where_eval,
                                 .linear = TP_LINEAR,
                                 .pull = where_pull,
                                 .reads = TP_IN(0),
                                 .text = "condition ? a : b"};
