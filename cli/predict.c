/* predict.c - `taper predict`: a line of CSV for each sample. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A field of CSV, in quotes where it needs them (RFC 4180). */
static void print_field(const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) printf(*text == '"' ? "\"\"" : "%c", *text);
    putchar('"');
}

/* The class, and the probability of each; of two classes a net may give that of the second alone. */
static void print_classes(const tp_dataset *data, tp_tensor *outputs, tp_module *criterion, int digits)
{
    tp_tensor *p = tp_probabilities(outputs, criterion),
              *likeliest = tp_likeliest_classes(outputs, criterion);
    int classes = tp_dataset_classes(data);
    bool alone = tp_numel(p) == tp_size(p, 0);
    for (int k = 0; k < classes; k++) {
        fputs(k ? ",p_" : "class,p_", stdout);
        print_field(tp_dataset_class_name(data, k));
    }
    putchar('\n');
    const double *value = tp_data(tp_contiguous(tp_cast(p, TP_F64)));
    const int64_t *best = tp_data(tp_contiguous(likeliest));
    for (int64_t i = 0; value && best && i < tp_size(p, 0); i++) {
        print_field(tp_dataset_class_name(data, (int)best[i]));
        for (int k = 0; k < classes; k++) {
            double of = alone ? value[i] : value[i * classes + k];
            printf(",%.*g", digits, alone && k == 0 ? 1 - of : of);
        }
        putchar('\n');
    }
}

static void print_numbers(const tp_dataset *data, tp_tensor *outputs, int digits)
{
    int64_t n = tp_size(outputs, 0), columns = n ? tp_numel(outputs) / n : 0;
    const double *value = tp_data(tp_contiguous(tp_cast(outputs, TP_F64)));
    for (int64_t k = 0; k < columns; k++) {
        if (k) putchar(',');
        print_field(tp_dataset_target_name(data));
        if (columns > 1) printf("_%lld", (long long)k);
    }
    putchar('\n');
    for (int64_t i = 0; value && i < n * columns; i++)
        printf("%.*g%c", digits, value[i], (i + 1) % columns ? ',' : '\n');
}

static int predict(tp_context *c, const cli_args *args)
{
    tp_model *model = tp_model_open(c, args->name[0]);
    tp_dataset *like = tp_model_data(model);
    if (!tp_ok(c)) return cli_failed(c, CLI_DATA);
    tp_dataset *data = cli_open_data(c, args, "all", TP_TARGET_NONE, like);
    tp_tensor *outputs = tp_predict(tp_model_net(model), data);
    if (!tp_ok(c)) return cli_failed(c, CLI_DATA);
    int digits = tp_dtype_of(outputs) == TP_F64 ? 17 : 9; /* which read back as the same number */
    if (tp_dataset_classes(like) > 0)
        print_classes(like, outputs, cli_criterion(model), digits);
    else
        print_numbers(like, outputs, digits);
    return tp_ok(c) ? CLI_OK : cli_failed(c, CLI_FAILED);
}

const cli_verb cli_predict = {
    .name = "predict",
    .arguments = "MODEL --data NAME",
    .summary = "Prints what a model says of each sample, as CSV in the order of the samples.",
    .details =
        "Columns are found by their names where the file has names; a target column may be there or not.\n"
        "For classes a line is the likeliest class and the probability of each; else the number.\n\n"
        "example: taper predict runs/digits/model.safetensors --data new.csv > predictions.csv\n",
    .flags = {cli_data_flags},
    .needed = {"--data"},
    .least = 1,
    .most = 1,
    .run = predict,
};
