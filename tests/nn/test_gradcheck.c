/* The gradient check of nets: what is right passes, and what is said about it. */
#include "fixture.h"
#include "nn/module.h"

static void normal_weights(tp_module *m)
{
    for (int i = 0; i < tp_parameters(m); i++) tp_init_normal(tp_parameter_at(m, i, NULL, 0), 0, 1);
}

/* The check of a net on 5 samples of 3 classes. */
static void expect_right(tp_context *c, tp_module *net, const char *name)
{
    char text[1024];
    tp_gradcheck_result r[8];
    normal_weights(net);
    tp_tensor *x = tp_normal(c, TP_SHAPE(5, 4), 0, 1, TP_F32);
    tp_tensor *y = tp_from_doubles(c, TP_SHAPE(5), TP_I64, (double[]){0, 2, 1, 1, 0});
    bool right = tp_gradcheck_module(net, tp_cross_entropy_criterion(c), x, y, r);
    tp_gradcheck_print(net, r, text, sizeof text);
    if (!right) print_error("%s: %s\n%s", name, tp_error_text(c), text);
    assert_true(right);
    assert_null(strstr(text, "wrong"));
}

/* Every layer that a text can name, between two Linear layers of N(0,1) weights. */
static void test_every_layer(void **state)
{
    tp_context *c = *state;
    for (int i = 0; tp_layer_name_at(i); i++) {
        char text[128];
        const tp_layer *layer = tp_layer_at(i);
        snprintf(text, sizeof text, "linear 7, %s%s, linear 3", layer->name,
                 layer->n_args && layer->args[0].required ? " 7" : "");
        tp_mark scope = tp_open_scope(c);
        expect_right(c, tp_net(c, text, TP_SHAPE(4)), text);
        tp_close_scope(c, scope);
    }
}

/* With arguments, in each other, and the same layer twice. */
static void test_other_nets(void **state)
{
    tp_context *c = *state;
    static const char *const texts[] = {"linear 7, leaky_relu 0.2, (linear 6, tanh, dropout 0.25), linear 3",
                                        "linear 7 bias=false, elu 1.5, hardtanh -0.5 0.75, linear 3",
                                        "linear 3, softmax", "linear 9, flatten, linear 3, log_softmax"};
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
        expect_right(c, tp_net(c, texts[k], TP_SHAPE(4)), texts[k]);
    tp_module *square = tp_linear(c, 4, 4);
    expect_right(c, tp_sequential(c, square, tp_tanh_layer(c), square, tp_linear(c, 4, 3)), "tied");
}

static void test_every_criterion(void **state)
{
    tp_context *c = *state;
    for (int k = 0; tp_criterion_name_at(k); k++) {
        const char *name = tp_criterion_name_at(k);
        tp_mark scope = tp_open_scope(c);
        bool probability = strcmp(name, "binary_cross_entropy") == 0;
        bool classes = strcmp(name, "cross_entropy") == 0 || strcmp(name, "nll") == 0;
        tp_module *net = tp_sequential(c, tp_linear(c, 4, 6), tp_tanh_layer(c), tp_linear(c, 6, 3),
                                       probability ? tp_sigmoid_layer(c) : tp_log_softmax_layer(c, -1));
        normal_weights(net);
        tp_tensor *x = tp_normal(c, TP_SHAPE(5, 4), 0, 1, TP_F32);
        tp_tensor *y = classes ? tp_from_doubles(c, TP_SHAPE(5), TP_I64, (double[]){0, 2, 1, 1, 0})
                               : tp_uniform(c, TP_SHAPE(5, 3), 0, 1, TP_F32);
        bool right = tp_gradcheck_module(net, tp_criterion_named(c, name), x, y, NULL);
        if (!right) print_error("%s: %s\n", name, tp_error_text(c));
        assert_true(right);
        tp_close_scope(c, scope);
    }
}

/* --- a layer by hand --- */

static tp_tensor *forward(tp_tensor *const *in) { return tp_add(tp_matmul(in[0], in[1]), in[2]); }

static tp_tensor *backward(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    (void)y;
    if (i == 0) return tp_matmul(dy, tp_transpose(in[1], 0, 1));
    return i == 1 ? tp_matmul(tp_transpose(in[0], 0, 1), dy) : tp_sum(dy, TP_AXES(0), false);
}

static tp_tensor *wrong_backward(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    return i == 2 ? tp_mean(dy, TP_AXES(0), false) : backward(i, in, y, dy);
}

static tp_module *by_hand(tp_context *c, int64_t in, int64_t out, bool wrong)
{
    static const tp_function right_one = {"by_hand", forward, backward};
    static const tp_function wrong_one = {"by_hand", forward, wrong_backward};
    tp_module *m = tp_function_layer(c, wrong ? &wrong_one : &right_one);
    tp_module_add_parameter(m, "weight", tp_normal(c, TP_SHAPE(in, out), 0, 1, TP_F32));
    tp_module_add_parameter(m, "bias", tp_normal(c, TP_SHAPE(out), 0, 1, TP_F32));
    return m;
}

