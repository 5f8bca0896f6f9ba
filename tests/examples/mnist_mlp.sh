#!/bin/bash
# mnist_mlp.sh PROGRAM: without a folder it learns the digits set, and says so; a folder without files is an error.
set -eu
text=$("$1") || { echo "exit code $?: $text" >&2; exit 1; }
grep -q '^no folder of MNIST files given: on the digits set instead$' <<<"$text" || { echo "silent: $text" >&2; exit 1; }
[ "$(grep -cE '^Epoch [0-9]+/10: loss = [0-9.]+$' <<<"$text")" = 10 ] || { echo "not 10 epochs: $text" >&2; exit 1; }
accuracy=$(sed -n 's/^accuracy \([0-9.]*\) on 360 test images$/\1/p' <<<"$text")
awk -v a="$accuracy" 'BEGIN { exit !(a >= 0.95 && a <= 1) }' || { echo "accuracy '$accuracy'" >&2; exit 1; }
status=0
text=$("$1" /nonexistent 2>&1) || status=$?
[ "$status" = 1 ] && [[ $text == *"/nonexistent/train-images-idx3-ubyte"* ]] || { echo "exit code $status: $text" >&2; exit 1; }
