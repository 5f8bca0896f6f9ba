/* concat.c - tensors joined along an axis. */
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <string.h>

static bool concat_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    int axis = (int)call->attr[0].i + in[0].n;
    *out = in[0];
    for (int i = 1; i < call->n_in; i++) {
        bool fits = in[i].n == out->n;
        for (int k = 0; fits && k < out->n; k++) fits = k == axis || in[i].v[k] == out->v[k];
        if (!fits) {
            char a[256], b[256];
            tp_call_fail(call, TP_ERR_SHAPE, "xs[%d] of %s does not fit xs[0] of %s along axis %lld", i,
                         tp_shape_text(in[i].v, in[i].n, a, sizeof a),
                         tp_shape_text(in[0].v, in[0].n, b, sizeof b), (long long)call->attr[0].i);
            return false;
        }
        if (__builtin_add_overflow(out->v[axis], in[i].v[axis], &out->v[axis])) {
            tp_call_fail(call, TP_ERR_SHAPE, "the sizes along axis %lld are too large",
                         (long long)call->attr[0].i);
            return false;
        }
    }
    return true;
}

static void concat_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int axis = (int)call->attr[0].i + out->rank;
    tp_array to = out[0];
    for (int i = 0; i < call->n_in; i++) {
        to.size[axis] = in[i].size[axis];
        tp_array_copy(&to, &in[i]);
        to.data = (char *)to.data + in[i].size[axis] * to.stride[axis] * (int64_t)tp_dtype_size(to.dtype);
    }
}

static tp_tensor *concat_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    int64_t start = 0, axis = call->attr[0].i;
    for (int k = 0; k < i; k++) {
        tp_shape before = tp_call_shape(call, k);
        start += before.v[axis + before.n];
    }
    tp_shape own = tp_call_shape(call, i);
    return tp_slice_axis(u[0], (int)axis, start, own.v[axis + own.n], 1);
}

const tp_rules tp_rules_concat = {
    .eval = concat_eval, .shape = concat_shape, .linear = TP_LINEAR, .pull = concat_pull};
