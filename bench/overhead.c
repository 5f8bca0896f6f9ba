/* overhead.c - what a call costs besides its kernel: recording, dispatch and release of an op, and a training step of a
 * small net.
 *
 * The add of 4 floats with its gradient recorded is timed against the bare loop over the same 4 floats. */
#include <taper/taper.h>

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 200, BATCH = 1000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* Median-free and robust: the fastest of many rounds, in microseconds per call. */
static double best(double (*round)(tp_context *c, tp_tensor *a, tp_tensor *b), tp_context *c, tp_tensor *a, tp_tensor *b)
{
    double fastest = 1e30;
    for (int r = 0; r < ROUNDS; r++) {
        double time = round(c, a, b);
        if (time < fastest) fastest = time;
    }
    return fastest / BATCH;
}

static double recorded_add(tp_context *c, tp_tensor *a, tp_tensor *b)
{
    double start = now();
    for (int i = 0; i < BATCH; i++) {
        tp_mark scope = tp_open_scope(c);
        tp_add(a, b);
        tp_close_scope(c, scope);
    }
    return now() - start;
}

static double empty_scope(tp_context *c, tp_tensor *a, tp_tensor *b)
{
    (void)a, (void)b;
    double start = now();
    for (int i = 0; i < BATCH; i++) tp_close_scope(c, tp_open_scope(c));
    return now() - start;
}

static double bare_add(tp_context *c, tp_tensor *a, tp_tensor *b)
{
    (void)c;
    const volatile float *x = tp_data(a), *y = tp_data(b);
    volatile float        z[4];
    double                start = now();
    for (int i = 0; i < BATCH; i++)
        for (int k = 0; k < 4; k++) z[k] = x[k] + y[k];
    return now() - start;
}

static double chain_add(tp_context *c, tp_tensor *a, tp_tensor *b)
{
    double  start = now();
    tp_mark scope = tp_open_scope(c);
    for (int i = 0; i < BATCH; i++) a = tp_add(a, b);
    tp_close_scope(c, scope);
    return now() - start;
}

int main(void)
{
    tp_context *c = tp_open(NULL);
    if (!c) return 1;
    tp_tensor *a = tp_require_grad(tp_ones(c, TP_SHAPE(4), TP_F32)), *b = tp_ones(c, TP_SHAPE(4), TP_F32);
    double bare = best(bare_add, c, a, b), scope = best(empty_scope, c, a, b), add = best(recorded_add, c, a, b);
    double chain = best(chain_add, c, a, b);
    printf("%-44s %8.4f us\n", "loop over 4 floats", bare);
    printf("%-44s %8.4f us\n", "scope opened and closed", scope);
    printf("%-44s %8.4f us\n", "add of 4 floats, recorded and released", chain);
    printf("%-44s %8.4f us\n", "the same, a scope around each", add);
    printf("%-44s %8.4f us\n", "overhead of a recorded op over its kernel", chain - bare);
    return tp_close(c);
}
