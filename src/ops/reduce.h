/* reduce.h - what reductions over any axes share. They have the attributes axes and keepdim. */
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

/* Whether there are elements to choose from; else records that there are none. */
bool tp_some_elements(const tp_call *call, const tp_array *in);

/* --- for derivative rules --- */

const tp_axes *tp_reduced_axes(const tp_call *call);

/* How many elements of the input go into one of the output. */
int64_t tp_reduced_count(const tp_call *call);

/* The output, its tangent or cotangent, with the reduced axes back in place, of size 1: what broadcasts
 * against the input. */
tp_tensor *tp_with_reduced_axes(const tp_call *call, tp_tensor *t);

/* 1/n where one of n `ties` is true, 0 elsewhere. */
tp_tensor *tp_share_ties(const tp_call *call, tp_tensor *ties);

/* Cotangent and tangent where `weight`, of the input's shape, is the gradient of each output element. */
tp_tensor *tp_pull_weighted(const tp_call *call, tp_tensor *u, tp_tensor *weight);
tp_tensor *tp_push_weighted(const tp_call *call, tp_tensor *t, tp_tensor *weight);

/* The rules name_pull and name_push from the function name_weight(call). */
#define TP_WEIGHTED(name)                                                          \
    static tp_tensor *name##_pull(const tp_call *call, int i, tp_tensor *const *u) \
    {                                                                              \
        return (void)i, tp_pull_weighted(call, u[0], name##_weight(call));         \
    }                                                                              \
    static tp_tensor *name##_push(const tp_call *call, int o, tp_tensor *const *t) \
    {                                                                              \
        return (void)o, tp_push_weighted(call, t[0], name##_weight(call));         \
    }

#endif
