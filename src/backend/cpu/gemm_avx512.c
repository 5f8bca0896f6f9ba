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

static inline SIMD __m256 lanes_of_float(VEC x)
{
    __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1));
    return _mm256_add_ps(_mm512_castps512_ps256(x), high);
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

static inline SIMD __m256d lanes_of_double(VEC x)
{
    return _mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd(x, 1));
}

#include "backend/cpu/gemm_kernel.h"

#endif
