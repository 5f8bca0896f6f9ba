/* gemm.c - a server that times one library's products of f32 matrices, for bench/gemm.py:
 *
 *     gemm taper | LIBRARY.so
 *
 * Each line of stdin, "m n k a b seconds", is answered with the seconds that the fastest y = A B took in as
 * many rounds as fit into that time; A is [m,k], B is [k,n], and stored with rows and columns exchanged where
 * a or b is 1. "peak" is answered with the multiply-adds of f32 per second that all threads reach in
 * registers. */
#include "base/pool.h"
#include "base/simd.h"
#include "tensor/kernel.h"

#include <taper/ext.h>
#include <taper/taper.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct product {
    int64_t m, n, k;
    bool transposed_a, transposed_b;
    float *a, *b, *y;
    tp_array in[2], out; /* the same, as Taper sees them */
} product;

/* The interfaces of the libraries: the usual one for C, and oneDNN's. */
enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 };
typedef void cblas_fn(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                      int lda, const float *b, int ldb, float beta, float *y, int ldy);
typedef int dnnl_fn(char trans_a, char trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                    int64_t lda, const float *b, int64_t ldb, float beta, float *y, int64_t ldy);

static cblas_fn *cblas;
static dnnl_fn *dnnl;
static tp_context *context; /* of Taper, where that is measured */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* --- products --- */

static tp_array array(float *data, int64_t rows, int64_t columns, bool transposed)
{
    return (tp_array){.data = data,
                      .dtype = TP_F32,
                      .rank = 2,
                      .size = {rows, columns},
                      .stride = {transposed ? 1 : columns, transposed ? rows : 1}};
}

/* Taper's kernel by itself, as the libraries are called: into memory that is there. */
static void taper_product(const product *p)
{
    static tp_kernel_fn *kernel;
    if (!kernel) kernel = tp_cpu_kernel("matmul_2d");
    const tp_call call = {.context = context};
    if (!kernel(&call, p->in, &p->out)) abort();
}

static void multiply(const product *p)
{
    const int m = (int)p->m, n = (int)p->n, k = (int)p->k;
    const int lda = p->transposed_a ? m : k, ldb = p->transposed_b ? k : n;
    if (cblas)
        cblas(ROW_MAJOR, p->transposed_a ? TRANSPOSED : AS_IT_IS, p->transposed_b ? TRANSPOSED : AS_IT_IS, m,
              n, k, 1, p->a, lda, p->b, ldb, 0, p->y, n);
    else if (dnnl)
        dnnl(p->transposed_a ? 'T' : 'N', p->transposed_b ? 'T' : 'N', m, n, k, 1, p->a, lda, p->b, ldb, 0,
             p->y, n);
    else
        taper_product(p);
}

static float *matrix(int64_t n)
{
    const size_t line = 64, bytes = ((size_t)n * sizeof(float) + line - 1) / line * line;
    float *values = aligned_alloc(line, bytes);
    if (!values) abort();
    for (int64_t i = 0; i < n; i++) values[i] = (float)(i * 2654435761 % 1000) / 500 - 1;
    return values;
}

/* The element of y in the middle has to be right. */
static void check(const product *p)
{
    const int64_t i = p->m / 2, j = p->n / 2;
    double sum = 0, size = 0;
    for (int64_t k = 0; k < p->k; k++) {
        double term = (double)p->a[p->transposed_a ? k * p->m + i : i * p->k + k] *
                      (double)p->b[p->transposed_b ? j * p->k + k : k * p->n + j];
        sum += term;
        size += term < 0 ? -term : term;
    }
    const double error = sum - (double)p->y[i * p->n + j];
    if (error > 1e-5 * size || error < -1e-5 * size) abort();
}

/* Rounds are of so many products that the clock does not count. */
static double time_of(const product *p, double seconds)
{
    const double round = 2e-5;
    double fastest = 1e30;
    multiply(p);
    check(p);
    for (double end = now() + seconds; now() < end || fastest == 1e30;) {
        int calls = 0;
        double start = now(), time = 0;
        for (int next = 1; time < round; next *= 2) {
            for (int i = 0; i < next; i++) multiply(p);
            calls += next;
            time = now() - start;
        }
        if (time / calls < fastest) fastest = time / calls;
    }
    return fastest;
}

/* --- the peak --- */

#if defined(__x86_64__)
#include <immintrin.h>

enum { CHAINS = 12, STEPS = 20000 }; /* more chains than multiply-adds are in flight */
static volatile float factor = 1, sink[TP_MOST_THREADS];

#define PEAK(name, target, VEC, set1, fmadd, first)                                                       \
    target static void name(void *work, int part, int parts)                                              \
    {                                                                                                     \
        VEC sum[CHAINS], one = set1(factor), small = set1(1e-9f);                                         \
        (void)work, (void)parts;                                                                          \
        _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++) sum[i] = set1((float)i);                \
        for (int step = 0; step < STEPS; step++)                                                          \
            _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++) sum[i] = fmadd(sum[i], one, small); \
        for (int i = 1; i < CHAINS; i++) sum[0] = fmadd(sum[0], one, sum[i]);                             \
        sink[part] = first(sum[0]);                                                                       \
    }

PEAK(peak_avx2, TP_AVX2, __m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_cvtss_f32)
PEAK(peak_avx512, TP_AVX512, __m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_cvtss_f32)

static double peak(void)
{
    const int threads = tp_threads();
    const bool wide = tp_simd_in_use() == TP_SIMD_AVX512;
    double fastest = 1e30;
    for (double end = now() + 0.1; now() < end;) {
        double start = now();
        tp_parallel(threads, wide ? peak_avx512 : peak_avx2, NULL);
        double time = now() - start;
        if (time < fastest) fastest = time;
    }
    return (double)threads * STEPS * CHAINS * (wide ? 16 : 8) / fastest;
}
#else
static double peak(void) { return 0; }
#endif

/* --- the server --- */

static bool open_library(const char *name)
{
    if (strcmp(name, "taper") == 0) {
        context = tp_open(NULL);
        return context != NULL;
    }
    void *library = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
    if (!library) return false;
    *(void **)&cblas = dlsym(library, "cblas_sgemm");
    if (!cblas) *(void **)&cblas = dlsym(library, "scipy_cblas_sgemm"); /* OpenBLAS from PyPI */
    *(void **)&dnnl = dlsym(library, "dnnl_sgemm");
    return cblas || dnnl;
}

int main(int n, char **argument)
{
    char line[200];
    if (n != 2 || !open_library(argument[1])) return 1;
    while (fgets(line, sizeof line, stdin)) {
        long long size[3];
        int a, b;
        double seconds, answer;
        if (strcmp(line, "peak\n") == 0) {
            answer = peak();
        } else if (sscanf(line, "%lld %lld %lld %d %d %lf", &size[0], &size[1], &size[2], &a, &b, &seconds) ==
                   6) {
            product p = {.m = size[0], .n = size[1], .k = size[2], .transposed_a = a, .transposed_b = b};
            p.a = matrix(p.m * p.k);
            p.b = matrix(p.k * p.n);
            p.y = matrix(p.m * p.n);
            p.in[0] = array(p.a, p.m, p.k, p.transposed_a);
            p.in[1] = array(p.b, p.k, p.n, p.transposed_b);
            p.out = array(p.y, p.m, p.n, false);
            answer = time_of(&p, seconds);
            free(p.a);
            free(p.b);
            free(p.y);
        } else {
            return 1;
        }
        printf("%.9g\n", answer);
        fflush(stdout);
    }
    return context ? tp_close(context) : 0;
}
