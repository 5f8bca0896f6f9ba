/* save_load.c - trains a net on iris, saves it, and uses the file alone in a context of its own. */
#include <taper/taper.h>

#include <stdio.h>

static const char file[] = "iris-example.safetensors";

static void train(tp_context *c)
{
    tp_dataset *all = tp_dataset_open(c, "iris"), *part, *held_out;
    tp_dataset_split(all, 0.2, &part, &held_out, .stratify = true);
    tp_dataset_scale(part, TP_SCALE_FEATURE);
    tp_module *net = tp_net(c, "linear 16, tanh, linear 3", tp_dataset_sample_shape(part));
    tp_module *criterion = tp_criterion_named(c, "cross_entropy");
    tp_optimizer *opt = tp_adam(net, .lr = 0.02);
    tp_loader *loader = tp_loader_new(part, .batch_size = 16, .shuffle = true);

    for (int epoch = 0; epoch < 20 && tp_ok(c); epoch++)
        for (tp_batch b; tp_loader_next(loader, &b);) {
            tp_mark scope = tp_open_scope(c);
            tp_backward(tp_loss(criterion, tp_forward(net, b.x), b.y));
            tp_optimizer_step(opt);
            tp_close_scope(c, scope);
        }
    if (tp_model_save(net, file, .data = part, .criterion = criterion) != TP_OK)
        fprintf(stderr, "save_load: %s\n", tp_error_text(c)); /* the context is still good */
}

/* What a model makes of two flowers as they were measured. */
static void predict(tp_context *c)
{
    tp_model *model = tp_model_open(c, file);
    tp_dataset *like = tp_model_data(model);
    const double measured[] = {5.1, 3.5, 1.4, 0.2, 6.3, 2.9, 5.6, 1.8};
    tp_dataset *flowers = tp_dataset_new(c, tp_from_doubles(c, TP_SHAPE(2, 4), TP_F64, measured), NULL);
    tp_dataset_scale_like(flowers, like);
    tp_tensor *best =
        tp_argmax(tp_forward(tp_model_net(model), tp_dataset_x(flowers, TP_F32)), TP_AXES(-1), false);
    for (int i = 0; i < 2 && tp_ok(c); i++)
        printf("flower %d: %s\n", i + 1, tp_dataset_class_name(like, (int)tp_get(best, TP_INTS(i))));
}

/* What else can be seen in the file, which is an ordinary safetensors file. */
static void look(tp_context *c)
{
    tp_safetensors *f = tp_safetensors_open(c, file);
    if (tp_ok(c)) printf("net: %s\n", tp_safetensors_metadata(f, "taper.net"));
    for (int i = 0; i < tp_safetensors_count(f); i++)
        printf("%s %s, %lld elements\n", tp_safetensors_name(f, i), tp_safetensors_dtype_name(f, i),
               (long long)tp_numel(tp_safetensors_read(f, tp_safetensors_name(f, i))));
}

int main(void)
{
    void (*const steps[])(tp_context * c) = {train, predict, look};
    int failed = 0;
    for (int i = 0; i < 3 && !failed; i++) {
        tp_context *c = tp_open(NULL);
        if (!c) return 1;
        steps[i](c);
        if (!tp_ok(c)) fprintf(stderr, "save_load: %s\n", tp_error_text(c));
        failed = tp_close(c);
    }
    return failed;
}
