#!/usr/bin/python3
"""check_data.py - data sets, CSV files, splits and scaling, compared with scikit-learn, NumPy and Python's csv."""
import csv
import ctypes as ct
import gzip
import pathlib
import random
import struct
import sys
import tempfile

import numpy as np
from sklearn import datasets, model_selection, preprocessing

import taper

LIBRARY = taper.LIBRARY
TEXT = taper.header("data.h")
for kind in ("tp_target_kind", "tp_header", "tp_missing", "tp_scaling"):
    taper.PLAIN[kind] = ct.c_int
taper.PLAIN["char"] = ct.c_char
DatasetOptions, SplitOptions = (taper.struct(name, TEXT) for name in ("tp_dataset_options", "tp_split_options"))
CLASSES, NUMBERS, NONE = 1, 2, 3
F64 = taper.DTYPES.index("f64")
POINTERS = ("tp_dataset_open_with", "tp_dataset_new", "tp_dataset_x", "tp_dataset_y", "tp_dataset_mean",
            "tp_dataset_deviation", "tp_from_array", "tp_open")
NAMES = ("tp_dataset_class_name", "tp_dataset_feature_name", "tp_dataset_category", "tp_error_text")
for name in POINTERS:
    getattr(LIBRARY, name).restype = ct.c_void_p
for name in NAMES:
    getattr(LIBRARY, name).restype = ct.c_char_p
LIBRARY.tp_dataset_size.restype = ct.c_int64

CONTEXT = ct.c_void_p(LIBRARY.tp_open(None))
differences, checks = [], 0


def expect(what, good):
    global checks
    checks += 1
    if not good:
        differences.append(what)


def fail_if(nil):
    if not LIBRARY.tp_ok(CONTEXT):
        text = LIBRARY.tp_error_text(CONTEXT).decode()
        LIBRARY.tp_clear(CONTEXT)
        raise taper.TaperError(text)
    return ct.c_void_p(nil)


def array(pointer):
    """The elements of a tensor, as f64."""
    t = fail_if(pointer)
    shape = LIBRARY.tp_shape_of(t)
    out = np.zeros(list(shape.v[:shape.n]))
    LIBRARY.tp_read_doubles(t, out.ctypes.data, out.size)
    fail_if(None)
    return out


def opened(name, **options):
    given = DatasetOptions(struct_size=ct.sizeof(DatasetOptions), **options)
    return fail_if(LIBRARY.tp_dataset_open_with(CONTEXT, str(name).encode(), ct.byref(given)))


def x_of(d):
    return array(LIBRARY.tp_dataset_x(d, F64))


def y_of(d):
    return array(LIBRARY.tp_dataset_y(d, F64))


def texts(function, *arguments):
    found = []
    while (text := function(*arguments, len(found))) is not None:
        found.append(text.decode())
    return found


def check_sets():
    """The sets that are shipped have the values, names and order of scikit-learn's."""
    for name in ("breast_cancer", "digits", "iris", "wine"):
        d, theirs = opened(name), getattr(datasets, "load_" + name)()
        expect(name + ": values", np.array_equal(x_of(d), theirs.data))
        classes = texts(LIBRARY.tp_dataset_class_name, d)
        targets = [str(theirs.target_names[i]) for i in theirs.target]
        expect(name + ": targets", [classes[int(i)] for i in y_of(d)] == targets)
        if name != "digits":
            expect(name + ": names", texts(LIBRARY.tp_dataset_feature_name, d) == list(theirs.feature_names))


def check_numbers(folder):
    """Numbers are rounded as Python does, in whatever form they are written."""
    draw = random.Random(1)
    forms = ["%r", "%.17g", "%.20f", "%.3e", "%+.10E", "%g"]
    values = [draw.uniform(-1, 1) * 10.0 ** draw.randint(-300, 300) for _ in range(5000)] + [5e-324, 1.7976931348623157e308]
    written = [forms[i % 6 if i < 5000 else 0] % v for i, v in enumerate(values)]
    (folder / "numbers.csv").write_text("".join("%s\n" % text for text in written))
    got = x_of(opened(folder / "numbers.csv", kind=NONE))[:, 0]
    expect("numbers", np.array_equal(got, [float(text) for text in written]))


