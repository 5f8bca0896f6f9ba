#include "grad/probe.h"
#include "op/signature.h"

#include <assert.h>
#include <string.h>

static void add_part(tp_parts *parts, const tp_tensor *t)
{
    parts->shape[parts->n] = tp_shape_of(t);
    parts->numel[parts->n] = tp_numel(t);
    parts->total += parts->numel[parts->n++];
}

/* --- vectors and tensors --- */

/* One tensor a part, [k, shape]. */
static void cut(const tp_probe *p, const tp_parts *parts, int64_t k, const double *v, tp_tensor **ts)
{
    for (int i = 0; i < parts->n; i++) {
        tp_shape shape = parts->shape[i];
        if (k != TP_UNBATCHED) {
            memmove(shape.v + 1, shape.v, (size_t)shape.n++ * sizeof shape.v[0]);
            shape.v[0] = k;
        }
        ts[i] = tp_from_doubles(p->c, shape, TP_F64, v);
        v += parts->numel[i] * (k == TP_UNBATCHED ? 1 : k);
    }
}

/* And back; nil and NULL count as zeros. */
static void join(const tp_parts *parts, int64_t k, tp_tensor *const *ts, double *out)
{
    for (int i = 0; i < parts->n; i++) {
        int64_t n = parts->numel[i] * (k == TP_UNBATCHED ? 1 : k);
        if (tp_is_nil(ts[i]) || tp_read_doubles(ts[i], out, n) != TP_OK)
            memset(out, 0, (size_t)n * sizeof *out);
        out += n;
    }
}

void tp_probe_pick(const tp_parts *parts, int64_t all, int64_t k, const double *from, double *to)
{
    for (int i = 0; i < parts->n; i++) {
        int64_t n = parts->numel[i];
        memcpy(to, from + k * n, (size_t)n * sizeof *to);
        from += all * n;
        to += n;
    }
}

double *tp_probe_take(tp_probe *p, int64_t n)
{
    double *cut_off = p->room + p->used;
    p->used += n;
    assert(p->used <= TP_PROBE_ROOM);
    return cut_off;
}

/* --- the op --- */

static void call(const tp_probe *p, tp_tensor *const *xs, tp_tensor **ys)
{
    tp_tensor *in[TP_SAMPLE_INPUTS], *out[TP_MAX_OUT];
    for (int i = 0; i < p->sample->n_in; i++) in[i] = p->slot[i] < 0 ? p->sample->in[i] : xs[p->slot[i]];
    out[0] = tp_apply(p->op, p->sample->n_in, in, p->sample->attr, out + 1);
    for (int k = 0; k < p->y.n; k++) ys[k] = out[p->float_out[k]];
}

bool tp_probe_start(tp_probe *p)
{
    const tp_sample *s = p->sample;
    tp_tensor *out[TP_MAX_OUT];
    p->x = p->y = (tp_parts){.n = 0};
    p->used = 0;
    for (int i = 0; i < s->n_in; i++) {
        p->slot[i] = -1;
        if (!tp_dtype_is_float(tp_dtype_of(s->in[i]))) continue;
        for (int k = 0; k < p->x.n; k++)
            if (p->variable[k] == s->in[i]) p->slot[i] = k;
        if (p->slot[i] >= 0) continue;
        p->slot[i] = p->x.n;
        p->variable[p->x.n] = s->in[i];
        add_part(&p->x, s->in[i]);
    }
    tp_mark scope = tp_open_scope(p->c);
    out[0] = tp_apply(p->op, s->n_in, s->in, s->attr, out + 1);
    for (int o = 0; tp_ok(p->c) && o < p->op->n_out; o++) {
        if (!tp_dtype_is_float(tp_dtype_of(out[o]))) continue;
        p->float_out[p->y.n] = o;
        add_part(&p->y, out[o]);
    }
    tp_close_scope(p->c, scope);
    return tp_ok(p->c);
}

/* The variables at x, as leaves if asked for. */
static void point(const tp_probe *p, const double *x, bool leaf, tp_tensor **xs)
{
    if (x) cut(p, &p->x, TP_UNBATCHED, x, xs);
    for (int i = 0; i < p->x.n; i++) {
        if (!x) xs[i] = tp_detach(p->variable[i]);
        if (leaf) tp_require_grad(xs[i]);
    }
}

