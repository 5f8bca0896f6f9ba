/* reduce.h - what reductions over any axes share. Their attributes are axes first, keepdim last. */
#ifndef OPS_REDUCE_H
#define OPS_REDUCE_H

#include "ops/core.h"

/* Reduces the core elements, of the dtype the kernel computes in, to *result. */
typedef void tp_reduce_fn(const tp_call *call, tp_core *core, void *result);

/* A kernel by the dtype it computes in, as in tp_inner; u64 in i64 where there is no other. */
typedef struct tp_reduction {
    tp_reduce_fn *f32, *f64, *i64, *u64;
    bool to_index; /* the result is an i64, not of the dtype it computes in */
} tp_reduction;

/* Runs the kernel for every element of the output. */
void tp_each_reduction(const tp_call *call, const tp_array *in, const tp_array *out,
                       const tp_reduction *kernel);

/* Of the output's shape, a cotangent or the output: with the reduced axes back in place, of size 1, so that
 * it broadcasts against the input. */
tp_tensor *tp_with_reduced_axes(const tp_call *call, tp_tensor *t);

/* Of the input's shape, weighted by the gradient: summed to the output's. */
tp_tensor *tp_sum_reduced(const tp_call *call, tp_tensor *t);

/* How many elements of the input go into one of the output. */
int64_t tp_reduced_count(const tp_call *call);

#endif
