/* test_gemm.c - products of matrices, alone and in layers, at every level of instructions, against `eval`,
 * bit by bit. */
#include "fixture.h"

#include "base/pool.h"
#include "base/simd.h"

#include <taper/ext.h>

/* --- comparison --- */

static uint64_t random_state = 1;

static uint64_t next_random(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return random_state >> 33;
}

/* NaNs are equal whatever their sign and payload. */
static bool same_bits(tp_tensor *x, tp_tensor *y)
{
    if (tp_dtype_size(tp_dtype_of(x)) == 2) return same_bits(tp_cast(x, TP_F32), tp_cast(y, TP_F32));
    int64_t n = tp_numel(x);
    size_t size = tp_dtype_size(tp_dtype_of(x));
    char *p = malloc((size_t)n * size + 1), *q = malloc((size_t)n * size + 1);
    tp_read(x, p, (size_t)n * size);
    tp_read(y, q, (size_t)n * size);
    bool same = tp_numel(y) == n;
    for (int64_t i = 0; same && i < n; i++) {
        const char *a = p + i * (int64_t)size, *b = q + i * (int64_t)size;
        bool nan = size == 8
                       ? isnan(*(const double *)(const void *)a) && isnan(*(const double *)(const void *)b)
                       : isnan(*(const float *)(const void *)a) && isnan(*(const float *)(const void *)b);
        same = nan || memcmp(a, b, size) == 0;
    }
    free(p);
    free(q);
    return same;
}

/* The rows that hold the product a b: the bias is a row of b, as far apart as its columns. */
enum { PRODUCT, AFFINE, AFFINE_RELU, WEIGHT_GRAD, BIAS_GRAD, ROWS };

static tp_tensor *run_row(int row, tp_tensor *a, tp_tensor *b)
{
    if (row == PRODUCT) return tp_matmul(a, b);
    tp_tensor *bias_grad,
        *bias = tp_size(b, -2) ? tp_select(b, -2, 0) : tp_sum(b, TP_AXES(-2), false); /* no rows: zeros */
    if (row == AFFINE) return tp_affine(a, tp_transpose(b, -1, -2), bias);
    if (row == AFFINE_RELU) return tp_affine_relu(a, tp_transpose(b, -1, -2), bias);
    tp_tensor *weight_grad = tp_affine_grad(tp_transpose(a, -1, -2), b, &bias_grad);
    return row == WEIGHT_GRAD ? weight_grad : bias_grad;
}

/* One of the rows by `eval` and by every level above it. */
static void expect_eval_row(int row, tp_tensor *a, tp_tensor *b)
{
    tp_context *c = tp_context_of(a);
    tp_mark scope = tp_open_scope(c);
    tp_simd_use(TP_SIMD_BASELINE);
    tp_tensor *expected = run_row(row, a, b);
    assert_true(tp_ok(c));
    for (int level = TP_SIMD_AVX2; level <= (int)tp_simd_widest(); level++) {
        tp_simd_use((tp_simd)level);
        if (same_bits(run_row(row, a, b), expected)) continue;
        tp_shape s = tp_shape_of(a), t = tp_shape_of(b);
        fail_msg("%s: row %d has other bits than eval for [..,%d,%d] x [..,%d,%d] %s", tp_simd_level(), row,
                 (int)s.v[s.n - 2], (int)s.v[s.n - 1], (int)t.v[t.n - 2], (int)t.v[t.n - 1],
                 tp_dtype_name(tp_dtype_of(a)));
    }
    tp_close_scope(c, scope);
}

static void expect_eval(tp_tensor *a, tp_tensor *b)
{
    for (int row = PRODUCT; row < (tp_rank(a) > 1 ? ROWS : AFFINE); row++) expect_eval_row(row, a, b);
}

/* --- inputs --- */

/* Values of all magnitudes whose products neither overflow nor vanish, and now and then a zero. */
static double ordinary(void)
{
    double x = ldexp((double)next_random() * 0x1p-30 - 1, (int)(next_random() % 16) - 8);
    return next_random() % 29 ? x : 0;
}

static double special(void)
{
    static const double values[] = {0,        -0.0,      INFINITY, -INFINITY, NAN, 1e-30, -1e-30,
                                    0x1p-140, 0x1p-1060, 3e38,     -3e38,     1,   -1};
    return values[next_random() % (sizeof values / sizeof *values)];
}

