/* train.h - training: metrics, evaluation, prediction, and tp_fit, the loop around them. */
#ifndef TAPER_TRAIN_H
#define TAPER_TRAIN_H

#include <taper/data.h>
#include <taper/nn.h>
#include <taper/optim.h>

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- metrics ----------------------------------------------------------------------------------- */

/* Names, argument order and values are scikit-learn's, to the last bit of what it gives for f64. What is
 * divided by 0 counts as 0. Each gives NaN after a failure. */

/* How many samples of each class (row) were predicted to be of each (column): i64 [classes,classes]. Class
 * indices from 0, of any integer dtype and the same shape. */
TP_API tp_tensor *tp_confusion_matrix(tp_tensor *target, tp_tensor *predicted, int64_t classes);

/* The part of all samples that was predicted right. */
TP_API double tp_accuracy(tp_tensor *confusion);

/* How the scores of classes become one. */
typedef enum tp_average {
    TP_MACRO,   /* their mean over the classes that occur, as targets or predicted */
    TP_MICRO,   /* of the counts of all classes together */
    TP_WEIGHTED /* the mean weighted by the number of samples of each class */
} tp_average;

/* Of the samples predicted to be of a class, the part that is. */
TP_API double tp_precision(tp_tensor *confusion, tp_average average);

/* Of the samples of a class, the part predicted to be. */
TP_API double tp_recall(tp_tensor *confusion, tp_average average);

/* The harmonic mean of both, of each class by itself. */
TP_API double tp_f1(tp_tensor *confusion, tp_average average);

/* Precision, recall, F1 and number of samples of each class: f64 [classes,4]. */
TP_API tp_tensor *tp_class_scores(tp_tensor *confusion);

/* Numbers, [n] or [n,k]; the mean over k columns of what each gives. */

/* mean |target - predicted| */
TP_API double tp_mean_absolute_error(tp_tensor *target, tp_tensor *predicted);

/* mean (target - predicted)^2 */
TP_API double tp_mean_squared_error(tp_tensor *target, tp_tensor *predicted);

/* Its square root. */
TP_API double tp_root_mean_squared_error(tp_tensor *target, tp_tensor *predicted);

/* 1 - sum (target - predicted)^2 / sum (target - mean)^2. Of constant targets: 1 if all are hit, else 0; NaN
 * of a single sample. */
TP_API double tp_r2_score(tp_tensor *target, tp_tensor *predicted);

/* --- scores ------------------------------------------------------------------------------------ */

/* How good a net is on some data. NaN where a score has no meaning: accuracy of numbers, r2 of classes. */
typedef struct tp_scores {
    int64_t n;                              /* samples */
    double loss;                            /* the criterion's, over all of them */
    double accuracy, precision, recall, f1; /* of classes; the last three TP_MACRO */
    double mae, mse, rmse, r2;              /* of numbers */
    tp_tensor *confusion;                   /* of classes, in the current scope; else nil */
} tp_scores;

/* Name i of the scores: "loss", "accuracy", ..., "r2"; NULL past the end. */
TP_API const char *tp_score_name(int i);

/* The score of that name; NaN if there is none. */
TP_API double tp_scores_get(const tp_scores *scores, const char *name);

/* What a net's outputs say under a criterion (NULL: cross-entropy): probabilities, of their shape. Softmax
 * for cross_entropy, e^x for nll, sigmoid for bce_with_logits; others stay as they are. */
TP_API tp_tensor *tp_probabilities(tp_tensor *outputs, tp_module *criterion);

/* The likeliest class of each sample, i64 [n,..]: where axis 1 of the outputs is largest; for bce_with_logits
 * outputs above 0 and for binary_cross_entropy those above 0.5 are class 1, others class 0. */
TP_API tp_tensor *tp_likeliest_classes(tp_tensor *outputs, tp_module *criterion);

/* --- evaluation -------------------------------------------------------------------------------- */

/* Options of tp_evaluate and tp_predict. */
typedef struct tp_evaluate_options {
    size_t struct_size;   /* sizeof(tp_evaluate_options); 0 means this version's */
    tp_module *criterion; /* NULL: cross-entropy for classes, mean squared error for numbers */
    int64_t batch_size;   /* left zero: 256. The result is the same for any */
} tp_evaluate_options;

/* The net's outputs for all samples in their order, [n,..]; in evaluation and without a graph, whatever the
 * net's train flags are; these and the context's random counter stay as they are. */
TP_API tp_tensor *tp_predict_with(tp_module *net, tp_dataset *data, const tp_evaluate_options *options);

/* The scores of the net's outputs, got as by tp_predict; all NaN after a failure. A single output may stand
 * for a column: targets [n] are taken as [n,1] where the net gives that. */
TP_API tp_scores tp_evaluate_with(tp_module *net, tp_dataset *data, const tp_evaluate_options *options);

#ifndef __cplusplus
/* tp_predict(net, data) or tp_predict(net, data, .batch_size = 1000). */
#define tp_predict(...)             tp_predict_(__VA_ARGS__, .struct_size = sizeof(tp_evaluate_options))
#define tp_predict_(net, data, ...) tp_predict_with((net), (data), &(const tp_evaluate_options){__VA_ARGS__})
/* tp_evaluate(net, data) or tp_evaluate(net, data, .criterion = loss). */
#define tp_evaluate(...)            tp_evaluate_(__VA_ARGS__, .struct_size = sizeof(tp_evaluate_options))
#define tp_evaluate_(net, data, ...) \
    tp_evaluate_with((net), (data), &(const tp_evaluate_options){__VA_ARGS__})
#endif

/* --- history ----------------------------------------------------------------------------------- */

/* The scores of each epoch of a tp_fit. Belongs to the scope it was made in. */
typedef struct tp_history tp_history;

