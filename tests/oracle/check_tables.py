#!/usr/bin/python3
"""check_tables.py - IDX and CSV files written by Taper, read by Python's struct, gzip, csv and NumPy; and the way back."""
import csv
import ctypes as ct
import gzip
import struct
import sys

import numpy

import taper
from files import arrays, expect, is_read, run, same
from taper import LIBRARY

IDX = {"u8": (8, ">u1"), "i8": (9, ">i1"), "i16": (11, ">i2"), "i32": (12, ">i4"), "f32": (13, ">f4"), "f64": (14, ">f8")}
CsvOptions = taper.struct("tp_csv_save_options", taper.header("io.h"))


def check_idx(c, path):
    for label, name, array in arrays(IDX):
        code, dtype = IDX[name]
        head = struct.pack(">4B%dI" % array.ndim, 0, 0, code, array.ndim, *array.shape)
        wanted = head + array.astype(dtype).tobytes()
        for opener, end in ((open, ""), (gzip.open, ".gz")):
            c.call("tp_idx_save", c.raw(array.shape, name, array.tobytes()), (path + end).encode())
            with opener(path + end, "rb") as f:
                expect(f.read() == wanted, "written by Taper: " + label + end)
            with opener(path + end, "wb") as f:
                f.write(wanted)
            t = c.call("tp_idx_read_with", c.pointer, (path + end).encode(), None)
            expect(is_read(t, name, array), "from Python: " + label + end)


def check_csv(c, path):
    for label, name, array in arrays(shapes=((1,), (500,), (40, 7))):
        real = array.dtype.kind == "f"
        if real:
            array = numpy.nan_to_num(array)  # a NaN's bits are not in the text
        c.call("tp_csv_save_with", c.raw(array.shape, name, array.tobytes()), path.encode(), None)
        with open(path, newline="") as f:
            head, *rows = csv.reader(f)
        expect(head == ["x%d" % i for i in range(array.shape[1] if array.ndim > 1 else 1)], "names: " + label)
        got = numpy.array([[(float if real else int)(text) for text in row] for row in rows], array.dtype)
        expect(same(got.reshape(array.shape), array), "CSV: " + label)
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


if __name__ == "__main__":
    sys.exit(run("Python " + sys.version.split()[0], 200, check_idx, check_csv, check_sets))
