/* simd.h - the sets of instructions that code is compiled for, and which one runs. */
#ifndef BASE_SIMD_H
#define BASE_SIMD_H

/* Each has all that the one before has. */
typedef enum tp_simd { TP_SIMD_BASELINE, TP_SIMD_AVX2, TP_SIMD_AVX512, TP_SIMD_LEVELS } tp_simd;

/* What allows a function, and what is inlined into it, the instructions of a level. A function of ours that
 * it calls would be compiled without them, so it is always inlined. */
#if defined(__x86_64__)
#define TP_AVX2   __attribute__((target("avx2,fma"), flatten))
#define TP_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"), flatten))
#endif

/* The widest that this processor has. */
tp_simd tp_simd_widest(void);

/* The one in use: the widest, or what TAPER_SIMD names. */
tp_simd tp_simd_in_use(void);

/* Uses another one, at most the widest. For tests; the bits are the same. */
void tp_simd_use(tp_simd level);

#endif
