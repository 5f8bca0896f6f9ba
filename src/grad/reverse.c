/* reverse.c - the walk backwards over the recorded graph. */
#include "grad/sweep.h"
#include "op/planted.h"

/* One walk: from y, cotangents go to the leaves (all of them, or those among xs). */
typedef struct sweep {
    tp_context *c;
    tp_tensor *y;
    int n;
    tp_tensor *const *xs; /* NULL: all leaves */
    tp_tensor *pending;   /* leaves with a share, linked */
    bool batched;
} sweep;

/* Adds `share` into a slot that owns its tensor. Takes over nothing of `share`. */
static bool accumulate(tp_tensor **slot, tp_tensor *share)
{
    tp_tensor *sum = *slot && !TP_PLANTED(ACCUMULATE) ? tp_add(*slot, share) : share;
    if (tp_absent(sum)) return false;
    tp_tensor_retain(sum);
    tp_tensor_release(*slot);
    *slot = sum;
    return true;
}

static bool wanted_leaf(const sweep *s, tp_tensor *leaf)
{
    for (int k = 0; s->xs && k < s->n; k++)
        if (!s->xs[k]->node && tp_leaf_of(s->xs[k]) == leaf) return true;
    return !s->xs;
}

/* Hands an input's share on: to the call that made it, or to the leaf it is. */
static bool hand_on(sweep *s, const tp_value *v, tp_tensor *share)
{
    if (v->node) return accumulate(&v->node->slot[v->node_output], share);
    bool first = !v->leaf->pending;
    if (!accumulate(&v->leaf->pending, share)) return false;
    if (first) {
        v->leaf->next_pending = s->pending;
        s->pending = v->leaf;
    }
    return true;
}

static bool pull_node(sweep *s, tp_node *node)
{
    tp_handles h;
    tp_call call;
    tp_tensor *memo[TP_MEMO] = {NULL};
    if (!tp_handles_open(node, &h)) return false;
    bool done = tp_node_call(node, &call, h.in, h.out);
    call.memo = memo;
    for (int i = 0; done && i < node->n_in; i++) {
        const tp_value *v = &node->values[i];
        bool wanted = v->node ? !s->xs || v->node->needed : v->leaf && wanted_leaf(s, v->leaf);
        for (int k = 0; s->xs && v->node && !wanted && k < s->n; k++) wanted = tp_same_place(v, s->xs[k]);
        if (!wanted) continue;
        tp_tensor *share = tp_pull_input(&call, i, node->slot, s->batched);
        done = !share || (!tp_absent(share) && hand_on(s, v, share));
    }
    tp_handles_close(node, &h);
    return done && s->c->status == TP_OK;
}

/* Whether the cotangent of a result of this call is what was asked for. */
static bool is_target(const sweep *s, const tp_node *node)
{
    for (int k = 0; s->xs && k < s->n; k++)
        if (s->xs[k]->node == &node->object) return true;
    return false;
}

static bool walk(sweep *s)
{
    for (tp_node *node = tp_node_of(s->y); node; node = node->prev) {
        bool reached = false;
        for (int o = 0; node->visited && o < node->n_out; o++) reached = reached || node->slot[o];
        if (!reached) continue;
        tp_mark scope = tp_open_scope(s->c);
        bool done = scope && pull_node(s, node);
        tp_close_scope(s->c, scope);
        if (!done) return false;
        for (int o = 0; o < node->n_out && !is_target(s, node); o++) {
            tp_tensor_release(node->slot[o]);
            node->slot[o] = NULL;
        }
    }
    return true;
}

/* Starts with the cotangent u of y and walks. Marks and slots stay for the caller to read and clear. */
static bool run(sweep *s, tp_tensor *u, bool record, const char *call)
{
    if (!tp_mark_ancestors(s->y, call)) return false;
    if (s->xs) tp_mark_descendants(s->y, s->n, s->xs);
    bool before = s->c->grad_enabled;
    s->c->grad_enabled = record;
    tp_node *root = tp_node_of(s->y);
    bool done;
    if (root)
        done = accumulate(&root->slot[s->y->node_output], u) && walk(s);
    else
        done = hand_on(s, &(tp_value){.leaf = tp_leaf_of(s->y)}, u);
    s->c->grad_enabled = before;
    return done;
}

