/* sets.h - small data sets and nets for the tests of training. */
#ifndef TRAIN_SETS_H
#define TRAIN_SETS_H

#include "fixture.h"

/* n samples of `features` values that are learnt easily: the class is where the largest of the first three
 * is. */
static inline tp_dataset *three_classes(tp_context *c, int64_t n, int64_t features, uint64_t seed)
{
    tp_tensor *x = tp_uniform_from(tp_from_array(c, TP_SHAPE(2), TP_U64, (uint64_t[]){seed, 0}),
                                   TP_SHAPE(n, features), -1, 1, TP_F64);
    return tp_dataset_new(c, x, tp_argmax(tp_slice(x, 1, 0, 3, 1), TP_AXES(1), false));
}

/* n samples of which the target is x0 - x1 / 2, and with `k` columns also twice and three times that. */
static inline tp_dataset *line(tp_context *c, int64_t n, int64_t k, uint64_t seed)
{
    tp_tensor *x = tp_uniform_from(tp_from_array(c, TP_SHAPE(2), TP_U64, (uint64_t[]){seed, 0}),
                                   TP_SHAPE(n, 2), -1, 1, TP_F64);
    tp_tensor *y = tp_sub(tp_select(x, 1, 0), tp_mul_scalar(tp_select(x, 1, 1), 0.5));
    if (k) y = tp_outer(y, tp_arange(c, 1, (double)k + 1, 1, TP_F64));
    return tp_dataset_new(c, x, y);
}

static inline tp_module *linear_net(tp_context *c, int64_t in, int64_t out, tp_dtype dtype)
{
    return tp_sequential(c, tp_linear(c, in, 8, .dtype = dtype), tp_tanh_layer(c),
                         tp_linear(c, 8, out, .dtype = dtype));
}

static inline tp_module *dropout_net(tp_context *c, int64_t in, int64_t out, tp_dtype dtype)
{
    return tp_sequential(c, tp_linear(c, in, 16, .dtype = dtype), tp_relu_layer(c), tp_dropout_layer(c, 0.25),
                         tp_linear(c, 16, out, .dtype = dtype));
}

/* A hash (FNV-1a) of the bits of all parameters. */
static inline uint64_t bits_of(tp_module *net)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (int i = 0; i < tp_parameters(net); i++) {
        tp_tensor *t = tp_contiguous(tp_detach(tp_parameter_at(net, i, NULL, 0)));
        const unsigned char *byte = tp_data(t);
        for (size_t k = 0; k < (size_t)tp_numel(t) * tp_dtype_size(tp_dtype_of(t)); k++)
            hash = (hash ^ byte[k]) * 0x100000001b3;
    }
    return hash;
}

#endif
