/* extreme.c - the largest and smallest elements over any axes; NaN counts as beyond all. */
#include "ops/reduce.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

/* --- max and min --- */

/* Whether x comes before `best`, or is NaN. No NaN comes before one: the first stays. */
#define BEFORE(x, best, op) (((x)op(best)) | ((x) != (x)))
#define MORE(x, best, op)   (BEFORE(x, best, op) ? (x) : (best))

/* Lane l takes elements l, l + 16, ..; a lane that is NaN stays so. */
#define EXTREME(name, target, T, op)                                                                \
    TP_REDUCE_(name, target)                                                                        \
    {                                                                                               \
        (void)call;                                                                                 \
        T buffer[TP_BLOCK], lane[TP_LANES];                                                         \
        int64_t n;                                                                                  \
        const T *x = tp_core_next(core, buffer, &n);                                                \
        for (int l = 0; l < TP_LANES; l++) lane[l] = x[0];                                          \
        for (; n > 0; x = tp_core_next(core, buffer, &n)) {                                         \
            int64_t k = 0;                                                                          \
            for (; k + TP_LANES <= n; k += TP_LANES)                                                \
                TP_ROLLED for (int l = 0; l < TP_LANES; l++) lane[l] = MORE(x[k + l], lane[l], op); \
            for (int l = 0; k + l < n; l++) lane[l] = MORE(x[k + l], lane[l], op);                  \
        }                                                                                           \
        for (int l = 1; l < TP_LANES; l++) lane[0] = MORE(lane[l], lane[0], op);                    \
        *(T *)result = lane[0];                                                                     \
    }

/* The gradient is shared evenly by equal elements; where the result is NaN it is NaN, as torch.amax has it.
 */
#define EXTREME_OP(name, op)                                                                      \
    TP_REDUCE(EXTREME, name##_f32, float, op)                                                     \
    TP_REDUCE(EXTREME, name##_f64, double, op)                                                    \
    TP_REDUCE(EXTREME, name##_i64, int64_t, op)                                                   \
    TP_REDUCE(EXTREME, name##_u64, uint64_t, op)                                                  \
    static void name##_eval(const tp_call *call, const tp_array *in, const tp_array *out)         \
    {                                                                                             \
        static const tp_reduction kernel = {                                                      \
            .f32 = name##_f32, .f64 = name##_f64, .i64 = name##_i64, .u64 = name##_u64};          \
        if (tp_some_elements(call, &in[0])) tp_each_reduction(call, in, out, &kernel);            \
    }                                                                                             \
    static tp_tensor *name##_weight(const tp_call *call)                                          \
    {                                                                                             \
        return tp_share_ties(call, tp_eq(call->in[0], tp_with_reduced_axes(call, call->out[0]))); \
    }                                                                                             \
    TP_WEIGHTED(name)                                                                             \
    const tp_rules tp_rules_##name = {                                                            \
        .eval = name##_eval, .pull = name##_pull, .push = name##_push, .reads = TP_IN(0) | TP_OUT(0)};

EXTREME_OP(max, >)
EXTREME_OP(min, <)

/* --- argmax and argmin --- */

/* Of integers the second half is never so. */
#define SAME(x, y) (((x) == (y)) | (((x) != (x)) & ((y) != (y))))

/* Where the first element stands that is the most extreme one, which `extreme` finds. */
#define INDEX(name, target, extreme, T)                                                     \
    TP_REDUCE_(name, target)                                                                \
    {                                                                                       \
        T buffer[TP_BLOCK], best;                                                           \
        const T *x;                                                                         \
        extreme(call, core, &best);                                                         \
        tp_core_again(core);                                                                \
        for (int64_t n, start = 0; x = tp_core_next(core, buffer, &n), n > 0; start += n) { \
            int64_t k = 0;                                                                  \
            for (int met = 0; k + TP_LANES <= n; k += TP_LANES) {                           \
                for (int l = 0; l < TP_LANES; l++) met |= SAME(x[k + l], best);             \
                if (met) break;                                                             \
            }                                                                               \
            while (k < n && !SAME(x[k], best)) k++;                                         \
            *(int64_t *)result = start + k;                                                 \
            if (k < n) return;                                                              \
        }                                                                                   \
    }

#define INDEX_OP(name, extreme)                                                                            \
    TP_REDUCE(INDEX, name##_f32, extreme##_f32, float)                                                     \
    TP_REDUCE(INDEX, name##_f64, extreme##_f64, double)                                                    \
    TP_REDUCE(INDEX, name##_i64, extreme##_i64, int64_t)                                                   \
    TP_REDUCE(INDEX, name##_u64, extreme##_u64, uint64_t)                                                  \
    static void name##_eval(const tp_call *call, const tp_array *in, const tp_array *out)                  \
    {                                                                                                      \
        static const tp_reduction kernel = {                                                               \
            .f32 = name##_f32, .f64 = name##_f64, .i64 = name##_i64, .u64 = name##_u64, .to_index = true}; \
        if (tp_some_elements(call, &in[0])) tp_each_reduction(call, in, out, &kernel);                     \
    }                                                                                                      \
    const tp_rules tp_rules_##name = {.eval = name##_eval,                                                 \
                                      .nodiff = "an index is constant almost everywhere"};

INDEX_OP(argmax, max)
INDEX_OP(argmin, min)
