/* forward_mode.c - parameters that carry their derivative through the computation: a net trained on breast
 * cancer data by streaming forward mode and by reverse mode. docs/systems/forward-mode.md goes through it. */
#include "expect.h"

enum { INPUTS = 30, HIDDEN = 50, PARAMETERS = 4, EPOCHS = 20, BATCH = 128 };

/* Linear, ReLU, Linear, sigmoid; weights drawn as NumPy does, each normal, [in,out], its bias after it. */
static tp_module *feed_forward(tp_context *c, tp_randomstate *stream)
{
    double v[INPUTS * HIDDEN];
    tp_module *net = tp_sequential(c, tp_linear(c, INPUTS, HIDDEN, .dtype = TP_F64), tp_relu_layer(c),
                                   tp_linear(c, HIDDEN, 1, .dtype = TP_F64), tp_sigmoid_layer(c));
    for (int i = 0; i < PARAMETERS; i++) {
        tp_tensor *p = tp_parameter_at(net, i, NULL, 0);
        tp_randomstate_normal(stream, 0, 1, v, (size_t)tp_numel(p));
        tp_shape drawn = TP_SHAPE(tp_rank(p) == 2 ? tp_size(p, 1) : 1, tp_size(p, 0));
        tp_assign(p, tp_squeeze(tp_transpose(tp_from_doubles(c, drawn, TP_F64, v), 0, 1),
                                tp_rank(p) == 2 ? TP_NONE : TP_AXES(1)));
    }
    return net;
}

/* The same net, its parameters carrying the identity: parameter i is source i. */
static tp_module *carrying(tp_module *net, int level)
{
    tp_tensor *dual[PARAMETERS];
    for (int i = 0; i < PARAMETERS; i++)
        dual[i] = tp_dual_identity(tp_parameter_at(net, i, NULL, 0), level, i);
    return tp_module_with_parameters(net, dual);
}

/* 1 for benign, as the original has it; of our sorted classes malignant is the second. */
static tp_tensor *benign(tp_tensor *y) { return tp_rsub_scalar(tp_cast(y, TP_F64), 1); }

/* One step of gradient descent by either mode; returns the loss. */
static double step(tp_module *net, tp_tensor *x, tp_tensor *y, bool forward)
{
    tp_context *c = tp_context_of(x);
    tp_mark scope = forward ? tp_open_no_grad(c) : tp_open_scope(c); /* forward mode keeps no graph */
    int level = forward ? tp_open_forward(c) : 0;
    tp_tensor *p = tp_forward(forward ? carrying(net, level) : net, x);
    tp_tensor *loss = tp_binary_cross_entropy(p, tp_unsqueeze(y, -1)), *gradient[PARAMETERS];
    for (int i = 0; i < PARAMETERS; i++)
        gradient[i] = forward ? tp_tangent(loss, level, i) : tp_grad(loss, tp_parameter_at(net, i, NULL, 0));
    double value = tp_item(loss);
    if (forward) tp_close_forward(c, level);
    for (int i = 0; i < PARAMETERS; i++) {
        tp_tensor *w = tp_parameter_at(net, i, NULL, 0);
        tp_sgd_update(w, tp_reshape(gradient[i], tp_shape_of(w)), 0.1);
    }
    tp_close_scope(c, scope);
    return value;
}

static double largest(tp_tensor *t) { return tp_item(tp_max(tp_abs(t), TP_ALL, false)); }

/* The derivative of a batch's predictions with respect to each parameter, by both modes and by differences.
 */
static void compare_jacobians(tp_module *net, tp_tensor *x)
{
    tp_context *c = tp_context_of(x);
    int level = tp_open_forward(c);
    tp_tensor *y = tp_forward(net, x), *carried = tp_forward(carrying(net, level), x);
    for (int i = 0; i < PARAMETERS; i++) {
        tp_tensor *w = tp_parameter_at(net, i, NULL, 0), *streamed = tp_tangent(carried, level, i);
        tp_tensor *reverse = tp_reshape(tp_jacobian(y, w), TP_SHAPE(tp_size(x, 0), tp_numel(w)));
        expect_at("streamed - reverse, parameter", i,
                  largest(tp_sub(tp_transpose(tp_squeeze(streamed, TP_AXES(-1)), 0, 1), reverse)), 0, 1e-12);
    }
    tp_close_forward(c, level);
}

/* The share of samples whose probability is on the right side of a half. */
static double accuracy(tp_module *net, tp_tensor *x, tp_tensor *y)
{
    tp_tensor *p = tp_squeeze(tp_forward(net, x), TP_AXES(1));
    tp_tensor *right = tp_eq(tp_cast(tp_ge_scalar(p, 0.5), TP_F64), y);
    return tp_item(tp_mean(tp_cast(right, TP_F64), TP_ALL, false));
}

int main(void)
{
    static const double wanted[EPOCHS] = {
        [0] = 0.89647145178587, [10] = 0.45728947651822, [19] = 0.3868693034115191};
    tp_context *c = tp_open(NULL);
    tp_dataset *data = tp_dataset_open(c, "breast_cancer");
    tp_dataset_scale(data, TP_SCALE_UNIT); /* divides by the largest value */
    tp_loader *batches = tp_loader_new(data, .batch_size = BATCH, .dtype = TP_F64);
    tp_randomstate stream[2];
    tp_module *net[2];
    for (int i = 0; i < 2; i++) {
        tp_randomstate_seed(&stream[i], 0);
        net[i] = feed_forward(c, &stream[i]);
    }
    double worst = 0;
    for (int epoch = 0; epoch < EPOCHS && tp_ok(c); epoch++) {
        double sum = 0;
        for (tp_batch b; tp_loader_next(batches, &b);) {
            tp_mark scope = tp_open_scope(c);
            tp_tensor *y = benign(b.y);
            double reverse = step(net[0], b.x, y, false), forward = step(net[1], b.x, y, true);
            worst = fmax(worst, fabs(forward - reverse) / reverse);
            sum += forward * (double)b.size;
            tp_close_scope(c, scope);
        }
        double mean = sum / (double)tp_dataset_size(data);
        if (wanted[epoch] > 0)
            expect_at("loss, epoch", epoch + 1, mean, wanted[epoch], 1e-12 * wanted[epoch]);
        else
            printf("loss, epoch %-16d %18.14g\n", epoch + 1, mean);
    }
    expect("forward against reverse", worst, 0, 1e-12);
    tp_tensor *x = tp_dataset_x(data, TP_F64), *y = benign(tp_dataset_y(data, TP_F64));
    expect("accuracy", accuracy(net[1], x, y), 0.8295254833040422, 1e-12);
    compare_jacobians(net[0], tp_slice(x, 0, 0, BATCH, 1));
    return finish(c);
}
