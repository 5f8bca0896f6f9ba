"""casts.py - casts between all pairs of dtypes and promotion, by bits. Oracles: PyTorch where it has both dtypes and C defines
the cast, exact arithmetic of Python's integers and fractions elsewhere."""
import math
from fractions import Fraction

import numpy as np
import torch

import taper

BITS = {"u8": 8, "i8": 8, "u16": 16, "i16": 16, "u32": 32, "i32": 32, "u64": 64, "i64": 64}
FLOAT_NAMES = ("f16", "bf16", "f32", "f64")
NUMPY = {"bool": "?", "u8": "u1", "i8": "i1", "u16": "u2", "i16": "i2", "u32": "u4", "i32": "i4", "u64": "u8",
         "i64": "i8",
         "f16": "u2", "bf16": "u2", "f32": "f4", "f64": "f8"}  # f16 and bf16 as their bits
# fraction bits, least exponent, greatest
FORMATS = {"f16": (10, -14, 15), "bf16": (7, -126, 127), "f32": (23, -126, 127), "f64": (52, -1022, 1023)}

INTERESTING = [0.0, -0.0, 0.4, 0.5, 1.5, -0.6, -1.0, 127.5, 128.0, -129.0, 255.5, 256.0, 300.7, -3.0, 32768.0,
               65504.0, 65519.9, 65520.0,
               65536.0, 2.0**31 - 1, 2.0**31, -2.0**31 - 1, 2.0**32, 2.0**53 + 2, 2.0**62, 2.0**63, -2.0**63,
               -2.0**64, 2.0**64, 1e30,
               -1e300, 1e-8, 5.97e-8, 2.98e-8, 2.9802322387695312e-8, 1e-40, 5e-324, 3.3895e38, 3.4028235e38,
               3.4028236e38, 1 + 2.0**-8,
               1 + 2.0**-11, 1 + 2.0**-11 + 2.0**-30, 1 + 3 * 2.0**-9, 1 + 3 * 2.0**-12, 1 + 2.0**-24,
               1 + 2.0**-24 + 2.0**-52,
               math.inf, -math.inf, math.nan]
WHOLE = [0, 1, 2, -1, 5, 127, 128, 255, 256, -128, -129, 32767, 32768, 65535, 65536, 65519, 65520, 2**24 + 1,
         2**24 + 3, 2**31 - 1, 2**31,
         2**32 - 1, 2**53 + 1, 2**53 + 3, 2**62 + 1, 2**63 - 1, 2**63, 2**64 - 1, -2**31, -2**63, 257, 259, -12345]


def pack(values, dtype):
    """Values of a dtype as NumPy has them; floats narrower than f64 by PyTorch's rounding."""
    if dtype in ("f16", "bf16"):
        return torch.tensor(values, dtype=torch.float64).to(taper.TORCH[dtype]).view(torch.int16).numpy().view("u2")
    if dtype in FLOAT_NAMES:
        with np.errstate(over="ignore"):
            return np.array(values, dtype="f8").astype(NUMPY[dtype])
    if dtype == "bool":
        return np.array([value != 0 for value in values])
    low, high = limits(dtype)
    return np.array([value for value in values if low <= value <= high], dtype=NUMPY[dtype])


def limits(dtype):
    n = BITS[dtype]
    return (0, 2**n - 1) if dtype[0] == "u" else (-2**(n - 1), 2**(n - 1) - 1)


def unpack(array, dtype):
    """The exact values: Python's bool, int or float."""
    if dtype == "f16":
        return array.view("f2").astype("f8").tolist()
    if dtype == "bf16":
        return (array.astype("u4") << 16).view("f4").astype("f8").tolist()
    return array.astype("f8").tolist() if dtype in FLOAT_NAMES else array.tolist()


def rounded(value, dtype):
    """The float of a dtype nearest to a value, ties to even, as a Python float."""
    if isinstance(value, float) and (math.isnan(value) or math.isinf(value) or value == 0):
        return value
    fraction_bits, least, greatest = FORMATS[dtype]
    exact = abs(Fraction(value))
    exponent = max(least, exact.numerator.bit_length() - exact.denominator.bit_length() - 1)
    while exact >= Fraction(2) ** (exponent + 1):
        exponent += 1
    step = Fraction(2) ** (exponent - fraction_bits)
    result = round(exact / step) * step  # Python rounds a half to even
    size = math.inf if result >= Fraction(2) ** (greatest + 1) else float(result)
    return -size if value < 0 else size


