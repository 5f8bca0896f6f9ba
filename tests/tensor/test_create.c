#include "fixture.h"

static void test_from_memory(void **state)
{
    tp_context *c = *state;
    int32_t values[] = {1, -2, 3, -4, 5, -6};
    tp_tensor *t = tp_from_array(c, TP_SHAPE(2, 3), TP_I32, values);
    values[0] = 99; /* it is a copy */
    assert_int_equal(tp_dtype_of(t), TP_I32);
    expect_values(t, TP_SHAPE(2, 3), 1, -2, 3, -4, 5, -6);
    static const double doubles[] = {1.9, -1.9, 300, NAN};
    expect_values(tp_from_doubles(c, TP_SHAPE(4), TP_U8, doubles), TP_SHAPE(4), 1, 0, 255, 0);
    expect_values(tp_from_doubles(c, TP_SHAPE(2, 2), TP_BOOL, doubles), TP_SHAPE(2, 2), 1, 1, 1, 1);
    expect_near(tp_item(tp_from_doubles(c, TP_SCALAR, TP_F32, (double[]){0.1})), (double)0.1f, 0);
    assert_int_equal(tp_numel(tp_from_array(c, TP_SHAPE(0), TP_F32, NULL)), 0);
    assert_true(tp_is_nil(tp_from_array(c, TP_SHAPE(1), TP_F32, NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_from_array: argument 'data' is NULL");
    assert_true(tp_is_nil(tp_from_doubles(c, TP_SCALAR, TP_F32, NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_from_doubles: argument 'data' is NULL");
}

static void test_constants(void **state)
{
    tp_context *c = *state;
    for (int d = 0; d < TP_DTYPES; d++) {
        tp_dtype dtype = (tp_dtype)d;
        expect_values(tp_zeros(c, TP_SHAPE(2), dtype), TP_SHAPE(2), 0, 0);
        expect_values(tp_ones(c, TP_SHAPE(3), dtype), TP_SHAPE(3), 1, 1, 1);
        double seven = dtype == TP_BOOL ? 1 : 7;
        tp_tensor *t = tp_full(c, TP_SHAPE(1, 2), 7, dtype);
        expect_values(t, TP_SHAPE(1, 2), seven, seven);
        expect_values(tp_scalar(c, 7, dtype), TP_SCALAR, seven);
        tp_tensor *like = tp_zeros_like(t);
        assert_int_equal(tp_dtype_of(like), dtype);
        expect_values(like, TP_SHAPE(1, 2), 0, 0);
    }
    tp_tensor *turned = tp_zeros_like(tp_transpose(tp_zeros(c, TP_SHAPE(2, 3), TP_F32), 0, 1));
    assert_true(tp_is_contiguous(turned));
    assert_int_equal(tp_size(turned, 0), 3);
}

/* The wanted values are numpy.arange's and numpy.linspace's. */
static void test_ranges(void **state)
{
    tp_context *c = *state;
    expect_values(tp_arange(c, 0, 5, 1, TP_I64), TP_SHAPE(5), 0, 1, 2, 3, 4);
    expect_values(tp_arange(c, 1, 2, 0.25, TP_F32), TP_SHAPE(4), 1, 1.25, 1.5, 1.75);
    expect_values(tp_arange(c, 5, 0, -2, TP_F64), TP_SHAPE(3), 5, 3, 1);
    expect_values(tp_arange(c, 0, 4.5, 1, TP_F64), TP_SHAPE(5), 0, 1, 2, 3, 4);
    assert_int_equal(tp_numel(tp_arange(c, 3, 3, 1, TP_F64)), 0);
    assert_int_equal(tp_numel(tp_arange(c, 3, 0, 1, TP_F64)), 0);
    static const double wrong[][3] = {{0, 1, 0},        {0, NAN, 1},   {NAN, 1, 1},       {0, 1, NAN},
                                      {0, INFINITY, 1}, {0, 1e300, 1}, {-INFINITY, 0, 1}, {0, 1, 1e-300}};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        assert_true(tp_is_nil(tp_arange(c, wrong[k][0], wrong[k][1], wrong[k][2], TP_F64)));
        expect_error(c, TP_ERR_ARGUMENT, "tp_arange: no number of steps");
    }
    expect_values(tp_linspace(c, 0, 1, 5, TP_F64), TP_SHAPE(5), 0, 0.25, 0.5, 0.75, 1);
    expect_values(tp_linspace(c, 2, -1, 4, TP_F32), TP_SHAPE(4), 2, 1, 0, -1);
    expect_values(tp_linspace(c, 3, 9, 1, TP_F64), TP_SHAPE(1), 3);
    assert_int_equal(tp_numel(tp_linspace(c, 3, 9, 0, TP_F64)), 0);
    expect_near(tp_get(tp_linspace(c, 0, 0.1, 8, TP_F64), TP_INTS(-1)), 0.1, 0); /* the end itself */
}

static void test_eye(void **state)
{
    tp_context *c = *state;
    expect_values(tp_eye(c, 3, TP_F64), TP_SHAPE(3, 3), 1, 0, 0, 0, 1, 0, 0, 0, 1);
    expect_values(tp_eye(c, 1, TP_BOOL), TP_SHAPE(1, 1), 1);
    assert_int_equal(tp_rank(tp_eye(c, 0, TP_F32)), 2);
    assert_true(tp_is_nil(tp_eye(c, -1, TP_F32)));
    expect_error(c, TP_ERR_SHAPE, "[-1,-1] has a negative size");
}

static void test_shapes_that_cannot_be(void **state)
{
    tp_context *c = *state;
    assert_false(tp_is_nil(tp_zeros(c, TP_SHAPE(1, 1, 1, 1, 1, 1, 1, 1), TP_F32)));
    assert_true(tp_is_nil(tp_zeros(c, TP_SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1), TP_F32)));
    expect_error(c, TP_ERR_SHAPE, "tp_zeros: rank 9 is outside 0 to 8");
    assert_true(tp_is_nil(tp_zeros(c, TP_ALL, TP_F32)));
    expect_error(c, TP_ERR_SHAPE, "tp_zeros: rank -1 is outside 0 to 8");
    assert_true(tp_is_nil(tp_ones(c, TP_SHAPE(3, -2), TP_F32)));
    expect_error(c, TP_ERR_SHAPE, "tp_ones: shape [3,-2] has a negative size");
    int64_t huge = INT64_C(1) << 62;
    assert_true(tp_is_nil(tp_full(c, TP_SHAPE(huge, 2), 1, TP_U8)));
    expect_error(c, TP_ERR_SHAPE, "is too large");
    assert_true(tp_is_nil(tp_full(c, TP_SHAPE(huge, huge, huge, 0), 1, TP_U8)));
    expect_error(c, TP_ERR_SHAPE, "is too large");
    assert_true(tp_is_nil(tp_from_array(c, TP_SHAPE(huge, huge, huge), TP_U8, NULL)));
    assert_false(tp_ok(c));
    tp_clear(c);
    assert_true(tp_is_nil(tp_wrap(c, TP_SHAPE(huge, huge, huge), TP_U8, NULL, NULL, NULL)));
    assert_false(tp_ok(c));
    tp_clear(c);
    assert_true(tp_is_nil(tp_zeros(c, TP_SHAPE(1), TP_DTYPES)));
    expect_error(c, TP_ERR_DTYPE, "tp_zeros: 13 is no dtype");
}

static void test_no_context(void **state)
{
    (void)state;
    double x = 1;
    assert_true(tp_is_nil(tp_from_array(NULL, TP_SHAPE(1), TP_F64, &x)));
    assert_true(tp_is_nil(tp_from_doubles(NULL, TP_SHAPE(1), TP_F64, &x)));
    assert_true(tp_is_nil(tp_wrap(NULL, TP_SHAPE(1), TP_F64, &x, NULL, NULL)));
    assert_true(tp_is_nil(tp_scalar(NULL, 1, TP_F64)));
    assert_true(tp_is_nil(tp_full(NULL, TP_SHAPE(1), 1, TP_F64)));
    assert_true(tp_is_nil(tp_zeros(NULL, TP_SHAPE(1), TP_F64)));
    assert_true(tp_is_nil(tp_ones(NULL, TP_SHAPE(1), TP_F64)));
    assert_true(tp_is_nil(tp_zeros_like(NULL)));
    assert_true(tp_is_nil(tp_arange(NULL, 0, 1, 1, TP_F64)));
    assert_true(tp_is_nil(tp_linspace(NULL, 0, 1, 1, TP_F64)));
    assert_true(tp_is_nil(tp_eye(NULL, 1, TP_F64)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_from_memory),           TEST(test_constants),  TEST(test_ranges), TEST(test_eye),
        TEST(test_shapes_that_cannot_be), TEST(test_no_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
