#include "testing.h"

#include <taper/ext.h>
#include <taper/grad.h>
#include <taper/ops.h>

#include <math.h>

/* A net of one hidden layer: sum(tanh(x a + b) * w), by hand. */
static tp_tensor *net(tp_context *c, tp_tensor *const *xs, void *user)
{
    (void)user;
    tp_tensor *x = tp_reshape(tp_linspace(c, -1, 1, 6, TP_F64), TP_SHAPE(3, 2));
    return tp_sum(tp_mul(tp_tanh(tp_add(tp_matmul(x, xs[0]), xs[1])), xs[2]), TP_ALL, false);
}

static void parameters(tp_context *c, tp_tensor **xs)
{
    xs[0] = tp_uniform(c, TP_SHAPE(2, 4), -1, 1, TP_F64);
    xs[1] = tp_uniform(c, TP_SHAPE(4), -1, 1, TP_F64);
    xs[2] = tp_transpose(tp_uniform(c, TP_SHAPE(4, 3), -1, 1, TP_F64), 0, 1); /* a view */
}

static void test_right_net(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    tp_tensor *xs[3];
    tp_gradcheck_result r[3];
    parameters(c, xs);
    double before = tp_get(xs[2], TP_INTS(1, 2));
    assert_true(tp_gradcheck(c, net, NULL, 3, xs, r));
    assert_int_equal(r[0].numel, 8);
    assert_int_equal(r[2].numel, 12);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(r[i].wrong + r[i].kinks, 0);
        assert_true(r[i].worst > 0 && r[i].worst < 1e-6);
        assert_true(fabs(r[i].reverse - r[i].numerical) < 1e-9);
        assert_true(fabs(r[i].reverse - r[i].forward) < 1e-12);
        assert_false(tp_requires_grad(xs[i]));
    }
    /* d/dw[i,j] is the hidden value at [i,j]: x = -1 + 0.4 k */
    double s = tp_get(xs[1], TP_INTS(2));
    for (int k = 0; k < 2; k++) s += (-1 + 0.4 * (2 + k)) * tp_get(xs[0], TP_INTS(k, 2));
    tp_tensor *w = tp_require_grad(tp_clone(xs[2]));
    tp_tensor *g = tp_grad(net(c, (tp_tensor *[]){xs[0], xs[1], w}, NULL), w);
    assert_true(fabs(tp_get(g, TP_INTS(1, 2)) - tanh(s)) < 1e-15);
    assert_true(tp_get(xs[2], TP_INTS(1, 2)) == before);
    assert_int_equal(tp_close(c), 0);
}

/* x^3 whose pull forgets the 3. */
static tp_tensor *wrong_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)i, tp_mul(u[0], tp_square(call->in[0]));
}

static tp_tensor *right_push(const tp_call *call, int o, tp_tensor *const *t)
{
    return (void)o, tp_mul_scalar(tp_mul(t[0], tp_square(call->in[0])), 3);
}

static void cube_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    (void)call;
    assert_true(in[0].rank <= 1);
    for (int64_t k = 0; k < (in[0].rank ? in[0].size[0] : 1); k++) {
        double x = ((const double *)in[0].data)[in[0].rank ? k * in[0].stride[0] : 0];
        ((double *)out[0].data)[out[0].rank ? k * out[0].stride[0] : 0] = x * x * x;
    }
}

static const tp_rules cube_rules = {
    .eval = cube_eval, .pull = wrong_pull, .push = right_push, .reads = TP_IN(0)};
static const char *const x_name[] = {"x"}, *const y_name[] = {"y"};
static const tp_op cube = {.name = "cube",
                           .signature = "()->()",
                           .types = "F->F",
                           .n_in = 1,
                           .in_name = x_name,
                           .n_out = 1,
                           .out_name = y_name,
                           .rules = &cube_rules};

static tp_tensor *sum_of_cubes(tp_context *c, tp_tensor *const *xs, void *user)
{
    (void)c, (void)user;
    return tp_add(tp_sum(tp_square(xs[0]), TP_ALL, false),
                  tp_sum(tp_apply(&cube, 1, &xs[1], NULL, NULL), TP_ALL, false));
}

static void test_wrong_op_is_found(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    tp_tensor *xs[] = {tp_linspace(c, 1, 2, 5, TP_F64), tp_linspace(c, 1, 2, 5, TP_F64)};
    tp_gradcheck_result r[2];
    assert_false(tp_gradcheck(c, sum_of_cubes, NULL, 2, xs, r));
    assert_true(tp_ok(c));
    assert_int_equal(r[0].wrong, 0);
    assert_int_equal(r[1].wrong, 5);
    assert_true(fabs(r[1].worst - 0.5) < 1e-6); /* |1 - 3| / (1 + 3) */
    assert_true(fabs(r[1].forward - 3 * r[1].reverse) < 1e-12);
    assert_int_equal(tp_close(c), 0);
}

/* The same op with a pull alone: forward is left out, which is said. */
static tp_tensor *right_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)i, tp_mul_scalar(tp_mul(u[0], tp_square(call->in[0])), 3);
}

static const tp_rules pull_rules = {.eval = cube_eval, .pull = right_pull, .reads = TP_IN(0)};

static tp_tensor *mean_of_pulled(tp_context *c, tp_tensor *const *xs, void *user)
{
    (void)c;
    return tp_mean(tp_apply(user, 1, &xs[1], NULL, NULL), TP_ALL, false);
}

