/* check.c - the generated tests of an op's derivatives: every way to a derivative against every other and
 * against quotients of differences, on every sample of the op. */
#include "grad/probe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Two ways to the same number differ by roundings; a quotient of differences by more. */
static const double EXACT = 1e-10, QUOTIENT = 1e-6, STEP = 2e-4;

enum { SMALL = 16 }; /* elements up to which the whole Jacobian is compared */

typedef struct checker {
    tp_probe p;
    tp_op_report *report;
    const tp_sample *sample;
    double *x, *t, *s, *u; /* the point, two directions, a cotangent */
    bool finite;
} checker;

/* --- the report --- */

static void fail(checker *w, const char *check, double worst, const char *text)
{
    tp_op_report *r = w->report;
    if (r->failures++ >= TP_REPORT_FAILURES) return;
    tp_op_failure *f = &r->failure[r->failures - 1];
    f->check = check;
    f->kind = w->sample ? w->sample->kind : "";
    f->sample = r->samples;
    f->worst = worst;
    snprintf(f->text, sizeof f->text, "%s", text);
}

/* Counts a check; a call that failed in it is its result. */
static bool passed(checker *w, const char *check)
{
    w->report->checks++;
    if (tp_ok(w->p.c)) return true;
    fail(w, check, NAN, tp_error_text(w->p.c));
    tp_clear(w->p.c);
    return false;
}

static double largest(const double *a, int64_t n)
{
    double most = 1;
    for (int64_t k = 0; k < n; k++)
        if (isfinite(a[k]) && fabs(a[k]) > most) most = fabs(a[k]);
    return most;
}

static double difference(double a, double b)
{
    if (isnan(a) && isnan(b)) return 0;
    return isnan(a) || isnan(b) ? INFINITY : a == b ? 0 : fabs(a - b);
}

/* Compares two vectors, to `tolerance` of the largest element or of 1. */
static void agree(checker *w, const char *check, const double *a, const double *b, int64_t n,
                  double tolerance)
{
    double scale = fmax(largest(a, n), largest(b, n)), worst = 0;
    int64_t at = 0;
    if (!passed(w, check)) return;
    for (int64_t k = 0; k < n; k++)
        if (difference(a[k], b[k]) > worst) worst = difference(a[k], b[k]), at = k;
    if (worst <= tolerance * scale) return;
    char text[128];
    snprintf(text, sizeof text, "element %lld of %lld: %.10g and %.10g", (long long)at, (long long)n, a[at],
             b[at]);
    fail(w, check, worst, text);
}

static double inner(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t k = 0; k < n; k++) sum += a[k] * b[k];
    return sum;
}

/* --- numbers --- */

/* In [-1,1), never near 0; the same for the same place. */
static void fill(double *v, int64_t n, uint32_t seed)
{
    for (int64_t k = 0; k < n; k++) {
        uint32_t h = ((uint32_t)k + 1) * 2654435761u ^ seed * 40503u;
        h = (h ^ h >> 15) * 2246822519u;
        h ^= h >> 13;
        double r = h * 0x1p-31 - 1;
        v[k] = r + copysign(0.1, r);
    }
}

static double *drawn(checker *w, int64_t n, uint32_t seed)
{
    double *v = tp_probe_take(&w->p, n);
    fill(v, n, seed);
    return v;
}

/* --- quotients of differences --- */

typedef void map_fn(tp_probe *p, const double *x, const double *argument, double *out);

/* d: the derivative of f along `dir` by a central quotient of fourth order; jump: how far the one-sided
 * quotients are from each other. */
static void quotient(checker *w, map_fn *f, const double *argument, const double *dir, int64_t m, double h,
                     double *d, double *jump)
{
    int64_t mark = w->p.used, n = w->p.x.total;
    double *x = tp_probe_take(&w->p, n), *y[5];
    for (int k = 0; k < 5; k++) {
        y[k] = tp_probe_take(&w->p, m);
        for (int64_t i = 0; i < n; i++) x[i] = w->x[i] + (k - 2) * h * dir[i];
        f(&w->p, x, argument, y[k]);
    }
    for (int64_t i = 0; i < m; i++) {
        d[i] = (8 * (y[3][i] - y[1][i]) - (y[4][i] - y[0][i])) / (12 * h);
        jump[i] = fabs(y[3][i] - 2 * y[2][i] + y[1][i]) / h;
    }
    w->p.used = mark;
}

