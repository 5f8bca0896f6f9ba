#include "optim/problem.h"

#include "faults.h"

#include <taper/ext.h>

/* One step of SGD where all gradients are 1: parameters go down by their rate. */
static void step_of_ones(tp_module *m, tp_optimizer *opt)
{
    tp_context *c = tp_context_of(tp_parameter_at(m, 0, NULL, 0));
    tp_mark scope = tp_open_scope(c);
    tp_tensor *sum = NUMBER(c, 0);
    for (int i = 0; i < tp_parameters(m); i++)
        if (tp_requires_grad(tp_parameter_at(m, i, NULL, 0)))
            sum = tp_add(sum, tp_sum(tp_parameter_at(m, i, NULL, 0), TP_ALL, false));
    tp_optimizer_step(opt, .loss = sum);
    tp_close_scope(c, scope);
}

static tp_module *numbers(tp_context *c, int n)
{
    tp_module *m = tp_module_new(c, "numbers", NULL, NULL, 0);
    for (int i = 0; i < n; i++) tp_module_add_parameter(m, (char[]){(char)('a' + i), 0}, NUMBER(c, 0));
    return m;
}

static void expect_number(tp_module *m, const char *path, double value)
{
    expect_near(tp_item(tp_parameter(m, path)), value, 1e-15);
}

/* --- what is updated --- */

static void test_groups(void **state)
{
    tp_context *c = *state;
    tp_module *m = tp_module_new(c, "two", NULL, NULL, 0);
    tp_module_add_child(m, "enc", numbers(c, 2));
    tp_module_add_child(m, "dec", numbers(c, 2));
    tp_optimizer *opt = tp_sgd(m, .lr = 1);
    tp_optimizer_group(opt, "enc.*", .lr = 2);
    tp_optimizer_group(opt, "*.b", .lr = 4); /* takes enc.b over */
    step_of_ones(m, opt);
    expect_number(m, "enc.a", -2);
    expect_number(m, "enc.b", -4);
    expect_number(m, "dec.a", -1);
    expect_number(m, "dec.b", -4);
    tp_optimizer_group(opt, "*d*a", .weight_decay = 1); /* dec.a, with the optimizer's rate */
    tp_optimizer_set_lr(opt, 0.5);
    expect_near(tp_optimizer_base_lr(opt), 0.5, 0);
    expect_near(tp_optimizer_lr(opt), 0.5, 0);
    step_of_ones(m, opt);
    expect_number(m, "enc.a", -4);
    expect_number(m, "dec.a", -1); /* the decay takes the gradient back */
    tp_optimizer_group(opt, "e.a", .lr = 1);
    expect_error(c, TP_ERR_ARGUMENT, "tp_optimizer_group: no parameter matches 'e.a'; the first is 'enc.a'");
    tp_optimizer_group(opt, NULL, .lr = 1);
    expect_error(c, TP_ERR_ARGUMENT, "tp_optimizer_group: no parameter matches ''");
    tp_optimizer_group(opt, "*", .lr = -1);
    expect_error(c, TP_ERR_ARGUMENT, "tp_optimizer_group: .lr takes a finite number, 0 or more, got -1");
    tp_optimizer_set_lr(opt, -1);
    expect_error(c, TP_ERR_ARGUMENT, "tp_optimizer_set_lr: takes a finite number, 0 or more, got -1");
}

static void test_shared_parameter(void **state)
{
    tp_context *c = *state;
    tp_module *m = tp_module_new(c, "two", NULL, NULL, 0), *shared = numbers(c, 1);
    tp_module_add_child(m, "first", shared);
    tp_module_add_child(m, "second", shared);
    tp_optimizer *opt = tp_sgd(m, .lr = 1, .momentum = 0.5);
    step_of_ones(m, opt);
    expect_number(m, "second.a", -1);
    assert_int_equal(tp_optimizer_states(opt), 2); /* step and buffer, once */
}

static void test_frozen_and_without_gradient(void **state)
{
    tp_context *c = *state;
    tp_module *m = numbers(c, 3);
    tp_optimizer *opt = tp_adam(m, .lr = 1);
    tp_stop_grad(tp_parameter(m, "b"));
    step_of_ones(m, opt);
    expect_number(m, "b", 0);
    assert_true(fabs(tp_item(tp_parameter(m, "a")) + 1) < 1e-6);
    assert_int_equal(tp_optimizer_states(opt), 6);
    tp_optimizer_step(opt); /* no gradients: nothing */
    assert_true(fabs(tp_item(tp_parameter(m, "a")) + 1) < 1e-6);
    tp_require_grad(tp_parameter(m, "b")); /* now its first step */
    step_of_ones(m, opt);
    assert_true(fabs(tp_item(tp_parameter(m, "b")) + 1) < 1e-6);
    expect_near(tp_item(tp_optimizer_state(opt, "b.step")), 1, 0);
    expect_near(tp_item(tp_optimizer_state(opt, "a.step")), 2, 0);
    assert_int_equal(tp_optimizer_steps(opt), 3);
}

