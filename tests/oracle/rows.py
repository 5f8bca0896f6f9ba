"""rows.py - what each row of the table is in PyTorch."""
import math

import math

import torch
import torch.nn.functional as F

from cases import ALONG, FLOATS, HALVES, INTEGERS, Case, Input, draw, draw_index, view


class Row:
    """`fn` computes the row in torch from its inputs and attributes. Cases come from the row's signature, once for each of
    `attrs`, or from `cases`, a function of (op, maker). `skip` is why there is nothing to compare, `no_bool` why not with
    bools."""

    def __init__(self, fn=None, attrs=({},), cases=None, skip=None, no_bool=None, **domain):
        self.fn, self.attrs, self.cases, self.skip, self.no_bool, self.domain = fn, attrs, cases, skip, no_bool, domain


def dims(x, axes):
    return list(range(x.dim())) if axes is None else list(axes)


def over(fn):
    """A torch reduction over dims, where no dims means none and not all."""
    def reduce(x, axes, keepdim, **rest):
        axes = dims(x, axes)
        if axes:
            return fn(x, axes, keepdim, **rest)
        return fn(x.unsqueeze(-1), [-1], False, **rest)
    return reduce


def along_all(fn):
    """A torch function of one dim over several: they become one, last."""
    def reduce(x, axes, keepdim):
        axes = sorted(axis % x.dim() for axis in axes)
        kept = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
        y = fn(x.permute([axis for axis in range(x.dim()) if axis not in axes] + axes).flatten(-len(axes)), -1)
        return y.reshape(kept) if keepdim else y
    return reduce


def topk(x, k, axis, largest):
    """By sorting, since torch.topk takes any of equal elements; it refuses a k above the size of the axis, and so do we."""
    torch.topk(x, k, axis)
    return [y.narrow(axis, 0, k) for y in torch.sort(x, stable=True, dim=axis, descending=largest)]


# --- layout

def reshape_axes(x, **a):
    lead = x.shape[:x.dim() - a["from"]]
    return x.reshape(list(lead) + list(a["to"]))


def expand_axes(x, to):
    lead = x.shape[:x.dim() - len(to)]
    return x.expand(list(lead) + list(to))


def permute_axes(x, axes):
    axes = list(range(-x.dim(), 0)) if axes is None else axes
    lead = list(range(x.dim() - len(axes)))
    return x.permute(lead + [axis + x.dim() for axis in axes])


def slice_axis(x, axis, start, count, step):
    return x.index_select(axis, start + step * torch.arange(count))


def spread_axis(x, axis, size, start, step):
    shape = list(x.shape)
    shape[axis] = size
    index = start + step * torch.arange(x.shape[axis])
    return torch.zeros(shape, dtype=x.dtype).index_add(axis, index, x)


def one_input(*entries, ints=True):
    """Cases of (shape, view, attributes) in both floats, and in integers and halves without gradient."""
    def cases(op, maker):
        for s, kind, attrs in entries:
            for dtype in FLOATS:
                yield Case([view(s, kind, maker(0, dtype))], attrs)
        for s, kind, attrs in entries[:2] if ints else ():
            for dtype in INTEGERS + HALVES + (torch.bool,):
                yield Case([view(s, kind, maker(0, dtype))], attrs, grad=False)
    return cases


def several(*entries):
    """Cases of ([(shape, view), ...], attributes) in both floats, in integers and in halves."""
    def cases(op, maker):
        for dtype in FLOATS + INTEGERS + HALVES:
            for shapes, attrs in entries if dtype in FLOATS else entries[:2]:
                yield Case([view(s, kind, maker(i, dtype)) for i, (s, kind) in enumerate(shapes)], attrs,
                           grad=dtype in FLOATS)
    return cases


def concat_cases(op, maker):
    yield from several(([((2, 3), "plain"), ((1, 3), "plain")], {"axis": 0}), ([((2, 3), "transposed")], {"axis": -1}),
                       ([((2, 3), "reversed"), ((2, 1), "plain"), ((2, 0), "plain")], {"axis": 1}),
                       ([((4,), "stepped"), ((2,), "reversed")], {"axis": 0}),
                       ([((0, 2), "plain"), ((0, 2), "plain")], {"axis": 0}),
                       ([((2, 3, 2), "expanded"), ((2, 1, 2), "plain")], {"axis": -2}),
                       ([((1,), "plain")] * 7, {"axis": 0}))(op, maker)
    yield Case([Input(draw((2,), torch.float32)), Input(draw((3,), torch.float64))], {"axis": 0})
    yield Case([Input(draw((2,), torch.int32)), Input(draw((3,), torch.float32))], {"axis": 0}, grad=False)
    yield Case([Input(draw((2,), torch.uint8)), Input(draw((3,), torch.int8))], {"axis": 0}, grad=False)


