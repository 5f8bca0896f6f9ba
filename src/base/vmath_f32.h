/* f32 functions: those that f32 arithmetic suffices for, the others rounded from f64 (vmath_short.h).
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

/* c[0] + c[1] x + ... by Horner's rule. */
static inline float vm_horner_f32(float x, const float *c, int n)
{
    float p = c[n - 1];
    VM_UNROLL for (int i = n - 2; i >= 0; i--) p = fmaf(p, x, c[i]);
    return p;
}

/* c[0] + c[1] x + ...: the even and the odd powers in a chain each, which run side by side. */
#define VM_POLY_F32(x, c) vm_poly_f32(x, c, VM_LENGTH(c))
static inline float vm_poly_f32(float x, const float *c, int n)
{
    float z = x * x, even = c[(n - 1) & ~1], odd = c[(n - 2) | 1];
    VM_UNROLL for (int i = n - 3; i >= 0; i--)
    {
        if (i & 1)
            odd = fmaf(odd, z, c[i]);
        else
            even = fmaf(even, z, c[i]);
    }
    return fmaf(odd, x, even);
}

/* --- exp and its kin ------------------------------------------------------------------------------ */

/* x = k log 2 + r. The power is a product of two, the second of which takes a result below the normal numbers
 * to where it is rounded, once. */
static inline float vm_expf(float x)
{
    const float shift = VM_SHIFT_F32 + 127;
    float held = vm_clamp_f32(x, -104, 89);
    float s = fmaf(held, VM_LOG2E_F32, shift + 127), k = s - (shift + 127);
    float r = fmaf(k, -VM_LN2_L_F32, fmaf(k, -VM_LN2_H_F32, held)), one = 1 + r;
    float y = one + fmaf(r * r, VM_POLY_F32(r, vm_exp_f32_c), (1 - one) + r);
    uint32_t half = vm_bits_f32(fmaf(held, 0.5F * VM_LOG2E_F32, shift));
    return y * vm_from_bits_f32(half << 23) * vm_from_bits_f32((vm_bits_f32(s) - half) << 23);
}

/* n / (1 + 2^(a (w + wl))) for 0 <= a (w + wl) <= 160: 2^v = 2^k (1 + r C + r^2 P(r)), v = k + r. All is
 * computed times 2^-64, so that neither the denominator nor the quotient leaves the normal numbers. */
static inline float vm_logistic_f32(float n, float a, float w, float wl)
{
    const float shift = VM_SHIFT_F32 + 63, unit = 0x1p-64F, c = (float)VM_LN2_H;
    float s = fmaf(a, w, shift), k = s - shift, r = fmaf(a, w, -k);
    float one = fmaf(r, c, 1), rest = fmaf(r * r, VM_POLY_F32(r, vm_exp2_f32_c), fmaf(r, c, 1 - one));
    float e = one + rest, el = fmaf(a * (wl * c), e, (one - e) + rest),
          power = vm_from_bits_f32(vm_bits_f32(s) << 23);
    float d = fmaf(power, e, unit), dl = fmaf(power, el, fmaf(power, e, -d) + unit);
    float inverse = 1 / d, q = n * inverse;
    float remainder = fmaf(-q, dl, fmaf(-q, d, n));
    return fmaf(remainder, inverse, q) * unit;
}

#define VM_LOG2E_L_F32 (float)(VM_LOG2E - (double)VM_LOG2E_F32)

/* 1 - sigmoid(-x) for x > 0 */
static inline float vm_sigmoidf(float x)
{
    float a = vm_at_most_f32(fabsf(x), 104);
    float y = vm_logistic_f32(1, a, VM_LOG2E_F32, VM_LOG2E_L_F32);
    return x > 0 ? 1 - y : y;
}

/* x sigmoid(x (w + wl)) for w > 0, a = |x|, or less where the sigmoid of -a w is nothing already; NaN at
 * -inf, as a product of -inf and 0 */
static inline float vm_gated_f32(float x, float a, float w, float wl)
{
    return (x < 0 ? x * 0 : x) - vm_logistic_f32(a, a, w, wl);
}

/* (t - 1) / (t + 1) with t = e^(2 |x|) = 2^k (1 + 2 m), halved and divided by 2^k. For small k the nearest
 * float to log 2 leaves an exact r, and a second part that counts in the first order only. */
static inline float vm_tanhf(float x)
{
    const float shift = VM_SHIFT_F32 + 126, half_ln2 = 0.5F * (float)VM_LN2_H;
    float a = vm_at_most_f32(fabsf(x), 10), s = fmaf(a, -2 * VM_LOG2E_F32, shift), k = s - shift; /* -k */
    float r = fmaf(k, half_ln2, a), rl = k * (float)(0.5 * (VM_LN2_H - (double)(float)VM_LN2_H));
    float power = vm_from_bits_f32(vm_bits_f32(s) << 23), less = 0.5F - power, more = 0.5F + power;
    float rest = fmaf(r * r, VM_POLY_F32(r, vm_tanh_f32_c), rl), m = r + rest, ml = (r - m) + rest;
    float n = less + m, nl = ((less - n) + m) + ml;
    float d = more + m, dl = ((more - d) + m) + (ml + ((0.5F - more) + power));
    float inverse = 1 / d, q = n * inverse;
    float remainder = fmaf(-q, dl, fmaf(-q, d, n) + nl);
    return copysignf(fmaf(remainder, inverse, q), x);
}