static void test_gradients_after_a_step(void **state)
{
    tp_context *c = *state;
    tp_module *m = problem(c);
    tp_tensor *w = tp_parameter(m, "weight");
    tp_optimizer *opt = tp_adam(m);
    tp_tensor *y = tp_sum(tp_square(w), TP_ALL, false);
    tp_backward(problem_loss(m));
    tp_optimizer_step(opt, .keep_grad = true);
    assert_false(tp_is_nil(tp_grad_of(w)));
    assert_true(tp_requires_grad(w) && !tp_is_nil(tp_require_grad(w))); /* still a leaf */
    tp_optimizer_step(opt);
    assert_true(tp_is_nil(tp_grad_of(w)));
    tp_backward(y);
    expect_error(c, TP_ERR_STATE, "was overwritten");
    tp_backward(problem_loss(m));
    tp_optimizer_zero_grad(opt);
    assert_true(tp_is_nil(tp_grad_of(w)));
    tp_optimizer_step(opt, .loss = NUMBER(c, 1)); /* no history */
    assert_false(tp_ok(c));
    tp_clear(c);
    assert_int_equal(tp_optimizer_steps(opt), 2);
}

/* The optimizer holds what it trains, and dies with its scope. */
static void test_lifetime(void **state)
{
    tp_context *c = *state;
    tp_mark outer = tp_open_scope(c);
    tp_mark scope = tp_open_scope(c);
    tp_module *m = tp_module_keep(numbers(c, 1));
    tp_optimizer *opt = tp_sgd(m);
    tp_step_lr(opt, 1);
    tp_close_scope(c, scope);
    tp_optimizer_step(opt);
    expect_error(c, TP_ERR_STATE, "tp_optimizer_step");
    assert_int_equal(tp_parameters(m), 1);
    tp_close_scope(c, outer);
}

/* What is kept stays until the enclosing scope ends, with its states and schedules. */
static void test_keep(void **state)
{
    tp_context *c = *state;
    tp_mark outer = tp_open_scope(c), scope = tp_open_scope(c);
    tp_module *m = tp_module_keep(numbers(c, 1));
    tp_optimizer *opt = tp_optimizer_keep(tp_sgd(m, .momentum = 0.5));
    tp_schedule *s[] = {tp_step_lr(opt, 1), tp_linear_lr(opt)};
    tp_close_scope(c, scope);
    tp_optimizer_step(opt);
    assert_int_equal(tp_optimizer_steps(opt), 1);
    for (int i = 0; i < 2; i++) assert_ptr_equal(tp_optimizer_schedule_at(opt, i), s[i]);
    tp_schedule_step(tp_optimizer_schedule_at(opt, 1));
    assert_int_equal(tp_schedule_state_of(tp_optimizer_schedule_at(opt, 1)).steps, 1);
    assert_true(tp_schedule_is_nil(tp_optimizer_schedule_at(opt, 2)));
    assert_true(tp_schedule_is_nil(tp_optimizer_schedule_at(opt, -1)));
    assert_true(tp_ok(c));
    tp_close_scope(c, outer);
    tp_optimizer_step(opt);
    expect_error(c, TP_ERR_STATE, "tp_optimizer_step");
    tp_optimizer_keep(tp_nil_optimizer(c));
    assert_null(tp_optimizer_keep(NULL));
}

static void test_wrong_modules(void **state)
{
    tp_context *c = *state;
    assert_true(tp_optimizer_is_nil(tp_sgd(tp_share(c, numbers(c, 1)))));
    expect_error(c, TP_ERR_STATE, "is shared, read-only");
    tp_optimizer *opt = tp_sgd(tp_module_new(c, "empty", NULL, NULL, 0));
    tp_optimizer_step(opt);
    assert_int_equal(tp_optimizer_steps(opt), 1);
    tp_optimizer_step(tp_nil_optimizer(c));
    expect_error(c, TP_ERR_ARGUMENT, "tp_optimizer_step: argument 'opt' is nil");
    tp_optimizer_set_steps(opt, -1);
    expect_error(c, TP_ERR_ARGUMENT, "tp_optimizer_set_steps: takes 0 or more, got -1");
}

