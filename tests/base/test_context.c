#include "fixture.h"

#include <taper/ext.h>

static tp_tensor *number(tp_context *c) { return NUMBER(c, 7); }

static void expect_alive(tp_tensor *t)
{
    expect_near(tp_item(t), 7, 0);
    assert_true(tp_ok(tp_context_of(t)));
}

static void expect_stale(tp_tensor *t)
{
    assert_true(isnan(tp_item(t)));
    expect_error(tp_context_of(t), TP_ERR_STATE, "freed when the scope opened at");
}

static void test_scopes_nest(void **state)
{
    tp_context *c = *state;
    tp_tensor *outside = number(c);
    tp_mark outer = tp_open_scope(c);
    tp_tensor *first = number(c);
    tp_mark inner = tp_open_scope(c);
    assert_true(outer != 0 && inner != 0 && inner != outer);
    tp_tensor *second = number(c);
    tp_close_scope(c, inner);
    expect_stale(second);
    expect_alive(first);
    tp_close_scope(c, outer);
    expect_stale(first);
    expect_alive(outside);
}

static void test_scopes_left_open_by_break(void **state)
{
    tp_context *c = *state;
    tp_mark outer = tp_open_scope(c), inner = 0;
    tp_tensor *last = NULL;
    for (int k = 0; k < 3; k++) {
        inner = tp_open_scope(c);
        last = number(c);
    }
    tp_close_scope(c, outer);
    expect_stale(last);
    tp_close_scope(c, inner);
    expect_error(c, TP_ERR_STATE, "tp_close_scope: the scope of mark");
    tp_close_scope(c, outer);
    expect_error(c, TP_ERR_STATE, "closed already");
    tp_close_scope(c, 12345);
    expect_error(c, TP_ERR_STATE, "12345");
    tp_close_scope(c, 0);
    assert_true(tp_ok(c));
}

static void test_keep_moves_one_scope_outward(void **state)
{
    tp_context *c = *state;
    tp_mark outer = tp_open_scope(c), middle = tp_open_scope(c), inner = tp_open_scope(c);
    tp_tensor *once = number(c), *twice = number(c), *never = number(c);
    assert_ptr_equal(tp_keep(once), once);
    tp_keep(once); /* it belongs to the middle now: stays there */
    tp_keep(twice);
    tp_close_scope(c, inner);
    expect_stale(never);
    expect_alive(once);
    tp_keep(twice);
    tp_close_scope(c, middle);
    expect_stale(once);
    expect_alive(twice);
    tp_close_scope(c, outer);
    expect_stale(twice);
}

static void test_keep_elsewhere_changes_nothing(void **state)
{
    tp_context *c = *state;
    tp_tensor *root = tp_keep(number(c)); /* there is nothing outside the root */
    tp_mark m = tp_open_scope(c);
    tp_keep(root);
    tp_mark inner = tp_open_scope(c);
    tp_tensor *t = number(c);
    tp_keep(root);
    tp_close_scope(c, m);
    (void)inner;
    expect_stale(t);
    expect_alive(root);
    tp_keep(t);
    expect_error(c, TP_ERR_STATE, "tp_keep: the tensor was freed");
    assert_null(tp_keep(NULL));
    assert_ptr_equal(tp_keep(tp_nil(c)), tp_nil(c));
}

static void test_keep_takes_history_along(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(NUMBER(c, 3));
    tp_mark m = tp_open_scope(c);
    tp_tensor *y = tp_mul(tp_exp(x), x);
    tp_keep(y);
    tp_close_scope(c, m);
    tp_backward(y);
    expect_item(tp_grad_of(x), exp(3) * 4);
}

static void test_stale_handle_names_the_scope(void **state)
{
    tp_context *c = *state;
    char where[64];
    snprintf(where, sizeof where, "test_context.c:%d was closed", __LINE__ + 1);
    tp_mark m = tp_open_scope(c);
    tp_tensor *t = number(c);
    tp_mark inner = tp_open_scope_named(c, "the seventh layer");
    tp_tensor *s = number(c);
    tp_close_scope(c, m);
    (void)inner;
    assert_true(tp_is_nil(tp_add(t, t)));
    expect_error(c, TP_ERR_STATE, where);
    assert_true(tp_is_nil(tp_neg(t)));
    expect_error(c, TP_ERR_STATE, "neg: argument 'x' was freed when the scope opened at");
    assert_int_equal(tp_rank(t), 0);
    expect_error(c, TP_ERR_STATE, where);
    assert_true(tp_is_nil(tp_neg(s)));
    expect_error(c, TP_ERR_STATE, "the seventh layer");
    tp_tensor *kept = tp_retain(number(c));
    tp_release(kept);
    expect_alive(kept);
}

