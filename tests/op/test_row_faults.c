#include "faults.h"

#include <taper/ext.h>

#include <string.h>

/* Every row of the table, every allocation of its call failing in turn: the call itself and each of its
 * derivatives, on a sample with loops and one that is broadcast. */

/* An op with the inputs of a sample. */
typedef struct row {
    faulty *hook;
    tp_context *c;
    const tp_op *op;
    const tp_sample *sample;
    tp_tensor *in[TP_SAMPLE_INPUTS]; /* copies; leaves where a derivative is taken */
    tp_tensor *x, *v, *vs;           /* the first float input, a direction and two at once */
    const char *name;
    long *points;
} row;

enum { MOST_RESULTS = 8 };

/* A way to call an op. Writes its results, nil after a failure; returns how many there are. */
typedef struct way {
    const char *name;
    int (*run)(row *r, tp_tensor **results);
    bool derivative;
} way;

static tp_tensor *apply(row *r, tp_tensor *const *in, tp_tensor **extra)
{
    return tp_apply(r->op, r->sample->n_in, in, r->sample->attr, extra);
}

/* One element that depends on all of the first float output, not only linearly. */
static tp_tensor *loss_of(row *r)
{
    tp_tensor *y = apply(r, r->in, NULL);
    return tp_sum(tp_mul(y, y), TP_ALL, false);
}

static int value(row *r, tp_tensor **results)
{
    results[0] = apply(r, r->in, results + 1);
    return r->op->n_out;
}

static int backward(row *r, tp_tensor **results)
{
    tp_mark scope = tp_open_scope(r->c);
    tp_backward(loss_of(r));
    tp_close_scope(r->c, scope);
    int n = 0;
    for (int i = 0; i < r->sample->n_in; i++)
        if (tp_requires_grad(r->in[i])) results[n++] = tp_grad_of(r->in[i]);
    return n;
}

static int second_order(row *r, tp_tensor **results)
{
    tp_tensor *g = tp_grad(loss_of(r), r->x, .record = true);
    results[0] = tp_has_history(g) ? tp_grad(tp_sum(tp_mul(g, g), TP_ALL, false), r->x) : g;
    return 1;
}

static int recorded_forward(row *r, tp_tensor **results)
{
    tp_tensor *y = apply(r, r->in, NULL);
    results[0] = tp_jvp(y, r->x, r->v);
    results[1] = tp_jvp(y, r->x, r->vs);
    return 2;
}

/* Two levels, the outer one with two directions at once. */
static int streaming(row *r, tp_tensor **results)
{
    tp_tensor *in[TP_SAMPLE_INPUTS];
    int outer = tp_open_forward(r->c), inner = tp_open_forward(r->c);
    for (int i = 0; i < r->sample->n_in; i++)
        in[i] = r->in[i] == r->x ? tp_dual(tp_dual(r->x, r->vs, outer, 0), r->v, inner, 0) : r->in[i];
    tp_tensor *y = apply(r, in, NULL);
    results[0] = tp_tangent(y, outer, 0);
    results[1] = tp_tangent(y, inner, 0);
    results[2] = tp_is_nil(results[1]) ? results[1] : tp_tangent(results[1], outer, 0);
    tp_close_forward(r->c, outer);
    return 3;
}

static int jacobian(row *r, tp_tensor **results)
{
    results[0] = tp_jacobian(apply(r, r->in, NULL), r->x);
    return 1;
}

static const way ways[] = {
    {"value", value, false},
    {"backward", backward, true},
    {"second order", second_order, true},
    {"recorded forward", recorded_forward, true},
    {"streaming", streaming, true},
    {"jacobian", jacobian, true},
};

/* Fresh inputs, so that no try sees what another left. */
static void prepare(row *r, const way *w)
{
    const tp_sample *s = r->sample;
    r->x = NULL;
    for (int i = 0; i < s->n_in; i++) {
        r->in[i] = w->derivative ? tp_detach(s->in[i]) : tp_clone(s->in[i]);
        if (!w->derivative || !tp_dtype_is_float(tp_dtype_of(r->in[i]))) continue;
        tp_require_grad(r->in[i]);
        if (!r->x) r->x = r->in[i];
    }
    if (!r->x) return;
    tp_shape two = {.n = tp_rank(r->x) + 1, .v = {2}};
    for (int i = 1; i < two.n; i++) two.v[i] = tp_size(r->x, i - 1);
    r->v = tp_full(r->c, tp_shape_of(r->x), 0.5, TP_F64);
    r->vs = tp_full(r->c, two, -0.25, TP_F64);
}

static outcome inputs_of(const row *r)
{
    outcome o = {0};
    for (int i = 0; i < r->sample->n_in; i++) {
        outcome_add(&o, r->in[i]);
        if (tp_requires_grad(r->in[i])) outcome_add(&o, tp_grad_of(r->in[i]));
    }
    return o;
}

