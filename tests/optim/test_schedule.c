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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hundred_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
