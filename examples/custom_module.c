/* custom_module.c - a residual block as a module of its own, in a small net that learns XOR. */
#include <taper/taper.h>

#include <stdio.h>

/* x + body(x). The parts are found by name, so that the block can be copied and shared. */
static tp_tensor *residual_forward(tp_module *m, tp_tensor *x)
{
    return tp_add(x, tp_forward(tp_child(m, "body"), x));
}

static tp_module *residual(tp_context *c, int64_t n)
{
    tp_module *m = tp_module_new(c, "residual", residual_forward, NULL, 0);
    tp_module_add_child(m, "body",
                        tp_sequential(c, tp_linear(c, n, n), tp_tanh_layer(c), tp_linear(c, n, n)));
    return m;
}

static void step(tp_module *net, double rate)
{
    for (int i = 0; i < tp_parameters(net); i++) {
        tp_tensor *t = tp_parameter_at(net, i, NULL, 0);
        tp_sgd_update(t, tp_grad_of(t), rate);
        tp_zero_grad(t);
    }
}

int main(void)
{
    char text[1024];
    tp_context *c = tp_open(NULL);
    if (!c) return 1;
    tp_tensor *x = tp_from_doubles(c, TP_SHAPE(4, 2), TP_F32, (double[]){0, 0, 0, 1, 1, 0, 1, 1});
    tp_tensor *y = tp_from_doubles(c, TP_SHAPE(4), TP_I64, (double[]){0, 1, 1, 0});
    tp_module *net =
        tp_sequential(c, tp_linear(c, 2, 8), residual(c, 8), tp_tanh_layer(c), tp_linear(c, 8, 2));
    tp_module_print(net, text, sizeof text);
    printf("%s", text);

    for (int i = 1; i <= 300 && tp_ok(c); i++) {
        tp_mark scope = tp_open_scope(c);
        tp_tensor *loss = tp_cross_entropy(tp_forward(net, x), y);
        tp_backward(loss);
        step(net, 0.2);
        if (i % 100 == 0) printf("step %d  loss %.4f\n", i, tp_item(loss));
        tp_close_scope(c, scope);
    }
    tp_format(tp_argmax(tp_forward(net, x), TP_AXES(-1), false), text, sizeof text);
    if (tp_ok(c)) printf("xor %s\n", text);
    if (!tp_ok(c)) fprintf(stderr, "custom_module: %s\n", tp_error_text(c));
    return tp_close(c);
}
