#!/usr/bin/python3
"""Golden values for tests/ops: what each call below gives in PyTorch, or from Philox as published, as lines
CASE(call, shape, values).

  make_ops.py           writes the *.def files named in FILES beside this file
  make_ops.py --check   compares them with the PyTorch installed
"""
import math
import pathlib
import sys

import torch
import torch.nn.functional as F

# The inputs, as in tests/ops/cases.h.
x = torch.arange(24.0, dtype=torch.float64).reshape(2, 3, 4)
v = torch.arange(5.0, dtype=torch.float64)
t = x.transpose(0, 2)
s = torch.tensor(7.0, dtype=torch.float64)
e = torch.zeros(0, 3, dtype=torch.float64)
u = torch.tensor([2, -1, 0.5], dtype=torch.float64)
w = torch.tensor([[0, 3, -1], [4, 1, 5], [9, 2, 6]], dtype=torch.float64)

LAYOUT = [
    ("tp_flatten(x, 0, -1)", x.flatten()),
    ("tp_flatten(x, 1, 2)", x.flatten(1, 2)),
    ("tp_flatten(t, 0, 1)", t.flatten(0, 1)),
    ("tp_flatten(s, 0, -1)", s.flatten()),
    ("tp_flatten(e, 0, 1)", e.flatten()),
    ("tp_movedim(x, 0, 2)", x.movedim(0, 2)),
    ("tp_movedim(x, -1, 0)", x.movedim(-1, 0)),
    ("tp_movedim(x, 1, 1)", x),
    ("tp_flip(x, TP_AXES(0))", x.flip(0)),
    ("tp_flip(x, TP_AXES(-1, 0))", x.flip(-1, 0)),
    ("tp_flip(t, TP_ALL)", t.flip(0, 1, 2)),
    ("tp_flip(e, TP_ALL)", e.flip(0, 1)),
    ("tp_roll(x, TP_INTS(1), TP_AXES(-1))", x.roll(1, -1)),
    ("tp_roll(x, TP_INTS(-4, 5), TP_AXES(1, 2))", x.roll((-4, 5), (1, 2))),
    ("tp_roll(x, TP_INTS(5), TP_NONE)", x.roll(5)),
    ("tp_roll(e, TP_INTS(1), TP_AXES(0))", e.roll(1, 0)),
    ("tp_repeat(v, TP_INTS(2))", v.repeat(2)),
    ("tp_repeat(x, TP_INTS(2, 1, 1, 3))", x.repeat(2, 1, 1, 3)),
    ("tp_repeat(t, TP_INTS(1, 2, 2))", t.repeat(1, 2, 2)),
    ("tp_repeat(v, TP_INTS(2, 0))", v.repeat(2, 0)),
    ("tp_repeat_interleave(x, 2, 1)", x.repeat_interleave(2, 1)),
    ("tp_repeat_interleave(v, 3, -1)", v.repeat_interleave(3)),
    ("tp_pad(v, TP_INTS(1), TP_INTS(2), 0.5)", F.pad(v, (1, 2), value=0.5)),
    ("tp_pad(x, TP_INTS(1, 0), TP_INTS(0, 2), -1)", F.pad(x, (0, 2, 1, 0), value=-1)),
    ("tp_pad(x, TP_INTS(-1, 1), TP_INTS(2, -3), 0)", F.pad(x, (1, -3, -1, 2))),
    ("tp_pad(t, TP_INTS(0, 0, 1), TP_INTS(1, 0, 0), 9)", F.pad(t, (1, 0, 0, 0, 0, 1), value=9)),
    ("tp_tril(x, 0)", x.tril()),
    ("tp_tril(x, -1)", x.tril(-1)),
    ("tp_tril(t, 1)", t.tril(1)),
    ("tp_tril(x, 100)", x.tril(100)),
    ("tp_triu(x, 0)", x.triu()),
    ("tp_triu(x, 2)", x.triu(2)),
    ("tp_triu(t, -2)", t.triu(-2)),
    ("tp_triu(x, -100)", x.triu(-100)),
    ("tp_diagonal(x, 0, 0, 1)", x.diagonal()),
    ("tp_diagonal(x, 1, -2, -1)", x.diagonal(1, -2, -1)),
    ("tp_diagonal(x, -1, 2, 0)", x.diagonal(-1, 2, 0)),
    ("tp_diagonal(x, 9, 0, 1)", x.diagonal(9)),
    ("tp_diagonal_spread(v, 5, 5, 0)", torch.diag(v)),
    ("tp_diagonal_spread(v, 7, 7, -2)", torch.diag(v, -2)),
    ("tp_contiguous(t)", t),
    ("tp_slice(x, -1, -1, TP_END, -2)", x.flip(-1)[..., 0::2]),
    ("tp_slice(x, 1, 1, 100, 1)", x[:, 1:100]),
    ("tp_select(x, 1, -1)", x[:, -1]),
    ("tp_stack(TP_TENSORS(v, v), 1)", torch.stack((v, v), 1)),
    ("tp_concat(TP_TENSORS(x, tp_flip(x, TP_AXES(1))), 1)", torch.cat((x, x.flip(1)), 1)),
    ("tp_permute(x, TP_AXES(2, 0, -2))", x.permute(2, 0, 1)),
    ("tp_reshape(t, TP_SHAPE(3, -1))", t.reshape(3, -1)),
    ("tp_expand(v, TP_SHAPE(2, -1))", v.expand(2, -1)),
    ("tp_squeeze(tp_unsqueeze(x, 1), TP_ALL)", x),
]

