/* dataset.c - samples in memory, their names and parts. */
#include "data/values.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

enum { MOST_CLASSES = 1 << 20 };

/* --- names --- */

tp_names *tp_names_new(tp_context *c, const char *const *texts, int n)
{
    size_t head = sizeof(tp_names) + (size_t)n * sizeof(char *), size = head;
    for (int i = 0; i < n; i++) size += strlen(texts[i]) + 1;
    tp_names *names = tp_alloc(c, size);
    if (!names) return NULL;
    names->n = n;
    names->size = size;
    char *text = (char *)names + head;
    for (int i = 0; i < n; i++) {
        size_t length = strlen(texts[i]) + 1;
        names->at[i] = memcpy(text, texts[i], length);
        text += length;
    }
    return names;
}

tp_names *tp_names_numbered(tp_context *c, int n)
{
    enum { ROOM = 12 };
    size_t head = sizeof(tp_names) + (size_t)n * sizeof(char *), size = head + (size_t)n * ROOM;
    tp_names *names = tp_alloc(c, size);
    if (!names) return NULL;
    names->n = n;
    names->size = size;
    char *text = (char *)names + head;
    for (int i = 0; i < n; i++, text += ROOM) {
        snprintf(text, ROOM, "%d", i);
        names->at[i] = text;
    }
    return names;
}

void tp_names_free(tp_context *c, tp_names *names)
{
    if (names) tp_free(c, names, names->size);
}

/* --- the store --- */

static void store_destroy(tp_object *object)
{
    tp_store *s = (tp_store *)object;
    tp_context *c = object->context;
    if (s->x) tp_release(s->x);
    if (s->y) tp_release(s->y);
    tp_names_free(c, s->classes);
    tp_names_free(c, s->columns);
    tp_names_free(c, s->target);
    for (int64_t i = 0; s->categories && i < s->features; i++) tp_names_free(c, s->categories[i]);
    if (s->categories) tp_free(c, s->categories, (size_t)s->features * sizeof *s->categories);
    tp_object_free(object, sizeof *s, false);
}

static const tp_class store_class = {"store", store_destroy};

tp_store *tp_store_new(tp_context *c)
{
    tp_store *s = tp_alloc(c, sizeof *s);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    tp_object_init_unowned(&s->object, &store_class, c);
    s->kind = TP_TARGET_NONE;
    return s;
}

void *tp_store_values(tp_store *s, tp_tensor *x)
{
    if (tp_is_nil(x)) return NULL;
    s->x = tp_retain(x);
    s->dtype = tp_dtype_of(x);
    s->n = tp_size(x, 0);
    s->features = 1;
    for (int i = 1; i < tp_rank(x); i++) s->features *= tp_size(x, i);
    void *data = tp_data_mut(x);
    s->x_data = data;
    return data;
}

void *tp_store_targets(tp_store *s, tp_tensor *y)
{
    if (tp_is_nil(y)) return NULL;
    s->y = tp_retain(y);
    s->kind = tp_dtype_of(y) == TP_I64 ? TP_TARGET_CLASSES : TP_TARGET_NUMBERS;
    s->width = tp_rank(y) == 2 ? tp_size(y, 1) : 1;
    void *data = tp_data_mut(y);
    s->y_data = data;
    return data;
}

/* --- the data set --- */

static void dataset_destroy(tp_object *object)
{
    tp_dataset *d = (tp_dataset *)object;
    tp_object_release(&d->store->object);
    if (d->scaler) tp_object_release(&d->scaler->object);
    if (d->rows) tp_free(object->context, d->rows, (size_t)d->n * sizeof *d->rows);
    tp_object_free(object, sizeof *d, true);
}

static const tp_class dataset_class = {"data set", dataset_destroy};
static const tp_class nil_class = {"nil data set", NULL};

tp_dataset *tp_nil_dataset(tp_context *c) { return tp_nil_object(c, &nil_class); }