static outcome run(row *r, const way *w)
{
    tp_tensor *results[MOST_RESULTS];
    outcome o = {0};
    int n = w->run(r, results);
    for (int i = 0; i < n; i++) outcome_add(&o, results[i]);
    return o;
}

/* What must hold after the failure and after the next try. */
static void check_failure(row *r, const way *w, long at, tp_mark *scope, size_t held, const outcome *before,
                          const outcome *expected)
{
    EXPECT(tp_error(r->c) == TP_ERR_MEMORY, r->name, at, r->c);
    EXPECT(names_a_call(tp_error_text(r->c)), r->name, at, r->c);
    tp_close_scope(r->c, *scope);
    tp_clear(r->c);
    *scope = tp_open_scope(r->c);
    EXPECT(r->hook->books.bytes == held, r->name, at, r->c);
    outcome after = inputs_of(r);
    EXPECT(outcome_equal(before, &after), r->name, at, r->c);
    outcome again = run(r, w);
    EXPECT(outcome_equal(&again, expected), r->name, at, r->c);
}

/* False if the call takes fewer than `at` allocations. */
static bool fail_at(row *r, const way *w, long at, const outcome *expected)
{
    tp_tensor *results[MOST_RESULTS];
    size_t start = r->hook->books.bytes;
    tp_mark outer = tp_open_scope(r->c);
    prepare(r, w);
    outcome before = inputs_of(r);
    tp_mark scope = tp_open_scope(r->c);
    size_t held = r->hook->books.bytes;
    faulty_arm(r->hook, at);
    int n = w->run(r, results);
    bool refused = faulty_disarm(r->hook);
    for (int i = w->derivative ? n - 1 : 0; refused && i < n; i++) /* others may be of calls before */
        EXPECT(tp_is_nil(results[i]), r->name, at, r->c);
    if (refused) check_failure(r, w, at, &scope, held, &before, expected);
    EXPECT(tp_ok(r->c), r->name, at, r->c);
    tp_close_scope(r->c, outer);
    EXPECT(r->hook->books.bytes == start, r->name, at, r->c);
    return refused;
}

static void fail_each(row *r, const way *w)
{
    char name[128];
    snprintf(name, sizeof name, "%s, %s, %s%s", r->op->name, r->sample->kind, w->name,
             r->hook->rest ? ", all" : "");
    r->name = name;
    tp_mark scope = tp_open_scope(r->c);
    prepare(r, w);
    if (!w->derivative || r->x) {
        outcome expected = run(r, w);
        EXPECT(tp_ok(r->c), r->name, 0L, r->c);
        long at = 1;
        while (fail_at(r, w, at, &expected)) at++;
        *r->points += at - 1;
    }
    tp_close_scope(r->c, scope);
}

/* The samples of one op that were taken. */
typedef struct walk {
    row row;
    int taken;
    char kinds[2][32];
} walk;

static bool wanted(const walk *w, const tp_sample *s)
{
    if (strcmp(s->kind, "rank 2") != 0 && strcmp(s->kind, "broadcast") != 0) return false;
    for (int i = 0; i < w->taken; i++)
        if (strcmp(w->kinds[i], s->kind) == 0) return false;
    for (int i = 0; i < s->n_in; i++)
        if (tp_numel(s->in[i]) == 0) return false;
    return !(w->row.hook->rest && w->taken);
}

static void each_sample(const tp_sample *sample, void *user)
{
    walk *w = user;
    row *r = &w->row;
    if (!wanted(w, sample)) return;
    r->sample = sample;
    snprintf(w->kinds[w->taken++], sizeof w->kinds[0], "%s", sample->kind);
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++)
        if (!ways[k].derivative || !(r->op->rules->nodiff || r->op->in_place)) fail_each(r, &ways[k]);
}

static void test_rows(void **state)
{
    bool rest = *state != NULL;
    long points = 0;
    int samples = 0, rows = 0;
    for (const tp_op *op; (op = tp_op_at(rows)); rows++) {
        faulty hook;
        walk w = {.row = {.hook = &hook, .op = op, .points = &points}};
        w.row.c = faulty_open(&hook, rest);
        tp_op_samples(w.row.c, op, each_sample, &w);
        EXPECT(w.taken > 0, op->name, 0L, w.row.c);
        samples += w.taken;
        assert_int_equal(tp_close(w.row.c), 0);
        assert_int_equal(hook.books.blocks, 0);
    }
    print_message("%d rows, %d samples, %ld failure points%s\n", rows, samples, points,
                  rest ? ", with all after each" : "");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_rows),
    {"test_rows, all allocations from the n-th on", test_rows, NULL, NULL, &(int){1}},
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
