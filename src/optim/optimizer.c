/* optimizer.c - parameters with their groups and states, and a step of all of them. */
#include "optim/optim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_PATH = 2048 };

/* --- the object --- */

static void release_states(tp_trained *p)
{
    for (int k = 0; k < TP_MOST_STATES; k++) {
        if (p->state[k]) tp_release(p->state[k]);
        p->state[k] = NULL;
    }
}

static void optimizer_destroy(tp_object *object)
{
    tp_optimizer *opt = (tp_optimizer *)object;
    tp_context *c = object->context;
    for (int i = 0; i < opt->n; i++) {
        tp_trained *p = &opt->trained[i];
        release_states(p);
        if (p->parameter) tp_release(p->parameter);
        if (p->path) tp_free(c, p->path, strlen(p->path) + 1);
    }
    tp_schedules_release(opt->schedules);
    tp_free(c, opt->trained, (size_t)opt->n * sizeof *opt->trained);
    tp_free(c, opt->groups, (size_t)opt->n_groups * sizeof *opt->groups);
    tp_object_free(object, sizeof *opt, true);
}

static const tp_class optimizer_class = {"optimizer", optimizer_destroy};
static const tp_class nil_class = {"nil optimizer", NULL};

tp_optimizer *tp_nil_optimizer(tp_context *c) { return tp_nil_object(c, &nil_class); }

bool tp_optimizer_is_nil(const tp_optimizer *opt) { return !opt || opt->object.type != &optimizer_class; }

const char *tp_optimizer_name(const tp_optimizer *opt)
{
    return tp_optimizer_is_nil(opt) ? NULL : opt->algorithm->name;
}

tp_optimizer *tp_optimizer_keep(tp_optimizer *opt)
{
    if (!tp_optimizer_is_nil(opt)) tp_object_keep(&opt->object);
    return opt;
}

tp_context *tp_optimizer_usable(const tp_optimizer *opt, const char *call)
{
    tp_context *c = opt ? opt->object.context : NULL;
    return tp_object_usable(c, opt ? &opt->object : NULL, call, "opt") ? c : NULL;
}

/* --- making one --- */

#define FIELD(name) #name, offsetof(tp_optimizer_options, name)

static const tp_setting settings[] = {
    {FIELD(lr), false, INFINITY},       {FIELD(weight_decay), false, INFINITY},
    {FIELD(momentum), false, INFINITY}, {FIELD(dampening), false, INFINITY},
    {FIELD(beta1), false, 1},           {FIELD(beta2), false, 1},
    {FIELD(eps), false, INFINITY},      {FIELD(alpha), false, 1},
    {FIELD(lr_decay), false, INFINITY}, {FIELD(initial_accumulator), false, INFINITY},
    {FIELD(nesterov), true, 0},         {FIELD(amsgrad), true, 0},
    {FIELD(centered), true, 0},
};

static bool read_settings(tp_context *c, const tp_algorithm *algorithm, const tp_optimizer_options *options,
                          double *setting)
{
    char call[32];
    snprintf(call, sizeof call, "tp_%s", algorithm->name);
    if (!tp_read_settings(c, call, OPTIM_SETTINGS, settings, algorithm->defaults, options, setting))
        return false;
    if (setting[NESTEROV] == 1 && !(setting[MOMENTUM] > 0 && setting[DAMPENING] == 0)) {
        tp_fail(c, TP_ERR_ARGUMENT, "%s: .nesterov takes a .momentum above 0 and no .dampening", call);
        return false;
    }
    return true;
}

/* Takes over parameter i of `m`, which it must be possible to overwrite. */
static bool take_parameter(tp_optimizer *opt, tp_module *m, int i)
{
    tp_context *c = opt->object.context;
    char path[LONGEST_PATH];
    tp_trained *p = &opt->trained[i];
    tp_tensor *t = tp_parameter_at(m, i, path, sizeof path);
    tp_assign(t, t);
    if (!tp_ok(c) || !(p->path = tp_alloc(c, strlen(path) + 1))) return false;
    memcpy(p->path, path, strlen(path) + 1);
    p->parameter = tp_retain(t);
    return true;
}