static void test_without_forward_mode(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    tp_op pulled = cube;
    pulled.rules = &pull_rules;
    tp_tensor *xs[] = {tp_linspace(c, 1, 2, 5, TP_F64), tp_linspace(c, 1, 2, 5, TP_F64)};
    tp_gradcheck_result r[2];
    tp_mark scope = tp_open_no_grad(c); /* of no effect on the check */
    assert_true(tp_gradcheck(c, mean_of_pulled, &pulled, 2, xs, r));
    tp_close_scope(c, scope);
    assert_string_equal(r[1].no_forward, "cube");
    assert_true(r[1].forward == r[1].reverse && r[1].reverse > 0.5);
    assert_false(tp_gradcheck(c, sum_of_cubes, NULL, 2, xs, r));
    assert_null(r[1].no_forward);
    assert_int_equal(tp_close(c), 0);
}

static tp_tensor *sum_of_relu(tp_context *c, tp_tensor *const *xs, void *user)
{
    (void)c, (void)user;
    return tp_sum(tp_relu(xs[0]), TP_ALL, false);
}

/* One kink in 100 elements is allowed, two are not; one that is only near is stepped around. */
static void test_kinks(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    tp_tensor *x = tp_linspace(c, -4.95, 4.95, 100, TP_F64);
    tp_gradcheck_result r;
    double *data = tp_data_mut(x);
    data[3] = 3e-7;
    assert_true(tp_gradcheck(c, sum_of_relu, NULL, 1, &x, &r));
    assert_int_equal(r.kinks, 0);
    data[5] = 0;
    assert_true(tp_gradcheck(c, sum_of_relu, NULL, 1, &x, &r));
    assert_int_equal(r.kinks, 1);
    assert_int_equal(r.wrong, 0);
    data[70] = 0;
    assert_false(tp_gradcheck(c, sum_of_relu, NULL, 1, &x, &r));
    assert_int_equal(r.kinks, 2);
    assert_int_equal(tp_close(c), 0);
}

/* Near the minimum of a steep function the one-sided differences disagree, but it has a derivative there. */
static tp_tensor *steep(tp_context *c, tp_tensor *const *xs, void *user)
{
    (void)c, (void)user;
    return tp_sum(tp_mul_scalar(tp_square(xs[0]), 1e4), TP_ALL, false);
}

static void test_minimum_is_no_kink(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    tp_tensor *x = tp_linspace(c, -1, 1, 3, TP_F64);
    tp_gradcheck_result r;
    assert_true(tp_gradcheck(c, steep, NULL, 1, &x, &r));
    assert_int_equal(r.kinks, 0);
    assert_int_equal(tp_close(c), 0);
}

static tp_tensor *noisy(tp_context *c, tp_tensor *const *xs, void *user)
{
    (void)user;
    return tp_sum(tp_mul(xs[0], tp_uniform(c, tp_shape_of(xs[0]), 0, 1, TP_F64)), TP_ALL, false);
}

static tp_tensor *constant(tp_context *c, tp_tensor *const *xs, void *user)
{
    (void)xs, (void)user;
    return tp_scalar(c, 7, TP_F64);
}

static void test_random_and_constant_functions(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    tp_tensor *x = tp_linspace(c, -1, 1, 5, TP_F64);
    tp_gradcheck_result r;
    uint64_t counter = tp_random_counter(c);
    assert_true(tp_gradcheck(c, noisy, NULL, 1, &x, NULL));
    assert_true(tp_random_counter(c) == counter);
    assert_true(tp_gradcheck(c, constant, NULL, 1, &x, &r));
    assert_true(r.reverse == 0 && r.forward == 0 && r.numerical == 0);
    assert_int_equal(tp_close(c), 0);
}

static tp_tensor *no_scalar(tp_context *c, tp_tensor *const *xs, void *user)
{
    (void)c, (void)user;
    return tp_square(xs[0]);
}

static void test_what_it_does_not_take(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    tp_tensor *x = tp_linspace(c, -1, 1, 5, TP_F64), *single = tp_ones(c, TP_SHAPE(2), TP_F32);
    tp_tensor *wide = tp_expand(tp_ones(c, TP_SHAPE(1), TP_F64), TP_SHAPE(4));
    assert_false(tp_gradcheck(c, no_scalar, NULL, 1, &x, NULL));
    assert_string_equal(tp_error_text(c), "tp_gradcheck: f must return one element in f64, got 5 in f64");
    tp_clear(c);
    assert_false(tp_requires_grad(x));
    assert_false(tp_gradcheck(c, sum_of_relu, NULL, 1, &single, NULL));
    assert_string_equal(tp_error_text(c), "tp_gradcheck: takes f64; differences need all its digits");
    tp_clear(c);
    assert_false(tp_gradcheck(c, sum_of_relu, NULL, 1, &wide, NULL));
    assert_string_equal(tp_error_text(c),
                        "tp_gradcheck: writes to its elements, which are read-only or shared");
    tp_clear(c);
    assert_int_equal(tp_close(c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_net),
        cmocka_unit_test(test_wrong_op_is_found),
        cmocka_unit_test(test_without_forward_mode),
        cmocka_unit_test(test_kinks),
        cmocka_unit_test(test_minimum_is_no_kink),
        cmocka_unit_test(test_random_and_constant_functions),
        cmocka_unit_test(test_what_it_does_not_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
