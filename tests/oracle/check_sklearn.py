#!/usr/bin/python3
"""check_sklearn.py - metrics of random predictions of many sizes, compared with scikit-learn's to the last bit."""
import ctypes as ct
import sys
import warnings

import numpy as np
import torch
from sklearn import metrics

import taper

warnings.simplefilter("ignore")  # undefined scores, which are 0
random = np.random.RandomState(1)
AVERAGES = ("macro", "micro", "weighted")
ERRORS = {
    "mean_absolute_error": metrics.mean_absolute_error,
    "mean_squared_error": metrics.mean_squared_error,
    "root_mean_squared_error": lambda t, p: metrics.mean_squared_error(t, p, squared=False),
    "r2_score": metrics.r2_score,
}
differences = []


def call(name, *arguments, result=ct.c_double):
    function = getattr(taper.LIBRARY, "tp_" + name)
    function.restype = result
    function.argtypes = [ct.c_int64 if isinstance(a, int) else ct.c_void_p for a in arguments]
    return function(*arguments)


def compare(what, got, wanted):
    if not np.array_equal(got, wanted, equal_nan=True):
        differences.append("%s: %r, scikit-learn %r" % (what, got, wanted))


def check_classes(context, n, classes, right):
    target = random.randint(0, classes, n)
    predicted = np.where(random.rand(n) < right, target, random.randint(0, classes, n))
    what = "%d samples of %d classes: " % (n, classes)
    t, p = (context.tensor(torch.from_numpy(a)) for a in (target, predicted))
    confusion = taper.Tensor(context, call("confusion_matrix", t, p, classes, result=ct.c_void_p))
    compare(what + "confusion", confusion.torch().numpy(), metrics.confusion_matrix(target, predicted, labels=range(classes)))
    compare(what + "accuracy", call("accuracy", confusion), metrics.accuracy_score(target, predicted))
    for score in ("precision", "recall", "f1"):
        for i, average in enumerate(AVERAGES):
            compare(what + average + " " + score, call(score, confusion, i),
                    getattr(metrics, score + "_score")(target, predicted, average=average))


def check_numbers(context, shape):
    target = random.standard_normal(shape) * 10 ** random.uniform(-3, 3)
    predicted = target + random.standard_normal(shape)
    t, p = (context.tensor(torch.from_numpy(a)) for a in (target, predicted))
    for name, score in ERRORS.items():
        compare("%s of %s" % (name, shape), call(name, t, p), score(target, predicted))


def main():
    context = taper.Context()
    for n in (1, 2, 7, 100, 1000, 30000):
        for classes in (2, 3, 10, 150, 1000):
            for right in (0.0, 0.5, 0.95, 1.0):
                mark = context.open()
                check_classes(context, n, classes, right)
                context.close(mark)
    for n in (1, 2, 7, 8, 9, 127, 128, 129, 136, 1000, 4097, 20000):
        for shape in ((n,), (n, 1), (n, 2), (n, 9), (n, 40)):
            mark = context.open()
            check_numbers(context, shape)
            context.close(mark)
    print("\n".join(differences[:50] or ["metrics are scikit-learn's"]))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
