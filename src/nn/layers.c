/* layers.c - the layers there are. */
#include "nn/module.h"

#include <math.h>
#include <stdio.h>

/* --- linear --- */

static tp_tensor *linear_forward(tp_module *m, tp_tensor *x)
{
    tp_entry *bias = tp_module_entry(m, "bias", 4);
    tp_tensor *y = tp_matmul(x, tp_transpose(m->entries[0].tensor, 0, 1));
    return bias ? tp_add(y, bias->tensor) : y;
}

tp_module *tp_linear_with(tp_context *c, int64_t in, int64_t out, const tp_linear_options *options)
{
    if (!tp_ok(c)) return tp_nil_module(c);
    if (in < 1 || out < 1) {
        tp_fail(c, TP_ERR_ARGUMENT, "tp_linear: takes sizes of 1 or more, got %lld and %lld", (long long)in,
                (long long)out);
        return tp_nil_module(c);
    }
    tp_linear_options o = options ? *options : (tp_linear_options){0};
    tp_dtype dtype = o.dtype == TP_BOOL ? TP_F32 : o.dtype;
    double bound = 1 / sqrt((double)in);
    tp_mark scope = tp_open_scope(c);
    tp_module *m = tp_module_new(c, "linear", linear_forward, NULL, 0);
    /* [out,in] over storage [in,out], so that forward multiplies by rows that lie one after another */
    tp_tensor *weight = tp_detach(tp_transpose(tp_uniform(c, TP_SHAPE(in, out), -bound, bound, dtype), 0, 1));
    tp_module_add_parameter(m, "weight", weight);
    if (!o.no_bias) tp_module_add_parameter(m, "bias", tp_uniform(c, TP_SHAPE(out), -bound, bound, dtype));
    tp_module_keep(m);
    tp_close_scope(c, scope);
    return tp_ok(c) ? m : tp_nil_module(c);
}

/* --- without parameters --- */

#define LAYER(name, expression)                                  \
    static tp_tensor *name##_forward(tp_module *m, tp_tensor *x) \
    {                                                            \
        (void)m;                                                 \
        return expression;                                       \
    }                                                            \
    tp_module *tp_##name##_layer(tp_context *c) { return tp_module_new(c, #name, name##_forward, NULL, 0); }

LAYER(relu, tp_relu(x))
LAYER(sigmoid, tp_sigmoid(x))
LAYER(tanh, tp_tanh(x))
LAYER(gelu, tp_gelu(x, false))
LAYER(silu, tp_silu(x))
LAYER(softplus, tp_softplus(x))
LAYER(log_sigmoid, tp_log_sigmoid(x))
LAYER(mish, tp_mish(x))
LAYER(selu, tp_selu(x))
LAYER(flatten, tp_flatten(x, 1, -1))

/* The same with one number. */
#define LAYER1(name, type, value, expression)                                 \
    static tp_tensor *name##_forward(tp_module *m, tp_tensor *x)              \
    {                                                                         \
        type value = *(type *)m->data;                                        \
        return expression;                                                    \
    }                                                                         \
    tp_module *tp_##name##_layer(tp_context *c, type value)                   \
    {                                                                         \
        return tp_module_new(c, #name, name##_forward, &value, sizeof value); \
    }

LAYER1(leaky_relu, double, negative_slope, tp_leaky_relu(x, negative_slope))
LAYER1(elu, double, alpha, tp_elu(x, alpha))
LAYER1(softmax, int, axis, tp_softmax(x, axis))
LAYER1(log_softmax, int, axis, tp_log_softmax(x, axis))

typedef struct bounds {
    double min, max;
} bounds;

static tp_tensor *hardtanh_forward(tp_module *m, tp_tensor *x)
{
    const bounds *b = m->data;
    return tp_hardtanh(x, b->min, b->max);
}

tp_module *tp_hardtanh_layer(tp_context *c, double min, double max)
{
    return tp_module_new(c, "hardtanh", hardtanh_forward, &(bounds){min, max}, sizeof(bounds));
}

static tp_tensor *dropout_forward(tp_module *m, tp_tensor *x)
{
    return tp_dropout(x, *(double *)m->data, m->training);
}

tp_module *tp_dropout_layer(tp_context *c, double p)
{
    if (tp_ok(c) && !(p >= 0 && p <= 1)) /* here, where it is written, and in evaluation too */
        tp_fail(c, TP_ERR_ARGUMENT, "tp_dropout_layer: takes p of 0 to 1, got %g", p);
    return tp_module_new(c, "dropout", dropout_forward, &p, sizeof p);
}

/* --- sequential --- */

static tp_tensor *sequential_forward(tp_module *m, tp_tensor *x)
{
    for (int i = 0; i < m->n; i++) {
        tp_tensor *y = tp_forward(m->entries[i].child, x);
        if (x != y) tp_drop(x); /* only the next layer, and the graph if there is one, had a use for it */
        x = y;
    }
    return x;
}

tp_module *tp_sequential_add(tp_module *sequence, tp_module *m)
{
    tp_context *c = tp_module_usable(sequence, "tp_sequential_add");
    if (!c) return tp_nil_module(sequence ? sequence->object.context : NULL);
    char name[TP_NAME];
    snprintf(name, sizeof name, "%d", sequence->n);
    return tp_module_is_nil(tp_module_add_child(sequence, name, m)) ? tp_nil_module(c) : sequence;
}

tp_module *tp_sequential_of(tp_context *c, tp_module *const *modules)
{
    tp_module *sequence = tp_module_new(c, "sequential", sequential_forward, NULL, 0);
    for (; *modules && tp_ok(c); modules++) tp_sequential_add(sequence, *modules);
    return tp_ok(c) ? sequence : tp_nil_module(c);
}
