#!/usr/bin/env python3
"""gemm.py SERVER [--threads N]... [--rounds N] [--table] [BATCHxINxOUT]...: rates of products of f32 matrices, Taper's
beside those of other libraries.

Each library runs in a process of its own (bench/peers/gemm.c) that stands still while others run; rounds are
interleaved and the fastest counts, for other work on the machine can only slow one down. A layer (batch,in,out) has
three products: x w, dy w^T and x^T dy. Prints a table and a line of JSON for each product: GFLOP/s by library,
percent of the peak of multiply-adds, and the ratio of Taper to the fastest library."""
import argparse
import ctypes.util
import json
import math
import os
import pathlib
import signal
import subprocess
import sys

LAYERS = [(128, 30, 50), (128, 50, 1), (64, 784, 100), (64, 100, 10), (64, 784, 128), (128, 784, 512),
          (128, 512, 512), (128, 512, 10), (256, 1024, 1024), (512, 4096, 1024)]
SQUARES = [64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048]
ROUND = 0.002  # seconds
THREADS = ["TAPER_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]


def newest(pattern):
    """What was installed from PyPI, or None."""
    found = sorted(pathlib.Path("build/peers").glob(pattern))
    return str(found[-1]) if found else None


def libraries():
    """name: (what the server opens, what its environment gets)"""
    avx512 = "avx512f" in open("/proc/cpuinfo", encoding="ascii").read()
    mkl = newest("**/libmkl_rt.so*") or ctypes.util.find_library("mkl_rt") or "libmkl_rt.so"
    found = {"taper": ("taper", {}), "openblas": ("libopenblas.so.0", {}), "blis": ("libblis.so.4", {}),
             "onednn": ("libdnnl.so.2", {}), "mkl": (mkl, {})}
    if avx512:
        found["openblas-skx"] = ("libopenblas.so.0", {"OPENBLAS_CORETYPE": "SKYLAKEX"})
    pypi = newest("scipy_openblas32/lib/libscipy_openblas.so")
    if pypi:
        found["openblas-pypi"] = (pypi, {})
    return found


class Server:
    def __init__(self, program, library, environment):
        self.process = subprocess.Popen([program, library], env={**os.environ, **environment}, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line):
        """The answer, or None where the library is not installed."""
        try:
            self.process.send_signal(signal.SIGCONT)
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
            self.process.send_signal(signal.SIGSTOP)  # its threads may still wait for work, busily
            return float(answer) if answer else None
        except BrokenPipeError:
            return None

    def close(self):
        self.process.stdin.close()
        self.process.send_signal(signal.SIGCONT)
        self.process.wait()


def products(layer):
    batch, wide, out = layer
    return {"x w": (batch, out, wide, 0, 0), "dy w^T": (batch, wide, out, 0, 1), "x^T dy": (wide, out, batch, 1, 0)}


def rate(servers, m, n, k, a, b, rounds):
    """GFLOP/s by library, the fastest of rounds in turns."""
    best = {}
    for _ in range(rounds if m * n * k < 5e8 else max(2, rounds // 4)):
        for name, server in servers.items():
            seconds = server.ask(f"{m} {n} {k} {a} {b} {ROUND}")
            best[name] = max(best.get(name, 0), 2e-9 * m * n * k / seconds)
    return best


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def run(program, threads, layers, rounds):
    environment = {name: str(threads) for name in THREADS}
    servers = {}
    for name, (library, more) in libraries().items():
        server = Server(program, library, {**environment, **more})
        if server.ask("peak") is None:
            server.close()
        else:
            servers[name] = server
    peak = max(2e-9 * servers["taper"].ask("peak") for _ in range(3))
    print(f"{threads} thread(s), peak {peak:.1f} GFLOP/s of multiply-adds")
    print(f"{'batch':>5} {'in':>5} {'out':>5} {'product':7}" + "".join(f"{name:>14}" for name in servers)
          + f"{'% of peak':>11}{'ratio':>7}")
    ratios, lines = [], []
    for layer in layers:
        for product, size in products(layer).items():
            best = rate(servers, *size, rounds)
            peers = [best[name] for name in best if name != "taper"]
            ratios.append(best["taper"] / max(peers) if peers else 1)
            print(f"{layer[0]:5} {layer[1]:5} {layer[2]:5} {product:7}"
                  + "".join(f"{best[name]:14.2f}" for name in servers)
                  + f"{100 * best['taper'] / peak:11.1f}{ratios[-1]:7.2f}", flush=True)
            lines.append({"layer": layer, "product": product, "threads": threads, "peak": round(peak, 1),
                          "gflops": {name: round(value, 2) for name, value in best.items()},
                          "percent_of_peak": round(100 * best["taper"] / peak, 1), "ratio": round(ratios[-1], 3)})
    print(f"ratio to the fastest library: geometric mean {geometric_mean(ratios):.3f}, worst {min(ratios):.2f}\n")
    for server in servers.values():
        server.close()
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("layers", nargs="*", metavar="BATCHxINxOUT")
    parser.add_argument("--threads", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--table", action="store_true", help="no JSON")
    options = parser.parse_intermixed_args()
    layers = [tuple(map(int, text.split("x"))) for text in options.layers]
    lines = []
    for threads in options.threads or [1, 2]:
        lines += run(options.server, threads, layers or LAYERS + [(n, n, n) for n in SQUARES], options.rounds)
    for line in [] if options.table else lines:
        print(json.dumps(line))


if __name__ == "__main__":
    sys.exit(main())
