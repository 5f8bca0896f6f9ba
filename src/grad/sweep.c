#include "grad/sweep.h"

tp_grad_options tp_grad_options_of(const tp_grad_options *options)
{
    return options ? *options : (tp_grad_options){0};
}

bool tp_mark_ancestors(tp_tensor *y, const char *call)
{
    tp_node *root = tp_node_of(y);
    if (!root) return true;
    root->visited = true;
    int pending = 1;
    for (tp_node *node = root; node && pending; node = node->prev) {
        if (!node->visited) continue;
        pending--;
        if (node->released) {
            tp_fail(node->object.context, TP_ERR_STATE,
                    "%s: the graph was released by an earlier backward at %s; give that one .retain = true",
                    call, node->op->name);
            tp_unmark(y);
            return false;
        }
        for (int i = 0; i < node->n_in; i++) {
            tp_node *from = node->values[i].node;
            if (!from || from->visited) continue;
            from->visited = true;
            pending++;
        }
    }
    return true;
}

bool tp_same_place(const tp_value *value, tp_tensor *x)
{
    if (x->node) return value->node == tp_node_of(x) && value->node_output == x->node_output;
    return value->leaf && value->leaf == tp_leaf_of(x);
}

void tp_mark_descendants(tp_tensor *y, int n, tp_tensor *const *xs)
{
    tp_node *root = tp_node_of(y);
    for (tp_node *node = root ? root->object.context->first_node : NULL; node; node = node->next) {
        for (int i = 0; node->visited && i < node->n_in && !node->needed; i++) {
            const tp_value *v = &node->values[i];
            node->needed = v->node && v->node->visited && v->node->needed;
            for (int k = 0; k < n && !node->needed; k++) node->needed = tp_same_place(v, xs[k]);
        }
        if (node == root) break;
    }
}

void tp_unmark(tp_tensor *y)
{
    for (tp_node *node = tp_node_of(y); node; node = node->prev) {
        node->visited = node->needed = false;
        for (int o = 0; o < node->n_out; o++) {
            tp_tensor_release(node->slot[o]);
            node->slot[o] = NULL;
        }
    }
}

bool tp_in_graph(tp_context *c, tp_tensor *x, const char *call, const char *argument)
{
    if (!tp_tensor_usable(c, x, call, argument)) return false;
    if (tp_tracked(x)) return true;
    tp_fail(c, TP_ERR_STATE,
            "%s: argument '%s' has no history; call tp_require_grad on what it is computed from", call,
            argument);
    return false;
}

bool tp_matches(tp_context *c, tp_tensor *v, tp_tensor *like, bool *batched, const char *call,
                const char *argument)
{
    if (!tp_tensor_usable(c, v, call, argument)) return false;
    *batched = v->rank == like->rank + 1;
    bool fits = (*batched || v->rank == like->rank) && v->dtype == like->dtype;
    for (int i = 0; fits && i < like->rank; i++) fits = v->size[i + *batched] == like->size[i];
    if (fits) return true;
    char a[256], b[256];
    tp_fail(c, TP_ERR_SHAPE, "%s: argument '%s' is %s %s, takes %s %s or one leading axis more", call,
            argument, tp_dtype_name(v->dtype), tp_shape_text(v->size, v->rank, a, sizeof a),
            tp_dtype_name(like->dtype), tp_shape_text(like->size, like->rank, b, sizeof b));
    return false;
}

bool tp_handles_open(tp_node *node, tp_handles *h)
{
    size_t n_in = (size_t)node->n_in, n_out = (size_t)node->n_out;
    h->bytes = (2 * n_in + n_out) * sizeof *h->in;
    h->in = tp_alloc(node->object.context, h->bytes);
    if (!h->in) return false;
    h->slots = h->in + n_in;
    h->out = h->slots + n_in;
    return true;
}

void tp_handles_close(tp_node *node, tp_handles *h) { tp_free(node->object.context, h->in, h->bytes); }
