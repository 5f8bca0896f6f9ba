/* data.c - the data a verb works on, by its flags. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

/* --- flags ------------------------------------------------------------------------------------- */

static const char *split_name(int i)
{
    static const char *const names[] = {"train", "test", "all", NULL};
    return names[i];
}

static const char *header_name(int i)
{
    static const char *const names[] = {
        [TP_HEADER_FOUND] = "found", [TP_HEADER_YES] = "yes", [TP_HEADER_NO] = "no", NULL};
    return names[i];
}

static const char *missing_name(int i)
{
    static const char *const names[] = {
        [TP_MISSING_ERROR] = "error", [TP_MISSING_DROP] = "drop", [TP_MISSING_MEAN] = "mean", NULL};
    return names[i];
}

#define DATA_HELP "breast_cancer, iris, wine or digits; mnist:FOLDER; a CSV file; - for standard input"

const cli_flag cli_data_flags[] = {
    {"--data", CLI_TEXT, "NAME", .help = DATA_HELP},
    {"--split", CLI_CHOICE, "PART", "the part to take", .names = split_name},
    {"--target", CLI_TEXT, "COLUMN",
     .help = "of a CSV file: the target's name, or its number from 0; else the last"},
    {"--separator", CLI_CHARACTER, "CHAR", .help = "of a CSV file, or 'tab'; else it is found"},
    {"--header", CLI_CHOICE, "WHICH", "whether a CSV file begins with names", "found", .names = header_name},
    {"--missing", CLI_CHOICE, "WHAT", "what becomes of rows with missing values", "error",
     .names = missing_name},
    {.name = NULL},
};

/* --- open -------------------------------------------------------------------------------------- */

static const char *set_name(const void *unused, int i)
{
    (void)unused;
    return tp_dataset_name_at(i);
}

bool cli_data_is_file(const char *name)
{
    for (int i = 0; tp_dataset_name_at(i); i++)
        if (strcmp(name, tp_dataset_name_at(i)) == 0) return false;
    return strncmp(name, "mnist:", 6) != 0;
}

tp_dataset *cli_open_data(tp_context *c, const cli_args *args, const char *split, tp_target_kind kind,
                          const tp_dataset *like)
{
    const char *name = cli_text(args, "--data"), *separator = cli_text(args, "--separator");
    if (cli_given(args, "--split"))
        split = cli_text(args, "--split");
    else if (cli_data_is_file(name))
        split = "all";
    tp_dataset *data = tp_dataset_open(c, name, .split = split, .kind = kind, .like = like,
                                       .separator = !separator                      ? 0
                                                    : strcmp(separator, "tab") == 0 ? '\t'
                                                                                    : separator[0],
                                       .header = (tp_header)cli_choice(args, "--header"),
                                       .target = cli_text(args, "--target"),
                                       .missing = (tp_missing)cli_choice(args, "--missing"));
    if (like) tp_dataset_scale_like(data, like);
    if (tp_error(c) == TP_ERR_IO && !strpbrk(name, "./:")) cli_unknown("set", name, set_name, NULL);
    return data;
}