bool tp_dataset_is_nil(const tp_dataset *d)
{
    return !d || d->object.type != &dataset_class || d->object.refs < 1; /* freed: it has no store any more */
}

tp_context *tp_dataset_usable(const tp_dataset *d, const char *call, const char *argument)
{
    tp_context *c = d ? d->object.context : NULL;
    return tp_object_usable(c, d ? &d->object : NULL, call, argument) ? c : NULL;
}

tp_status tp_dataset_check(const tp_dataset *d, const char *call, const char *argument)
{
    if (!d) return TP_ERR_ARGUMENT;
    if (!tp_ok(d->object.context)) return tp_error(d->object.context);
    if (!tp_dataset_is_nil(d)) return TP_OK;
    return tp_report(d->object.context, TP_ERR_ARGUMENT, "%s: argument '%s' is nil, NULL or freed", call,
                     argument);
}

tp_dataset *tp_dataset_of(tp_context *c, tp_store *store)
{
    tp_dataset *d = tp_ok(c) && store ? tp_alloc(c, sizeof *d) : NULL;
    if (!d) {
        if (store) tp_object_release(&store->object);
        return tp_nil_dataset(c);
    }
    memset(d, 0, sizeof *d);
    tp_object_init(&d->object, &dataset_class, c);
    d->store = store;
    d->n = store->n;
    return d;
}

/* The class indices of y [n]: their number, or -1 after recording that one is negative or too large. */
static int count_classes(tp_context *c, const int64_t *y, int64_t n)
{
    int64_t most = -1;
    for (int64_t i = 0; i < n; i++) {
        if (y[i] < 0 || y[i] >= MOST_CLASSES) {
            tp_fail(c, TP_ERR_DATA, "tp_dataset_new: target %lld is %lld; classes go from 0 to %d",
                    (long long)i, (long long)y[i], MOST_CLASSES - 1);
            return -1;
        }
        if (y[i] > most) most = y[i];
    }
    return (int)most + 1;
}

static tp_tensor *copy_as(tp_tensor *t, tp_dtype dtype)
{
    return tp_dtype_of(t) == dtype ? tp_clone(tp_detach(t)) : tp_cast(tp_detach(t), dtype);
}

static bool fill_store(tp_store *s, tp_tensor *x, tp_tensor *y)
{
    tp_context *c = s->object.context;
    tp_dtype dtype = tp_dtype_of(x);
    tp_store_values(s, copy_as(x, dtype == TP_F16 || dtype == TP_BF16 ? TP_F32 : dtype));
    if (!y || !tp_ok(c)) return tp_ok(c);
    bool classes = !tp_dtype_is_float(tp_dtype_of(y));
    const int64_t *labels = tp_store_targets(s, copy_as(y, classes ? TP_I64 : TP_F64));
    if (!classes || !tp_ok(c)) return tp_ok(c);
    int n = count_classes(c, labels, s->n);
    if (n >= 0) s->classes = tp_names_numbered(c, n);
    return s->classes != NULL;
}

/* Whether tp_dataset_new takes these; records why not. */
static bool right_shapes(tp_context *c, tp_tensor *x, tp_tensor *y)
{
    static const char call[] = "tp_dataset_new";
    if (!tp_object_usable(c, (tp_object *)x, call, "x")) return false;
    if (y && !tp_object_usable(c, (tp_object *)y, call, "y")) return false;
    if (tp_rank(x) < 2)
        tp_fail(c, TP_ERR_SHAPE, "%s: x has %d axes; it takes samples [n,..] of one axis or more", call,
                tp_rank(x));
    else if (y && (tp_rank(y) < 1 || tp_rank(y) > 2 || tp_size(y, 0) != tp_size(x, 0)))
        tp_fail(c, TP_ERR_SHAPE, "%s: y of %lld samples and %d axes does not fit x of %lld samples", call,
                (long long)tp_size(y, 0), tp_rank(y), (long long)tp_size(x, 0));
    else if (y && tp_rank(y) == 2 && !tp_dtype_is_float(tp_dtype_of(y)))
        tp_fail(c, TP_ERR_SHAPE, "%s: class indices are y [n]; y [n,k] must be of floats", call);
    return tp_ok(c);
}

