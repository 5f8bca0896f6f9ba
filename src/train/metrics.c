/* metrics.c - scores of predictions, as scikit-learn's. */
#include <taper/ext.h>
#include <taper/train.h>

#include <math.h>

/* The sum in NumPy's order (pairwise, eight chains at the bottom), so that the last bit is scikit-learn's. */
static double pairwise_sum(const double *x, int64_t n)
{
    double sum = 0;
    if (n > 128) {
        int64_t half = n / 2 - n / 2 % 8;
        return pairwise_sum(x, half) + pairwise_sum(x + half, n - half);
    }
    int64_t i = 0;
    if (n >= 8) {
        double s[8] = {0};
        for (; i < n - n % 8; i++) s[i % 8] += x[i];
        sum = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
    }
    for (; i < n; i++) sum += x[i];
    return sum;
}

static double ratio(double a, double b) { return b == 0 ? 0 : a / b; }

/* Both tensors usable, in the context of the first; NULL after recording why not. */
static tp_context *usable_pair(tp_tensor *target, tp_tensor *predicted, const char *call)
{
    tp_context *c = tp_context_of(target) ? tp_context_of(target) : tp_context_of(predicted);
    bool both = tp_object_usable(c, (tp_object *)target, call, "target") &&
                tp_object_usable(c, (tp_object *)predicted, call, "predicted");
    return both ? c : NULL;
}

/* --- classes --- */

/* The elements as i64, row-major; NULL after recording that they are no class indices. */
static const int64_t *class_indices(tp_tensor *t, const char *argument, int64_t classes)
{
    tp_context *c = tp_context_of(t);
    if (tp_dtype_is_float(tp_dtype_of(t))) {
        tp_fail(c, TP_ERR_DTYPE,
                "tp_confusion_matrix: argument '%s' takes class indices of an integer dtype, got %s",
                argument, tp_dtype_name(tp_dtype_of(t)));
        return NULL;
    }
    const int64_t *index = tp_data(tp_contiguous(tp_cast(t, TP_I64)));
    for (int64_t i = 0; index && i < tp_numel(t); i++) {
        if (index[i] >= 0 && index[i] < classes) continue;
        tp_fail(c, TP_ERR_ARGUMENT,
                "tp_confusion_matrix: %lld at element %lld of '%s' is none of the classes 0 to %lld",
                (long long)index[i], (long long)i, argument, (long long)classes - 1);
        return NULL;
    }
    return index;
}

tp_tensor *tp_confusion_matrix(tp_tensor *target, tp_tensor *predicted, int64_t classes)
{
    static const char call[] = "tp_confusion_matrix";
    tp_context *c = usable_pair(target, predicted, call);
    if (!c) return tp_nil(tp_context_of(target) ? tp_context_of(target) : tp_context_of(predicted));
    tp_mark scope = tp_open_no_grad(c);
    if (classes < 1) tp_fail(c, TP_ERR_ARGUMENT, "%s: argument 'classes' takes 1 or more", call);
    if (tp_numel(target) != tp_numel(predicted))
        tp_fail(c, TP_ERR_SHAPE, "%s: %lld targets and %lld predictions", call, (long long)tp_numel(target),
                (long long)tp_numel(predicted));
    tp_tensor *confusion = tp_keep(tp_zeros(c, TP_SHAPE(classes, classes), TP_I64));
    int64_t *count = tp_data_mut(confusion);
    const int64_t *t = class_indices(target, "target", classes);
    const int64_t *p = class_indices(predicted, "predicted", classes);
    for (int64_t i = 0; count && t && p && i < tp_numel(target); i++) count[t[i] * classes + p[i]]++;
    tp_close_scope(c, scope);
    return tp_ok(c) ? confusion : tp_nil(c);
}

/* What a confusion matrix says of one class, or of all together. */
typedef struct tally {
    double right, predicted, actual;
} tally;

enum { PRECISION, RECALL, F1, SUPPORT, CLASS_SCORES };

static double score_of(tally t, int which)
{
    double precision = ratio(t.right, t.predicted), recall = ratio(t.right, t.actual);
    if (which == F1) return ratio(2 * precision * recall, precision + recall);
    return which == PRECISION ? precision : which == RECALL ? recall : t.actual;
}

/* The tallies of all classes, in the current scope; NULL after recording why there are none. */
static tally *tallies(tp_tensor *confusion, const char *call)
{
    tp_context *c = tp_context_of(confusion);
    if (!tp_object_usable(c, (tp_object *)confusion, call, "confusion")) return NULL;
    int64_t n = tp_size(confusion, 0);
    if (tp_rank(confusion) != 2 || n != tp_size(confusion, 1) || tp_dtype_is_float(tp_dtype_of(confusion))) {
        tp_fail(c, TP_ERR_SHAPE, "%s: argument 'confusion' takes a square matrix of integers", call);
        return NULL;
    }
    const int64_t *count = tp_data(tp_contiguous(tp_cast(confusion, TP_I64)));
    tally *of = tp_data_mut(tp_zeros(c, TP_SHAPE(n, 3), TP_F64));
    for (int64_t i = 0; count && of && i < n * n; i++) {
        of[i / n].actual += (double)count[i];
        of[i % n].predicted += (double)count[i];
        if (i / n == i % n) of[i / n].right = (double)count[i];
    }
    return of;
}

static tally total(const tally *of, int64_t n)
{
    tally all = {0};
    for (int64_t k = 0; k < n; k++) {
        all.right += of[k].right;
        all.predicted += of[k].predicted;
        all.actual += of[k].actual;
    }
    return all;
}

