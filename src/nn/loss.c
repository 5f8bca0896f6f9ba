/* loss.c - how far outputs are from targets. */
#include "nn/module.h"

/* --- what losses share --- */

/* The context if both tensors can be used; NULL after recording why not. */
static tp_context *usable(tp_tensor *x, const char *name, tp_tensor *target, const char *call)
{
    tp_context *c = tp_context_of(x) ? tp_context_of(x) : tp_context_of(target);
    bool both = tp_object_usable(c, (tp_object *)x, call, name) &&
                tp_object_usable(c, (tp_object *)target, call, "target");
    return both ? c : NULL;
}

static bool has_shape(const tp_tensor *t, tp_shape shape)
{
    bool same = tp_rank(t) == shape.n;
    for (int i = 0; same && i < shape.n; i++) same = tp_size(t, i) == shape.v[i];
    return same;
}

/* Records that `argument` does not have the shape it should; true if it has. */
static bool check_shape(tp_context *c, const tp_tensor *t, const char *argument, tp_shape shape,
                        const char *call)
{
    char want[TP_SIZES_TEXT], have[TP_SIZES_TEXT];
    if (has_shape(t, shape)) return true;
    tp_fail(c, TP_ERR_SHAPE, "%s: argument '%s' takes %s, got %s", call, argument,
            tp_sizes_text(shape, want, sizeof want), tp_sizes_text(tp_shape_of(t), have, sizeof have));
    return false;
}

/* Both usable and of one shape. */
static tp_context *usable_pair(tp_tensor *x, const char *name, tp_tensor *target, const char *call)
{
    tp_context *c = usable(x, name, target, call);
    return c && check_shape(c, target, "target", tp_shape_of(x), call) ? c : NULL;
}

static tp_tensor *nil_of(tp_tensor *x, tp_tensor *target)
{
    return tp_nil(tp_context_of(x) ? tp_context_of(x) : tp_context_of(target));
}

static tp_tensor *sum_all(tp_tensor *x) { return tp_sum(x, TP_ALL, false); }

static tp_tensor *reduce(tp_tensor *loss, tp_reduction reduction)
{
    return reduction == TP_MEAN ? tp_mean(loss, TP_ALL, false) : reduction == TP_SUM ? sum_all(loss) : loss;
}

/* Closes the scope of a loss, of which only the result stays. */
static tp_tensor *done(tp_context *c, tp_tensor *loss, tp_mark scope)
{
    tp_keep(loss);
    tp_close_scope(c, scope);
    return loss;
}

/* --- classes --- */

/* A loss over classes while it is worked out. */
typedef struct classes {
    tp_context *c;
    const char *call;
    tp_tensor *logits; /* where log_p is not needed */
    tp_tensor *log_p, *target;
    tp_tensor *weight; /* [classes] in the dtype of log_p, or NULL */
    int axis;          /* of the classes */
    int64_t n;         /* how many there are */
    int64_t ignore;
    int64_t valid; /* targets that are not ignored */
    double smoothing;
    tp_reduction reduction;
} classes;

/* Labels as they are looked up. */
static tp_tensor *as_index(tp_tensor *target)
{
    return tp_dtype_of(target) == TP_I64 ? target : tp_cast(target, TP_I64);
}

/* Counts the labels that are not ignored; false after recording one that is no class. */
static bool check_labels(classes *s)
{
    tp_tensor *labels = tp_contiguous(as_index(s->target));
    const int64_t *label = tp_data(labels);
    s->valid = 0;
    for (int64_t i = 0; i < tp_numel(labels); i++) {
        if (label[i] == s->ignore) continue;
        if (label[i] < 0 || label[i] >= s->n) {
            tp_fail(s->c, TP_ERR_ARGUMENT,
                    "%s: label %lld at element %lld of 'target' is none of the classes 0 to %lld", s->call,
                    (long long)label[i], (long long)i, (long long)s->n - 1);
            return false;
        }
        s->valid++;
    }
    return tp_ok(s->c);
}

/* The class weights, standing along the axis of the classes. */
static tp_tensor *weight_along_axis(const classes *s)
{
    tp_shape shape = {.n = tp_rank(s->log_p) - s->axis};
    for (int i = 0; i < shape.n; i++) shape.v[i] = 1;
    shape.v[0] = s->n;
    return tp_reshape(s->weight, shape);
}

/* The sum over classes of -w log p q; NULL stands for a q of 1. */
static tp_tensor *sum_over_classes(const classes *s, tp_tensor *q)
{
    tp_tensor *terms = s->weight ? tp_mul(s->log_p, weight_along_axis(s)) : s->log_p;
    return tp_neg(tp_sum(q ? tp_mul(terms, q) : terms, TP_AXES(s->axis), false));
}

/* Zeros where a target is ignored; the gradient there is zero as well. */
static tp_tensor *only_valid(tp_tensor *valid, tp_tensor *x)
{
    return valid ? tp_where(valid, x, tp_scalar(tp_context_of(x), 0, tp_dtype_of(x))) : x;
}

