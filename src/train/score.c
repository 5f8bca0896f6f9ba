/* score.c - what a net's outputs mean under a criterion, and how good they are. */
#include "train/score.h"

#include <taper/ext.h>

#include <math.h>
#include <string.h>

/* --- what outputs mean --- */

tp_meaning tp_meaning_of(const tp_module *criterion)
{
    static const char *const kinds[] = {"cross_entropy", "nll", "bce_with_logits", "binary_cross_entropy",
                                        "mse",           "l1",  "huber",           "smooth_l1"};
    static const tp_meaning meanings[] = {TP_LOGITS,      TP_LOG_P,       TP_BINARY_LOGITS, TP_BINARY_P,
                                          TP_DIFFERENCES, TP_DIFFERENCES, TP_DIFFERENCES,   TP_DIFFERENCES};
    for (size_t i = 0; criterion && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(tp_module_kind(criterion), kinds[i]) == 0) return meanings[i];
    return criterion ? TP_OTHER : TP_LOGITS;
}

tp_module *tp_criterion_for(tp_context *c, tp_module *criterion, const tp_dataset *data, const char *call)
{
    bool classes = tp_dataset_target_kind(data) == TP_TARGET_CLASSES;
    if (!criterion) return tp_criterion_named(c, classes ? "cross_entropy" : "mse");
    return tp_object_usable(c, (tp_object *)criterion, call, "criterion") ? criterion : tp_nil_module(c);
}

tp_tensor *tp_one_loss(tp_module *criterion, tp_tensor *outputs, tp_tensor *targets, const char *call)
{
    tp_tensor *loss = tp_loss(criterion, outputs, targets);
    tp_context *c = tp_context_of(loss);
    if (!tp_ok(c) || tp_numel(loss) == 1) return loss;
    tp_fail(c, TP_ERR_SHAPE,
            "%s: the criterion gives %lld losses, not one: its reduction has to be mean or sum", call,
            (long long)tp_numel(loss));
    return tp_nil(c);
}

tp_tensor *tp_probabilities(tp_tensor *outputs, tp_module *criterion)
{
    switch (tp_meaning_of(criterion)) {
    case TP_LOGITS: return tp_softmax(outputs, tp_rank(outputs) > 1 ? 1 : 0);
    case TP_LOG_P: return tp_exp(outputs);
    case TP_BINARY_LOGITS: return tp_sigmoid(outputs);
    default: return outputs;
    }
}

/* Outputs [n,1], one for each sample, as [n]. */
static tp_tensor *one_each(tp_tensor *outputs)
{
    bool column = tp_rank(outputs) == 2 && tp_size(outputs, 1) == 1;
    return column ? tp_squeeze(outputs, TP_AXES(1)) : outputs;
}

tp_tensor *tp_likeliest_classes(tp_tensor *outputs, tp_module *criterion)
{
    tp_context *c = tp_context_of(outputs);
    tp_meaning meaning = tp_meaning_of(criterion);
    tp_mark scope = tp_open_no_grad(c);
    tp_tensor *classes;
    if (meaning == TP_BINARY_LOGITS || meaning == TP_BINARY_P)
        classes = tp_cast(tp_gt_scalar(one_each(outputs), meaning == TP_BINARY_P ? 0.5 : 0), TP_I64);
    else
        classes = tp_argmax(outputs, TP_AXES(tp_rank(outputs) > 1 ? 1 : 0), false);
    tp_keep(classes);
    tp_close_scope(c, scope);
    return classes;
}

/* --- targets --- */

/* Records why outputs and targets of a batch do not fit; true if they do. */
static bool targets_fit(tp_tensor *outputs, const tp_batch *batch, tp_module *criterion, int classes)
{
    tp_context *c = tp_context_of(outputs);
    tp_meaning meaning = tp_meaning_of(criterion);
    const char *kind = tp_module_kind(criterion);
    if (!tp_ok(c)) return false;
    if (tp_is_nil(batch->y))
        tp_fail(c, TP_ERR_ARGUMENT, "%s: the data has no targets", kind);
    else if (classes && meaning == TP_DIFFERENCES)
        tp_fail(c, TP_ERR_DTYPE, "%s: takes numbers, and the targets are indices of %d classes", kind,
                classes);
    else if (classes > 2 && (meaning == TP_BINARY_LOGITS || meaning == TP_BINARY_P))
        tp_fail(c, TP_ERR_SHAPE, "%s: takes 2 classes, and the data has %d", kind, classes);
    else if ((meaning == TP_LOGITS || meaning == TP_LOG_P) && tp_size(outputs, 1) < classes)
        tp_fail(c, TP_ERR_SHAPE, "%s: the net gives [%lld,%lld], too few outputs for %d classes", kind,
                (long long)tp_size(outputs, 0), (long long)tp_size(outputs, 1), classes);
    return tp_ok(c);
}

tp_tensor *tp_fitted_targets(tp_tensor *outputs, const tp_batch *batch, tp_module *criterion, int classes)
{
    tp_tensor *y = batch->y;
    tp_meaning meaning = tp_meaning_of(criterion);
    if (!targets_fit(outputs, batch, criterion, classes)) return tp_nil(tp_context_of(outputs));
    if (classes && (meaning == TP_BINARY_LOGITS || meaning == TP_BINARY_P))
        y = tp_cast(y, tp_dtype_of(outputs));
    bool column = tp_rank(outputs) == 2 && tp_size(outputs, 1) == 1 && tp_rank(y) == 1;
    return column && tp_dtype_is_float(tp_dtype_of(y)) ? tp_unsqueeze(y, 1) : y;
}

