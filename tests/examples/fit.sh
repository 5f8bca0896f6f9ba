#!/bin/bash
# fit.sh PROGRAM: the example learns, prints a line an epoch, has at most 30 lines, and gives the same text again.
set -eu
fail() { echo "$*" >&2; exit 1; }

first=$("$1")
accuracy=$(sed -n 's/^accuracy \([0-9.]*\) on 360 images held out$/\1/p' <<<"$first")
awk -v a="$accuracy" 'BEGIN { exit !(a >= 0.95 && a <= 1) }' || fail "accuracy '$accuracy', wanted at least 0.95"
[ "$(grep -c '^epoch .*/20  loss .*  accuracy ' <<<"$first")" = 20 ] || fail "not a line for each of 20 epochs"
[ "$("$1")" = "$first" ] || fail "two different runs"
[ "$(wc -l <examples/fit.c)" -le 30 ] || fail "more than 30 lines"
