#include "op/node.h"
#include "op/planted.h"

#include <string.h>

static void unlink_node(tp_node *node)
{
    tp_context *c = node->object.context;
    if (node->prev)
        node->prev->next = node->next;
    else
        c->first_node = node->next;
    if (node->next)
        node->next->prev = node->prev;
    else
        c->last_node = node->prev;
}

static void link_node(tp_node *node)
{
    tp_context *c = node->object.context;
    node->prev = c->last_node;
    node->next = NULL;
    if (c->last_node)
        c->last_node->next = node;
    else
        c->first_node = node;
    c->last_node = node;
}

void tp_node_release_values(tp_node *node)
{
    tp_context *c = node->object.context;
    node->released = true;
    tp_value *outputs = node->values + node->n_in;
    for (tp_value *v = node->values; v < outputs + node->n_out; v++) {
        if (v->storage) tp_storage_release(c, v->storage);
        v->storage = NULL;
        if (v >= outputs) continue; /* only inputs have a history */
        if (v->leaf) tp_object_let_go(&v->leaf->object);
        if (v->tangents) tp_object_let_go(v->tangents);
        if (v->node) tp_object_let_go(&v->node->object);
        v->leaf = NULL;
        v->tangents = NULL;
        v->node = NULL;
    }
}

static void node_destroy(tp_object *object)
{
    tp_node *node = (tp_node *)object;
    if (!node->released) tp_node_release_values(node);
    unlink_node(node);
    for (int o = 0; o < node->n_out; o++)
        if (node->slot[o]) tp_tensor_release(node->slot[o]);
    tp_cache_free(&object->context->cache, node, node->bytes);
}

static const tp_class node_class = {"recorded call", node_destroy};

static bool is_list(const tp_attr_info *info)
{
    return info->type == TP_ATTR_AXES || info->type == TP_ATTR_INTS || info->type == TP_ATTR_SHAPE;
}

bool tp_is_read(const tp_call *call, int i)
{
    uint32_t reads = call->op->rules->reads;
    if (i >= call->n_in) return reads >> (24 + i - call->n_in) & 1;
    if (call->op->n_in < 0) return (reads & TP_IN_ALL) != 0;
    return reads >> i & 1;
}

static size_t node_bytes(const tp_call *call, tp_tensor *const *in, tp_tensor *const *out)
{
    size_t n = (size_t)(call->n_in + call->n_out), axes = 0;
    size_t bytes = sizeof(tp_node) + n * sizeof(tp_value) + (size_t)call->op->n_attr * sizeof(tp_attr) +
                   (size_t)call->n_out * sizeof(tp_tensor *);
    for (int i = 0; i < call->n_in; i++) axes += (size_t)in[i]->rank;
    for (int o = 0; o < call->n_out; o++) axes += (size_t)out[o]->rank;
    for (int i = 0; i < call->op->n_attr; i++)
        if (is_list(&call->op->attr[i])) bytes += sizeof(tp_ints);
    return bytes + 2 * sizeof(int64_t) * axes;
}

/* Cuts `bytes` off the rest of the node's block; every piece is a multiple of 8. */
static void *cut(char **rest, size_t bytes)
{
    void *piece = *rest;
    *rest += bytes;
    return piece;
}

static inline void save(tp_value *v, const tp_tensor *t, bool kept, char **rest)
{
    size_t dims = (size_t)t->rank * sizeof(int64_t);
    v->dtype = t->dtype;
    v->rank = t->rank;
    v->size = cut(rest, dims);
    v->offset = t->offset;
    v->storage = NULL;
    v->node = NULL;
    v->leaf = NULL;
    v->tangents = NULL;
    for (int i = 0; i < t->rank; i++) v->size[i] = t->size[i];
    if (!kept) return;
    v->stride = cut(rest, dims);
    for (int i = 0; i < t->rank; i++) v->stride[i] = t->stride[i];
    v->storage = t->storage;
    v->version = atomic_load_explicit(&t->storage->version, memory_order_relaxed);
    tp_storage_retain(t->storage);
}

static inline void save_history(tp_value *v, tp_tensor *t)
{
    v->node = tp_node_of(t);
    v->node_output = t->node_output;
    v->leaf = t->node ? NULL : tp_leaf_of(t);
    v->tangents = t->tangents;
    if (v->node) v->node->object.refs++;
    if (v->leaf) v->leaf->object.refs++;
    if (v->tangents) tp_object_retain(v->tangents);
}

static void save_attributes(tp_node *node, const tp_call *call, char **rest)
{
    for (int i = 0; i < call->op->n_attr; i++) {
        node->attr[i] = call->attr[i];
        if (!is_list(&call->op->attr[i])) continue;
        tp_ints *copy = cut(rest, sizeof *copy);
        copy->n = call->attr[i].v->n;
        memcpy(copy->v, call->attr[i].v->v, (size_t)copy->n * sizeof copy->v[0]);
        node->attr[i].v = copy;
    }
}

