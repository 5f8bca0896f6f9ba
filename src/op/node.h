/* node.h - recorded calls and carried tangents. */
#ifndef OP_NODE_H
#define OP_NODE_H

#include "op/signature.h"
#include "tensor/kernel.h"
#include "tensor/tensor.h"

#include <taper/ext.h>

typedef struct tp_node tp_node;

/* An input or output of a call, as its rules and the recorded graph know it. */
typedef struct tp_value {
    tp_dtype dtype;
    int rank;
    int64_t *size;   /* rank sizes */
    int64_t *stride; /* rank strides, where the value is kept */
    int64_t offset;
    tp_storage *storage; /* NULL: not kept, the rules do not read it */
    unsigned version;    /* of the storage when it was recorded */
    int node_output;
    tp_node *node;       /* an input's history: the call that made it and which output it is ... */
    tp_tensor *leaf;     /* ... or the leaf it is */
    tp_object *tangents; /* what it carried in streaming forward mode */
} tp_value;

/* One recorded call. Block: the node, its values, sizes and strides, attributes, lists, sweep slots. */
struct tp_node {
    tp_object object;
    tp_node *prev, *next; /* in order of recording */
    const tp_op *op;
    tp_attr *attr;
    tp_value *values; /* n_in inputs, then n_out outputs */
    tp_tensor **slot; /* n_out: cotangents or tangents while a sweep runs */
    size_t bytes;
    int n_in, n_out;
    bool released; /* a backward has used it up */
    bool needed;   /* scratch of sweeps */
    bool visited;  /* likewise */
};

/* A tangent a tensor carries: one per level and source, innermost level first. */
typedef struct tp_carried {
    tp_object object;
    struct tp_carried *next;
    int level, source;
    bool batched; /* value has a leading axis of directions */
    tp_tensor *value;
} tp_carried;

static inline tp_node *tp_node_of(const tp_tensor *t) { return (tp_node *)t->node; }

/* The leaf a handle is or stands for, NULL if it is neither. */
static inline tp_tensor *tp_leaf_of(tp_tensor *t) { return t->requires_grad ? t : t->leaf; }

static inline bool tp_tracked(const tp_tensor *t) { return t->node || t->requires_grad || t->leaf; }

/* Records a call that made `out`. False after a failure. */
bool tp_record(const tp_call *call, tp_tensor *const *in, tp_tensor *const *out);

/* A call as its rules see it, rebuilt from a node: `in` and `out` filled with handles for what is kept.
 * False if something was overwritten or there is no memory. */
bool tp_node_call(tp_node *node, tp_call *call, tp_tensor **in, tp_tensor **out);

/* Drops what a node keeps, once a backward has used it. */
void tp_node_release_values(tp_node *node);

/* --- derive.c: the one place where rules are called and shapes put right --- */

/* Input i's share of the gradient, of shape [K?, input]. NULL: zero. nil after a failure. */
tp_tensor *tp_pull_input(const tp_call *call, int i, tp_tensor *const *u, bool batched);

/* Output o's tangent, of shape [K?, output], from the inputs' tangents. NULL: zero. nil after a failure. */
tp_tensor *tp_push_output(const tp_call *call, int o, tp_tensor *const *t, bool batched);

/* --- table.c --- */

/* What is found out of a row once. */
typedef struct tp_row {
    tp_kernel_fn *kernel; /* what runs before `eval`; NULL: there is no such kernel */
    tp_signature signature;
} tp_row;

/* That of an op, in `own` if it is no row of the table. */
const tp_row *tp_row_of(const tp_op *op, tp_row *own);

/* --- stream.c: streaming forward mode --- */

/* The first tangent of a level below `level`; tangents of closed levels count as gone. */
tp_carried *tp_tangents_below(const tp_context *c, tp_object *tangents, int level);

/* Another handle on `t` with its history and the tangents given; nil after a failure. */
tp_tensor *tp_alias_with_history(tp_tensor *t, tp_object *tangents);

/* A handle on `t` that carries tangents of levels below `level` only, history included. */
tp_tensor *tp_strip(tp_tensor *t, int level);

/* Puts a tangent in front of those `t` carries. Takes `value` over, also when it fails. */
bool tp_attach_tangent(tp_tensor *t, int level, int source, bool batched, tp_tensor *value);

/* Gives the outputs of a call the tangents that follow from those the inputs carry; `in` are all inputs. */
bool tp_carry_tangents(const tp_call *call, tp_tensor *const *in, tp_tensor *const *out);

/* The same for the outputs rebuilt from a node. */
bool tp_carry_tangents_again(const tp_call *call, tp_tensor *const *in, tp_tensor *const *out);

/* Whether the rules read value i of the call: an input, or output i - n_in. */
bool tp_is_read(const tp_call *call, int i);

#endif
