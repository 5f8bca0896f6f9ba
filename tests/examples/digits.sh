#!/bin/bash
# digits.sh PROGRAM: the example learns, one seed gives the same text, another seed another, a bad file is an error.
set -eu
program=$1
fail() { echo "$*" >&2; exit 1; }

first=$("$program")
accuracy=$(sed -n 's/^accuracy \([0-9.]*\) on 360 .*/\1/p' <<<"$first")
awk -v a="$accuracy" 'BEGIN { exit !(a >= 0.95 && a <= 1) }' || fail "accuracy '$accuracy', wanted at least 0.95"
[ "$(grep -c '^epoch .* loss ' <<<"$first")" = 20 ] || fail "not a line for each of 20 epochs"
[ "$(grep -c '^predicted [0-9], labelled [0-9]$' <<<"$first")" = 3 ] || fail "not three images"

[ "$("$program" 0)" = "$first" ] || fail "seed 0 gave two different runs"
[ "$("$program" 1)" != "$first" ] || fail "seeds 0 and 1 gave the same run"

for file in /nonexistent.csv /dev/null "$0"; do
    status=0
    text=$("$program" 0 "$file" 2>&1) || status=$?
    [ "$status" = 1 ] || fail "$file: exit code $status, wanted 1"
    [[ $text == *"cannot read 1797 images"*"$file" ]] || fail "$file: unclear message: $text"
done
echo "accuracy $accuracy"
