/* schedule.c - learning rates that depend on how many steps were taken: each is a function of its counters.
 */
#include "optim/optim.h"

#include <math.h>
#include <string.h>

enum {
    FACTOR,
    TOTAL,
    START,
    END,
    GAMMA,
    ETA_MIN,
    PCT_START,
    DIV,
    FINAL_DIV,
    BASE_MOMENTUM,
    MAX_MOMENTUM,
    PATIENCE,
    THRESHOLD,
    COOLDOWN,
    MIN_LR,
    LINEAR,
    FIXED_MOMENTUM,
    MAXIMIZE,
    SETTINGS
};

/* A kind of schedule: its options, and what it makes of a group's settings. */
typedef struct kind {
    const char *name;
    double defaults[SETTINGS];
    void (*apply)(const tp_schedule *s, double *setting);
    bool metric; /* goes by tp_schedule_metric */
} kind;

struct tp_schedule {
    tp_object object;
    const kind *kind;
    tp_schedule *next; /* of the same optimizer, made after this one */
    double setting[SETTINGS];
    double number;      /* the kind's own: step_size, gamma, t_max, total_steps */
    double max_lr;      /* of one_cycle */
    tp_ints milestones; /* of multi_step */
    tp_schedule_state state;
};

static void schedule_destroy(tp_object *object) { tp_object_free(object, sizeof(tp_schedule), true); }

static const tp_class schedule_class = {"schedule", schedule_destroy};
static const tp_class nil_class = {"nil schedule", NULL};

tp_schedule *tp_nil_schedule(tp_context *c) { return tp_nil_object(c, &nil_class); }

bool tp_schedule_is_nil(const tp_schedule *s) { return !s || s->object.type != &schedule_class; }

static tp_context *usable(const tp_schedule *s, const char *call)
{
    tp_context *c = s ? s->object.context : NULL;
    return tp_object_usable(c, s ? &s->object : NULL, call, "s") ? c : NULL;
}

void tp_schedules_apply(const tp_optimizer *opt, double *setting)
{
    for (const tp_schedule *s = opt->schedules; s; s = s->next) s->kind->apply(s, setting);
}

tp_schedule *tp_optimizer_schedule_at(tp_optimizer *opt, int i)
{
    tp_context *c = tp_optimizer_usable(opt, "tp_optimizer_schedule_at");
    tp_schedule *s = c && i >= 0 ? opt->schedules : NULL;
    for (; s && i > 0; i--) s = s->next;
    return s ? s : tp_nil_schedule(opt ? opt->object.context : NULL);
}

void tp_schedules_release(tp_schedule *s)
{
    for (tp_schedule *next; s; s = next) {
        next = s->next;
        tp_object_release(&s->object);
    }
}

/* --- the rates --- */

static double steps_of(const tp_schedule *s) { return (double)s->state.steps; }

static void constant(const tp_schedule *s, double *setting)
{
    if (steps_of(s) < s->setting[TOTAL]) setting[LR] *= s->setting[FACTOR];
}

static void linear(const tp_schedule *s, double *setting)
{
    double part = s->setting[TOTAL] > 0 ? fmin(1, steps_of(s) / s->setting[TOTAL]) : 1;
    setting[LR] *= s->setting[START] + (s->setting[END] - s->setting[START]) * part;
}

static void step(const tp_schedule *s, double *setting)
{
    setting[LR] *= pow(s->setting[GAMMA], floor(steps_of(s) / s->number));
}

static void multi_step(const tp_schedule *s, double *setting)
{
    int passed = 0;
    for (int i = 0; i < s->milestones.n; i++) passed += s->milestones.v[i] <= s->state.steps;
    setting[LR] *= pow(s->setting[GAMMA], passed);
}

static void exponential(const tp_schedule *s, double *setting) { setting[LR] *= pow(s->number, steps_of(s)); }

/* From `start` (part 0) to `end` (part 1) along half a cosine. */
static double cosine_between(double start, double end, double part)
{
    const double pi = 3.14159265358979323846;
    return end + (start - end) * (1 + cos(pi * part)) / 2;
}

static void cosine(const tp_schedule *s, double *setting)
{
    setting[LR] = cosine_between(setting[LR], s->setting[ETA_MIN], steps_of(s) / s->number);
}

static void one_cycle(const tp_schedule *s, double *setting)
{
    const double *o = s->setting;
    double last = s->number - 1, top = o[PCT_START] * s->number - 1, now = fmin(steps_of(s), last);
    double start = s->max_lr / o[DIV], end = start / o[FINAL_DIV];
    bool up = now <= top;
    double part = up ? (top > 0 ? now / top : 1) : (now - top) / (last - top);
    double rate[2] = {up ? start : s->max_lr, up ? s->max_lr : end};
    double momentum[2] = {o[up ? MAX_MOMENTUM : BASE_MOMENTUM], o[up ? BASE_MOMENTUM : MAX_MOMENTUM]};
    bool straight = o[LINEAR] != 0;
    setting[LR] = straight ? rate[0] + (rate[1] - rate[0]) * part : cosine_between(rate[0], rate[1], part);
    int which = isnan(setting[BETA1]) ? MOMENTUM : BETA1;
    if (o[FIXED_MOMENTUM] != 0 || !(setting[which] > 0)) return; /* NAN: it has none */
    setting[which] = straight ? momentum[0] + (momentum[1] - momentum[0]) * part
                              : cosine_between(momentum[0], momentum[1], part);
}