/* It mixes with others; what has no forward mode is said. */
static void test_by_hand(void **state)
{
    tp_context *c = *state;
    tp_module *net = tp_sequential(c, by_hand(c, 3, 4, false), tp_tanh_layer(c), tp_linear(c, 4, 2));
    tp_tensor *x = tp_normal(c, TP_SHAPE(5, 3), 0, 1, TP_F32), *y = tp_zeros(c, TP_SHAPE(5, 2), TP_F32);
    tp_module *loss = tp_mse_criterion(c), *copy = tp_module_clone(net, TP_F64);
    tp_gradcheck_result r[4];
    char text[512];
    assert_true(tp_gradcheck_module(net, loss, x, y, r));
    assert_string_equal(r[3].no_forward, "by_hand");
    size_t length = tp_gradcheck_print(net, r, text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_int_equal(tp_gradcheck_print(net, r, NULL, 0), length);
    assert_memory_equal(text, "0.weight [3,4] 12: right, worst ", 32);
    assert_non_null(strstr(text, "\nwithout forward mode, which by_hand does not have\n"));
    assert_true(tp_gradcheck_module(copy, loss, x, y, NULL));
}

static void test_what_is_said(void **state)
{
    tp_context *c = *state;
    tp_module *net = tp_sequential(c, tp_linear(c, 3, 4), tp_sequential(c, by_hand(c, 4, 2, true)));
    tp_tensor *x = tp_normal(c, TP_SHAPE(4, 3), 0, 1, TP_F32), *y = tp_zeros(c, TP_SHAPE(4, 2), TP_F32);
    tp_module *loss = tp_mse_criterion(c);
    tp_gradcheck_result r[4];
    char text[1024];
    uint64_t counter = tp_random_counter(c);
    assert_false(tp_gradcheck_module(net, loss, x, y, r));
    assert_true(tp_ok(c) && tp_random_counter(c) == counter);
    assert_non_null(
        strstr(tp_error_text(c), "tp_gradcheck_module: 1.0.bias: 2 of 2 elements are wrong, worst 6.00e-01"));
    assert_int_equal(r[0].wrong + r[1].wrong + r[2].wrong, 0);
    assert_int_equal(r[3].wrong, 2);
    assert_true(fabs(r[3].numerical - 4 * r[3].reverse) < 1e-6);
    tp_gradcheck_print(net, r, text, sizeof text);
    assert_non_null(strstr(text, "\n1.0.bias [2] 2: 2 wrong, worst 6.00e-01 at element "));
    assert_true(tp_gradcheck_module(net, loss, x, y, r, .tolerance = 0.7));
}

static void test_kinks(void **state)
{
    tp_context *c = *state;
    tp_module *net = tp_sequential(c, tp_linear(c, 2, 2), tp_relu_layer(c));
    tp_tensor *x = tp_ones(c, TP_SHAPE(1, 2), TP_F32), *y = tp_ones(c, TP_SHAPE(1, 2), TP_F32);
    for (int i = 0; i < 2; i++) tp_init_constant(tp_parameter_at(net, i, NULL, 0), 0);
    assert_false(tp_gradcheck_module(net, tp_mse_criterion(c), x, y, NULL));
    expect_report(c, "tp_gradcheck_module: 0.weight: 4 of 4 elements are at kinks, more than 1 % of all are");
}

static void test_what_it_does_not_take(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_ones(c, TP_SHAPE(2), TP_F32);
    tp_module *net = tp_linear(c, 2, 2);
    assert_false(tp_gradcheck_module(tp_relu_layer(c), tp_mse_criterion(c), x, x, NULL));
    expect_error(c, TP_ERR_ARGUMENT, "tp_gradcheck_module: this relu has no parameters");
    assert_false(tp_gradcheck_module(net, NULL, x, x, NULL));
    expect_error(c, TP_ERR_ARGUMENT, "tp_gradcheck_module: argument 'criterion' is NULL");
    assert_false(tp_gradcheck_module(net, net, x, x, NULL));
    expect_error(c, TP_ERR_STATE, "this linear is no criterion");
    assert_false(tp_gradcheck_module(net, tp_mse_criterion(c, .reduction = TP_NO_REDUCTION), x, x, NULL));
    expect_error(c, TP_ERR_SHAPE, "f must return one element in f64");
}

static const struct CMUnitTest tests[] = {
    TEST(test_every_layer),  TEST(test_other_nets), TEST(test_every_criterion),       TEST(test_by_hand),
    TEST(test_what_is_said), TEST(test_kinks),      TEST(test_what_it_does_not_take),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
