/* derive.c - the one place where derivative rules are called and shapes put right. */
#include "op/node.h"
#include "op/planted.h"
#include "op/signature.h"

#include <taper/ops.h>

#include <string.h>

/* How a rule's result becomes what is due: sum these axes, take this shape, expand to that. */
typedef struct fitting {
    tp_ints sum;
    tp_shape now, full;
    bool expand;
} fitting;

/* False if `r`, [K?, more, ...], cannot be summed and expanded to [K?, target]. */
static bool plan_fit(fitting *f, const tp_tensor *r, const tp_shape *target, int lead)
{
    int extra = r->rank - lead - target->n; /* axes that the target lacks; negative: that r lacks */
    f->sum.n = 0;
    f->now.n = f->full.n = lead + target->n;
    f->expand = false;
    for (int i = 0; i < lead; i++) f->now.v[i] = f->full.v[i] = r->size[i];
    for (int i = 0; i < extra; i++) f->sum.v[f->sum.n++] = lead + i - r->rank;
    for (int i = 0; i < target->n; i++) {
        int axis = lead + extra + i;
        int64_t size = axis < lead ? 1 : r->size[axis], want = target->v[i];
        if (size != want && want != 1 && size != 1) return false;
        if (size != want && want == 1) f->sum.v[f->sum.n++] = axis - r->rank;
        f->now.v[lead + i] = want == 1 ? 1 : size;
        f->full.v[lead + i] = want;
        f->expand = f->expand || (size == 1 && want != 1);
    }
    return true;
}

static bool is_shaped(const tp_tensor *t, const tp_value *v)
{
    if (tp_absent(t) || t->rank != v->rank) return false;
    for (int i = 0; i < v->rank; i++)
        if (t->size[i] != v->size[i]) return false;
    return true;
}

/* Sums the axes that the target lacks or has once, expands those that `r` has once. */
static tp_tensor *fit(const tp_call *call, tp_tensor *r, const tp_shape *target, int lead)
{
    if (!r || tp_is_nil(r)) return r;
    fitting f;
    if (!plan_fit(&f, r, target, lead)) {
        char a[256], b[256];
        tp_call_fail(call, TP_ERR_SHAPE, "a derivative rule gave %s where %s is due",
                     tp_shape_text(r->size, r->rank, a, sizeof a),
                     tp_shape_text(target->v, target->n, b, sizeof b));
        return tp_nil(call->context);
    }
    bool keepdim = f.sum.n != r->rank - f.now.n; /* not where all that is summed is what the target lacks */
    if (f.sum.n) r = TP_PLANTED(SUM_DOWN) ? tp_mean(r, f.sum, keepdim) : tp_sum(r, f.sum, keepdim);
    if (!tp_is_nil(r) && r->rank != f.now.n) r = tp_reshape(r, f.now);
    return f.expand && !TP_PLANTED(EXPAND) ? tp_expand(r, f.full) : r;
}

static tp_tensor *times(tp_tensor *t, tp_tensor *slope)
{
    if (!slope || tp_is_nil(slope)) return slope;
    if (slope->dtype != TP_BOOL) return tp_mul(t, slope);
    return tp_where(slope, t, tp_scalar(t->object.context, 0, t->dtype));
}

static tp_tensor *add(tp_tensor *sum, tp_tensor *more)
{
    if (!sum || !more) return sum ? sum : more;
    return tp_add(sum, more);
}

/* --- one direction at a time, for an op that takes no leading axis --- */

typedef tp_tensor *derive_fn(const tp_call *call, int i, tp_tensor *const *t, bool batched);

/* Direction k of each, in `one`. */
static void pick(tp_tensor *const *t, int n, int64_t k, tp_tensor **one)
{
    for (int i = 0; i < n; i++) one[i] = t[i] ? tp_select(t[i], 0, TP_PLANTED(DIRECTION) ? 0 : k) : NULL;
}

static tp_tensor *per_direction(const tp_call *call, int i, tp_tensor *const *t, int n, derive_fn *derive)
{
    tp_context *c = call->context;
    int64_t directions = 0;
    for (int k = 0; k < n; k++)
        if (t[k]) directions = t[k]->size[0];
    size_t bytes = (size_t)(directions + n) * sizeof(tp_tensor *);
    tp_tensor **all = tp_alloc(c, bytes), *result = tp_nil(c);
    if (!all) return result;
    int64_t done = 0;
    for (; done < directions; done++) {
        for (int k = 0; call->memo && k < TP_MEMO; k++) call->memo[k] = NULL;
        pick(t, n, done, all + directions);
        all[done] = derive(call, i, all + directions, false);
        if (!all[done]) break;
    }
    if (done == directions && directions > 0) result = tp_stack((int)directions, all, 0);
    tp_free(c, all, bytes);
    return done < directions || directions == 0 ? NULL : result;
}

/* --- reverse --- */

/* `pull` alone may be loops of its own, whose result has no history: a second derivative would lack terms. */
static bool recordable(const tp_call *call)
{
    const tp_rules *rules = call->op->rules;
    if (!call->context->grad_enabled || rules->slope || rules->linear || rules->push) return true;
    tp_call_fail(call, TP_ERR_STATE, "has no second derivative: its rules give only `pull`");
    return false;
}