def check_quoting(folder):
    """What Python's csv writes is read as it was."""
    draw = random.Random(2)
    for case in range(40):
        separator = draw.choice(",;\t|")
        value = lambda: "x" + "".join(draw.choice("ab\"',;|\t\n\r é") for _ in range(draw.randint(0, 6))) + "y"
        rows = [[value(), value(), value()] for _ in range(draw.randint(1, 30))]
        with open(folder / "quoted.csv", "w", newline="", encoding="utf-8") as f:
            end, quoting = draw.choice([("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL)])
            writer = csv.writer(f, delimiter=separator, lineterminator=end, quoting=quoting)
            writer.writerow(["a", "b", "k"])
            writer.writerows(rows)
        d = opened(folder / "quoted.csv", separator=separator.encode())
        x, y = x_of(d), y_of(d)
        names = [texts(LIBRARY.tp_dataset_category, d, i) for i in (0, 1)] + [texts(LIBRARY.tp_dataset_class_name, d)]
        got = [[names[0][int(p)], names[1][int(q)], names[2][int(k)]] for (p, q), k in zip(x, y)]
        expect("quoting %d" % case, got == rows)
        expect("sorted %d" % case, all(n == sorted(n, key=lambda t: t.encode()) for n in names))


def check_split(d, n):
    y = y_of(d)
    for seed in range(20):
        for fraction in (0.1, 0.2, 0.25, 0.5, 0.77):
            first, second = ct.c_void_p(), ct.c_void_p()
            options = SplitOptions(struct_size=ct.sizeof(SplitOptions), seed=seed)
            LIBRARY.tp_dataset_split_with(d, ct.c_double(fraction), ct.byref(first), ct.byref(second), ct.byref(options))
            fail_if(None)
            train, test = model_selection.train_test_split(np.arange(n), test_size=fraction, random_state=seed)
            expect("split %d %g" % (seed, fraction),
                   np.array_equal(y_of(first), y[train]) and np.array_equal(y_of(second), y[test]))


def check_scaling():
    scale = {"feature": 4, "global": 3}
    draw = np.random.RandomState(3)
    for name in ("breast_cancer", "digits", "iris", "wine"):
        d, data = opened(name), getattr(datasets, "load_" + name)().data
        for kind, number in scale.items():
            expect("%s %s" % (name, kind), LIBRARY.tp_dataset_scale(d, number) == 0)
            theirs = preprocessing.StandardScaler().fit(data if kind == "feature" else data.reshape(-1, 1))
            expect("%s %s: mean" % (name, kind), np.allclose(array(LIBRARY.tp_dataset_mean(d)).ravel(), theirs.mean_, 1e-13, 0))
            expect("%s %s: deviation" % (name, kind), np.allclose(array(LIBRARY.tp_dataset_deviation(d)).ravel(), theirs.scale_, 1e-13, 0))
            scaled = theirs.transform(data if kind == "feature" else data.reshape(-1, 1)).reshape(data.shape)
            expect("%s %s: values" % (name, kind), np.allclose(x_of(d), scaled, 1e-11, 1e-12))
    for offset in (0, 1e3, 1e8):  # where one pass would lose digits
        data = draw.randn(500, 3) + offset
        t = LIBRARY.tp_from_array(CONTEXT, taper.ints(data.shape), F64, data.ctypes.data)
        d = fail_if(LIBRARY.tp_dataset_new(CONTEXT, fail_if(t), None))
        LIBRARY.tp_dataset_scale(d, scale["feature"])
        expect("offset %g" % offset, np.allclose(array(LIBRARY.tp_dataset_deviation(d)), data.std(0), 1e-9, 0))


def check_idx(folder):
    draw = np.random.RandomState(4)
    images = {"train": draw.randint(0, 256, (50, 5, 7)).astype(np.uint8), "t10k": draw.randint(0, 256, (20, 5, 7)).astype(np.uint8)}
    for prefix, values in images.items():
        n = len(values)
        with gzip.open(folder / (prefix + "-images-idx3-ubyte.gz"), "wb") as f:
            f.write(struct.pack(">4B3I", 0, 0, 8, 3, n, 5, 7) + values.tobytes())
        with gzip.open(folder / (prefix + "-labels-idx1-ubyte.gz"), "wb") as f:
            f.write(struct.pack(">4BI", 0, 0, 8, 1, n) + bytes(i % 10 for i in range(n)))
    d = opened("mnist:%s" % folder)
    both = np.concatenate(list(images.values()))
    expect("idx: values", np.array_equal(x_of(d), both))
    expect("idx: labels", np.array_equal(y_of(d), [i % 10 for n in (50, 20) for i in range(n)]))
    LIBRARY.tp_dataset_scale(d, 0)
    expect("idx: mean", np.allclose(array(LIBRARY.tp_dataset_mean(d)), both.mean(), 1e-14, 0))
    unit = both / 255  # scaled as the mean and deviation of values divided by 255 say
    expect("idx: scaled", np.allclose(x_of(d), (unit - unit.mean()) / unit.std(), 1e-12, 1e-12))


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_sets()
        check_numbers(folder)
        check_quoting(folder)
        check_idx(folder)
        (folder / "split.csv").write_text("".join("%d,%d.5\n" % (i, i) for i in range(97)))
        check_split(opened(folder / "split.csv"), 97)
        check_scaling()
    for text in differences[:50]:
        print("DIFFERENT " + text)
    print("%d checks, %d differences" % (checks, len(differences)))
    return bool(differences) or checks < 200


if __name__ == "__main__":
    sys.exit(main())
