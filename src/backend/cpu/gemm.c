/* gemm.c - the kernels of matmul_2d and of what layers make of it: which product runs, over loops and dtypes.
 */
#include "backend/cpu/gemm.h"

#include "backend/cpu/cpu.h"
#include "base/pool.h"
#include "base/simd.h"
#include "tensor/tensor.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE = 64 }; /* bytes of the caches' lines */

/* By level and dtype; NULL: `eval` is the kernel. */
static tp_gemm_fn *const gemms[TP_SIMD_LEVELS][2] = {
#if defined(__x86_64__)
    [TP_SIMD_AVX2] = {tp_gemm_avx2_float, tp_gemm_avx2_double},
    [TP_SIMD_AVX512] = {tp_gemm_avx512_float, tp_gemm_avx512_double},
#endif
};

/* What the threads share out: products, or the rows or columns of each. Elements have chains of their own, so
 * that bits do not depend on it. */
typedef struct job {
    tp_gemm_fn *gemm;
    tp_gemm all; /* a, b, y, bias: not set */
    const tp_array *a, *b, *y;
    const tp_array *bias; /* NULL: none */
    bool relu;
    int loops;
    int64_t count;         /* of products, one for each position in the loops */
    size_t room_a, room_b; /* bytes for copies, of each part; 0: there are none */
    char *room;
    enum { PRODUCTS, ROWS, COLUMNS } cut;
} job;

/* Joins loop `i` with the rows, where all rows take the same b and bias and lie one step apart. */
static bool rows_go_on(const job *j, int i, int64_t m)
{
    const tp_array *a = j->a, *y = j->y;
    int64_t down = a->stride[a->rank - 2], out = y->stride[y->rank - 2];
    return j->b->stride[i] == 0 && (!j->bias || j->bias->stride[i] == 0) && a->stride[i] == m * down &&
           y->stride[i] == m * out;
}

/* Products first to end-1, row-major in the loops; g: the rows or columns of each that are wanted, from the
 * column `column`. */
static void products(const job *j, tp_gemm *g, const char *a, const char *b, char *y, int64_t column,
                     int64_t first, int64_t end)
{
    const int64_t bytes = tp_bytes(j->y->dtype), *size = j->y->size;
    for (int64_t p = first; p < end; p++) {
        int64_t rest = p, at[4] = {0, 0, 0, column * g->sbias};
        for (int i = j->loops - 1; i >= 0; i--) {
            int64_t index = rest % size[i];
            rest /= size[i];
            at[0] += index * j->a->stride[i];
            at[1] += index * j->b->stride[i];
            at[2] += index * j->y->stride[i];
            if (j->bias) at[3] += index * j->bias->stride[i];
        }
        g->a = a + at[0] * bytes;
        g->b = b + at[1] * bytes;
        g->y = y + at[2] * bytes;
        if (j->bias) g->bias = (const char *)j->bias->data + at[3] * bytes;
        j->gemm(g);
    }
}

/* Bits depend on whether there are TP_GEMM_NARROW columns, so that a part has as many as a grain, or more. */
enum { ROW_GRAIN = 16, COLUMN_GRAIN = 16, COLUMNS_LEAST = 8 * COLUMN_GRAIN };

static void run_part(void *work, int part, int parts)
{
    const job *j = work;
    tp_gemm g = j->all;
    const int64_t bytes = tp_bytes(j->y->dtype);
    const int64_t n = j->cut == PRODUCTS ? j->count : j->cut == ROWS ? g.m : g.n;
    const int64_t grain = j->cut == PRODUCTS ? 1 : j->cut == ROWS ? ROW_GRAIN : COLUMN_GRAIN;
    const int64_t start = part == 0 ? 0 : tp_part_start(n, grain, part, parts);
    const int64_t end = part == parts - 1 ? n : tp_part_start(n, grain, part + 1, parts);
    const char *a = j->a->data, *b = j->b->data;
    char *y = j->y->data;
    if (start == end) return;
    const size_t room = (size_t)part * (j->room_b + j->room_a);
    if (j->room_b) g.room_b = j->room + room;
    if (j->room_a) g.room_a = j->room + room + j->room_b;
    if (j->cut == PRODUCTS) {
        products(j, &g, a, b, y, 0, start, end);
        return;
    }
    if (j->cut == ROWS) {
        a += start * g.sa[0] * bytes;
        y += start * g.sy * bytes;
        g.m = end - start;
    } else {
        b += start * g.sb[1] * bytes;
        y += start * bytes;
        g.n = end - start;
    }
    products(j, &g, a, b, y, j->cut == COLUMNS ? start : 0, 0, j->count);
}

/* How many parts there are, and of what: of columns where each part would have to pack all of b, unless they
 * would all have to pack a. */
