/* optim.h - optimizers, clipping of gradients, schedules of the learning rate. */
#ifndef TAPER_OPTIM_H
#define TAPER_OPTIM_H

#include <taper/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What changes the parameters of a module by their gradients: those that the module has when the optimizer is
 * made, a shared one once. Names, defaults and results are PyTorch's. Belongs to the scope it was made in,
 * and its states to it. */
typedef struct tp_optimizer tp_optimizer;

/* --- the optimizers there are ------------------------------------------------------------------ */

/* Options of all optimizers; one that an optimizer does not take is an error. A number left zero is the
 * default (0 where none is said), TP_ZERO is 0. */
typedef struct tp_optimizer_options {
    size_t struct_size;         /* sizeof(tp_optimizer_options); 0 means this version's */
    double lr;                  /* learning rate: 1e-3; rmsprop and adagrad 1e-2 */
    double weight_decay;        /* of all; adamw 1e-2, apart from the gradient */
    double momentum;            /* of sgd and rmsprop */
    double dampening;           /* of sgd */
    double beta1, beta2;        /* of adam and adamw: 0.9 and 0.999 */
    double eps;                 /* of all but sgd: 1e-8; adagrad 1e-10 */
    double alpha;               /* of rmsprop: 0.99 */
    double lr_decay;            /* of adagrad */
    double initial_accumulator; /* of adagrad: where the sums of squares start */
    bool nesterov;              /* of sgd, with momentum and without dampening */
    bool amsgrad;               /* of adam and adamw */
    bool centered;              /* of rmsprop */
} tp_optimizer_options;

/* Stochastic gradient descent: lr, weight_decay, momentum, dampening, nesterov. */
TP_API tp_optimizer *tp_sgd_with(tp_module *m, const tp_optimizer_options *options);
/* Adam: lr, weight_decay, beta1, beta2, eps, amsgrad. */
TP_API tp_optimizer *tp_adam_with(tp_module *m, const tp_optimizer_options *options);
/* Adam with the decay of the weights apart from the gradient: the same. */
TP_API tp_optimizer *tp_adamw_with(tp_module *m, const tp_optimizer_options *options);
/* RMSprop: lr, weight_decay, momentum, eps, alpha, centered. */
TP_API tp_optimizer *tp_rmsprop_with(tp_module *m, const tp_optimizer_options *options);
/* Adagrad: lr, weight_decay, eps, lr_decay, initial_accumulator. */
TP_API tp_optimizer *tp_adagrad_with(tp_module *m, const tp_optimizer_options *options);

/* One of these by its name: "sgd", "adam", ... */
TP_API tp_optimizer *tp_optimizer_named(tp_module *m, const char *name, const tp_optimizer_options *options);

/* Name i, NULL past the end. */
TP_API const char *tp_optimizer_name_at(int i);

/* The name of this one; NULL for nil. */
TP_API const char *tp_optimizer_name(const tp_optimizer *opt);

/* The context's inert optimizer. */
TP_API tp_optimizer *tp_nil_optimizer(tp_context *c);

/* True for nil and NULL. */
TP_API bool tp_optimizer_is_nil(const tp_optimizer *opt);

/* tp_keep for an optimizer: its states and schedules go along. */
TP_API tp_optimizer *tp_optimizer_keep(tp_optimizer *opt);

/* Options of tp_optimizer_group. */
typedef struct tp_group_options {
    size_t struct_size;      /* sizeof(tp_group_options); 0 means this version's */
    double lr, weight_decay; /* left zero: the optimizer's; TP_ZERO: 0 */
} tp_group_options;

/* Numbers of their own for the parameters whose path matches `pattern`, in which '*' stands for any letters:
 * tp_optimizer_group(opt, "*.bias", .weight_decay = TP_ZERO). A later group takes over from an earlier one. A
 * pattern that matches nothing is an error. */
TP_API void tp_optimizer_group_with(tp_optimizer *opt, const char *pattern, const tp_group_options *options);

/* --- use --------------------------------------------------------------------------------------- */