/* Reductions of less than 1e-8 are not made. */
static void plateau(const tp_schedule *s, double *setting)
{
    for (int64_t i = 0; i < s->state.reductions; i++) {
        double less = fmax(setting[LR] * s->setting[FACTOR], s->setting[MIN_LR]);
        if (!(setting[LR] - less > 1e-8)) return;
        setting[LR] = less;
    }
}

/* --- making one --- */

#define FIELD(name) #name, offsetof(tp_schedule_options, name)

static const tp_setting settings[] = {
    {FIELD(factor), false, INFINITY},
    {FIELD(total_iters), false, INFINITY},
    {FIELD(start_factor), false, INFINITY},
    {FIELD(end_factor), false, INFINITY},
    {FIELD(gamma), false, INFINITY},
    {FIELD(eta_min), false, INFINITY},
    {FIELD(pct_start), false, 1},
    {FIELD(div_factor), false, INFINITY},
    {FIELD(final_div_factor), false, INFINITY},
    {FIELD(base_momentum), false, 1},
    {FIELD(max_momentum), false, 1},
    {FIELD(patience), false, INFINITY},
    {FIELD(threshold), false, INFINITY},
    {FIELD(cooldown), false, INFINITY},
    {FIELD(min_lr), false, INFINITY},
    {FIELD(linear), true, 0},
    {FIELD(fixed_momentum), true, 0},
    {FIELD(maximize), true, 0},
};

#define NONE5 NAN, NAN, NAN, NAN, NAN

/* factor, total_iters, start_factor, end_factor, gamma, eta_min, pct_start, div_factor, final_div_factor,
 * base_momentum, max_momentum, patience, threshold, cooldown, min_lr, linear, fixed_momentum, maximize */
static const kind constant_kind = {"tp_constant_lr", {1.0 / 3, 5, NAN, NONE5, NONE5, NONE5}, constant, false};
static const kind linear_kind = {
    "tp_linear_lr", {NAN, 5, 1.0 / 3, 1, NAN, NAN, NAN, NAN, NONE5, NONE5}, linear, false};
static const kind step_kind = {
    "tp_step_lr", {NAN, NAN, NAN, NAN, .1, NAN, NAN, NAN, NONE5, NONE5}, step, false};
static const kind multi_step_kind = {
    "tp_multi_step_lr", {NAN, NAN, NAN, NAN, .1, NAN, NAN, NAN, NONE5, NONE5}, multi_step, false};
static const kind exponential_kind = {
    "tp_exponential_lr", {NAN, NAN, NAN, NONE5, NONE5, NONE5}, exponential, false};
static const kind cosine_kind = {"tp_cosine_lr", {NONE5, 0, NAN, NAN, NONE5, NONE5}, cosine, false};
static const kind one_cycle_kind = {
    "tp_one_cycle_lr", {NONE5, NAN, .3, 25, 1e4, .85, .95, NAN, NAN, NAN, NAN, 0, 0, NAN}, one_cycle, false};
static const kind plateau_kind = {
    "tp_plateau_lr", {.1, NONE5, NONE5, 10, 1e-4, 0, 0, NAN, NAN, 0}, plateau, true};

static tp_schedule *make(tp_optimizer *opt, const kind *k, const tp_schedule_options *options)
{
    tp_context *c = tp_optimizer_usable(opt, k->name);
    double setting[SETTINGS];
    if (!c) return tp_nil_schedule(opt ? opt->object.context : NULL);
    if (!tp_read_settings(c, k->name, SETTINGS, settings, k->defaults, options, setting))
        return tp_nil_schedule(c);
    tp_schedule *s = tp_alloc(c, sizeof *s);
    if (!s) return tp_nil_schedule(c);
    memset(s, 0, sizeof *s);
    tp_object_init(&s->object, &schedule_class, c);
    memcpy(s->setting, setting, sizeof setting);
    s->kind = k;
    s->state.best = setting[MAXIMIZE] == 1 ? -INFINITY : INFINITY;
    return s;
}

/* Hands a schedule over to its optimizer, unless something is missing: then it says what. */
static tp_schedule *attach(tp_optimizer *opt, tp_schedule *s, const char *missing)
{
    tp_context *c = opt ? opt->object.context : NULL;
    if (tp_schedule_is_nil(s)) return s;
    if (missing) tp_fail(c, TP_ERR_ARGUMENT, "%s: takes %s", s->kind->name, missing);
    if (!tp_ok(c)) {
        tp_object_drop(&s->object);
        return tp_nil_schedule(c);
    }
    tp_schedule **last = &opt->schedules;
    while (*last) last = &(*last)->next;
    tp_object_retain(&s->object);
    return *last = s;
}