/* Whether an element, off at step h, agrees at the finer step or is at a kink: there the one-sided quotients
 * do not come closer with h, or, where the function itself jumps, the quotient grows. */
static bool excused(checker *w, double expected, double scale, double coarse, double fine, double jump,
                    double fine_jump)
{
    if (fabs(expected - fine) <= 16 * QUOTIENT * scale) return true;
    bool kink = (fine_jump > 1e-3 * scale && fine_jump > jump / 4) ||
                (fabs(coarse) > 1e-3 * scale && fabs(fine) > 4 * fabs(coarse));
    w->report->kinks += kink;
    return kink;
}

static void agree_quotient(checker *w, const char *check, map_fn *f, const double *argument,
                           const double *dir, const double *expected, int64_t m)
{
    int64_t mark = w->p.used;
    double *d = tp_probe_take(&w->p, 4 * m), *jump = d + m, *fine = d + 2 * m, *fine_jump = d + 3 * m;
    quotient(w, f, argument, dir, m, STEP, d, jump);
    double scale = fmax(largest(expected, m), largest(d, m)), worst = 0;
    for (int64_t i = 0; i < m; i++) worst = fmax(worst, difference(d[i], expected[i]));
    if (worst > QUOTIENT * scale) {
        quotient(w, f, argument, dir, m, STEP / 16, fine, fine_jump);
        for (int64_t i = 0; i < m; i++)
            if (difference(d[i], expected[i]) <= QUOTIENT * scale ||
                excused(w, expected[i], scale, d[i], fine[i], jump[i], fine_jump[i]))
                d[i] = expected[i];
    }
    agree(w, check, expected, d, m, QUOTIENT);
    w->p.used = mark;
}

/* --- first derivatives --- */

static void check_whole_jacobian(checker *w)
{
    int64_t n = w->p.x.total, m = w->p.y.total, mark = w->p.used;
    if (n > SMALL || m > SMALL) return;
    double *rows = tp_probe_take(&w->p, n * m), *column = tp_probe_take(&w->p, m);
    double *unit = tp_probe_take(&w->p, n + m);
    memset(unit, 0, (size_t)(n + m) * sizeof *unit);
    for (int64_t i = 0; i < m; i++) {
        unit[i] = 1;
        tp_probe_vjp(&w->p, NULL, unit, rows + i * n);
        unit[i] = 0;
    }
    for (int64_t j = 0; j < n; j++) {
        unit[j] = 1;
        for (int64_t i = 0; i < m; i++) column[i] = rows[i * n + j];
        agree_quotient(w, "Jacobian by reverse against differences", tp_probe_value, NULL, unit, column, m);
        unit[j] = 0;
    }
    w->p.used = mark;
}

static bool is_among(const int64_t *sizes, int n, int64_t size)
{
    for (int k = 0; k < n; k++)
        if (sizes[k] == size) return true;
    return false;
}

/* 1, 3 and every axis size there is. */
static int direction_counts(const tp_probe *p, int64_t *counts, int room)
{
    int n = 2;
    counts[0] = 1;
    counts[1] = 3;
    for (int part = 0; part < p->x.n + p->y.n; part++) {
        const tp_shape *shape = part < p->x.n ? &p->x.shape[part] : &p->y.shape[part - p->x.n];
        for (int k = 0; k < shape->n && n < room; k++)
            if (!is_among(counts, n, shape->v[k])) counts[n++] = shape->v[k];
    }
    return n;
}