/* --- states --- */

static void test_states_by_name(void **state)
{
    tp_context *c = *state;
    const char *const paths[] = {"weight.step",           "weight.exp_avg",     "weight.exp_avg_sq",
                                 "weight.max_exp_avg_sq", "bias.step",          "bias.exp_avg",
                                 "bias.exp_avg_sq",       "bias.max_exp_avg_sq"};
    char path[64];
    tp_module *m = problem(c);
    tp_optimizer *opt = tp_adam(m, .amsgrad = true);
    assert_int_equal(tp_optimizer_states(opt), 0);
    problem_step(m, opt);
    assert_int_equal(tp_optimizer_states(opt), 8);
    for (int i = 0; i < 8; i++) {
        tp_tensor *t = tp_optimizer_state_at(opt, i, path, sizeof path);
        assert_string_equal(path, paths[i]);
        assert_ptr_equal(t, tp_optimizer_state(opt, path));
        assert_int_equal(tp_numel(t), i % 4 == 0 ? 1 : i < 4 ? 6 : 2);
    }
    FAILS(tp_optimizer_state_at(opt, 8, NULL, 0), "tp_optimizer_state_at: there is no number 8, only 0 to 7");
    FAILS(tp_optimizer_state(opt, "weight.sum"), "tp_optimizer_state: adam has no state 'weight.sum'");
    FAILS(tp_optimizer_state(opt, "weights.step"), "tp_optimizer_state: adam has no state 'weights.step'");
    FAILS(tp_optimizer_state(tp_sgd(m), "weight.step"), "tp_optimizer_state: sgd has no state 'weight.step'");
}

/* A training that is stopped, saved and gone on with elsewhere ends in the same numbers. */
/* A parameter that lies turned has states that do, also where they do not begin with 0. */
static void test_states_lie_as_parameters(void **state)
{
    tp_context *c = *state;
    tp_module *m = tp_linear(c, 3, 2);
    tp_optimizer *const all[] = {tp_adam(m), tp_adagrad(m, .initial_accumulator = 0.5)};
    tp_ints steps = tp_strides_of(tp_parameter(m, "weight"));
    assert_true(steps.v[0] == 1 && steps.v[1] == 2);
    for (int i = 0; i < 2; i++) {
        tp_optimizer_zero_grad(all[i]);
        tp_backward(tp_sum(tp_forward(m, tp_ones(c, TP_SHAPE(4, 3), TP_F32)), TP_ALL, false));
        tp_optimizer_step(all[i]);
        tp_ints s = tp_strides_of(tp_optimizer_state(all[i], i ? "weight.sum" : "weight.exp_avg"));
        assert_true(s.n == 2 && s.v[0] == 1 && s.v[1] == 2);
    }
    assert_true(tp_get(tp_optimizer_state(all[1], "weight.sum"), TP_INTS(1, 2)) == 16.5);
}

static void test_going_on_elsewhere(void **state)
{
    tp_context *c = *state;
    char path[64];
    double wanted[PARAMETERS];
    tp_module *m = problem(c), *copy = problem(c);
    tp_optimizer *opt = tp_rmsprop(m, .momentum = 0.5), *other = tp_rmsprop(copy, .momentum = 0.5);
    tp_schedule *s = tp_cosine_lr(opt, 10), *s2 = tp_cosine_lr(other, 10);
    for (int i = 0; i < 5; i++) problem_step(m, opt), tp_schedule_step(s);
    assert_int_equal(tp_module_copy(copy, m), TP_OK);
    for (int i = 0; i < tp_optimizer_states(opt); i++) {
        tp_tensor *t = tp_optimizer_state_at(opt, i, path, sizeof path);
        tp_assign(tp_optimizer_state(other, path), t);
    }
    tp_optimizer_set_steps(other, tp_optimizer_steps(opt));
    tp_schedule_set_state(s2, tp_schedule_state_of(s));
    for (int i = 0; i < 5; i++) {
        problem_step(m, opt), tp_schedule_step(s);
        problem_step(copy, other), tp_schedule_step(s2);
    }
    problem_read(m, wanted);
    expect_parameters(copy, wanted, 0);
    assert_int_equal(tp_optimizer_steps(other), 10);
}

/* --- failing allocations --- */

