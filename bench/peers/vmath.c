/* vmath.c - elementwise functions of f32 beside those of glibc's libmvec, SLEEF (for 1 and for 3.5 ULP) and
 * oneDNN, where these are installed, on one thread: nanoseconds an element in the fastest of several rounds,
 * which take turns, and ours over the fastest of theirs. */
#include "base/simd.h"

#include <taper/ext.h>
#include <taper/taper.h>

#include <dlfcn.h>
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE = 1 << 14, ROUNDS = 100 };

typedef enum player { LIBMVEC, SLEEF, SLEEF_35, ONEDNN, TAPER, PLAYERS } player;

typedef struct function {
    const char *name;
    tp_tensor *(*ours)(tp_tensor *x);
    int onednn; /* its dnnl_alg_kind_t, or 0 */
} function;

static tp_tensor *gelu(tp_tensor *x) { return tp_gelu(x, false); }
static tp_tensor *gelu_tanh(tp_tensor *x) { return tp_gelu(x, true); }

#define ROW(name, onednn) {#name, tp_##name, onednn},
static const function functions[] = {
    ROW(exp, 0xbf) ROW(log, 0xef) ROW(tanh, 0x2f) ROW(sigmoid, 0xaf){"gelu_tanh", gelu_tanh, 0xcf},
    {"gelu", gelu, 0x30},
    ROW(silu, 0xdf) ROW(mish, 0x60) ROW(softplus, 0x9f) ROW(log_sigmoid, 0x50) ROW(expm1, 0) ROW(log1p, 0)
        ROW(sin, 0) ROW(cos, 0) ROW(tan, 0) ROW(asin, 0) ROW(acos, 0) ROW(atan, 0) ROW(sinh, 0) ROW(cosh, 0)
            ROW(erf, 0) ROW(erfc, 0)};

static _Alignas(64) float in[SIZE], out[SIZE];

/* --- libmvec and SLEEF: a function of as many floats as a register holds --- */

__attribute__((target("avx2"))) static void run_8(void *address)
{
    __m256 (*f)(__m256);
    memcpy(&f, &address, sizeof f);
    for (int k = 0; k < SIZE; k += 8) _mm256_store_ps(out + k, f(_mm256_load_ps(in + k)));
}

__attribute__((target("avx512f"))) static void run_16(void *address)
{
    __m512 (*f)(__m512);
    memcpy(&f, &address, sizeof f);
    for (int k = 0; k < SIZE; k += 16) _mm512_store_ps(out + k, f(_mm512_load_ps(in + k)));
}

/* The function of a library at a level; NULL where there is none. */
static void *find(const char *name, player who, bool wide)
{
    char symbol[64];
    const char *error = who == SLEEF_35 ? "35" : strcmp(name, "erfc") == 0 ? "15" : "10";
    void *library = dlopen(who == LIBMVEC ? "libmvec.so.1" : "libsleef.so.3", RTLD_NOW);
    if (who == LIBMVEC)
        snprintf(symbol, sizeof symbol, "_ZGV%sv_%sf", wide ? "eN16" : "dN8", name);
    else
        snprintf(symbol, sizeof symbol, "Sleef_%sf%s_u%s%s", name, wide ? "16" : "8", error,
                 wide ? "avx512f" : "avx2");
    return library ? dlsym(library, symbol) : NULL;
}

/* --- oneDNN 2: its C interface, descriptions being large enough to hold whatever they are there --- */

typedef struct description {
    _Alignas(64) char bytes[4096];
} description;

typedef struct argument {
    int which;
    void *memory;
} argument;

static struct onednn {
    int (*engine)(void **engine, int kind, size_t index);
    int (*stream)(void **stream, void *engine, unsigned flags);
    int (*array)(description *d, int rank, const int64_t *size, int dtype, int layout);
    int (*memory)(void **memory, const description *d, void *engine, void *data);
    int (*eltwise)(description *d, int forward, int kind, const description *array, float alpha, float beta);
    int (*choose)(void **choice, const description *d, const void *none, void *engine, const void *hint);
    int (*create)(void **primitive, const void *choice);
    int (*execute)(const void *primitive, void *stream, int n, const argument *arguments);
    int (*wait)(void *stream);
    void *in_use, *queue, *x, *y;
    description shape;
} dnnl;

