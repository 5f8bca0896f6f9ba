#include "base/pool.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

/* Elements row-major, rows along the last axis, which threads share out. */
typedef struct copy {
    const tp_array *to, *from;
    int64_t n, row; /* elements of all rows and of one */
} copy;

/* Where a row begins. */
typedef struct place {
    int64_t index[TP_INTERNAL_RANK];
    char *to;
    const char *from;
} place;

static void step(const copy *c, place *at, int axis, int64_t steps)
{
    at->index[axis] += steps;
    at->to += steps * c->to->stride[axis] * tp_bytes(c->to->dtype);
    at->from += steps * c->from->stride[axis] * tp_bytes(c->from->dtype);
}

static void next_row(const copy *c, place *at)
{
    for (int i = c->to->rank - 2; i >= 0; i--) {
        step(c, at, i, 1);
        if (at->index[i] < c->to->size[i]) return;
        step(c, at, i, -c->to->size[i]);
    }
}

static void copy_rows(void *work, int part, int parts)
{
    enum { GRAIN = 64 };
    const copy *c = work;
    const int last = c->to->rank - 1;
    const tp_dtype to = c->to->dtype, from = c->from->dtype;
    const int64_t to_step = last < 0 ? 1 : c->to->stride[last],
                  from_step = last < 0 ? 1 : c->from->stride[last];
    int64_t m, i = tp_part_start(c->n, GRAIN, part, parts), in_row = 0;
    const int64_t end = tp_part_start(c->n, GRAIN, part + 1, parts);
    place at = {{0}, c->to->data, c->from->data};
    if (i) {
        in_row = i % c->row;
        for (int64_t row = i / c->row, k = last - 1; k >= 0; row /= c->to->size[k], k--)
            step(c, &at, (int)k, row % c->to->size[k]);
    }
    for (; i < end; i += m, in_row = 0, next_row(c, &at)) {
        m = c->row - in_row < end - i ? c->row - in_row : end - i;
        tp_convert(at.to + in_row * to_step * tp_bytes(to), to_step, to,
                   at.from + in_row * from_step * tp_bytes(from), from_step, from, m);
    }
}

void tp_array_copy(const tp_array *to, const tp_array *from)
{
    const int last = to->rank - 1;
    copy c = {to, from, tp_shape_numel(to->size, to->rank), last < 0 ? 1 : to->size[last]};
    if (c.n == 0) return;
    const bool rows = last < 0 || (to->stride[last] == 1 && from->stride[last] == 1);
    const tp_cost cost = rows && to->dtype == from->dtype ? TP_COST_PASS : TP_COST_CONVERT;
    tp_parallel(tp_parts_worth(c.n, cost), copy_rows, &c);
}
