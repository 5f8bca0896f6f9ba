/* describe.c - what a data set is, without its samples, as JSON and back. */
#include "io/safetensors.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* In the order of tp_target_kind; the first is never the kind of a set. */
static const char *const kinds[] = {"", "classes", "numbers", "none"};

enum { MOST_COLUMNS = 1 << 20 }; /* of a table */

/* --- to JSON --- */

/* The lists of names that a set has. */
typedef enum names { CLASSES, FEATURES, CATEGORIES } names;

static const char *name_at(const tp_dataset *d, names which, int column, int i)
{
    if (which == CLASSES) return tp_dataset_class_name(d, i);
    return which == FEATURES ? tp_dataset_feature_name(d, i) : tp_dataset_category(d, column, i);
}

/* A value that may be NULL is put in; then all goes on, and is found to be wrong at the end. */
static void put(json_t *object, const char *key, json_t *value, bool *good)
{
    if (json_object_set_new(object, key, value) != 0) *good = false;
}

static void append(json_t *list, json_t *value, bool *good)
{
    if (json_array_append_new(list, value) != 0) *good = false;
}

/* Puts a list of names in, if there are any. */
static void put_names(json_t *object, const char *key, const tp_dataset *d, names which, int column,
                      bool *good)
{
    if (!name_at(d, which, column, 0)) return;
    json_t *list = json_array();
    const char *name;
    for (int i = 0; (name = name_at(d, which, column, i)) != NULL; i++) append(list, json_string(name), good);
    put(object, key, list, good);
}

static void put_categories(json_t *object, const tp_dataset *d, int64_t features, bool *good)
{
    char key[16];
    json_t *columns = json_object();
    for (int i = 0; features <= MOST_COLUMNS && i < features; i++) {
        if (!tp_dataset_category(d, i, 0)) continue;
        snprintf(key, sizeof key, "%d", i);
        put_names(columns, key, d, CATEGORIES, i, good);
    }
    put(object, "categories", columns, good);
}

/* The sizes in a shape. */
static void put_sizes(json_t *object, const char *key, tp_shape shape, bool *good)
{
    json_t *list = json_array();
    for (int i = 0; i < shape.n; i++) append(list, json_integer(shape.v[i]), good);
    put(object, key, list, good);
}

static void put_numbers(json_t *object, const char *key, const tp_tensor *t, bool *good)
{
    tp_context *c = tp_context_of(t);
    int64_t n = tp_numel(t);
    json_t *list = json_array();
    double *values = tp_alloc(c, (size_t)n * sizeof *values + 1);
    if (values && tp_read_doubles(t, values, n) == TP_OK)
        for (int64_t i = 0; i < n; i++) append(list, json_real(values[i]), good);
    tp_free(c, values, (size_t)n * sizeof *values + 1);
    put(object, key, list, good);
}

static int64_t numel(tp_shape shape)
{
    int64_t n = 1;
    for (int i = 0; i < shape.n; i++)
        if (__builtin_mul_overflow(n, shape.v[i], &n)) return -1;
    return n;
}

static void put_target(json_t *object, const tp_dataset *d, bool *good)
{
    json_t *target = json_object();
    tp_target_kind kind = tp_dataset_target_kind(d);
    put(target, "kind", json_string(kinds[kind]), good);
    put(target, "name", json_string(tp_dataset_target_name(d)), good);
    put_names(target, "classes", d, CLASSES, 0, good);
    if (kind == TP_TARGET_NUMBERS) {
        tp_shape shape = tp_shape_of(tp_dataset_y(d, TP_F64));
        put_sizes(target, "sizes", (tp_shape){shape.n - 1, {shape.v[1]}}, good);
    }
    put(object, "target", target, good);
}

json_t *tp_data_to_json(tp_context *c, const tp_dataset *d, const char *call)
{
    bool good = true;
    errno = 0; /* it tells missing memory from what jansson does not take */
    json_t *object = json_object();
    tp_shape sample = tp_dataset_sample_shape(d);
    put_sizes(object, "sample", sample, &good);
    put(object, "dtype", json_string(tp_dtype_name(tp_dataset_dtype(d))), &good);
    put_target(object, d, &good);
    put_names(object, "features", d, FEATURES, 0, &good);
    put_categories(object, d, numel(sample), &good);
    put_numbers(object, "mean", tp_dataset_mean(d), &good);
    put_numbers(object, "deviation", tp_dataset_deviation(d), &good);
    if (!good && errno == ENOMEM) tp_fail(c, TP_ERR_MEMORY, "%s: no memory for the names in the data", call);
    if (!good) tp_fail(c, TP_ERR_ARGUMENT, "%s: a name in the data is not UTF-8", call);
    if (tp_ok(c)) return object;
    json_decref(object);
    return NULL;
}

/* --- from JSON --- */

/* What is being read. */
typedef struct reader {
    tp_context *c;
    const char *call;
    tp_dataset *d;
} reader;

/* Records that a part is not as it should be; returns false. */
static bool bad(const reader *r, const char *part)
{
    tp_fail(r->c, TP_ERR_DATA, "%s: '%s' in the metadata taper.data is not as it should be", r->call, part);
    return false;
}

/* What a call about the set has reported becomes a failure. */
static bool took(const reader *r, tp_status status)
{
    char text[512];
    if (status == TP_OK) return true;
    snprintf(text, sizeof text, "%s", tp_error_text(r->c));
    tp_fail(r->c, status, "%s: %s", r->call, text);
    return false;
}

