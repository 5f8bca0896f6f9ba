/* composite.c - ops made of the table's rows where that costs neither accuracy nor much time. */
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <math.h>

/* A number as a scalar tensor that does not promote `x`, unless x is of integers and s is none. */
static tp_tensor *number(tp_tensor *x, double s)
{
    tp_context *c = tp_context_of(x);
    tp_dtype dtype = tp_dtype_of(x);
    if (!tp_dtype_is_float(dtype) && s != floor(s)) dtype = TP_F32;
    return tp_scalar(c, s, dtype);
}

tp_tensor *tp_add_scalar(tp_tensor *x, double s) { return tp_add(x, number(x, s)); }

tp_tensor *tp_mul_scalar(tp_tensor *x, double s) { return tp_mul(x, number(x, s)); }

tp_tensor *tp_matmul(tp_tensor *a, tp_tensor *b)
{
    tp_context *c = tp_context_of(a);
    bool row = tp_rank(a) == 1, column = tp_rank(b) == 1;
    if (!row && !column) return tp_matmul_2d(a, b);
    tp_mark scope = tp_open_scope(c);
    if (row) a = tp_unsqueeze(a, 0);
    if (column) b = tp_unsqueeze(b, -1);
    tp_tensor *y = tp_matmul_2d(a, b);
    if (column) y = tp_squeeze(y, TP_AXES(-1));
    if (row) y = tp_squeeze(y, TP_AXES(column ? -1 : -2));
    tp_keep(y);
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_detach(tp_tensor *x)
{
    tp_context *c = tp_context_of(x);
    return tp_tensor_usable(c, x, "detach", "x") ? tp_tensor_alias(c, x) : tp_nil(c);
}
