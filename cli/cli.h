/* cli.h - what a verb of the command line is, and what verbs share. Results go to stdout, all else to stderr.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <taper/ext.h>

/* Exit codes. */
enum { CLI_OK, CLI_FAILED, CLI_USAGE };

enum { CLI_FLAGS = 4 };

typedef struct cli_verb {
    const char *name;
    const char *arguments; /* in the usage line: "[--json] [NAME...]" */
    const char *summary;   /* one line */
    const char *details;   /* what `taper help VERB` adds: the flags, an example */
    const char *flags[CLI_FLAGS];
    int most; /* how many names it takes */

    /* Bit i of `flags` is set where flags[i] was given. Returns the exit code. */
    int (*run)(unsigned flags, int n, char **names);
} cli_verb;

extern const cli_verb cli_ops, cli_info, cli_help;

/* The verbs in order, NULL past the end. */
const cli_verb *cli_verb_at(int i);

/* Prints a verb's help to stdout. */
void cli_print_help(const cli_verb *verb);

/* Reports "unknown WHAT 'GIVEN'" with the nearest of the known names; returns CLI_USAGE. */
int cli_unknown(const char *what, const char *given, tp_name_at_fn *name_at, const void *names);

#endif
