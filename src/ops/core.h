/* core.h - the core elements of one loop position, row-major, block by block. */
#ifndef OPS_CORE_H
#define OPS_CORE_H

#include "ops/lanes.h"
#include "ops/loops.h"

/* A reader of the core axes of an array; blocks of up to TP_BLOCK elements, converted to `work`. */
typedef struct tp_core {
    tp_array array; /* core axes only */
    tp_walk rows;
    int64_t in_row; /* elements of the row at hand that were read */
    int64_t row, left;
    tp_dtype work;
} tp_core;

/* How many elements the core axes after `loops` have. */
int64_t tp_core_numel(const tp_array *a, int loops);

/* Starts at the elements of the position whose first element is at `data`. */
void tp_core_start(tp_core *core, const tp_array *a, int loops, void *data, tp_dtype work);

/* Reads the next elements into `buffer`, up to TP_BLOCK; returns how many, 0 at the end. */
int64_t tp_core_block(tp_core *core, void *buffer);

#endif