/* e^x - 1 before it is rounded */
static inline double vm_expm1_wide(float x)
{
    return copysign(vm_short_expm1((double)vm_clamp_f32(x, -40, 100)), (double)x);
}

/* 2^k (1 + r + rest) - 1, halved, as 2^128 is too large. For small k the nearest float to log 2 leaves an
 * exact r; what it is short of is rl. */
static inline float vm_expm1f(float x)
{
    const float shift = VM_SHIFT_F32 + 126, ln2 = (float)VM_LN2_H, ln2_l = (float)(VM_LN2_H - (double)ln2);
    float held = vm_clamp_f32(x, -40, 89), s = fmaf(held, VM_LOG2E_F32, shift), k = s - shift;
    float r = fmaf(k, -ln2, held), rl = k * -ln2_l;
    float rest = fmaf(r * r, VM_POLY_F32(r, vm_expm1_f32_c), fmaf(rl, r, rl));
    float power = vm_from_bits_f32(vm_bits_f32(s) << 23), less = power - 0.5F;
    float h = fmaf(power, r, less), hl = fmaf(power, r, less - h) + ((power - less) - 0.5F);
    float y = 2 * (h + fmaf(power, rest, hl));
    return fabsf(x) < 0x1p-24F ? x : y;
}

/* a = k log 2 + r + rl, 0 <= a < 89.7; returns 2^(k-2), and 2^(-k-2) or less than its share of a sum. */
static inline float vm_reduce_hyperbolic_f32(float a, float *r, float *rl, float *inverse)
{
    const float shift = VM_SHIFT_F32 + 125;
    float s = fmaf(a, VM_LOG2E_F32, shift), k = s - shift, first = fmaf(k, -VM_LN2_H_F32, a);
    *r = fmaf(k, -VM_LN2_L_F32, first);
    *rl = fmaf(k, -VM_LN2_L_F32, first - *r);
    uint32_t power = vm_bits_f32(s) << 23;
    int32_t negative = (int32_t)(0x7d000000u - power);
    *inverse = vm_from_bits_f32((uint32_t)(negative > 0 ? negative : 0));
    return vm_from_bits_f32(power);
}

/* sinh(k log 2 + r) = sinh(k log 2) cosh(r) + cosh(k log 2) sinh(r), and cosh with the factors exchanged */
static inline float vm_sinhf(float x)
{
    float r, rl, inverse,
        power = vm_reduce_hyperbolic_f32(vm_at_most_f32(fabsf(x), 89.5F), &r, &rl, &inverse);
    float sum = power + inverse, difference = power - inverse, z = r * r;
    float h = fmaf(sum, r, difference), hl = fmaf(sum, r, difference - h) + ((power - difference) - inverse);
    float rest = fmaf(sum * r, VM_POLY_F32(z, vm_sinh_f32_c), difference * VM_POLY_F32(z, vm_cosh_f32_c));
    float y = 2 * (h + fmaf(z, rest, fmaf(sum, rl, hl)));
    return fabsf(x) < 0x1p-13F ? x : copysignf(y, x);
}

static inline float vm_coshf(float x)
{
    float r, rl, inverse,
        power = vm_reduce_hyperbolic_f32(vm_at_most_f32(fabsf(x), 89.5F), &r, &rl, &inverse);
    float sum = power + inverse, difference = power - inverse, z = r * r;
    float h = fmaf(difference, r, sum), hl = fmaf(difference, r, sum - h) + ((power - sum) + inverse);
    float rest = fmaf(difference * r, VM_POLY_F32(z, vm_sinh_f32_c), sum * VM_POLY_F32(z, vm_cosh_f32_c));
    return 2 * (h + fmaf(z, rest, hl));
}

/* --- log and its kin ------------------------------------------------------------------------------ */

/* x = 2^k (1 + f); log(1 + f) = f - f^2 / 2 + f^3 P(f). The bits of sqrt(1/2) are taken from those of x, as
 * in vm_split. */
