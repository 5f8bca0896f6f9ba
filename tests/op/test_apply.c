#include "fixture.h"

#include <taper/ext.h>

static tp_tensor *total(tp_tensor *x) { return tp_sum(x, TP_ALL, false); }

/* --- dtypes --- */

static void test_promotion(void **state)
{
    tp_context *c = *state;
    tp_tensor *i = tp_full(c, TP_SHAPE(2), 3, TP_I32), *b = tp_full(c, TP_SHAPE(2), 1, TP_BOOL);
    tp_tensor *h = tp_full(c, TP_SHAPE(2), 0.5, TP_F16), *d = tp_full(c, TP_SHAPE(2), 0.25, TP_F64);
    assert_int_equal(tp_dtype_of(tp_add(i, b)), TP_I32);
    assert_int_equal(tp_dtype_of(tp_add(i, h)), TP_F16);
    assert_int_equal(tp_dtype_of(tp_add(h, d)), TP_F64);
    expect_values(tp_add(tp_add(i, h), tp_add(b, d)), TP_SHAPE(2), 4.75, 4.75);
    assert_int_equal(tp_dtype_of(tp_exp(i)), TP_F32); /* F: integers become f32 */
    assert_int_equal(tp_dtype_of(tp_gt(i, d)), TP_BOOL);
    assert_int_equal(tp_dtype_of(total(i)), TP_I64);
    assert_int_equal(tp_dtype_of(tp_neg(i)), TP_I32);
    tp_tensor *x = VECTOR(c, 1, 2, 3), *where = tp_from_doubles(c, TP_SHAPE(2), TP_U8, (double[]){2, 0});
    expect_values(tp_gather(x, where, 0), TP_SHAPE(2), 3, 1);
    assert_true(tp_is_nil(tp_gather(x, d, 0)));
    expect_error(c, TP_ERR_DTYPE, "argument 'index' takes integers, got f64");
    assert_true(tp_is_nil(tp_gather(x, b, 0)));
    expect_error(c, TP_ERR_DTYPE, "argument 'index' takes integers, got bool");
    assert_true(tp_is_nil(tp_uniform_from(i, TP_SHAPE(2), 0, 1, TP_F32)));
    expect_error(c, TP_ERR_DTYPE, "argument 'key' takes a u64 key, got i32");
}

static void test_casts_put_in_are_differentiable(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(tp_full(c, TP_SHAPE(2), 0.5, TP_F32)), *d = VECTOR(c, 3, 4);
    tp_tensor *y = tp_mul(x, d);
    assert_int_equal(tp_dtype_of(y), TP_F64);
    tp_backward(total(y));
    assert_int_equal(tp_dtype_of(tp_grad_of(x)), TP_F32);
    expect_values(tp_grad_of(x), TP_SHAPE(2), 3, 4);
    tp_tensor *h = tp_require_grad(tp_full(c, TP_SHAPE(1), 2, TP_F16)),
              *i = tp_full(c, TP_SHAPE(1), 5, TP_I64);
    tp_backward(total(tp_concat(TP_TENSORS(tp_mul(h, i), d, h), 0)));
    assert_int_equal(tp_dtype_of(tp_grad_of(h)), TP_F16);
    expect_values(tp_grad_of(h), TP_SHAPE(1), 6);
    int level = tp_open_forward(c);
    tp_tensor *dual = tp_dual(tp_detach(x), tp_ones(c, TP_SHAPE(2), TP_F32), level, 0);
    tp_tensor *t = tp_tangent(tp_mul(dual, d), level, 0);
    assert_int_equal(tp_dtype_of(t), TP_F64);
    expect_values(t, TP_SHAPE(2), 3, 4);
    tp_close_forward(c, level);
}

/* --- views --- */

static void test_views_share_storage(void **state)
{
    tp_context *c = *state;
    tp_tensor *m = tp_reshape(tp_arange(c, 0, 12, 1, TP_F64), TP_SHAPE(3, 4));
    const double *data = tp_data(m);
    assert_ptr_equal(tp_data(tp_reshape(m, TP_SHAPE(2, -1))), data);
    assert_ptr_equal(tp_data(tp_transpose(m, 0, 1)), data);
    assert_ptr_equal(tp_data(tp_expand(m, TP_SHAPE(5, 3, 4))), data);
    assert_ptr_equal(tp_data(tp_unsqueeze(m, 1)), data);
    assert_ptr_equal(tp_data(tp_select(m, 0, 1)), data + 4);
    assert_ptr_equal(tp_data(tp_slice(m, 1, TP_END, TP_END, -2)), data + 3);
    assert_ptr_not_equal(tp_data(tp_reshape(tp_transpose(m, 0, 1), TP_SHAPE(12))), data); /* no such view */
    assert_ptr_not_equal(tp_data(tp_clone(m)), data);
    tp_tensor *middle = tp_slice(tp_transpose(m, 0, 1), 0, 1, 3, 1);
    tp_write(middle, (double[]){-1, -2, -3, -4, -5, -6}, 48);
    expect_values(m, TP_SHAPE(3, 4), 0, -1, -4, 3, 4, -2, -5, 7, 8, -3, -6, 11);
}