/* Options of tp_optimizer_step. */
typedef struct tp_step_options {
    size_t struct_size; /* sizeof(tp_step_options); 0 means this version's */
    bool keep_grad;     /* leave the gradients */
    tp_tensor *loss;    /* if not NULL, take its backward first */
} tp_step_options;

/* Changes the parameters that have a gradient and are not frozen, then clears all gradients. After a failure
 * nothing has changed. */
TP_API void tp_optimizer_step_with(tp_optimizer *opt, const tp_step_options *options);

/* Drops the gradients of all its parameters. */
TP_API void tp_optimizer_zero_grad(tp_optimizer *opt);

/* The learning rate of the next step, of what is in no group with its own; schedules have their say. */
TP_API double tp_optimizer_lr(const tp_optimizer *opt);

/* The learning rate that schedules start from, of what is in no group with its own. */
TP_API double tp_optimizer_base_lr(const tp_optimizer *opt);

/* Sets it; groups keep theirs. */
TP_API void tp_optimizer_set_lr(tp_optimizer *opt, double lr);

/* How many steps were taken. */
TP_API int64_t tp_optimizer_steps(const tp_optimizer *opt);

/* Sets their number, as is saved and restored with the states. */
TP_API void tp_optimizer_set_steps(tp_optimizer *opt, int64_t steps);

/* How many states there are. They are made at a parameter's first step. */
TP_API int tp_optimizer_states(const tp_optimizer *opt);

/* State i; writes its path, such as "0.weight.exp_avg", to `path` if that is not NULL. Names are PyTorch's;
 * "step" is the number of steps this parameter took. */
TP_API tp_tensor *tp_optimizer_state_at(tp_optimizer *opt, int i, char *path, size_t n);

/* The state at a path, made if it is not there: to be restored by tp_assign. */
TP_API tp_tensor *tp_optimizer_state(tp_optimizer *opt, const char *path);

#ifndef __cplusplus
/* tp_sgd(m) or tp_sgd(m, .lr = 0.1, .momentum = 0.9). */
#define tp_sgd(...)   tp_optimizer_(tp_sgd_with, __VA_ARGS__, .struct_size = sizeof(tp_optimizer_options))
/* tp_adam(m, .lr = 1e-3). */
#define tp_adam(...)  tp_optimizer_(tp_adam_with, __VA_ARGS__, .struct_size = sizeof(tp_optimizer_options))
/* tp_adamw(m, .weight_decay = 0.1). */
#define tp_adamw(...) tp_optimizer_(tp_adamw_with, __VA_ARGS__, .struct_size = sizeof(tp_optimizer_options))
/* tp_rmsprop(m, .momentum = 0.9). */
#define tp_rmsprop(...) \
    tp_optimizer_(tp_rmsprop_with, __VA_ARGS__, .struct_size = sizeof(tp_optimizer_options))
/* tp_adagrad(m, .lr_decay = 1e-4). */
#define tp_adagrad(...) \
    tp_optimizer_(tp_adagrad_with, __VA_ARGS__, .struct_size = sizeof(tp_optimizer_options))
#define tp_optimizer_(with, m, ...) with((m), &(const tp_optimizer_options){__VA_ARGS__})
/* tp_optimizer_group(opt, "*.bias", .weight_decay = TP_ZERO). */
#define tp_optimizer_group(...)     tp_optimizer_group_(__VA_ARGS__, .struct_size = sizeof(tp_group_options))
#define tp_optimizer_group_(o, p, ...) \
    tp_optimizer_group_with((o), (p), &(const tp_group_options){__VA_ARGS__})
/* tp_optimizer_step(opt) or tp_optimizer_step(opt, .loss = loss). */
#define tp_optimizer_step(...)     tp_optimizer_step_(__VA_ARGS__, .struct_size = sizeof(tp_step_options))
#define tp_optimizer_step_(o, ...) tp_optimizer_step_with((o), &(const tp_step_options){__VA_ARGS__})
#endif

