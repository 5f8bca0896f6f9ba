#!/usr/bin/python3
"""Golden values for tests/optim: the parameters of a small net after 100 steps of each optimizer below in PyTorch, as lines
OPTIMIZER(call, group, values), and with schedules, as lines SCHEDULE(call, schedules, learning rates, values). And gradients
that were clipped, as lines CLIP(by, bound, norm before, values).

  make_optim.py           writes optimizers.def, schedules.def and clip.def beside this file
  make_optim.py --check   compares them with the PyTorch installed
"""
import pathlib
import re
import sys
import warnings

import torch
from torch import optim
from torch.optim import lr_scheduler as schedules

torch.set_default_dtype(torch.float64)
warnings.simplefilter("ignore")
STEPS = 100

# tanh(x w + b) against y, by the mean square
X = torch.tensor([[0.5, -1.0, 0.25], [1.5, 0.75, -0.5], [-0.75, 0.5, 1.0], [0.25, -0.25, -1.25]])
Y = torch.tensor([[0.5, -0.25], [0.75, 0.5], [-0.5, 0.25], [-1.0, 0.125]])
WEIGHT = torch.tensor([[0.5, -0.5], [0.25, 1.0], [-1.0, 0.75]])
BIAS = torch.tensor([0.125, -0.25])


def metric(t):
    """What plateau looks at: gets better for a while, then worse, then not at all."""
    return 1 / (1 + t) if t < 20 else 2 / (101 - t) if t < 60 else 0.5


def parameters():
    return WEIGHT.clone().requires_grad_(), BIAS.clone().requires_grad_()


def train(parameters, optimizer, scheduled=()):
    """The learning rates before each step and after the last, of the first group."""
    rates = [optimizer.param_groups[0]["lr"]]
    for t in range(STEPS):
        optimizer.zero_grad()
        ((torch.tanh(X @ parameters[0] + parameters[1]) - Y) ** 2).mean().backward()
        optimizer.step()
        for schedule in scheduled:
            schedule.step(*[metric(t)] if isinstance(schedule, schedules.ReduceLROnPlateau) else [])
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def number(value):
    return f"{value:.17g}"


def values(numbers):
    return "VALUES(" + ", ".join(map(number, numbers)) + ")"


def elements(parameters):
    return values(torch.cat([p.detach().flatten() for p in parameters]).tolist())


# PyTorch's optimizer, ours, and options of both: (name there, name here, value)
NAMES = {"initial_accumulator_value": "initial_accumulator"}


def options(keywords):
    """.lr = 0.1, .beta1 = 0.8 from PyTorch's keywords."""
    text = ""
    for name, value in keywords.items():
        if name == "betas":
            text += f", .beta1 = {value[0]}, .beta2 = {value[1]}"
        else:
            shown = str(value).lower() if isinstance(value, bool) else "TP_ZERO" if value == 0 else repr(value)
            text += f", .{NAMES.get(name, name)} = {shown}"
    return text