static void test_view_of_a_leaf_has_its_history(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(tp_reshape(tp_arange(c, 0, 6, 1, TP_F64), TP_SHAPE(2, 3)));
    tp_tensor *v = tp_slice(tp_transpose(x, 0, 1), 0, TP_END, TP_END, -2);
    assert_true(tp_has_history(v) && !tp_requires_grad(v));
    tp_backward(total(tp_mul(v, v)));
    expect_values(tp_grad_of(x), TP_SHAPE(2, 3), 0, 0, 4, 6, 0, 10);
}

/* --- in place --- */

static void test_in_place(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2)), *g = VECTOR(c, 10, 20);
    assert_ptr_equal(tp_sgd_update(x, g, 0.1), x);
    expect_values(x, TP_SHAPE(2), 0, 0);
    assert_true(tp_requires_grad(x)); /* still a leaf */
    tp_tensor *m = tp_zeros(c, TP_SHAPE(2, 3), TP_F64);
    tp_sgd_update(tp_transpose(m, 0, 1), g, -1); /* broadcast, through a view */
    expect_values(m, TP_SHAPE(2, 3), 10, 10, 10, 20, 20, 20);
    tp_sgd_update(m, tp_full(c, TP_SCALAR, 5, TP_I32), 1); /* the other input is converted */
    expect_values(m, TP_SHAPE(2, 3), 5, 5, 5, 15, 15, 15);
    tp_sgd_update(m, m, 1); /* each element is read before it is written */
    expect_values(m, TP_SHAPE(2, 3), 0, 0, 0, 0, 0, 0);
}

/* Several inputs overwritten by one call, in dtypes that kernels do and do not work in. */
static void test_in_place_of_several(void **state)
{
    tp_context *c = *state;
    const tp_dtype dtypes[] = {TP_F64, TP_F32, TP_BF16, TP_F16};
    for (int k = 0; k < 4; k++) {
        tp_tensor *x = tp_require_grad(tp_full(c, TP_SHAPE(2, 3), 4, dtypes[k]));
        tp_tensor *buffer = tp_full(c, TP_SHAPE(3, 2), 2, dtypes[k]);
        tp_tensor *g = tp_from_doubles(c, TP_SHAPE(3), dtypes[k], (double[]){1, 2, 3});
        tp_tensor *view = tp_transpose(buffer, 0, 1);
        assert_ptr_equal(tp_momentum_update(x, view, g, 0.5, 0.5, 0, 0, false), x);
        expect_values(x, TP_SHAPE(2, 3), 3, 2.5, 2, 3, 2.5, 2);
        expect_values(buffer, TP_SHAPE(3, 2), 2, 2, 3, 3, 4, 4);
    }
    tp_tensor *x = VECTOR(c, 1, 2, 3), *buffer = VECTOR(c, 1, 2, 3), *g = VECTOR(c, 1, 1, 1);
    tp_tensor *y = tp_sum(tp_square(tp_require_grad(buffer)), TP_ALL, false);
    tp_momentum_update(x, buffer, buffer, 1, 1, 0, 0, false); /* the gradient is read before it is written */
    expect_values(x, TP_SHAPE(3), -1, -2, -3);
    tp_backward(y);
    expect_error(c, TP_ERR_STATE, "was overwritten"); /* the second is counted too */
    assert_true(tp_is_nil(tp_momentum_update(x, x, g, 1, 1, 0, 0, false)));
    expect_error(c, TP_ERR_STATE, "argument 'buffer' shares memory with 'x', which is overwritten");
    assert_true(tp_is_nil(tp_momentum_update(x, tp_zeros(c, TP_SHAPE(1), TP_F64), g, 1, 1, 0, 0, false)));
    expect_error(c, TP_ERR_STATE, "argument 'buffer' would have to grow to the result's shape");
    assert_true(tp_is_nil(tp_momentum_update(x, tp_zeros(c, TP_SHAPE(3), TP_F32), g, 1, 1, 0, 0, false)));
    expect_error(c, TP_ERR_DTYPE, "argument 'buffer' has dtype f32, the result f64");
    expect_values(x, TP_SHAPE(3), -1, -2, -3);
}