static tp_tensor *minus_log_p(const classes *s, tp_tensor *index)
{
    tp_tensor *picked = tp_gather(s->log_p, tp_unsqueeze(index, s->axis), s->axis);
    return tp_neg(tp_squeeze(picked, TP_AXES(s->axis)));
}

/* Class indices: (1 - e) w[y] (-log p[y]) + e / n sum(w (-log p)). */
static tp_tensor *index_loss(classes *s)
{
    if (!check_labels(s)) return tp_nil(s->c);
    tp_tensor *valid = s->valid < tp_numel(s->target) ? tp_ne_scalar(s->target, (double)s->ignore) : NULL;
    tp_tensor *index = only_valid(valid, as_index(s->target));
    tp_tensor *w = NULL,
              *loss = s->log_p ? minus_log_p(s, index) : tp_softmax_cross_entropy(s->logits, index, s->axis);
    if (s->weight) {
        w = tp_squeeze(tp_embedding(tp_unsqueeze(s->weight, 1), index), TP_AXES(-1));
        loss = tp_mul(loss, w);
    }
    if (s->smoothing > 0)
        loss = tp_add(tp_mul_scalar(loss, 1 - s->smoothing),
                      tp_mul_scalar(sum_over_classes(s, NULL), s->smoothing / (double)s->n));
    loss = only_valid(valid, loss);
    if (s->reduction != TP_MEAN || (!w && !valid)) return reduce(loss, s->reduction);
    if (w) return tp_div(sum_all(loss), sum_all(only_valid(valid, w)));
    return tp_div_scalar(sum_all(loss), (double)s->valid);
}

static tp_tensor *distribution_loss(classes *s)
{
    tp_tensor *q = s->target;
    if (s->smoothing > 0) q = tp_add_scalar(tp_mul_scalar(q, 1 - s->smoothing), s->smoothing / (double)s->n);
    return reduce(sum_over_classes(s, q), s->reduction);
}

/* Checks weight and target against log_p; they are set, the rest is worked out here. */
static bool check_classes(classes *s, tp_tensor *log_p, const char *name, int64_t ignore_index)
{
    tp_shape shape = tp_shape_of(log_p);
    if (shape.n == 0) {
        tp_fail(s->c, TP_ERR_SHAPE, "%s: argument '%s' takes [n,classes,..] or [classes], got []", s->call,
                name);
        return false;
    }
    s->axis = shape.n > 1 ? 1 : 0;
    s->n = shape.v[s->axis];
    s->ignore = ignore_index == 0 ? -100 : ignore_index == TP_ZERO ? 0 : ignore_index;
    if (s->weight && !(tp_object_usable(s->c, (tp_object *)s->weight, s->call, "weight") &&
                       check_shape(s->c, s->weight, "weight", TP_SHAPE(s->n), s->call)))
        return false;
    if (!tp_dtype_is_float(tp_dtype_of(s->target))) {
        for (int i = s->axis + 1; i < shape.n; i++) shape.v[i - 1] = shape.v[i];
        shape.n--;
    }
    return check_shape(s->c, s->target, "target", shape, s->call);
}

tp_tensor *tp_cross_entropy_with(tp_tensor *logits, tp_tensor *target,
                                 const tp_cross_entropy_options *options)
{
    tp_cross_entropy_options o = options ? *options : (tp_cross_entropy_options){0};
    classes s = {.call = "tp_cross_entropy",
                 .target = target,
                 .weight = o.weight,
                 .smoothing = o.label_smoothing,
                 .reduction = o.reduction};
    s.c = usable(logits, "logits", target, s.call);
    if (!s.c || !check_classes(&s, logits, "logits", o.ignore_index)) return nil_of(logits, target);
    if (!(s.smoothing >= 0 && s.smoothing <= 1)) {
        tp_fail(s.c, TP_ERR_ARGUMENT, "%s: .label_smoothing takes 0 to 1, got %g", s.call, s.smoothing);
        return tp_nil(s.c);
    }
    tp_mark scope = tp_open_scope(s.c);
    bool indices = !tp_dtype_is_float(tp_dtype_of(target));
    if (indices && s.smoothing == 0)
        s.logits = logits;
    else
        s.log_p = tp_log_softmax(logits, s.axis);
    if (s.weight) s.weight = tp_cast(s.weight, tp_dtype_of(s.logits ? logits : s.log_p));
    return done(s.c, indices ? index_loss(&s) : distribution_loss(&s), scope);
}

tp_tensor *tp_nll_loss_with(tp_tensor *log_p, tp_tensor *target, const tp_nll_loss_options *options)
{
    tp_nll_loss_options o = options ? *options : (tp_nll_loss_options){0};
    classes s = {.call = "tp_nll_loss",
                 .log_p = log_p,
                 .target = target,
                 .weight = o.weight,
                 .reduction = o.reduction};
    s.c = usable(log_p, "log_p", target, s.call);
    if (!s.c) return nil_of(log_p, target);
    if (tp_dtype_is_float(tp_dtype_of(target))) {
        tp_fail(s.c, TP_ERR_DTYPE, "%s: argument 'target' takes integers, got %s", s.call,
                tp_dtype_name(tp_dtype_of(target)));
        return tp_nil(s.c);
    }
    if (!check_classes(&s, log_p, "log_p", o.ignore_index)) return tp_nil(s.c);
    tp_mark scope = tp_open_scope(s.c);
    if (s.weight) s.weight = tp_cast(s.weight, tp_dtype_of(log_p));
    return done(s.c, index_loss(&s), scope);
}