static inline float vm_logf(float x)
{
    float scale = x < 0x1p-126F ? 0x1p24F : 1, back = x < 0x1p-126F ? 24 : 0;
    uint32_t u = vm_bits_f32(x * scale), power = u - 0x3f3504f3u;
    float f = vm_from_bits_f32(u - (power & 0xff800000u)) - 1, k = (float)((int32_t)power >> 23) - back;
    float high = k * VM_LN2_H_F32, t = high + f, z = f * f;
    float rest = z * fmaf(f, VM_POLY_F32(f, vm_log_f32_c), -0.5F);
    float r = t + (((high - t) + f) + fmaf(k, VM_LN2_L_F32, rest));
    uint32_t bits = vm_bits_f32(x), twice = bits << 1, some = twice < 1 ? twice : 1;
    float end =
        vm_from_bits_f32(0xff800000u | some << 22); /* -inf at 0, else NaN; without a comparison of x */
    r = x < INFINITY ? r : x;
    return (int32_t)bits > 0 ? r : end;
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

/* |x|^y = e^(y log |x|) in f64, where every float is normal */
static inline float vm_powf(float x, float y)
{
    double a = (double)fabsf(x), l = vm_short_log_fine(a);
    l = a < INFINITY ? l : a; /* inf, NaN */
    l = a == 0 ? -INFINITY : l;
    return (float)vm_pow_ends(vm_short_exp(vm_clamp((double)y * l, -150, 150)), (double)x, (double)y);
}

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

#define VM_PIO2_F32   (float)VM_PIO2_H
#define VM_PIO2_L_F32 (float)(VM_PIO2_H - (double)VM_PIO2_F32)

/* base + t (1 + w) + low, where base is 0 or at least |t| */
static inline float vm_angle_f32(float base, float t, float w, float low)
{
    float h = base + t, p = t * w, y = h + p;
    return y + ((((h - y) + p) + ((base - h) + t)) + (fmaf(t, w, -p) + low));
}

/* The root s of z = (1 - |x|) / 2, for acos(|x|) = 2 asin(s); 2 (s + sl) is its double. What rounding took is
 * (z - s^2) / (2 s), 1 / s read off the bits of z to 4 %. */
static inline float vm_root_f32(float z, float *double_l)
{
    float s = sqrtf(z);
    *double_l = fmaf(-s, s, z) * vm_from_bits_f32(0x5f375a86u - (vm_bits_f32(z) >> 1));
    return s;
}

static inline float vm_asinf(float x)
{
    float a = fabsf(x), half = fmaf(-0.5F, a, 0.5F), low, s = vm_root_f32(half, &low);
    bool far = a > 0.5F;
    float z = far ? half : a * a, w = z * VM_POLY_F32(z, vm_asin_f32_c);
    float y = vm_angle_f32(far ? VM_PIO2_F32 : 0, far ? -2 * s : a, w, far ? VM_PIO2_L_F32 - low : 0);
    return copysignf(y, x);
}

/* pi/2 - asin(x), or 2 asin(s), or pi - 2 asin(s) */
static inline float vm_acosf(float x)
{
    float a = fabsf(x), half = fmaf(-0.5F, a, 0.5F), low, s = vm_root_f32(half, &low);
    bool far = a > 0.5F;
    float z = far ? half : a * a, w = z * VM_POLY_F32(z, vm_asin_f32_c);
    float base = x < 0 ? 2 * VM_PIO2_F32 : 0, base_l = x < 0 ? 2 * VM_PIO2_L_F32 : 0;
    low = far ? base_l + (x < 0 ? -low : low) : VM_PIO2_L_F32;
    return vm_angle_f32(far ? base : VM_PIO2_F32, far ? copysignf(2 * s, x) : -x, w, low);
}

/* atan(t) = t (1 + w + wl) for |t| <= 1; its slope is about 1 / (1 + t^2). The first partial sums are smaller
 * than the next ones, so that they are rounded less. */
static inline float vm_atan_part_f32(float t, float *wl, float *slope)
{
    float z = t * t, z2 = z * z, high = vm_horner_f32(z, vm_atan_f32_c + 4, VM_LENGTH(vm_atan_f32_c) - 4);
    float p = fmaf(z2 * z2, high, vm_horner_f32(z, vm_atan_f32_c, 4)), w = z * p;
    *slope = fmaf(-0.5F, z, 1);
    *wl = fmaf(z, p, -w);
    return w;
}

/* pi / 2 - atan(1 / a) for a > 1 */
static inline float vm_atanf(float x)
{
    float a = vm_at_most_f32(fabsf(x), 0x1p60F), inverse = 1 / a, wl, slope;
    bool far = a > 1;
    float t = far ? -inverse : a, w = vm_atan_part_f32(t, &wl, &slope);
    float low = far ? fmaf(inverse * fmaf(inverse, a, -1), slope, VM_PIO2_L_F32) : 0;
    return copysignf(vm_angle_f32(far ? VM_PIO2_F32 : 0, t, w, fmaf(t, wl, low)), x);
}

/* From the quotient of the smaller and the larger coordinate, in f64, where it does not leave the normal
 * numbers; infinite ones count as equal, zeros as on the axis. */
static inline float vm_atan2f(float y, float x)
{
    bool steep = fabsf(y) > fabsf(x), left = copysignf(1, x) < 0;
    double a = (double)fabsf(steep ? x : y), b = (double)fabsf(steep ? y : x), equal = b > 0 ? 1 : 0;
    double exact = a == b ? equal : a / b;
    float t = (float)exact, tl = (float)(exact - (double)t), wl, slope;
    float w = vm_atan_part_f32(t, &wl, &slope), quarters = steep ? 1 : left ? 2 : 0;
    float low = fmaf(t, wl, tl * slope);
    t = steep != left ? -t : t;
    low = (steep != left ? -low : low) + quarters * VM_PIO2_L_F32;
    float r = copysignf(vm_angle_f32(quarters * VM_PIO2_F32, t, w, low), y);
    return x != x || y != y ? x + y : r;
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
