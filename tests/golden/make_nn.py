#!/usr/bin/python3
"""Golden values for tests/nn: what each loss and layer below gives in PyTorch, and its gradients, as lines
INPUT(name, shape, values), LABELS(name, shape, values) and CASE(call, shape, values).

  make_nn.py           writes losses.def, criteria.def and layers.def beside this file
  make_nn.py --check   compares them with the PyTorch installed
"""
import math
import pathlib
import re
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


def given(*shape, low=-3.0, high=3.0):
    """Uniform, and short enough to be written exactly."""
    return (((high - low) * torch.rand(*shape) + low) * 1024).round() / 1024


def labels(*values):
    return torch.tensor(values)


# --- losses: the tensors are those that the calls name

x = given(5, 4)
y = labels(3, 0, 2, 2, 1)
some = labels(3, -100, 2, -100, 1)
none = labels(-100, -100, -100, -100, -100)
q = given(5, 4, low=0.0, high=1.0)
w = given(4, low=0.25, high=2.0)
deep = given(2, 3, 2, 2)
deep_y = torch.randint(0, 3, (2, 2, 2))
deep_q = given(2, 3, 2, 2, low=0.0, high=1.0)
deep_w = given(3, low=0.25, high=2.0)
v = given(4)
label = torch.tensor(2)
empty = given(0, 4)
no_y = torch.zeros(0, dtype=torch.int64)
b = given(6, low=-40.0, high=40.0)
t = torch.tensor([0.0, 1.0, 0.25, 1.0, 0.0, 0.5])
pos = given(6, low=0.25, high=3.0)
bw = given(6, low=0.25, high=2.0)
p = torch.tensor([0.0, 1.0, 0.25, 0.5, 1.0, 0.0])
rows = given(3, 6)
rows_t = given(3, 6, low=0.0, high=1.0)
a = torch.tensor([[0.5, -2.0, 1.0], [3.0, 0.0, -1.0]])
d = torch.tensor([[0.25, 1.0, 1.0], [0.5, 1.0, -0.5]])

INPUTS = "x q w deep deep_q deep_w v empty b t pos bw p rows rows_t a d".split()
LABELS = "y some none deep_y label no_y".split()
REDUCTIONS = {"TP_MEAN": "mean", "TP_SUM": "sum", "TP_NO_REDUCTION": "none"}

