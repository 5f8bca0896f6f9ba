/* Functions whose backward pass is written by hand. */
#include "faults.h"

#include <taper/ext.h>

/* x w + b, as a layer by hand. */
static tp_tensor *linear_forward(tp_tensor *const *in) { return tp_add(tp_matmul(in[0], in[1]), in[2]); }

static tp_tensor *linear_backward(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    (void)y;
    if (i == 0) return tp_matmul(dy, tp_transpose(in[1], 0, 1));
    return i == 1 ? tp_matmul(tp_transpose(in[0], 0, 1), dy) : tp_sum(dy, TP_AXES(0), false);
}

static const tp_function linear = {"linear by hand", linear_forward, linear_backward};

static tp_tensor *sigmoid_forward(tp_tensor *const *in)
{
    tp_tensor *y = tp_sigmoid(in[0]);
    assert_false(tp_has_history(y));
    return y;
}

static tp_tensor *sigmoid_backward(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    (void)i, (void)in;
    return tp_mul(dy, tp_sub(y, tp_square(y)));
}

static const tp_function sigmoid = {"sigmoid by hand", sigmoid_forward, sigmoid_backward};

typedef struct net {
    tp_tensor *x, *w, *b;
} net;

static net make(tp_context *c)
{
    tp_tensor *x = MATRIX(c, 3, 2, 0.5, -1, 2, 0.25, -0.75, 1), *w = MATRIX(c, 2, 2, 1, -2, 0.5, 3);
    return (net){tp_require_grad(x), tp_require_grad(w), tp_require_grad(VECTOR(c, 0.1, -0.2))};
}

static tp_tensor *by_hand(const net *n)
{
    tp_tensor *h = tp_call_function(&linear, 3, (tp_tensor *const[]){n->x, n->w, n->b});
    return tp_mean(tp_square(tp_call_function(&sigmoid, 1, &h)), TP_ALL, false);
}

static tp_tensor *by_ops(const net *n)
{
    return tp_mean(tp_square(tp_sigmoid(tp_add(tp_matmul(n->x, n->w), n->b))), TP_ALL, false);
}

static void expect_same(tp_tensor *a, tp_tensor *b)
{
    double wanted[MOST_VALUES];
    assert_int_equal(tp_read_doubles(b, wanted, tp_numel(b)), TP_OK);
    expect_values_(a, tp_shape_of(b), wanted, __FILE__, __LINE__);
}

static void test_value_and_gradients(void **state)
{
    net n = make(*state);
    tp_tensor *a = by_hand(&n), *b = by_ops(&n), *const xs[] = {n.x, n.w, n.b}, *got[3], *wanted[3];
    expect_same(a, b);
    tp_grads_with(a, 3, xs, got, NULL);
    tp_grads_with(b, 3, xs, wanted, NULL);
    for (int i = 0; i < 3; i++) expect_same(got[i], wanted[i]);
}

/* K directions at once, and second derivatives through the backward pass. */
static void test_directions_and_second_derivatives(void **state)
{
    tp_context *c = *state;
    net n = make(c);
    tp_tensor *h = tp_call_function(&linear, 3, (tp_tensor *const[]){n.x, n.w, n.b});
    tp_tensor *u = tp_reshape(tp_linspace(c, -1, 1, 12, TP_F64), TP_SHAPE(2, 3, 2));
    expect_same(tp_vjp(h, n.w, u), tp_vjp(tp_add(tp_matmul(n.x, n.w), n.b), n.w, u));
    tp_tensor *g = tp_grad(by_hand(&n), n.w, .record = true), *r = tp_grad(by_ops(&n), n.w, .record = true);
    tp_tensor *v = MATRIX(c, 2, 2, 1, 2, -3, 0.5), *const xs[] = {n.x, n.w, n.b};
    for (int i = 0; i < 3; i++)
        expect_same(tp_grad(tp_sum(tp_mul(g, v), TP_ALL, false), xs[i]),
                    tp_grad(tp_sum(tp_mul(r, v), TP_ALL, false), xs[i]));
}

