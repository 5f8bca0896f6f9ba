/* layout.c - the same elements, elsewhere: views where there is one, copies where not. */
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <string.h>

/* The leading axes that an op on the last `n` axes leaves alone. */
static int leading(const tp_call *call, const tp_shape *in, int64_t n)
{
    if (n >= 0 && n <= in->n) return in->n - (int)n;
    char text[256];
    tp_call_fail(call, TP_ERR_SHAPE, "takes %lld axes or more, got %s", (long long)n,
                 tp_shape_text(in->v, in->n, text, sizeof text));
    return -1;
}

static tp_shape trailing(tp_shape s, int n)
{
    tp_shape t = {.n = n};
    memcpy(t.v, s.v + s.n - n, (size_t)n * sizeof *t.v);
    return t;
}

static void copy_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    (void)call;
    tp_array flat = out[0]; /* same elements in the same order, seen with the shape of the input */
    flat.rank = in[0].rank;
    memcpy(flat.size, in[0].size, sizeof flat.size);
    tp_row_major(flat.size, flat.rank, flat.stride);
    tp_array_copy(&flat, &in[0]);
}

/* --- reshape_axes --- */

static bool reshape_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    const tp_ints *to = call->attr[1].v;
    int lead = leading(call, in, call->attr[0].i);
    if (lead < 0) return false;
    char a[256], b[256];
    int64_t have = tp_shape_numel(in->v + lead, in->n - lead), want = tp_shape_numel(to->v, to->n);
    if (have != want || lead + to->n > TP_INTERNAL_RANK) {
        tp_call_fail(call, TP_ERR_SHAPE, "cannot make %s of %s", tp_shape_text(to->v, to->n, a, sizeof a),
                     tp_shape_text(in->v + lead, in->n - lead, b, sizeof b));
        return false;
    }
    out->n = lead + to->n;
    memcpy(out->v, in->v, (size_t)lead * sizeof *out->v);
    memcpy(out->v + lead, to->v, (size_t)to->n * sizeof *out->v);
    return true;
}

/* Strides for the new shape if the elements can stay where they are: each run of old axes that lie one
 * after another is cut anew. */
static bool reshape_view(const tp_call *call, const tp_array *in, tp_array *out)
{
    (void)call;
    int i = in->rank - 1, o = out->rank - 1;
    for (int k = 0; k < out->rank; k++) out->stride[k] = 1;
    for (int k = 0; k < in->rank; k++)
        if (in->size[k] == 0) return true;
    while (o >= 0) {
        while (i >= 0 && in->size[i] == 1) i--;
        if (i < 0) break;
        int64_t have = in->size[i], step = in->stride[i], made = 1;
        while (o >= 0 && made < have) {
            out->stride[o] = step * made;
            made *= out->size[o--];
            while (made > have && i > 0) {
                i--;
                if (in->size[i] != 1 && in->stride[i] != step * have) return false;
                have *= in->size[i];
            }
        }
        i--;
    }
    return true;
}

static tp_tensor *reshape_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return tp_reshape_axes(u[0], call->attr[1].v->n, trailing(tp_call_shape(call, 0), (int)call->attr[0].i));
}

/* Sample k: all of the input's axes to one, to a leading 1, the last two to one, the last one cut. */
static bool reshape_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in;
    int64_t all = tp_shape_numel(in->v, in->n), last = in->n ? in->v[in->n - 1] : 1;
    attr[1].v = room;
    attr[0].i = k < 2 ? in->n : k == 2 ? 2 : 1;
    if (k == 0)
        *room = TP_SHAPE(all);
    else if (k == 1)
        *room = TP_SHAPE(1, all, 1);
    else if (k == 2 && in->n >= 2)
        *room = TP_SHAPE(last, in->v[in->n - 2]);
    else if (k == 3 && in->n >= 1 && last > 0 && last % 2 == 0)
        *room = TP_SHAPE(2, last / 2);
    else
        return false;
    return true;
}

