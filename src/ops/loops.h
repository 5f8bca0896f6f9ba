/* loops.h - walking over arrays: what kernels share. */
#ifndef OPS_LOOPS_H
#define OPS_LOOPS_H

#include <taper/ext.h>

enum { TP_LOOP_ARRAYS = TP_MAX_IN + TP_MAX_OUT };

/* A position in the leading `loops` axes of several arrays of the same loop sizes. */
typedef struct tp_walk {
    int arrays, loops;
    int64_t index[TP_INTERNAL_RANK];
    const tp_array *array[TP_LOOP_ARRAYS];
    char *at[TP_LOOP_ARRAYS]; /* each array's element for this position */
} tp_walk;

/* Starts at the first position; false if there is none because a loop has size 0. */
bool tp_walk_start(tp_walk *w, int loops, int arrays, const tp_array *const *array);

/* Goes to the next position in row-major order; false after the last. */
bool tp_walk_next(tp_walk *w);

/* A walk over the loops of a call: at[0..n_in-1] are its inputs, then its outputs. */
bool tp_walk_call(tp_walk *w, const tp_call *call, const tp_array *in, const tp_array *out);

/* The elements from where array k of a walk stands. */
#define TP_AT(type, walk, k) ((type *)(void *)(walk).at[k])

#endif
