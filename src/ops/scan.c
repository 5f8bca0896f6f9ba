/* scan.c - running sums along one axis. */
#include "ops/loops.h"
#include "tensor/dtype.h"

#include <taper/ops.h>

enum { CHUNK = 256 };

/* One row, one addition after the other: floats in f64, rounded once an element; integers wrap. */
#define CUMSUM(T)                                                                                           \
    static void cumsum_##T(const tp_array *in, const tp_array *out, const char *from, char *to,             \
                           tp_dtype work)                                                                   \
    {                                                                                                       \
        int last = in->rank - 1;                                                                            \
        int64_t n = in->size[last], in_step = in->stride[last], out_step = out->stride[last];               \
        T x[CHUNK], sum = 0;                                                                                \
        for (int64_t start = 0; start < n; start += CHUNK) {                                                \
            int64_t m = n - start < CHUNK ? n - start : CHUNK;                                              \
            tp_convert(x, 1, work, from + start * in_step * (int64_t)tp_dtype_size(in->dtype), in_step,     \
                       in->dtype, m);                                                                       \
            for (int64_t k = 0; k < m; k++) x[k] = sum += x[k];                                             \
            tp_convert(to + start * out_step * (int64_t)tp_dtype_size(out->dtype), out_step, out->dtype, x, \
                       1, work, m);                                                                         \
        }                                                                                                   \
    }

CUMSUM(double)
CUMSUM(uint64_t)

static void cumsum_rows(tp_walk *w, int64_t rows, void *room, const void *of)
{
    (void)room, (void)of;
    const bool floats = tp_dtype_is_float(w->array[0]->dtype);
    for (; rows > 0; rows--, tp_walk_next(w))
        if (floats)
            cumsum_double(w->array[0], w->array[1], w->at[0], w->at[1], TP_F64);
        else
            cumsum_uint64_t(w->array[0], w->array[1], w->at[0], w->at[1], TP_I64);
}

static void cumsum_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_walk w;
    if (tp_walk_call(&w, call, in, out))
        tp_each_position(call, &w, in->size[in->rank - 1], TP_COST_CONVERT, 0, cumsum_rows, NULL);
}

static tp_tensor *reversed(tp_tensor *x, int axis)
{
    int64_t n = tp_size(x, axis);
    return tp_slice_axis(x, axis, n ? n - 1 : 0, n, -1);
}

/* Element j is in all sums from j on. */
static tp_tensor *cumsum_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    int axis = (int)call->attr[0].i;
    return reversed(tp_cumsum(reversed(u[0], axis), axis), axis);
}

const tp_rules tp_rules_cumsum = {.eval = cumsum_eval, .linear = TP_LINEAR, .pull = cumsum_pull};
