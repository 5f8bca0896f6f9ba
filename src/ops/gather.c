/* gather.c - elements and rows by index, and their way back. */
#include "ops/core.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <string.h>

bool tp_indices_fit(const tp_call *call, const tp_array *index, int64_t n)
{
    const int last = index->rank - 1;
    const int64_t count = last < 0 ? 1 : index->size[last], step = last < 0 ? 1 : index->stride[last];
    tp_walk w;
    if (!count || !tp_walk_start(&w, last < 0 ? 0 : last, 1, &index)) return true;
    do {
        for (int64_t k = 0; k < count; k++) {
            int64_t at = TP_AT(const int64_t, w, 0)[k * step];
            if (at >= -n && at < n) continue;
            tp_call_fail(call, TP_ERR_ARGUMENT, "index %lld is outside an axis of %lld", (long long)at,
                         (long long)n);
            return false;
        }
    } while (tp_walk_next(&w));
    return true;
}

static void copy_element(char *to, const char *from, int64_t size)
{
    switch (size) {
    case 1: *to = *from; break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    default: memcpy(to, from, 8);
    }
}

#define ADD_TO(T, sum)                                                \
    {                                                                 \
        T *x = (T *)(void *)to;                                       \
        const T *y = (const T *)(const void *)add;                    \
        for (int64_t k = 0; k < n; k++, x += step[0], y += step[1]) { \
            *x = (T)(sum);                                            \
        }                                                             \
        break;                                                        \
    }

/* Adds n elements to n others; halves come as f32, integers wrap, bool is or. */
static void add_elements(char *to, const char *add, const int64_t step[2], int64_t n, tp_dtype dtype)
{
    switch (dtype) {
    case TP_F64: ADD_TO(double, *x + *y)
    case TP_F32: ADD_TO(float, *x + *y)
    case TP_BOOL: ADD_TO(uint8_t, *x | *y)
    case TP_U8:
    case TP_I8: ADD_TO(uint8_t, *x + *y)
    case TP_U16:
    case TP_I16: ADD_TO(uint16_t, *x + *y)
    case TP_U32:
    case TP_I32: ADD_TO(uint32_t, *x + *y)
    default: ADD_TO(uint64_t, *x + *y)
    }
}

/* Runs `add` of (in, out), where it adds in[source] up in `out`, in f32 for the half formats. */
static void add_wide(const tp_call *call, const tp_array *in, int source, const tp_array *out,
                     void (*add)(const tp_call *call, const tp_array *in, const tp_array *out))
{
    if (tp_work_dtype(out->dtype) == out->dtype || !tp_dtype_is_float(out->dtype)) {
        add(call, in, out);
        return;
    }
    tp_array wide_in[3], wide_out;
    memcpy(wide_in, in, (size_t)call->n_in * sizeof *in);
    if (!tp_wide_open(call, &in[source], &wide_in[source])) return;
    if (tp_wide_open(call, out, &wide_out)) {
        tp_array_copy(&wide_in[source], &in[source]);
        tp_array_copy(&wide_out, out);
        add(call, wide_in, &wide_out);
        tp_array_copy(out, &wide_out);
        tp_wide_close(call, &wide_out);
    }
    tp_wide_close(call, &wide_in[source]);
}

/* --- elements: gather and scatter_add --- */

/* in[0], in[1], out. */
static void gather_span(const tp_walk *w, int64_t from, int64_t n, const void *of)
{
    const tp_call *call = of;
    const int core = call->loops;
    const tp_array *const *array = w->array;
    const int64_t size = tp_bytes(array[0]->dtype), axis = array[0]->size[core];
    const int64_t step[] = {array[0]->stride[core] * size, array[1]->stride[core],
                            array[2]->stride[core] * size};
    for (int64_t k = from; k < from + n; k++) {
        int64_t at = tp_place(TP_AT(const int64_t, *w, 1)[k * step[1]], axis);
        copy_element(w->at[2] + k * step[2], w->at[0] + at * step[0], size);
    }
}

static void gather_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_walk w;
    if (tp_indices_fit(call, &in[1], in[0].size[call->loops]) && tp_walk_call(&w, call, in, out))
        tp_each_span(&w, out[0].size[call->loops], 1, TP_COST_CONVERT, gather_span, call);
}

static tp_tensor *gather_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    tp_tensor *index = call->in[1];
    int axis = (int)call->attr[0].i, rank = tp_rank(u[0]);
    tp_shape shape = tp_shape_of(u[0]), in = tp_call_shape(call, 0);
    if (rank) shape.v[axis + rank] = in.v[axis + in.n];
    return tp_scatter_add(tp_expand(tp_scalar(tp_context_of(u[0]), 0, tp_dtype_of(u[0])), shape), index, u[0],
                          axis);
}

static tp_tensor *gather_push(const tp_call *call, int o, tp_tensor *const *t)
{
    (void)o;
    return tp_gather(t[0], call->in[1], (int)call->attr[0].i);
}

const tp_rules tp_rules_gather = {
    .eval = gather_eval, .pull = gather_pull, .push = gather_push, .reads = TP_IN(1)};

