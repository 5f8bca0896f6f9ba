"""JAX: HOW is jit, each step a call with donated buffers, or scan, ten steps (or a whole epoch) in a compiled loop."""
import math
from functools import partial

import jax
import jax.numpy as jnp
from server import BETA1, BETA2, CHECKED, EPS, RATE, Work, serve

TEN = 10


def forward(case, layers, x):
    for i, (weight, bias) in enumerate(layers):
        if i:
            x = jax.nn.sigmoid(x) if case.binary else jax.nn.relu(x)
        x = x @ weight + bias
    return x


def loss_of(case, layers, x, y):
    out = forward(case, layers, x)
    if case.binary:
        return jnp.mean(jnp.maximum(out, 0) - out * y + jnp.log1p(jnp.exp(-jnp.abs(out))))
    right = jnp.take_along_axis(out, y[:, None], axis=1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(out, axis=1) - right)


def start(case):
    layers = [(jnp.asarray(weight.T), jnp.asarray(bias)) for weight, bias in case.layers]
    if case.optimizer != "adam":
        return layers
    zeros = partial(jax.tree.map, jnp.zeros_like)
    return layers, zeros(layers), zeros(layers), jnp.zeros((), jnp.float32)


def step(case, state, x, y):
    layers = state if case.optimizer == "sgd" else state[0]
    loss, slope = jax.value_and_grad(partial(loss_of, case))(layers, x, y)
    rate = RATE[case.optimizer]
    if case.optimizer == "sgd":
        return jax.tree.map(lambda w, g: w - rate * g, layers, slope), loss
    _, m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, slope)
    v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, slope)
    size, root = (-jnp.expm1(t * math.log(beta)) for beta in (BETA1, BETA2))  # 1 - beta^t
    size, root = rate / size, jnp.sqrt(root)
    layers = jax.tree.map(lambda w, m, v: w - size * m / (jnp.sqrt(v) / root + EPS), layers, m, v)
    return (layers, m, v, t), loss


class Steps:
    """Calls of a compiled function that takes the state and gives the next one and losses."""

    def __init__(self, case, function):
        self.state, self.run = start(case), jax.jit(function, donate_argnums=0)

    def __call__(self, *data):
        self.state, loss = self.run(self.state, *data)
        return loss


def last(loss):
    return float(loss.ravel()[-1])


def steps(case, x, y):
    if case.how == "jit":
        run = Steps(case, partial(step, case))
        return Work(lambda: run(x, y), finish=last)
    run = Steps(case, lambda state, x, y: jax.lax.scan(lambda s, _: step(case, s, x, y), state, length=TEN))
    return Work(lambda: run(x, y), TEN, finish=last)


def epoch(case, x, y):
    def batch(state, x, y, rows):
        return step(case, state, x[rows], y[rows])

    def loop(state, x, y, order):
        return jax.lax.scan(lambda s, rows: batch(s, x, y, rows), state, order)

    @jax.jit
    def shuffled(key):
        return jax.random.permutation(key, len(x))[:case.order.size].reshape(case.order.shape)

    run = Steps(case, batch if case.how == "jit" else loop)
    keys = iter(jax.random.split(jax.random.key(1), 1000))

    def each(order):
        if case.how == "scan":
            return run(x, y, order)
        for rows in order:
            loss = run(x, y, rows)
        return loss

    order = jnp.asarray(case.order[:CHECKED])
    return Work(lambda: each(shuffled(next(keys))), finish=last, first=lambda: each(order))


def make(case):
    x, y = jnp.asarray(case.x), jnp.asarray(case.y)
    if case.kind == "step":
        return steps(case, x, y)
    if case.kind == "epoch":
        return epoch(case, x, y)
    if case.how == "scan" or case.kind == "add":  # nothing is recorded in JAX
        return None
    if case.kind == "predict":
        layers = start(case)
        run = jax.jit(partial(forward, case))
        return Work(lambda: run(layers, x).block_until_ready(), finish=lambda result: float(result.sum()))
    run = jax.jit(jnp.dot)
    return Work(lambda: run(x, y).block_until_ready())


serve(make, "JAX " + jax.__version__)
