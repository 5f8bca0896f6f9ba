#include "ops/cases.h"

#include "base/simd.h"

/* --- what PyTorch gives --- */

/* The cotangent 1, 2, .. */
static tp_tensor *counted(tp_tensor *y) { return tp_add_scalar(range(tp_context_of(y), tp_shape_of(y)), 1); }

#define LIST(...) __VA_ARGS__
#define INDEX(call, points, shape, values)       \
    {                                            \
        tp_tensor *x = VECTOR(c, LIST points);   \
        expect_values(call, shape, LIST values); \
    }
#define EDGE(call, points, shape, values, slopes)                             \
    {                                                                         \
        tp_tensor *x = tp_require_grad(VECTOR(c, LIST points)), *y = call;    \
        expect_values(y, shape, LIST values);                                 \
        expect_values(tp_vjp(y, x, counted(y)), tp_shape_of(x), LIST slopes); \
    }

static void test_edges(void **state)
{
    tp_context *c = *state;
    static const int8_t bytes[] = {100, 100, 100, -128, 1, 2};
    static const uint8_t truths[] = {1, 1, 0};
    tp_tensor *m = tp_require_grad(MATRIX(c, 2, 3, 1, 3, 3, 3, 2, 0));
    tp_tensor *i = tp_from_array(c, TP_SHAPE(2, 3), TP_I8, bytes);
    tp_tensor *b = tp_from_array(c, TP_SHAPE(3), TP_BOOL, truths);
    tp_tensor *r = tp_zeros(c, TP_SHAPE(2, 0), TP_F64), *z = tp_zeros(c, TP_SHAPE(0, 3), TP_F64);
#include "golden/reduce.def"
}

static void test_no_elements(void **state)
{
    tp_context *c = *state;
    tp_tensor *r = tp_zeros(c, TP_SHAPE(2, 0), TP_F32);
#define NONE " (n)->(): no elements to choose from: an axis of [2,0] to be reduced is of size 0"
    FAILS(tp_max(r, TP_AXES(1), false), "max" NONE);
    FAILS(tp_min(r, TP_ALL, true), "min" NONE);
    FAILS(tp_argmax(r, TP_ALL, false), "argmax" NONE);
    FAILS(tp_argmin(r, TP_AXES(-1), true), "argmin" NONE);
    FAILS(tp_norm(r, INFINITY, TP_ALL, false), "norm" NONE);
}

static void test_errors(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = range(c, TP_SHAPE(2, 3));
    FAILS(tp_norm(x, 0, TP_ALL, false), "norm (n)->(): p is 0, must be above 0");
    FAILS(tp_norm(x, NAN, TP_ALL, false), "norm (n)->(): p is nan, must be above 0");
    FAILS(tp_topk(x, 4, 1, true, NULL), "topk (n)->(k),(k): k is 4, the axis has 3");
    FAILS(tp_mean(x, TP_AXES(0, -2), false), "mean: axis -2 is given twice");
    FAILS(tp_prod(x, TP_AXES(0, -2), false), "prod: axis -2 is given twice");
    FAILS(tp_prod(x, TP_AXES(2), false), "prod: axis 2 is outside a tensor of rank 2");
    FAILS(tp_cumsum(x, -3), "cumsum: axis -3 is outside a tensor of rank 2");
}

/* --- by mathematics --- */

/* PyTorch's own second derivative is 0 where two elements are. */
static void test_prod_twice_at_zeros(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 0, 0, 3, 2));
    expect_values(tp_hessian(tp_prod(x, TP_ALL, false), x), TP_SHAPE(4, 4), 0, 6, 0, 0, 6, 0, 0, 0, 0, 0, 0,
                  0, 0, 0, 0, 0);
    x = tp_require_grad(VECTOR(c, 0, 2, 3));
    expect_values(tp_hessian(tp_prod(x, TP_ALL, false), x), TP_SHAPE(3, 3), 0, 3, 2, 3, 0, 0, 2, 0, 0);
}

/* Not what rounding the mean leaves. */
static void test_variance_of_equal_elements(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(tp_full(c, TP_SHAPE(7), 0.1, TP_F32));
    assert_true(tp_item(tp_variance(x, TP_ALL, 1, false)) == 0);
    expect_values(tp_grad(tp_std(x, TP_ALL, 1, false), x), TP_SHAPE(7), 0, 0, 0, 0, 0, 0, 0);
}

/* Half formats are computed in f32 and rounded once. */
static void test_half(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_full(c, TP_SHAPE(5000), 1, TP_F16);
    expect_item(tp_sum(x, TP_ALL, false), 5000);
    expect_item(tp_mean(tp_mul_scalar(x, 60000), TP_ALL, false), 60000);
    expect_near(tp_get(tp_cumsum(x, 0), TP_INTS(-1)), 5000, 0);
    expect_item(tp_prod(tp_cast(VECTOR(c, 256, 256, 0.5), TP_F16), TP_ALL, false), 32768);
    expect_item(tp_norm(tp_cast(VECTOR(c, 300, 400), TP_F16), 2, TP_ALL, false), 500);
    expect_item(tp_variance(tp_cast(VECTOR(c, -200, 200), TP_BF16), TP_ALL, 0, false), 39936);
}

