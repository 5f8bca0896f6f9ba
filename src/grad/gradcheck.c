/* gradcheck.c - a user's function checked three ways: reverse, forward, and by quotients of differences. */
#include "grad/sweep.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { HALVINGS = 8, DIRECTIONS = 64 };

typedef struct gradcheck {
    tp_context *c;
    tp_gradcheck_fn *f;
    void *user;
    int n;
    tp_tensor *const *xs;
    tp_gradcheck_options o;
    uint64_t counter; /* of the random stream, the same for every call of f */
    double value;     /* f(xs) */
    const char *no_forward;
} gradcheck;

/* --- the function --- */

static tp_tensor *result_of(gradcheck *g)
{
    tp_set_random_counter(g->c, g->counter);
    tp_tensor *y = g->f(g->c, g->xs, g->user);
    if (!tp_tensor_usable(g->c, y, "tp_gradcheck", "f's result")) return tp_nil(g->c);
    if (tp_numel(y) == 1 && tp_dtype_of(y) == TP_F64) return y;
    tp_fail(g->c, TP_ERR_SHAPE, "tp_gradcheck: f must return one element in f64, got %lld in %s",
            (long long)tp_numel(y), tp_dtype_name(tp_dtype_of(y)));
    return tp_nil(g->c);
}

static double value_of(gradcheck *g)
{
    tp_mark scope = tp_open_no_grad(g->c);
    tp_tensor *y = result_of(g);
    double value = tp_is_nil(y) ? NAN : tp_item(y);
    tp_close_scope(g->c, scope);
    return value;
}

/* Where element k, counted row-major, of a tensor lies. */
static double *element(tp_tensor *x, int64_t k)
{
    double *at = tp_data_mut(x);
    for (int i = x->rank - 1; i >= 0 && at; i--) {
        at += k % x->size[i] * x->stride[i];
        k /= x->size[i];
    }
    return at;
}

/* f with element k of x at another value; *at is NULL after a failure. */
static double value_at(gradcheck *g, tp_tensor *x, int64_t k, double moved)
{
    double *at = element(x, k);
    if (!at) return NAN;
    double kept = *at;
    *at = moved;
    double value = value_of(g);
    *at = kept;
    return value;
}

/* --- two ways --- */

/* The gradient of x, from y, for `count` elements from `first`, forward. */
static void push_units(tp_tensor *y, tp_tensor *x, int64_t first, int64_t count, double *out)
{
    tp_context *c = tp_context_of(y);
    tp_mark scope = tp_open_scope(c);
    tp_shape shape = {.n = x->rank + 1, .v = {count}};
    for (int i = 0; i < x->rank; i++) shape.v[i + 1] = x->size[i];
    tp_tensor *units = tp_spread_axis(tp_eye(c, count, TP_F64), -1, tp_numel(x), first, 1);
    tp_tensor *t = tp_jvp(y, x, tp_reshape(units, shape));
    if (tp_ok(c)) tp_read_doubles(t, out, count);
    tp_close_scope(c, scope);
}

/* The name of what y came through that has no forward mode; NULL if there is no such call. */
static const char *without_forward(tp_tensor *y)
{
    const char *name = NULL;
    if (!tp_mark_ancestors(y, "tp_gradcheck")) return NULL;
    for (tp_node *node = tp_node_of(y); node && !name; node = node->prev)
        if (node->visited) name = tp_forwardless(node);
    tp_unmark(y);
    return name;
}

/* Gradients by reverse and forward, those of all tensors in a row. */
static void derive(gradcheck *g, tp_tensor **handles, double *reverse, double *forward)
{
    tp_mark scope = tp_open_scope(g->c);
    g->c->grad_enabled = true; /* closing the scope restores it */
    tp_tensor *y = result_of(g);
    bool depends = tp_has_history(y);
    g->no_forward = tp_ok(g->c) ? without_forward(y) : NULL;
    if (depends) tp_grads_with(y, g->n, g->xs, handles, NULL);
    for (int i = 0; depends && tp_ok(g->c) && i < g->n; i++) {
        int64_t n = tp_numel(g->xs[i]);
        tp_read_doubles(handles[i], reverse, n);
        for (int64_t k = 0; k < n && !g->no_forward; k += DIRECTIONS)
            push_units(y, g->xs[i], k, n - k < DIRECTIONS ? n - k : DIRECTIONS, forward + k);
        reverse += n;
        forward += n;
    }
    tp_close_scope(g->c, scope);
}

/* --- the third, and the verdict --- */

/* What the quotient itself cannot resolve at step h. */
static double resolution(const gradcheck *g, double h)
{
    return 10 * DBL_EPSILON * fmax(1, fabs(g->value)) / h;
}

static double relative(const gradcheck *g, double a, double b, double h)
{
    double d = fabs(a - b), sum = fabs(a) + fabs(b), resolved = resolution(g, h);
    if (d <= resolved && resolved >= g->o.tolerance * sum) return 0; /* too small to be told apart */
    return isnan(d) ? INFINITY : d / sum;
}

