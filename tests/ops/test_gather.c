#include "ops/cases.h"

static tp_tensor *indices(tp_context *c, tp_shape shape, const int64_t *values)
{
    return tp_from_array(c, shape, TP_I64, values);
}

#define INDICES(...) \
    indices(c, TP_SHAPE(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

static void test_values(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = range(c, TP_SHAPE(2, 3, 4)), *v = range(c, TP_SHAPE(5)), *t = tp_transpose(x, 0, 2);
    tp_tensor *w = MATRIX(c, 3, 3, 0, 3, -1, 4, 1, 5, 9, 2, 6);
    tp_tensor *k = INDICES(2, 0, 2, 1), *g = tp_reshape(INDICES(1, 0, 2, 2), TP_SHAPE(2, 2));
#include "golden/index.def"
}

/* Sums in a half format are rounded once: 1 + 2^-9 + 2^-9 is lost if each step is rounded to bf16. */
static void test_half_sums(void **state)
{
    tp_context *c = *state;
    tp_tensor *small = tp_full(c, TP_SHAPE(4), 0x1p-9, TP_BF16), *zeros = INDICES(0, 0, 0, 0);
    tp_tensor *one = tp_ones(c, TP_SHAPE(1), TP_BF16);
    CASE(tp_scatter_add(one, zeros, small, 0), TP_SHAPE(1), 1 + 0x1p-7)
    tp_tensor *all = tp_concat(TP_TENSORS(one, small), 0);
    CASE(tp_add_rows(tp_unsqueeze(all, 1), INDICES(0, 0, 0, 0, 0), 1), TP_SHAPE(1, 1), 1 + 0x1p-7)
}

static void test_dtypes(void **state)
{
    tp_context *c = *state;
    static const uint8_t bytes[] = {250, 5, 10};
    tp_tensor *x = tp_from_array(c, TP_SHAPE(3), TP_U8, bytes), *k = INDICES(0, 0, 2);
    for (int d = 0; d < TP_DTYPES; d++) {
        tp_tensor *y = tp_gather(tp_cast(x, (tp_dtype)d), k, 0);
        assert_int_equal(tp_dtype_of(y), d);
        expect_near(tp_get(y, TP_INTS(2)), d == TP_BOOL ? 1 : 10, 0);
        y = tp_scatter_add(tp_cast(tp_zeros_like(x), (tp_dtype)d), k, tp_cast(x, (tp_dtype)d), 0);
        assert_int_equal(tp_dtype_of(y), d);
        expect_near(tp_get(y, TP_INTS(0)),
                    d == TP_BOOL               ? 1
                    : d == TP_U8 || d == TP_I8 ? -1 + 256 * (d == TP_U8)
                                               : 255,
                    0);
    }
    CASE(tp_embedding(tp_reshape(x, TP_SHAPE(3, 1)), tp_cast(k, TP_U16)), TP_SHAPE(3, 1), 250, 250, 10)
}

static void test_errors(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = range(c, TP_SHAPE(2, 3)), *k = INDICES(0, 3), *half = tp_cast(k, TP_F32);
    FAILS(tp_gather(x, k, 1), "gather (n),(m)->(m): index 3 is outside an axis of 3");
    FAILS(tp_gather(x, half, 1), "gather (n),(m)->(m): argument 'index' takes integers, got f32");
    FAILS(tp_scatter_add(x, INDICES(-4), tp_ones(c, TP_SHAPE(1), TP_F32), 1),
          "scatter_add (n),(m),(m)->(n): index -4 is outside an axis of 3");
    FAILS(tp_index_select(x, 0, k), "take_rows (v,d),(n)->(n,d): index 3 is outside an axis of 2");
    FAILS(tp_index_select(x, 0, x), "index_select: index must have 1 axis, has 2");
    FAILS(tp_index_select(x, 2, k), "index_select: axis 2 is outside a tensor of rank 2");
    FAILS(tp_embedding(k, k), "embedding: weight must have 2 axes, has 1");
    FAILS(tp_embedding(x, k), "take_rows (v,d),(n)->(n,d): index 3 is outside an axis of 2");
    FAILS(tp_add_rows(x, k, 2), "add_rows (n,d),(n)->(size,d): index 3 is outside an axis of 2");
    FAILS(tp_add_rows(x, k, -1), "add_rows: shape [-1,3] has a negative size");
    FAILS(tp_add_rows(x, k, 0), "add_rows (n,d),(n)->(size,d): index 0 is outside an axis of 0");
    FAILS(tp_scatter_add(tp_zeros(c, TP_SHAPE(2, 0), TP_F64), INDICES(0), tp_ones(c, TP_SHAPE(1), TP_F64), 1),
          "scatter_add (n),(m),(m)->(n): index 0 is outside an axis of 0");
    FAILS(tp_one_hot(k, 0, TP_I64), "one_hot ()->(classes): class 0 is outside 0 to -1");
    FAILS(tp_one_hot(k, 3, TP_I64), "one_hot ()->(classes): class 3 is outside 0 to 2");
    FAILS(tp_one_hot(INDICES(-1), 3, TP_I64), "one_hot ()->(classes): class -1 is outside 0 to 2");
}

/* Where there are no rows no class is looked at, and nothing is written. */
static void test_no_rows(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_zeros(c, TP_SHAPE(0, 1, 5), TP_F32), *index = tp_full(c, TP_SHAPE(3), 9, TP_I64);
    tp_tensor *y = tp_softmax_cross_entropy(x, index, -1), *slope = tp_softmax_less_one_hot(x, index, -1);
    assert_true(tp_ok(c) && tp_size(y, 1) == 3 && tp_numel(y) == 0 && tp_numel(slope) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_values), TEST(test_half_sums), TEST(test_dtypes),
                                       TEST(test_errors), TEST(test_no_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
