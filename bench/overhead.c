/* overhead.c - what a call costs besides its kernel: recording, dispatch and release of an op, and one
 * training step of a small net. The fastest of many rounds is given. */
#include <taper/taper.h>

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 1000, CALLS = 1000, WARM_UP = 1000000 /* microseconds until the clock rate has settled */ };

/* What the timed functions work on. */
typedef struct bench {
    tp_context *c;
    tp_tensor *a, *b;           /* [4], a with a gradient */
    tp_tensor *x, *y, *w1, *w2; /* a net 2-3-1 on 4 samples */
} bench;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void report(const char *name, double microseconds) { printf("%-52s %8.4f us\n", name, microseconds); }

/* Microseconds per call of `round`, which makes CALLS of them. */
static double best(void (*round)(bench *s), bench *s)
{
    double fastest = 1e30;
    for (int r = 0; r < ROUNDS; r++) {
        double start = now();
        round(s);
        double time = now() - start;
        if (time < fastest) fastest = time;
    }
    return fastest / CALLS;
}

static volatile float sink[4];

static void bare_add(bench *s)
{
    const volatile float *x = tp_data(s->a), *y = tp_data(s->b);
    for (int i = 0; i < CALLS; i++)
        for (int k = 0; k < 4; k++) sink[k] = x[k] + y[k];
}

static void scopes(bench *s)
{
    for (int i = 0; i < CALLS; i++) tp_close_scope(s->c, tp_open_scope(s->c));
}

/* CALLS recorded additions, released after every `length` of them. */
static void chains(bench *s, int length)
{
    for (int i = 0; i < CALLS; i += length) {
        tp_mark scope = tp_open_scope(s->c);
        tp_tensor *sum = s->a;
        for (int k = 0; k < length; k++) sum = tp_add(sum, s->b);
        tp_close_scope(s->c, scope);
    }
}

/* A step of a net records some tens of calls; a thousand leave the nearest cache. */
static void short_chains(bench *s) { chains(s, 20); }

static void long_chain(bench *s) { chains(s, CALLS); }

static void train(bench *s)
{
    for (int i = 0; i < CALLS; i++) {
        tp_mark scope = tp_open_scope(s->c);
        tp_tensor *error = tp_sub(tp_matmul(tp_relu(tp_matmul(s->x, s->w1)), s->w2), s->y);
        tp_backward(tp_sum(tp_mul(error, error), TP_ALL, false));
        tp_sgd_update(s->w1, tp_grad_of(s->w1), 1e-3);
        tp_sgd_update(s->w2, tp_grad_of(s->w2), 1e-3);
        tp_zero_grad(s->w1);
        tp_zero_grad(s->w2);
        tp_close_scope(s->c, scope);
    }
}

int main(void)
{
    tp_context *c = tp_open(NULL);
    if (!c) return 1;
    bench s = {.c = c,
               .a = tp_require_grad(tp_ones(c, TP_SHAPE(4), TP_F32)),
               .b = tp_ones(c, TP_SHAPE(4), TP_F32),
               .x = tp_from_array(c, TP_SHAPE(4, 2), TP_F32, (float[]){0, 0, 0, 1, 1, 0, 1, 1}),
               .y = tp_from_array(c, TP_SHAPE(4, 1), TP_F32, (float[]){0, 1, 0, 1}),
               .w1 = tp_require_grad(tp_uniform(c, TP_SHAPE(2, 3), -1, 1, TP_F32)),
               .w2 = tp_require_grad(tp_uniform(c, TP_SHAPE(3, 1), -1, 1, TP_F32))};
    for (double start = now(); now() - start < WARM_UP;) short_chains(&s);
    double bare = best(bare_add, &s), add = best(short_chains, &s);
    report("loop over 4 floats", bare);
    report("scope opened and closed", best(scopes, &s));
    report("add of 4 floats, recorded and released, 20 a step", add);
    report("the same, 1000 a step", best(long_chain, &s));
    report("overhead of a recorded op over its kernel", add - bare);
    report("forward, backward, update of a net 2-3-1", best(train, &s));
    if (!tp_ok(c)) fprintf(stderr, "%s\n", tp_error_text(c));
    return tp_close(c);
}
