/* fit.c - the training loop. */
#include "train/checkpoint.h"
#include "train/progress.h"

#include <math.h>
#include <string.h>

static const char call[] = "tp_fit";

/* A training while it runs. */
typedef struct fit {
    tp_context *c;
    tp_fit_options o; /* with its defaults */
    tp_module *net, *criterion;
    tp_optimizer *optimizer;
    tp_loader *loader;
    int classes;
    tp_training t; /* what it has come to */
    tp_checkpoints checkpoints;
    bool saved; /* so far as it has come */
    bool stop;
    tp_progress progress;
} fit;

/* --- options --- */

static const char *name_at(const void *unused, int i)
{
    (void)unused;
    return tp_history_name(i);
}

/* Whether there is such a score to look at; records why not. */
static bool right_monitor(tp_context *c, const tp_fit_options *o)
{
    if (!tp_history_has(o->monitor))
        tp_fail(c, TP_ERR_ARGUMENT, "%s: there is no '%s' to monitor; the nearest is '%s'", call, o->monitor,
                tp_nearest_name(o->monitor, name_at, NULL));
    else if (!o->validation && strncmp(o->monitor, "val_", 4) == 0)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: to monitor '%s' takes .validation", call, o->monitor);
    else if (o->validation && tp_object_usable(c, (tp_object *)o->validation, call, "validation") &&
             tp_dataset_size(o->validation) == 0)
        tp_fail(c, TP_ERR_DATA, "%s: the validation data is empty", call);
    return tp_ok(c);
}

/* Whether there is such a training; records why not. */
static bool right_options(tp_context *c, const tp_fit_options *o)
{
    if (o->epochs < 0 || o->initial_epoch < 0 || o->initial_epoch > o->epochs)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: takes .epochs of 0 or more, and .initial_epoch up to that", call);
    else if (o->accumulate < 1)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: .accumulate takes 1 or more", call);
    else if (!(o->clip_norm >= 0 && o->clip_value >= 0))
        tp_fail(c, TP_ERR_ARGUMENT, "%s: .clip_norm and .clip_value take numbers above 0", call);
    else if (o->patience < 0 || !(o->min_delta >= 0))
        tp_fail(c, TP_ERR_ARGUMENT, "%s: .patience and .min_delta take 0 or more", call);
    else if (o->checkpoint_every < 0)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: .checkpoint_every takes 0 or more", call);
    else if (o->schedule)
        tp_object_usable(c, (tp_object *)o->schedule, call, "schedule");
    return tp_ok(c) && right_monitor(c, o);
}

static tp_fit_options with_defaults(const tp_fit_options *options)
{
    tp_fit_options o = options ? *options : (tp_fit_options){0};
    if (o.epochs == 0) o.epochs = 10;
    if (o.epochs == TP_ZERO) o.epochs = 0;
    if (o.batch_size == 0) o.batch_size = 32;
    if (o.accumulate == 0) o.accumulate = 1;
    if (!o.monitor) o.monitor = o.validation ? "val_loss" : "loss";
    return o;
}

/* --- the best weights --- */

static void copy_weights(tp_module *to, tp_module *from)
{
    tp_context *c = ((tp_object *)to)->context;
    tp_status status = tp_module_copy(to, from);
    if (status != TP_OK && tp_ok(c)) tp_fail(c, status, "%s: %s", call, tp_error_text(c));
}

/* Looks at the monitored score of an epoch. */
static void judge(fit *f, const tp_epoch *epoch)
{
    static const char *const rising[] = {"accuracy", "precision", "recall", "f1", "r2"};
    const char *name = f->o.monitor + (strncmp(f->o.monitor, "val_", 4) == 0 ? 4 : 0);
    double score = tp_epoch_get(epoch, f->o.monitor), gain = f->t.best - score;
    if (isnan(score) && strcmp(name, "loss") != 0)
        tp_fail(f->c, TP_ERR_ARGUMENT, "%s: this training has no %s to monitor", call, f->o.monitor);
    for (size_t i = 0; i < sizeof rising / sizeof *rising; i++)
        if (strcmp(name, rising[i]) == 0) gain = score - f->t.best;
    f->t.state.best = isnan(f->t.best) ? !isnan(score) : gain > f->o.min_delta;
    f->t.since_best = f->t.state.best ? 0 : f->t.since_best + 1;
    if (!f->t.state.best) return;
    f->t.best = score;
    f->t.history->best = f->t.history->n;
    if (f->o.patience) copy_weights(f->t.kept, f->net);
}

