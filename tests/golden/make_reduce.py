#!/usr/bin/python3
"""Golden values for tests/ops/test_reduce.c from PyTorch: values and gradients in f64 at the points where they are special.

  make_reduce.py           writes reduce.def beside this file
  make_reduce.py --check   compares that file with the PyTorch installed

EDGE(call, (x), shape, (values), (gradient)), where the cotangent is 1, 2, ..; INDEX(call, (x), shape, (values)), which has
no gradient; CASE(call, shape, values).
"""
import pathlib
import sys

import torch

NAN, INF = float("nan"), float("inf")

POINTS = [(1, 3, 3, 2), (1, 1, 4, 1), (1, NAN, 3, NAN), (0, 0), (0, 3, -4), (3, -3), (2,), (0.5, 0.5, 0.5), (5, 2, 0), (-0.0, 0.0, 0)]
INFINITE = [(-INF, -INF), (INF, 1), (-INF, 1), (INF, -INF, INF), (NAN, -INF, 1)]


def moments(name, fn):
    return [(f"tp_{name}(x, TP_ALL, {k}, false)", lambda x, k=k: fn(x, 0, correction=k), POINTS + INFINITE) for k in (0, 1, 2, 3)]


def norm(p):
    written = "INFINITY" if p == INF else p
    return (f"tp_norm(x, {written}, TP_ALL, false)", lambda x: torch.linalg.vector_norm(x, p), POINTS + INFINITE)


ALL = POINTS + INFINITE
EDGES = [
    ("tp_sum(x, TP_ALL, false)", torch.sum, ALL),
    ("tp_mean(x, TP_ALL, true)", lambda x: torch.mean(x, 0, keepdim=True), ALL),
    ("tp_max(x, TP_ALL, false)", lambda x: torch.amax(x, 0), ALL),
    ("tp_min(x, TP_AXES(0), true)", lambda x: torch.amin(x, 0, keepdim=True), ALL),
    # PyTorch divides the product by each element, so that infinite ones give NaN
    ("tp_prod(x, TP_ALL, false)", torch.prod, POINTS + [(0, 0, 3, 2), (2, 0, 3, 4, 5), (0,), (1, 2, 3, 4, 5, 6, 7)]),
    *moments("variance", torch.var), *moments("std", torch.std),
    *map(norm, (1, 2, INF, 3, 1.5, 0.5)),
    ("tp_logsumexp(x, TP_ALL, false)", lambda x: torch.logsumexp(x, 0), ALL + [(1000, 1000), (-1000, -1001)]),
    ("tp_softmax(x, 0)", lambda x: torch.softmax(x, 0), ALL + [(1000, -1000), (1000, 1000)]),
    ("tp_log_softmax(x, 0)", lambda x: torch.log_softmax(x, 0), ALL + [(1000, -1000), (1000, 1000)]),
    ("tp_cumsum(x, 0)", lambda x: torch.cumsum(x, 0), ALL),
    ("tp_sort(x, 0, false, NULL)", lambda x: torch.sort(x, stable=True).values, ALL),
    ("tp_sort(x, 0, true, NULL)", lambda x: torch.sort(x, stable=True, descending=True).values, ALL),
]
INDICES = [
    ("tp_argmax(x, TP_ALL, false)", torch.argmax), ("tp_argmin(x, TP_AXES(0), true)", lambda x: torch.argmin(x, 0, True)),
    ("tp_argsort(x, 0, false)", lambda x: torch.sort(x, stable=True).indices),
    ("tp_argsort(x, 0, true)", lambda x: torch.sort(x, stable=True, descending=True).indices),
    ("tp_any(x, TP_ALL, false)", torch.any), ("tp_all(x, TP_ALL, true)", lambda x: torch.all(x, 0, True)),
    ("tp_count_nonzero(x, TP_ALL, false)", torch.count_nonzero),
]

# As in the test.
m = torch.tensor([[1, 3, 3], [3, 2, 0]], dtype=torch.float64)
i = torch.tensor([[100, 100, 100], [-128, 1, 2]], dtype=torch.int8)
b = torch.tensor([True, True, False])
r = torch.zeros(2, 0, dtype=torch.float64)
z = torch.zeros(0, 3, dtype=torch.float64)


def gradient(fn):
    leaf = m.clone().requires_grad_()
    return torch.autograd.grad(fn(leaf).sum(), leaf)[0]


