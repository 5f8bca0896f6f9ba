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

static int min(int a, int b) { return a < b ? a : b; }

/* Edits (insert, delete, replace a letter) from a to b: Levenshtein's distance, one row at a time. */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    int row[LONGEST + 1], n = min((int)strlen(b), LONGEST);
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = min(replaced, 1 + min(row[j], row[j - 1]));
        }
    }
    return row[n];
}

int cli_unknown(const char *what, const char *given, cli_name_at *name_at, const void *names)
{
    const char *nearest = NULL;
    for (int i = 0; name_at(names, i); i++)
        if (!nearest || distance(given, name_at(names, i)) < distance(given, nearest))
            nearest = name_at(names, i);
    fprintf(stderr, "taper: unknown %s '%s'", what, given);
    if (nearest) fprintf(stderr, "; the nearest is '%s'", nearest);
    fputc('\n', stderr);
    return CLI_USAGE;
}
