#include "nn/golden.h"

#include "faults.h"

/* Values and gradients of every loss with every option, as PyTorch's. */
static void test_values(void **state)
{
    tp_context *c = *state;
#include "golden/losses.def"
}

/* Labels of any integer type; a target that is promoted; the plain functions without options. */
static void test_dtypes(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = MATRIX(c, 2, 3, 1, 2, 3, 3, 1, 2),
              *y = tp_from_doubles(c, TP_SHAPE(2), TP_I64, (double[]){2, 0});
    double want = tp_item(tp_cross_entropy_with(x, y, NULL));
    expect_near(want, log(1 + exp(-1) + exp(-2)), 1e-12);
    for (tp_dtype d = TP_U8; d <= TP_I64; d++)
        expect_near(tp_item(tp_cross_entropy(x, tp_cast(y, d), .ignore_index = 1)), want, 0);
    tp_tensor *f32 = tp_cross_entropy(tp_cast(x, TP_F32), y, .weight = VECTOR(c, 1, 2, 3));
    assert_int_equal(tp_dtype_of(f32), TP_F32);
    expect_near(tp_item(f32), want, 1e-6);
    tp_tensor *truth = tp_gt_scalar(x, 1.5);
    expect_near(tp_item(tp_bce_with_logits(x, truth)), tp_item(tp_bce_with_logits(x, tp_cast(truth, TP_F64))),
                1e-15);
}

/* What is far from 0 costs neither overflow nor digits. */
static void test_extremes(void **state)
{
    tp_context *c = *state;
    tp_tensor *y = tp_from_doubles(c, TP_SHAPE(1), TP_I64, (double[]){1});
    expect_near(tp_item(tp_cross_entropy(MATRIX(c, 1, 2, 1e4, -1e4), y)), 2e4, 0);
    tp_tensor *one = VECTOR(c, 1), *zero = VECTOR(c, 0);
    double tiny = log1p(exp(-50));
    expect_near(tp_item(tp_bce_with_logits(VECTOR(c, 50), one)), tiny, 1e-15 * tiny);
    expect_near(tp_item(tp_bce_with_logits(VECTOR(c, -50), zero)), tiny, 1e-15 * tiny);
    expect_near(tp_item(tp_bce_with_logits(VECTOR(c, -1e4), one)), 1e4, 0);
    expect_near(tp_item(tp_binary_cross_entropy(zero, one)), 100, 0);
}

/* Where a target is ignored not even a NaN comes through, in either direction. */
static void test_ignored_nan(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(MATRIX(c, 2, 2, NAN, 1, 0, 0));
    tp_tensor *y = tp_from_doubles(c, TP_SHAPE(2), TP_I64, (double[]){-100, 1});
    tp_tensor *loss = tp_cross_entropy(x, y, .label_smoothing = 0.1);
    expect_near(tp_item(loss), log(2), 1e-15);
    tp_backward(loss);
    expect_near(tp_get(tp_grad_of(x), TP_INTS(1, 0)), 0.45, 1e-15);
}

static tp_tensor *labelled(tp_context *c, double first, double second)
{
    return tp_from_doubles(c, TP_SHAPE(2), TP_I64, (double[]){first, second});
}

static void test_refused(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = MATRIX(c, 2, 3, 1, 2, 3, 4, 5, 6), *y = labelled(c, 1, 2), *nothing = NULL;
    FAILS(tp_cross_entropy(x, labelled(c, 1, 3)),
          "tp_cross_entropy: label 3 at element 1 of 'target' is none of the classes 0 to 2");
    FAILS(tp_cross_entropy(x, labelled(c, -1, 0)),
          "tp_cross_entropy: label -1 at element 0 of 'target' is none of the classes 0 to 2");
    FAILS(tp_nll_loss(x, labelled(c, 0, -100), .ignore_index = -1),
          "tp_nll_loss: label -100 at element 1 of 'target' is none of the classes 0 to 2");
    FAILS(tp_cross_entropy(x, tp_zeros(c, TP_SHAPE(3), TP_I64)),
          "tp_cross_entropy: argument 'target' takes [2], got [3]");
    FAILS(tp_cross_entropy(x, VECTOR(c, 0, 1)), "tp_cross_entropy: argument 'target' takes [2,3], got [2]");
    FAILS(tp_cross_entropy(NUMBER(c, 1), y),
          "tp_cross_entropy: argument 'logits' takes [n,classes,..] or [classes], got []");
    FAILS(tp_cross_entropy(x, y, .weight = VECTOR(c, 1, 2)),
          "tp_cross_entropy: argument 'weight' takes [3], got [2]");
    FAILS(tp_cross_entropy(x, y, .label_smoothing = 1.5),
          "tp_cross_entropy: .label_smoothing takes 0 to 1, got 1.5");
    FAILS(tp_cross_entropy(x, nothing), "tp_cross_entropy: argument 'target' is NULL");
    FAILS(tp_cross_entropy(nothing, y), "tp_cross_entropy: argument 'logits' is NULL");
    assert_true(tp_is_nil(tp_cross_entropy(nothing, nothing)));
    FAILS(tp_nll_loss(x, VECTOR(c, 0, 1)), "tp_nll_loss: argument 'target' takes integers, got f64");
    FAILS(tp_mse_loss(x, VECTOR(c, 1, 2, 3)), "tp_mse_loss: argument 'target' takes [2,3], got [3]");
    FAILS(tp_l1_loss(nothing, x), "tp_l1_loss: argument 'x' is NULL");
    FAILS(tp_huber_loss(x, x, .delta = -1), "tp_huber_loss: .delta takes a number above 0");
    FAILS(tp_smooth_l1_loss(x, x, .beta = -1), "tp_smooth_l1_loss: .beta takes 0 or more");
    FAILS(tp_binary_cross_entropy(VECTOR(c, 0.5, 1.25), VECTOR(c, 0, 1)),
          "tp_binary_cross_entropy: argument 'p' takes 0 to 1, got 1.25");
    FAILS(tp_bce_with_logits(x, x, .weight = tp_ones(c, TP_SHAPE(4), TP_F64)),
          "expand: cannot make [2,3] of [4]");
}

