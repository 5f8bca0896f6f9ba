#include "tensor/tensor.h"

#include "tensor/dtype.h"

#include <math.h>
#include <string.h>

static void tensor_destroy(tp_object *object)
{
    tp_tensor *t = (tp_tensor *)object;
    tp_context *c = object->context;
    tp_storage_release(c, t->storage);
    if (t->node) tp_object_let_go(t->node);
    if (t->tangents) tp_object_let_go(t->tangents);
    if (t->leaf) tp_tensor_release(t->leaf);
    if (t->grad) tp_tensor_release(t->grad);
    if (t->pending) tp_tensor_release(t->pending);
    if (c->check)
        tp_object_free(object, sizeof *t, true);
    else
        tp_cache_free(&c->cache, t, sizeof *t);
}

static const tp_class tensor_class = {"tensor", tensor_destroy};

static const tp_class nil_class = {"nil tensor", NULL};

tp_tensor *tp_nil(tp_context *c)
{
    _Static_assert(sizeof(tp_tensor) <= sizeof(tp_nil_room), "a nil must fit its place in the context");
    return tp_nil_object(c, &nil_class);
}

bool tp_is_nil(const tp_tensor *t) { return tp_absent(t); }

#define STALE "%s: the tensor was freed %s"

bool tp_tensor_alive(const tp_tensor *t, const char *call)
{
    if (tp_is_nil(t)) return false;
    if (t->object.refs > 0) return true;
    char when[TP_WHEN];
    tp_fail(t->object.context, TP_ERR_STATE, STALE, call, tp_freed_when(&t->object, when));
    return false;
}

bool tp_tensor_usable(tp_context *c, const tp_tensor *t, const char *call, const char *argument)
{
    return tp_object_usable(c, t ? &t->object : NULL, call, argument);
}

tp_tensor *tp_tensor_handle(tp_context *c)
{
    tp_tensor *t = tp_take(c, sizeof *t);
    if (!t) return NULL;
    tp_object_init(&t->object, &tensor_class, c);
    t->storage = NULL;
    t->offset = 0;
    t->read_only = t->requires_grad = false;
    t->node_output = 0;
    t->node = t->tangents = NULL;
    t->leaf = t->grad = t->pending = t->next_pending = NULL;
    return t;
}

tp_tensor *tp_tensor_new(tp_context *c, const tp_shape *shape, tp_dtype dtype)
{
    size_t bytes = (size_t)(tp_shape_numel(shape->v, shape->n) * tp_bytes(dtype));
    tp_storage *storage = tp_storage_new(c, bytes);
    if (!storage) return tp_nil(c);
    tp_tensor *t = tp_tensor_handle(c);
    if (!t) {
        tp_storage_release(c, storage);
        return tp_nil(c);
    }
    t->storage = storage;
    t->dtype = dtype;
    t->rank = shape->n;
    for (int i = 0; i < shape->n; i++) t->size[i] = shape->v[i];
    tp_row_major(t->size, t->rank, t->stride);
    return t;
}

tp_tensor *tp_tensor_alias(tp_context *c, const tp_tensor *t)
{
    tp_tensor *a = tp_tensor_handle(c);
    if (!a) return tp_nil(c);
    a->storage = t->storage;
    a->offset = t->offset;
    a->dtype = t->dtype;
    a->rank = t->rank;
    a->read_only = t->read_only;
    memcpy(a->size, t->size, sizeof a->size);
    memcpy(a->stride, t->stride, sizeof a->stride);
    tp_storage_retain(t->storage);
    return a;
}

tp_tensor *tp_tensor_own(tp_tensor *t)
{
    if (!tp_is_nil(t)) tp_object_disown(&t->object);
    return t;
}

void tp_tensor_release(tp_tensor *t)
{
    if (!tp_is_nil(t)) tp_object_let_go(&t->object);
}

void tp_tensor_retain(tp_tensor *t)
{
    if (!tp_is_nil(t)) tp_object_retain(&t->object);
}

tp_tensor *tp_retain(tp_tensor *t)
{
    if (tp_tensor_alive(t, "tp_retain")) tp_object_retain(&t->object);
    return t;
}

void tp_release(tp_tensor *t)
{
    if (tp_tensor_alive(t, "tp_release")) tp_object_release(&t->object);
}

tp_tensor *tp_keep(tp_tensor *t)
{
    if (tp_tensor_alive(t, "tp_keep")) tp_object_keep(&t->object);
    return t;
}

