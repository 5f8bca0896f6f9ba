/* sin, cos, tan for arguments of any size, and their inverses. */
#ifndef TAPER_BASE_VMATH_TRIG_H
#define TAPER_BASE_VMATH_TRIG_H

#include "base/vmath_core.h"

#define VM_NEAR 0x1p20

/* x = n pi/2 + r + rl for |x| < VM_NEAR (Cody and Waite, with fma); returns n mod 4 in the low two bits. The
 * first step is exact, as in vm_reduce_exp. The low parts keep 100 bits even where x is next to n pi/2. */
static inline uint64_t vm_reduce_small(double x, vm_dd *r)
{
    double shifted = x * VM_2OPI + VM_SHIFT, n = shifted - VM_SHIFT;
    vm_dd p = vm_two_prod(n, VM_PIO2_M);
    vm_dd t = vm_two_sum(fma(-n, VM_PIO2_H, x), -p.h);
    *r = vm_fast_sum(t.h, (t.l - p.l) - n * VM_PIO2_L);
    return vm_bits(shifted);
}

/* The same for a finite |x| >= VM_NEAR (Payne and Hanek). With x = m 2^e, the digits of 2/pi worth 4 or more
 * times 1/x are whole turns; the 192 after them, times m and mod 2^192, are the quadrant (2 bits) and the
 * fraction. */
static inline uint64_t vm_reduce_huge(double x, vm_dd *r)
{
    uint64_t u = vm_bits(x), m = (u & 0xfffffffffffffu) | (UINT64_C(1) << 52);
    uint32_t at = (uint32_t)(u >> 52 & 0x7ff) - 1075 + 62; /* e + 64 zeros of the table - 2 */
    uint32_t v[6], f[6];
    for (uint32_t i = 0; i < 6; i++) {
        uint64_t pair = (uint64_t)vm_2opi_bits[at / 32 + i] << 32 | vm_2opi_bits[at / 32 + i + 1];
        v[i] = (uint32_t)(pair >> (32 - at % 32));
    }
    uint64_t carry = 0;
    for (int i = 5; i >= 0; i--) {
        carry += (m & 0xffffffffu) * v[i];
        f[i] = (uint32_t)carry;
        carry >>= 32;
    }
    carry = 0;
    for (int i = 4; i >= 0; i--) {
        carry += (m >> 32) * v[i + 1] + f[i];
        f[i] = (uint32_t)carry;
        carry >>= 32;
    }
    uint64_t n = f[0] >> 30;
    bool up = f[0] >> 29 & 1; /* fraction >= 1/2: the next quadrant, and minus what is missing to it */
    vm_dd t = {0, 0};
    for (int i = 0; i < 5; i++) {
        uint32_t word = up ? ~f[i] : f[i];
        vm_dd s = vm_two_sum(t.h, (double)(i ? word : word & 0x1fffffffu) * vm_pow2(-30 - 32 * i));
        t = (vm_dd){s.h, t.l + s.l};
    }
    t = vm_fast_sum(t.h, t.l);
    double sign = up != (x < 0) ? -1 : 1;
    vm_dd p = vm_two_prod(t.h, VM_PIO2_H);
    *r = vm_fast_sum(sign * p.h, sign * (p.l + (t.h * VM_PIO2_M + t.l * VM_PIO2_H)));
    return x < 0 ? -(n + up) : n + up;
}

static inline uint64_t vm_reduce_trig(double x, vm_dd *r)
{
    if (fabs(x) < VM_NEAR) return vm_reduce_small(x, r);
    if (fabs(x) < INFINITY) return vm_reduce_huge(x, r);
    *r = (vm_dd){NAN, NAN};
    return 0;
}

/* sin(r + rl) = r + r^3 S(r^2) + rl cos(r) */
static inline vm_dd vm_sin_parts(vm_dd r)
{
    double z = r.h * r.h;
    return vm_fast_sum(r.h, fma(r.h * z, VM_POLY(z, vm_sin_c), fma(-0.5 * z, r.l, r.l)));
}

/* cos(r + rl) = 1 - r^2 / 2 + r^4 C(r^2) - r rl */
static inline vm_dd vm_cos_parts(vm_dd r)
{
    vm_dd z = vm_two_prod(r.h, r.h), c = vm_fast_sum(1, -0.5 * z.h);
    c.l += z.h * z.h * VM_POLY(z.h, vm_cos_c) - fma(r.h, r.l, 0.5 * z.l);
    return vm_fast_sum(c.h, c.l);
}

/* sin(r + q pi/2) */
static inline double vm_sin_quadrant(vm_dd r, uint64_t q)
{
    vm_dd s = vm_sin_parts(r), c = vm_cos_parts(r);
    double y = q & 1 ? c.h : s.h;
    return q & 2 ? -y : y;
}

/* From x = q pi/2 + r. */
static inline double vm_sin_at(double x, uint64_t q, vm_dd r)
{
    double y = vm_sin_quadrant(r, q);
    return fabs(x) < 0x1p-27 ? x : y; /* keeps -0 */
}

