#include "fixture.h"

#include <taper/ext.h>

static tp_tensor *total(tp_tensor *x) { return tp_sum(x, TP_ALL, false); }

/* --- what is added up --- */

static void test_used_twice(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2, 3));
    tp_tensor *e = tp_exp(x);
    tp_backward(total(tp_add(tp_mul(e, x), tp_mul(x, x)))); /* (1 + x) e^x + 2 x */
    expect_values(tp_grad_of(x), TP_SHAPE(3), 2 * exp(1) + 2, 3 * exp(2) + 4, 4 * exp(3) + 6);
    tp_zero_grad(x);
    tp_backward(total(tp_add(x, x)));
    expect_values(tp_grad_of(x), TP_SHAPE(3), 2, 2, 2);
}

static void test_diamonds(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 1)), *y = x;
    for (int k = 0; k < 40; k++) y = tp_add(y, y); /* 2^40 paths */
    tp_backward(y);
    expect_item(tp_grad_of(x), 0x1p40);
}

static void test_broadcast_is_summed_down(void **state)
{
    tp_context *c = *state;
    tp_tensor *a = tp_require_grad(MATRIX(c, 2, 1, 1, 2)), *b = tp_require_grad(VECTOR(c, 3, 4, 5));
    tp_tensor *s = tp_require_grad(NUMBER(c, 2));
    tp_backward(total(tp_mul(tp_mul(a, b), s)));
    expect_values(tp_grad_of(a), TP_SHAPE(2, 1), 24, 24);
    expect_values(tp_grad_of(b), TP_SHAPE(3), 6, 6, 6);
    expect_item(tp_grad_of(s), 36);
}

static void test_several_outputs(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 3, 1, 2)), *order = NULL, *mixed = NULL;
    tp_tensor *sorted = tp_sort(x, 0, false, &order);
    assert_true(tp_has_history(sorted));
    assert_false(tp_has_history(order)); /* integers have no gradient */
    mixed = tp_mul(sorted, tp_cast(order, TP_F64));
    tp_backward(total(mixed)); /* places 1, 2, 0 */
    expect_values(tp_grad_of(x), TP_SHAPE(3), 0, 1, 2);
    tp_zero_grad(x);
    tp_backward(total(tp_mul(tp_sort(x, 0, true, NULL), VECTOR(c, 10, 20, 30))));
    expect_values(tp_grad_of(x), TP_SHAPE(3), 10, 30, 20);
}

static void test_backward_adds_over_calls(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2));
    assert_true(tp_is_nil(tp_grad_of(x)));
    tp_backward(total(tp_mul(x, x)));
    tp_tensor *g = tp_grad_of(x);
    for (int turn = 2; turn <= 4; turn++) {
        tp_mark m = tp_open_scope(c);
        tp_backward(total(tp_mul(x, x)));
        tp_close_scope(c, m);
        assert_ptr_equal(tp_grad_of(x), g); /* the same tensor */
        expect_values(g, TP_SHAPE(2), 2 * turn, 4 * turn);
    }
    assert_false(tp_has_history(g));
    tp_zero_grad(x);
    assert_true(tp_is_nil(tp_grad_of(x)));
    tp_zero_grad(x);
    tp_backward(total(x));
    expect_values(tp_grad_of(x), TP_SHAPE(2), 1, 1);
}

static void test_gradients_share_no_memory(void **state)
{
    tp_context *c = *state;
    tp_tensor *a = tp_require_grad(NUMBER(c, 1)), *b = tp_require_grad(NUMBER(c, 2));
    tp_backward(tp_add(a, b)); /* the same cotangent goes to both */
    tp_write(tp_grad_of(a), (double[]){7}, 8);
    expect_item(tp_grad_of(b), 1);
    tp_tensor *p = tp_require_grad(VECTOR(c, 1, 2)), *q = tp_require_grad(MATRIX(c, 1, 2, 3, 4));
    tp_backward(total(tp_exp(tp_add(p, tp_reshape(q, TP_SHAPE(2)))))); /* one is a view of the other */
    tp_write(tp_grad_of(p), (double[]){0, 0}, 16);
    expect_values(tp_grad_of(q), TP_SHAPE(1, 2), exp(4), exp(6));
    tp_tensor *m = tp_require_grad(MATRIX(c, 2, 3, 1, 2, 3, 4, 5, 6));
    tp_backward(total(tp_mul(tp_transpose(m, 0, 1), MATRIX(c, 3, 2, 1, 2, 3, 4, 5, 6))));
    expect_values(tp_grad_of(m), TP_SHAPE(2, 3), 1, 3, 5, 2, 4, 6);
    tp_backward(total(m)); /* expanded from one element: must become elements of their own */
    ((double *)tp_data_mut(tp_grad_of(m)))[0] += 0;
    expect_values(tp_grad_of(m), TP_SHAPE(2, 3), 2, 4, 6, 3, 5, 7);
}