static void test_dtypes(void **state)
{
    tp_context *c = *state;
    for (int d = 0; d < TP_DTYPES; d++) {
        tp_tensor *x = tp_cast(VECTOR(c, 1, 0, 1), (tp_dtype)d);
        tp_dtype kept = tp_dtype_is_float((tp_dtype)d) ? (tp_dtype)d : TP_I64;
        tp_dtype real = tp_dtype_is_float((tp_dtype)d) ? (tp_dtype)d : TP_F32;
        assert_int_equal(tp_dtype_of(tp_sum(x, TP_ALL, false)), kept);
        assert_int_equal(tp_dtype_of(tp_prod(x, TP_ALL, false)), kept);
        assert_int_equal(tp_dtype_of(tp_cumsum(x, 0)), kept);
        assert_int_equal(tp_dtype_of(tp_mean(x, TP_ALL, false)), real);
        assert_int_equal(tp_dtype_of(tp_max(x, TP_ALL, false)), d);
        assert_int_equal(tp_dtype_of(tp_argmax(x, TP_ALL, false)), TP_I64);
        assert_int_equal(tp_dtype_of(tp_any(x, TP_ALL, false)), TP_BOOL);
        expect_item(tp_sum(x, TP_ALL, false), 2);
        expect_item(tp_max(x, TP_ALL, false), 1);
        expect_item(tp_argmin(x, TP_ALL, false), 1);
        expect_values(tp_sort(x, 0, true, NULL), TP_SHAPE(3), 1, 1, 0);
    }
    static const uint64_t large[] = {1, UINT64_MAX, UINT64_MAX - 1};
    tp_tensor *u = tp_from_array(c, TP_SHAPE(3), TP_U64, large);
    expect_item(tp_argmax(u, TP_ALL, false), 1);
    expect_values(tp_argsort(u, 0, true), TP_SHAPE(3), 1, 2, 0);
    expect_item(tp_max(u, TP_ALL, false), 0x1p64);
}

/* --- topk against sort --- */

static void test_topk(void **state)
{
    tp_context *c = *state;
    enum { N = 3000 };
    static double values[N];
    for (int k = 0; k < N; k++) values[k] = (double)((k * 7919) % 1009); /* with equal ones */
    tp_tensor *x = tp_from_doubles(c, TP_SHAPE(N), TP_F32, values);
    for (int largest = 0; largest < 2; largest++) {
        tp_tensor *order, *sorted = tp_sort(x, 0, largest, &order);
        for (int64_t k = 1; k <= N; k = 3 * k + 1) {
            tp_tensor *where, *top = tp_topk(x, k, 0, largest, &where);
            assert_true(tp_item(tp_all(tp_eq(top, tp_slice(sorted, 0, 0, k, 1)), TP_ALL, false)) == 1);
            assert_true(tp_item(tp_all(tp_eq(where, tp_slice(order, 0, 0, k, 1)), TP_ALL, false)) == 1);
        }
    }
}

/* --- the order of sums, as lanes.h describes it --- */

