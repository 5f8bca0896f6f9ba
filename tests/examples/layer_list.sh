#!/bin/bash
# layer_list.sh PROGRAM: it finds its numbers as expected; the first and last line are those of NumPy.
set -eu
text=$("$1") || { echo "exit code $?: $text" >&2; exit 1; }
for line in "epoch  0  loss 0.863  val_loss 0.874  accuracy 0.507" "epoch 19  loss 0.866  val_loss 0.873  accuracy 0.466"; do
    grep -qxF "$line" <<<"$text" || { echo "no line '$line' in: $text" >&2; exit 1; }
done
[ "$(grep -cE '^epoch ' <<<"$text")" = 20 ] || { echo "not 20 epochs: $text" >&2; exit 1; }
grep -qE '^its gradient 0 +0.3932238664[0-9]+ +expected +0.39322387$' <<<"$text" || { echo "softmax: $text" >&2; exit 1; }
for least in "breast_cancer 0.97" "iris 0.96"; do
    accuracy=$(sed -n "s/^${least% *}: \([0-9.]*\) on .* held out$/\1/p" <<<"$text")
    awk -v a="$accuracy" -v b="${least#* }" 'BEGIN { exit !(a >= b && a <= 1) }' || { echo "$least: $accuracy" >&2; exit 1; }
done