static bool take_parameters(tp_optimizer *opt, tp_module *m)
{
    tp_context *c = opt->object.context;
    int n = tp_parameters(m);
    if (!tp_ok(c)) return false;
    opt->groups = tp_alloc(c, sizeof *opt->groups);
    if (!opt->groups) return false;
    memset(opt->groups, 0, sizeof *opt->groups);
    opt->n_groups = 1;
    if (n == 0) return true;
    opt->trained = tp_alloc(c, (size_t)n * sizeof *opt->trained);
    if (!opt->trained) return false;
    memset(opt->trained, 0, (size_t)n * sizeof *opt->trained);
    opt->n = n;
    for (int i = 0; i < n; i++)
        if (!take_parameter(opt, m, i)) return false;
    return true;
}

tp_optimizer *tp_optimizer_new(tp_module *m, const tp_algorithm *algorithm,
                               const tp_optimizer_options *options)
{
    double setting[OPTIM_SETTINGS];
    tp_context *c = m ? ((tp_object *)m)->context : NULL;
    if (!tp_object_usable(c, (tp_object *)m, "an optimizer", "m")) return tp_nil_optimizer(c);
    if (!read_settings(c, algorithm, options, setting)) return tp_nil_optimizer(c);
    tp_optimizer *opt = tp_alloc(c, sizeof *opt);
    if (!opt) return tp_nil_optimizer(c);
    memset(opt, 0, sizeof *opt);
    tp_object_init(&opt->object, &optimizer_class, c);
    opt->algorithm = algorithm;
    opt->state_name[0] = "step";
    opt->row = tp_op_find(algorithm->row(setting, opt->state_name + 1));
    if (!take_parameters(opt, m)) {
        tp_object_drop(&opt->object);
        return tp_nil_optimizer(c);
    }
    memcpy(opt->groups[0].setting, setting, sizeof setting);
    return opt;
}

/* --- groups --- */

/* Whether `path` is `pattern`, in which '*' stands for any letters. */
static bool matches(const char *pattern, const char *path)
{
    if (*pattern == '*') return matches(pattern + 1, path) || (*path && matches(pattern, path + 1));
    return *pattern == *path && (!*path || matches(pattern + 1, path + 1));
}

static tp_group *add_group(tp_optimizer *opt)
{
    tp_context *c = opt->object.context;
    size_t size = sizeof *opt->groups, n = (size_t)opt->n_groups;
    tp_group *groups = tp_alloc(c, (n + 1) * size);
    if (!groups) return NULL;
    memcpy(groups, opt->groups, n * size);
    groups[n] = groups[0];
    tp_free(c, opt->groups, n * size);
    opt->groups = groups;
    return &groups[opt->n_groups++];
}

void tp_optimizer_group_with(tp_optimizer *opt, const char *pattern, const tp_group_options *options)
{
    static const char call[] = "tp_optimizer_group";
    static const tp_setting own[] = {
        {"lr", offsetof(tp_group_options, lr), false, INFINITY},
        {"weight_decay", offsetof(tp_group_options, weight_decay), false, INFINITY}};
    double numbers[2];
    tp_context *c = tp_optimizer_usable(opt, call);
    if (!c || !tp_read_settings(c, call, 2, own, opt->groups[0].setting, options, numbers)) return;
    int found = 0;
    for (int i = 0; pattern && i < opt->n; i++) found += matches(pattern, opt->trained[i].path);
    if (!found) {
        tp_fail(c, TP_ERR_ARGUMENT, "%s: no parameter matches '%s'%s%s%s", call, pattern ? pattern : "",
                opt->n ? "; the first is '" : "", opt->n ? opt->trained[0].path : "", opt->n ? "'" : "");
        return;
    }
    tp_group *group = add_group(opt);
    if (!group) return;
    group->setting[LR] = numbers[LR];
    group->setting[WEIGHT_DECAY] = numbers[WEIGHT_DECAY];
    group->own_lr = options && options->lr != 0;
    for (int i = 0; i < opt->n; i++)
        if (matches(pattern, opt->trained[i].path)) opt->trained[i].group = opt->n_groups - 1;
}

