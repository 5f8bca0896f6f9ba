/* demo.c - `taper demo`: trains on handwritten digits and shows what came of it. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 8, IMAGES = 3 };

/* Trains as `taper train` with the words that it prints; the folder and the seed are the caller's. */
static int train(tp_context *c, const cli_args *args, const char *folder)
{
    const char *fixed[] = {"--data",   "digits",     "--scaling",
                           "global",   "--net",      "linear 256, relu, dropout 0.3, linear 10",
                           "--optim",  "adamw",      "--lr",
                           "3e-3",     "--schedule", "cosine",
                           "--epochs", "40",         "--val",
                           "0.2",      "--seed",     cli_text(args, "--seed"),
                           "-o",       folder,       "--overwrite"};
    enum { FIXED = sizeof fixed / sizeof *fixed };
    char *words[FIXED + 1];
    int n = 0;
    for (; n < FIXED; n++) words[n] = (char *)fixed[n];
    if (cli_given(args, "--quiet")) words[n++] = (char *)"--quiet";
    for (int i = 0; n == FIXED && i < n; i++)
        fprintf(stderr, strchr(words[i], ' ') ? "%s\"%s\"" : "%s%s", i ? " " : "taper train ", words[i]);
    if (n == FIXED) fputc('\n', stderr);
    cli_args train_args;
    int status = cli_read_args(&train_args, &cli_train, n, words);
    return status == CLI_OK ? cli_train.run(c, &train_args) : status;
}

/* The first images of the test part, as text, with what the model says and what they are. */
static int show_images(tp_context *c, const char *path)
{
    tp_model *model = tp_model_open(c, path);
    tp_dataset *stored = tp_dataset_open(c, "digits", .split = "test");
    tp_dataset *scaled = tp_dataset_open(c, "digits", .split = "test", .like = tp_model_data(model));
    tp_dataset_scale_like(scaled, tp_model_data(model));
    tp_tensor *x = tp_dataset_x(stored, TP_F64), *y = tp_dataset_y(stored, TP_F64);
    tp_tensor *guess = tp_likeliest_classes(tp_predict(tp_model_net(model), scaled), cli_criterion(model));
    for (int i = 0; i < IMAGES && tp_ok(c); i++) {
        printf("\nimage %d: predicted %s, labelled %s\n", i,
               tp_dataset_class_name(stored, (int)tp_get(guess, TP_INTS(i))),
               tp_dataset_class_name(stored, (int)tp_get(y, TP_INTS(i))));
        for (int p = 0; p < SIDE * SIDE; p++)
            printf("%.2s%s", &"  ..++##@@"[(int)tp_get(x, TP_INTS(i, p)) / 4 * 2],
                   (p + 1) % SIDE ? "" : "\n");
    }
    return tp_ok(c) ? CLI_OK : cli_failed(c, CLI_DATA);
}

static int demo(tp_context *c, const cli_args *args)
{
    char path[CLI_PATH];
    const char *folder = cli_text(args, "-o");
    snprintf(path, sizeof path, "%s", cli_run_path(folder, "model.safetensors"));
    int status = train(c, args, folder);
    if (status == CLI_OK) status = show_images(c, path);
    if (status != CLI_OK) return status;
    printf("\nTo go on:\n"
           "  %s eval %s --data digits --split test --report\n"
           "  %s predict %s --data digits --split test\n",
           cli_program, path, cli_program, path);
    return CLI_OK;
}

static const cli_flag flags[] = {
    {"--seed", CLI_INTEGER, "N", "of weights, parts and order", "0", .least = 0, .most = CLI_MOST_SEED},
    {"-o", CLI_TEXT, "FOLDER", "for the run's files; what is there is replaced", .otherwise = "runs/demo"},
    {"--quiet", .help = "no progress"},
    {.name = NULL},
};

const cli_verb cli_demo = {
    .name = "demo",
    .arguments = "[--seed N] [-o FOLDER] [--quiet]",
    .summary = "Trains a net on handwritten digits, and shows what it makes of some it has not seen.",
    .details = "example: taper demo\n",
    .flags = {flags},
    .run = demo,
};