# --- by index

INDEXED = [((5,), (3,), 0), ((4, 3), (2, 3), 0), ((4, 3), (4, 5), 1), ((4, 3), (1, 5), -1), ((2, 3, 4), (2, 6, 4), 1),
           ((2, 3, 4), (2, 1, 2), -1), ((3,), (0,), 0), ((2, 4), (2, 4), -1), ((1, 3), (4, 2), 1)]


def indexed(fill):
    """Cases with an index into an axis; `fill` makes the third input from the index's shape (None: there is none)."""
    def cases(op, maker):
        kinds = ["plain", "transposed", "stepped", "reversed"]
        for dtype in FLOATS + INTEGERS[2:] + HALVES:
            for k, (shape, index, axis) in enumerate(INDEXED if dtype in FLOATS else INDEXED[1:3]):
                n = shape[axis]
                at = view(index, kinds[k % 3], lambda s: draw_index(n, s))
                x = view(shape, kinds[(k + 1) % 4], maker(0, dtype))
                rest = [view(index, kinds[(k + 2) % 4], maker(2, dtype))] if fill else []
                yield Case([x, at, *rest], {"axis": axis}, grad=dtype in FLOATS)
    return cases


def loops_broadcast(x, index, axis):
    """Both with the same sizes outside `axis`, as gather takes them in NumPy's rules; no index negative."""
    index = torch.where(index < 0, index + x.shape[axis], index)
    x, index = x.movedim(axis, -1), index.movedim(axis, -1)
    loops = torch.broadcast_shapes(x.shape[:-1], index.shape[:-1])
    return (x.expand(*loops, x.shape[-1]).movedim(-1, axis), index.expand(*loops, index.shape[-1]).movedim(-1, axis))


def gather(x, index, axis):
    x, index = loops_broadcast(x, index, axis)
    return torch.gather(x, axis, index)


def scatter_add(x, index, src, axis):
    x, index = loops_broadcast(x, index, axis)
    src, _ = loops_broadcast(src, index.detach(), axis)
    return torch.scatter_add(x, axis, index, src)


def class_cases(op, maker):
    """Rows along an axis, each with its class; negative ones count from the end."""
    shapes = [((4, 3), -1), ((2, 3, 4), 1), ((3,), 0), ((5, 1), -1), ((0, 3), 1), ((2, 300), 1)]
    kinds = ["plain", "transposed", "stepped", "reversed"]
    for dtype in FLOATS + HALVES:
        for k, (shape, axis) in enumerate(shapes if dtype in FLOATS else shapes[:2]):
            classes = [n for i, n in enumerate(shape) if i != axis % len(shape)]
            at = view(classes, kinds[k % 3], lambda s: draw_index(shape[axis], s))
            yield Case([view(shape, kinds[(k + 1) % 4], maker(0, dtype)), at], {"axis": axis}, grad=dtype in FLOATS)


def softmax_cross_entropy(x, index, axis):
    index = (index % x.shape[axis]).unsqueeze(axis)
    return -torch.gather(F.log_softmax(x, axis), axis, index).squeeze(axis)


def softmax_less_one_hot(x, index, axis):
    one = F.one_hot(index % x.shape[axis], x.shape[axis]).movedim(-1, axis)
    return F.softmax(x, axis) - one.to(x.dtype)


