/* help.c - `taper help`: the verbs, or one of them; and the nearest known name for one that is not. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

/* The names a value is taken from, in lines that fit. */
static void print_names(const cli_flag *f)
{
    enum { INDENT = 26, WIDTH = 100 };
    int column = WIDTH;
    for (int i = 0; f->names(i); i++) {
        int length = (int)strlen(f->names(i)) + 2;
        if (i) putchar(',');
        if (column + length > WIDTH) {
            column = INDENT;
            printf("\n%*s", INDENT, "");
        } else {
            putchar(' ');
        }
        fputs(f->names(i), stdout);
        column += length;
    }
}

static void print_flag(const cli_flag *f)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", f->name, f->value ? " " : "", f->value ? f->value : "");
    printf("  %-24s%s", name, f->help);
    if (f->otherwise) printf(" (default %s)", f->otherwise);
    if (f->names) print_names(f);
    putchar('\n');
}

void cli_print_help(const cli_verb *verb)
{
    printf("usage: taper %s %s\n\n%s\n", verb->name, verb->arguments, verb->summary);
    for (int g = 0; g < CLI_GROUPS && verb->flags[g]; g++) {
        putchar('\n');
        for (const cli_flag *f = verb->flags[g]; f->name; f++) print_flag(f);
    }
    printf("\n%s", verb->details);
}

static int help(tp_context *c, const cli_args *args)
{
    (void)c;
    for (int i = 0; args->names == 1 && cli_verb_at(i); i++) {
        if (strcmp(cli_verb_at(i)->name, args->name[0]) != 0) continue;
        cli_print_help(cli_verb_at(i));
        return CLI_OK;
    }
    if (args->names == 1) return cli_unknown("verb", args->name[0], cli_verb_name, NULL);
    puts("usage: taper VERB [--FLAG VALUE...] [NAME...]\n");
    for (int i = 0; cli_verb_at(i); i++) printf("  %-11s%s\n", cli_verb_at(i)->name, cli_verb_at(i)->summary);
    puts("\n`taper help VERB` tells more. Exit codes: 0 done, 1 failed, 2 a wrong command line, 3 a wrong "
         "data\n"
         "or model file, 4 diverged, 5 a requirement not met, 130 interrupted.");
    return CLI_OK;
}

const cli_verb cli_help = {
    .name = "help",
    .arguments = "[VERB]",
    .summary = "Lists the verbs, or explains one.",
    .details = "example: taper help ops\n",
    .most = 1,
    .run = help,
};

int cli_unknown(const char *what, const char *given, tp_name_at_fn *name_at, const void *names)
{
    const char *nearest = tp_nearest_name(given, name_at, names);
    fprintf(stderr, "taper: unknown %s '%s'", what, given);
    if (nearest) fprintf(stderr, "; the nearest is '%s'", nearest);
    fputc('\n', stderr);
    return CLI_USAGE;
}