void tp_drop(tp_tensor *t)
{
    if (tp_tensor_alive(t, "tp_drop")) tp_object_drop(&t->object);
}

tp_tensor *tp_share_tensor(tp_context *c, const tp_tensor *t)
{
    if (!tp_ok(c)) return tp_nil(c);
    if (tp_is_nil(t) || t->object.refs <= 0) { /* a failure of this context, not of t's */
        tp_fail(c, TP_ERR_ARGUMENT, "tp_share_tensor: argument 't' is nil, NULL or freed");
        return tp_nil(c);
    }
    c->call = "tp_share_tensor";
    tp_tensor *shared = tp_tensor_alias(c, t);
    if (!tp_is_nil(shared)) shared->read_only = true;
    return shared;
}

/* --- look --- */

tp_context *tp_context_of(const tp_tensor *t) { return t ? t->object.context : NULL; }

int tp_rank(const tp_tensor *t) { return tp_tensor_alive(t, "tp_rank") ? t->rank : 0; }

int64_t tp_size(const tp_tensor *t, int axis)
{
    if (!tp_tensor_alive(t, "tp_size")) return 0;
    if (axis < 0) axis += t->rank;
    return axis >= 0 && axis < t->rank ? t->size[axis] : 0;
}

int64_t tp_numel(const tp_tensor *t)
{
    return tp_tensor_alive(t, "tp_numel") ? tp_shape_numel(t->size, t->rank) : 0;
}

static tp_ints list(const int64_t *v, int n)
{
    tp_ints ints = {.n = n};
    for (int i = 0; i < n; i++) ints.v[i] = v[i];
    return ints;
}

tp_shape tp_shape_of(const tp_tensor *t)
{
    return tp_tensor_alive(t, "tp_shape_of") ? list(t->size, t->rank) : TP_SCALAR;
}

tp_ints tp_strides_of(const tp_tensor *t)
{
    return tp_tensor_alive(t, "tp_strides_of") ? list(t->stride, t->rank) : TP_SCALAR;
}

tp_dtype tp_dtype_of(const tp_tensor *t) { return tp_tensor_alive(t, "tp_dtype_of") ? t->dtype : TP_F32; }

bool tp_is_contiguous(const tp_tensor *t)
{
    if (!tp_tensor_alive(t, "tp_is_contiguous")) return true;
    int64_t step = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        if (t->size[i] == 0) return true;
        if (t->size[i] != 1 && t->stride[i] != step) return false;
        step *= t->size[i];
    }
    return true;
}

bool tp_is_dense(const tp_tensor *t, int64_t n)
{
    int64_t step = 1;
    for (int i = 0; i < t->rank && step < n;)
        if (t->size[i] > 1 && t->stride[i] == step) {
            step *= t->size[i];
            i = 0;
        } else {
            i++;
        }
    return step == n;
}

/* --- read and write --- */

static double load_at(const tp_tensor *t, int64_t element)
{
    size_t size = tp_dtype_size(t->dtype);
    double value;
    tp_convert(&value, 1, TP_F64, (char *)t->storage->data + (t->offset + element) * (int64_t)size, 1,
               t->dtype, 1);
    return value;
}

double tp_item(const tp_tensor *t)
{
    if (!tp_tensor_alive(t, "tp_item") || t->object.context->status != TP_OK) return (double)NAN;
    if (tp_numel(t) != 1) {
        char text[256];
        tp_fail(t->object.context, TP_ERR_SHAPE, "tp_item: takes one element, got %s",
                tp_shape_text(t->size, t->rank, text, sizeof text));
        return (double)NAN;
    }
    return load_at(t, 0);
}

double tp_get(const tp_tensor *t, tp_ints index)
{
    if (!tp_tensor_alive(t, "tp_get") || t->object.context->status != TP_OK) return (double)NAN;
    char shape[256], wanted[256];
    int64_t element = 0;
    bool inside = index.n == t->rank;
    for (int i = 0; inside && i < t->rank; i++) {
        int64_t k = index.v[i] < 0 ? index.v[i] + t->size[i] : index.v[i];
        inside = k >= 0 && k < t->size[i];
        element += k * t->stride[i];
    }
    if (inside) return load_at(t, element);
    int shown = index.n < 0 || index.n > TP_INTERNAL_RANK ? 0 : index.n;
    tp_fail(t->object.context, TP_ERR_ARGUMENT, "tp_get: index %s is outside %s",
            tp_shape_text(index.v, shown, wanted, sizeof wanted),
            tp_shape_text(t->size, t->rank, shape, sizeof shape));
    return (double)NAN;
}

