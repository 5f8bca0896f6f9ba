/* dataset.h - the inside of a data set. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <taper/data.h>
#include <taper/ext.h>

/* A list of texts in one block. */
typedef struct tp_names {
    int n;
    size_t size; /* of the block */
    const char *at[];
} tp_names;

/* What the parts of a data set share: the values as they were stored, and the names. */
typedef struct tp_store {
    tp_object object;
    int64_t n;
    int64_t features;            /* values of a sample */
    tp_tensor *x;                /* [n,..] row-major, not f16 or bf16 */
    tp_tensor *y;                /* i64 [n], or f64 [n] or [n,k]; NULL: no targets */
    tp_dtype dtype;              /* of x */
    const void *x_data, *y_data; /* of x and y, for other threads */
    int64_t width;               /* numbers in a target */
    tp_target_kind kind;
    tp_names *classes;     /* NULL where there are none */
    tp_names *columns;     /* of the values; NULL: they have no names */
    tp_names *target;      /* one name; NULL: "target" */
    tp_names **categories; /* of each value, NULL for numbers; NULL: all are numbers */
} tp_store;

/* A scaling, never changed once made: (x - mean) / deviation. */
typedef struct tp_scaler {
    tp_object object;
    int64_t n;      /* 1, or one for each value of a sample */
    tp_shape shape; /* of the mean */
    double *mean;   /* n means, then n deviations */
    double *deviation;
} tp_scaler;

struct tp_dataset {
    tp_object object;
    tp_store *store;
    tp_scaler *scaler; /* NULL: as stored */
    int64_t n;
    int64_t *rows; /* in the store; NULL: all of them, in order */
};

/* The context if the data set can be used there; NULL after recording why not. */
tp_context *tp_dataset_usable(const tp_dataset *d, const char *call, const char *argument);

/* The same for a call that returns a status: TP_OK, or what has been reported. */
tp_status tp_dataset_check(const tp_dataset *d, const char *call, const char *argument);

/* A copy of n texts; NULL after recording the failure. */
tp_names *tp_names_new(tp_context *c, const char *const *texts, int n);

/* "0", "1", ... */
tp_names *tp_names_numbered(tp_context *c, int n);

/* NULL is allowed. */
void tp_names_free(tp_context *c, tp_names *names);

/* A data set of all of `store`, whose reference it takes over also where it fails. */
tp_dataset *tp_dataset_of(tp_context *c, tp_store *store);

/* An empty store that the caller owns; NULL after recording the failure. */
tp_store *tp_store_new(tp_context *c);

/* Puts values [n,..] into a new store, which takes over a reference; nil: does nothing. Returns where to fill
 * them in, NULL for nil. */
void *tp_store_values(tp_store *s, tp_tensor *x);

/* The same for targets: i64 [n], or f64 [n] or [n,k]. */
void *tp_store_targets(tp_store *s, tp_tensor *y);

/* `count` values of sample `row` from value `first` on. */
void tp_store_read(const tp_store *s, int64_t row, int64_t first, int64_t count, double *out);

/* Writes samples order[first .. first + n - 1] of `d` (order NULL: first and on), scaled, and their targets.
 * Only reads `d`, so that any thread may call it. x is of f32 or f64, y as tp_dataset_y says; NULL: not
 * wanted. */
void tp_dataset_gather(const tp_dataset *d, const tp_scaler *scaler, const int64_t *order, int64_t first,
                       int64_t n, tp_dtype dtype, void *x, void *y);

/* A random order of 0 .. n-1, of (seed, epoch) alone; for epoch 0 and a seed below 2^32 it is numpy.random.
 * RandomState(seed).permutation(n). */
void tp_random_order(uint64_t seed, uint64_t epoch, int64_t *order, int64_t n);

/* The part "train" or "test" of a set that says itself nothing about it. */
tp_dataset *tp_dataset_fixed_part(tp_dataset *d, bool test);

/* --- files --- */

/* The data set in a CSV file; `path` "-" is standard input. */
tp_dataset *tp_csv_open(tp_context *c, const char *path, const tp_dataset_options *o);

/* The data set in a folder of IDX files. */
tp_dataset *tp_idx_open(tp_context *c, const char *folder, const tp_dataset_options *o);

#endif
