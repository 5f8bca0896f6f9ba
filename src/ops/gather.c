/* gather.c - elements and rows by index, and their way back. */
#include "ops/core.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <string.h>

int64_t tp_place(const tp_call *call, const int64_t *index, int64_t n)
{
    int64_t k = *index < 0 ? *index + n : *index;
    if (k >= 0 && k < n) return k;
    tp_call_fail(call, TP_ERR_ARGUMENT, "index %lld is outside an axis of %lld", (long long)*index,
                 (long long)n);
    return -1;
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

static void gather_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int core = call->loops;
    int64_t n = in[0].size[core], m = out[0].size[core], size = (int64_t)tp_dtype_size(in[0].dtype);
    tp_walk w;
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        for (int64_t k = 0; k < m; k++) {
            int64_t at = tp_place(call, &TP_AT(int64_t, w, 1)[k * in[1].stride[core]], n);
            if (at < 0) return;
            copy_element(w.at[2] + k * out[0].stride[core] * size, w.at[0] + at * in[0].stride[core] * size,
                         size);
        }
    } while (tp_walk_next(&w));
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

static void scatter(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int core = call->loops;
    int64_t n = out[0].size[core], m = in[1].size[core], size = (int64_t)tp_dtype_size(out[0].dtype);
    tp_walk w;
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        for (int64_t k = 0; k < m; k++) {
            int64_t at = tp_place(call, &TP_AT(int64_t, w, 1)[k * in[1].stride[core]], n);
            if (at < 0) return;
            add_elements(w.at[3] + at * out[0].stride[core] * size, w.at[2] + k * in[2].stride[core] * size,
                         (const int64_t[2]){0}, 1, out[0].dtype);
        }
    } while (tp_walk_next(&w));
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

static void take_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int core = call->loops;
    const int64_t *from = in[0].stride + core, *to = out[0].stride + core, step = in[1].stride[core];
    int64_t rows = in[0].size[core], n = out[0].size[core], row = out[0].size[core + 1];
    int64_t size = (int64_t)tp_dtype_size(out[0].dtype);
    tp_walk w;
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        for (int64_t k = 0; k < n; k++) {
            int64_t at = tp_place(call, &TP_AT(int64_t, w, 1)[k * step], rows);
            if (at < 0) return;
            tp_convert(w.at[2] + k * to[0] * size, to[1], out[0].dtype, w.at[0] + at * from[0] * size,
                       from[1], in[0].dtype, row);
        }
    } while (tp_walk_next(&w));
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
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        for (int64_t k = 0; k < n; k++) {
            int64_t at = tp_place(call, &TP_AT(int64_t, w, 1)[k * step], rows);
            if (at < 0) return;
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
