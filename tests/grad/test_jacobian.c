#include "fixture.h"

static tp_tensor *total(tp_tensor *x) { return tp_sum(x, TP_ALL, false); }

static tp_tensor *cube(tp_tensor *x) { return tp_mul(x, tp_mul(x, x)); }

static void test_rows_and_columns(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2, 3)), *w = MATRIX(c, 2, 3, 1, 2, 3, 4, 5, 6);
    tp_tensor *y = tp_matmul(w, tp_mul(x, x)); /* 2 rows: by reverse */
    expect_values(tp_jacobian(y, x), TP_SHAPE(2, 3), 2, 8, 18, 8, 20, 36);
    tp_tensor *z = tp_require_grad(VECTOR(c, 1, 2)); /* 3 rows, 2 columns: by forward */
    tp_tensor *v = tp_matmul(tp_transpose(w, 0, 1), tp_mul(z, z));
    expect_values(tp_jacobian(v, z), TP_SHAPE(3, 2), 2, 16, 4, 20, 6, 24);
    tp_tensor *same = tp_exp(x);
    expect_values(tp_jacobian(same, x), TP_SHAPE(3, 3), exp(1), 0, 0, 0, exp(2), 0, 0, 0, exp(3));
    expect_values(tp_jacobian(x, x), TP_SHAPE(3, 3), 1, 0, 0, 0, 1, 0, 0, 0, 1);
}

static void test_shapes(void **state)
{
    tp_context *c = *state;
    tp_tensor *s = tp_require_grad(NUMBER(c, 2)), *m = tp_require_grad(MATRIX(c, 1, 2, 3, 5));
    expect_values(tp_jacobian(tp_mul(s, s), s), TP_SCALAR, 4);
    tp_tensor *y = tp_mul(tp_transpose(m, 0, 1), s); /* [2,1] */
    expect_values(tp_jacobian(y, m), TP_SHAPE(2, 1, 1, 2), 2, 0, 0, 2);
    expect_values(tp_jacobian(y, s), TP_SHAPE(2, 1), 3, 5);
    expect_values(tp_jacobian(total(y), m), TP_SHAPE(1, 2), 2, 2);
    tp_tensor *none = tp_require_grad(tp_zeros(c, TP_SHAPE(0), TP_F64));
    tp_tensor *j = tp_jacobian(tp_add(total(none), s), none);
    assert_int_equal(tp_rank(j), 1);
    assert_int_equal(tp_numel(j), 0);
    tp_tensor *five = tp_require_grad(tp_ones(c, TP_SHAPE(1, 1, 1, 1, 1), TP_F64));
    assert_true(tp_is_nil(tp_jacobian(tp_exp(five), five)));
    expect_error(c, TP_ERR_SHAPE, "tp_jacobian: 5 + 5 axes are more than 8");
    assert_true(tp_is_nil(tp_jacobian(NUMBER(c, 1), s)));
    expect_error(c, TP_ERR_STATE, "tp_jacobian: argument 'y' has no history");
}

/* --- a net 30-50-1 on 128 samples, with respect to all its 1601 parameters --- */

enum { SAMPLES = 128 };

/* The largest difference of [n,SAMPLES] values from the transpose of [SAMPLES,n] values, relative to the
 * latter or to 1. */
static double farthest(tp_tensor *a, tp_tensor *b)
{
    tp_tensor *d = tp_abs(tp_sub(tp_transpose(a, 0, 1), b));
    tp_tensor *scale = tp_maximum(tp_abs(b), tp_ones(tp_context_of(b), TP_SCALAR, TP_F64));
    return tp_item(tp_max(tp_div(d, scale), TP_ALL, false));
}

/* Row k: how the predictions change with element k of a parameter. */
static tp_tensor *by_differences(tp_module *net, tp_tensor *x, tp_tensor *parameter)
{
    tp_context *c = tp_context_of(x);
    tp_mark scope = tp_open_no_grad(c);
    int64_t n = tp_numel(parameter);
    double h = 1e-6, *v = tp_data_mut(parameter), *rows = malloc((size_t)n * SAMPLES * sizeof *rows);
    for (int64_t k = 0; k < n; k++) { /* in the order of memory, as transposed below */
        double kept = v[k], side[2][SAMPLES];
        for (int i = 0; i < 2; i++) {
            tp_mark step = tp_open_scope(c);
            v[k] = kept + (i ? -h : h);
            tp_read_doubles(tp_forward(net, x), side[i], SAMPLES);
            tp_close_scope(c, step);
        }
        v[k] = kept;
        for (int s = 0; s < SAMPLES; s++) rows[k * SAMPLES + s] = (side[0][s] - side[1][s]) / (2 * h);
    }
    tp_tensor *result = tp_from_doubles(c, TP_SHAPE(n, SAMPLES), TP_F64, rows);
    free(rows);
    tp_keep(result);
    tp_close_scope(c, scope);
    return result;
}

