#include "backend/cpu/gemm.h"

#include "base/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define SIMD TP_AVX512
#define ROWS 8
#define VECS 3
#define MASK __mmask16

static inline SIMD MASK first_float(int64_t n) { return (MASK)(n < 0 ? 0 : n >= 16 ? 0xffff : (1 << n) - 1); }
static inline SIMD MASK first_double(int64_t n) { return first_float(n); }

/* --- f32 --- */

#define GEMM           tp_gemm_avx512_float
#define REAL           float
#define LANES          16
#define VEC            __m512
#define V(op)          _mm512_##op##_ps
#define LOAD(p, m)     _mm512_maskz_loadu_ps(m, p)
#define STORE(p, m, v) _mm512_mask_storeu_ps(p, m, v)

static inline SIMD float halves_float(VEC x)
{
    __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1));
    __m256 y = _mm256_add_ps(_mm512_castps512_ps256(x), high);
    __m128 z = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    z = _mm_add_ps(z, _mm_movehl_ps(z, z));
    return _mm_cvtss_f32(_mm_add_ss(z, _mm_movehdup_ps(z)));
}

#include "backend/cpu/gemm_kernel.h"

/* --- f64 --- */

#define GEMM           tp_gemm_avx512_double
#define REAL           double
#define LANES          8
#define VEC            __m512d
#define V(op)          _mm512_##op##_pd
#define LOAD(p, m)     _mm512_maskz_loadu_pd((__mmask8)(m), p)
#define STORE(p, m, v) _mm512_mask_storeu_pd(p, (__mmask8)(m), v)

static inline SIMD double halves_double(VEC x)
{
    __m256d y = _mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd(x, 1));
    __m128d z = _mm_add_pd(_mm256_castpd256_pd128(y), _mm256_extractf128_pd(y, 1));
    return _mm_cvtsd_f64(_mm_add_sd(z, _mm_unpackhi_pd(z, z)));
}

#include "backend/cpu/gemm_kernel.h"

#endif
