/* progress.h - what a training prints while it runs. */
#ifndef TRAIN_PROGRESS_H
#define TRAIN_PROGRESS_H

#include "train/history.h"

/* Where to print, and since when. */
typedef struct tp_progress {
    FILE *log;      /* NULL: nowhere */
    bool terminal;  /* a bar that is redrawn, and times */
    double started; /* in seconds: the training, ... */
    double drawn;   /* ... the last bar */
    int64_t done;   /* samples since */
} tp_progress;

tp_progress tp_progress_start(FILE *log);

/* After a batch of `size` samples: draws the bar anew, but no more than ten times a second. `loss` is the
 * mean so far. */
void tp_progress_batch(tp_progress *p, const tp_fit_state *state, int64_t size, double loss);

/* After an epoch: a line with its numbers. */
void tp_progress_epoch(tp_progress *p, const tp_fit_state *state, const tp_epoch *epoch);

/* Takes an unfinished bar away. */
void tp_progress_end(tp_progress *p);

#endif
