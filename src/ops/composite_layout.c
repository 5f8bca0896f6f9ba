/* composite_layout.c - shapes as users write them, made of the ops on trailing axes. */
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <stdio.h>
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
    if (to->n < 0 || to->n > TP_INTERNAL_RANK)
        tp_fail(c, TP_ERR_SHAPE, "%s: rank %d is outside 0 to %d", call, to->n, TP_INTERNAL_RANK);
    else
        tp_fail(c, TP_ERR_SHAPE, "%s: cannot make %s of %s", call, tp_shape_text(to->v, to->n, a, sizeof a),
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
    bool fits = unknown < 0 ? known == have : known != 0 && have % known == 0;
    if (!fits) return fail_shape(c, "reshape", &shape, x);
    if (unknown >= 0) shape.v[unknown] = have / known;
    return tp_reshape_axes(x, x->rank, shape);
}

tp_tensor *tp_expand(tp_tensor *x, tp_shape shape)
{
    tp_context *c = usable(x, "expand");
    if (!c) return tp_nil(tp_context_of(x));
    int more = shape.n - x->rank;
    if (more < 0 || shape.n > TP_INTERNAL_RANK) return fail_shape(c, "expand", &shape, x);
    tp_shape ones = {.n = shape.n}, to = shape;
    for (int i = 0; i < shape.n; i++) {
        ones.v[i] = i < more ? 1 : x->size[i - more];
        if (to.v[i] == -1 && i >= more) to.v[i] = ones.v[i];
        if (to.v[i] != ones.v[i] && (ones.v[i] != 1 || to.v[i] < 0))
            return fail_shape(c, "expand", &shape, x);
    }
    tp_mark scope = tp_open_scope(c);
    if (more) x = tp_reshape_axes(x, x->rank, ones);
    tp_tensor *y = tp_keep(tp_expand_axes(x, to));
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
    if (!tp_negative_axes(c, "permute", &axes, x->rank)) return tp_nil(c);
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
    bool all = axes.n == TP_ALL_AXES, gone[TP_INTERNAL_RANK] = {false};
    if (!all && !tp_negative_axes(c, "squeeze", &axes, x->rank)) return tp_nil(c);
    tp_shape shape = {0};
    for (int i = 0; i < axes.n; i++) {
        int64_t axis = axes.v[i] + x->rank;
        if (x->size[axis] != 1) {
            char text[256];
            tp_fail(c, TP_ERR_SHAPE, "squeeze: axis %lld of %s is not of size 1", (long long)axes.v[i],
                    tp_shape_text(x->size, x->rank, text, sizeof text));
            return tp_nil(c);
        }
        gone[axis] = true;
    }
    for (int i = 0; i < x->rank; i++)
        if (!(gone[i] || (all && x->size[i] == 1))) shape.v[shape.n++] = x->size[i];
    return tp_reshape_axes(x, x->rank, shape);
}

tp_tensor *tp_unsqueeze(tp_tensor *x, int axis)
{
    tp_context *c = usable(x, "unsqueeze");
    if (!c) return tp_nil(tp_context_of(x));
    if (x->rank == TP_INTERNAL_RANK) {
        tp_fail(c, TP_ERR_SHAPE, "unsqueeze: takes less than %d axes", TP_INTERNAL_RANK);
        return tp_nil(c);
    }
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

/* Whether all can be stacked: one shape, and room for an axis more. */
static bool stackable(tp_context *c, int n, tp_tensor *const *xs, int axis)
{
    char name[32], a[256], b[256];
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "xs[%d]", i);
        if (!tp_tensor_usable(c, xs[i], "stack", name)) return false;
        tp_shape first = tp_shape_of(xs[0]);
        if (xs[i]->rank == first.n && memcmp(xs[i]->size, first.v, (size_t)first.n * sizeof *first.v) == 0)
            continue;
        tp_fail(c, TP_ERR_SHAPE, "stack: xs[0] is %s, but %s is %s",
                tp_shape_text(first.v, first.n, a, sizeof a), name,
                tp_shape_text(xs[i]->size, xs[i]->rank, b, sizeof b));
        return false;
    }
    return tp_negative_axis(c, "stack", axis, xs[0]->rank + 1) != 0;
}