/* --- all samples --- */

/* Whether rows of `part` are like those of `whole`. */
static bool same_rows(const tp_tensor *whole, const tp_tensor *part)
{
    bool same = tp_rank(whole) == tp_rank(part) && tp_dtype_of(whole) == tp_dtype_of(part);
    for (int i = 1; same && i < tp_rank(part); i++) same = tp_size(whole, i) == tp_size(part, i);
    return same;
}

static void put(tp_tensor **whole, tp_tensor *part, int64_t n, int64_t at, int64_t size, const char *call)
{
    if (!*whole) {
        tp_shape shape = tp_shape_of(part);
        shape.v[0] = n;
        *whole = tp_keep(tp_zeros(tp_context_of(part), shape, tp_dtype_of(part)));
    }
    if (!same_rows(*whole, part)) {
        tp_fail(tp_context_of(part), TP_ERR_SHAPE,
                "%s: the net gives one batch in another form than the first", call);
        return;
    }
    size_t bytes = (size_t)tp_numel(part) * tp_dtype_size(tp_dtype_of(part));
    char *data = tp_data_mut(*whole);
    if (data) tp_read(part, data + (size_t)at * (bytes / (size_t)size), bytes);
}

void tp_gather_batch(tp_gathered *g, tp_tensor *outputs, tp_tensor *targets, int64_t size, const char *call)
{
    tp_context *c = tp_context_of(outputs);
    if (tp_ok(c) && tp_size(outputs, 0) != size)
        tp_fail(c, TP_ERR_SHAPE, "%s: the net gives %lld rows for a batch of %lld samples", call,
                (long long)tp_size(outputs, 0), (long long)size);
    if (!tp_ok(c)) return;
    put(&g->outputs, outputs, g->n, g->at, size, call);
    if (targets) put(&g->targets, targets, g->n, g->at, size, call);
    g->at += size;
}

tp_scores tp_no_scores(tp_context *c)
{
    return (tp_scores){0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, tp_nil(c)};
}

static void score_classes(tp_scores *s, tp_tensor *outputs, tp_tensor *targets, tp_module *criterion,
                          int classes)
{
    tp_context *c = tp_context_of(outputs);
    tp_meaning meaning = tp_meaning_of(criterion);
    bool binary = meaning == TP_BINARY_LOGITS || meaning == TP_BINARY_P;
    int64_t n = binary ? 2 : tp_size(outputs, 1);
    if (!binary && n < 2) return; /* a criterion of the user's: no telling */
    tp_mark scope = tp_open_no_grad(c);
    s->confusion = tp_keep(tp_confusion_matrix(
        tp_cast(targets, TP_I64), tp_likeliest_classes(outputs, criterion), n > classes ? n : classes));
    tp_close_scope(c, scope);
    s->accuracy = tp_accuracy(s->confusion);
    s->precision = tp_precision(s->confusion, TP_MACRO);
    s->recall = tp_recall(s->confusion, TP_MACRO);
    s->f1 = tp_f1(s->confusion, TP_MACRO);
}

tp_scores tp_score(const tp_gathered *g, tp_module *criterion, int classes, double loss)
{
    tp_scores s = tp_no_scores(tp_context_of(g->outputs));
    s.n = g->n;
    s.loss = loss;
    tp_meaning meaning = tp_meaning_of(criterion);
    bool differences =
        meaning == TP_DIFFERENCES || (meaning == TP_OTHER && tp_numel(g->outputs) == tp_numel(g->targets));
    if (classes) {
        score_classes(&s, g->outputs, g->targets, criterion, classes);
    } else if (differences) {
        s.mae = tp_mean_absolute_error(g->targets, g->outputs);
        s.mse = tp_mean_squared_error(g->targets, g->outputs);
        s.rmse = tp_root_mean_squared_error(g->targets, g->outputs);
        s.r2 = tp_r2_score(g->targets, g->outputs);
    }
    return s;
}

/* --- by name --- */

static const struct {
    const char *name;
    size_t at;
} names[] = {{"loss", offsetof(tp_scores, loss)},
             {"accuracy", offsetof(tp_scores, accuracy)},
             {"precision", offsetof(tp_scores, precision)},
             {"recall", offsetof(tp_scores, recall)},
             {"f1", offsetof(tp_scores, f1)},
             {"mae", offsetof(tp_scores, mae)},
             {"mse", offsetof(tp_scores, mse)},
             {"rmse", offsetof(tp_scores, rmse)},
             {"r2", offsetof(tp_scores, r2)}};
enum { NAMES = sizeof names / sizeof *names };

const char *tp_score_name(int i) { return i >= 0 && i < NAMES ? names[i].name : NULL; }

double tp_scores_get(const tp_scores *scores, const char *name)
{
    double value = NAN;
    for (int i = 0; scores && name && i < NAMES; i++)
        if (strcmp(name, names[i].name) == 0)
            memcpy(&value, (const char *)scores + names[i].at, sizeof value);
    return value;
}