static void drop_pending(sweep *s)
{
    for (tp_tensor *next, *leaf = s->pending; leaf; leaf = next) {
        next = leaf->next_pending;
        tp_tensor_release(leaf->pending);
        leaf->pending = NULL;
        leaf->next_pending = NULL;
    }
    s->pending = NULL;
}

/* --- backward: into the leaves --- */

/* True if the elements lie row-major, or as the leaf's own do: then an optimizer walks both in one row. */
static bool lies_well(const tp_tensor *t, const tp_tensor *leaf)
{
    if (tp_is_contiguous(t)) return true;
    for (int i = 0; i < t->rank; i++)
        if (t->size[i] > 1 && (t->stride[i] == 0 || t->stride[i] != leaf->stride[i])) return false;
    return true;
}

/* True if nobody else sees the elements. */
static bool is_sole(const tp_tensor *t)
{
    return t->object.refs == 1 && atomic_load(&t->storage->refs) == 1 && !t->tangents;
}

/* Turns each leaf's share into what its gradient is to be: a tensor of its own, added to what was there. */
static bool prepare(sweep *s)
{
    for (tp_tensor *leaf = s->pending; leaf; leaf = leaf->next_pending) {
        if (!leaf->grad && is_sole(leaf->pending) && lies_well(leaf->pending, leaf)) continue;
        tp_mark scope = tp_open_no_grad(s->c);
        tp_tensor *share = tp_detach(leaf->pending);
        tp_tensor *sum = leaf->grad && !TP_PLANTED(LEAF) ? tp_add(leaf->grad, share) : tp_clone(share);
        bool done = scope && !tp_absent(sum);
        if (done) {
            tp_tensor_retain(sum);
            tp_tensor_release(leaf->pending);
            leaf->pending = sum;
        }
        tp_close_scope(s->c, scope);
        if (!done) return false;
    }
    return true;
}

/* Cannot fail: the new gradients take their places, handles that the user has keep theirs. */
static void commit(sweep *s)
{
    for (tp_tensor *leaf = s->pending; leaf; leaf = leaf->next_pending) {
        if (!leaf->grad) {
            leaf->grad = leaf->pending;
            leaf->pending = NULL;
            continue;
        }
        tp_storage *old = leaf->grad->storage;
        leaf->grad->storage = leaf->pending->storage;
        leaf->grad->offset = leaf->pending->offset;
        leaf->pending->storage = old;
        for (int i = 0; i < leaf->grad->rank; i++) leaf->grad->stride[i] = leaf->pending->stride[i];
    }
}

/* Drops what the walked calls keep. Each call is held until its neighbour was visited, for dropping values
 * may free calls anywhere before it. */
static void release_graph(tp_tensor *y)
{
    tp_node *node = tp_node_of(y);
    if (node) tp_object_retain(&node->object);
    while (node) {
        if (node->prev) tp_object_retain(&node->prev->object);
        tp_node *before = node->prev;
        if (node->visited && !TP_PLANTED(REFUSAL)) tp_node_release_values(node);
        tp_object_release(&node->object);
        node = before;
    }
}

/* The cotangent a scalar starts with. */
static tp_tensor *one(tp_tensor *y, const char *call)
{
    tp_context *c = tp_context_of(y);
    if (!tp_in_graph(c, y, call, "y")) return tp_nil(c);
    if (tp_numel(y) != 1) {
        char text[256];
        tp_fail(c, TP_ERR_SHAPE, "%s: takes one element, got %s; tp_sum makes one, tp_vjp takes any shape",
                call, tp_shape_text(y->size, y->rank, text, sizeof text));
        return tp_nil(c);
    }
    return tp_full(c, tp_shape_of(y), 1, y->dtype);
}

