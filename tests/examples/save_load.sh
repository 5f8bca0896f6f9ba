#!/bin/bash
# save_load.sh PROGRAM: the net is used from its file; a damaged file is refused, one that cannot be written reported.
set -eu
program=$(realpath "$1")
TAPER_DATA=$(realpath data)
export TAPER_DATA
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() { echo "$*" >&2; exit 1; }

text=$("$program")
for line in "flower 1: setosa" "flower 2: virginica" "net: linear 16, tanh, linear 3" "0.weight F32, 64 elements"; do
    grep -qxF "$line" <<<"$text" || fail "no line '$line' in: $text"
done
[ "$(ls -A)" = iris-example.safetensors ] || fail "other files are left: $(ls -A)"
first=$(sha256sum iris-example.safetensors)
"$program" >/dev/null
[ "$(sha256sum iris-example.safetensors)" = "$first" ] || fail "another run gives another file"

rm iris-example.safetensors
mkdir iris-example.safetensors
if text=$("$program" 2>&1); then fail "a folder is no model"; fi
grep -q "cannot write 'iris-example.safetensors': it is no regular file" <<<"$text" || fail "no reason in: $text"
