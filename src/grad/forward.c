/* forward.c - forward mode: over a recorded graph, and streaming. */
#include "grad/sweep.h"

#include <limits.h>

/* --- over a recorded graph --- */

/* The tangent of input i: what its call left, or v where it is x. */
static tp_tensor *incoming(const tp_value *v, tp_tensor *x, tp_tensor *tangent)
{
    if (tp_same_place(v, x)) return tangent;
    return v->node && v->node->visited ? v->node->slot[v->node_output] : NULL;
}

static bool push_node(tp_node *node, tp_tensor *x, tp_tensor *v, bool batched)
{
    tp_handles h;
    tp_call call;
    if (!tp_handles_open(node, &h)) return false;
    bool done = tp_node_call(node, &call, h.in, h.out);
    for (int i = 0; i < node->n_in; i++) h.slots[i] = incoming(&node->values[i], x, v);
    for (int o = 0; done && o < node->n_out; o++) {
        if (!tp_dtype_is_float(node->values[node->n_in + o].dtype)) continue;
        tp_tensor *t = tp_push_output(&call, o, h.slots, batched);
        done = !t || !tp_is_nil(t);
        if (!t || !done) continue;
        tp_tensor_retain(t);
        node->slot[o] = t;
    }
    tp_handles_close(node, &h);
    return done;
}

static bool walk(tp_tensor *y, tp_tensor *x, tp_tensor *v, bool batched)
{
    tp_context *c = tp_context_of(y);
    tp_node *root = tp_node_of(y);
    for (tp_node *node = root ? c->first_node : NULL; node; node = node->next) {
        if (node->visited && node->needed && node != tp_node_of(x)) {
            tp_mark scope = tp_open_scope(c);
            bool done = scope && push_node(node, x, v, batched);
            tp_close_scope(c, scope);
            if (!done) return false;
        }
        if (node == root) break;
    }
    return true;
}

/* Another handle on a tensor that a slot owns, history and tangents included. */
static tp_tensor *handle_on(tp_tensor *t)
{
    tp_tensor_retain(t);
    tp_tensor *h = tp_reshape(t, tp_shape_of(t));
    tp_tensor_release(t);
    return h;
}

static tp_tensor *zeros(tp_tensor *y, tp_tensor *v, bool batched)
{
    if (!batched) return tp_zeros_like(y);
    tp_shape shape = {.n = y->rank + 1, .v = {v->size[0]}};
    for (int i = 0; i < y->rank; i++) shape.v[i + 1] = y->size[i];
    return tp_clone(tp_expand(tp_scalar(tp_context_of(y), 0, y->dtype), shape));
}

tp_tensor *tp_jvp_with(tp_tensor *y, tp_tensor *x, tp_tensor *v, const tp_grad_options *options)
{
    tp_context *c = tp_context_of(y);
    bool batched;
    if (!tp_ok(c) || !tp_in_graph(c, y, "tp_jvp", "y") || !tp_in_graph(c, x, "tp_jvp", "x") ||
        !tp_matches(c, v, x, &batched, "tp_jvp", "v") || !tp_mark_ancestors(y, "tp_jvp"))
        return tp_nil(c);
    tp_value place = {
        .node = tp_node_of(y), .node_output = y->node_output, .leaf = y->node ? NULL : tp_leaf_of(y)};
    bool before = c->grad_enabled;
    tp_mark scope = tp_open_scope(c);
    c->grad_enabled = tp_grad_options_of(options).record;
    tp_tensor *result = tp_nil(c);
    tp_mark_descendants(y, 1, &x);
    if (tp_same_place(&place, x))
        result = handle_on(v);
    else if (walk(y, x, v, batched)) {
        tp_tensor *slot = place.node ? place.node->slot[place.node_output] : NULL;
        result = slot ? handle_on(slot) : zeros(y, v, batched);
    }
    tp_keep(result);
    c->grad_enabled = before;
    tp_close_scope(c, scope);
    tp_unmark(y);
    return result;
}