/* The same with the kind's own number, which must be at least `least`. */
static tp_schedule *with_number(tp_optimizer *opt, const kind *k, double number, double least,
                                const char *takes, const tp_schedule_options *options)
{
    tp_schedule *s = make(opt, k, options);
    if (!tp_schedule_is_nil(s)) s->number = number;
    return attach(opt, s, number >= least && number < INFINITY ? NULL : takes);
}

tp_schedule *tp_constant_lr_with(tp_optimizer *opt, const tp_schedule_options *options)
{
    return attach(opt, make(opt, &constant_kind, options), NULL);
}

tp_schedule *tp_step_lr_with(tp_optimizer *opt, int64_t step_size, const tp_schedule_options *options)
{
    return with_number(opt, &step_kind, (double)step_size, 1, "a step_size of 1 or more", options);
}

tp_schedule *tp_multi_step_lr_with(tp_optimizer *opt, tp_ints milestones, const tp_schedule_options *options)
{
    tp_schedule *s = make(opt, &multi_step_kind, options);
    bool usable_list = milestones.n >= 1 && milestones.n <= TP_INTERNAL_RANK;
    if (!tp_schedule_is_nil(s) && usable_list) s->milestones = milestones;
    return attach(opt, s, usable_list ? NULL : "1 to 12 milestones");
}

tp_schedule *tp_exponential_lr(tp_optimizer *opt, double gamma)
{
    return with_number(opt, &exponential_kind, gamma, 0, "a gamma of 0 or more", NULL);
}

tp_schedule *tp_cosine_lr_with(tp_optimizer *opt, int64_t t_max, const tp_schedule_options *options)
{
    return with_number(opt, &cosine_kind, (double)t_max, 1, "a t_max of 1 or more", options);
}

tp_schedule *tp_linear_lr_with(tp_optimizer *opt, const tp_schedule_options *options)
{
    return attach(opt, make(opt, &linear_kind, options), NULL);
}

tp_schedule *tp_one_cycle_lr_with(tp_optimizer *opt, double max_lr, int64_t total_steps,
                                  const tp_schedule_options *options)
{
    tp_schedule *s = make(opt, &one_cycle_kind, options);
    if (tp_schedule_is_nil(s)) return s;
    s->max_lr = max_lr;
    s->number = (double)total_steps;
    return attach(opt, s,
                  !(max_lr >= 0 && max_lr < INFINITY)            ? "a max_lr of 0 or more"
                  : total_steps < 2                              ? "total_steps of 2 or more"
                  : s->setting[DIV] * s->setting[FINAL_DIV] == 0 ? "factors above 0"
                                                                 : NULL);
}

tp_schedule *tp_plateau_lr_with(tp_optimizer *opt, const tp_schedule_options *options)
{
    tp_schedule *s = make(opt, &plateau_kind, options);
    return attach(opt, s, tp_schedule_is_nil(s) || s->setting[FACTOR] < 1 ? NULL : "a factor below 1");
}

/* --- use --- */

/* The schedule, if it goes by this call; NULL after recording that it does not. */
static tp_schedule *next_step(tp_schedule *s, bool metric, const char *call, const char *other)
{
    tp_context *c = usable(s, call);
    if (!c) return NULL;
    if (s->kind->metric == metric) return s;
    tp_fail(c, TP_ERR_STATE, "%s: a schedule made by %s goes by %s", call, s->kind->name, other);
    return NULL;
}

bool tp_schedule_takes_metric(const tp_schedule *s) { return !tp_schedule_is_nil(s) && s->kind->metric; }

void tp_schedule_step(tp_schedule *s)
{
    if (next_step(s, false, "tp_schedule_step", "tp_schedule_metric")) s->state.steps++;
}

void tp_schedule_metric(tp_schedule *s, double value)
{
    if (!next_step(s, true, "tp_schedule_metric", "tp_schedule_step")) return;
    tp_schedule_state *now = &s->state;
    double threshold = s->setting[THRESHOLD];
    bool better =
        s->setting[MAXIMIZE] == 1 ? value > now->best * (1 + threshold) : value < now->best * (1 - threshold);
    now->steps++;
    now->bad = better ? 0 : now->bad + 1;
    if (better) now->best = value;
    if (now->cooldown > 0) {
        now->cooldown--;
        now->bad = 0;
    }
    if ((double)now->bad <= s->setting[PATIENCE]) return;
    now->reductions++;
    now->cooldown = (int64_t)s->setting[COOLDOWN];
    now->bad = 0;
}

tp_schedule_state tp_schedule_state_of(const tp_schedule *s)
{
    return usable(s, "tp_schedule_state_of") ? s->state : (tp_schedule_state){0};
}

void tp_schedule_set_state(tp_schedule *s, tp_schedule_state state)
{
    tp_context *c = usable(s, "tp_schedule_set_state");
    if (!c) return;
    if (state.steps < 0 || state.bad < 0 || state.cooldown < 0 || state.reductions < 0)
        tp_fail(c, TP_ERR_ARGUMENT, "tp_schedule_set_state: takes counters of 0 or more");
    else
        s->state = state;
}
