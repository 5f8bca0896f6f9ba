#include "fixture.h"

static tp_tensor *total(tp_tensor *x) { return tp_sum(x, TP_ALL, false); }

static tp_tensor *cube(tp_tensor *x) { return tp_mul(x, tp_mul(x, x)); }

/* --- over a recorded graph --- */

static void test_jvp(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2, 3)), *w = MATRIX(c, 2, 3, 1, 2, 3, 4, 5, 6);
    tp_tensor *squares = tp_mul(x, x), *y = tp_matmul(w, squares); /* J = 2 w diag(x) */
    expect_values(tp_jvp(y, x, VECTOR(c, 1, 0, 0)), TP_SHAPE(2), 2, 8);
    expect_values(tp_jvp(y, x, MATRIX(c, 2, 3, 0, 1, 0, 1, 1, 1)), TP_SHAPE(2, 2), 8, 20, 28, 64);
    expect_values(tp_jvp(y, squares, VECTOR(c, 1, 1, 1)), TP_SHAPE(2), 6, 15); /* from the middle */
    expect_values(tp_jvp(y, y, VECTOR(c, 7, 8)), TP_SHAPE(2), 7, 8);
    expect_values(tp_jvp(x, x, VECTOR(c, 7, 8, 9)), TP_SHAPE(3), 7, 8, 9);
    tp_tensor *other = tp_require_grad(NUMBER(c, 1));
    expect_values(tp_jvp(y, other, NUMBER(c, 1)), TP_SHAPE(2), 0, 0);
    expect_values(tp_jvp(y, other, VECTOR(c, 1, 1, 1)), TP_SHAPE(3, 2), 0, 0, 0, 0, 0, 0);
    expect_values(tp_jvp(y, tp_exp(other), NUMBER(c, 1)), TP_SHAPE(2), 0, 0); /* made after y */
    assert_true(tp_is_nil(tp_jvp(y, x, VECTOR(c, 1, 2))));
    expect_error(c, TP_ERR_SHAPE, "tp_jvp: argument 'v' is f64 [2], takes f64 [3] or one leading axis more");
    assert_true(tp_is_nil(tp_jvp(y, w, w)));
    expect_error(c, TP_ERR_STATE, "tp_jvp: argument 'x' has no history");
}

static void test_jvp_recorded(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 2)), *v = tp_require_grad(NUMBER(c, 3));
    tp_tensor *t = tp_jvp(cube(x), x, v, .record = true); /* 3 x^2 v */
    expect_item(t, 36);
    expect_item(tp_grad(t, x), 36); /* 6 x v */
    expect_item(tp_grad(t, v), 12);
    expect_item(tp_jvp(t, x, NUMBER(c, 1)), 36);
}

static void test_jvp_through_two_outputs(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 3, 1, 2)), *order;
    tp_tensor *y = tp_sort(tp_mul(x, x), 0, false, &order);
    expect_values(tp_jvp(y, x, VECTOR(c, 1, 10, 100)), TP_SHAPE(3), 20, 400, 6);
}

/* --- streaming --- */

static void test_streaming(void **state)
{
    tp_context *c = *state;
    int level = tp_open_forward(c);
    assert_true(level > 0);
    tp_tensor *x = VECTOR(c, 1, 2), *d = tp_dual(x, VECTOR(c, 1, 10), level, 0);
    assert_false(tp_has_history(d));
    tp_tensor *y = cube(d);
    expect_values(y, TP_SHAPE(2), 1, 8);
    expect_values(tp_tangent(d, level, 0), TP_SHAPE(2), 1, 10);
    expect_values(tp_tangent(y, level, 0), TP_SHAPE(2), 3, 120);
    assert_false(tp_has_history(y));
    tp_tensor *k = tp_dual(x, MATRIX(c, 3, 2, 1, 0, 0, 1, 1, 1), level, 0);
    expect_values(tp_tangent(total(cube(k)), level, 0), TP_SHAPE(3), 3, 12, 15);
    assert_true(tp_is_nil(tp_tangent(x, level, 0))); /* none, and no error */
    assert_true(tp_is_nil(tp_tangent(y, level, 1)));
    assert_true(tp_is_nil(tp_tangent(tp_mul(x, x), level, 0)));
    assert_true(tp_ok(c));
    tp_close_forward(c, level);
}

