/* ops.h - what can be computed: a prototype per row of ops.def, and the composites made of them.
 *
 * Every op checks its arguments, follows NumPy's broadcasting and PyTorch's promotion, and returns nil after
 * recording what is wrong. `taper ops` prints each row with its derivative fact. */
#ifndef TAPER_OPS_H
#define TAPER_OPS_H

#include <taper/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tensors as the list argument of an op: tp_concat(TP_TENSORS(a, b), 0). */
#define TP_TENSORS(...)                                                       \
    ((int)(sizeof((tp_tensor *const[]){__VA_ARGS__}) / sizeof(tp_tensor *))), \
        ((tp_tensor *const[]){__VA_ARGS__})

/* C types of the table's attribute types. */
#define TP_TYPE_bool   bool
#define TP_TYPE_int    int64_t
#define TP_TYPE_double double
#define TP_TYPE_dtype  tp_dtype
#define TP_TYPE_axis   int
#define TP_TYPE_axes   tp_axes
#define TP_TYPE_ints   tp_ints
#define TP_TYPE_shape  tp_shape

/* Parameters of a row's prototype. */
#define TP_PAR_IN1(a)             tp_tensor *a
#define TP_PAR_IN2(a, b)          tp_tensor *a, tp_tensor *b
#define TP_PAR_IN3(a, b, d)       tp_tensor *a, tp_tensor *b, tp_tensor *d
#define TP_PAR_IN4(a, b, d, e)    tp_tensor *a, tp_tensor *b, tp_tensor *d, tp_tensor *e
#define TP_PAR_IN5(a, b, d, e, f) tp_tensor *a, tp_tensor *b, tp_tensor *d, tp_tensor *e, tp_tensor *f
#define TP_PAR_LIST(xs)           int n, tp_tensor *const *xs
#define TP_PAR_ATTR0()
#define TP_PAR_ATTR1(t1, n1, d1)                         , TP_TYPE_##t1 n1
#define TP_PAR_ATTR2(t1, n1, d1, t2, n2, d2)             , TP_TYPE_##t1 n1, TP_TYPE_##t2 n2
#define TP_PAR_ATTR3(t1, n1, d1, t2, n2, d2, t3, n3, d3) , TP_TYPE_##t1 n1, TP_TYPE_##t2 n2, TP_TYPE_##t3 n3
#define TP_PAR_ATTR4(t1, n1, d1, t2, n2, d2, t3, n3, d3, t4, n4, d4) \
    , TP_TYPE_##t1 n1, TP_TYPE_##t2 n2, TP_TYPE_##t3 n3, TP_TYPE_##t4 n4
#define TP_PAR_ATTR5(t1, n1, d1, t2, n2, d2, t3, n3, d3, t4, n4, d4, t5, n5, d5) \
    , TP_TYPE_##t1 n1, TP_TYPE_##t2 n2, TP_TYPE_##t3 n3, TP_TYPE_##t4 n4, TP_TYPE_##t5 n5
#define TP_PAR_ATTR6(t1, n1, d1, t2, n2, d2, t3, n3, d3, t4, n4, d4, t5, n5, d5, t6, n6, d6) \
    , TP_TYPE_##t1 n1, TP_TYPE_##t2 n2, TP_TYPE_##t3 n3, TP_TYPE_##t4 n4, TP_TYPE_##t5 n5, TP_TYPE_##t6 n6
#define TP_PAR_OUT1(y)
#define TP_PAR_OUT2(y, z) , tp_tensor **z
#define TP_PAR_IN_PLACE(x)
#define TP_PAR_IN_PLACE2(x, a)
#define TP_PAR_IN_PLACE3(x, a, b)
#define TP_PAR_IN_PLACE4(x, a, b, d)

#define OP(name, inputs, attributes, outputs, types, signature, doc) \
    TP_API tp_tensor *tp_##name(TP_PAR_##inputs TP_PAR_##attributes TP_PAR_##outputs);
#include <taper/ops.def>
#undef OP

/* --- composites: scalars ----------------------------------------------------------------------- */

/* A number as an operand takes the dtype of x and does not promote it; where x is of integers and s is none,
 * both become f32. */

/* x + s */
TP_API tp_tensor *tp_add_scalar(tp_tensor *x, double s);
/* x - s */
TP_API tp_tensor *tp_sub_scalar(tp_tensor *x, double s);
/* s - x */
TP_API tp_tensor *tp_rsub_scalar(tp_tensor *x, double s);
/* x * s */
TP_API tp_tensor *tp_mul_scalar(tp_tensor *x, double s);
/* x / s; of integers too */
TP_API tp_tensor *tp_div_scalar(tp_tensor *x, double s);
/* x^s; the square and the square root are tp_square and tp_sqrt */
TP_API tp_tensor *tp_pow_scalar(tp_tensor *x, double s);

