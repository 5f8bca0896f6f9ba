/* stream.c - streaming forward mode: results carry the tangents that follow from their inputs'. */
#include "op/node.h"
#include "op/planted.h"

#include <string.h>

static void tangent_destroy(tp_object *object)
{
    tp_carried *cell = (tp_carried *)object;
    tp_tensor_release(cell->value);
    if (cell->next) tp_object_release(&cell->next->object);
    tp_object_free(object, sizeof *cell, false);
}

static const tp_class tangent_class = {"tangent", tangent_destroy};

static bool is_open(const tp_context *c, int level)
{
    for (int i = 0; i < c->n_levels; i++)
        if (c->levels[i] == level) return true;
    return false;
}

tp_carried *tp_tangents_below(const tp_context *c, tp_object *tangents, int level)
{
    tp_carried *cell = (tp_carried *)tangents;
    while (cell && (cell->level >= level || !is_open(c, cell->level))) cell = cell->next;
    return cell;
}

tp_tensor *tp_alias_with_history(tp_tensor *t, tp_object *tangents)
{
    tp_tensor *alias = tp_tensor_alias(t->object.context, t);
    if (tp_is_nil(alias)) return alias;
    alias->node = t->node;
    alias->node_output = t->node_output;
    alias->leaf = tp_leaf_of(t);
    alias->tangents = tangents;
    if (alias->node) tp_object_retain(alias->node);
    if (alias->leaf) tp_tensor_retain(alias->leaf);
    if (alias->tangents) tp_object_retain(alias->tangents);
    return alias;
}

tp_tensor *tp_strip(tp_tensor *t, int level)
{
    tp_object *rest =
        (tp_object *)tp_tangents_below(t->object.context, t->tangents, TP_PLANTED(STRIP) ? 0 : level);
    return rest == t->tangents ? t : tp_alias_with_history(t, rest);
}

bool tp_attach_tangent(tp_tensor *t, int level, int source, bool batched, tp_tensor *value)
{
    tp_carried *cell = tp_alloc(t->object.context, sizeof *cell);
    if (!cell) {
        tp_tensor_release(value);
        return false;
    }
    tp_object_init_unowned(&cell->object, &tangent_class, t->object.context);
    cell->next = (tp_carried *)t->tangents;
    cell->level = level;
    cell->source = source;
    cell->batched = batched;
    cell->value = value;
    t->tangents = &cell->object;
    return true;
}

/* One call whose inputs carry tangents, while those of its outputs are worked out. */
typedef struct carrier {
    tp_call call;
    tp_tensor *const *in, *const *out;
    tp_tensor **bare_in, **bare_out; /* stripped of the level at work */
    tp_tensor **t;
} carrier;

static tp_carried *find(tp_object *tangents, int level, int source)
{
    for (tp_carried *cell = (tp_carried *)tangents; cell; cell = cell->next)
        if (cell->level == level && cell->source == source) return cell;
    return NULL;
}

/* The smallest source of a level above `source` that any input carries; -1: none. */
static int next_source(const carrier *w, int level, int source)
{
    int next = -1;
    for (int i = 0; i < w->call.n_in; i++)
        for (tp_carried *cell = (tp_carried *)w->call.values[i].tangents; cell; cell = cell->next)
            if (cell->level == level && cell->source > source && (next < 0 || cell->source < next))
                next = cell->source;
    return next;
}

static bool strip_all(carrier *w, int level)
{
    for (int i = 0; i < w->call.n_in; i++) {
        w->bare_in[i] = w->in[i] && tp_is_read(&w->call, i) ? tp_strip(w->in[i], level) : NULL;
        if (w->bare_in[i] && tp_is_nil(w->bare_in[i])) return false;
    }
    for (int o = 0; o < w->call.n_out; o++) {
        bool read = w->out[o] && tp_is_read(&w->call, w->call.n_in + o);
        w->bare_out[o] = read ? tp_strip(w->out[o], level) : NULL;
        if (w->bare_out[o] && tp_is_nil(w->bare_out[o])) return false;
    }
    return true;
}

