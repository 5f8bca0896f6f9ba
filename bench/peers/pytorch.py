"""PyTorch: HOW is eager, or compile (torch.compile)."""
import os

import torch
from server import CHECKED, RATE, Work, serve

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def network(case):
    layers = []
    for i, (weight, bias) in enumerate(case.layers):
        layers += [torch.nn.Sigmoid() if case.binary else torch.nn.ReLU()] if i else []
        layers.append(torch.nn.Linear(*weight.shape[::-1]))
        layers[-1].weight.data = torch.from_numpy(weight)
        layers[-1].bias.data = torch.from_numpy(bias)
    return torch.nn.Sequential(*layers)


def update(case, net):
    """Fused where there is that: the fastest."""
    kind = torch.optim.SGD if case.optimizer == "sgd" else torch.optim.Adam
    try:
        return kind(net.parameters(), RATE[case.optimizer], fused=True)
    except (TypeError, RuntimeError):
        return kind(net.parameters(), RATE[case.optimizer])


def step(case):
    net = network(case)
    optimizer = update(case, net)
    criterion = torch.nn.BCEWithLogitsLoss() if case.binary else torch.nn.CrossEntropyLoss()

    def loss_of(x, y):
        return criterion(net(x), y)

    def apply():
        optimizer.step()

    if case.how == "compile":
        loss_of, apply = torch.compile(loss_of), torch.compile(apply)

    def run(x, y):
        optimizer.zero_grad()
        loss = loss_of(x, y)
        loss.backward()
        apply()
        return loss

    return run


def epoch(case, x, y):
    run, order = step(case), torch.from_numpy(case.order)

    def steps(order):
        for rows in order:
            loss = run(x[rows], y[rows])
        return loss

    def once():
        return steps(torch.randperm(len(x))[:order.numel()].view_as(order))

    return Work(once, finish=lambda loss: loss.item(), first=lambda: steps(order[:CHECKED]))


def predict(case, x):
    net = network(case).eval()
    run = torch.compile(net) if case.how == "compile" else net

    def once():
        with torch.inference_mode():
            return run(x)

    return Work(once, finish=lambda result: float(result.sum()))


def make(case):
    x, y = torch.from_numpy(case.x), torch.from_numpy(case.y)
    if case.kind == "step":
        run = step(case)
        return Work(lambda: run(x, y), finish=lambda loss: loss.item())
    if case.kind == "epoch":
        return epoch(case, x, y)
    if case.kind == "predict":
        return predict(case, x)
    if case.how == "compile":
        return None
    if case.kind == "add":
        x.requires_grad_()
        return Work(lambda: x + y, finish=lambda result: result.sum().item())
    return Work(lambda: torch.dot(x, y))


serve(make, "PyTorch " + torch.__version__ + (" (Debian)" if "/usr/lib" in torch.__file__ else ""))
