/* evaluate.c - a net's outputs for all samples of a data set, and their scores. */
#include "train/score.h"

#include <taper/ext.h>

/* Where the random stream stands in an evaluation: beyond any training's. */
static const uint64_t EVALUATION = (uint64_t)1 << 63;

tp_dtype tp_dtype_for(tp_module *net)
{
    bool f64 = tp_parameters(net) > 0 && tp_dtype_of(tp_parameter_at(net, 0, NULL, 0)) == TP_F64;
    return f64 ? TP_F64 : TP_F32;
}

/* What an evaluation is made of; `criterion` nil: outputs only. */
typedef struct evaluation {
    tp_context *c;
    const char *call;
    tp_module *net, *criterion;
    tp_dataset *data;
    int64_t batch_size;
    tp_gathered all;
} evaluation;

static void one_batch(evaluation *e, tp_module *view, const tp_batch *b)
{
    tp_mark scope = tp_open_scope(e->c);
    tp_tensor *outputs = tp_forward(view, b->x), *targets = NULL;
    if (!tp_module_is_nil(e->criterion))
        targets = tp_fitted_targets(outputs, b, e->criterion, tp_dataset_classes(e->data));
    tp_gather_batch(&e->all, outputs, targets, b->size, e->call);
    tp_close_scope(e->c, scope);
}

/* Gathers the outputs in the current scope. They are a view's, which is in evaluation whatever the net is. */
static void run(evaluation *e)
{
    uint64_t counter = tp_random_counter(e->c);
    tp_set_random_counter(e->c, EVALUATION);
    tp_module *view = tp_share(e->c, e->net);
    tp_loader *loader = tp_loader_new(e->data, .batch_size = e->batch_size ? e->batch_size : 256,
                                      .dtype = tp_dtype_for(e->net));
    e->all.n = tp_dataset_size(e->data);
    for (tp_batch b; tp_loader_next(loader, &b);) one_batch(e, view, &b);
    tp_set_random_counter(e->c, counter);
}

static bool usable(evaluation *e)
{
    e->c = e->net ? ((tp_object *)e->net)->context : NULL;
    return tp_object_usable(e->c, (tp_object *)e->net, e->call, "net") &&
           tp_object_usable(e->c, (tp_object *)e->data, e->call, "data");
}

tp_tensor *tp_predict_with(tp_module *net, tp_dataset *data, const tp_evaluate_options *options)
{
    evaluation e = {.call = "tp_predict", .net = net, .data = data};
    if (options) e.batch_size = options->batch_size;
    if (!usable(&e)) return tp_nil(e.c);
    tp_mark scope = tp_open_no_grad(e.c);
    run(&e);
    if (tp_ok(e.c)) tp_keep(e.all.outputs);
    tp_close_scope(e.c, scope);
    return tp_ok(e.c) ? e.all.outputs : tp_nil(e.c);
}

tp_scores tp_evaluate_with(tp_module *net, tp_dataset *data, const tp_evaluate_options *options)
{
    evaluation e = {.call = "tp_evaluate", .net = net, .data = data};
    if (options) e.batch_size = options->batch_size;
    if (!usable(&e)) return tp_no_scores(e.c);
    tp_mark scope = tp_open_no_grad(e.c);
    e.criterion = tp_criterion_for(e.c, options ? options->criterion : NULL, data, e.call);
    if (tp_ok(e.c)) run(&e);
    tp_scores s = tp_no_scores(e.c);
    if (tp_ok(e.c)) {
        double loss = tp_item(tp_one_loss(e.criterion, e.all.outputs, e.all.targets, e.call));
        s = tp_score(&e.all, e.criterion, tp_dataset_classes(data), loss);
    }
    tp_keep(s.confusion);
    tp_close_scope(e.c, scope);
    return tp_ok(e.c) ? s : tp_no_scores(e.c);
}
