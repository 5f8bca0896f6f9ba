/* extreme.c - the largest and smallest elements over any axes; NaN counts as beyond all. */
#include "ops/reduce.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

/* --- max and min --- */

/* Lane l takes elements l, l + 16, ..; a lane that is NaN stays so. */
#define EXTREME(name, T, op)                                                              \
    static void name(const tp_call *call, tp_core *core, void *result)                    \
    {                                                                                     \
        (void)call;                                                                       \
        T buffer[TP_BLOCK], lane[TP_LANES];                                               \
        int64_t n;                                                                        \
        const T *x = tp_core_next(core, buffer, &n);                                      \
        for (int l = 0; l < TP_LANES; l++) lane[l] = x[0];                                \
        for (; n > 0; x = tp_core_next(core, buffer, &n)) {                               \
            int64_t k = 0;                                                                \
            for (; k + TP_LANES <= n; k += TP_LANES)                                      \
                for (int l = 0; l < TP_LANES; l++) lane[l] = MORE(x[k + l], lane[l], op); \
            for (int l = 0; k + l < n; l++) lane[l] = MORE(x[k + l], lane[l], op);        \
        }                                                                                 \
        for (int l = 1; l < TP_LANES; l++) lane[0] = MORE(lane[l], lane[0], op);          \
        *(T *)result = lane[0];                                                           \
    }
#define MORE(x, best, op) ((x)op(best) || (x) != (x) ? (x) : (best))

/* The gradient is shared evenly by equal elements; where the result is NaN it is NaN, as torch.amax has it.
 */
#define EXTREME_OP(name, op)                                                                        \
    EXTREME(name##_f32, float, op)                                                                  \
    EXTREME(name##_f64, double, op)                                                                 \
    EXTREME(name##_i64, int64_t, op)                                                                \
    EXTREME(name##_u64, uint64_t, op)                                                               \
    static void name##_eval(const tp_call *call, const tp_array *in, const tp_array *out)           \
    {                                                                                               \
        static const tp_reduction kernel = {name##_f32, name##_f64, name##_i64, name##_u64, false}; \
        if (tp_some_elements(call, &in[0])) tp_each_reduction(call, in, out, &kernel);              \
    }                                                                                               \
    static tp_tensor *name##_weight(const tp_call *call)                                            \
    {                                                                                               \
        return tp_share_ties(call, tp_eq(call->in[0], tp_with_reduced_axes(call, call->out[0])));   \
    }                                                                                               \
    TP_WEIGHTED(name)                                                                               \
    const tp_rules tp_rules_##name = {                                                              \
        .eval = name##_eval, .pull = name##_pull, .push = name##_push, .reads = TP_IN(0) | TP_OUT(0)};

EXTREME_OP(max, >)
EXTREME_OP(min, <)

/* --- argmax and argmin --- */

/* The first of the most extreme, and where it stands. */
#define INDEX(name, T, op)                                                                  \
    static void name(const tp_call *call, tp_core *core, void *result)                      \
    {                                                                                       \
        (void)call;                                                                         \
        T buffer[TP_BLOCK], best = 0;                                                       \
        const T *x;                                                                         \
        int64_t at = -1;                                                                    \
        for (int64_t n, start = 0; x = tp_core_next(core, buffer, &n), n > 0; start += n)   \
            for (int64_t k = 0; k < n; k++) {                                               \
                if (at >= 0 && !(x[k] op best || (x[k] != x[k] && best == best))) continue; \
                best = x[k];                                                                \
                at = start + k;                                                             \
            }                                                                               \
        *(int64_t *)result = at;                                                            \
    }

#define INDEX_OP(name, op)                                                                  \
    INDEX(name##_f32, float, op)                                                            \
    INDEX(name##_f64, double, op)                                                           \
    INDEX(name##_i64, int64_t, op)                                                          \
    INDEX(name##_u64, uint64_t, op)                                                         \
    static void name##_eval(const tp_call *call, const tp_array *in, const tp_array *out)   \
    {                                                                                       \
        static const tp_reduction kernel = {name##_f32, name##_f64, name##_i64, name##_u64, \
                                            .to_index = true};                              \
        if (tp_some_elements(call, &in[0])) tp_each_reduction(call, in, out, &kernel);      \
    }                                                                                       \
    const tp_rules tp_rules_##name = {.eval = name##_eval,                                  \
                                      .nodiff = "an index is constant almost everywhere"};

INDEX_OP(argmax, >)
INDEX_OP(argmin, <)
