/* history.h - what a training writes down. */
#ifndef TRAIN_HISTORY_H
#define TRAIN_HISTORY_H

#include <taper/ext.h>
#include <taper/train.h>

enum { TP_HISTORY_NAMES = 19 };

/* The numbers of one epoch, in the order of their names. */
typedef struct tp_epoch {
    double v[TP_HISTORY_NAMES];
} tp_epoch;

struct tp_history {
    tp_object object;
    tp_epoch *epochs;
    int64_t n, room;
    int64_t best; /* -1: none */
};

tp_history *tp_history_new(tp_context *c);

/* Appends an epoch; false after recording why not. */
bool tp_history_append(tp_history *h, tp_epoch epoch);

/* True if there is a number of that name. */
bool tp_history_has(const char *name);

/* An epoch of these scores. */
tp_epoch tp_epoch_of(const tp_scores *train, const tp_scores *validation, double lr);

/* The number of that name, NaN if there is none. */
double tp_epoch_get(const tp_epoch *epoch, const char *name);

#endif