static void test_leaf_itself(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 5));
    tp_backward(x);
    tp_backward(x);
    expect_item(tp_grad_of(x), 2);
    expect_item(tp_grad(x, x), 1);
    expect_item(tp_vjp(x, x, NUMBER(c, 3)), 3);
    tp_tensor *y = tp_exp(x);
    expect_item(tp_grad(y, y), 1);
}

/* --- the released graph --- */

static void test_second_backward(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 2)), *y = tp_exp(tp_mul(x, x));
    tp_backward(y, .retain = true);
    tp_backward(y, .retain = true);
    expect_item(tp_grad_of(x), 2 * 4 * exp(4));
    tp_backward(y);
    expect_item(tp_grad_of(x), 3 * 4 * exp(4));
    tp_backward(y);
    assert_string_equal(tp_error_text(c),
                        "tp_backward: the graph was released by an earlier backward at exp; "
                        "give that one .retain = true");
    expect_error(c, TP_ERR_STATE, "released");
    assert_true(tp_is_nil(tp_grad(y, x)));
    expect_error(c, TP_ERR_STATE, "tp_grad: the graph was released");
    assert_true(tp_is_nil(tp_jvp(y, x, NUMBER(c, 1))));
    expect_error(c, TP_ERR_STATE, "tp_jvp: the graph was released");
    assert_true(tp_is_nil(tp_jacobian(y, x)));
    expect_error(c, TP_ERR_STATE, "the graph was released");
    expect_item(tp_grad_of(x), 3 * 4 * exp(4)); /* none of these added anything */
}

static void test_shared_part_released(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 1)), *z = tp_require_grad(NUMBER(c, 1));
    tp_tensor *shared = tp_exp(x), *a = tp_mul(shared, z), *b = tp_add(shared, z);
    tp_backward(a);
    tp_backward(b);
    expect_error(c, TP_ERR_STATE, "released by an earlier backward at exp");
    expect_item(tp_grad_of(x), exp(1));
    expect_item(tp_grad_of(z), exp(1)); /* all or none */
    tp_tensor *fresh = tp_add(tp_exp(x), z);
    tp_backward(fresh);
    expect_item(tp_grad_of(x), 2 * exp(1));
    expect_near(tp_item(shared), exp(1), 1e-15); /* values stay */
}

static void test_grad_keeps_the_graph(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 2)), *y = tp_mul(x, tp_mul(x, x));
    for (int k = 0; k < 3; k++) expect_item(tp_grad(y, x), 12);
    assert_true(tp_is_nil(tp_grad_of(x)));
    tp_backward(y);
    expect_item(tp_grad_of(x), 12);
}

/* --- overwritten values --- */

typedef struct values {
    tp_context *c;
    tp_tensor *x, *a, *b, *y; /* y = sum(a b x): mul reads both sides */
} values;

static values record(tp_context *c)
{
    values v = {.c = c, .x = tp_require_grad(VECTOR(c, 1, 2)), .a = VECTOR(c, 3, 4), .b = VECTOR(c, 5, 6)};
    v.y = total(tp_mul(tp_mul(v.x, v.a), v.b));
    return v;
}

static void expect_overwritten(values *v, const char *text)
{
    tp_backward(v->y);
    expect_error(v->c, TP_ERR_STATE, text);
    assert_true(tp_is_nil(tp_grad_of(v->x)));
    assert_true(tp_is_nil(tp_grad(v->y, v->x)));
    expect_error(v->c, TP_ERR_STATE, text);
    assert_true(tp_is_nil(tp_jvp(v->y, v->x, VECTOR(v->c, 1, 1))));
    expect_error(v->c, TP_ERR_STATE, text);
}

