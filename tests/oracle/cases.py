"""cases.py - inputs for the checks: shapes, dtypes and views, the same in both libraries."""
import zlib

import torch

import taper

INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
generator = torch.Generator()


def restart(name):
    """Draws from here on depend on the name alone, so that a new row changes no other's cases."""
    generator.manual_seed(zlib.crc32(name.encode()))


def draw(shape, dtype, lo=-2.0, hi=2.0, kinks=()):
    """Values of a dtype; floats from lo to hi and not near a kink."""
    if dtype == torch.bool:
        return torch.randint(0, 2, shape, generator=generator).bool()
    if dtype in INTEGERS:
        low = 0 if dtype == torch.uint8 or lo >= 0 else -9
        return torch.randint(low, 10, shape, generator=generator).to(dtype)
    x = lo + (hi - lo) * torch.rand(shape, generator=generator, dtype=torch.float64)
    for kink in kinks:
        near = (x - kink).abs() < 0.02 * (hi - lo)
        x = torch.where(near, torch.full_like(x, kink + 0.1 * (hi - lo) if kink + 0.1 * (hi - lo) < hi
                                              else kink - 0.1 * (hi - lo)), x)
    return x.to(dtype)


def draw_index(n, shape):
    """Indices into an axis of n, negative ones among them."""
    return torch.randint(-n, n, shape, generator=generator)


class Input:
    """A tensor and the view of it that an op gets; gradients are compared at the tensor itself."""

    def __init__(self, base, *steps):
        self.base, self.steps = base, steps

    def in_torch(self, x):
        for step, *arguments in self.steps:
            if step == "permute":
                x = x.permute(*arguments[0])
            elif step == "expand":
                x = x.expand(arguments[0])
            else:
                axis, start, count, by = arguments
                x = x.index_select(axis, start + by * torch.arange(count))
        return x

    def in_taper(self, context, rows, x):
        for step, *arguments in self.steps:
            if step == "permute":
                rank = len(arguments[0])
                x, = context.apply(rows["permute_axes"], [x], {"axes": [axis - rank for axis in arguments[0]]})
            elif step == "expand":
                x, = context.apply(rows["expand_axes"], [x], {"to": arguments[0]})
            else:
                x, = context.apply(rows["slice_axis"], [x], dict(zip(("axis", "start", "count", "step"), arguments)))
        return x

    def __str__(self):
        views = "".join("." + step[0] for step in self.steps)
        values = " %s" % self.base.tolist() if self.base.numel() < 7 else ""
        return "%s%s%s%s" % (taper.NAME_OF[self.base.dtype], list(self.base.shape), values, views)


def view(shape, kind, make):
    """An Input of this shape; `make` draws the tensor behind it."""
    shape, rank = list(shape), len(shape)
    if kind == "plain" or rank == 0:
        return Input(make(shape))
    if kind == "transposed":
        order = list(range(rank))[::-1]
        return Input(make(shape[::-1]), ("permute", order))
    axis, size = rank - 1, shape[-1]
    if kind == "stepped":
        return Input(make(shape[:-1] + [2 * size + 1]), ("slice", axis, 1, size, 2))
    if kind == "reversed":
        if size == 0:
            return Input(make(shape))
        return Input(make([2 * shape[0] - 1 if shape[0] else 0] + shape[1:]), *(
            [("slice", 0, 2 * shape[0] - 2, shape[0], -2)] if shape[0] else []))
    assert kind == "expanded"
    return Input(make([1] + shape[1:]), ("expand", shape))


class Case:
    def __init__(self, inputs, attrs=None, grad=True):
        self.inputs, self.attrs, self.grad = inputs, attrs or {}, grad

    def __str__(self):
        attrs = "".join(", %s=%s" % item for item in self.attrs.items())
        return ", ".join(str(i) for i in self.inputs) + attrs


FLOATS = (torch.float64, torch.float32)
HALVES = (torch.float16, torch.bfloat16)

UNARY = [((), "plain"), ((7,), "plain"), ((5,), "reversed"), ((4, 3), "transposed"), ((3, 5), "stepped"),
         ((3, 4), "expanded"), ((2, 3, 4), "reversed"), ((0, 3), "plain"), ((1,), "plain"),
         ((2, 1, 3, 2), "transposed"), ((300,), "stepped")]
# shapes that broadcast, with a view each
BINARY = [(((), "plain"), ((), "plain")), (((5,), "reversed"), ((5,), "plain")),
          (((4, 3), "transposed"), ((3,), "stepped")), (((2, 1), "plain"), ((1, 3), "expanded")),
          (((4, 1, 3), "stepped"), ((2, 1), "reversed")), (((), "plain"), ((2, 3), "transposed")),
          (((0, 3), "plain"), ((1, 3), "plain")), (((2, 3, 1, 2), "reversed"), ((3, 4, 1), "transposed")),
          (((300,), "plain"), ((1,), "plain")), (((3, 4), "expanded"), ((3, 4), "expanded"))]