const tp_rules tp_rules_reshape_axes = {.eval = copy_eval,
                                        .view = reshape_view,
                                        .shape = reshape_shape,
                                        .linear = TP_LINEAR,
                                        .pull = reshape_pull,
                                        .sample = reshape_sample};

/* --- expand_axes --- */

static bool expand_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    const tp_ints *to = call->attr[0].v;
    int lead = leading(call, in, to->n);
    if (lead < 0) return false;
    *out = *in;
    for (int i = 0; i < to->n; i++) {
        int64_t *size = &out->v[lead + i];
        if (to->v[i] == *size) continue;
        if (*size != 1 || to->v[i] < 0) {
            char a[256], b[256];
            tp_call_fail(call, TP_ERR_SHAPE, "cannot make %s of %s", tp_shape_text(to->v, to->n, a, sizeof a),
                         tp_shape_text(in->v, in->n, b, sizeof b));
            return false;
        }
        *size = to->v[i];
    }
    return true;
}

static bool expand_view(const tp_call *call, const tp_array *in, tp_array *out)
{
    (void)call;
    for (int i = 0; i < in->rank; i++) out->stride[i] = in->size[i] == out->size[i] ? in->stride[i] : 0;
    return true;
}

/* The engine sums down what was expanded. */
static tp_tensor *expand_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)call, (void)i, u[0];
}

static bool expand_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in;
    *room = trailing(*in, k == 0 ? in->n : in->n ? in->n - 1 : 0);
    attr[0].v = room;
    for (int i = 0; i < room->n; i++)
        if (room->v[i] == 1) room->v[i] = 3 - k;
    return k < 2;
}

const tp_rules tp_rules_expand_axes = {.view = expand_view,
                                       .shape = expand_shape,
                                       .linear = TP_LINEAR,
                                       .pull = expand_pull,
                                       .sample = expand_sample};

/* --- permute_axes --- */

static bool permute_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    const tp_ints *axes = call->attr[0].v;
    *out = *in;
    for (int i = 0; i < axes->n; i++) {
        if (axes->v[i] < -axes->n) {
            tp_call_fail(call, TP_ERR_ARGUMENT, "axis %lld is outside the %d axes to permute",
                         (long long)axes->v[i], axes->n);
            return false;
        }
        out->v[in->n - axes->n + i] = in->v[axes->v[i] + in->n];
    }
    return true;
}

static bool permute_view(const tp_call *call, const tp_array *in, tp_array *out)
{
    const tp_ints *axes = call->attr[0].v;
    for (int i = 0; i < in->rank - axes->n; i++) out->stride[i] = in->stride[i];
    for (int i = 0; i < axes->n; i++) out->stride[in->rank - axes->n + i] = in->stride[axes->v[i] + in->rank];
    return true;
}

static tp_tensor *permute_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    const tp_ints *axes = call->attr[0].v;
    tp_ints inverse = {.n = axes->n};
    for (int k = 0; k < axes->n; k++) inverse.v[axes->v[k] + axes->n] = k - axes->n;
    return tp_permute_axes(u[0], inverse);
}

static bool permute_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in;
    room->n = in->n - (k == 2);
    attr[0].v = room;
    if (room->n < 0) return false;
    for (int i = 0; i < room->n; i++) room->v[i] = k == 0 ? -1 - i : (i + 1) % room->n - room->n;
    return k < 3;
}

const tp_rules tp_rules_permute_axes = {.view = permute_view,
                                        .shape = permute_shape,
                                        .linear = TP_LINEAR,
                                        .pull = permute_pull,
                                        .sample = permute_sample};

/* --- slice_axis and spread_axis --- */

