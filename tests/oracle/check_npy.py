#!/usr/bin/python3
"""check_npy.py - npy and npz files exchanged with NumPy in both directions: dtypes, orders of bytes and indices, shapes."""
import ctypes as ct
import io
import os
import sys
import zipfile

import numpy
from numpy.lib import format as npy

import taper
from files import arrays, expect, is_read, named_tensors, run, same
from taper import LIBRARY

OTHERS = [numpy.zeros(3, "c8"), numpy.zeros((2, 2), "c16"), numpy.array(["text", "x"]), numpy.array([b"ab"]),
          numpy.array([None, 3], object), numpy.zeros(2, "M8[ns]"), numpy.zeros(2, "m8[s]"), numpy.zeros(2, "V3"),
          numpy.zeros(2, [("a", "<f4"), ("b", "u1", (2, 3))]), numpy.zeros(2, "g")]

taper.PLAIN["char"] = ct.c_char
Npy, OpenOptions, SaveOptions = (taper.struct(name, taper.header("io.h"))
                                 for name in ("tp_npy", "tp_npz_open_options", "tp_npz_save_options"))


def forms(array):
    """The same array as other programs may have it: in Fortran order, big-endian, both."""
    big = array.astype(array.dtype.newbyteorder(">"))
    return {"C <": array, "F <": numpy.array(array, order="F"), "C >": big, "F >": numpy.array(big, order="F")}


def refused(c, pointer, texts):
    text = LIBRARY.tp_error_text(c.pointer).decode()
    nil = not LIBRARY.tp_ok(c.pointer) and LIBRARY.tp_is_nil(pointer)
    LIBRARY.tp_clear(c.pointer)
    return nil and all(t in text for t in texts)


def check_npy(c, path):
    for label, name, array in arrays():
        c.call("tp_npy_save", c.raw(array.shape, name, array.tobytes()), path.encode())
        with open(path, "rb") as f:
            expect(npy.read_magic(f) == (1, 0) and f.seek(0) == 0, "version: " + label)
            expect(same(npy.read_array(f, allow_pickle=False), array), "npy written by Taper: " + label)
            expect(f.read() == b"", "trailing bytes: " + label)
        written = open(path, "rb").read()
        numpy.save(path, array)
        expect(written == open(path, "rb").read(), "the bytes NumPy writes: " + label)
        for form, other in forms(array).items():
            for version in ((1, 0), (2, 0), (3, 0)):
                with open(path, "wb") as f:
                    npy.write_array(f, other, version)
                expect(is_read(c.call("tp_npy_read", c.pointer, path.encode()), name, array),
                       "npy from NumPy: %s %s %s" % (label, form, version))


def check_views(c, path):
    """Strided views are written row-major."""
    base = numpy.arange(24, dtype="f4").reshape(2, 3, 4)
    t = c.raw(base.shape, "f32", base.tobytes())
    c.call("tp_npy_save", c.call("tp_transpose", t, 0, 2), path.encode())
    expect(same(numpy.load(path), numpy.ascontiguousarray(base.transpose(2, 1, 0))), "a view")


def save_npz(c, path, named, deflate):
    tensors = named_tensors(named)
    c.call("tp_npz_save_with", c.pointer, path.encode(), tensors, len(tensors), ct.byref(SaveOptions(deflate=deflate)))


def open_npz(c, path, **options):
    f = LIBRARY.tp_npz_open_with(c.pointer, path.encode(), ct.byref(OpenOptions(**options)))
    c.check()
    return f


def look(f, i):
    return Npy.from_address(LIBRARY.tp_npz_look(f, i))


def check_npz(c, path):
    path += ".npz"
    wanted = {"%s/ä" % label: array for label, _, array in arrays()}
    names = {"%s/ä" % label: name for label, name, _ in arrays()}
    for deflate in (False, True):
        save_npz(c, path, {n: c.raw(a.shape, names[n], a.tobytes()) for n, a in wanted.items()}, deflate)
        expect(zipfile.ZipFile(path).testzip() is None, "CRCs")
        kinds = {info.compress_type for info in zipfile.ZipFile(path).infolist() if info.file_size > 200}
        expect(kinds == {8 if deflate else 0}, "compression")
        with numpy.load(path) as got:
            expect(set(got.files) == wanted.keys(), "names written by Taper")
            for name, array in wanted.items():
                expect(same(got[name], array), "npz written by Taper: " + name)
        os.remove(path)
        for form in ("C <", "F <", "C >", "F >"):
            (numpy.savez_compressed if deflate else numpy.savez)(path, **{n: forms(a)[form] for n, a in wanted.items()})
            f = open_npz(c, path)
            found = [LIBRARY.tp_npz_name(f, i).decode() for i in range(LIBRARY.tp_npz_count(f))]
            expect(found == list(wanted), "names written by NumPy")
            for i, (name, array) in enumerate(wanted.items()):
                t = taper.Tensor(c, LIBRARY.tp_npz_read(f, name.encode()))
                c.check()
                expect(is_read(t, names[name], array), "npz from NumPy: %s %s" % (name, form))
                expect(tuple(look(f, i).shape.v[:look(f, i).shape.n]) == array.shape, "shape of " + name)


