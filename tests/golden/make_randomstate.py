#!/usr/bin/python3
"""Golden values for tests/base/test_random.c from numpy.random.RandomState.

  make_randomstate.py           writes randomstate.def beside this file
  make_randomstate.py --check   compares that file with the NumPy installed

Needs glibc and a CPU with FMA.
"""
import pathlib
import subprocess
import sys
import zlib

import numpy as np

N = 10**6
SEEDS = [0, 1, 42, 2**32 - 1]


def randint(low, high):
    return lambda rs: rs.randint(low, high, N, dtype=np.int64)


def shuffle(rs):
    """Rows of three bytes, read back as integers."""
    rows = np.arange(N, dtype="<u4").view(np.uint8).reshape(N, 4)[:, :3].copy()
    rs.shuffle(rows)
    return rows.astype(np.int64) @ np.array([1, 1 << 8, 1 << 16])


def mixed(rs):
    """Distributions in turn: a normal is left waiting at every call in between."""
    turns = [
        np.concatenate([
            rs.randn(3),
            rs.randint(0, 10, 2, dtype=np.int64),
            rs.normal(1.0, 2.0, 2),
            rs.rand(1),
            rs.uniform(-1.0, 1.0, 1),
            rs.randint(3, 4, 1, dtype=np.int64),
            rs.randint(-2**40, 2**40, 1, dtype=np.int64),
            rs.permutation(9),
        ]) for _ in range(N // 20)
    ]
    return np.concatenate(turns)


DRAWS = {
    "rand": lambda rs: rs.rand(N),
    "randn": lambda rs: rs.randn(N),
    "uniform": lambda rs: rs.uniform(-3.0, 10.5, N),
    "uniform_reversed": lambda rs: rs.uniform(1.0, 0.1, N),
    "normal": lambda rs: rs.normal(-2.0, 0.3, N),
    "randint_digits": randint(0, 10),
    "randint_one": randint(7, 8),
    "randint_power": randint(0, 1024),
    "randint_negative": randint(-100, -3),
    "randint_word": randint(0, 2**32),
    "randint_word_and_one": randint(0, 2**32 + 1),
    "randint_wide": randint(-10**15, 10**15),
    "randint_full": randint(-2**63, 2**63 - 1),
    "permutation": lambda rs: rs.permutation(N).astype(np.int64),
    "shuffle": shuffle,
    "mixed": mixed,
}


# glibc's log rounds some arguments differently on a CPU without FMA, so normals have two right answers.
WITHOUT_FMA = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA"}


def stream(seed, name):
    rs = np.random.RandomState(seed)
    values = DRAWS[name](rs)
    assert values.shape == (N,) and values.dtype in (np.float64, np.int64)
    state = rs.get_state(legacy=False)
    crc = zlib.crc32(values.tobytes())
    crc = zlib.crc32(state["state"]["key"].astype(np.uint32).tobytes(), crc)
    crc = zlib.crc32(np.array([state["state"]["pos"], state["has_gauss"]], np.int32).tobytes(), crc)
    return zlib.crc32(np.float64(state["gauss"]).tobytes(), crc), values


def row(seed, name, crc_without_fma):
    crc, values = stream(seed, name)
    real = values.dtype == np.float64
    first = " ".join(("%.17g" if real else "%d") % v for v in values[:5])
    kind = "F64" if real else "I64"
    return f'GOLDEN({seed}u, {name}, {kind}, 0x{crc:08x}u, 0x{crc_without_fma:08x}u,\n       "{first}")\n'


def main():
    streams = [(seed, name) for name in DRAWS for seed in SEEDS]
    if sys.argv[1:] == ["--crc"]:
        print(*(stream(*s)[0] for s in streams))
        return
    child = subprocess.run([sys.executable, __file__, "--crc"], env=WITHOUT_FMA, stdout=subprocess.PIPE, check=True)
    text = "/* Made by make_randomstate.py: seed, draw, type, CRC-32 of 10^6 values and the state they leave,\n"
    text += "   the same on a CPU without FMA, and the first five values. */\n"
    text += "".join(row(*s, int(crc)) for s, crc in zip(streams, child.stdout.split()))
    path = pathlib.Path(__file__).with_name("randomstate.def")
    if sys.argv[1:] != ["--check"]:
        path.write_text(text)
    elif path.read_text() != text:
        sys.exit(f"{path.name} differs from NumPy {np.__version__}")
    else:
        print(f"{path.name}: {len(streams)} streams agree with NumPy {np.__version__}")


main()