static bool get_sizes(const json_t *list, tp_shape *shape, int most)
{
    *shape = TP_SCALAR;
    if (!json_is_array(list) || json_array_size(list) > (size_t)most) return false;
    for (; shape->n < (int)json_array_size(list); shape->n++) {
        const json_t *size = json_array_get(list, (size_t)shape->n);
        shape->v[shape->n] = json_integer_value(size);
        if (!json_is_integer(size) || shape->v[shape->n] < 0) return false;
    }
    return numel(*shape) >= 0;
}

static bool get_dtype(const json_t *text, tp_dtype *dtype)
{
    for (int i = 0; json_is_string(text) && i < TP_DTYPES; i++)
        if (strcmp(tp_dtype_name((tp_dtype)i), json_string_value(text)) == 0)
            return *dtype = (tp_dtype)i, true;
    return false;
}

static tp_target_kind get_kind(const json_t *target)
{
    const char *kind = json_string_value(json_object_get(target, "kind"));
    for (int i = TP_TARGET_CLASSES; kind && i <= TP_TARGET_NONE; i++)
        if (strcmp(kinds[i], kind) == 0) return (tp_target_kind)i;
    return TP_TARGET_FOUND;
}

/* The set itself, without samples and names. */
static bool get_set(reader *r, const json_t *object)
{
    tp_shape sample, sizes = TP_SCALAR, x = {1, {0}}, y = {1, {0}};
    tp_dtype dtype = TP_F32;
    const json_t *target = json_object_get(object, "target");
    tp_target_kind kind = get_kind(target);
    if (!get_sizes(json_object_get(object, "sample"), &sample, TP_MAX_RANK - 1)) return bad(r, "sample");
    if (!get_dtype(json_object_get(object, "dtype"), &dtype)) return bad(r, "dtype");
    if (kind == TP_TARGET_FOUND) return bad(r, "kind");
    if (kind == TP_TARGET_NUMBERS && !get_sizes(json_object_get(target, "sizes"), &sizes, 1))
        return bad(r, "sizes");
    for (int i = 0; i < sample.n; i++) x.v[x.n++] = sample.v[i];
    for (int i = 0; i < sizes.n; i++) y.v[y.n++] = sizes.v[i];
    tp_dtype label = kind == TP_TARGET_CLASSES ? TP_I64 : TP_F64;
    r->d = tp_dataset_new(r->c, tp_zeros(r->c, x, dtype),
                          kind == TP_TARGET_NONE ? NULL : tp_zeros(r->c, y, label));
    return tp_ok(r->c);
}

/* Hands a list of names to the set, if there is one. */
static bool get_names(const reader *r, const json_t *list, names which, int column, const char *part)
{
    if (!list) return true;
    int n = (int)json_array_size(list);
    size_t size = (size_t)n * sizeof(char *) + 1;
    const char **at = tp_alloc(r->c, size);
    bool good = json_is_array(list);
    for (int i = 0; at && i < n; i++) {
        at[i] = json_string_value(json_array_get(list, (size_t)i));
        good = good && at[i];
    }
    if (at && !good) bad(r, part);
    if (at && good)
        took(r, which == CLASSES    ? tp_dataset_name_classes(r->d, at, n)
                : which == FEATURES ? tp_dataset_name_features(r->d, at, n)
                                    : tp_dataset_name_categories(r->d, column, at, n));
    tp_free(r->c, at, size);
    return tp_ok(r->c);
}

static bool get_all_names(const reader *r, const json_t *object)
{
    char key[16];
    const json_t *target = json_object_get(object, "target");
    const json_t *columns = json_object_get(object, "categories");
    const char *name = json_string_value(json_object_get(target, "name"));
    if (!name) return bad(r, "name");
    if (tp_dataset_target_kind(r->d) != TP_TARGET_NONE && !took(r, tp_dataset_name_target(r->d, name)))
        return false;
    if (!get_names(r, json_object_get(target, "classes"), CLASSES, 0, "classes")) return false;
    if (!get_names(r, json_object_get(object, "features"), FEATURES, 0, "features")) return false;
    int64_t n = numel(tp_dataset_sample_shape(r->d));
    if (json_object_size(columns) == 0) return true;
    if (n > MOST_COLUMNS) return bad(r, "categories");
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%d", i);
        if (!get_names(r, json_object_get(columns, key), CATEGORIES, i, "categories")) return false;
    }
    return true;
}

/* One number, or one for each value of a sample; nil after recording what is wrong. */
static tp_tensor *get_numbers(const reader *r, const json_t *object, const char *part)
{
    const json_t *list = json_object_get(object, part);
    size_t n = json_array_size(list);
    tp_shape shape = n == 1 ? TP_SCALAR : tp_dataset_sample_shape(r->d);
    if ((int64_t)n != numel(shape)) bad(r, part);
    tp_tensor *t = tp_zeros(r->c, shape, TP_F64);
    double *values = tp_data_mut(t);
    for (size_t i = 0; values && i < n; i++) {
        const json_t *value = json_array_get(list, i);
        if (!json_is_number(value)) bad(r, part);
        values[i] = json_number_value(value);
    }
    return t;
}

tp_dataset *tp_data_from_json(tp_context *c, const json_t *object, const char *call)
{
    reader r = {c, call, NULL};
    if (get_set(&r, object) && get_all_names(&r, object)) {
        tp_tensor *mean = get_numbers(&r, object, "mean"), *deviation = get_numbers(&r, object, "deviation");
        if (tp_ok(c)) took(&r, tp_dataset_set_scaling(r.d, mean, deviation));
    }
    return tp_ok(c) ? r.d : tp_nil_dataset(c);
}