tp_tensor *tp_stack(int n, tp_tensor *const *xs, int axis)
{
    tp_context *c = NULL;
    for (int i = 0; !c && xs && i < n; i++) c = tp_context_of(xs[i]);
    if (!tp_ok(c) || !stackable(c, n, xs, axis)) return tp_nil(c);
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

tp_tensor *tp_flatten(tp_tensor *x, int start, int end)
{
    tp_context *c = usable(x, "flatten");
    if (!c) return tp_nil(tp_context_of(x));
    if (x->rank == 0) return tp_reshape_axes(x, 0, TP_SHAPE(1));
    start = tp_negative_axis(c, "flatten", start, x->rank);
    if (start) end = tp_negative_axis(c, "flatten", end, x->rank);
    if (start == 0 || end == 0) return tp_nil(c);
    if (start > end) {
        tp_fail(c, TP_ERR_ARGUMENT, "flatten: axis %d stands after axis %d", start, end);
        return tp_nil(c);
    }
    const int64_t *size = x->size + x->rank;
    tp_shape shape = {.n = 1, .v = {tp_shape_numel(size + start, end - start + 1)}};
    for (int i = end + 1; i < 0; i++) shape.v[shape.n++] = size[i];
    return tp_reshape_axes(x, -start, shape);
}

tp_tensor *tp_movedim(tp_tensor *x, int from, int to)
{
    tp_context *c = usable(x, "movedim");
    if (!c) return tp_nil(tp_context_of(x));
    from = tp_negative_axis(c, "movedim", from, x->rank);
    if (from) to = tp_negative_axis(c, "movedim", to, x->rank);
    if (from == 0 || to == 0) return tp_nil(c);
    tp_axes axes = {.n = x->rank};
    for (int i = 0, other = -x->rank; i < x->rank; i++) {
        if (other == from) other++;
        axes.v[i] = i == to + x->rank ? from : other++;
    }
    return tp_permute_axes(x, axes);
}

tp_tensor *tp_flip(tp_tensor *x, tp_axes axes)
{
    tp_context *c = usable(x, "flip");
    if (!c || !tp_negative_axes(c, "flip", &axes, x->rank)) return tp_nil(tp_context_of(x));
    tp_mark scope = tp_open_scope(c);
    if (!scope) return tp_nil(c);
    for (int i = 0; i < axes.n; i++) x = tp_slice(x, (int)axes.v[i], TP_END, TP_END, -1);
    tp_keep(x);
    tp_close_scope(c, scope);
    return x;
}

static tp_tensor *roll_axis(tp_tensor *x, int axis, int64_t shift)
{
    int64_t n = tp_size(x, axis);
    shift = n ? shift % n : 0;
    if (shift == 0) return x;
    int64_t cut = shift > 0 ? n - shift : -shift;
    return tp_concat(TP_TENSORS(tp_slice(x, axis, cut, n, 1), tp_slice(x, axis, 0, cut, 1)), axis);
}

tp_tensor *tp_roll(tp_tensor *x, tp_ints shifts, tp_axes axes)
{
    tp_context *c = usable(x, "roll");
    if (!c) return tp_nil(tp_context_of(x));
    tp_shape shape = tp_shape_of(x);
    bool flat = axes.n == 0 && shifts.n == 1;
    if (!flat && (axes.n != shifts.n || axes.n < 0 || axes.n > TP_INTERNAL_RANK)) {
        tp_fail(c, TP_ERR_ARGUMENT, "roll: got %d shifts for %d axes", shifts.n, axes.n);
        return tp_nil(c);
    }
    tp_mark scope = tp_open_scope(c);
    if (!scope) return tp_nil(c);
    if (flat) x = tp_reshape(roll_axis(tp_flatten(x, 0, -1), 0, shifts.v[0]), shape);
    for (int i = 0; i < axes.n; i++) {
        int axis = tp_negative_axis(c, "roll", axes.v[i], shape.n);
        x = axis ? roll_axis(x, axis, shifts.v[i]) : tp_nil(c);
    }
    tp_keep(x);
    tp_close_scope(c, scope);
    return x;
}

/* Each axis (negative) `repeats` times: its elements one by one, or all of them over and over. */
static tp_tensor *repeat_axis(tp_tensor *x, int axis, int64_t repeats, bool one_by_one)
{
    int first = axis + x->rank; /* of the two that become one */
    x = tp_unsqueeze(x, first + one_by_one);
    tp_shape shape = tp_shape_of(x);
    shape.v[first + one_by_one] = repeats;
    return tp_flatten(tp_expand(x, shape), first, first + 1);
}

static tp_tensor *fail_repeats(tp_context *c, const char *call, int64_t repeats)
{
    tp_fail(c, TP_ERR_ARGUMENT, "%s: cannot take something %lld times", call, (long long)repeats);
    return tp_nil(c);
}

tp_tensor *tp_repeat(tp_tensor *x, tp_ints repeats)
{
    tp_context *c = usable(x, "repeat");
    if (!c) return tp_nil(tp_context_of(x));
    int more = repeats.n - x->rank;
    if (more < 0 || repeats.n > TP_MAX_RANK) {
        tp_fail(c, TP_ERR_ARGUMENT, "repeat: got %d numbers for a tensor of rank %d", repeats.n, x->rank);
        return tp_nil(c);
    }
    tp_shape shape = {.n = repeats.n};
    for (int i = 0; i < repeats.n; i++) {
        if (repeats.v[i] < 0) return fail_repeats(c, "repeat", repeats.v[i]);
        shape.v[i] = i < more ? 1 : x->size[i - more];
    }
    tp_mark scope = tp_open_scope(c);
    if (!scope) return tp_nil(c);
    if (more) x = tp_reshape(x, shape);
    /* the innermost first: what is copied again is small */
    for (int i = repeats.n - 1; i >= 0 && !tp_is_nil(x); i--)
        if (repeats.v[i] != 1) x = repeat_axis(x, i - repeats.n, repeats.v[i], false);
    tp_keep(x);
    tp_close_scope(c, scope);
    return x;
}

tp_tensor *tp_repeat_interleave(tp_tensor *x, int64_t repeats, int axis)
{
    tp_context *c = usable(x, "repeat_interleave");
    if (!c) return tp_nil(tp_context_of(x));
    axis = tp_negative_axis(c, "repeat_interleave", axis, x->rank);
    if (axis == 0) return tp_nil(c);
    if (repeats < 0) return fail_repeats(c, "repeat_interleave", repeats);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *y = tp_keep(repeat_axis(x, axis, repeats, true));
    tp_close_scope(c, scope);
    return y;
}

int tp_split(tp_tensor *x, int64_t size, int axis, int n, tp_tensor **ys)
{
    for (int i = 0; i < n; i++) ys[i] = tp_nil(tp_context_of(x));
    tp_context *c = usable(x, "split");
    axis = c ? tp_negative_axis(c, "split", axis, x->rank) : 0;
    if (axis == 0) return 0;
    int64_t all = x->size[axis + x->rank], pieces = size > 0 && all > 0 ? (all - 1) / size + 1 : 1;
    if (size < 0 || (size == 0 && all > 0) || pieces > n) {
        tp_fail(c, TP_ERR_ARGUMENT, "split: cannot cut an axis of %lld into at most %d of size %lld",
                (long long)all, n, (long long)size);
        return 0;
    }
    for (int i = 0; i < pieces; i++) {
        int64_t left = all - i * size;
        ys[i] = tp_slice_axis(x, axis, i * size, left < size ? left : size, 1);
    }
    for (int i = 0; i < pieces && !tp_ok(c); i++) ys[i] = tp_nil(c);
    return tp_ok(c) ? (int)pieces : 0;
}

int tp_chunk(tp_tensor *x, int n, int axis, tp_tensor **ys)
{
    int64_t all = tp_size(x, axis), size = n > 0 && all > 0 ? (all - 1) / n + 1 : all;
    if (n > 0) return tp_split(x, size, axis, n, ys);
    if (usable(x, "chunk"))
        tp_fail(tp_context_of(x), TP_ERR_ARGUMENT, "chunk: cannot cut an axis of %lld into %d",
                (long long)all, n);
    return 0;
}

tp_tensor *tp_diagonal(tp_tensor *x, int64_t offset, int axis1, int axis2)
{
    tp_context *c = usable(x, "diagonal");
    tp_axes pair = TP_AXES(axis1, axis2), axes = TP_NONE;
    if (!c || !tp_negative_axes(c, "diagonal", &pair, x->rank)) return tp_nil(tp_context_of(x));
    for (int axis = -x->rank; axis < 0; axis++)
        if (axis != pair.v[0] && axis != pair.v[1]) axes.v[axes.n++] = axis;
    for (int i = 0; i < 2; i++) axes.v[axes.n++] = pair.v[i];
    tp_mark scope = tp_open_scope(c);
    tp_tensor *y = tp_keep(tp_diagonal_axes(tp_permute_axes(x, axes), offset));
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_contiguous(tp_tensor *x) { return tp_is_contiguous(x) ? x : tp_clone(x); }
