#include "ops/cases.h"

static void test_values(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = range(c, TP_SHAPE(2, 3, 4)), *v = range(c, TP_SHAPE(5)), *t = tp_transpose(x, 0, 2);
    tp_tensor *s = tp_scalar(c, 7, TP_F64), *e = tp_zeros(c, TP_SHAPE(0, 3), TP_F64);
#include "golden/layout.def"
}

static void test_pieces(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = range(c, TP_SHAPE(2, 5)), *y[5];
    assert_int_equal(tp_split(x, 2, 1, 5, y), 3);
    assert_int_equal(tp_size(y[0], 1), 2);
    assert_int_equal(tp_size(y[2], 1), 1);
    expect_near(tp_get(y[1], TP_INTS(1, 1)), 8, 0);
    expect_near(tp_get(y[2], TP_INTS(1, 0)), 9, 0);
    assert_true(tp_is_nil(y[3]));
    assert_int_equal(tp_chunk(x, 4, -1, y), 3); /* as torch.chunk: ceil(5 / 4) each */
    assert_int_equal(tp_size(y[2], 1), 1);
    assert_int_equal(tp_chunk(x, 2, 0, y), 2);
    assert_int_equal(tp_split(tp_zeros(c, TP_SHAPE(0), TP_F32), 3, 0, 1, y), 1);
    assert_int_equal(tp_split(x, 2, 1, 2, y), 0);
    assert_string_equal(tp_error_text(c), "split: cannot cut an axis of 5 into at most 2 of size 2");
    assert_true(tp_is_nil(y[0]));
    tp_clear(c);
}

/* What can be seen in place is not copied. */
static void test_views(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = range(c, TP_SHAPE(3, 4));
    const double *data = tp_data(x);
    assert_ptr_equal(tp_data(tp_flip(x, TP_AXES(0))), data + 8);
    assert_ptr_equal(tp_data(tp_diagonal(x, 1, 0, 1)), data + 1);
    assert_ptr_equal(tp_data(tp_diagonal(x, -1, 0, 1)), data + 4);
    assert_ptr_equal(tp_data(tp_flatten(x, 0, 1)), data);
    assert_ptr_equal(tp_contiguous(x), x);
    assert_ptr_equal(tp_repeat(x, TP_INTS(1, 1)), x);
    assert_ptr_not_equal(tp_data(tp_contiguous(tp_transpose(x, 0, 1))), data);
}

static void test_dtypes(void **state)
{
    tp_context *c = *state;
    static const int8_t bytes[] = {1, -2, 3, 4};
    tp_tensor *x = tp_from_array(c, TP_SHAPE(2, 2), TP_I8, bytes);
    assert_int_equal(tp_dtype_of(tp_tril(x, 0)), TP_I8);
    CASE(tp_tril(x, 0), TP_SHAPE(2, 2), 1, 0, 3, 4)
    CASE(tp_pad(x, TP_INTS(0), TP_INTS(1), -7), TP_SHAPE(2, 3), 1, -2, -7, 3, 4, -7)
    CASE(tp_pad(tp_cast(x, TP_BOOL), TP_INTS(0), TP_INTS(1), 1), TP_SHAPE(2, 3), 1, 1, 1, 1, 1, 1)
    CASE(tp_pad(tp_cast(x, TP_BF16), TP_INTS(1), TP_INTS(-1), 0.5), TP_SHAPE(2, 2), 0.5, 1, 0.5, 3)
}

static void test_errors(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = range(c, TP_SHAPE(2, 3));
    FAILS(tp_flatten(x, 1, 0), "flatten: axis -1 stands after axis -2");
    FAILS(tp_flatten(x, 0, 2), "flatten: axis 2 is outside a tensor of rank 2");
    FAILS(tp_movedim(x, 0, -3), "movedim: axis -3 is outside a tensor of rank 2");
    FAILS(tp_flip(x, TP_AXES(1, -1)), "flip: axis -1 is given twice");
    FAILS(tp_roll(x, TP_INTS(1, 2), TP_AXES(0)), "roll: got 2 shifts for 1 axes");
    FAILS(tp_roll(x, TP_INTS(1), TP_AXES(5)), "roll: axis 5 is outside a tensor of rank 2");
    FAILS(tp_repeat(x, TP_INTS(2)), "repeat: got 1 numbers for a tensor of rank 2");
    FAILS(tp_repeat(x, TP_INTS(2, -1)), "repeat: cannot take something -1 times");
    FAILS(tp_repeat_interleave(x, -2, 0), "repeat_interleave: cannot take something -2 times");
    FAILS(tp_pad(x, TP_INTS(1, 2), TP_INTS(1), 0), "pad: cannot take 2 widths before and 1 after for [2,3]");
    FAILS(tp_pad(x, TP_INTS(-2), TP_INTS(-2), 0),
          "pad: axis -1 of [2,3] cannot have -2 more before and -2 after");
    FAILS(tp_pad(x, TP_INTS(-4), TP_INTS(5), 0),
          "pad: axis -1 of [2,3] cannot have -4 more before and 5 after");
    FAILS(tp_pad(x, TP_INTS(INT64_MAX), TP_INTS(INT64_MAX), 0),
          "pad: axis -1 of [2,3] cannot have 9223372036854775807 more before and 9223372036854775807 after");
    FAILS(tp_tril(tp_select(x, 0, 0), 0), "tril (m,n)->(m,n): cannot take [3]");
    FAILS(tp_diagonal(x, 0, 1, 1), "diagonal: axis -1 is given twice");
    FAILS(tp_diagonal_axes(tp_select(x, 0, 0), 0), "diagonal_axes: takes matrices, got [3]");
    FAILS(tp_diagonal_spread(x, 3, 4, 2), "diagonal_spread: [2,3] is not diagonal 2 of [3,4]");
    FAILS(tp_flip(NULL, TP_ALL), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_values), TEST(test_pieces), TEST(test_views), TEST(test_dtypes), TEST(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
