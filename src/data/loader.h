/* loader.h - the inside of a loader. */
#ifndef DATA_LOADER_H
#define DATA_LOADER_H

#include "data/dataset.h"

/* A thread that makes the next batch; see prefetch.c. */
typedef struct tp_prefetch tp_prefetch;

struct tp_loader {
    tp_object object;
    tp_dataset *data;
    tp_scaler *scaler; /* of the data when the loader was made */
    tp_dtype dtype;
    bool shuffle;
    uint64_t seed;
    int64_t n, batch_size; /* samples used, and in a full batch */
    int64_t batches, epoch, at;
    size_t x_size, y_size;  /* bytes of a sample */
    tp_tensor *x[2], *y[2]; /* for full batches, and for the last one if it is not full */
    int64_t *order;         /* NULL: as they come */
    int64_t order_epoch;    /* that order is of; -1: none */
    tp_prefetch *prefetch;  /* NULL: none */
};

/* How many samples batch `at` has. */
int64_t tp_loader_count(const tp_loader *l, int64_t at);

/* Writes a batch. */
void tp_loader_fill(tp_loader *l, int64_t epoch, int64_t at, void *x, void *y);

/* Starts the thread; false after recording why not. */
bool tp_prefetch_start(tp_loader *l);

/* Writes the batch, which the thread may have made already, and has it make batch `next_at` of `next_epoch`.
 */
void tp_prefetch_fill(tp_loader *l, int64_t next_epoch, int64_t next_at, void *x, void *y);

/* Ends the thread. */
void tp_prefetch_stop(tp_loader *l);

#endif
