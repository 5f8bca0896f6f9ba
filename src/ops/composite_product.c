/* composite_product.c - products of vectors and of chosen axes, by the matrix product. */
#include "tensor/tensor.h"

#include <taper/ops.h>

/* Whether a and b can be used and have the ranks given; records why not. */
static bool ranks(const char *call, const tp_tensor *a, int rank_a, const tp_tensor *b, int rank_b)
{
    tp_context *c = tp_context_of(a) ? tp_context_of(a) : tp_context_of(b);
    if (!tp_tensor_usable(c, a, call, "a") || !tp_tensor_usable(c, b, call, "b")) return false;
    if (a->rank == rank_a && b->rank == rank_b) return true;
    char text_a[256], text_b[256];
    tp_fail(c, TP_ERR_SHAPE, "%s: takes tensors of rank %d and %d, got %s, %s", call, rank_a, rank_b,
            tp_shape_text(a->size, a->rank, text_a, sizeof text_a),
            tp_shape_text(b->size, b->rank, text_b, sizeof text_b));
    return false;
}

tp_tensor *tp_dot(tp_tensor *a, tp_tensor *b)
{
    return ranks("dot", a, 1, b, 1) ? tp_matmul(a, b) : tp_nil(tp_context_of(a));
}

tp_tensor *tp_mv(tp_tensor *a, tp_tensor *b)
{
    return ranks("mv", a, 2, b, 1) ? tp_matmul(a, b) : tp_nil(tp_context_of(a));
}

tp_tensor *tp_outer(tp_tensor *a, tp_tensor *b)
{
    tp_context *c = tp_context_of(a);
    if (!ranks("outer", a, 1, b, 1)) return tp_nil(c);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *y = tp_keep(tp_mul(tp_unsqueeze(a, -1), b));
    tp_close_scope(c, scope);
    return y;
}

/* The axes that `axes` leaves out, and how many elements they have; their sizes go to the end of `shape`. */
static int64_t free_axes(const tp_tensor *t, const tp_axes *axes, tp_axes *rest, tp_shape *shape)
{
    int64_t n = 1;
    *rest = TP_NONE;
    for (int axis = -t->rank; axis < 0; axis++) {
        bool taken = false;
        for (int i = 0; i < axes->n; i++) taken = taken || axes->v[i] == axis;
        if (taken) continue;
        rest->v[rest->n++] = axis;
        shape->v[shape->n++] = t->size[axis + t->rank];
        n *= t->size[axis + t->rank];
    }
    return n;
}

static tp_axes joined(const tp_axes *first, const tp_axes *second)
{
    tp_axes all = *first;
    for (int i = 0; i < second->n; i++) all.v[all.n++] = second->v[i];
    return all;
}

/* Makes the axes negative and checks that they fit each other; returns how many elements they have, -1 after
 * recording that they do not. */
static int64_t paired(tp_context *c, const tp_tensor *a, tp_axes *axes_a, const tp_tensor *b, tp_axes *axes_b)
{
    int64_t n = 1;
    if (!tp_negative_axes(c, "tensordot", axes_a, a->rank) ||
        !tp_negative_axes(c, "tensordot", axes_b, b->rank))
        return -1;
    bool fits = axes_a->n == axes_b->n && a->rank + b->rank - 2 * axes_a->n <= TP_INTERNAL_RANK;
    for (int i = 0; fits && i < axes_a->n; i++) {
        int64_t size = a->size[axes_a->v[i] + a->rank];
        fits = size == b->size[axes_b->v[i] + b->rank];
        n *= size;
    }
    if (fits) return n;
    char text_a[256], text_b[256];
    tp_fail(c, TP_ERR_SHAPE, "tensordot: the axes given of %s and %s do not fit each other",
            tp_shape_text(a->size, a->rank, text_a, sizeof text_a),
            tp_shape_text(b->size, b->rank, text_b, sizeof text_b));
    return -1;
}

tp_tensor *tp_tensordot(tp_tensor *a, tp_tensor *b, tp_axes axes_a, tp_axes axes_b)
{
    tp_context *c = tp_context_of(a);
    if (!tp_tensor_usable(c, a, "tensordot", "a") || !tp_tensor_usable(c, b, "tensordot", "b"))
        return tp_nil(c);
    int64_t k = paired(c, a, &axes_a, b, &axes_b);
    if (k < 0) return tp_nil(c);
    tp_axes rest_a, rest_b;
    tp_shape shape = TP_SCALAR;
    int64_t m = free_axes(a, &axes_a, &rest_a, &shape), n = free_axes(b, &axes_b, &rest_b, &shape);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *left = tp_reshape_axes(tp_permute_axes(a, joined(&rest_a, &axes_a)), a->rank, TP_SHAPE(m, k));
    tp_tensor *right = tp_reshape_axes(tp_permute_axes(b, joined(&axes_b, &rest_b)), b->rank, TP_SHAPE(k, n));
    tp_tensor *y = tp_keep(tp_reshape_axes(tp_matmul_2d(left, right), 2, shape));
    tp_close_scope(c, scope);
    return y;
}
