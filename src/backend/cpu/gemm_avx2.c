#include "backend/cpu/gemm.h"

#include "base/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define SIMD TP_AVX2
#define ROWS 6
#define VECS 2
#define MASK __m256i

/* --- f32 --- */

#define GEMM           tp_gemm_avx2_float
#define REAL           float
#define LANES          8
#define VEC            __m256
#define V(op)          _mm256_##op##_ps
#define LOAD(p, m)     _mm256_maskload_ps(p, m)
#define STORE(p, m, v) _mm256_maskstore_ps(p, m, v)

static inline SIMD VEC lanes_of_float(VEC x) { return x; }

static inline SIMD MASK first_float(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

#include "backend/cpu/gemm_kernel.h"

/* --- f64 --- */

#define GEMM           tp_gemm_avx2_double
#define REAL           double
#define LANES          4
#define VEC            __m256d
#define V(op)          _mm256_##op##_pd
#define LOAD(p, m)     _mm256_maskload_pd(p, m)
#define STORE(p, m, v) _mm256_maskstore_pd(p, m, v)

static inline SIMD VEC lanes_of_double(VEC x) { return x; }

static inline SIMD MASK first_double(int64_t n)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}

#include "backend/cpu/gemm_kernel.h"

#endif
