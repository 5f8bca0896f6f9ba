#!/bin/bash
# resume.sh TAPER: trainings that are stopped in the middle and go on: the files of the undisturbed run.
. "$(dirname "$0")/want.sh"
folder=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)")
trap 'rm -rf "$folder" "$stdout_file"' EXIT
cp data/iris/iris.csv "$folder"
cd "$folder"
settings=(--net "linear 8, tanh, dropout 0.2, linear 3" --batch-size 8 --lr 0.1234567890123456 --val 0.2 --seed 1
    --accumulate 2 --schedule 'step 5 0.9' --patience 9999)
iris=(train --data iris.csv "${settings[@]}" --epochs 60 --checkpoint-every 3 --quiet)
files=(best.safetensors config.json history.jsonl local.json model.safetensors)

# same RUN: whether its files are those of `whole`; times are of the same epochs
same()
{
    local file
    for file in "${files[@]}"; do cmp "whole/$file" "$1/$file" || fail "$1: $file is not the same"; done
    [ "$(cut -d, -f1 whole/timing.jsonl)" = "$(cut -d, -f1 "$1/timing.jsonl")" ] || fail "$1: other times"
}

# stop RUN SIGNAL SECONDS: the run, which may have ended before, or not begun, gets a signal
stop()
{
    local status=0
    sleep "$3"
    kill -"$2" $! 2>/dev/null || true
    wait $! || status=$?
    [ $status = 0 ] || [ $status = 130 ] || [ $status = 143 ] || fail "$1, SIG$2: exit code $status"
    [ $status != 0 ] || [ -e "$1/model.safetensors" ] || fail "$1, SIG$2: no end"
}

want 0 'part *' '' "${iris[@]}" -o whole
[ "$(ls whole | tr '\n' ' ')" = "best.safetensors checkpoints config.json history.jsonl local.json model.safetensors timing.jsonl " ] ||
    fail "files of a run: $(ls whole)"
want 0 '' 'taper: whole holds a finished run' train --resume whole

# stopped by signals again and again, from another folder and with other numbers of threads
"$taper" "${iris[@]}" -o stopped >/dev/null 2>&1 &
stop stopped INT 0.05
mkdir elsewhere
for ((i = 0; i < 20; i++)); do
    [ -e stopped/model.safetensors ] && break
    (cd elsewhere && exec "$taper" train --resume ../stopped --quiet --threads $((i % 2 + 1)) >/dev/null 2>&1) &
    stop stopped "$([ $((i % 2)) = 0 ] && echo TERM || echo INT)" 0.0$((i + 1))
done
[ -e stopped/model.safetensors ] || want 0 'part *' '' train --resume stopped --quiet
same stopped

# one that was killed has less, more and half lines; before its first checkpoint it is started over
long=(train --data iris.csv "${settings[@]}" --epochs 1000000 -o long)
"$taper" "${long[@]}" --quiet >/dev/null 2>&1 &
while [ ! -s long/checkpoints/checkpoint-b.safetensors ]; do sleep 0.02; done
kill -KILL $!
wait $! 2>/dev/null || true
[ -e long/model.safetensors ] && fail "a killed run has a model"
want 2 '' 'taper train: long holds a run; --resume goes on with it, --overwrite replaces it; *' "${long[@]}"
"$taper" train --resume long --json >/dev/null 2>long.err &
sleep 0.2
kill -INT $!
wait $! || true
grep -q '^taper: interrupted; `taper train --resume long` goes on$' long.err || fail "interrupted: $(cat long.err)"
for lines in 0 3; do
    mkdir over$lines
    cp whole/config.json whole/local.json over$lines
    [ $lines = 0 ] || for file in history timing; do
        { head -n $lines whole/$file.jsonl; printf '{"epoch":4,"x'; } >over$lines/$file.jsonl
    done
    want 0 'part *' '' train --resume over$lines --quiet
    same over$lines
done
mkdir begun
cp long/config.json long/local.json begun
printf 'x\n{"epoch":4,"x' >begun/history.jsonl
"$taper" train --resume begun --quiet >/dev/null 2>&1 &
while [ ! -s begun/checkpoints/checkpoint-b.safetensors ]; do sleep 0.02; done
stop begun TERM 0
cut -d, -f1 begun/history.jsonl | cmp - <(seq -f '{"epoch":%.0f' "$(wc -l <begun/history.jsonl)") ||
    fail "begun: other epochs in the history"
"$taper" "${iris[@]}" --overwrite -o cut >/dev/null 2>&1 &
while [ ! -s cut/local.json ]; do sleep 0.02; done
stop cut TERM 0.05
if [ ! -e cut/model.safetensors ]; then
    sed -n '$p' whole/history.jsonl >>cut/history.jsonl
    cat whole/timing.jsonl >>cut/timing.jsonl
    want 0 'part *' '*epoch 60/60 *' train --resume cut
fi
cut -d, -f1 cut/timing.jsonl | cmp - <(cut -d, -f1 whole/timing.jsonl) || fail "cut: other times"

