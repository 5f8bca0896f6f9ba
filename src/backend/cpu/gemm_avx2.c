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

static inline SIMD float halves_float(VEC x)
{
    __m128 z = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    z = _mm_add_ps(z, _mm_movehl_ps(z, z));
    return _mm_cvtss_f32(_mm_add_ss(z, _mm_movehdup_ps(z)));
}

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

static inline SIMD double halves_double(VEC x)
{
    __m128d z = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(z, _mm_unpackhi_pd(z, z)));
}

static inline SIMD MASK first_double(int64_t n)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}

#include "backend/cpu/gemm_kernel.h"

#endif
