#!/bin/bash
# forward_mode.sh PROGRAM: it finds its numbers as expected, and expects these.
set -eu
text=$("$1") || { echo "exit code $?: $text" >&2; exit 1; }
for line in "loss, epoch 1 +0.89647145178587 +expected +0.89647145178587" \
    "loss, epoch 11 +0.45728947651822 +expected +0.45728947651822" \
    "loss, epoch 20 +0.38686930341152 +expected +0.38686930341152" \
    "forward against reverse .* expected +0" "accuracy +0.82952548330404 +expected +0.82952548330404" \
    "streamed - reverse, parameter 3 .* expected +0"; do
    grep -qE "^$line$" <<<"$text" || { echo "no line '$line' in: $text" >&2; exit 1; }
done
