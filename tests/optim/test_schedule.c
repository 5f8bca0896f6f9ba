#include "optim/problem.h"

#include <taper/ext.h>

/* --- against PyTorch --- */

static double metric_at(int t) { return t < 20 ? 1 / (1 + (double)t) : t < 60 ? 2 / (101 - (double)t) : 0.5; }

static tp_optimizer *grouped(tp_optimizer *opt)
{
    tp_optimizer_group(opt, "bias", .lr = 0.05);
    return opt;
}

static void step_once(tp_schedule *s, int t)
{
    tp_context *c = ((tp_object *)s)->context;
    tp_schedule_step(s);
    assert_true(tp_ok(c) == !tp_schedule_takes_metric(s));
    if (tp_ok(c)) return;
    expect_error(c, TP_ERR_STATE, "goes by tp_schedule_metric");
    tp_schedule_metric(s, metric_at(t));
}

static void check_schedules(tp_module *m, tp_optimizer *opt, int n, tp_schedule *const *s,
                            const double *rates, const double *wanted, int line)
{
    for (int t = 0; t <= STEPS; t++) {
        expect_near_(tp_optimizer_lr(opt), rates[t], 1e-12 * fmax(rates[0], 0.2), __FILE__, line);
        if (t == STEPS) break;
        problem_step(m, opt);
        for (int k = 0; k < n; k++) step_once(s[k], t);
    }
    expect_parameters_(m, wanted, 1e-9, __FILE__, line);
}

#define LIST(...)   \
    {               \
        __VA_ARGS__ \
    }
#define SCHEDULE(make, schedules, rates, values)                                          \
    {                                                                                     \
        tp_mark scope = tp_open_scope(c);                                                 \
        tp_module *m = problem(c);                                                        \
        tp_optimizer *opt = make;                                                         \
        tp_schedule *const s[] = schedules;                                               \
        check_schedules(m, opt, (int)(sizeof s / sizeof *s), s, rates, values, __LINE__); \
        tp_close_scope(c, scope);                                                         \
    }

static void test_hundred_steps(void **state)
{
    tp_context *c = *state;
#include "golden/schedules.def"
}

/* --- what is not PyTorch's --- */

/* Past its last step one_cycle stays where it is, and a new base rate counts at once. */
static void test_beyond_the_end(void **state)
{
    tp_context *c = *state;
    tp_optimizer *opt = tp_sgd(problem(c), .lr = 0.1);
    tp_schedule *s = tp_one_cycle_lr(opt, 0.5, 4);
    expect_near(tp_optimizer_lr(opt), 0.02, 1e-15);
    for (int i = 0; i < 9; i++) tp_schedule_step(s);
    expect_near(tp_optimizer_lr(opt), 0.02 / 1e4, 1e-15);
    opt = tp_sgd(problem(c), .lr = 0.1);
    s = tp_step_lr(opt, 2, .gamma = 0.5);
    tp_schedule_set_state(s, (tp_schedule_state){.steps = 5});
    expect_near(tp_optimizer_lr(opt), 0.025, 1e-15);
    tp_optimizer_set_lr(opt, 1);
    expect_near(tp_optimizer_lr(opt), 0.25, 1e-15);
    assert_int_equal(tp_schedule_state_of(s).steps, 5);
}

#define REFUSED(call, text)                          \
    do {                                             \
        assert_true(tp_schedule_is_nil(call));       \
        assert_string_equal(tp_error_text(c), text); \
        tp_clear(c);                                 \
    } while (0)

static void test_wrong_calls(void **state)
{
    tp_context *c = *state;
    tp_optimizer *opt = tp_sgd(problem(c), .lr = 0.1);
    REFUSED(tp_constant_lr(opt, .gamma = 0.5), "tp_constant_lr: takes no .gamma");
    REFUSED(tp_step_lr(opt, 0), "tp_step_lr: takes a step_size of 1 or more");
    REFUSED(tp_step_lr(opt, 1, .gamma = -1), "tp_step_lr: .gamma takes a finite number, 0 or more, got -1");
    REFUSED(tp_multi_step_lr(opt, TP_NONE), "tp_multi_step_lr: takes 1 to 12 milestones");
    REFUSED(tp_exponential_lr(opt, NAN), "tp_exponential_lr: takes a gamma of 0 or more");
    REFUSED(tp_cosine_lr(opt, -3), "tp_cosine_lr: takes a t_max of 1 or more");
    REFUSED(tp_one_cycle_lr(opt, -1, 10), "tp_one_cycle_lr: takes a max_lr of 0 or more");
    REFUSED(tp_one_cycle_lr(opt, 1, 1), "tp_one_cycle_lr: takes total_steps of 2 or more");
    REFUSED(tp_one_cycle_lr(opt, 1, 10, .div_factor = TP_ZERO), "tp_one_cycle_lr: takes factors above 0");
    REFUSED(tp_plateau_lr(opt, .factor = 1), "tp_plateau_lr: takes a factor below 1");
    REFUSED(tp_plateau_lr(tp_nil_optimizer(c)), "tp_plateau_lr: argument 'opt' is nil");
    expect_near(tp_optimizer_lr(opt), 0.1, 0); /* none of them counts */
    tp_schedule_step(tp_plateau_lr(opt));
    expect_error(c, TP_ERR_STATE, "a schedule made by tp_plateau_lr goes by tp_schedule_metric");
    tp_schedule_metric(tp_step_lr(opt, 1), 0.5);
    expect_error(c, TP_ERR_STATE, "a schedule made by tp_step_lr goes by tp_schedule_step");
    tp_schedule_set_state(tp_step_lr(opt, 1), (tp_schedule_state){.steps = -1});
    expect_error(c, TP_ERR_ARGUMENT, "takes counters of 0 or more");
    tp_schedule_step(tp_nil_schedule(c));
    expect_error(c, TP_ERR_ARGUMENT, "tp_schedule_step: argument 's' is nil");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hundred_steps),
        TEST(test_beyond_the_end),
        TEST(test_wrong_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
