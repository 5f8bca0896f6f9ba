/* loader.c - batches, epoch after epoch. */
#include "data/loader.h"

#include <string.h>

static void loader_destroy(tp_object *object)
{
    tp_loader *l = (tp_loader *)object;
    if (l->prefetch) tp_prefetch_stop(l);
    for (int i = 0; i < 2; i++) {
        if (l->x[i]) tp_release(l->x[i]);
        if (l->y[i]) tp_release(l->y[i]);
    }
    if (l->order) tp_free(object->context, l->order, (size_t)l->data->n * sizeof *l->order);
    if (l->scaler) tp_object_release(&l->scaler->object);
    tp_object_release(&l->data->object);
    tp_object_free(object, sizeof *l, true);
}

static const tp_class loader_class = {"loader", loader_destroy};
static const tp_class nil_class = {"nil loader", NULL};

tp_loader *tp_nil_loader(tp_context *c) { return tp_nil_object(c, &nil_class); }

bool tp_loader_is_nil(const tp_loader *l)
{
    return !l || l->object.type != &loader_class || l->object.refs < 1;
}

/* --- make --- */

/* The tensors of a batch of `size` samples, made in the current scope. */
static bool make_batch(tp_loader *l, int i, int64_t size)
{
    const tp_store *s = l->data->store;
    tp_context *c = l->object.context;
    tp_shape shape = tp_shape_of(s->x);
    shape.v[0] = size;
    tp_tensor *x = tp_zeros(c, shape, l->dtype);
    if (tp_is_nil(x)) return false;
    l->x[i] = tp_retain(x);
    if (!s->y) return true;
    shape = tp_shape_of(s->y);
    shape.v[0] = size;
    tp_tensor *y = tp_zeros(c, shape, s->kind == TP_TARGET_CLASSES ? TP_I64 : l->dtype);
    if (tp_is_nil(y)) return false;
    l->y[i] = tp_retain(y);
    return true;
}

static bool make_parts(tp_loader *l, bool prefetch)
{
    tp_context *c = l->object.context;
    const tp_store *s = l->data->store;
    int64_t full = l->batch_size < l->n ? l->batch_size : l->n, last = l->n % full;
    if (!make_batch(l, 0, full) || (last && !make_batch(l, 1, last))) return false;
    l->x_size = (size_t)s->features * tp_dtype_size(l->dtype);
    if (s->y) l->y_size = (size_t)(tp_numel(l->y[0]) / full) * tp_dtype_size(tp_dtype_of(l->y[0]));
    if (l->shuffle) l->order = tp_alloc(c, (size_t)l->data->n * sizeof *l->order);
    return (!l->shuffle || l->order) && (!prefetch || tp_prefetch_start(l));
}

/* Whether there is such a loader; records why not. */
static bool right_options(tp_context *c, const tp_dataset *d, const tp_loader_options *o)
{
    static const char call[] = "tp_loader_new";
    if (o->batch_size < 1)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: takes a batch size of 1 or more, got %lld", call,
                o->batch_size == TP_ZERO ? 0 : (long long)o->batch_size);
    else if (o->dtype != TP_F32 && o->dtype != TP_F64)
        tp_fail(c, TP_ERR_DTYPE, "%s: makes batches of f32 or f64, not of %s", call, tp_dtype_name(o->dtype));
    else if (d->n < 1)
        tp_fail(c, TP_ERR_DATA, "%s: the data set is empty", call);
    else if (o->drop_last && d->n < o->batch_size)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: %lld samples are no full batch of %lld", call, (long long)d->n,
                (long long)o->batch_size);
    return tp_ok(c);
}

