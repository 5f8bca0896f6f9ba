/* main.c - the verb table, and what a command line is made of: taper VERB [--FLAG...] [NAME...]. */
#include "cli.h"

#include <taper/taper.h>

#include <stdio.h>
#include <string.h>

static const cli_verb *const verbs[] = {&cli_ops, &cli_info, &cli_help};

const cli_verb *cli_verb_at(int i) { return i < (int)(sizeof verbs / sizeof *verbs) ? verbs[i] : NULL; }

static const char *verb_name(const void *unused, int i)
{
    (void)unused;
    return cli_verb_at(i) ? cli_verb_at(i)->name : NULL;
}

static const char *flag_name(const void *verb, int i)
{
    return i < CLI_FLAGS ? ((const cli_verb *)verb)->flags[i] : NULL;
}

/* The number of the first of the names that equals `given`, -1 if none does. */
static int find(const char *given, tp_name_at_fn *name_at, const void *names)
{
    for (int i = 0; name_at(names, i); i++)
        if (strcmp(name_at(names, i), given) == 0) return i;
    return -1;
}

static int run(const cli_verb *verb, int n, char **words)
{
    unsigned flags = 0;
    int named = 0;
    for (int i = 0; i < n; i++) {
        if (words[i][0] != '-') {
            words[named++] = words[i];
            continue;
        }
        if (strcmp(words[i], "--help") == 0) {
            cli_print_help(verb);
            return CLI_OK;
        }
        int flag = find(words[i], flag_name, verb);
        if (flag < 0) return cli_unknown("flag", words[i], flag_name, verb);
        flags |= 1u << flag;
    }
    if (named > verb->most) {
        fprintf(stderr, "taper: usage: taper %s %s\n", verb->name, verb->arguments);
        return CLI_USAGE;
    }
    return verb->run(flags, named, words);
}

static int dispatch(int n, char **words)
{
    if (n == 0) {
        fputs("taper: no verb given; `taper help` lists them\n", stderr);
        return CLI_USAGE;
    }
    if (strcmp(words[0], "--version") == 0) {
        printf("taper %s\n", tp_version());
        return CLI_OK;
    }
    if (strcmp(words[0], "--help") == 0) return cli_help.run(0, 0, NULL);
    int verb = find(words[0], verb_name, NULL);
    return verb < 0 ? cli_unknown("verb", words[0], verb_name, NULL) : run(verbs[verb], n - 1, words + 1);
}

int main(int argc, char **argv)
{
    int status = dispatch(argc > 0 ? argc - 1 : 0, argv + 1);
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    perror("taper: cannot write to stdout");
    return CLI_FAILED;
}
