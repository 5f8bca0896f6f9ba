/* reduce.h - what reductions over any axes share. They have the attributes axes and keepdim. */
#ifndef OPS_REDUCE_H
#define OPS_REDUCE_H

#include "base/simd.h"
#include "ops/core.h"

/* Reduces the core elements, of the dtype the kernel computes in, to *result. */
typedef void tp_reduce_fn(const tp_call *call, tp_core *core, void *result);

/* A kernel `name`, by DEFINE(name, target, ...) compiled for every set of instructions; the one for the set
 * in use runs. */
#if defined(__x86_64__)
#define TP_REDUCE(DEFINE, name, ...)                                                           \
    DEFINE(name##_baseline, , __VA_ARGS__)                                                     \
    DEFINE(name##_avx2, TP_AVX2, __VA_ARGS__)                                                  \
    DEFINE(name##_avx512, TP_AVX512, __VA_ARGS__)                                              \
    static void name(const tp_call *call, tp_core *core, void *result)                         \
    {                                                                                          \
        static tp_reduce_fn *const by_level[] = {name##_baseline, name##_avx2, name##_avx512}; \
        by_level[tp_simd_in_use()](call, core, result);                                        \
    }
#else
#define TP_REDUCE(DEFINE, name, ...) DEFINE(name, , __VA_ARGS__)
#endif

/* The head of a DEFINE. */
#define TP_REDUCE_(name, target) target static void name(const tp_call *call, tp_core *core, void *result)

/* Reduces `m` columns of `n` elements, TP_COLUMNS at most, to y; from one row to the next there are `step`.
 */
typedef void tp_columns_fn(const void *x, int64_t n, int64_t step, int64_t m, void *y);
enum { TP_COLUMNS = 64 };

/* A kernel by the dtype it computes in, as in tp_inner; u64 in i64 where there is no other. */
typedef struct tp_reduction {
    tp_reduce_fn *f32, *f64, *i64, *u64;
    tp_columns_fn *f32_columns, *f64_columns; /* or NULL: columns are turned into rows */
    bool to_index;                            /* the result is an i64, not of the dtype it computes in */
    tp_cost cost;                             /* 0: TP_COST_PASS */
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
