/* model.c - model files. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

/* A file that is accepted. */
static void make_example(tp_context *c)
{
    tp_tensor *x = tp_zeros(c, TP_SHAPE(3, 2), TP_F64);
    tp_dataset *d = tp_dataset_new(c, x, tp_from_doubles(c, TP_SHAPE(3), TP_F64, (double[]){1, 2, 3}));
    tp_module *net = tp_net(c, "linear 2, relu, linear 1", TP_SHAPE(2)), *loss = tp_criterion_named(c, "mse");
    HOLDS(fuzz_took(c, tp_model_save(net, fuzz_path("out"), .data = d, .criterion = loss)));
    fuzz_keep_example(fuzz_path("out"));
}

static void same_weights(tp_module *a, tp_module *b)
{
    HOLDS(tp_parameters(a) == tp_parameters(b) && tp_buffers(a) == tp_buffers(b));
    for (int i = 0; i < tp_parameters(a); i++)
        fuzz_same(tp_parameter_at(a, i, NULL, 0), tp_parameter_at(b, i, NULL, 0));
    for (int i = 0; i < tp_buffers(a); i++)
        fuzz_same(tp_buffer_at(a, i, NULL, 0), tp_buffer_at(b, i, NULL, 0));
}

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    if (!fuzz_example) make_example(c);
    tp_model *m = tp_model_open(c, fuzz_file("in", data, size));
    if (!fuzz_accepted(c)) {
        HOLDS(!fuzz_is_example(data, size));
        return;
    }
    tp_module *net = tp_model_net(m), *criterion = tp_model_criterion(m);
    tp_dataset *like = tp_model_data(m);
    bool named = !tp_module_is_nil(criterion);
    HOLDS(fuzz_took(
        c, tp_model_save(net, fuzz_path("out"), .data = like, .criterion = named ? criterion : NULL)));
    tp_model *again = tp_model_open(c, fuzz_path("out"));
    HOLDS(!tp_model_is_nil(again) && tp_module_is_nil(tp_model_criterion(again)) == !named);
    same_weights(net, tp_model_net(again));
    fuzz_same(tp_dataset_mean(like), tp_dataset_mean(tp_model_data(again)));
    fuzz_same(tp_dataset_deviation(like), tp_dataset_deviation(tp_model_data(again)));
    HOLDS(tp_dataset_classes(like) == tp_dataset_classes(tp_model_data(again)));
}
