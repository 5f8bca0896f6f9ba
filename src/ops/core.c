#include "ops/core.h"

#include "base/pool.h"
#include "base/simd.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

void tp_core_open(tp_core *core, const tp_array *a, int loops, tp_dtype work)
{
    tp_array *b = &core->array;
    *b = (tp_array){.dtype = a->dtype};
    core->work = work;
    core->numel = 1;
    for (int i = loops; i < a->rank; i++) {
        int last = b->rank - 1;
        core->numel *= a->size[i];
        if (a->size[i] == 1) continue;
        if (last >= 0 && b->stride[last] == a->stride[i] * a->size[i]) {
            b->size[last] *= a->size[i];
            b->stride[last] = a->stride[i];
        } else {
            b->size[b->rank] = a->size[i];
            b->stride[b->rank++] = a->stride[i];
        }
    }
    core->row = b->rank ? b->size[b->rank - 1] : 1;
    core->step = b->rank ? b->stride[b->rank - 1] : 1;
}

void tp_core_start(tp_core *core, void *data)
{
    core->array.data = data;
    tp_core_again(core);
}

void tp_core_again(tp_core *core)
{
    int rank = core->array.rank;
    core->left = core->numel;
    core->in_row = 0;
    if (core->left)
        tp_walk_start(&core->rows, rank ? rank - 1 : 0, 1, (const tp_array *const[]){&core->array});
}

/* The next `n` elements of the row at hand; steps to the next row at its end. */
static const char *take(tp_core *core, int64_t n)
{
    const char *at = core->rows.at[0] + core->in_row * core->step * (int64_t)tp_dtype_size(core->array.dtype);
    core->left -= n;
    core->in_row += n;
    if (core->in_row == core->row) {
        core->in_row = 0;
        tp_walk_next(&core->rows);
    }
    return at;
}

const void *tp_core_next(tp_core *core, void *buffer, int64_t *n)
{
    int64_t want = core->left < TP_BLOCK ? core->left : TP_BLOCK, size = (int64_t)tp_dtype_size(core->work);
    *n = want;
    if (want == 0) return buffer;
    if (core->step == 1 && core->work == core->array.dtype && core->row - core->in_row >= want)
        return take(core, want);
    char *to = buffer;
    while (want > 0) {
        int64_t m = core->row - core->in_row < want ? core->row - core->in_row : want;
        tp_convert(to, 1, core->work, take(core, m), core->step, core->array.dtype, m);
        to += m * size;
        want -= m;
    }
    return buffer;
}

#define SUM_AT(name, target, T)                                                                   \
    target static T name(tp_core *core)                                                           \
    {                                                                                             \
        T buffer[TP_BLOCK];                                                                       \
        const T *x;                                                                               \
        tp_sum_##T sum = {.blocks = 0};                                                           \
        for (int64_t n; x = tp_core_next(core, buffer, &n), n > 0;) tp_sum_##T##_add(&sum, x, n); \
        return tp_sum_##T##_end(&sum);                                                            \
    }
#if defined(__x86_64__)
#define SUM_BY_LEVEL(T)                                            \
    SUM_AT(sum_##T##_baseline, , T)                                \
    SUM_AT(sum_##T##_avx2, TP_AVX2, T)                             \
    SUM_AT(sum_##T##_avx512, TP_AVX512, T)                         \
    static T sum_##T(tp_core *core)                                \
    {                                                              \
        tp_simd level = tp_simd_in_use();                          \
        return level == TP_SIMD_AVX512 ? sum_##T##_avx512(core)    \
               : level == TP_SIMD_AVX2 ? sum_##T##_avx2(core)      \
                                       : sum_##T##_baseline(core); \
    }
#else
#define SUM_BY_LEVEL(T) SUM_AT(sum_##T, , T)
#endif

enum { TREES = 64 };

/* One row cut into trees of blocks, which threads share out. */
typedef struct trees {
    const tp_core *core;
    int level; /* a tree has 2^level blocks; the last one may have fewer */
    int64_t n;
    void *sum; /* of each tree */
} trees;

/* The elements of tree i. */
static void open_tree(const trees *t, int64_t i, tp_core *tree)
{
    const int64_t length = (int64_t)TP_BLOCK << t->level, left = t->core->numel - i * length;
    *tree = *t->core;
    tree->numel = left < length ? left : length;
    tp_core_start(tree, (char *)tree->array.data + i * length * tree->step * tp_bytes(tree->array.dtype));
}

#define SUM(T)                                                                                      \
    SUM_BY_LEVEL(T)                                                                                 \
    static void sum_trees_##T(void *work, int part, int parts)                                      \
    {                                                                                               \
        const trees *t = work;                                                                      \
        const int64_t end = tp_part_start(t->n, 1, part + 1, parts);                                \
        for (int64_t i = tp_part_start(t->n, 1, part, parts); i < end; i++) {                       \
            tp_core tree;                                                                           \
            open_tree(t, i, &tree);                                                                 \
            ((T *)t->sum)[i] = sum_##T(&tree);                                                      \
        }                                                                                           \
    }                                                                                               \
    T tp_core_sum_##T(tp_core *core)                                                                \
    {                                                                                               \
        const int parts = core->array.rank > 1 ? 1 : tp_parts_worth(core->numel / 2, TP_COST_PASS); \
        if (parts == 1) return sum_##T(core);                                                       \
        T sum[TREES];                                                                               \
        tp_sum_##T total = {.blocks = 0};                                                           \
        const int64_t blocks = (core->numel + TP_BLOCK - 1) / TP_BLOCK;                             \
        trees t = {.core = core, .sum = sum};                                                       \
        while (blocks > (int64_t)TREES << t.level) t.level++;                                       \
        t.n = (blocks + ((int64_t)1 << t.level) - 1) >> t.level;                                    \
        tp_parallel(parts, sum_trees_##T, &t);                                                      \
        for (int64_t i = 0; i < blocks >> t.level; i++) tp_sum_##T##_tree(&total, t.level, sum[i]); \
        return blocks >> t.level == t.n ? tp_sum_##T##_end(&total)                                  \
                                        : tp_sum_##T##_end_with(&total, sum[t.n - 1]);              \
    }

SUM(float)
SUM(double)

static size_t wide_bytes(const tp_array *wide)
{
    return (size_t)tp_shape_numel(wide->size, wide->rank) * sizeof(float) + 1; /* never none at all */
}

bool tp_wide_open(const tp_call *call, const tp_array *half, tp_array *wide)
{
    *wide = *half;
    wide->dtype = TP_F32;
    tp_row_major(wide->size, wide->rank, wide->stride);
    wide->data = tp_alloc(call->context, wide_bytes(wide));
    return wide->data != NULL;
}

void tp_wide_close(const tp_call *call, const tp_array *wide)
{
    tp_free(call->context, wide->data, wide_bytes(wide));
}
