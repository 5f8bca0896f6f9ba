/* layers.c - the layers there are. */
#include "nn/module.h"

#include <math.h>
#include <stdio.h>

/* --- linear --- */

/* `row` on matrices: other inputs become one for the call. */
static tp_tensor *affine(tp_tensor *row(tp_tensor *, tp_tensor *, tp_tensor *), tp_tensor *x,
                         tp_tensor *weight, tp_tensor *bias)
{
    tp_shape shape = tp_shape_of(x), matrix = {.n = 2, .v = {1}};
    if (shape.n == 2 || shape.n == 0) return row(x, weight, bias);
    for (int i = 0; i < shape.n - 1; i++) matrix.v[0] *= shape.v[i];
    matrix.v[1] = shape.v[shape.n - 1];
    tp_tensor *y = row(tp_reshape(x, matrix), weight, bias);
    shape.v[shape.n - 1] = tp_size(weight, 0);
    return tp_reshape(y, shape);
}

static tp_tensor *linear_forward(tp_module *m, tp_tensor *x)
{
    tp_tensor *weight = m->entries[0].tensor;
    tp_entry *bias = tp_module_entry(m, "bias", 4);
    return bias ? affine(tp_affine, x, weight, bias->tensor) : tp_matmul(x, tp_transpose(weight, 0, 1));
}