static void test_net_three_ways(void **state)
{
    tp_context *c = *state;
    tp_seed(c, 1);
    tp_module *net = tp_sequential(c, tp_linear(c, 30, 50, .dtype = TP_F64), tp_tanh_layer(c),
                                   tp_linear(c, 50, 1, .dtype = TP_F64), tp_sigmoid_layer(c));
    tp_tensor *x = tp_normal(c, TP_SHAPE(SAMPLES, 30), 0, 1, TP_F64);
    int level = tp_open_forward(c);
    tp_tensor *dual[4];
    for (int i = 0; i < 4; i++) dual[i] = tp_dual_identity(tp_parameter_at(net, i, NULL, 0), level, i);
    tp_tensor *carried = tp_forward(tp_module_with_parameters(net, dual), x);
    for (int i = 0; i < 4; i++) {
        tp_tensor *p = tp_parameter_at(net, i, NULL, 0);
        tp_tensor *y = tp_forward(net, x); /* anew: by_differences writes to what the call reads */
        tp_tensor *streamed = tp_squeeze(tp_tangent(carried, level, i), TP_AXES(2));
        tp_tensor *reverse = tp_reshape(tp_jacobian(y, p), TP_SHAPE(SAMPLES, tp_numel(p)));
        expect_near(farthest(streamed, reverse), 0, 1e-12);
        tp_tensor *j = tp_jacobian(y, p); /* a weight [out,in] lies in memory as [in,out] */
        if (tp_rank(p) == 2) j = tp_transpose(j, 2, 3);
        tp_tensor *in_memory = tp_reshape(j, TP_SHAPE(SAMPLES, tp_numel(p)));
        expect_near(farthest(by_differences(net, x, p), in_memory), 0, 1e-9);
    }
    tp_close_forward(c, level);
}

static void test_unrelated(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2)), *other = tp_require_grad(VECTOR(c, 1, 2, 3));
    expect_values(tp_jacobian(tp_exp(x), other), TP_SHAPE(2, 3), 0, 0, 0, 0, 0, 0);
    expect_values(tp_jacobian(tp_exp(other), x), TP_SHAPE(3, 2), 0, 0, 0, 0, 0, 0);
}

static void test_recorded(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2));
    assert_false(tp_has_history(tp_jacobian(cube(x), x)));
    tp_tensor *j = tp_jacobian(cube(x), x, .record = true);
    expect_values(tp_grad(total(j), x), TP_SHAPE(2), 6, 12);
    tp_tensor *three = tp_stack(3, ((tp_tensor *[]){total(x), total(cube(x)), total(x)}), 0);
    tp_tensor *wide = tp_jacobian(three, x, .record = true); /* by forward */
    expect_values(wide, TP_SHAPE(3, 2), 1, 1, 3, 12, 1, 1);
    expect_values(tp_grad(total(wide), x), TP_SHAPE(2), 6, 12);
}

/* More than 64 MiB of directions: worked out in several chunks, in either mode. */
static void test_chunks(void **state)
{
    (void)state;
    enum { N = 3000 };
    tp_context *c = tp_open(NULL);
    for (int more = 0; more <= 1; more++) {
        tp_mark m = tp_open_scope(c);
        tp_tensor *x = tp_require_grad(tp_linspace(c, 1, 2, N, TP_F64)), *y = tp_mul(x, x);
        if (more) y = tp_concat(TP_TENSORS(y, tp_sum(x, TP_ALL, true)), 0); /* one row more: by columns */
        tp_tensor *j = tp_jacobian(y, x);
        const double *data = tp_data(j), *at = tp_data(x);
        assert_int_equal(tp_numel(j), (N + more) * N);
        for (int i = 0; i < N + more; i++)
            for (int k = 0; k < N; k++) {
                double wanted = i == N ? 1 : i == k ? 2 * at[k] : 0;
                double got = data[i * tp_strides_of(j).v[0] + k * tp_strides_of(j).v[1]];
                if (got != wanted) expect_near(got, wanted, 0);
            }
        tp_close_scope(c, m);
    }
    assert_int_equal(tp_close(c), 0);
}

