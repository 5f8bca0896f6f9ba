"""What all peers share: PEER.py HOW FILE KIND SIZES [BATCH OPTIMIZER] does the work that taper.c beside this file does,
from the weights and data that it saved in FILE, and answers the same lines. A peer makes a Work; HOW names the way."""
import resource
import sys
import time

import numpy

CHECKED = 20  # steps
RATE = {"sgd": 1e-2, "adam": 1e-3}
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


class Case:
    def __init__(self, how, file, kind, sizes, batch="0", optimizer=""):
        saved = dict(numpy.load(file))
        self.how, self.kind, self.batch, self.optimizer = how, kind, int(batch), optimizer
        self.sizes = [int(size) for size in sizes.split("-")]
        self.binary = self.sizes[-1] == 1  # sigmoid and binary cross-entropy from logits; else ReLU and cross-entropy
        self.x, self.y = saved.pop("x"), saved.pop("y")
        if kind == "epoch":  # as floats, which is the fastest for all of them
            self.x = self.x.astype(numpy.float32) / 255
            order = saved.pop("order").astype(numpy.int64).ravel()
            self.order = order[:len(order) // self.batch * self.batch].reshape(-1, self.batch)
        self.layers = [(saved[f"{2 * i}.weight"], saved[f"{2 * i}.bias"]) for i in range(len(self.sizes) - 1)]


class Work:
    """once(): a piece of work, perhaps only begun, that is `pieces` steps; its result. finish(result): when that is there,
    as a float. first(): what the check wants where it is not the last result of `once`."""

    def __init__(self, once, pieces=1, finish=float, first=None):
        self.once, self.pieces, self.finish, self.first = once, pieces, finish, first

    def check(self):
        if self.first:
            return self.finish(self.first())
        for _ in range(CHECKED // self.pieces):
            result = self.once()
        return self.finish(result)

    def microseconds(self, seconds):
        done, start = 0, time.perf_counter()
        while True:
            for _ in range(done or 1):
                result = self.once()
                done += 1
            self.finish(result)
            spent = time.perf_counter() - start
            if spent >= seconds:
                return 1e6 * spent / (done * self.pieces)


def serve(make, version):
    """Nothing is answered where the peer has no such work."""
    work = make(Case(*sys.argv[1:]))
    for line in sys.stdin if work else []:
        line = line.strip()
        if line == "version":
            print(version, flush=True)
        elif line == "check":
            print(work.check(), flush=True)
        elif line == "memory":
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
        else:
            print(work.microseconds(float(line)), flush=True)
