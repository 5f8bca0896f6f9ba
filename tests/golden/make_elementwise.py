#!/usr/bin/python3
"""Golden values for tests/ops/test_elementwise.c from PyTorch: values and gradients in f64 at the points where they are special.

  make_elementwise.py           writes elementwise.def beside this file
  make_elementwise.py --check   compares that file with the PyTorch installed

VALUES(call, at the points X), SLOPES(call, at the points X), BINARY(call, a, b, value, slope for a, slope for b).
ACCURATE(call, at the points Z): by mpmath, where PyTorch's formulas lose digits; exact in f32, too.
"""
import pathlib
import sys

from mpmath import erfc, exp, expm1, mp, mpf, sqrt, tanh, log1p
import torch
import torch.nn.functional as F

NAN, INF = float("nan"), float("inf")

# The points, as in test_elementwise.c.
X = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, 2.5, -2.5, 40.0, -40.0, 800.0, -800.0, INF, -INF, NAN]

SAME_NAME = ("neg abs square sign floor ceil trunc round exp expm1 log log1p sqrt rsqrt reciprocal sin cos tan asin acos atan sinh "
             "cosh tanh erf erfc relu sigmoid").split()

UNARY = [(f"tp_{name}(x)", getattr(torch, name)) for name in SAME_NAME] + [
    ("tp_clamp(x, -1, 1.5)", lambda x: torch.clamp(x, -1, 1.5)),
    ("tp_clamp(x, 1, -1)", lambda x: torch.clamp(x, 1, -1)),
    ("tp_clamp(x, 0, INFINITY)", lambda x: torch.clamp(x, min=0)),
    ("tp_clamp(x, -INFINITY, 1)", lambda x: torch.clamp(x, max=1)),
    ("tp_hardtanh(x, -1, 1)", F.hardtanh),
    ("tp_hardtanh(x, 0.5, 2.5)", lambda x: F.hardtanh(x, 0.5, 2.5)),
    ("tp_leaky_relu(x, 0.01)", F.leaky_relu),
    ("tp_leaky_relu(x, 0.2)", lambda x: F.leaky_relu(x, 0.2)),
    ("tp_elu(x, 1)", F.elu),
    ("tp_elu(x, 0.5)", lambda x: F.elu(x, 0.5)),
    ("tp_selu(x)", F.selu),
    ("tp_log_sigmoid(x)", F.logsigmoid),
    ("tp_softplus(x)", lambda x: F.softplus(x, threshold=60)),
    ("tp_silu(x)", F.silu),
    ("tp_mish(x)", F.mish),
    ("tp_gelu(x, false)", F.gelu),
    ("tp_gelu(x, true)", lambda x: F.gelu(x, approximate="tanh")),
    ("tp_add_scalar(x, 2)", lambda x: x + 2),
    ("tp_sub_scalar(x, 2)", lambda x: x - 2),
    ("tp_rsub_scalar(x, 2)", lambda x: 2 - x),
    ("tp_mul_scalar(x, 0)", lambda x: x * 0),
    ("tp_div_scalar(x, 0)", lambda x: x / 0),
    ("tp_pow_scalar(x, 2)", lambda x: x**2),
    ("tp_pow_scalar(x, 0.5)", lambda x: x**0.5),
    ("tp_pow_scalar(x, 3)", lambda x: x**3),
    ("tp_pow_scalar(x, 0)", lambda x: x**0),
    ("tp_pow_scalar(x, -1)", lambda x: x**-1),
]

