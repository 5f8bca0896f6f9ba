/* Long chains: nothing recurses, and memory does not grow with depth where no graph is kept. */
#include "fixture.h"

#include <taper/ext.h>

#include <pthread.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW
#endif
#endif

enum {
    STACK = 128 << 10, /* less than a byte a link */
#ifdef SLOW
    LINKS = 50 * 1000
#else
    LINKS = 1000 * 1000
#endif
};

/* x factor^LINKS, one recorded call after another. */
static tp_tensor *chain(tp_tensor *x, tp_tensor *factor)
{
    tp_context *c = tp_context_of(x);
    for (int k = 0; k < LINKS; k++) {
        tp_mark m = tp_open_scope(c);
        tp_tensor *y = tp_retain(tp_mul(x, factor));
        tp_close_scope(c, m);
        if (k) tp_release(x);
        x = y;
    }
    return x;
}

typedef struct outcome {
    double value, gradient, tangent, left;
    int failed;
} outcome;

static void *run_chain(void *user)
{
    outcome *o = user;
    tp_context *c = tp_open(NULL);
    tp_tensor *x = tp_require_grad(NUMBER(c, 2)), *factor = NUMBER(c, 1 + 1.0 / LINKS);
    size_t before = tp_memory_used(c);
    tp_mark m = tp_open_scope(c);
    tp_tensor *y = chain(x, factor);
    o->value = tp_item(y);
    o->tangent = tp_item(tp_jvp(y, x, NUMBER(c, 1)));
    tp_backward(y);
    o->gradient = tp_item(tp_grad_of(x));
    tp_release(y);
    tp_close_scope(c, m);
    tp_zero_grad(x);
    tp_release(chain(x, factor)); /* once more, freed without a backward */
    o->left = (double)(tp_memory_used(c) - before);
    o->failed = tp_close(c);
    return NULL;
}

static void test_a_million_calls(void **state)
{
    (void)state;
    outcome o = {0};
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    assert_int_equal(pthread_attr_setstacksize(&attr, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attr, run_chain, &o), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    double wanted = exp(LINKS * log1p(1.0 / LINKS));
    assert_int_equal(o.failed, 0);
    expect_near(o.value, 2 * wanted, 1e-8);
    expect_near(o.gradient, wanted, 1e-8);
    expect_near(o.tangent, wanted, 1e-8);
    expect_near(o.left, 0, 0);
}

/* All handles live until their scope closes. */
static void test_many_handles_in_one_scope(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    tp_tensor *x = tp_require_grad(NUMBER(c, 2)), *y = x;
    size_t before = tp_memory_used(c);
    tp_mark m = tp_open_scope(c);
    for (int k = 0; k < LINKS / 10; k++) y = tp_neg(y);
    tp_backward(y);
    tp_close_scope(c, m);
    expect_item(tp_grad_of(x), 1);
    tp_zero_grad(x);
    assert_int_equal(tp_memory_used(c), before);
    assert_int_equal(tp_close(c), 0);
}

/* --- layers --- */

static tp_tensor *layer(tp_tensor *h, tp_tensor *w)
{
    tp_context *c = tp_context_of(h);
    tp_mark m = tp_open_scope(c);
    tp_tensor *y = tp_keep(tp_exp(tp_neg(tp_relu(tp_matmul(h, w)))));
    tp_close_scope(c, m);
    return y;
}

static tp_tensor *weight(tp_context *c)
{
    return tp_mul_scalar(tp_reshape(tp_linspace(c, -1, 2, 16, TP_F64), TP_SHAPE(4, 4)), 0.3);
}

static tp_tensor *start(tp_context *c) { return tp_reshape(tp_linspace(c, 0, 1, 8, TP_F64), TP_SHAPE(2, 4)); }

/* One scope around the chain; each result goes when the next is there. */
static size_t peak_of(int depth, double *sum)
{
    tp_context *c = tp_open(NULL);
    tp_mark scope = tp_open_scope(c);
    int level = tp_open_forward(c);
    tp_tensor *w = tp_dual_identity(weight(c), level, 0), *h = start(c);
    for (int k = 0; k < depth; k++) {
        tp_tensor *next = layer(h, w);
        tp_drop(h);
        h = next;
    }
    tp_tensor *tangent = tp_tangent(h, level, 0);
    assert_int_equal(tp_size(tangent, 0), 16);
    *sum = tp_item(tp_sum(tangent, TP_ALL, false));
    size_t peak = tp_memory_peak(c);
    tp_close_forward(c, level);
    tp_close_scope(c, scope);
    assert_int_equal(tp_close(c), 0);
    return peak;
}

static double recorded_sum(tp_context *c, int depth)
{
    tp_tensor *w = tp_require_grad(weight(c)), *h = start(c);
    for (int k = 0; k < depth; k++) h = layer(h, w);
    return tp_item(tp_sum(tp_jacobian(h, w), TP_ALL, false));
}

static void test_streaming_peak_is_the_same_at_any_depth(void **state)
{
    double sum, deep;
    size_t peak = peak_of(10, &sum);
    expect_near(sum, recorded_sum(*state, 10), 1e-12);
    for (int depth = 100; depth <= 10000; depth *= 10) assert_int_equal(peak_of(depth, &deep), peak);
    assert_true(isfinite(deep));
}

/* Kept in the scope around, each layer costs its result and no more. */
static void test_inner_scopes_leave_the_result_only(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    int level = tp_open_forward(c);
    tp_tensor *w = tp_dual_identity(weight(c), level, 0), *h = start(c);
    size_t used[5];
    for (int k = 0; k < 5; k++) {
        h = layer(h, w);
        used[k] = tp_memory_used(c);
    }
    for (int k = 2; k < 5; k++) assert_int_equal(used[k] - used[k - 1], used[2] - used[1]);
    assert_true(used[2] - used[1] < 17 * 8 * 8 + 2048); /* value, 16 tangents, two handles and a cell */
    assert_int_equal(tp_close(c), 0);
}

static void test_loss_added_up_over_inner_scopes(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 0.5, -1, 2));
    tp_mark scope = tp_open_scope(c);
    tp_tensor *total = NUMBER(c, 0);
    for (int k = 1; k <= 10; k++) {
        tp_mark m = tp_open_scope(c);
        tp_tensor *part = tp_sum(tp_exp(tp_mul_scalar(x, 0.1 * k)), TP_ALL, false);
        total = tp_keep(tp_add(total, part));
        tp_close_scope(c, m);
    }
    tp_backward(total);
    tp_close_scope(c, scope);
    double wanted[3] = {0}, at[3] = {0.5, -1, 2};
    for (int k = 1; k <= 10; k++)
        for (int i = 0; i < 3; i++) wanted[i] += 0.1 * k * exp(0.1 * k * at[i]);
    expect_values(tp_grad_of(x), TP_SHAPE(3), wanted[0], wanted[1], wanted[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_million_calls),
        cmocka_unit_test(test_many_handles_in_one_scope),
        TEST(test_streaming_peak_is_the_same_at_any_depth),
        cmocka_unit_test(test_inner_scopes_leave_the_result_only),
        TEST(test_loss_added_up_over_inner_scopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
