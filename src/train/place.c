/* place.c - where a training stands, as numbers in JSON. */
#include "train/place.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_PATH = 2048 };

/* --- structs as JSON --- */

/* A field of a struct: what JSON calls it, its type and place. */
typedef struct field {
    const char *name;
    enum { END, COUNT, NATURAL, REAL, FLAG, TEXT } type; /* int64_t, uint64_t, double, bool, const char * */
    size_t at;
} field;

/* What JSON has no number for is text: what is not finite, and large uint64_t. */
static json_t *value_of(const void *object, const field *f)
{
    const void *at = (const char *)object + f->at;
    char text[32];
    switch (f->type) {
    case COUNT: return json_integer(*(const int64_t *)at);
    case FLAG: return json_boolean(*(const bool *)at);
    case TEXT: return json_string(*(const char *const *)at);
    case NATURAL: snprintf(text, sizeof text, "%" PRIu64, *(const uint64_t *)at); break;
    default:
        if (isfinite(*(const double *)at)) return json_real(*(const double *)at);
        tp_number_text(*(const double *)at, text, sizeof text);
    }
    return json_string(text);
}

static json_t *to_json(const void *object, const field *f)
{
    json_t *json = json_object();
    for (; f->type; f++)
        if (json_object_set_new(json, f->name, value_of(object, f)) != 0) {
            json_decref(json);
            return NULL;
        }
    return json;
}

/* Digits and nothing else; false also where they are too many. */
static bool read_natural(const char *text, uint64_t *value)
{
    const char *p = text;
    for (*value = 0; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(*p - '0'), value))
            return false;
    return p > text && !*p;
}

/* Overwrites a field (no text) from JSON; false if it is not there as it should be. */
static bool read_field(void *object, const field *f, const json_t *json)
{
    void *at = (char *)object + f->at;
    const json_t *value = json_object_get(json, f->name);
    const char *text = json_string_value(value);
    switch (f->type) {
    case COUNT: *(int64_t *)at = json_integer_value(value); return json_is_integer(value);
    case NATURAL: return text && read_natural(text, at);
    default: *(double *)at = json_number_value(value);
    }
    return json_is_number(value) || (text && *text && tp_parse_number(text, at) == strlen(text));
}

/* Overwrites all of them; the name of the first that is not there as it should be, NULL if all are. */
static const char *from_json(void *object, const field *f, const json_t *json)
{
    while (f->type && read_field(object, f, json)) f++;
    return f->name;
}

/* --- where a training stands, in numbers --- */

/* What makes it this training: must be the same when it goes on. */
typedef struct identity {
    const char *optimizer, *monitor;
    int64_t samples, initial_epoch, batch_size, accumulate, patience, schedules;
    uint64_t data, validation, seed;
    double clip_norm, clip_value, min_delta;
    bool no_shuffle, drop_last, schedule_every_step;
} identity;

#define IDENTITY(type, name)                  \
    {                                         \
#name, type, offsetof(identity, name) \
    }
static const field identity_fields[] = {IDENTITY(TEXT, optimizer),
                                        IDENTITY(TEXT, monitor),
                                        IDENTITY(COUNT, samples),
                                        IDENTITY(NATURAL, data),
                                        IDENTITY(NATURAL, validation),
                                        IDENTITY(COUNT, initial_epoch),
                                        IDENTITY(COUNT, batch_size),
                                        IDENTITY(COUNT, accumulate),
                                        IDENTITY(COUNT, patience),
                                        IDENTITY(COUNT, schedules),
                                        IDENTITY(NATURAL, seed),
                                        IDENTITY(REAL, clip_norm),
                                        IDENTITY(REAL, clip_value),
                                        IDENTITY(REAL, min_delta),
                                        IDENTITY(FLAG, no_shuffle),
                                        IDENTITY(FLAG, drop_last),
                                        IDENTITY(FLAG, schedule_every_step),
                                        {0}};

static int schedules_of(const tp_training *t)
{
    int n = 0;
    while (!tp_schedule_is_nil(tp_optimizer_schedule_at(t->state.optimizer, n))) n++;
    return n;
}

