/* core.h - the core elements of one loop position, row-major, block by block. */
#ifndef OPS_CORE_H
#define OPS_CORE_H

#include "ops/lanes.h"
#include "ops/loops.h"

/* A reader of the core axes of an array; blocks of TP_BLOCK elements (the last may have fewer), in `work`. */
typedef struct tp_core {
    tp_array array; /* core axes only, joined where they lie one after another */
    tp_dtype work;
    int64_t numel;     /* how many core elements there are */
    int64_t row, step; /* elements of a row and the step between them */
    int64_t in_row;    /* elements of the row at hand that were read */
    int64_t left;
    tp_walk rows;
} tp_core;

/* Prepares a reader of the axes of `a` after the first `loops`. */
void tp_core_open(tp_core *core, const tp_array *a, int loops, tp_dtype work);

/* Starts at the position whose first element is at `data`. */
void tp_core_start(tp_core *core, void *data);

/* Goes back to the first element. */
void tp_core_again(tp_core *core);

/* The next block of `n` elements, where it lies or in `buffer` of TP_BLOCK elements; n is 0 at the end. */
const void *tp_core_next(tp_core *core, void *buffer, int64_t *n);

/* The sum of all elements from where the reader stands, in the order of lanes.h. */
float tp_core_sum_float(tp_core *core);
double tp_core_sum_double(tp_core *core);

/* Whether all indices lie in an axis of n, negative ones from its end; else records the first that does not.
 */
bool tp_indices_fit(const tp_call *call, const tp_array *index, int64_t n);

/* The place of such an index in the axis. */
static inline int64_t tp_place(int64_t index, int64_t n) { return index < 0 ? index + n : index; }

/* Room in f32, row-major, for an array of a half format: what a kernel computes in before it rounds once.
 * Must be closed; false, after recording it, without memory. */
bool tp_wide_open(const tp_call *call, const tp_array *half, tp_array *wide);
void tp_wide_close(const tp_call *call, const tp_array *wide);

#endif
