#!/bin/bash
# check_bits.sh [all]: builds the library with several compilers and optimization levels and compares what bits.c
# prints, at every level of instructions and with several numbers of threads.
set -eu
cd "$(dirname "$0")/../.."
work=build/bits${1:+-$1}
vector="-fno-trapping-math -fno-math-errno" # as src/ops is compiled
builds=("gcc -O0" "gcc -O3 $vector" "clang -O2 $vector")
[ "${1:-}" = all ] && builds=("gcc -O0" "gcc -O1" "gcc -O2" "gcc -O3" "gcc -O3 $vector" "gcc -O3 -march=native"
    "clang -O0" "clang -O2" "clang -O3" "clang -O3 $vector" "clang -O3 -march=native")

mkdir -p "$work"
# build PROGRAM COMPILER FLAGS...: every source at once.
build()
{
    local name=$1
    shift
    "$@" -std=c11 -D_POSIX_C_SOURCE=200809L -ffp-contract=off -DNDEBUG -Iinclude -Isrc tests/bits/bits.c \
        $(find src/{base,tensor,op,ops,grad,backend} -name '*.c' | sort) -lm -lpthread -o "$name"
}

same=0
first=
for flags in "${builds[@]}"; do
    name=$work/${flags// /}
    build "$name" $flags
    for run in baseline:1 avx2:1 avx2:2 avx512:1 avx512:3; do
        out=$name-$run.txt
        TAPER_SIMD=${run%:*} TAPER_THREADS=${run#*:} "$name" >"$out"
        if [ -z "$first" ]; then
            first=$out
        elif ! cmp -s "$first" "$out"; then
            same=1
            diff "$first" "$out" | sed -n "s/^> \([a-z0-9_]*\).*/row \1: $flags, $run, gives other bits/p"
        fi
    done
done
echo "$(wc -l <"$first") rows, ${#builds[@]} builds: $([ $same = 0 ] && echo the same bits || echo DIFFERENT)"
exit $same
