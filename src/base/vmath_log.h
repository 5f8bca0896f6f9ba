/* log, log1p, softplus, log_sigmoid and pow. */
#ifndef TAPER_BASE_VMATH_LOG_H
#define TAPER_BASE_VMATH_LOG_H

#include "base/vmath_exp.h"

/* x = 2^k m with sqrt(1/2) <= m < sqrt(2), for a finite x > 0. The bits of sqrt(1/2) are taken from
 * those of x, so that the exponent field counts from there; k + 2048 is made a double in its low bits. */
static inline double vm_split(double x, double *m)
{
    bool tiny = x < 0x1p-1022;
    uint64_t u = vm_bits(tiny ? x * 0x1p54 : x);
    uint64_t k = (u - 0x3fe6a09e667f3bcdu + (UINT64_C(2048) << 52)) >> 52;
    *m = vm_from_bits(u - ((k - 2048) << 52));
    return vm_from_bits(0x4330000000000000u | k) - (0x1p52 + 2048) - (tiny ? 54 : 0);
}

/* log(2^k (1 + f) + c) with |f| < sqrt(2) - 1 and fl = 2^-k c < ulp(1 + f).
 * With s = f / (2 + f): log(1 + f) = 2 atanh(s) = f - (f^2 / 2 - s (f^2 / 2 + R(s))), R = 2/3 s^2 + ... */
static inline double vm_log_parts(double k, double f, double fl)
{
    double s = f / (2 + f), z = s * s, h = 0.5 * f * f;
    double R = z * fma(z, VM_POLY(z, vm_log_c), VM_2_3_H);
    vm_dd t = vm_two_sum(k * VM_LN2_H, f);
    double low = fma(k, VM_LN2_H, -(k * VM_LN2_H)) + k * VM_LN2_L + fl / (1 + f);
    return t.h + (t.l + (low - (h - s * (h + R))));
}

static inline double vm_log(double x)
{
    double m, k = vm_split(x, &m), r = vm_log_parts(k, m - 1, 0);
    r = x < INFINITY ? r : INFINITY;
    return x > 0 ? r : x == 0 ? -INFINITY : NAN;
}

/* log(1 + x + xl) for x > -1, |xl| < ulp(x): the sum's rounding error goes along. */
static inline double vm_log1p_parts(double x, double xl)
{
    double m;
    vm_dd u = vm_two_sum(1, x);
    double k = vm_split(u.h, &m);
    bool near = k == 0; /* then 1 + x = 1 + f */
    double fl = (u.l + xl) * vm_pow2(-vm_clamp(k, -1000, 1000));
    return vm_log_parts(k, near ? x : m - 1, near ? xl : fl);
}

static inline double vm_log1p(double x)
{
    double r = vm_log1p_parts(x, 0);
    r = x < INFINITY ? r : INFINITY;
    r = fabs(x) < 0x1p-54 ? x : r; /* keeps -0 */
    return x > -1 ? r : x == -1 ? -INFINITY : NAN;
}

/* log(1 + e^-a) for a >= 0; from a = 40 on e^-a itself */
static inline double vm_log1p_exp(double a)
{
    double k;
    vm_dd m = vm_exp_parts(-vm_clamp(a, 0, 746), 0, &k);
    double s = vm_pow2(k < -1000 ? -1000 : k);
    double r = vm_log1p_parts(s * m.h, s * m.l);
    return a > 40 ? vm_scale(m.h, k) : r;
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) */
static inline double vm_softplus(double x) { return (x < 0 ? 0 : x) + vm_log1p_exp(fabs(x)); }

/* log(1 / (1 + e^-x)) */
static inline double vm_log_sigmoid(double x) { return -vm_softplus(-x); }

/* log x as h + l with a relative error of about 2^-64, for a finite x > 0: the series of vm_log_parts,
 * its first two terms 2s + 2/3 s^3 in double-double. */
static inline vm_dd vm_log_dd(double x)
{
    double m, k = vm_split(x, &m);
    vm_dd s = vm_div((vm_dd){m - 1, 0}, vm_two_sum(m, 1));
    vm_dd z = vm_two_prod(s.h, s.h);
    z.l += 2 * s.h * s.l;
    vm_dd w = vm_two_prod(s.h, z.h);
    w.l += s.h * z.l + s.l * z.h;
    vm_dd c = vm_two_prod(w.h, VM_2_3_H);
    c.l += w.h * VM_2_3_L + w.l * VM_2_3_H;
    vm_dd y = vm_fast_sum(2 * s.h, c.h);
    y.l += 2 * s.l + (c.l + w.h * z.h * VM_POLY(z.h, vm_log_c));
    vm_dd n = vm_two_prod(k, VM_LN2_H), t = vm_two_sum(n.h, y.h);
    return vm_fast_sum(t.h, t.l + (y.l + (n.l + k * VM_LN2_L)));
}

/* x^y from r = |x|^y: the sign, and the cases that Annex F singles out. Without branches. */
static inline double vm_pow_ends(double r, double x, double y)
{
    double half = 0.5 * y;
    bool whole = floor(y) == y, finite_below = (x < 0) & (x > -INFINITY),
         at_end = (fabs(x) == 1) & (fabs(y) == INFINITY);
    bool one = (x == 1) | (y == 0);
    bool odd = whole & (floor(half) != half);
    uint64_t sign = odd ? UINT64_C(1) << 63 : 0;
    r = vm_from_bits(vm_bits(r) ^ (vm_bits(x) & sign));
    bool none = finite_below & !whole;
    r = none ? NAN : r;
    r = at_end ? 1 : r;
    return one ? 1 : r;
}

/* |x|^y = e^(y log |x|) */
static inline double vm_pow(double x, double y)
{
    double a = fabs(x), k;
    vm_dd l = vm_log_dd(a);
    l.h = a < INFINITY ? l.h : a; /* inf, NaN */
    l.h = a == 0 ? -INFINITY : l.h;
    vm_dd p = vm_two_prod(y, l.h);
    p.l = fabs(p.h) < 800 ? p.l + y * l.l : 0;
    vm_dd m = vm_exp_parts(vm_clamp(p.h, -800, 800), p.l, &k);
    return vm_pow_ends(vm_scale(m.h, k), x, y);
}

#endif
