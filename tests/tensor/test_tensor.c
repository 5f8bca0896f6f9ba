#include "fixture.h"

#include <taper/ext.h>

static void test_look(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = tp_zeros(c, TP_SHAPE(2, 3, 4), TP_I16);
    assert_ptr_equal(tp_context_of(t), c);
    assert_int_equal(tp_rank(t), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tp_size(t, i), 2 + i);
        assert_int_equal(tp_size(t, i - 3), 2 + i);
    }
    assert_int_equal(tp_size(t, 3), 0);
    assert_int_equal(tp_size(t, -4), 0);
    assert_int_equal(tp_numel(t), 24);
    assert_int_equal(tp_dtype_of(t), TP_I16);
    tp_ints strides = tp_strides_of(t);
    assert_int_equal(strides.n, 3);
    assert_int_equal(strides.v[0], 12);
    assert_int_equal(strides.v[1], 4);
    assert_int_equal(strides.v[2], 1);
    tp_ints turned = tp_strides_of(tp_transpose(t, 0, 2));
    assert_int_equal(turned.v[0], 1);
    assert_int_equal(turned.v[2], 12);
    assert_int_equal(tp_numel(tp_scalar(c, 1, TP_F32)), 1);
}

static void test_contiguous(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = tp_arange(c, 0, 24, 1, TP_F32);
    tp_tensor *m = tp_reshape(t, TP_SHAPE(4, 6));
    assert_true(tp_is_contiguous(m));
    assert_false(tp_is_contiguous(tp_transpose(m, 0, 1)));
    assert_true(tp_is_contiguous(tp_transpose(tp_reshape(t, TP_SHAPE(1, 24)), 0, 1)));
    assert_true(tp_is_contiguous(tp_slice(m, 0, 1, 3, 1)));
    assert_false(tp_is_contiguous(tp_slice(m, 1, 1, 3, 1)));
    assert_false(tp_is_contiguous(tp_slice(t, 0, TP_END, TP_END, -1)));
    assert_false(tp_is_contiguous(tp_expand(tp_ones(c, TP_SHAPE(1), TP_F32), TP_SHAPE(3))));
    assert_true(tp_is_contiguous(tp_slice(m, 1, 2, 2, 1))); /* no elements */
    assert_true(tp_is_contiguous(tp_slice(t, 0, 5, 6, 1)));
}

static void test_nil(void **state)
{
    tp_context *c = *state;
    tp_tensor *nils[] = {tp_nil(c), tp_nil(NULL), NULL};
    for (int k = 0; k < 3; k++) {
        tp_tensor *t = nils[k];
        assert_true(tp_is_nil(t));
        assert_ptr_equal(tp_context_of(t), k == 0 ? c : NULL);
        assert_int_equal(tp_rank(t), 0);
        assert_int_equal(tp_size(t, 0), 0);
        assert_int_equal(tp_numel(t), 0);
        assert_int_equal(tp_shape_of(t).n, 0);
        assert_int_equal(tp_strides_of(t).n, 0);
        assert_int_equal(tp_dtype_of(t), TP_F32);
        assert_null(tp_data(t));
        assert_true(isnan(tp_item(t)));
        assert_true(isnan(tp_get(t, TP_NONE)));
        assert_false(tp_requires_grad(t));
        assert_false(tp_has_history(t));
        assert_ptr_equal(tp_retain(t), t);
        tp_release(t);
        assert_true(tp_ok(c)); /* looking is no failure */
        assert_int_equal(tp_write(t, "", 0), TP_ERR_ARGUMENT);
        tp_clear(c);
        assert_int_equal(tp_read(t, NULL, 0), TP_ERR_ARGUMENT);
        tp_clear(c);
        assert_null(tp_data_mut(t));
        tp_clear(c);
        assert_true(tp_is_nil(tp_require_grad(t)));
        tp_clear(c);
        assert_true(tp_is_nil(tp_detach(t)));
        tp_clear(c);
        tp_backward(t);
        tp_clear(c);
        tp_zero_grad(t);
        tp_clear(c);
    }
}

