/* Elementary functions from + - * / sqrt fma, conversions and bit operations alone: the same bits with
 * every compiler, optimization level and vector width, given -ffp-contract=off and rounding to nearest.
 *
 * vm_exp(double) and vm_expf(float) err by less than 1 ULP; m_exp(x) picks by type.
 * Values at 0, infinity, NaN and the ends of domains are those of C99's Annex F.
 * Coefficients: tools/fit_vmath.py. */
#ifndef TAPER_BASE_VMATH_H
#define TAPER_BASE_VMATH_H

#include "base/vmath_f32.h"

#define m_exp(x)         _Generic((x), float : vm_expf, double : vm_exp)(x)
#define m_expm1(x)       _Generic((x), float : vm_expm1f, double : vm_expm1)(x)
#define m_expm1_wide(x)  _Generic((x), float : vm_expm1_wide, double : vm_expm1)(x)
#define m_log(x)         _Generic((x), float : vm_logf, double : vm_log)(x)
#define m_log1p(x)       _Generic((x), float : vm_log1pf, double : vm_log1p)(x)
#define m_sin(x)         _Generic((x), float : vm_sinf, double : vm_sin)(x)
#define m_cos(x)         _Generic((x), float : vm_cosf, double : vm_cos)(x)
#define m_tan(x)         _Generic((x), float : vm_tanf, double : vm_tan)(x)
#define m_asin(x)        _Generic((x), float : vm_asinf, double : vm_asin)(x)
#define m_acos(x)        _Generic((x), float : vm_acosf, double : vm_acos)(x)
#define m_atan(x)        _Generic((x), float : vm_atanf, double : vm_atan)(x)
#define m_sinh(x)        _Generic((x), float : vm_sinhf, double : vm_sinh)(x)
#define m_cosh(x)        _Generic((x), float : vm_coshf, double : vm_cosh)(x)
#define m_tanh(x)        _Generic((x), float : vm_tanhf, double : vm_tanh)(x)
#define m_sigmoid(x)     _Generic((x), float : vm_sigmoidf, double : vm_sigmoid)(x)
#define m_log_sigmoid(x) _Generic((x), float : vm_log_sigmoidf, double : vm_log_sigmoid)(x)
#define m_softplus(x)    _Generic((x), float : vm_softplusf, double : vm_softplus)(x)
#define m_erf(x)         _Generic((x), float : vm_erff, double : vm_erf)(x)
#define m_erfc(x)        _Generic((x), float : vm_erfcf, double : vm_erfc)(x)
#define m_pow(x, y)      _Generic((x) + (y), float : vm_powf, double : vm_pow)(x, y)
#define m_atan2(y, x)    _Generic((y) + (x), float : vm_atan2f, double : vm_atan2)(y, x)

#endif