CASES = [
    ("tp_grad(tp_max(m, TP_ALL, false), m)", gradient(lambda x: torch.amax(x, (0, 1)))),
    ("tp_grad(tp_sum(tp_max(m, TP_AXES(0), true), TP_ALL, false), m)", gradient(lambda x: torch.amax(x, 0))),
    ("tp_grad(tp_norm(m, INFINITY, TP_AXES(1, 0), false), m)", gradient(lambda x: torch.linalg.vector_norm(x, INF, (1, 0)))),
    ("tp_argmax(m, TP_ALL, false)", torch.argmax(m)), ("tp_argmax(m, TP_AXES(1), true)", torch.argmax(m, 1, True)),
    ("tp_argmin(m, TP_AXES(-2), false)", torch.argmin(m, -2)),
    ("tp_sum(i, TP_AXES(-1), false)", i.sum(-1)), ("tp_prod(i, TP_AXES(-1), true)", i.prod(-1, True)),
    ("tp_cumsum(i, 0)", i.cumsum(0)), ("tp_mean(i, TP_AXES(0), false)", i.float().mean(0)), ("tp_max(i, TP_ALL, false)", i.max()),
    ("tp_sum(b, TP_ALL, false)", b.sum()), ("tp_prod(b, TP_ALL, false)", b.prod()), ("tp_cumsum(b, 0)", b.cumsum(0)),
    ("tp_mean(b, TP_ALL, false)", b.float().mean()), ("tp_any(b, TP_ALL, false)", b.any()), ("tp_all(b, TP_ALL, false)", b.all()),
]
for e, name in ((r, "r"), (z, "z")):
    CASES += [
        (f"tp_sum({name}, TP_AXES(1), false)", e.sum(1)), (f"tp_mean({name}, TP_AXES(1), true)", e.mean(1, True)),
        (f"tp_prod({name}, TP_AXES(1), true)", e.prod(1, True)), (f"tp_variance({name}, TP_AXES(-1), 1, false)", e.var(-1)),
        (f"tp_std({name}, TP_AXES(-1), 0, true)", e.std(-1, False, True)), (f"tp_norm({name}, 2, TP_AXES(1), false)", e.norm(dim=1)),
        (f"tp_logsumexp({name}, TP_AXES(1), false)", e.logsumexp(1)), (f"tp_softmax({name}, 1)", e.softmax(1)),
        (f"tp_log_softmax({name}, 0)", e.log_softmax(0)), (f"tp_cumsum({name}, 1)", e.cumsum(1)),
        (f"tp_any({name}, TP_AXES(1), false)", e.any(1)), (f"tp_all({name}, TP_AXES(1), true)", e.all(1, True)),
        (f"tp_sort({name}, 1, false, NULL)", e.sort(1).values), (f"tp_topk({name}, 0, 1, true, NULL)", e.topk(0, 1).values),
    ]
CASES += [("tp_max(z, TP_AXES(1), false)", torch.amax(z, 1)), ("tp_argmin(z, TP_AXES(1), true)", torch.argmin(z, 1, True))]


def number(v):
    return "NAN" if v != v else ("-" if v < 0 else "") + "INFINITY" if v in (INF, -INF) else repr(v).removesuffix(".0") if v else repr(v)


def numbers(values):
    return ", ".join(number(float(v)) for v in values)


def shape(y):
    return "TP_SHAPE(%s)" % ", ".join(map(str, y.shape)) if y.dim() else "TP_SCALAR"


def lines():
    yield "/* reduce.def - made by make_reduce.py */"
    for call, fn, points in EDGES:
        for point in points:
            x = torch.tensor(point, dtype=torch.float64, requires_grad=True)
            y = fn(x)
            g, = torch.autograd.grad(y, x, torch.arange(1.0, y.numel() + 1, dtype=torch.float64).reshape(y.shape))
            yield "EDGE(%s, (%s), %s, (%s), (%s))" % (call, numbers(point), shape(y), numbers(y.flatten()), numbers(g))
    for call, fn in INDICES:
        for point in ALL:
            y = fn(torch.tensor(point, dtype=torch.float64))
            yield "INDEX(%s, (%s), %s, (%s))" % (call, numbers(point), shape(y), numbers(y.flatten()))
    for call, y in CASES:
        yield "CASE(%s, %s, %s)" % (call, shape(y), numbers(y.flatten()) or "0")


text = "\n".join(lines()) + "\n"
path = pathlib.Path(__file__).with_name("reduce.def")
if sys.argv[1:] == ["--check"]:
    sys.exit(path.read_text() != text)
path.write_text(text)
