#!/bin/bash
# training_loop.sh PROGRAM: the example learns; one seed gives the same text, another seed another.
set -eu
fail() { echo "$*" >&2; exit 1; }

first=$("$1")
accuracy=$(sed -n 's/^accuracy \([0-9.]*\) on 360 images held out$/\1/p' <<<"$first")
awk -v a="$accuracy" 'BEGIN { exit !(a >= 0.95 && a <= 1) }' || fail "accuracy '$accuracy', wanted at least 0.95"
[ "$(grep -c '^epoch .* loss ' <<<"$first")" = 20 ] || fail "not a line for each of 20 epochs"
[ "$("$1" 0)" = "$first" ] || fail "seed 0 gave two different runs"
[ "$("$1" 1)" != "$first" ] || fail "seeds 0 and 1 gave the same run"
