#include "tensor/tensor.h"

#include <stdio.h>

const char *tp_shape_text(const int64_t *size, int rank, char *buf, size_t n)
{
    size_t used = (size_t)snprintf(buf, n, "[");
    for (int i = 0; i < rank && used < n; i++)
        used += (size_t)snprintf(buf + used, n - used, i ? ",%lld" : "%lld", (long long)size[i]);
    if (used < n) snprintf(buf + used, n - used, "]");
    return buf;
}

int tp_negative_axis(tp_context *c, const char *call, int64_t axis, int rank)
{
    if (axis >= -rank && axis < rank) return (int)(axis < 0 ? axis : axis - rank);
    tp_fail(c, TP_ERR_SHAPE, "%s: axis %lld is outside a tensor of rank %d", call, (long long)axis, rank);
    return 0;
}

bool tp_negative_axes(tp_context *c, const char *call, tp_axes *axes, int rank)
{
    uint32_t seen = 0;
    if (axes->n < TP_ALL_AXES || axes->n > TP_INTERNAL_RANK) {
        tp_fail(c, TP_ERR_ARGUMENT, "%s: %d axes are too %s", call, axes->n, axes->n < 0 ? "few" : "many");
        return false;
    }
    if (axes->n == TP_ALL_AXES) {
        axes->n = rank;
        for (int k = 0; k < rank; k++) axes->v[k] = k;
    }
    for (int k = 0; k < axes->n; k++) {
        int axis = tp_negative_axis(c, call, axes->v[k], rank);
        if (axis == 0) return false;
        if (seen >> -axis & 1) {
            tp_fail(c, TP_ERR_ARGUMENT, "%s: axis %d is given twice", call, axis);
            return false;
        }
        seen |= 1u << -axis;
        axes->v[k] = axis;
    }
    return true;
}

bool tp_shape_usable(tp_context *c, const tp_shape *shape, tp_dtype dtype, const char *call)
{
    c->call = call;
    if ((unsigned)dtype >= TP_DTYPES) {
        tp_fail(c, TP_ERR_DTYPE, "%s: %d is no dtype", call, (int)dtype);
        return false;
    }
    if (shape->n < 0 || shape->n > TP_INTERNAL_RANK) {
        tp_fail(c, TP_ERR_SHAPE, "%s: rank %d is outside 0 to %d", call, shape->n, TP_MAX_RANK);
        return false;
    }
    /* zero sizes count as 1, so that strides fit as well */
    int64_t bytes = tp_bytes(dtype);
    for (int i = 0; i < shape->n; i++) {
        int64_t size = shape->v[i];
        if (size < 0 || __builtin_mul_overflow(bytes, size ? size : 1, &bytes) || bytes > INT64_MAX / 4) {
            char text[256];
            tp_fail(c, TP_ERR_SHAPE, "%s: shape %s %s", call,
                    tp_shape_text(shape->v, shape->n, text, sizeof text),
                    size < 0 ? "has a negative size" : "is too large");
            return false;
        }
    }
    return true;
}
