/* split.c - random orders, and parts of a data set. */
#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The finalizer of splitmix64 (Steele, Lea & Flood 2014); 0 stays 0. */
static uint64_t mix(uint64_t h)
{
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

void tp_random_order(uint64_t seed, uint64_t epoch, int64_t *order, int64_t n)
{
    tp_randomstate rs;
    tp_randomstate_seed(&rs, (uint32_t)(seed ^ mix((epoch << 32) ^ (seed >> 32))));
    tp_randomstate_permutation(&rs, order, (size_t)n);
}

/* --- how many of each class --- */

typedef struct quota {
    int class;
    int64_t n, wanted;
    double rest; /* fraction n - wanted, before what is left over is handed out */
} quota;

static int by_rest(const void *a, const void *b)
{
    const quota *p = a, *q = b;
    if (p->rest != q->rest) return p->rest < q->rest ? 1 : -1;
    return (p->class > q->class) - (p->class < q->class);
}

static int by_class(const void *a, const void *b)
{
    return ((const quota *)a)->class - ((const quota *)b)->class;
}

/* `wanted` of each class so that all together are `total`: rounded down, then one more where most is missing.
 */
static void set_quotas(quota *q, int classes, double fraction, int64_t total)
{
    for (int i = 0; i < classes; i++) {
        double share = fraction * (double)q[i].n;
        q[i].wanted = (int64_t)share;
        q[i].rest = share - (double)q[i].wanted;
        total -= q[i].wanted;
    }
    qsort(q, (size_t)classes, sizeof *q, by_rest);
    for (int i = 0; i < classes && total > 0; i++) {
        if (q[i].wanted == q[i].n) continue;
        q[i].wanted++;
        total--;
    }
    qsort(q, (size_t)classes, sizeof *q, by_class);
}

static int64_t class_of(const tp_dataset *d, int64_t i)
{
    const int64_t *y = d->store->y_data;
    return y[d->rows ? d->rows[i] : i];
}

/* Moves the first `wanted` of each class to the front of the order; both parts keep their order. */
static bool pick_classes(const tp_dataset *d, double fraction, int64_t total, int64_t *order)
{
    tp_context *c = d->object.context;
    int classes = tp_dataset_classes(d);
    size_t size = (size_t)d->n * sizeof *order, quotas = (size_t)classes * sizeof(quota);
    quota *q = tp_alloc(c, quotas);
    int64_t *picked = q ? tp_alloc(c, size) : NULL;
    if (picked) {
        for (int i = 0; i < classes; i++) q[i] = (quota){.class = i};
        for (int64_t i = 0; i < d->n; i++) q[class_of(d, i)].n++;
        set_quotas(q, classes, fraction, total);
        int64_t front = 0, back = total;
        for (int64_t i = 0; i < d->n; i++) {
            quota *own = &q[class_of(d, order[i])];
            picked[own->wanted > 0 ? front++ : back++] = order[i];
            own->wanted--;
        }
        memcpy(order, picked, size);
        tp_free(c, picked, size);
    }
    tp_free(c, q, quotas);
    return picked != NULL;
}

/* --- splits --- */

static int by_number(const void *a, const void *b)
{
    int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
    return (p > q) - (p < q);
}

/* Fills an order of which the first `second` samples are the second part. */
static bool fill_order(const tp_dataset *d, double fraction, int64_t second, const tp_split_options *o,
                       int64_t *order)
{
    tp_random_order(o->seed, 0, order, d->n);
    return !o->stratify || pick_classes(d, fraction, second, order);
}

static int64_t part_size(const tp_dataset *d, double fraction)
{
    return (int64_t)ceil(fraction * (double)d->n);
}

/* Whether the data set can be split so; records why not. */
static bool can_split(tp_dataset *d, double fraction, bool stratify)
{
    static const char call[] = "tp_dataset_split";
    tp_context *c = tp_dataset_usable(d, call, "d");
    if (!c) return false;
    if (!(fraction >= 0 && fraction <= 1))
        tp_fail(c, TP_ERR_ARGUMENT, "%s: takes a fraction of 0 to 1, got %g", call, fraction);
    else if (stratify && d->store->kind != TP_TARGET_CLASSES)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: only classes can be stratified", call);
    else if (part_size(d, fraction) < 1 || part_size(d, fraction) >= d->n)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: a fraction of %g leaves one part of the %lld samples empty", call,
                fraction, (long long)d->n);
    return tp_ok(c);
}

void tp_dataset_split_with(tp_dataset *d, double fraction, tp_dataset **first, tp_dataset **second,
                           const tp_split_options *options)
{
    tp_split_options o = options ? *options : (tp_split_options){0};
    tp_context *c = d ? d->object.context : NULL;
    tp_dataset *parts[2] = {tp_nil_dataset(c), tp_nil_dataset(c)};
    if (can_split(d, fraction, o.stratify)) {
        int64_t n = part_size(d, fraction);
        size_t size = (size_t)d->n * sizeof(int64_t);
        tp_mark scope = tp_open_scope(c);
        int64_t *order = scope ? tp_alloc(c, size) : NULL;
        if (order && fill_order(d, fraction, n, &o, order)) {
            parts[1] = tp_dataset_keep(tp_dataset_rows(d, order, n));
            parts[0] = tp_dataset_keep(tp_dataset_rows(d, order + n, d->n - n));
        }
        if (order) tp_free(c, order, size);
        tp_close_scope(c, scope);
        if (!tp_ok(c)) parts[0] = parts[1] = tp_nil_dataset(c);
    }
    if (first) *first = parts[0];
    if (second) *second = parts[1];
}

tp_dataset *tp_dataset_fixed_part(tp_dataset *d, bool test)
{
    static const double fraction = 0.2;
    bool stratify = tp_dataset_target_kind(d) == TP_TARGET_CLASSES;
    tp_context *c = tp_dataset_context(d);
    if (!can_split(d, fraction, stratify)) return tp_nil_dataset(c);
    int64_t second = part_size(d, fraction), n = test ? second : d->n - second;
    size_t size = (size_t)d->n * sizeof(int64_t);
    int64_t *order = tp_alloc(c, size), *rows = order;
    if (!order) return tp_nil_dataset(c);
    tp_dataset *part = tp_nil_dataset(c);
    if (fill_order(d, fraction, second, &(tp_split_options){.stratify = stratify}, order)) {
        if (!test) rows += second;
        qsort(rows, (size_t)n, sizeof *rows, by_number);
        part = tp_dataset_rows(d, rows, n);
    }
    tp_free(c, order, size);
    return part;
}
