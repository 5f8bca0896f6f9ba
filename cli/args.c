/* args.c - reads flags and names by a verb's tables, and checks every value before the verb runs. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_usage(const cli_args *args, const char *text, ...)
{
    va_list list;
    va_start(list, text);
    fprintf(stderr, "taper %s: ", args->verb->name);
    vfprintf(stderr, text, list);
    fprintf(stderr, "; see `taper help %s`\n", args->verb->name);
    va_end(list);
    return CLI_USAGE;
}

int cli_failed(tp_context *c, int code)
{
    fprintf(stderr, "taper: %s\n", c ? tp_error_text(c) : "no memory");
    return c && tp_error(c) != TP_ERR_MEMORY ? code : CLI_FAILED;
}

/* Flag i of all tables of a verb, NULL past the end. */
static const cli_flag *flag_at(const cli_verb *verb, int i)
{
    for (int g = 0; g < CLI_GROUPS && verb->flags[g]; g++)
        for (const cli_flag *f = verb->flags[g]; f->name; f++)
            if (i-- == 0) return f;
    return NULL;
}

/* The flag that the first n letters of `word` name. */
static const cli_flag *find_flag(const cli_verb *verb, const char *word, size_t n)
{
    for (int g = 0; g < CLI_GROUPS && verb->flags[g]; g++)
        for (const cli_flag *f = verb->flags[g]; f->name; f++)
            if (strncmp(f->name, word, n) == 0 && !f->name[n]) return f;
    return NULL;
}

/* --- values ------------------------------------------------------------------------------------ */

bool cli_to_number(const char *text, double *value)
{
    return *text && tp_parse_number(text, value) == strlen(text) && isfinite(*value);
}

bool cli_to_integer(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return *text && !*end && strspn(text, "+-0123456789") == strlen(text) && errno == 0;
}

static int find_name(cli_name_at *names, const char *text)
{
    for (int i = 0; names(i); i++)
        if (strcmp(names(i), text) == 0) return i;
    return -1;
}

static const char *choice_name(const void *flag, int i) { return ((const cli_flag *)flag)->names(i); }

static int check_number(const cli_args *args, const cli_flag *f, const char *text)
{
    double value;
    int64_t whole;
    bool ok = cli_to_number(text, &value) && value >= f->least && value <= f->most;
    if (ok && (f->kind == CLI_NUMBER || cli_to_integer(text, &whole))) return CLI_OK;
    return cli_usage(args, "%s takes a %s of %.15g to %.15g, not '%s'", f->name,
                     f->kind == CLI_INTEGER ? "whole number" : "number", f->least, f->most, text);
}

static int add(cli_args *args, const cli_flag *f, const char *text)
{
    int status = CLI_OK;
    if (f->kind == CLI_INTEGER || f->kind == CLI_NUMBER) status = check_number(args, f, text);
    if (f->kind == CLI_CHARACTER && strcmp(text, "tab") != 0 &&
        (strlen(text) != 1 || strchr("\r\n\"", *text)))
        status = cli_usage(args, "%s takes one character, or 'tab', not '%s'", f->name, text);
    if (f->kind == CLI_CHOICE && find_name(f->names, text) < 0)
        status = cli_unknown(f->name, text, choice_name, f);
    if (status == CLI_OK && args->given == CLI_GIVEN) status = cli_usage(args, "too many flags");
    if (status != CLI_OK) return status;
    args->value[args->given].flag = f;
    args->value[args->given++].text = text;
    return CLI_OK;
}

int cli_give(cli_args *args, const char *flag, const char *text)
{
    return add(args, find_flag(args->verb, flag, strlen(flag)), text);
}

/* --- words ------------------------------------------------------------------------------------- */

static const char *flag_name(const void *verb, int i)
{
    return flag_at(verb, i) ? flag_at(verb, i)->name : NULL;
}

/* Takes the flag at words[0], with its value in the same word or the next; returns how many words it was, 0
 * after reporting what is wrong. */
static int read_flag(cli_args *args, int n, char **words)
{
    const char *word = words[0], *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    const cli_flag *f = find_flag(args->verb, word, equals ? (size_t)(equals - word) : strlen(word));
    if (!f) {
        cli_unknown("flag", word, flag_name, args->verb);
        return 0;
    }
    if (f->kind == CLI_SWITCH) {
        if (equals) cli_usage(args, "%s takes no value", f->name);
        return !equals && add(args, f, "") == CLI_OK;
    }
    if (equals) return add(args, f, equals + 1) == CLI_OK;
    if (n < 2 || strncmp(words[1], "--", 2) == 0) {
        cli_usage(args, "%s takes a value, %s", f->name, f->value);
        return 0;
    }
    return add(args, f, words[1]) == CLI_OK ? 2 : 0;
}

int cli_read_args(cli_args *args, const cli_verb *verb, int n, char **words)
{
    *args = (cli_args){.verb = verb, .name = words};
    for (int i = 0, taken; i < n; i += taken) {
        taken = 1;
        if (words[i][0] != '-' || !words[i][1])
            words[args->names++] = words[i]; /* "-" is a name: stdin */
        else if ((taken = read_flag(args, n - i, words + i)) == 0)
            return CLI_USAGE;
    }
    bool stands_in = verb->instead && cli_given(args, verb->instead);
    for (int i = 0; i < 2 && verb->needed[i] && !stands_in; i++)
        if (!cli_given(args, verb->needed[i]))
            return cli_usage(args, "%s %s is missing", verb->needed[i],
                             find_flag(verb, verb->needed[i], strlen(verb->needed[i]))->value);
    if (args->names >= verb->least && args->names <= verb->most) return CLI_OK;
    fprintf(stderr, "taper: usage: taper %s %s\n", verb->name, verb->arguments);
    return CLI_USAGE;
}

/* --- what verbs ask ---------------------------------------------------------------------------- */

bool cli_given(const cli_args *args, const char *flag) { return cli_text_at(args, flag, 0) != NULL; }

const char *cli_text_at(const cli_args *args, const char *flag, int i)
{
    for (int k = 0; k < args->given; k++)
        if (strcmp(args->value[k].flag->name, flag) == 0 && i-- == 0) return args->value[k].text;
    return NULL;
}

const char *cli_text(const cli_args *args, const char *flag)
{
    const char *text = NULL, *next;
    for (int i = 0; (next = cli_text_at(args, flag, i)); i++) text = next;
    if (text) return text;
    const cli_flag *f = find_flag(args->verb, flag, strlen(flag));
    return f ? f->otherwise : NULL;
}

double cli_number(const cli_args *args, const char *flag)
{
    double value = 0;
    const char *text = cli_text(args, flag);
    if (text) cli_to_number(text, &value);
    return value;
}

int64_t cli_integer(const cli_args *args, const char *flag)
{
    int64_t value = 0;
    const char *text = cli_text(args, flag);
    if (text) cli_to_integer(text, &value);
    return value;
}

int cli_choice(const cli_args *args, const char *flag)
{
    const char *text = cli_text(args, flag);
    return text ? find_name(find_flag(args->verb, flag, strlen(flag))->names, text) : -1;
}