static bool same_directions(const carrier *w, bool batched, int64_t directions, const tp_carried *cell)
{
    if (cell->batched == batched && (!batched || cell->value->size[0] == directions)) return true;
    tp_call_fail(&w->call, TP_ERR_SHAPE,
                 "inputs carry tangents of source %d in different numbers of directions", cell->source);
    return false;
}

/* The inputs' tangents of one level and source, in w->t; false if they do not fit each other. */
static bool gather_tangents(carrier *w, int level, int source, bool *batched)
{
    int64_t directions = 0;
    bool first = true;
    for (int i = 0; i < w->call.n_in; i++) {
        tp_carried *cell = find(w->call.values[i].tangents, level, source);
        if (TP_PLANTED(CARRY) && i) cell = NULL;
        w->t[i] = cell ? cell->value : NULL;
        if (!cell) continue;
        if (first) {
            *batched = cell->batched;
            directions = cell->batched ? cell->value->size[0] : 0;
            first = false;
        } else if (!same_directions(w, *batched, directions, cell))
            return false;
    }
    return true;
}

/* Works out one output's tangent, in a scope of its own, and attaches it. */
static bool carry_to_output(carrier *w, int o, int level, int source, bool batched)
{
    tp_context *c = w->call.context;
    tp_mark scope = tp_open_scope(c);
    tp_tensor *tangent = tp_push_output(&w->call, o, w->t, batched);
    if (tangent) tp_tensor_retain(tangent);
    tp_close_scope(c, scope);
    if (c->status == TP_OK) return !tangent || tp_attach_tangent(w->out[o], level, source, batched, tangent);
    if (tangent) tp_tensor_release(tangent);
    return false;
}

static bool carry_source(carrier *w, int level, int source)
{
    bool batched = false;
    if (!gather_tangents(w, level, source, &batched)) return false;
    for (int o = 0; o < w->call.n_out; o++)
        if (w->out[o] && tp_dtype_is_float(w->out[o]->dtype) &&
            !carry_to_output(w, o, level, source, batched))
            return false;
    return true;
}

static bool carry(carrier *w)
{
    tp_context *c = w->call.context;
    size_t n_in = (size_t)w->call.n_in, n_out = (size_t)w->call.n_out;
    size_t bytes = (2 * n_in + n_out) * sizeof(tp_tensor *);
    w->bare_in = tp_alloc(c, bytes);
    if (!w->bare_in) return false;
    w->t = w->bare_in + n_in;
    w->bare_out = w->t + n_in;
    w->call.in = w->bare_in;
    w->call.out = w->bare_out;
    bool done = true;
    for (int k = 0; k < c->n_levels && done; k++) {
        int level = c->levels[k], source = next_source(w, level, -1);
        if (source < 0) continue;
        tp_mark scope = tp_open_scope(c);
        done = scope != 0;
        for (; done && source >= 0; source = next_source(w, level, source))
            done = strip_all(w, level) && carry_source(w, level, source); /* outputs carry those before */
        tp_close_scope(c, scope);
    }
    tp_free(c, w->bare_in, bytes);
    return done;
}

bool tp_carry_tangents_again(const tp_call *call, tp_tensor *const *in, tp_tensor *const *out)
{
    carrier w = {.call = *call, .in = in, .out = out};
    return carry(&w);
}

bool tp_carry_tangents(const tp_call *call, tp_tensor *const *in, tp_tensor *const *out)
{
    tp_context *c = call->context;
    size_t bytes = (size_t)(call->n_in + call->n_out) * sizeof(tp_value);
    tp_value *values = tp_alloc(c, bytes);
    if (!values) return false;
    for (int i = 0; i < call->n_in + call->n_out; i++) {
        tp_tensor *t = i < call->n_in ? in[i] : out[i - call->n_in];
        values[i] = (tp_value){.dtype = t->dtype, .rank = t->rank, .size = t->size};
        if (i < call->n_in && tp_dtype_is_float(t->dtype)) values[i].tangents = t->tangents;
    }
    carrier w = {.call = *call, .in = in, .out = out};
    w.call.values = values;
    bool done = carry(&w);
    tp_free(c, values, bytes);
    return done;
}
