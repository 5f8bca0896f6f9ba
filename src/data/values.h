/* values.h - the distinct values of a column. */
#ifndef DATA_VALUES_H
#define DATA_VALUES_H

#include "data/table.h"

/* A value: a text, or a number as it was written. */
typedef struct tp_value_of {
    const char *text;
    double number; /* NaN: it is a text */
    int64_t index; /* the value's place in the list it was made from */
} tp_value_of;

/* Distinct values, sorted: numbers by size, texts by their bytes. */
typedef struct tp_values {
    tp_context *context;
    tp_value_of *at;
    int64_t n, room;
    bool numbers;
} tp_values;

/* Those of a column in n rows of a table, missing ones left out, indexed in their sorted order;
 * tp_values_free in any case. False after recording the failure. */
bool tp_values_of_column(tp_values *v, const tp_table *t, int column, const int64_t *rows, int64_t n,
                         bool numbers);

/* Those in a list of names, indexed as there; with `numbers`, as numbers where all are. */
bool tp_values_of_names(tp_values *v, tp_context *c, const tp_names *names, bool numbers);

void tp_values_free(tp_values *v);

/* The index of a value, -1 if it is not among them. */
int64_t tp_values_find(const tp_values *v, const char *text);

/* The texts in sorted order; NULL after recording the failure. */
tp_names *tp_values_names(const tp_values *v);

#endif
