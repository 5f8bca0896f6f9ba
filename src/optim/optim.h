/* optim.h - the inside of optimizers and schedules. */
#ifndef OPTIM_OPTIM_H
#define OPTIM_OPTIM_H

#include <taper/ext.h>
#include <taper/optim.h>

/* --- settings: options as numbers --- */

/* A field of an option struct: a double, or a bool as 0 or 1. */
typedef struct tp_setting {
    const char *name;
    size_t offset;
    bool flag;
    double below; /* takes 0 to below this; 0: any that is finite */
} tp_setting;

/* Reads the n settings of `options` (NULL: all left zero) into `numbers`, with `defaults` for what is left
 * zero, NAN for what is not taken. False after recording what is wrong. */
bool tp_read_settings(tp_context *c, const char *call, int n, const tp_setting *settings,
                      const double *defaults, const void *options, double *numbers);

/* --- optimizers --- */

enum {
    LR,
    WEIGHT_DECAY,
    MOMENTUM,
    DAMPENING,
    BETA1,
    BETA2,
    EPS,
    ALPHA,
    LR_DECAY,
    INITIAL,
    NESTEROV,
    AMSGRAD,
    CENTERED,
    OPTIM_SETTINGS
};

enum { TP_MOST_STATES = 4 };

/* What an optimizer does with one parameter at a time. */
typedef struct tp_algorithm {
    const char *name;
    double defaults[OPTIM_SETTINGS];
    /* The row of a step, by its settings; names the states it overwrites after the parameter. */
    const char *(*row)(const double *setting, const char **states);
    /* The row's attributes in step `t` of a parameter, counted from 1. */
    void (*attributes)(const double *setting, double t, tp_attr *attr);
} tp_algorithm;

/* A parameter. Its states, NULL until they are needed, are "step" and those that the row overwrites. */
typedef struct tp_trained {
    tp_tensor *parameter;
    char *path;
    int group;
    tp_tensor *state[TP_MOST_STATES];
    bool fresh; /* its states were made for the step at hand */
} tp_trained;

/* The settings of some parameters, as given and as they are in this step. */
typedef struct tp_group {
    double setting[OPTIM_SETTINGS], now[OPTIM_SETTINGS];
    bool own_lr;
} tp_group;

struct tp_optimizer {
    tp_object object;
    const tp_algorithm *algorithm;
    const tp_op *row;
    const char *state_name[TP_MOST_STATES + 1]; /* ends with NULL */
    tp_trained *trained;
    int n;
    tp_group *groups; /* the first is that of all others */
    int n_groups;
    tp_schedule *schedules; /* in order of making */
    int64_t steps;
};

/* The context if the optimizer can be used; NULL after recording why not. */
tp_context *tp_optimizer_usable(const tp_optimizer *opt, const char *call);

/* An optimizer of all parameters of `m`; nil after recording what is wrong. */
tp_optimizer *tp_optimizer_new(tp_module *m, const tp_algorithm *algorithm,
                               const tp_optimizer_options *options);

/* --- schedules --- */

/* Changes learning rate and momentum of a group to what they are at the schedules' steps. */
void tp_schedules_apply(const tp_optimizer *opt, double *setting);

/* Drops the optimizer's references to its schedules. */
void tp_schedules_release(tp_schedule *s);

#endif