def converted(value, source, target):
    """What a cast gives: integers wrap, floats to integers saturate, NaN to 0; to f16 and bf16 by way of f32, as PyTorch."""
    if target == "bool":
        return value != 0
    if target in FLOAT_NAMES:
        through = rounded(value, "f32") if target in ("f16", "bf16") else value
        return rounded(through, target)
    low, high = limits(target)
    if source in FLOAT_NAMES:
        return 0 if math.isnan(value) else min(max(math.trunc(value) if not math.isinf(value) else int(math.copysign(2**70, value)),
                                                   low), high)
    wrapped = int(value) % 2 ** BITS[target]
    return wrapped - 2 ** BITS[target] if wrapped > high else wrapped


def same(got, expected):
    if isinstance(expected, float):
        return got == expected and math.copysign(1, got) == math.copysign(1,
            expected) or (got != got and expected != expected)
    return got == expected


def torch_casts(values, source, target, packed):
    """PyTorch's result, where it has both dtypes and C defines the cast of these values."""
    if source not in taper.TORCH or target not in taper.TORCH:
        return None
    if source in FLOAT_NAMES and target in BITS:
        return None
    x = torch.tensor(packed) if source not in ("f16", "bf16") else torch.tensor(packed.view("i2")).view(taper.TORCH[source])
    y = x.to(taper.TORCH[target])
    return y.double().tolist() if target in FLOAT_NAMES else y.tolist()


def check_casts(context, rows, report):
    for source in taper.DTYPES:
        packed = pack(INTERESTING if source in FLOAT_NAMES else WHOLE, source)
        values = unpack(packed, source)
        for target in taper.DTYPES:
            report.cases["cast (pairs of dtypes)"] += 1
            mark = context.open()
            x = context.raw([len(values)], source, packed.tobytes())
            y, = context.apply(rows["cast"], [x], {"dtype": target})
            got = unpack(np.frombuffer(y.bytes(), dtype=NUMPY[target]), target)
            context.close(mark)
            oracles = [[converted(value, source, target) for value in values],
                       torch_casts(values, source, target, packed)]
            for value, g, *expected in zip(values, got, *[oracle for oracle in oracles if oracle]):
                if not all(same(g, e) for e in expected):
                    report.differ("cast", "%s to %s" % (source, target),
                                  "of %r: taper %r, expected %r" % (value, g, expected))


def check_halves(context, rows, report):
    """All 2^16 bits of f16 and bf16 to f32, and f32 of random bits and of all ties between neighbours to both."""
    every = np.arange(2**16, dtype="u2")
    for name in ("f16", "bf16"):
        report.cases["cast (bits of halves)"] += 2
        wide = torch.tensor(every.view("i2")).view(taper.TORCH[name]).float()
        neighbours = torch.cat([wide[:-1], wide[1:]]).reshape(2, -1).double()
        ties = neighbours.mean(0).float()
        random = torch.tensor(np.random.RandomState(1).randint(0, 2**32, 200000,
            dtype=np.uint32).view("i4")).view(torch.float32)
        mark = context.open()
        up, = context.apply(rows["cast"], [context.raw([2**16], name, every.tobytes())], {"dtype": "f32"})
        narrow = torch.cat([ties, random, torch.nextafter(ties, torch.tensor(0.0))])
        down, = context.apply(rows["cast"], [context.tensor(narrow)], {"dtype": name})
        for got, expected, text in ((up.torch(), wide, name + " to f32"),
                                    (down.torch(), narrow.to(taper.TORCH[name]), "f32 to " + name)):
            kind = torch.int32 if got.dtype == torch.float32 else torch.int16
            wrong = (got.view(kind) != expected.view(kind)) & ~(got.isnan() & expected.isnan())
            if wrong.any():
                at = int(wrong.nonzero()[0])
                report.differ("cast", text, "element %d: taper %r, torch %r" % (at, got[at].item(),
                    expected[at].item()))
        context.close(mark)


def check_promotion(report):
    """torch.promote_types for its own dtypes; for u16, u32 and u64 the rule of base.h."""
    for a in taper.DTYPES:
        for b in taper.DTYPES:
            report.cases["promotion"] += 1
            got = taper.DTYPES[taper.LIBRARY.tp_promote(taper.DTYPES.index(a), taper.DTYPES.index(b))]
            if a in taper.TORCH and b in taper.TORCH:
                expected = taper.NAME_OF[torch.promote_types(taper.TORCH[a], taper.TORCH[b])]
            elif a == b or "bool" in (a, b):
                expected = a if b == "bool" else b
            elif a in FLOAT_NAMES or b in FLOAT_NAMES:
                expected = a if a in FLOAT_NAMES else b
            else:
                wider = np.promote_types(NUMPY[a], NUMPY[b])
                names = {np.dtype(NUMPY[name]): name for name in BITS}
                expected = names.get(wider, "i64")  # u64 with a signed type is f64 in NumPy
            if got != expected:
                report.differ("promotion", "%s, %s" % (a, b), "taper %s, expected %s" % (got, expected))
