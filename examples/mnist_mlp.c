/* mnist_mlp.c - a net 784-100-10 with He initialization on MNIST; without a folder of MNIST files, on the
 * digits set. Usage: mnist_mlp [FOLDER]. docs/systems/mnist.md goes through it. */
#include "expect.h"

enum { EPOCHS = 10, BATCH = 64 };

/* Weights normal with deviation sqrt(2 / in), biases 0 (He et al. 2015). */
static tp_module *he_linear(tp_context *c, int64_t in, int64_t out)
{
    tp_module *m = tp_linear(c, in, out);
    tp_init_kaiming_normal(tp_parameter(m, "weight"), 0);
    tp_init_constant(tp_parameter(m, "bias"), 0);
    return m;
}

/* One pass over the training data; the mean loss. */
static double train(tp_module *net, tp_loader *batches, tp_optimizer *sgd, tp_context *c)
{
    double sum = 0;
    for (tp_batch b; tp_loader_next(batches, &b);) {
        tp_mark scope = tp_open_scope(c);
        tp_tensor *loss = tp_cross_entropy(tp_forward(net, b.x), b.y);
        tp_backward(loss);
        tp_optimizer_step(sgd);
        sum += tp_item(loss) / (double)tp_loader_batches(batches);
        tp_close_scope(c, scope);
    }
    return sum;
}

int main(int argc, char **argv)
{
    char name[4096] = "digits";
    if (argc > 1) snprintf(name, sizeof name, "mnist:%s", argv[1]);
    if (argc == 1) puts("no folder of MNIST files given: on the digits set instead");
    tp_context *c = tp_open(NULL);
    tp_dataset *data = tp_dataset_open(c, name, .split = "train"),
               *test = tp_dataset_open(c, name, .split = "test");
    tp_dataset_scale(data, TP_SCALE_GLOBAL); /* MNIST: (x / 255 - 0.1307) / 0.3081 */
    tp_dataset_scale_like(test, data);
    if (argc > 1 && tp_ok(c)) {
        expect("mean of the pixels", tp_item(tp_dataset_mean(data)) / 255, 0.1307, 5e-5);
        expect("their deviation", tp_item(tp_dataset_deviation(data)) / 255, 0.3081, 5e-5);
    }
    int64_t pixels = tp_numel(tp_dataset_x(tp_dataset_rows(data, (int64_t[]){0}, 1), TP_F32));
    tp_module *net = tp_sequential(c, tp_flatten_layer(c), he_linear(c, pixels, 100), tp_relu_layer(c),
                                   he_linear(c, 100, 10));
    tp_optimizer *sgd = tp_sgd(net, .lr = 0.1);
    tp_loader *batches = tp_loader_new(data, .batch_size = BATCH, .shuffle = true);
    for (int epoch = 1; epoch <= EPOCHS && tp_ok(c); epoch++)
        printf("Epoch %d/%d: loss = %.14g\n", epoch, EPOCHS, train(net, batches, sgd, c)), fflush(stdout);
    if (tp_ok(c)) {
        double accuracy = tp_evaluate(net, test).accuracy, wanted = argc > 1 ? 0.975 : 0.95;
        printf("accuracy %.4f on %d test images\n", accuracy, (int)tp_dataset_size(test));
        expect("at least", accuracy >= wanted ? wanted : accuracy, wanted, 0);
    }
    return finish(c);
}
