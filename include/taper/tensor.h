/* tensor.h - tensors: make, read, write, look at. Everything computed is in ops.h. */
#ifndef TAPER_TENSOR_H
#define TAPER_TENSOR_H

#include <taper/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- make -------------------------------------------------------------------------------------- */

/* A tensor with a copy of `data`, row-major, of the dtype given (torch.tensor). */
TP_API tp_tensor *tp_from_array(tp_context *c, tp_shape shape, tp_dtype dtype, const void *data);

/* The same from doubles, converted to `dtype` as tp_cast does. */
TP_API tp_tensor *tp_from_doubles(tp_context *c, tp_shape shape, tp_dtype dtype, const double *values);

/* Tensor over foreign memory, row-major and aligned for its dtype (torch.frombuffer). `deleter` (may be
 * NULL) is called with `user` when the last reference goes, in whichever thread drops it; where the call
 * fails it is not called. */
TP_API tp_tensor *tp_wrap(tp_context *c, tp_shape shape, tp_dtype dtype, void *data,
                          void (*deleter)(void *user), void *user);

/* A scalar (rank 0). */
TP_API tp_tensor *tp_scalar(tp_context *c, double value, tp_dtype dtype);

/* Filled with `value`. */
TP_API tp_tensor *tp_full(tp_context *c, tp_shape shape, double value, tp_dtype dtype);

/* Filled with 0. */
TP_API tp_tensor *tp_zeros(tp_context *c, tp_shape shape, tp_dtype dtype);

/* Filled with 1. */
TP_API tp_tensor *tp_ones(tp_context *c, tp_shape shape, tp_dtype dtype);

/* Zeros with the shape and dtype of `t`. */
TP_API tp_tensor *tp_zeros_like(const tp_tensor *t);

/* start, start + step, ... up to but not including stop; [ceil((stop - start) / step)]. */
TP_API tp_tensor *tp_arange(tp_context *c, double start, double stop, double step, tp_dtype dtype);

/* `n` points from start to stop, both included; [n]. */
TP_API tp_tensor *tp_linspace(tp_context *c, double start, double stop, int64_t n, tp_dtype dtype);

/* The identity matrix [n,n]. */
TP_API tp_tensor *tp_eye(tp_context *c, int64_t n, tp_dtype dtype);

/* The context's inert tensor: what a failed call returns. */
TP_API tp_tensor *tp_nil(tp_context *c);

/* A read-only view of `t` in another context, which another thread may use. `t` must live while the call
 * runs; its storage lives as long as anyone needs it. */
TP_API tp_tensor *tp_share_tensor(tp_context *c, const tp_tensor *t);

/* --- look -------------------------------------------------------------------------------------- */

/* True for nil and for NULL. */
TP_API bool tp_is_nil(const tp_tensor *t);

/* The context a tensor belongs to; NULL for NULL. */
TP_API tp_context *tp_context_of(const tp_tensor *t);

/* Number of axes; 0 for nil. */
TP_API int tp_rank(const tp_tensor *t);

/* Size of an axis, negative ones counting from the last; 0 where there is none. */
TP_API int64_t tp_size(const tp_tensor *t, int axis);

/* Number of elements: the product of the sizes, 1 for a scalar, 0 for nil. */
TP_API int64_t tp_numel(const tp_tensor *t);

/* All sizes. */
TP_API tp_shape tp_shape_of(const tp_tensor *t);

/* Steps from element to element along each axis, in elements. */
TP_API tp_ints tp_strides_of(const tp_tensor *t);

/* Element type; TP_F32 for nil. */
TP_API tp_dtype tp_dtype_of(const tp_tensor *t);

/* True if the elements lie row-major without gaps. */
TP_API bool tp_is_contiguous(const tp_tensor *t);

/* True if no element is infinite or NaN, as none of integers and of nil is. */
TP_API bool tp_all_finite(const tp_tensor *t);

/* --- read and write ---------------------------------------------------------------------------- */

/* The value of a tensor with one element; NaN, with an error, if it has another number of elements. */
TP_API double tp_item(const tp_tensor *t);

/* The element at `index` (one number an axis, negative ones count from the end); NaN with an error if
 * the index is outside. */
TP_API double tp_get(const tp_tensor *t, tp_ints index);

/* Copies all elements, row-major and in the tensor's dtype, to `out` of `size` bytes, which must be
 * exactly tp_numel(t) * tp_dtype_size(tp_dtype_of(t)). */
TP_API tp_status tp_read(const tp_tensor *t, void *out, size_t size);

/* The same, converted to double; `n` must be tp_numel(t). */
TP_API tp_status tp_read_doubles(const tp_tensor *t, double *out, int64_t n);

/* Overwrites all elements from row-major `data` of `size` bytes; a value that a recorded call still
 * needs makes its backward an error. */
TP_API tp_status tp_write(tp_tensor *t, const void *data, size_t size);

/* The first element in memory; with tp_strides_of, all of them. NULL for nil. */
TP_API const void *tp_data(const tp_tensor *t);

/* The same for writing; counts as an overwrite, as tp_write does. NULL, with an error, if read-only. */
TP_API void *tp_data_mut(tp_tensor *t);

/* --- format ------------------------------------------------------------------------------------ */

/* Writes the tensor as NumPy's str() does (precision 8, more than 1000 elements summarized) into `buf`
 * of `n` bytes, cut and terminated as snprintf does; "nil" for nil. Returns the length of the whole text. */
TP_API size_t tp_format(const tp_tensor *t, char *buf, size_t n);

#ifdef __cplusplus
}
#endif
#endif
