#!/usr/bin/env python3
"""Prints src/base/vmath_coef.h: polynomial coefficients and split constants for vmath.

usage: python3 tools/fit_vmath.py > src/base/vmath_coef.h      (needs mpmath)

Each polynomial interpolates its function at Chebyshev nodes, which is within a small factor
of minimax; the number of terms is the least whose weighted error stays below 2^-bits.
"""
from mpmath import mp, mpf, cos, pi


def interpolate(f, a, b, n):
    """Monomial coefficients, ascending, of the polynomial through n Chebyshev nodes."""
    xs = [(a + b) / 2 + (b - a) / 2 * cos(pi * (2 * i + 1) / (2 * n)) for i in range(n)]
    d = [f(x) for x in xs]
    for j in range(1, n):  # Newton's divided differences
        for i in range(n - 1, j - 1, -1):
            d[i] = (d[i] - d[i - 1]) / (xs[i] - xs[i - j])
    c = [d[-1]]
    for i in range(n - 2, -1, -1):  # c = c * (x - xs[i]) + d[i]
        c = [u - xs[i] * v for u, v in zip([mpf(0)] + c, c + [mpf(0)])]
        c[0] += d[i]
    return c


def f32(v):
    """The nearest f32."""
    m, e = mp.frexp(v)
    return mp.nint(m * 2**24) * mpf(2) ** (e - 24)


def f32_hex(v):
    """The nearest f32, as a literal of C."""
    digits, power = float(f32(v)).hex().split("p")
    return f"{digits[:-7]}p{power}F"


def fit(name, formula, f, a, b, weight, bits, real="double"):
    a, b = mpf(a), mpf(b)  # no node may be 0, where f is 0 / 0
    grid = [a + (b - a) * (i + mpf("0.37")) / 500 for i in range(500)]
    for n in range(3, 40):
        c = interpolate(f, a, b, n)
        err = max(abs((mp.polyval(c[::-1], x) - f(x)) * weight(x)) for x in grid)
        if err < mpf(2) ** -bits:
            break
    print(f"/* {formula}; error 2^{float(mp.log(err, 2)):.1f} */")
    print(f"static const {real} {name}[{n}] = {{")
    for v in c:
        print(f"    {float(v).hex() if real == 'double' else f32_hex(v)},")
    print("};\n")
    return c


def fit_rounded(name, formula, f, a, b, weight, n, points=80):
    """n coefficients in f32 by least squares: each is rounded before the next ones are found, which make up for it."""
    xs = [(a + b) / 2 + (b - a) / 2 * cos(pi * (2 * i + 1) / (2 * points)) for i in range(points)]
    error = lambda x: (f(x) - mp.polyval(c[::-1], x)) * weight(x)
    c = [mpf(0)]
    for i in range(n):
        powers = mp.matrix([[weight(x) * x**k for k in range(i, n)] for x in xs])
        c[i:] = [f32(mp.lu_solve(powers, mp.matrix([error(x) for x in xs]))[0]), mpf(0)]
    largest = max(abs(error(x)) for x in xs)
    print(f"/* {formula}; error 2^{float(mp.log(largest, 2)):.1f} */")
    print(f"static const float {name}[{n}] = {{")
    for v in c[:n]:
        print(f"    {f32_hex(v)},")
    print("};\n")


def split(name, value, parts, comment):
    """value as a sum of `parts` doubles, each the rounding of what is left."""
    print(f"/* {comment} */")
    for i in range(parts):
        d = float(value)
        value -= mpf(d)
        print(f"#define {name}_{'HML'[i] if parts == 3 else 'HL'[i]} {d.hex()}")
    print()


