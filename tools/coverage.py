#!/usr/bin/env python3
"""coverage.py BUILD [FILE...]: what the tests of an instrumented build have reached. Prints lines and branches
of each room of src, and fails where a room has too few branches, or where a public function allocates that no
test has seen without memory (tests/reach.h). With FILEs it lists their branches that were not taken instead."""
import collections
import json
import pathlib
import re
import subprocess
import sys

LEAST = collections.defaultdict(lambda: 80, io=90, grad=90)  # percent of the branches of a room

root = pathlib.Path(__file__).resolve().parent.parent
build = pathlib.Path(sys.argv[1]).resolve()


def gcovr():
    """Lines and branches of the library. Branches that the compiler makes without any in the text do not count, nor
    do kernels compiled once for each set of instructions: gcovr 5.2 cannot add those up."""
    objects = build / "CMakeFiles" / "taper_objects.dir"
    command = ["gcovr", "--root", root, "--filter", f"{root}/src/", "--exclude", ".*_kernel[.]h",
               "--exclude-unreachable-branches", "--json", "-"]
    text = subprocess.run([*command, objects], stdout=subprocess.PIPE, check=True, cwd=root).stdout
    for file in json.loads(text)["files"]:
        yield file["file"], [line for line in file["lines"] if not line["gcovr/noncode"]]


def rows():
    """Functions that the table of ops makes, all alike: tests/op/test_row_faults.c has the rows without memory."""
    table = (root / "include" / "taper" / "ops.def").read_text()
    return {"tp_" + name for name in re.findall(r"^OP\w*\((\w+),", table, re.M)}


def reached(how):
    """Public functions that were at work when an allocation was made or refused."""
    found = set()
    for path in (build / "reach").glob(how + "-*"):
        found.update(re.findall(r"\((tp_\w+)\+", path.read_text()))
    return found


def rooms():
    good = True
    counts = collections.defaultdict(lambda: [0] * 4)
    for name, lines in gcovr():
        count = counts[name.split("/")[1]]
        for line in lines:
            taken = [branch["count"] > 0 for branch in line["branches"]]
            for i, n in enumerate((line["count"] > 0, 1, sum(taken), len(taken))):
                count[i] += n
    print(f"{'room':10}{'lines':>8}{'':>8}{'branches':>10}{'':>8}{'least':>7}")
    for room, (line, all_lines, branch, all_branches) in sorted(counts.items()):
        lines, branches = 100 * line / all_lines, 100 * branch / all_branches
        enough = branches >= LEAST[room]
        good = good and enough
        print(f"{room:10}{all_lines:8}{lines:7.1f}%{all_branches:10}{branches:7.1f}%{LEAST[room]:6}%"
              f"{'' if enough else '  too few'}")
    return good and bool(counts)


def allocations():
    given, refused, rest = (reached(how) - rows() for how in ("given", "refused", "rest"))
    print(f"{len(given)} public functions allocate, those of the table's rows aside")
    for missed, how in ((given - refused, "one allocation refused"), (given - rest, "all from one on refused")):
        if missed:
            print(f"never with {how}: {' '.join(sorted(missed))}")
    return bool(given) and not given - refused and not given - rest


def branches(files):
    for name, lines in gcovr():
        for line in lines if name in files else ():
            missed = sum(branch["count"] == 0 for branch in line["branches"])
            if missed or not line["count"]:
                number = line["line_number"]
                text = (root / name).read_text().splitlines()[number - 1].strip()
                print(f"{name}:{number}: {missed} of {len(line['branches'])}: {text}")


if len(sys.argv) > 2:
    branches(sys.argv[2:])
else:
    results = rooms(), allocations()
    sys.exit(not all(results))
