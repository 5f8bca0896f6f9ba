/* loss.c - terms of losses, elementwise. */
#include "ops/elementwise.h"

/* With a = x, b = target: max(a, 0) - a b + log(1 + e^-|a|) loses nothing at either end. */
TP_BINARY(logistic_loss, m_max(a, 0) - a * b + m_log1p(m_exp(-(real)fabs(a))), tp_sub(tp_sigmoid(a), b),
          tp_neg(a), .reads = TP_IN(0) | TP_IN(1))

/* PyTorch's bounds: logs are at least -100, and p (1 - p) in the slope is at least 1e-12, in f32 there.
 * Statements, since the order of calls is that in which second derivatives are added up. */
static tp_tensor *slope_of_p(tp_tensor *p, tp_tensor *target)
{
    tp_tensor *error = tp_sub(p, target);
    tp_tensor *rest = tp_rsub_scalar(p, 1);
    tp_tensor *spread = tp_clamp(tp_mul(p, rest), (double)1e-12f, INFINITY);
    return tp_div(error, spread);
}

static tp_tensor *slope_of_target(tp_tensor *p)
{
    tp_tensor *log_p = tp_clamp(tp_log(p), -100, INFINITY);
    tp_tensor *log_rest = tp_clamp(tp_log1p(tp_neg(p)), -100, INFINITY);
    return tp_sub(log_rest, log_p);
}

TP_BINARY(log_loss, -(b *m_max(m_log(a), -100) + (1 - b) * m_max(m_log1p(-a), -100)), slope_of_p(a, b),
          slope_of_target(a), .reads = TP_IN(0) | TP_IN(1), .lo = {0.05, 0.05}, .hi = {0.95, 0.95},
          .narrow = "a probability, away from the bounds of the logs")

static bool huber_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in, (void)in, (void)room;
    attr[0].d = k == 0 ? 1 : 0.5;
    return k < 2;
}

TP_UNARY(huber,
         fabs(x) <= (real)attr[0].d ? (real)0.5 * x * x
                                    : (real)attr[0].d * ((real)fabs(x) - (real)0.5 * (real)attr[0].d),
         tp_clamp(x, -call->attr[0].d, call->attr[0].d), .reads = TP_IN(0), .kink = {-1, 1, 0.5, -0.5},
         .kinks = 4, .sample = huber_sample)