TERNARY = [(((), "plain"), ((), "plain"), ((), "plain")), (((5,), "plain"), ((5,), "reversed"), ((5,), "stepped")),
           (((4, 1), "plain"), ((3,), "plain"), ((4, 3), "transposed")),
           (((3,), "stepped"), ((2, 3), "plain"), ((), "plain")),
           (((2, 1, 2), "reversed"), ((3, 1), "expanded"), ((1,), "plain")),
           (((), "plain"), ((4,), "plain"), ((1,), "plain")),
           (((0, 2), "plain"), ((2,), "plain"), ((1, 2), "plain")),
           (((3, 4), "expanded"), ((3, 4), "plain"), ((4,), "plain"))]
# pairs of dtypes whose promotion is worth a value
MIXED = [(torch.float32, torch.float64), (torch.int32, torch.float32), (torch.int64, torch.float64),
         (torch.bool, torch.float32), (torch.uint8, torch.int8), (torch.int16, torch.int64), (torch.bool, torch.int32),
         (torch.float16, torch.float32), (torch.bfloat16, torch.float16), (torch.float16, torch.int64)]


class Maker:
    """Draws the inputs of a row where the row says, or where the mapping says otherwise."""

    def __init__(self, op, lo=None, hi=None):
        self.op, self.lo, self.hi = op, lo, hi

    def __call__(self, i, dtype):
        lo, hi = self.op.lo[min(i, 2)], self.op.hi[min(i, 2)]
        if lo == hi == 0:
            lo, hi = -2.0, 2.0
        lo = lo if self.lo is None else self.lo
        hi = hi if self.hi is None else self.hi
        return lambda shape: draw(shape, dtype, max(lo, -50), min(hi, 50), self.op.kinks)


def dtypes_of(op, dtype):
    """The dtype of each input where the op computes in `dtype`."""
    letters = op.types.split(">")[0][:-1]
    return [{"B": torch.bool, "I": torch.int64}.get(letter, dtype) for letter in letters]


def elementwise(op, maker, attrs):
    shapes = {1: [(s,) for s in UNARY], 2: BINARY, 3: TERNARY}[op.n_in]
    for given in attrs:
        for dtype in FLOATS:
            for entry in shapes:
                kinds = dtypes_of(op, dtype)
                yield Case([view(s, kind, maker(i, kinds[i])) for i, (s, kind) in enumerate(entry)], given)
        for dtype in INTEGERS + HALVES + (torch.bool,):
            for entry in shapes[1:3]:
                kinds = dtypes_of(op, dtype)
                yield Case([view(s, kind, maker(i, kinds[i])) for i, (s, kind) in enumerate(entry)], given, grad=False)
        for pair in MIXED if op.n_in > 1 else ():
            entry = shapes[2][-2:]
            two = [view(s, kind, maker(op.n_in - 2 + i, pair[i])) for i, (s, kind) in enumerate(entry)]
            first = [view(shapes[2][0][0], "plain", maker(0, dtypes_of(op, pair[0])[0]))] if op.n_in == 3 else []
            yield Case(first + two, given, grad=all(dtype in FLOATS for dtype in pair))
            yield Case(first + two[::-1], given, grad=False)


ALONG = [((5,), "plain"), ((6,), "reversed"), ((4, 3), "transposed"), ((3, 5), "stepped"), ((2, 3, 4), "reversed"),
         ((2, 1, 3, 2), "transposed"), ((3, 4), "expanded"), ((1, 3), "plain"), ((0, 3), "plain"), ((3, 0), "plain"),
         ((300,), "plain"), ((2, 70), "stepped")]


def along_axis(op, maker, attrs):
    """One input, one attribute `axis`."""
    for given in attrs:
        for dtype in FLOATS:
            for s, kind in ALONG:
                for axis in range(-len(s), len(s), 1 if len(s) < 3 else 3):
                    yield Case([view(s, kind, maker(0, dtype))], {**given, "axis": axis})
        for dtype in INTEGERS + HALVES + (torch.bool,):
            for s, kind in ALONG[2:4] + ALONG[10:11]:
                yield Case([view(s, kind, maker(0, dtype))], {**given, "axis": 0}, grad=False)


OVER = [((), "plain", []), ((), "plain", None), ((5,), "reversed", [0]), ((300,), "plain", None),
        ((4, 3), "transposed", [0]),
        ((4, 3), "transposed", [-1]), ((3, 5), "stepped", None), ((2, 3, 4), "reversed", [0, 2]),
        ((2, 3, 4), "transposed", [1]), ((2, 3, 4), "plain", [2, 0]), ((3, 4), "expanded", [0]),
        ((3, 4), "expanded", None),
        ((2, 3), "plain", []), ((0, 3), "plain", [0]), ((0, 3), "plain", [1]), ((2, 0), "plain", None),
        ((2, 1, 3, 2), "stepped", [-3, -1]), ((1, 1), "plain", [0, 1]), ((3, 300), "plain", [1]),
        ((20, 15), "transposed", None)]


def over_axes(op, maker, attrs):
    """One input, attributes `axes` and `keepdim`."""
    for given in attrs:
        for keepdim in (False, True):
            for dtype in FLOATS:
                for s, kind, axes in OVER:
                    yield Case([view(s, kind, maker(0, dtype))], {**given, "axes": axes, "keepdim": keepdim})
        for dtype in INTEGERS + HALVES + (torch.bool,):
            for s, kind, axes in OVER[3:8]:
                yield Case([view(s, kind, maker(0, dtype))], {**given, "axes": axes, "keepdim": False}, grad=False)