static int cut(job *j)
{
    enum { LEAST = 1 << 17 }; /* multiply-adds: some 3 microseconds */
    const tp_gemm *g = &j->all;
    int parts = tp_parallel_parts(j->count * g->m * g->n * g->k, LEAST);
    const bool wide = g->n >= parts * COLUMNS_LEAST, high = g->m >= parts * ROW_GRAIN;
    if (parts == 1 || j->count >= 4 * parts || j->count % parts == 0)
        j->cut = PRODUCTS;
    else
        j->cut = wide && (!high || (j->room_b && !j->room_a)) ? COLUMNS : ROWS;
    return parts;
}

/* Rows of f32 in a block: as many as fill half of the cache of the second level. */
static int64_t block_rows(void)
{
    static atomic_long known;
    long rows = atomic_load_explicit(&known, memory_order_relaxed);
    if (rows > 0) return rows;
    long bytes = 0;
#if defined(_SC_LEVEL2_CACHE_SIZE)
    bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
    if (bytes <= 0) bytes = 1 << 18;
    rows = bytes / (long)(2 * TP_GEMM_BLOCK * sizeof(float));
    if (rows < TP_GEMM_COLUMNS) rows = TP_GEMM_COLUMNS;
    atomic_store_explicit(&known, rows, memory_order_relaxed);
    return rows;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Bytes, whole lines of the caches, for vectors of `depth` elements; some is written past the last. */
static size_t room_for(int64_t vectors, int64_t depth, int64_t bytes)
{
    return (size_t)((vectors + TP_GEMM_CHAINS) * depth * bytes / LINE + 2) * LINE;
}

enum { FAR = 1024, PAGE = 4096 }; /* bytes */

/* Columns of b are copied where they do not lie one after another; or where rows do not start where lines of
 * the caches do, or so far apart that they take each other's place there, and enough rows of a share the
 * cost. */
static bool copies_b(const tp_gemm *g, int64_t bytes)
{
    const int64_t next = llabs(g->sb[0]) * bytes;
    return g->sb[1] != 1 || (g->m >= 2 * TP_GEMM_ROWS && (next % LINE != 0 || next >= FAR)) ||
           (g->m >= 12 * TP_GEMM_ROWS && next >= FAR / 2);
}

/* Rows of a are copied where they share few lines of the caches, or lie across k far from each other, and
 * enough panels share the cost. */
static bool copies_a(const tp_gemm *g, int64_t bytes)
{
    const int64_t next = llabs(g->sa[0] == 1 ? g->sa[1] : g->sa[0]) * bytes;
    return g->n >= 4 * TP_GEMM_COLUMNS && next >= FAR && (g->sa[0] == 1 || next % PAGE == 0);
}

/* Cuts the product into blocks, and says how much room there has to be for copies. */
static void plan(job *j)
{
    tp_gemm *g = &j->all;
    const int64_t bytes = tp_bytes(j->y->dtype), depth = least(TP_GEMM_BLOCK, g->k);
    g->rows = least(g->m, bytes == sizeof(float) ? block_rows() : block_rows() / 2);
    if (g->n < TP_GEMM_NARROW) return;
    if (copies_b(g, bytes)) j->room_b = room_for(least(g->n, TP_GEMM_COLUMNS), depth, bytes);
    if (copies_a(g, bytes)) j->room_a = room_for(g->rows, depth, bytes);
}

/* f32 and f64; false, after recording it, without memory. */
static bool real_products(const tp_call *call, job j)
{
    const tp_array *a = j.a, *b = j.b, *y = j.y;
    tp_gemm g = {.m = y->size[y->rank - 2],
                 .n = y->size[y->rank - 1],
                 .k = a->size[a->rank - 1],
                 .sa = {a->stride[a->rank - 2], a->stride[a->rank - 1]},
                 .sb = {b->stride[b->rank - 2], b->stride[b->rank - 1]},
                 .sy = y->stride[y->rank - 2],
                 .sbias = j.bias ? j.bias->stride[j.bias->rank - 1] : 0,
                 .relu = j.relu};
    j.gemm = gemms[tp_simd_in_use()][y->dtype == TP_F64];
    j.loops = call->loops;
    j.count = 1;
    while (j.loops > 0 && rows_go_on(&j, j.loops - 1, g.m)) g.m *= y->size[--j.loops];
    for (int i = 0; i < j.loops; i++) j.count *= y->size[i];
    j.all = g;
    plan(&j);
    const int parts = cut(&j);
    void *room = NULL;
    const size_t each = j.room_b + j.room_a, bytes = each ? each * (size_t)parts + LINE : 0;
    if (bytes && !(room = tp_alloc(call->context, bytes))) return false;
    if (bytes) j.room = (char *)room + LINE - (uintptr_t)room % LINE;
    if (parts > 1) {
        tp_parallel(parts, run_part, &j);
    } else {
        if (j.room_b) j.all.room_b = j.room;
        if (j.room_a) j.all.room_a = j.room + j.room_b;
        products(&j, &j.all, a->data, b->data, y->data, 0, 0, j.count);
    }
    tp_free(call->context, room, bytes);
    return true;
}

/* --- bf16 and f16: in f32, rounded once --- */

/* Room in f32 for an array; axes that repeat elements are not written out. */
static bool wide_open(const tp_call *call, const tp_array *half, tp_array *wide, size_t *bytes)
{
    int64_t n = 1;
    *wide = *half;
    wide->dtype = TP_F32;
    for (int i = half->rank - 1; i >= 0; i--) {
        wide->stride[i] = half->stride[i] ? n : 0;
        if (half->stride[i]) n *= half->size[i];
    }
    *bytes = (size_t)n * sizeof(float) + 1;
    return (wide->data = tp_alloc(call->context, *bytes)) != NULL;
}

static void copy(tp_array to, tp_array from)
{
    for (int i = 0; i < to.rank; i++)
        if (to.stride[i] == 0) to.size[i] = from.size[i] = 1;
    tp_array_copy(&to, &from);
}

static void half_products(const tp_call *call, job j)
{
    enum { A, B, Y, BIAS, MOST };
    const tp_array *half[MOST] = {j.a, j.b, j.y, j.bias};
    const int n = j.bias ? MOST : BIAS;
    tp_array wide[MOST];
    size_t bytes[MOST];
    int made = 0;
    while (made < n && wide_open(call, half[made], &wide[made], &bytes[made])) made++;
    if (made == n) {
        for (int i = 0; i < n; i++)
            if (i != Y) copy(wide[i], *half[i]);
        j.a = &wide[A];
        j.b = &wide[B];
        j.y = &wide[Y];
        if (j.bias) j.bias = &wide[BIAS];
        if (real_products(call, j)) copy(*half[Y], wide[Y]);
    }
    while (made-- > 0) tp_free(call->context, wide[made].data, bytes[made]);
}

/* False where `eval` has to do it. */
static bool run(const tp_call *call, job j)
{
    const tp_dtype dtype = j.y->dtype;
    if (!gemms[tp_simd_in_use()][0]) return false;
    if (dtype == TP_BF16 || dtype == TP_F16) {
        half_products(call, j);
        return true;
    }
    if ((dtype != TP_F32 && dtype != TP_F64) || j.y->stride[j.y->rank - 1] != 1) return false;
    real_products(call, j);
    return true;
}

/* --- the rows --- */

static tp_array turned(tp_array a)
{
    const int row = a.rank - 2, column = a.rank - 1;
    const int64_t size = a.size[row], stride = a.stride[row];
    a.size[row] = a.size[column];
    a.stride[row] = a.stride[column];
    a.size[column] = size;
    a.stride[column] = stride;
    return a;
}

bool tp_cpu_matmul_2d(const tp_call *call, const tp_array *in, const tp_array *out)
{
    return run(call, (job){.a = &in[0], .b = &in[1], .y = out});
}

bool tp_cpu_affine(const tp_call *call, const tp_array *in, const tp_array *out)
{
    const tp_array weight = turned(in[1]);
    return run(call, (job){.a = &in[0], .b = &weight, .bias = &in[2], .y = out});
}

bool tp_cpu_affine_relu(const tp_call *call, const tp_array *in, const tp_array *out)
{
    const tp_array weight = turned(in[1]);
    return run(call, (job){.a = &in[0], .b = &weight, .bias = &in[2], .relu = true, .y = out});
}

/* Two products: the second of a row of ones, for the bias as [.., 1, n]. */
bool tp_cpu_affine_grad(const tp_call *call, const tp_array *in, const tp_array *out)
{
    static const float one_f32 = 1;
    static const double one_f64 = 1;
    static const uint16_t one_f16 = 0x3c00, one_bf16 = 0x3f80;
    const tp_array x = turned(in[0]), *u = &in[1];
    const tp_dtype dtype = u->dtype;
    union {
        const void *read;
        void *data;
    } one = {dtype == TP_F64    ? (const void *)&one_f64
             : dtype == TP_F32  ? (const void *)&one_f32
             : dtype == TP_BF16 ? (const void *)&one_bf16
                                : (const void *)&one_f16};
    tp_array ones = turned(*u), bias = out[1];
    const int row = bias.rank++ - 1;
    bias.size[row + 1] = bias.size[row];
    bias.stride[row + 1] = bias.stride[row];
    bias.size[row] = ones.size[row] = 1;
    for (int i = 0; i < ones.rank; i++) ones.stride[i] = 0;
    ones.data = one.data;
    return run(call, (job){.a = &x, .b = u, .y = &out[0]}) &&
           run(call, (job){.a = &ones, .b = u, .y = &bias});
}
