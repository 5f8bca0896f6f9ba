#!/bin/bash
# demo_seeds.sh TAPER: the accuracy of `taper demo` on the test part for seeds 0 to 4, and the median.
set -eu
taper=$1
accuracies=()
for seed in 0 1 2 3 4; do
    accuracies+=("$("$taper" demo --quiet --seed $seed -o "runs/demo-seed-$seed" | awk '$1 == "test" { print $4 }')")
    echo "seed $seed  accuracy ${accuracies[-1]}"
done
echo "median  accuracy $(printf '%s\n' "${accuracies[@]}" | sort -n | sed -n 3p)"
