#include "optim/problem.h"

/* --- against PyTorch --- */

#define OPTIMIZER(make, setup, values)                                 \
    {                                                                  \
        tp_mark scope = tp_open_scope(c);                              \
        tp_module *m = problem(c);                                     \
        tp_optimizer *opt = make;                                      \
        setup;                                                         \
        for (int step = 0; step < STEPS; step++) problem_step(m, opt); \
        expect_parameters(m, values, 1e-9);                            \
        assert_int_equal(tp_optimizer_steps(opt), STEPS);              \
        tp_close_scope(c, scope);                                      \
    }

static void test_hundred_steps(void **state)
{
    tp_context *c = *state;
#include "golden/optimizers.def"
}

/* --- other dtypes --- */

typedef tp_optimizer *make_fn(tp_module *m, const tp_optimizer_options *options);

/* The same steps in other dtypes stay as near as their precision lets them. */
static void test_other_dtypes(void **state)
{
    tp_context *c = *state;
    make_fn *const makes[] = {tp_sgd_with, tp_adam_with, tp_adamw_with, tp_rmsprop_with, tp_adagrad_with};
    const struct {
        tp_dtype dtype;
        double tolerance;
    } dtypes[] = {{TP_F32, 2e-6}, {TP_F16, 1e-2}, {TP_BF16, 8e-2}};
    for (int k = 0; k < 5; k++) {
        double wanted[PARAMETERS];
        tp_module *exact = problem(c);
        tp_optimizer *opt = makes[k](exact, &(tp_optimizer_options){.lr = 0.03, .eps = k ? 1e-3 : 0});
        for (int step = 0; step < 10; step++) problem_step(exact, opt);
        problem_read(exact, wanted);
        for (int d = 0; d < 3; d++) {
            tp_module *m = problem_of(c, dtypes[d].dtype);
            opt = makes[k](m, &(tp_optimizer_options){.lr = 0.03, .eps = k ? 1e-3 : 0});
            for (int step = 0; step < 10; step++) problem_step(m, opt);
            expect_parameters(m, wanted, dtypes[d].tolerance);
        }
    }
}

/* --- wrong calls --- */

#define REFUSED(call, text)                          \
    do {                                             \
        assert_true(tp_optimizer_is_nil(call));      \
        assert_string_equal(tp_error_text(c), text); \
        tp_clear(c);                                 \
    } while (0)

static void test_wrong_options(void **state)
{
    tp_context *c = *state;
    tp_module *m = problem(c);
    REFUSED(tp_sgd(m, .lr = -1), "tp_sgd: .lr takes a finite number, 0 or more, got -1");
    REFUSED(tp_sgd(m, .lr = NAN), "tp_sgd: .lr takes a finite number, 0 or more, got nan");
    REFUSED(tp_sgd(m, .lr = INFINITY), "tp_sgd: .lr takes a finite number, 0 or more, got inf");
    REFUSED(tp_sgd(m, .nesterov = true), "tp_sgd: .nesterov takes a .momentum above 0 and no .dampening");
    REFUSED(tp_sgd(m, .nesterov = true, .momentum = 0.9, .dampening = 0.1),
            "tp_sgd: .nesterov takes a .momentum above 0 and no .dampening");
    REFUSED(tp_sgd(m, .beta1 = 0.9), "tp_sgd: takes no .beta1");
    REFUSED(tp_adam(m, .nesterov = true), "tp_adam: takes no .nesterov");
    REFUSED(tp_adam(m, .beta1 = 1), "tp_adam: .beta1 takes 0 or more, but less than 1, got 1");
    REFUSED(tp_adamw(m, .beta2 = -0.5), "tp_adamw: .beta2 takes 0 or more, but less than 1, got -0.5");
    REFUSED(tp_rmsprop(m, .weight_decay = -1),
            "tp_rmsprop: .weight_decay takes a finite number, 0 or more, got -1");
    REFUSED(tp_adagrad(m, .momentum = 0.9), "tp_adagrad: takes no .momentum");
    REFUSED(tp_adam(NULL), "");
    REFUSED(tp_adam(tp_nil_module(c)), "an optimizer: argument 'm' is nil");
    assert_int_equal(tp_error(c), TP_OK);
}

static void test_names(void **state)
{
    tp_context *c = *state;
    const char *const names[] = {"sgd", "adam", "adamw", "rmsprop", "adagrad", NULL};
    tp_module *m = problem(c), *other = problem(c);
    double wanted[PARAMETERS];
    for (int i = 0; i < 5; i++) {
        assert_string_equal(tp_optimizer_name_at(i), names[i]);
        tp_optimizer *opt = tp_optimizer_named(m, names[i], NULL);
        assert_string_equal(tp_optimizer_name(opt), names[i]);
    }
    assert_null(tp_optimizer_name_at(5));
    assert_null(tp_optimizer_name(tp_nil_optimizer(c)));
    assert_null(tp_optimizer_name_at(-1));
    problem_step(m, tp_optimizer_named(m, "rmsprop", &(tp_optimizer_options){.alpha = 0.5}));
    problem_step(other, tp_rmsprop(other, .alpha = 0.5));
    problem_read(other, wanted);
    expect_parameters(m, wanted, 0);
    REFUSED(tp_optimizer_named(m, "adamv", NULL),
            "tp_optimizer_named: there is no optimizer 'adamv'; the nearest is 'adam'");
    assert_true(tp_optimizer_is_nil(tp_optimizer_named(m, NULL, NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "there is no optimizer ''");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hundred_steps),
        TEST(test_other_dtypes),
        TEST(test_wrong_options),
        TEST(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