/* Each batch of a run has its own part of the random stream. */
static void set_random_counter(fit *f)
{
    int64_t number = f->t.state.epoch * f->t.state.batches + f->t.state.batch;
    tp_set_random_counter(f->c, (uint64_t)number << 24);
}

/* --- what is not finite --- */

/* Fails before the gradients of these batches reach the weights. */
static void diverged(fit *f, const char *what, const char *name)
{
    tp_optimizer_zero_grad(f->optimizer);
    tp_fail(f->c, TP_ERR_DIVERGED, "%s: %s%s is not finite in batch %lld of epoch %lld", call, what, name,
            (long long)f->t.state.batch + 1, (long long)f->t.state.epoch + 1);
}

/* "the output of layer NAME (KIND)" of the first layer of a sequence that has one which is not finite, or
 * only "the output". */
static void name_layer(fit *f, tp_tensor *x, char *text, size_t size)
{
    char name[64];
    bool sequence = strcmp(tp_module_kind(f->net), "sequential") == 0, found = false;
    tp_mark scope = tp_open_no_grad(f->c);
    set_random_counter(f); /* what was drawn is drawn again */
    for (int i = 0, n = sequence ? tp_children(f->net) : 0; i < n && !found; i++) {
        tp_module *layer = tp_child_at(f->net, i, name, sizeof name);
        x = tp_forward(layer, x);
        found = !tp_all_finite(x);
        if (found) snprintf(text, size, "the output of layer %s (%s)", name, tp_module_kind(layer));
    }
    if (!found) snprintf(text, size, "the output");
    tp_close_scope(f->c, scope);
}

/* Names what made the loss not finite. */
static void blame(fit *f, const tp_batch *b, tp_tensor *outputs)
{
    char text[256];
    int n = tp_parameters(f->net), i = 0;
    while (i < n && tp_all_finite(tp_parameter_at(f->net, i, text, sizeof text))) i++;
    if (!tp_all_finite(b->x))
        diverged(f, "the data", "");
    else if (!tp_all_finite(b->y))
        diverged(f, "the target", "");
    else if (i < n)
        diverged(f, "the parameter ", text);
    else if (tp_all_finite(outputs))
        diverged(f, "the loss", "");
    else {
        name_layer(f, b->x, text, sizeof text);
        diverged(f, text, "");
    }
}

/* From the last to the first, which the optimizer reads next. */
static bool gradients_finite(fit *f)
{
    char path[256];
    int n = tp_parameters(f->net), wrong = n;
    for (int i = n - 1; i >= 0; i--)
        if (!tp_all_finite(tp_grad_of(tp_parameter_at(f->net, i, NULL, 0)))) wrong = i;
    if (wrong == n) return tp_ok(f->c);
    tp_parameter_at(f->net, wrong, path, sizeof path);
    diverged(f, "the gradient of ", path);
    return false;
}

/* --- the loop --- */

/* After each step or each epoch; one that waits for a plateau looks at `metric`. */
static void step_schedule(fit *f, bool after_step, double metric)
{
    tp_schedule *s = f->o.schedule;
    if (!s || f->o.schedule_every_step != after_step) return;
    if (tp_schedule_takes_metric(s))
        tp_schedule_metric(s, metric);
    else
        tp_schedule_step(s);
}

