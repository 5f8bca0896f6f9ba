#!/bin/bash
# check_headers.sh: every public header compiles alone, as C11 and as C++17, with gcc and clang.
set -eu
cd "$(dirname "$0")/.."
flags="-Iinclude -Wall -Wextra -Wpedantic -Werror -fsyntax-only"
status=0
for header in include/taper/*.h; do
    line="#include <taper/${header##*/}>"
    for compiler in "gcc -std=c11 -x c" "clang -std=c11 -x c" "g++ -std=c++17 -x c++" "clang++ -std=c++17 -x c++"; do
        $compiler $flags - <<<"$line" || { echo "$header: fails with $compiler"; status=1; }
    done
done
exit $status