static void test_assign(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(tp_zeros(c, TP_SHAPE(2, 3), TP_F64));
    assert_ptr_equal(tp_assign(x, tp_from_doubles(c, TP_SHAPE(3), TP_I8, (double[]){1, 2, 3})), x);
    expect_values(x, TP_SHAPE(2, 3), 1, 2, 3, 1, 2, 3); /* broadcast and converted */
    assert_true(tp_requires_grad(x));
    tp_tensor *n = tp_zeros(c, TP_SHAPE(2), TP_I8);
    tp_assign(n, tp_tanh(tp_require_grad(VECTOR(c, -0.5, 1000)))); /* of a result with a history */
    expect_values(n, TP_SHAPE(2), 0, 1);
    assert_false(tp_has_history(n));
    assert_true(tp_is_nil(tp_assign(n, x)));
    expect_error(c, TP_ERR_SHAPE, "assign (),()->()");
}

static void test_in_place_refused(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2)), *g = VECTOR(c, 10, 20), *y = tp_exp(x);
    assert_true(tp_is_nil(tp_sgd_update(y, g, 1)));
    expect_error(c, TP_ERR_STATE, "argument 'x' has a history; only a leaf can be updated in place");
    assert_true(tp_is_nil(tp_sgd_update(tp_slice(x, 0, 0, 1, 1), g, 1)));
    expect_error(c, TP_ERR_STATE, "has a history");
    tp_tensor *e = tp_expand(NUMBER(c, 1), TP_SHAPE(2));
    assert_true(tp_is_nil(tp_sgd_update(e, g, 1)));
    expect_error(c, TP_ERR_STATE, "has elements that share memory");
    assert_true(tp_is_nil(tp_sgd_update(NUMBER(c, 1), g, 1)));
    expect_error(c, TP_ERR_STATE, "would have to grow to the result's shape");
    assert_true(tp_is_nil(tp_sgd_update(tp_zeros(c, TP_SHAPE(2), TP_F32), g, 1)));
    expect_error(c, TP_ERR_DTYPE, "argument 'x' has dtype f32, the result f64");
    assert_true(tp_is_nil(tp_sgd_update(tp_zeros(c, TP_SHAPE(2), TP_I64), g, 1)));
    expect_error(c, TP_ERR_DTYPE, "argument 'x' has dtype i64, the result f64");
    tp_tensor *m = MATRIX(c, 2, 2, 1, 2, 3, 4), *flat = tp_reshape(m, TP_SHAPE(4));
    assert_true(tp_is_nil(tp_sgd_update(m, tp_transpose(m, 0, 1), 1)));
    expect_error(c, TP_ERR_STATE, "argument 'grad' shares memory with 'x', which is overwritten");
    assert_true(tp_is_nil(tp_sgd_update(m, tp_select(m, 0, 0), 1)));
    expect_error(c, TP_ERR_STATE, "shares memory");
    assert_true(tp_is_nil(tp_sgd_update(tp_slice(flat, 0, 0, 3, 1), tp_slice(flat, 0, 3, 0, -1), 1)));
    expect_error(c, TP_ERR_STATE, "shares memory");
    expect_values(m, TP_SHAPE(2, 2), 1, 2, 3, 4);
    tp_sgd_update(tp_slice(flat, 0, 0, 2, 1), tp_slice(flat, 0, 3, 1, -1), 1); /* apart */
    expect_values(m, TP_SHAPE(2, 2), -3, -1, 3, 4);
    expect_values(x, TP_SHAPE(2), 1, 2);
    expect_values(e, TP_SHAPE(2), 1, 1);
}

/* --- outputs and lists --- */

static void test_extra_outputs(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = VECTOR(c, 3, 1, 2), *order = NULL;
    expect_values(tp_sort(x, 0, false, NULL), TP_SHAPE(3), 1, 2, 3);
    expect_values(tp_sort(x, 0, true, &order), TP_SHAPE(3), 3, 2, 1);
    expect_values(order, TP_SHAPE(3), 0, 2, 1);
    assert_true(tp_is_nil(tp_sort(x, 1, false, &order)));
    assert_ptr_equal(order, tp_nil(c)); /* nil, not what was there */
    expect_error(c, TP_ERR_SHAPE, "sort: axis 1 is outside");
    order = NULL;
    assert_true(tp_is_nil(tp_sort(NULL, 0, false, &order)));
    assert_true(tp_is_nil(order) && order != NULL);
}