bool tp_record(const tp_call *call, tp_tensor *const *in, tp_tensor *const *out)
{
    _Static_assert(sizeof(tp_node) % 8 == 0 && sizeof(tp_value) % 8 == 0 && sizeof(tp_ints) % 8 == 0,
                   "the pieces of a node's block must keep each other aligned");
    size_t bytes = node_bytes(call, in, out);
    tp_node *node = tp_take(call->context, bytes);
    if (!node) return false;
    tp_object_begin(&node->object, &node_class, call->context);
    char *rest = (char *)(node + 1);
    int n = call->n_in + call->n_out;
    node->op = call->op;
    node->bytes = bytes;
    node->n_in = call->n_in;
    node->n_out = call->n_out;
    node->released = node->needed = node->visited = false;
    node->values = cut(&rest, (size_t)n * sizeof *node->values);
    node->attr = cut(&rest, (size_t)call->op->n_attr * sizeof *node->attr);
    node->slot = cut(&rest, (size_t)call->n_out * sizeof *node->slot);
    tp_value *v = node->values;
    for (int i = 0; i < node->n_in; i++, v++) {
        save(v, in[i], tp_is_read(call, i), &rest);
        if (tp_is_float(in[i]->dtype)) save_history(v, in[i]);
    }
    for (int o = 0; o < node->n_out; o++, v++) {
        save(v, out[o], tp_is_read(call, node->n_in + o), &rest);
        node->slot[o] = NULL;
    }
    save_attributes(node, call, &rest);
    link_node(node);
    for (int o = 0; o < call->n_out; o++) {
        if (!tp_is_float(out[o]->dtype)) continue;
        out[o]->node = &node->object;
        out[o]->node_output = o;
        node->object.refs++;
    }
    tp_object_let_go(&node->object);
    return true;
}

static bool unchanged(const tp_node *node, int i)
{
    const tp_value *v = &node->values[i];
    unsigned now = atomic_load_explicit(&v->storage->version, memory_order_relaxed);
    if (now == v->version || TP_PLANTED(VERSION)) return true;
    const tp_op *op = node->op;
    const char *name = i >= node->n_in ? op->out_name[i - node->n_in] : op->in_name[op->n_in < 0 ? 0 : i];
    tp_fail(node->object.context, TP_ERR_STATE,
            "%s: '%s' was overwritten after it was recorded (version %u, now %u), so its derivative would be "
            "wrong",
            op->name, name, v->version, now);
    return false;
}

/* A handle on a kept value, owned by the current scope. */
static tp_tensor *rebuild(tp_node *node, int i)
{
    tp_context *c = node->object.context;
    tp_value *v = &node->values[i];
    if (!unchanged(node, i)) return tp_nil(c);
    tp_tensor *t = tp_tensor_handle(c);
    if (!t) return tp_nil(c);
    t->storage = v->storage;
    t->offset = v->offset;
    t->dtype = v->dtype;
    t->rank = v->rank;
    memcpy(t->size, v->size, (size_t)v->rank * sizeof *v->size);
    memcpy(t->stride, v->stride, (size_t)v->rank * sizeof *v->stride);
    tp_storage_retain(t->storage);
    if (i >= node->n_in) {
        if (!tp_dtype_is_float(t->dtype)) return t;
        t->node = &node->object;
        t->node_output = i - node->n_in;
    } else {
        t->node = v->node ? &v->node->object : NULL;
        t->node_output = v->node_output;
        t->leaf = v->leaf;
        t->tangents = v->tangents;
    }
    if (t->node) tp_object_retain(t->node);
    if (t->leaf) tp_tensor_retain(t->leaf);
    if (t->tangents) tp_object_retain(t->tangents);
    return t;
}

bool tp_node_call(tp_node *node, tp_call *call, tp_tensor **in, tp_tensor **out)
{
    tp_context *c = node->object.context;
    *call = (tp_call){.context = c,
                      .op = node->op,
                      .attr = node->attr,
                      .n_in = node->n_in,
                      .n_out = node->n_out,
                      .in = in,
                      .out = out,
                      .values = node->values};
    bool carried = false;
    for (int i = 0; i < node->n_in; i++) {
        in[i] = node->values[i].storage ? rebuild(node, i) : NULL;
        if (in[i] && tp_absent(in[i])) return false;
        carried = carried || node->values[i].tangents;
    }
    for (int o = 0; o < node->n_out; o++) {
        out[o] = node->values[node->n_in + o].storage ? rebuild(node, node->n_in + o) : NULL;
        if (out[o] && tp_absent(out[o])) return false;
    }
    return !carried || !c->n_levels || TP_PLANTED(CARRY_AGAIN) || tp_carry_tangents_again(call, in, out);
}
