/* diagonal.c - the diagonals of matrices, and what lies below and above them. */
#include "ops/loops.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <string.h>

/* --- tril and triu --- */

/* Copies columns from..to of each row i, zeros elsewhere; both bounds move with i. */
static void keep_columns(const tp_call *call, const tp_array *in, const tp_array *out, bool below)
{
    const int64_t *si = in->stride + call->loops, *so = out->stride + call->loops;
    int64_t rows = out->size[call->loops], columns = out->size[call->loops + 1], diagonal = call->attr[0].i;
    int64_t size = (int64_t)tp_dtype_size(out->dtype);
    tp_walk w;
    memset(out->data, 0, (size_t)(tp_shape_numel(out->size, out->rank) * size));
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        for (int64_t i = 0; i < rows; i++) {
            /* the row's place on the diagonal, clipped without overflow */
            int64_t at = diagonal < -i ? 0 : diagonal >= columns - i ? columns : i + diagonal + below;
            int64_t from = below ? 0 : at, n = below ? at : columns - at;
            tp_convert(w.at[1] + (i * so[0] + from * so[1]) * size, so[1], out->dtype,
                       w.at[0] + (i * si[0] + from * si[1]) * size, si[1], in->dtype, n);
        }
    } while (tp_walk_next(&w));
}

static void tril_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    keep_columns(call, in, out, true);
}

static void triu_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    keep_columns(call, in, out, false);
}

static tp_tensor *tril_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)i, tp_tril(u[0], call->attr[0].i);
}

static tp_tensor *triu_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)i, tp_triu(u[0], call->attr[0].i);
}

static bool triangle_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in, (void)in, (void)room;
    attr[0].i = k == 3 ? 100 : k - 1;
    return k < 4;
}

const tp_rules tp_rules_tril = {
    .eval = tril_eval, .linear = TP_LINEAR, .pull = tril_pull, .sample = triangle_sample};
const tp_rules tp_rules_triu = {
    .eval = triu_eval, .linear = TP_LINEAR, .pull = triu_pull, .sample = triangle_sample};

/* --- the diagonal itself --- */

/* How many elements lie on a diagonal. */
static int64_t length(int64_t rows, int64_t columns, int64_t offset)
{
    if (offset <= -rows || offset >= columns) return 0;
    int64_t below = offset < 0 ? rows + offset : rows, right = offset < 0 ? columns : columns - offset;
    return below < right ? below : right;
}

/* The diagonal of the last two axes as an array of one axis less. */
static void along(const tp_array *matrix, int64_t offset, int64_t n, tp_array *diagonal)
{
    int last = matrix->rank - 1;
    const int64_t *step = matrix->stride + last - 1;
    int64_t start = offset < 0 ? -offset * step[0] : offset * step[1];
    memcpy(diagonal->stride, matrix->stride, sizeof diagonal->stride);
    diagonal->stride[last - 1] = step[0] + step[1];
    diagonal->data = matrix->data;
    if (n) diagonal->data = (char *)matrix->data + start * (int64_t)tp_dtype_size(matrix->dtype);
}

static bool diagonal_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    if (in->n < 2) {
        char text[256];
        tp_call_fail(call, TP_ERR_SHAPE, "takes matrices, got %s",
                     tp_shape_text(in->v, in->n, text, sizeof text));
        return false;
    }
    *out = *in;
    out->n--;
    out->v[out->n - 1] = length(in->v[in->n - 2], in->v[in->n - 1], call->attr[0].i);
    return true;
}

static bool diagonal_view(const tp_call *call, const tp_array *in, tp_array *out)
{
    along(in, call->attr[0].i, out->size[out->rank - 1], out);
    return true;
}

static tp_tensor *diagonal_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    tp_shape in = tp_call_shape(call, i);
    return tp_diagonal_spread(u[0], in.v[in.n - 2], in.v[in.n - 1], call->attr[0].i);
}

static bool diagonal_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in, (void)room;
    attr[0].i = k == 3 ? 100 : k - 1;
    return in->n >= 2 && k < 4;
}

const tp_rules tp_rules_diagonal_axes = {.view = diagonal_view,
                                         .shape = diagonal_shape,
                                         .linear = TP_LINEAR,
                                         .pull = diagonal_pull,
                                         .sample = diagonal_sample};

static bool spread_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    int64_t rows = call->attr[0].i, columns = call->attr[1].i, offset = call->attr[2].i;
    char text[256];
    if (rows < 0 || columns < 0 || in->n < 1 || in->n == TP_INTERNAL_RANK ||
        in->v[in->n - 1] != length(rows, columns, offset)) {
        tp_call_fail(call, TP_ERR_SHAPE, "%s is not diagonal %lld of [%lld,%lld]",
                     tp_shape_text(in->v, in->n, text, sizeof text), (long long)offset, (long long)rows,
                     (long long)columns);
        return false;
    }
    *out = *in;
    out->v[out->n - 1] = rows;
    out->v[out->n++] = columns;
    return true;
}

static void spread_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_array to = in[0];
    memset(out->data, 0, (size_t)tp_shape_numel(out->size, out->rank) * tp_dtype_size(out->dtype));
    along(&out[0], call->attr[2].i, in->size[in->rank - 1], &to);
    tp_array_copy(&to, &in[0]);
}

static tp_tensor *spread_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)i, tp_diagonal_axes(u[0], call->attr[2].i);
}

/* Square, below the diagonal of a square, above that of a wide one. */
static bool spread_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in, (void)room;
    int64_t n = in->n ? in->v[in->n - 1] : 0;
    attr[0].i = k == 1 ? n + 1 : n;
    attr[1].i = k == 1 ? n + 1 : k == 2 ? n + 3 : n;
    attr[2].i = k == 1 ? -1 : k;
    return in->n > 0 && k < 3;
}

const tp_rules tp_rules_diagonal_spread = {.eval = spread_eval,
                                           .shape = spread_shape,
                                           .linear = TP_LINEAR,
                                           .pull = spread_pull,
                                           .sample = spread_sample};
