#include "ops/cases.h"

#include "base/pool.h"

/* The points of make_elementwise.py. */
static const double points[] = {0,    -0.0, 0.5, -0.5, 1,    -1,       1.5,       2.5,
                                -2.5, 40,   -40, 800,  -800, INFINITY, -INFINITY, NAN};
static const double tails[] = {-37,     -26.25,  -9.75,  -3.25, -1.25, -0.375,
                               -0x1p-7, 0x1p-30, 0.3125, 1.75,  5.125, 20.875};

enum { POINTS = sizeof points / sizeof *points, TAILS = sizeof tails / sizeof *tails };

/* --- values and gradients of PyTorch at special points --- */

#define VALUES(call, ...) expect_values(call, TP_SHAPE(POINTS), __VA_ARGS__);
#define SLOPES(call, ...) \
    expect_values(tp_grad(tp_sum(call, TP_ALL, false), x), TP_SHAPE(POINTS), __VA_ARGS__);
#define BINARY(...)
#define ACCURATE(...)

static void test_points(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(tp_from_doubles(c, TP_SHAPE(POINTS), TP_F64, points));
#include "golden/elementwise.def"
}

#undef VALUES
#undef SLOPES
#undef BINARY
#define VALUES(...)
#define SLOPES(...)
#define BINARY(call, first, second, value, slope_a, slope_b) \
    {                                                        \
        tp_tensor *a = tp_require_grad(NUMBER(c, first));    \
        tp_tensor *b = tp_require_grad(NUMBER(c, second));   \
        tp_tensor *y = call;                                 \
        expect_item(y, value);                               \
        expect_item(tp_grad(y, a), slope_a);                 \
        expect_item(tp_grad(y, b), slope_b);                 \
    }

static void test_pairs(void **state)
{
    tp_context *c = *state;
#include "golden/elementwise.def"
}

/* --- accuracy where it is easily lost --- */

/* Within 3 units in the last place in f64, within 1 in f32. */
static void expect_accurate(tp_tensor *f64, tp_tensor *f32, const double *wanted, int line)
{
    double got[TAILS];
    float narrow[TAILS];
    assert_int_equal(tp_read_doubles(f64, got, TAILS), TP_OK);
    assert_int_equal(tp_read(f32, narrow, sizeof narrow), TP_OK);
    for (int k = 0; k < TAILS; k++) {
        double size = fabs(wanted[k]);
        float rounded = (float)size;
        double unit = nextafter(size, INFINITY) - size, unit_f32 = nextafterf(rounded, INFINITY) - rounded;
        expect_near_(got[k], wanted[k], 3 * unit, "golden/elementwise.def", line);
        expect_near_((double)narrow[k], wanted[k], unit_f32, "golden/elementwise.def", line);
    }
}

static tp_tensor *tails_of(tp_context *c, tp_dtype dtype)
{
    return tp_from_doubles(c, TP_SHAPE(TAILS), dtype, tails);
}

#undef BINARY
#undef ACCURATE
#define BINARY(...)
#define ACCURATE(call, ...)                                                  \
    {                                                                        \
        tp_tensor *z = tails_of(c, TP_F64), *f64 = call;                     \
        z = tails_of(c, TP_F32);                                             \
        expect_accurate(f64, call, (const double[]){__VA_ARGS__}, __LINE__); \
    }

static void test_accuracy(void **state)
{
    tp_context *c = *state;
#include "golden/elementwise.def"
}

/* --- second derivatives at kinks and far out: nothing becomes 0 * infinity --- */

#define expect_second(call, at, wanted)                                     \
    {                                                                       \
        tp_tensor *x = tp_require_grad(NUMBER(c, at)), *y = call;           \
        tp_tensor *g = tp_grad(tp_add(y, tp_square(x)), x, .record = true); \
        expect_item(tp_grad(g, x), 2 + (wanted));                           \
    }

static void test_second(void **state)
{
    tp_context *c = *state;
    expect_second(tp_abs(x), 0, 0);
    expect_second(tp_relu(x), 0, 0);
    expect_second(tp_elu(x, 1), 0, 1);
    expect_second(tp_elu(x, 1), 1000, 0);
    expect_second(tp_elu(x, 1), -1000, 0);
    expect_second(tp_softplus(x), 1000, 0);
    expect_second(tp_log_sigmoid(x), -1000, 0);
    expect_second(tp_silu(x), -1000, 0);
    expect_second(tp_gelu(x, false), -1000, 0);
    expect_second(tp_mish(x), 0, 0.64);
    expect_second(tp_pow_scalar(x, 2), 0, 2);
    expect_second(tp_pow_scalar(x, 1), 0, 0);
    expect_second(tp_pow_scalar(x, 0), 0, 0);
    expect_second(tp_pow_scalar(x, 3), -2, -12);
    expect_second(tp_maximum(x, tp_mul_scalar(x, 2)), 0, 0);
}