def fit_short():
    """For f64 that is rounded to f32."""
    one, s, h = lambda x: mpf(1), lambda z: mp.sqrt(z), mp.log(2) / 2 + mpf("1e-6")
    fit("vm_short_exp_c", "(e^r - 1 - r) / r^2, |r| <= log(2) / 2", lambda r: (mp.expm1(r) - r) / r**2,
        -h, h + mpf("1e-6"), lambda r: r, 27)
    fit("vm_short_log_c", "log(1 + f) / f, sqrt(1/2) <= 1 + f <= sqrt(2)", lambda f: mp.log1p(f) / f,
        mp.sqrt(0.5) - 1, mp.sqrt(2) - 1 + mpf("1e-6"), one, 27)
    fit("vm_short_atanh_c", "2 atanh(s) / s, by s^2, |s| <= (sqrt(2) - 1)^2", lambda z: 2 * mp.atanh(s(z)) / s(z),
        0, (mp.sqrt(2) - 1) ** 4, lambda z: mpf(0.5), 38)
    fit("vm_short_sin_c", "sin(r) / r, by r^2, |r| <= pi / 4", lambda z: mp.sin(s(z)) / s(z), 0, (pi / 4) ** 2, one, 27)
    fit("vm_short_cos_c", "cos(r), by r^2, |r| <= pi / 4", lambda z: mp.cos(s(z)), 0, (pi / 4) ** 2, one, 27)
    fit("vm_short_erf_c", "log(erfc(x)) / x, 0 <= x <= 4", lambda x: mp.log(mp.erfc(x)) / x, 0, 4,
        lambda x: x * mp.erfc(x) / mp.erf(x), 27)
    x = lambda t: 2 * (1 + t) / (1 - t)
    fit("vm_short_erfc_c", "e^(x^2) erfc(x), by t = (x - 2) / (x + 2), 0 <= x <= 10.1",
        lambda t: mp.exp(x(t) ** 2) * mp.erfc(x(t)), -1, mpf("8.1") / mpf("12.1"),
        lambda t: 1 / (mp.exp(x(t) ** 2) * mp.erfc(x(t))), 27)


def fit_f32():
    """For f32."""
    h = mp.log(2) / 2 + mpf("1e-6")
    fit("vm_exp_f32_c", "(e^r - 1 - r) / r^2, |r| <= log(2) / 2", lambda r: (mp.expm1(r) - r) / r**2,
        -h, h + mpf("1e-6"), lambda r: r**2, 26, "float")
    fit("vm_expm1_f32_c", "the same for expm1", lambda r: (mp.expm1(r) - r) / r**2,
        -h, h + mpf("1e-6"), lambda r: r**2, 28, "float")
    ln2, s = mp.log(2), lambda z: mp.sqrt(z)
    fit("vm_exp2_f32_c", "(2^r - 1 - r log(2)) / r^2, |r| <= 1/2", lambda r: (mp.expm1(r * ln2) - ln2 * r) / r**2,
        -0.5, mpf("0.500001"), lambda r: r**2, 27, "float")
    fit("vm_tanh_f32_c", "((e^(2r) - 1) / 2 - r) / r^2, |r| <= log(2) / 4", lambda r: (mp.expm1(2 * r) / 2 - r) / r**2,
        -h / 2, h / 2 + mpf("1e-6"), lambda r: r, 28, "float")
    fit("vm_cosh_f32_c", "(cosh(r) - 1) / r^2, by r^2, |r| <= log(2) / 2", lambda z: (mp.cosh(s(z)) - 1) / z,
        0, h**2, lambda z: z, 28, "float")
    fit("vm_sinh_f32_c", "(sinh(r) / r - 1) / r^2, by r^2, |r| <= log(2) / 2", lambda z: (mp.sinh(s(z)) / s(z) - 1) / z,
        0, h**2, lambda z: z, 28, "float")
    fit_rounded("vm_asin_f32_c", "(asin(x) / x - 1) / x^2, by x^2, |x| <= 1/2", lambda z: (mp.asin(s(z)) / s(z) - 1) / z,
                mpf(0), mpf(0.25), lambda z: z, 5)
    fit_rounded("vm_atan_f32_c", "(atan(x) / x - 1) / x^2, by x^2, |x| <= 1", lambda z: (mp.atan(s(z)) / s(z) - 1) / z,
                mpf(0), mpf(1), lambda z: z * s(z) / mp.atan(s(z)), 10)
    fit("vm_log_f32_c", "(log(1 + f) - f + f^2 / 2) / f^3, sqrt(1/2) <= 1 + f <= sqrt(2)",
        lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3, mp.sqrt(0.5) - 1, mp.sqrt(2) - 1 + mpf("1e-6"),
        lambda f: f**2, 26, "float")


