/* scale.c - what is subtracted from values and what they are divided by. */
#include "data/dataset.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void scaler_destroy(tp_object *object)
{
    tp_scaler *s = (tp_scaler *)object;
    tp_free(object->context, s->mean, 2 * (size_t)s->n * sizeof *s->mean);
    tp_object_free(object, sizeof *s, false);
}

static const tp_class scaler_class = {"scaler", scaler_destroy};

/* One with means 0 and deviations 1; the caller owns it. NULL after recording the failure. */
static tp_scaler *new_scaler(tp_context *c, tp_shape shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape.n; i++) n *= shape.v[i];
    tp_scaler *s = tp_alloc(c, sizeof *s);
    double *mean = s ? tp_alloc(c, 2 * (size_t)n * sizeof *mean) : NULL;
    if (!mean) {
        tp_free(c, s, sizeof *s);
        return NULL;
    }
    memset(s, 0, sizeof *s);
    tp_object_init_unowned(&s->object, &scaler_class, c);
    s->n = n;
    s->shape = shape;
    s->mean = mean;
    s->deviation = mean + n;
    for (int64_t i = 0; i < n; i++) {
        s->mean[i] = 0;
        s->deviation[i] = 1;
    }
    return s;
}

/* The data set uses `scaler` from now on, whose reference it takes over. */
static void use(tp_dataset *d, tp_scaler *scaler)
{
    if (d->scaler) tp_object_release(&d->scaler->object);
    d->scaler = scaler;
}

/* --- learn --- */

/* Calls `add` with all values, in blocks: `count` values of a sample from value `first` on. */
static void each_block(const tp_dataset *d, tp_scaler *s,
                       void (*add)(tp_scaler *s, int64_t first, int64_t n, const double *v))
{
    enum { BLOCK = 256 };
    double v[BLOCK];
    int64_t features = d->store->features;
    for (int64_t i = 0; i < d->n; i++)
        for (int64_t first = 0; first < features; first += BLOCK) {
            int64_t n = features - first < BLOCK ? features - first : BLOCK;
            tp_store_read(d->store, d->rows ? d->rows[i] : i, first, n, v);
            add(s, first, n, v);
        }
}

static void add_largest(tp_scaler *s, int64_t first, int64_t n, const double *v)
{
    (void)first;
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(v[i]) <= s->deviation[0])) s->deviation[0] = fabs(v[i]);
}

/* A sum over all values is one of the sums of the blocks, which keeps its rounding errors small. */
static void add_value(tp_scaler *s, int64_t first, int64_t n, const double *v)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        if (s->n > 1) s->mean[first + i] += v[i];
        sum += v[i];
    }
    if (s->n == 1) s->mean[0] += sum;
}

static void add_square(tp_scaler *s, int64_t first, int64_t n, const double *v)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double off = v[i] - s->mean[s->n > 1 ? first + i : 0];
        if (s->n > 1) s->deviation[first + i] += off * off;
        sum += off * off;
    }
    if (s->n == 1) s->deviation[0] += sum;
}

static void learn_unit(const tp_dataset *d, tp_scaler *s)
{
    s->deviation[0] = d->store->dtype == TP_U8 ? 255 : 0;
    if (s->deviation[0] == 0) each_block(d, s, add_largest);
    if (s->deviation[0] == 0) s->deviation[0] = 1;
}

/* Means, then deviations about them. What rounding alone makes of equal values counts as 0, by scikit-learn's
 * bound. */
static void learn_moments(const tp_dataset *d, tp_scaler *s)
{
    double n = (double)d->n * (double)d->store->features / (double)s->n;
    each_block(d, s, add_value);
    for (int64_t k = 0; k < s->n; k++) {
        s->mean[k] /= n;
        s->deviation[k] = 0;
    }
    each_block(d, s, add_square);
    for (int64_t k = 0; k < s->n; k++) {
        double variance = s->deviation[k] / n, rounding = n * s->mean[k] * DBL_EPSILON;
        bool none = variance <= n * DBL_EPSILON * variance + rounding * rounding;
        s->deviation[k] = none ? 1 : sqrt(variance);
    }
}

static bool finite_scaler(const tp_scaler *s)
{
    for (int64_t k = 0; k < s->n; k++)
        if (!isfinite(s->mean[k]) || !isfinite(s->deviation[k]) || s->deviation[k] <= 0) return false;
    return true;
}