static tp_tensor *drawn(tp_context *c, tp_shape shape, tp_dtype dtype, double (*draw)(void))
{
    int64_t n = 1;
    for (int i = 0; i < shape.n; i++) n *= shape.v[i];
    double *values = malloc(((size_t)n + 1) * sizeof *values);
    for (int64_t i = 0; i < n; i++) values[i] = draw();
    tp_tensor *t = tp_from_doubles(c, shape, dtype, values);
    free(values);
    return t;
}

enum { LAYOUTS = 8 };

/* A matrix whose elements lie in memory in one way or another. */
static tp_tensor *matrix(tp_context *c, int layout, int64_t rows, int64_t columns, tp_dtype dtype,
                         double (*draw)(void))
{
    switch (layout) {
    case 0: return drawn(c, TP_SHAPE(rows, columns), dtype, draw);
    case 1: return tp_transpose(drawn(c, TP_SHAPE(columns, rows), dtype, draw), 0, 1);
    case 2: return tp_slice(drawn(c, TP_SHAPE(rows, 2 * columns + 1), dtype, draw), 1, 1, TP_END, 2);
    case 3: return tp_slice(drawn(c, TP_SHAPE(rows, columns), dtype, draw), 1, TP_END, TP_END, -1);
    case 4: return tp_slice(drawn(c, TP_SHAPE(rows, columns), dtype, draw), 0, TP_END, TP_END, -1);
    case 5: return tp_expand(drawn(c, TP_SHAPE(1, columns), dtype, draw), TP_SHAPE(rows, columns));
    case 6: return tp_expand(drawn(c, TP_SHAPE(rows, 1), dtype, draw), TP_SHAPE(rows, columns));
    default: /* not aligned, rows further apart than they are long */
        return tp_slice(drawn(c, TP_SHAPE(rows, columns + 3), dtype, draw), 1, 1, columns + 1, 1);
    }
}

/* The product and, in turn, another row. */
static void compare(tp_context *c, int64_t m, int64_t k, int64_t n, int layout_a, int layout_b,
                    tp_dtype dtype, double (*draw)(void))
{
    static int turn;
    tp_mark scope = tp_open_scope(c);
    tp_tensor *a = matrix(c, layout_a, m, k, dtype, draw), *b = matrix(c, layout_b, k, n, dtype, draw);
    expect_eval_row(PRODUCT, a, b);
    expect_eval_row(AFFINE + turn++ % (ROWS - AFFINE), a, b);
    tp_close_scope(c, scope);
}

/* --- tests --- */

static void test_each_size(void **state)
{
    static const int64_t others[] = {1, 5, 17, 64};
    for (int64_t size = 0; size <= 70; size++)
        for (int i = 0; i < 3 * 16; i++) {
            const int axis = i / 16;
            int64_t at[3];
            at[axis] = size;
            at[(axis + 1) % 3] = others[i % 4];
            at[(axis + 2) % 3] = others[i / 4 % 4];
            int layouts = (int)size + i;
            compare(*state, at[0], at[1], at[2], layouts % 2, layouts / 2 % 2, size % 3 ? TP_F32 : TP_F64,
                    ordinary);
        }
}

/* Where tiles, panels, turned products and blocks end, and copies begin; blocks of rows depend on the
 * machine. */
static void test_around_blocks(void **state)
{
    static const int64_t sizes[] = {31,  32,  33,  47,  48,  49,  191,  192,  193,
                                    255, 256, 257, 511, 512, 513, 1023, 1024, 1025};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int l = 0; l < 8; l++) {
            const int64_t n = sizes[i];
            const tp_dtype dtype = l / 4 ? TP_F64 : TP_F32;
            compare(*state, 9, n, 3, l % 2, l / 2 % 2, dtype, ordinary);
            compare(*state, 3, n, 21, l % 2, l / 2 % 2, dtype, ordinary);
            compare(*state, 1, 30, n, l % 2, l / 2 % 2, dtype, ordinary);
            compare(*state, 2, 30, n, l % 2, l / 2 % 2, dtype, ordinary);
            compare(*state, 40, 3, n, l % 2, l / 2 % 2, dtype, ordinary);
            compare(*state, n, 30, 2, l % 2, l / 2 % 2, dtype, ordinary);
            compare(*state, n, 3, 30, l % 2, l / 2 % 2, dtype, ordinary);
            compare(*state, n, 260, 9, l % 2, l / 2 % 2, dtype, ordinary);
            compare(*state, n, 7, 200, l % 2, l / 2 % 2, dtype, ordinary);
            compare(*state, 20, n, 200, l % 2, l / 2 % 2, dtype, ordinary);
        }
    for (int l = 0; l < 4; l++) { /* more rows, and more columns, than a block has */
        compare(*state, 1100, 3, 1060, l % 2, l / 2, TP_F32, ordinary);
        compare(*state, 1060, 3, 1100, l % 2, l / 2, TP_F32, ordinary);
        compare(*state, 600, 259, 530, l % 2, l / 2, TP_F64, ordinary);
    }
}

