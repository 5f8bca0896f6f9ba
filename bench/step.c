/* step.c - training steps: forward, loss, backward and SGD of nets of Linear and ReLU, in microseconds, at
 * each level of instructions, with one thread and with two. The fastest of many steps is given, and of the
 * look at all gradients, for what is not finite, that tp_fit takes before it changes a weight. */
#include "base/pool.h"
#include "base/simd.h"

#include <taper/ext.h>
#include <taper/taper.h>

#include <math.h>
#include <stdio.h>
#include <time.h>

enum { MOST_LAYERS = 3, TURN = 5 }; /* TURN: steps before the other number of threads */
static const double net_time = 0.3; /* seconds for a net and a level */

typedef struct net {
    const char *name;
    int64_t batch;
    int layers;
    int64_t size[MOST_LAYERS + 1];
} net;

static const net nets[] = {{"2-3", 4, 1, {2, 3}},
                           {"30-50-2", 128, 2, {30, 50, 2}},
                           {"784-100-10", 64, 2, {784, 100, 10}},
                           {"784-512-512-10", 128, 3, {784, 512, 512, 10}}};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static tp_module *build(tp_context *c, const net *n)
{
    tp_module *m = tp_sequential(c);
    for (int i = 0; i < n->layers; i++) {
        if (i) tp_sequential_add(m, tp_relu_layer(c));
        tp_sequential_add(m, tp_linear(c, n->size[i], n->size[i + 1]));
    }
    return m;
}

/* Returns the time that looking at the gradients takes. */
static double step(tp_module *m, tp_tensor *x, tp_tensor *label)
{
    tp_context *c = tp_context_of(x);
    tp_mark scope = tp_open_scope(c);
    bool finite = true;
    tp_backward(tp_cross_entropy(tp_forward(m, x), label));
    double before = now();
    for (int i = tp_parameters(m) - 1; i >= 0; i--)
        finite = tp_all_finite(tp_grad_of(tp_parameter_at(m, i, NULL, 0))) && finite;
    double look = finite ? now() - before : NAN;
    for (int i = 0; i < tp_parameters(m); i++) {
        tp_tensor *w = tp_parameter_at(m, i, NULL, 0);
        tp_sgd_update(w, tp_grad_of(w), 1e-3);
        tp_zero_grad(w);
    }
    tp_close_scope(c, scope);
    return look;
}

/* The fastest step with one thread and with two, in turns; and the fastest look. */
static void time_of(tp_context *c, const net *n, double fastest[3])
{
    tp_mark scope = tp_open_scope(c);
    tp_module *m = build(c, n);
    tp_tensor *x = tp_uniform(c, TP_SHAPE(n->batch, n->size[0]), 0, 1, TP_F32);
    tp_tensor *label = tp_randint(c, 0, n->size[n->layers], TP_SHAPE(n->batch), TP_I64);
    fastest[0] = fastest[1] = fastest[2] = 1e30;
    for (double start = now(); now() - start < net_time * 1e6 || fastest[1] == 1e30;)
        for (int i = 0; i < 2; i++) {
            tp_set_threads(i + 1);
            for (int turn = 0; turn < TURN; turn++) {
                double before = now(), look = step(m, x, label), time = now() - before;
                if (time < fastest[i]) fastest[i] = time;
                if (look < fastest[2]) fastest[2] = look;
            }
        }
    tp_close_scope(c, scope);
}

int main(void)
{
    tp_context *c = tp_open(NULL);
    if (!c) return 1;
    printf("%-16s %6s %-9s %12s %12s %9s %5s   (%d CPUs)\n", "net", "batch", "level", "us 1 thread",
           "2 threads", "the look", "%", tp_usable_cpus());
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        for (int level = (int)tp_simd_widest(); level >= 0; level--) {
            tp_simd_use((tp_simd)level);
            double time[3];
            time_of(c, &nets[i], time);
            printf("%-16s %6d %-9s %12.1f %12.1f %9.1f %5.2f\n", nets[i].name, (int)nets[i].batch,
                   tp_simd_level(), time[0], time[1], time[2], 100 * time[2] / time[0]);
        }
    }
    if (!tp_ok(c)) fprintf(stderr, "%s\n", tp_error_text(c));
    return tp_close(c);
}
