/* unary.c - elementwise ops of one input. */
#include "ops/elementwise.h"

#include <math.h>

TP_UNARY(exp, m_exp(x), y, .reads = TP_OUT(0))
TP_UNARY(relu,
         x > 0    ? x
         : x != x ? x
                  : 0,
         tp_gt(x, tp_like(x, 0)), .reads = TP_IN(0), .kink = {0}, .kinks = 1)

TP_LOOP1_(neg_f32, float, float, -x)
TP_LOOP1_(neg_f64, double, double, -x)
TP_LOOP1_(neg_i64, uint64_t, uint64_t, 0 - x)
TP_EVAL_(neg, .f32 = neg_f32, .f64 = neg_f64, .i64 = neg_i64)

static tp_tensor *neg_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)call, (void)i, tp_neg(u[0]);
}

const tp_rules tp_rules_neg = {.eval = neg_eval, .linear = TP_LINEAR, .pull = neg_pull, .text = "-x"};