/* Comparisons are right for any s, also one that the integers of x cannot hold. */

/* x > s */
TP_API tp_tensor *tp_gt_scalar(tp_tensor *x, double s);
/* x >= s */
TP_API tp_tensor *tp_ge_scalar(tp_tensor *x, double s);
/* x < s */
TP_API tp_tensor *tp_lt_scalar(tp_tensor *x, double s);
/* x <= s */
TP_API tp_tensor *tp_le_scalar(tp_tensor *x, double s);
/* x == s */
TP_API tp_tensor *tp_eq_scalar(tp_tensor *x, double s);
/* x != s */
TP_API tp_tensor *tp_ne_scalar(tp_tensor *x, double s);

/* --- composites: activations ------------------------------------------------------------------- */

/* elu with the alpha and the scale for which activations keep mean 0 and variance 1 (torch.selu). */
TP_API tp_tensor *tp_selu(tp_tensor *x);

/* --- composites: reductions -------------------------------------------------------------------- */

/* The product over axes; integers give i64, no elements 1. */
TP_API tp_tensor *tp_prod(tp_tensor *x, tp_axes axes, bool keepdim);
/* How many elements are not 0, over axes; i64. */
TP_API tp_tensor *tp_count_nonzero(tp_tensor *x, tp_axes axes, bool keepdim);
/* True where any element over axes is not 0. */
TP_API tp_tensor *tp_any(tp_tensor *x, tp_axes axes, bool keepdim);
/* True where no element over axes is 0. */
TP_API tp_tensor *tp_all(tp_tensor *x, tp_axes axes, bool keepdim);
/* The indices that sort along axis; equal values keep their order. */
TP_API tp_tensor *tp_argsort(tp_tensor *x, int axis, bool descending);

/* --- composites: layout ------------------------------------------------------------------------ */

/* The same elements in row-major order under another shape; one size may be -1: what is left. */
TP_API tp_tensor *tp_reshape(tp_tensor *x, tp_shape shape);
/* A view in which axes of size 1 (and new leading ones) have the sizes given; -1 keeps a size. */
TP_API tp_tensor *tp_expand(tp_tensor *x, tp_shape shape);
/* The axes in another order. */
TP_API tp_tensor *tp_permute(tp_tensor *x, tp_axes axes);
/* Two axes exchanged. */
TP_API tp_tensor *tp_transpose(tp_tensor *x, int axis0, int axis1);
/* Without the axes given, which must be of size 1; TP_ALL: all of size 1. */
TP_API tp_tensor *tp_squeeze(tp_tensor *x, tp_axes axes);
/* With an axis of size 1 put in before `axis`, counted in the result. */
TP_API tp_tensor *tp_unsqueeze(tp_tensor *x, int axis);
/* Elements start, start + step, ... before stop of an axis, by NumPy's rules for x[start:stop:step]; TP_END
 * stands for a bound left out. */
TP_API tp_tensor *tp_slice(tp_tensor *x, int axis, int64_t start, int64_t stop, int64_t step);
/* Element `index` of an axis, which goes. */
TP_API tp_tensor *tp_select(tp_tensor *x, int axis, int64_t index);
/* Stacked along a new axis, counted in the result. */
TP_API tp_tensor *tp_stack(int n, tp_tensor *const *xs, int axis);

/* The axes start to end, both included, as one. */
TP_API tp_tensor *tp_flatten(tp_tensor *x, int start, int end);
/* Axis `from` moved to stand at `to`; the others keep their order. */
TP_API tp_tensor *tp_movedim(tp_tensor *x, int from, int to);
/* The axes given in reverse, without copying. */
TP_API tp_tensor *tp_flip(tp_tensor *x, tp_axes axes);
/* Moved by shifts[i] along axes[i], what falls off the end comes in at the front. Without axes: one shift
 * along the flattened elements. */
TP_API tp_tensor *tp_roll(tp_tensor *x, tp_ints shifts, tp_axes axes);
/* Tiled: repeats[i] copies along each axis and along new leading ones (torch.Tensor.repeat). */
TP_API tp_tensor *tp_repeat(tp_tensor *x, tp_ints repeats);
/* Each element of an axis `repeats` times. */
TP_API tp_tensor *tp_repeat_interleave(tp_tensor *x, int64_t repeats, int axis);
/* Cut along an axis into views of `size`, the last one what is left. Writes them to ys, which has room for n,
 * and returns how many there are; 0 and nils after a failure. */
