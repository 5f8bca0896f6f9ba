/* gemm.c - the kernel of matmul_2d: which product runs, over loops and dtypes. */
#include "backend/cpu/gemm.h"

#include "backend/cpu/cpu.h"
#include "base/pool.h"
#include "base/simd.h"
#include "tensor/tensor.h"

#include <stdlib.h>

/* By level and dtype; NULL: `eval` is the kernel. */
static tp_gemm_fn *const gemms[TP_SIMD_LEVELS][2] = {
#if defined(__x86_64__)
    [TP_SIMD_AVX2] = {tp_gemm_avx2_float, tp_gemm_avx2_double},
    [TP_SIMD_AVX512] = {tp_gemm_avx512_float, tp_gemm_avx512_double},
#endif
};

/* Joins loop `i` with the rows, where all rows take the same b and lie one step apart. */
static bool rows_go_on(const tp_array *a, const tp_array *b, const tp_array *y, int i, int64_t m)
{
    int64_t down = a->stride[a->rank - 2], out = y->stride[y->rank - 2];
    return b->stride[i] == 0 && a->stride[i] == m * down && y->stride[i] == m * out;
}

/* What the threads share out: products, or the rows or columns of each. Elements have chains of their own, so
 * that bits do not depend on it. */
typedef struct job {
    tp_gemm_fn *gemm;
    tp_gemm all; /* a, b, y: not set */
    const tp_array *a, *b, *y;
    int loops;
    int64_t count; /* of products, one for each position in the loops */
    size_t room;   /* bytes for b, of each part */
    enum { PRODUCTS, ROWS, COLUMNS } cut;
} job;

/* Products first to end-1, row-major in the loops; g: the rows or columns of each that are wanted. */
static void products(const job *j, tp_gemm *g, const char *a, const char *b, char *y, int64_t first,
                     int64_t end)
{
    const int64_t bytes = tp_bytes(j->y->dtype), *size = j->y->size;
    for (int64_t p = first; p < end; p++) {
        int64_t rest = p, at[3] = {0};
        for (int i = j->loops - 1; i >= 0; i--) {
            int64_t index = rest % size[i];
            rest /= size[i];
            at[0] += index * j->a->stride[i];
            at[1] += index * j->b->stride[i];
            at[2] += index * j->y->stride[i];
        }
        g->a = a + at[0] * bytes;
        g->b = b + at[1] * bytes;
        g->y = y + at[2] * bytes;
        j->gemm(g);
    }
}

/* Bits depend on whether there are TP_GEMM_NARROW columns, so that a part has as many as a grain, or more. */
enum { ROW_GRAIN = 16, COLUMN_GRAIN = 16, COLUMNS_LEAST = 8 * COLUMN_GRAIN };

static void run_part(void *work, int part, int parts)
{
    const job *j = work;
    tp_gemm g = j->all;
    const int64_t bytes = tp_bytes(j->y->dtype);
    const int64_t n = j->cut == PRODUCTS ? j->count : j->cut == ROWS ? g.m : g.n;
    const int64_t grain = j->cut == PRODUCTS ? 1 : j->cut == ROWS ? ROW_GRAIN : COLUMN_GRAIN;
    const int64_t start = tp_part_start(n, grain, part, parts),
                  end = tp_part_start(n, grain, part + 1, parts);
    const char *a = j->a->data, *b = j->b->data;
    char *y = j->y->data;
    if (start == end) return;
    if (g.room) g.room = (char *)g.room + (size_t)part * j->room;
    if (j->cut == PRODUCTS) {
        products(j, &g, a, b, y, start, end);
        return;
    }
    if (j->cut == ROWS) {
        a += start * g.sa[0] * bytes;
        y += start * g.sy * bytes;
        g.m = end - start;
    } else {
        b += start * g.sb[1] * bytes;
        y += start * bytes;
        g.n = end - start;
    }
    products(j, &g, a, b, y, 0, j->count);
}

/* How many parts there are, and of what: of columns where each part would have to pack all of b. */
static int cut(job *j)
{
    enum { LEAST = 1 << 17 }; /* multiply-adds: some 3 microseconds */
    const tp_gemm *g = &j->all;
    int parts = tp_parallel_parts(j->count * g->m * g->n * g->k, LEAST);
    const bool wide = g->n >= parts * COLUMNS_LEAST, high = g->m >= parts * ROW_GRAIN;
    if (parts == 1 || j->count >= 4 * parts || j->count % parts == 0)
        j->cut = PRODUCTS;
    else
        j->cut = wide && (j->room || !high) ? COLUMNS : ROWS;
    return parts;
}

/* Bytes for b where it is packed: where its columns do not lie one after another; or where its rows lie a
 * page or more apart, which caches and their tables of pages take badly, and enough rows of a share the cost.
 */
static size_t room_bytes(const tp_gemm *g, int64_t bytes)
{
    enum { PAGE = 4096, SHARED = 64 };
    const bool far = llabs(g->sb[0]) * bytes >= PAGE && g->m >= SHARED;
    if (g->n < TP_GEMM_NARROW || (g->sb[1] == 1 && !far)) return 0;
    int64_t depth = g->k < TP_GEMM_BLOCK ? g->k : TP_GEMM_BLOCK;
    int64_t columns = g->n < TP_GEMM_COLUMNS ? (g->n + TP_GEMM_CHAINS - 1) / TP_GEMM_CHAINS * TP_GEMM_CHAINS
                                             : TP_GEMM_COLUMNS;
    return (size_t)(depth * columns * bytes);
}

bool tp_cpu_matmul_2d(const tp_call *call, const tp_array *in, const tp_array *out)
{
    const tp_array *a = &in[0], *b = &in[1], *y = &out[0];
    tp_gemm_fn *gemm = gemms[tp_simd_in_use()][y->dtype == TP_F64];
    const bool real = y->dtype == TP_F32 || y->dtype == TP_F64;
    if (!gemm || !real || y->stride[y->rank - 1] != 1) return false;
    tp_gemm g = {.m = y->size[y->rank - 2],
                 .n = y->size[y->rank - 1],
                 .k = a->size[a->rank - 1],
                 .sa = {a->stride[a->rank - 2], a->stride[a->rank - 1]},
                 .sb = {b->stride[b->rank - 2], b->stride[b->rank - 1]},
                 .sy = y->stride[y->rank - 2]};
    job j = {.gemm = gemm, .a = a, .b = b, .y = y, .loops = call->loops, .count = 1};
    while (j.loops > 0 && rows_go_on(a, b, y, j.loops - 1, g.m)) g.m *= y->size[--j.loops];
    for (int i = 0; i < j.loops; i++) j.count *= y->size[i];
    j.room = room_bytes(&g, tp_bytes(y->dtype));
    j.all = g;
    const int parts = cut(&j);
    const size_t room = j.room * (size_t)parts;
    if (room && !(j.all.room = tp_alloc(call->context, room))) return true;
    tp_parallel(parts, run_part, &j);
    tp_free(call->context, j.all.room, room);
    return true;
}