/* Epochs recorded, numbered from 0. */
TP_API int64_t tp_history_epochs(const tp_history *h);

/* The epoch whose monitored score was best; -1 if there is none. */
TP_API int64_t tp_history_best(const tp_history *h);

/* A number of an epoch: a score's name for the training data, with "val_" in front for the validation data,
 * or "lr". NaN where there is none. */
TP_API double tp_history_get(const tp_history *h, int64_t epoch, const char *name);

/* Name i of these numbers, NULL past the end. */
TP_API const char *tp_history_name(int i);

/* The context's inert history. */
TP_API tp_history *tp_nil_history(tp_context *c);

/* True for nil and NULL. */
TP_API bool tp_history_is_nil(const tp_history *h);

/* tp_keep for a history. */
TP_API tp_history *tp_history_keep(tp_history *h);

/* --- fit --------------------------------------------------------------------------------------- */

/* Where a tp_fit stands. */
typedef struct tp_fit_state {
    tp_module *net;
    tp_optimizer *optimizer;
    const tp_history *history;   /* of the epochs that are done; on_epoch: with this one */
    int64_t first_epoch;         /* .initial_epoch */
    int64_t epoch, epochs;       /* the epoch, from 0, and how many there are to be */
    int64_t batch, batches;      /* batches of this epoch that are done, and how many it has */
    double loss;                 /* of the last batch */
    double lr;                   /* in this epoch, of the first group */
    const tp_scores *train;      /* on_epoch: of the outputs seen in training; on_batch: NULL */
    const tp_scores *validation; /* on_epoch: after the epoch; NULL without validation data */
    bool best;                   /* on_epoch: the monitored score is better than in all epochs before */
    const char *lost;            /* why the last checkpoint could not be written; NULL: nothing was lost */
} tp_fit_state;

/* Called while a tp_fit runs; false stops it. */
typedef bool tp_fit_fn(const tp_fit_state *state, void *user);

/* Options of tp_fit. */
typedef struct tp_fit_options {
    size_t struct_size;     /* sizeof(tp_fit_options); 0 means this version's */
    int64_t epochs;         /* left zero: 10 */
    int64_t initial_epoch;  /* go on from here, as if the epochs before had been run */
    int64_t batch_size;     /* left zero: 32 */
    tp_dataset *validation; /* scored after each epoch; NULL: none */
    tp_module *criterion;   /* NULL: cross-entropy for classes, mean squared error for numbers */
    bool no_shuffle;
    bool drop_last;     /* leave out a last batch that is not full */
    bool prefetch;      /* as in tp_loader_options */
    uint64_t seed;      /* of the order of samples */
    int64_t accumulate; /* batches that make one step, as if they were one; left zero: 1 */
    double clip_norm;   /* the most that the norm of all gradients together may be; left zero: no limit */
    double clip_value;  /* the most that an element of a gradient may be; left zero: no limit */

    tp_schedule *schedule;    /* stepped after each epoch; plateau looks at the monitored score ... */
    bool schedule_every_step; /* ... or after each step; plateau looks at the loss of the last batch */

    const char *monitor; /* a name of tp_history_get; NULL: "val_loss", without validation "loss" */
    int64_t patience;    /* stop after so many epochs without a better score, and at the end go back to the
                            weights of the best; left zero: do neither */
    double min_delta;    /* what a score must be better by to count */

    const char *checkpoint; /* the folder for checkpoints, made if it is not there; NULL: none are written */
    int64_t checkpoint_every; /* steps; left zero: one after each epoch */
    bool resume;              /* go on from the newest checkpoint there; if there is none yet, start */

    FILE *log;                /* a line an epoch; to a terminal also a progress bar. NULL: silent */
    tp_fit_fn *on_batch;      /* called after each batch ... */
    tp_fit_fn *on_epoch;      /* ... after each epoch ... */
    tp_fit_fn *on_checkpoint; /* ... and after each checkpoint, written or, as .lost says, not */
    void *user;               /* handed to them */
} tp_fit_options;

/* A checkpoint is all that a training needs to go on: weights, states of optimizer, schedule, random stream
 * and data, history, and with .patience the best weights. With .resume, a call with the same arguments in
 * another process ends with the bits it would have come to by itself, wherever it was stopped; only .epochs
 * may differ, and other data is refused. A last one is written at the end, also where on_batch or on_epoch
 * stops the training.
 *
 * There are two in the folder, which is for nothing else: checkpoint-a.safetensors and
 * checkpoint-b.safetensors, written in turn. Where the newer one cannot be read, .resume goes back to the
 * other. Weights that are not finite are not written. What cannot be written is told in .log and to the
 * functions called; the training goes on, and the next one may succeed. The tensors are named model.PATH,
 * best.PATH, optimizer.PATH, gradient.PATH, epoch.outputs, epoch.targets and history [epochs,names]; the
 * metadata taper.checkpoint is JSON with everything else. */

/* Trains the net, which is in training afterwards, with the optimizer made for its parameters. Each epoch's
 * order depends on seed and epoch; for batch s of the run, counted from 0, the context's random counter is
 * set to s 2^24. A loss or gradient that is not finite is the error TP_ERR_DIVERGED before it changes a
 * weight. */
TP_API tp_history *tp_fit_with(tp_module *net, tp_optimizer *optimizer, tp_dataset *train,
                               const tp_fit_options *options);

#ifndef __cplusplus
/* tp_fit(net, opt, train) or tp_fit(net, opt, train, .epochs = 40, .validation = held_out, .log = stderr). */
#define tp_fit(...)                  tp_fit_(__VA_ARGS__, .struct_size = sizeof(tp_fit_options))
#define tp_fit_(net, opt, data, ...) tp_fit_with((net), (opt), (data), &(const tp_fit_options){__VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