k = torch.tensor([2, 0, 2, 1])
g = torch.tensor([[1, 0], [2, 2]])

INDEX = [
    ("tp_index_select(x, 1, k)", x.index_select(1, k)),
    ("tp_index_select(x, -1, k)", x.index_select(-1, k)),
    ("tp_index_select(t, 0, k)", t.index_select(0, k)),
    ("tp_index_select(v, 0, tp_mul_scalar(k, -1))", v[-k]),
    ("tp_index_select(x, 0, tp_slice(k, 0, 0, 0, 1))", x[:0]),
    ("tp_embedding(w, g)", F.embedding(g, w)),
    ("tp_embedding(tp_transpose(w, 0, 1), tp_transpose(g, 0, 1))", F.embedding(g.T, w.T)),
    ("tp_embedding(w, tp_select(k, 0, 0))", w[2]),
    ("tp_take_rows(x, tp_slice(k, 0, 1, TP_END, 1))", x[:, k[1:]]),
    ("tp_add_rows(tp_embedding(w, k), k, 3)", torch.zeros(3, 3).double().index_add(0, k, w[k])),
    ("tp_add_rows(tp_transpose(x, -1, -2), k, 4)", torch.zeros(2, 4, 3).double().index_add(1, k, x.mT)),
    ("tp_gather(tp_slice(w, 1, 0, 2, 1), g, 0)", w[:, :2].gather(0, g)),
    ("tp_gather(w, tp_slice(g, 0, 0, 1, 1), 1)", w.gather(1, g[:1].expand(3, 2))),
    ("tp_take_along_axis(tp_slice(w, 0, 0, 2, 1), tp_add_scalar(g, -3), -1)", w[:2].gather(1, g)),
    ("tp_scatter_add(v, k, tp_slice(v, 0, 1, TP_END, 1), 0)", v.scatter_add(0, k, v[1:])),
    ("tp_scatter_add(tp_slice(w, 1, 1, TP_END, 1), g, tp_full(c, TP_SHAPE(2, 1), 0.5, TP_F64), 0)",
     w[:, 1:].scatter_add(0, g, torch.full((2, 2), 0.5).double())),
    ("tp_one_hot(g, 4, TP_F32)", F.one_hot(g, 4)),
    ("tp_one_hot(tp_select(k, 0, 0), 3, TP_BOOL)", F.one_hot(k[0], 3)),
    ("tp_masked_fill(x, tp_gt(x, tp_scalar(c, 9, TP_F64)), -1)", x.masked_fill(x > 9, -1)),
    ("tp_masked_fill(w, tp_gt(tp_slice(w, 1, 0, 1, 1), w), 5)", w.masked_fill(w[:, :1] > w, 5)),
]