/* --- states --- */

/* Elements that lie as the parameter's do, so that an update walks both in one row: tp_linear has a weight
 * [out,in] over storage [in,out]. */
static tp_tensor *state_along(tp_tensor *parameter, double value)
{
    bool turned = tp_rank(parameter) == 2 && !tp_is_contiguous(parameter);
    tp_tensor *t = tp_zeros_like(turned ? tp_transpose(parameter, 0, 1) : parameter);
    if (value > 0) t = tp_add_scalar(t, value);
    return turned ? tp_transpose(t, 0, 1) : t;
}

/* State k of a parameter: the number of its steps, or what its row overwrites. NULL after a failure. */
static tp_tensor *make_state(const tp_optimizer *opt, const tp_trained *p, int k)
{
    tp_context *c = opt->object.context;
    tp_mark scope = tp_open_scope(c);
    tp_tensor *t =
        k == 0 ? tp_scalar(c, 0, TP_F64) : state_along(p->parameter, opt->groups[0].setting[INITIAL]);
    if (tp_ok(c)) tp_retain(t);
    tp_close_scope(c, scope);
    return tp_ok(c) ? t : NULL;
}

static bool make_states(const tp_optimizer *opt, tp_trained *p)
{
    p->fresh = !p->state[0] && opt->state_name[1];
    for (int k = 0; p->fresh && opt->state_name[k]; k++)
        if (!(p->state[k] = make_state(opt, p, k))) {
            release_states(p);
            return false;
        }
    return true;
}

int tp_optimizer_states(const tp_optimizer *opt)
{
    int n = 0;
    if (!tp_optimizer_usable(opt, "tp_optimizer_states")) return 0;
    for (int i = 0; i < opt->n; i++)
        for (int k = 0; k < TP_MOST_STATES; k++) n += opt->trained[i].state[k] != NULL;
    return n;
}

tp_tensor *tp_optimizer_state_at(tp_optimizer *opt, int i, char *path, size_t n)
{
    static const char call[] = "tp_optimizer_state_at";
    tp_context *c = tp_optimizer_usable(opt, call);
    if (!c) return tp_nil(opt ? opt->object.context : NULL);
    int at = 0;
    for (const tp_trained *p = opt->trained; p < opt->trained + opt->n; p++)
        for (int k = 0; k < TP_MOST_STATES; k++) {
            if (!p->state[k] || at++ != i) continue;
            if (path && n) snprintf(path, n, "%s.%s", p->path, opt->state_name[k]);
            return p->state[k];
        }
    tp_fail(c, TP_ERR_ARGUMENT, "%s: there is no number %d, only 0 to %d", call, i, at - 1);
    return tp_nil(c);
}

tp_tensor *tp_optimizer_state(tp_optimizer *opt, const char *path)
{
    tp_context *c = tp_optimizer_usable(opt, "tp_optimizer_state");
    if (!c) return tp_nil(opt ? opt->object.context : NULL);
    const char *name = path ? strrchr(path, '.') : NULL;
    for (tp_trained *p = opt->trained; name && opt->state_name[1] && p < opt->trained + opt->n; p++) {
        size_t length = strlen(p->path);
        if (length != (size_t)(name - path) || memcmp(p->path, path, length) != 0) continue;
        for (int k = 0; opt->state_name[k]; k++)
            if (strcmp(opt->state_name[k], name + 1) == 0)
                return make_states(opt, p) ? p->state[k] : tp_nil(c);
    }
    tp_fail(c, TP_ERR_ARGUMENT, "tp_optimizer_state: %s has no state '%s'", opt->algorithm->name,
            path ? path : "");
    return tp_nil(c);
}

/* --- a step --- */

static bool takes_part(const tp_trained *p)
{
    return tp_requires_grad(p->parameter) && !tp_is_nil(tp_grad_of(p->parameter));
}

