#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

/* Checks the shape and dtype that a maker was given. */
static bool usable(tp_context *c, const tp_shape *shape, tp_dtype dtype, const char *call)
{
    if (!tp_ok(c)) return false;
    if (shape->n <= TP_MAX_RANK) return tp_shape_usable(c, shape, dtype, call);
    tp_fail(c, TP_ERR_SHAPE, "%s: rank %d is outside 0 to %d", call, shape->n, TP_MAX_RANK);
    return false;
}

/* The same, and that there is data for it. */
static bool usable_data(tp_context *c, const tp_shape *shape, tp_dtype dtype, const void *data,
                        const char *call)
{
    if (!usable(c, shape, dtype, call)) return false;
    if (data || tp_shape_numel(shape->v, shape->n) == 0) return true;
    tp_fail(c, TP_ERR_ARGUMENT, "%s: argument 'data' is NULL", call);
    return false;
}

/* A tensor to be filled; nil on failure. */
static tp_tensor *make(tp_context *c, const tp_shape *shape, tp_dtype dtype, const char *call)
{
    return usable(c, shape, dtype, call) ? tp_tensor_new(c, shape, dtype) : tp_nil(c);
}

tp_tensor *tp_from_array(tp_context *c, tp_shape shape, tp_dtype dtype, const void *data)
{
    if (!usable_data(c, &shape, dtype, data, "tp_from_array")) return tp_nil(c);
    tp_tensor *t = tp_tensor_new(c, &shape, dtype);
    if (!tp_is_nil(t) && t->storage->bytes) memcpy(t->storage->data, data, t->storage->bytes);
    return t;
}

tp_tensor *tp_from_doubles(tp_context *c, tp_shape shape, tp_dtype dtype, const double *values)
{
    if (!usable_data(c, &shape, dtype, values, "tp_from_doubles")) return tp_nil(c);
    tp_tensor *t = tp_tensor_new(c, &shape, dtype);
    if (!tp_is_nil(t)) tp_convert(t->storage->data, 1, dtype, values, 1, TP_F64, tp_numel(t));
    return t;
}

tp_tensor *tp_wrap(tp_context *c, tp_shape shape, tp_dtype dtype, void *data, void (*deleter)(void *user),
                   void *user)
{
    if (!usable_data(c, &shape, dtype, data, "tp_wrap")) return tp_nil(c);
    if ((uintptr_t)data % tp_dtype_size(dtype)) {
        tp_fail(c, TP_ERR_ARGUMENT, "tp_wrap: the data is not aligned for %s", tp_dtype_name(dtype));
        return tp_nil(c);
    }
    tp_tensor *t = tp_tensor_handle(c);
    if (!t) return tp_nil(c);
    size_t bytes = (size_t)tp_shape_numel(shape.v, shape.n) * tp_dtype_size(dtype);
    t->storage = tp_storage_wrap(c, data, bytes, deleter, user);
    if (!t->storage) {
        tp_tensor_release(tp_tensor_own(t));
        return tp_nil(c);
    }
    t->dtype = dtype;
    t->rank = shape.n;
    memcpy(t->size, shape.v, sizeof t->size);
    tp_row_major(t->size, t->rank, t->stride);
    return t;
}

static tp_tensor *fill(tp_tensor *t, double value)
{
    if (!tp_is_nil(t)) tp_convert(t->storage->data, 1, t->dtype, &value, 0, TP_F64, tp_numel(t));
    return t;
}

tp_tensor *tp_full(tp_context *c, tp_shape shape, double value, tp_dtype dtype)
{
    return fill(make(c, &shape, dtype, "tp_full"), value);
}

tp_tensor *tp_zeros(tp_context *c, tp_shape shape, tp_dtype dtype)
{
    tp_tensor *t = make(c, &shape, dtype, "tp_zeros");
    if (!tp_is_nil(t)) memset(t->storage->data, 0, t->storage->bytes);
    return t;
}

tp_tensor *tp_zeros_like(const tp_tensor *t)
{
    tp_context *c = tp_context_of(t);
    if (!tp_ok(c) || !tp_tensor_usable(c, t, "tp_zeros_like", "t")) return tp_nil(c);
    tp_shape shape = tp_shape_of(t);
    if (!tp_shape_usable(c, &shape, t->dtype, "tp_zeros_like")) return tp_nil(c);
    tp_tensor *zeros = tp_tensor_new(c, &shape, t->dtype);
    if (!tp_is_nil(zeros)) memset(zeros->storage->data, 0, zeros->storage->bytes);
    return zeros;
}

tp_tensor *tp_ones(tp_context *c, tp_shape shape, tp_dtype dtype)
{
    return fill(make(c, &shape, dtype, "tp_ones"), 1);
}

tp_tensor *tp_scalar(tp_context *c, double value, tp_dtype dtype)
{
    return fill(make(c, &TP_SCALAR, dtype, "tp_scalar"), value);
}

/* start + k * step for k = 0 .. n-1; the products do not drift as sums would. */
static tp_tensor *progression(tp_context *c, double start, double step, int64_t n, tp_dtype dtype,
                              const char *call)
{
    tp_tensor *t = make(c, &TP_SHAPE(n), dtype, call);
    if (tp_is_nil(t)) return t;
    char *element = t->storage->data;
    for (int64_t k = 0; k < n; k++, element += tp_dtype_size(dtype)) {
        double value = start + (double)k * step;
        tp_convert(element, 1, dtype, &value, 1, TP_F64, 1);
    }
    return t;
}

tp_tensor *tp_arange(tp_context *c, double start, double stop, double step, tp_dtype dtype)
{
    if (!tp_ok(c)) return tp_nil(c);
    double n = ceil((stop - start) / step);
    if (!(step != 0) || !(n < 0x1p48) || !(start - start == 0)) {
        tp_fail(c, TP_ERR_ARGUMENT, "tp_arange: no number of steps of %g leads from %g to %g", step, start,
                stop);
        return tp_nil(c);
    }
    return progression(c, start, step, n > 0 ? (int64_t)n : 0, dtype, "tp_arange");
}

tp_tensor *tp_linspace(tp_context *c, double start, double stop, int64_t n, tp_dtype dtype)
{
    if (!tp_ok(c)) return tp_nil(c);
    if (n < 0) {
        tp_fail(c, TP_ERR_ARGUMENT, "tp_linspace: n is %lld, takes 0 or more", (long long)n);
        return tp_nil(c);
    }
    double step = n > 1 ? (stop - start) / (double)(n - 1) : 0;
    tp_tensor *t = progression(c, start, step, n, dtype, "tp_linspace");
    if (!tp_is_nil(t) && n > 1) {
        char *last = (char *)t->storage->data + (size_t)(n - 1) * tp_dtype_size(dtype);
        tp_convert(last, 1, dtype, &stop, 1, TP_F64, 1);
    }
    return t;
}

tp_tensor *tp_eye(tp_context *c, int64_t n, tp_dtype dtype)
{
    tp_tensor *t = fill(make(c, &TP_SHAPE(n, n), dtype, "tp_eye"), 0);
    const double one = 1;
    if (!tp_is_nil(t)) tp_convert(t->storage->data, n + 1, dtype, &one, 0, TP_F64, n);
    return t;
}