static void test_layouts(void **state)
{
    static const int64_t sizes[][3] = {{1, 40, 40}, {9, 33, 2}, {17, 260, 5}, {40, 7, 65}, {20, 290, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int a = 0; a < LAYOUTS; a++)
            for (int b = 0; b < LAYOUTS; b++)
                compare(*state, sizes[i][0], sizes[i][1], sizes[i][2], a, b, (a + b) % 2 ? TP_F32 : TP_F64,
                        ordinary);
}

static void test_special_values(void **state)
{
    for (int i = 0; i < 400; i++) {
        int64_t m = (int64_t)(next_random() % 20) + 1, n = (int64_t)(next_random() % 40) + 1;
        int64_t k = (int64_t)(next_random() % 4) + 1 + (i % 50 ? 0 : 256);
        compare(*state, m, k, n, i % LAYOUTS, i / LAYOUTS % LAYOUTS, i % 3 ? TP_F32 : TP_F64, special);
    }
}

static void test_random_sizes(void **state)
{
    for (int i = 0; i < 5000; i++)
        compare(*state, (int64_t)(next_random() % 90), (int64_t)(next_random() % 90),
                (int64_t)(next_random() % 90), (int)(next_random() % LAYOUTS), (int)(next_random() % LAYOUTS),
                i % 2 ? TP_F32 : TP_F64, ordinary);
}

static void test_half_formats(void **state)
{
    tp_context *c = *state;
    for (int i = 0; i < 300; i++) {
        const tp_dtype dtype = i % 2 ? TP_BF16 : TP_F16;
        compare(c, (int64_t)(next_random() % 40), (int64_t)(next_random() % 300),
                (int64_t)(next_random() % 40), i % LAYOUTS, i / LAYOUTS % LAYOUTS, dtype,
                i % 5 ? ordinary : special);
    }
    tp_tensor *a = drawn(c, TP_SHAPE(3, 1, 5, 33), TP_BF16, ordinary);
    tp_tensor *b = drawn(c, TP_SHAPE(4, 33, 19), TP_BF16, ordinary);
    expect_eval(a, b);
    expect_eval(tp_transpose(tp_expand(a, TP_SHAPE(3, 4, 5, 33)), 0, 1), tp_select(b, 0, 2));
}

static void test_loops(void **state)
{
    tp_context *c = *state;
    tp_tensor *a = drawn(c, TP_SHAPE(3, 4, 5, 33), TP_F32, ordinary);
    tp_tensor *b = drawn(c, TP_SHAPE(33, 19), TP_F32, ordinary);
    tp_tensor *d = drawn(c, TP_SHAPE(4, 33, 2), TP_F32, ordinary);
    expect_eval(a, b); /* all rows in one product */
    expect_eval(a, d);
    expect_eval(tp_transpose(a, 0, 1), b);
    expect_eval(tp_slice(a, 2, TP_END, TP_END, 2), b);
    expect_eval(tp_select(a, 0, 1), tp_transpose(tp_transpose(d, 1, 2), 1, 2));
    expect_eval(drawn(c, TP_SHAPE(2, 1, 6, 33), TP_F32, ordinary), d);
    expect_eval(tp_expand(drawn(c, TP_SHAPE(1, 6, 33), TP_F32, ordinary), TP_SHAPE(5, 6, 33)), b);
    expect_eval(drawn(c, TP_SHAPE(0, 6, 33), TP_F32, ordinary), b);
    expect_eval(drawn(c, TP_SHAPE(3, 6, 0), TP_F32, ordinary), drawn(c, TP_SHAPE(0, 7), TP_F32, ordinary));
    expect_eval(drawn(c, TP_SHAPE(33), TP_F64, ordinary), drawn(c, TP_SHAPE(33, 70), TP_F64, ordinary));
}

/* A row is the same whether it is computed alone or with others. */
static void test_rows_alone(void **state)
{
    tp_context *c = *state;
    static const int64_t columns[] = {1, 3, 4, 10, 100};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        tp_tensor *a = drawn(c, TP_SHAPE(21, 300), TP_F32, ordinary);
        tp_tensor *b = drawn(c, TP_SHAPE(300, columns[i]), TP_F32, ordinary), *y = tp_matmul(a, b);
        for (int64_t r = 0; r < 21; r++)
            assert_true(same_bits(tp_select(y, 0, r), tp_matmul(tp_select(a, 0, r), b)));
    }
}