/* --- integers --- */

static const int64_t wide[] = {INT64_MIN, -7, -1, 0, 1, 7, INT64_MAX};

enum { WIDE = sizeof wide / sizeof *wide };

static void expect_i64(tp_tensor *y, tp_dtype dtype, const int64_t *wanted, int line)
{
    int64_t got[WIDE];
    assert_int_equal(tp_dtype_of(y), dtype);
    assert_int_equal(tp_read(y, got, sizeof got), TP_OK);
    for (int k = 0; k < WIDE; k++)
        if (got[k] != wanted[k]) {
            print_error("element %d: expected %lld, got %lld\n", k, (long long)wanted[k], (long long)got[k]);
            _fail(__FILE__, line);
        }
}
#define I64(y, ...) expect_i64(y, TP_I64, (const int64_t[]){__VA_ARGS__}, __LINE__)

static void test_integers(void **state)
{
    tp_context *c = *state;
    const int64_t min = INT64_MIN, max = INT64_MAX;
    tp_tensor *x = tp_from_array(c, TP_SHAPE(WIDE), TP_I64, wide);
    I64(tp_neg(x), min, 7, 1, 0, -1, -7, -max);
    I64(tp_abs(x), min, 7, 1, 0, 1, 7, max);
    I64(tp_sign(x), -1, -1, -1, 0, 1, 1, 1);
    I64(tp_square(x), 0, 49, 1, 0, 1, 49, 1);
    I64(tp_floor(x), min, -7, -1, 0, 1, 7, max);
    I64(tp_round(x), min, -7, -1, 0, 1, 7, max);
    I64(tp_clamp(x, -1.5, 6.5), -1, -1, -1, 0, 1, 6, 6);
    I64(tp_clamp(x, -INFINITY, INFINITY), min, -7, -1, 0, 1, 7, max);
    I64(tp_clamp(x, 3, 2), 2, 2, 2, 2, 2, 2, 2);
    I64(tp_clamp(x, 3, 3), 3, 3, 3, 3, 3, 3, 3);
    I64(tp_add_scalar(x, 1), min + 1, -6, 0, 1, 2, 8, min);
    I64(tp_rsub_scalar(x, 1), min + 1, 8, 2, 1, 0, -6, min + 2);
    tp_tensor *three = tp_scalar(c, -3, TP_I64), *zero = tp_scalar(c, 0, TP_I64),
              *one = tp_scalar(c, -1, TP_I64);
    I64(tp_fmod(x, three), -2, -1, -1, 0, 1, 1, 1);
    I64(tp_remainder(x, three), -2, -1, -1, 0, -2, -2, -2);
    I64(tp_floor_divide(x, three), 3074457345618258602, 2, 0, 0, -1, -3, -3074457345618258603);
    I64(tp_fmod(x, zero), 0, 0, 0, 0, 0, 0, 0);
    I64(tp_remainder(x, zero), 0, 0, 0, 0, 0, 0, 0);
    I64(tp_floor_divide(x, zero), 0, 0, 0, 0, 0, 0, 0);
    I64(tp_fmod(x, one), 0, 0, 0, 0, 0, 0, 0);
    I64(tp_floor_divide(x, one), min, 7, 1, 0, -1, -7, -max);
    I64(tp_pow_scalar(x, 3), 0, -343, -1, 0, 1, 343, max);
    I64(tp_pow_scalar(x, 0), 1, 1, 1, 1, 1, 1, 1);
    I64(tp_pow_scalar(x, -1), 0, 0, -1, 0, 1, 0, 0);
    I64(tp_pow_scalar(x, -2), 0, 0, 1, 0, 1, 0, 0);
    I64(tp_maximum(x, zero), 0, 0, 0, 0, 1, 7, max);
    I64(tp_minimum(x, zero), min, -7, -1, 0, 0, 0, 0);
    tp_tensor *byte = tp_scalar(c, 5, TP_U8);
    expect_item(tp_clamp(byte, 1, -1), 0);
    expect_item(tp_clamp(byte, 300, 400), 255);
    expect_item(tp_clamp(byte, -300, 400), 5);
    expect_item(tp_clamp(tp_scalar(c, 1, TP_BOOL), -3, 0.5), 0);
    expect_item(tp_clamp(tp_scalar(c, 0, TP_BOOL), -3, 0.5), 0);
    assert_int_equal(tp_dtype_of(tp_div_scalar(x, 2)), TP_F32);
    assert_int_equal(tp_dtype_of(tp_add_scalar(x, 0.5)), TP_F32);
    assert_int_equal(tp_dtype_of(tp_add_scalar(tp_scalar(c, 1, TP_F16), 0.5)), TP_F16);
    expect_item(tp_div(tp_scalar(c, 1, TP_I32), tp_scalar(c, 2, TP_I32)), 0.5);
    expect_item(tp_add_scalar(tp_scalar(c, 1, TP_BOOL), 2), 3);
    expect_item(tp_add_scalar(tp_scalar(c, 3, TP_U8), -1), 2);
    expect_item(tp_add_scalar(tp_scalar(c, 3, TP_U8), 300), 47);
    expect_item(tp_abs(tp_scalar(c, -128, TP_I8)), -128);
    expect_item(tp_neg(tp_scalar(c, 5, TP_U8)), 251);
}

