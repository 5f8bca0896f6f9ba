/* check_gradients.c - gradients by autograd, by hand and by differences agree; a check names the one that
 * does not. tests/golden/make_check_gradients.py has the same nets in NumPy. */
#include "expect.h"

static tp_tensor *randn(tp_context *c, tp_randomstate *rs, int64_t rows, int64_t columns)
{
    double values[200];
    tp_randomstate_randn(rs, values, (size_t)(rows * columns));
    return tp_require_grad(tp_from_doubles(c, TP_SHAPE(rows, columns), TP_F64, values));
}

static double largest(tp_tensor *t) { return tp_item(tp_max(tp_abs(t), TP_ALL, false)); }

static void polynomial(tp_tensor *x) /* y = sum(x^2 + 2 x) */
{
    tp_tensor *y = tp_sum(tp_add(tp_square(x), tp_mul_scalar(x, 2)), TP_ALL, false), *g = tp_grad(y, x);
    for (int i = 0; i < 10; i++) expect_at("2 x + 2, x =", i, tp_get(g, TP_INTS(i)), 2 * i + 2, 0);
}

static void one_layer(tp_tensor *w, tp_tensor *x, tp_tensor *label) /* loss = -log softmax(W x)[label] */
{
    tp_tensor *y = tp_matmul(w, x), *p = tp_softmax(y, 0);
    tp_tensor *loss = tp_neg(tp_dot(label, tp_log_softmax(y, 0))), *dw = tp_grad(loss, w);
    expect("loss of one layer", tp_item(loss), 0.5057187841852, 1e-12);
    expect("largest dW", largest(dw), 3.5723525307553, 1e-12);
    expect("dW - (p - label) x'", largest(tp_sub(dw, tp_outer(tp_sub(p, label), x))), 0, 1e-15);
}

/* loss = -log softmax(W2 sigmoid(W1 x))[label] */
static void two_layers(tp_tensor *w1, tp_tensor *w2, tp_tensor *x, tp_tensor *label)
{
    tp_tensor *z1 = tp_sigmoid(tp_matmul(w1, x)), *z2 = tp_log_softmax(tp_matmul(w2, z1), 0), *dw[2];
    tp_tensor *loss = tp_neg(tp_dot(label, z2)), *dh2 = tp_sub(tp_exp(z2), label);
    tp_tensor *dh1 = tp_mul(tp_matmul(dh2, w2), tp_mul(z1, tp_add_scalar(tp_neg(z1), 1)));
    tp_grads_with(loss, 2, (tp_tensor *const[]){w1, w2}, dw, NULL);
    expect("loss of two layers", tp_item(loss), 10.718368271624, 1e-12);
    expect("largest dW1", largest(dw[0]), 1.7169072362724, 1e-12);
    expect("largest dW2", largest(dw[1]), 0.99997785812513, 1e-12);
    expect("dW1 - dh1 x'", largest(tp_sub(dw[0], tp_outer(dh1, x))), 0, 1e-15);
    expect("dW2 - (p - label) z1'", largest(tp_sub(dw[1], tp_outer(dh2, z1))), 0, 1e-15);
}

/* A layer by hand: the sigmoid, with a backward pass that forgets the factor 1 - y. */
static tp_tensor *forward(tp_tensor *const *in) { return tp_sigmoid(in[0]); }
static tp_tensor *backward(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    return (void)i, (void)in, tp_mul(dy, y);
}
static const tp_function wrong_sigmoid = {"wrong_sigmoid", forward, backward};

/* Checks Linear, sigmoid, Linear; so many derivatives of the first are wrong. */
static void check(tp_module *sigmoid, tp_tensor *x, tp_tensor *label, int wrong)
{
    char text[512];
    tp_gradcheck_result r[2];
    tp_context *c = tp_context_of(x);
    tp_module *first = tp_linear(c, 10, 20, .no_bias = true), *last = tp_linear(c, 20, 3, .no_bias = true);
    tp_module *net = tp_sequential(c, first, sigmoid, last), *loss = tp_cross_entropy_criterion(c);
    bool right = tp_gradcheck_module(net, loss, x, label, r);
    tp_gradcheck_print(net, r, text, sizeof text);
    printf("\n%s%s\n", text, right ? "passed" : tp_error_text(c));
    expect("wrong in 0.weight", (double)r[0].wrong, wrong, 0);
    expect("wrong in 2.weight", (double)r[1].wrong, 0, 0);
}

int main(void)
{
    tp_context *c = tp_open(NULL);
    tp_randomstate rs;
    tp_randomstate_seed(&rs, 3);
    tp_tensor *label = tp_from_doubles(c, TP_SHAPE(3), TP_F64, (double[]){0, 0, 1});
    tp_tensor *x = tp_require_grad(tp_arange(c, 0, 10, 1, TP_F64)), *w = randn(c, &rs, 3, 10);
    polynomial(x);
    one_layer(w, x, label);
    w = randn(c, &rs, 20, 10);
    two_layers(w, randn(c, &rs, 3, 20), x, label);
    check(tp_sigmoid_layer(c), x, label, 0);
    check(tp_function_layer(c, &wrong_sigmoid), x, label, 180); /* x[0] is 0 */
    return finish(c);
}