/* in[0], in[1], in[2], out. */
static void scatter_rows(tp_walk *w, int64_t rows, void *room, const void *of)
{
    (void)room;
    const int core = ((const tp_call *)of)->loops;
    const tp_array *index = w->array[1], *from = w->array[2], *to = w->array[3];
    const int64_t size = tp_bytes(to->dtype), n = to->size[core], m = index->size[core], once[2] = {0};
    for (; rows > 0; rows--, tp_walk_next(w))
        for (int64_t k = 0; k < m; k++) {
            int64_t at = tp_place(TP_AT(const int64_t, *w, 1)[k * index->stride[core]], n);
            add_elements(w->at[3] + at * to->stride[core] * size, w->at[2] + k * from->stride[core] * size,
                         once, 1, to->dtype);
        }
}

static void scatter(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_walk w;
    if (tp_indices_fit(call, &in[1], out->size[call->loops]) && tp_walk_call(&w, call, in, out))
        tp_each_position(call, &w, in[1].size[call->loops], TP_COST_CONVERT, 0, scatter_rows, call);
}

static void scatter_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_array_copy(&out[0], &in[0]);
    add_wide(call, in, 2, out, scatter);
}

static tp_tensor *scatter_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return i == 0 ? u[0] : tp_gather(u[0], call->in[1], (int)call->attr[0].i);
}

const tp_rules tp_rules_scatter_add = {
    .eval = scatter_eval, .linear = TP_LINEAR, .pull = scatter_pull, .reads = TP_IN(1)};

/* --- rows: take_rows and add_rows --- */

/* in[0], in[1], out. */
static void take_span(const tp_walk *w, int64_t first, int64_t n, const void *of)
{
    const int core = ((const tp_call *)of)->loops;
    const tp_array *in = w->array[0], *out = w->array[2];
    const int64_t *from = in->stride + core, *to = out->stride + core, step = w->array[1]->stride[core];
    const int64_t size = tp_bytes(out->dtype);
    for (int64_t k = first; k < first + n; k++) {
        int64_t at = tp_place(TP_AT(const int64_t, *w, 1)[k * step], in->size[core]);
        tp_convert(w->at[2] + k * to[0] * size, to[1], out->dtype, w->at[0] + at * from[0] * size, from[1],
                   in->dtype, out->size[core + 1]);
    }
}

static void take_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    const int core = call->loops;
    tp_walk w;
    if (tp_indices_fit(call, &in[1], in[0].size[core]) && tp_walk_call(&w, call, in, out))
        tp_each_span(&w, out[0].size[core], out[0].size[core + 1], TP_COST_PASS, take_span, call);
}

static tp_tensor *take_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    tp_shape x = tp_call_shape(call, i);
    return tp_add_rows(u[0], call->in[1], x.v[x.n - 2]);
}

const tp_rules tp_rules_take_rows = {
    .eval = take_eval, .linear = TP_LINEAR, .pull = take_pull, .reads = TP_IN(1)};

static void add_rows(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int core = call->loops;
    const int64_t *from = in[0].stride + core, *to = out[0].stride + core, step = in[1].stride[core];
    int64_t rows = out[0].size[core], n = in[0].size[core], row = in[0].size[core + 1];
    int64_t size = (int64_t)tp_dtype_size(out[0].dtype);
    tp_walk w;
    if (!tp_indices_fit(call, &in[1], rows) || !tp_walk_call(&w, call, in, out)) return;
    do {
        for (int64_t k = 0; k < n; k++) {
            int64_t at = tp_place(TP_AT(const int64_t, w, 1)[k * step], rows);
            add_elements(w.at[2] + at * to[0] * size, w.at[0] + k * from[0] * size,
                         (const int64_t[2]){to[1], from[1]}, row, out[0].dtype);
        }
    } while (tp_walk_next(&w));
}

static void add_rows_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    memset(out->data, 0, (size_t)tp_shape_numel(out->size, out->rank) * tp_dtype_size(out->dtype));
    add_wide(call, in, 0, out, add_rows);
}

static tp_tensor *add_rows_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return tp_take_rows(u[0], call->in[1]);
}

/* As many rows as there are, and more; test indices lie among those there are. */
static bool add_rows_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in, (void)room;
    attr[0].i = in[0].v[in[0].n - 2] + 2 * k;
    return k < 2;
}

const tp_rules tp_rules_add_rows = {.eval = add_rows_eval,
                                    .linear = TP_LINEAR,
                                    .pull = add_rows_pull,
                                    .reads = TP_IN(1),
                                    .sample = add_rows_sample};

/* --- one_hot --- */

static void one_hot_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int64_t classes = call->attr[0].i, size = (int64_t)tp_dtype_size(out->dtype);
    const int64_t one = 1;
    tp_walk w;
    memset(out->data, 0, (size_t)(tp_shape_numel(out->size, out->rank) * size));
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        int64_t at = *TP_AT(int64_t, w, 0);
        if (at < 0 || at >= classes) {
            tp_call_fail(call, TP_ERR_ARGUMENT, "class %lld is outside 0 to %lld", (long long)at,
                         (long long)classes - 1);
            return;
        }
        tp_convert(w.at[1] + at * out->stride[call->loops] * size, 1, out->dtype, &one, 1, TP_I64, 1);
    } while (tp_walk_next(&w));
}

const tp_rules tp_rules_one_hot = {.eval = one_hot_eval, .nodiff = "an index is no float"};
