/* matmul.c - products of matrices.
 *
 * Order of the sum over k (section 10 of the design): blocks of 256; in a block one chain of fused
 * multiply-adds in ascending k that starts from +0, or, where n < 4, sixteen chains (k mod 16) joined by
 * halves; block sums are added in ascending order. */
#include "ops/core.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <math.h>

enum { BLOCK = 256, NARROW = 4, COLUMNS = 64 };

#define FMA(T) _Generic((T)0, float : fmaf, double : fma)

/* One matrix product; a, b, y with row and column steps in elements. */
#define PRODUCT(T)                                                                                           \
    static T narrow_block_##T(const T *a, int64_t sa, const T *b, int64_t sb, int64_t n)                     \
    {                                                                                                        \
        T lane[TP_LANES] = {0};                                                                              \
        for (int64_t k = 0; k < n; k++)                                                                      \
            lane[k % TP_LANES] = FMA(T)(a[k * sa], b[k * sb], lane[k % TP_LANES]);                           \
        TP_JOIN_LANES(T, lane)                                                                               \
        return lane[0];                                                                                      \
    }                                                                                                        \
    static void wide_block_##T(const T *a, int64_t sa, const T *b, const int64_t *sb, int64_t k_size,        \
                               T *chain, int64_t columns)                                                    \
    {                                                                                                        \
        for (int64_t j = 0; j < columns; j++) chain[j] = 0;                                                  \
        for (int64_t k = 0; k < k_size; k++)                                                                 \
            for (int64_t j = 0; j < columns; j++)                                                            \
                chain[j] = FMA(T)(a[k * sa], b[k * sb[0] + j * sb[1]], chain[j]);                            \
    }                                                                                                        \
    static void row_##T(const T *a, int64_t sa, const T *b, const int64_t *sb, T *y, int64_t sy,             \
                        int64_t k_size, int64_t n)                                                           \
    {                                                                                                        \
        for (int64_t j = 0; j < n; j++) y[j * sy] = 0;                                                       \
        for (int64_t k = 0; k < k_size; k += BLOCK) {                                                        \
            int64_t depth = k_size - k < BLOCK ? k_size - k : BLOCK;                                         \
            const T *ak = a + k * sa, *bk = b + k * sb[0];                                                   \
            for (int64_t j = 0; n < NARROW && j < n; j++)                                                    \
                y[j * sy] += narrow_block_##T(ak, sa, bk + j * sb[1], sb[0], depth);                         \
            for (int64_t j = 0; n >= NARROW && j < n; j += COLUMNS) {                                        \
                T chain[COLUMNS];                                                                            \
                int64_t columns = n - j < COLUMNS ? n - j : COLUMNS;                                         \
                wide_block_##T(ak, sa, bk + j * sb[1], sb, depth, chain, columns);                           \
                for (int64_t c = 0; c < columns; c++) y[(j + c) * sy] += chain[c];                           \
            }                                                                                                \
        }                                                                                                    \
    }                                                                                                        \
    static void product_##T(const tp_array *a, const tp_array *b, const tp_array *y, char *const *at)        \
    {                                                                                                        \
        const int64_t *sa = a->stride + a->rank - 2, *sb = b->stride + b->rank - 2;                          \
        const int64_t *sy = y->stride + y->rank - 2;                                                         \
        int64_t m = y->size[y->rank - 2], n = y->size[y->rank - 1], k = a->size[a->rank - 1];                \
        const T *pa = (const T *)(const void *)at[0], *pb = (const T *)(const void *)at[1];                  \
        T *py = (T *)(void *)at[2];                                                                          \
        for (int64_t i = 0; i < m; i++) row_##T(pa + i * sa[0], sa[1], pb, sb, py + i * sy[0], sy[1], k, n); \
    }

PRODUCT(float)
PRODUCT(double)

static void products(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_walk w;
    if (!tp_walk_call(&w, call, in, out)) return;
    do (in[0].dtype == TP_F64 ? product_double : product_float)(&in[0], &in[1], &out[0], w.at);
    while (tp_walk_next(&w));
}

static void matmul_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    if (tp_work_dtype(in[0].dtype) == in[0].dtype) {
        products(call, in, out);
        return;
    }
    tp_array wide[3];
    int made = 0;
    while (made < 3 && tp_wide_open(call, made < 2 ? &in[made] : &out[0], &wide[made])) made++;
    if (made == 3) {
        tp_array_copy(&wide[0], &in[0]);
        tp_array_copy(&wide[1], &in[1]);
        products(call, wide, wide + 2);
        tp_array_copy(&out[0], &wide[2]);
    }
    while (made-- > 0) tp_wide_close(call, &wide[made]);
}

static tp_tensor *matmul_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return i == 0 ? tp_matmul_2d(u[0], tp_transpose(call->in[1], -1, -2))
                  : tp_matmul_2d(tp_transpose(call->in[0], -1, -2), u[0]);
}

const tp_rules tp_rules_matmul_2d = {
    .eval = matmul_eval, .linear = TP_MULTILINEAR, .pull = matmul_pull, .reads = TP_IN(0) | TP_IN(1)};