/* The mean over classes; those that do not occur have no part. */
static double mean_score(tp_context *c, const tally *of, int64_t n, int which, bool weighted)
{
    double *value = tp_data_mut(tp_zeros(c, TP_SHAPE(n), TP_F64));
    int64_t present = 0;
    for (int64_t k = 0; value && k < n; k++)
        if (of[k].actual + of[k].predicted > 0)
            value[present++] = score_of(of[k], which) * (weighted ? of[k].actual : 1);
    if (!value) return NAN;
    return ratio(pairwise_sum(value, present), weighted ? total(of, n).actual : (double)present);
}

static double averaged(tp_tensor *confusion, int which, tp_average average, const char *call)
{
    tp_context *c = tp_context_of(confusion);
    tp_mark scope = tp_open_no_grad(c);
    tally *of = tallies(confusion, call);
    int64_t n = tp_size(confusion, 0);
    double score = !of                   ? NAN
                   : average == TP_MICRO ? score_of(total(of, n), which)
                                         : mean_score(c, of, n, which, average == TP_WEIGHTED);
    tp_close_scope(c, scope);
    return score;
}

double tp_precision(tp_tensor *confusion, tp_average average)
{
    return averaged(confusion, PRECISION, average, "tp_precision");
}

double tp_recall(tp_tensor *confusion, tp_average average)
{
    return averaged(confusion, RECALL, average, "tp_recall");
}

double tp_f1(tp_tensor *confusion, tp_average average) { return averaged(confusion, F1, average, "tp_f1"); }

double tp_accuracy(tp_tensor *confusion)
{
    return averaged(confusion, RECALL, TP_MICRO, "tp_accuracy"); /* right / all */
}

tp_tensor *tp_class_scores(tp_tensor *confusion)
{
    tp_context *c = tp_context_of(confusion);
    tp_mark scope = tp_open_no_grad(c);
    tally *of = tallies(confusion, "tp_class_scores");
    tp_tensor *scores =
        of ? tp_keep(tp_zeros(c, TP_SHAPE(tp_size(confusion, 0), CLASS_SCORES), TP_F64)) : tp_nil(c);
    double *score = of ? tp_data_mut(scores) : NULL;
    for (int64_t k = 0; score && k < tp_numel(scores); k++)
        score[k] = score_of(of[k / CLASS_SCORES], (int)(k % CLASS_SCORES));
    tp_close_scope(c, scope);
    return scores;
}

/* --- numbers --- */

typedef enum error { ABSOLUTE, SQUARED, ROOT, R2 } error;

/* The sum of one of k columns, in the order in which NumPy sums it. */
static double column_sum(const double *x, int64_t n, int64_t k)
{
    if (k == 1) return pairwise_sum(x, n);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i * k];
    return sum;
}

/* The score of one column: t and p are its targets and predictions, `work` room beside them. */
static double column_score(const double *t, const double *p, double *work, int64_t n, int64_t k, error kind)
{
    for (int64_t i = 0; i < n * k; i += k)
        work[i] = kind == ABSOLUTE ? fabs(p[i] - t[i]) : (t[i] - p[i]) * (t[i] - p[i]);
    double sum = column_sum(work, n, k);
    if (kind == ABSOLUTE || kind == SQUARED) return sum / (double)n;
    if (kind == ROOT) return sqrt(sum / (double)n);
    if (n < 2) return NAN;
    double mean = column_sum(t, n, k) / (double)n;
    for (int64_t i = 0; i < n * k; i += k) work[i] = (t[i] - mean) * (t[i] - mean);
    double whole = column_sum(work, n, k);
    return sum == 0 ? 1 : whole == 0 ? 0 : 1 - sum / whole;
}

static double *doubles(tp_tensor *t) { return tp_data_mut(tp_clone(tp_cast(t, TP_F64))); }

/* The mean score of all columns. */
static double error_of(tp_tensor *target, tp_tensor *predicted, error kind, const char *call)
{
    tp_context *c = usable_pair(target, predicted, call);
    if (!c) return NAN;
    int64_t n = tp_size(target, 0), k = n ? tp_numel(target) / n : 0;
    if (k == 0 || tp_size(predicted, 0) != n || tp_numel(predicted) != n * k) {
        tp_fail(c, TP_ERR_SHAPE, "%s: %lld targets of %lld samples, %lld predictions of %lld", call,
                (long long)tp_numel(target), (long long)n, (long long)tp_numel(predicted),
                (long long)tp_size(predicted, 0));
        return NAN;
    }
    tp_mark scope = tp_open_no_grad(c);
    double *t = doubles(target), *p = doubles(predicted), *work = doubles(target);
    double *scores = tp_data_mut(tp_zeros(c, TP_SHAPE(k), TP_F64)), score = NAN;
    if (tp_ok(c)) {
        for (int64_t j = 0; j < k; j++) scores[j] = column_score(t + j, p + j, work + j, n, k, kind);
        score = pairwise_sum(scores, k) / (double)k;
    }
    tp_close_scope(c, scope);
    return score;
}

double tp_mean_absolute_error(tp_tensor *target, tp_tensor *predicted)
{
    return error_of(target, predicted, ABSOLUTE, "tp_mean_absolute_error");
}

double tp_mean_squared_error(tp_tensor *target, tp_tensor *predicted)
{
    return error_of(target, predicted, SQUARED, "tp_mean_squared_error");
}

double tp_root_mean_squared_error(tp_tensor *target, tp_tensor *predicted)
{
    return error_of(target, predicted, ROOT, "tp_root_mean_squared_error");
}

double tp_r2_score(tp_tensor *target, tp_tensor *predicted)
{
    return error_of(target, predicted, R2, "tp_r2_score");
}
