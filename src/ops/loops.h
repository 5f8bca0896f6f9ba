/* loops.h - walking over arrays: what kernels share. */
#ifndef OPS_LOOPS_H
#define OPS_LOOPS_H

#include "base/pool.h"

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

/* Goes to position p, counted row-major, from the first. */
void tp_walk_go(tp_walk *w, int64_t p);

/* What is done at `n` positions, from where the walk stands; `room` is memory that no other part has. */
typedef void tp_positions_fn(tp_walk *w, int64_t n, void *room, const void *of);

/* Runs all positions of a walk that was started; threads share them out where it is worth it. A position
 * takes `elements` of that cost. Each part has `room` bytes; nothing is run, after recording it, without
 * memory. A part may neither allocate nor fail. */
void tp_each_position(const tp_call *call, tp_walk *w, int64_t elements, tp_cost cost, size_t room,
                      tp_positions_fn *run, const void *of);

/* What is done for elements from .. from + n - 1 of the row where the walk stands. */
typedef void tp_span_fn(const tp_walk *w, int64_t from, int64_t n, const void *of);

/* Runs all rows, of `length`, of a walk that was started, in spans that threads share out where it is worth
 * it: an element stands for so many of that cost. A span may not fail. */
void tp_each_span(tp_walk *w, int64_t length, int64_t elements, tp_cost cost, tp_span_fn *run,
                  const void *of);

/* The elements from where array k of a walk stands. */
#define TP_AT(type, walk, k) ((type *)(void *)(walk).at[k])

#endif
