/* composite_index.c - choosing elements: by index and by mask. */
#include "tensor/tensor.h"

#include <taper/ops.h>

tp_tensor *tp_take_along_axis(tp_tensor *x, tp_tensor *index, int axis) { return tp_gather(x, index, axis); }

/* With the axes around `axis` taken as one each, what is chosen are rows. */
tp_tensor *tp_index_select(tp_tensor *x, int axis, tp_tensor *index)
{
    tp_context *c = tp_context_of(x);
    if (!tp_tensor_usable(c, x, "index_select", "x") || !tp_tensor_usable(c, index, "index_select", "index"))
        return tp_nil(c);
    axis = tp_negative_axis(c, "index_select", axis, x->rank);
    if (axis == 0) return tp_nil(c);
    if (index->rank != 1) {
        tp_fail(c, TP_ERR_SHAPE, "index_select: index must have 1 axis, has %d", index->rank);
        return tp_nil(c);
    }
    const int64_t *size = x->size + x->rank + axis;
    tp_shape rows =
        TP_SHAPE(tp_shape_numel(x->size, x->rank + axis), size[0], tp_shape_numel(size + 1, -axis - 1));
    tp_shape shape = tp_shape_of(x);
    shape.v[axis + shape.n] = index->size[0];
    tp_mark scope = tp_open_scope(c);
    tp_tensor *y = tp_take_rows(tp_reshape_axes(x, x->rank, rows), index);
    y = tp_keep(tp_reshape_axes(y, 3, shape));
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_embedding(tp_tensor *weight, tp_tensor *index)
{
    tp_context *c = tp_context_of(weight);
    if (!tp_tensor_usable(c, weight, "embedding", "weight") ||
        !tp_tensor_usable(c, index, "embedding", "index"))
        return tp_nil(c);
    tp_shape shape = tp_shape_of(index);
    if (weight->rank != 2 || shape.n == TP_INTERNAL_RANK) {
        tp_fail(c, TP_ERR_SHAPE, "embedding: weight must have 2 axes, has %d", weight->rank);
        return tp_nil(c);
    }
    shape.v[shape.n++] = weight->size[1];
    tp_mark scope = tp_open_scope(c);
    tp_tensor *y = tp_take_rows(weight, tp_reshape_axes(index, index->rank, TP_SHAPE(tp_numel(index))));
    y = tp_keep(tp_reshape_axes(y, 2, shape));
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_masked_fill(tp_tensor *x, tp_tensor *mask, double value)
{
    return tp_where(mask, tp_scalar(tp_context_of(x), value, tp_dtype_of(x)), x);
}
