/* step.c - training steps: forward, loss, backward and SGD of small nets, in microseconds, beside the
 * products of matrices that they hold: by Taper's kernel, and by the fastest for each product of it and of
 * the libraries that are installed. Also a step with two threads, and by how much a step becomes longer, in
 * percent, where all gradients are looked at for what is not finite, as tp_fit does before it changes a
 * weight: that is the median over pairs of steps with and without, one after another. Of all else the fastest
 * of many rounds is given; TAPER_SIMD sets the level. */
#include "base/pool.h"
#include "tensor/kernel.h"

#include <taper/taper.h>

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_LAYERS = 3, MOST_PRODUCTS = 3 * MOST_LAYERS, LIBRARIES = 3, TURN = 5, PAIRS = 301 };
static const double net_time = 0.6; /* seconds */

typedef struct net {
    const char *name;
    int64_t batch;
    bool sigmoid; /* and a loss of two classes; else ReLU and cross-entropy */
    int layers;
    int64_t size[MOST_LAYERS + 1];
} net;

static const net nets[] = {{"2-3", 4, false, 1, {2, 3}},
                           {"30-50-1", 128, true, 2, {30, 50, 1}},
                           {"784-100-10", 64, false, 2, {784, 100, 10}},
                           {"784-512-512-10", 128, false, 3, {784, 512, 512, 10}}};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void least(double *fastest, double time)
{
    if (time < *fastest) *fastest = time;
}

/* --- steps --- */

typedef struct training {
    tp_context *c;
    tp_module *m, *criterion;
    tp_optimizer *opt;
    tp_tensor *x, *target;
} training;

static training training_of(tp_context *c, const net *n)
{
    training t = {.c = c, .m = tp_sequential(c)};
    for (int i = 0; i < n->layers; i++) {
        if (i) tp_sequential_add(t.m, n->sigmoid ? tp_sigmoid_layer(c) : tp_relu_layer(c));
        tp_sequential_add(t.m, tp_linear(c, n->size[i], n->size[i + 1]));
    }
    t.opt = tp_sgd(t.m, .lr = 1e-3);
    t.x = tp_uniform(c, TP_SHAPE(n->batch, n->size[0]), 0, 1, TP_F32);
    t.target = n->sigmoid ? tp_bernoulli(tp_full(c, TP_SHAPE(n->batch, 1), 0.5, TP_F32))
                          : tp_randint(c, 0, n->size[n->layers], TP_SHAPE(n->batch), TP_I64);
    t.criterion = n->sigmoid ? tp_bce_with_logits_criterion(c) : tp_cross_entropy_criterion(c);
    return t;
}

/* The time of a step, with a look at the gradients or without. */
static double step(const training *t, bool look)
{
    double start = now();
    tp_mark scope = tp_open_scope(t->c);
    tp_backward(tp_loss(t->criterion, tp_forward(t->m, t->x), t->target));
    for (int i = look ? tp_parameters(t->m) - 1 : -1; i >= 0; i--)
        if (!tp_all_finite(tp_grad_of(tp_parameter_at(t->m, i, NULL, 0)))) abort();
    tp_optimizer_step(t->opt);
    tp_close_scope(t->c, scope);
    return now() - start;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Percent by which a look makes a step longer. Which of a pair is first changes, as the first may pay for
 * what was before. */
static double look_share(const training *t)
{
    double more[PAIRS], one[PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        double first = step(t, i % 2), second = step(t, i % 2 == 0);
        one[i] = i % 2 ? second : first;
        more[i] = i % 2 ? first - second : second - first;
    }
    qsort(more, PAIRS, sizeof *more, by_size);
    qsort(one, PAIRS, sizeof *one, by_size);
    return 100 * more[PAIRS / 2] / one[PAIRS / 2];
}

/* --- products --- */

/* The interfaces of the libraries: the usual one for C, and oneDNN's. */
enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 };
typedef void cblas_fn(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                      int lda, const float *b, int ldb, float beta, float *y, int ldy);
typedef int dnnl_fn(char trans_a, char trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                    int64_t lda, const float *b, int64_t ldb, float beta, float *y, int64_t ldy);

static struct library {
    const char *file;
    cblas_fn *cblas;
    dnnl_fn *dnnl;
} libraries[LIBRARIES] = {{.file = "libopenblas.so.0"}, {.file = "libblis.so.4"}, {.file = "libdnnl.so.2"}};

/* y = A B; A or B may be stored with rows and columns exchanged. */
typedef struct product {
    int64_t m, n, k;
    bool turned_a, turned_b;
    float *a, *b, *y;
    tp_call call;
    tp_array in[2], out; /* the same, as Taper sees them */
    double fastest[1 + LIBRARIES];
} product;

static void open_libraries(void)
{
    static const char *const threads[] = {"OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "OMP_NUM_THREADS"};
    for (int i = 0; i < 3; i++) setenv(threads[i], "1", 1);
    if (strcmp(tp_simd_level(), "avx512") == 0) setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 0);
    for (struct library *l = libraries; l < libraries + LIBRARIES; l++) {
        void *library = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);
        if (!library) continue;
        *(void **)&l->cblas = dlsym(library, "cblas_sgemm");
        *(void **)&l->dnnl = dlsym(library, "dnnl_sgemm");
    }
}

