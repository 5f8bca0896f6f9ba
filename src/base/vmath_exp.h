/* exp and what is made of it: expm1, sinh, cosh, tanh, sigmoid. */
#ifndef TAPER_BASE_VMATH_EXP_H
#define TAPER_BASE_VMATH_EXP_H

#include "base/vmath_core.h"

/* h + l = k log 2 + r + rl with |r| <= log(2) / 2. The first step is exact: h - k LN2_H is a multiple of
 * the last bit of both and below 1/2. */
static inline double vm_reduce_exp(double h, double l, vm_dd *r)
{
    double k = vm_round(h * VM_LOG2E);
    *r = vm_fast_sum(fma(-k, VM_LN2_H, h), fma(-k, VM_LN2_L, l));
    return k;
}

/* e^(r + rl) - 1 - r, to the first order in rl */
static inline double vm_exp_rest(vm_dd r)
{
    return fma(r.h * r.h, VM_POLY(r.h, vm_exp_c), fma(r.l, r.h, r.l));
}

/* e^(h + l) = 2^k (m + ml), |h| <= 1e3. */
static inline vm_dd vm_exp_parts(double h, double l, double *k)
{
    vm_dd r;
    *k = vm_reduce_exp(h, l, &r);
    vm_dd m = vm_fast_sum(1, r.h);
    m.l += vm_exp_rest(r);
    return vm_fast_sum(m.h, m.l);
}

/* x held within [lo, hi]; NaN stays. Both bounds are compared with x itself, or compilers make a choice of
 * three of what follows. */
static inline double vm_clamp(double x, double lo, double hi)
{
    bool low = x < lo;
    x = hi < x ? hi : x;
    return low ? lo : x;
}

static inline double vm_exp(double x)
{
    double k;
    vm_dd m = vm_exp_parts(vm_clamp(x, -746, 710), 0, &k);
    return vm_scale(m.h, k);
}

/* e^x - 1 as h + l for -50 <= x <= 709. */
static inline vm_dd vm_expm1_parts(double x)
{
    vm_dd r;
    double s = vm_pow2(vm_reduce_exp(x, 0, &r));
    vm_dd u = vm_two_sum(s, -1), t = vm_two_sum(u.h, s * r.h);
    return vm_fast_sum(t.h, fma(s, vm_exp_rest(r), t.l + u.l));
}

static inline double vm_expm1(double x)
{
    double k, big = vm_exp_parts(vm_clamp(x, 0, 710), 0, &k).h;
    double small = copysign(vm_expm1_parts(vm_clamp(x, -50, 50)).h, x);
    return x > 50 ? vm_scale(big, k) : small;
}

/* (t + t / (t + 1)) / 2 with t = e^|x| - 1 */
static inline double vm_sinh(double x)
{
    double k, a = fabs(x);
    vm_dd t = vm_expm1_parts(vm_clamp(a, 0, 40)), t1 = vm_two_sum(t.h, 1);
    t1.l += t.l;
    vm_dd v = vm_div(t, t1), s = vm_fast_sum(t.h, v.h);
    double small = 0.5 * (s.h + (s.l + (t.l + v.l)));
    double big = vm_exp_parts(vm_clamp(a, 40, 712), 0, &k).h;
    return copysign(a > 40 ? vm_scale(big, k - 1) : small, x);
}

/* 2^(k-1) (m + 2^-2k / m) with 2^k m = e^|x| */
static inline double vm_cosh(double x)
{
    double k;
    vm_dd m = vm_exp_parts(vm_clamp(fabs(x), 0, 712), 0, &k);
    vm_dd v = vm_div((vm_dd){vm_pow2(-2 * (k < 100 ? k : 100)), 0}, m);
    vm_dd s = vm_two_sum(m.h, v.h);
    return vm_scale(s.h + (s.l + (m.l + v.l)), k - 1);
}

/* t / (t + 2) with t = e^(2 |x|) - 1 */
static inline double vm_tanh(double x)
{
    vm_dd t = vm_expm1_parts(2 * vm_clamp(fabs(x), 0, 20)), d = vm_two_sum(t.h, 2);
    d.l += t.l;
    vm_dd q = vm_div(t, d);
    return copysign(q.h + q.l, x);
}

/* 1 / (1 + e^-x) for x >= 0, e^x / (1 + e^x) for x < 0 */
static inline double vm_sigmoid(double x)
{
    double k;
    vm_dd m = vm_exp_parts(-vm_clamp(fabs(x), 0, 746), 0, &k);
    double s = vm_pow2(k < -1000 ? -1000 : k);
    vm_dd d = vm_fast_sum(1, s * m.h);
    d.l += s * m.l;
    bool neg = x < 0;
    vm_dd q = vm_div((vm_dd){neg ? m.h : 1, neg ? m.l : 0}, d);
    return vm_scale(q.h + q.l, neg ? k : 0);
}

#endif