BINARY = [
    ("tp_div(a, b)", torch.div, [(0, 0), (1, 0), (-1, 0), (1, -0.0), (0, 1), (1, INF), (INF, INF), (INF, 2), (1, NAN)]),
    ("tp_maximum(a, b)", torch.maximum, [(1, 2), (2, 1), (1, 1), (0, -0.0), (INF, INF), (-INF, 1), (NAN, 1), (1, NAN), (NAN, NAN)]),
    ("tp_minimum(a, b)", torch.minimum, [(1, 2), (2, 1), (1, 1), (0, -0.0), (INF, INF), (-INF, 1), (NAN, 1), (1, NAN), (NAN, NAN)]),
    ("tp_pow(a, b)", torch.pow,
     [(0, 0), (0, 1), (0, 2), (0, 0.5), (0, -1), (-0.0, 3), (0, INF), (2, 0), (-2, 0), (NAN, 0), (INF, 0), (-2, 3), (-2, 2), (-2, -1),
      (-2, 0.5), (2, 0.5), (1, INF), (-1, INF), (1, NAN), (0, NAN), (INF, -1)]),
    ("tp_atan2(a, b)", torch.atan2, [(0, 0), (0, -1), (-0.0, -1), (0, 1), (1, 0), (-1, 0), (1, -1), (INF, INF), (1, INF), (NAN, 1)]),
    ("tp_fmod(a, b)", torch.fmod, [(5, 3), (-5, 3), (5, -3), (-5, -3), (6, 3), (-6, 3), (0.5, 2), (1, INF), (0, 3)]),
    ("tp_remainder(a, b)", torch.remainder, [(5, 3), (-5, 3), (5, -3), (-5, -3), (6, 3), (-6, 3), (0.5, 2), (1, INF), (0, 3)]),
    ("tp_floor_divide(a, b)", torch.floor_divide,
     [(5, 3), (-5, 3), (5, -3), (-5, -3), (6, 3), (-6, 3), (1, 0), (-1, 0), (0, 0), (0.5, 2), (-1, INF), (1, 0.1)]),
    ("tp_where(tp_gt(a, b), a, b)", lambda a, b: torch.where(a > b, a, b), [(1, 2), (2, 1), (1, NAN), (NAN, 1), (1, 1)]),
    # what is not chosen does not reach the gradient
    ("tp_sqrt(tp_maximum(a, b))", lambda a, b: torch.sqrt(torch.maximum(a, b)), [(-1, 0), (0, -1), (4, 1)]),
    ("tp_sqrt(tp_relu(tp_add(a, b)))", lambda a, b: torch.sqrt(torch.relu(a + b)), [(-1, 0), (3, 1)]),
    ("tp_sqrt(tp_clamp(tp_add(a, b), 0, 1))", lambda a, b: torch.sqrt(torch.clamp(a + b, 0, 1)), [(-1, 0), (3, 1)]),
]

mp.prec = 400
Z = [-37.0, -26.25, -9.75, -3.25, -1.25, -0.375, -(2.0**-7), 2.0**-30, 0.3125, 1.75, 5.125, 20.875]

ACCURATE = [
    ("tp_gelu(z, false)", lambda x: x * erfc(-x / sqrt(mpf(2))) / 2),
    ("tp_silu(z)", lambda x: x / (1 + exp(-x))),
    ("tp_mish(z)", lambda x: x * tanh(log1p(exp(x)))),
    ("tp_elu(z, 0.5)", lambda x: x if x > 0 else expm1(x) / 2),
]


def number(value):
    if value != value:
        return "NAN"
    if abs(value) == INF:
        return "INFINITY" if value > 0 else "-INFINITY"
    return f"{value:.17g}" if value else f"{value}"


def differentiate(fn, *points):
    """The values at the points and the slopes for each input; 0 where PyTorch has no derivative."""
    inputs = [torch.tensor(list(map(float, p)), dtype=torch.float64, requires_grad=True) for p in points]
    y = fn(*inputs)
    try:
        slopes = torch.autograd.grad(y.sum(), inputs)
    except RuntimeError:
        slopes = [torch.zeros_like(x) for x in inputs]
    return y.tolist(), *(slope.tolist() for slope in slopes)


def line(kind, call, *lists):
    return f"{kind}({call}, {', '.join(number(float(value)) for values in lists for value in values)})\n"


def main():
    text = "/* elementwise.def - made by make_elementwise.py */\n"
    for call, fn in UNARY:
        values, slopes = differentiate(fn, X)
        text += line("VALUES", call, values) + line("SLOPES", call, slopes)
    for call, fn, points in BINARY:
        for point in points:
            text += line("BINARY", call, point, *differentiate(fn, *([x] for x in point)))
    for call, fn in ACCURATE:
        text += line("ACCURATE", call, map(fn, map(mpf, Z)))
    path = pathlib.Path(__file__).with_name("elementwise.def")
    if "--check" not in sys.argv:
        path.write_text(text)
    elif path.read_text() != text:
        sys.exit(f"{path} differs from PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