static identity identity_of(const tp_training *t)
{
    const tp_fit_options *o = t->o;
    return (identity){.optimizer = tp_optimizer_name(t->state.optimizer),
                      .monitor = o->monitor,
                      .samples = t->seen.n,
                      .data = t->data,
                      .validation = t->validation,
                      .initial_epoch = o->initial_epoch,
                      .batch_size = o->batch_size,
                      .accumulate = o->accumulate,
                      .patience = o->patience,
                      .schedules = schedules_of(t),
                      .seed = o->seed,
                      .clip_norm = o->clip_norm,
                      .clip_value = o->clip_value,
                      .min_delta = o->min_delta,
                      .no_shuffle = o->no_shuffle,
                      .drop_last = o->drop_last,
                      .schedule_every_step = o->schedule_every_step};
}

#define PLACE(type, name)                     \
    {                                         \
#name, type, offsetof(tp_place, name) \
    }
static const field place_fields[] = {PLACE(COUNT, number),     PLACE(COUNT, epoch),
                                     PLACE(COUNT, batch),      PLACE(COUNT, best_epoch),
                                     PLACE(COUNT, since_best), PLACE(COUNT, steps),
                                     PLACE(NATURAL, seed),     PLACE(NATURAL, counter),
                                     PLACE(REAL, epoch_loss),  PLACE(REAL, last_loss),
                                     PLACE(REAL, lr),          PLACE(REAL, best),
                                     PLACE(REAL, base_lr),     {0}};

#define SCHEDULE(type, name)                           \
    {                                                  \
#name, type, offsetof(tp_schedule_state, name) \
    }
static const field schedule_fields[] = {SCHEDULE(COUNT, steps),    SCHEDULE(COUNT, bad),
                                        SCHEDULE(COUNT, cooldown), SCHEDULE(COUNT, reductions),
                                        SCHEDULE(REAL, best),      {0}};

static tp_place place_of(const tp_training *t, int64_t number)
{
    const tp_fit_state *s = &t->state;
    return (tp_place){.number = number,
                      .epoch = s->epoch,
                      .batch = s->batch,
                      .best_epoch = t->history->best,
                      .since_best = t->since_best,
                      .steps = tp_optimizer_steps(s->optimizer),
                      .seed = tp_random_seed(t->c),
                      .counter = tp_random_counter(t->c),
                      .epoch_loss = t->loss,
                      .last_loss = s->loss,
                      .lr = s->lr,
                      .best = t->best,
                      .base_lr = tp_optimizer_base_lr(s->optimizer)};
}

/* --- written --- */

/* Appends to a list, which becomes NULL where there is no memory. */
static void append(json_t **list, json_t *value)
{
    if (json_array_append_new(*list, value) == 0) return;
    json_decref(*list);
    *list = NULL;
}

static json_t *history_names(void)
{
    json_t *list = json_array();
    for (int i = 0; i < TP_HISTORY_NAMES; i++) append(&list, json_string(tp_history_name(i)));
    return list;
}

/* The paths of parameters that are not trained. */
static json_t *frozen_paths(tp_module *net)
{
    char path[LONGEST_PATH];
    json_t *list = json_array();
    for (int i = 0, n = tp_parameters(net); i < n; i++)
        if (!tp_requires_grad(tp_parameter_at(net, i, path, sizeof path))) append(&list, json_string(path));
    return list;
}

static json_t *schedules_to_json(const tp_training *t)
{
    json_t *list = json_array();
    for (int i = 0, n = schedules_of(t); i < n; i++) {
        tp_schedule_state state = tp_schedule_state_of(tp_optimizer_schedule_at(t->state.optimizer, i));
        append(&list, to_json(&state, schedule_fields));
    }
    return list;
}

json_t *tp_place_to_json(const tp_training *t, int64_t number)
{
    identity who = identity_of(t);
    tp_place where = place_of(t, number);
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "training", to_json(&who, identity_fields), "place",
                     to_json(&where, place_fields), "schedules", schedules_to_json(t), "frozen",
                     frozen_paths(t->state.net), "history", history_names());
}

