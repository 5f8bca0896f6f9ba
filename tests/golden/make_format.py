#!/usr/bin/python3
"""make_format.py [--check]: tensors and the text NumPy's str() gives them, for tests/tensor/test_format.c."""
import math
import pathlib
import re
import sys

import numpy as np

FLOATS = ("F64", "F32", "F16", "BF16")
NUMPY = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BOOL": np.bool_}
NUMPY |= {f"{kind}{bits}": np.dtype(f"{kind.lower()}{bits // 8}").type for kind in "IU" for bits in (8, 16, 32, 64)}


def to_bf16(x):
    """Rounds to 8 bits, half to even."""
    if not math.isfinite(x) or x == 0:
        return x
    fraction, exponent = math.frexp(x)
    bits = min(8, 8 + exponent + 125)
    return math.ldexp(round(math.ldexp(fraction, bits)), exponent - bits)


def shortest_bf16(x):
    """The f64 whose repr has the fewest digits that x needs among the bf16 numbers."""
    if not math.isfinite(x) or x == 0:
        return x
    for digits in range(1, 7):
        mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
        exponent = int(exponent) - digits + 1
        integer = int(mantissa.replace(".", ""))
        for candidate in (integer, integer + 1, integer - 1):
            if to_bf16(float(f"{candidate}e{exponent}")) == x:
                return float(f"{candidate}e{exponent}")
    raise ValueError(x)


def scientific_bf16(values, shape):
    """NumPy fills up with digits of the exact value, which the f64 in place of a bf16 does not have."""
    finite = [x for x in values if math.isfinite(x)]
    digits = max(len(np.format_float_scientific(shortest_bf16(x), trim=".").split("e")[0].split(".")[1]) for x in finite)
    words = {x: f"{x:.{digits}e}" if digits else f"{x:.0e}".replace("e", ".e") for x in finite}
    exponent = max(len(word.split("e")[1]) for word in words.values())
    words = {x: w[:-2] + "0" * (exponent - len(w.split("e")[1])) + w[-2:] for x, w in words.items()}
    width = max(len(word) for word in [*words.values(), *(str(x) for x in values if not math.isfinite(x))])
    write = lambda x: words.get(x, str(x)).rjust(width)
    return np.array2string(np.resize(np.array(values), shape), formatter={"float_kind": write})


def literal(x):
    if math.isfinite(x):
        return re.sub(r"\.?0*p", "p", float(x).hex(), count=1) if x else repr(x)
    return "NAN" if math.isnan(x) else "INFINITY" if x > 0 else "-INFINITY"


def case(dtype, shape, values):
    """The values are repeated until the shape is full."""
    if dtype == "BF16":
        values = [to_bf16(x) for x in values]
        whole = 256 if shape else math.inf  # NumPy writes the exact digits before the point, save in scalars
        array = np.resize(np.array([float(x if abs(x) >= whole else shortest_bf16(x)) for x in values]), shape)
    else:
        array = np.resize(np.array(values).astype(NUMPY[dtype]), shape)
        values = [float(x) for x in np.array(values).astype(NUMPY[dtype])]
    text = str(array if shape else array[()])
    if dtype == "BF16" and shape and "e" in text:
        text = scientific_bf16(values, shape)
    text = "\n       ".join(f'"{line}\\n"' for line in text.split("\n"))[:-3] + '"'
    sizes = f"TP_SHAPE({', '.join(map(str, shape))})" if shape else "TP_SCALAR"
    return f"FORMAT({dtype}, ({sizes}), ({', '.join(map(literal, values))}),\n       {text})\n"