/* A linear layer with a bias, and relu, in one row. */
static tp_tensor *linear_relu_forward(tp_module *m, tp_tensor *x)
{
    return affine(tp_affine_relu, x, m->entries[0].tensor, tp_module_entry(m, "bias", 4)->tensor);
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

static tp_module *linear_make(tp_context *c, const double *arg, int64_t in, tp_dtype dtype)
{
    return tp_linear(c, in, (int64_t)arg[0], .no_bias = arg[1] == 0, .dtype = dtype);
}

static double linear_numel(const double *arg, int64_t in) { return arg[0] * ((double)in + arg[1]); }

static bool linear_read(const tp_module *m, double *arg)
{
    arg[0] = (double)tp_size(m->entries[0].tensor, 0);
    arg[1] = tp_module_entry(m, "bias", 4) != NULL;
    return m->n == 1 + (arg[1] != 0);
}

/* --- without parameters --- */

/* name, forward pass */
#define LAYERS(ROW)                     \
    ROW(relu, tp_relu(x))               \
    ROW(sigmoid, tp_sigmoid(x))         \
    ROW(tanh, tp_tanh(x))               \
    ROW(gelu, tp_gelu(x, false))        \
    ROW(gelu_tanh, tp_gelu(x, true))    \
    ROW(silu, tp_silu(x))               \
    ROW(softplus, tp_softplus(x))       \
    ROW(log_sigmoid, tp_log_sigmoid(x)) \
    ROW(mish, tp_mish(x))               \
    ROW(selu, tp_selu(x))               \
    ROW(flatten, tp_flatten(x, 1, -1))

#define LAYER(name, expression)                                                                              \
    static tp_tensor *name##_forward(tp_module *m, tp_tensor *x)                                             \
    {                                                                                                        \
        (void)m;                                                                                             \
        return expression;                                                                                   \
    }                                                                                                        \
    tp_module *tp_##name##_layer(tp_context *c) { return tp_module_new(c, #name, name##_forward, NULL, 0); } \
    static tp_module *name##_make(tp_context *c, const double *arg, int64_t in, tp_dtype dtype)              \
    {                                                                                                        \
        (void)arg, (void)in, (void)dtype;                                                                    \
        return tp_##name##_layer(c);                                                                         \
    }
LAYERS(LAYER)

/* The same with one number: name, its type here and in text, its name and default, forward pass. */
#define LAYERS1(ROW)                                                                           \
    ROW(leaky_relu, double, TP_NUMBER, negative_slope, 0.01, tp_leaky_relu(x, negative_slope)) \
    ROW(elu, double, TP_NUMBER, alpha, 1, tp_elu(x, alpha))                                    \
    ROW(softmax, int, TP_INTEGER, axis, -1, tp_softmax(x, axis))                               \
    ROW(log_softmax, int, TP_INTEGER, axis, -1, tp_log_softmax(x, axis))

#define LAYER1(name, type, kind, value, normal, expression)                                     \
    static tp_tensor *name##_forward(tp_module *m, tp_tensor *x)                                \
    {                                                                                           \
        const double *arg = m->data;                                                            \
        type value = (type)arg[0];                                                              \
        return expression;                                                                      \
    }                                                                                           \
    tp_module *tp_##name##_layer(tp_context *c, type value)                                     \
    {                                                                                           \
        return tp_module_new(c, #name, name##_forward, &(double){value}, sizeof(double));       \
    }                                                                                           \
    static tp_module *name##_make(tp_context *c, const double *arg, int64_t in, tp_dtype dtype) \
    {                                                                                           \
        (void)in, (void)dtype;                                                                  \
        return tp_##name##_layer(c, (type)arg[0]);                                              \
    }
LAYERS1(LAYER1)

static tp_tensor *hardtanh_forward(tp_module *m, tp_tensor *x)
{
    const double *bounds = m->data;
    return tp_hardtanh(x, bounds[0], bounds[1]);
}

tp_module *tp_hardtanh_layer(tp_context *c, double min, double max)
{
    const double bounds[] = {min, max};
    return tp_module_new(c, "hardtanh", hardtanh_forward, bounds, sizeof bounds);
}

static tp_module *hardtanh_make(tp_context *c, const double *arg, int64_t in, tp_dtype dtype)
{
    (void)in, (void)dtype;
    return tp_hardtanh_layer(c, arg[0], arg[1]);
}

static tp_tensor *dropout_forward(tp_module *m, tp_tensor *x)
{
    return tp_dropout(x, *(const double *)m->data, m->training);
}

tp_module *tp_dropout_layer(tp_context *c, double p)
{
    if (tp_ok(c) && !(p >= 0 && p <= 1)) /* here, where it is written, and in evaluation too */
        tp_fail(c, TP_ERR_ARGUMENT, "tp_dropout_layer: takes p of 0 to 1, got %g", p);
    return tp_module_new(c, "dropout", dropout_forward, &p, sizeof p);
}

static tp_module *dropout_make(tp_context *c, const double *arg, int64_t in, tp_dtype dtype)
{
    (void)in, (void)dtype;
    return tp_dropout_layer(c, arg[0]);
}

/* --- the table --- */

#define ROW(name, expression) {#name, name##_forward, name##_make, NULL, false, NULL, 0, {{0}}},
#define ROW1(name, type, kind, value, normal, expression) \
    {#name, name##_forward, name##_make, NULL, false, NULL, 1, {{#value, kind, false, normal}}},

static const tp_layer layers[] = {
    {"linear",
     linear_forward,
     linear_make,
     linear_read,
     true,
     linear_numel,
     2,
     {{"out", TP_INTEGER, true, 0}, {"bias", TP_FLAG, false, 1}}},
    {"dropout", dropout_forward, dropout_make, NULL, false, NULL, 1, {{"p", TP_NUMBER, false, 0.5}}},
    {"hardtanh",
     hardtanh_forward,
     hardtanh_make,
     NULL,
     false,
     NULL,
     2,
     {{"min", TP_NUMBER, false, -1}, {"max", TP_NUMBER, false, 1}}},
    LAYERS(ROW) LAYERS1(ROW1)};

const tp_layer *tp_layer_at(int i)
{
    return i >= 0 && i < (int)(sizeof layers / sizeof *layers) ? &layers[i] : NULL;
}

const char *tp_layer_name_at(int i) { return tp_layer_at(i) ? tp_layer_at(i)->name : NULL; }

/* --- sequential --- */

/* Whether module i and the one after it are computed together. */
static bool has_relu(const tp_module *m, int i)
{
    const tp_module *layer = m->entries[i].child, *next = i + 1 < m->n ? m->entries[i + 1].child : NULL;
    return layer && next && layer->forward == linear_forward && next->forward == relu_forward &&
           tp_module_entry(layer, "bias", 4);
}

tp_tensor *tp_sequential_forward(tp_module *m, tp_tensor *x)
{
    for (int i = 0; i < m->n; i++) {
        const bool fused = has_relu(m, i);
        tp_module *layer = m->entries[i].child;
        tp_tensor *y = fused ? tp_forward_by(layer, linear_relu_forward, x) : tp_forward(layer, x);
        i += fused;
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
    tp_module *sequence = tp_module_new(c, "sequential", tp_sequential_forward, NULL, 0);
    for (; *modules && tp_ok(c); modules++) tp_sequential_add(sequence, *modules);
    return tp_ok(c) ? sequence : tp_nil_module(c);
}
