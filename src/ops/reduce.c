/* reduce.c - reductions over any axes. */
#include "ops/core.h"
#include "tensor/dtype.h"

#include <taper/ops.h>

/* --- sum --- */

static double sum_f64(tp_core *core)
{
    double x[TP_BLOCK];
    tp_sum_double sum = {.blocks = 0};
    for (int64_t n; (n = tp_core_block(core, x)) > 0;) tp_sum_double_add(&sum, x, n);
    return tp_sum_double_end(&sum);
}

static float sum_f32(tp_core *core)
{
    float x[TP_BLOCK];
    tp_sum_float sum = {.blocks = 0};
    for (int64_t n; (n = tp_core_block(core, x)) > 0;) tp_sum_float_add(&sum, x, n);
    return tp_sum_float_end(&sum);
}

static int64_t sum_i64(tp_core *core)
{
    int64_t x[TP_BLOCK];
    uint64_t sum = 0; /* wraps */
    for (int64_t n; (n = tp_core_block(core, x)) > 0;)
        for (int64_t k = 0; k < n; k++) sum += (uint64_t)x[k];
    return (int64_t)sum;
}

static void sum_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_walk w;
    tp_dtype work = tp_dtype_is_float(in[0].dtype) ? tp_work_dtype(in[0].dtype) : TP_I64;
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        tp_core core;
        tp_core_start(&core, &in[0], call->loops, w.at[0], work);
        union {
            double d;
            float f;
            int64_t i;
        } sum;
        if (work == TP_F64)
            sum.d = sum_f64(&core);
        else if (work == TP_F32)
            sum.f = sum_f32(&core);
        else
            sum.i = sum_i64(&core);
        tp_convert(w.at[1], 1, out[0].dtype, &sum, 1, work, 1);
    } while (tp_walk_next(&w));
}

/* The cotangent with the reduced axes back in place, of size 1: what broadcasts against the input. */
static tp_tensor *with_reduced_axes(const tp_call *call, tp_tensor *u)
{
    if (call->attr[1].b) return u;
    tp_shape in = tp_call_shape(call, 0), shape = {0};
    tp_shape out = tp_call_shape(call, call->n_in);
    int lead = tp_rank(u) - out.n;
    bool gone[TP_INTERNAL_RANK] = {false};
    for (int i = 0; i < call->attr[0].v->n; i++) gone[call->attr[0].v->v[i] + in.n] = true;
    for (int i = 0; i < lead; i++) shape.v[shape.n++] = tp_size(u, i);
    for (int i = 0; i < in.n; i++) shape.v[shape.n++] = gone[i] ? 1 : in.v[i];
    return tp_reshape(u, shape);
}

static tp_tensor *sum_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return with_reduced_axes(call, u[0]);
}

const tp_rules tp_rules_sum = {.eval = sum_eval, .linear = TP_LINEAR, .pull = sum_pull};