tp_status tp_dataset_scale(tp_dataset *d, tp_scaling scaling)
{
    static const char call[] = "tp_dataset_scale";
    tp_status status = tp_dataset_check(d, call, "d");
    if (status) return status;
    tp_context *c = d->object.context;
    bool image = d->store->dtype == TP_U8 && tp_rank(d->store->x) > 2;
    if (scaling == TP_SCALE_FOUND) scaling = image ? TP_SCALE_GLOBAL : TP_SCALE_FEATURE;
    if (scaling < TP_SCALE_NONE || scaling > TP_SCALE_FEATURE)
        return tp_report(c, TP_ERR_ARGUMENT, "%s: takes TP_SCALE_NONE, _UNIT, _GLOBAL or _FEATURE, got %d",
                         call, (int)scaling);
    if (scaling == TP_SCALE_NONE) return use(d, NULL), TP_OK;
    if (d->n < 1 || d->store->features < 1)
        return tp_report(c, TP_ERR_DATA, "%s: there is nothing to learn a scaling from", call);
    tp_scaler *s = new_scaler(c, scaling == TP_SCALE_FEATURE ? tp_dataset_sample_shape(d) : TP_SCALAR);
    if (!s) return tp_error(c);
    if (scaling == TP_SCALE_UNIT)
        learn_unit(d, s);
    else
        learn_moments(d, s);
    if (!finite_scaler(s)) {
        tp_object_release(&s->object);
        return tp_report(c, TP_ERR_DATA, "%s: some values are NaN, infinite or too large", call);
    }
    use(d, s);
    return TP_OK;
}

/* --- take over --- */

static bool same_shape(tp_shape a, tp_shape b)
{
    return a.n == b.n && memcmp(a.v, b.v, (size_t)a.n * sizeof a.v[0]) == 0;
}

tp_status tp_dataset_scale_like(tp_dataset *d, const tp_dataset *from)
{
    static const char call[] = "tp_dataset_scale_like";
    tp_status status = tp_dataset_check(d, call, "d");
    if (status) return status;
    tp_context *c = d->object.context;
    if (tp_dataset_is_nil(from) || from->object.context != c)
        return tp_report(c, TP_ERR_ARGUMENT, "%s: argument 'from' is %s", call,
                         tp_dataset_is_nil(from) ? "nil, NULL or freed" : "of another context");
    if (!same_shape(tp_dataset_sample_shape(d), tp_dataset_sample_shape(from)))
        return tp_report(c, TP_ERR_SHAPE, "%s: samples of d and from have different shapes", call);
    if (from->scaler) tp_object_retain(&from->scaler->object);
    use(d, from->scaler);
    return TP_OK;
}

static tp_tensor *scaler_tensor(const tp_dataset *d, bool mean, const char *call)
{
    tp_context *c = tp_dataset_usable(d, call, "d");
    if (!c) return tp_nil(d ? d->object.context : NULL);
    const tp_scaler *s = d->scaler;
    if (!s) return tp_scalar(c, mean ? 0 : 1, TP_F64);
    return tp_from_array(c, s->shape, TP_F64, mean ? s->mean : s->deviation);
}

tp_tensor *tp_dataset_mean(const tp_dataset *d) { return scaler_tensor(d, true, "tp_dataset_mean"); }

tp_tensor *tp_dataset_deviation(const tp_dataset *d)
{
    return scaler_tensor(d, false, "tp_dataset_deviation");
}

tp_status tp_dataset_set_scaling(tp_dataset *d, tp_tensor *mean, tp_tensor *deviation)
{
    static const char call[] = "tp_dataset_set_scaling";
    tp_status status = tp_dataset_check(d, call, "d");
    if (status) return status;
    tp_context *c = d->object.context;
    tp_shape shape = tp_shape_of(mean);
    if (tp_is_nil(mean) || tp_is_nil(deviation))
        return tp_report(c, TP_ERR_ARGUMENT, "%s: mean and deviation must be given", call);
    if (!same_shape(shape, tp_shape_of(deviation)) ||
        (shape.n && !same_shape(shape, tp_dataset_sample_shape(d))))
        return tp_report(c, TP_ERR_SHAPE, "%s: takes scalars, or mean and deviation of the shape of a sample",
                         call);
    tp_scaler *s = new_scaler(c, shape);
    if (!s) return tp_error(c);
    status = tp_read_doubles(mean, s->mean, s->n);
    if (!status) status = tp_read_doubles(deviation, s->deviation, s->n);
    if (!status && !finite_scaler(s))
        status = tp_report(c, TP_ERR_DATA, "%s: takes finite means and deviations above 0", call);
    if (status)
        tp_object_release(&s->object);
    else
        use(d, s);
    return status;
}
