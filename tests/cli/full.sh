#!/bin/bash
# full.sh TAPER: trainings on a disk of 1 MiB that is full for a while: what cannot be written is told and written
# later. Exits with 77 where no such disk can be made.
if [ "${TAPER_DISK:-}" = "" ]; then
    TAPER_DISK=$(mktemp -d)
    export TAPER_DISK
    trap 'rmdir "$TAPER_DISK"' EXIT
    why=$(unshare --map-root-user --mount mount -t tmpfs none "$TAPER_DISK" 2>&1) || { echo "skipped: $why"; exit 77; }
    unshare --map-root-user --mount "$0" "$@"
    exit
fi
mount -t tmpfs -o size=1m none "$TAPER_DISK"
. "$(dirname "$0")/want.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder" "$stdout_file"' EXIT
cd "$folder"
ln -s "$TAPER_DISK" disk
iris=(train --data iris --net "linear 512, relu, linear 3" --epochs 80 --batch-size 8 --lr 0.1 --val 0.3 --seed 2
    --checkpoint-every 1) # epoch 12 is the best

# Fills the disk, once more where a file that was being written has gone since.
fill() { head -c 2000000 /dev/zero >>disk/ballast 2>/dev/null || true; }

# until_said TEXT: waits for the training, which runs on the full disk, to say so
until_said()
{
    until grep -q "$1" said; do
        kill -0 $! 2>/dev/null || { fail "never said: $1"; cat said; break; }
        fill
        sleep 0.01
    done
}

# ends CODE: waits for its end
ends()
{
    local status=0
    wait $! || status=$?
    [ $status = "$1" ] || fail "exit code $status (wanted $1): $(tail -n 3 said)"
}

# same RUN: whether its files are those of `whole`
same()
{
    for file in best.safetensors config.json history.jsonl model.safetensors; do
        cmp "whole/$file" "$1/$file" || fail "$1: $file is not the same"
    done
    [ -z "$(find "$1/" -name '.taper*')" ] || fail "$1: what failed has left files"
}

want 0 'part *' '' "${iris[@]}" --quiet -o whole
/usr/bin/python3 - <<'END' || fail "epoch 12 is not the best"
import json
loss = [json.loads(line)["val_loss"] for line in open("whole/history.jsonl")]
assert loss.index(min(loss)) + 1 == 12
END

# full for some epochs, the best among them
"$taper" "${iris[@]}" -o disk/run >/dev/null 2>said &
until [ -s disk/run/checkpoints/checkpoint-b.safetensors ]; do sleep 0.01; done
until_said '^checkpoint not written: .*checkpoint-[ab].*: No space left on device$'
until_said '^taper: .*best.safetensors.*: No space left on device$'
until_said '^epoch 15/80 '
rm disk/ballast
newest() { stat -c %Y.%i disk/run/checkpoints/*; }
before=$(newest)
while kill -0 $! 2>/dev/null && [ "$(newest)" = "$before" ]; do sleep 0.01; done
[ "$(newest)" != "$before" ] || fail "no checkpoint after there is room"
ends 0
same disk/run
rm -r disk/run

# full to the end, without progress; then it goes on
"$taper" "${iris[@]}" --quiet -o disk/run >/dev/null 2>said &
until [ -s disk/run/checkpoints/checkpoint-b.safetensors ]; do sleep 0.01; done
until_said '^taper: checkpoint not written: .*: No space left on device$'
while kill -0 $! 2>/dev/null; do fill; sleep 0.01; done
ends 1
[ -e disk/run/model.safetensors ] && fail "a model on a full disk"
want 2 '' 'taper train: disk/run holds a run; *' "${iris[@]}" -o disk/run
rm disk/ballast
want 0 'part *' '' train --resume disk/run --quiet
same disk/run

# full from the beginning
rm -r disk/run
fill
want 1 '' 'taper: *: No space left on device' "${iris[@]}" --quiet -o disk/run

finish
