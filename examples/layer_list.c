/* layer_list.c - a net as a list of layers with forward and backward passes by hand: a run that does not
 * learn, and the same done right. docs/systems/layer-list.md goes through it. */
#include "layer_list.h"
#include "expect.h"

#include <string.h>

enum { EPOCHS = 20, BATCH = 50, SAMPLES = 569, HELD_OUT = 114, SEED = 9 };

/* --- the layers: in[0] is x, the rest parameters; dy is the gradient with respect to the result y --- */

static tp_tensor *softmax(tp_tensor *const *in)
{
    tp_tensor *e = tp_exp(tp_sub(in[0], tp_max(in[0], TP_AXES(1), true))); /* cannot overflow */
    return tp_div(e, tp_sum(e, TP_AXES(1), true));
}

/* y_j (dy_j - sum_k dy_k y_k) */
static tp_tensor *softmax_backward(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    (void)i, (void)in;
    return tp_mul(y, tp_sub(dy, tp_sum(tp_mul(dy, y), TP_AXES(1), true)));
}

/* x W + b, W [in,out] */
static tp_tensor *linear(tp_tensor *const *in) { return tp_add(tp_matmul(in[0], in[1]), in[2]); }

static tp_tensor *linear_backward(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    (void)y;
    return i == 0   ? tp_matmul(dy, tp_transpose(in[1], 0, 1))
           : i == 1 ? tp_matmul(tp_transpose(in[0], 0, 1), dy)
                    : tp_sum(dy, TP_AXES(0), false);
}

/* -log p where y is 1, of p [n,classes] clipped at 1e-8 and y that is broadcast to it; mean over the batch.
 */
static tp_tensor *cross_entropy(tp_tensor *const *in)
{
    tp_tensor *log_p = tp_log(tp_clamp(in[0], 1e-8, 1 - 1e-8));
    return tp_neg(tp_mean(tp_sum(tp_mul(in[1], log_p), TP_AXES(1), false), TP_AXES(0), false));
}

static tp_tensor *cross_entropy_backward(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    (void)i, (void)y;
    tp_tensor *p = tp_clamp(in[0], 1e-8, 1 - 1e-8);
    return tp_mul(dy, tp_div_scalar(tp_neg(tp_div(in[1], p)), (double)tp_size(p, 0)));
}

static const tp_function softmax_function = {"softmax", softmax, softmax_backward},
                         linear_function = {"linear", linear, linear_backward},
                         cross_entropy_function = {"cross_entropy", cross_entropy, cross_entropy_backward};

/* Weights uniform in (-1/sqrt(in), 1/sqrt(in)), biases 0. */
static tp_module *linear_layer(tp_context *c, tp_randomstate *stream, int64_t in, int64_t out)
{
    double v[100];
    tp_module *m = tp_function_layer(c, &linear_function);
    tp_randomstate_uniform(stream, -1 / sqrt((double)in), 1 / sqrt((double)in), v, (size_t)(in * out));
    tp_module_add_parameter(m, "weight", tp_from_doubles(c, TP_SHAPE(in, out), TP_F64, v));
    tp_module_add_parameter(m, "bias", tp_zeros(c, TP_SHAPE(out), TP_F64));
    return m;
}

/* --- softmax worked by hand --- */

static void softmax_by_hand(tp_context *c)
{
    static const double y[] = {0.26894142, 0.73105858, 0.5, 0.5}, dx[] = {0.39322387, -0.39322387, 0, 0};
    tp_tensor *x = tp_require_grad(tp_from_doubles(c, TP_SHAPE(2, 2), TP_F64, (double[]){1, 2, 1, 1}));
    tp_tensor *p = tp_call_function(&softmax_function, 1, &x);
    tp_tensor *gradient = tp_vjp(p, x, tp_from_doubles(c, TP_SHAPE(2, 2), TP_F64, (double[]){1, -1, 1, 1}));
    for (int i = 0; i < 4; i++) {
        expect_at("softmax", i, tp_get(p, TP_INTS(i / 2, i % 2)), y[i], 5e-9);
        expect_at("its gradient", i, tp_get(gradient, TP_INTS(i / 2, i % 2)), dx[i], 5e-9);
    }
}

/* --- the run that does not learn --- */

/* [n,1] labels against [n,2] predictions: both columns are compared with the same label. */
static tp_tensor *loss_of(tp_module *net, tp_batch b, double *right)
{
    tp_tensor *p = tp_forward(net, b.x), *y = tp_unsqueeze(tp_rsub_scalar(tp_cast(b.y, TP_F64), 1), 1);
    tp_tensor *hits = tp_eq(tp_cast(tp_argmax(p, TP_AXES(1), false), TP_F64), y); /* [n,n], not [n] */
    *right = tp_item(tp_mean(tp_cast(hits, TP_F64), TP_ALL, false));
    return tp_call_function(&cross_entropy_function, 2, (tp_tensor *[]){p, y});
}