/* An input that needs no gradient costs none, and integers are inputs like others. */
static tp_tensor *pick_forward(tp_tensor *const *in) { return tp_gather(in[0], in[1], 0); }

static tp_tensor *pick_backward(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    (void)y;
    assert_int_equal(i, 0);
    return tp_scatter_add(tp_zeros_like(in[0]), in[1], dy, 0);
}

static const tp_function pick = {"pick", pick_forward, pick_backward};

static void test_integers(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2, 3));
    tp_tensor *rows = tp_from_doubles(c, TP_SHAPE(4), TP_I64, (double[]){2, 0, 2, 2});
    tp_tensor *y = tp_call_function(&pick, 2, (tp_tensor *const[]){x, rows});
    expect_values(y, TP_SHAPE(4), 3, 1, 3, 3);
    expect_values(tp_grad(tp_sum(y, TP_ALL, false), x), TP_SHAPE(3), 1, 0, 3);
}

/* A softmax by hand, with numbers that can be worked out on paper. */
static tp_tensor *softmax_forward(tp_tensor *const *in)
{
    tp_tensor *e = tp_exp(tp_sub(in[0], tp_max(in[0], TP_AXES(-1), true)));
    return tp_div(e, tp_sum(e, TP_AXES(-1), true));
}

static tp_tensor *softmax_backward(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    (void)i, (void)in;
    return tp_mul(y, tp_sub(dy, tp_sum(tp_mul(dy, y), TP_AXES(-1), true)));
}

static void test_softmax_on_paper(void **state)
{
    tp_context *c = *state;
    static const tp_function softmax = {"softmax by hand", softmax_forward, softmax_backward};
    tp_tensor *x = tp_require_grad(MATRIX(c, 2, 2, 1, 2, 1, 1)), *u = MATRIX(c, 2, 2, 1, -1, 1, 1);
    tp_tensor *y = tp_call_function(&softmax, 1, &x), *g = tp_vjp(y, x, u);
    double p = 1 / (1 + exp(1)), d = 2 * p * (1 - p); /* 0.26894142, 0.39322387 */
    expect_values(y, TP_SHAPE(2, 2), p, 1 - p, 0.5, 0.5);
    expect_values(g, TP_SHAPE(2, 2), d, -d, 0, 0);
    expect_near(p, 0.26894142, 5e-9);
    expect_near(d, 0.39322387, 5e-9);
}

/* Forward mode is refused by name, on a graph and streaming. */
static void test_no_forward_mode(void **state)
{
    tp_context *c = *state;
    net n = make(c);
    tp_tensor *y = tp_call_function(&sigmoid, 1, &n.x);
    static const char text[] = "sigmoid by hand: has no forward mode, only a backward pass of its own";
    assert_true(tp_is_nil(tp_jvp(y, n.x, tp_ones(c, TP_SHAPE(3, 2), TP_F64))));
    expect_error(c, TP_ERR_STATE, text);
    int level = tp_open_forward(c);
    tp_tensor *dual = tp_dual_identity(tp_detach(n.x), level, 0);
    assert_true(tp_is_nil(tp_call_function(&sigmoid, 1, &dual)));
    expect_error(c, TP_ERR_STATE, text);
    tp_close_forward(c, level);
}

/* --- backward passes that cannot be right --- */

static tp_tensor *transposed(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    (void)i, (void)in, (void)y;
    return tp_transpose(dy, 0, 1);
}

/* Right, but by a loop. */
static tp_tensor *by_loop(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    (void)i, (void)in;
    tp_tensor *g = tp_zeros_like(dy);
    double *to = tp_data_mut(g);
    const double *u = tp_data(tp_contiguous(dy)), *at = tp_data(tp_contiguous(y));
    for (int64_t k = 0; to && u && at && k < tp_numel(g); k++) to[k] = u[k] * at[k] * (1 - at[k]);
    return g;
}

static tp_tensor *nothing(tp_tensor *const *in) { return (void)in, NULL; }

static tp_tensor *zero(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    return (void)i, (void)in, (void)y, (void)dy, NULL;
}

