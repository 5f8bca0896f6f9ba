/* function.c - functions whose backward pass is given. A call is recorded as an op that hands on a result
 * already computed: its inputs are the result, then the function's own. */
#include "grad/sweep.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const tp_function *function_of(const tp_attr *attr)
{
    return (const tp_function *)(uintptr_t)(uint64_t)attr[0].i;
}

static bool same_shape(const tp_tensor *a, const tp_tensor *b)
{
    return a->rank == b->rank && memcmp(a->size, b->size, (size_t)a->rank * sizeof *a->size) == 0;
}

/* --- the op --- */

static bool shape_of_result(const tp_call *call, const tp_shape *in_shape, tp_shape *out_shape)
{
    (void)call;
    out_shape[0] = in_shape[0];
    return true;
}

static bool hand_on(const tp_call *call, const tp_array *in, tp_array *out)
{
    (void)call;
    *out = in[0];
    return true;
}

/* What keeps a gradient from being input i's; NULL if nothing does. */
static const char *wrong(const tp_tensor *gradient, const tp_tensor *x, bool recording, char *buf, size_t n)
{
    char got[256], due[256];
    if (recording && !tp_tracked(gradient))
        return "is not made of ops of the gradient it is given, so there is no second derivative";
    if (same_shape(gradient, x)) return NULL;
    snprintf(buf, n, "gave %s where %s is due",
             tp_shape_text(gradient->size, gradient->rank, got, sizeof got),
             tp_shape_text(x->size, x->rank, due, sizeof due));
    return buf;
}

static tp_tensor *pull(const tp_call *call, int i, tp_tensor *const *u)
{
    tp_context *c = call->context;
    const tp_function *f = function_of(call->attr);
    char text[640];
    if (i == 0) return NULL;
    /* in a recorded sweep the gradient has to depend on u, which shows once u is in a graph itself */
    tp_tensor *dy = c->grad_enabled && !tp_tracked(u[0]) ? tp_require_grad(tp_detach(u[0])) : u[0];
    size_t outside = tp_path_push(c, f->name);
    tp_tensor *gradient = f->backward(i - 1, call->in + 1, call->out[0], dy);
    tp_path_pop(c, outside);
    if (!gradient || tp_is_nil(gradient)) return gradient;
    const char *why = wrong(gradient, call->in[i], c->grad_enabled, text, sizeof text);
    if (!why) return gradient;
    tp_fail(c, TP_ERR_STATE, "%s: backward for input %d %s", f->name, i - 1, why);
    return tp_nil(c);
}

static tp_tensor *push(const tp_call *call, int o, tp_tensor *const *t)
{
    (void)o, (void)t;
    tp_fail(call->context, TP_ERR_STATE, "%s: has no forward mode, only a backward pass of its own",
            function_of(call->attr)->name);
    return tp_nil(call->context);
}

static const tp_rules rules = {.view = hand_on,
                               .shape = shape_of_result,
                               .pull = pull,
                               .push = push,
                               .reads = TP_IN_ALL | TP_OUT(0),
                               .no_batch = true};
static const tp_attr_info attributes[] = {{TP_ATTR_INT, "function", NULL}};
static const tp_op function = {.name = "function",
                               .types = "A->A",
                               .n_in = -1,
                               .in_name = (const char *const[]){"in"},
                               .n_out = 1,
                               .out_name = (const char *const[]){"y"},
                               .n_attr = 1,
                               .attr = attributes,
                               .rules = &rules};

const char *tp_forwardless(const tp_node *node)
{
    const tp_rules *r = node->op->rules;
    if (node->op == &function) return function_of(node->attr)->name;
    return r->slope || r->linear || r->push ? NULL : node->op->name;
}

/* --- the call --- */

static tp_tensor *result(tp_context *c, const tp_function *f, tp_tensor *const *in)
{
    tp_mark scope = tp_open_no_grad(c);
    size_t outside = tp_path_push(c, f->name);
    tp_tensor *y = tp_keep(f->forward(in));
    tp_path_pop(c, outside);
    tp_close_scope(c, scope);
    if (!y) tp_fail(c, TP_ERR_STATE, "%s: forward gave NULL", f->name);
    return y ? y : tp_nil(c);
}

static bool all_usable(tp_context *c, int n, tp_tensor *const *in)
{
    for (int i = 0; i < n; i++)
        if (!tp_tensor_usable(c, in[i], "tp_call_function", "in")) return false;
    return true;
}

tp_tensor *tp_call_function(const tp_function *f, int n, tp_tensor *const *in)
{
    tp_context *c = n > 0 ? tp_context_of(in[0]) : NULL;
    if (!tp_ok(c) || !all_usable(c, n, in)) return tp_nil(c);
    size_t bytes = ((size_t)n + 1) * sizeof *in;
    tp_tensor **all = tp_alloc(c, bytes), *y = tp_nil(c);
    if (!all) return y;
    tp_mark scope = tp_open_scope(c);
    all[0] = result(c, f, in);
    memcpy(all + 1, in, (size_t)n * sizeof *in);
    tp_attr attr = {.i = (int64_t)(uint64_t)(uintptr_t)f};
    if (tp_ok(c)) y = tp_keep(tp_apply(&function, n + 1, all, &attr, NULL));
    tp_close_scope(c, scope);
    tp_free(c, all, bytes);
    return tp_ok(c) ? y : tp_nil(c);
}