def chosen():
    nan, inf = math.nan, math.inf
    lists = (
        [1, 2, 3], [0.1, 0.25, -3], [1e8, 1], [99999999, 1e5], [1e-4, 0.1], [0.99e-4, 0.1], [1, 1000], [1, 1000.5],
        [1, 1001], [0, 1e-5], [0, 0], [-0.0, 0.0], [nan], [inf], [-inf], [nan, 1], [inf, -1, nan], [-inf, 0.5],
        [nan, 1e-9], [-inf, 1e9], [inf, 12345.678], [1 / 3, 2 / 3], [1 / 3, -1e-5], [1e20, -1], [3e-7, 2.5e-7],
        [5e-324, 1], [1.7976931348623157e308, 1], [2.0**-44], [2.0**-1074], [9007199254740993.0],
        [9.999999999, 1], [0.999999999], [99.9999999999], [1.23456789012345, 2], [1.5e100, 1e-5], [1e100, 1e-100],
        [0.1 + 0.2], [123456.789, 1e3], [65504, 6e-8], [60000, 100], [3.4028234663852886e38], [1.1754943508222875e-38],
        [1.0000001, 8388609.5], [-1, -2.5, -100], [0.001, 0.0001], [12345678.9], [100000.5, 200],
    )
    for values in lists:
        for dtype in FLOATS:
            if dtype == "BF16" and len({abs(x) for x in values} & {1000, 1000.5, 1001}):
                continue  # the ratio is rounded to bf16, which NumPy lacks
            if dtype in ("F16", "BF16", "F32") and any(math.isfinite(x) and abs(x) > 65504 for x in values):
                continue
            yield dtype, (len(values),), values
            yield dtype, (), values[:1]
    for dtype in FLOATS:
        for shape in ((2, 3), (1, 1), (3, 1, 2), (2, 2, 2, 2), (1,) * 8, (2, 1, 2, 1, 2), (30,), (2, 40), (2, 2, 25), (0,),
                      (3, 0), (1001,), (40, 40), (7, 150), (6, 200), (200, 6), (2, 3, 400), (11, 10, 10)):
            yield dtype, shape, [0.5, -1.25, 3, 10.75, 2]
        yield dtype, (40,), [1e-6, 2, nan]
        yield dtype, (9, 9), [0.1, 0.7, 100, 7]
        yield dtype, (2, 3, 40), [0.1, 0.7, 100, 7]
    for x in (1e16, 9.9e15, 1e-4, 9.9e-5, 123456789.125, 1.0, 1e22, 12.5, 1e300):
        yield "F64", (), [x]
        yield "F32", (), [x if x < 1e38 else 1.0]
    for dtype in NUMPY:
        if dtype[0] in "IU":
            for shape in ((), (3,), (2, 3), (40,), (1200,), (2, 2, 2)):
                yield dtype, shape, [7, 100, 0] if dtype[0] == "U" else [7, -100, 0]
    yield "I8", (1000,), [7]
    yield "I64", (2,), [-(2.0**63), 2.0**53]
    yield "U64", (2,), [2.0**63, 1]
    for shape in ((), (3,), (2, 2), (40,), (1200,), (0,)):
        yield "BOOL", shape, [True, False, True]


def random():
    rs = np.random.RandomState(7)
    for k in range(400):
        dtype = FLOATS[k % 4]
        shape = tuple(rs.randint(1, 5, rs.randint(0, 4)))
        spread = (0.5, 2, 6)[k % 3] if dtype != "F16" else 1
        values = rs.randn(rs.randint(1, 8)) * 10 ** rs.uniform(-spread, spread, 1)
        if k % 5 == 0:
            values = values * 10 ** rs.uniform(-1.5, 1.5, len(values))
        if k % 7 == 0:
            values = np.round(values, 2)
        if dtype != "F16" and k % 11 == 0:
            values = 2.0 ** rs.randint(-90, 90, len(values))
        if dtype == "BF16":
            sizes = np.abs(values[values != 0])
            if len(sizes) and 950 < sizes.max() / sizes.min() < 1050:
                continue
        yield dtype, shape, [float(x) for x in values]


def main():
    np.seterr(all="ignore")
    cases = [case(*c) for c in (*chosen(), *random())]
    text = "/* Made by make_format.py: dtype, shape, values (repeated until the shape is full), str() of the array. */\n"
    text += "".join(cases)
    path = pathlib.Path(__file__).with_name("format.def")
    if sys.argv[1:] != ["--check"]:
        path.write_text(text)
    elif path.read_text() != text:
        sys.exit(f"{path.name} differs from NumPy {np.__version__}")
    else:
        print(f"{path.name}: {len(cases)} texts agree with NumPy {np.__version__}")


main()
