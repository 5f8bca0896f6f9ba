#!/usr/bin/env python3
"""instructions.py TAPER [CASE]...: instructions of one step of each case of peers.py as valgrind's callgrind counts them, with one
thread and AVX2 (valgrind 3.19 knows no AVX-512): a regression shows on a busy machine too. Prints a table."""
import os
import re
import subprocess
import sys

from peers import CASES

WARM, MORE = 3, 5  # steps


def count(taper, case, steps):
    environment = {**os.environ, "TAPER_SIMD": "avx2", "TAPER_THREADS": "1"}
    run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", taper, *case.split()],
                         input=f"pieces {steps}\n", env=environment, capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", run.stderr)[1])


def main():
    taper, *cases = sys.argv[1:]
    print("| case | instructions |\n|---|---:|")
    for case in cases or CASES:
        warm, more = (1, 1) if case.startswith("epoch") else (WARM, MORE)
        print(f"| {case} | {(count(taper, case, warm + more) - count(taper, case, warm)) // more:,} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