/* --- clipping ---------------------------------------------------------------------------------- */

/* Scales the gradients of all parameters so that their norm, taken together, is at most `max_norm`; returns
 * what it was, 0 where there are none, NaN after a failure. */
TP_API double tp_clip_grad_norm(tp_module *m, double max_norm);

/* Puts each element of the gradients between -value and value. */
TP_API void tp_clip_grad_value(tp_module *m, double value);

/* --- schedules --------------------------------------------------------------------------------- */

/* What makes the learning rate of an optimizer depend on how often tp_schedule_step was called, on each
 * group's own rate. Several change the rate one after another, in order of making. The optimizer keeps its
 * schedules. */
typedef struct tp_schedule tp_schedule;

/* Options of all schedules; one that a schedule does not take is an error. A number left zero is the default
 * (0 where none is said), TP_ZERO is 0. */
typedef struct tp_schedule_options {
    size_t struct_size;                 /* sizeof(tp_schedule_options); 0 means this version's */
    double factor;                      /* of constant: 1/3; of plateau: 0.1 */
    double total_iters;                 /* of constant and linear: 5 */
    double start_factor, end_factor;    /* of linear: 1/3 and 1 */
    double gamma;                       /* of step and multi_step: 0.1 */
    double eta_min;                     /* of cosine */
    double pct_start;                   /* of one_cycle: the part in which the rate goes up, 0.3 */
    double div_factor;                  /* of one_cycle: starts at max_lr / div_factor, 25 */
    double final_div_factor;            /* of one_cycle: ends at that / final_div_factor, 1e4 */
    double base_momentum, max_momentum; /* of one_cycle: 0.85 and 0.95 */
    double patience;                    /* of plateau: 10 */
    double threshold;                   /* of plateau: what counts as better, relative: 1e-4 */
    double cooldown;                    /* of plateau: steps after a reduction in which none is bad */
    double min_lr;                      /* of plateau */
    bool linear;                        /* of one_cycle: straight lines, not cosines */
    bool fixed_momentum;                /* of one_cycle: leave momentum, or beta1, as it is */
    bool maximize;                      /* of plateau: larger is better */
} tp_schedule_options;

/* The rate times `factor` for the first total_iters steps. */
TP_API tp_schedule *tp_constant_lr_with(tp_optimizer *opt, const tp_schedule_options *options);
/* The rate times gamma after every `step_size` steps. */
TP_API tp_schedule *tp_step_lr_with(tp_optimizer *opt, int64_t step_size, const tp_schedule_options *options);
/* The rate times gamma after each of the milestones, numbers of steps. */
TP_API tp_schedule *tp_multi_step_lr_with(tp_optimizer *opt, tp_ints milestones,
                                          const tp_schedule_options *options);
/* The rate times gamma after each step. */
TP_API tp_schedule *tp_exponential_lr(tp_optimizer *opt, double gamma);
/* Half a cosine from the rate to eta_min in t_max steps, then back. */
TP_API tp_schedule *tp_cosine_lr_with(tp_optimizer *opt, int64_t t_max, const tp_schedule_options *options);
/* A warm-up: the rate times a factor that goes from start_factor to end_factor in total_iters steps. */
TP_API tp_schedule *tp_linear_lr_with(tp_optimizer *opt, const tp_schedule_options *options);
/* Up to max_lr and down again in total_steps (at least 2), momentum or beta1 the other way round. */
TP_API tp_schedule *tp_one_cycle_lr_with(tp_optimizer *opt, double max_lr, int64_t total_steps,
                                         const tp_schedule_options *options);
/* The rate times factor once a metric has not become better for more than `patience` steps. */
TP_API tp_schedule *tp_plateau_lr_with(tp_optimizer *opt, const tp_schedule_options *options);

/* The context's inert schedule. */
TP_API tp_schedule *tp_nil_schedule(tp_context *c);

/* True for nil and NULL. */
TP_API bool tp_schedule_is_nil(const tp_schedule *s);