tp_loader *tp_loader_new_with(tp_dataset *d, const tp_loader_options *options)
{
    tp_loader_options o = options ? *options : (tp_loader_options){0};
    if (o.batch_size == 0) o.batch_size = 32;
    if (o.dtype == TP_BOOL) o.dtype = TP_F32;
    tp_context *c = tp_dataset_usable(d, "tp_loader_new", "d");
    if (!c || !right_options(c, d, &o)) return tp_nil_loader(d ? d->object.context : NULL);
    tp_loader *l = tp_alloc(c, sizeof *l);
    if (!l) return tp_nil_loader(c);
    memset(l, 0, sizeof *l);
    tp_object_init(&l->object, &loader_class, c);
    tp_object_retain(&d->object);
    l->data = d;
    l->scaler = d->scaler;
    if (l->scaler) tp_object_retain(&l->scaler->object);
    l->dtype = o.dtype;
    l->shuffle = o.shuffle;
    l->seed = o.seed;
    l->batch_size = o.batch_size;
    l->batches = d->n / o.batch_size + (!o.drop_last && d->n % o.batch_size != 0);
    l->n = o.drop_last ? l->batches * o.batch_size : d->n;
    l->order_epoch = -1;
    tp_mark scope = tp_open_scope(c);
    bool made = scope && make_parts(l, o.prefetch);
    tp_close_scope(c, scope);
    if (!made) tp_object_drop(&l->object);
    return made ? l : tp_nil_loader(c);
}

/* --- use --- */

int64_t tp_loader_count(const tp_loader *l, int64_t at)
{
    int64_t left = l->n - at * l->batch_size;
    return left < l->batch_size ? left : l->batch_size;
}

void tp_loader_fill(tp_loader *l, int64_t epoch, int64_t at, void *x, void *y)
{
    if (l->shuffle && l->order_epoch != epoch) {
        tp_random_order(l->seed, (uint64_t)epoch, l->order, l->data->n);
        l->order_epoch = epoch;
    }
    tp_dataset_gather(l->data, l->scaler, l->order, at * l->batch_size, tp_loader_count(l, at), l->dtype, x,
                      y);
}

bool tp_loader_next(tp_loader *l, tp_batch *batch)
{
    tp_batch none = {.x = tp_nil(l ? l->object.context : NULL), .y = tp_nil(l ? l->object.context : NULL)};
    if (batch) *batch = none;
    tp_context *c = l ? l->object.context : NULL;
    if (!tp_object_usable(c, l ? &l->object : NULL, "tp_loader_next", "l")) return false;
    if (!batch) {
        tp_fail(c, TP_ERR_ARGUMENT, "tp_loader_next: argument 'batch' is NULL");
        return false;
    }
    if (l->at == l->batches) {
        l->at = 0;
        l->epoch++;
        return false;
    }
    int64_t size = tp_loader_count(l, l->at);
    int i = l->x[1] && l->at == l->batches - 1;
    void *x = tp_data_mut(l->x[i]), *y = l->y[i] ? tp_data_mut(l->y[i]) : NULL;
    if (!tp_ok(c)) return false;
    bool last = l->at + 1 == l->batches;
    if (l->prefetch)
        tp_prefetch_fill(l, l->epoch + last, last ? 0 : l->at + 1, x, y);
    else
        tp_loader_fill(l, l->epoch, l->at, x, y);
    l->at++;
    *batch = (tp_batch){.x = l->x[i], .y = l->y[i] ? l->y[i] : none.y, .size = size};
    return true;
}

int64_t tp_loader_batches(const tp_loader *l) { return tp_loader_is_nil(l) ? 0 : l->batches; }

int64_t tp_loader_epoch(const tp_loader *l) { return tp_loader_is_nil(l) ? 0 : l->epoch; }

int64_t tp_loader_position(const tp_loader *l) { return tp_loader_is_nil(l) ? 0 : l->at; }

tp_status tp_loader_seek(tp_loader *l, int64_t epoch, int64_t batch)
{
    if (!l) return TP_ERR_ARGUMENT;
    tp_context *c = l->object.context;
    if (!tp_ok(c)) return tp_error(c);
    if (tp_loader_is_nil(l))
        return tp_report(c, TP_ERR_ARGUMENT, "tp_loader_seek: argument 'l' is nil, NULL or freed");
    if (epoch < 0 || batch < 0 || batch > l->batches)
        return tp_report(c, TP_ERR_ARGUMENT,
                         "tp_loader_seek: there is no batch %lld of epoch %lld, among %lld", (long long)batch,
                         (long long)epoch, (long long)l->batches);
    l->epoch = epoch;
    l->at = batch;
    return TP_OK;
}