static void test_overwritten_values(void **state)
{
    tp_context *c = *state;
    values v = record(c);
    tp_write(v.a, (double[]){0, 0}, 16);
    tp_backward(v.y);
    assert_string_equal(tp_error_text(c),
                        "mul: 'b' was overwritten after it was recorded (version 0, now 1), so "
                        "its derivative would be wrong");
    tp_clear(c);
    expect_overwritten(&v, "mul: 'b' was overwritten");
    v = record(c);
    tp_data_mut(v.b); /* may have been written through */
    expect_overwritten(&v, "mul: 'b' was overwritten");
    v = record(c);
    tp_sgd_update(v.a, VECTOR(c, 1, 1), 0.5);
    expect_overwritten(&v, "mul: 'b' was overwritten");
    v = record(c);
    tp_sgd_update(tp_slice(v.a, 0, 1, 2, 1), VECTOR(c, 1), 0.5); /* through a view */
    expect_overwritten(&v, "mul: 'b' was overwritten");
    v = record(c);
    tp_sgd_update(v.x, VECTOR(c, 1, 1), 0.5); /* the leaf itself */
    expect_overwritten(&v, "mul: 'a' was overwritten");
    tp_tensor *x = tp_require_grad(NUMBER(c, 1)), *e = tp_exp(x); /* reads its output */
    tp_write(tp_detach(e), (double[]){9}, 8);
    tp_backward(e);
    expect_error(c, TP_ERR_STATE, "exp: 'y' was overwritten");
    tp_tensor *first = VECTOR(c, 1, 2, 3, 4);
    tp_tensor *y = total(tp_mul(tp_require_grad(VECTOR(c, 1, 2)), tp_slice(first, 0, 0, 2, 1)));
    tp_write(tp_slice(first, 0, 2, 4, 1), (double[]){0, 0}, 16); /* same storage: counted as overwritten */
    tp_backward(y);
    expect_error(c, TP_ERR_STATE, "was overwritten");
}

static void test_overwriting_what_is_not_read(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2)), *a = VECTOR(c, 3, 4);
    tp_tensor *s = tp_add(tp_neg(x), a), *y = total(s);
    tp_write(a, (double[]){0, 0}, 16);
    tp_write(s, (double[]){0, 0}, 16);
    tp_write(x, (double[]){8, 9}, 16);
    tp_backward(y);
    expect_values(tp_grad_of(x), TP_SHAPE(2), -1, -1);
    tp_tensor *e = tp_exp(x), *z = total(e); /* exp reads y, not x */
    tp_write(x, (double[]){0, 0}, 16);
    tp_zero_grad(x);
    tp_backward(z);
    expect_values(tp_grad_of(x), TP_SHAPE(2), exp(8), exp(9));
}

static void test_write_before_recording_is_fine(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2));
    for (int k = 0; k < 3; k++) tp_write(x, (double[]){3, 4}, 16);
    tp_backward(total(tp_mul(x, x)));
    expect_values(tp_grad_of(x), TP_SHAPE(2), 6, 8);
}

/* --- gradients as values --- */

static void test_unrelated_is_zeros(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 1)), *other = tp_require_grad(MATRIX(c, 1, 2, 1, 1));
    tp_tensor *y = tp_exp(x), *side = tp_exp(other);
    expect_values(tp_grad(y, other), TP_SHAPE(1, 2), 0, 0);
    expect_values(tp_grad(y, side), TP_SHAPE(1, 2), 0, 0);
    expect_values(tp_vjp(y, other, VECTOR(c, 1, 1, 1)), TP_SHAPE(3, 1, 2), 0, 0, 0, 0, 0, 0);
    expect_item(tp_grad(x, tp_exp(y)), 0); /* made after */
    assert_true(tp_is_nil(tp_grad(y, VECTOR(c, 1))));
    expect_error(c, TP_ERR_STATE, "tp_grad: argument 'x' has no history; call tp_require_grad");
    assert_true(tp_is_nil(tp_grad(NUMBER(c, 1), x)));
    expect_error(c, TP_ERR_STATE, "tp_grad: argument 'y' has no history");
    tp_backward(NUMBER(c, 1));
    expect_error(c, TP_ERR_STATE, "tp_backward: argument 'y' has no history");
    tp_backward(other);
    expect_error(c, TP_ERR_SHAPE, "tp_backward: takes one element, got [1,2]");
}

