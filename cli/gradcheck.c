/* gradcheck.c - `taper gradcheck`: the derivatives of a net's loss by every parameter, three ways. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

/* Targets that a loss takes, for outputs [n,..]: class indices, probabilities, or any numbers. */
static tp_tensor *draw_targets(tp_context *c, const char *loss, tp_tensor *out)
{
    if (strcmp(loss, "cross_entropy") == 0 || strcmp(loss, "nll") == 0)
        return tp_randint(c, 0, tp_size(out, -1), TP_SHAPE(tp_size(out, 0)), TP_I64);
    if (strcmp(loss, "bce_with_logits") == 0 || strcmp(loss, "binary_cross_entropy") == 0)
        return tp_uniform(c, tp_shape_of(out), 0, 1, TP_F64);
    return tp_normal(c, tp_shape_of(out), 0, 1, TP_F64);
}

static int check(tp_context *c, tp_module *net, tp_module *criterion, tp_tensor *x, tp_tensor *y)
{
    enum { MOST = 1000, TEXT = 1 << 16 };
    static tp_gradcheck_result results[MOST];
    static char text[TEXT];
    if (tp_parameters(net) > MOST)
        tp_fail(c, TP_ERR_ARGUMENT, "gradcheck: takes at most %d parameters", MOST);
    bool right = tp_gradcheck_module(net, criterion, x, y, results);
    if (!tp_ok(c)) return cli_failed(c, CLI_DATA);
    tp_gradcheck_print(net, results, text, sizeof text);
    fputs(text, stdout);
    return right ? CLI_OK : cli_failed(c, CLI_GATE);
}

static int gradcheck(tp_context *c, const cli_args *args)
{
    int status;
    tp_shape input;
    tp_seed(c, (uint64_t)cli_integer(args, "--seed"));
    tp_module *net = cli_make_net(c, args, TP_F64, &input, &status);
    if (status != CLI_OK) return status;
    tp_shape batch = {.n = input.n + 1, .v = {cli_integer(args, "--batch-size")}};
    memcpy(batch.v + 1, input.v, (size_t)input.n * sizeof *input.v);
    tp_module *criterion = tp_criterion_named(c, cli_text(args, "--loss"));
    tp_tensor *x = tp_normal(c, batch, 0, 1, TP_F64);
    tp_tensor *y = draw_targets(c, cli_text(args, "--loss"), tp_forward(net, x));
    return check(c, net, criterion, x, y);
}

static const cli_flag flags[] = {
    {"--net", CLI_TEXT, "TEXT",
     "layers, such as \"linear 20, tanh, linear 3\", of:", .names = tp_layer_name_at},
    {"--input", CLI_TEXT, "SHAPE", .help = "the sizes of one sample: 64, or 28,28"},
    {"--loss", CLI_CHOICE, "LOSS", "the loss:", "cross_entropy", .names = tp_criterion_name_at},
    {"--batch-size", CLI_INTEGER, "N", "samples", "8", .least = 1, .most = 1e6},
    {"--seed", CLI_INTEGER, "N", "of weights and random samples", "0", .least = 0, .most = CLI_MOST_SEED},
    {NULL},
};

const cli_verb cli_gradcheck = {
    .name = "gradcheck",
    .arguments = "--net TEXT --input SHAPE [--loss LOSS]",
    .summary = "Compares a net's derivatives by reverse mode, by forward mode and by differences.",
    .details =
        "Computes in f64. The exit code is 5 where they disagree.\n\n"
        "example: taper gradcheck --net \"linear 20, tanh, linear 3\" --input 10 --loss cross_entropy\n",
    .flags = {flags},
    .run = gradcheck,
};