# RMSprop may end in a cycle in which differences of rounding grow to anything; these settings do not
OPTIMIZERS = [
    (optim.SGD, "tp_sgd", [dict(lr=1e-3), dict(lr=0.5), dict(lr=0.5, weight_decay=0.1), dict(lr=0.3, momentum=0.9),
        dict(lr=0.3, momentum=0.9, dampening=0.5), dict(lr=0.3, momentum=0.9, nesterov=True),
        dict(lr=0.3, momentum=0.9, weight_decay=0.1, dampening=0.25),
        dict(lr=0.3, momentum=0.5, weight_decay=0.1, nesterov=True)]),
    (optim.Adam, "tp_adam", [{}, dict(lr=0.05), dict(lr=0.05, betas=(0.8, 0.95)), dict(lr=0.05, eps=0.01),
        dict(lr=0.05, weight_decay=0.1), dict(lr=0.05, amsgrad=True), dict(lr=0.05, betas=(0.5, 0.5), amsgrad=True),
        dict(lr=0.05, amsgrad=True, weight_decay=0.1, eps=1e-3)]),
    (optim.AdamW, "tp_adamw", [{}, dict(lr=0.05), dict(lr=0.05, weight_decay=0.2), dict(lr=0.05, weight_decay=0),
        dict(lr=0.05, betas=(0.5, 0.5), amsgrad=True), dict(lr=0.05, betas=(0.8, 0.95), eps=0.01)]),
    (optim.RMSprop, "tp_rmsprop", [{}, dict(lr=0.02), dict(lr=0.02, alpha=0.97), dict(lr=0.02, eps=0.01),
        dict(lr=0.02, weight_decay=0.1), dict(lr=0.02, momentum=0.5), dict(lr=0.02, centered=True),
        dict(lr=0.005, centered=True, momentum=0.5, weight_decay=0.1, alpha=0.9)]),
    (optim.Adagrad, "tp_adagrad", [{}, dict(lr=0.2), dict(lr=0.2, lr_decay=0.05), dict(lr=0.2, weight_decay=0.1),
        dict(lr=0.2, initial_accumulator_value=0.5), dict(lr=0.2, eps=0.1)]),
]
GROUPS = [
    (optim.SGD, "tp_sgd", dict(lr=0.3, momentum=0.9, weight_decay=0.1), dict(lr=0.1, weight_decay=0)),
    (optim.AdamW, "tp_adamw", dict(lr=0.05), dict(weight_decay=0.5)),
    (optim.RMSprop, "tp_rmsprop", dict(lr=0.02, weight_decay=0.1), dict(lr=0.05)),
]


def optimizer_lines():
    for theirs, ours, list_of_keywords in OPTIMIZERS:
        for keywords in list_of_keywords:
            net = parameters()
            train(net, theirs(net, **{"lr": 1e-3, **keywords} if theirs is optim.SGD else keywords))
            yield f"OPTIMIZER({ours}(m{options(keywords)}), (void)opt, {elements(net)})\n"
    for theirs, ours, keywords, group in GROUPS:
        net = parameters()
        train(net, theirs([dict(params=net[:1]), dict(params=net[1:], **group)], **keywords))
        setup = f'tp_optimizer_group(opt, "b*s"{options(group)})'
        yield f"OPTIMIZER({ours}(m{options(keywords)}), {setup}, {elements(net)})\n"


# ours, PyTorch's: a function of the optimizer
SGD = (lambda net: optim.SGD(net, lr=0.2, momentum=0.9), "tp_sgd(m, .lr = 0.2, .momentum = 0.9)")
PLAIN = (lambda net: optim.SGD(net, lr=0.2), "tp_sgd(m, .lr = 0.2)")
ADAM = (lambda net: optim.Adam(net, lr=0.05), "tp_adam(m, .lr = 0.05)")
TWO = (lambda net: optim.SGD([dict(params=net[:1]), dict(params=net[1:], lr=0.05)], lr=0.2),
       'grouped(tp_sgd(m, .lr = 0.2))')
