/* init.c - how parameters start. */
#include <taper/ext.h>
#include <taper/nn.h>

#include <math.h>

/* Overwrites `t` with `values`, made in an inner scope `scope`, and closes that. */
static tp_tensor *overwrite(tp_tensor *t, tp_tensor *values, tp_mark scope)
{
    tp_context *c = tp_context_of(t);
    tp_assign(t, values);
    tp_close_scope(c, scope);
    return tp_ok(c) ? t : tp_nil(c);
}

tp_tensor *tp_init_constant(tp_tensor *t, double value)
{
    tp_context *c = tp_context_of(t);
    tp_mark scope = tp_open_scope(c);
    return overwrite(t, tp_scalar(c, value, tp_dtype_of(t)), scope);
}

tp_tensor *tp_init_uniform(tp_tensor *t, double low, double high)
{
    tp_context *c = tp_context_of(t);
    tp_mark scope = tp_open_scope(c);
    return overwrite(t, tp_uniform(c, tp_shape_of(t), low, high, tp_dtype_of(t)), scope);
}

tp_tensor *tp_init_normal(tp_tensor *t, double mean, double std)
{
    tp_context *c = tp_context_of(t);
    tp_mark scope = tp_open_scope(c);
    return overwrite(t, tp_normal(c, tp_shape_of(t), mean, std, tp_dtype_of(t)), scope);
}

/* The fans of a weight [out,in,..]: how many inputs an output has, and the other way round, at least 1; false
 * after recording that it has too few axes. */
static bool fans(tp_tensor *t, double *in, double *out, const char *call)
{
    if (!tp_object_usable(tp_context_of(t), (tp_object *)t, call, "t")) return false;
    if (tp_rank(t) < 2) {
        tp_fail(tp_context_of(t), TP_ERR_SHAPE, "%s: takes a weight [out,in,..], got %d axes", call,
                tp_rank(t));
        return false;
    }
    double field = 1;
    for (int i = 2; i < tp_rank(t); i++) field *= (double)tp_size(t, i);
    *in = fmax(1, (double)tp_size(t, 1) * field);
    *out = fmax(1, (double)tp_size(t, 0) * field);
    return true;
}

/* Uniform of a deviation: the bound is sqrt(3) times that. */
static tp_tensor *uniform_of(tp_tensor *t, double std)
{
    return tp_init_uniform(t, -sqrt(3) * std, sqrt(3) * std);
}

tp_tensor *tp_init_xavier_uniform(tp_tensor *t, double gain)
{
    double in, out;
    if (!fans(t, &in, &out, "tp_init_xavier_uniform")) return tp_nil(tp_context_of(t));
    return uniform_of(t, gain * sqrt(2 / (in + out)));
}

tp_tensor *tp_init_xavier_normal(tp_tensor *t, double gain)
{
    double in, out;
    if (!fans(t, &in, &out, "tp_init_xavier_normal")) return tp_nil(tp_context_of(t));
    return tp_init_normal(t, 0, gain * sqrt(2 / (in + out)));
}

tp_tensor *tp_init_kaiming_uniform(tp_tensor *t, double a)
{
    double in, out;
    if (!fans(t, &in, &out, "tp_init_kaiming_uniform")) return tp_nil(tp_context_of(t));
    return uniform_of(t, sqrt(2 / ((1 + a * a) * in)));
}

tp_tensor *tp_init_kaiming_normal(tp_tensor *t, double a)
{
    double in, out;
    if (!fans(t, &in, &out, "tp_init_kaiming_normal")) return tp_nil(tp_context_of(t));
    return tp_init_normal(t, 0, sqrt(2 / ((1 + a * a) * in)));
}
