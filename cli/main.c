/* main.c - the verb table, and what a command line is made of: taper VERB [--FLAG VALUE...] [NAME...]. */
#include "cli.h"

#include <taper/taper.h>

#include <stdio.h>
#include <string.h>

static const cli_verb *const verbs[] = {&cli_train, &cli_eval, &cli_predict, &cli_summary, &cli_gradcheck,
                                        &cli_demo,  &cli_ops,  &cli_info,    &cli_convert, &cli_help};

const cli_verb *cli_verb_at(int i) { return i < (int)(sizeof verbs / sizeof *verbs) ? verbs[i] : NULL; }

const char *cli_verb_name(const void *unused, int i)
{
    (void)unused;
    return cli_verb_at(i) ? cli_verb_at(i)->name : NULL;
}

static int run(const cli_verb *verb, int n, char **words)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(words[i], "--help") != 0) continue;
        cli_print_help(verb);
        return CLI_OK;
    }
    cli_args args;
    int status = cli_read_args(&args, verb, n, words);
    if (status != CLI_OK) return status;
    tp_context *c = tp_open(NULL);
    if (!c) return cli_failed(c, CLI_FAILED);
    status = verb->run(c, &args);
    tp_close(c);
    return status;
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
    if (strcmp(words[0], "--help") == 0) return run(&cli_help, 0, NULL);
    for (int i = 0; cli_verb_at(i); i++)
        if (strcmp(cli_verb_at(i)->name, words[0]) == 0) return run(verbs[i], n - 1, words + 1);
    return cli_unknown("verb", words[0], cli_verb_name, NULL);
}

const char *cli_program = "taper";

int main(int argc, char **argv)
{
    if (argc > 0) cli_program = argv[0];
    int status = dispatch(argc > 0 ? argc - 1 : 0, argv + 1);
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    perror("taper: cannot write to stdout");
    return CLI_FAILED;
}
