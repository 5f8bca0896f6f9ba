/* kernels.c - every kernel by itself at three sizes and each level of instructions: microseconds and GB/s, a
 * byte read or written once. The fastest of several rounds is given. */
#include "base/simd.h"

#include <taper/ext.h>
#include <taper/taper.h>

#include <stdio.h>
#include <time.h>

enum { COLUMNS = 64, SIZES = 3 };
static const int64_t sizes[SIZES] = {1 << 8, 1 << 14, 1 << 19}; /* elements, in rows of COLUMNS */
static const double kernel_time = 4e-3, round_time = 2e-5;      /* seconds: for a size, for a round */

typedef tp_tensor *unary_fn(tp_tensor *x);

typedef struct kernel {
    const char *name;
    unary_fn *run;
    double moved; /* how many times the bytes of x are read or written */
} kernel;

/* Kernels of x alone. */
static tp_tensor *gelu(tp_tensor *x) { return tp_gelu(x, false); }
static tp_tensor *gelu_tanh(tp_tensor *x) { return tp_gelu(x, true); }
static tp_tensor *add(tp_tensor *x) { return tp_add(x, x); }
static tp_tensor *power(tp_tensor *x) { return tp_pow(x, x); }
static tp_tensor *softmax(tp_tensor *x) { return tp_softmax(x, -1); }
static tp_tensor *softmax_down(tp_tensor *x) { return tp_softmax(x, 0); }
static tp_tensor *log_softmax(tp_tensor *x) { return tp_log_softmax(x, -1); }

/* Reductions of all elements, of rows, whose elements lie one after another, and of columns. */
#define REDUCTION(name, ...)                                                                       \
    static tp_tensor *name##_all(tp_tensor *x) { return tp_##name(x, TP_ALL, __VA_ARGS__); }       \
    static tp_tensor *name##_rows(tp_tensor *x) { return tp_##name(x, TP_AXES(-1), __VA_ARGS__); } \
    static tp_tensor *name##_columns(tp_tensor *x) { return tp_##name(x, TP_AXES(0), __VA_ARGS__); }
REDUCTION(sum, false)
REDUCTION(mean, false)
REDUCTION(max, false)
REDUCTION(argmax, false)
REDUCTION(variance, 1, false)
REDUCTION(logsumexp, false)

#define UNARY(name)         \
    {                       \
#name, tp_##name, 2 \
    }
#define REDUCTIONS(name) \
    {#name, name##_all, 1}, {#name " rows", name##_rows, 1}, { #name " columns", name##_columns, 1 }

static const kernel kernels[] = {{"add", add, 2},
                                 UNARY(neg),
                                 UNARY(relu),
                                 UNARY(exp),
                                 UNARY(expm1),
                                 UNARY(log),
                                 UNARY(log1p),
                                 UNARY(sqrt),
                                 UNARY(sin),
                                 UNARY(cos),
                                 UNARY(tan),
                                 UNARY(asin),
                                 UNARY(acos),
                                 UNARY(atan),
                                 UNARY(sinh),
                                 UNARY(cosh),
                                 UNARY(tanh),
                                 UNARY(sigmoid),
                                 UNARY(log_sigmoid),
                                 UNARY(softplus),
                                 UNARY(silu),
                                 UNARY(mish),
                                 UNARY(erf),
                                 UNARY(erfc),
                                 {"gelu", gelu, 2},
                                 {"gelu tanh", gelu_tanh, 2},
                                 {"pow", power, 2},
                                 REDUCTIONS(sum),
                                 REDUCTIONS(mean),
                                 REDUCTIONS(max),
                                 REDUCTIONS(argmax),
                                 REDUCTIONS(variance),
                                 REDUCTIONS(logsumexp),
                                 {"softmax", softmax, 2},
                                 {"softmax columns", softmax_down, 2},
                                 {"log_softmax", log_softmax, 2}};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Seconds for a call: rounds are short, so that some run undisturbed. */
static double time_of(const kernel *k, tp_tensor *x)
{
    tp_context *c = tp_context_of(x);
    double fastest = 1e30;
    for (double end = now() + kernel_time; now() < end || fastest == 1e30;) {
        int calls = 0;
        double start = now(), time = 0;
        for (; time < round_time; calls++, time = now() - start) {
            tp_mark scope = tp_open_scope(c);
            k->run(x);
            tp_close_scope(c, scope);
        }
        if (time / calls < fastest) fastest = time / calls;
    }
    return fastest;
}

static void row(tp_tensor *const *x, const kernel *k)
{
    for (int level = 0; level <= (int)tp_simd_widest(); level++) {
        tp_simd_use((tp_simd)level);
        printf("%-18s %-9s", k->name, tp_simd_level());
        for (int i = 0; i < SIZES; i++) {
            double time = time_of(k, x[i]);
            printf(" %10.2f %6.2f", time * 1e6, k->moved * (double)sizes[i] * sizeof(float) * 1e-9 / time);
        }
        printf("\n");
    }
}

int main(void)
{
    tp_context *c = tp_open(NULL);
    tp_tensor *x[SIZES];
    if (!c) return 1;
    printf("f32, rows of %d\n%-18s %-9s", COLUMNS, "kernel", "level");
    for (int i = 0; i < SIZES; i++) {
        x[i] = tp_uniform(c, TP_SHAPE(sizes[i] / COLUMNS, COLUMNS), 0.1, 0.9, TP_F32);
        printf(" %7lld us   GB/s", (long long)sizes[i]);
    }
    printf("\n");
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) row(x, &kernels[i]);
    if (!tp_ok(c)) fprintf(stderr, "%s\n", tp_error_text(c));
    return tp_close(c);
}