def check_streamed(c, path):
    """An archive written to a pipe has data descriptors; one of more than 2^16 entries has 64-bit records."""
    path += ".npz"
    array = numpy.arange(6.0).reshape(2, 3)

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = b""

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    for save in (numpy.savez, numpy.savez_compressed):
        pipe = Pipe()
        save(pipe, a=array, b=array.T)
        open(path, "wb").write(pipe.data)
        f = open_npz(c, path)
        for name, wanted in (("a", array), ("b", array.T)):
            expect(is_read(taper.Tensor(c, LIBRARY.tp_npz_read(f, name.encode())), "f64", wanted), "streamed " + name)
    numpy.savez(path)
    expect(LIBRARY.tp_npz_count(open_npz(c, path)) == 0, "an archive of nothing")
    save_npz(c, path, {}, False)
    expect(numpy.load(path).files == [], "an archive of nothing, written by Taper")
    many = {"%d" % i: c.raw((), "u8", bytes([i % 256])) for i in range(66000)}
    save_npz(c, path, many, False)
    with numpy.load(path) as got:
        expect(len(got.files) == 66000 and got["65999"] == 65999 % 256, "66000 arrays")
    f = open_npz(c, path)
    expect(LIBRARY.tp_npz_count(f) == 66000 and taper.Tensor(c, LIBRARY.tp_npz_read(f, b"65999")).bytes()[0] == 65999 % 256,
           "66000 arrays read")


def check_others(c, path):
    """What Taper does not have is listed by its name and shape, and refused."""
    for array in OTHERS:
        descr = npy.dtype_to_descr(array.dtype)
        text = descr if isinstance(descr, str) else repr(descr)
        numpy.save(path + ".npy", array)
        what = Npy()
        expect(LIBRARY.tp_npy_look(c.pointer, path.encode() + b".npy", ct.byref(what)) == 0, "look at " + text)
        said = bytes(what.dtype_name).split(b"\0")[0].decode()
        expect(said == text[:63] and what.dtype == len(taper.DTYPES), "dtype %s, not %s" % (said, text))
        expect(tuple(what.shape.v[:what.shape.n]) == array.shape, "shape of " + text)
        expect(refused(c, LIBRARY.tp_npy_read(c.pointer, path.encode() + b".npy"), ["dtype '%s'" % text[:63]]), text)
        numpy.savez(path + ".npz", it=array, good=numpy.ones(2))
        f = open_npz(c, path + ".npz")
        expect(refused(c, LIBRARY.tp_npz_read(f, b"it"), ["array 'it'", "dtype '%s'" % text[:63]]), "npz: " + text)
        expect(taper.Tensor(c, LIBRARY.tp_npz_read(f, b"good")).dtype == "f64", "beside " + text)
    t = c.raw((2,), "bf16", bytes(4))
    status = LIBRARY.tp_npy_save(t, path.encode())
    expect(status and b"NumPy has no dtype bf16" in LIBRARY.tp_error_text(c.pointer), "bf16")


def check_limit(c, path):
    """A bomb is refused at the size that is allowed, and one that lies at what can be true."""
    path += ".npz"
    numpy.savez_compressed(path, bomb=numpy.zeros(1 << 20, "u1"))
    expect(refused(c, LIBRARY.tp_npz_read(open_npz(c, path, most=1 << 20), b"bomb"), ["unpacks to 1048704 bytes"]), "a bomb")
    t = taper.Tensor(c, LIBRARY.tp_npz_read(open_npz(c, path, most=(1 << 20) + 128), b"bomb"))
    expect(t.shape[0] == 1 << 20, "the most allowed")


if __name__ == "__main__":
    sys.exit(run("numpy " + numpy.__version__, 1000, check_npy, check_views, check_npz, check_streamed, check_others,
                 check_limit))