static bool open_onednn(void)
{
    static const char *const symbols[] = {"dnnl_engine_create",
                                          "dnnl_stream_create",
                                          "dnnl_memory_desc_init_by_tag",
                                          "dnnl_memory_create",
                                          "dnnl_eltwise_forward_desc_init",
                                          "dnnl_primitive_desc_create",
                                          "dnnl_primitive_create",
                                          "dnnl_primitive_execute",
                                          "dnnl_stream_wait"};
    setenv("OMP_NUM_THREADS", "1", 1);
    void *library = dlopen("libdnnl.so.2", RTLD_NOW);
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *address = library ? dlsym(library, symbols[i]) : NULL;
        if (!address) return false;
        memcpy((char *)&dnnl + i * sizeof address, &address, sizeof address);
    }
    enum { CPU = 1, IN_ORDER = 1, F32 = 3, PLAIN = 2 };
    return dnnl.engine(&dnnl.in_use, CPU, 0) == 0 && dnnl.stream(&dnnl.queue, dnnl.in_use, IN_ORDER) == 0 &&
           dnnl.array(&dnnl.shape, 1, (int64_t[]){SIZE}, F32, PLAIN) == 0 &&
           dnnl.memory(&dnnl.x, &dnnl.shape, dnnl.in_use, in) == 0 &&
           dnnl.memory(&dnnl.y, &dnnl.shape, dnnl.in_use, out) == 0;
}

/* A primitive of oneDNN for the function; NULL where there is none. */
static void *find_onednn(const function *f)
{
    enum { FORWARD_INFERENCE = 96 };
    description d;
    void *choice, *primitive;
    if (!dnnl.y || !f->onednn || dnnl.eltwise(&d, FORWARD_INFERENCE, f->onednn, &dnnl.shape, 1, 0))
        return NULL;
    if (dnnl.choose(&choice, &d, NULL, dnnl.in_use, NULL) || dnnl.create(&primitive, choice)) return NULL;
    return primitive;
}

static void run_onednn(const void *primitive)
{
    enum { SOURCE = 1, DESTINATION = 17 };
    dnnl.execute(primitive, dnnl.queue, 2, (argument[]){{SOURCE, dnnl.x}, {DESTINATION, dnnl.y}});
    dnnl.wait(dnnl.queue);
}

/* --- the table --- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void run(const function *f, player who, void *address, bool wide, tp_tensor *x)
{
    if (who == TAPER) {
        tp_context *c = tp_context_of(x);
        tp_mark scope = tp_open_scope(c);
        f->ours(x);
        tp_close_scope(c, scope);
    } else if (who == ONEDNN) {
        run_onednn(address);
    } else {
        (wide ? run_16 : run_8)(address);
    }
}

static void line(const function *f, tp_simd level, tp_tensor *x)
{
    void *address[PLAYERS] = {[TAPER] = x};
    double time[PLAYERS], best = 1e30;
    bool wide = level == TP_SIMD_AVX512;
    for (int p = LIBMVEC; p <= SLEEF_35; p++) address[p] = find(f->name, (player)p, wide);
    if (level == tp_simd_widest()) address[ONEDNN] = find_onednn(f); /* which chooses for itself */
    for (int p = 0; p < PLAYERS; p++) time[p] = 1e30;
    for (int i = 0; i < ROUNDS * PLAYERS; i++) {
        int p = i % PLAYERS;
        if (!address[p]) continue;
        double start = now();
        run(f, (player)p, address[p], wide, x);
        double spent = (now() - start) * 1e9 / SIZE;
        if (spent < time[p]) time[p] = spent;
    }
    printf("%-12s %-8s", f->name, tp_simd_level());
    for (int p = 0; p < PLAYERS; p++) {
        if (p != TAPER && time[p] < best) best = time[p];
        if (address[p])
            printf(" %9.3f", time[p]);
        else
            printf(" %9s", "-");
    }
    if (best < 1e30) printf(" %9.2f", time[TAPER] / best);
    printf("\n");
}

int main(void)
{
    tp_context *c = tp_open(NULL);
    if (!c) return 1;
    tp_set_threads(1);
    tp_tensor *x = tp_uniform(c, TP_SHAPE(SIZE), 0.1, 0.9, TP_F32);
    tp_read(x, in, sizeof in);
    if (!open_onednn()) dnnl.y = NULL;
    printf("%-12s %-8s %9s %9s %9s %9s %9s %9s\n", "ns", "level", "libmvec", "SLEEF", "SLEEF 3.5", "oneDNN",
           "Taper", "ratio");
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        for (int level = TP_SIMD_AVX2; level <= (int)tp_simd_widest(); level++) {
            tp_simd_use((tp_simd)level);
            line(&functions[i], (tp_simd)level, x);
        }
    if (!tp_ok(c)) fprintf(stderr, "%s\n", tp_error_text(c));
    return tp_close(c);
}
