/* gradcheck.c - `taper gradcheck`: the derivatives of a net's loss by every parameter, three ways. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static bool takes_classes(tp_module *criterion)
{
    const char *kind = tp_module_kind(criterion);
    return strcmp(kind, "cross_entropy") == 0 || strcmp(kind, "nll") == 0;
}

/* Targets for outputs [n,..]: class indices, probabilities, or any numbers. */
static tp_tensor *draw_targets(tp_context *c, tp_module *criterion, tp_tensor *out)
{
    if (takes_classes(criterion))
        return tp_randint(c, 0, tp_size(out, -1), TP_SHAPE(tp_size(out, 0)), TP_I64);
    if (strncmp(tp_module_kind(criterion), "b", 1) == 0) return tp_uniform(c, tp_shape_of(out), 0, 1, TP_F64);
    return tp_normal(c, tp_shape_of(out), 0, 1, TP_F64);
}

/* The verb's work once all is there; `status` is the exit code where the parts do not fit each other. */
static int check(tp_context *c, int status, tp_module *net, tp_module *criterion, tp_tensor *x, tp_tensor *y)
{
    enum { MOST = 1000, TEXT = 1 << 16 };
    static tp_gradcheck_result results[MOST];
    static char text[TEXT];
    if (tp_parameters(net) > MOST)
        tp_fail(c, TP_ERR_ARGUMENT, "gradcheck: takes at most %d parameters", MOST);
    bool right = tp_gradcheck_module(net, criterion, x, y, results);
    if (!tp_ok(c)) return cli_failed(c, status);
    tp_gradcheck_print(net, results, text, sizeof text);
    fputs(text, stdout);
    return right ? CLI_OK : cli_failed(c, CLI_GATE);
}

/* The first samples of --data. */
static tp_dataset *first_samples(tp_context *c, const cli_args *args, const tp_dataset *like)
{
    enum { MOST = 1000 };
    int64_t rows[MOST];
    tp_dataset *data = cli_open_data(c, args, "train", tp_dataset_target_kind(like), like);
    int64_t n = cli_integer(args, "--batch-size");
    if (n > tp_dataset_size(data)) n = tp_dataset_size(data);
    if (n > MOST) n = MOST;
    for (int64_t i = 0; i < n; i++) rows[i] = i;
    return tp_dataset_rows(data, rows, n);
}

static int gradcheck(tp_context *c, const cli_args *args)
{
    int status;
    tp_shape input;
    tp_model *model;
    tp_seed(c, (uint64_t)cli_integer(args, "--seed"));
    tp_module *net = cli_net(c, args, &model, &input, &status);
    if (status != CLI_OK) return status;
    const char *loss = cli_text(args, "--loss");
    tp_module *criterion = args->names ? cli_criterion(model) : NULL;
    if (!criterion || cli_given(args, "--loss"))
        criterion = tp_criterion_named(c, loss ? loss : "cross_entropy");
    tp_module *copy = tp_module_clone(net, TP_F64);
    if (cli_given(args, "--data")) {
        if (!args->names) return cli_usage(args, "--data is for model files");
        tp_dataset *data = first_samples(c, args, tp_model_data(model));
        tp_tensor *x = tp_dataset_x(data, TP_F64), *y = tp_dataset_y(data, TP_F64);
        if (!takes_classes(criterion)) y = tp_reshape(tp_cast(y, TP_F64), tp_shape_of(tp_forward(copy, x)));
        return check(c, args->names ? CLI_DATA : CLI_USAGE, net, criterion, x, y);
    }
    tp_shape batch = {.n = input.n + 1, .v = {cli_integer(args, "--batch-size")}};
    memcpy(batch.v + 1, input.v, (size_t)input.n * sizeof *input.v);
    tp_tensor *x = tp_normal(c, batch, 0, 1, TP_F64);
    return check(c, args->names ? CLI_DATA : CLI_USAGE, net, criterion, x,
                 draw_targets(c, criterion, tp_forward(copy, x)));
}

static const cli_flag flags[] = {
    {"--net", CLI_TEXT, "TEXT", "layers, such as \"linear 20, tanh, linear 3\"", .names = tp_layer_name_at},
    {"--input", CLI_TEXT, "SHAPE", .help = "the sizes of one sample: 64, or 28,28"},
    {"--loss", CLI_TEXT, "TEXT", "such as \"huber delta=2\"; else the model's, or cross_entropy",
     .names = tp_criterion_name_at},
    {"--batch-size", CLI_INTEGER, "N", "samples", "8", .least = 1, .most = 1e6},
    {"--seed", CLI_INTEGER, "N", "of weights and random samples", "0", .least = 0, .most = CLI_MOST_SEED},
    {.name = NULL},
};

const cli_verb cli_gradcheck = {
    .name = "gradcheck",
    .arguments = "MODEL [--data NAME] | --net TEXT --input SHAPE [--loss TEXT]",
    .summary = "Compares a net's derivatives by reverse mode, by forward mode and by differences.",
    .details =
        "Computes in f64. The exit code is 5 where they disagree.\n\n"
        "example: taper gradcheck --net \"linear 20, tanh, linear 3\" --input 10 --loss cross_entropy\n",
    .flags = {flags, cli_data_flags},
    .most = 1,
    .run = gradcheck,
};
