/* fit.c - trains a net on handwritten digits, and tells how good it is on images it has never seen. */
#include <taper/taper.h>

#include <stdio.h>

int main(void)
{
    tp_context *c = tp_open(NULL);
    if (!c) return 1;
    tp_dataset *train, *test, *digits = tp_dataset_open(c, "digits");
    tp_dataset_split(digits, 0.2, &train, &test, .stratify = true);
    tp_dataset_scale(train, TP_SCALE_FEATURE);
    tp_dataset_scale_like(test, train);

    tp_module *net = tp_sequential(c, tp_linear(c, 64, 128), tp_relu_layer(c), tp_linear(c, 128, 10));
    tp_fit(net, tp_adam(net, .lr = 1e-3), train, .epochs = 20, .log = stdout);

    tp_scores scores = tp_evaluate(net, test);
    printf("accuracy %.4f on %d images held out\n", scores.accuracy, (int)scores.n);
    if (!tp_ok(c)) fprintf(stderr, "fit: %s\n", tp_error_text(c));
    return tp_close(c);
}
