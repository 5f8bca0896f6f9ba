/* gemm.h - one product of matrices, as the kernels compiled per instruction set take it. */
#ifndef BACKEND_CPU_GEMM_H
#define BACKEND_CPU_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/* Section 10 of the design: the length of one chain over k; the n below which a block is 16 chains. */
enum { TP_GEMM_BLOCK = 256, TP_GEMM_NARROW = 4, TP_GEMM_CHAINS = 16 };

/* Rows and columns that a tile has at most, at any level. */
enum { TP_GEMM_ROWS = 8, TP_GEMM_COLUMNS = 48 };

/* Columns of y^T that are computed at a time where y has few columns. */
enum { TP_GEMM_TURNED = 4 * TP_GEMM_COLUMNS };

/* y = a b + bias for a [m,k], b [k,n], y [m,n], bias [n], and relu(y) where asked for; steps between rows and
 * between columns, in elements. */
typedef struct tp_gemm {
    int64_t m, n, k;
    const void *a, *b;
    void *y;          /* its columns lie one after another */
    const void *bias; /* NULL: none */
    int64_t sa[2], sb[2], sy, sbias;
    bool relu;             /* with a bias only */
    int64_t rows;          /* in a block */
    void *room_a, *room_b; /* where a block of a and a panel of b are packed; NULL: read where they lie */
} tp_gemm;

typedef void tp_gemm_fn(const tp_gemm *g);

#if defined(__x86_64__)
tp_gemm_fn tp_gemm_avx2_float, tp_gemm_avx2_double, tp_gemm_avx512_float, tp_gemm_avx512_double;
#endif

#endif