tp_dataset *tp_dataset_new(tp_context *c, tp_tensor *x, tp_tensor *y)
{
    if (!tp_ok(c) || !right_shapes(c, x, y)) return tp_nil_dataset(c);
    tp_mark scope = tp_open_no_grad(c);
    tp_store *s = tp_store_new(c);
    bool filled = s && fill_store(s, x, y);
    tp_close_scope(c, scope);
    if (s && !filled) {
        tp_object_release(&s->object);
        s = NULL;
    }
    return tp_dataset_of(c, s);
}

tp_dataset *tp_dataset_keep(tp_dataset *d)
{
    if (!tp_dataset_is_nil(d)) tp_object_keep(&d->object);
    return d;
}

tp_context *tp_dataset_context(const tp_dataset *d) { return d ? d->object.context : NULL; }

/* The part of `d` at n `rows` of its store, a block that it takes over also where it fails. */
static tp_dataset *new_part(tp_dataset *d, int64_t *rows, int64_t n)
{
    tp_context *c = d->object.context;
    tp_object_retain(&d->store->object);
    tp_dataset *part = tp_dataset_of(c, d->store);
    if (tp_dataset_is_nil(part)) {
        if (rows) tp_free(c, rows, (size_t)n * sizeof *rows);
        return part;
    }
    part->rows = rows;
    part->n = n;
    part->scaler = d->scaler;
    if (d->scaler) tp_object_retain(&d->scaler->object);
    return part;
}

tp_dataset *tp_dataset_rows(tp_dataset *d, const int64_t *rows, int64_t n)
{
    static const char call[] = "tp_dataset_rows";
    tp_context *c = tp_dataset_usable(d, call, "d");
    if (!c) return tp_nil_dataset(d ? d->object.context : NULL);
    if (n < 0 || (n && !rows)) {
        tp_fail(c, TP_ERR_ARGUMENT, "%s: takes %s", call, n < 0 ? "n of 0 or more" : "row numbers, got NULL");
        return tp_nil_dataset(c);
    }
    for (int64_t i = 0; i < n; i++) {
        if (rows[i] >= 0 && rows[i] < d->n) continue;
        tp_fail(c, TP_ERR_ARGUMENT, "%s: there is no sample %lld among %lld", call, (long long)rows[i],
                (long long)d->n);
        return tp_nil_dataset(c);
    }
    int64_t *copy = n ? tp_alloc(c, (size_t)n * sizeof *copy) : NULL;
    if (n && !copy) return tp_nil_dataset(c);
    for (int64_t i = 0; i < n; i++) copy[i] = d->rows ? d->rows[rows[i]] : rows[i];
    return new_part(d, copy, n);
}

/* --- look --- */

int64_t tp_dataset_size(const tp_dataset *d) { return tp_dataset_is_nil(d) ? 0 : d->n; }

tp_shape tp_dataset_sample_shape(const tp_dataset *d)
{
    tp_shape sample = {0};
    if (tp_dataset_is_nil(d)) return sample;
    tp_shape all = tp_shape_of(d->store->x);
    sample.n = all.n - 1;
    memcpy(sample.v, all.v + 1, (size_t)sample.n * sizeof sample.v[0]);
    return sample;
}

tp_dtype tp_dataset_dtype(const tp_dataset *d) { return tp_dataset_is_nil(d) ? TP_F32 : d->store->dtype; }

int tp_dataset_classes(const tp_dataset *d)
{
    return tp_dataset_is_nil(d) || !d->store->classes ? 0 : d->store->classes->n;
}

const char *tp_dataset_class_name(const tp_dataset *d, int i)
{
    return i >= 0 && i < tp_dataset_classes(d) ? d->store->classes->at[i] : NULL;
}

