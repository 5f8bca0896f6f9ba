/* train.h - training: metrics, evaluation, prediction, and tp_fit, the loop around them. */
#ifndef TAPER_TRAIN_H
#define TAPER_TRAIN_H

#include <taper/nn.h>

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

#ifdef __cplusplus
}
#endif
#endif
