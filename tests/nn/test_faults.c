/* What makes, looks at and prints modules, with each allocation failing in turn. */
#include "faults.h"

static tp_tensor *twice_forward(tp_tensor *const *in) { return tp_add(in[0], in[0]); }

static tp_tensor *twice_backward(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    (void)i, (void)in, (void)y;
    return tp_add(dy, dy);
}

/* Layers that are made like their neighbours in the table. */
static tp_tensor *layers(tp_context *c, tp_tensor *x)
{
    static const tp_function twice = {.name = "twice", .forward = twice_forward, .backward = twice_backward};
    tp_module *all = tp_sequential(c, tp_elu_layer(c, 1), tp_gelu_layer(c), tp_gelu_tanh_layer(c),
                                   tp_leaky_relu_layer(c, 0.1), tp_mish_layer(c), tp_selu_layer(c));
    tp_module *more =
        tp_sequential(c, tp_sigmoid_layer(c), tp_silu_layer(c), tp_softplus_layer(c), tp_log_sigmoid_layer(c),
                      tp_softmax_layer(c, -1), tp_log_softmax_layer(c, -1), tp_function_layer(c, &twice));
    return tp_forward(more, tp_forward(all, x));
}

static tp_tensor *criteria(tp_context *c, tp_tensor *x)
{
    tp_tensor *p = tp_sigmoid(x), *labels = tp_from_array(c, TP_SHAPE(2), TP_I64, (int64_t[]){0, 1});
    tp_module *of_two[] = {tp_mse_criterion(c), tp_l1_criterion(c), tp_huber_criterion(c),
                           tp_smooth_l1_criterion(c), tp_binary_cross_entropy_criterion(c)};
    tp_tensor *sum = tp_add(tp_loss(tp_cross_entropy_criterion(c), x, labels),
                            tp_loss(tp_nll_criterion(c), tp_log_softmax(x, 1), labels));
    for (int i = 0; i < 5; i++) sum = tp_add(sum, tp_loss(of_two[i], p, p));
    return tp_add(sum, tp_add(tp_huber_loss(x, p), tp_nll_loss(tp_log_softmax(x, 1), labels)));
}

/* Each starts with a net of its own, for a module keeps the list of its parameters. */
static tp_tensor *looks(tp_context *c, tp_tensor *x)
{
    char text[512];
    tp_parameter_numel(tp_linear(c, 2, 3));
    tp_buffers(tp_sequential(c, tp_linear(c, 2, 3), tp_dropout_layer(c, 0.5)));
    tp_freeze(tp_linear(c, 2, 3), true);
    tp_module_print(tp_sequential(c, tp_linear(c, 2, 3)), text, sizeof text);
    return tp_forward(tp_linear(c, 2, 3), x);
}

typedef tp_tensor *work_fn(tp_context *c, tp_tensor *x);

/* The work with the at-th allocation failing; true if one did. */
static bool fail_at(work_fn *work, long at)
{
    faulty hook;
    tp_context *c = faulty_open(&hook, all_after);
    tp_tensor *x = MATRIX(c, 2, 2, 0.5, -0.25, 0.75, 0.125);
    size_t held = hook.books.bytes;
    tp_mark scope = tp_open_scope(c);
    faulty_arm(&hook, at);
    tp_tensor *y = work(c, x);
    bool refused = faulty_disarm(&hook);
    EXPECT(refused == !tp_ok(c) && refused == tp_is_nil(y), "modules", at, c);
    EXPECT(!refused || (tp_error(c) == TP_ERR_MEMORY && names_a_call(tp_error_text(c))), "modules", at, c);
    tp_close_scope(c, scope);
    EXPECT(hook.books.bytes == held || !refused, "modules", at, c);
    tp_close(c);
    EXPECT(hook.books.blocks == 0, "modules", at, NULL);
    return refused;
}

static void test_faults(void **state)
{
    (void)state;
    work_fn *const all[] = {layers, criteria, looks};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        long at = 1;
        while (fail_at(all[i], at)) at++;
        assert_true(at > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {FAULT_TESTS(test_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
