/* Building blocks of vmath: bit access, double-double sums and products, powers of two.
 *
 * A value written h + l is unevaluated: l is what rounding took from h. */
#ifndef TAPER_BASE_VMATH_CORE_H
#define TAPER_BASE_VMATH_CORE_H

#include "base/vmath_coef.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Adding and subtracting it rounds |x| < 2^51 to the nearest integer, ties to even; after the
 * addition the low bits of the sum are that integer in two's complement. */
#define VM_SHIFT 0x1.8p52

typedef struct vm_dd {
    double h, l;
} vm_dd;

static inline uint64_t vm_bits(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline double vm_from_bits(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* c[0] + c[1] x + ... over the whole array c, by Horner's rule. */
#define VM_LENGTH(c)  (int)(sizeof(c) / sizeof *(c))
#define VM_POLY(x, c) vm_poly(x, c, VM_LENGTH(c))
/* gcc leaves more than 16 steps a loop otherwise, and then takes no several x at once. */
#if defined(__clang__)
#define VM_UNROLL
#else
#define VM_UNROLL _Pragma("GCC unroll 32")
#endif
static inline double vm_poly(double x, const double *c, int n)
{
    double p = c[n - 1];
    VM_UNROLL for (int i = n - 2; i >= 0; i--) p = fma(p, x, c[i]);
    return p;
}

/* a + b exactly (Knuth). */
static inline vm_dd vm_two_sum(double a, double b)
{
    double s = a + b, t = s - a;
    return (vm_dd){s, (a - (s - t)) + (b - t)};
}

/* a + b exactly where |a| >= |b| or a = 0 (Dekker). */
static inline vm_dd vm_fast_sum(double a, double b)
{
    double s = a + b;
    return (vm_dd){s, (a - s) + b};
}

static inline vm_dd vm_two_prod(double a, double b)
{
    double p = a * b;
    return (vm_dd){p, fma(a, b, -p)};
}

/* a / b: the quotient of the high parts, and the remainder divided again. */
static inline vm_dd vm_div(vm_dd a, vm_dd b)
{
    double inv = 1 / b.h, q = a.h * inv;
    return (vm_dd){q, (fma(-q, b.h, a.h) + (a.l - q * b.l)) * inv};
}

/* The integer nearest to x, |x| < 2^51. */
static inline double vm_round(double x) { return (x + VM_SHIFT) - VM_SHIFT; }

/* 2^k for an integer k in [-1022, 1023]. */
static inline double vm_pow2(double k) { return vm_from_bits((vm_bits(k + VM_SHIFT) + 1023) << 52); }

/* y 2^k for a normal y and an integer |k| <= 2044: rounded once, by the second product. */
static inline double vm_scale(double y, double k)
{
    double half = vm_round(k * 0.5);
    return y * vm_pow2(half) * vm_pow2(k - half);
}

#endif
