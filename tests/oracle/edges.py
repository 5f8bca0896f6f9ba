"""edges.py - the points where value or gradient is a convention: kinks, poles, ties, 0/0, infinities, NaN, nothing at all."""
import math

import torch

from cases import FLOATS, Case, Input

inf, nan = math.inf, math.nan

# rows of one input: the points. NaN is left out where PyTorch's gradient there depends on the length of the tensor (hardtanh,
# elu, selu).
POINTS = {
    "neg": [0.0, -0.0, inf, nan], "abs": [0.0, -0.0, inf, -inf, nan], "square": [0.0, 1e200, -inf, nan],
    "sign": [0.0, -0.0, inf, -inf, 1e-300], "floor": [-0.5, 0.5, 2.0, -0.0, inf, nan],
    "ceil": [-0.5, 0.5, 2.0, inf, nan],
    "trunc": [-1.5, 1.5, -0.5, inf, nan], "round": [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999999999999994, inf, nan],
    "exp": [0.0, 1000.0, -1000.0, inf, -inf, nan], "expm1": [0.0, 1e-20, 1000.0, -1000.0, -inf, nan],
    "log": [0.0, -0.0, -1.0, 1.0, inf, nan], "log1p": [0.0, -1.0, -2.0, 1e-20, inf, nan],
    "sqrt": [0.0, -0.0, -1.0, inf, nan], "rsqrt": [0.0, -1.0, inf, nan], "reciprocal": [0.0, -0.0, inf, -inf, nan],
    "sin": [0.0, 1e5, inf, nan], "cos": [0.0, 1e5, inf, nan], "tan": [0.0, 1.5707963267948966, inf, nan],
    "asin": [1.0, -1.0, 1.5, 0.0, nan], "acos": [1.0, -1.0, 1.5, 0.0, nan], "atan": [0.0, inf, -inf, nan],
    "sinh": [0.0, 1000.0, -inf, nan], "cosh": [0.0, 1000.0, -inf, nan], "tanh": [0.0, 1000.0, -1000.0, inf, -inf, nan],
    "erf": [0.0, 10.0, -10.0, inf, -inf, nan], "erfc": [0.0, 10.0, -10.0, inf, -inf, nan],
    "relu": [0.0, -0.0, inf, -inf, nan], "hardtanh": [-1.0, 1.0, inf, -inf],
    "clamp": [-inf, inf, 0.0, nan], "leaky_relu": [0.0, -0.0, inf, -inf, nan],
    "elu": [0.0, -0.0, 1000.0, -1000.0, inf, -inf],
    "sigmoid": [0.0, 1000.0, -1000.0, inf, -inf, nan], "log_sigmoid": [0.0, 1000.0, -1000.0, inf, nan],
    "softplus": [0.0, 20.0, 20.5, 100.0, -100.0, 1000.0, -1000.0, inf, -inf, nan],
    "silu": [0.0, 1000.0, -1000.0, inf, nan],
    "mish": [0.0, 1000.0, -1000.0, nan], "gelu": [0.0, 100.0, -100.0, inf, nan],
    "isnan": [0.0, inf, nan], "isinf": [0.0, inf, -inf, nan], "isfinite": [0.0, inf, -inf, nan],
    "logical_not": [0.0, -0.0, nan, inf],
}

GRID = [(a, b) for a in (0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, inf, -inf, nan) for b in (0.0, -0.0, 1.0, -2.0, 2.0,
    3.0, 0.5, inf, -inf, nan)]

BOTH = ("add sub mul div fmod remainder floor_divide maximum minimum pow atan2 gt ge lt le eq ne logical_and logical_or "
        "logical_xor").split()

