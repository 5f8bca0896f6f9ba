/* dynamic_graph.c - a graph made while computing: tensors used twice, a refused second walk back, and nets
 * that learn [[0,0],[0,1],[1,0],[1,1]] -> [0,1,0,1]. docs/systems/dynamic-graph.md goes through it. */
#include "expect.h"

enum { STEPS = 10 };
static const double by_hand[] = {
    2.4953698041458336, 1.3535697560859723, 1.0983854696420685, 0.9402318232494947, 0.8218819800278834,
    0.7268126358071565, 0.6475517024114271, 0.5798445170397148, 0.5209684792243789, 0.46906878966910576};
static const double summed[] = {1.11374267, 0.8024816,  0.6186114,  0.48313343, 0.37647695,
                                0.28994607, 0.21924766, 0.16199873, 0.1165743,  0.08153841};
static const double too_early[] = {1.11374267, 0.62255894, 0.3880155,  0.2383683,  0.13717701,
                                   0.07307696, 0.03598853, 0.01689497, 0.00830702, 0.00459155};
static const double layers[] = {3.65094627, 5.24649682, 7.49768079, 2.58132095, 0.82653187,
                                0.26937059, 0.2301955,  0.19896456, 0.17283695, 0.15067618};
static tp_randomstate stream; /* NumPy's. In the original, each new tensor draws an id from it. */

static void draw_id(void) { tp_randomstate_randint(&stream, 0, 100000, &(int64_t){0}, 1); }

/* A matrix of uniform or (He et al.) normal numbers. */
static tp_tensor *draw(tp_context *c, int64_t rows, int64_t columns, bool he)
{
    double v[6];
    (he ? tp_randomstate_randn : tp_randomstate_rand)(&stream, v, (size_t)(rows * columns));
    tp_tensor *w = tp_from_doubles(c, TP_SHAPE(rows, columns), TP_F64, v);
    return he ? tp_mul_scalar(w, sqrt(2.0 / (double)rows)) : w;
}

/* The gradient of d = a + b, e = b + c, f = d + e is 2 for b, or with -b in both places -2. */
static void use_twice(tp_context *c, int sign)
{
    tp_tensor *a = tp_ones(c, TP_SHAPE(5), TP_F64), *b = tp_require_grad(tp_ones(c, TP_SHAPE(5), TP_F64));
    tp_tensor *d = tp_add(a, tp_mul_scalar(b, sign)), *e = tp_add(tp_mul_scalar(b, sign), a);
    tp_tensor *f = tp_sum(tp_add(d, e), TP_ALL, false);
    tp_backward(f);
    for (int i = 0; i < 5; i++) expect_at("gradient of b", i, tp_get(tp_grad_of(b), TP_INTS(i)), 2 * sign, 0);
    printf("the gradient carries a graph: %s\n", tp_has_history(tp_grad_of(b)) ? "yes" : "no");
    tp_backward(f); /* the graph is gone: refused */
    printf("a second time: %s\n", tp_error_text(c));
    off += tp_ok(c);
    tp_clear(c);
}

/* The net without layers; derivatives by hand (of half the loss) or by the graph, times a factor each. */
static void train(const char *what, tp_tensor *x, tp_tensor *y, const double *factor, const double *wanted)
{
    tp_context *c = tp_context_of(x);
    tp_randomstate_seed(&stream, 42);
    if (factor) draw_id(), draw_id(); /* x and y */
    tp_tensor *w0 = tp_require_grad(draw(c, 2, 3, false));
    if (factor) draw_id();
    tp_tensor *w1 = tp_require_grad(draw(c, 3, 1, false));
    for (int i = 0; i < STEPS; i++) {
        tp_tensor *h = tp_matmul(x, w0), *error = tp_sub(tp_matmul(h, w1), y);
        tp_tensor *loss = tp_sum(tp_square(error), TP_ALL, false), *g0, *g1;
        if (factor) {
            g0 = tp_mul_scalar(tp_grad(loss, w0), factor[0]);
            g1 = tp_mul_scalar(tp_grad(loss, w1), factor[1]);
        } else {
            g0 = tp_matmul(tp_transpose(x, 0, 1), tp_matmul(error, tp_transpose(w1, 0, 1)));
            g1 = tp_matmul(tp_transpose(h, 0, 1), error);
        }
        tp_sgd_update(w0, g0, 0.1);
        tp_sgd_update(w1, g1, 0.1);
        expect_at(what, i, tp_item(loss), wanted[i], factor ? 5e-9 : 1e-12 * wanted[i]);
    }
}

static void train_layers(tp_tensor *x, tp_tensor *y)
{
    tp_context *c = tp_context_of(x);
    tp_module *net = tp_sequential(c);
    tp_randomstate_seed(&stream, 42);
    draw_id(), draw_id();
    for (int64_t in = 2, out = 3; out; in = out, out = out == 3 ? 1 : 0) {
        tp_module *layer = tp_linear(c, in, out, .dtype = TP_F64);
        tp_assign(tp_parameter(layer, "weight"), tp_transpose(draw(c, in, out, true), 0, 1));
        tp_init_constant(tp_parameter(layer, "bias"), 0);
        draw_id(), draw_id(); /* weight and bias */
        tp_sequential_add(net, layer);
    }
    tp_optimizer *sgd = tp_sgd(net, .lr = 0.05);
    for (int i = 0; i < STEPS; i++) {
        tp_tensor *loss = tp_mse_loss(tp_forward(net, x), y, .reduction = TP_SUM);
        tp_optimizer_step(sgd, .loss = loss); /* walks back, too */
        expect_at("layers", i, tp_item(loss), layers[i], 5e-9);
    }
}

int main(void)
{
    tp_context *c = tp_open(NULL);
    tp_tensor *x = tp_from_doubles(c, TP_SHAPE(4, 2), TP_F64, (double[]){0, 0, 0, 1, 1, 0, 1, 1});
    tp_tensor *y = tp_from_doubles(c, TP_SHAPE(4, 1), TP_F64, (double[]){0, 1, 0, 1});
    use_twice(c, 1);
    use_twice(c, -1);
    train("by hand", x, y, NULL, by_hand);
    train("autograd", x, y, (double[]){1, 1}, summed);
    /* pred is used twice; passing its gradient on before both shares are in multiplies by 4/2 and 3/2. */
    train("passed on too early", x, y, (double[]){4.0 / 2, 3.0 / 2}, too_early);
    train_layers(x, y);
    return finish(c);
}
