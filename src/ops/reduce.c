/* reduce.c - sums and means over any axes. */
#include "ops/reduce.h"

#include "op/signature.h"
#include "ops/elementwise.h"
#include "tensor/dtype.h"

#include <taper/ops.h>

/* --- what reductions share --- */

void tp_each_reduction(const tp_call *call, const tp_array *in, const tp_array *out,
                       const tp_reduction *kernel)
{
    tp_dtype work = tp_work_dtype(in[0].dtype);
    if (work == TP_U64 && !kernel->u64) work = TP_I64;
    tp_reduce_fn *run = work == TP_F32   ? kernel->f32
                        : work == TP_F64 ? kernel->f64
                        : work == TP_U64 ? kernel->u64
                                         : kernel->i64;
    tp_core core;
    tp_walk w;
    tp_core_open(&core, &in[0], call->loops, work);
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        union {
            double d;
            float f;
            int64_t i;
        } result;
        tp_core_start(&core, w.at[0]);
        run(call, &core, &result);
        tp_convert(w.at[1], 1, out[0].dtype, &result, 1, kernel->to_index ? TP_I64 : work, 1);
    } while (tp_walk_next(&w));
}

bool tp_some_elements(const tp_call *call, const tp_array *in)
{
    for (int i = call->loops; i < in->rank; i++) {
        if (in->size[i]) continue;
        char text[256];
        const tp_tensor *x = call->in[0];
        tp_call_fail(call, TP_ERR_SHAPE,
                     "no elements to choose from: an axis of %s to be reduced is of size 0",
                     tp_shape_text(x->size, x->rank, text, sizeof text));
        return false;
    }
    return true;
}

const tp_axes *tp_reduced_axes(const tp_call *call)
{
    return call->attr[tp_attr_of_type(call->op, TP_ATTR_AXES)].v;
}

int64_t tp_reduced_count(const tp_call *call)
{
    const tp_axes *axes = tp_reduced_axes(call);
    tp_shape in = tp_call_shape(call, 0);
    int64_t n = 1;
    for (int i = 0; i < axes->n; i++) n *= in.v[axes->v[i] + in.n];
    return n;
}

tp_tensor *tp_with_reduced_axes(const tp_call *call, tp_tensor *t)
{
    const tp_axes *axes = tp_reduced_axes(call);
    if (tp_keeps_dim(call) || axes->n == 0) return t;
    tp_shape in = tp_call_shape(call, 0), shape = {0};
    int lead = tp_rank(t) - (in.n - axes->n);
    bool gone[TP_INTERNAL_RANK] = {false};
    for (int i = 0; i < axes->n; i++) gone[axes->v[i] + in.n] = true;
    for (int i = 0; i < lead; i++) shape.v[shape.n++] = tp_size(t, i);
    for (int i = 0; i < in.n; i++) shape.v[shape.n++] = gone[i] ? 1 : in.v[i];
    return tp_reshape(t, shape);
}

tp_tensor *tp_share_ties(const tp_call *call, tp_tensor *ties)
{
    tp_tensor *count = tp_sum(ties, *tp_reduced_axes(call), true);
    return tp_div(tp_cast(ties, tp_call_dtype(call, 0)), count);
}

tp_tensor *tp_pull_weighted(const tp_call *call, tp_tensor *u, tp_tensor *weight)
{
    return tp_mul(tp_with_reduced_axes(call, u), weight);
}

tp_tensor *tp_push_weighted(const tp_call *call, tp_tensor *t, tp_tensor *weight)
{
    return tp_sum(tp_mul(t, weight), *tp_reduced_axes(call), tp_keeps_dim(call));
}

/* --- sum and mean --- */

#define SUM(T)                                                             \
    static void sum_##T(const tp_call *call, tp_core *core, void *result)  \
    {                                                                      \
        (void)call;                                                        \
        *(T *)result = tp_core_sum_##T(core);                              \
    }                                                                      \
    static void mean_##T(const tp_call *call, tp_core *core, void *result) \
    {                                                                      \
        (void)call;                                                        \
        *(T *)result = tp_core_sum_##T(core) / (T)core->numel;             \
    }

SUM(float)
SUM(double)

static void sum_i64(const tp_call *call, tp_core *core, void *result)
{
    (void)call;
    uint64_t buffer[TP_BLOCK], sum = 0; /* wraps */
    const uint64_t *x;
    for (int64_t n; x = tp_core_next(core, buffer, &n), n > 0;)
        for (int64_t k = 0; k < n; k++) sum += x[k];
    *(uint64_t *)result = sum;
}

static void sum_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    static const tp_reduction kernel = {.f32 = sum_float, .f64 = sum_double, .i64 = sum_i64};
    tp_each_reduction(call, in, out, &kernel);
}

static void mean_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    static const tp_reduction kernel = {.f32 = mean_float, .f64 = mean_double};
    tp_each_reduction(call, in, out, &kernel);
}

static tp_tensor *sum_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return tp_with_reduced_axes(call, u[0]);
}

static tp_tensor *mean_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return tp_div(tp_with_reduced_axes(call, u[0]), tp_like(u[0], (double)tp_reduced_count(call)));
}

const tp_rules tp_rules_sum = {.eval = sum_eval, .linear = TP_LINEAR, .pull = sum_pull};
const tp_rules tp_rules_mean = {.eval = mean_eval, .linear = TP_LINEAR, .pull = mean_pull};
