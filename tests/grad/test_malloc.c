/* A training loop in steady state takes nothing from libc's allocator. */
#include "mallocs.h"

typedef struct net {
    tp_tensor *w1, *b1, *w2, *b2;
} net;

static tp_tensor *parameter(tp_context *c, tp_shape shape)
{
    return tp_require_grad(tp_uniform(c, shape, -0.5, 0.5, TP_F32));
}

static double train(net *n, tp_tensor *x, tp_tensor *y)
{
    tp_context *c = tp_context_of(x);
    tp_tensor *parameters[] = {n->w1, n->b1, n->w2, n->b2};
    tp_mark m = tp_open_scope(c);
    tp_tensor *hidden = tp_relu(tp_add(tp_matmul(x, n->w1), n->b1));
    tp_tensor *logits = tp_add(tp_matmul(hidden, n->w2), n->b2);
    tp_tensor *loss = tp_mul_scalar(tp_sum(tp_mul(tp_log_softmax(logits, -1), y), TP_ALL, false), -1.0 / 32);
    tp_backward(loss);
    for (int k = 0; k < 4; k++) {
        tp_sgd_update(parameters[k], tp_grad_of(parameters[k]), 0.2);
        tp_zero_grad(parameters[k]);
    }
    double value = tp_item(loss);
    tp_close_scope(c, m);
    return value;
}

static void test_training_calls_no_malloc_after_three_turns(void **state)
{
    (void)state;
    tp_context *c = tp_open(&(tp_options){.seed = 1});
    tp_tensor *x = tp_uniform(c, TP_SHAPE(32, 8), -1, 1, TP_F32);
    tp_tensor *y =
        tp_cast(tp_gt(tp_matmul(x, tp_uniform(c, TP_SHAPE(8, 4), -1, 1, TP_F32)), NUMBER(c, 0.5)), TP_F32);
    net n = {parameter(c, TP_SHAPE(8, 16)), parameter(c, TP_SHAPE(16)), parameter(c, TP_SHAPE(16, 4)),
             parameter(c, TP_SHAPE(4))};
    double last = 0;
    long before = heap.calls;
    double first = train(&n, x, y);
    for (int turn = 1; turn < 3; turn++) train(&n, x, y);
#ifdef COUNTS
    assert_true(heap.calls > before); /* they are counted */
#endif
    before = heap.calls;
    for (int turn = 3; turn < 100; turn++) last = train(&n, x, y);
    assert_int_equal(heap.calls, before);
    assert_true(last < 0.8 * first);
    assert_int_equal(tp_close(c), 0);
}

static double train_module(tp_module *m, tp_optimizer *opt, tp_tensor *x, tp_tensor *y)
{
    tp_context *c = tp_context_of(x);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *loss = tp_cross_entropy(tp_forward(m, x), y);
    tp_backward(loss);
    tp_clip_grad_norm(m, 1);
    tp_optimizer_step(opt);
    double value = tp_item(loss);
    tp_close_scope(c, scope);
    return value;
}

/* The same of a module with Adam, a schedule and clipping. */
static void test_optimizer_calls_no_malloc_after_three_turns(void **state)
{
    (void)state;
    tp_context *c = tp_open(&(tp_options){.seed = 1});
    tp_tensor *x = tp_uniform(c, TP_SHAPE(32, 8), -1, 1, TP_F32);
    tp_tensor *y = tp_argmax(tp_slice(x, 1, 0, 3, 1), TP_AXES(1), false);
    tp_module *m = tp_sequential(c, tp_linear(c, 8, 16), tp_relu_layer(c), tp_linear(c, 16, 3));
    tp_optimizer *opt = tp_adam(m, .lr = 0.01, .amsgrad = true);
    tp_schedule *s = tp_cosine_lr(opt, 200);
    double last = 0, first = train_module(m, opt, x, y);
    for (int turn = 1; turn < 3; turn++) train_module(m, opt, x, y);
    long before = heap.calls;
    for (int turn = 3; turn < 100; turn++) {
        last = train_module(m, opt, x, y);
        tp_schedule_step(s);
    }
    assert_int_equal(heap.calls, before);
    assert_true(last < 0.8 * first);
    assert_int_equal(tp_close(c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_training_calls_no_malloc_after_three_turns),
                                       cmocka_unit_test(test_optimizer_calls_no_malloc_after_three_turns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