/* Judges one element and puts it into the result. */
static void judge(gradcheck *g, tp_tensor *x, int64_t k, double reverse, double forward,
                  tp_gradcheck_result *r)
{
    double at = *element(x, k), h = g->o.step * fmax(1, fabs(at)), quotient = 0, worst = 0;
    bool kink = true;
    for (int i = 0; kink && i <= HALVINGS && tp_ok(g->c); i++, h /= 2) {
        double up = value_at(g, x, k, at + h), down = value_at(g, x, k, at - h);
        double right = (up - g->value) / h, left = (g->value - down) / h;
        quotient = (up - down) / (2 * h);
        worst = fmax(relative(g, reverse, quotient, h), relative(g, reverse, forward, h));
        worst = fmax(worst, relative(g, forward, quotient, h));
        kink = worst > g->o.tolerance &&
               fabs(right - left) > 100 * g->o.tolerance * (fabs(right) + fabs(left)) &&
               fabs(right - left) > resolution(g, h);
    }
    r->kinks += kink;
    if (kink) return;
    r->wrong += worst > g->o.tolerance;
    if (worst <= r->worst && r->at >= 0) return;
    r->worst = worst;
    r->at = k;
    r->reverse = reverse;
    r->forward = forward;
    r->numerical = quotient;
}

static bool compare(gradcheck *g, const double *reverse, const double *forward, tp_gradcheck_result *results)
{
    int64_t kinks = 0, all = 0, wrong = 0;
    g->value = value_of(g);
    for (int i = 0; i < g->n; i++) {
        tp_gradcheck_result r = {.numel = tp_numel(g->xs[i]), .at = -1, .no_forward = g->no_forward};
        for (int64_t k = 0; k < r.numel && tp_ok(g->c); k++, reverse++, forward++)
            judge(g, g->xs[i], k, *reverse, g->no_forward ? *reverse : *forward, &r);
        kinks += r.kinks;
        wrong += r.wrong;
        all += r.numel;
        if (results) results[i] = r;
    }
    return tp_ok(g->c) && wrong == 0 && kinks * 100 <= all;
}

/* --- the call --- */

static bool usable(tp_context *c, tp_tensor *x)
{
    if (!tp_tensor_usable(c, x, "tp_gradcheck", "xs")) return false;
    bool shared = false;
    for (int i = 0; i < x->rank; i++) shared = shared || (x->stride[i] == 0 && x->size[i] > 1);
    const char *why = x->dtype != TP_F64       ? "takes f64; differences need all its digits"
                      : x->node || x->leaf     ? "takes leaves, got a tensor with a history"
                      : x->read_only || shared ? "writes to its elements, which are read-only or shared"
                                               : NULL;
    if (why) tp_fail(c, TP_ERR_ARGUMENT, "tp_gradcheck: %s", why);
    return !why;
}

/* Makes leaves of all xs, remembering in `was` which were. */
static void make_leaves(int n, tp_tensor *const *xs, bool *was)
{
    for (int i = 0; i < n; i++) was[i] = xs[i]->requires_grad;
    for (int i = 0; i < n; i++) xs[i]->requires_grad = true;
}

bool tp_gradcheck_with(tp_context *c, tp_gradcheck_fn *f, void *user, int n, tp_tensor *const *xs,
                       tp_gradcheck_result *results, const tp_gradcheck_options *options)
{
    int64_t all = 0;
    for (int i = 0; results && i < n; i++) results[i] = (tp_gradcheck_result){.at = -1};
    for (int i = 0; i < n; i++) {
        if (!tp_ok(c) || !usable(c, xs[i])) return false;
        all += tp_numel(xs[i]);
    }
    if (!tp_ok(c)) return false;
    gradcheck g = {.c = c, .f = f, .user = user, .n = n, .xs = xs, .counter = tp_random_counter(c)};
    if (options) g.o = *options;
    if (g.o.step == 0) g.o.step = 1e-5;
    if (g.o.tolerance == 0) g.o.tolerance = 1e-6;
    size_t doubles = 2 * (size_t)all * sizeof(double);
    size_t bytes = doubles + (size_t)n * (sizeof(tp_tensor *) + sizeof(bool));
    double *reverse = tp_alloc(c, bytes);
    if (!reverse) return false;
    memset(reverse, 0, bytes);
    tp_tensor **handles = (tp_tensor **)(void *)((char *)reverse + doubles);
    bool *was = (bool *)(handles + n);
    make_leaves(n, xs, was);
    derive(&g, handles, reverse, reverse + all);
    bool right = tp_ok(c) && compare(&g, reverse, reverse + all, results);
    for (int i = 0; i < n; i++) xs[i]->requires_grad = was[i];
    tp_set_random_counter(c, g.counter);
    tp_free(c, reverse, bytes);
    return right;
}
