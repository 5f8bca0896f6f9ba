#!/bin/bash
# shared_model.sh PROGRAM: all samples are predicted, by bits as one thread does.
set -eu
text=$("$1")
grep -qxF "bits of one thread: the same" <<<"$text" || { echo "not the same: $text" >&2; exit 1; }
counts=$(sed -n 's/^1000 samples in two threads: \([0-9]*\), \([0-9]*\) and \([0-9]*\) of each class$/\1 + \2 + \3/p' <<<"$text")
[ "$((counts))" = 1000 ] || { echo "not 1000 samples: $text" >&2; exit 1; }