/* --- streaming --- */

int tp_open_forward(tp_context *c)
{
    if (!tp_ok(c)) return 0;
    if (c->n_levels == TP_MAX_LEVELS) {
        tp_fail(c, TP_ERR_STATE, "tp_open_forward: %d levels are open, no more can be", TP_MAX_LEVELS);
        return 0;
    }
    c->levels[c->n_levels++] = ++c->last_level;
    return c->last_level;
}

static bool is_open(tp_context *c, int level, const char *call)
{
    for (int i = 0; i < c->n_levels; i++)
        if (c->levels[i] == level) return true;
    tp_fail(c, TP_ERR_STATE, "%s: level %d is not open", call, level);
    return false;
}

void tp_close_forward(tp_context *c, int level)
{
    if (!c || level == 0 || !is_open(c, level, "tp_close_forward")) return;
    while (c->levels[--c->n_levels] != level) continue;
}

/* True if `x` carries a tangent of the level or of an open one inside it. */
static bool carries(const tp_context *c, const tp_tensor *x, int level)
{
    tp_carried *cell = tp_tangents_below(c, x->tangents, INT_MAX);
    return cell && cell->level >= level;
}

static bool can_be_dual(tp_context *c, tp_tensor *x, int level, int source)
{
    if (!tp_tensor_usable(c, x, "tp_dual", "x") || !is_open(c, level, "tp_dual")) return false;
    const char *why = source < 0                     ? "a source is 0 or more"
                      : !tp_dtype_is_float(x->dtype) ? "only floats carry tangents"
                      : carries(c, x, level)         ? "x carries a tangent of this level or one inside it"
                                                     : NULL;
    if (why) tp_fail(c, TP_ERR_ARGUMENT, "tp_dual: %s", why);
    return !why;
}

tp_tensor *tp_dual(tp_tensor *x, tp_tensor *v, int level, int source)
{
    tp_context *c = tp_context_of(x);
    bool batched;
    if (!tp_ok(c) || !can_be_dual(c, x, level, source)) return tp_nil(c);
    if (!tp_matches(c, v, x, &batched, "tp_dual", "v")) return tp_nil(c);
    tp_mark scope = tp_open_scope(c);
    if (!scope) return tp_nil(c);
    tp_tensor *y = tp_alias_with_history(x, (tp_object *)tp_tangents_below(c, x->tangents, level));
    tp_tensor *value = tp_strip(v, level);
    tp_tensor_retain(value);
    if (tp_is_nil(y) || tp_is_nil(value))
        tp_tensor_release(value);
    else if (!tp_attach_tangent(y, level, source, batched, value))
        y = tp_nil(c);
    tp_keep(y);
    tp_close_scope(c, scope);
    return tp_ok(c) ? y : tp_nil(c);
}

tp_tensor *tp_dual_identity(tp_tensor *x, int level, int source)
{
    tp_context *c = tp_context_of(x);
    if (!tp_ok(c) || !tp_tensor_usable(c, x, "tp_dual_identity", "x")) return tp_nil(c);
    tp_mark scope = tp_open_scope(c);
    tp_shape shape = {.n = x->rank + 1, .v = {tp_numel(x)}};
    for (int i = 0; i < x->rank; i++) shape.v[i + 1] = x->size[i];
    tp_tensor *unit = tp_reshape(tp_eye(c, tp_numel(x), x->dtype), shape);
    tp_tensor *y = tp_keep(tp_dual(x, unit, level, source));
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_tangent(tp_tensor *y, int level, int source)
{
    tp_context *c = tp_context_of(y);
    if (!tp_ok(c) || !tp_tensor_usable(c, y, "tp_tangent", "y") || !is_open(c, level, "tp_tangent"))
        return tp_nil(c);
    for (tp_carried *cell = (tp_carried *)y->tangents; cell; cell = cell->next)
        if (cell->level == level && cell->source == source) return handle_on(cell->value);
    return tp_nil(c);
}