static void step(fit *f)
{
    if (!gradients_finite(f)) return;
    if (f->o.clip_value > 0) tp_clip_grad_value(f->net, f->o.clip_value);
    if (f->o.clip_norm > 0) tp_clip_grad_norm(f->net, f->o.clip_norm);
    tp_optimizer_step(f->optimizer);
    step_schedule(f, true, f->t.state.loss);
}

/* The part that a batch has in the samples of its step. */
static double share(const fit *f, const tp_batch *b)
{
    int64_t most = f->o.accumulate * f->o.batch_size;
    int64_t left = f->t.seen.n - f->t.state.batch / f->o.accumulate * most;
    return (double)b->size / (double)(left < most ? left : most);
}

static void train_batch(fit *f, const tp_batch *b)
{
    set_random_counter(f);
    tp_mark scope = tp_open_scope(f->c);
    tp_tensor *outputs = tp_forward(f->net, b->x);
    tp_tensor *targets = tp_fitted_targets(outputs, b, f->criterion, f->classes);
    tp_tensor *loss = tp_one_loss(f->criterion, outputs, targets, call);
    f->t.state.loss = tp_item(loss);
    if (tp_ok(f->c) && !isfinite(f->t.state.loss)) blame(f, b, outputs);
    tp_gather_batch(&f->t.seen, outputs, targets, b->size, call);
    f->t.loss += f->t.state.loss * (double)b->size;
    f->saved = false;
    double part = share(f, b);
    tp_backward(part < 1 ? tp_mul_scalar(loss, part) : loss);
    tp_close_scope(f->c, scope);
}

static void save(fit *f)
{
    f->saved = tp_checkpoint_save(&f->checkpoints, &f->t);
    f->t.state.lost = f->saved ? NULL : f->checkpoints.failure;
    if (!f->saved) tp_progress_note(&f->progress, "checkpoint not written: ", f->checkpoints.failure);
    if (f->o.on_checkpoint && !f->o.on_checkpoint(&f->t.state, f->o.user)) f->stop = true;
}

/* After a batch that ends a step. */
static void save_every_so_often(fit *f)
{
    int64_t every = f->o.checkpoint_every;
    if (every && tp_optimizer_steps(f->optimizer) % every == 0) save(f);
}

static void train_epoch(fit *f)
{
    tp_fit_state *s = &f->t.state;
    s->train = s->validation = NULL;
    s->best = false;
    if (s->batch == 0) s->lr = tp_optimizer_lr(f->optimizer);
    for (tp_batch b; !f->stop && tp_loader_next(f->loader, &b);) {
        train_batch(f, &b);
        bool whole = (s->batch + 1) % f->o.accumulate == 0 || s->batch + 1 == s->batches;
        if (tp_ok(f->c) && whole) step(f);
        if (!tp_ok(f->c)) return;
        s->batch++;
        tp_progress_batch(&f->progress, s, b.size, f->t.loss / (double)f->t.seen.at);
        if (f->o.on_batch) f->stop = !f->o.on_batch(s, f->o.user);
        if (whole && !f->stop && tp_ok(f->c)) save_every_so_often(f);
    }
}

static void end_epoch(fit *f)
{
    tp_fit_state *s = &f->t.state;
    tp_scores validation = tp_no_scores(f->c);
    tp_scores train = tp_score(&f->t.seen, f->criterion, f->classes, f->t.loss / (double)f->t.seen.n);
    if (f->o.validation) validation = tp_evaluate(f->net, f->o.validation, .criterion = f->criterion);
    tp_epoch e = tp_epoch_of(&train, &validation, s->lr);
    s->train = &train;
    s->validation = f->o.validation ? &validation : NULL;
    if (tp_ok(f->c)) judge(f, &e);
    if (!tp_ok(f->c) || !tp_history_append(f->t.history, e)) return;
    step_schedule(f, false, tp_epoch_get(&e, f->o.monitor));
    tp_progress_epoch(&f->progress, s);
    if (f->o.on_epoch && !f->o.on_epoch(s, f->o.user)) f->stop = true;
    s->train = s->validation = NULL;
    s->epoch++;
    s->batch = 0;
    f->t.loss = 0;
    f->t.seen.at = 0;
    f->saved = false;
}

