"""composites.py - what each composite of ops.h is in PyTorch."""
import math

import torch
import torch.nn.functional as F

from cases import ALONG, FLOATS, INTEGERS, OVER, Case, draw, draw_index, view
from rows import DRAWS, over
from taper import END


class Composite:
    """`fn` computes it in torch from the tensors and the other arguments of a call. `give` orders them for the library, where
    that is not the tensors first. Each of `calls` is ([(shape, view), ...], arguments); `index` is the input that is an index
    and what it indexes. `dtypes` are taken besides f64 and f32, without gradient."""

    def __init__(self, fn=None, calls=(), give=None, index=None, dtypes=(), skip=None, many=False, lo=-2.0):
        self.fn, self.calls, self.skip, self.many = fn, list(calls), skip, many
        self.give = give or (lambda tensors, *arguments: (*tensors, *arguments))
        self.index, self.dtypes, self.lo = index, dtypes, lo

    def cases(self):
        for dtype in FLOATS + self.dtypes:
            for shapes, arguments in self.calls:
                inputs = []
                for i, (s, kind) in enumerate(shapes):
                    if self.index and i == self.index[0]:
                        inputs.append(view(s, kind, lambda shape: self.index[1](shape)))
                    else:
                        inputs.append(view(s, kind, lambda shape: draw(shape, dtype, lo=self.lo)))
                case = Case(inputs, dict(enumerate(arguments)), grad=dtype in FLOATS)
                yield case, arguments


def on(*arguments):
    """Calls on a few shapes and views, with each of the argument lists."""
    return [([entry], a) for entry in ALONG[:5] + ALONG[6:9] for a in arguments]


def with_number(fn, numbers=(2.0, -0.5), **rest):
    return Composite(fn, on(*((number,) for number in numbers)), dtypes=INTEGERS[1:], **rest)


def reduction(fn):
    return Composite(fn, [([(s, kind)], (axes, keepdim)) for s, kind, axes in OVER for keepdim in (False, True)],
                     dtypes=INTEGERS + (torch.bool,))


def product(x, axes, keepdim):
    for axis in sorted((axis % max(x.dim(), 1) for axis in (range(x.dim()) if axes is None else axes)), reverse=True):
        x = torch.prod(x, axis, keepdim)
    return x if x.dtype.is_floating_point else x.long()


def whole(value):
    """A number that torch takes as an integer where it is one."""
    return int(value) if value == int(value) else value


def one(shape, kind, *arguments):
    return [(shape, kind)], arguments


def python_slice(x, axis, start, stop, step):
    n = x.shape[axis]
    at = range(n)[slice(None if start == END else start, None if stop == END else stop, step)]
    return x.index_select(axis, torch.tensor(list(at), dtype=torch.int64))


def expand(x, shape):
    return x.expand(shape)


def squeeze(x, axes):
    axes = [k for k in range(x.dim()) if x.shape[k] == 1] if axes is None else [k % x.dim() for k in axes]
    return x.reshape([x.shape[k] for k in range(x.dim()) if k not in axes])


def listed(tensors, *arguments):
    return (len(tensors), list(tensors), *arguments)


PAIRS = [((3, 4), (4, 2)), ((4,), (4,)), ((4,), (4, 2)), ((3, 4), (4,)), ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (5, 4, 2)),
         ((4,), (2, 4, 3)), ((2, 3, 4), (4,)), ((3, 0), (0, 2)), ((2, 300), (300, 5))]
KINDS = ["plain", "transposed", "stepped", "reversed"]