static void test_several_at_once(void **state)
{
    tp_context *c = *state;
    tp_tensor *a = tp_require_grad(NUMBER(c, 2)), *b = tp_require_grad(NUMBER(c, 3));
    tp_tensor *free_one = tp_require_grad(NUMBER(c, 9)), *p = tp_mul(a, b), *y = tp_mul(p, a);
    tp_tensor *g[5], *xs[] = {a, b, p, y, free_one};
    tp_grads_with(y, 5, xs, g, NULL);
    expect_item(g[0], 12);
    expect_item(g[1], 4);
    expect_item(g[2], 2); /* at a result on the way */
    expect_item(g[3], 1);
    expect_item(g[4], 0);
    tp_grads_with(y, 2, (tp_tensor *[]){a, a}, g, NULL);
    expect_item(g[0], 12);
    expect_item(g[1], 12);
    tp_grads_with(y, 2, (tp_tensor *[]){a, NUMBER(c, 0)}, g, NULL);
    expect_error(c, TP_ERR_STATE, "has no history");
    assert_true(tp_is_nil(g[0]) && tp_is_nil(g[1]));
}

static void test_through_and_past_a_target(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 1)), *h = tp_exp(x), *y = tp_mul(h, x), *g[2];
    tp_grads_with(y, 2, (tp_tensor *[]){h, x}, g, NULL);
    expect_item(g[0], 1);
    expect_item(g[1], 2 * exp(1)); /* also by way of h */
}

static void test_record(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 2)), *y = tp_mul(x, tp_mul(x, x));
    assert_false(tp_has_history(tp_grad(y, x)));
    assert_false(tp_has_history(tp_vjp(y, x, NUMBER(c, 1))));
    assert_false(tp_has_history(tp_jvp(y, x, NUMBER(c, 1))));
    tp_tensor *first = tp_grad(y, x, .record = true);
    assert_true(tp_has_history(first));
    tp_tensor *second = tp_grad(first, x, .record = true), *third = tp_grad(second, x, .record = true);
    expect_item(first, 12);
    expect_item(second, 12);
    expect_item(third, 6);
    tp_mark m = tp_open_no_grad(c);
    tp_tensor *inside = tp_grad(y, x, .record = true);
    assert_true(tp_has_history(inside)); /* asked for by name */
    assert_false(tp_has_history(tp_exp(x)));
    tp_close_scope(c, m);
}

static void test_gradient_penalty(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2)), *y = total(tp_exp(x));
    tp_tensor *g = tp_grad(y, x, .record = true);
    tp_backward(total(tp_mul(g, g))); /* sum e^2x: 2 e^2x */
    expect_values(tp_grad_of(x), TP_SHAPE(2), 2 * exp(2), 2 * exp(4));
}

static void test_vjp(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2, 3)), *w = MATRIX(c, 2, 3, 1, 2, 3, 4, 5, 6);
    tp_tensor *y = tp_matmul(w, tp_mul(x, x)); /* J = 2 w diag(x) */
    expect_values(tp_vjp(y, x, VECTOR(c, 1, 0)), TP_SHAPE(3), 2, 8, 18);
    expect_values(tp_vjp(y, x, MATRIX(c, 3, 2, 1, 0, 0, 1, 1, -1)), TP_SHAPE(3, 3), 2, 8, 18, 8, 20, 36, -6,
                  -12, -18);
    assert_int_equal(tp_size(tp_vjp(y, x, tp_zeros(c, TP_SHAPE(0, 2), TP_F64)), 0), 0);
    assert_true(tp_is_nil(tp_vjp(y, x, VECTOR(c, 1, 2, 3))));
    expect_error(c, TP_ERR_SHAPE, "tp_vjp: argument 'u' is f64 [3], takes f64 [2] or one leading axis more");
    assert_true(tp_is_nil(tp_vjp(y, x, tp_zeros(c, TP_SHAPE(2), TP_F32))));
    expect_error(c, TP_ERR_SHAPE, "'u' is f32 [2]");
    assert_true(tp_is_nil(tp_vjp(y, x, NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_vjp: argument 'u' is NULL");
}

/* --- leaves and history --- */

static void test_no_grad_and_detach(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2)), *y = tp_exp(x);
    assert_true(tp_requires_grad(x) && tp_has_history(x) && !tp_requires_grad(y) && tp_has_history(y));
    tp_tensor *d = tp_detach(y);
    assert_false(tp_has_history(d));
    assert_ptr_equal(tp_data(d), tp_data(y));
    tp_backward(total(tp_mul(tp_detach(x), x)));
    expect_values(tp_grad_of(x), TP_SHAPE(2), 1, 2);
    tp_mark m = tp_open_no_grad(c);
    tp_tensor *z = tp_keep(total(tp_exp(x)));
    tp_close_scope(c, m);
    tp_backward(z);
    expect_error(c, TP_ERR_STATE, "has no history");
    assert_true(tp_is_nil(tp_require_grad(y)));
    expect_error(c, TP_ERR_STATE, "tp_require_grad: the tensor has a history; tp_detach gives a leaf");
    assert_true(tp_is_nil(tp_require_grad(tp_zeros(c, TP_SHAPE(1), TP_I64))));
    expect_error(c, TP_ERR_DTYPE, "tp_require_grad: only floats have gradients, got i64");
}

