#!/usr/bin/python3
"""Golden values for tests/train: what scikit-learn's metrics give, to the last bit, as lines
LABELS(name, values), NUMBERS(name, shape, values), EXACT(call, shape, values) and SCORE(call, value).

  make_metrics.py           writes metrics.def beside this file
  make_metrics.py --check   compares it with the scikit-learn installed
"""
import pathlib
import sys
import warnings

import numpy as np
import sklearn
from sklearn import metrics

warnings.simplefilter("ignore")  # undefined scores, which are 0
random = np.random.RandomState(0)


def labels(n, classes, right):
    """Targets, and predictions of which about that part is right."""
    target = random.randint(0, classes, n)
    return target, np.where(random.rand(n) < right, target, random.randint(0, classes, n))


def numbers(*shape):
    """Uniform, and short enough to be written exactly."""
    return np.round(random.uniform(-3, 3, shape) * 1024) / 1024


# name: (targets, predictions, classes); "absent" has classes that do not occur, "once" one that is never predicted
CLASSES = {
    "few": (*labels(12, 3, 0.6), 3),
    "binary": (*labels(17, 2, 0.8), 2),
    "many": (*labels(60, 11, 0.5), 11),
    "absent": (np.array([0, 2, 2, 5, 0]), np.array([2, 2, 5, 0, 0]), 7),
    "once": (np.array([0, 0, 1, 2]), np.array([0, 0, 0, 0]), 3),
    "wrong": (np.array([0, 0, 1]), np.array([1, 1, 0]), 2),
    "single": (np.array([1]), np.array([1]), 2),
}

NUMBERS = {
    "short_": (numbers(5), numbers(5)),
    "vector": (numbers(37), numbers(37)),
    "long_": (numbers(300), numbers(300)),
    "columns": (numbers(19, 3), numbers(19, 3)),
    "one_column": (numbers(11, 1), numbers(11, 1)),
    "one_row": (numbers(1, 3), numbers(1, 3)),
    "constant": (np.full(4, 2.5), np.array([2.5, 2.5, 3.0, 2.5])),
    "hit": (np.full(4, 2.5), np.full(4, 2.5)),
    "mixed": (np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 5.0]]), np.array([[1.0, 2.0], [1.0, 3.5], [1.0, 4.0]])),
    "one": (np.array([1.5]), np.array([1.0])),
}

ERRORS = {
    "tp_mean_absolute_error": metrics.mean_absolute_error,
    "tp_mean_squared_error": metrics.mean_squared_error,
    "tp_root_mean_squared_error": lambda target, predicted: metrics.mean_squared_error(target, predicted, squared=False),
    "tp_r2_score": metrics.r2_score,
}


def value(x):
    return "NAN" if np.isnan(x) else repr(float(x))


def values(array):
    return ", ".join(value(x) for x in np.asarray(array).ravel())


def shape(array):
    return "TP_SHAPE(" + ", ".join(str(size) for size in array.shape) + ")"


def class_lines():
    for name, (target, predicted, classes) in CLASSES.items():
        yield f"LABELS({name}_t, {values(target)})\n"
        yield f"LABELS({name}_p, {values(predicted)})\n"
        confusion = metrics.confusion_matrix(target, predicted, labels=range(classes))
        yield f"tp_tensor *{name} = tp_confusion_matrix({name}_t, {name}_p, {classes});\n"
        yield f"EXACT({name}, {shape(confusion)}, {values(confusion)})\n"
        scores = np.array(metrics.precision_recall_fscore_support(target, predicted, labels=range(classes))).T
        yield f"EXACT(tp_class_scores({name}), {shape(scores)}, {values(scores)})\n"
        yield f"SCORE(tp_accuracy({name}), {value(metrics.accuracy_score(target, predicted))})\n"
        for average in ("macro", "micro", "weighted"):
            for score in ("precision", "recall", "f1"):
                got = getattr(metrics, score + "_score")(target, predicted, average=average)
                yield f"SCORE(tp_{score}({name}, TP_{average.upper()}), {value(got)})\n"


def number_lines():
    for name, (target, predicted) in NUMBERS.items():
        yield f"NUMBERS({name}_t, {shape(target)}, {values(target)})\n"
        yield f"NUMBERS({name}_p, {shape(predicted)}, {values(predicted)})\n"
        for function, score in ERRORS.items():
            yield f"SCORE({function}({name}_t, {name}_p), {value(score(target, predicted))})\n"


def main():
    path = pathlib.Path(__file__).parent / "metrics.def"
    text = "/* metrics.def - made by make_metrics.py */\n" + "".join([*class_lines(), *number_lines()])
    if "--check" not in sys.argv:
        path.write_text(text)
    elif path.read_text() != text:
        sys.exit(f"{path} differs from scikit-learn {sklearn.__version__}")


if __name__ == "__main__":
    main()