def matmul_cases(op, maker):
    shapes = [((3, 4), (4, 2)), ((1, 1), (1, 1)), ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((3, 0), (0, 2)),
              ((0, 3), (3, 2)), ((4, 300), (300, 3)), ((2, 520), (520, 5)), ((3, 300), (300, 9)), ((1, 7), (7, 1))]
    kinds = ["plain", "transposed", "stepped", "reversed", "expanded"]
    for dtype in FLOATS:
        for k, (a, b) in enumerate(shapes):
            # long sums of f32 without cancellation, which PyTorch's tolerance does not allow for
            make = [lambda s: draw(s, dtype, 0.1, 1.0)] * 2 if a[-1] >= 300 else [maker(0, dtype), maker(1, dtype)]
            yield Case([view(a, kinds[k % 5], make[0]), view(b, kinds[(k + k // 5 + 1) % 5], make[1])])
    for pair in ((torch.float32, torch.float64), (torch.int32, torch.float64)):
        yield Case([Input(draw((2, 3), pair[0])), Input(draw((3, 2), pair[1]))], grad=False)


def affine(x, weight, bias):
    return x @ weight.mT + bias.unsqueeze(-2)


def affine_cases(op, maker):
    for dtype in FLOATS:
        for x, weight, bias in (((3, 4), (2, 4), (2,)), ((1, 1), (1, 1), (1,)), ((2, 3, 4), (5, 4), (5,)), ((0, 4), (2, 4), (2,)),
                                ((3, 0), (2, 0), (2,)), ((2, 1, 3, 4), (5, 2, 4), (1, 2)), ((5, 17), (9, 17), (9,))):
            yield Case([view(x, "transposed", maker(0, dtype)), view(weight, "stepped", maker(1, dtype)),
                        view(bias, "reversed", maker(2, dtype))])


def affine_grad(x, u):
    weight_t = x.mT @ u
    return [weight_t, u.sum(-2).expand(weight_t.shape[:-2] + u.shape[-1:])]


def affine_grad_cases(op, maker):
    for dtype in FLOATS:
        for x, u in (((4, 3), (4, 2)), ((1, 1), (1, 1)), ((2, 4, 3), (4, 5)), ((0, 3), (0, 2)), ((17, 9), (17, 5))):
            yield Case([view(x, "transposed", maker(0, dtype)), view(u, "stepped", maker(1, dtype))])


def cast_cases(op, maker):
    for source in FLOATS:
        for target in FLOATS:
            for s, kind in ALONG[:7]:
                yield Case([view(s, kind, maker(0, source))], {"dtype": target})

def clamp(x, min, max):
    if x.dtype.is_floating_point:
        return torch.clamp(x, min, max)
    low, high = torch.iinfo(x.dtype).min, torch.iinfo(x.dtype).max  # bounds go inward, and saturate where x cannot hold them

    def held(bound):
        return low if bound < low else high if bound > high else int(bound)
    return torch.clamp(x, held(min if math.isinf(min) else math.ceil(min)),
                       held(max if math.isinf(max) else math.floor(max)))


def by_zero_is_zero(fn):
    """Integers divided by 0, which torch refuses."""
    def divide(a, b):
        if torch.promote_types(a.dtype, b.dtype).is_floating_point:
            return fn(a, b)
        zero = b == 0
        return torch.where(zero, torch.zeros_like(fn(a, torch.ones_like(b))), fn(a, b + zero.to(b.dtype)))
    return divide


def pairwise(fn):
    """A torch loss of elements, which wants both tensors of one float dtype and one shape."""
    def loss(x, target):
        dtype = torch.promote_types(x.dtype, target.dtype)
        dtype = dtype if dtype.is_floating_point else torch.float32
        return fn(*torch.broadcast_tensors(x.to(dtype), target.to(dtype)), reduction="none")
    return loss


def argument(fn):
    """argmax and argmin over several axes: counted row-major."""
    def find(x, axes, keepdim):
        axes = sorted(axis % max(x.dim(), 1) for axis in dims(x, axes))
        kept = [axis for axis in range(x.dim()) if axis not in axes]
        flat = x.permute(kept + axes).reshape([x.shape[axis] for axis in kept] + [-1 if x.numel() else math.prod(
            x.shape[axis] for axis in axes)])
        y = fn(flat, -1)
        return y.reshape([1 if axis in axes else x.shape[axis] for axis in range(x.dim())]) if keepdim else y
    return find


def topk(x, k, axis, largest):
    values, indices = torch.sort(x, stable=True, dim=axis, descending=largest)
    return values.narrow(axis, 0, k), indices.narrow(axis, 0, k)


def topk_cases(op, maker):
    for largest in (True, False):
        for k, axis, s, kind in ((2, 0, (5,), "reversed"), (3, -1, (3, 5), "stepped"), (1, 0, (4, 3), "transposed"),
                                 (3, 1, (2, 3, 4), "plain"), (0, 0, (3,), "plain"), (2, 1, (3, 4), "expanded")):
            for dtype in FLOATS + INTEGERS + HALVES:
                yield Case([view(s, kind, maker(0, dtype))], {"k": k, "axis": axis, "largest": largest},
                           grad=dtype in FLOATS)


def pad(x, before, after, value):
    widths = [width for pair in zip(before[::-1], after[::-1]) for width in pair]
    return F.pad(x, widths, value=value) if widths else x.clone()


def diagonal_spread(x, rows, columns, offset):
    y = torch.zeros([*x.shape[:-1], rows, columns], dtype=x.dtype)
    y.diagonal(offset, -2, -1).copy_(x)
    return y


def matrix_loops(x, index):
    loops = torch.broadcast_shapes(x.shape[:-2], index.shape[:-1])
    return x.expand(*loops, *x.shape[-2:]), index.expand(*loops, index.shape[-1])


def take_rows(x, index):
    x, index = matrix_loops(x, torch.where(index < 0, index + x.shape[-2], index))
    return torch.gather(x, -2, index.unsqueeze(-1).expand(*index.shape, x.shape[-1]))


def add_rows(x, index, size):
    x, index = matrix_loops(x, torch.where(index < 0, index + size, index))
    zeros = torch.zeros([*x.shape[:-2], size, x.shape[-1]], dtype=x.dtype)
    return zeros.scatter_add(-2, index.unsqueeze(-1).expand(x.shape), x)


def rows_cases(op, maker):
    shapes = [((5, 3), (4,)), ((5, 3), (0,)), ((2, 5, 3), (2, 4)), ((5, 1), (2, 3)), ((1, 3), (6,)), ((2, 5, 2), (3,))]
    kinds = ["plain", "transposed", "stepped", "reversed"]
    for dtype in FLOATS + INTEGERS + HALVES:
        for k, (x, index) in enumerate(shapes if dtype in FLOATS else shapes[:1]):
            adding = op.name == "add_rows"
            source = (*x[:-2], index[-1], x[-1]) if adding else x
            at = view(index, kinds[k % 3], lambda s: draw_index(x[-2], s))
            yield Case([view(source, kinds[(k + 1) % 4], maker(0, dtype)), at], {"size": x[-2]} if adding else {},
                       grad=dtype in FLOATS)


def one_hot_cases(op, maker):
    for dtype in FLOATS + (torch.int64, torch.bool):
        for s, kind in (((), "plain"), ((4,), "reversed"), ((2, 3), "transposed"), ((0,), "plain")):
            yield Case([view(s, kind, lambda shape: draw_index(3, shape).abs())], {"classes": 4, "dtype": dtype},
                       grad=False)


DRAWS = "PyTorch draws other numbers; Philox has its own known answers"


def updates(*attrs):
    """In place: the first input is not a view."""
    def cases(op, maker):
        for given in attrs:
            for dtype in FLOATS:
                for s, kind in ALONG[:5]:
                    yield Case([view(s, "plain", maker(0, dtype))] +
                               [view(s, kind, maker(i, dtype)) for i in range(1, op.n_in)], given, grad=False)
    return cases


def sgd_step(x, grad, lr, weight_decay):
    return x - lr * (grad + weight_decay * x)


def momentum_step(x, buffer, grad, lr, momentum, dampening, weight_decay, nesterov):
    g = grad + weight_decay * x
    buffer = momentum * buffer + (1 - dampening) * g
    return x - lr * (g + momentum * buffer if nesterov else buffer), buffer


def adam_step(x, mean, square, *rest, rate, beta1, beta2, eps, weight_decay, decay):
    g = rest[-1] + weight_decay * x
    mean, square = torch.lerp(g, mean, beta1), torch.lerp(g * g, square, beta2)
    most = [torch.maximum(rest[0], square)] if len(rest) > 1 else []
    x = (1 - decay) * x - rate * mean / (torch.sqrt((most or [square])[0]) + eps)
    return x, mean, square, *most


def rmsprop_step(centered):
    def step(x, square, *rest, lr, alpha, eps, weight_decay, momentum=None):
        g = rest[-1] + weight_decay * x
        square = torch.lerp(g * g, square, alpha)
        states = [torch.lerp(g, rest[0], alpha)] if centered else []
        g = g / (torch.sqrt(square - states[0] ** 2 if centered else square) + eps)
        if momentum is not None:
            states.append(momentum * rest[len(states)] + g)
            g = states[-1]
        return x - lr * g, square, *states
    return step


def adagrad_step(x, sum, grad, lr, eps, weight_decay):
    g = grad + weight_decay * x
    return x - lr * g / (torch.sqrt(sum + g * g) + eps), sum + g * g


ADAM = updates({}, {"rate": 0.5, "beta1": 0.5, "beta2": 0.75, "eps": 0.1, "weight_decay": 0.3, "decay": 0.2})
RMSPROP = updates({}, {"lr": 0.5, "alpha": 0.75, "eps": 0.1, "weight_decay": 0.3})
MATRICES = (((3, 4), "plain"), ((4, 3), "transposed"), ((2, 3, 3), "stepped"), ((3, 1), "reversed"), ((0, 3), "plain"),
            ((3, 4), "expanded"))


def matrices(*attrs):
    return one_input(*((s, kind, given) for s, kind in MATRICES for given in attrs))


ROWS = {
    # unary.c
    **{name: Row(getattr(torch, name)) for name in (
        "neg abs sign floor ceil trunc round exp expm1 log log1p sqrt rsqrt reciprocal sin cos tan asin acos atan sinh "
        "cosh tanh erf erfc sigmoid isnan isinf isfinite logical_not").split()},
    "clamp": Row(clamp, attrs=({}, {"min": -1.0}, {"min": -0.5, "max": 1.5}, {"max": 0.25}, {"min": 2.0, "max": 1.0},
                              {"min": 1.0, "max": -1.0}, {"min": 200.0}, {"max": -1000.5}),
                 no_bool="in torch the number turns a bool into i64"),
    "square": Row(torch.square, no_bool="in torch the exponent turns a bool into i64"),
    # activation.c
    "relu": Row(F.relu),
    "relu_grad": Row(lambda u, y: torch.where(y != 0, u, torch.zeros_like(u))),
    "hardtanh": Row(lambda x, min, max: F.hardtanh(x, min, max), attrs=({}, {"min": -0.5, "max": 1.5})),
    "leaky_relu": Row(F.leaky_relu, attrs=({}, {"negative_slope": 0.3})),
    "elu": Row(F.elu, attrs=({}, {"alpha": 0.5})),
    "sigmoid_grad": Row(lambda u, y: u * y * (1 - y.to((u * y).dtype))),
    "log_sigmoid": Row(F.logsigmoid),
    "softplus": Row(F.softplus),
    "silu": Row(F.silu),
    "mish": Row(F.mish),
    "gelu": Row(lambda x, approximate: F.gelu(x, approximate="tanh" if approximate else "none"),
                attrs=({"approximate": False}, {"approximate": True})),
    # loss.c
    "logistic_loss": Row(pairwise(F.binary_cross_entropy_with_logits)),
    "log_loss": Row(pairwise(F.binary_cross_entropy)),
    "huber": Row(lambda x, delta: F.huber_loss(x, torch.zeros_like(x), "none", delta), attrs=({}, {"delta": 0.5})),
    # binary.c
    **{name: Row(getattr(torch, name)) for name in "add sub mul maximum minimum pow atan2".split()},
    "div": Row(torch.true_divide),
    "fmod": Row(by_zero_is_zero(torch.fmod)),
    "remainder": Row(by_zero_is_zero(torch.remainder)),
    "floor_divide": Row(by_zero_is_zero(lambda a, b: torch.div(a, b, rounding_mode="floor"))),
    # compare.c
    **{name: Row(getattr(torch, name)) for name in "gt ge lt le eq ne logical_and logical_or logical_xor where".split()},
    # reduce.c and its kin
    "sum": Row(over(torch.sum)),
    "mean": Row(over(torch.mean)),
    "max": Row(over(torch.amax)),
    "min": Row(over(torch.amin)),
    "argmax": Row(argument(torch.argmax)),
    "argmin": Row(argument(torch.argmin)),
    "variance": Row(over(lambda x, axes, keepdim, correction: torch.var(x, axes, correction=correction,
        keepdim=keepdim)),
                    attrs=({"correction": 1}, {"correction": 0}, {"correction": 2})),
    "std": Row(over(lambda x, axes, keepdim, correction: torch.std(x, axes, correction=correction, keepdim=keepdim)),
               attrs=({"correction": 1}, {"correction": 0})),
    "norm": Row(over(lambda x, axes, keepdim, p: torch.linalg.vector_norm(x, p, axes, keepdim)),
                attrs=({"p": 2.0}, {"p": 1.0}, {"p": 3.0}, {"p": math.inf})),
    "logsumexp": Row(over(torch.logsumexp)),
    # softmax.c
    "softmax": Row(lambda x, axis: F.softmax(x, axis)),
    "softmax_cross_entropy": Row(softmax_cross_entropy, cases=class_cases),
    "softmax_less_one_hot": Row(softmax_less_one_hot, cases=class_cases),
    "log_softmax": Row(lambda x, axis: F.log_softmax(x, axis)),
    "cumsum": Row(lambda x, axis: torch.cumsum(x, axis)),
    # sort.c
    "sort": Row(lambda x, axis, descending: torch.sort(x, stable=True, dim=axis, descending=descending),
                attrs=({"descending": False}, {"descending": True})),
    "topk": Row(topk, cases=topk_cases),
    # layout.c
    "reshape_axes": Row(reshape_axes, cases=one_input(
        ((2, 3), "transposed", {"from": 2, "to": [3, 2]}), ((6,), "stepped", {"from": 1, "to": [2, 3]}),
        ((2, 6), "plain", {"from": 1, "to": [3, 2]}), ((2, 3, 4), "reversed", {"from": 2, "to": [12]}),
        ((), "plain", {"from": 0, "to": []}), ((2, 1), "expanded", {"from": 1, "to": []}),
        ((0, 3), "plain", {"from": 2, "to": [3, 0]}), ((4,), "plain", {"from": 0, "to": [1, 1]}),
        ((2, 3, 2), "transposed", {"from": 3, "to": [4, 3]}))),
    "expand_axes": Row(expand_axes, cases=one_input(
        ((2, 1), "plain", {"to": [2, 3]}), ((1,), "plain", {"to": [4]}), ((2, 3, 1), "transposed", {"to": [5]}),
        ((1, 1), "plain", {"to": [2, 3]}), ((3,), "reversed", {"to": [3]}), ((1, 3), "stepped", {"to": [0, 3]}),
        ((), "plain", {"to": []}), ((2, 1, 2), "expanded", {"to": [3, 2]}))),
    "permute_axes": Row(permute_axes, cases=one_input(
        ((2, 3), "plain", {"axes": [-1, -2]}), ((2, 3, 4), "stepped", {"axes": [-2, -1, -3]}),
        ((2, 3, 4), "reversed", {"axes": [-1, -2]}), ((3,), "plain", {"axes": [-1]}), ((), "plain", {"axes": []}),
        ((2, 0, 3), "plain", {"axes": [-2, -1, -3]}), ((3, 4), "expanded", {"axes": [-1, -2]}),
        ((2, 1, 3, 2), "transposed", {"axes": [-4, -1, -3, -2]}))),
    "slice_axis": Row(slice_axis, cases=one_input(
        ((5,), "plain", {"axis": 0, "start": 1, "count": 2, "step": 2}),
        ((4, 3), "transposed", {"axis": 0, "start": 3, "count": 4, "step": -1}),
        ((4, 3), "reversed", {"axis": 1, "start": 0, "count": 0, "step": 1}),
        ((4, 6), "stepped", {"axis": -1, "start": 5, "count": 2, "step": -3}),
        ((2, 3, 4), "plain", {"axis": 1, "start": 1, "count": 1, "step": 1}),
        ((3, 4), "expanded", {"axis": 0, "start": 0, "count": 2, "step": 2}),
        ((0, 3), "plain", {"axis": 1, "start": 2, "count": 1, "step": 1}),
        ((7,), "reversed", {"axis": 0, "start": 6, "count": 3, "step": -2}))),
    "spread_axis": Row(spread_axis, cases=one_input(
        ((2,), "plain", {"axis": 0, "size": 5, "start": 1, "step": 2}),
        ((4, 3), "transposed", {"axis": 0, "size": 4, "start": 3, "step": -1}),
        ((4, 0), "plain", {"axis": 1, "size": 3, "start": 0, "step": 1}),
        ((4, 2), "stepped", {"axis": -1, "size": 6, "start": 5, "step": -3}),
        ((2, 1, 4), "reversed", {"axis": 1, "size": 3, "start": 1, "step": 1}),
        ((2, 4), "expanded", {"axis": 0, "size": 4, "start": 0, "step": 2}),
        ((0, 1), "plain", {"axis": 1, "size": 4, "start": 2, "step": 1}),
        ((3,), "reversed", {"axis": 0, "size": 7, "start": 6, "step": -2}))),
    "concat": Row(lambda *xs, axis: torch.cat(xs, axis), cases=concat_cases),
    "pad": Row(pad, cases=one_input(
        ((3,), "plain", {"before": [1], "after": [2]}), ((2, 3), "transposed",
                                                         {"before": [1, 0], "after": [0, 2], "value": 1.5}),
        ((2, 3), "stepped", {"before": [2], "after": [0]}), ((4, 5), "reversed", {"before": [-1, 1], "after": [1, -2]}),
        ((3, 4), "expanded", {"before": [0, -1], "after": [0, -1], "value": -2.0}),
        ((0, 2), "plain", {"before": [1, 1], "after": [0, 0]}),
        ((2, 1, 2), "plain", {"before": [1, 0, 1], "after": [0, 1, 0]}),
        ((3,), "reversed", {"before": [-2], "after": [3]}))),
    "tril": Row(lambda x, diagonal: torch.tril(x, diagonal), cases=matrices({"diagonal": 0}, {"diagonal": -1},
        {"diagonal": 2})),
    "triu": Row(lambda x, diagonal: torch.triu(x, diagonal), cases=matrices({"diagonal": 0}, {"diagonal": -1},
        {"diagonal": 2})),
    "diagonal_axes": Row(lambda x, offset: torch.diagonal(x, offset, -2, -1),
                         cases=matrices({"offset": 0}, {"offset": -1}, {"offset": 1})),
    "diagonal_spread": Row(diagonal_spread, cases=one_input(
        ((3,), "plain", {"rows": 3, "columns": 3, "offset": 0}), ((2, 3), "transposed",
            {"rows": 4, "columns": 3, "offset": -1}),
        ((2, 2), "stepped", {"rows": 2, "columns": 3, "offset": 1}),
        ((4,), "reversed", {"rows": 4, "columns": 6, "offset": 2}),
        ((3, 2), "expanded", {"rows": 2, "columns": 2, "offset": 0}),
        ((0,), "plain", {"rows": 2, "columns": 2, "offset": 2}))),
    # matmul.c
    "matmul_2d": Row(torch.matmul, cases=matmul_cases),
    "affine": Row(affine, cases=affine_cases),
    "affine_relu": Row(lambda x, weight, bias: F.relu(affine(x, weight, bias)), cases=affine_cases),
    "affine_grad": Row(affine_grad, cases=affine_grad_cases),
    # gather.c
    "gather": Row(gather, cases=indexed(False)),
    "scatter_add": Row(scatter_add, cases=indexed(True)),
    "take_rows": Row(take_rows, cases=rows_cases),
    "add_rows": Row(add_rows, cases=rows_cases),
    "one_hot": Row(lambda index, classes, dtype: F.one_hot(index, classes).to(dtype), cases=one_hot_cases),
    # cast.c
    "cast": Row(lambda x, dtype: x.to(dtype), cases=cast_cases),
    "clone": Row(torch.clone),
    # random.c
    **{name + "_from": Row(skip=DRAWS) for name in "uniform normal randint permutation bernoulli dropout_mask".split()},
    # update.c
    "assign": Row(skip="a copy; tests/op/test_apply.c"),
    "sgd_update": Row(lambda x, grad, lr: x - lr * grad, cases=updates({"lr": 0.1}, {"lr": 0.5})),
    "sgd_decay_update": Row(sgd_step, cases=updates({}, {"lr": 0.5, "weight_decay": 0.3})),
    "momentum_update": Row(momentum_step, cases=updates({}, {"lr": 0.5, "dampening": 0.2, "weight_decay": 0.3},
                                                        {"momentum": 0.5, "nesterov": True})),
    "adam_update": Row(adam_step, cases=ADAM),
    "amsgrad_update": Row(adam_step, cases=ADAM),
    "rmsprop_update": Row(rmsprop_step(False), cases=RMSPROP),
    "rmsprop_momentum_update": Row(rmsprop_step(False), cases=RMSPROP),
    "rmsprop_centered_update": Row(rmsprop_step(True), cases=RMSPROP),
    "rmsprop_centered_momentum_update": Row(rmsprop_step(True), cases=RMSPROP),
    "adagrad_update": Row(adagrad_step, cases=updates({}, {"lr": 0.5, "eps": 0.1, "weight_decay": 0.3})),
}