/* --- two classes --- */

/* Elements times their weights, which are broadcast to them and not the other way round. */
static tp_tensor *weighted(tp_tensor *loss, tp_tensor *weight)
{
    return weight ? tp_mul(loss, tp_expand(tp_cast(weight, tp_dtype_of(loss)), tp_shape_of(loss))) : loss;
}

tp_tensor *tp_bce_with_logits_with(tp_tensor *logits, tp_tensor *target,
                                   const tp_bce_with_logits_options *options)
{
    tp_bce_with_logits_options o = options ? *options : (tp_bce_with_logits_options){0};
    tp_context *c = usable_pair(logits, "logits", target, "tp_bce_with_logits");
    if (!c) return nil_of(logits, target);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *loss = tp_logistic_loss(logits, target);
    if (o.pos_weight) { /* the part of targets 1 is -t log(sigmoid(x)) */
        tp_tensor *part = tp_neg(tp_mul(target, tp_log_sigmoid(logits)));
        loss = tp_add(loss, weighted(part, tp_sub_scalar(o.pos_weight, 1)));
    }
    return done(c, reduce(weighted(loss, o.weight), o.reduction), scope);
}

/* Records a probability that is none; true if all are between 0 and 1, or NaN. */
static bool check_probabilities(tp_context *c, tp_tensor *p)
{
    if (tp_numel(p) == 0) return true;
    double low = tp_item(tp_min(tp_detach(p), TP_ALL, false)),
           high = tp_item(tp_max(tp_detach(p), TP_ALL, false));
    if (low < 0 || high > 1)
        tp_fail(c, TP_ERR_ARGUMENT, "tp_binary_cross_entropy: argument 'p' takes 0 to 1, got %g",
                low < 0 ? low : high);
    return tp_ok(c);
}

tp_tensor *tp_binary_cross_entropy_with(tp_tensor *p, tp_tensor *target,
                                        const tp_binary_cross_entropy_options *options)
{
    tp_binary_cross_entropy_options o = options ? *options : (tp_binary_cross_entropy_options){0};
    tp_context *c = usable_pair(p, "p", target, "tp_binary_cross_entropy");
    if (!c) return nil_of(p, target);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *loss = check_probabilities(c, p) ? tp_log_loss(p, target) : tp_nil(c);
    return done(c, reduce(weighted(loss, o.weight), o.reduction), scope);
}

/* --- differences --- */

tp_tensor *tp_mse_loss_with(tp_tensor *x, tp_tensor *target, const tp_loss_options *options)
{
    tp_context *c = usable_pair(x, "x", target, "tp_mse_loss");
    if (!c) return nil_of(x, target);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *loss = tp_square(tp_sub(x, target));
    return done(c, reduce(loss, options ? options->reduction : TP_MEAN), scope);
}

tp_tensor *tp_l1_loss_with(tp_tensor *x, tp_tensor *target, const tp_loss_options *options)
{
    tp_context *c = usable_pair(x, "x", target, "tp_l1_loss");
    if (!c) return nil_of(x, target);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *loss = tp_abs(tp_sub(x, target));
    return done(c, reduce(loss, options ? options->reduction : TP_MEAN), scope);
}

tp_tensor *tp_huber_loss_with(tp_tensor *x, tp_tensor *target, const tp_huber_loss_options *options)
{
    tp_huber_loss_options o = options ? *options : (tp_huber_loss_options){0};
    tp_context *c = usable_pair(x, "x", target, "tp_huber_loss");
    double delta = o.delta == 0 ? 1 : o.delta;
    if (c && !(delta > 0)) tp_fail(c, TP_ERR_ARGUMENT, "tp_huber_loss: .delta takes a number above 0");
    if (!tp_ok(c)) return nil_of(x, target);
    tp_mark scope = tp_open_scope(c);
    return done(c, reduce(tp_huber(tp_sub(x, target), delta), o.reduction), scope);
}

tp_tensor *tp_smooth_l1_loss_with(tp_tensor *x, tp_tensor *target, const tp_smooth_l1_loss_options *options)
{
    tp_smooth_l1_loss_options o = options ? *options : (tp_smooth_l1_loss_options){0};
    tp_context *c = usable_pair(x, "x", target, "tp_smooth_l1_loss");
    double beta = o.beta == 0 ? 1 : o.beta == TP_ZERO ? 0 : o.beta;
    if (c && !(beta >= 0)) tp_fail(c, TP_ERR_ARGUMENT, "tp_smooth_l1_loss: .beta takes 0 or more");
    if (!tp_ok(c)) return nil_of(x, target);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *d = tp_sub(x, target);
    tp_tensor *loss = beta > 0 ? tp_div_scalar(tp_huber(d, beta), beta) : tp_abs(d);
    return done(c, reduce(loss, o.reduction), scope);
}
