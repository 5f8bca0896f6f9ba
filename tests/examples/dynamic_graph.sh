#!/bin/bash
# dynamic_graph.sh PROGRAM: it finds its numbers as expected, and expects these.
set -eu
text=$("$1") || { echo "exit code $?: $text" >&2; exit 1; }
while read -r what first last; do
    for at in "0 $first" "9 $last"; do
        grep -qE "^${what//_/ } ${at% *} +[0-9.]+ +expected +${at#* }$" <<<"$text" ||
            { echo "no '${what//_/ } $at' in: $text" >&2; exit 1; }
    done
done <<'END'
by_hand 2.4953698041458 0.46906878966911
autograd 1.11374267 0.08153841
passed_on_too_early 1.11374267 0.00459155
layers 3.65094627 0.15067618
END
[ "$(grep -cE '^gradient of b [0-4] +(-?2) +expected +\1$' <<<"$text")" = 10 ] || { echo "gradients: $text" >&2; exit 1; }
[ "$(grep -c '^a second time: .*released by an earlier backward' <<<"$text")" = 2 ] || { echo "not refused: $text" >&2; exit 1; }
