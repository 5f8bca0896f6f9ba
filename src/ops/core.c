#include "ops/core.h"

#include "tensor/dtype.h"

int64_t tp_core_numel(const tp_array *a, int loops)
{
    int64_t n = 1;
    for (int i = loops; i < a->rank; i++) n *= a->size[i];
    return n;
}

void tp_core_start(tp_core *core, const tp_array *a, int loops, void *data, tp_dtype work)
{
    core->array = (tp_array){.data = data, .dtype = a->dtype, .rank = a->rank - loops};
    core->work = work;
    core->left = tp_core_numel(a, loops);
    core->in_row = 0;
    for (int i = 0; i < core->array.rank; i++) {
        core->array.size[i] = a->size[loops + i];
        core->array.stride[i] = a->stride[loops + i];
    }
    int rank = core->array.rank;
    core->row = rank ? core->array.size[rank - 1] : 1;
    if (core->left)
        tp_walk_start(&core->rows, rank ? rank - 1 : 0, 1, (const tp_array *const[]){&core->array});
}

int64_t tp_core_block(tp_core *core, void *buffer)
{
    int64_t n = 0, size = (int64_t)tp_dtype_size(core->array.dtype);
    int rank = core->array.rank;
    int64_t step = rank ? core->array.stride[rank - 1] : 1;
    while (core->left && n < TP_BLOCK) {
        int64_t m = core->row - core->in_row < TP_BLOCK - n ? core->row - core->in_row : TP_BLOCK - n;
        tp_convert((char *)buffer + n * (int64_t)tp_dtype_size(core->work), 1, core->work,
                   core->rows.at[0] + core->in_row * step * size, step, core->array.dtype, m);
        n += m;
        core->left -= m;
        core->in_row += m;
        if (core->in_row < core->row) continue;
        core->in_row = 0;
        tp_walk_next(&core->rows);
    }
    return n;
}
