/* cast.c - conversion between dtypes. */
#include "tensor/tensor.h"

#include <taper/ops.h>

static void cast_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    (void)call;
    tp_array_copy(&out[0], &in[0]);
}

/* To the same dtype there is nothing to do. */
static bool cast_view(const tp_call *call, const tp_array *in, tp_array *out)
{
    (void)call;
    for (int i = 0; i < in->rank; i++) out->stride[i] = in->stride[i];
    return in->dtype == out->dtype;
}

static tp_tensor *cast_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return tp_cast(u[0], tp_call_dtype(call, i));
}

static bool cast_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in, (void)in, (void)room;
    attr[0].i = TP_F64;
    return k < 1;
}

const tp_rules tp_rules_cast = {
    .eval = cast_eval,
    .view = cast_view,
    .linear = TP_LINEAR,
    .pull = cast_pull,
    .sample = cast_sample,
    .narrow = "f64 to f64: in another dtype the quotient of differences sees the rounding"};

static tp_tensor *clone_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)call, (void)i, u[0];
}

const tp_rules tp_rules_clone = {.eval = cast_eval, .linear = TP_LINEAR, .pull = clone_pull};