/* Gives the variables the tangents t. */
static void make_dual(const tp_probe *p, int64_t k, const double *t, int level, tp_tensor **xs)
{
    tp_tensor *ts[TP_SAMPLE_INPUTS];
    cut(p, &p->x, k, t, ts);
    for (int i = 0; i < p->x.n; i++) xs[i] = tp_dual(xs[i], ts[i], level, 0);
}

/* u'y */
static tp_tensor *weigh(const tp_probe *p, const double *u, tp_tensor *const *ys)
{
    tp_tensor *us[TP_MAX_OUT], *sum = NULL;
    cut(p, &p->y, TP_UNBATCHED, u, us);
    for (int i = 0; i < p->y.n; i++) {
        tp_tensor *one = tp_sum(tp_mul(us[i], ys[i]), TP_ALL, false);
        sum = sum ? tp_add(sum, one) : one;
    }
    return sum;
}

/* t'x, of tensors like the variables. */
static tp_tensor *weigh_x(const tp_probe *p, const double *t, tp_tensor *const *xs)
{
    tp_tensor *ts[TP_SAMPLE_INPUTS], *sum = NULL;
    cut(p, &p->x, TP_UNBATCHED, t, ts);
    for (int i = 0; i < p->x.n; i++) {
        tp_tensor *one = tp_sum(tp_mul(ts[i], xs[i]), TP_ALL, false);
        sum = sum ? tp_add(sum, one) : one;
    }
    return sum;
}

/* The gradients of `y`, zeros if it has no history: it does not depend on the variables. */
static void gradients(const tp_probe *p, tp_tensor *y, tp_tensor *const *xs, tp_tensor **gs, bool record)
{
    for (int i = 0; i < p->x.n; i++) gs[i] = NULL;
    if (tp_is_nil(y) || tp_has_history(y))
        tp_grads_with(y, p->x.n, xs, gs, &(tp_grad_options){.record = record});
    else
        for (int i = 0; i < p->x.n; i++) gs[i] = tp_zeros_like(xs[i]);
}

/* --- a leading axis --- */

/* The attributes as rules get them: axes counted from the end. */
static void negative_axes(const tp_op *op, const tp_attr *attr, int rank, tp_attr *negative, tp_ints *room)
{
    for (int k = 0; k < op->n_attr; k++) {
        negative[k] = attr[k];
        if (op->attr[k].type == TP_ATTR_AXIS && attr[k].i >= 0) negative[k].i -= rank;
        if (op->attr[k].type != TP_ATTR_AXES) continue;
        bool all = attr[k].v->n == TP_ALL_AXES;
        room[k].n = all ? rank : attr[k].v->n;
        for (int j = 0; j < room[k].n; j++) {
            int64_t axis = all ? j : attr[k].v->v[j];
            room[k].v[j] = axis < 0 ? axis : axis - rank;
        }
        negative[k].v = &room[k];
    }
}

/* How many axes each input lacks to have as many loops as the widest. */
static void missing_loops(const tp_probe *p, int *missing)
{
    int loops[TP_SAMPLE_INPUTS] = {0}, most = 0, n = p->sample->n_in;
    const char *at = p->op->signature;
    for (int i = 0; n > 1 && at && p->op->n_in > 1 && i < n; i++) {
        tp_dim names[TP_MAX_DIMS];
        loops[i] = tp_rank(p->sample->in[i]) - tp_next_argument(&at, names);
        most = loops[i] > most ? loops[i] : most;
    }
    for (int i = 0; i < n; i++) missing[i] = most - loops[i];
}

/* Floats in the opposite order; other inputs as they are. */
static tp_tensor *turned(tp_tensor *x)
{
    if (!tp_dtype_is_float(tp_dtype_of(x)) || tp_rank(x) == 0) return x;
    tp_tensor *flat = tp_reshape(x, TP_SHAPE(tp_numel(x)));
    return tp_reshape(tp_slice(flat, 0, TP_END, TP_END, -1), tp_shape_of(x));
}

/* [2, 1 .., shape] */
static tp_tensor *pair(tp_tensor *a, tp_tensor *b, int missing)
{
    tp_shape shape = {.n = 1 + missing, .v = {2}}, own = tp_shape_of(a);
    for (int k = 0; k < missing; k++) shape.v[1 + k] = 1;
    for (int k = 0; k < own.n; k++) shape.v[shape.n++] = own.v[k];
    return tp_reshape(tp_stack(2, (tp_tensor *const[]){a, b}, 0), shape);
}