/* One product, cut in every number of parts, has the bits of eval. */
static void expect_threads_agree(tp_tensor *a, tp_tensor *b)
{
    tp_context *c = tp_context_of(a);
    tp_mark scope = tp_open_scope(c);
    tp_simd_use(TP_SIMD_BASELINE);
    tp_tensor *expected = tp_matmul(a, b), *layer = run_row(AFFINE_RELU, a, b);
    for (int level = TP_SIMD_AVX2; level <= (int)tp_simd_widest(); level++)
        for (int threads = 1; threads <= 8; threads += threads < 3 ? 1 : 2) {
            tp_simd_use((tp_simd)level);
            tp_set_threads(threads);
            int64_t before = tp_parallel_forks();
            tp_tensor *y = tp_matmul(a, b);
            assert_int_equal(tp_parallel_forks() - before, threads > 1);
            assert_true(same_bits(y, expected));
            assert_true(same_bits(run_row(AFFINE_RELU, a, b), layer));
        }
    tp_set_threads(0);
    tp_close_scope(c, scope);
}

/* Products that are worth waking threads for. */
static void test_threads(void **state)
{
    tp_context *c = *state;
    static const int64_t sizes[][3] = {{128, 257, 65},  {70, 40, 785},  {64, 100, 401}, {8, 300, 900},
                                       {1, 1100, 1930}, {7100, 300, 1}, {2900, 260, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int layouts = 0; layouts < 4; layouts++) {
            const int64_t *s = sizes[i];
            tp_dtype dtype = (i + (size_t)layouts) % 2 ? TP_F64 : TP_F32;
            tp_mark scope = tp_open_scope(c);
            expect_threads_agree(matrix(c, layouts % 2, s[0], s[1], dtype, ordinary),
                                 matrix(c, layouts / 2, s[1], s[2], dtype, ordinary));
            tp_close_scope(c, scope);
        }
    tp_tensor *b = drawn(c, TP_SHAPE(41, 37, 29), TP_F32, ordinary);
    expect_threads_agree(drawn(c, TP_SHAPE(41, 50, 37), TP_F32, ordinary), b);
    expect_threads_agree(drawn(c, TP_SHAPE(3, 1, 90, 137), TP_F32, ordinary),
                         tp_transpose(drawn(c, TP_SHAPE(3, 1, 75, 137), TP_F32, ordinary), 2, 3));
}

static void test_no_memory_to_pack(void **state)
{
    tp_context *c = *state;
    tp_tensor *a = drawn(c, TP_SHAPE(5, 40), TP_F32, ordinary);
    tp_tensor *b = tp_transpose(drawn(c, TP_SHAPE(30, 40), TP_F32, ordinary), 0, 1);
    for (long left = 0;; left++) {
        tp_memory_trim(c);
        books.left = left;
        tp_mark scope = tp_open_scope(c);
        bool done = !tp_is_nil(tp_matmul(a, b));
        books.left = -1;
        assert_true(done == tp_ok(c));
        if (!done) assert_int_equal(tp_error(c), TP_ERR_MEMORY);
        tp_clear(c);
        tp_close_scope(c, scope);
        if (done) break;
    }
}

static void test_levels(void **state)
{
    (void)state;
    tp_simd_use(TP_SIMD_BASELINE);
    assert_string_equal(tp_simd_level(), "baseline");
    tp_simd_use(TP_SIMD_AVX512); /* never more than there is */
    assert_int_equal(tp_simd_in_use(), tp_simd_widest());
    if (tp_simd_widest() == TP_SIMD_BASELINE)
        print_message("no kernels for this processor: nothing compared\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_levels),  TEST(test_each_size),      TEST(test_around_blocks),
        TEST(test_layouts), TEST(test_special_values), TEST(test_random_sizes),
        TEST(test_loops),   TEST(test_rows_alone),     TEST(test_no_memory_to_pack),
        TEST(test_threads), TEST(test_half_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
