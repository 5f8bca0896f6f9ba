/* jacobian.c - whole matrices of derivatives, in chunks of directions. */
#include "grad/sweep.h"

enum { CHUNK_BYTES = 64 << 20 }; /* what the cotangents or tangents of one chunk may take at the wider end */

/* Directions at once so that a chunk stays within the cap. */
static int64_t chunk_size(int64_t directions, const tp_tensor *wide)
{
    int64_t bytes = tp_numel(wide) * (int64_t)tp_dtype_size(wide->dtype);
    int64_t k = bytes ? CHUNK_BYTES / bytes : directions;
    return k < 1 ? 1 : k > directions ? directions : k;
}

/* Unit vectors first, first + 1, ... of the shape of `like`: [k, shape]. */
static tp_tensor *units(tp_tensor *like, int64_t first, int64_t k)
{
    tp_context *c = tp_context_of(like);
    tp_shape shape = {.n = like->rank + 1, .v = {k}};
    for (int i = 0; i < like->rank; i++) shape.v[i + 1] = like->size[i];
    tp_tensor *eye = tp_spread_axis(tp_eye(c, k, like->dtype), -1, tp_numel(like), first, 1);
    return tp_reshape(eye, shape);
}

static tp_tensor *chunk(tp_tensor *y, tp_tensor *x, int64_t first, int64_t k, bool reverse,
                        const tp_grad_options *o)
{
    return reverse ? tp_vjp_with(y, x, units(y, first, k), o) : tp_jvp_with(y, x, units(x, first, k), o);
}

/* All chunks, one after another along axis 0; `parts` has room for them. */
static tp_tensor *join_chunks(tp_tensor *y, tp_tensor *x, bool reverse, int64_t k, tp_tensor **parts,
                              const tp_grad_options *o)
{
    int64_t directions = tp_numel(reverse ? y : x);
    int n = 0;
    for (int64_t first = 0; first < directions; first += k)
        parts[n++] = chunk(y, x, first, directions - first < k ? directions - first : k, reverse, o);
    return n == 1 ? parts[0] : tp_concat(n, parts, 0);
}

tp_tensor *tp_jacobian_with(tp_tensor *y, tp_tensor *x, const tp_grad_options *options)
{
    tp_context *c = tp_context_of(y);
    if (!tp_ok(c) || !tp_in_graph(c, y, "tp_jacobian", "y") || !tp_in_graph(c, x, "tp_jacobian", "x"))
        return tp_nil(c);
    bool reverse = tp_numel(y) <= tp_numel(x);
    int64_t directions = tp_numel(reverse ? y : x);
    tp_shape shape = tp_shape_of(y);
    for (int i = 0; i < x->rank && shape.n < TP_INTERNAL_RANK; i++) shape.v[shape.n++] = x->size[i];
    if (y->rank + x->rank > TP_MAX_RANK) {
        tp_fail(c, TP_ERR_SHAPE, "tp_jacobian: %d + %d axes are more than %d", y->rank, x->rank, TP_MAX_RANK);
        return tp_nil(c);
    }
    if (directions == 0) return tp_zeros(c, shape, y->dtype);
    int64_t k = chunk_size(directions, reverse ? x : y);
    size_t bytes = (size_t)((directions + k - 1) / k) * sizeof(tp_tensor *);
    tp_mark scope = tp_open_scope(c);
    tp_tensor **parts = tp_alloc(c, bytes), *j = tp_nil(c);
    if (parts) {
        j = join_chunks(y, x, reverse, k, parts, options);
        if (!reverse) { /* [shape of x, shape of y] so far, flat */
            j = tp_reshape(j, TP_SHAPE(directions, tp_numel(y)));
            j = tp_transpose(j, 0, 1);
        }
        j = tp_keep(tp_reshape(j, shape));
        tp_free(c, parts, bytes);
    }
    tp_close_scope(c, scope);
    return j;
}

/* The gradient with its history, for a second derivative; what is wrong with y or x is said in the caller's
 * name. */
static tp_tensor *recorded_gradient(tp_tensor *y, tp_tensor *x, const char *call)
{
    tp_context *c = tp_context_of(y);
    if (!tp_ok(c) || !tp_in_graph(c, y, call, "y") || !tp_in_graph(c, x, call, "x")) return tp_nil(c);
    if (tp_numel(y) != 1) {
        char text[256];
        tp_fail(c, TP_ERR_SHAPE, "%s: takes one element, got %s", call,
                tp_shape_text(y->size, y->rank, text, sizeof text));
        return tp_nil(c);
    }
    return tp_grad_with(y, x, &(tp_grad_options){.record = true});
}

tp_tensor *tp_hessian_with(tp_tensor *y, tp_tensor *x, const tp_grad_options *options)
{
    tp_context *c = tp_context_of(y);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *g = recorded_gradient(y, x, "tp_hessian"), *h;
    if (!tp_is_nil(g) && !tp_has_history(g)) { /* linear: the gradient does not depend on x */
        tp_shape shape = tp_shape_of(x);
        for (int i = 0; i < x->rank && shape.n < TP_INTERNAL_RANK; i++) shape.v[shape.n++] = x->size[i];
        h = tp_zeros(c, shape, x->dtype);
    } else
        h = tp_jacobian_with(g, x, options);
    tp_keep(h);
    tp_close_scope(c, scope);
    return h;
}

tp_tensor *tp_hvp_with(tp_tensor *y, tp_tensor *x, tp_tensor *v, const tp_grad_options *options)
{
    tp_context *c = tp_context_of(y);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *g = recorded_gradient(y, x, "tp_hvp"), *h = tp_nil(c);
    bool batched;
    if (!tp_is_nil(g) && tp_matches(c, v, x, &batched, "tp_hvp", "v"))
        h = tp_has_history(g) ? tp_vjp_with(g, x, v, options) : tp_zeros_like(v);
    tp_keep(h);
    tp_close_scope(c, scope);
    return h;
}
