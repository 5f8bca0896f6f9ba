/* gemm_parts.h - what gemm_kernel.h takes for every type: for one set of instructions, SIMD. */
#ifndef BACKEND_CPU_GEMM_PARTS_H
#define BACKEND_CPU_GEMM_PARTS_H

#include "backend/cpu/gemm.h"

#include <immintrin.h>

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline)) SIMD

enum { ROW_VECS = 8, UNROLLED = 2 }; /* across a tile of a single row */

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* For n, d >= 0; n / 0 is n: many processors divide 64 bits in 90 cycles, 32 bits in 26. */
static inline int64_t quotient(int64_t n, int64_t d)
{
    if (d <= 1) return n;
    return (n | d) >> 32 ? n / d : (int64_t)((uint32_t)n / (uint32_t)d);
}

static inline int64_t parts(int64_t n, int64_t most) { return quotient(n + most - 1, most); }

/* A block of the sum over k, for tiles of one size, one below another. */
typedef struct strip {
    const void *a, *b;
    void *y, *copy; /* where rows of b are copied, as wide as the tile; or NULL */
    int64_t sa_row, sa_k, sb, sy, depth;
    int64_t tiles, next_a, next_y; /* from each to the next */
    const void *ahead;             /* what the next strip copies, to be fetched meanwhile; or NULL */
    int64_t sb_ahead;
    int64_t last;     /* columns of the last vector */
    bool whole;       /* b: may be read to the end of the last vector */
    bool first;       /* block: y has no sum yet */
    bool relu;        /* with a bias ... */
    const void *bias; /* ... NULL where it is not the last block */
} strip;

/* Whether bias and activation are applied while a tile is in registers. */
static inline bool in_tile(const tp_gemm *g) { return g->bias && g->sbias == 1; }

/* How n are cut evenly: the first `more` parts have one more than `each`. */
typedef struct even {
    int64_t each, more;
} even;

static inline even cut(int64_t n, int64_t into)
{
    const int64_t each = quotient(n, into);
    return (even){each, n - each * into};
}

static inline int64_t cut_at(even e, int64_t part) { return part * e.each + least(part, e.more); }

/* How many parts from this one to the end are of one size. */
static inline int64_t alike(even e, int64_t part, int64_t end)
{
    return (part < e.more && e.more < end ? e.more : end) - part;
}

/* Eight rows of four elements, `step` apart, become four columns. */
static inline SIMD void transpose_float(float *to, int64_t width, const float *from, int64_t step)
{
    __m256 row[4], pair[4];
    UNROLL for (int i = 0; i < 4; i++)
    {
        __m256 low = _mm256_castps128_ps256(_mm_loadu_ps(from + i * step));
        row[i] = _mm256_insertf128_ps(low, _mm_loadu_ps(from + (i + 4) * step), 1);
    }
    pair[0] = _mm256_unpacklo_ps(row[0], row[1]);
    pair[1] = _mm256_unpackhi_ps(row[0], row[1]);
    pair[2] = _mm256_unpacklo_ps(row[2], row[3]);
    pair[3] = _mm256_unpackhi_ps(row[2], row[3]);
    _mm256_storeu_ps(to, _mm256_shuffle_ps(pair[0], pair[2], 0x44));
    _mm256_storeu_ps(to + width, _mm256_shuffle_ps(pair[0], pair[2], 0xee));
    _mm256_storeu_ps(to + 2 * width, _mm256_shuffle_ps(pair[1], pair[3], 0x44));
    _mm256_storeu_ps(to + 3 * width, _mm256_shuffle_ps(pair[1], pair[3], 0xee));
}

/* Four rows of four. */
static inline SIMD void transpose_double(double *to, int64_t width, const double *from, int64_t step)
{
    __m256d row[4];
    UNROLL for (int i = 0; i < 4; i++) row[i] = _mm256_loadu_pd(from + i * step);
    __m256d ab0 = _mm256_unpacklo_pd(row[0], row[1]), ab1 = _mm256_unpackhi_pd(row[0], row[1]);
    __m256d cd0 = _mm256_unpacklo_pd(row[2], row[3]), cd1 = _mm256_unpackhi_pd(row[2], row[3]);
    _mm256_storeu_pd(to, _mm256_permute2f128_pd(ab0, cd0, 0x20));
    _mm256_storeu_pd(to + width, _mm256_permute2f128_pd(ab1, cd1, 0x20));
    _mm256_storeu_pd(to + 2 * width, _mm256_permute2f128_pd(ab0, cd0, 0x31));
    _mm256_storeu_pd(to + 3 * width, _mm256_permute2f128_pd(ab1, cd1, 0x31));
}

typedef __m256 lanes_float;
typedef __m256d lanes_double;

/* The sums of eight vectors, each joined by halves. */
static inline SIMD lanes_float join_float(const lanes_float *x)
{
    lanes_float four[4], two[2];
    UNROLL for (int i = 0; i < 4; i++) four[i] = _mm256_add_ps(_mm256_permute2f128_ps(x[i], x[i + 4], 0x20),
                                                               _mm256_permute2f128_ps(x[i], x[i + 4], 0x31));
    UNROLL for (int i = 0; i < 2; i++) two[i] =
        _mm256_add_ps(_mm256_shuffle_ps(four[2 * i], four[2 * i + 1], 0x44),
                      _mm256_shuffle_ps(four[2 * i], four[2 * i + 1], 0xee));
    return _mm256_add_ps(_mm256_shuffle_ps(two[0], two[1], 0x88), _mm256_shuffle_ps(two[0], two[1], 0xdd));
}

/* Of four. */
static inline SIMD lanes_double join_double(const lanes_double *x)
{
    lanes_double two[2];
    UNROLL for (int i = 0; i < 2; i++) two[i] = _mm256_add_pd(_mm256_permute2f128_pd(x[i], x[i + 2], 0x20),
                                                              _mm256_permute2f128_pd(x[i], x[i + 2], 0x31));
    return _mm256_add_pd(_mm256_unpacklo_pd(two[0], two[1]), _mm256_unpackhi_pd(two[0], two[1]));
}

typedef struct one_column {
    const void *a, *b;
    void *y;
    int64_t sa[2], sy, rows, depth;
    bool first; /* block: y has no sum yet */
} one_column;

#endif