/* --- read --- */

const char *tp_place_read(tp_place *p, const json_t *json)
{
    return from_json(p, place_fields, json_object_get(json, "place"));
}

/* Whether it was written by a training like this one; records where they differ. */
bool tp_place_same_training(const tp_training *t, const json_t *json)
{
    identity who = identity_of(t);
    const json_t *theirs = json_object_get(json, "training");
    for (const field *f = identity_fields; f->type; f++) {
        json_t *value = value_of(&who, f);
        if (!value) tp_fail(t->c, TP_ERR_MEMORY, "tp_fit: no memory for JSON");
        if (!json_equal(json_object_get(theirs, f->name), value))
            tp_fail(t->c, TP_ERR_ARGUMENT, "tp_fit: the checkpoint is of a training with another '%s'",
                    f->name);
        json_decref(value);
    }
    return tp_ok(t->c);
}

bool tp_place_is_frozen(const json_t *json, const char *path)
{
    const json_t *list = json_object_get(json, "frozen");
    for (size_t k = 0; k < json_array_size(list); k++) {
        const char *name = json_string_value(json_array_get(list, k));
        if (name && strcmp(name, path) == 0) return true;
    }
    return false;
}

static void put_frozen(tp_training *t, const json_t *json)
{
    char path[LONGEST_PATH];
    for (int i = 0, n = tp_parameters(t->state.net); i < n; i++) {
        tp_tensor *p = tp_parameter_at(t->state.net, i, path, sizeof path);
        bool frozen = tp_place_is_frozen(json, path);
        if (frozen != !tp_requires_grad(p)) frozen ? tp_stop_grad(p) : tp_require_grad(p);
    }
}

/* Whether there can be so many of something, and still be more. */
static bool countable(int64_t n) { return n >= 0 && n < INT64_MAX / 2; }

/* The state of schedule i; false if it is not there as it should be. */
static bool read_schedule(tp_schedule_state *s, const json_t *json, int i)
{
    json = json_array_get(json_object_get(json, "schedules"), (size_t)i);
    return !from_json(s, schedule_fields, json) && countable(s->steps) && countable(s->bad) &&
           countable(s->cooldown) && countable(s->reductions);
}

const char *tp_place_impossible(const tp_place *p, const tp_training *t, const json_t *json, int64_t epochs)
{
    const struct {
        const char *name;
        bool possible;
    } fields[] = {{"number", countable(p->number)},
                  {"epoch", p->epoch == t->o->initial_epoch + epochs},
                  {"batch", p->batch >= 0 && p->batch <= t->state.batches},
                  {"best_epoch", p->best_epoch >= -1 && p->best_epoch < epochs},
                  {"since_best", countable(p->since_best)},
                  {"steps", countable(p->steps)},
                  {"base_lr", isfinite(p->base_lr) && p->base_lr >= 0}};
    tp_schedule_state state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!fields[i].possible) return fields[i].name;
    for (int i = 0, n = schedules_of(t); i < n; i++)
        if (!read_schedule(&state, json, i)) return "schedules";
    return NULL;
}

void tp_place_go(tp_training *t, const tp_place *p, const json_t *json)
{
    tp_fit_state *s = &t->state;
    s->epoch = p->epoch;
    s->batch = p->batch;
    s->loss = p->last_loss;
    s->lr = p->lr;
    t->loss = p->epoch_loss;
    t->best = p->best;
    t->since_best = p->since_best;
    t->history->best = p->best_epoch;
    tp_optimizer_set_steps(s->optimizer, p->steps);
    tp_optimizer_set_lr(s->optimizer, p->base_lr);
    tp_schedule_state state;
    for (int i = 0, n = schedules_of(t); i < n; i++)
        if (read_schedule(&state, json, i))
            tp_schedule_set_state(tp_optimizer_schedule_at(s->optimizer, i), state);
    put_frozen(t, json);
    tp_seed(t->c, p->seed);
    tp_set_random_counter(t->c, p->counter);
}
