/* gemm.c - the kernel of matmul_2d: which product runs, over loops and dtypes. */
#include "backend/cpu/gemm.h"

#include "backend/cpu/cpu.h"
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

/* One product after another: the loops that are left, row-major. */
static void products(tp_gemm_fn *gemm, int loops, tp_gemm *g, const tp_array *a, const tp_array *b,
                     const tp_array *y)
{
    const int64_t bytes = tp_bytes(y->dtype);
    int64_t index[TP_INTERNAL_RANK] = {0};
    const char *pa = a->data, *pb = b->data;
    char *py = y->data;
    for (int i = loops; i >= 0;) {
        g->a = pa;
        g->b = pb;
        g->y = py;
        gemm(g);
        for (i = loops - 1; i >= 0; i--) {
            bool over = ++index[i] == y->size[i];
            int64_t step = (over ? 1 - y->size[i] : 1) * bytes;
            pa += step * a->stride[i];
            pb += step * b->stride[i];
            py += step * y->stride[i];
            if (!over) break;
            index[i] = 0;
        }
    }
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
    int loops = call->loops;
    while (loops > 0 && rows_go_on(a, b, y, loops - 1, g.m)) g.m *= y->size[--loops];
    size_t bytes = room_bytes(&g, tp_bytes(y->dtype));
    if (bytes && !(g.room = tp_alloc(call->context, bytes))) return true;
    products(gemm, loops, &g, a, b, y);
    tp_free(call->context, g.room, bytes);
    return true;
}