S = schedules
SCHEDULES = [
    (SGD, ["tp_constant_lr(opt)"], [lambda o: S.ConstantLR(o)]),
    (ADAM, ["tp_constant_lr(opt, .factor = 0.25, .total_iters = 30)"], [lambda o: S.ConstantLR(o, 0.25, 30)]),
    (SGD, ["tp_step_lr(opt, 30)"], [lambda o: S.StepLR(o, 30)]),
    (TWO, ["tp_step_lr(opt, 7, .gamma = 0.75)"], [lambda o: S.StepLR(o, 7, 0.75)]),
    (SGD, ["tp_multi_step_lr(opt, TP_INTS(10, 35, 35, 80))"], [lambda o: S.MultiStepLR(o, [10, 35, 35, 80])]),
    (ADAM, ["tp_multi_step_lr(opt, TP_INTS(50), .gamma = 0.5)"], [lambda o: S.MultiStepLR(o, [50], 0.5)]),
    (SGD, ["tp_exponential_lr(opt, 0.96875)"], [lambda o: S.ExponentialLR(o, 0.96875)]),
    (SGD, ["tp_cosine_lr(opt, 100)"], [lambda o: S.CosineAnnealingLR(o, 100)]),
    (TWO, ["tp_cosine_lr(opt, 40, .eta_min = 0.01)"], [lambda o: S.CosineAnnealingLR(o, 40, 0.01)]),
    (SGD, ["tp_linear_lr(opt)"], [lambda o: S.LinearLR(o)]),
    (ADAM, ["tp_linear_lr(opt, .start_factor = 0.01, .end_factor = 0.5, .total_iters = 40)"],
     [lambda o: S.LinearLR(o, 0.01, 0.5, 40)]),
    (SGD, ["tp_one_cycle_lr(opt, 0.5, 101)"], [lambda o: S.OneCycleLR(o, 0.5, 101)]),
    (ADAM, ["tp_one_cycle_lr(opt, 0.1, 101, .linear = true, .pct_start = 0.25, .div_factor = 10, .final_div_factor = 100, "
            ".base_momentum = 0.8, .max_momentum = 0.9)"],
     [lambda o: S.OneCycleLR(o, 0.1, 101, pct_start=0.25, anneal_strategy="linear", div_factor=10, final_div_factor=100,
                             base_momentum=0.8, max_momentum=0.9)]),
    (SGD, ["tp_one_cycle_lr(opt, 0.5, 120, .fixed_momentum = true)"],
     [lambda o: S.OneCycleLR(o, 0.5, 120, cycle_momentum=False)]),
    (PLAIN, ["tp_one_cycle_lr(opt, 0.5, 120)"], [lambda o: S.OneCycleLR(o, 0.5, 120, cycle_momentum=False)]),
    (SGD, ["tp_plateau_lr(opt)"], [lambda o: S.ReduceLROnPlateau(o)]),
    (TWO, ["tp_plateau_lr(opt, .factor = 0.5, .patience = 3, .cooldown = 4, .min_lr = 0.03)"],
     [lambda o: S.ReduceLROnPlateau(o, factor=0.5, patience=3, cooldown=4, min_lr=0.03)]),
    (ADAM, ["tp_plateau_lr(opt, .patience = TP_ZERO, .threshold = 0.1, .maximize = true)"],
     [lambda o: S.ReduceLROnPlateau(o, "max", patience=0, threshold=0.1)]),
    (SGD, ["tp_linear_lr(opt)", "tp_exponential_lr(opt, 0.96875)"], [lambda o: S.LinearLR(o), lambda o: S.ExponentialLR(o, 0.96875)]),
    (SGD, ["tp_step_lr(opt, 20)", "tp_constant_lr(opt)"], [lambda o: S.StepLR(o, 20), lambda o: S.ConstantLR(o)]),
]


def schedule_lines():
    for (theirs, ours), calls, functions in SCHEDULES:
        net = parameters()
        optimizer = theirs(net)
        rates = train(net, optimizer, [function(optimizer) for function in functions])
        yield f"SCHEDULE({ours}, LIST({', '.join(calls)}), {values(rates)}, {elements(net)})\n"


def clip_lines():
    """Norms and gradients after clipping, bounds below and above the norm."""
    for name, bounds in (("norm", (0.05, 0.0, 10.0)), ("value", (0.03, 0.0, 10.0))):
        for bound in bounds:
            net = parameters()
            ((torch.tanh(X @ net[0] + net[1]) - Y) ** 2).mean().backward()
            norm = torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in net])).item()
            getattr(torch.nn.utils, f"clip_grad_{name}_")(net, bound)
            yield f"CLIP({name}, {number(bound)}, {number(norm)}, {elements([p.grad for p in net])})\n"


NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]\d+)?")


def agree(a, b):
    """The same text but for numbers that differ by 1e-10: another processor may round otherwise in 100 steps."""
    numbers = zip(map(float, NUMBER.findall(a)), map(float, NUMBER.findall(b)))
    return NUMBER.sub("", a) == NUMBER.sub("", b) and all(abs(x - y) <= 1e-10 for x, y in numbers)


def main():
    here = pathlib.Path(__file__).parent
    for name, lines in (("optimizers", optimizer_lines()), ("schedules", schedule_lines()), ("clip", clip_lines())):
        text = f"/* {name}.def - made by make_optim.py */\n" + "".join(lines)
        path = here / f"{name}.def"
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not agree(path.read_text(), text):
            sys.exit(f"{path} differs from PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
