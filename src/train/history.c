/* history.c - the scores of each epoch. */
#include "train/history.h"

#include <math.h>
#include <string.h>

static const char *const names[TP_HISTORY_NAMES] = {
    "loss",         "accuracy",      "precision",  "recall", "f1",
    "mae",          "mse",           "rmse",       "r2",     "val_loss",
    "val_accuracy", "val_precision", "val_recall", "val_f1", "val_mae",
    "val_mse",      "val_rmse",      "val_r2",     "lr"};

static void history_destroy(tp_object *object)
{
    tp_history *h = (tp_history *)object;
    tp_free(object->context, h->epochs, (size_t)h->room * sizeof *h->epochs);
    tp_object_free(object, sizeof *h, true);
}

static const tp_class history_class = {"history", history_destroy};
static const tp_class nil_class = {"nil history", NULL};

tp_history *tp_nil_history(tp_context *c) { return tp_nil_object(c, &nil_class); }

bool tp_history_is_nil(const tp_history *h)
{
    return !h || h->object.type != &history_class || h->object.refs < 1;
}

tp_history *tp_history_keep(tp_history *h)
{
    if (!tp_history_is_nil(h)) tp_object_keep(&h->object);
    return h;
}

tp_history *tp_history_new(tp_context *c)
{
    tp_history *h = tp_ok(c) ? tp_alloc(c, sizeof *h) : NULL;
    if (!h) return tp_nil_history(c);
    memset(h, 0, sizeof *h);
    tp_object_init(&h->object, &history_class, c);
    h->best = -1;
    return h;
}

bool tp_history_append(tp_history *h, tp_epoch epoch)
{
    tp_context *c = h->object.context;
    if (h->n == h->room) {
        int64_t room = h->room ? 2 * h->room : 16;
        tp_epoch *epochs = tp_alloc(c, (size_t)room * sizeof *epochs);
        if (!epochs) return false;
        if (h->n) memcpy(epochs, h->epochs, (size_t)h->n * sizeof *epochs);
        tp_free(c, h->epochs, (size_t)h->room * sizeof *epochs);
        h->epochs = epochs;
        h->room = room;
    }
    h->epochs[h->n++] = epoch;
    return true;
}

int64_t tp_history_epochs(const tp_history *h) { return tp_history_is_nil(h) ? 0 : h->n; }

int64_t tp_history_best(const tp_history *h) { return tp_history_is_nil(h) ? -1 : h->best; }

/* Which of the names it is, -1 if it is none. */
static int find(const char *name)
{
    for (int i = 0; i < TP_HISTORY_NAMES; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

bool tp_history_has(const char *name) { return find(name) >= 0; }

tp_epoch tp_epoch_of(const tp_scores *train, const tp_scores *validation, double lr)
{
    tp_epoch e;
    for (int i = 0; i < TP_HISTORY_NAMES; i++)
        e.v[i] = strncmp(names[i], "val_", 4) == 0 ? tp_scores_get(validation, names[i] + 4)
                                                   : tp_scores_get(train, names[i]);
    e.v[find("lr")] = lr;
    return e;
}

double tp_epoch_get(const tp_epoch *epoch, const char *name)
{
    int i = find(name);
    return i < 0 ? NAN : epoch->v[i];
}

double tp_history_get(const tp_history *h, int64_t epoch, const char *name)
{
    bool there = !tp_history_is_nil(h) && epoch >= 0 && epoch < h->n && name;
    return there ? tp_epoch_get(&h->epochs[epoch], name) : NAN;
}

const char *tp_history_name(int i) { return i >= 0 && i < TP_HISTORY_NAMES ? names[i] : NULL; }
