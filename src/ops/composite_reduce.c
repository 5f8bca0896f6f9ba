/* composite_reduce.c - reductions made of the table's rows. */
#include "tensor/tensor.h"

#include <taper/ops.h>

/* The product along one axis, which stays, of size 1: halves are multiplied with each other, so that the
 * derivatives of every order are right where elements are 0. */
static tp_tensor *product_along(tp_tensor *x, int axis)
{
    int64_t n = tp_size(x, axis), half = 1;
    if (n == 0) return tp_add_scalar(tp_sum(x, TP_AXES(axis), true), 1); /* keeps the history */
    while (2 * half < n) half *= 2;
    for (; n > 1; n = half, half /= 2) {
        int64_t pairs = n - half; /* fewer than half only in the first round */
        tp_tensor *y = tp_mul(tp_slice_axis(x, axis, 0, pairs, 1), tp_slice_axis(x, axis, half, pairs, 1));
        x = pairs == half ? y
                          : tp_concat(TP_TENSORS(y, tp_slice_axis(x, axis, pairs, half - pairs, 1)), axis);
    }
    return x;
}

tp_tensor *tp_prod(tp_tensor *x, tp_axes axes, bool keepdim)
{
    tp_context *c = tp_context_of(x);
    if (!tp_tensor_usable(c, x, "prod", "x")) return tp_nil(c);
    if (axes.n == TP_ALL_AXES)
        for (axes.n = 0; axes.n < x->rank; axes.n++) axes.v[axes.n] = axes.n;
    tp_dtype dtype = tp_dtype_is_float(x->dtype) ? x->dtype : TP_I64;
    bool half = dtype == TP_F16 || dtype == TP_BF16; /* multiplied in f32, rounded once */
    tp_mark scope = tp_open_scope(c);
    tp_tensor *y = tp_cast(x, half ? TP_F32 : dtype);
    uint32_t seen = 0;
    for (int i = 0; i < axes.n && tp_ok(c); i++) {
        int axis = tp_negative_axis(c, "prod", axes.v[i], x->rank);
        if (axis == 0) break;
        if (seen >> -axis & 1) tp_fail(c, TP_ERR_ARGUMENT, "prod: axis %d is given twice", axis);
        seen |= 1u << -axis;
        y = product_along(y, axis);
    }
    if (!keepdim) y = tp_squeeze(y, axes);
    y = tp_keep(tp_cast(y, dtype));
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_count_nonzero(tp_tensor *x, tp_axes axes, bool keepdim)
{
    tp_context *c = tp_context_of(x);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *y = tp_keep(tp_sum(tp_cast(x, TP_BOOL), axes, keepdim));
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_any(tp_tensor *x, tp_axes axes, bool keepdim)
{
    tp_context *c = tp_context_of(x);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *y = tp_keep(tp_cast(tp_count_nonzero(x, axes, keepdim), TP_BOOL));
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_all(tp_tensor *x, tp_axes axes, bool keepdim)
{
    tp_context *c = tp_context_of(x);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *zero = tp_gt(tp_scalar(c, 1, TP_U8), tp_cast(x, TP_BOOL));
    tp_tensor *y = tp_keep(tp_gt(tp_scalar(c, 1, TP_I64), tp_sum(zero, axes, keepdim)));
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_argsort(tp_tensor *x, int axis, bool descending)
{
    tp_context *c = tp_context_of(x);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *indices;
    tp_sort(x, axis, descending, &indices);
    tp_keep(indices);
    tp_close_scope(c, scope);
    return indices;
}
