#!/usr/bin/python3
"""The numbers of examples/layer_list.c: a net Linear(30,2) + softmax in NumPy that compares labels of shape [n,1]
with predictions of shape [n,2] and scales all features by one mean and deviation, and so does not learn.

  make_layer_list.py           writes examples/layer_list.h
  make_layer_list.py --check   compares that file with the NumPy installed
"""
import csv
import pathlib
import re
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "examples/layer_list.h"
SEED, BATCH, EPOCHS, RATE = 9, 50, 20, 0.1


def load():
    with open(ROOT / "data/breast_cancer/breast_cancer.csv", newline="") as f:
        rows = list(csv.reader(f))[1:]
    x = np.array([[float(v) for v in row[:-1]] for row in rows])
    return x, np.array([[float(row[-1] == "benign")] for row in rows])


def batches(x, y):
    for at in range(0, len(x) - BATCH + 1, BATCH):
        yield x[at:at + BATCH], y[at:at + BATCH]


def losses(y, p):
    """Both columns of p are compared with the one of y."""
    return np.where(y == 1, -np.log(p.clip(1e-8, 1 - 1e-8)), 0).sum(axis=1)


class Net:
    def __init__(self, stream):
        k = 1 / np.sqrt(30)
        self.w, self.b = stream.uniform(-k, k, (30, 2)), np.zeros(2)
        self.dw = self.db = 0

    def predict(self, x):
        e = np.exp(x @ self.w + self.b)
        return e / e.sum(axis=1, keepdims=True)

    def differentiate(self, x, y):
        p = self.predict(x)
        g = np.where(y == 1, -1 / p.clip(1e-8, 1 - 1e-8), 0)
        g = p * (g - (g * p).sum(axis=1, keepdims=True))
        self.dw, self.db = x.T @ g / len(x), g.mean(axis=0)
        return losses(y, p)

    def step(self):
        self.w = self.w - RATE * self.dw
        self.b = self.b - RATE * self.db


def run():
    """Loss in training, loss and accuracy in validation, of every epoch."""
    x, y = load()
    order = np.random.RandomState(SEED).permutation(len(x))
    held_out = -(-len(x) // 5)
    val, train = order[:held_out], order[held_out:]
    mean, deviation = x[train].mean(), x[train].std()
    x = (x - mean) / deviation
    stream = np.random.RandomState(SEED)
    net = Net(stream)
    for _ in range(EPOCHS):
        train = train[stream.permutation(len(train))]
        loss = []
        for bx, by in batches(x[train], y[train]):
            loss.append(net.differentiate(bx, by).mean())
            net.step()
        net.step()  # once more, with the last gradient
        parts = [(losses(by, net.predict(bx)).mean(), (net.predict(bx).argmax(axis=1) == by).mean())
                 for bx, by in batches(x[val], y[val])]
        yield np.mean(loss), *np.mean(parts, axis=0)


def main():
    rows = list(run())
    assert "%.3f %.3f %.3f" % rows[0] == "0.863 0.874 0.507" and "%.3f %.3f %.3f" % rows[-1] == "0.866 0.873 0.466"
    text = ("/* layer_list.h - made by tests/golden/make_layer_list.py: loss, validation loss, accuracy of each epoch. */\n"
            "static const double by_numpy[][3] = {\n"
            + "".join("    {%.14g, %.14g, %.14g},\n" % row for row in rows) + "};\n")
    if "--check" not in sys.argv:
        FILE.write_text(text)
        return
    kept = [[float(v) for v in row.split(",")] for row in re.findall(r"\{([-.\d, ]+)\}", FILE.read_text())]
    if not np.allclose(kept, rows, rtol=1e-12, atol=0):
        sys.exit(f"{FILE} is not what NumPy gives")
    print(f"{len(rows)} epochs agree")


main()