/* --- failing allocations --- */

typedef tp_tensor *loss_fn(tp_tensor *x, tp_tensor *y, tp_tensor *q, tp_tensor *w);

static tp_tensor *cross_entropy(tp_tensor *x, tp_tensor *y, tp_tensor *q, tp_tensor *w)
{
    (void)q;
    return tp_cross_entropy(x, y, .weight = w, .label_smoothing = 0.1, .ignore_index = 1);
}

static tp_tensor *distributions(tp_tensor *x, tp_tensor *y, tp_tensor *q, tp_tensor *w)
{
    (void)y;
    return tp_cross_entropy(x, q, .weight = w);
}

static tp_tensor *bce(tp_tensor *x, tp_tensor *y, tp_tensor *q, tp_tensor *w)
{
    (void)y;
    return tp_bce_with_logits(x, q, .pos_weight = w);
}

static tp_tensor *probabilities(tp_tensor *x, tp_tensor *y, tp_tensor *q, tp_tensor *w)
{
    (void)y;
    return tp_binary_cross_entropy(tp_sigmoid(x), q, .weight = w);
}

static tp_tensor *differences(tp_tensor *x, tp_tensor *y, tp_tensor *q, tp_tensor *w)
{
    (void)y, (void)w;
    return tp_add(tp_smooth_l1_loss(x, q, .beta = 0.5), tp_add(tp_l1_loss(x, q), tp_mse_loss(x, q)));
}

/* Loss and backward with the at-th allocation failing; false if there are fewer. */
static bool fail_at(loss_fn *loss, long at, double *value, outcome *gradient)
{
    faulty hook;
    tp_context *c = faulty_open(&hook, all_after);
    tp_tensor *x = tp_require_grad(MATRIX(c, 2, 3, 1, 2, -1, 0, 0.5, 3)), *y = labelled(c, 2, 1);
    tp_tensor *q = MATRIX(c, 2, 3, 0.5, 0.25, 0.25, 1, 0, 0), *w = VECTOR(c, 1, 2, 0.5);
    tp_mark scope = tp_open_scope(c);
    size_t held = hook.books.bytes;
    faulty_arm(&hook, at);
    tp_tensor *y0 = loss(x, y, q, w);
    tp_backward(y0);
    bool refused = faulty_disarm(&hook);
    if (refused) {
        EXPECT(tp_error(c) == TP_ERR_MEMORY && names_a_call(tp_error_text(c)), "loss", at, c);
        tp_close_scope(c, scope);
        tp_clear(c);
        scope = tp_open_scope(c);
        EXPECT(hook.books.bytes == held, "loss", at, c);
        EXPECT(tp_is_nil(tp_grad_of(x)), "loss", at, c);
        y0 = loss(x, y, q, w);
        tp_backward(y0);
    }
    EXPECT(tp_ok(c), "loss", at, c);
    *value = tp_item(y0);
    outcome_add(gradient, tp_grad_of(x));
    tp_close_scope(c, scope);
    tp_close(c);
    EXPECT(hook.books.blocks == 0, "loss", at, NULL);
    return refused;
}

static void test_faults(void **state)
{
    (void)state;
    loss_fn *const all[] = {cross_entropy, distributions, bce, probabilities, differences};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double value, first;
        outcome gradient, expected = {0};
        fail_at(all[i], 0, &first, &expected);
        long at = 0;
        do {
            gradient = (outcome){0};
            at++;
        } while (fail_at(all[i], at, &value, &gradient) && value == first &&
                 outcome_equal(&gradient, &expected));
        assert_true(value == first && outcome_equal(&gradient, &expected));
        assert_true(at > 10);
    }
}

static const struct CMUnitTest tests[] = {
    TEST(test_values),      TEST(test_dtypes),  TEST(test_extremes),
    TEST(test_ignored_nan), TEST(test_refused), FAULT_TESTS(test_faults),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
