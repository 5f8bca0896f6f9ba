/* binary.c - elementwise ops of two inputs. */
#include "ops/elementwise.h"

#include <math.h>

/* Arithmetic also on integers, which wrap: unsigned, so that no overflow is undefined. */
#define ARITHMETIC(name, expression)                      \
    TP_LOOP2_(name##_f32, float, float, expression)       \
    TP_LOOP2_(name##_f64, double, double, expression)     \
    TP_LOOP2_(name##_i64, uint64_t, uint64_t, expression) \
    TP_EVAL_(name, .f32 = name##_f32, .f64 = name##_f64, .i64 = name##_i64)

ARITHMETIC(add, a + b)
ARITHMETIC(sub, a - b)
ARITHMETIC(mul, a *b)

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
