#!/usr/bin/env python3
"""check_layers.py [ROOT]: who may include whom, and in which order within a file.

Order of the blocks: the file's own header, "project headers", <taper/...>, system headers. (Within a
block clang-format sorts.)"""
import pathlib
import re
import sys

CORE_HEADERS = {"base.h", "tensor.h", "ops.def", "ops.h", "grad.h", "ext.h"}
MIDDLE_HEADERS = {"nn.h", "optim.h", "data.h", "io.h"}

# room: (rooms of src/ it may include, public headers it may include)
ROOMS = {
    "base": (set(), {"base.h", "ext.h"}),
    "tensor": ({"base"}, {"base.h", "tensor.h", "ext.h"}),
    "op": ({"base", "tensor"}, {"base.h", "tensor.h", "ops.def", "ops.h", "ext.h"}),
    "ops": ({"base", "tensor", "op"}, {"base.h", "tensor.h", "ops.def", "ops.h", "ext.h"}),
    "grad": ({"base", "tensor", "op"}, CORE_HEADERS),
    "backend": ({"base", "tensor"}, {"base.h", "tensor.h", "ext.h"}),
    "nn": (set(), CORE_HEADERS | MIDDLE_HEADERS),
    "optim": (set(), CORE_HEADERS | MIDDLE_HEADERS),
    "data": (set(), CORE_HEADERS | MIDDLE_HEADERS),
    "io": (set(), CORE_HEADERS | MIDDLE_HEADERS),
    "train": (set(), CORE_HEADERS | MIDDLE_HEADERS | {"train.h"}),
}
ANY_PUBLIC = CORE_HEADERS | MIDDLE_HEADERS | {"train.h", "taper.h"}

# public header: the public headers it may include
HEADERS = {
    "base.h": set(),
    "tensor.h": {"base.h"},
    "ops.def": set(),
    "ops.h": {"base.h", "tensor.h", "ops.def"},
    "grad.h": {"base.h", "tensor.h", "ops.h"},
    "ext.h": {"base.h", "tensor.h", "ops.def", "ops.h"},
    **{name: (CORE_HEADERS | MIDDLE_HEADERS) - {"ext.h", name} for name in MIDDLE_HEADERS},
    "train.h": (CORE_HEADERS | MIDDLE_HEADERS) - {"ext.h"},
    "taper.h": ANY_PUBLIC - {"taper.h", "ext.h"},
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.M)


def public_error(name, allowed, known):
    if name not in known:
        return "there is no such public header in the list of tools/check_layers.py"
    return None if name in allowed else "this layer may not see it"


def layer_error(path, quote, name):
    """Why the file `path` (relative to the root) may not include `name`; None if it may."""
    top, rest = path.parts[0], path.parts[1:]
    public = name[len("taper/"):] if name.startswith("taper/") else None
    if public and quote == '"':
        return "public headers are written <taper/...>"
    if quote == "<" and name.split("/")[0] in ROOMS:
        return 'internal headers are written "room/file.h"'
    if top == "include":
        if path.name not in HEADERS:
            return "this header is not in the list of tools/check_layers.py"
        if quote == '"':
            return "a public header sees public headers only"
        return public_error(public, HEADERS[path.name], ANY_PUBLIC) if public else None
    if top in ("cli", "examples"):
        if public:
            return public_error(public, ANY_PUBLIC, ANY_PUBLIC)
        return "only public headers and its own" if quote == '"' and "/" in name else None
    if top != "src":
        return None  # tests and benchmarks look everywhere
    room = rest[0]
    if room not in ROOMS:
        return f"room {room} is not in the list of tools/check_layers.py"
    rooms, headers = ROOMS[room]
    if public:
        return public_error(public, headers, ANY_PUBLIC)
    if quote == '"' and "/" not in name:
        return 'internal headers are written "room/file.h"'
    other = name.split("/")[0]
    return f"{room} may not see {other}" if quote == '"' and other not in rooms | {room} else None


def rank(path, quote, name):
    if name.startswith("taper/"):
        return 2
    if quote == "<":
        return 3
    return 0 if pathlib.Path(name).with_suffix("").parts == path.with_suffix("").parts[1:] else 1


def check(root, path):
    last = -1
    text = (root / path).read_text()
    for match in INCLUDE.finditer(text):
        quote, name = match.groups()
        where = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        error = layer_error(path, quote, name)
        if error:
            yield f"{where}: {name}: {error}"
        if name.endswith((".def", "_kernel.h")):
            continue  # a table or a kernel is expanded where it is needed
        if rank(path, quote, name) < last:
            yield f'{where}: {name}: order is own header, "project", <taper/...>, <system>'
        last = max(last, rank(path, quote, name))


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    files = sorted(f.relative_to(root) for top in ("include", "src", "cli", "examples", "tests", "bench")
                   for f in (root / top).rglob("*") if f.suffix in (".c", ".h", ".def", ".cpp"))
    errors = [error for path in files for error in check(root, path)]
    print("\n".join(errors + [f"{len(files)} files, {len(errors)} errors"]))
    return bool(errors) or not files


if __name__ == "__main__":
    sys.exit(main())
