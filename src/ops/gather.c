/* gather.c - elements by index, and their way back. */
#include "ops/loops.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

/* The place of index `at[k]` in an axis of n, negative ones from the end; -1 after recording that it is
 * outside. */
static int64_t place(const tp_call *call, const int64_t *index, int64_t n)
{
    int64_t k = *index < 0 ? *index + n : *index;
    if (k >= 0 && k < n) return k;
    tp_call_fail(call, TP_ERR_ARGUMENT, "index %lld is outside an axis of %lld", (long long)*index,
                 (long long)n);
    return -1;
}

static void gather_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int core = call->loops;
    int64_t n = in[0].size[core], m = out[0].size[core], size = (int64_t)tp_dtype_size(in[0].dtype);
    tp_walk w;
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        for (int64_t k = 0; k < m; k++) {
            int64_t at = place(call, &TP_AT(int64_t, w, 1)[k * in[1].stride[core]], n);
            if (at < 0) return;
            tp_convert(w.at[2] + k * out[0].stride[core] * size, 1, out[0].dtype,
                       w.at[0] + at * in[0].stride[core] * size, 1, in[0].dtype, 1);
        }
    } while (tp_walk_next(&w));
}

static tp_tensor *gather_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    tp_tensor *index = call->in[1];
    int axis = (int)call->attr[0].i, rank = tp_rank(u[0]);
    tp_shape shape = tp_shape_of(u[0]), in = tp_call_shape(call, 0);
    if (rank) shape.v[axis + rank] = in.v[axis + in.n];
    return tp_scatter_add(tp_expand(tp_scalar(tp_context_of(u[0]), 0, tp_dtype_of(u[0])), shape), index, u[0],
                          axis);
}

static tp_tensor *gather_push(const tp_call *call, int o, tp_tensor *const *t)
{
    (void)o;
    return tp_gather(t[0], call->in[1], (int)call->attr[0].i);
}

const tp_rules tp_rules_gather = {
    .eval = gather_eval, .pull = gather_pull, .push = gather_push, .reads = TP_IN(1)};

/* to + add, in the dtype a kernel computes in. */
static void add_element(void *to, const void *add, tp_dtype dtype)
{
    union {
        double d;
        float f;
        uint64_t u;
    } x, y;
    tp_dtype work = tp_dtype_is_float(dtype) ? tp_work_dtype(dtype) : TP_I64;
    tp_convert(&x, 1, work, to, 1, dtype, 1);
    tp_convert(&y, 1, work, add, 1, dtype, 1);
    if (work == TP_F64)
        x.d += y.d;
    else if (work == TP_F32)
        x.f += y.f;
    else
        x.u += y.u;
    tp_convert(to, 1, dtype, &x, 1, work, 1);
}

static void scatter_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int core = call->loops;
    int64_t n = out[0].size[core], m = in[1].size[core], size = (int64_t)tp_dtype_size(out[0].dtype);
    tp_walk w;
    tp_array_copy(&out[0], &in[0]);
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        for (int64_t k = 0; k < m; k++) {
            int64_t at = place(call, &TP_AT(int64_t, w, 1)[k * in[1].stride[core]], n);
            if (at < 0) return;
            add_element(w.at[3] + at * out[0].stride[core] * size, w.at[2] + k * in[2].stride[core] * size,
                        out[0].dtype);
        }
    } while (tp_walk_next(&w));
}

static tp_tensor *scatter_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return i == 0 ? u[0] : tp_gather(u[0], call->in[1], (int)call->attr[0].i);
}

const tp_rules tp_rules_scatter_add = {
    .eval = scatter_eval, .linear = TP_LINEAR, .pull = scatter_pull, .reads = TP_IN(1)};