/* K directions at once: the last one is that direction alone. */
static void check_cotangents(checker *w, int64_t k)
{
    int64_t n = w->p.x.total, m = w->p.y.total, mark = w->p.used;
    double *us = drawn(w, k * m, 31), *u = tp_probe_take(&w->p, m);
    double *all = tp_probe_take(&w->p, k * n), *last = tp_probe_take(&w->p, n),
           *one = tp_probe_take(&w->p, n);
    tp_probe_vjps(&w->p, k, us, all);
    if (passed(w, "reverse in K directions") && k) {
        tp_probe_pick(&w->p.y, k, k - 1, us, u);
        tp_probe_vjp(&w->p, NULL, u, one);
        tp_probe_pick(&w->p.x, k, k - 1, all, last);
        agree(w, "reverse in K directions against one", last, one, n, EXACT);
    }
    w->p.used = mark;
}

static void check_tangents(checker *w, int64_t k)
{
    int64_t n = w->p.x.total, m = w->p.y.total, mark = w->p.used;
    double *ts = drawn(w, k * n, 37), *t = tp_probe_take(&w->p, n);
    double *all = tp_probe_take(&w->p, k * m), *other = tp_probe_take(&w->p, k * m);
    double *last = tp_probe_take(&w->p, m), *one = tp_probe_take(&w->p, m);
    tp_probe_jvps(&w->p, k, ts, all);
    tp_probe_streams(&w->p, k, ts, other);
    agree(w, "streaming against recorded forward in K directions", other, all, k * m, EXACT);
    if (k) {
        tp_probe_pick(&w->p.x, k, k - 1, ts, t);
        tp_probe_stream(&w->p, NULL, t, one);
        tp_probe_pick(&w->p.y, k, k - 1, all, last);
        agree(w, "forward in K directions against one", last, one, m, EXACT);
    }
    w->p.used = mark;
}

static void check_first(checker *w, bool forward)
{
    int64_t n = w->p.x.total, m = w->p.y.total, counts[TP_INTERNAL_RANK];
    double *jt = tp_probe_take(&w->p, 2 * m), *streamed = jt + m, *ju = tp_probe_take(&w->p, n);
    double *dy = tp_probe_take(&w->p, m);
    tp_probe_vjp(&w->p, NULL, w->u, ju);
    if (!passed(w, "reverse")) return;
    check_whole_jacobian(w);
    if (forward) {
        tp_probe_jvp(&w->p, NULL, w->t, jt);
        if (!passed(w, "recorded forward")) return;
        tp_probe_stream(&w->p, NULL, w->t, streamed);
        agree(w, "streaming against recorded forward", streamed, jt, m, EXACT);
        agree_quotient(w, "forward against differences", tp_probe_value, NULL, w->t, jt, m);
        double a = inner(w->u, jt, m), b = inner(ju, w->t, n);
        agree(w, "<u, J t> = <J' u, t>", &a, &b, 1, EXACT);
    } else {
        double *y = tp_probe_take(&w->p, m); /* only u'J t can be told from differences */
        quotient(w, tp_probe_value, NULL, w->t, m, STEP, dy, y);
        double a = inner(w->u, dy, m), b = inner(ju, w->t, n);
        agree(w, "reverse against differences", &a, &b, 1, QUOTIENT);
    }
    int many = direction_counts(&w->p, counts, TP_INTERNAL_RANK);
    for (int k = 0; k < many; k++) {
        check_cotangents(w, counts[k]);
        if (forward) check_tangents(w, counts[k]);
    }
}

/* --- second derivatives --- */

static void check_second(checker *w)
{
    int64_t n = w->p.x.total, m = w->p.y.total;
    double *rr = tp_probe_take(&w->p, 3 * n), *fr = rr + n, *rf = rr + 2 * n, *ff = tp_probe_take(&w->p, m);
    tp_probe_reverse_reverse(&w->p, w->u, w->t, rr);
    if (!passed(w, "reverse over reverse")) return;
    agree_quotient(w, "reverse over reverse against differences of the gradient", tp_probe_bent_vjp, w->u,
                   w->t, rr, n);
    tp_probe_forward_reverse(&w->p, TP_UNBATCHED, w->u, w->t, fr);
    agree(w, "forward over reverse against reverse over reverse", fr, rr, n, EXACT);
    tp_probe_reverse_forward(&w->p, w->u, w->t, rf);
    agree(w, "reverse over forward against reverse over reverse", rf, rr, n, EXACT);
    tp_probe_forward_forward(&w->p, TP_UNBATCHED, w->s, w->t, ff);
    if (!passed(w, "forward over forward")) return;
    agree_quotient(w, "forward over forward against differences", tp_probe_bent_stream, w->t, w->s, ff, m);
    double a = inner(w->u, ff, m), b = inner(rr, w->s, n);
    agree(w, "forward over forward against reverse over reverse", &a, &b, 1, EXACT);
}