/* What a call that returns a status starts with: the context's failure, or what is wrong with the tensor. */
static tp_status ready(const tp_tensor *t, const char *call)
{
    tp_context *c = tp_context_of(t);
    if (!c) return TP_ERR_ARGUMENT;
    if (c->status != TP_OK) return c->status;
    if (tp_is_nil(t)) return tp_report(c, TP_ERR_ARGUMENT, "%s: the tensor is nil", call);
    if (t->object.refs > 0) return TP_OK;
    char when[TP_WHEN];
    return tp_report(c, TP_ERR_STATE, STALE, call, tp_freed_when(&t->object, when));
}

/* A row-major array over plain memory with the shape of `t`. */
static tp_array flat_array(const tp_tensor *t, void *data, tp_dtype dtype)
{
    tp_array a;
    tp_tensor_array(t, &a);
    a.data = data;
    a.dtype = dtype;
    tp_row_major(a.size, a.rank, a.stride);
    return a;
}

/* Whether a buffer is there and of the size wanted. */
static tp_status buffer_fits(const tp_tensor *t, const char *call, const char *argument, const void *buffer,
                             size_t size, size_t wanted)
{
    tp_context *c = t->object.context;
    if (size != wanted)
        return tp_report(c, TP_ERR_ARGUMENT, "%s: takes %zu bytes, got %zu", call, wanted, size);
    if (!buffer && size) return tp_report(c, TP_ERR_ARGUMENT, "%s: argument '%s' is NULL", call, argument);
    return TP_OK;
}

static size_t bytes_of(const tp_tensor *t) { return (size_t)tp_numel(t) * tp_dtype_size(t->dtype); }

tp_status tp_read(const tp_tensor *t, void *out, size_t size)
{
    tp_status status = ready(t, "tp_read");
    if (status == TP_OK) status = buffer_fits(t, "tp_read", "out", out, size, bytes_of(t));
    if (status != TP_OK) return status;
    tp_array from, to = flat_array(t, out, t->dtype);
    tp_tensor_array(t, &from);
    tp_array_copy(&to, &from);
    return TP_OK;
}

tp_status tp_read_doubles(const tp_tensor *t, double *out, int64_t n)
{
    tp_status status = ready(t, "tp_read_doubles");
    if (status != TP_OK) return status;
    if (n != tp_numel(t))
        return tp_report(t->object.context, TP_ERR_ARGUMENT, "tp_read_doubles: takes %lld elements, got %lld",
                         (long long)tp_numel(t), (long long)n);
    size_t bytes = (size_t)n * sizeof *out;
    status = buffer_fits(t, "tp_read_doubles", "out", out, bytes, bytes);
    if (status != TP_OK) return status;
    tp_array from, to = flat_array(t, out, TP_F64);
    tp_tensor_array(t, &from);
    tp_array_copy(&to, &from);
    return TP_OK;
}

#define READ_ONLY "%s: the tensor is shared with another context, read-only"

tp_status tp_write(tp_tensor *t, const void *data, size_t size)
{
    tp_status status = ready(t, "tp_write");
    if (status == TP_OK && t->read_only)
        status = tp_report(t->object.context, TP_ERR_STATE, READ_ONLY, "tp_write");
    if (status == TP_OK) status = buffer_fits(t, "tp_write", "data", data, size, bytes_of(t));
    if (status != TP_OK) return status;
    union {
        const void *in;
        void *plain;
    } source = {data}; /* only read */
    tp_array to, from = flat_array(t, source.plain, t->dtype);
    tp_tensor_array(t, &to);
    tp_array_copy(&to, &from);
    tp_tensor_touch(t);
    return TP_OK;
}

const void *tp_data(const tp_tensor *t)
{
    if (!tp_tensor_alive(t, "tp_data")) return NULL;
    return (char *)t->storage->data + t->offset * tp_bytes(t->dtype);
}

void *tp_data_mut(tp_tensor *t)
{
    tp_context *c = tp_context_of(t);
    if (!tp_tensor_usable(c, t, "tp_data_mut", "t")) return NULL;
    if (t->read_only) {
        tp_fail(c, TP_ERR_STATE, READ_ONLY, "tp_data_mut");
        return NULL;
    }
    tp_tensor_touch(t);
    return (char *)t->storage->data + t->offset * tp_bytes(t->dtype);
}
