/* checkpoint.h - what a training needs to go on, and the two files that hold it in turn. */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "train/history.h"
#include "train/score.h"

/* All of a training that is to survive the process. */
typedef struct tp_training {
    tp_context *c;
    const tp_fit_options *o;   /* with its defaults */
    tp_fit_state state;        /* net, optimizer, and where it stands */
    tp_gathered seen;          /* outputs and targets of the epoch so far */
    double loss;               /* of its samples, summed */
    uint64_t data, validation; /* their hashes, with .checkpoint */
    tp_history *history;
    tp_module *kept;    /* has the best weights, with .patience; else NULL */
    double best;        /* of the monitored score; NaN: none yet */
    int64_t since_best; /* epochs */
} tp_training;

/* The folder with the checkpoints of a training. */
typedef struct tp_checkpoints {
    const char *folder; /* NULL: none are written */
    int64_t number;     /* the next one's, counted from 0 */
    int file;           /* which of the two files it goes to */
    char failure[512];  /* why the last was not written, or which was passed over; "": nothing to tell */
} tp_checkpoints;

/* Makes the folder ready and, with .resume, puts the training where the newest checkpoint that can be read
 * has it; if there is none, it stays as it is. False after recording what is wrong. */
bool tp_checkpoints_open(tp_checkpoints *k, tp_training *t);

/* Writes a checkpoint in place of the last but one; false, with .failure, if that fails. The context is
 * usable all the same. */
bool tp_checkpoint_save(tp_checkpoints *k, tp_training *t);

#endif
