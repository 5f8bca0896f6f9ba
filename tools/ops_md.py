#!/usr/bin/env python3
"""ops_md.py TAPER [--check]: writes docs/ops.md, the table of ops as a page, from `TAPER ops --json`."""
import json
import pathlib
import subprocess
import sys

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "ops.md"


def cell(text):
    return text.replace("|", "\\|")


def main(taper, check):
    rows = json.loads(subprocess.run([taper, "ops", "--json"], check=True, capture_output=True).stdout)
    lines = [
        "# The ops",
        "",
        "One line for each row of `include/taper/ops.def`. Made by `tools/ops_md.py build/taper`; the composites made of",
        "them are in `include/taper/ops.h`.",
        "",
        "| op | signature | dtypes | derivative | backward reads | what it computes |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        attributes = "".join(f", {a['type']} {a['name']} = {a['default']}" for a in row["attributes"])
        inputs = ("list " if row["list"] else "") + ", ".join(row["inputs"])
        fact = row["derivative"] + (f": {row['nodiff']}" if row["nodiff"] else "")
        columns = [f"`{row['name']}({inputs}{attributes})`", f"`{row['signature']}`" if row["signature"] else "its own",
                   f"`{row['types']}`", fact, ", ".join(row["reads"]), row["doc"]]
        lines.append("| " + " | ".join(cell(c) for c in columns) + " |")
    text = "\n".join(lines) + "\n"
    if not check:
        PAGE.write_text(text)
    elif PAGE.read_text() != text:
        sys.exit("docs/ops.md is not what the table says: run tools/ops_md.py build/taper")


if __name__ == "__main__":
    main(sys.argv[1], "--check" in sys.argv[2:])
