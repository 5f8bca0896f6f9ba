/* composite_layout.c - shapes as users write them, made of the ops on trailing axes. */
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <string.h>

/* The context of `t` if it can be used; NULL after recording why not. */
static tp_context *usable(const tp_tensor *t, const char *call)
{
    tp_context *c = tp_context_of(t);
    return tp_tensor_usable(c, t, call, "x") ? c : NULL;
}

static tp_tensor *fail_shape(tp_context *c, const char *call, const tp_shape *to, const tp_tensor *x)
{
    char a[256], b[256];
    int n = to->n < 0 || to->n > TP_INTERNAL_RANK ? 0 : to->n;
    tp_fail(c, TP_ERR_SHAPE, "%s: cannot make %s of %s", call, tp_shape_text(to->v, n, a, sizeof a),
            tp_shape_text(x->size, x->rank, b, sizeof b));
    return tp_nil(c);
}

tp_tensor *tp_reshape(tp_tensor *x, tp_shape shape)
{
    tp_context *c = usable(x, "reshape");
    if (!c) return tp_nil(tp_context_of(x));
    if (shape.n < 0 || shape.n > TP_INTERNAL_RANK) return fail_shape(c, "reshape", &shape, x);
    int unknown = -1;
    int64_t known = 1, have = tp_numel(x);
    for (int i = 0; i < shape.n; i++) {
        if (shape.v[i] == -1 && unknown < 0)
            unknown = i;
        else if (shape.v[i] < 0 || __builtin_mul_overflow(known, shape.v[i], &known))
            return fail_shape(c, "reshape", &shape, x);
    }
    if (unknown >= 0) {
        if (known == 0 || have % known) return fail_shape(c, "reshape", &shape, x);
        shape.v[unknown] = have / known;
    }
    return tp_reshape_axes(x, x->rank, shape);
}

