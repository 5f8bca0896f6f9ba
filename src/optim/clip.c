/* clip.c - gradients made smaller. */
#include <taper/ext.h>
#include <taper/optim.h>

#include <math.h>

/* The gradient of parameter i, nil if it has none. */
static tp_tensor *gradient(tp_module *m, int i) { return tp_grad_of(tp_parameter_at(m, i, NULL, 0)); }

/* Overwrites each gradient by what `change` makes of it: first all are computed, so that after a failure none
 * is changed. Closes the scope. */
static void change_all(tp_context *c, tp_module *m, int n, tp_tensor *(*change)(tp_tensor *g, double by),
                       double by, tp_mark scope)
{
    size_t size = 2 * (size_t)n * sizeof(tp_tensor *);
    tp_tensor **gradients = tp_ok(c) && n ? tp_alloc(c, size) : NULL;
    tp_tensor **changed = gradients ? gradients + n : NULL;
    for (int i = 0; gradients && i < n; i++) {
        gradients[i] = gradient(m, i);
        changed[i] = tp_is_nil(gradients[i]) ? NULL : change(gradients[i], by);
    }
    for (int i = 0; gradients && i < n; i++)
        if (changed[i]) tp_assign(gradients[i], changed[i]);
    tp_free(c, gradients, size);
    tp_close_scope(c, scope);
}

/* The context if `m` can be used and `bound` is one; NULL after recording why not. */
static tp_context *usable(tp_module *m, double bound, const char *call)
{
    tp_context *c = m ? ((tp_object *)m)->context : NULL;
    if (!tp_object_usable(c, (tp_object *)m, call, "m")) return NULL;
    if (bound >= 0) return c;
    tp_fail(c, TP_ERR_ARGUMENT, "%s: takes a bound of 0 or more, got %g", call, bound);
    return NULL;
}

static tp_tensor *clamp(tp_tensor *g, double bound) { return tp_clamp(g, -bound, bound); }

double tp_clip_grad_norm(tp_module *m, double max_norm)
{
    tp_context *c = usable(m, max_norm, "tp_clip_grad_norm");
    if (!c) return NAN;
    tp_mark scope = tp_open_no_grad(c);
    double squares = 0;
    int n = tp_parameters(m);
    for (int i = 0; i < n; i++) {
        tp_tensor *g = gradient(m, i);
        double norm = tp_is_nil(g) ? 0 : tp_item(tp_norm(g, 2, TP_ALL, false));
        squares += norm * norm;
    }
    double total = sqrt(squares), factor = max_norm / (total + 1e-6);
    change_all(c, m, factor >= 1 ? 0 : n, tp_mul_scalar, factor, scope); /* NAN goes on to all */
    return tp_ok(c) ? total : NAN;
}

void tp_clip_grad_value(tp_module *m, double value)
{
    tp_context *c = usable(m, value, "tp_clip_grad_value");
    if (!c) return;
    tp_mark scope = tp_open_no_grad(c);
    change_all(c, m, tp_parameters(m), clamp, value, scope);
}
