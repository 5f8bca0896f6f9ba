/* What f32 functions are made of: f64 functions of shorter polynomials and without second parts, whose
 * relative error is below 2^-27, to be rounded to f32. Arguments are floats, or are held where no step
 * overflows. */
#ifndef TAPER_BASE_VMATH_SHORT_H
#define TAPER_BASE_VMATH_SHORT_H

#include "base/vmath_trig.h"

/* The smaller of both; NaN stays. */
static inline float vm_at_most_f32(float x, float hi) { return hi < x ? hi : x; }

static inline float vm_clamp_f32(float x, float lo, float hi)
{
    bool low = x < lo;
    x = vm_at_most_f32(x, hi);
    return low ? lo : x;
}

/* 1 / x for 2^-126 <= |x| < 2^126: a quotient in f32, and a step of Newton's. */
static inline double vm_short_inverse(double x)
{
    double y = (double)(1 / (float)x);
    return fma(y, fma(-x, y, 1), y);
}

/* 2^k where s = k + VM_SHIFT */
static inline double vm_pow2_shifted(double s) { return vm_from_bits((vm_bits(s) + 1023) << 52); }

/* x = k log 2 + r; returns k + VM_SHIFT. */
static inline double vm_short_reduce(double x, double *r)
{
    double s = fma(x, VM_LOG2E, VM_SHIFT);
    *r = fma(s - VM_SHIFT, -VM_LN2_H, x);
    return s;
}

/* e^x - 1 for |x| <= 700 */
static inline double vm_short_expm1(double x)
{
    double r, scale = vm_pow2_shifted(vm_short_reduce(x, &r));
    return fma(scale, fma(r * r, VM_POLY(r, vm_short_exp_c), r), scale - 1);
}

/* e^x for |x| <= 700 */
static inline double vm_short_exp(double x)
{
    double r, scale = vm_pow2_shifted(vm_short_reduce(x, &r));
    return scale * fma(r * r, VM_POLY(r, vm_short_exp_c), 1 + r);
}

/* x = 2^k (1 + f), a normal x > 0, with sqrt(1/2) <= 1 + f < sqrt(2); returns k. */
static inline double vm_short_split(double x, double *f)
{
    uint64_t k = (vm_bits(x) - 0x3fe6a09e667f3bcdu + (UINT64_C(2048) << 52)) >> 52;
    *f = vm_from_bits(vm_bits(x) - ((k - 2048) << 52)) - 1;
    return vm_from_bits(0x4330000000000000u | k) - (0x1p52 + 2048);
}

/* log x for a normal x > 0 */
static inline double vm_short_log(double x)
{
    double f, k = vm_short_split(x, &f);
    return fma(k, VM_LN2_H, f * VM_POLY(f, vm_short_log_c));
}

/* The same with a relative error of 2^-38: 2 atanh(s) with s = f / (2 + f) */
static inline double vm_short_log_fine(double x)
{
    double f, k = vm_short_split(x, &f), s = f * vm_short_inverse(2 + f);
    return fma(k, VM_LN2_H, s * VM_POLY(s * s, vm_short_atanh_c));
}

/* log(1 + x) for x > -1, finite */
static inline double vm_short_log1p(double x)
{
    return fabs(x) < 0x1p-20 ? fma(-0.5 * x, x, x) : vm_short_log(1 + x);
}

/* x = n pi/2 + r for |x| < VM_NEAR; n mod 4 in the low bits. The first step is exact. */
static inline uint64_t vm_short_reduce_trig(double x, double *r)
{
    double shifted = fma(x, VM_2OPI, VM_SHIFT), n = shifted - VM_SHIFT;
    *r = fma(n, -VM_PIO2_M, fma(n, -VM_PIO2_H, x));
    return vm_bits(shifted);
}

static inline double vm_short_sin_part(double r) { return r * VM_POLY(r * r, vm_short_sin_c); }
static inline double vm_short_cos_part(double r) { return VM_POLY(r * r, vm_short_cos_c); }

/* sin(r + q pi/2) */
static inline double vm_short_sin_quadrant(double r, uint64_t q)
{
    double y = q & 1 ? vm_short_cos_part(r) : vm_short_sin_part(r);
    return vm_from_bits(vm_bits(y) ^ (q & 2) << 62);
}

/* erfc(x), |x| <= 26 */
static inline double vm_short_erfc(double x)
{
    double a = fabs(x), t = (a - 2) * vm_short_inverse(a + 2);
    double y = VM_POLY(t, vm_short_erfc_c) * vm_short_exp(-a * a);
    return x < 0 ? 2 - y : y;
}

#endif
