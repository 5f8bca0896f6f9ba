#!/bin/bash
# custom_layer.sh PROGRAM: the gradient is the formula's, and forward mode is refused by name.
set -eu
text=$("$1")
for line in "gradient [0.0625 1.     0.25  ]" "through the net: right" "forward mode: softsign "; do
    grep -qF "$line" <<<"$text" || { echo "no line '$line' in: $text" >&2; exit 1; }
done
