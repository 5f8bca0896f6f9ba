#!/bin/bash
# run.sh TAPER: the verbs' output, their exit codes, and what goes to stdout and what to stderr.
. "$(dirname "$0")/want.sh"

# the verb table
want 0 'taper [0-9]*.[0-9]*.[0-9]*' '' --version
want 0 'usage: taper VERB*  ops *  info *  help *' '' help
want 0 'usage: taper VERB*' '' --help
want 2 '' 'taper: no verb given; `taper help` lists them'
want 2 '' "taper: unknown verb 'inof'; the nearest is 'info'" inof
want 2 '' "taper: unknown verb 'hepl'; the nearest is 'help'" help hepl
for verb in train eval predict summary gradcheck demo ops info convert help; do
    want 0 "usage: taper $verb*example*: taper $verb*" '' help $verb
    want 0 "usage: taper $verb*example*: taper $verb*" '' $verb --help
    want 2 '' "taper: unknown flag '--jsno'*" $verb --jsno
done
want 2 '' 'taper: usage: taper info \[FILE\]' info x y
want 2 '' 'taper: usage: taper help \[VERB\]' help ops info

# ops
want 0 '*' '' ops
rows=$(grep -c '^OP' include/taper/ops.def)
[ "$(wc -l <<<"$stdout")" = "$rows" ] || fail "taper ops: not the $rows lines of ops.def"
want 0 $'*\nexp * ()->() *F->F *slope *y *- *e^x\n*' '' ops
want 0 $'*\ngt *NN->B *nodiff *; nodiff: a comparison *' '' ops
want 0 $'sum: sum over axes*inputs *x\n*axes axes = TP_ALL\n* (n)->()*linear + pull*reads *nothing' '' ops sum
want 0 $'exp: *\nconcat: *xs (a list)*' '' ops exp concat
want 0 'sgd_update: *outputs *x (overwritten inputs)*nodiff: *' '' ops sgd_update
want 2 '' "taper: unknown op 'summ'; the nearest is 'sum'" ops exp summ
want 2 '' "taper: unknown flag '--jsno'; the nearest is '--json'" ops --jsno
want 0 '*' '' ops --json
/usr/bin/python3 - "$rows" "$stdout_file" <<'END' || fail "the JSON of taper ops is wrong"
import json, sys
rows = json.load(open(sys.argv[2]))
by_name = {row["name"]: row for row in rows}
assert len(by_name) == int(sys.argv[1])
assert by_name["where"]["inputs"] == ["condition", "a", "b"] and by_name["where"]["reads"] == ["condition"]
assert by_name["concat"]["list"] and not by_name["exp"]["list"]
assert by_name["exp"]["derivative"] == "slope" and by_name["exp"]["nodiff"] is None
assert by_name["gt"]["derivative"] == "nodiff" and by_name["gt"]["nodiff"]
assert by_name["sgd_update"]["in_place"]
assert by_name["sum"]["attributes"][1] == {"name": "keepdim", "type": "bool", "default": "false"}
END
want 0 '\[*"name": "relu"*\]' '' ops relu --json
want 0 $'exp * rank 0 [0-9]*, rank 4 [0-9]*\n*no broadcast *\nmul * same tensor twice [0-9]*\n*all *' '' ops --cases exp mul
want 0 $'relu * rank 0 [0-9]*\n*' '' ops --cases relu
want 0 '*narrowed * pole at 0*' '' ops --cases log
want 0 '*' '' ops --cases
[ "$(wc -l <<<"$stdout")" = $((rows + 1)) ] || fail "taper ops --cases: not a line for each row"
want 0 '*' '' ops --cases --json
/usr/bin/python3 - "$rows" "$stdout_file" <<'END' || fail "the JSON of taper ops is wrong"
import json, sys
rows = json.load(open(sys.argv[2]))
assert len(rows) == int(sys.argv[1])
for row in rows:
    assert row["samples"] == sum(row["kinds"].values()) > 0, row
END

# flags: --flag value and --flag=value; the last one counts; every value is checked before anything runs
net=(--net "linear 4, tanh, linear 3" --input 5)
want 0 '*' '' gradcheck "${net[@]}" --batch-size 2
out=${stdout//\[/\\[}
want 0 "$out" '' gradcheck "${net[@]}" --batch-size=9 --batch-size=2
want 2 '' "taper gradcheck: --batch-size takes a whole number of 1 to 1000000, not '0'; see *" gradcheck --batch-size 0
want 2 '' "taper gradcheck: --batch-size takes * not '3.5'*" gradcheck --batch-size=3.5
want 2 '' "taper gradcheck: --batch-size takes * not '12x'*" gradcheck --batch-size 12x
want 2 '' "taper gradcheck: --batch-size takes * not ''*" gradcheck --batch-size=
want 2 '' "taper gradcheck: --batch-size takes a value, N; see *" gradcheck --batch-size
want 2 '' "taper gradcheck: --batch-size takes a value, N; see *" gradcheck --batch-size --seed 1
want 2 '' "taper gradcheck: --seed takes * not '9007199254740992'*" gradcheck --seed 9007199254740992
want 2 '' "taper: unknown flag '--btach-size'; the nearest is '--batch-size'" gradcheck --btach-size 3
want 2 '' "taper: tp_criterion_named: there is no loss 'mes'; the nearest is 'mse'" gradcheck "${net[@]}" --loss mes
want 2 '' 'taper ops: --json takes no value; see *' ops --json=yes

# summary
want 0 $'layer *\n *input *\\[28,28\\] *\n0.0 *flatten *\\[784\\] * 0\n0.1 *linear *\\[7\\] * 5495\n0.2 *relu *\n\n5495 *' '' \
    summary --net '(linear 7, relu)' --input 28,28
want 2 '' "taper summary: --input takes the sizes of one sample, *, not '3,'; *" summary --net relu --input 3,
want 2 '' 'taper summary: --input SHAPE is missing; *' summary --net relu
want 2 '' "taper: tp_net, column 12: there is no layer 'rleu'; the nearest is 'relu'" summary --net 'linear 20, rleu' --input 3

# gradcheck
for loss in cross_entropy nll bce_with_logits binary_cross_entropy mse l1 huber smooth_l1; do
    want 0 $'0.weight \\[4,5\\] 20: right, *\n2.bias *' '' \
        gradcheck --net 'linear 4, tanh, linear 3, sigmoid' --input 5 --loss $loss
done
want 2 '' "taper: tp_binary_cross_entropy: argument 'p' takes 0 to 1, *" gradcheck --net 'linear 3' --input 2 --loss binary_cross_entropy

# info
want 0 $'version *\nprocessor *\nsimd *\nthreads *[0-9]\ncompiler *[0-9]*\nbuild *-ffp-contract=off*' '' info
TAPER_SIMD=baseline want 0 $'*\nsimd       baseline\n*' '' info
TAPER_SIMD=mmx want 0 $'*\nsimd *\\(this processor has no TAPER_SIMD=mmx\\)\n*' '' info

# a result that cannot be written is a failure
status=0
text=$("$taper" ops 2>&1 >/dev/full) || status=$?
[ "$status" = 1 ] && [[ $text == *'cannot write to stdout'* ]] || fail "/dev/full: $status, $text"

finish