/* One step further: after each epoch, or each step of the optimizer, as the schedule was meant. */
TP_API void tp_schedule_step(tp_schedule *s);

/* The same for plateau, which looks at the metric. */
TP_API void tp_schedule_metric(tp_schedule *s, double value);

/* Schedule i of an optimizer, in order of making; nil, without an error, past the end. */
TP_API tp_schedule *tp_optimizer_schedule_at(tp_optimizer *opt, int i);

/* True for plateau: it goes by tp_schedule_metric, all others by tp_schedule_step. */
TP_API bool tp_schedule_takes_metric(const tp_schedule *s);

/* Where a schedule stands: all that is to be saved. */
typedef struct tp_schedule_state {
    int64_t steps;
    int64_t bad, cooldown, reductions; /* of plateau */
    double best;                       /* of plateau; infinite before the first */
} tp_schedule_state;

/* Where it stands. */
TP_API tp_schedule_state tp_schedule_state_of(const tp_schedule *s);

/* Puts it there. */
TP_API void tp_schedule_set_state(tp_schedule *s, tp_schedule_state state);

#ifndef __cplusplus
/* tp_constant_lr(opt, .factor = 0.5, .total_iters = 10). */
#define tp_constant_lr(...)       tp_constant_lr_(__VA_ARGS__, .struct_size = sizeof(tp_schedule_options))
#define tp_constant_lr_(o, ...)   tp_constant_lr_with((o), &(const tp_schedule_options){__VA_ARGS__})
/* tp_step_lr(opt, 30) or tp_step_lr(opt, 30, .gamma = 0.5). */
#define tp_step_lr(...)           tp_step_lr_(__VA_ARGS__, .struct_size = sizeof(tp_schedule_options))
#define tp_step_lr_(o, size, ...) tp_step_lr_with((o), (size), &(const tp_schedule_options){__VA_ARGS__})
/* tp_multi_step_lr(opt, TP_INTS(30, 80)) or tp_multi_step_lr(opt, TP_INTS(30, 80), .gamma = 0.5). */
#define tp_multi_step_lr(...)     tp_multi_step_lr_(__VA_ARGS__, .struct_size = sizeof(tp_schedule_options))
#define tp_multi_step_lr_(o, milestones, ...) \
    tp_multi_step_lr_with((o), (milestones), &(const tp_schedule_options){__VA_ARGS__})
/* tp_cosine_lr(opt, 100) or tp_cosine_lr(opt, 100, .eta_min = 1e-5). */
#define tp_cosine_lr(...) tp_cosine_lr_(__VA_ARGS__, .struct_size = sizeof(tp_schedule_options))
#define tp_cosine_lr_(o, t_max, ...) \
    tp_cosine_lr_with((o), (t_max), &(const tp_schedule_options){__VA_ARGS__})
/* tp_linear_lr(opt) or tp_linear_lr(opt, .total_iters = 10). */
#define tp_linear_lr(...)     tp_linear_lr_(__VA_ARGS__, .struct_size = sizeof(tp_schedule_options))
#define tp_linear_lr_(o, ...) tp_linear_lr_with((o), &(const tp_schedule_options){__VA_ARGS__})
/* tp_one_cycle_lr(opt, 0.1, 1000) or tp_one_cycle_lr(opt, 0.1, 1000, .pct_start = 0.1). */
#define tp_one_cycle_lr(...)  tp_one_cycle_lr_(__VA_ARGS__, .struct_size = sizeof(tp_schedule_options))
#define tp_one_cycle_lr_(o, max_lr, total, ...) \
    tp_one_cycle_lr_with((o), (max_lr), (total), &(const tp_schedule_options){__VA_ARGS__})
/* tp_plateau_lr(opt) or tp_plateau_lr(opt, .patience = 3). */
#define tp_plateau_lr(...)     tp_plateau_lr_(__VA_ARGS__, .struct_size = sizeof(tp_schedule_options))
#define tp_plateau_lr_(o, ...) tp_plateau_lr_with((o), &(const tp_schedule_options){__VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