static void test_lists(void **state)
{
    tp_context *c = *state;
    enum { MANY = 100 };
    tp_tensor *parts[MANY];
    for (int k = 0; k < MANY; k++)
        parts[k] = tp_require_grad(tp_full(c, TP_SHAPE(1), k, k % 2 ? TP_F32 : TP_F64));
    tp_tensor *all = tp_concat(MANY, parts, 0);
    assert_int_equal(tp_dtype_of(all), TP_F64);
    assert_int_equal(tp_size(all, 0), MANY);
    tp_backward(total(tp_mul(all, all)));
    for (int k = 0; k < MANY; k++) {
        expect_near(tp_get(all, TP_INTS(k)), k, 0);
        expect_values(tp_grad_of(parts[k]), TP_SHAPE(1), 2 * k);
    }
    expect_values(tp_concat(1, parts, 0), TP_SHAPE(1), 0);
    tp_tensor *same = tp_require_grad(VECTOR(c, 1, 2));
    tp_backward(total(tp_concat(TP_TENSORS(same, same, same), 0)));
    expect_values(tp_grad_of(same), TP_SHAPE(2), 3, 3);
    assert_true(tp_is_nil(tp_concat(0, parts, 0)));
    assert_true(tp_is_nil(tp_concat(1, NULL, 0)));
    tp_clear(c);
}

static void test_wrong_number_of_inputs(void **state)
{
    tp_context *c = *state;
    tp_tensor *x[] = {NUMBER(c, 1), NUMBER(c, 2), NUMBER(c, 3)};
    assert_true(tp_is_nil(tp_apply(tp_op_find("add"), 3, x, NULL, NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "add (),()->(): takes 2 inputs, got 3");
    assert_true(tp_is_nil(tp_apply(tp_op_find("exp"), 2, x, NULL, NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "takes 1 input, got 2");
    assert_null(tp_op_find("no such op"));
    assert_null(tp_op_find(NULL));
    assert_null(tp_op_at(-1));
    int rows = 0;
    while (tp_op_at(rows)) rows++;
    for (int k = 0; k < rows; k++) assert_ptr_equal(tp_op_find(tp_op_at(k)->name), tp_op_at(k));
}

/* --- a user's own op --- */

static void scale_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    double *y = out[0].data;
    const double *x = in[0].data;
    for (int64_t k = 0; k < out[0].size[0]; k++)
        y[k * out[0].stride[0]] = call->attr[0].d * x[k * in[0].stride[0]];
}

static tp_tensor *scale_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    assert_null(call->in[0]); /* not in `reads` */
    assert_null(call->out[0]);
    assert_int_equal(i, 0);
    assert_int_equal(tp_call_shape(call, 0).n, 1);
    assert_int_equal(tp_call_shape(call, 1).v[0], 3);
    assert_int_equal(tp_call_dtype(call, 1), TP_F64);
    return tp_mul_scalar(u[0], call->attr[0].d);
}

static void fail_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    (void)in, (void)out;
    tp_call_fail(call, TP_ERR_ARGUMENT, "will not work on %d inputs", call->n_in);
}

static const char *const x_name[] = {"x"}, *const y_name[] = {"y"};
static const tp_attr_info by = {TP_ATTR_DOUBLE, "by", "2"};
static const tp_rules scale_rules = {.eval = scale_eval, .pull = scale_pull},
                      fail_rules = {.eval = fail_eval, .nodiff = "none"};
static const tp_op scale = {.name = "scale",
                            .signature = "()->()",
                            .types = "F->F",
                            .n_in = 1,
                            .in_name = x_name,
                            .n_out = 1,
                            .out_name = y_name,
                            .n_attr = 1,
                            .attr = &by,
                            .rules = &scale_rules};
static const tp_op failing = {.name = "failing",
                              .signature = "()->()",
                              .types = "F->F",
                              .n_in = 1,
                              .in_name = x_name,
                              .n_out = 1,
                              .out_name = y_name,
                              .rules = &fail_rules};

static void test_op_with_pull_alone(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2, 3));
    tp_tensor *y = tp_apply(&scale, 1, &x, &(tp_attr){.d = 5}, NULL);
    expect_values(y, TP_SHAPE(3), 5, 10, 15);
    assert_true(tp_is_nil(tp_jvp(y, x, x)));
    expect_error(c, TP_ERR_STATE, "scale ()->(): has no forward derivative: its rules give only `pull`");
    tp_backward(total(y));
    expect_values(tp_grad_of(x), TP_SHAPE(3), 5, 5, 5);
}

static void test_eval_that_fails(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 1));
    size_t before = tp_memory_used(c);
    assert_true(tp_is_nil(tp_apply(&failing, 1, &x, NULL, NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "failing ()->(): will not work on 1 inputs");
    assert_true(tp_memory_used(c) <= before + 1024); /* a stale handle */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_promotion),
        TEST(test_casts_put_in_are_differentiable),
        TEST(test_views_share_storage),
        TEST(test_view_of_a_leaf_has_its_history),
        TEST(test_in_place),
        TEST(test_in_place_of_several),
        TEST(test_assign),
        TEST(test_in_place_refused),
        TEST(test_extra_outputs),
        TEST(test_lists),
        TEST(test_wrong_number_of_inputs),
        TEST(test_op_with_pull_alone),
        TEST(test_eval_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
