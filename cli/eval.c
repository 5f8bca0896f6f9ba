/* eval.c - `taper eval`: the scores of a model on data, and whether they are good enough. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static int eval(tp_context *c, const cli_args *args)
{
    int status = cli_check_requirements(args);
    if (status != CLI_OK) return status;
    tp_model *model = tp_model_open(c, args->name[0]);
    tp_dataset *like = tp_model_data(model);
    if (!tp_ok(c)) return cli_failed(c, CLI_DATA);
    tp_dataset *data = cli_open_data(c, args, "test", tp_dataset_target_kind(like), like);
    tp_scores scores = tp_evaluate(tp_model_net(model), data, .criterion = cli_criterion(model));
    if (!tp_ok(c)) return cli_failed(c, CLI_DATA);
    bool report = cli_given(args, "--report") && !tp_is_nil(scores.confusion);
    if (cli_given(args, "--json")) {
        json_t *o = cli_scores_json(&scores);
        if (report) cli_report_json(o, &scores, data);
        status = cli_print_json(o);
    } else {
        cli_print_scores(&scores);
        if (report) cli_print_report(&scores, data);
    }
    return status == CLI_OK ? cli_require(args, &scores) : status;
}

static const cli_flag flags[] = {
    {"--report", .help = "also precision, recall and F1 of each class, and the confusion matrix"},
    {"--require", CLI_TEXT, "GATE",
     .help = "a score and its bound, 'accuracy>=0.95'; may be given more than once"},
    {"--json", .help = "one JSON object"},
    {.name = NULL},
};

const cli_verb cli_eval = {
    .name = "eval",
    .arguments = "MODEL --data NAME [--split PART] [--report] [--require GATE]...",
    .summary = "Scores a model on data.",
    .details =
        "The test part is scored of sets that have one, all of a CSV file. Precision, recall and F1 are\n"
        "the mean over the classes. The exit code is 5 where a gate is not met.\n\n"
        "example: taper eval runs/digits/model.safetensors --data digits --split test --report \\\n"
        "             --require 'accuracy>=0.95'\n",
    .flags = {flags, cli_data_flags},
    .needed = {"--data"},
    .least = 1,
    .most = 1,
    .run = eval,
};
