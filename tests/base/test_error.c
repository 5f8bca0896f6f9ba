#include "fixture.h"

#include <taper/ext.h>

static void test_first_failure_wins(void **state)
{
    tp_context *c = *state;
    assert_true(tp_ok(c));
    assert_int_equal(tp_error(c), TP_OK);
    assert_string_equal(tp_error_text(c), "");
    tp_item(VECTOR(c, 1, 2, 3));
    char text[256];
    snprintf(text, sizeof text, "%s", tp_error_text(c));
    assert_string_equal(text, "tp_item: takes one element, got [3]");
    assert_int_equal(tp_error(c), TP_ERR_SHAPE);
    tp_arange(c, 0, 1, 0, TP_F64);
    tp_close_scope(c, 99);
    tp_zeros(c, TP_SHAPE(1), (tp_dtype)99);
    assert_int_equal(tp_error(c), TP_ERR_SHAPE);
    assert_string_equal(tp_error_text(c), text);
    tp_clear(c);
    assert_true(tp_ok(c));
    assert_string_equal(tp_error_text(c), "");
    tp_zeros(c, TP_SHAPE(1), (tp_dtype)99);
    expect_error(c, TP_ERR_DTYPE, "tp_zeros: 99 is no dtype");
}

/* Names pushed stand before a message, as many as fit. */
static void test_path(void **state)
{
    tp_context *c = *state;
    size_t outside = tp_path_push(c, "mlp"), inside = tp_path_push(c, "fc1");
    assert_int_equal(tp_path_push(c, ""), 7);
    tp_fail(c, TP_ERR_ARGUMENT, "too %s", "wide");
    assert_string_equal(tp_error_text(c), "mlp.fc1: too wide");
    tp_clear(c);
    tp_path_pop(c, inside);
    tp_fail(c, TP_ERR_ARGUMENT, "wide");
    assert_string_equal(tp_error_text(c), "mlp: wide");
    tp_clear(c);
    for (int i = 0; i < 100; i++) tp_path_push(c, "block");
    tp_fail(c, TP_ERR_ARGUMENT, "deep");
    assert_non_null(strstr(tp_error_text(c), ": deep"));
    tp_clear(c);
    tp_path_pop(c, outside);
    tp_fail(c, TP_ERR_ARGUMENT, "flat");
    assert_string_equal(tp_error_text(c), "flat");
    tp_clear(c);
}

static void test_nothing_has_an_effect_after_a_failure(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2)), *y = tp_sum(tp_mul(x, x), TP_ALL, false);
    tp_tensor *g = VECTOR(c, 1, 1);
    double value[2];
    tp_item(x);
    assert_true(tp_is_nil(tp_sgd_update(x, g, 1)));
    assert_int_equal(tp_write(x, (double[]){8, 9}, 16), TP_ERR_SHAPE);
    assert_int_equal(tp_read_doubles(x, value, 2), TP_ERR_SHAPE);
    assert_null(tp_data_mut(x));
    tp_backward(y);
    assert_true(tp_is_nil(tp_grad(y, x)));
    assert_int_equal(tp_open_forward(c), 0);
    tp_seed(c, 77);
    tp_set_random_counter(c, 5);
    assert_true(isnan(tp_item(y)));
    assert_true(isnan(tp_get(x, TP_INTS(0))));
    expect_error(c, TP_ERR_SHAPE, "tp_item");
    expect_values(x, TP_SHAPE(2), 1, 2);
    assert_true(tp_is_nil(tp_grad_of(x)));
    assert_int_equal(tp_random_counter(c), 0);
    tp_backward(y); /* the graph is still there */
    expect_values(tp_grad_of(x), TP_SHAPE(2), 2, 4);
}

typedef struct seen {
    tp_context *c;
    int times;
    tp_status status;
    char text[128];
} seen;

static void handler(tp_context *c, void *user)
{
    seen *s = user;
    s->c = c;
    s->times++;
    s->status = tp_error(c);
    snprintf(s->text, sizeof s->text, "%s", tp_error_text(c));
}

static void test_handler(void **state)
{
    tp_context *c = *state;
    seen s = {0};
    tp_on_error(c, handler, &s);
    tp_linspace(c, 0, 1, -3, TP_F64);
    assert_int_equal(s.times, 1);
    assert_ptr_equal(s.c, c);
    assert_int_equal(s.status, TP_ERR_ARGUMENT);
    assert_string_equal(s.text, "tp_linspace: n is -3, takes 0 or more");
    tp_item(VECTOR(c, 1, 2));
    assert_int_equal(s.times, 1);
    tp_clear(c);
    tp_item(VECTOR(c, 1, 2));
    assert_int_equal(s.times, 2);
    tp_clear(c);
    tp_on_error(c, NULL, NULL);
    tp_item(VECTOR(c, 1, 2));
    assert_int_equal(s.times, 2);
    tp_clear(c);
}

static void test_null(void **state)
{
    (void)state;
    assert_false(tp_ok(NULL));
    assert_int_equal(tp_error(NULL), TP_ERR_ARGUMENT);
    assert_string_equal(tp_error_text(NULL), "the context is NULL");
    tp_clear(NULL);
    tp_on_error(NULL, handler, NULL);
}

static void test_nil_and_null_are_named(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = NUMBER(c, 1);
    assert_true(tp_is_nil(tp_add(x, NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "add: argument 'b' is NULL");
    assert_true(tp_is_nil(tp_add(NULL, x)));
    expect_error(c, TP_ERR_ARGUMENT, "add: argument 'a' is NULL");
    assert_true(tp_is_nil(tp_add(x, tp_nil(c))));
    expect_error(c, TP_ERR_ARGUMENT, "add: argument 'b' is nil");
    assert_true(tp_is_nil(tp_concat(TP_TENSORS(x, NULL), 0)));
    expect_error(c, TP_ERR_ARGUMENT, "concat: argument 'xs[1]' is NULL");
    assert_true(tp_is_nil(tp_add(NULL, NULL)));
    assert_true(tp_ok(c));
}

static void test_errors_allocate_nothing(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = VECTOR(c, 1, 2), *y = VECTOR(c, 1, 2, 3);
    tp_memory_trim(c);
    size_t calls = books.calls;
    assert_true(tp_is_nil(tp_add(x, y)));
    expect_error(c, TP_ERR_SHAPE, "[2], [3]");
    assert_int_equal(books.calls, calls);
    atomic_store(&books.left, 0);
    assert_true(tp_is_nil(tp_add(x, x)));
    expect_error(c, TP_ERR_MEMORY, "no memory for");
    atomic_store(&books.left, -1);
    expect_values(tp_add(x, x), TP_SHAPE(2), 2, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_first_failure_wins),
        TEST(test_path),
        TEST(test_nothing_has_an_effect_after_a_failure),
        TEST(test_handler),
        TEST(test_null),
        TEST(test_nil_and_null_are_named),
        TEST(test_errors_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
