#!/bin/bash
# train.sh TAPER: train, eval, predict and demo, from good input and from bad: exit codes, files, messages.
. "$(dirname "$0")/want.sh"
folder=$(mktemp -d)
iris_file=$PWD/data/iris/iris.csv
trap 'rm -rf "$folder" "$stdout_file"' EXIT
cd "$folder"
model=iris/model.safetensors
iris=(train --data iris --net "linear 8, tanh, linear 3" --epochs 40 --batch-size 8 --lr 0.02 --val 0.2 --seed 1)

# json PROGRAM FILE: runs Python's PROGRAM with `lines`, the JSON values of a file's lines.
json() { /usr/bin/python3 -c "import json; lines = [json.loads(x) for x in open('$2')]; $1" || fail "$2: not $1"; }

# a run: what is shown, where, and the folder's files
want 0 $'part * accuracy\ntrain * 96 *\nvalidation * 24 *\ntest * 30 * [01].*' \
    $'96 samples to train, 24 to validate, 30 to test at the end\nepoch  1/40 *\nepoch 40/40 *' "${iris[@]}" -o iris
[ "$(ls iris | tr '\n' ' ')" = "best.safetensors checkpoints config.json history.jsonl model.safetensors timing.jsonl " ] ||
    fail "files of a run: $(ls iris)"
json 'assert [x["epoch"] for x in lines] == list(range(1, 41)) and lines[39]["val_accuracy"] > 0.8' iris/history.jsonl
json 'assert len(lines) == 40 and lines[0]["seconds"] > 0' iris/timing.jsonl
/usr/bin/python3 - <<'END' || fail "config.json is wrong"
import json
config = json.load(open("iris/config.json"))
assert config["net"] == "linear 8, tanh, linear 3" and config["loss"] == "cross_entropy" and config["lr"] == 0.02
assert config["val"] == 0.2 and config["batch_size"] == 8 and config["data"] == "iris" and "threads" not in config
END

# the same command gives the same bytes, elsewhere and with another number of threads too
want 0 '*' '' "${iris[@]}" -o deep/er/iris --quiet --threads 2
for file in best.safetensors config.json history.jsonl model.safetensors; do
    cmp iris/$file deep/er/iris/$file || fail "$file is not the same"
done
cmp -s iris/best.safetensors $model && fail "the best model is the last one"
want 0 '*' '' "${iris[@]}" --seed 2 -o other --quiet
cmp -s other/model.safetensors $model && fail "another seed gives the same model"

# a finished run stays as it is unless it is to be replaced
before=$(sha256sum iris/*.* iris/*/*)
want 2 '' 'taper train: iris holds a finished run; --overwrite replaces it; *' "${iris[@]}" -o iris
want 3 '' '*' train --data nosuch.csv --net 'linear 3' -o iris --overwrite
want 2 '' '*' train --data iris --net 'linear 4' -o iris --overwrite
[ "$before" = "$(sha256sum iris/*.* iris/*/*)" ] || fail "a run was changed"
want 0 '*' '' "${iris[@]}" -o iris --overwrite --quiet
touch file
want 1 '' 'taper: file: Not a directory' "${iris[@]}" --quiet -o file
want 1 '' 'taper: /proc/run: *' "${iris[@]}" --quiet -o /proc/run

# without a folder nothing is written; the result as JSON
files=$(ls)
want 0 '{"train":{"samples":96,*},"validation":{"samples":24,*},"test":{"samples":30,*}}' '' "${iris[@]}" --quiet --json
json 'assert 0.9 <= lines[0]["test"]["accuracy"] <= 1' "$stdout_file"
[ "$files" = "$(ls)" ] || fail "train without -o wrote a file"

# eval
want 0 $'samples *30\nloss *\naccuracy *\nprecision *\nrecall *\nf1 *' '' eval $model --data iris
want 0 $'samples *30\n*\nclass * support\nsetosa * 10\n*macro avg *\n*\nversicolor * 0 * 1* 0\n*' '' \
    eval $model --data iris --split test --report --require 'accuracy>=0.5' --require 'loss<9'
want 5 $'samples*' $'taper: required accuracy>1, but accuracy is *\ntaper: required loss<=0, but *' \
    eval $model --data iris --require 'accuracy>1' --require 'f1>0.5' --require 'loss<=0'
want 5 'samples*' 'taper: required r2>0, but r2 is *nan' eval $model --data iris --require 'r2>0'
want 2 '' "taper: unknown score 'acuracy'; the nearest is 'accuracy'" eval $model --data iris --require 'acuracy>1'
want 2 '' "taper eval: --require takes a score, *, not 'accuracy=1'*" eval $model --data iris --require accuracy=1
want 0 '{"samples":150,*' '' eval $model --data iris --split all --json --report
json 'assert sum(map(sum, lines[0]["confusion"])) == 150 and lines[0]["classes"][2]["class"] == "virginica"' "$stdout_file"