void tp_backward_with(tp_tensor *y, const tp_grad_options *options)
{
    tp_grad_options o = tp_grad_options_of(options);
    tp_context *c = tp_context_of(y);
    if (!tp_ok(c)) return;
    tp_mark scope = tp_open_scope(c);
    tp_tensor *u = one(y, "tp_backward");
    sweep s = {.c = c, .y = y};
    if (!tp_absent(u)) {
        bool done = run(&s, u, false, "tp_backward") && prepare(&s);
        if (done) commit(&s);
        drop_pending(&s);
        if (done && !o.retain) release_graph(y);
        tp_unmark(y);
    }
    tp_close_scope(c, scope);
}

/* --- gradients as values --- */

/* What the walk left at x: its share, or zeros. Owned by the current scope. */
static tp_tensor *collect(sweep *s, tp_tensor *x, int64_t directions)
{
    tp_tensor *leaf = x->node ? NULL : tp_leaf_of(x);
    tp_tensor *got = leaf ? leaf->pending : tp_node_of(x)->slot[x->node_output];
    if (got) return tp_alias_with_history(got, got->tangents);
    if (!s->batched) return tp_zeros_like(x);
    tp_shape shape = {.n = x->rank + 1, .v = {directions}};
    for (int i = 0; i < x->rank; i++) shape.v[i + 1] = x->size[i];
    return tp_clone(tp_expand(tp_scalar(s->c, 0, x->dtype), shape));
}

/* The shares of all xs in one walk; nil in each on failure. */
static void gradients(tp_tensor *y, tp_tensor *u, bool batched, int n, tp_tensor *const *xs,
                      tp_tensor **result, bool record, const char *call)
{
    tp_context *c = tp_context_of(y);
    sweep s = {.c = c, .y = y, .n = n, .xs = xs, .batched = batched};
    bool done = run(&s, u, record, call);
    for (int k = 0; k < n; k++) {
        tp_mark scope = done ? tp_open_scope(c) : 0;
        result[k] = scope ? tp_keep(collect(&s, xs[k], batched ? u->size[0] : 0)) : tp_nil(c);
        tp_close_scope(c, scope);
        done = done && !tp_absent(result[k]);
    }
    for (int k = 0; k < n && !done; k++) result[k] = tp_nil(c);
    drop_pending(&s);
    tp_unmark(y);
}

static bool all_in_graph(tp_context *c, int n, tp_tensor *const *xs, const char *call)
{
    for (int k = 0; k < n; k++)
        if (!tp_in_graph(c, xs[k], call, "x")) return false;
    return true;
}

void tp_grads_with(tp_tensor *y, int n, tp_tensor *const *xs, tp_tensor **results,
                   const tp_grad_options *options)
{
    tp_context *c = tp_context_of(y);
    for (int k = 0; k < n; k++) results[k] = tp_nil(c);
    if (!tp_ok(c)) return;
    tp_tensor *u = tp_tensor_own(one(y, "tp_grad"));
    if (!tp_absent(u) && all_in_graph(c, n, xs, "tp_grad"))
        gradients(y, u, false, n, xs, results, tp_grad_options_of(options).record, "tp_grad");
    tp_tensor_release(u);
}

tp_tensor *tp_grad_with(tp_tensor *y, tp_tensor *x, const tp_grad_options *options)
{
    tp_tensor *result;
    tp_grads_with(y, 1, &x, &result, options);
    return result;
}

tp_tensor *tp_vjp_with(tp_tensor *y, tp_tensor *x, tp_tensor *u, const tp_grad_options *options)
{
    tp_context *c = tp_context_of(y);
    bool batched;
    if (!tp_ok(c) || !tp_in_graph(c, y, "tp_vjp", "y") || !tp_in_graph(c, x, "tp_vjp", "x") ||
        !tp_matches(c, u, y, &batched, "tp_vjp", "u"))
        return tp_nil(c);
    tp_tensor *result;
    gradients(y, u, batched, 1, &x, &result, tp_grad_options_of(options).record, "tp_vjp");
    return result;
}