static float block_sum(const float *x, int n)
{
    float lane[16] = {0};
    for (int k = 0; k < n; k++) lane[k % 16] += x[k];
    for (int half = 8; half >= 1; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

/* Of the blocks from `first` on: the largest power of two of them, in halves, and then the rest. */
static float pairwise(const float *block, int n, bool whole)
{
    if (n == 1) return block[0];
    int left = 1;
    while (2 * left < n || (!whole && 2 * left <= n)) left *= 2;
    if (left == n) left /= 2;
    return pairwise(block, left, true) + pairwise(block + left, n - left, false);
}

static float expected_sum(const float *x, int n)
{
    float block[16];
    int blocks = 0;
    for (int k = 0; k < n; k += 1024) block[blocks++] = block_sum(x + k, n - k < 1024 ? n - k : 1024);
    return blocks ? pairwise(block, blocks, false) : 0;
}

static void expect_sum(tp_context *c, const float *x, int n)
{
    tp_mark scope = tp_open_scope(c);
    float wanted = expected_sum(x, n), got[3], mean, wanted_mean = wanted / (float)n;
    tp_tensor *t = tp_from_array(c, TP_SHAPE(n), TP_F32, x);
    tp_read(tp_sum(t, TP_ALL, false), got, sizeof *got);
    assert_memory_equal(&wanted, got, sizeof wanted);
    tp_read(tp_mean(t, TP_ALL, false), &mean, sizeof mean);
    if (n) assert_memory_equal(&wanted_mean, &mean, sizeof mean);
    /* down the columns of [n,3], which is not how they lie */
    tp_read(tp_sum(tp_stack(3, (tp_tensor *const[]){t, t, t}, 1), TP_AXES(0), false), got, sizeof got);
    for (int k = 0; k < 3; k++) assert_memory_equal(&wanted, &got[k], sizeof wanted);
    /* over two axes, whose elements count row-major wherever they lie */
    tp_tensor *flipped = tp_transpose(tp_reshape(t, n % 2 ? TP_SHAPE(n, 1) : TP_SHAPE(n / 2, 2)), 0, 1);
    tp_tensor *copy = tp_transpose(tp_clone(flipped), 0, 1);
    tp_read(tp_sum(copy, TP_ALL, false), got, sizeof *got);
    assert_memory_equal(&wanted, got, sizeof wanted);
    assert_true(tp_ok(c));
    tp_close_scope(c, scope);
}

static void test_sum_order(void **state)
{
    tp_context *c = *state;
    enum { MOST = 13000 };
    static float x[MOST];
    uint32_t seed = 1;
    for (int k = 0; k < MOST; k++) {
        seed = seed * 1664525u + 1013904223u;
        x[k] = (float)(int32_t)seed * 0x1p-31f;
    }
    for (int n = 0; n <= 70; n++) expect_sum(c, x, n);
    for (int n = 1000; n <= 1100; n++) expect_sum(c, x, n);
    for (int n = 2000; n <= MOST; n += 1000) expect_sum(c, x, n);
}

static void expect_same(const tp_tensor *a, const tp_tensor *b)
{
    static double of_a[3100 * 130], of_b[3100 * 130];
    int64_t n = tp_numel(a);
    tp_read_doubles(a, of_a, n);
    tp_read_doubles(b, of_b, n);
    assert_memory_equal(of_a, of_b, (size_t)n * sizeof *of_a);
}

/* Reductions down the columns of x and along the rows of a copy of its transpose. */
static void expect_columns(tp_tensor *x)
{
    tp_tensor *t = tp_contiguous(tp_transpose(x, 0, 1));
    tp_tensor *const columns[] = {tp_sum(x, TP_AXES(0), false),       tp_max(x, TP_AXES(0), false),
                                  tp_argmin(x, TP_AXES(0), false),    tp_mean(x, TP_AXES(0), false),
                                  tp_logsumexp(x, TP_AXES(0), false), tp_std(x, TP_AXES(0), 0, false),
                                  tp_norm(x, 2, TP_AXES(0), false),   tp_softmax(x, 0)};
    tp_tensor *const rows[] = {tp_sum(t, TP_AXES(1), false),       tp_max(t, TP_AXES(1), false),
                               tp_argmin(t, TP_AXES(1), false),    tp_mean(t, TP_AXES(1), false),
                               tp_logsumexp(t, TP_AXES(1), false), tp_std(t, TP_AXES(1), 0, false),
                               tp_norm(t, 2, TP_AXES(1), false),   tp_transpose(tp_softmax(t, 1), 0, 1)};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) expect_same(columns[i], rows[i]);
}

static void test_columns(void **state)
{
    tp_context *c = *state;
    static const tp_dtype dtypes[] = {TP_F32, TP_F64, TP_F16};
    static const int64_t lengths[] = {1, 2, 15, 17, 70, 1023, 1024, 1041, 3100},
                         widths[] = {2, 15, 17, 64, 65, 130};
    tp_simd widest = tp_simd_widest();
    for (int level = 0; level <= (int)widest; level++)
        for (size_t i = 0; i < 9 * 6; i++) {
            tp_mark scope = tp_open_scope(c);
            tp_simd_use((tp_simd)level);
            expect_columns(tp_normal(c, TP_SHAPE(lengths[i / 6], widths[i % 6]), 0, 1, dtypes[i % 3]));
            assert_true(tp_ok(c));
            tp_close_scope(c, scope);
        }
    tp_simd_use(widest);
}

/* The first NaN is the most extreme, wherever it stands. */
static void test_arg_of_nan(void **state)
{
    tp_context *c = *state;
    double x[70];
    for (int at = 0; at < 70; at++) {
        for (int k = 0; k < 70; k++) x[k] = k == at || k > 60 ? (double)NAN : k % 7;
        tp_tensor *t = tp_from_doubles(c, TP_SHAPE(70), TP_F32, x);
        assert_int_equal(tp_item(tp_argmax(t, TP_ALL, false)), at < 61 ? at : 61);
        assert_int_equal(tp_item(tp_argmin(t, TP_ALL, false)), at < 61 ? at : 61);
    }
}

static const struct CMUnitTest tests[] = {
    TEST(test_edges),
    TEST(test_no_elements),
    TEST(test_errors),
    TEST(test_prod_twice_at_zeros),
    TEST(test_variance_of_equal_elements),
    TEST(test_half),
    TEST(test_dtypes),
    TEST(test_topk),
    TEST(test_sum_order),
    TEST(test_columns),
    TEST(test_arg_of_nan),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
