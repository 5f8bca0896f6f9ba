/* progress.h - what a training prints while it runs. */
#ifndef TRAIN_PROGRESS_H
#define TRAIN_PROGRESS_H

#include <taper/train.h>

/* Where to print, and since when. */
typedef struct tp_progress {
    FILE *log;      /* NULL: nowhere */
    bool terminal;  /* a bar that is redrawn, and times */
    double started; /* in seconds: the training, ... */
    double drawn;   /* ... the last bar */
    double before;  /* epochs that were done at the start */
    int64_t done;   /* samples since */
} tp_progress;

/* Of a training that has `epochs` behind it. */
tp_progress tp_progress_start(FILE *log, double epochs);

/* After a batch of `size` samples: draws the bar anew, but no more than ten times a second. `loss` is the
 * mean so far. */
void tp_progress_batch(tp_progress *p, const tp_fit_state *state, int64_t size, double loss);

/* After an epoch: a line with its numbers. */
void tp_progress_epoch(tp_progress *p, const tp_fit_state *state);

/* A line about something else. */
void tp_progress_note(tp_progress *p, const char *what, const char *text);

/* Takes an unfinished bar away. */
void tp_progress_end(tp_progress *p);

#endif