/* The upper half of u64, where the same bits are negative as i64. */
static void test_unsigned(void **state)
{
    tp_context *c = *state;
    static const uint64_t numbers[] = {0, 1, UINT64_C(1) << 63, UINT64_MAX};
    tp_tensor *x = tp_from_array(c, TP_SHAPE(4), TP_U64, numbers), *big = tp_select(x, 0, 2);
    expect_values(tp_gt(x, big), TP_SHAPE(4), 0, 0, 0, 1);
    expect_values(tp_ge(x, big), TP_SHAPE(4), 0, 0, 1, 1);
    expect_values(tp_lt(x, big), TP_SHAPE(4), 1, 1, 0, 0);
    expect_values(tp_le(x, big), TP_SHAPE(4), 1, 1, 1, 0);
    expect_values(tp_eq(x, big), TP_SHAPE(4), 0, 0, 1, 0);
    expect_values(tp_ne(x, big), TP_SHAPE(4), 1, 1, 0, 1);
    expect_values(tp_sign(x), TP_SHAPE(4), 0, 1, 1, 1);
    expect_values(tp_abs(x), TP_SHAPE(4), 0, 1, 0x1p63, 0x1p64);
    expect_values(tp_maximum(x, big), TP_SHAPE(4), 0x1p63, 0x1p63, 0x1p63, 0x1p64);
    expect_values(tp_minimum(x, big), TP_SHAPE(4), 0, 1, 0x1p63, 0x1p63);
    expect_values(tp_clamp(x, -3, 0x1p63), TP_SHAPE(4), 0, 1, 0x1p63, 0x1p63);
    expect_values(tp_fmod(x, tp_scalar(c, 10, TP_U64)), TP_SHAPE(4), 0, 1, 8, 5);
    expect_values(tp_remainder(x, tp_scalar(c, 10, TP_U64)), TP_SHAPE(4), 0, 1, 8, 5);
    expect_values(tp_floor_divide(x, big), TP_SHAPE(4), 0, 0, 1, 1);
    expect_values(tp_pow_scalar(x, 3), TP_SHAPE(4), 0, 1, 0, 0x1p64);
    expect_values(tp_gt_scalar(x, -1), TP_SHAPE(4), 1, 1, 1, 1);
    expect_values(tp_lt_scalar(x, 0.5), TP_SHAPE(4), 1, 0, 0, 0);
}

/* --- comparisons, logic, kinds --- */

