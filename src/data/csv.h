/* csv.h - how a table becomes a data set: what its columns and rows are is found when it is read for the
 * first time, and where texts are among them, their values by a second; the last fills the store. */
#ifndef DATA_CSV_H
#define DATA_CSV_H

#include "data/values.h"

/* What a column of values is: it is read as text; not all of it is missing; some of it is. */
enum { TP_TEXTS = 1, TP_KNOWN = 2, TP_GAPS = 4 };

/* How many values of a column there are of each kind. */
typedef struct tp_kinds {
    int64_t texts, fractions, wholes;
} tp_kinds;

/* What a table is read as. */
typedef struct tp_reading {
    tp_table table;
    tp_context *context;
    const tp_dataset_options *options;
    const tp_store *like; /* NULL: the file itself says what its columns are */
    bool header;
    tp_values names; /* of the columns, with a header */
    tp_target_kind kind;
    int target;            /* its column; -1: none */
    int features;          /* columns of the values; each has in the next three, where all would have room: */
    int *source;           /* which it is in the table */
    int64_t *balance;      /* how many more texts than numbers there are in it */
    unsigned char *column; /* what it is */
    tp_kinds kinds;        /* of the target */
    bool text;             /* the target is read as text */
    int64_t n;             /* rows that are read */

    tp_values *values; /* of each column, if one is text; else NULL */
    tp_values classes;
    int64_t row;     /* the next to be filled in */
    double *x;       /* the store's values ... */
    double *numbers; /* ... and its targets, one of these */
    int64_t *indices;
} tp_reading;

/* Finds header, target, columns of values, their kinds and the number of rows; false after recording what is
 * wrong. */
bool tp_reading_plan(tp_reading *r);

/* Whether the row in memory is one that is read: neither the header nor one to be left out. Records what is
 * missing and may not be. */
bool tp_reading_takes_row(tp_reading *r);

/* Fills a store by the plan; false after recording what is wrong. */
bool tp_reading_fill(tp_reading *r, tp_store *s);

/* Records what is wrong with a field of the row in memory: "FILE: line 3, column 'age': 'abc' TEXT". */
void tp_reading_fail(const tp_reading *r, int column, const char *text);

#endif