wide = x.expand(3, 2, 3, 4)[..., :3]
y = (x.flatten() % 5 - 2).reshape(2, 4, 3)
two = torch.tensor([[[2.0]]], dtype=torch.float64)


def einsum(subscripts, **operands):
    """The same call in both libraries, of the inputs named."""
    names = operands["of"].split()
    return (f'tp_einsum("{subscripts}", TP_TENSORS({", ".join(names)}))',
            torch.einsum(subscripts, *(globals()[name] for name in names)))


EINSUM = [
    einsum("bij,bjk->bik", of="x y"),
    einsum("bij,bjk", of="x y"),
    einsum("bij,bjk->kb", of="x y"),
    einsum("bij,cjk->ibkc", of="x y"),
    einsum("bij,cjk->", of="x y"),
    einsum(" b i j , b j k -> i ", of="x y"),
    einsum("ij", of="w"),
    einsum("ji", of="w"),
    einsum("ii", of="w"),
    einsum("ii->i", of="w"),
    einsum("ij->j", of="w"),
    einsum("ij->", of="w"),
    einsum("aij->ja", of="t"),
    einsum("ii,i->i", of="w u"),
    einsum("ii,jj->ij", of="w w"),
    einsum("i,i", of="v v"),
    einsum("i,j", of="v u"),
    einsum("i,i->i", of="v v"),
    einsum("i,j,k->kji", of="u v u"),
    einsum("ij,jk,kl->il", of="w w w"),
    einsum("ij,kj,ik->jk", of="w w w"),
    einsum("ij,ij,ij->i", of="w w w"),
    einsum("i,ij,j", of="u w u"),
    einsum("...ij,...jk", of="x y"),
    einsum("...ij,jk->...k", of="y w"),
    einsum("...,...", of="x s"),
    einsum("...i->...", of="x"),
    einsum("...i->i...", of="x"),
    einsum("i...,i...", of="x two"),
    einsum("...ii->...i", of="wide"),
    einsum("...j,j->...", of="y u"),
    einsum(",i", of="s v"),
    einsum("", of="s"),
    einsum("Ba,aC", of="w w"),
    einsum("ij,jk->ik", of="e w"),
    einsum("ji,jk->ik", of="e e"),
    ("tp_dot(v, v)", v.dot(v)),
    ("tp_mv(w, u)", w.mv(u)),
    ("tp_outer(v, u)", v.outer(u)),
    ("tp_matmul(x, y)", x @ y),
    ("tp_matmul(u, x)", u @ x),
    ("tp_tensordot(x, y, TP_AXES(-1), TP_AXES(1))", torch.tensordot(x, y, ([-1], [1]))),
    ("tp_tensordot(x, y, TP_AXES(2, 0), TP_AXES(1, 0))", torch.tensordot(x, y, ([2, 0], [1, 0]))),
    ("tp_tensordot(v, u, TP_NONE, TP_NONE)", torch.tensordot(v, u, 0)),
    ("tp_tensordot(w, w, TP_ALL, TP_ALL)", torch.tensordot(w, w, 2)),
]

SEED, COUNTER = 2**40 + 5, 2**35 + 3