static void test_hessian(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2)), *s = tp_require_grad(NUMBER(c, 3));
    tp_tensor *a = tp_select(x, 0, 0), *b = tp_select(x, 0, 1);
    tp_tensor *y = tp_add(tp_mul(cube(a), b), tp_exp(b)); /* a^3 b + e^b */
    expect_values(tp_hessian(y, x), TP_SHAPE(2, 2), 12, 3, 3, exp(2));
    assert_false(tp_has_history(tp_hessian(y, x)));
    tp_tensor *recorded = tp_hessian(y, x, .record = true);
    expect_values(tp_grad(total(recorded), x), TP_SHAPE(2), 24, 6 + exp(2));
    expect_item(tp_hessian(cube(s), s), 18);
    tp_tensor *m = tp_require_grad(MATRIX(c, 1, 2, 1, 2));
    expect_values(tp_hessian(total(cube(m)), m), TP_SHAPE(1, 2, 1, 2), 6, 0, 0, 12);
    assert_true(tp_is_nil(tp_hessian(x, x)));
    expect_error(c, TP_ERR_SHAPE, "takes one element, got [2]");
}

static void test_hvp(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2));
    tp_tensor *a = tp_select(x, 0, 0), *b = tp_select(x, 0, 1);
    tp_tensor *y = tp_add(tp_mul(cube(a), b), tp_exp(b));
    expect_values(tp_hvp(y, x, VECTOR(c, 1, 0)), TP_SHAPE(2), 12, 3);
    expect_values(tp_hvp(y, x, VECTOR(c, 1, 10)), TP_SHAPE(2), 42, 3 + 10 * exp(2));
    assert_true(tp_is_nil(tp_hvp(y, x, VECTOR(c, 1))));
    expect_error(c, TP_ERR_SHAPE, "tp_hvp: argument 'v' is f64 [1], takes f64 [2]");
    tp_backward(y); /* the graph is still there */
    expect_values(tp_grad_of(x), TP_SHAPE(2), 6, 1 + exp(2));
}

static void test_linear(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2)), *w = tp_require_grad(VECTOR(c, 3, 4));
    tp_tensor *plain = total(tp_neg(x)), *product = total(tp_mul(x, w));
    expect_values(tp_hessian(plain, x), TP_SHAPE(2, 2), 0, 0, 0, 0);
    expect_values(tp_hvp(plain, x, VECTOR(c, 1, 1)), TP_SHAPE(2), 0, 0);
    expect_values(tp_hessian(product, x), TP_SHAPE(2, 2), 0, 0, 0, 0);
    expect_values(tp_hvp(product, x, VECTOR(c, 1, 1)), TP_SHAPE(2), 0, 0);
    assert_true(tp_is_nil(tp_hvp(plain, x, VECTOR(c, 1))));
    expect_error(c, TP_ERR_SHAPE, "tp_hvp: argument 'v' is f64 [1], takes f64 [2]");
}

static void test_null(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 1)), *y = tp_exp(x);
    assert_true(tp_is_nil(tp_hessian(NULL, x)));
    assert_true(tp_is_nil(tp_jacobian(NULL, x)));
    assert_true(tp_is_nil(tp_hvp(NULL, x, x)));
    assert_true(tp_ok(c)); /* there is no context to tell */
    assert_true(tp_is_nil(tp_jacobian(y, NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_jacobian: argument 'x' is NULL");
    assert_true(tp_is_nil(tp_hessian(y, NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "'x' is NULL");
    assert_true(tp_is_nil(tp_hvp(y, x, NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "is NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows_and_columns), TEST(test_shapes),
        TEST(test_net_three_ways),   TEST(test_unrelated),
        TEST(test_recorded),         cmocka_unit_test(test_chunks),
        TEST(test_hessian),          TEST(test_hvp),
        TEST(test_linear),           TEST(test_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
