/* table.h - a CSV file as texts. */
#ifndef DATA_TABLE_H
#define DATA_TABLE_H

#include "data/dataset.h"

/* All fields of a file, row by row; every row has as many. */
typedef struct tp_table {
    tp_context *context;
    const char *file; /* its name in messages */
    int columns;      /* 0: no row yet */
    int64_t rows;
    char *text; /* the fields, each ends with 0 */
    size_t text_used, text_room;
    size_t *field; /* where in text */
    size_t fields_used, fields_room;
    int64_t *line; /* of each row, from 1 */
    size_t lines_room;
} tp_table;

/* Reads the file, with the separator found if it is 0; false after recording why not. tp_table_free in any
 * case. */
bool tp_table_read(tp_table *t, tp_context *c, const char *path, char separator);

void tp_table_free(tp_table *t);

/* A field; lives as long as the table. */
const char *tp_table_at(const tp_table *t, int64_t row, int column);

/* True if the text is a decimal number, infinite where it is too large for f64. */
bool tp_number(const char *text, double *value);

/* True for an empty text and for NA, NaN, null and ?, in capitals or not. */
bool tp_missing_text(const char *text);

/* The separator that the start of a file has. */
char tp_find_separator(const char *text, size_t n);

#endif