/* Does all that may fail. Without memory nothing is left of what it made. */
static bool prepare(tp_optimizer *opt)
{
    bool done = true;
    int n = 0;
    for (; done && n < opt->n; n++) {
        opt->trained[n].fresh = false;
        if (takes_part(&opt->trained[n])) done = make_states(opt, &opt->trained[n]);
    }
    for (int i = 0; !done && i < n; i++)
        if (opt->trained[i].fresh) release_states(&opt->trained[i]);
    return done;
}

static void update(const tp_optimizer *opt, tp_trained *p)
{
    tp_tensor *in[TP_MOST_STATES + 1] = {p->parameter};
    tp_attr attr[TP_MAX_ATTR];
    int n = 1;
    double *steps = p->state[0] ? tp_data_mut(p->state[0]) : NULL;
    for (; opt->state_name[n]; n++) in[n] = p->state[n];
    in[n++] = tp_grad_of(p->parameter);
    opt->algorithm->attributes(opt->groups[p->group].now, steps ? *steps + 1 : 1, attr);
    tp_apply(opt->row, n, in, attr, NULL);
    if (steps && tp_ok(opt->object.context)) ++*steps;
}

void tp_optimizer_step_with(tp_optimizer *opt, const tp_step_options *options)
{
    tp_context *c = tp_optimizer_usable(opt, "tp_optimizer_step");
    if (!c) return;
    if (options && options->loss) tp_backward(options->loss);
    if (!tp_ok(c) || !prepare(opt)) return;
    for (int g = 0; g < opt->n_groups; g++) {
        memcpy(opt->groups[g].now, opt->groups[g].setting, sizeof opt->groups[g].now);
        tp_schedules_apply(opt, opt->groups[g].now);
    }
    for (int i = 0; i < opt->n && tp_ok(c); i++)
        if (takes_part(&opt->trained[i])) update(opt, &opt->trained[i]);
    if (!tp_ok(c)) return;
    opt->steps++;
    if (!options || !options->keep_grad) tp_optimizer_zero_grad(opt);
}

void tp_optimizer_zero_grad(tp_optimizer *opt)
{
    if (!tp_optimizer_usable(opt, "tp_optimizer_zero_grad")) return;
    for (int i = 0; i < opt->n; i++) tp_zero_grad(opt->trained[i].parameter);
}

/* --- its numbers --- */

double tp_optimizer_lr(const tp_optimizer *opt)
{
    double setting[OPTIM_SETTINGS];
    if (!tp_optimizer_usable(opt, "tp_optimizer_lr")) return NAN;
    memcpy(setting, opt->groups[0].setting, sizeof setting);
    tp_schedules_apply(opt, setting);
    return setting[LR];
}

double tp_optimizer_base_lr(const tp_optimizer *opt)
{
    return tp_optimizer_usable(opt, "tp_optimizer_base_lr") ? opt->groups[0].setting[LR] : NAN;
}

void tp_optimizer_set_lr(tp_optimizer *opt, double lr)
{
    tp_context *c = tp_optimizer_usable(opt, "tp_optimizer_set_lr");
    if (!c) return;
    if (!(lr >= 0 && lr < INFINITY)) {
        tp_fail(c, TP_ERR_ARGUMENT, "tp_optimizer_set_lr: takes a finite number, 0 or more, got %g", lr);
        return;
    }
    for (int g = 0; g < opt->n_groups; g++)
        if (!opt->groups[g].own_lr) opt->groups[g].setting[LR] = lr;
}

int64_t tp_optimizer_steps(const tp_optimizer *opt) { return tp_optimizer_is_nil(opt) ? 0 : opt->steps; }

void tp_optimizer_set_steps(tp_optimizer *opt, int64_t steps)
{
    tp_context *c = tp_optimizer_usable(opt, "tp_optimizer_set_steps");
    if (!c) return;
    if (steps < 0) {
        tp_fail(c, TP_ERR_ARGUMENT, "tp_optimizer_set_steps: takes 0 or more, got %lld", (long long)steps);
        return;
    }
    opt->steps = steps;
}
