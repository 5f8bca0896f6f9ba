/* softmax.c - what is normalized over one axis. */
#include "base/vmath.h"
#include "ops/core.h"
#include "tensor/dtype.h"

#include <taper/ops.h>

#include <math.h>

/* One row: x - max - log(sum(e^(x - max))). A row of -inf gives NaN, as PyTorch's. */
#define LOG_SOFTMAX(T)                                                                                     \
    static void log_softmax_##T(const tp_array *a, const tp_array *y, char *from, char *to, tp_dtype work) \
    {                                                                                                      \
        T x[TP_BLOCK], max = (T)-INFINITY;                                                                 \
        tp_core core;                                                                                      \
        int64_t step = y->stride[y->rank - 1] * (int64_t)tp_dtype_size(y->dtype), n;                       \
        tp_sum_##T sum = {.blocks = 0};                                                                    \
        tp_core_start(&core, a, a->rank - 1, from, work);                                                  \
        while ((n = tp_core_block(&core, x)) > 0)                                                          \
            for (int64_t k = 0; k < n; k++) max = x[k] > max || x[k] != x[k] ? x[k] : max;                 \
        tp_core_start(&core, a, a->rank - 1, from, work);                                                  \
        while ((n = tp_core_block(&core, x)) > 0) {                                                        \
            for (int64_t k = 0; k < n; k++) x[k] = m_exp(x[k] - max);                                      \
            tp_sum_##T##_add(&sum, x, n);                                                                  \
        }                                                                                                  \
        T log_sum = m_log(tp_sum_##T##_end(&sum));                                                         \
        tp_core_start(&core, a, a->rank - 1, from, work);                                                  \
        while ((n = tp_core_block(&core, x)) > 0) {                                                        \
            for (int64_t k = 0; k < n; k++) x[k] = x[k] - max - log_sum;                                   \
            tp_convert(to, y->stride[y->rank - 1], y->dtype, x, 1, work, n);                               \
            to += n * step;                                                                                \
        }                                                                                                  \
    }

LOG_SOFTMAX(float)
LOG_SOFTMAX(double)

static void log_softmax_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_walk w;
    if (!tp_walk_call(&w, call, in, out)) return;
    bool f64 = in[0].dtype == TP_F64;
    do
        (f64 ? log_softmax_double : log_softmax_float)(&in[0], &out[0], w.at[0], w.at[1],
                                                       f64 ? TP_F64 : TP_F32);
    while (tp_walk_next(&w));
}

static tp_tensor *total(const tp_call *call, tp_tensor *x)
{
    return tp_sum(x, TP_AXES(call->attr[0].i), true);
}

static tp_tensor *log_softmax_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return tp_sub(u[0], tp_mul(tp_exp(call->out[0]), total(call, u[0])));
}

static tp_tensor *log_softmax_push(const tp_call *call, int o, tp_tensor *const *t)
{
    (void)o;
    return tp_sub(t[0], total(call, tp_mul(tp_exp(call->out[0]), t[0])));
}

const tp_rules tp_rules_log_softmax = {
    .eval = log_softmax_eval, .pull = log_softmax_pull, .push = log_softmax_push, .reads = TP_OUT(0)};
