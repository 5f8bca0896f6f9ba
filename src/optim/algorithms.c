/* algorithms.c - the optimizers there are: settings, states and the row of a step. */
#include "optim/optim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* x^n by squares: the same bits everywhere, which libm's pow does not promise. */
static double power(double x, double n)
{
    double y = 1;
    for (int64_t k = (int64_t)n; k > 0; k /= 2) {
        if (k % 2) y *= x;
        x *= x;
    }
    return y;
}

static const char *sgd_row(const double *s, const char **states)
{
    if (s[MOMENTUM] == 0) return "sgd_decay_update";
    states[0] = "momentum_buffer";
    return "momentum_update";
}

static void sgd_attributes(const double *s, double t, tp_attr *attr)
{
    attr[0].d = s[LR];
    attr[1].d = s[WEIGHT_DECAY];
    if (s[MOMENTUM] == 0) return;
    attr[1].d = s[MOMENTUM];
    attr[2].d = t == 1 ? 0 : s[DAMPENING]; /* the buffer starts with the whole gradient */
    attr[3].d = s[WEIGHT_DECAY];
    attr[4].b = s[NESTEROV] != 0;
}

static const char *adam_row(const double *s, const char **states)
{
    states[0] = "exp_avg";
    states[1] = "exp_avg_sq";
    if (s[AMSGRAD] == 0) return "adam_update";
    states[2] = "max_exp_avg_sq";
    return "amsgrad_update";
}

/* The moments are divided by 1 - beta^t: for the root of the second that goes into rate and eps. */
static void adam_attributes(const double *s, double t, tp_attr *attr)
{
    double first = 1 - power(s[BETA1], t), root = sqrt(1 - power(s[BETA2], t));
    attr[0].d = s[LR] * root / first;
    attr[1].d = s[BETA1];
    attr[2].d = s[BETA2];
    attr[3].d = s[EPS] * root;
    attr[4].d = s[WEIGHT_DECAY];
    attr[5].d = 0;
}

static void adamw_attributes(const double *s, double t, tp_attr *attr)
{
    adam_attributes(s, t, attr);
    attr[4].d = 0;
    attr[5].d = s[LR] * s[WEIGHT_DECAY];
}

static const char *rmsprop_row(const double *s, const char **states)
{
    *states++ = "square_avg";
    if (s[CENTERED] != 0) *states++ = "grad_avg";
    if (s[MOMENTUM] == 0) return s[CENTERED] != 0 ? "rmsprop_centered_update" : "rmsprop_update";
    *states = "momentum_buffer";
    return s[CENTERED] != 0 ? "rmsprop_centered_momentum_update" : "rmsprop_momentum_update";
}

static void rmsprop_attributes(const double *s, double t, tp_attr *attr)
{
    (void)t;
    attr[0].d = s[LR];
    attr[1].d = s[ALPHA];
    attr[2].d = s[EPS];
    attr[3].d = s[WEIGHT_DECAY];
    if (s[MOMENTUM] != 0) attr[4].d = s[MOMENTUM];
}

static const char *adagrad_row(const double *s, const char **states)
{
    (void)s;
    states[0] = "sum";
    return "adagrad_update";
}

static void adagrad_attributes(const double *s, double t, tp_attr *attr)
{
    attr[0].d = s[LR] / (1 + (t - 1) * s[LR_DECAY]);
    attr[1].d = s[EPS];
    attr[2].d = s[WEIGHT_DECAY];
}

/* lr, weight_decay, momentum, dampening, beta1, beta2, eps, alpha, lr_decay, initial, nesterov, amsgrad,
 * centered
 */
static const tp_algorithm algorithms[] = {
    {"sgd", {1e-3, 0, 0, 0, NAN, NAN, NAN, NAN, NAN, NAN, 0, NAN, NAN}, sgd_row, sgd_attributes},
    {"adam", {1e-3, 0, NAN, NAN, .9, .999, 1e-8, NAN, NAN, NAN, NAN, 0, NAN}, adam_row, adam_attributes},
    {"adamw", {1e-3, 1e-2, NAN, NAN, .9, .999, 1e-8, NAN, NAN, NAN, NAN, 0, NAN}, adam_row, adamw_attributes},
    {"rmsprop",
     {1e-2, 0, 0, NAN, NAN, NAN, 1e-8, .99, NAN, NAN, NAN, NAN, 0},
     rmsprop_row,
     rmsprop_attributes},
    {"adagrad",
     {1e-2, 0, NAN, NAN, NAN, NAN, 1e-10, NAN, 0, 0, NAN, NAN, NAN},
     adagrad_row,
     adagrad_attributes},
};

tp_optimizer *tp_sgd_with(tp_module *m, const tp_optimizer_options *options)
{
    return tp_optimizer_new(m, &algorithms[0], options);
}

tp_optimizer *tp_adam_with(tp_module *m, const tp_optimizer_options *options)
{
    return tp_optimizer_new(m, &algorithms[1], options);
}

tp_optimizer *tp_adamw_with(tp_module *m, const tp_optimizer_options *options)
{
    return tp_optimizer_new(m, &algorithms[2], options);
}

tp_optimizer *tp_rmsprop_with(tp_module *m, const tp_optimizer_options *options)
{
    return tp_optimizer_new(m, &algorithms[3], options);
}

tp_optimizer *tp_adagrad_with(tp_module *m, const tp_optimizer_options *options)
{
    return tp_optimizer_new(m, &algorithms[4], options);
}

/* --- by name --- */

enum { ALGORITHMS = (int)(sizeof algorithms / sizeof *algorithms) };

const char *tp_optimizer_name_at(int i) { return i >= 0 && i < ALGORITHMS ? algorithms[i].name : NULL; }

static const char *name_at(const void *names, int i)
{
    (void)names;
    return tp_optimizer_name_at(i);
}

tp_optimizer *tp_optimizer_named(tp_module *m, const char *name, const tp_optimizer_options *options)
{
    tp_context *c = m ? ((tp_object *)m)->context : NULL;
    if (!tp_object_usable(c, (tp_object *)m, "tp_optimizer_named", "m")) return tp_nil_optimizer(c);
    for (int i = 0; i < ALGORITHMS; i++)
        if (name && strcmp(name, algorithms[i].name) == 0)
            return tp_optimizer_new(m, &algorithms[i], options);
    tp_fail(c, TP_ERR_ARGUMENT, "tp_optimizer_named: there is no optimizer '%s'; the nearest is '%s'",
            name ? name : "", tp_nearest_name(name ? name : "", name_at, NULL));
    return tp_nil_optimizer(c);
}