/* Whether start, start + step, ..., `count` of them, lie in an axis of `size`. */
static bool inside(const tp_call *call, int64_t size, int64_t start, int64_t count, int64_t step)
{
    int64_t last = 0;
    bool fits = count >= 0 && (count == 0 || (!__builtin_mul_overflow(count - 1, step, &last) &&
                                              !__builtin_add_overflow(last, start, &last) && start >= 0 &&
                                              start < size && last >= 0 && last < size));
    if (!fits)
        tp_call_fail(call, TP_ERR_SHAPE, "%lld elements from %lld, %lld apart, do not lie in an axis of %lld",
                     (long long)count, (long long)start, (long long)step, (long long)size);
    return fits;
}

static bool slice_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    const tp_attr *a = call->attr;
    *out = *in;
    int64_t *size = &out->v[a[0].i + in->n];
    if (!inside(call, *size, a[1].i, a[2].i, a[3].i)) return false;
    *size = a[2].i;
    return true;
}

static bool slice_view(const tp_call *call, const tp_array *in, tp_array *out)
{
    const tp_attr *a = call->attr;
    int axis = (int)a[0].i + in->rank;
    memcpy(out->stride, in->stride, sizeof out->stride);
    out->stride[axis] *= a[3].i;
    if (a[2].i) out->data = (char *)in->data + a[1].i * in->stride[axis] * (int64_t)tp_dtype_size(in->dtype);
    return true;
}

static tp_tensor *slice_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    const tp_attr *a = call->attr;
    tp_shape in = tp_call_shape(call, 0);
    (void)i;
    return tp_spread_axis(u[0], (int)a[0].i, in.v[a[0].i + in.n], a[1].i, a[3].i);
}

/* The last or first axis: all of it, reversed, every second one, none. */
static bool slice_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in, (void)room;
    attr[0].i = k % 2 ? -in->n : -1;
    int64_t size = in->n ? in->v[attr[0].i + in->n] : 0;
    attr[1].i = k == 1 && size ? size - 1 : k == 2 && size ? 1 : 0;
    attr[3].i = k == 1 ? -1 : k == 2 ? 2 : 1;
    attr[2].i = k == 3 ? 0 : k == 2 ? size / 2 : size;
    return in->n > 0 && k < 4;
}

const tp_rules tp_rules_slice_axis = {.view = slice_view,
                                      .shape = slice_shape,
                                      .linear = TP_LINEAR,
                                      .pull = slice_pull,
                                      .sample = slice_sample};

static bool spread_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    const tp_attr *a = call->attr;
    *out = *in;
    int64_t *size = &out->v[a[0].i + in->n];
    if (!inside(call, a[1].i, a[2].i, *size, a[3].i)) return false;
    *size = a[1].i;
    return true;
}

static void spread_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    const tp_attr *a = call->attr;
    int axis = (int)a[0].i + in->rank;
    int64_t size = (int64_t)tp_dtype_size(out->dtype);
    memset(out->data, 0, (size_t)(tp_shape_numel(out->size, out->rank) * size));
    tp_array to = out[0];
    to.size[axis] = in->size[axis];
    if (in->size[axis]) to.data = (char *)out->data + a[2].i * out->stride[axis] * size;
    to.stride[axis] *= a[3].i;
    tp_array_copy(&to, &in[0]);
}

static tp_tensor *spread_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    const tp_attr *a = call->attr;
    tp_shape in = tp_call_shape(call, 0);
    (void)i;
    return tp_slice_axis(u[0], (int)a[0].i, a[2].i, in.v[a[0].i + in.n], a[3].i);
}

static bool spread_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in, (void)room;
    attr[0].i = k % 2 ? -in->n : -1;
    int64_t size = in->n ? in->v[attr[0].i + in->n] : 0;
    attr[3].i = k == 1 ? -1 : k == 2 ? 2 : 1;
    attr[1].i = k == 2 ? 2 * size + 1 : size + 2;
    attr[2].i = k == 1 ? size : k == 2 ? 1 : 0;
    return in->n > 0 && k < 3;
}

const tp_rules tp_rules_spread_axis = {.eval = spread_eval,
                                       .shape = spread_shape,
                                       .linear = TP_LINEAR,
                                       .pull = spread_pull,
                                       .sample = spread_sample};
