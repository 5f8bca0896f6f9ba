#!/bin/bash
# check_format.sh [--fix]: every C and C++ file is as clang-format writes it.
set -eu -o pipefail
cd "$(dirname "$0")/.."
mode=(--dry-run -Werror)
[ "${1:-}" != --fix ] || mode=(-i)
find . -path './build*' -prune -o \( -name '*.[ch]' -o -name '*.cpp' \) -print0 | xargs -0 clang-format "${mode[@]}"