/* K directions at once in second order: the last is that direction alone. */
static void check_second_directions(checker *w, int64_t k)
{
    int64_t n = w->p.x.total, m = w->p.y.total, mark = w->p.used;
    double *ts = drawn(w, k * n, 41), *ss = drawn(w, k * n, 43), *t = tp_probe_take(&w->p, 2 * n), *s = t + n;
    double *hs = tp_probe_take(&w->p, k * n), *h = tp_probe_take(&w->p, 2 * n), *last = h + n;
    double *ff = tp_probe_take(&w->p, k * k * m), *f = tp_probe_take(&w->p, 2 * m), *last_f = f + m;
    tp_probe_pick(&w->p.x, k, k - 1, ts, t);
    tp_probe_pick(&w->p.x, k, k - 1, ss, s);
    tp_probe_reverse_reverse(&w->p, w->u, t, h);
    tp_probe_reverse_reverses(&w->p, k, w->u, ts, hs);
    tp_probe_pick(&w->p.x, k, k - 1, hs, last);
    agree(w, "reverse over reverse in K directions against one", last, h, n, EXACT);
    tp_probe_forward_reverse(&w->p, k, w->u, ts, hs);
    tp_probe_pick(&w->p.x, k, k - 1, hs, last);
    agree(w, "forward over reverse in K directions against one", last, h, n, EXACT);
    tp_probe_forward_forward(&w->p, TP_UNBATCHED, s, t, f);
    tp_probe_forward_forward(&w->p, k, ss, ts, ff);
    tp_probe_pick(&w->p.y, k * k, k * k - 1, ff, last_f);
    agree(w, "forward over forward in K directions against one", last_f, f, m, EXACT);
    w->p.used = mark;
}

/* --- values --- */

/* The same elements give the same bits however they lie in memory, and the same gradient. */
static void check_layout(checker *w)
{
    int64_t n = w->p.x.total, m = w->p.y.total, mark = w->p.used;
    double *y = tp_probe_take(&w->p, 2 * m), *g = tp_probe_take(&w->p, 2 * n);
    tp_probe_value(&w->p, NULL, NULL, y);
    tp_probe_value(&w->p, w->x, NULL, y + m);
    agree(w, "value of views against row-major copies", y, y + m, m, 0);
    tp_probe_vjp(&w->p, NULL, w->u, g);
    tp_probe_vjp(&w->p, w->x, w->u, g + n);
    agree(w, "gradient of views against row-major copies", g, g + n, n, EXACT);
    w->finite = true;
    for (int64_t k = 0; k < m; k++) w->finite = w->finite && isfinite(y[k]);
    w->p.used = mark;
}

/* A result does not depend on what is computed beside it, to the bit. */
static void check_pair(checker *w)
{
    int64_t mark = w->p.used;
    double *alone, *together;
    int64_t n = tp_probe_pair(&w->p, &alone, &together);
    if (n || !tp_ok(w->p.c)) agree(w, "value alone against value in a batch", together, alone, n, 0);
    w->p.used = mark;
}

/* --- backward --- */

/* Gradients of tp_backward are those of tp_vjp; they add up; and a released graph is refused. */
static void check_backward(checker *w)
{
    int64_t n = w->p.x.total, mark = w->p.used;
    double *expected = tp_probe_take(&w->p, 3 * n), *once = expected + n, *twice = expected + 2 * n;
    tp_probe_vjp(&w->p, NULL, w->u, expected);
    bool refused = tp_probe_backward(&w->p, w->u, once, twice);
    if (passed(w, "backward") && !refused) fail(w, "an error at the backward of a released graph", NAN, "");
    agree(w, "backward against vjp", once, expected, n, EXACT);
    for (int64_t k = 0; k < n; k++) expected[k] *= 2;
    agree(w, "two backwards against two vjp", twice, expected, n, EXACT);
    w->p.used = mark;
}