COMPOSITES = {
    "tp_add_scalar": with_number(lambda x, s: x + whole(s)),
    "tp_sub_scalar": with_number(lambda x, s: x - whole(s)),
    "tp_rsub_scalar": with_number(lambda x, s: whole(s) - x),
    "tp_mul_scalar": with_number(lambda x, s: x * whole(s)),
    "tp_div_scalar": with_number(lambda x, s: x / whole(s)),
    "tp_pow_scalar": Composite(lambda x, s: x ** whole(s), on((2.0,), (3.0,), (0.5,), (-1.0,), (0.0,), (1.0,)), lo=0.1),
    **{"tp_%s_scalar" % name: with_number(lambda x, s, fn=getattr(torch, name): fn(x, whole(s)), (1.0, -0.5))
       for name in "gt ge lt le eq ne".split()},
    "tp_selu": Composite(F.selu, on(())),
    "tp_prod": reduction(product),
    "tp_count_nonzero": reduction(lambda x, axes, keepdim: over(torch.sum)((x != 0).long(), axes, keepdim)),
    "tp_any": reduction(lambda x, axes, keepdim: over(torch.sum)((x != 0).long(), axes, keepdim) > 0),
    "tp_all": reduction(lambda x, axes, keepdim: over(torch.sum)((x == 0).long(), axes, keepdim) == 0),
    "tp_argsort": Composite(lambda x, axis, descending: torch.argsort(x, axis, descending), on((0, False), (-1, True))),
    "tp_reshape": Composite(lambda x, shape: x.reshape(shape), [
        one((2, 6), "plain", [3, 4]), one((2, 6), "transposed", [-1]), one((12,), "stepped", [2, -1, 2]),
        one((), "plain", [1, 1]),
        one((3, 4), "expanded", [12]), one((0, 3), "plain", [3, 0]), one((2, 3, 4), "reversed", [6, 4])]),
    "tp_expand": Composite(expand, [
        one((3, 1), "plain", [3, 4]), one((3,), "reversed", [2, 3]), one((1, 3), "stepped", [4, -1]),
        one((), "plain", [2, 2]),
        one((2, 1, 3), "transposed", [2, 5, 3]), one((1,), "plain", [0])]),
    "tp_permute": Composite(lambda x, axes: x.permute(axes), [
        one((2, 3), "plain", [1, 0]), one((2, 3, 4), "stepped", [2, 0, 1]), one((2, 3, 4), "reversed", [-1, -3, -2]),
        one((), "plain", []), one((3, 4), "expanded", [1, 0])]),
    "tp_transpose": Composite(torch.transpose, [
        one((2, 3), "plain", 0, 1), one((2, 3, 4), "stepped", -1, 0), one((2, 3, 4), "transposed", 1, 1),
        one((3, 4), "expanded", -2, -1)]),
    "tp_squeeze": Composite(squeeze, [
        one((1, 3, 1), "plain", None), one((1, 3, 1), "reversed", [0]), one((2, 1, 3, 1), "transposed", [-1, 1]),
        one((2, 3), "plain", None)]),
    "tp_unsqueeze": Composite(torch.unsqueeze, [
        one((2, 3), "plain", 0), one((2, 3), "transposed", -1), one((), "plain", 0), one((2, 3), "expanded", 1)]),
    "tp_slice": Composite(python_slice, [
        one((7,), "plain", 0, 1, 6, 2), one((7,), "stepped", 0, END, END, -1), one((4, 5), "transposed", 1, -3, END, 1),
        one((4, 5), "plain", 0, -1, END, -2), one((4, 5), "reversed", -1, 3, 1, 1),
        one((4, 5), "plain", 0, -100, 100, 3),
        one((3, 4), "expanded", 0, 1, 3, 1), one((5,), "plain", 0, 10, -10, -3)]),
    "tp_select": Composite(torch.select, [
        one((4, 3), "plain", 0, 2), one((4, 3), "transposed", 1, -1), one((2, 3, 4), "reversed", -2, 0),
        one((5,), "stepped", 0, 4)]),
    "tp_stack": Composite(lambda *xs: torch.stack(xs[:-1], xs[-1]), [
        ([((2, 3), "plain"), ((2, 3), "transposed")], (0,)), ([((2, 3), "stepped"), ((2, 3), "reversed")], (-1,)),
        ([((), "plain")] * 3, (0,)), ([((3, 4), "expanded")] * 2, (1,))], give=listed),
    "tp_flatten": Composite(torch.flatten, [
        one((2, 3, 4), "plain", 0, -1), one((2, 3, 4), "transposed", 1, 2), one((2, 3, 4), "stepped", -3, -2),
        one((), "plain", 0, -1)]),
    "tp_movedim": Composite(torch.movedim, [
        one((2, 3, 4), "plain", 0, 2), one((2, 3, 4), "transposed", -1, 0), one((2, 3), "reversed", 1, 0),
        one((2, 3, 1, 2), "stepped", 1, -1)]),
    "tp_flip": Composite(lambda x, axes: torch.flip(x, list(range(x.dim())) if axes is None else axes), [
        one((2, 3), "plain", [0]), one((2, 3), "transposed", None), one((2, 3, 4), "reversed", [0, -1]),
        one((3, 4), "expanded", [1]),
        one((0, 2), "plain", [1])]),
    "tp_roll": Composite(lambda x, shifts, axes: torch.roll(x, shifts, axes), [
        one((5,), "plain", [2], [0]), one((4, 3), "transposed", [1, -2], [0, 1]), one((4, 3), "stepped", [5], []),
        one((3, 4), "expanded", [7], [-1]), one((0, 2), "plain", [1], [0])]),
    "tp_repeat": Composite(lambda x, repeats: x.repeat(repeats), [
        one((2, 3), "plain", [2, 1]), one((3,), "reversed", [2, 3]), one((2, 3), "transposed", [1, 2, 2]),
        one((2,), "plain", [0])]),
    "tp_repeat_interleave": Composite(torch.repeat_interleave, [
        one((2, 3), "plain", 2, 0), one((2, 3), "transposed", 3, -1), one((4,), "stepped", 1, 0),
        one((2, 3), "expanded", 0, 1)]),
    "tp_split": Composite(torch.split, [
        one((5,), "plain", 2, 0), one((4, 3), "transposed", 2, 1), one((4, 3), "stepped", 4, 0),
        one((2, 3, 4), "reversed", 3, -1)],
        many=lambda x, size, axis: (x, size, axis, 8)),
    "tp_chunk": Composite(torch.chunk, [
        one((5,), "plain", 2, 0), one((4, 3), "transposed", 2, 1), one((4, 3), "stepped", 8, 0),
        one((2, 3, 4), "reversed", 3, -1)],
        many=lambda x, n, axis: (x, n, axis)),
    "tp_diagonal": Composite(torch.diagonal, [
        one((3, 4), "plain", 0, 0, 1), one((3, 4), "transposed", 1, -1, -2), one((2, 3, 4), "stepped", -1, 0, 2),
        one((3, 4), "expanded", 2, 0, 1)]),
    "tp_contiguous": Composite(lambda x: x.contiguous(), on(())),
    "tp_take_along_axis": Composite(lambda x, index, axis: torch.take_along_dim(x, index % x.shape[axis], axis), [
        ([((4, 3), "plain"), ((2, 3), "transposed")], (0,)), ([((4, 3), "transposed"), ((4, 5), "plain")], (1,)),
        ([((4, 3), "stepped"), ((1, 5), "plain")], (-1,)), ([((3,), "reversed"), ((6,), "reversed")], (0,))],
        index=(1, lambda s: draw_index(3, s))),
    "tp_index_select": Composite(lambda x, index, axis: torch.index_select(x, axis, index % x.shape[axis]), [
        ([((4, 3), "plain"), ((5,), "reversed")], (0,)), ([((4, 3), "transposed"), ((2,), "plain")], (1,)),
        ([((2, 3, 4), "stepped"), ((0,), "plain")], (-1,)), ([((3,), "plain"), ((6,), "plain")], (0,))],
        give=lambda tensors, axis: (tensors[0], axis, tensors[1]), index=(1, lambda s: draw_index(3, s))),
    "tp_embedding": Composite(lambda weight, index: F.embedding(index % weight.shape[0], weight), [
        ([((4, 3), "plain"), ((5,), "reversed")], ()), ([((4, 3), "transposed"), ((2, 3), "plain")], ()),
        ([((4, 1), "stepped"), ((), "plain")], ()), ([((4, 3), "reversed"), ((0, 2), "plain")], ())],
        index=(1, lambda s: draw_index(4, s))),
    "tp_masked_fill": Composite(lambda x, mask, value: torch.where(mask, torch.tensor(value, dtype=x.dtype), x), [
        ([((4, 3), "plain"), ((3,), "plain")], (1.5,)), ([((4, 3), "transposed"), ((4, 1), "plain")], (-math.inf,)),
        ([((3,), "reversed"), ((2, 3), "plain")], (0.0,)), ([((3, 4), "expanded"), ((3, 4), "stepped")], (2.0,))],
        index=(1, lambda s: draw(s, torch.bool))),
    "tp_matmul": Composite(torch.matmul, [([(a, KINDS[k % 4]), (b, KINDS[(k + 1) % 4])], ()) for k,
                                          (a, b) in enumerate(PAIRS)]),
    "tp_dot": Composite(torch.dot, [([((n,), KINDS[k % 4]), ((n,), KINDS[(k + 1) % 4])], ()) for k,
                                    n in enumerate((5, 1, 300, 0))]),
    "tp_mv": Composite(torch.mv, [([((m, n), KINDS[k % 4]), ((n,), KINDS[(k + 2) % 4])], ())
                                  for k, (m, n) in enumerate(((3, 4), (1, 5), (2, 300), (0, 3)))]),
    "tp_outer": Composite(torch.outer, [([((m,), KINDS[k % 4]), ((n,), KINDS[(k + 2) % 4])], ())
                                        for k, (m, n) in enumerate(((3, 4), (1, 5), (2, 1), (0, 3)))]),
    "tp_tensordot": Composite(lambda a, b, axes_a, axes_b: torch.tensordot(a, b, (axes_a, axes_b)), [
        ([((3, 4), "plain"), ((4, 2), "transposed")], ([1], [0])),
        ([((2, 3, 4), "transposed"), ((4, 3, 5), "plain")], ([1, 2], [1, 0])),
        ([((2, 3), "stepped"), ((3, 2), "reversed")], ([0, -1], [1, 0])),
        ([((2, 3), "plain"), ((4,), "plain")], ([], [])),
        ([((3, 4), "expanded"), ((3, 4), "plain")], ([0], [0]))]),
    "tp_einsum": Composite(lambda *xs: torch.einsum(xs[-1].decode(), *xs[:-1]), [
        ([((3, 4), "plain"), ((4, 2), "transposed")], (b"ij,jk->ik",)),
        ([((2, 3, 4), "stepped"), ((2, 4, 5), "plain")], (b"bij,bjk->bik",)),
        ([((3, 3), "reversed")], (b"ii->",)), ([((3, 3), "plain")], (b"ii->i",)),
        ([((2, 3), "transposed")], (b"ij->ji",)),
        ([((3,), "plain"), ((4,), "stepped")], (b"i,j->ij",)), ([((3, 4), "plain"), ((4, 2), "plain")], (b"ij,jk",)),
        ([((2, 1, 3, 4), "plain"), ((5, 4, 2), "transposed")], (b"...ij,...jk->...ik",)),
        ([((2, 3), "plain"), ((3, 4), "plain"), ((4, 2), "reversed")], (b"ij,jk,kl->il",)),
        ([((3, 4), "expanded")], (b"ij->j",)),
        ([((3,), "plain"), ((3,), "plain"), ((3,), "plain")], (b"i,i,i->",))],
        give=lambda tensors, subscripts: (subscripts, len(tensors), list(tensors))),
    "tp_detach": Composite(lambda x: x.detach(), on(())),
    "tp_next_key": Composite(skip=DRAWS),
    **{"tp_" + name: Composite(skip=DRAWS) for name in "uniform normal randint permutation".split()},
    "tp_bernoulli": Composite(lambda p: p.clone().detach(), on(()),
                              index=(0, lambda s: draw(s, torch.bool).double())),  # sure ones
    "tp_dropout": Composite(F.dropout, on((0.0, True), (0.7, False), (1.0, True))),  # nothing to draw
}
