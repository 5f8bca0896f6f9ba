#!/usr/bin/python3
"""Golden values for examples/check_gradients.c: the numbers of its networks in NumPy, as lines "name value".

  make_check_gradients.py           writes check_gradients.txt beside this file
  make_check_gradients.py --check   compares it with what the NumPy installed gives
"""
import pathlib
import sys

import numpy as np

GOLDEN = pathlib.Path(__file__).with_name("check_gradients.txt")


def softmax(y):
    e = np.exp(y - y.max())
    return e / e.sum()


X = np.arange(10.0)
LABEL = np.array([0.0, 0.0, 1.0])


def one_layer(w):
    """loss = -log softmax(W x)[2], and its gradient (p - label) x'."""
    p = softmax(w @ X)
    yield "loss of one layer", -np.log(p[2])
    yield "largest dW", np.abs(np.outer(p - LABEL, X)).max()


def two_layers(w1, w2):
    """Sigmoid between two matrices, log-softmax and cross-entropy, differentiated by hand."""
    z1 = 1 / (1 + np.exp(-(w1 @ X)))
    p = softmax(w2 @ z1)
    yield "loss of two layers", -np.log(p[2])
    dh2 = p - LABEL
    dh1 = dh2 @ w2 * z1 * (1 - z1)
    yield "largest dW1", np.abs(np.outer(dh1, X)).max()
    yield "largest dW2", np.abs(np.outer(dh2, z1)).max()


def main():
    rs = np.random.RandomState(3)
    w, w1, w2 = rs.randn(3, 10), rs.randn(20, 10), rs.randn(3, 20)
    values = [*one_layer(w), *two_layers(w1, w2)]
    if sys.argv[1:] != ["--check"]:
        GOLDEN.write_text("".join(f"{name} {value:.14g}\n" for name, value in values))
        return
    lines = GOLDEN.read_text().splitlines()
    assert len(lines) == len(values)
    for line, (name, value) in zip(lines, values):
        kept_name, kept = line.rsplit(" ", 1)
        assert kept_name == name and abs(float(kept) - value) <= 1e-13 * abs(value), (line, name, value)


if __name__ == "__main__":
    main()