static inline double vm_cos_at(double x, uint64_t q, vm_dd r) { return (void)x, vm_sin_quadrant(r, q + 1); }

/* sin / cos, or -cos / sin in the odd quadrants */
static inline double vm_tan_at(double x, uint64_t q, vm_dd r)
{
    vm_dd s = vm_sin_parts(r), c = vm_cos_parts(r);
    vm_dd num = q & 1 ? c : s, den = q & 1 ? s : c;
    vm_dd y = vm_div(num, den);
    double t = q & 1 ? -(y.h + y.l) : y.h + y.l;
    return fabs(x) < 0x1p-27 ? x : t;
}

/* vm_sin(x), and vm_sin_near(x) without a branch for |x| < VM_NEAR. */
#define VM_TRIG(name)                               \
    static inline double vm_##name##_near(double x) \
    {                                               \
        vm_dd r;                                    \
        uint64_t q = vm_reduce_small(x, &r);        \
        return vm_##name##_at(x, q, r);             \
    }                                               \
    static inline double vm_##name(double x)        \
    {                                               \
        vm_dd r;                                    \
        uint64_t q = vm_reduce_trig(x, &r);         \
        return vm_##name##_at(x, q, r);             \
    }
VM_TRIG(sin)
VM_TRIG(cos)
VM_TRIG(tan)
#undef VM_TRIG

/* asin(a) for 0 <= a <= 1/2; beyond, where `far` is set, asin(sqrt((1 - a) / 2)) = acos(a) / 2. */
static inline vm_dd vm_asin_parts(double a, bool far)
{
    double z = far ? (1 - a) * 0.5 : a * a;
    double s = far ? sqrt(z) : a;
    double sl = far && s > 0 ? fma(-s, s, z) / (2 * s) : 0;
    return (vm_dd){s, fma(s * z, VM_POLY(z, vm_asin_c), sl)};
}

/* n pi/2 + c t, a sum that does not cancel */
static inline double vm_angle(double n, double c, vm_dd t)
{
    vm_dd u = vm_fast_sum(n * VM_PIO2_H, c * t.h);
    return u.h + (u.l + (n * VM_PIO2_M + c * t.l));
}

static inline double vm_asin(double x)
{
    bool far = fabs(x) > 0.5;
    return copysign(vm_angle(far ? 1 : 0, far ? -2 : 1, vm_asin_parts(fabs(x), far)), x);
}

static inline double vm_acos(double x)
{
    bool far = fabs(x) > 0.5;
    double sign = x < 0 ? 1 : -1;
    return vm_angle(far ? 1 + sign : 1, far ? -2 * sign : sign, vm_asin_parts(fabs(x), far));
}

/* a and b brought to where a + b and a / b neither overflow nor lose digits, for 0 <= a <= b;
 * infinite ones count as equal, zeros as on the axis. */
static inline void vm_scale_pair(double *a, double *b)
{
    double scale = *b > 0x1p1000 ? 0x1p-100 : *b < 0x1p-800 ? 0x1p200 : 1;
    bool edge = *b == INFINITY || *b == 0;
    double near = *a == INFINITY ? 1 : 0;
    *a = edge ? near : *a * scale;
    *b = edge ? 1 : *b * scale;
}

/* atan(a / b) for 0 <= a <= b, or pi/4 - atan((b - a) / (b + a)) if a > b / 2; then mirrored at the diagonal
 * and at the y axis. */
static inline double vm_octant(double a, double b, bool steep, bool left)
{
    bool diagonal = a > 0.5 * b;
    vm_dd den = vm_fast_sum(b, diagonal ? a : 0);
    double num = diagonal ? a - b : a, t = num / den.h, z = t * t;
    double tl = (fma(-t, den.h, num) - t * den.l) / den.h;
    vm_dd angle = {t, fma(t * z, VM_POLY(z, vm_atan_c), tl)};
    double n = diagonal ? 0.5 : 0, c = steep != left ? -1 : 1;
    n = steep ? 1 - n : n;
    n = left ? 2 - n : n;
    return vm_angle(n, c, angle);
}

/* The angle of the point (x, y). */
static inline double vm_atan2(double y, double x)
{
    bool steep = fabs(y) > fabs(x), left = copysign(1, x) < 0;
    double a = steep ? fabs(x) : fabs(y), b = steep ? fabs(y) : fabs(x);
    vm_scale_pair(&a, &b);
    double r = copysign(vm_octant(a, b, steep, left), y);
    return isnan(x) || isnan(y) ? x + y : r;
}

/* From 2^100 on it is pi / 2. */
static inline double vm_atan(double x)
{
    double a = fabs(x);
    bool steep = a > 1;
    double beyond = a > 0x1p100 ? 0x1p100 : a;
    return copysign(vm_octant(steep ? 1 : a, steep ? beyond : 1, steep, false), x);
}

#endif