def bits(i):
    """The 128 bits of block i: Philox4x32-10 of Salmon et al., SC11, first word highest."""
    counter = [i % 2**32, i >> 32, COUNTER % 2**32, COUNTER >> 32]
    key = [SEED % 2**32, SEED >> 32]
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [second >> 32 ^ counter[1] ^ key[0], second % 2**32, first >> 32 ^ counter[3] ^ key[1], first % 2**32]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return sum(word << 32 * (3 - k) for k, word in enumerate(counter))


def draws(n, draw):
    return torch.tensor([draw(bits(i)) for i in range(n)], dtype=torch.float64)


def uniform(digits):
    return lambda b: (b >> 128 - digits) / 2**digits


def normal(b):
    u = (b >> 75) / 2**53, (b % 2**64 >> 11) / 2**53
    return math.sqrt(-2 * math.log(1 - u[0])) * math.cos(2 * math.pi * u[1])


def permutation(n):
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = bits(i) * (i + 1) >> 128
        order[i], order[j] = order[j], order[i]
    return torch.tensor(order)


RANDOM = [
    ("tp_uniform_from(key, TP_SHAPE(2, 3), 0, 1, TP_F64)", draws(6, uniform(53)).reshape(2, 3)),
    ("tp_uniform_from(key, TP_SHAPE(5), 0, 1, TP_F32)", draws(5, uniform(24))),
    ("tp_uniform_from(key, TP_SHAPE(5), 0, 1, TP_F16)", draws(5, uniform(11))),
    ("tp_uniform_from(key, TP_SHAPE(5), 0, 1, TP_BF16)", draws(5, uniform(8))),
    ("tp_uniform_from(key, TP_SHAPE(3), -1, 3, TP_F64)", draws(3, lambda b: -1 + 4 * uniform(53)(b))),
    ("tp_normal_from(key, TP_SHAPE(6), 0, 1, TP_F64)", draws(6, normal)),
    ("tp_normal_from(key, TP_SHAPE(3), 5, 2, TP_F32)", draws(3, lambda b: 5 + 2 * normal(b)).float()),
    ("tp_randint_from(key, TP_SHAPE(8), -5, 5, TP_I64)", draws(8, lambda b: (b * 10 >> 128) - 5)),
    ("tp_randint_from(key, TP_SHAPE(4), -3 * (1LL << 60), 1LL << 62, TP_I64)",
     draws(4, lambda b: (b * 7 * 2**60 >> 128) - 3 * 2**60)),
    # the low 28 bits, which a double holds
    ("tp_mul_scalar(tp_randint_from(key, TP_SHAPE(8), 0, 7 * (1LL << 60), TP_I64), 1LL << 36)",
     draws(8, lambda b: ((b * 7 * 2**60 >> 128) * 2**36 + 2**63) % 2**64 - 2**63)),
    ("tp_permutation_from(key, 9)", permutation(9)),
    ("tp_bernoulli_from(key, tp_linspace(c, 0, 1, 8, TP_F64))",
     torch.stack([(uniform(53)(bits(i)) < p).double() for i, p in enumerate(torch.linspace(0, 1, 8).double())])),
    ("tp_dropout_mask_from(key, TP_SHAPE(8), 0.75, TP_F32)",
     draws(8, lambda b: 0 if uniform(53)(b) < 0.75 else 4)),
]

FILES = {"layout": LAYOUT, "index": INDEX, "einsum": EINSUM, "random": RANDOM}


def case(call, result):
    shape = f"TP_SHAPE({', '.join(map(str, result.shape))})" if result.dim() else "TP_SCALAR"
    values = ", ".join(f"{value:.17g}" for value in result.double().flatten().tolist()) or "0"
    return f"CASE({call}, {shape}, {values})\n"


def main():
    here = pathlib.Path(__file__).parent
    for name, cases in FILES.items():
        text = f"/* {name}.def - made by make_ops.py */\n" + "".join(case(*one) for one in cases)
        path = here / f"{name}.def"
        if "--check" not in sys.argv:
            path.write_text(text)
        elif path.read_text() != text:
            sys.exit(f"{path} differs from PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
