#!/usr/bin/python3
"""check_tables.py - IDX and CSV files written by Taper, read by Python's struct, gzip, csv and NumPy; and the way back."""
import csv
import ctypes as ct
import gzip
import os
import struct
import sys
import tempfile

import numpy

import taper
from taper import LIBRARY

IDX = {"u8": (8, ">u1"), "i8": (9, ">i1"), "i16": (11, ">i2"), "i32": (12, ">i4"), "f32": (13, ">f4"), "f64": (14, ">f8")}
NUMPY = {"bool": "?", "u8": "u1", "i8": "i1", "u16": "u2", "i16": "i2", "u32": "u4", "i32": "i4", "u64": "u8",
         "i64": "i8", "f16": "f2", "f32": "f4", "f64": "f8"}
SHAPES = [(), (1,), (7,), (0,), (3, 0, 2), (2, 3), (2, 1, 3, 2), (1, 2, 1, 2, 1, 2, 1, 2)]
CsvOptions = taper.struct("tp_csv_save_options", taper.header("io.h"))
checks = failures = 0


def expect(condition, what):
    global checks, failures
    checks += 1
    if not condition:
        failures += 1
        print("DIFFERENT " + what)


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def bits(rng, name, shape):
    dtype = numpy.dtype(NUMPY[name])
    count = int(numpy.prod(shape))
    data = rng.randint(0, 2 if name == "bool" else 256, count * dtype.itemsize, dtype=numpy.uint8).tobytes()
    return numpy.frombuffer(data, dtype).reshape(shape)


def check_idx(c, path):
    rng = numpy.random.RandomState(1)
    for name, (code, dtype) in IDX.items():
        for shape in SHAPES:
            array = bits(rng, name, shape)
            wanted = struct.pack(">4B%dI" % len(shape), 0, 0, code, len(shape), *shape) + array.astype(dtype).tobytes()
            for opener, end in ((open, ""), (gzip.open, ".gz")):
                label = "%s %s%s" % (name, shape, end)
                c.call("tp_idx_save", c.raw(shape, name, array.tobytes()), (path + end).encode())
                with opener(path + end, "rb") as f:
                    expect(f.read() == wanted, "written by Taper: " + label)
                with opener(path + end, "wb") as f:
                    f.write(wanted)
                t = c.call("tp_idx_read_with", c.pointer, (path + end).encode(), None)
                expect((t.dtype, tuple(t.shape), t.bytes()) == (name, shape, array.tobytes()), "from Python: " + label)


def check_csv(c, path):
    rng = numpy.random.RandomState(2)
    for name, code in NUMPY.items():
        for shape in ((1,), (500,), (40, 7)):
            array = bits(rng, name, shape)
            if array.dtype.kind == "f":
                array = numpy.nan_to_num(array)  # a NaN's bits are not in the text
            c.call("tp_csv_save_with", c.raw(shape, name, array.tobytes()), path.encode(), None)
            with open(path, newline="") as f:
                head, *rows = csv.reader(f)
            expect(head == ["x%d" % i for i in range(shape[1] if len(shape) > 1 else 1)], "names: " + name)
            value = float if array.dtype.kind == "f" else int
            got = numpy.array([[value(text) for text in row] for row in rows], code).reshape(shape)
            expect(same(got, array), "CSV: %s %s" % (name, shape))
    names = ["a", "b c", "d,e", "f\"g\"", "h\ni", "ä;", " j"]
    options = CsvOptions(names=ct.cast((ct.c_char_p * 7)(*[n.encode() for n in names]), ct.c_void_p))
    c.call("tp_csv_save_with", c.raw((1, 7), "u8", bytes(7)), path.encode(), ct.byref(options))
    with open(path, newline="", encoding="utf-8") as f:
        expect(list(csv.reader(f)) == [names, ["0"] * 7], "names that need quotes")


def check_sets(c, path):
    """A data set written again has the rows of the file it was read from."""
    data = taper.INCLUDE.parents[1] / "data"
    for name in ("breast_cancer", "iris", "wine", "digits"):
        d = LIBRARY.tp_dataset_open_with(c.pointer, name.encode(), None)
        c.check()
        c.call("tp_dataset_save", ct.c_void_p(d), path.encode())
        with open(path, newline="") as f, open(data / name / (name + ".csv"), newline="") as g:
            ours, theirs = list(csv.reader(f)), list(csv.reader(g))

        def value(text):
            try:
                return float(text)
            except ValueError:
                return text

        first = 1 if ours[0][:-1] == theirs[0][:-1] else 0
        rows = [[[value(text) for text in row] for row in table] for table in (ours[1:], theirs[first:])]
        expect(rows[0] == rows[1], "rows of " + name)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for check in (check_idx, check_csv, check_sets):
            c = taper.Context()
            check(c, os.path.join(folder, check.__name__))
            c.check()
    print("Python %s: %d checks, %d differences" % (sys.version.split()[0], checks, failures))
    return failures or checks < 200


if __name__ == "__main__":
    sys.exit(bool(main()))
