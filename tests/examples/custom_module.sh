#!/bin/bash
# custom_module.sh PROGRAM: the module is printed with its paths, and the net learns.
set -eu
text=$("$1")
for line in "  1: residual" "        1.body.2.weight [8,8] 64" "186 parameters" "xor [0 1 1 0]"; do
    grep -qxF "$line" <<<"$text" || { echo "no line '$line' in: $text" >&2; exit 1; }
done