tp_target_kind tp_dataset_target_kind(const tp_dataset *d)
{
    return tp_dataset_is_nil(d) ? TP_TARGET_NONE : d->store->kind;
}

const char *tp_dataset_target_name(const tp_dataset *d)
{
    return tp_dataset_is_nil(d) || !d->store->target ? "target" : d->store->target->at[0];
}

const char *tp_dataset_feature_name(const tp_dataset *d, int i)
{
    const tp_names *names = tp_dataset_is_nil(d) ? NULL : d->store->columns;
    return names && i >= 0 && i < names->n ? names->at[i] : NULL;
}

const char *tp_dataset_category(const tp_dataset *d, int i, int k)
{
    if (tp_dataset_is_nil(d) || !d->store->categories || i < 0 || i >= d->store->features) return NULL;
    const tp_names *names = d->store->categories[i];
    return names && k >= 0 && k < names->n ? names->at[k] : NULL;
}

/* Each piece is hashed by XXH3 from the hash of those before it. */
uint64_t tp_dataset_hash(const tp_dataset *d)
{
    if (tp_dataset_is_nil(d)) return 0;
    const tp_store *s = d->store;
    tp_shape shape = tp_dataset_sample_shape(d);
    const int64_t head[] = {d->n, s->dtype, s->kind, s->y ? tp_rank(s->y) : 0};
    size_t x_size = (size_t)s->features * tp_dtype_size(s->dtype), y_size = (size_t)s->width * 8;
    uint64_t hash = XXH3_64bits_withSeed(head, sizeof head, 0);
    hash = XXH3_64bits_withSeed(shape.v, (size_t)shape.n * sizeof shape.v[0], hash);
    if (d->scaler) hash = XXH3_64bits_withSeed(d->scaler->mean, (size_t)d->scaler->n * 16, hash);
    for (int64_t i = 0; i < d->n; i++) {
        size_t row = (size_t)(d->rows ? d->rows[i] : i);
        hash = XXH3_64bits_withSeed((const char *)s->x_data + row * x_size, x_size, hash);
        if (s->y) hash = XXH3_64bits_withSeed((const char *)s->y_data + row * y_size, y_size, hash);
    }
    return hash;
}

