/* gemm.c - products of matrices of training steps, in GFLOP/s at each level of instructions: x w, dy w^T and
 * x^T dy for a layer with `in` inputs and `out` outputs. The fastest of many rounds is given. */
#include "base/simd.h"

#include <taper/ext.h>
#include <taper/taper.h>

#include <stdio.h>
#include <time.h>

static const double round_time = 1e-4, product_time = 0.04; /* seconds */

typedef struct layer {
    int64_t batch, in, out;
} layer;

static const layer layers[] = {{64, 784, 100}, {64, 100, 10},    {128, 30, 50},   {128, 50, 1},
                               {1, 784, 100},  {64, 784, 128},   {128, 784, 512}, {128, 512, 512},
                               {128, 512, 10}, {256, 1024, 1024}};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Seconds for a b: rounds are short, so that some run undisturbed. */
static double time_of(tp_tensor *a, tp_tensor *b)
{
    tp_context *c = tp_context_of(a);
    double fastest = 1e30;
    for (double end = now() + product_time; now() < end || fastest == 1e30;) {
        int calls = 0;
        double start = now(), time = 0;
        while (time < round_time) {
            tp_mark scope = tp_open_scope(c);
            tp_matmul(a, b);
            tp_close_scope(c, scope);
            calls++;
            time = now() - start;
        }
        if (time / calls < fastest) fastest = time / calls;
    }
    return fastest;
}

static void row(tp_context *c, layer l)
{
    tp_mark scope = tp_open_scope(c);
    tp_tensor *x = tp_uniform(c, TP_SHAPE(l.batch, l.in), -1, 1, TP_F32);
    tp_tensor *w = tp_uniform(c, TP_SHAPE(l.in, l.out), -1, 1, TP_F32);
    tp_tensor *dy = tp_uniform(c, TP_SHAPE(l.batch, l.out), -1, 1, TP_F32);
    double work = 2e-9 * (double)(l.batch * l.in * l.out);
    printf("%-9s %4lld %4lld %4lld", tp_simd_level(), (long long)l.batch, (long long)l.in, (long long)l.out);
    printf(" %10.2f", work / time_of(x, w));
    printf(" %10.2f", work / time_of(dy, tp_transpose(w, 0, 1)));
    printf(" %10.2f\n", work / time_of(tp_transpose(x, 0, 1), dy));
    tp_close_scope(c, scope);
}

int main(void)
{
    tp_context *c = tp_open(NULL);
    if (!c) return 1;
    printf("%-9s %4s %4s %4s %10s %10s %10s   GFLOP/s\n", "level", "n", "in", "out", "x w", "dy w^T",
           "x^T dy");
    for (int level = (int)tp_simd_widest(); level >= 0; level--) {
        tp_simd_use((tp_simd)level);
        for (size_t i = 0; i < sizeof layers / sizeof *layers && (level || i < 3); i++) row(c, layers[i]);
    }
    return tp_close(c);
}
