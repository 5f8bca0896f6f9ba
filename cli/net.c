/* net.c - the net of a model file, or of --net and --input. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

const char *cli_shape_text(tp_shape shape, char *text)
{
    size_t used = 0;
    text[used++] = '[';
    for (int i = 0; i < shape.n; i++)
        used += (size_t)snprintf(text + used, CLI_SHAPE_TEXT - used, "%s%lld", i ? "," : "",
                                 (long long)shape.v[i]);
    snprintf(text + used, CLI_SHAPE_TEXT - used, "]");
    return text;
}

/* Reads "64" or "28,28". */
static bool read_shape(const char *text, tp_shape *shape)
{
    char part[32];
    *shape = TP_SCALAR;
    for (size_t n; shape->n < TP_MAX_RANK - 1; text += n + 1) { /* one axis is the batch's */
        n = strcspn(text, ",");
        snprintf(part, sizeof part, "%.*s", (int)n, text);
        if (!cli_to_integer(part, &shape->v[shape->n]) || shape->v[shape->n] < 1) return false;
        shape->n++;
        if (!text[n]) return true;
    }
    return false;
}

tp_module *cli_criterion(const tp_model *model)
{
    tp_module *criterion = tp_model_criterion(model);
    return tp_module_is_nil(criterion) ? NULL : criterion;
}

static int check_flags(const cli_args *args, tp_shape *input)
{
    const char *text = cli_text(args, "--net"), *shape = cli_text(args, "--input");
    if (args->names)
        return text || shape ? cli_usage(args, "takes a model file, or --net and --input") : CLI_OK;
    if (!text || !shape)
        return cli_usage(args, "%s is missing", text ? "--input SHAPE" : "MODEL or --net TEXT");
    if (read_shape(shape, input)) return CLI_OK;
    return cli_usage(args, "--input takes the sizes of one sample, such as 64 or 28,28, not '%s'", shape);
}

tp_module *cli_net(tp_context *c, const cli_args *args, tp_model **model, tp_shape *input, int *status)
{
    *model = tp_nil_model(c);
    *status = check_flags(args, input);
    if (*status != CLI_OK) return tp_nil_module(c);
    tp_module *net;
    if (args->names) {
        *model = tp_model_open(c, args->name[0]);
        *input = tp_dataset_sample_shape(tp_model_data(*model));
        net = tp_model_net(*model);
    } else {
        net = tp_net(c, cli_text(args, "--net"), *input);
    }
    if (!tp_ok(c)) *status = cli_failed(c, args->names ? CLI_DATA : CLI_USAGE);
    return net;
}
