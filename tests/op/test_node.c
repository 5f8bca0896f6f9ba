#include "fixture.h"

#include <taper/ext.h>

enum { BIG = 100000, BYTES = BIG * 8 };

static tp_tensor *total(tp_tensor *x) { return tp_sum(x, TP_ALL, false); }

/* Rounded to whole big tensors: what else there is weighs little. */
static int big_ones(tp_context *c, size_t before)
{
    return (int)((double)(tp_memory_used(c) - before) / BYTES + 0.5);
}

static void test_only_what_is_read_is_kept(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(tp_ones(c, TP_SHAPE(BIG), TP_F64));
    size_t before = tp_memory_used(c);
    tp_mark outer = tp_open_scope(c), m = tp_open_scope(c);
    tp_tensor *y = tp_keep(total(tp_neg(tp_neg(tp_neg(x)))));
    tp_close_scope(c, m);
    assert_int_equal(big_ones(c, before), 0); /* neg reads nothing */
    tp_close_scope(c, outer);
    outer = tp_open_scope(c), m = tp_open_scope(c);
    y = tp_keep(total(tp_exp(tp_neg(tp_exp(tp_neg(x))))));
    tp_close_scope(c, m);
    assert_int_equal(big_ones(c, before), 2); /* exp reads its result */
    tp_backward(y);
    assert_int_equal(big_ones(c, before), 1); /* the gradient: the graph is gone while y still is there */
    tp_close_scope(c, outer);
    tp_zero_grad(x);
    assert_int_equal(big_ones(c, before), 0);
    outer = tp_open_scope(c), m = tp_open_scope(c);
    tp_keep(total(tp_mul(tp_exp(x), x)));
    tp_close_scope(c, m);
    assert_int_equal(big_ones(c, before), 1); /* exp's result, once for both, and x itself */
    tp_close_scope(c, outer);
    assert_int_equal(big_ones(c, before), 0); /* dropped without a backward */
}

/* Intermediate gradients go as soon as they were handed on. */
static void test_a_sweep_holds_few_cotangents(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(tp_ones(c, TP_SHAPE(BIG), TP_F64));
    tp_mark outer = tp_open_scope(c), m = tp_open_scope(c);
    tp_tensor *y = x;
    for (int k = 0; k < 50; k++) y = tp_neg(y);
    y = tp_keep(total(y));
    tp_close_scope(c, m);
    size_t before = tp_memory_used(c);
    tp_memory_reset_peak(c);
    tp_backward(y);
    assert_in_range(tp_memory_peak(c) - before, 0, 4 * BYTES);
    tp_close_scope(c, outer);
}

static void test_parts_of_a_graph_go_in_any_order(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 2)), *y[8];
    for (int k = 0; k < 8; k++) {
        tp_mark m = tp_open_scope(c);
        tp_tensor *h = tp_exp(x);
        y[k] = tp_retain(tp_mul(h, tp_add(h, x)));
        tp_close_scope(c, m);
    }
    static const int order[] = {3, 0, 7, 1, 6};
    for (int k = 0; k < 5; k++) tp_release(y[order[k]]);
    double wanted = 0, e = exp(2);
    for (int k = 0; k < 8; k++) {
        if (k != 2 && k != 4 && k != 5) continue;
        tp_backward(y[k]);
        wanted += 2 * e * e + 2 * e + e; /* of e^2x + x e^x */
        expect_item(tp_grad_of(x), wanted);
        tp_release(y[k]);
    }
}

/* The axes and shapes of a call may change after it. */
static void test_attributes_are_copied(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(MATRIX(c, 2, 3, 1, 2, 3, 4, 5, 6));
    tp_ints axes = TP_AXES(-1, -2);
    tp_attr attr = {.v = &axes};
    tp_tensor *t = tp_apply(tp_op_find("permute_axes"), 1, &x, &attr, NULL);
    axes = TP_AXES(-2, -1);
    attr.v = NULL;
    tp_backward(total(tp_mul(t, MATRIX(c, 3, 2, 1, 2, 3, 4, 5, 6))));
    expect_values(tp_grad_of(x), TP_SHAPE(2, 3), 1, 3, 5, 2, 4, 6);
}

/* The values recorded are those of the time, though handles go and the leaf is updated after a backward. */
static void test_steps_of_training(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 1));
    double value = 1;
    for (int k = 0; k < 20; k++) {
        tp_mark m = tp_open_scope(c);
        tp_backward(tp_mul(x, tp_mul(x, x)));
        tp_sgd_update(x, tp_grad_of(x), 0.1);
        tp_zero_grad(x);
        tp_close_scope(c, m);
        value -= 0.1 * 3 * value * value;
        expect_near(tp_item(x), value, 1e-14);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_what_is_read_is_kept),
        TEST(test_a_sweep_holds_few_cotangents),
        TEST(test_parts_of_a_graph_go_in_any_order),
        TEST(test_attributes_are_copied),
        TEST(test_steps_of_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
