#include "ops/loops.h"

#include "ops/elementwise.h"
#include "tensor/dtype.h"

bool tp_walk_start(tp_walk *w, int loops, int arrays, const tp_array *const *array)
{
    w->arrays = arrays;
    w->loops = loops;
    for (int k = 0; k < arrays; k++) {
        w->array[k] = array[k];
        w->at[k] = array[k]->data;
    }
    for (int i = 0; i < loops; i++) {
        w->index[i] = 0;
        if (array[arrays - 1]->size[i] == 0) return false;
    }
    return true;
}

bool tp_walk_next(tp_walk *w)
{
    for (int i = w->loops - 1; i >= 0; i--) {
        int64_t size = w->array[w->arrays - 1]->size[i];
        bool over = ++w->index[i] == size;
        int64_t step = over ? 1 - size : 1;
        for (int k = 0; k < w->arrays; k++)
            w->at[k] += step * w->array[k]->stride[i] * (int64_t)tp_dtype_size(w->array[k]->dtype);
        if (!over) return true;
        w->index[i] = 0;
    }
    return false;
}

bool tp_walk_call(tp_walk *w, const tp_call *call, const tp_array *in, const tp_array *out)
{
    const tp_array *array[TP_LOOP_ARRAYS];
    int n = 0;
    for (int i = 0; i < call->n_in; i++) array[n++] = &in[i];
    for (int o = 0; o < call->n_out; o++) array[n++] = &out[o];
    return tp_walk_start(w, call->loops, n, array);
}

/* --- elementwise --- */

enum { CHUNK = 128, MAX_OPERANDS = 5 };

/* One row of elements, in the dtype the kernel works in or by way of buffers in it. */
static void run_row(const tp_attr *attr, const tp_array *const *array, int n, char *const *at, int64_t count,
                    const int64_t *step, tp_inner_fn *inner, tp_dtype input_work, tp_dtype output_work)
{
    _Alignas(16) char buffer[MAX_OPERANDS][CHUNK * 8];
    for (int64_t start = 0; start < count; start += CHUNK) {
        int64_t m = count - start < CHUNK ? count - start : CHUNK;
        void *p[MAX_OPERANDS];
        int64_t s[MAX_OPERANDS];
        for (int k = 0; k < n; k++) {
            tp_dtype work = k == n - 1 ? output_work : input_work;
            char *from = at[k] + start * step[k] * (int64_t)tp_dtype_size(array[k]->dtype);
            bool same = array[k]->dtype == work;
            p[k] = same ? from : buffer[k];
            s[k] = same ? step[k] : 1;
            if (!same && k < n - 1) tp_convert(buffer[k], 1, work, from, step[k], array[k]->dtype, m);
        }
        inner(p, s, m, attr);
        if (array[n - 1]->dtype != output_work)
            tp_convert(at[n - 1] + start * step[n - 1] * (int64_t)tp_dtype_size(array[n - 1]->dtype),
                       step[n - 1], array[n - 1]->dtype, p[n - 1], 1, output_work, m);
    }
}

/* Whether axis i and the one before it can be walked as one. */
static bool mergeable(const tp_array *a, int i) { return a->stride[i - 1] == a->stride[i] * a->size[i]; }

/* Joins the last axes of all arrays while they lie one after another; returns the rank left. */
static int merge_axes(tp_array *const *array, int n, int rank)
{
    while (rank > 1) {
        for (int k = 0; k < n; k++)
            if (!mergeable(array[k], rank - 1)) return rank;
        for (int k = 0; k < n; k++) {
            array[k]->size[rank - 2] *= array[k]->size[rank - 1];
            array[k]->stride[rank - 2] = array[k]->stride[rank - 1];
        }
        rank--;
    }
    return rank;
}

void tp_each_element(const tp_call *call, const tp_array *in, const tp_array *out, const tp_inner *inner)
{
    int n = call->n_in + 1;
    tp_array copy[MAX_OPERANDS], *merged[MAX_OPERANDS];
    const tp_array *array[MAX_OPERANDS];
    for (int k = 0; k < n; k++) {
        copy[k] = k < n - 1 ? in[k] : out[0];
        array[k] = merged[k] = &copy[k];
    }
    int rank = merge_axes(merged, n, call->loops);
    tp_dtype work = tp_work_dtype(in[n - 2].dtype); /* the last input's: `where` has its condition first */
    if (work == TP_U64 && !inner->u64) work = TP_I64;
    tp_inner_fn *run = work == TP_F32   ? inner->f32
                       : work == TP_F64 ? inner->f64
                       : work == TP_U64 ? inner->u64
                                        : inner->i64;
    tp_dtype output_work = inner->to_bool ? TP_BOOL : work;
    tp_walk w;
    if (!tp_walk_start(&w, rank > 0 ? rank - 1 : 0, n, array)) return;
    int64_t step[MAX_OPERANDS], count = rank > 0 ? copy[n - 1].size[rank - 1] : 1;
    for (int k = 0; k < n; k++) step[k] = rank > 0 ? copy[k].stride[rank - 1] : 1;
    do run_row(call->attr, array, n, w.at, count, step, run, work, output_work);
    while (tp_walk_next(&w));
}

tp_tensor *tp_like(tp_tensor *t, double value) { return tp_scalar(tp_context_of(t), value, tp_dtype_of(t)); }
