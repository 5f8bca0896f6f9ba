"""files.py - what the checks of file formats share: arrays of all dtypes and shapes, comparing, counting."""
import os
import tempfile

import numpy

import taper

NUMPY = {"bool": "?", "u8": "u1", "i8": "i1", "u16": "u2", "i16": "i2", "u32": "u4", "i32": "i4", "u64": "u8",
         "i64": "i8", "f16": "f2", "f32": "f4", "f64": "f8"}
SHAPES = [(), (1,), (7,), (0,), (3, 0, 2), (2, 3), (2, 1, 3, 2), (1, 2, 1, 2, 1, 2, 1, 2)]
NamedTensor = taper.struct("tp_named_tensor", taper.header("io.h"))
checks = failures = 0


def expect(condition, what):
    global checks, failures
    checks += 1
    if not condition:
        failures += 1
        print("DIFFERENT " + what)


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def is_read(t, name, array):
    return (t.dtype, tuple(t.shape), t.bytes()) == (name, array.shape, array.tobytes())


def arrays(names=NUMPY, shapes=SHAPES):
    """Random bits of each dtype (all that NumPy has) and shape: a label, the dtype's name, the array."""
    rng = numpy.random.RandomState(1)
    for name in names:
        for shape in shapes:
            dtype = numpy.dtype(NUMPY[name])
            count = int(numpy.prod(shape))
            bits = rng.randint(0, 2 if name == "bool" else 256, count * dtype.itemsize, dtype=numpy.uint8)
            yield "%s %s" % (name, shape), name, numpy.frombuffer(bits.tobytes(), dtype).reshape(shape)


def named_tensors(named):
    return (NamedTensor * len(named))(*[NamedTensor(n.encode(), t._as_parameter_) for n, t in named.items()])


def run(what, least, *tests):
    """Runs each test with a context and the path of a file in an empty folder; whether one failed, or there were
    fewer than `least` checks."""
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            c = taper.Context()
            test(c, os.path.join(folder, "file"))
            c.check()
    print("%s: %d checks, %d differences" % (what, checks, failures))
    return bool(failures or checks < least)