static void test_item_and_get(void **state)
{
    tp_context *c = *state;
    tp_tensor *m = MATRIX(c, 2, 3, 1, 2, 3, 4, 5, 6);
    expect_near(tp_get(m, TP_INTS(1, 2)), 6, 0);
    expect_near(tp_get(m, TP_INTS(-2, -1)), 3, 0);
    expect_near(tp_get(tp_transpose(m, 0, 1), TP_INTS(2, 0)), 3, 0);
    expect_near(tp_get(NUMBER(c, 4), TP_NONE), 4, 0);
    expect_near(tp_item(tp_full(c, TP_SHAPE(1, 1), -3, TP_I8)), -3, 0);
    static const tp_ints outside[] = {{2, {2, 0}}, {2, {0, 3}},    {2, {-3, 0}},
                                      {1, {0}},    {3, {0, 0, 0}}, {-1, {0}}};
    for (size_t k = 0; k < sizeof outside / sizeof *outside; k++) {
        assert_true(isnan(tp_get(m, outside[k])));
        expect_error(c, TP_ERR_ARGUMENT, "is outside [2,3]");
    }
    assert_true(isnan(tp_item(m)));
    expect_error(c, TP_ERR_SHAPE, "tp_item: takes one element, got [2,3]");
    assert_true(isnan(tp_item(tp_zeros(c, TP_SHAPE(0), TP_F32))));
    expect_error(c, TP_ERR_SHAPE, "got [0]");
}

static void test_read_and_write(void **state)
{
    tp_context *c = *state;
    tp_tensor *m = tp_from_doubles(c, TP_SHAPE(2, 3), TP_I16, (double[]){1, 2, 3, 4, 5, 6});
    int16_t got[6];
    assert_int_equal(tp_read(tp_transpose(m, 0, 1), got, sizeof got), TP_OK);
    assert_memory_equal(got, ((int16_t[]){1, 4, 2, 5, 3, 6}), sizeof got);
    tp_tensor *column = tp_select(m, 1, 1);
    assert_int_equal(tp_write(column, (int16_t[]){-7, -8}, 4), TP_OK);
    expect_values(m, TP_SHAPE(2, 3), 1, -7, 3, 4, -8, 6);
    ((int16_t *)tp_data_mut(m))[0] = 9;
    expect_near(tp_get(m, TP_INTS(0, 0)), 9, 0);
    assert_int_equal(((const int16_t *)tp_data(column))[tp_strides_of(column).v[0]], -8);
    assert_int_equal(tp_read(m, got, 11), TP_ERR_ARGUMENT);
    expect_report(c, "tp_read: takes 12 bytes, got 11");
    assert_int_equal(tp_write(m, got, 13), TP_ERR_ARGUMENT);
    expect_report(c, "tp_write: takes 12 bytes, got 13");
    double wide[5];
    assert_int_equal(tp_read_doubles(m, wide, 5), TP_ERR_ARGUMENT);
    expect_report(c, "tp_read_doubles: takes 6 elements, got 5");
    assert_int_equal(tp_read(m, NULL, 12), TP_ERR_ARGUMENT);
    expect_report(c, "tp_read: argument 'out' is NULL");
    assert_int_equal(tp_read_doubles(m, NULL, 6), TP_ERR_ARGUMENT);
    expect_report(c, "tp_read_doubles: argument 'out' is NULL");
    assert_int_equal(tp_write(m, NULL, 12), TP_ERR_ARGUMENT);
    expect_report(c, "tp_write: argument 'data' is NULL");
    expect_values(m, TP_SHAPE(2, 3), 9, -7, 3, 4, -8, 6);
}

static void test_retain_outlives_the_scope(void **state)
{
    tp_context *c = *state;
    tp_mark m = tp_open_scope(c);
    tp_tensor *t = tp_retain(VECTOR(c, 1, 2));
    tp_close_scope(c, m);
    expect_values(t, TP_SHAPE(2), 1, 2);
    tp_release(t);
    assert_int_equal(tp_numel(t), 0);
    expect_error(c, TP_ERR_STATE, "tp_numel: the tensor was freed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_look),         TEST(test_contiguous),     TEST(test_nil),
        TEST(test_item_and_get), TEST(test_read_and_write), TEST(test_retain_outlives_the_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