int64_t tp_probe_pair(tp_probe *p, double **alone, double **together)
{
    const tp_sample *s = p->sample;
    const tp_op *op = p->op;
    if (op->in_place || op->rules->no_batch || (op->rules->shape && op->n_in > 1)) return 0;
    tp_tensor *other[TP_SAMPLE_INPUTS], *both[TP_SAMPLE_INPUTS], *out[3][TP_MAX_OUT];
    tp_attr attr[TP_MAX_ATTR];
    tp_ints room[TP_MAX_ATTR];
    int missing[TP_SAMPLE_INPUTS];
    tp_mark scope = tp_open_scope(p->c);
    negative_axes(op, s->attr, tp_rank(s->in[0]), attr, room);
    missing_loops(p, missing);
    for (int i = 0; i < s->n_in; i++) {
        other[i] = turned(s->in[i]);
        both[i] = pair(s->in[i], other[i], missing[i]);
    }
    out[0][0] = tp_apply(op, s->n_in, s->in, s->attr, out[0] + 1);
    out[1][0] = tp_apply(op, s->n_in, other, s->attr, out[1] + 1);
    out[2][0] = tp_apply(op, s->n_in, both, attr, out[2] + 1);
    int64_t n = 0;
    for (int o = 0; o < op->n_out; o++) n += 2 * tp_numel(out[0][o]);
    if (p->used + 2 * n > TP_PROBE_ROOM) n = 0;
    *alone = tp_probe_take(p, 2 * n);
    *together = *alone + n;
    double *a = *alone, *b = *together;
    for (int o = 0; tp_ok(p->c) && n && o < op->n_out; o++) {
        int64_t m = tp_numel(out[0][o]);
        tp_read_doubles(out[0][o], a, m);
        tp_read_doubles(out[1][o], a + m, m);
        tp_read_doubles(out[2][o], b, 2 * m);
        a += 2 * m;
        b += 2 * m;
    }
    tp_close_scope(p->c, scope);
    return n;
}

/* --- first derivatives --- */

void tp_probe_value(tp_probe *p, const double *x, const double *unused, double *out)
{
    tp_tensor *xs[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT];
    (void)unused;
    tp_mark scope = tp_open_scope(p->c);
    point(p, x, false, xs);
    call(p, xs, ys);
    join(&p->y, TP_UNBATCHED, ys, out);
    tp_close_scope(p->c, scope);
}

/* The tangents of the outputs for those of all variables together. */
static void push_all(const tp_probe *p, tp_tensor *const *xs, tp_tensor *const *ys, tp_tensor *const *ts,
                     bool record, tp_tensor **result)
{
    for (int o = 0; o < p->y.n; o++) {
        result[o] = NULL;
        for (int i = 0; i < p->x.n; i++) {
            tp_tensor *one = tp_jvp_with(ys[o], xs[i], ts[i], &(tp_grad_options){.record = record});
            result[o] = result[o] ? tp_add(result[o], one) : one;
        }
    }
}

static void recorded(tp_probe *p, const double *x, int64_t k, const double *t, double *out)
{
    tp_tensor *xs[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT], *ts[TP_SAMPLE_INPUTS], *result[TP_MAX_OUT];
    tp_mark scope = tp_open_scope(p->c);
    point(p, x, true, xs);
    call(p, xs, ys);
    cut(p, &p->x, k, t, ts);
    push_all(p, xs, ys, ts, false, result);
    join(&p->y, k, result, out);
    tp_close_scope(p->c, scope);
}

static void streamed(tp_probe *p, const double *x, int64_t k, const double *t, double *out)
{
    tp_tensor *xs[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT], *ts[TP_SAMPLE_INPUTS];
    tp_mark scope = tp_open_scope(p->c);
    int level = tp_open_forward(p->c);
    point(p, x, false, xs);
    cut(p, &p->x, k, t, ts);
    for (int i = 0; i < p->x.n; i++) xs[i] = tp_dual(xs[i], ts[i], level, 0);
    call(p, xs, ys);
    for (int o = 0; o < p->y.n; o++) ys[o] = tp_tangent(ys[o], level, 0);
    join(&p->y, k, ys, out);
    tp_close_forward(p->c, level);
    tp_close_scope(p->c, scope);
}

void tp_probe_jvp(tp_probe *p, const double *x, const double *t, double *out)
{
    recorded(p, x, TP_UNBATCHED, t, out);
}

