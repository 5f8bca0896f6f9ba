/* table.h - a CSV file as texts, row by row. */
#ifndef DATA_TABLE_H
#define DATA_TABLE_H

#include "data/dataset.h"

#include <stdio.h>

/* Called for a row; after a failure for no other. */
typedef void tp_row_fn(void *user);

/* A file that can be read several times, and the row of it that is in memory. */
typedef struct tp_table {
    tp_context *context;
    const char *file; /* its name in messages */
    FILE *in;
    FILE *copy;         /* of a pipe, or what else can be read only once */
    int64_t start, end; /* of what was read, in a regular file */
    uint64_t hash;      /* of that */
    char separator;     /* 0: to be found */
    bool regular;
    bool again; /* it has been read before */

    int columns;  /* of the first row, and so of all; 0: there is none */
    int64_t row;  /* its number, from 0 */
    int64_t line; /* where it begins, from 1 */
    char *text;   /* its fields, each ends with 0 */
    size_t text_used, text_room;
    size_t *field; /* where in text */
    size_t fields, fields_room;
} tp_table;

/* Opens the file, with the separator found if it is 0; false after recording why not. tp_table_close in any
 * case. */
bool tp_table_open(tp_table *t, tp_context *c, const char *path, char separator);

/* Reads the file from its start and calls `each` for every row; false after recording what is wrong with it,
 * also where it is not what it was before. */
bool tp_table_each(tp_table *t, tp_row_fn *each, void *user);

/* Records that it is not what it was before. */
void tp_table_changed(tp_table *t);

void tp_table_close(tp_table *t);

/* A field of the row; lives until the next one. */
const char *tp_table_at(const tp_table *t, int column);

/* True if the text is a decimal number, infinite where it is too large for f64. */
bool tp_number(const char *text, double *value);

/* True for an empty text and for NA, NaN, null and ?, in capitals or not. */
bool tp_missing_text(const char *text);

/* The separator that the start of a file has. */
char tp_find_separator(const char *text, size_t n);

#endif