/* --- reads --- */

static bool is_read(const tp_op *op, int n_in, int i)
{
    if (i >= n_in) return op->rules->reads >> (24 + i - n_in) & 1;
    return op->n_in < 0 ? (op->rules->reads & TP_IN_ALL) != 0 : op->rules->reads >> i & 1;
}

/* The op on copies of the inputs, each with storage of its own. */
typedef struct recording {
    tp_tensor *value[TP_SAMPLE_INPUTS + TP_MAX_OUT]; /* inputs, then outputs */
    int n_in;
} recording;

static void record(const checker *w, recording *r)
{
    const tp_sample *s = w->sample;
    r->n_in = s->n_in;
    for (int i = 0; i < s->n_in; i++) {
        r->value[i] = tp_clone(s->in[i]);
        if (w->p.slot[i] >= 0) tp_require_grad(r->value[i]);
    }
    r->value[s->n_in] = tp_apply(w->p.op, s->n_in, r->value, s->attr, r->value + s->n_in + 1);
}

/* All gradients of all outputs, one after another. */
static int64_t pull_all(const checker *w, const recording *r, double *out)
{
    int64_t used = 0;
    const double *u = w->u;
    for (int o = 0; o < w->p.y.n; o++) {
        tp_tensor *y = r->value[r->n_in + w->p.float_out[o]];
        tp_tensor *cotangent = tp_from_doubles(w->p.c, w->p.y.shape[o], TP_F64, u);
        u += w->p.y.numel[o];
        for (int i = 0; i < r->n_in; i++) {
            if (w->p.slot[i] < 0) continue;
            int64_t n = tp_numel(r->value[i]);
            tp_tensor *g = tp_vjp(y, r->value[i], cotangent);
            if (!tp_is_nil(g)) tp_read_doubles(g, out + used, n);
            used += n;
        }
    }
    return used;
}

/* Overwrites value i between forward and backward: with what is read that must be an error, else it must not
 * matter. */
static void check_overwrite(checker *w, int i, const double *expected, double *got)
{
    tp_context *c = w->p.c;
    recording r;
    tp_mark scope = tp_open_scope(c);
    record(w, &r);
    tp_tensor *t = tp_ok(c) ? r.value[i] : NULL;
    bool read = false, usable = t && tp_numel(t) && tp_is_contiguous(t);
    for (int k = 0; usable && k < r.n_in + w->p.op->n_out; k++) /* outputs may be views of inputs */
        read = read || (is_read(w->p.op, r.n_in, k) && r.value[k]->storage == t->storage);
    if (usable) {
        memset(tp_data_mut(t), 0xff, (size_t)tp_numel(t) * tp_dtype_size(tp_dtype_of(t)));
        int64_t n = pull_all(w, &r, got);
        if (!read)
            agree(w, "gradient after what is not in `reads` was overwritten", got, expected, n, 0);
        else {
            w->report->checks++;
            if (tp_error(c) != TP_ERR_STATE)
                fail(w, "an error after what is in `reads` was overwritten", NAN, tp_error_text(c));
            tp_clear(c);
        }
    }
    tp_close_scope(c, scope);
}

static void check_reads(checker *w)
{
    int64_t mark = w->p.used, room = 2 * TP_SAMPLE_INPUTS * w->p.x.total * (w->p.y.n + 1);
    double *expected = tp_probe_take(&w->p, room), *got = expected + room / 2;
    recording r;
    tp_mark scope = tp_open_scope(w->p.c);
    record(w, &r);
    pull_all(w, &r, expected);
    tp_close_scope(w->p.c, scope);
    if (passed(w, "reverse from each output"))
        for (int i = 0; i < w->sample->n_in + w->p.op->n_out; i++) check_overwrite(w, i, expected, got);
    w->p.used = mark;
}

