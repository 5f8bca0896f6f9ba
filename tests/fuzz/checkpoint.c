/* checkpoint.c - checkpoints: a training goes on from the input. */
#include "train/checkpoint.h"
#include "fuzz.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 5, BATCH = 2, BATCHES = 3 };

static const char file_a[] = "checkpoint-a.safetensors", file_b[] = "checkpoint-b.safetensors";

static tp_fit_options options(void)
{
    return (tp_fit_options){.epochs = 3,
                            .batch_size = BATCH,
                            .accumulate = 2,
                            .patience = 2,
                            .monitor = "loss",
                            .checkpoint = fuzz_path("")};
}

static tp_dataset *make_data(tp_context *c)
{
    return tp_dataset_new(c, tp_ones(c, TP_SHAPE(SAMPLES, 1), TP_F32), tp_ones(c, TP_SHAPE(SAMPLES), TP_F32));
}

/* A training before its first step. */
static tp_training make_training(tp_context *c, const tp_fit_options *o)
{
    tp_module *net = tp_sequential(c, tp_linear(c, 1, 1, .no_bias = true)); /* the file is to be small */
    tp_optimizer *opt = tp_sgd(net, .lr = 0.1, .momentum = 0.9);
    tp_step_lr(opt, 2);
    return (tp_training){.c = c,
                         .o = o,
                         .state = {.net = net, .optimizer = opt, .epochs = o->epochs, .batches = BATCHES},
                         .seen = {.n = SAMPLES},
                         .data = tp_dataset_hash(make_data(c)),
                         .history = tp_history_new(c),
                         .kept = tp_module_clone(net, TP_BOOL),
                         .best = NAN};
}

static bool stop(const tp_fit_state *s, void *user)
{
    (void)user;
    return s->epoch < 1 || s->batch < 1;
}

/* Trains, from the start or from the newest checkpoint on. */
static void fit(tp_context *c, const tp_fit_options *o)
{
    tp_training t = make_training(c, o);
    tp_fit_with(t.state.net, t.state.optimizer, make_data(c), o);
}

/* A checkpoint in the middle of a step of the second epoch. */
static void make_example(tp_context *c)
{
    tp_fit_options o = options();
    o.on_batch = stop;
    fit(c, &o);
    HOLDS(tp_ok(c));
    fuzz_keep_example(fuzz_path(file_b));
}

static void same_weights(tp_module *a, tp_module *b)
{
    for (int i = 0; i < tp_parameters(a); i++)
        fuzz_same(tp_parameter_at(a, i, NULL, 0), tp_parameter_at(b, i, NULL, 0));
}

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    tp_checkpoints k;
    fuzz_remove(file_a);
    fuzz_remove(file_b);
    if (!fuzz_example) make_example(c);
    fuzz_remove(file_b);
    fuzz_file(file_a, data, size);
    tp_fit_options o = options();
    o.resume = true;
    tp_training t = make_training(c, &o);
    tp_module *before = tp_module_clone(t.state.net, TP_BOOL);
    bool read = tp_checkpoints_open(&k, &t);
    HOLDS(read == tp_ok(c));
    if (!fuzz_accepted(c)) {
        HOLDS(!fuzz_is_example(data, size));
        same_weights(before, t.state.net);
        return;
    }
    HOLDS(t.state.batch >= 0 && t.state.batch <= BATCHES && t.state.epoch == t.history->n);
    if (!tp_checkpoint_save(&k, &t)) {
        HOLDS(k.failure[0] != 0);
        return;
    }
    tp_training again = make_training(c, &o);
    HOLDS(tp_checkpoints_open(&k, &again));
    same_weights(t.state.net, again.state.net);
    same_weights(t.kept, again.kept);
    HOLDS(again.state.epoch == t.state.epoch && again.state.batch == t.state.batch &&
          again.history->n == t.history->n);
    HOLDS(again.seen.at == t.seen.at &&
          tp_optimizer_steps(again.state.optimizer) == tp_optimizer_steps(t.state.optimizer));
    fit(c, &o);
    fuzz_accepted(c); /* numbers may become infinite */
}