static void test_stop_grad(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 3)), *y = tp_square(x);
    assert_ptr_equal(tp_stop_grad(x), x);
    assert_false(tp_requires_grad(x) || tp_has_history(tp_square(x)));
    tp_backward(y); /* recorded before */
    expect_item(tp_grad_of(x), 6);
    assert_ptr_equal(tp_require_grad(x), x);
    tp_backward(tp_square(x));
    expect_item(tp_grad_of(x), 12);
    assert_true(tp_is_nil(tp_stop_grad(NULL)));
}

static void test_leaf_that_goes_before_its_backward(void **state)
{
    tp_context *c = *state;
    tp_tensor *kept = tp_require_grad(NUMBER(c, 3));
    tp_mark m = tp_open_scope(c);
    tp_tensor *y = tp_keep(tp_mul(tp_require_grad(NUMBER(c, 2)), kept));
    tp_close_scope(c, m);
    tp_backward(y);
    expect_item(tp_grad_of(kept), 2);
}

static void test_all_or_none_without_memory(void **state)
{
    tp_context *c = *state;
    tp_tensor *a = tp_require_grad(VECTOR(c, 1, 2)), *b = tp_require_grad(VECTOR(c, 3, 4));
    tp_backward(total(tp_mul(a, b)));
    int failures = 0;
    for (long n = 0;; n++, failures++) {
        tp_mark m = tp_open_scope(c);
        tp_tensor *y = total(tp_mul(tp_exp(a), b));
        tp_memory_trim(c);
        books.left = n;
        tp_backward(y);
        books.left = -1;
        bool done = tp_ok(c);
        tp_clear(c);
        if (done) expect_values(tp_grad_of(a), TP_SHAPE(2), 3 + 3 * exp(1), 4 + 4 * exp(2));
        if (done) expect_values(tp_grad_of(b), TP_SHAPE(2), 1 + exp(1), 2 + exp(2));
        if (done) break;
        expect_values(tp_grad_of(a), TP_SHAPE(2), 3, 4);
        expect_values(tp_grad_of(b), TP_SHAPE(2), 1, 2);
        tp_close_scope(c, m);
    }
    assert_in_range(failures, 10, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_used_twice),
        TEST(test_diamonds),
        TEST(test_broadcast_is_summed_down),
        TEST(test_several_outputs),
        TEST(test_backward_adds_over_calls),
        TEST(test_gradients_share_no_memory),
        TEST(test_leaf_itself),
        TEST(test_second_backward),
        TEST(test_shared_part_released),
        TEST(test_grad_keeps_the_graph),
        TEST(test_overwritten_values),
        TEST(test_overwriting_what_is_not_read),
        TEST(test_write_before_recording_is_fine),
        TEST(test_unrelated_is_zeros),
        TEST(test_several_at_once),
        TEST(test_through_and_past_a_target),
        TEST(test_record),
        TEST(test_gradient_penalty),
        TEST(test_vjp),
        TEST(test_no_grad_and_detach),
        TEST(test_stop_grad),
        TEST(test_leaf_that_goes_before_its_backward),
        TEST(test_all_or_none_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