static bool start(fit *f, tp_dataset *train)
{
    tp_training *t = &f->t;
    if (!right_options(f->c, &f->o)) return false;
    f->criterion = tp_criterion_for(f->c, f->o.criterion, train, call);
    f->classes = tp_dataset_classes(train);
    f->loader = tp_loader_new(train, .batch_size = f->o.batch_size, .shuffle = !f->o.no_shuffle,
                              .drop_last = f->o.drop_last, .prefetch = f->o.prefetch, .seed = f->o.seed,
                              .dtype = tp_dtype_for(f->net));
    t->history = tp_history_new(f->c);
    if (f->o.patience) t->kept = tp_module_clone(f->net, TP_BOOL);
    if (!tp_ok(f->c)) return false;
    t->state = (tp_fit_state){.net = f->net,
                              .optimizer = f->optimizer,
                              .history = t->history,
                              .first_epoch = f->o.initial_epoch,
                              .epoch = f->o.initial_epoch,
                              .epochs = f->o.epochs,
                              .batches = tp_loader_batches(f->loader)};
    t->seen.n = f->o.drop_last ? t->state.batches * f->o.batch_size : tp_dataset_size(train);
    tp_optimizer_zero_grad(f->optimizer);
    tp_train(f->net);
    if (f->o.checkpoint) t->data = tp_dataset_hash(train);
    if (f->o.checkpoint && f->o.validation) t->validation = tp_dataset_hash(f->o.validation);
    if (!tp_checkpoints_open(&f->checkpoints, t)) return false;
    f->saved = f->checkpoints.number > 0;
    tp_loader_seek(f->loader, t->state.epoch, t->state.batch);
    f->progress = tp_progress_start(f->o.log, (double)t->state.epoch +
                                                  (double)t->state.batch / (double)t->state.batches);
    if (f->checkpoints.failure[0])
        tp_progress_note(&f->progress, "checkpoint passed over: ", f->checkpoints.failure);
    return true;
}

/* Whether there is another epoch to come. */
static bool goes_on(const fit *f)
{
    bool patient = !f->o.patience || f->t.since_best < f->o.patience;
    return tp_ok(f->c) && !f->stop && patient && f->t.state.epoch < f->o.epochs;
}

static void run(fit *f)
{
    while (goes_on(f)) {
        train_epoch(f);
        if (f->stop || !tp_ok(f->c)) break;
        tp_mark scope = tp_open_scope(f->c);
        end_epoch(f);
        tp_close_scope(f->c, scope);
        if (f->checkpoints.folder && !f->o.checkpoint_every && goes_on(f)) save(f);
    }
    if (f->checkpoints.folder && !f->saved && tp_ok(f->c)) save(f);
    if (f->o.patience && !isnan(f->t.best)) copy_weights(f->net, f->t.kept);
    tp_optimizer_zero_grad(f->optimizer); /* of a step that on_batch broke off */
    if (f->stop || !tp_ok(f->c)) tp_progress_end(&f->progress);
}

tp_history *tp_fit_with(tp_module *net, tp_optimizer *optimizer, tp_dataset *train,
                        const tp_fit_options *options)
{
    tp_context *c = net ? ((tp_object *)net)->context : NULL;
    fit f = {.c = c, .net = net, .optimizer = optimizer, .o = with_defaults(options)};
    f.t = (tp_training){.c = c, .o = &f.o, .best = NAN};
    if (!tp_object_usable(c, (tp_object *)net, call, "net") ||
        !tp_object_usable(c, (tp_object *)optimizer, call, "optimizer") ||
        !tp_object_usable(c, (tp_object *)train, call, "train"))
        return tp_nil_history(c);
    tp_mark scope = tp_open_scope(c);
    if (start(&f, train)) run(&f);
    tp_history_keep(f.t.history);
    tp_close_scope(c, scope);
    return tp_ok(c) ? f.t.history : tp_nil_history(c);
}