# (call, its options, function of PyTorch, its options, the input whose gradient is taken); each with every reduction
LOSSES = [
    ("tp_cross_entropy(x, y", "", F.cross_entropy, (x, y), {}, "x"),
    ("tp_cross_entropy(x, y", ".weight = w", F.cross_entropy, (x, y), {"weight": w}, "x"),
    ("tp_cross_entropy(x, y", ".label_smoothing = 0.1", F.cross_entropy, (x, y), {"label_smoothing": 0.1}, "x"),
    ("tp_cross_entropy(x, y", ".weight = w, .label_smoothing = 0.3", F.cross_entropy, (x, y),
     {"weight": w, "label_smoothing": 0.3}, "x"),
    ("tp_cross_entropy(x, y", ".ignore_index = 2", F.cross_entropy, (x, y), {"ignore_index": 2}, "x"),
    ("tp_cross_entropy(x, y", ".ignore_index = TP_ZERO", F.cross_entropy, (x, y), {"ignore_index": 0}, "x"),
    ("tp_cross_entropy(x, some", "", F.cross_entropy, (x, some), {}, "x"),
    ("tp_cross_entropy(x, some", ".weight = w, .label_smoothing = 0.3", F.cross_entropy, (x, some),
     {"weight": w, "label_smoothing": 0.3}, "x"),
    ("tp_cross_entropy(x, none", "", F.cross_entropy, (x, none), {}, None),
    ("tp_cross_entropy(x, none", ".weight = w", F.cross_entropy, (x, none), {"weight": w}, None),
    ("tp_cross_entropy(empty, no_y", "", F.cross_entropy, (empty, no_y), {}, None),
    ("tp_cross_entropy(x, q", "", F.cross_entropy, (x, q), {}, "x"),
    ("tp_cross_entropy(x, q", ".weight = w, .label_smoothing = 0.3", F.cross_entropy, (x, q),
     {"weight": w, "label_smoothing": 0.3}, "x"),
    ("tp_cross_entropy(deep, deep_y", ".weight = deep_w, .ignore_index = 1, .label_smoothing = 0.2", F.cross_entropy,
     (deep, deep_y), {"weight": deep_w, "ignore_index": 1, "label_smoothing": 0.2}, "deep"),
    ("tp_cross_entropy(deep, deep_q", ".weight = deep_w, .label_smoothing = 0.2", F.cross_entropy, (deep, deep_q),
     {"weight": deep_w, "label_smoothing": 0.2}, "deep"),
    ("tp_cross_entropy(v, label", ".weight = w", F.cross_entropy, (v, label), {"weight": w}, "v"),
    ("tp_nll_loss(x, y", "", F.nll_loss, (x, y), {}, "x"),
    ("tp_nll_loss(x, some", ".weight = w", F.nll_loss, (x, some), {"weight": w}, "x"),
    ("tp_nll_loss(x, y", ".ignore_index = 2", F.nll_loss, (x, y), {"ignore_index": 2}, "x"),
    ("tp_nll_loss(deep, deep_y", ".weight = deep_w", F.nll_loss, (deep, deep_y), {"weight": deep_w}, "deep"),
    ("tp_bce_with_logits(b, t", "", F.binary_cross_entropy_with_logits, (b, t), {}, "b"),
    ("tp_bce_with_logits(b, t", ".pos_weight = pos, .weight = bw", F.binary_cross_entropy_with_logits, (b, t),
     {"pos_weight": pos, "weight": bw}, "b"),
    ("tp_bce_with_logits(rows, rows_t", ".pos_weight = pos, .weight = bw", F.binary_cross_entropy_with_logits,
     (rows, rows_t), {"pos_weight": pos, "weight": bw}, "rows"),
    ("tp_binary_cross_entropy(p, t", "", F.binary_cross_entropy, (p, t), {}, "p"),
    ("tp_binary_cross_entropy(rows_t, q_rows", ".weight = bw", F.binary_cross_entropy, (rows_t, torch.flip(rows_t, [0])),
     {"weight": bw}, "rows_t"),
    ("tp_mse_loss(a, d", "", F.mse_loss, (a, d), {}, "a"),
    ("tp_l1_loss(a, d", "", F.l1_loss, (a, d), {}, "a"),
    ("tp_huber_loss(a, d", "", F.huber_loss, (a, d), {}, "a"),
    ("tp_huber_loss(a, d", ".delta = 0.25", F.huber_loss, (a, d), {"delta": 0.25}, "a"),
    ("tp_smooth_l1_loss(a, d", "", F.smooth_l1_loss, (a, d), {}, "a"),
    ("tp_smooth_l1_loss(a, d", ".beta = 2.5", F.smooth_l1_loss, (a, d), {"beta": 2.5}, "a"),
    # where x is the target PyTorch's slope of this one is -1, though its value and the slope of l1_loss are 0 there
    ("tp_smooth_l1_loss(rows, rows_t", ".beta = TP_ZERO", F.smooth_l1_loss, (rows, rows_t), {"beta": 0.0}, "rows"),
]


def number(value):
    return "NAN" if value != value else f"{value:.17g}"


def line(macro, name, tensor):
    shape = f"TP_SHAPE({', '.join(map(str, tensor.shape))})" if tensor.dim() else "TP_SCALAR"
    values = ", ".join(number(value) for value in tensor.double().flatten().tolist()) or "0"
    return f"{macro}({name}, {shape}, {values})\n"


def loss_inputs():
    names = globals()
    yield from (line("INPUT", name, names[name]) for name in INPUTS)
    yield from (line("LABELS", name, names[name]) for name in LABELS)
    yield line("INPUT", "q_rows", torch.flip(rows_t, [0]))


def loss_lines():
    yield from loss_inputs()
    for call, options, function, args, keywords, wrt in LOSSES:
        for ours, theirs in REDUCTIONS.items():
            with_reduction = ", ".join(filter(None, (options, f".reduction = {ours}" if ours != "TP_MEAN" else "")))
            text = call + (", " + with_reduction if with_reduction else "") + ")"
            leaf = args[0].clone().requires_grad_()
            loss = function(leaf, *args[1:], reduction=theirs, **keywords)
            yield line("CASE", text, loss.detach())
            if wrt:
                gradient, = torch.autograd.grad(loss.sum(), leaf)
                yield line("CASE", f"tp_grad(tp_sum({text}, TP_ALL, false), {wrt})", gradient)