# the second signal ends it at once: here nobody reads what it says; the thread sanitizer holds signals back in
# such a call
if ! grep -q __tsan_init "$taper"; then
    mkfifo pipe
    sleep 100 <pipe &
    reader=$!
    rm -r long
    "$taper" "${long[@]}" >/dev/null 2>pipe &
    while [ ! -s long/history.jsonl ]; do sleep 0.02; done
    lines=-1 # until nothing happens any more
    while [ "$(wc -l <long/history.jsonl)" != "$lines" ]; do
        lines=$(wc -l <long/history.jsonl)
        sleep 0.3
    done
    kill -INT $!
    sleep 0.3
    kill -0 $! || fail "the first signal ended it at once"
    kill -TERM $!
    status=0
    wait $! || status=$?
    kill $reader
    [ $status = 130 ] || fail "the second signal: exit code $status"
fi

# data of two kinds of paths
/usr/bin/python3 - <<'END'
import os, struct
os.mkdir("digits")
for part, n in (("train", 40), ("t10k", 10)):
    open(f"digits/{part}-images-idx3-ubyte", "wb").write(struct.pack(">4i", 2051, n, 2, 2) + bytes(i * 7 % 256 for i in range(4 * n)))
    open(f"digits/{part}-labels-idx1-ubyte", "wb").write(struct.pack(">2i", 2049, n) + bytes(i % 10 for i in range(n)))
END
want 0 'part *' '' train --data mnist:digits --net 'linear 10' --epochs 2 --quiet -o mnist
grep -q '"data": "mnist:/.*/digits"' mnist/local.json || fail "local.json: $(cat mnist/local.json)"
cp -r mnist mnist-whole
rm mnist/model.safetensors
want 0 'part *' '' train --resume mnist --quiet
cmp mnist/model.safetensors mnist-whole/model.safetensors || fail "the end of a run is not done again"

# a training that diverges keeps its last finite checkpoint
diverging=(train --data iris --optim sgd --lr 1e6 --net 'linear 9, linear 9, linear 3' --epochs 9 --checkpoint-every 1 --quiet -o diverged)
want 4 '' 'taper: tp_fit: the @(gradient of|parameter|output of layer) [012]* is not finite in batch * of epoch 1' "${diverging[@]}"
said=$stderr
want 0 '*checkpoint*' '' info diverged/checkpoints/checkpoint-a.safetensors
want 4 '' "$said" train --resume diverged --quiet
[ -e diverged/model.safetensors ] && fail "a diverged training left a model"

# wrong command lines
want 2 '' "taper train: --resume goes on with the run's own settings, without --lr; *" train --resume whole --lr 1
want 2 '' "taper train: --resume goes on with the run's own settings, without -o; *" train --resume whole -o x
want 2 '' 'taper train: --checkpoint-every takes a folder for the run, -o; *' train --data iris --net 'linear 3' --checkpoint-every 3
want 2 '' 'taper train: --checkpoint-every takes a whole number of 1 *' "${iris[@]}" --checkpoint-every 0
want 3 '' 'taper: nosuch/config.json: No such file or directory' train --resume nosuch

# wrong files
mkdir wrong
wrong()
{
    printf '%s' "$2" >wrong/config.json
    want 3 '' "$1" train --resume wrong
}
good='"data": "iris", "net": "linear 3"'
wrong 'taper: wrong/config.json: line 1: *' '{'
wrong 'taper: wrong/config.json: line 1: *' "{$good, $good}"
wrong 'taper: wrong/config.json: not a JSON object' '[1]'
wrong "taper: wrong/config.json: there is no setting 'x'" "{$good, \"x\": 1}"
wrong "taper: wrong/config.json: there is no setting 'threads'" "{$good, \"threads\": 1}"
wrong "taper: wrong/config.json: 'net' is missing" '{"data": "iris"}'
wrong "taper: wrong/config.json: 'lr' is not as it should be" "{$good, \"lr\": [1]}"
wrong $'taper train: --epochs takes *\ntaper: wrong/config.json: \'epochs\' is not as it should be' "{$good, \"epochs\": 1.5}"
wrong $'taper: unknown --optim *\ntaper: wrong/config.json: \'optim\' is not as it should be' "{$good, \"optim\": \"a\"}"
wrong "taper: *there is no layer 'liner'*" '{"data": "iris", "net": "liner 3"}'
printf '{"data": 3}' >wrong/local.json
wrong "taper: wrong/local.json: 'data' is not as it should be" "{$good}"
rm -r wrong/config.json wrong/local.json
mkdir wrong/config.json
want 3 '' 'taper: wrong/config.json: not a file of at most 1048576 bytes' train --resume wrong
rmdir wrong/config.json
head -c 2000000 /dev/zero >wrong/config.json
want 3 '' 'taper: wrong/config.json: not a file of at most 1048576 bytes' train --resume wrong
rm whole/model.safetensors
for file in whole/checkpoints/*; do printf x | dd of=$file bs=1 seek=900 conv=notrunc status=none; done
want 3 '' "taper: tp_fit: no checkpoint in 'whole/checkpoints' can be read: *" train --resume whole --quiet
sed -i 's/"val": 0.2/"val": 0.3/' over0/config.json
rm over0/model.safetensors
want 3 '' "taper: tp_fit: the checkpoint is of a training with another 'samples'" train --resume over0 --quiet
sed -i 's/"val": 0.3/"val": 0.2/' over0/config.json
sed -i.right '2,$s/5\.1/5.2/' iris.csv
want 3 '' "taper: tp_fit: the checkpoint is of a training with another 'data'" train --resume over0 --quiet
mv iris.csv.right iris.csv
want 0 '*' '' train --resume over0 --quiet

finish