/* One pass over the data; means of loss and accuracy. With an optimizer it learns. */
static void pass(tp_module *net, tp_dataset *data, tp_optimizer *sgd, double mean[2])
{
    tp_context *c = tp_dataset_context(data);
    tp_loader *batches = tp_loader_new(data, .batch_size = BATCH, .drop_last = true, .dtype = TP_F64);
    mean[0] = mean[1] = 0;
    for (tp_batch b; tp_loader_next(batches, &b);) {
        tp_mark scope = tp_open_scope(c);
        double right;
        tp_tensor *loss = loss_of(net, b, &right);
        mean[0] += tp_item(loss) / (double)tp_loader_batches(batches);
        mean[1] += right / (double)tp_loader_batches(batches);
        if (sgd) {
            tp_optimizer_zero_grad(sgd);
            tp_backward(loss);
            tp_optimizer_step(sgd, .keep_grad = true);
        }
        tp_close_scope(c, scope);
    }
}

static void train_unlearning(tp_context *c)
{
    tp_randomstate stream;
    int64_t order[SAMPLES], shuffled[SAMPLES], picks[SAMPLES], n = SAMPLES - HELD_OUT;
    tp_randomstate_seed(&stream, SEED);
    tp_randomstate_permutation(&stream, order, SAMPLES); /* first what is held out, then what is learned */
    tp_dataset *data = tp_dataset_open(c, "breast_cancer"), *val = tp_dataset_rows(data, order, HELD_OUT);
    tp_dataset *train = tp_dataset_rows(data, order + HELD_OUT, n);
    tp_dataset_scale(train, TP_SCALE_GLOBAL); /* one mean and deviation for features of all sizes */
    tp_dataset_scale_like(val, train);

    tp_randomstate_seed(&stream, SEED);
    tp_module *net =
        tp_sequential(c, linear_layer(c, &stream, 30, 2), tp_function_layer(c, &softmax_function));
    tp_optimizer *sgd = tp_sgd(net, .lr = 0.1);
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int epoch = 0; epoch < EPOCHS && tp_ok(c); epoch++) {
        double learned[2], held_out[2];
        tp_randomstate_permutation(&stream, picks, (size_t)n);
        for (int64_t i = 0; i < n; i++) shuffled[i] = order[picks[i]];
        memcpy(order, shuffled, sizeof order);
        pass(net, tp_dataset_rows(train, order, n), sgd, learned);
        tp_optimizer_step(sgd, .keep_grad = true); /* once more, with the last gradient */
        pass(net, val, NULL, held_out);
        printf("epoch %2d  loss %.3f  val_loss %.3f  accuracy %.3f\n", epoch, learned[0], held_out[0],
               held_out[1]);
        expect("  loss", learned[0], by_numpy[epoch][0], 1e-10);
        expect("  val_loss", held_out[0], by_numpy[epoch][1], 1e-10);
        expect("  accuracy", held_out[1], by_numpy[epoch][2], 1e-10);
    }
}

/* --- done right: one label a row, a mean and deviation for each feature --- */

static tp_tensor *loss_of_classes(tp_module *criterion, tp_tensor *p, tp_tensor *y)
{
    (void)criterion;
    tp_tensor *in[] = {p, tp_one_hot(y, tp_size(p, 1), tp_dtype_of(p))};
    return tp_call_function(&cross_entropy_function, 2, in);
}

static void train_right(tp_context *c, const char *name, tp_module *net, int epochs, double wanted)
{
    tp_dataset *train, *val;
    tp_dataset_split(tp_dataset_open(c, name), 0.2, &train, &val, .seed = SEED, .stratify = true);
    tp_dataset_scale(train, TP_SCALE_FEATURE);
    tp_dataset_scale_like(val, train);
    tp_module *criterion = tp_criterion_new(c, "clipped cross-entropy", loss_of_classes, NULL, 0);
    tp_fit(net, tp_sgd(net, .lr = 0.1), train, .epochs = epochs, .criterion = criterion);
    double accuracy = tp_evaluate(net, val, .criterion = criterion).accuracy;
    printf("%s: %.4f on %d samples held out\n", name, accuracy, (int)tp_dataset_size(val));
    expect("  at least", accuracy >= wanted ? wanted : accuracy, wanted, 0);
}

int main(void)
{
    tp_context *c = tp_open(NULL);
    tp_randomstate stream;
    tp_randomstate_seed(&stream, SEED);
    softmax_by_hand(c);
    train_unlearning(c);
    tp_module *softmax_layer = tp_function_layer(c, &softmax_function);
    train_right(c, "breast_cancer", tp_sequential(c, linear_layer(c, &stream, 30, 2), softmax_layer), 40,
                0.97);
    train_right(c, "iris",
                tp_sequential(c, linear_layer(c, &stream, 4, 10), tp_relu_layer(c),
                              linear_layer(c, &stream, 10, 3), softmax_layer),
                100, 0.96);
    return finish(c);
}
