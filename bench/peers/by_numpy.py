"""NumPy, gradients by hand; HOW is hand."""
import numpy as np
from server import BETA1, BETA2, CHECKED, EPS, RATE, Work, serve


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Net:
    def __init__(self, case):
        self.case, self.t = case, 0
        self.layers = [(np.ascontiguousarray(weight.T), bias) for weight, bias in case.layers]
        self.m, self.v = ([[np.zeros_like(w) for w in layer] for layer in self.layers] for _ in range(2))

    def forward(self, x):
        """What goes into each layer, and the output."""
        inputs = []
        for i, (weight, bias) in enumerate(self.layers):
            if i:
                x = sigmoid(x) if self.case.binary else np.maximum(x, 0)
            inputs.append(x)
            x = x @ weight + bias
        return inputs, x

    def loss(self, out, y):
        """And its gradient with respect to `out`."""
        if self.case.binary:
            loss = np.mean(np.maximum(out, 0) - out * y + np.log1p(np.exp(-np.abs(out))))
            return loss, (sigmoid(out) - y) / np.float32(len(out))
        out = out - out.max(axis=1, keepdims=True)
        e = np.exp(out)
        total = e.sum(axis=1, keepdims=True)
        rows = np.arange(len(out))
        slope = e / total
        slope[rows, y] -= 1
        return np.mean(np.log(total[:, 0]) - out[rows, y]), slope / np.float32(len(out))

    def update(self, i, slopes):
        rate, steps = np.float32(RATE[self.case.optimizer]), self.t
        for k, (w, g) in enumerate(zip(self.layers[i], slopes)):
            if self.case.optimizer == "sgd":
                w -= rate * g
                continue
            m, v = self.m[i][k], self.v[i][k]
            m += np.float32(1 - BETA1) * (g - m)
            v += np.float32(1 - BETA2) * (g * g - v)
            w -= rate / np.float32(1 - BETA1 ** steps) * m / (np.sqrt(v / np.float32(1 - BETA2 ** steps)) + np.float32(EPS))

    def step(self, x, y):
        self.t += 1
        inputs, out = self.forward(x)
        loss, slope = self.loss(out, y)
        for i in reversed(range(len(inputs))):
            x, weight = inputs[i], self.layers[i][0]
            slopes = x.T @ slope, slope.sum(axis=0)
            if i:
                slope = slope @ weight.T * (x * (1 - x) if self.case.binary else x > 0)
            self.update(i, slopes)
        return loss


def make(case):
    x, y, net = case.x, case.y, Net(case)
    if case.kind == "step":
        return Work(lambda: net.step(x, y))
    if case.kind == "epoch":
        def steps(order):
            for rows in order:
                loss = net.step(x[rows], y[rows])
            return loss

        size = case.order.size
        return Work(lambda: steps(np.random.permutation(len(x))[:size].reshape(case.order.shape)),
                    first=lambda: steps(case.order[:CHECKED]))
    if case.kind == "predict":
        return Work(lambda: net.forward(x)[1], finish=lambda result: float(result.sum()))
    return Work(lambda: np.dot(x, y)) if case.kind == "dot" else None


serve(make, "NumPy " + np.__version__)
