/* f32 functions: exp, log, tanh and the sigmoid by f32 arithmetic, the others rounded from f64
 * (vmath_short.h).
 *
 * A value written h + l is unevaluated, as in vmath_core.h. */
#ifndef TAPER_BASE_VMATH_F32_H
#define TAPER_BASE_VMATH_F32_H

#include "base/vmath_erf.h"
#include "base/vmath_log.h"
#include "base/vmath_short.h"

#define VM_SHIFT_F32 0x1.8p23F
#define VM_LOG2E_F32 0x1.715476p+0F

static inline uint32_t vm_bits_f32(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float vm_from_bits_f32(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

#define VM_POLY_F32(x, c) vm_poly_f32(x, c, VM_LENGTH(c))
static inline float vm_poly_f32(float x, const float *c, int n)
{
    float p = c[n - 1];
    VM_UNROLL for (int i = n - 2; i >= 0; i--) p = fmaf(p, x, c[i]);
    return p;
}

typedef struct vm_ff {
    float h, l;
} vm_ff;

/* --- exp and its kin ------------------------------------------------------------------------------ */

/* A power of two as a product: factor * rest. The factor is normal; the rest takes results below the normal
 * ones to where they are rounded, once. */
typedef struct vm_scale_f32 {
    float factor, rest;
} vm_scale_f32;

/* h + l = k log 2 + r; returns k + VM_SHIFT_F32. The first step is exact. */
static inline float vm_reduce_exp_f32(float h, float l, float *r, float *rl)
{
    float s = fmaf(h, VM_LOG2E_F32, VM_SHIFT_F32), k = s - VM_SHIFT_F32;
    float first = fmaf(k, -VM_LN2_H_F32, h), second = fmaf(k, -VM_LN2_L_F32, l);
    *r = first + second;
    *rl = (first - *r) + second;
    return s;
}

/* 2^(k - less), for s = k + VM_SHIFT_F32; where `tiny` is set, k - less is between -190 and -64. */
static inline vm_scale_f32 vm_power_f32(float s, uint32_t less, bool tiny)
{
    uint32_t bias = 127 - less + (tiny ? 64 : 0);
    return (vm_scale_f32){vm_from_bits_f32((vm_bits_f32(s) + bias) << 23), tiny ? 0x1p-64F : 1};
}

static inline float vm_expf(float x)
{
    x = vm_clamp_f32(x, -104, 89);
    float r, rl, s = vm_reduce_exp_f32(x, 0, &r, &rl), one = 1 + r;
    float y = one + fmaf(r * r, VM_POLY_F32(r, vm_exp_f32_c), (1 - one) + r);
    vm_scale_f32 power = vm_power_f32(s, 1, x < -80);
    return (y + y) * power.factor * power.rest;
}

/* sigmoid(x) = (h + l) scale for x = h + l <= 0: e / (1 + e) */
static inline vm_ff vm_low_sigmoid_f32(float h, float l, vm_scale_f32 *scale)
{
    float r, rl, s = vm_reduce_exp_f32(h, l, &r, &rl), one = 1 + r;
    float rest = fmaf(r * r, VM_POLY_F32(r, vm_exp_f32_c), (1 - one) + r);
    float e = one + rest, el = (one - e) + rest;
    *scale = vm_power_f32(s, 0, h < -80);
    float power = scale->factor;
    float d = fmaf(power, e, 1), dl = fmaf(power, el, fmaf(power, e, 1 - d));
    float inverse = 1 / d, q = e * inverse;
    float remainder = fmaf(-q, dl, fmaf(-q, d, e) + el);
    return (vm_ff){q, remainder * inverse};
}

/* 1 - sigmoid(-x) for x > 0 */
static inline float vm_sigmoidf(float x)
{
    vm_scale_f32 scale;
    vm_ff s = vm_low_sigmoid_f32(-vm_clamp_f32(fabsf(x), 0, 104), 0, &scale);
    float y = (s.h + s.l) * scale.factor * scale.rest;
    return x > 0 ? 1 - y : y;
}

/* x sigmoid(z) for a z = h + l of x's sign; -inf is no number, as a product of -inf and 0 */
static inline float vm_gated_f32(float x, float h, float l)
{
    vm_scale_f32 scale;
    float a = -fabsf(h), al = h > 0 ? -l : l;
    bool far = a < -128;
    vm_ff s = vm_low_sigmoid_f32(far ? -128 : a, far ? 0 : al, &scale);
    float held = vm_clamp_f32(x, -128, 128);
    float y = fmaf(held, s.h, held * s.l) * scale.factor * scale.rest;
    float low = x < -0x1.fffffep127F ? NAN : y;
    return x > 0 ? x - y : low;
}

/* t / (t + 2) with t = e^(2 |x|) - 1. For small k the nearest float to log 2 takes an exact first step too,
 * and leaves a second that counts in the first order only. */
static inline float vm_tanhf(float x)
{
    float a = fabsf(x), h = 2 * (a > 10 ? 10 : a);
    float s = fmaf(h, VM_LOG2E_F32, VM_SHIFT_F32), k = s - VM_SHIFT_F32;
    float r = fmaf(k, -(float)VM_LN2_H, h), rl = k * (float)((double)(float)VM_LN2_H - VM_LN2_H);
    float power = vm_power_f32(s, 0, false).factor;
    float rest = fmaf(r * r, VM_POLY_F32(r, vm_expm1_f32_c), rl);
    float m = r + rest, ml = power * ((r - m) + rest); /* e^r - 1 */
    float t = fmaf(power, m, power - 1), tl = fmaf(power, m, (power - 1) - t) + ml;
    float d = t + 2, dl = ((2 - d) + t) + tl; /* d is below 2^25, or the result next to 1 */
    float inverse = 1 / d, q = t * inverse;
    float remainder = fmaf(-q, dl, fmaf(-q, d, t) + tl);
    return copysignf(fmaf(remainder, inverse, q), x);
}

/* e^x - 1 before it is rounded */
static inline double vm_expm1_wide(float x)
{
    return copysign(vm_short_expm1((double)vm_clamp_f32(x, -40, 100)), (double)x);
}

static inline float vm_expm1f(float x) { return (float)vm_expm1_wide(x); }

static inline float vm_sinhf(float x)
{
    double s, c;
    vm_short_hyperbolic((double)vm_clamp_f32(x, -100, 100), &s, &c);
    return copysignf((float)s, x);
}

static inline float vm_coshf(float x)
{
    double s, c;
    vm_short_hyperbolic((double)vm_clamp_f32(x, -100, 100), &s, &c);
    return (float)c;
}

/* --- log and its kin ------------------------------------------------------------------------------ */

/* x = 2^k (1 + f); log(1 + f) = f - f^2 / 2 + f^3 P(f). The bits of sqrt(1/2) are taken from those of x, as
 * in vm_split. */
static inline float vm_logf(float x)
{
    bool tiny = x < 0x1p-126F;
    uint32_t u = vm_bits_f32(tiny ? x * 0x1p24F : x);
    int32_t power = (int32_t)(u - 0x3f3504f3u) >> 23;
    float f = vm_from_bits_f32(u - ((uint32_t)power << 23)) - 1, k = (float)(power - (tiny ? 24 : 0));
    float high = k * VM_LN2_H_F32, t = high + f, z = f * f;
    float rest = z * fmaf(f, VM_POLY_F32(f, vm_log_f32_c), -0.5F);
    float r = t + (((high - t) + f) + fmaf(k, VM_LN2_L_F32, rest));
    r = x < INFINITY ? r : x;
    float end = x < 0 ? NAN : -INFINITY;
    return x > 0 || x != x ? r : end;
}

static inline float vm_log1pf(float x)
{
    float r = (float)vm_short_log1p((double)x);
    r = x < INFINITY ? r : x;
    float end = x < -1 ? NAN : -INFINITY;
    return x > -1 || x != x ? r : end;
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) */
static inline double vm_short_softplus(float x)
{
    double rest = vm_short_log1p(vm_short_exp((double)-vm_clamp_f32(fabsf(x), 0, 120)));
    return (double)(x < 0 ? 0 : x) + rest;
}
static inline float vm_softplusf(float x) { return (float)vm_short_softplus(x); }
static inline float vm_log_sigmoidf(float x) { return (float)-vm_short_softplus(-x); }

/* --- trigonometry --------------------------------------------------------------------------------- */

static inline float vm_sinf_near(float x)
{
    double r;
    uint64_t q = vm_short_reduce_trig((double)x, &r);
    return (float)vm_short_sin_quadrant(r, q);
}

static inline float vm_cosf_near(float x)
{
    double r;
    uint64_t q = vm_short_reduce_trig((double)x, &r);
    return (float)vm_short_sin_quadrant(r, q + 1);
}

/* sin / cos, or -cos / sin in the odd quadrants */
static inline float vm_tanf_near(float x)
{
    double r;
    uint64_t q = vm_short_reduce_trig((double)x, &r);
    double s = vm_short_sin_part(r), c = vm_short_cos_part(r);
    double num = q & 1 ? c : s, den = q & 1 ? -s : c;
    return (float)(num * vm_short_inverse(den));
}

static inline float vm_sinf(float x)
{
    return fabsf(x) < (float)VM_NEAR ? vm_sinf_near(x) : (float)vm_sin((double)x);
}
static inline float vm_cosf(float x)
{
    return fabsf(x) < (float)VM_NEAR ? vm_cosf_near(x) : (float)vm_cos((double)x);
}
static inline float vm_tanf(float x)
{
    return fabsf(x) < (float)VM_NEAR ? vm_tanf_near(x) : (float)vm_tan((double)x);
}

static inline float vm_asinf(float x)
{
    bool far = fabsf(x) > 0.5F;
    double y = vm_short_asin_part(fabsf(x), far);
    return copysignf((float)(far ? fma(-2, y, VM_PIO2_H) : y), x);
}

static inline float vm_acosf(float x)
{
    bool far = fabsf(x) > 0.5F;
    double y = vm_short_asin_part(fabsf(x), far), low = x < 0 ? 2 * VM_PIO2_H - 2 * y : 2 * y;
    return (float)(far ? low : VM_PIO2_H - copysign(y, (double)x));
}

/* pi / 2 - atan(1 / a) for a > 1 */
static inline float vm_atanf(float x)
{
    float a = fabsf(x), held = a > 0x1p60F ? 0x1p60F : a, inverse = 1 / held;
    bool far = a > 1;
    double t = (double)(far ? inverse : a), tl = (double)(far ? inverse * fmaf(-inverse, held, 1) : 0);
    t += tl;
    double y = t * VM_POLY(t * t, vm_short_atan_c);
    return copysignf((float)(far ? VM_PIO2_H - y : y), x);
}

/* --- error function ------------------------------------------------------------------------------- */

/* 1 - e^log(erfc(|x|)) */
static inline float vm_erff(float x)
{
    double a = (double)(fabsf(x) > 4 ? 4 : fabsf(x));
    return copysignf((float)-vm_short_expm1(a * VM_POLY(a, vm_short_erf_c)), x);
}

static inline float vm_erfcf(float x) { return (float)vm_short_erfc((double)vm_clamp_f32(x, -12, 12)); }

#endif
