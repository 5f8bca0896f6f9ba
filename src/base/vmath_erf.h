/* erf and erfc. */
#ifndef TAPER_BASE_VMATH_ERF_H
#define TAPER_BASE_VMATH_ERF_H

#include "base/vmath_exp.h"

/* erf(x) - x for |x| <= 3/4 */
static inline double vm_erf_rest(double x) { return x * VM_POLY(x * x, vm_erf_c); }

/* erfc(a) = P(t) e^(-a^2) / (1 + 2a) with t = (a - 4.5) / (a + 4.5), for a >= 3/4
 * (after Shepherd and Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x", 1981). */
static inline double vm_erfc_far(double a)
{
    a = vm_clamp(a, 0.75, 28);
    double k, t = (a - 4.5) / (a + 4.5);
    vm_dd z = vm_two_prod(a, a), e = vm_exp_parts(-z.h, -z.l, &k);
    vm_dd p = vm_fast_sum(vm_erfc_c[0], t * vm_poly(t, vm_erfc_c + 1, VM_LENGTH(vm_erfc_c) - 1));
    p.l += VM_ERFC_C0_L;
    vm_dd num = vm_two_prod(p.h, e.h);
    num.l += p.h * e.l + p.l * e.h;
    vm_dd y = vm_div(num, vm_two_sum(1, 2 * a));
    return vm_scale(y.h + y.l, k);
}

static inline double vm_erf(double x)
{
    double far = copysign(1 - vm_erfc_far(fabs(x)), x);
    return fabs(x) > 0.75 ? far : x + vm_erf_rest(x);
}

static inline double vm_erfc(double x)
{
    vm_dd u = vm_fast_sum(1, -x);
    double near = u.h + (u.l - vm_erf_rest(x)), far = vm_erfc_far(fabs(x));
    return x > 0.75 ? far : x < -0.75 ? 2 - far : near;
}

#endif