static tp_tensor *itself(tp_tensor *const *in) { return in[0]; }

/* A backward pass for a value that stays: the gradient turned around. */
static tp_tensor *turned_around(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    return (void)i, (void)in, (void)y, tp_neg(dy);
}

static void test_result_that_is_an_input(void **state)
{
    tp_context *c = *state;
    static const tp_function reverse = {"gradient reversal", itself, turned_around};
    tp_tensor *x = tp_require_grad(VECTOR(c, 1, 2)), *h = tp_square(x);
    tp_tensor *of_leaf = tp_call_function(&reverse, 1, &x), *of_result = tp_call_function(&reverse, 1, &h);
    expect_values(of_result, TP_SHAPE(2), 1, 4);
    tp_backward(tp_sum(tp_add(of_leaf, of_result), TP_ALL, false));
    expect_values(tp_grad_of(x), TP_SHAPE(2), -3, -5);
}

static void test_wrong_functions(void **state)
{
    tp_context *c = *state;
    static const tp_function turned = {"turned", sigmoid_forward, transposed};
    static const tp_function looped = {"looped", sigmoid_forward, by_loop};
    static const tp_function empty = {"empty", nothing, zero}, flat = {"flat", sigmoid_forward, zero};
    net n = make(c);
    assert_true(tp_is_nil(tp_grad(tp_sum(tp_call_function(&turned, 1, &n.x), TP_ALL, false), n.x)));
    expect_error(c, TP_ERR_STATE, "turned: backward for input 0 gave [2,3] where [3,2] is due");
    tp_tensor *y = tp_sum(tp_call_function(&looped, 1, &n.x), TP_ALL, false);
    expect_same(tp_grad(y, n.x), tp_grad(tp_sum(tp_sigmoid(n.x), TP_ALL, false), n.x));
    assert_true(tp_is_nil(tp_grad(y, n.x, .record = true)));
    expect_error(c, TP_ERR_STATE, "looped: backward for input 0 is not made of ops of the gradient");
    assert_true(tp_is_nil(tp_call_function(&empty, 1, &n.x)));
    expect_error(c, TP_ERR_STATE, "empty: forward gave NULL");
    assert_true(tp_is_nil(tp_call_function(&sigmoid, 0, &n.x)));
    tp_clear(c);
    tp_tensor *gradient = tp_grad(tp_sum(tp_call_function(&flat, 1, &n.x), TP_ALL, false), n.x);
    expect_values(gradient, TP_SHAPE(3, 2), 0, 0, 0, 0, 0, 0);
}

/* An input overwritten after the call is seen. */
static void test_overwritten(void **state)
{
    tp_context *c = *state;
    net n = make(c);
    tp_tensor *y = by_hand(&n);
    tp_sgd_update(n.w, tp_ones(c, TP_SHAPE(2, 2), TP_F64), 0.5);
    tp_backward(y);
    expect_error(c, TP_ERR_STATE, "was overwritten after it was recorded");
}

static void test_faults(void **state)
{
    (void)state;
    bool refused = true;
    for (long at = 1; refused; at++) {
        faulty f;
        tp_context *c = faulty_open(&f, all_after);
        net n = make(c);
        faulty_arm(&f, at);
        tp_backward(by_hand(&n));
        refused = faulty_disarm(&f);
        EXPECT(!refused || (tp_error(c) == TP_ERR_MEMORY && names_a_call(tp_error_text(c))), "net", at, c);
        tp_clear(c);
        EXPECT(!refused || tp_is_nil(tp_grad_of(n.w)), "net", at, c);
        tp_close(c);
        EXPECT(f.books.blocks == 0, "net", at, NULL);
    }
}

static const struct CMUnitTest tests[] = {
    TEST(test_value_and_gradients),
    TEST(test_directions_and_second_derivatives),
    TEST(test_integers),
    TEST(test_softmax_on_paper),
    TEST(test_no_forward_mode),
    TEST(test_result_that_is_an_input),
    TEST(test_wrong_functions),
    TEST(test_overwritten),
    FAULT_TESTS(test_faults),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