# predict: in order, with the target's column or without, columns in any order, from a pipe
want 0 $'class,p_setosa,p_versicolor,p_virginica\nsetosa,0.9*' '' predict $model --data iris
json 'assert len(lines) == 151' <(sed 's/.*/0/' "$stdout_file")
all=$stdout
want 0 '*' '' predict $model --data "$iris_file"
[ "$stdout" = "$all" ] || fail "the file and the set of its name differ"
cut -d, -f1-4 "$iris_file" | awk -F, '{ print $4 "," $2 ",x," $3 "," $1 }' | sed '1s/,x,/,more,/' >mixed.csv
want 0 '*' '' predict $model --data mixed.csv
[ "$stdout" = "$all" ] || fail "the order of columns makes a difference"
[ "$("$taper" predict $model --data - <mixed.csv)" = "$all" ] || fail "a pipe makes a difference"
/usr/bin/python3 - <<END || fail "probabilities do not add up to 1"
rows = [line.split(",") for line in """$all""".split()[1:]]
assert len(rows) == 150 and all(abs(sum(map(float, row[1:])) - 1) < 1e-5 for row in rows)
END

# regression, with a column of text
awk 'BEGIN { print "size,kind,price"; for (i = 0; i < 80; i++) { x = i * 7 % 80 / 16; k = i % 3 == 0
             printf "%.4f,%s,%.4f\n", x, k ? "house" : "flat", 2 * x + 3 * k } }' >homes.csv
want 0 $'part * r2\ntrain * 80 *' '80 samples to train*' \
    train --data homes.csv --net "linear 16, tanh, linear 1" --epochs 60 --batch-size 8 --lr 0.02 -o homes
want 0 $'samples *80\nloss *\nmae *\nmse *\nrmse *\nr2 *0.9*' '' eval homes/model.safetensors --data homes.csv --require 'r2>0.9'
printf 'kind,size\nflat,1\nhouse,2\n' >new.csv
want 0 $'price\n[12].*\n[67].*' '' predict homes/model.safetensors --data new.csv
want 0 'part *' '' train --data homes.csv --target kind --loss bce_with_logits --net 'linear 1' --epochs 1 --quiet -o binary
want 0 $'class,p_flat,p_house\n*' '' predict binary/model.safetensors --data homes.csv
want 0 $'0.weight *: right, *' '' gradcheck homes/model.safetensors --data homes.csv
want 0 $'layer *\n0 *linear *\\[16\\] *48\n*65 parameters, *' '' summary homes/model.safetensors

# every schedule, optimizer and loss of numbers
for schedule in "constant 3 0.5" "step 3 0.5" "multi_step 2 4" "exponential 0.9" cosine "linear 4" "one_cycle 0.1" \
    "plateau 2 0.5"; do
    want 0 '*' '' train --data iris --net 'linear 3' --epochs 2 --quiet --schedule "$schedule"
done
for optim in sgd adam adamw rmsprop adagrad; do
    want 0 '*' '' train --data iris --net 'linear 3' --epochs 2 --quiet --optim $optim --dtype f64 --clip-norm 1
done
for loss in mse l1 'huber delta=2' smooth_l1; do
    want 0 '*' '' train --data homes.csv --net 'linear 1' --epochs 2 --quiet --loss "$loss" --accumulate 2 --patience 1 --val 0.2
done

# options of a loss go along
want 0 'part *' '' train --data iris --net 'linear 3' --loss 'cross_entropy weight=1,2,3' --epochs 1 --quiet -o weighted
grep -q '"loss": *"cross_entropy weight=1,2,3"' weighted/config.json || fail 'the loss in config.json'
grep -q 'cross_entropy weight=1,2,3' weighted/model.safetensors || fail 'the loss in the model'

