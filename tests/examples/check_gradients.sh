#!/bin/bash
# check_gradients.sh PROGRAM: it finds its numbers as expected, and expects those that NumPy gives.
set -eu
text=$("$1")
while read -r line; do
    name=${line% *}
    grep -qE "^$name +${line##* } +expected +${line##* }$" <<<"$text" || { echo "no $line in: $text" >&2; exit 1; }
done < tests/golden/check_gradients.txt
for line in "0.weight [20,10] 200: right, worst " "2.weight [3,20] 60: right, worst " passed \
    "tp_gradcheck_module: 0.weight: 180 of 200 elements are wrong, worst "; do
    grep -qF "$line" <<<"$text" || { echo "no line '$line' in: $text" >&2; exit 1; }
done
