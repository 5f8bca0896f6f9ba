#!/bin/bash
# check_bits.sh [all]: builds the library with several compilers and levels and compares what bits.c prints.
set -eu
cd "$(dirname "$0")/../.."
work=build/bits${1:+-$1}
builds=("gcc -O0" "gcc -O3" "clang -O2")
[ "${1:-}" = all ] && builds=("gcc -O0" "gcc -O1" "gcc -O2" "gcc -O3" "gcc -O3 -march=native"
    "clang -O0" "clang -O2" "clang -O3" "clang -O3 -march=native")

mkdir -p "$work"
# build COMPILER FLAGS...: every source at once; prints the rows' hashes to a file named after the flags.
build()
{
    local name="$work/$(tr -d ' ' <<<"$*")"
    "$@" -std=c11 -D_POSIX_C_SOURCE=200809L -ffp-contract=off -DNDEBUG -Iinclude -Isrc tests/bits/bits.c \
        $(find src -name '*.c' | sort) -lm -lpthread -o "$name"
    "$name" >"$name.txt"
}

same=0
first=
for flags in "${builds[@]}"; do
    build $flags
    out="$work/${flags// /}.txt"
    if [ -z "$first" ]; then
        first=$out
    elif ! cmp -s "$first" "$out"; then
        same=1
        diff "$first" "$out" | sed -n "s/^> \([a-z0-9_]*\).*/row \1: ${builds[0]} and $flags give other bits/p"
    fi
done
echo "$(wc -l <"$first") rows, ${#builds[@]} builds: $([ $same = 0 ] && echo the same bits || echo DIFFERENT)"
exit $same
