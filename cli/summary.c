/* summary.c - `taper summary`: the layers of a net, their output shapes and parameters. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static const char *const row = "%-16s %-14s %-16s %14s\n";

/* One line: a layer, or the total. */
static void print_layer(const char *path, tp_module *m, tp_tensor *y)
{
    char shape[CLI_SHAPE_TEXT], count[32];
    tp_shape s = tp_shape_of(y);
    if (s.n > 0) memmove(s.v, s.v + 1, (size_t)--s.n * sizeof *s.v); /* without the batch's axis */
    snprintf(count, sizeof count, "%lld", (long long)tp_parameter_numel(m));
    printf(row, path, tp_module_kind(m), cli_shape_text(s, shape), count);
}

/* Passes x through a module, printing each layer in it; `length` letters of `path` lead to it. Returns what
 * comes out. */
static tp_tensor *walk(tp_module *m, char *path, size_t length, tp_tensor *x)
{
    if (strcmp(tp_module_kind(m), "sequential") == 0) {
        if (length) path[length++] = '.';
        for (int i = 0; i < tp_children(m); i++) {
            tp_module *child = tp_child_at(m, i, path + length, CLI_PATH - length);
            x = walk(child, path, strlen(path), x);
        }
        return x;
    }
    x = tp_forward(m, x);
    if (!tp_is_nil(x)) print_layer(path, m, x);
    return x;
}

static int summary(tp_context *c, const cli_args *args)
{
    int status;
    tp_shape input;
    tp_model *model;
    tp_module *net = cli_net(c, args, &model, &input, &status);
    if (status != CLI_OK) return status;
    tp_open_no_grad(c);
    tp_eval(net);
    tp_shape batch = {.n = input.n + 1, .v = {1}};
    memcpy(batch.v + 1, input.v, (size_t)input.n * sizeof *input.v);
    char text[CLI_SHAPE_TEXT], path[CLI_PATH] = "";
    tp_dtype dtype = tp_parameters(net) ? tp_dtype_of(tp_parameter_at(net, 0, NULL, 0)) : TP_F32;
    printf(row, "layer", "kind", "output", "parameters");
    printf(row, "", "input", cli_shape_text(input, text), "");
    walk(net, path, 0, tp_zeros(c, batch, dtype));
    if (!tp_ok(c)) return cli_failed(c, CLI_DATA);
    int64_t n = tp_parameter_numel(net);
    double size = (double)n * (double)tp_dtype_size(dtype);
    printf("\n%lld parameters, %.1f KiB as %s\n", (long long)n, size / 1024, tp_dtype_name(dtype));
    return CLI_OK;
}

static const cli_flag flags[] = {
    {"--net", CLI_TEXT, "TEXT", "layers, such as \"linear 256, relu, linear 10\"", .names = tp_layer_name_at},
    {"--input", CLI_TEXT, "SHAPE", .help = "the sizes of one sample: 64, or 28,28"},
    {.name = NULL},
};

const cli_verb cli_summary = {
    .name = "summary",
    .arguments = "MODEL | --net TEXT --input SHAPE",
    .summary = "Shows the layers of a net: kind, output for one sample, number of parameters.",
    .details = "examples: taper summary runs/digits/model.safetensors\n"
               "          taper summary --net \"linear 256, relu, linear 10\" --input 64\n",
    .flags = {flags},
    .most = 1,
    .run = summary,
};
