/* sort.c - order along one axis. */
#include "ops/loops.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

/* One element on its way: what it is ordered by, and where it stood. */
typedef struct item {
    int64_t key, from;
} item;

enum { CHUNK = 256 };

/* A double as an integer that is ordered alike: -0 as 0, NaN above all. */
static int64_t key_of(double d)
{
    int64_t bits;
    if (d != d) return INT64_MAX;
    d += 0.0;
    memcpy(&bits, &d, sizeof bits);
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

/* The keys of n elements from `from` on; what comes first has the smallest key. */
static void load_keys(int64_t *key, const tp_array *a, const char *from, int64_t n, bool descending)
{
    int64_t step = a->stride[a->rank - 1];
    if (tp_dtype_is_float(a->dtype)) {
        double d[CHUNK];
        tp_convert(d, 1, TP_F64, from, step, a->dtype, n);
        for (int64_t k = 0; k < n; k++) key[k] = key_of(d[k]);
    } else
        tp_convert(key, 1, TP_I64, from, step, a->dtype, n);
    int64_t turn = (a->dtype == TP_U64 ? INT64_MIN : 0) ^ (descending ? -1 : 0);
    for (int64_t k = 0; k < n; k++) key[k] ^= turn;
}

/* Merges two sorted runs; equal ones keep their order. */
static void merge(const item *x, int64_t left, int64_t n, item *to)
{
    int64_t i = 0, j = left;
    for (int64_t k = 0; k < n; k++) {
        bool right = i == left || (j < n && x[j].key < x[i].key);
        to[k] = right ? x[j++] : x[i++];
    }
}

/* Two arrays of items, one of them scratch. */
typedef struct items {
    item *x, *scratch;
} items;

/* Bottom-up merge sort of x. */
static void merge_sort(items *s, int64_t n)
{
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t start = 0; start < n; start += 2 * width) {
            int64_t length = n - start < 2 * width ? n - start : 2 * width;
            merge(s->x + start, length < width ? length : width, length, s->scratch + start);
        }
        item *swap = s->x;
        s->x = s->scratch;
        s->scratch = swap;
    }
}

/* The k first elements of a row, in order. They are gathered in `room` items; where these are full, the k
 * first are kept, and from then on what is not before the last of them is passed over. */
static const item *first_k(items *s, int64_t room, int64_t k, const tp_array *a, const char *from,
                           bool descending)
{
    int64_t n = a->size[a->rank - 1], step = a->stride[a->rank - 1] * (int64_t)tp_dtype_size(a->dtype);
    int64_t have = 0, bound = INT64_MAX, key[CHUNK];
    bool bounded = false;
    for (int64_t start = 0; start < n; start += CHUNK) {
        int64_t m = n - start < CHUNK ? n - start : CHUNK;
        load_keys(key, a, from + start * step, m, descending);
        for (int64_t i = 0; i < m; i++) {
            if (bounded && key[i] >= bound) continue;
            if (have == room) {
                merge_sort(s, have);
                have = k;
                bound = s->x[k - 1].key;
                bounded = true;
            }
            s->x[have++] = (item){key[i], start + i};
        }
    }
    merge_sort(s, have);
    return s->x;
}

/* How many items room is for; and whether the first are the largest. */
typedef struct order {
    int64_t room;
    bool descending;
} order;

static void sort_rows(tp_walk *w, int64_t rows, void *room, const void *of)
{
    const order *o = of;
    const tp_array *in = w->array[0], *values = w->array[1], *indices = w->array[2];
    const int last = in->rank - 1;
    const int64_t k = values->size[last], size = tp_bytes(in->dtype);
    items s = {room, (item *)room + o->room};
    for (; rows > 0; rows--, tp_walk_next(w)) {
        const item *sorted = first_k(&s, o->room, k, in, w->at[0], o->descending);
        for (int64_t j = 0; j < k; j++) {
            memcpy(w->at[1] + j * values->stride[last] * size,
                   w->at[0] + sorted[j].from * in->stride[last] * size, (size_t)size);
            TP_AT(int64_t, *w, 2)[j * indices->stride[last]] = sorted[j].from;
        }
    }
}

static void first_of_rows(const tp_call *call, const tp_array *in, const tp_array *out, bool descending)
{
    const int last = in[0].rank - 1;
    const int64_t n = in[0].size[last], k = out[0].size[last];
    const order o = {n < 2 * k + CHUNK ? n : 2 * k + CHUNK, descending};
    tp_walk w;
    if (tp_walk_call(&w, call, in, out))
        tp_each_position(call, &w, n, TP_COST_SORT, 2 * (size_t)(o.room + 1) * sizeof(item), sort_rows, &o);
}

static void sort_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    first_of_rows(call, in, out, call->attr[1].b);
}

static void topk_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int64_t n = in[0].size[in[0].rank - 1], k = call->attr[0].i;
    if (k <= n)
        first_of_rows(call, in, out, call->attr[2].b);
    else
        tp_call_fail(call, TP_ERR_ARGUMENT, "k is %lld, the axis has %lld", (long long)k, (long long)n);
}

/* The values are elements of the input: tangent and gradient follow the indices. */
static tp_tensor *push_along(const tp_call *call, int o, tp_tensor *tangent, int64_t axis)
{
    return o == 0 ? tp_gather(tangent, call->out[1], (int)axis) : NULL;
}

static tp_tensor *pull_along(const tp_call *call, tp_tensor *u, int64_t axis)
{
    if (!u) return NULL;
    tp_shape shape = tp_shape_of(u), in = tp_call_shape(call, 0);
    shape.v[axis + shape.n] = in.v[axis + in.n];
    tp_tensor *zeros = tp_expand(tp_scalar(call->context, 0, tp_dtype_of(u)), shape);
    return tp_scatter_add(zeros, call->out[1], u, (int)axis);
}

static tp_tensor *sort_push(const tp_call *call, int o, tp_tensor *const *t)
{
    return push_along(call, o, t[0], call->attr[0].i);
}

static tp_tensor *sort_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return pull_along(call, u[0], call->attr[0].i);
}

static tp_tensor *topk_push(const tp_call *call, int o, tp_tensor *const *t)
{
    return push_along(call, o, t[0], call->attr[1].i);
}

static tp_tensor *topk_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return pull_along(call, u[0], call->attr[1].i);
}

/* Sample k: every axis, one element and all but one, both orders. */
static bool topk_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in, (void)room;
    if (k >= 4 * in->n) return false;
    int64_t axis = k / 4, n = in->v[axis];
    attr[0].i = k % 2 || n == 0 ? 0 + (n > 0) : n - 1;
    attr[1].i = axis;
    attr[2].b = k % 4 < 2;
    return true;
}

const tp_rules tp_rules_sort = {.eval = sort_eval, .push = sort_push, .pull = sort_pull, .reads = TP_OUT(1)};
const tp_rules tp_rules_topk = {
    .eval = topk_eval, .push = topk_push, .pull = topk_pull, .reads = TP_OUT(1), .sample = topk_sample};
