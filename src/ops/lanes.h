/* lanes.h - the order in which elements are added: fixed by how many there are, so that every kernel can keep
 * it.
 *
 * n elements are cut into blocks of TP_BLOCK; in a block, lane l adds the elements k with k mod TP_LANES = l
 * in ascending k; the lanes are joined by halves (l and l + 8, then 4, 2, 1); the blocks' sums are joined
 * pairwise, as a binary counter carries. */
#ifndef OPS_LANES_H
#define OPS_LANES_H

#include <stdbool.h>
#include <stdint.h>

enum { TP_LANES = 16, TP_BLOCK = 1024, TP_LEVELS = 54 };

/* gcc takes all lanes at once in a loop that it has not unrolled. */
#if defined(__clang__)
#define TP_ROLLED
#else
#define TP_ROLLED _Pragma("GCC unroll 1")
#endif

#define TP_JOIN_LANES(T, lane)                         \
    for (int half = TP_LANES / 2; half > 0; half /= 2) \
        for (int l = 0; l < half; l++) (lane)[l] = (lane)[l] + (lane)[l + half];

/* A sum in the making: how many blocks are in, and the sums not joined yet, one per set bit. */
#define TP_DEFINE_SUM(T)                                                                              \
    typedef struct tp_sum_##T {                                                                       \
        int64_t blocks;                                                                               \
        T part[TP_LEVELS];                                                                            \
    } tp_sum_##T;                                                                                     \
    /* The sum of 2^level blocks; so many, or a multiple, are in already. */                          \
    static inline void tp_sum_##T##_tree(tp_sum_##T *s, int level, T sum)                             \
    {                                                                                                 \
        const int64_t bits = s->blocks >> level;                                                      \
        s->blocks += (int64_t)1 << level;                                                             \
        for (int64_t b = bits; b & 1; b >>= 1, level++) sum = s->part[level] + sum;                   \
        s->part[level] = sum;                                                                         \
    }                                                                                                 \
    static inline void tp_sum_##T##_block(tp_sum_##T *s, T block) { tp_sum_##T##_tree(s, 0, block); } \
    /* The sum, `rest` that of blocks after those that are in, fewer than the last tree has. */       \
    static inline T tp_sum_##T##_end_with(const tp_sum_##T *s, T rest)                                \
    {                                                                                                 \
        for (int level = 0; s->blocks >> level; level++)                                              \
            if (s->blocks >> level & 1) rest = s->part[level] + rest;                                 \
        return rest;                                                                                  \
    }                                                                                                 \
    static inline T tp_sum_##T##_end(const tp_sum_##T *s)                                             \
    {                                                                                                 \
        T total = 0;                                                                                  \
        bool first = true;                                                                            \
        for (int level = 0; s->blocks >> level; level++) {                                            \
            if (!(s->blocks >> level & 1)) continue;                                                  \
            total = first ? s->part[level] : s->part[level] + total;                                  \
            first = false;                                                                            \
        }                                                                                             \
        return total;                                                                                 \
    }                                                                                                 \
    /* One more block of at most TP_BLOCK elements. */                                                \
    static inline void tp_sum_##T##_add(tp_sum_##T *s, const T *x, int64_t n)                         \
    {                                                                                                 \
        T lane[TP_LANES] = {0};                                                                       \
        int64_t k = 0;                                                                                \
        for (; k + TP_LANES <= n; k += TP_LANES)                                                      \
            for (int l = 0; l < TP_LANES; l++) lane[l] += x[k + l];                                   \
        for (int l = 0; k + l < n; l++) lane[l] += x[k + l];                                          \
        TP_JOIN_LANES(T, lane)                                                                        \
        tp_sum_##T##_block(s, lane[0]);                                                               \
    }

TP_DEFINE_SUM(float)
TP_DEFINE_SUM(double)

#endif