void tp_probe_jvps(tp_probe *p, int64_t k, const double *t, double *out) { recorded(p, NULL, k, t, out); }

void tp_probe_stream(tp_probe *p, const double *x, const double *t, double *out)
{
    streamed(p, x, TP_UNBATCHED, t, out);
}

void tp_probe_streams(tp_probe *p, int64_t k, const double *t, double *out) { streamed(p, NULL, k, t, out); }

void tp_probe_vjp(tp_probe *p, const double *x, const double *u, double *out)
{
    tp_tensor *xs[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT], *gs[TP_SAMPLE_INPUTS];
    tp_mark scope = tp_open_scope(p->c);
    point(p, x, true, xs);
    call(p, xs, ys);
    gradients(p, weigh(p, u, ys), xs, gs, false);
    join(&p->x, TP_UNBATCHED, gs, out);
    tp_close_scope(p->c, scope);
}

void tp_probe_vjps(tp_probe *p, int64_t k, const double *u, double *out)
{
    tp_tensor *xs[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT], *us[TP_MAX_OUT], *gs[TP_SAMPLE_INPUTS] = {NULL};
    tp_mark scope = tp_open_scope(p->c);
    point(p, NULL, true, xs);
    call(p, xs, ys);
    cut(p, &p->y, k, u, us);
    for (int o = 0; o < p->y.n; o++)
        for (int i = 0; i < p->x.n; i++) {
            tp_tensor *one = tp_vjp(ys[o], xs[i], us[o]);
            gs[i] = gs[i] ? tp_add(gs[i], one) : one;
        }
    join(&p->x, k, gs, out);
    tp_close_scope(p->c, scope);
}

bool tp_probe_backward(tp_probe *p, const double *u, double *once, double *twice)
{
    tp_tensor *xs[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT], *gs[TP_SAMPLE_INPUTS];
    bool refused = false;
    tp_mark scope = tp_open_scope(p->c);
    point(p, NULL, true, xs);
    call(p, xs, ys);
    tp_tensor *y = weigh(p, u, ys);
    tp_backward(y, .retain = true);
    for (int i = 0; i < p->x.n; i++) gs[i] = tp_grad_of(xs[i]);
    join(&p->x, TP_UNBATCHED, gs, once);
    tp_backward(y);
    for (int i = 0; i < p->x.n; i++) gs[i] = tp_grad_of(xs[i]);
    join(&p->x, TP_UNBATCHED, gs, twice);
    if (tp_ok(p->c)) {
        tp_backward(y);
        refused = tp_error(p->c) == TP_ERR_STATE;
        tp_clear(p->c);
    }
    tp_close_scope(p->c, scope);
    return refused;
}

/* --- second derivatives --- */

/* Rules must hand on what their cotangents and tangents depend on, in linear ops too. So second derivatives
 * are those of y + y^2/2, as a function of z with x = z + (z - x0)^2/2, which is x0 at z = x0. */
static tp_tensor *bend(tp_tensor *z, tp_tensor *from)
{
    return tp_add(z, tp_mul_scalar(tp_square(from ? tp_sub(z, from) : z), 0.5));
}

/* From zs to the outputs. Views stay what they are: a bent one would not be a view. */
static void call_bent(const tp_probe *p, tp_tensor *const *zs, tp_tensor **ys)
{
    tp_tensor *xs[TP_SAMPLE_INPUTS];
    for (int i = 0; i < p->x.n; i++)
        xs[i] = tp_is_contiguous(p->variable[i]) ? bend(zs[i], p->variable[i]) : zs[i];
    call(p, xs, ys);
    for (int o = 0; o < p->y.n; o++) ys[o] = bend(ys[o], NULL);
}

void tp_probe_bent_vjp(tp_probe *p, const double *x, const double *u, double *out)
{
    tp_tensor *zs[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT], *gs[TP_SAMPLE_INPUTS];
    tp_mark scope = tp_open_scope(p->c);
    point(p, x, true, zs);
    call_bent(p, zs, ys);
    gradients(p, weigh(p, u, ys), zs, gs, false);
    join(&p->x, TP_UNBATCHED, gs, out);
    tp_close_scope(p->c, scope);
}

