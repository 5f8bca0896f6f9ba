#include "ops/cases.h"

enum { MANY = 100000 };

/* --- values: the blocks of Philox, worked out by make_ops.py --- */

static tp_tensor *key_of(tp_context *c, uint64_t seed, uint64_t counter)
{
    return tp_from_array(c, TP_SHAPE(2), TP_U64, (const uint64_t[]){seed, counter});
}

static void test_values(void **state)
{
    tp_context *c = *state;
    tp_tensor *key = key_of(c, ((uint64_t)1 << 40) + 5, ((uint64_t)1 << 35) + 3);
#include "golden/random.def"
}

/* --- distributions --- */

static double values[MANY];

static const double *draws(const tp_tensor *y)
{
    assert_int_equal(tp_read_doubles(y, values, MANY), TP_OK);
    return values;
}

static double mean_of(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i];
    return sum / n;
}

static double variance_of(const double *x, int n)
{
    double sum = 0, mean = mean_of(x, n);
    for (int i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return sum / n;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double uniform_cdf(double x) { return x; }
static double normal_cdf(double x) { return erfc(-x / sqrt(2)) / 2; }

/* The statistic of Kolmogorov and Smirnov times sqrt(n): above 1.95 once in a thousand. */
static double distance(double *x, double cdf(double))
{
    double worst = 0;
    qsort(x, MANY, sizeof *x, ascending);
    for (int i = 0; i < MANY; i++) worst = fmax(worst, fmax(cdf(x[i]) - i / 1e5, (i + 1) / 1e5 - cdf(x[i])));
    return worst * sqrt(MANY);
}

static void test_uniform(void **state)
{
    tp_context *c = *state;
    static const tp_dtype dtypes[] = {TP_F64, TP_F32, TP_F16, TP_BF16};
    for (uint64_t seed = 0; seed < 4; seed++) {
        tp_seed(c, seed);
        draws(tp_uniform(c, TP_SHAPE(MANY), 0, 1, dtypes[seed]));
        expect_near(mean_of(values, MANY), seed < 3 ? 0.5 : 0.5 - 0x1p-9, 0.004); /* bf16 cuts to 2^-8 */
        expect_near(variance_of(values, MANY), 1 / 12.0, 0.002);
        for (int i = 0; i < MANY; i++) assert_true(values[i] >= 0 && values[i] < 1);
        if (seed < 2) assert_true(distance(values, uniform_cdf) < 1.95);
    }
}

static void test_normal(void **state)
{
    tp_context *c = *state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        tp_seed(c, seed);
        draws(tp_normal(c, TP_SHAPE(100, MANY / 100), 0, 1, seed ? TP_F32 : TP_F64));
        expect_near(mean_of(values, MANY), 0, 0.01);
        expect_near(variance_of(values, MANY), 1, 0.015);
        assert_true(distance(values, normal_cdf) < 1.95);
        draws(tp_normal(c, TP_SHAPE(MANY), -3, 0.5, TP_BF16));
        expect_near(mean_of(values, MANY), -3, 0.005);
        expect_near(variance_of(values, MANY), 0.25, 0.005);
    }
}

/* Chi-square of counts that should be even. */
static double chi_square(const int *count, int classes, int n)
{
    double sum = 0, even = (double)n / classes;
    for (int k = 0; k < classes; k++) sum += (count[k] - even) * (count[k] - even) / even;
    return sum;
}

static void test_randint(void **state)
{
    tp_context *c = *state;
    int count[10] = {0};
    draws(tp_randint(c, -4, 6, TP_SHAPE(MANY), TP_I8));
    for (int i = 0; i < MANY; i++) {
        assert_in_range((int)values[i] + 4, 0, 9);
        count[(int)values[i] + 4]++;
    }
    assert_true(chi_square(count, 10, MANY) < 27.9); /* 9 degrees: once in a thousand */
    /* three quarters of all u64: a draw of 64 bits would favour some */
    draws(tp_randint(c, INT64_MIN, (int64_t)1 << 62, TP_SHAPE(MANY), TP_I64));
    int third[3] = {0};
    for (int i = 0; i < MANY; i++) third[(int)((values[i] + 0x1p63) / 0x1p62)]++;
    assert_true(chi_square(third, 3, MANY) < 13.8);
}

/* All 24 orders of 4, each from its own key of a batch. */
static void test_permutation(void **state)
{
    tp_context *c = *state;
    enum { KEYS = 24000 };
    static uint64_t keys[KEYS][2];
    static int64_t orders[KEYS][4];
    int count[256] = {0}, used[24], n = 0;
    for (uint64_t k = 0; k < KEYS; k++) keys[k][0] = 9, keys[k][1] = k;
    tp_tensor *y = tp_permutation_from(tp_from_array(c, TP_SHAPE(KEYS, 2), TP_U64, keys), 4);
    assert_int_equal(tp_read(y, orders, sizeof orders), TP_OK);
    for (int k = 0; k < KEYS; k++)
        count[orders[k][0] << 6 | orders[k][1] << 4 | orders[k][2] << 2 | orders[k][3]]++;
    for (int k = 0; k < 256; k++)
        if (count[k]) used[n++] = count[k];
    assert_int_equal(n, 24);
    assert_true(chi_square(used, 24, KEYS) < 49.7); /* 23 degrees: once in a thousand */
    assert_int_equal(tp_numel(tp_permutation(c, 0)), 0);
    CASE(tp_permutation(c, 1), TP_SHAPE(1), 0)
}

static void test_bernoulli(void **state)
{
    tp_context *c = *state;
    static const double p[] = {0, 0.25, 0.9, 1};
    tp_tensor *each = tp_expand(tp_from_doubles(c, TP_SHAPE(4, 1), TP_F32, p), TP_SHAPE(4, MANY / 4));
    draws(tp_bernoulli(each));
    for (int k = 0; k < 4; k++) {
        double mean = mean_of(values + k * MANY / 4, MANY / 4);
        expect_near(mean, p[k], p[k] > 0 && p[k] < 1 ? 0.01 : 0);
    }
    assert_int_equal(tp_dtype_of(tp_bernoulli(each)), TP_F32);
}

static void test_dropout(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_full(c, TP_SHAPE(MANY), 3, TP_F32);
    draws(tp_dropout(x, 0.25, true));
    for (int i = 0; i < MANY; i++) assert_true(values[i] == 0 || values[i] == 4);
    expect_near(mean_of(values, MANY), 3, 0.02);
    assert_ptr_equal(tp_dropout(x, 0.25, false), x);
    expect_near(mean_of(draws(tp_dropout(x, 0, true)), MANY), 3, 0);
    expect_near(variance_of(draws(tp_dropout(x, 1, true)), MANY), 0, 0);
    expect_near(values[0], 0, 0);
    /* what is dropped has no gradient, the rest 1 / (1 - p) */
    tp_tensor *leaf = tp_require_grad(tp_ones(c, TP_SHAPE(50), TP_F64));
    tp_tensor *y = tp_dropout(leaf, 0.5, true), *g = tp_grad(tp_sum(y, TP_ALL, false), leaf);
    for (int i = 0; i < 50; i++) expect_near(tp_get(g, TP_INTS(i)), tp_get(y, TP_INTS(i)), 0);
}

/* --- streams --- */

static void test_streams(void **state)
{
    tp_context *c = *state;
    float a[8], b[8];
    tp_seed(c, 7);
    tp_read(tp_uniform(c, TP_SHAPE(8), 0, 1, TP_F32), a, sizeof a);
    assert_int_equal(tp_random_counter(c), 1);
    assert_true(tp_random_seed(c) == 7);
    tp_read(tp_uniform(c, TP_SHAPE(8), 0, 1, TP_F32), b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a); /* the next counter */
    tp_seed(c, 8);
    tp_read(tp_uniform(c, TP_SHAPE(8), 0, 1, TP_F32), b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a); /* another seed */
    tp_seed(c, 7);
    tp_read(tp_uniform(c, TP_SHAPE(2, 4), 0, 1, TP_F32), b, sizeof b);
    assert_memory_equal(a, b, sizeof a); /* the same, whatever the shape */
}

/* A batch of keys gives what each gives alone; keys may be a view. */
static void test_batches(void **state)
{
    tp_context *c = *state;
    tp_tensor *keys = tp_from_array(c, TP_SHAPE(2, 3), TP_U64, (const uint64_t[]){5, 5, 6, 0, 1, 0});
    tp_tensor *p = tp_transpose(tp_expand(VECTOR(c, 0.3, 0.7), TP_SHAPE(700, 2)), 0, 1);
    keys = tp_transpose(keys, 0, 1);
    for (int kind = 0; kind < 5; kind++) {
        double one[1400], all[3 * 1400];
        for (int k = 0; k <= 3; k++) {
            tp_tensor *key = k < 3 ? tp_select(keys, 0, k) : keys;
            tp_tensor *y = kind == 0   ? tp_uniform_from(key, TP_SHAPE(1400), 0, 1, TP_F64)
                           : kind == 1 ? tp_normal_from(key, TP_SHAPE(2, 700), 0, 1, TP_F64)
                           : kind == 2 ? tp_randint_from(key, TP_SHAPE(1400), 0, 99, TP_I32)
                           : kind == 3 ? tp_permutation_from(key, 1400)
                                       : tp_bernoulli_from(key, p);
            if (k < 3)
                assert_int_equal(tp_read_doubles(y, one, 1400), TP_OK);
            else
                assert_int_equal(tp_read_doubles(y, all, 3 * 1400), TP_OK);
        }
        assert_memory_equal(one, all + 2 * 1400, sizeof one);
    }
}

static void test_errors(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_ones(c, TP_SHAPE(2), TP_F32);
    FAILS(tp_uniform(c, TP_SHAPE(2), 2, 1, TP_F32), "uniform_from: low is 2, high is 1");
    FAILS(tp_uniform(c, TP_SHAPE(2), 0, NAN, TP_F32), "uniform_from: low is 0, high is nan");
    FAILS(tp_uniform(c, TP_SHAPE(2), 0, 1, TP_I32), "uniform_from: draws floats, got dtype i32");
    FAILS(tp_uniform(c, TP_SHAPE(-2), 0, 1, TP_F32), "uniform_from: shape [-2] has a negative size");
    FAILS(tp_normal(c, TP_SHAPE(2), 0, -1, TP_F32), "normal_from: mean is 0, std is -1");
    FAILS(tp_randint(c, 3, 3, TP_SHAPE(2), TP_I64), "randint_from: low is 3, high is 3");
    FAILS(tp_permutation(c, -1), "permutation_from: shape [-1] has a negative size");
    FAILS(tp_bernoulli(tp_mul_scalar(x, 1.5)), "bernoulli_from: p[0] is 1.5, outside 0 to 1");
    FAILS(tp_bernoulli(VECTOR(c, 0, NAN)), "bernoulli_from: p[1] is nan, outside 0 to 1");
    FAILS(tp_dropout(x, -0.5, false), "dropout: p is -0.5, outside 0 to 1");
    FAILS(tp_dropout(x, NAN, true), "dropout: p is nan, outside 0 to 1");
    FAILS(tp_uniform_from(x, TP_SHAPE(2), 0, 1, TP_F32),
          "uniform_from: argument 'key' takes a u64 key, got f32");
    FAILS(tp_uniform_from(tp_zeros(c, TP_SHAPE(3), TP_U64), TP_SHAPE(2), 0, 1, TP_F32),
          "uniform_from: takes a key of shape [2], from tp_next_key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_values),      TEST(test_uniform),   TEST(test_normal),  TEST(test_randint),
        TEST(test_permutation), TEST(test_bernoulli), TEST(test_dropout), TEST(test_streams),
        TEST(test_batches),     TEST(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