typedef struct training {
    tp_module *m;
    tp_optimizer *opt;
} training;

/* Parameters, gradients and states. */
static outcome outcome_of(const training *t)
{
    outcome o = {0};
    for (int i = 0; i < 2; i++) outcome_add(&o, tp_parameter_at(t->m, i, NULL, 0));
    for (int i = 0; i < tp_optimizer_states(t->opt); i++)
        outcome_add(&o, tp_optimizer_state_at(t->opt, i, NULL, 0));
    outcome_number(&o, (double)tp_optimizer_steps(t->opt));
    return o;
}

static bool fail_step(int algorithm, int steps_before, long at)
{
    static const tp_optimizer_options options[] = {
        {.momentum = 0.9}, {.amsgrad = true}, {0}, {.centered = true, .momentum = 0.5}, {0}};
    faulty hook;
    tp_context *c = faulty_open(&hook, all_after);
    training t = {.m = problem(c)};
    t.opt = tp_optimizer_named(t.m, tp_optimizer_name_at(algorithm), &options[algorithm]);
    tp_one_cycle_lr(t.opt, 0.1, 10);
    for (int i = 0; i < steps_before; i++) problem_step(t.m, t.opt);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *loss = problem_loss(t.m);
    outcome before = outcome_of(&t);
    faulty_arm(&hook, at);
    tp_optimizer_step(t.opt, .loss = loss);
    bool refused = faulty_disarm(&hook);
    EXPECT(refused == !tp_ok(c), tp_optimizer_name_at(algorithm), at, c);
    tp_close_scope(c, scope);
    tp_clear(c);
    outcome after = outcome_of(&t);
    EXPECT(outcome_equal(&before, &after) == refused, tp_optimizer_name_at(algorithm), at, c);
    problem_step(t.m, t.opt);
    EXPECT(tp_ok(c), tp_optimizer_name_at(algorithm), at, c);
    tp_close(c);
    assert_int_equal(hook.books.blocks, 0);
    return refused;
}

static void test_failed_steps_change_nothing(void **state)
{
    (void)state;
    for (int k = 0; k < 5; k++)
        for (int before = 0; before < 2; before++) {
            long at = 1;
            while (fail_step(k, before, at)) at++;
            assert_true(at > 5);
        }
}

static tp_schedule *make_all(tp_module *m)
{
    tp_optimizer *opt = tp_adam(m);
    tp_optimizer_group(opt, "*", .lr = 1);
    tp_optimizer_state(opt, "bias.exp_avg");
    tp_optimizer_named(m, "sgd", NULL);
    tp_adamw(m);
    tp_rmsprop(m);
    tp_adagrad(m);
    tp_constant_lr(opt);
    tp_step_lr(opt, 2);
    tp_multi_step_lr(opt, TP_INTS(3));
    tp_exponential_lr(opt, 0.5);
    tp_cosine_lr(opt, 10);
    tp_linear_lr(opt);
    tp_one_cycle_lr(opt, 0.1, 10);
    return tp_plateau_lr(opt);
}

static void test_failed_makers(void **state)
{
    (void)state;
    bool refused = true;
    for (long at = 1; refused; at++) {
        faulty hook;
        tp_context *c = faulty_open(&hook, all_after);
        tp_mark outer = tp_open_scope(c);
        tp_module *m = problem(c);
        tp_parameters(m); /* the module keeps their list */
        size_t held = hook.books.bytes;
        tp_mark scope = tp_open_scope(c);
        faulty_arm(&hook, at);
        tp_schedule *s = make_all(m);
        refused = faulty_disarm(&hook);
        EXPECT(refused == tp_schedule_is_nil(s), "makers", at, c);
        EXPECT(refused == !tp_ok(c), "makers", at, c);
        tp_close_scope(c, scope);
        tp_clear(c);
        EXPECT(hook.books.bytes == held, "makers", at, c);
        tp_close_scope(c, outer);
        tp_close(c);
        assert_int_equal(hook.books.blocks, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_groups),
        TEST(test_shared_parameter),
        TEST(test_frozen_and_without_gradient),
        TEST(test_gradients_after_a_step),
        TEST(test_lifetime),
        TEST(test_keep),
        TEST(test_wrong_modules),
        TEST(test_states_by_name),
        TEST(test_states_lie_as_parameters),
        TEST(test_going_on_elsewhere),
        FAULT_TESTS(test_failed_steps_change_nothing),
        FAULT_TESTS(test_failed_makers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