/* --- an op --- */

/* Without a derivative the result has no history, whatever it was made of. */
static void check_untracked(checker *w)
{
    tp_context *c = w->p.c;
    recording r;
    tp_mark scope = tp_open_scope(c);
    record(w, &r);
    if (passed(w, "forward"))
        for (int o = 0; o < w->p.op->n_out; o++)
            if (tp_has_history(r.value[r.n_in + o]))
                fail(w, "no history where there is no derivative", NAN, w->p.op->out_name[o]);
    tp_close_scope(c, scope);
}

/* An op may refuse an axis without elements; one that works in place may refuse its target too. */
static bool refused(checker *w)
{
    if (tp_probe_start(&w->p)) return false;
    tp_op_report *r = w->report;
    if (strstr(w->sample->kind, "zero-size") || w->p.op->in_place) {
        if (r->refused++ == 0) snprintf(r->why, sizeof r->why, "%s", tp_error_text(w->p.c));
    } else
        fail(w, "forward", NAN, tp_error_text(w->p.c));
    tp_clear(w->p.c);
    return true;
}

/* Whether the room holds all vectors that are there at one time. */
static bool fits(const checker *w)
{
    int64_t counts[TP_INTERNAL_RANK], most = 0;
    for (int k = direction_counts(&w->p, counts, TP_INTERNAL_RANK); k-- > 0;)
        most = counts[k] > most ? counts[k] : most;
    return (w->p.x.total + w->p.y.total) * (80 + 3 * most) <= TP_PROBE_ROOM;
}

static void check_sample(const tp_sample *sample, void *user)
{
    checker *w = user;
    const tp_rules *rules = w->p.op->rules;
    w->sample = w->p.sample = sample;
    w->report->samples++;
    if (refused(w)) return;
    if (!fits(w)) {
        fail(w, "size of the sample", NAN, "too large");
        return;
    }
    check_pair(w);
    if (rules->nodiff) {
        if (!w->p.op->in_place) check_untracked(w);
        return;
    }
    int64_t n = w->p.x.total, m = w->p.y.total;
    w->x = tp_probe_take(&w->p, n);
    for (int v = 0, at = 0; v < w->p.x.n; at += (int)w->p.x.numel[v++])
        tp_read_doubles(w->p.variable[v], w->x + at, w->p.x.numel[v]);
    w->t = drawn(w, n, 1);
    w->s = drawn(w, n, 2);
    w->u = drawn(w, m, 3);
    bool forward = rules->slope || rules->linear || rules->push; /* else `pull` alone: first order only */
    check_layout(w);
    check_reads(w);
    check_backward(w);
    if (!w->finite) {
        w->report->not_finite++;
        return;
    }
    check_first(w, forward);
    if (!forward) return;
    check_second(w);
    check_second_directions(w, 2);
    check_second_directions(w, 3);
}

/* Without exactly one there is nothing to call. */
static bool check_rules(checker *w)
{
    const tp_rules *r = w->p.op->rules;
    int facts = (r->slope != NULL) + (r->linear != TP_NOT_LINEAR) + (r->push != NULL) + (r->nodiff != NULL);
    bool alone = facts == 0 && r->pull;
    bool right = facts == 1 || alone;
    if (r->linear || r->push) right = right && r->pull;
    w->report->checks++;
    if (!right) fail(w, "exactly one derivative fact", NAN, "slope; linear + pull; push + pull; or nodiff");
    return right;
}

bool tp_check_op(tp_context *c, const tp_op *op, tp_op_report *report)
{
    *report = (tp_op_report){.op = op};
    if (!tp_ok(c)) return false;
    size_t bytes = TP_PROBE_ROOM * sizeof(double);
    checker w = {.p = {.c = c, .op = op}, .report = report};
    w.p.room = tp_alloc(c, bytes);
    if (!w.p.room) return false;
    if (check_rules(&w)) tp_op_samples(c, op, check_sample, &w);
    tp_free(c, w.p.room, bytes);
    w.sample = NULL;
    passed(&w, "drawing samples");
    return report->failures == 0;
}