# wrong command lines
bad=(train --data iris --quiet)
want 2 '' 'taper train: --data NAME is missing; *' train --net relu
want 2 '' 'taper train: --net TEXT is missing; *' "${bad[@]}"
want 2 '' "taper: tp_net, column 11: there is no layer 'tahn'; the nearest is 'tanh'" "${bad[@]}" --net 'linear 8, tahn'
want 2 '' 'taper train: the net gives 4 outputs, and cross_entropy of 3 classes takes 3; *' "${bad[@]}" --net 'linear 4'
want 2 '' "taper train: --batch-size takes a whole number of 1 to *, not '0'; *" "${bad[@]}" --net 'linear 3' --batch-size 0
want 2 '' "taper train: --val takes a number of 0 to 0.99, not '1'; *" "${bad[@]}" --net 'linear 3' --val 1
want 2 '' "taper: unknown --optim 'adma'; the nearest is 'adam'" "${bad[@]}" --net 'linear 3' --optim adma
want 2 '' "taper: tp_criterion_named: mse has no option 'delta'; the nearest is 'reduction'" "${bad[@]}" --net 'linear 3' --loss 'mse delta=1'
want 2 '' 'taper: tp_adam: takes no .momentum' "${bad[@]}" --net 'linear 3' --momentum 0.9
want 2 '' "taper: unknown schedule 'stpe'; the nearest is 'step'" "${bad[@]}" --net 'linear 3' --schedule 'stpe 3'
want 2 '' "taper train: --schedule: 'step' takes EPOCHS \[GAMMA\], not 'step 2.5'; *" "${bad[@]}" --net 'linear 3' --schedule 'step 2.5'
want 2 '' 'taper: usage: taper eval MODEL *' eval --data iris
want 2 '' "taper train: --separator takes one character, or 'tab', not 'ab'; *" "${bad[@]}" --net 'linear 3' --separator ab

# wrong data
wrong() { want 3 '' "$1" train --data "$2" --net 'linear 2' --quiet "${@:3}"; }
printf 'a,b,y\n1,2,u\n3,x,v\n' >text.csv
printf 'a,b,y\n1,2,u\n3,nan,v\n5,6,v\n' >nan.csv
printf 'a,b,y\n' >no-rows.csv
: >empty.csv
printf 'a,b,y\n1,2,u\n3,v\n' >short.csv
wrong "taper: text.csv: line 3, column 'b': 'x' is not a number*" text.csv
wrong "taper: nan.csv: line 3, column 'b': 'nan' is a missing value" nan.csv
want 0 '*' '' train --data nan.csv --net 'linear 2' --quiet --epochs 1 --missing drop
want 0 '*' '' train --data nan.csv --net 'linear 2' --quiet --epochs 1 --missing mean
wrong 'taper: no-rows.csv: there is no row *' no-rows.csv
wrong 'taper: empty.csv: the file is empty' empty.csv
wrong 'taper: short.csv: line 3*' short.csv
wrong $'taper: unknown set \'irsi\'; the nearest is \'iris\'\ntaper: irsi: cannot open: *' irsi
wrong "taper: $folder: cannot read: Is a directory" "$folder"
wrong "taper: $folder/train-images-idx3-ubyte: *" "mnist:$folder"
wrong "taper: text.csv: there is no column 'z' *" text.csv --target z
want 3 '' "taper: new.csv: the column 'sepal length (cm)' is missing" predict $model --data new.csv
want 3 '' 'taper: *digits.csv: *' eval $model --data digits
want 3 '' "taper: new.csv: there is no column 'price' for the target" eval homes/model.safetensors --data new.csv
printf 'size,kind\n1,castle\n' >castle.csv
want 3 '' "taper: castle.csv: line 2, column 'kind': 'castle' is none of the values known" predict homes/model.safetensors --data castle.csv
sed '2s/setosa/rose/' "$iris_file" >rose.csv
want 3 '' "taper: rose.csv: line 2, column 'target': 'rose' is *" eval $model --data rose.csv

# wrong model files: cut short, one byte changed, none, a folder, something else
size=$(stat -c %s $model)
for bytes in 0 7 100 $((size - 1)); do
    head -c $bytes $model >cut
    want 3 '' "taper: *cut*" eval cut --data iris
done
cp $model changed && printf x | dd of=changed bs=1 seek=$((size - 9)) conv=notrunc status=none
for file in changed nosuch . new.csv; do
    for verb in summary gradcheck; do want 3 '' "taper: *'$file'*" $verb $file; done
    for verb in eval predict; do want 3 '' "taper: *'$file'*" $verb $file --data iris; done
done

# a training that diverges; resume.sh has more
want 4 '' 'taper: tp_fit: * not finite *' train --data homes.csv --optim sgd --lr 1e6 --net 'linear 4, linear 1' --epochs 50 --quiet -o diverged
[ -e diverged/model.safetensors ] && fail "a diverged training left a model"

# demo
want 0 $'part *\ntest * 360 * 0.9[6-9]*\nimage 0: predicted *, labelled *\n*To go on:\n*' '' demo --quiet -o demo --seed 3
want 0 'samples*' '' eval demo/model.safetensors --data digits --require 'accuracy>=0.96'

finish
