#include "nn/golden.h"

/* A layer with the parameters given. */
static tp_module *linear_of(tp_context *c, tp_tensor *weight, tp_tensor *bias)
{
    tp_module *m = tp_linear(c, tp_size(weight, 1), tp_size(weight, 0), .dtype = TP_F64, .no_bias = !bias);
    tp_assign(tp_parameter(m, "weight"), weight);
    if (bias) tp_assign(tp_parameter(m, "bias"), bias);
    return m;
}

static tp_module *net_of(tp_context *c, tp_tensor *weight, tp_tensor *bias)
{
    tp_tensor *back = tp_transpose(tp_detach(weight), 0, 1);
    return tp_sequential(c, linear_of(c, weight, bias), tp_tanh_layer(c), linear_of(c, back, NULL),
                         tp_flatten_layer(c));
}

static tp_tensor *weight_gradient(tp_module *linear, tp_tensor *x)
{
    tp_backward(tp_sum(tp_tanh(tp_forward(linear, x)), TP_ALL, false));
    return tp_grad_of(tp_parameter(linear, "weight"));
}

/* Values and gradients of every layer, as PyTorch's. */
static void test_values(void **state)
{
    tp_context *c = *state;
#include "golden/layers.def"
}

static void test_linear(void **state)
{
    tp_context *c = *state;
    tp_module *m = tp_linear(c, 3, 5);
    tp_tensor *w = tp_parameter(m, "weight");
    assert_int_equal(tp_dtype_of(w), TP_F32);
    assert_int_equal(tp_size(w, 0), 5);
    assert_int_equal(tp_size(w, 1), 3);
    assert_int_equal(tp_strides_of(w).v[0], 1); /* stored [in,out] */
    assert_int_equal(tp_strides_of(w).v[1], 5);
    assert_true(tp_requires_grad(w));
    assert_int_equal(tp_rank(tp_forward(m, tp_ones(c, TP_SHAPE(3), TP_F32))), 1);
    assert_int_equal(tp_size(tp_forward(m, tp_ones(c, TP_SHAPE(0, 3), TP_F32)), 1), 5);
    assert_int_equal(tp_parameters(tp_linear(c, 3, 5, .no_bias = true)), 1);
    assert_true(tp_module_is_nil(tp_linear(c, 0, 5)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_linear: takes sizes of 1 or more, got 0 and 5");
    assert_true(tp_module_is_nil(tp_linear(c, 2, 5, .dtype = TP_I64)));
    expect_error(c, TP_ERR_DTYPE, "i64");
}

/* Dropout draws in training only, each time anew. */
static void test_dropout(void **state)
{
    tp_context *c = *state;
    tp_module *m = tp_sequential(c, tp_dropout_layer(c, 0.5));
    tp_tensor *x = tp_ones(c, TP_SHAPE(1000), TP_F64);
    tp_tensor *a = tp_forward(m, x), *b = tp_forward(m, x);
    expect_near(tp_item(tp_mean(a, TP_ALL, false)), 1, 0.15);
    assert_true(tp_item(tp_any(tp_ne(a, b), TP_ALL, false)) == 1);
    expect_near(tp_item(tp_max(a, TP_ALL, false)), 2, 0);
    tp_eval(m);
    assert_false(tp_is_training(tp_child(m, "0")));
    expect_near(tp_item(tp_any(tp_ne(tp_forward(m, x), x), TP_ALL, false)), 0, 0);
    tp_train(m);
    assert_true(tp_is_training(tp_child(m, "0")));
    assert_true(tp_module_is_nil(tp_dropout_layer(c, 1.5)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_dropout_layer: takes p of 0 to 1, got 1.5");
}

static void test_sequential(void **state)
{
    tp_context *c = *state;
    tp_module *empty = tp_sequential(c);
    tp_tensor *x = VECTOR(c, -1, 2);
    assert_ptr_equal(tp_forward(empty, x), x);
    assert_ptr_equal(tp_sequential_add(empty, tp_relu_layer(c)), empty);
    expect_values(tp_forward(empty, x), TP_SHAPE(2), 0, 2);
    tp_module *outer = tp_sequential(c, empty, tp_sequential(c, tp_softplus_layer(c)));
    expect_values(tp_forward(outer, x), TP_SHAPE(2), log(2), log(1 + exp(2)));
}

/* A linear layer and the relu after it are one row in a sequence, and have the bits of the two: values and
 * all gradients, for inputs of every rank. */
static void test_fused(void **state)
{
    enum { RESULTS = 4, MOST = 7 * 7 * 7 };
    tp_context *c = *state;
    static const tp_dtype dtypes[] = {TP_F32, TP_F64, TP_BF16};
    for (int i = 0; i < 9; i++) {
        tp_module *linear = tp_linear(c, 7, 5, .dtype = dtypes[i % 3]), *relu = tp_relu_layer(c);
        tp_module *net = tp_sequential(c, linear, relu);
        tp_tensor *x = tp_normal(c, (tp_shape){i / 3 + 1, {7, 7, 7}}, 0, 1, dtypes[i % 3]);
        tp_tensor *const xs[] = {tp_require_grad(x), tp_parameter(linear, "weight"),
                                 tp_parameter(linear, "bias")};
        tp_tensor *result[2][RESULTS];
        for (int fused = 0; fused < 2; fused++) {
            result[fused][0] = fused ? tp_forward(net, x) : tp_forward(relu, tp_forward(linear, x));
            tp_tensor *sum = tp_sum(tp_square(result[fused][0]), TP_ALL, false);
            tp_grads_with(sum, RESULTS - 1, xs, result[fused] + 1, NULL);
        }
        for (int k = 0; k < RESULTS; k++) {
            double values[2][MOST] = {{0}};
            for (int fused = 0; fused < 2; fused++)
                tp_read_doubles(result[fused][k], values[fused], tp_numel(result[fused][k]));
            assert_true(tp_ok(c));
            assert_memory_equal(values[0], values[1], sizeof values[0]);
        }
    }
}

/* A wrong shape deep in a net names the layer by path, the op and both shapes. */
static void test_path_in_errors(void **state)
{
    tp_context *c = *state;
    tp_module *net =
        tp_sequential(c, tp_linear(c, 2, 3), tp_sequential(c, tp_linear(c, 4, 1), tp_relu_layer(c)));
    FAILS(tp_forward(net, tp_ones(c, TP_SHAPE(5, 2), TP_F32)),
          "1.0: affine_relu (m,k),(n,k),(n)->(m,n): cannot take [5,3], [1,4], [1]");
    FAILS(tp_neg(NULL), ""); /* without a context there is nowhere to say it */
    assert_true(tp_is_nil(tp_add(tp_ones(c, TP_SHAPE(2), TP_F32), tp_ones(c, TP_SHAPE(3), TP_F32))));
    assert_ptr_equal(strstr(tp_error_text(c), "add "), tp_error_text(c)); /* the path is gone */
    tp_clear(c);
}

/* Where no graph is kept only the result stays. */
static void test_memory(void **state)
{
    tp_context *c = *state;
    enum { WIDTH = 4096 };
    tp_module *net = tp_sequential(c);
    for (int i = 0; i < 20; i++) tp_sequential_add(net, tp_tanh_layer(c));
    tp_tensor *x = tp_ones(c, TP_SHAPE(WIDTH), TP_F64);
    tp_memory_trim(c);
    size_t before = tp_memory_used(c);
    tp_memory_reset_peak(c);
    tp_forward(net, x);
    assert_true(tp_memory_used(c) - before < 2 * WIDTH * sizeof(double));
    assert_true(tp_memory_peak(c) - before < 3 * WIDTH * sizeof(double));
}

static const struct CMUnitTest tests[] = {
    TEST(test_values), TEST(test_linear),         TEST(test_dropout), TEST(test_sequential),
    TEST(test_fused),  TEST(test_path_in_errors), TEST(test_memory),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