static tp_tensor *targets(const tp_dataset *d, tp_context *c, tp_dtype dtype)
{
    tp_shape shape = tp_shape_of(d->store->y);
    shape.v[0] = d->n;
    tp_mark scope = tp_open_no_grad(c);
    bool classes = d->store->kind == TP_TARGET_CLASSES;
    tp_tensor *y = tp_zeros(c, shape, classes ? TP_I64 : TP_F64);
    if (!tp_is_nil(y)) tp_dataset_gather(d, NULL, NULL, 0, d->n, TP_F64, NULL, tp_data_mut(y));
    if (!classes && dtype != TP_F64) y = tp_cast(y, dtype);
    tp_keep(y);
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_dataset_y(const tp_dataset *d, tp_dtype dtype)
{
    static const char call[] = "tp_dataset_y";
    tp_context *c = tp_dataset_usable(d, call, "d");
    if (!c) return tp_nil(d ? d->object.context : NULL);
    if (!d->store->y)
        tp_fail(c, TP_ERR_STATE, "%s: this data set has no targets", call);
    else if (!tp_dtype_is_float(dtype))
        tp_fail(c, TP_ERR_DTYPE, "%s: takes f16, bf16, f32 or f64, got %s", call, tp_dtype_name(dtype));
    return tp_ok(c) ? targets(d, c, dtype) : tp_nil(c);
}

tp_tensor *tp_dataset_x(const tp_dataset *d, tp_dtype dtype)
{
    static const char call[] = "tp_dataset_x";
    tp_context *c = tp_dataset_usable(d, call, "d");
    if (!c) return tp_nil(d ? d->object.context : NULL);
    if (!tp_dtype_is_float(dtype)) {
        tp_fail(c, TP_ERR_DTYPE, "%s: takes f16, bf16, f32 or f64, got %s", call, tp_dtype_name(dtype));
        return tp_nil(c);
    }
    tp_dtype wide = dtype == TP_F64 ? TP_F64 : TP_F32;
    tp_shape shape = tp_shape_of(d->store->x);
    shape.v[0] = d->n;
    tp_mark scope = tp_open_no_grad(c);
    tp_tensor *x = tp_zeros(c, shape, wide);
    if (!tp_is_nil(x)) tp_dataset_gather(d, d->scaler, NULL, 0, d->n, wide, tp_data_mut(x), NULL);
    if (dtype != wide) x = tp_cast(x, dtype);
    tp_keep(x);
    tp_close_scope(c, scope);
    return x;
}

/* --- naming --- */

/* Replaces a list of names by n texts, which may have to be distinct. */
static tp_status rename_all(tp_dataset *d, tp_names **list, const char *const *texts, int n, bool distinct,
                            const char *call)
{
    tp_context *c = d->object.context;
    for (int i = 0; i < n; i++)
        if (!texts || !texts[i]) return tp_report(c, TP_ERR_ARGUMENT, "%s: name %d is NULL", call, i);
    tp_values values = {.context = c};
    bool sorted = tp_values_set(&values, tp_names_new(c, texts, n));
    const char *twice = sorted && distinct ? tp_values_twice(&values) : NULL;
    if (twice) tp_report(c, TP_ERR_ARGUMENT, "%s: two are called '%.128s'", call, twice);
    tp_names *names = sorted && !twice ? tp_values_take(&values) : NULL;
    tp_values_free(&values);
    if (!names) return twice ? TP_ERR_ARGUMENT : tp_error(c);
    tp_names_free(c, *list);
    *list = names;
    return TP_OK;
}

tp_status tp_dataset_name_classes(tp_dataset *d, const char *const *names, int n)
{
    static const char call[] = "tp_dataset_name_classes";
    tp_status status = tp_dataset_check(d, call, "d");
    if (status) return status;
    tp_context *c = d->object.context;
    if (d->store->kind != TP_TARGET_CLASSES)
        return tp_report(c, TP_ERR_STATE, "%s: the targets are no classes", call);
    if (n < d->store->classes->n || n > MOST_CLASSES)
        return tp_report(c, TP_ERR_ARGUMENT, "%s: %d names for %d classes", call, n, d->store->classes->n);
    return rename_all(d, &d->store->classes, names, n, true, call);
}

tp_status tp_dataset_name_features(tp_dataset *d, const char *const *names, int n)
{
    static const char call[] = "tp_dataset_name_features";
    tp_status status = tp_dataset_check(d, call, "d");
    if (status) return status;
    if (n != d->store->features)
        return tp_report(d->object.context, TP_ERR_ARGUMENT, "%s: %d names for %lld columns", call, n,
                         (long long)d->store->features);
    return rename_all(d, &d->store->columns, names, n, false, call);
}

tp_status tp_dataset_name_categories(tp_dataset *d, int column, const char *const *names, int n)
{
    static const char call[] = "tp_dataset_name_categories";
    tp_status status = tp_dataset_check(d, call, "d");
    if (status) return status;
    tp_store *s = d->store;
    tp_context *c = d->object.context;
    if (column < 0 || column >= s->features || n < 1)
        return tp_report(c, TP_ERR_ARGUMENT, "%s: %d names for column %d of %lld", call, n, column,
                         (long long)s->features);
    if (!s->categories) {
        size_t size = (size_t)s->features * sizeof *s->categories;
        s->categories = tp_alloc(c, size);
        if (!s->categories) return tp_error(c);
        memset(s->categories, 0, size);
    }
    return rename_all(d, &s->categories[column], names, n, true, call);
}

tp_status tp_dataset_name_target(tp_dataset *d, const char *name)
{
    static const char call[] = "tp_dataset_name_target";
    tp_status status = tp_dataset_check(d, call, "d");
    return status ? status : rename_all(d, &d->store->target, &name, 1, false, call);
}
