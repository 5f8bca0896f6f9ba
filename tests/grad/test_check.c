/* tp_check_op on ops of a user's own, which are in no table. */
#include "faults.h"

#include <taper/ext.h>
#include <taper/grad.h>
#include <taper/ops.h>

/* x^3, one element at a time: the walk over all axes is the op's own. */
static void each_element(const tp_array *x, const tp_array *y, double (*f)(double))
{
    int64_t index[TP_INTERNAL_RANK] = {0};
    for (;;) {
        const double *from = x->data;
        double *to = y->data;
        for (int k = 0; k < y->rank; k++) {
            from += index[k] * x->stride[k];
            to += index[k] * y->stride[k];
        }
        *to = f(*from);
        int k = y->rank - 1;
        while (k >= 0 && ++index[k] == y->size[k]) index[k--] = 0;
        if (k < 0) return;
    }
}

static double cube(double x) { return x * x * x; }

static void cube_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    (void)call;
    each_element(&in[0], &out[0], cube);
}

static tp_tensor *cube_slope(const tp_call *call, int i)
{
    return (void)i, tp_mul_scalar(tp_square(call->in[0]), 3);
}

/* Its own loops: the result has no history. */
static tp_tensor *cube_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return tp_detach(tp_mul(u[0], cube_slope(call, 0)));
}

static const char *const x_name[] = {"x"}, *const y_name[] = {"y"};

static tp_op cube_op(const tp_rules *rules)
{
    return (tp_op){.name = "cube",
                   .signature = "()->()",
                   .types = "F->F",
                   .n_in = 1,
                   .in_name = x_name,
                   .n_out = 1,
                   .out_name = y_name,
                   .rules = rules};
}

static void test_right_op(void **state)
{
    (void)state;
    const tp_rules rules = {.eval = cube_eval, .slope = cube_slope, .reads = TP_IN(0)};
    tp_op op = cube_op(&rules);
    tp_context *c = tp_open(NULL);
    tp_op_report r;
    assert_true(tp_check_op(c, &op, &r));
    assert_ptr_equal(r.op, &op);
    assert_int_equal(r.failures + r.refused + r.not_finite + r.kinks, 0);
    assert_true(r.samples > 10);
    assert_true(r.checks > 30 * r.samples);
    assert_int_equal(tp_close(c), 0);
}

/* `pull` alone: first order by reverse is checked, all else is an error that names the op. */
static void test_pull_alone(void **state)
{
    (void)state;
    const tp_rules rules = {.eval = cube_eval, .pull = cube_pull, .reads = TP_IN(0)};
    tp_op op = cube_op(&rules);
    tp_context *c = tp_open(NULL);
    tp_op_report r;
    assert_true(tp_check_op(c, &op, &r));

    tp_tensor *x = tp_require_grad(tp_full(c, TP_SHAPE(2), 3, TP_F64));
    tp_tensor *y = tp_sum(tp_apply(&op, 1, &x, NULL, NULL), TP_ALL, false);
    assert_true(tp_get(tp_grad(y, x), TP_INTS(1)) == 27);
    tp_grad(y, x, .record = true);
    assert_string_equal(tp_error_text(c),
                        "cube ()->(): has no second derivative: its rules give only `pull`");
    tp_clear(c);
    tp_jvp(y, x, tp_ones(c, TP_SHAPE(2), TP_F64));
    assert_string_equal(tp_error_text(c),
                        "cube ()->(): has no forward derivative: its rules give only `pull`");
    tp_clear(c);
    assert_int_equal(tp_close(c), 0);
}

static tp_tensor *wrong_slope(const tp_call *call, int i)
{
    return (void)i, tp_mul_scalar(tp_square(call->in[0]), 2);
}

static tp_tensor *wrong_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)i, tp_mul(u[0], wrong_slope(call, 0));
}

static void expect(const tp_rules *rules, const char *check, double worst_at_least)
{
    tp_op op = cube_op(rules);
    tp_context *c = tp_open(NULL);
    tp_op_report r;
    assert_false(tp_check_op(c, &op, &r));
    assert_true(tp_ok(c));
    assert_string_equal(r.failure[0].check, check);
    if (worst_at_least > 0) assert_true(r.failure[0].worst >= worst_at_least);
    assert_int_equal(tp_close(c), 0);
}

static void test_wrong_ops(void **state)
{
    (void)state;
    expect(&(tp_rules){.eval = cube_eval, .slope = wrong_slope, .reads = TP_IN(0)},
           "Jacobian by reverse against differences", 1e-3);
    expect(&(tp_rules){.eval = cube_eval, .pull = wrong_pull, .reads = TP_IN(0)},
           "Jacobian by reverse against differences", 1e-3);
    expect(&(tp_rules){.eval = cube_eval, .slope = cube_slope, .nodiff = "", .reads = TP_IN(0)},
           "exactly one derivative fact", 0);
    expect(&(tp_rules){.eval = cube_eval}, "exactly one derivative fact", 0);
}

/* Some of its many allocations fail: an op is not found right then, and nothing is lost. */
static void test_faults(void **state)
{
    enum { STRIDE = 997 };
    (void)state;
    bool refused = true;
    for (long at = 1; refused; at += STRIDE) {
        faulty hook;
        tp_context *c = faulty_open(&hook, all_after);
        tp_op_report r;
        faulty_arm(&hook, at);
        bool right = tp_check_op(c, tp_op_find("exp"), &r);
        refused = faulty_disarm(&hook);
        EXPECT(right == !refused, "tp_check_op", at, c);
        tp_close(c);
        assert_int_equal(hook.books.blocks, 0);
    }
}

static void test_failed_context(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    tp_op_report r;
    tp_get(tp_ones(c, TP_SHAPE(1), TP_F64), TP_INTS(5));
    assert_false(tp_ok(c));
    assert_false(tp_check_op(c, tp_op_find("exp"), &r));
    assert_int_equal(r.samples, 0);
    assert_int_equal(tp_close(c), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_op),       cmocka_unit_test(test_pull_alone),
        cmocka_unit_test(test_wrong_ops),      FAULT_TESTS(test_faults),
        cmocka_unit_test(test_failed_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
