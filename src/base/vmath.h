/* Elementary functions from + - * / sqrt fma, conversions and bit operations alone: the same bits with
 * every compiler, optimization level and vector width, given -ffp-contract=off and rounding to nearest.
 *
 * vm_exp(double) errs by less than 1 ULP; vm_expf(float) is its rounding to f32; m_exp(x) picks by type.
 * Values at 0, infinity, NaN and the ends of domains are those of C99's Annex F.
 * Coefficients: tools/fit_vmath.py. */
#ifndef TAPER_BASE_VMATH_H
#define TAPER_BASE_VMATH_H

#include "base/vmath_log.h"

#define VM_UNARY(X) \
    X(exp)          \
    X(expm1)        \
    X(sinh)         \
    X(cosh)         \
    X(tanh)         \
    X(sigmoid)      \
    X(log)          \
    X(log1p)        \
    X(softplus)     \
    X(log_sigmoid)

#define VM_F32(f) \
    static inline float vm_##f##f(float x) { return (float)vm_##f((double)x); }
VM_UNARY(VM_F32)
#undef VM_F32

#define m_exp(x)         _Generic((x), float : vm_expf, double : vm_exp)(x)
#define m_expm1(x)       _Generic((x), float : vm_expm1f, double : vm_expm1)(x)
#define m_sinh(x)        _Generic((x), float : vm_sinhf, double : vm_sinh)(x)
#define m_cosh(x)        _Generic((x), float : vm_coshf, double : vm_cosh)(x)
#define m_tanh(x)        _Generic((x), float : vm_tanhf, double : vm_tanh)(x)
#define m_sigmoid(x)     _Generic((x), float : vm_sigmoidf, double : vm_sigmoid)(x)
#define m_log(x)         _Generic((x), float : vm_logf, double : vm_log)(x)
#define m_log1p(x)       _Generic((x), float : vm_log1pf, double : vm_log1p)(x)
#define m_softplus(x)    _Generic((x), float : vm_softplusf, double : vm_softplus)(x)
#define m_log_sigmoid(x) _Generic((x), float : vm_log_sigmoidf, double : vm_log_sigmoid)(x)

#endif
