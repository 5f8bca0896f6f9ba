/* help.c - `taper help`: the verbs, or one of them; and the nearest known name for one that is not. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

void cli_print_help(const cli_verb *verb)
{
    printf("usage: taper %s %s\n\n%s\n%s", verb->name, verb->arguments, verb->summary, verb->details);
}

static const char *verb_name(const void *unused, int i)
{
    (void)unused;
    return cli_verb_at(i) ? cli_verb_at(i)->name : NULL;
}

static int help(unsigned flags, int n, char **names)
{
    (void)flags;
    for (int i = 0; n == 1 && cli_verb_at(i); i++) {
        if (strcmp(cli_verb_at(i)->name, names[0]) != 0) continue;
        cli_print_help(cli_verb_at(i));
        return CLI_OK;
    }
    if (n == 1) return cli_unknown("verb", names[0], verb_name, NULL);
    puts("usage: taper VERB [--FLAG...] [NAME...]\n");
    for (int i = 0; cli_verb_at(i); i++) printf("  %-8s%s\n", cli_verb_at(i)->name, cli_verb_at(i)->summary);
    puts("\n`taper help VERB` tells more. Exit codes: 0 done, 1 failed, 2 a wrong command line.");
    return CLI_OK;
}

const cli_verb cli_help = {
    .name = "help",
    .arguments = "[VERB]",
    .summary = "Lists the verbs, or explains one.",
    .details = "\nexample: taper help ops\n",
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