static void taper_product(const product *p)
{
    static tp_kernel_fn *kernel;
    if (!kernel) kernel = tp_cpu_kernel("matmul_2d");
    if (!kernel || !kernel(&p->call, p->in, &p->out)) abort();
}

/* By Taper where i is 0, else by a library; false if it is not there. */
static bool multiply(const product *p, int i)
{
    const struct library *l = &libraries[i ? i - 1 : 0];
    const int m = (int)p->m, n = (int)p->n, k = (int)p->k;
    const int lda = p->turned_a ? m : k, ldb = p->turned_b ? k : n;
    if (i == 0)
        taper_product(p);
    else if (l->dnnl)
        l->dnnl(p->turned_a ? 'T' : 'N', p->turned_b ? 'T' : 'N', m, n, k, 1, p->a, lda, p->b, ldb, 0, p->y,
                n);
    else if (l->cblas)
        l->cblas(ROW_MAJOR, p->turned_a ? TRANSPOSED : AS_IT_IS, p->turned_b ? TRANSPOSED : AS_IT_IS, m, n, k,
                 1, p->a, lda, p->b, ldb, 0, p->y, n);
    return i == 0 || l->dnnl || l->cblas;
}

/* Rounds are of so many products that the clock does not count. */
static void time_product(product *p)
{
    const double round = 20;
    for (int i = 0; i <= LIBRARIES; i++) {
        if (!multiply(p, i)) continue; /* the first finds the caches full of other things */
        int calls = 0;
        double start = now(), time = 0;
        for (int next = 1; time < round; next *= 2) {
            for (int k = 0; k < next; k++) multiply(p, i);
            calls += next;
            time = now() - start;
        }
        least(&p->fastest[i], time / calls);
    }
}

static tp_array array(tp_context *c, int64_t rows, int64_t columns, bool turned)
{
    return (tp_array){.data = tp_data_mut(tp_uniform(c, TP_SHAPE(rows, columns), -1, 1, TP_F32)),
                      .dtype = TP_F32,
                      .rank = 2,
                      .size = {rows, columns},
                      .stride = {turned ? 1 : columns, turned ? rows : 1}};
}

static product product_of(tp_context *c, int64_t m, int64_t n, int64_t k, bool turned_a, bool turned_b)
{
    product p = {.m = m, .n = n, .k = k, .turned_a = turned_a, .turned_b = turned_b, .call = {.context = c}};
    p.in[0] = array(c, m, k, turned_a);
    p.in[1] = array(c, k, n, turned_b);
    p.out = array(c, m, n, false);
    p.a = p.in[0].data;
    p.b = p.in[1].data;
    p.y = p.out.data;
    for (int i = 0; i <= LIBRARIES; i++) p.fastest[i] = INFINITY;
    return p;
}

/* X W and X^T dY of every layer, dY W^T of all but the first; returns how many. */
static int products_of(tp_context *c, const net *n, product *p)
{
    int count = 0;
    for (int i = 0; i < n->layers; i++) {
        const int64_t batch = n->batch, in = n->size[i], out = n->size[i + 1];
        p[count++] = product_of(c, batch, out, in, false, false);
        p[count++] = product_of(c, in, out, batch, true, false);
        if (i) p[count++] = product_of(c, batch, in, out, false, true);
    }
    return count;
}

/* --- all --- */

static void row(tp_context *c, const net *n)
{
    tp_mark scope = tp_open_scope(c);
    const training t = training_of(c, n);
    product p[MOST_PRODUCTS];
    const int count = products_of(c, n, p);
    double one = INFINITY, two = INFINITY, ours = 0, best = 0, look = look_share(&t);
    for (double start = now(); now() - start < net_time * 1e6 || one == INFINITY;) {
        for (int turn = 0; turn < TURN; turn++) least(&one, step(&t, false));
        for (int i = 0; i < count; i++) time_product(&p[i]);
        tp_set_threads(2);
        for (int turn = 0; turn < TURN; turn++) least(&two, step(&t, false));
        tp_set_threads(1);
    }
    for (int i = 0; i < count; i++) {
        double fastest = INFINITY;
        for (int k = 0; k <= LIBRARIES; k++) least(&fastest, p[i].fastest[k]);
        ours += p[i].fastest[0];
        best += fastest;
    }
    printf("%-16s %5d %9.1f %9.1f %9.1f %9.1f %9.2f %9.2f %7.2f %%\n", n->name, (int)n->batch, one, two, ours,
           best, one / ours, one / best, look);
    tp_close_scope(c, scope);
}

int main(void)
{
    tp_context *c = tp_open(NULL);
    if (!c) return 1;
    tp_set_threads(1);
    open_libraries();
    printf("%-16s %5s %9s %9s %9s %9s %9s %9s %9s   (%s, %d CPUs; us)\n", "net", "batch", "step", "2 threads",
           "products", "fastest", "ratio", "ratio", "look", tp_simd_level(), tp_usable_cpus());
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) row(c, &nets[i]);
    if (!tp_ok(c)) fprintf(stderr, "%s\n", tp_error_text(c));
    return tp_close(c);
}
