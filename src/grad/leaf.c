/* leaf.c - leaves and their gradients. */
#include "op/node.h"

#include <taper/grad.h>

tp_tensor *tp_require_grad(tp_tensor *t)
{
    tp_context *c = tp_context_of(t);
    if (!tp_ok(c) || !tp_tensor_usable(c, t, "tp_require_grad", "t")) return tp_nil(c);
    if (!tp_dtype_is_float(t->dtype)) {
        tp_fail(c, TP_ERR_DTYPE, "tp_require_grad: only floats have gradients, got %s",
                tp_dtype_name(t->dtype));
        return tp_nil(c);
    }
    if (t->node || t->leaf) {
        tp_fail(c, TP_ERR_STATE, "tp_require_grad: the tensor has a history; tp_detach gives a leaf");
        return tp_nil(c);
    }
    t->requires_grad = true;
    return t;
}

tp_tensor *tp_stop_grad(tp_tensor *leaf)
{
    tp_context *c = tp_context_of(leaf);
    if (!tp_ok(c) || !tp_tensor_usable(c, leaf, "tp_stop_grad", "leaf")) return tp_nil(c);
    leaf->requires_grad = false;
    return leaf;
}

bool tp_requires_grad(const tp_tensor *t) { return !tp_is_nil(t) && t->requires_grad; }

bool tp_has_history(const tp_tensor *t) { return !tp_is_nil(t) && tp_tracked(t); }

tp_tensor *tp_grad_of(const tp_tensor *leaf)
{
    tp_context *c = tp_context_of(leaf);
    if (!tp_ok(c) || !tp_tensor_usable(c, leaf, "tp_grad_of", "leaf")) return tp_nil(c);
    return leaf->grad ? leaf->grad : tp_nil(c);
}

void tp_zero_grad(tp_tensor *leaf)
{
    tp_context *c = tp_context_of(leaf);
    if (!tp_ok(c) || !tp_tensor_usable(c, leaf, "tp_zero_grad", "leaf")) return;
    tp_tensor_release(leaf->grad);
    leaf->grad = NULL;
}