CRITERIA = {
    F.cross_entropy: torch.nn.CrossEntropyLoss,
    F.nll_loss: torch.nn.NLLLoss,
    F.binary_cross_entropy_with_logits: torch.nn.BCEWithLogitsLoss,
    F.binary_cross_entropy: torch.nn.BCELoss,
    F.mse_loss: torch.nn.MSELoss,
    F.l1_loss: torch.nn.L1Loss,
    F.huber_loss: torch.nn.HuberLoss,
    F.smooth_l1_loss: torch.nn.SmoothL1Loss,
}


def criterion_lines():
    """Each row of LOSSES once more as a module, with the mean and with the sum."""
    yield from loss_inputs()
    for call, options, function, args, keywords, wrt in LOSSES:
        name, inputs = call.removeprefix("tp_").split("(")
        for reduction in ("", ".reduction = TP_SUM"):
            given = ", ".join(filter(None, ("c", options, reduction)))
            text = f"tp_loss(tp_{name.removesuffix('_loss')}_criterion({given}), {inputs})"
            criterion = CRITERIA[function](reduction="sum" if reduction else "mean", **keywords)
            leaf = args[0].clone().requires_grad_()
            loss = criterion(leaf, *args[1:])
            yield line("CASE", text, loss.detach())
            if wrt:
                gradient, = torch.autograd.grad(loss, leaf)
                yield line("CASE", f"tp_grad({text}, {wrt})", gradient)


# --- layers

image = given(2, 3, 4)
weight = given(5, 4, low=-1.0, high=1.0)
bias = given(5, low=-1.0, high=1.0)

LAYERS = [
    ("linear_of(c, weight, bias)", lambda x: F.linear(x, weight, bias)),
    ("tp_relu_layer(c)", F.relu),
    ("tp_sigmoid_layer(c)", torch.sigmoid),
    ("tp_tanh_layer(c)", torch.tanh),
    ("tp_gelu_layer(c)", F.gelu),
    ("tp_gelu_tanh_layer(c)", lambda x: F.gelu(x, approximate="tanh")),
    ("tp_silu_layer(c)", F.silu),
    ("tp_leaky_relu_layer(c, 0.2)", lambda x: F.leaky_relu(x, 0.2)),
    ("tp_elu_layer(c, 1.5)", lambda x: F.elu(x, 1.5)),
    ("tp_softplus_layer(c)", F.softplus),
    ("tp_log_sigmoid_layer(c)", F.logsigmoid),
    ("tp_mish_layer(c)", F.mish),
    ("tp_selu_layer(c)", F.selu),
    ("tp_hardtanh_layer(c, -0.5, 1.5)", lambda x: F.hardtanh(x, -0.5, 1.5)),
    ("tp_softmax_layer(c, 1)", lambda x: F.softmax(x, 1)),
    ("tp_log_softmax_layer(c, -1)", lambda x: F.log_softmax(x, -1)),
    ("tp_flatten_layer(c)", lambda x: x.flatten(1)),
    ("net_of(c, weight, bias)", lambda x: F.linear(torch.tanh(F.linear(x, weight, bias)), weight.T).flatten(1)),
]


def layer_lines():
    for name, tensor in (("x", image), ("weight", weight), ("bias", bias)):
        yield line("INPUT", name, tensor)
    for layer, function in LAYERS:
        leaf = image.clone().requires_grad_()
        y = function(leaf)
        yield line("CASE", f"tp_forward({layer}, x)", y.detach())
        gradient, = torch.autograd.grad((y * y).sum(), leaf)
        yield line("CASE", f"tp_grad(tp_sum(tp_square(tp_forward({layer}, x)), TP_ALL, false), x)", gradient)
    leaf = weight.clone().requires_grad_()
    loss = torch.tanh(F.linear(image, leaf, bias)).sum()
    yield line("CASE", "weight_gradient(linear_of(c, weight, bias), x)",
               torch.autograd.grad(loss, leaf)[0])


def alike(a, b):
    """The same text, but for the last digits of its numbers: they depend on the BLAS that PyTorch finds."""
    a, b = re.split(r"[\s,()]+", a), re.split(r"[\s,()]+", b)
    return len(a) == len(b) and all(x == y or close(x, y) for x, y in zip(a, b))


def close(x, y):
    try:
        return math.isclose(float(x), float(y), rel_tol=1e-13, abs_tol=1e-14)
    except ValueError:
        return False


def main():
    here = pathlib.Path(__file__).parent
    for name, lines in (("losses", loss_lines()), ("criteria", criterion_lines()), ("layers", layer_lines())):
        text = f"/* {name}.def - made by make_nn.py */\n" + "".join(lines)
        path = here / f"{name}.def"
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not alike(path.read_text(), text):
            sys.exit(f"{path} differs from PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
