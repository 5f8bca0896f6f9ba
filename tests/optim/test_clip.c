#include "optim/problem.h"

#include "faults.h"

static void read_gradients(tp_module *m, double *values)
{
    tp_read_doubles(tp_grad_of(tp_parameter(m, "weight")), values, 6);
    tp_read_doubles(tp_grad_of(tp_parameter(m, "bias")), values + 6, 2);
}

static double clip_norm(tp_module *m, double bound) { return tp_clip_grad_norm(m, bound); }

/* Has no result of its own: the norm before, by another way. */
static double clip_value(tp_module *m, double value)
{
    double norm = tp_clip_grad_norm(m, INFINITY);
    tp_clip_grad_value(m, value);
    return norm;
}

#define CLIP(by, bound, norm, values)                                                 \
    {                                                                                 \
        double got[PARAMETERS];                                                       \
        tp_module *m = problem(c);                                                    \
        tp_backward(problem_loss(m));                                                 \
        expect_near(clip_##by(m, bound), norm, 1e-14);                                \
        read_gradients(m, got);                                                       \
        for (int i = 0; i < PARAMETERS; i++) expect_near(got[i], (values)[i], 1e-14); \
    }

static void test_against_torch(void **state)
{
    tp_context *c = *state;
#include "golden/clip.def"
}

/* Without gradients, with one that is no number, and what is no bound. */
static void test_special(void **state)
{
    tp_context *c = *state;
    double got[PARAMETERS];
    tp_module *m = problem(c);
    expect_near(tp_clip_grad_norm(m, 1), 0, 0);
    tp_clip_grad_value(m, 1);
    assert_true(isnan(tp_clip_grad_norm(m, -1)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_clip_grad_norm: takes a bound of 0 or more, got -1");
    tp_clip_grad_value(m, NAN);
    expect_error(c, TP_ERR_ARGUMENT, "tp_clip_grad_value: takes a bound of 0 or more, got nan");
    assert_true(isnan(tp_clip_grad_norm(tp_nil_module(c), 1)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_clip_grad_norm: argument 'm' is nil");
    tp_freeze(m, true);
    tp_require_grad(tp_parameter(m, "bias")); /* the only one that gets a gradient */
    tp_backward(problem_loss(m));
    assert_true(tp_clip_grad_norm(m, 0.01) > 0.02);
    expect_near(tp_clip_grad_norm(m, 1), 0.01, 1e-6);
    assert_true(tp_is_nil(tp_grad_of(tp_parameter(m, "weight"))));
    tp_zero_grad(tp_parameter(m, "bias"));
    tp_backward(tp_mul_scalar(problem_loss(m), NAN));
    assert_true(isnan(tp_clip_grad_norm(m, 1)));
    tp_read_doubles(tp_grad_of(tp_parameter(m, "bias")), got, 2);
    assert_true(isnan(got[0]) && isnan(got[1]));
}

/* Allocations fail one after another: all gradients are clipped, or none. */
static void test_faults(void **state)
{
    (void)state;
    long at = 1;
    for (bool refused = true; refused; at++) {
        faulty hook;
        double before[PARAMETERS], after[PARAMETERS];
        tp_context *c = faulty_open(&hook, all_after);
        tp_module *m = problem(c);
        tp_backward(problem_loss(m));
        read_gradients(m, before);
        faulty_arm(&hook, at);
        double norm = tp_clip_grad_norm(m, 0.05);
        if (tp_ok(c)) tp_clip_grad_value(m, 0.01);
        refused = faulty_disarm(&hook);
        EXPECT(refused == !tp_ok(c), "clipping", at, c);
        tp_clear(c);
        read_gradients(m, after);
        for (int i = 0; refused && isnan(norm) && i < PARAMETERS; i++) expect_near(after[i], before[i], 0);
        tp_close(c);
        assert_int_equal(hook.books.blocks, 0);
    }
    assert_true(at > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_against_torch),
        TEST(test_special),
        FAULT_TESTS(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