TP_API int tp_split(tp_tensor *x, int64_t size, int axis, int n, tp_tensor **ys);
/* Cut along an axis into n views of equal size, the last one what is left; there may be fewer than n. Writes
 * and returns as tp_split. */
TP_API int tp_chunk(tp_tensor *x, int n, int axis, tp_tensor **ys);
/* The diagonal of the matrices that two axes make, as the last axis; offset > 0: above the main one. */
TP_API tp_tensor *tp_diagonal(tp_tensor *x, int64_t offset, int axis1, int axis2);
/* Itself if row-major, else a copy that is. */
TP_API tp_tensor *tp_contiguous(tp_tensor *x);

/* A bound of tp_slice that is left out. */
#define TP_END INT64_MIN

/* --- composites: by index ---------------------------------------------------------------------- */

/* tp_gather under NumPy's name. */
TP_API tp_tensor *tp_take_along_axis(tp_tensor *x, tp_tensor *index, int axis);
/* The elements of an axis that `index` [n] names, which may repeat; a negative index counts from the end. */
TP_API tp_tensor *tp_index_select(tp_tensor *x, int axis, tp_tensor *index);
/* The rows of `weight` [v,d] that `index` names: [shape of index, d]. */
TP_API tp_tensor *tp_embedding(tp_tensor *weight, tp_tensor *index);
/* `value` where mask holds, else x. */
TP_API tp_tensor *tp_masked_fill(tp_tensor *x, tp_tensor *mask, double value);

/* --- composites: products ---------------------------------------------------------------------- */

/* Matrix product as torch.matmul: vectors are taken as a row on the left and a column on the right,
 * leading axes are broadcast. */
TP_API tp_tensor *tp_matmul(tp_tensor *a, tp_tensor *b);
/* The sum of products of two vectors. */
TP_API tp_tensor *tp_dot(tp_tensor *a, tp_tensor *b);
/* Matrix [m,n] times vector [n]. */
TP_API tp_tensor *tp_mv(tp_tensor *a, tp_tensor *b);
/* All products of two vectors: [n], [m] give [n,m]. */
TP_API tp_tensor *tp_outer(tp_tensor *a, tp_tensor *b);
/* Products summed over axes_a[i] of a together with axes_b[i] of b; what is left of a stands before what is
 * left of b. */
TP_API tp_tensor *tp_tensordot(tp_tensor *a, tp_tensor *b, tp_axes axes_a, tp_axes axes_b);
/* Products summed by subscripts, as torch.einsum: tp_einsum("bij,bjk->bik", TP_TENSORS(a, b)). A letter that
 * repeats in one operand takes its diagonal; '...' stands for any axes, which are broadcast; without "->" the
 * result has the letters that stand once, in alphabetical order. Operands are multiplied from the left. */
TP_API tp_tensor *tp_einsum(const char *subscripts, int n, tp_tensor *const *xs);

/* --- composites: history ----------------------------------------------------------------------- */

/* The same elements without history or tangents. */
TP_API tp_tensor *tp_detach(tp_tensor *x);

/* --- composites: random ------------------------------------------------------------------------ */

/* The key of the next random op: [2] of u64, (seed, counter); the context's counter goes up by one. */
TP_API tp_tensor *tp_next_key(tp_context *c);
/* Uniform in [low, high) before rounding to `dtype`, any float. */
TP_API tp_tensor *tp_uniform(tp_context *c, tp_shape shape, double low, double high, tp_dtype dtype);
/* Normal with that mean and standard deviation. */
TP_API tp_tensor *tp_normal(tp_context *c, tp_shape shape, double mean, double std, tp_dtype dtype);
/* Integers, uniform in low to high - 1. */
TP_API tp_tensor *tp_randint(tp_context *c, int64_t low, int64_t high, tp_shape shape, tp_dtype dtype);
/* 0 to n - 1 in random order, i64 (torch.randperm). */
TP_API tp_tensor *tp_permutation(tp_context *c, int64_t n);
/* 1 with probability p, else 0: shape and dtype of p. */
TP_API tp_tensor *tp_bernoulli(tp_tensor *p);
/* In training: 0 with probability p, else x / (1 - p); otherwise x itself. */
TP_API tp_tensor *tp_dropout(tp_tensor *x, double p, bool train);

#ifdef __cplusplus
}
#endif
#endif
