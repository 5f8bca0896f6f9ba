/* net.c - the net of --net and --input. */
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

tp_module *cli_make_net(tp_context *c, const cli_args *args, tp_dtype dtype, tp_shape *input, int *status)
{
    const char *text = cli_text(args, "--net"), *shape = cli_text(args, "--input");
    *status = CLI_OK;
    if (!text || !shape)
        *status = cli_usage(args, "%s is missing", text ? "--input SHAPE" : "--net TEXT");
    else if (!read_shape(shape, input))
        *status =
            cli_usage(args, "--input takes the sizes of one sample, such as 64 or 28,28, not '%s'", shape);
    if (*status != CLI_OK) return tp_nil_module(c);
    tp_module *net = tp_net(c, text, *input, .dtype = dtype);
    if (!tp_ok(c)) *status = cli_failed(c, CLI_USAGE);
    return net;
}
