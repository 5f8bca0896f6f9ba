/* training_loop.c - the training loop written out: batches, a forward and a backward pass, a step. */
#include <taper/taper.h>

#include <stdio.h>
#include <stdlib.h>

/* The part of the samples whose class the net gets right. */
static double accuracy(tp_module *net, tp_dataset *data)
{
    tp_context *c = tp_dataset_context(data);
    tp_mark scope = tp_open_no_grad(c);
    tp_eval(net);
    tp_tensor *guess = tp_argmax(tp_forward(net, tp_dataset_x(data, TP_F32)), TP_AXES(1), false);
    tp_tensor *right = tp_eq(guess, tp_dataset_y(data, TP_F32));
    double part = tp_item(tp_mean(tp_cast(right, TP_F64), TP_ALL, false));
    tp_train(net);
    tp_close_scope(c, scope);
    return part;
}

/* Usage: training_loop [seed] */
int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    tp_context *c = tp_open(&(tp_options){.seed = seed});
    if (!c) return 1;
    tp_dataset *train, *test, *digits = tp_dataset_open(c, "digits");
    tp_dataset_split(digits, 0.2, &train, &test, .stratify = true, .seed = seed);
    tp_dataset_scale(train, TP_SCALE_FEATURE);
    tp_dataset_scale_like(test, train);
    tp_loader *loader = tp_loader_new(train, .batch_size = 64, .shuffle = true, .seed = seed);
    tp_module *net = tp_sequential(c, tp_linear(c, 64, 128), tp_relu_layer(c), tp_linear(c, 128, 10));
    tp_optimizer *opt = tp_adam(net, .lr = 1e-3);

    for (int epoch = 1; epoch <= 20 && tp_ok(c); epoch++) {
        double sum = 0;
        for (tp_batch b; tp_loader_next(loader, &b);) {
            tp_mark scope = tp_open_scope(c);
            tp_tensor *loss = tp_cross_entropy(tp_forward(net, b.x), b.y); /* b.x [n,64], b.y [n] */
            tp_backward(loss);
            tp_optimizer_step(opt); /* applies the gradients, then clears them */
            sum += tp_item(loss);
            tp_close_scope(c, scope);
        }
        if (tp_ok(c)) printf("epoch %2d  loss %.6f\n", epoch, sum / (double)tp_loader_batches(loader));
    }
    double part = accuracy(net, test);
    if (tp_ok(c)) printf("accuracy %.4f on %d images held out\n", part, (int)tp_dataset_size(test));
    if (!tp_ok(c)) fprintf(stderr, "training_loop: %s\n", tp_error_text(c));
    return tp_close(c);
}