static void test_truth(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = VECTOR(c, -1, 0, 2, INFINITY, -INFINITY, NAN), *zero = NUMBER(c, 0);
    tp_shape six = TP_SHAPE(6);
    expect_values(tp_gt(x, zero), six, 0, 0, 1, 1, 0, 0);
    expect_values(tp_ge(x, zero), six, 0, 1, 1, 1, 0, 0);
    expect_values(tp_lt(x, zero), six, 1, 0, 0, 0, 1, 0);
    expect_values(tp_le(x, zero), six, 1, 1, 0, 0, 1, 0);
    expect_values(tp_eq(x, zero), six, 0, 1, 0, 0, 0, 0);
    expect_values(tp_ne(x, zero), six, 1, 0, 1, 1, 1, 1);
    expect_values(tp_eq(x, x), six, 1, 1, 1, 1, 1, 0);
    expect_values(tp_isnan(x), six, 0, 0, 0, 0, 0, 1);
    expect_values(tp_isinf(x), six, 0, 0, 0, 1, 1, 0);
    expect_values(tp_isfinite(x), six, 1, 1, 1, 0, 0, 0);
    expect_values(tp_isfinite(tp_scalar(c, 3, TP_I32)), TP_SCALAR, 1);
    expect_values(tp_isnan(tp_scalar(c, 3, TP_I32)), TP_SCALAR, 0);
    expect_values(tp_isinf(tp_scalar(c, 3, TP_BOOL)), TP_SCALAR, 0);
    expect_values(tp_isinf(tp_scalar(c, INFINITY, TP_F16)), TP_SCALAR, 1);
    expect_values(tp_logical_not(x), six, 0, 1, 0, 0, 0, 0);
    tp_tensor *a = VECTOR(c, 0, 0, 0.25, NAN), *b = VECTOR(c, 0, 3, 0, 1);
    expect_values(tp_logical_and(a, b), TP_SHAPE(4), 0, 0, 0, 1);
    expect_values(tp_logical_or(a, b), TP_SHAPE(4), 0, 1, 1, 1);
    expect_values(tp_logical_xor(a, b), TP_SHAPE(4), 0, 1, 1, 0);
    assert_int_equal(tp_dtype_of(tp_logical_and(a, b)), TP_BOOL);
}

/* A bound that the integers cannot hold still compares as a number. */
static void test_bounds(void **state)
{
    tp_context *c = *state;
    static const int8_t bytes[] = {-128, 0, 127};
    tp_tensor *x = tp_from_array(c, TP_SHAPE(3), TP_I8, bytes);
    expect_values(tp_ge_scalar(x, 200), TP_SHAPE(3), 0, 0, 0);
    expect_values(tp_le_scalar(x, 200), TP_SHAPE(3), 1, 1, 1);
    expect_values(tp_gt_scalar(x, -0.5), TP_SHAPE(3), 0, 1, 1);
    expect_values(tp_lt_scalar(x, INFINITY), TP_SHAPE(3), 1, 1, 1);
    expect_values(tp_eq_scalar(x, 127), TP_SHAPE(3), 0, 0, 1);
    expect_values(tp_ne_scalar(x, NAN), TP_SHAPE(3), 1, 1, 1);
    /* as in PyTorch, a number has the dtype of the floats it meets */
    expect_item(tp_eq_scalar(tp_scalar(c, 0.1, TP_F32), 0.1), 1);
}

/* What a number of threads makes of 300,001 elements: a sum of functions, updated in place. */
static tp_tensor *by_threads(tp_tensor *x, tp_tensor *g, int threads)
{
    tp_set_threads(threads);
    int64_t before = tp_parallel_forks();
    tp_tensor *y = tp_add_scalar(tp_mul(tp_tanh(x), tp_exp(g)), 0.25);
    y = tp_where(tp_gt_scalar(x, 0), y, tp_cast(tp_cast(y, TP_F64), TP_F32));
    tp_sgd_update(y, g, 0.1);
    assert_true(threads > 1 ? tp_parallel_forks() - before >= 5 : tp_parallel_forks() == before);
    tp_set_threads(0);
    return y;
}

static void test_threads(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_uniform(c, TP_SHAPE(300001), -2, 2, TP_F32);
    tp_tensor *g = tp_uniform(c, TP_SHAPE(300001), -1, 1, TP_F32);
    tp_tensor *alone = by_threads(x, g, 1);
    for (int threads = 2; threads <= 5; threads++)
        assert_memory_equal(tp_data(by_threads(x, g, threads)), tp_data(alone), 300001 * sizeof(float));
}

static void test_errors(void **state)
{
    tp_context *c = *state;
    tp_tensor *a = tp_zeros(c, TP_SHAPE(2), TP_F32), *b = tp_zeros(c, TP_SHAPE(3), TP_F32);
    FAILS(tp_atan2(a, b), "atan2 (),()->(): cannot take [2], [3]");
    FAILS(tp_add_scalar(tp_nil(c), 1), "add: argument 'a' is nil");
    assert_true(tp_is_nil(tp_mul_scalar(NULL, 1)));
    FAILS(tp_selu(tp_nil(c)), "elu: argument 'x' is nil");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_points),   TEST(test_pairs), TEST(test_accuracy), TEST(test_second), TEST(test_integers),
        TEST(test_unsigned), TEST(test_truth), TEST(test_bounds),   TEST(test_errors), TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
