/* score.h - outputs and targets of a set of samples, and what they are worth. */
#ifndef TRAIN_SCORE_H
#define TRAIN_SCORE_H

#include <taper/train.h>

/* What a criterion takes outputs for. */
typedef enum tp_meaning {
    TP_LOGITS,
    TP_LOG_P,
    TP_BINARY_LOGITS,
    TP_BINARY_P,
    TP_DIFFERENCES,
    TP_OTHER
} tp_meaning;

tp_meaning tp_meaning_of(const tp_module *criterion);

/* The criterion to use with `data`: the one given, or for NULL a new one; nil after recording a failure. */
tp_module *tp_criterion_for(tp_context *c, tp_module *criterion, const tp_dataset *data, const char *call);

/* The criterion's loss, which has to be one number; nil after recording that it is not. */
tp_tensor *tp_one_loss(tp_module *criterion, tp_tensor *outputs, tp_tensor *targets, const char *call);

/* The targets of a batch in the form in which the criterion takes them beside these outputs; nil after
 * recording why they do not fit. */
tp_tensor *tp_fitted_targets(tp_tensor *outputs, const tp_batch *batch, tp_module *criterion, int classes);

/* Outputs and targets of n samples, gathered batch by batch. */
typedef struct tp_gathered {
    int64_t n, at;
    tp_tensor *outputs, *targets; /* NULL before the first batch; targets NULL if not wanted */
} tp_gathered;

/* Appends those of one batch (targets NULL: not wanted), whose scope is the current one and lies just inside
 * that of the whole. */
void tp_gather_batch(tp_gathered *g, tp_tensor *outputs, tp_tensor *targets, int64_t size, const char *call);

/* All scores but the loss, which is given; classes 0: of numbers. */
tp_scores tp_score(const tp_gathered *g, tp_module *criterion, int classes, double loss);

/* f64 for a net of f64, else f32: what its batches are made of. */
tp_dtype tp_dtype_for(tp_module *net);

/* All NaN. */
tp_scores tp_no_scores(tp_context *c);

#endif
