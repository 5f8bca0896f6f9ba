/* sort.c - order along one axis. */
#include "ops/loops.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

/* One element on its way: floats compare as double, NaN above all; integers as i64 (u64 with its top bit
 * turned). */
typedef struct item {
    double d;
    int64_t i, from;
} item;

static bool before(const item *a, const item *b, bool floats)
{
    if (!floats) return a->i < b->i;
    return a->d < b->d || (b->d != b->d && a->d == a->d);
}

/* Merges two sorted runs; equal ones keep their order. */
static void merge(const item *x, int64_t left, int64_t n, item *to, bool floats, bool descending)
{
    int64_t i = 0, j = left;
    for (int64_t k = 0; k < n; k++) {
        bool right = i == left ||
                     (j < n && (descending ? before(&x[i], &x[j], floats) : before(&x[j], &x[i], floats)));
        to[k] = right ? x[j++] : x[i++];
    }
}

/* Bottom-up merge sort; the result is in the array returned. */
static item *merge_sort(item *x, item *scratch, int64_t n, bool floats, bool descending)
{
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t start = 0; start < n; start += 2 * width) {
            int64_t length = n - start < 2 * width ? n - start : 2 * width;
            merge(x + start, length < width ? length : width, length, scratch + start, floats, descending);
        }
        item *swap = x;
        x = scratch;
        scratch = swap;
    }
    return x;
}

static void load_row(item *x, const char *from, const tp_array *a, int64_t n, bool floats)
{
    int64_t step = a->stride[a->rank - 1] * (int64_t)tp_dtype_size(a->dtype);
    for (int64_t k = 0; k < n; k++, from += step) {
        x[k].from = k;
        if (floats)
            tp_convert(&x[k].d, 1, TP_F64, from, 1, a->dtype, 1);
        else
            tp_convert(&x[k].i, 1, TP_I64, from, 1, a->dtype, 1);
        if (a->dtype == TP_U64) x[k].i ^= INT64_MIN;
    }
}

static void sort_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int last = in[0].rank - 1;
    int64_t n = in[0].size[last];
    size_t bytes = 2 * (size_t)n * sizeof(item), size = tp_dtype_size(in[0].dtype);
    bool floats = tp_dtype_is_float(in[0].dtype);
    item *x = tp_alloc(call->context, bytes);
    tp_walk w;
    if (!x) return;
    tp_walk_call(&w, call, in, out);
    do {
        load_row(x, w.at[0], &in[0], n, floats);
        const item *sorted = merge_sort(x, x + n, n, floats, call->attr[1].b);
        for (int64_t k = 0; k < n; k++) {
            const char *from = w.at[0] + sorted[k].from * in[0].stride[last] * (int64_t)size;
            tp_convert(w.at[1] + k * out[0].stride[last] * (int64_t)size, 1, out[0].dtype, from, 1,
                       in[0].dtype, 1);
            TP_AT(int64_t, w, 2)[k * out[1].stride[last]] = sorted[k].from;
        }
    } while (tp_walk_next(&w));
    tp_free(call->context, x, bytes);
}

/* The values are the inputs rearranged: sum and gradient follow the indices. */
static tp_tensor *sort_push(const tp_call *call, int o, tp_tensor *const *t)
{
    return o == 0 ? tp_gather(t[0], call->out[1], (int)call->attr[0].i) : NULL;
}

static tp_tensor *sort_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    if (!u[0]) return NULL;
    return tp_scatter_add(tp_zeros_like(u[0]), call->out[1], u[0], (int)call->attr[0].i);
}

const tp_rules tp_rules_sort = {.eval = sort_eval, .push = sort_push, .pull = sort_pull, .reads = TP_OUT(1)};