tp_tensor *tp_expand(tp_tensor *x, tp_shape shape)
{
    tp_context *c = usable(x, "expand");
    if (!c) return tp_nil(tp_context_of(x));
    int more = shape.n - x->rank;
    if (more < 0 || shape.n > TP_INTERNAL_RANK) return fail_shape(c, "expand", &shape, x);
    tp_shape ones = {.n = shape.n};
    for (int i = 0; i < shape.n; i++) {
        ones.v[i] = i < more ? 1 : x->size[i - more];
        if (shape.v[i] == -1 && i >= more) shape.v[i] = ones.v[i];
    }
    tp_mark scope = tp_open_scope(c);
    if (more) x = tp_reshape_axes(x, x->rank, ones);
    tp_tensor *y = tp_keep(tp_expand_axes(x, shape));
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_permute(tp_tensor *x, tp_axes axes)
{
    tp_context *c = usable(x, "permute");
    if (!c) return tp_nil(tp_context_of(x));
    if (axes.n != x->rank) {
        tp_fail(c, TP_ERR_ARGUMENT, "permute: takes %d axes, got %d", x->rank, axes.n);
        return tp_nil(c);
    }
    return tp_permute_axes(x, axes);
}

tp_tensor *tp_transpose(tp_tensor *x, int axis0, int axis1)
{
    tp_context *c = usable(x, "transpose");
    if (!c) return tp_nil(tp_context_of(x));
    int a = tp_negative_axis(c, "transpose", axis0, x->rank),
        b = tp_negative_axis(c, "transpose", axis1, x->rank);
    if (a == 0 || b == 0) return tp_nil(c);
    int n = a < b ? -a : -b;
    tp_axes axes = {.n = n};
    for (int i = 0; i < n; i++) axes.v[i] = i - n;
    axes.v[a + n] = b;
    axes.v[b + n] = a;
    return tp_permute_axes(x, axes);
}

tp_tensor *tp_squeeze(tp_tensor *x, tp_axes axes)
{
    tp_context *c = usable(x, "squeeze");
    if (!c) return tp_nil(tp_context_of(x));
    bool gone[TP_INTERNAL_RANK] = {false};
    tp_shape shape = {0};
    for (int i = 0; i < axes.n; i++) {
        int axis = tp_negative_axis(c, "squeeze", axes.v[i], x->rank);
        if (axis == 0) return tp_nil(c);
        if (x->size[axis + x->rank] != 1) {
            char text[256];
            tp_fail(c, TP_ERR_SHAPE, "squeeze: axis %d of %s is not of size 1", axis,
                    tp_shape_text(x->size, x->rank, text, sizeof text));
            return tp_nil(c);
        }
        gone[axis + x->rank] = true;
    }
    for (int i = 0; i < x->rank; i++)
        if (!(gone[i] || (axes.n == TP_ALL_AXES && x->size[i] == 1))) shape.v[shape.n++] = x->size[i];
    return tp_reshape_axes(x, x->rank, shape);
}

tp_tensor *tp_unsqueeze(tp_tensor *x, int axis)
{
    tp_context *c = usable(x, "unsqueeze");
    if (!c) return tp_nil(tp_context_of(x));
    axis = tp_negative_axis(c, "unsqueeze", axis, x->rank + 1);
    if (axis == 0) return tp_nil(c);
    tp_shape shape = {.n = -axis, .v = {1}}; /* the new axis and those after it */
    memcpy(shape.v + 1, x->size + x->rank + axis + 1, (size_t)(-axis - 1) * sizeof *shape.v);
    return tp_reshape_axes(x, -axis - 1, shape);
}

/* A bound of a slice as NumPy takes it: from the end where negative, then clipped to [low, high]. */
static int64_t bound(int64_t at, int64_t missing, int64_t size, int64_t low, int64_t high)
{
    if (at == TP_END) return missing;
    if (at < 0) at += size;
    return at < low ? low : at > high ? high : at;
}

tp_tensor *tp_slice(tp_tensor *x, int axis, int64_t start, int64_t stop, int64_t step)
{
    tp_context *c = usable(x, "slice");
    if (!c) return tp_nil(tp_context_of(x));
    axis = tp_negative_axis(c, "slice", axis, x->rank);
    if (axis == 0) return tp_nil(c);
    if (step == 0 || step == INT64_MIN) {
        tp_fail(c, TP_ERR_ARGUMENT, "slice: step is %lld", (long long)step);
        return tp_nil(c);
    }
    int64_t n = x->size[axis + x->rank], count;
    if (step > 0) {
        start = bound(start, 0, n, 0, n);
        stop = bound(stop, n, n, 0, n);
        count = stop > start ? (stop - start - 1) / step + 1 : 0;
    } else {
        start = bound(start, n - 1, n, -1, n - 1);
        stop = bound(stop, -1, n, -1, n - 1);
        count = start > stop ? (start - stop - 1) / -step + 1 : 0;
    }
    return tp_slice_axis(x, axis, count ? start : 0, count, step);
}

tp_tensor *tp_select(tp_tensor *x, int axis, int64_t index)
{
    tp_context *c = usable(x, "select");
    if (!c) return tp_nil(tp_context_of(x));
    axis = tp_negative_axis(c, "select", axis, x->rank);
    if (axis == 0) return tp_nil(c);
    int64_t n = x->size[axis + x->rank];
    if (index < -n || index >= n) {
        tp_fail(c, TP_ERR_ARGUMENT, "select: index %lld is outside an axis of %lld", (long long)index,
                (long long)n);
        return tp_nil(c);
    }
    tp_mark scope = tp_open_scope(c);
    tp_tensor *y = tp_slice_axis(x, axis, index < 0 ? index + n : index, 1, 1);
    y = tp_keep(tp_squeeze(y, TP_AXES(axis)));
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_stack(int n, tp_tensor *const *xs, int axis)
{
    tp_context *c = n > 0 && xs ? tp_context_of(xs[0]) : NULL;
    if (!tp_ok(c)) return tp_nil(c);
    size_t bytes = (size_t)n * sizeof *xs;
    tp_mark scope = tp_open_scope(c);
    tp_tensor **each = tp_alloc(c, bytes), *y = tp_nil(c);
    if (each) {
        for (int i = 0; i < n; i++) each[i] = tp_unsqueeze(xs[i], axis);
        y = tp_keep(tp_concat(n, each, axis));
        tp_free(c, each, bytes);
    }
    tp_close_scope(c, scope);
    return y;
}