def main():
    print("/* Generated by tools/fit_vmath.py; edit that. */")
    print("#ifndef TAPER_BASE_VMATH_COEF_H\n#define TAPER_BASE_VMATH_COEF_H\n\n#include <stdint.h>\n")
    one = lambda x: mpf(1)
    ln2, q = mp.log(2), pi / 4
    split("VM_LN2", ln2, 2, "log 2")
    print("/* log 2 in f32; k times the first part is exact */")
    print(f"#define VM_LN2_H_F32 {float(mp.nint(ln2 * 2**15) / 2**15).hex()}F".replace("0000000p", "p"))
    print(f"#define VM_LN2_L_F32 {f32_hex(ln2 - mp.nint(ln2 * 2**15) / 2**15)}\n")
    split("VM_PIO2", pi / 2, 3, "pi / 2")
    split("VM_2_3", mpf(2) / 3, 2, "2 / 3")
    print(f"#define VM_LOG2E {float(1 / ln2).hex()}")
    print(f"#define VM_2OPI  {float(2 / pi).hex()}\n")

    fit("vm_exp_c", "(e^r - 1 - r) / r^2, |r| <= log(2) / 2", lambda r: (mp.expm1(r) - r) / r**2,
        -ln2 / 2 - mpf("1e-6"), ln2 / 2 + mpf("3e-6"), lambda r: r**2, 59)
    s = lambda z: mp.sqrt(z)
    fit("vm_log_c", "(2 atanh(s) / s - 2 - 2/3 s^2) / s^4, by s^2, |s| <= (sqrt(2) - 1)^2",
        lambda z: (2 * mp.atanh(s(z)) / s(z) - 2 - 2 * z / 3) / z**2, 0, (mp.sqrt(2) - 1) ** 4,
        lambda z: z**2 / 2, 70)
    fit("vm_sin_c", "(sin(r) / r - 1) / r^2, by r^2, |r| <= pi / 4", lambda z: (mp.sin(s(z)) / s(z) - 1) / z,
        0, q**2, lambda z: z, 59)
    fit("vm_cos_c", "(cos(r) - 1 + r^2 / 2) / r^4, by r^2, |r| <= pi / 4",
        lambda z: (mp.cos(s(z)) - 1 + z / 2) / z**2, 0, q**2, lambda z: z**2, 59)
    fit("vm_asin_c", "(asin(x) / x - 1) / x^2, by x^2, |x| <= 1/2", lambda z: (mp.asin(s(z)) / s(z) - 1) / z,
        0, 0.25, lambda z: z, 60)
    fit("vm_atan_c", "(atan(x) / x - 1) / x^2, by x^2, |x| <= 1/2", lambda z: (mp.atan(s(z)) / s(z) - 1) / z,
        0, 0.25, lambda z: z, 60)
    fit("vm_erf_c", "erf(x) / x - 1, by x^2, |x| <= 3/4", lambda z: mp.erf(s(z)) / s(z) - 1,
        0, 0.75**2, one, 60)
    x = lambda t: mpf("4.5") * (1 + t) / (1 - t)
    c = fit("vm_erfc_c", "(1 + 2x) e^(x^2) erfc(x), by t = (x - 4.5) / (x + 4.5), 3/4 <= x <= 28",
        lambda t: (1 + 2 * x(t)) * mp.exp(x(t) ** 2) * mp.erfc(x(t)), -3.75 / 5.25, 23.5 / 32.5, one, 60)
    print(f"/* what rounding took from vm_erfc_c[0] */")
    print(f"#define VM_ERFC_C0_L {float(c[0] - mpf(float(c[0]))).hex()}\n")

    fit_short()
    fit_f32()

    mp.prec = 1400
    words = [0, 0] + [int(mp.floor(2 / pi * mpf(2) ** (32 * (i + 1)))) % 2**32 for i in range(37)]
    print("/* the binary digits of 2 / pi after the point, behind 64 zeros */")
    print(f"static const uint32_t vm_2opi_bits[{len(words)}] = {{")
    for w in words:
        print(f"    0x{w:08x},")
    print("};\n\n#endif")


mp.prec = 340
main()