static void test_no_grad_scope_restores(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(number(c));
    tp_mark outer = tp_open_no_grad(c);
    assert_false(tp_has_history(tp_neg(x)));
    tp_mark inner = tp_open_scope(c), deeper = tp_open_no_grad(c);
    tp_close_scope(c, deeper);
    assert_false(tp_has_history(tp_neg(x)));
    tp_close_scope(c, inner);
    assert_false(tp_has_history(tp_neg(x)));
    tp_close_scope(c, outer);
    assert_true(tp_has_history(tp_neg(x)));
    tp_mark m = tp_open_scope(c);
    tp_open_no_grad(c); /* left open */
    tp_close_scope(c, m);
    assert_true(tp_has_history(tp_neg(x)));
}

static void test_close_on_a_failed_context(void **state)
{
    tp_context *c = *state;
    tp_mark outer = tp_open_scope(c), m = tp_open_no_grad(c);
    tp_tensor *t = number(c);
    tp_item(VECTOR(c, 1, 2));
    assert_false(tp_ok(c));
    tp_mark late = tp_open_scope(c);
    tp_close_scope(c, late);
    tp_close_scope(c, m);
    tp_close_scope(c, outer);
    expect_error(c, TP_ERR_SHAPE, "tp_item");
    expect_stale(t);
    assert_true(tp_has_history(tp_neg(tp_require_grad(number(c)))));
}

static void test_scope_without_memory(void **state)
{
    tp_context *c = *state;
    tp_mark outer = tp_open_scope(c);
    tp_memory_trim(c);
    atomic_store(&books.left, 0);
    tp_mark m = tp_open_scope(c);
    assert_int_equal(m, 0);
    assert_int_equal(tp_error(c), TP_ERR_MEMORY);
    tp_close_scope(c, m); /* closes nothing */
    expect_error(c, TP_ERR_MEMORY, "no memory");
    assert_int_equal(tp_open_no_grad(c), 0);
    expect_error(c, TP_ERR_MEMORY, "no memory");
    atomic_store(&books.left, -1);
    tp_tensor *t = number(c);
    assert_true(tp_has_history(tp_neg(tp_require_grad(number(c)))));
    tp_close_scope(c, outer);
    expect_stale(t);
}

static void test_close_frees_all(void **state)
{
    tp_context *c = *state;
    tp_open_scope(c);
    tp_open_no_grad(c);
    for (int k = 0; k < 10; k++) tp_open_scope(c), number(c);
    assert_int_equal(tp_close(NULL), 1);
    ledger other;
    ledger_start(&other);
    tp_context *d = tp_open(&(tp_options){.allocator = ledger_allocator, .allocator_user = &other});
    tp_item(tp_zeros(d, TP_SHAPE(2), TP_F32));
    assert_int_equal(tp_close(d), 1); /* a failure is pending */
    assert_int_equal(other.blocks, 0);
}

static void test_streams(void **state)
{
    tp_context *c = *state;
    double a[4], b[4];
    tp_seed(c, 5);
    assert_int_equal(tp_random_counter(c), 0);
    tp_tensor *first = tp_uniform(c, TP_SHAPE(4), 0, 1, TP_F64),
              *second = tp_uniform(c, TP_SHAPE(4), 0, 1, TP_F64);
    assert_int_equal(tp_random_counter(c), 2);
    tp_read_doubles(first, a, 4);
    tp_read_doubles(second, b, 4);
    assert_memory_not_equal(a, b, sizeof a);
    tp_set_random_counter(c, 1);
    tp_read_doubles(tp_uniform(c, TP_SHAPE(4), 0, 1, TP_F64), a, 4);
    assert_memory_equal(a, b, sizeof a);
    tp_seed(c, 6);
    tp_read_doubles(tp_uniform(c, TP_SHAPE(4), 0, 1, TP_F64), a, 4);
    tp_read_doubles(first, b, 4);
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_null_context(void **state)
{
    (void)state;
    assert_int_equal(tp_open_scope(NULL), 0);
    assert_int_equal(tp_open_no_grad(NULL), 0);
    tp_close_scope(NULL, 1);
    assert_int_equal(tp_memory_used(NULL), 0);
    assert_int_equal(tp_memory_peak(NULL), 0);
    tp_memory_reset_peak(NULL);
    tp_memory_trim(NULL);
    tp_seed(NULL, 1);
    tp_set_random_counter(NULL, 1);
    assert_int_equal(tp_random_counter(NULL), 0);
    assert_int_equal(tp_open_forward(NULL), 0);
    tp_close_forward(NULL, 1);
    assert_true(tp_is_nil(tp_nil(NULL)));
    assert_true(tp_is_nil(tp_next_key(NULL)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_scopes_nest),
        TEST(test_scopes_left_open_by_break),
        TEST(test_keep_moves_one_scope_outward),
        TEST(test_keep_elsewhere_changes_nothing),
        TEST(test_keep_takes_history_along),
        TEST(test_stale_handle_names_the_scope),
        TEST(test_no_grad_scope_restores),
        TEST(test_close_on_a_failed_context),
        TEST(test_scope_without_memory),
        TEST(test_close_frees_all),
        TEST(test_streams),
        TEST(test_null_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