void tp_probe_bent_stream(tp_probe *p, const double *x, const double *t, double *out)
{
    tp_tensor *zs[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT];
    tp_mark scope = tp_open_scope(p->c);
    int level = tp_open_forward(p->c);
    point(p, x, false, zs);
    make_dual(p, TP_UNBATCHED, t, level, zs);
    call_bent(p, zs, ys);
    for (int o = 0; o < p->y.n; o++) ys[o] = tp_tangent(ys[o], level, 0);
    join(&p->y, TP_UNBATCHED, ys, out);
    tp_close_forward(p->c, level);
    tp_close_scope(p->c, scope);
}

void tp_probe_reverse_reverse(tp_probe *p, const double *u, const double *t, double *out)
{
    tp_tensor *zs[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT], *gs[TP_SAMPLE_INPUTS];
    tp_mark scope = tp_open_scope(p->c);
    point(p, NULL, true, zs);
    call_bent(p, zs, ys);
    gradients(p, weigh(p, u, ys), zs, gs, true);
    gradients(p, weigh_x(p, t, gs), zs, gs, false);
    join(&p->x, TP_UNBATCHED, gs, out);
    tp_close_scope(p->c, scope);
}

void tp_probe_reverse_reverses(tp_probe *p, int64_t k, const double *u, const double *t, double *out)
{
    tp_tensor *zs[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT], *gs[TP_SAMPLE_INPUTS], *ts[TP_SAMPLE_INPUTS];
    tp_tensor *hs[TP_SAMPLE_INPUTS] = {NULL};
    tp_mark scope = tp_open_scope(p->c);
    point(p, NULL, true, zs);
    call_bent(p, zs, ys);
    gradients(p, weigh(p, u, ys), zs, gs, true);
    cut(p, &p->x, k, t, ts);
    for (int i = 0; i < p->x.n; i++)
        for (int j = 0; j < p->x.n && tp_has_history(gs[i]); j++) {
            tp_tensor *one = tp_vjp(gs[i], zs[j], ts[i]);
            hs[j] = hs[j] ? tp_add(hs[j], one) : one;
        }
    join(&p->x, k, hs, out);
    tp_close_scope(p->c, scope);
}

void tp_probe_forward_reverse(tp_probe *p, int64_t k, const double *u, const double *t, double *out)
{
    tp_tensor *zs[TP_SAMPLE_INPUTS], *duals[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT], *gs[TP_SAMPLE_INPUTS];
    tp_mark scope = tp_open_scope(p->c);
    int level = tp_open_forward(p->c);
    point(p, NULL, true, zs);
    for (int i = 0; i < p->x.n; i++) duals[i] = zs[i];
    make_dual(p, k, t, level, duals);
    call_bent(p, duals, ys);
    gradients(p, weigh(p, u, ys), zs, gs, false);
    for (int i = 0; i < p->x.n; i++) gs[i] = tp_tangent(gs[i], level, 0);
    join(&p->x, k, gs, out);
    tp_close_forward(p->c, level);
    tp_close_scope(p->c, scope);
}

void tp_probe_reverse_forward(tp_probe *p, const double *u, const double *t, double *out)
{
    tp_tensor *zs[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT], *ts[TP_SAMPLE_INPUTS], *gs[TP_SAMPLE_INPUTS];
    tp_tensor *tangents[TP_MAX_OUT];
    tp_mark scope = tp_open_scope(p->c);
    point(p, NULL, true, zs);
    call_bent(p, zs, ys);
    cut(p, &p->x, TP_UNBATCHED, t, ts);
    push_all(p, zs, ys, ts, true, tangents);
    gradients(p, weigh(p, u, tangents), zs, gs, false);
    join(&p->x, TP_UNBATCHED, gs, out);
    tp_close_scope(p->c, scope);
}

void tp_probe_forward_forward(tp_probe *p, int64_t k, const double *s, const double *t, double *out)
{
    tp_tensor *zs[TP_SAMPLE_INPUTS], *ys[TP_MAX_OUT];
    tp_mark scope = tp_open_scope(p->c);
    int outer = tp_open_forward(p->c), inner = tp_open_forward(p->c);
    point(p, NULL, false, zs);
    make_dual(p, k, s, outer, zs);
    make_dual(p, k, t, inner, zs);
    call_bent(p, zs, ys);
    for (int o = 0; o < p->y.n; o++) {
        ys[o] = tp_tangent(ys[o], inner, 0);
        if (!tp_is_nil(ys[o])) ys[o] = tp_tangent(ys[o], outer, 0);
    }
    join(&p->y, k == TP_UNBATCHED ? k : k * k, ys, out);
    tp_close_forward(p->c, outer);
    tp_close_scope(p->c, scope);
}