tp_tensor *tp_pull_input(const tp_call *call, int i, tp_tensor *const *u, bool batched)
{
    const tp_rules *rules = call->op->rules;
    if (!recordable(call)) return tp_nil(call->context);
    if (batched && rules->no_batch) return per_direction(call, i, u, call->n_out, tp_pull_input);
    tp_tensor *r = rules->slope ? times(u[0], rules->slope(call, i)) : rules->pull(call, i, u);
    if (r && !batched && is_shaped(r, &call->values[i])) return r;
    tp_shape shape = tp_call_shape(call, i);
    return fit(call, r, &shape, batched);
}

/* --- forward --- */

/* The loops of the call: what the widest input has before its core axes; -1 without a signature. */
static int loop_rank(const tp_call *call)
{
    int loops = -1;
    for (int i = 0; i < call->n_in; i++) {
        int core = tp_core_rank(call, i);
        if (core < 0) return -1;
        if (call->values[i].rank - core > loops) loops = call->values[i].rank - core;
    }
    return loops;
}

/* [K, loop, core] becomes [K, 1 .. 1, loop, core] with the loops of the call. */
static tp_tensor *align(const tp_call *call, int i, tp_tensor *t, int loops)
{
    int more = loops + tp_core_rank(call, i) - call->values[i].rank;
    if (loops < 0 || more <= 0 || tp_is_nil(t) || TP_PLANTED(ALIGN)) return t;
    tp_shape shape = {.n = t->rank + more, .v = {t->size[0]}};
    for (int k = 0; k < more; k++) shape.v[1 + k] = 1;
    memcpy(shape.v + 1 + more, t->size + 1, (size_t)(t->rank - 1) * sizeof t->size[0]);
    return tp_reshape(t, shape);
}

static tp_tensor *apply(const tp_call *call, int o, tp_tensor *const *in)
{
    tp_tensor *extra[TP_MAX_OUT - 1];
    tp_tensor *first = tp_apply(call->op, call->n_in, in, call->attr, extra);
    return o ? extra[o - 1] : first;
}

static bool differentiable(const tp_call *call, int i) { return tp_dtype_is_float(call->values[i].dtype); }

/* The op on the tangents themselves, zeros where there is none. */
static tp_tensor *push_linear(const tp_call *call, int o, tp_tensor *const *t, bool batched, tp_tensor **args)
{
    tp_shape shape;
    int64_t directions = 0;
    for (int i = 0; i < call->n_in; i++)
        if (t[i]) directions = t[i]->size[0];
    for (int i = 0; i < call->n_in; i++) {
        args[i] = !differentiable(call, i) ? call->in[i] : t[i];
        if (args[i]) continue;
        shape = tp_call_shape(call, i);
        if (batched) {
            memmove(shape.v + 1, shape.v, (size_t)shape.n++ * sizeof shape.v[0]);
            shape.v[0] = directions;
        }
        args[i] = tp_expand(tp_scalar(call->context, 0, tp_call_dtype(call, i)), shape);
        if (batched) args[i] = align(call, i, args[i], loop_rank(call));
    }
    return apply(call, o, args);
}

static tp_tensor *push_multilinear(const tp_call *call, int o, tp_tensor *const *t, tp_tensor **args)
{
    tp_tensor *sum = NULL;
    for (int i = 0; i < call->n_in; i++) {
        if (!t[i] || (sum && TP_PLANTED(MULTILINEAR))) continue;
        memcpy(args, call->in, (size_t)call->n_in * sizeof *args);
        args[i] = t[i];
        sum = add(sum, apply(call, o, args));
    }
    return sum;
}

static tp_tensor *push_slopes(const tp_call *call, tp_tensor *const *t)
{
    tp_tensor *sum = NULL;
    for (int i = 0; i < call->n_in; i++)
        if (t[i]) sum = add(sum, times(t[i], call->op->rules->slope(call, i)));
    return sum;
}

static tp_tensor *push(const tp_call *call, int o, tp_tensor *const *t, bool batched, tp_tensor **args)
{
    const tp_rules *rules = call->op->rules;
    if (rules->slope) return push_slopes(call, t);
    if (rules->push) return rules->push(call, o, t);
    if (rules->linear == TP_LINEAR) return push_linear(call, o, t, batched, args);
    if (rules->linear == TP_MULTILINEAR) return push_multilinear(call, o, t, args);
    tp_call_fail(call, TP_ERR_STATE, "has no forward derivative: its rules give only `pull`");
    return tp_nil(call->context);
}

tp_tensor *tp_push_output(const tp_call *call, int o, tp_tensor *const *t, bool batched)
{
    if (batched && call->op->rules->no_batch) return per_direction(call, o, t, call->n_in, tp_push_output);
    tp_context *c = call->context;
    size_t bytes = 2 * (size_t)call->n_in * sizeof(tp_tensor *);
    tp_tensor **args = tp_alloc(c, bytes);
    if (!args) return tp_nil(c);
    tp_tensor **aligned = args + call->n_in;
    int loops = batched ? loop_rank(call) : -1;
    for (int i = 0; i < call->n_in; i++) aligned[i] = t[i] && batched ? align(call, i, t[i], loops) : t[i];
    tp_tensor *r = push(call, o, aligned, batched, args);
    tp_shape shape = tp_call_shape(call, call->n_in + o);
    r = fit(call, r, &shape, batched);
    tp_free(c, args, bytes);
    return r;
}
