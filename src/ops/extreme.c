/* extreme.c - the largest and smallest elements over any axes; NaN counts as beyond all. */
#include "ops/reduce.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

/* Whether there is something to choose from; else records that there is not. */
static bool any_elements(const tp_call *call, const tp_array *in)
{
    for (int i = call->loops; i < in->rank; i++) {
        if (in->size[i]) continue;
        char text[256];
        const tp_tensor *x = call->in[0];
        tp_call_fail(call, TP_ERR_SHAPE, "there is none of no elements: an axis reduced of %s is of size 0",
                     tp_shape_text(x->size, x->rank, text, sizeof text));
        return false;
    }
    return true;
}

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
        if (any_elements(call, &in[0])) tp_each_reduction(call, in, out, &kernel);          \
    }                                                                                       \
    const tp_rules tp_rules_##name = {.eval = name##_eval,                                  \
                                      .nodiff = "an index is constant almost everywhere"};

INDEX_OP(argmax, >)
INDEX_OP(argmin, <)
