#!/bin/bash
# fuzz.sh LIMIT [TARGET...]: runs the targets tests/fuzz/TARGET.c, by default all, under libFuzzer with the address and
# undefined-behaviour sanitizers, each up to the LIMIT: -max_total_time=SECONDS or -runs=EXECUTIONS. Fails where an input
# is found that a target does not stand, and names its file. Inputs that reach something new stay in build-fuzz/corpus
# for the next time.
set -eu
cd "$(dirname "$0")/.."
limit=$1
shift
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target fuzz
[ $# -gt 0 ] || set -- $(cd tests/fuzz && ls *.c | grep -v -e '^fuzz' -e '^heap' -e '^mutate' -e '^replay' | sed 's/\.c$//')

# Files in memory; the most that a target writes is a few kilobytes.
TMPDIR=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/taper-fuzz-XXXXXX")
export TMPDIR ASAN_OPTIONS=strict_string_checks=1:allocator_may_return_null=1:quarantine_size_mb=16:malloc_context_size=8
trap 'rm -rf "$TMPDIR"' EXIT

stat() { sed -n "s/^stat::$1: *//p" "$log"; }

printf '%-12s %14s %8s %14s\n' target executions edges executions/s
failed=0
for target; do
    corpus=build-fuzz/corpus/$target log=build-fuzz/findings/$target.log
    mkdir -p "$corpus" build-fuzz/findings
    folders=("$corpus")
    for folder in tests/corpus/$target tests/fuzz/seeds/$target; do
        [ ! -d "$folder" ] || folders+=("$folder")
    done
    result=0
    build-fuzz/tests/fuzz_"$target" "$limit" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="build-fuzz/findings/$target-" "${folders[@]}" >/dev/null 2>"$log" || result=$?
    edges=$(grep -o ' cov: [0-9]*' "$log" | tail -1 | grep -o '[0-9]*$')
    printf '%-12s %14s %8s %14s\n' "$target" "$(stat number_of_executed_units)" "$edges" "$(stat average_exec_per_sec)"
    [ $result = 0 ] && continue
    failed=1
    grep -e 'ERROR:' -e 'runtime error:' -e 'does not hold:' -e 'SUMMARY:' -e 'Test unit written' "$log"
done
exit $failed