# rows over axes: (row, values, attributes)
ROWS_OF_POINTS = [
    *[(name, x, {}) for name in ("max", "min", "argmax", "argmin") for x in (
        [1.0, 3.0, 3.0, 2.0, 1.0], [[2.0, 2.0], [2.0, 1.0]], [1.0, nan, 2.0], [nan, nan], [inf, -inf, inf],
        [-inf, -inf], [0.0, -0.0])],
    *[(name, x, {"correction": correction}) for name in ("variance", "std") for correction in (0, 1) for x in (
        [3.0], [2.0, 2.0, 2.0], [1.0, nan], [1.0, inf])],
    *[("norm", x, {"p": p}) for p in (1.0, 2.0, 3.0, inf) for x in (
        [0.0, 0.0], [0.0, 3.0, -4.0], [1.0, nan], [1.0, -inf], [2.0, -2.0])],
    *[(name, x, {"axis": -1}) for name in ("softmax", "log_softmax") for x in (
        [-inf, -inf, -inf], [-inf, 0.0, 1.0], [1000.0, 0.0, -1000.0], [nan, 0.0], [inf, 0.0],
        [[-inf, -inf], [0.0, -inf]], [5.0])],
    *[("logsumexp", x, {}) for x in ([-inf, -inf], [-inf, 0.0], [1000.0, 1000.0], [nan, 0.0], [inf, 0.0], [inf, inf],
                                     [-1000.0])],
    *[("mean", x, {}) for x in ([inf, -inf], [nan, 1.0], [1e308, 1e308])],
    *[("sum", x, {}) for x in ([inf, -inf], [nan, 1.0], [-0.0, -0.0])],
    *[("cumsum", x, {"axis": 0}) for x in ([1.0, inf, -inf, 2.0], [1.0, nan, 1.0])],
    *[("sort", x, {"descending": descending}) for descending in (False, True) for x in (
        [2.0, nan, 1.0, nan, inf, -inf], [1.0, 1.0, 0.0, 1.0], [0.0, -0.0, 0.0])],
    *[("topk", x, {"k": 2, "largest": largest}) for largest in (False, True) for x in ([2.0, nan, 1.0],
        [1.0, 1.0, 1.0], [inf, -inf, 0.0])],
]

# composites: (function, values, arguments)
COMPOSITE_POINTS = [
    *[("tp_prod", x, (None, False)) for x in ([0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [nan, 0.0], [inf, 0.0],
                                              [[0.0, 1.0], [2.0, 0.0]])],
    ("tp_prod", [[0.0, 1.0], [2.0, 3.0]], ([0], False)), ("tp_prod", [[0.0, 1.0], [0.0, 3.0]], ([0], True)),
    *[("tp_pow_scalar", [0.0, -0.0, 1.0, -2.0, inf, -inf, nan], (s,)) for s in (0.0, 1.0, 2.0, 3.0, -1.0, -2.0)],
    # without -0 and -inf, where PyTorch's power of a number is a square root and its power of a tensor is C's
    *[("tp_pow_scalar", [0.0, 1.0, -2.0, inf, nan], (s,)) for s in (0.5, 1.5)],
    ("tp_selu", [0.0, -0.0, inf, -inf, -1000.0], ()),
    ("tp_div_scalar", [0.0, 1.0, -1.0, nan], (0.0,)), ("tp_mul_scalar", [0.0, inf, nan], (0.0,)),
    ("tp_any", [nan, 0.0], (None, False)), ("tp_all", [nan, 0.0], (None, False)),
    ("tp_count_nonzero", [nan, 0.0, -0.0], (None, False)),
]


def point(values, dtype):
    return Input(torch.tensor(values, dtype=torch.float64).to(dtype))


def row_cases():
    """(row, case) at every point, one point a case."""
    for dtype in FLOATS:
        for name, points in POINTS.items():
            for x in points:
                yield name, Case([point([x], dtype)])
        for x in (-1.0, 1.5):
            yield "clamp", Case([point([x], dtype)], {"min": -1.0, "max": 1.5})
        yield "clamp", Case([point([nan, 0.0, 2.0], dtype)], {"min": 1.0, "max": 1.0})
        yield "gelu", Case([point([-1000.0, 1000.0], dtype)], {"approximate": True})
        for name in BOTH:
            for a, b in GRID:
                # at a pole of a / b only the value, NaN or infinite, is compared
                pole = name in ("fmod", "remainder") and (b == 0 or math.isinf(a) or math.isinf(b))
                yield name, Case([point([a], dtype), point([b], dtype)], grad=not pole)
        for condition in (True, False):
            yield "where", Case([Input(torch.tensor([condition])), point([nan], dtype), point([inf], dtype)])
        for name, x, attrs in ROWS_OF_POINTS:
            yield name, Case([point(x, dtype)], attrs)
        for name in ("sum", "mean", "variance", "std", "norm", "logsumexp", "max", "min", "argmax", "argmin"):
            for keepdim in (False, True):
                yield name, Case([Input(torch.zeros(0, dtype=dtype))], {"keepdim": keepdim})
                yield name, Case([Input(torch.zeros(2, 0, dtype=dtype))], {"axes": [1], "keepdim": keepdim})
        for name in ("softmax", "log_softmax", "cumsum", "sort"):
            yield name, Case([Input(torch.zeros(2, 0, dtype=dtype))], {"axis": 1})
        yield "matmul_2d", Case([point([[0.0, inf], [1.0, nan]], dtype), point([[1.0, 0.0], [0.0, 2.0]], dtype)])


def composite_cases():
    for dtype in FLOATS:
        for name, x, arguments in COMPOSITE_POINTS:
            yield name, Case([point(x, dtype)], dict(enumerate(arguments))), arguments
