#!/bin/bash
# hostile.sh TAPER: command lines that nobody should write, and settings of a run that nobody wrote: tests/corpus/config.
# Each has two seconds of processor time and, where no sanitizer needs terabytes of addresses, a gigabyte of memory.
. "$(dirname "$0")/want.sh"
top=$PWD
folder=$(mktemp -d)
trap 'rm -rf "$folder" "$stdout_file"' EXIT
cd "$folder"
ulimit -t 2
grep -q __asan_init "$taper" || grep -q __tsan_init "$taper" || ulimit -v 1000000
long=$(printf '%0100000d' 0)
bad=(train --quiet --data iris --net 'linear 3')

# words that are empty, huge, of control characters, and too many
want 2 '' "taper: unknown verb ''; the nearest is *" ''
want 2 '' "taper: unknown verb '00*0'; the nearest is *" "$long"
want 2 '' "taper: unknown verb '"$'\xff\x1b'"'; the nearest is *" $'\xff\x1b'
want 2 '' "taper: unknown flag '--00*0'; the nearest is *" train "--$long"
want 2 '' "taper info: '' does not end with .safetensors, *" info ''
want 2 '' "taper info: '00*0' does not end with .safetensors, *" info "$long"
want 3 '' "taper: tp_npy_look: cannot read '00*0': File name too long" info "$long.npy"
want 3 '' "taper: tp_npy_look: cannot read 'a??\[31m.npy': No such file or directory" info $'a\n\x1b[31m.npy'
want 2 '' "taper: unknown op '00*0'; the nearest is *" ops "$long"
want 2 '' 'taper train: too many flags; *' "${bad[@]}" $(printf -- '--seed 1 %.0s' {1..1000})

# numbers
for lr in 1e309 -1e309 99999999999999999999 -1 nan inf 0x10 1,5 1.5.5 ' 1' '1 ' 1e '' - + . --; do
    want 2 '' "taper train: --lr takes a *" "${bad[@]}" "--lr=$lr"
done
for epochs in 0 -1 1e3 1.0 0x10 9223372036854775808 18446744073709551617 99999999999999999999999 ' 1' '1 ' '' nan; do
    want 2 '' "taper train: --epochs takes a whole number of 1 to 1000000000, not '$epochs'; *" "${bad[@]}" "--epochs=$epochs"
done
for sizes in '' , 1, ,1 0 -1 1.5 1,,1 9223372036854775808 1,1,1,1,1,1,1,1,1; do
    want 2 '' "taper summary: --input takes the sizes of one sample, *, not '$sizes'; *" summary --net relu "--input=$sizes"
done
want 2 '' 'taper: *\[0,99999999999,99999999999\] is too large' summary --net relu --input 99999999999,99999999999
want 2 '' "taper train: --schedule: 'step' takes EPOCHS \[GAMMA\], not 'step 1e300'; *" "${bad[@]}" --schedule 'step 1e300'
want 2 '' "taper: unknown schedule '00*0'; the nearest is *" "${bad[@]}" --schedule "$long"

# nets and losses
want 2 '' 'taper: tp_net: takes a text of at most 65535 characters' train --data iris --net "$long"
want 2 '' 'taper: tp_net, column 6: a layer is expected, the text ends' summary --input 2 --net '((((('
want 2 '' "taper: tp_criterion_named: there is no loss '00*0'; the nearest is *" "${bad[@]}" --loss "$long"
want 1 '' 'taper: tp_net, column 1: *: no memory for 32000000128 bytes' train --data iris --net 'linear 2000000000'

# files that are devices, endless or without a name
want 3 '' 'taper: /dev/zero: line 1: a field of more than 1 MiB; is a quote missing?' train --data /dev/zero --net relu
want 3 '' 'taper: /dev/null: the file is empty' train --data /dev/null --net relu
want 3 '' "taper: tp_dataset_open: argument 'name' is missing" train --data '' --net relu
want 3 '' $'*taper: 00*0: cannot open: File name too long' train --net relu --data "$long"
want 3 '' 'taper: *: there is no column '\''x00*' "${bad[@]}" --target "x$long"
want 3 '' "taper: tp_safetensors_open: cannot read '/dev/zero': it is no regular file" eval /dev/zero --data iris
want 3 '' "taper: tp_safetensors_open: cannot read '': No such file or directory" eval '' --data iris
want 2 '' 'taper train: the path of the folder is too long; *' "${bad[@]}" -o "$long"
want 2 '' 'taper train: the path of the folder is too long; *' train --resume "$long"
want 3 '' 'taper: /dev/null/config.json: Not a directory' train --resume /dev/null
want 2 '' 'taper train: --resume takes the folder of a run; *' train --resume ''
want 3 '' "taper: tp_dataset_open: 'mnist:' takes a folder" train --data mnist: --net relu
# a line of a gigabyte, through a pipe
want 3 '' 'taper: standard input: line 1: a field of more than 1 MiB; is a quote missing?' train --data - --net relu \
    < <(head -c 1G /dev/zero | tr '\0' 7)

# settings of a run
while IFS=$'\t' read -r file message; do
    [[ $file == config/* ]] || continue
    rm -rf run
    mkdir run
    cp "$top/tests/corpus/$file" run/config.json
    want 3 '' '*' train --resume run
    [ "${stderr//$'\n'/\\n}" = "$message" ] || fail "$file: wanted $message, got $stderr"
    [ "$(ls run)" = config.json ] || fail "$file: files of a run: $(ls run)"
done <"$top/tests/corpus/cases.txt"
ls | grep -v '^run$' && fail "something was written"

finish
