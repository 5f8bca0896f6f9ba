/* csv.h - how a table becomes a data set. */
#ifndef DATA_CSV_H
#define DATA_CSV_H

#include "data/values.h"

/* What a table is read as. */
typedef struct tp_reading {
    tp_table table;
    tp_context *context;
    const tp_dataset_options *options;
    const tp_store *like; /* NULL: the file itself says what its columns are */
    bool header;
    tp_target_kind kind;
    int target;   /* its column; -1: none */
    int features; /* columns of the values ... */
    int *source;  /* ... and which; room for all columns */
    bool *text;   /* of each column: it is read as text */
    int64_t n;    /* rows that are read ... */
    int64_t *row; /* ... and which; room for all */
} tp_reading;

/* Finds header, target, columns of values, their kinds and the rows; false after recording what is wrong. */
bool tp_reading_plan(tp_reading *r);

/* Fills a store by the plan; false after recording what is wrong. */
bool tp_reading_fill(tp_reading *r, tp_store *s);

/* Records what is wrong with a field: "FILE: line 3, column 'age': 'abc' TEXT". */
void tp_reading_fail(const tp_reading *r, int64_t row, int column, const char *text);

/* "column 'age'", or "column 3 (from 0)" of a file without names, in `buf`, which it returns. */
const char *tp_column_text(const tp_reading *r, int column, char *buf, size_t n);

enum { TP_COLUMN_TEXT = 160 };

#endif
