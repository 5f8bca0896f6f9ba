/* schedule.c - the flag --schedule: a name and its numbers, "step 10 0.5". */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NUMBERS = TP_INTERNAL_RANK, MOST_EPOCHS = 1000000000 };

/* A schedule's name, its numbers in words, how many there may be, how many of the first are whole, and which
 * options (by place, 0: none) the first two are. */
typedef struct schedule {
    const char *name, *numbers;
    int least, most, whole;
    size_t option[2];
} schedule;

enum { CONSTANT, STEP, MULTI_STEP, EXPONENTIAL, COSINE, LINEAR, ONE_CYCLE, PLATEAU, SCHEDULES };

#define OPTION(name) offsetof(tp_schedule_options, name)

static const schedule schedules[SCHEDULES] = {
    [CONSTANT] = {"constant", "[EPOCHS [FACTOR]]", 0, 2, 1, {OPTION(total_iters), OPTION(factor)}},
    [STEP] = {"step", "EPOCHS [GAMMA]", 1, 2, 1, {0, OPTION(gamma)}},
    [MULTI_STEP] = {"multi_step", "EPOCH [EPOCH]...", 1, NUMBERS, NUMBERS, {0}},
    [EXPONENTIAL] = {"exponential", "GAMMA", 1, 1, 0, {0}},
    [COSINE] = {"cosine", "[EPOCHS]", 0, 1, 1, {0}},
    [LINEAR] = {"linear", "[EPOCHS [START_FACTOR]]", 0, 2, 1, {OPTION(total_iters), OPTION(start_factor)}},
    [ONE_CYCLE] = {"one_cycle", "MAX_LR", 1, 1, 0, {0}},
    [PLATEAU] = {"plateau", "[PATIENCE [FACTOR]]", 0, 2, 1, {OPTION(patience), OPTION(factor)}},
};

const char *cli_schedule_text(int i)
{
    static char text[64];
    if (i >= SCHEDULES) return NULL;
    snprintf(text, sizeof text, "%s %s", schedules[i].name, schedules[i].numbers);
    return text;
}

static const char *name_at(const void *unused, int i)
{
    (void)unused;
    return i < SCHEDULES ? schedules[i].name : NULL;
}

/* The text's schedule and numbers; -1 after saying what is wrong. */
static int read_text(const cli_args *args, const char *text, double *number, int *n)
{
    char words[200], *rest = words;
    snprintf(words, sizeof words, "%s", text);
    const char *name = strtok_r(words, " ", &rest), *word;
    int which = 0;
    while (which < SCHEDULES && strcmp(name ? name : "", schedules[which].name) != 0) which++;
    if (which == SCHEDULES) {
        cli_unknown("schedule", name ? name : "", name_at, NULL);
        return -1;
    }
    const schedule *s = &schedules[which];
    bool ok = true;
    for (*n = 0; ok && (word = strtok_r(NULL, " ", &rest)) != NULL; ++*n) {
        ok = *n < s->most && cli_to_number(word, &number[*n]) && number[*n] >= 0;
        if (ok && *n < s->whole) ok = number[*n] == floor(number[*n]) && number[*n] <= MOST_EPOCHS;
    }
    if (ok && *n >= s->least) return which;
    cli_usage(args, "--schedule: '%s' takes %s, not '%s'", s->name, s->numbers, text);
    return -1;
}

int cli_check_schedule(const cli_args *args)
{
    double number[NUMBERS];
    int n;
    const char *text = cli_text(args, "--schedule");
    return text && read_text(args, text, number, &n) < 0 ? CLI_USAGE : CLI_OK;
}

tp_schedule *cli_make_schedule(const cli_args *args, tp_optimizer *opt, int64_t epochs, int64_t steps,
                               bool *every_step)
{
    double number[NUMBERS] = {0};
    tp_ints whole = {0};
    int n, which = read_text(args, cli_text(args, "--schedule"), number, &n);
    tp_schedule_options o = {.struct_size = sizeof o};
    for (int i = 0; i < n; i++) {
        whole.v[whole.n++] = (int64_t)number[i];
        if (i < 2 && schedules[which].option[i])
            *(double *)((char *)&o + schedules[which].option[i]) = number[i] == 0 ? TP_ZERO : number[i];
    }
    *every_step = which == ONE_CYCLE;
    switch (which) {
    case CONSTANT: return tp_constant_lr_with(opt, &o);
    case STEP: return tp_step_lr_with(opt, whole.v[0], &o);
    case MULTI_STEP: return tp_multi_step_lr_with(opt, whole, &o);
    case EXPONENTIAL: return tp_exponential_lr(opt, number[0]);
    case COSINE: return tp_cosine_lr_with(opt, n ? whole.v[0] : epochs, &o);
    case LINEAR: return tp_linear_lr_with(opt, &o);
    case ONE_CYCLE: return tp_one_cycle_lr_with(opt, number[0], epochs * steps, &o);
    default: return tp_plateau_lr_with(opt, &o);
    }
}
