/* values.h - the distinct values of a column. */
#ifndef DATA_VALUES_H
#define DATA_VALUES_H

#include "data/table.h"

/* A text in a list. */
typedef struct tp_value {
    const char *text;
    int64_t index;
} tp_value;

/* Distinct texts; or, with `numbers`, texts of distinct numbers. */
typedef struct tp_values {
    tp_context *context;
    bool numbers;
    tp_names *names;  /* NULL: none */
    tp_value *sorted; /* the names in the order of their bytes or numbers; NULL: they have it already */
    char *added;      /* texts that come to the names by and by, each ends with 0; some are there twice */
    size_t added_used, added_room;
} tp_values;

/* Adds a text that may be there already; false after recording the failure. */
bool tp_values_add(tp_values *v, const char *text);

/* Makes those that were added findable, all names sorted; false after recording the failure. */
bool tp_values_settle(tp_values *v);

/* Makes these names, which are taken over also where it fails, the values of `v`, which has none yet. */
bool tp_values_set(tp_values *v, tp_names *names);

/* The index of a value among the names, -1 if it is not there. */
int64_t tp_values_find(const tp_values *v, const char *text);

/* A text that the names given to tp_values_set have twice, the empty one excepted; NULL if there is none. */
const char *tp_values_twice(const tp_values *v);

/* Hands the names over, and has none any more. */
tp_names *tp_values_take(tp_values *v);

void tp_values_free(tp_values *v);

#endif