static void test_identity_gives_the_jacobian(void **state)
{
    tp_context *c = *state;
    int level = tp_open_forward(c);
    tp_tensor *x = tp_dual_identity(MATRIX(c, 2, 2, 1, 2, 3, 4), level, 5);
    expect_values(tp_tangent(x, level, 5), TP_SHAPE(4, 2, 2), 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    expect_values(tp_tangent(tp_sum(cube(x), TP_AXES(0), false), level, 5), TP_SHAPE(4, 2), 3, 0, 0, 12, 27,
                  0, 0, 48);
    tp_tensor *s = tp_dual_identity(NUMBER(c, 2), level, 0);
    expect_values(tp_tangent(cube(s), level, 0), TP_SHAPE(1), 12);
    tp_close_forward(c, level);
}

/* Directions broadcast as the values do: [K, 1, loop], whatever the axes' sizes. */
static void test_directions_and_broadcasting(void **state)
{
    tp_context *c = *state;
    int level = tp_open_forward(c);
    for (int64_t k = 1; k <= 4; k++) {
        tp_tensor *row = tp_dual(VECTOR(c, 1, 2, 3), tp_ones(c, TP_SHAPE(k, 3), TP_F64), level, 0);
        tp_tensor *column = tp_dual(MATRIX(c, 2, 1, 10, 20), tp_ones(c, TP_SHAPE(k, 2, 1), TP_F64), level, 0);
        tp_tensor *t = tp_tangent(tp_mul(row, column), level, 0);
        assert_int_equal(tp_rank(t), 3);
        assert_int_equal(tp_size(t, 0), k);
        for (int64_t i = 0; i < k; i++)
            expect_values(tp_select(t, 0, i), TP_SHAPE(2, 3), 11, 12, 13, 21, 22, 23);
        tp_tensor *m = tp_tangent(tp_matmul(tp_ones(c, TP_SHAPE(2, 2, 3), TP_F64), row), level, 0);
        assert_int_equal(tp_rank(m), 3);
        expect_near(tp_get(m, TP_INTS(k - 1, 1, 1)), 3, 0);
    }
    tp_close_forward(c, level);
}

static void test_sources_are_carried_by_themselves(void **state)
{
    tp_context *c = *state;
    int level = tp_open_forward(c);
    tp_tensor *a = tp_dual(NUMBER(c, 2), NUMBER(c, 1), level, 7),
              *b = tp_dual(NUMBER(c, 3), NUMBER(c, 1), level, 0);
    tp_tensor *also = tp_dual(NUMBER(c, 5), NUMBER(c, 1), level, 7);
    tp_tensor *y = tp_mul(tp_mul(a, b), also);
    expect_item(tp_tangent(y, level, 0), 10);
    expect_item(tp_tangent(y, level, 7), 15 + 6);                    /* one source: adds up */
    tp_tensor *k = tp_dual(NUMBER(c, 1), VECTOR(c, 1, 2), level, 3); /* each has its own K */
    tp_tensor *z = tp_mul(k, a);
    expect_values(tp_tangent(z, level, 3), TP_SHAPE(2), 2, 4);
    expect_item(tp_tangent(z, level, 7), 1);
    tp_tensor *e = tp_exp(y); /* its rule reads the result, which carries source 0 when 7 is worked out */
    expect_item(tp_tangent(e, level, 7), exp(30) * 21);
    for (int i = 0; i < 2; i++)
        assert_true(tp_is_nil(tp_tangent(tp_tangent(e, level, i ? 7 : 0), level, i ? 0 : 7)));
    tp_close_forward(c, level);
}

static void test_one_source_has_one_number_of_directions(void **state)
{
    tp_context *c = *state;
    int level = tp_open_forward(c);
    tp_tensor *one = tp_dual(NUMBER(c, 1), NUMBER(c, 1), level, 0);
    tp_tensor *two = tp_dual(NUMBER(c, 1), VECTOR(c, 1, 2), level, 0);
    tp_tensor *three = tp_dual(NUMBER(c, 1), VECTOR(c, 1, 2, 3), level, 0);
    assert_true(tp_is_nil(tp_mul(two, three)));
    expect_error(c, TP_ERR_SHAPE, "mul (),()->(): inputs carry tangents of source 0 in different numbers");
    assert_true(tp_is_nil(tp_add(one, two)));
    expect_error(c, TP_ERR_SHAPE, "different numbers of directions");
    tp_close_forward(c, level);
}

static void test_what_stops_tangents(void **state)
{
    tp_context *c = *state;
    int level = tp_open_forward(c);
    tp_tensor *x = tp_dual(VECTOR(c, 3, 1), VECTOR(c, 1, 1), level, 0), *order;
    assert_true(tp_is_nil(tp_tangent(tp_detach(x), level, 0)));
    assert_true(tp_is_nil(tp_tangent(tp_gt(x, tp_neg(x)), level, 0)));
    assert_true(tp_is_nil(tp_tangent(tp_cast(x, TP_I32), level, 0)));
    tp_tensor *sorted = tp_sort(x, 0, false, &order);
    assert_false(tp_is_nil(tp_tangent(sorted, level, 0)));
    assert_true(tp_is_nil(tp_tangent(order, level, 0)));
    tp_mark m = tp_open_no_grad(c);
    assert_false(tp_is_nil(tp_tangent(tp_neg(x), level, 0))); /* stops recording only */
    tp_close_scope(c, m);
    assert_true(tp_is_nil(tp_sgd_update(x, VECTOR(c, 1, 1), 1)));
    expect_error(c, TP_ERR_STATE, "carries tangents");
    tp_close_forward(c, level);
}

/* --- levels --- */

static void test_levels_nest(void **state)
{
    tp_context *c = *state;
    int level[4];
    tp_tensor *x = NUMBER(c, 2), *one = NUMBER(c, 1), *y;
    for (int k = 0; k < 4; k++) x = tp_dual(x, one, level[k] = tp_open_forward(c), 0);
    y = tp_mul(cube(x), tp_mul(x, x)); /* x^5 and its derivatives */
    double wanted[] = {32, 80, 160, 240, 240};
    for (int k = 3; k >= 0; k--) {
        expect_item(tp_tangent(y, level[k], 0), wanted[1]);
        for (int i = k - 1; i >= 0; i--)
            expect_item(tp_tangent(tp_tangent(y, level[k], 0), level[i], 0), wanted[2]);
    }
    for (int k = 3; k >= 0; k--) {
        expect_item(y, wanted[3 - k]);
        y = tp_tangent(y, level[k], 0);
    }
    expect_item(y, wanted[4]);
    assert_int_equal(tp_open_forward(c), 0);
    expect_error(c, TP_ERR_STATE, "tp_open_forward: 4 levels are open, no more can be");
    tp_close_forward(c, level[0]);
    assert_true(tp_open_forward(c) > level[3]);
}

/* d/dx [x d/dy (x + y)] at y = 1 is 1: levels are told apart. */
static void test_no_perturbation_confusion(void **state)
{
    tp_context *c = *state;
    int outer = tp_open_forward(c), inner = tp_open_forward(c);
    tp_tensor *x = tp_dual(NUMBER(c, 3), NUMBER(c, 1), outer, 0),
              *y = tp_dual(NUMBER(c, 1), NUMBER(c, 1), inner, 0);
    tp_tensor *z = tp_mul(x, tp_tangent(tp_add(x, y), inner, 0));
    expect_item(tp_tangent(z, outer, 0), 1);
    tp_close_forward(c, outer);
}

static void test_directions_at_two_levels(void **state)
{
    tp_context *c = *state;
    int outer = tp_open_forward(c), inner = tp_open_forward(c);
    tp_tensor *x = tp_dual_identity(tp_dual_identity(VECTOR(c, 1, 2), outer, 0), inner, 0);
    tp_tensor *y = tp_mul(tp_select(cube(x), 0, 0), tp_select(x, 0, 1)); /* x0^3 x1 */
    tp_tensor *g = tp_tangent(y, inner, 0);
    expect_values(g, TP_SHAPE(2), 6, 1);
    expect_values(tp_tangent(g, outer, 0), TP_SHAPE(2, 2), 12, 3, 3, 0);
    tp_close_forward(c, outer);
}

static void test_closed_levels_are_gone(void **state)
{
    tp_context *c = *state;
    tp_tensor *one = NUMBER(c, 1);
    int outer = tp_open_forward(c), inner = tp_open_forward(c);
    tp_tensor *x = tp_dual(NUMBER(c, 2), one, inner, 0);
    tp_close_forward(c, inner);
    assert_true(tp_is_nil(tp_tangent(x, inner, 0)));
    expect_error(c, TP_ERR_STATE, "tp_tangent: level 2 is not open");
    assert_true(tp_is_nil(tp_dual(one, one, inner, 0)));
    expect_error(c, TP_ERR_STATE, "tp_dual: level 2 is not open");
    tp_tensor *again = tp_dual(x, one, outer, 0); /* what x carried is gone */
    assert_true(tp_ok(c));
    expect_item(tp_tangent(cube(again), outer, 0), 12);
    int next = tp_open_forward(c);
    assert_true(next > inner);
    assert_true(tp_is_nil(tp_tangent(cube(x), next, 0)));
    tp_close_forward(c, inner); /* again: closes nothing */
    expect_error(c, TP_ERR_STATE, "tp_close_forward: level 2 is not open");
    expect_item(tp_tangent(cube(tp_dual(one, one, next, 0)), next, 0), 3);
    tp_close_forward(c, outer); /* and what is inside it */
    assert_true(tp_is_nil(tp_tangent(x, next, 0)));
    expect_error(c, TP_ERR_STATE, "is not open");
}

static void test_what_cannot_be_dual(void **state)
{
    tp_context *c = *state;
    int level = tp_open_forward(c);
    tp_tensor *x = VECTOR(c, 1, 2), *d = tp_dual(x, x, level, 0), *i = tp_zeros(c, TP_SHAPE(2), TP_I32);
    assert_true(tp_is_nil(tp_dual(i, i, level, 0)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_dual: only floats carry tangents");
    assert_true(tp_is_nil(tp_dual(x, x, level, -1)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_dual: a source is 0 or more");
    assert_true(tp_is_nil(tp_dual(d, x, level, 1)));
    expect_error(c, TP_ERR_ARGUMENT, "x carries a tangent of this level");
    assert_true(tp_is_nil(tp_dual(x, VECTOR(c, 1), level, 0)));
    expect_error(c, TP_ERR_SHAPE, "tp_dual: argument 'v' is f64 [1], takes f64 [2]");
    assert_true(tp_is_nil(tp_dual(x, NULL, level, 0)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_dual: argument 'v' is NULL");
    assert_true(tp_is_nil(tp_dual(x, x, 0, 0)));
    expect_error(c, TP_ERR_STATE, "level 0 is not open");
    tp_close_forward(c, level);
}

/* --- with reverse mode --- */

static void test_forward_and_reverse_of_one_value(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2));
    int level = tp_open_forward(c);
    tp_tensor *y = total(cube(tp_dual(x, VECTOR(c, 1, 10), level, 0)));
    expect_item(tp_tangent(y, level, 0), 123);
    tp_backward(y);
    expect_values(tp_grad_of(x), TP_SHAPE(2), 3, 12);
    tp_close_forward(c, level);
}

static void test_forward_over_reverse(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2));
    int level = tp_open_forward(c);
    tp_tensor *y = total(cube(tp_dual(x, VECTOR(c, 1, 10), level, 0)));
    tp_tensor *g = tp_grad(y, x);
    expect_values(g, TP_SHAPE(2), 3, 12);
    expect_values(tp_tangent(g, level, 0), TP_SHAPE(2), 6, 120); /* H v, H = 6 diag(x) */
    tp_close_forward(c, level);
}

static void test_reverse_over_forward(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2));
    int level = tp_open_forward(c);
    tp_tensor *y = total(cube(tp_dual(x, VECTOR(c, 1, 10), level, 0)));
    tp_tensor *t = tp_tangent(y, level, 0);
    assert_true(tp_has_history(t));
    expect_values(tp_grad(t, x), TP_SHAPE(2), 6, 120);
    tp_close_forward(c, level);
    tp_backward(t); /* the level is closed, the graph is not */
    expect_values(tp_grad_of(x), TP_SHAPE(2), 6, 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_jvp),
        TEST(test_jvp_recorded),
        TEST(test_jvp_through_two_outputs),
        TEST(test_streaming),
        TEST(test_identity_gives_the_jacobian),
        TEST(test_directions_and_broadcasting),
        TEST(test_sources_are_carried_by_themselves),
        TEST(test_one_source_has_one_number_of_directions),
        TEST(test_what_stops_tangents),
        TEST(test_levels_nest),
        TEST(test_no_perturbation_confusion),
        TEST(test_directions_at_two_levels),
        TEST(test_closed_levels_are_gone),
        TEST(test_what_cannot_be_dual),
        TEST(test_forward_and_reverse_of_one_value),
        TEST(test_forward_over_reverse),
        TEST(test_reverse_over_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
