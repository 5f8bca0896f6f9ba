/* safetensors.c - a safetensors file open for reading. */
#include "io/safetensors.h"

#include <string.h>
#include <xxhash.h>

/* --- the format --- */

const char *tp_record_dtype_name(tp_dtype dtype)
{
    static const char *const names[TP_DTYPES] = {
        [TP_BOOL] = "BOOL", [TP_U8] = "U8",   [TP_I8] = "I8",   [TP_U16] = "U16", [TP_I16] = "I16",
        [TP_U32] = "U32",   [TP_I32] = "I32", [TP_U64] = "U64", [TP_I64] = "I64", [TP_F16] = "F16",
        [TP_BF16] = "BF16", [TP_F32] = "F32", [TP_F64] = "F64",
    };
    return names[dtype];
}

void tp_digest(const void *data, size_t size, char *digits)
{
    XXH128_canonical_t digest;
    XXH128_canonicalFromHash(&digest, XXH3_128bits(data, size));
    for (int i = 0; i < TP_DIGEST; i++)
        digits[i] = "0123456789abcdef"[digest.digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
}

/* --- the object --- */

static void safetensors_destroy(tp_object *object)
{
    tp_safetensors *f = (tp_safetensors *)object;
    tp_free(object->context, f->records, (size_t)f->room * sizeof *f->records);
    json_decref(f->names);
    json_decref(f->metadata);
    tp_input_close(&f->in);
    f->names = f->metadata = NULL;
    f->n = 0; /* a stale handle has nothing in it */
    tp_object_free(object, sizeof *f, true);
}

static const tp_class safetensors_class = {"safetensors", safetensors_destroy};
static const tp_class nil_class = {"nil safetensors", NULL};

tp_safetensors *tp_nil_safetensors(tp_context *c) { return tp_nil_object(c, &nil_class); }

bool tp_safetensors_is_nil(const tp_safetensors *f) { return !f || f->object.type != &safetensors_class; }

tp_safetensors *tp_safetensors_open_with(tp_context *c, const char *path,
                                         const tp_safetensors_open_options *options)
{
    int64_t most = options && options->header_most ? options->header_most : TP_HEADER_MOST;
    if (!tp_ok(c)) return tp_nil_safetensors(c);
    tp_safetensors *f = tp_alloc(c, sizeof *f);
    if (!f) return tp_nil_safetensors(c);
    memset(f, 0, sizeof *f);
    f->mapped = options && options->mapped;
    tp_object_init(&f->object, &safetensors_class, c);
    if (tp_input_open(&f->in, c, path, "tp_safetensors_open") && tp_header_read(f, most)) return f;
    tp_object_drop(&f->object);
    return tp_nil_safetensors(c);
}

/* --- look --- */

static const tp_record *record_at(const tp_safetensors *f, int i)
{
    return tp_safetensors_is_nil(f) || i < 0 || i >= f->n ? NULL : &f->records[i];
}

int tp_safetensors_count(const tp_safetensors *f) { return tp_safetensors_is_nil(f) ? 0 : f->n; }

const char *tp_safetensors_name(const tp_safetensors *f, int i)
{
    const tp_record *r = record_at(f, i);
    return r ? r->name : NULL;
}

tp_dtype tp_safetensors_dtype(const tp_safetensors *f, int i)
{
    const tp_record *r = record_at(f, i);
    return r ? r->dtype : TP_DTYPES;
}

const char *tp_safetensors_dtype_name(const tp_safetensors *f, int i)
{
    const tp_record *r = record_at(f, i);
    return r ? r->dtype_name : NULL;
}

tp_shape tp_safetensors_shape(const tp_safetensors *f, int i)
{
    const tp_record *r = record_at(f, i);
    return r ? r->shape : TP_SCALAR;
}

const char *tp_safetensors_metadata(const tp_safetensors *f, const char *key)
{
    return tp_safetensors_is_nil(f) || !key ? NULL : json_string_value(json_object_get(f->metadata, key));
}

const char *tp_safetensors_key(const tp_safetensors *f, int i)
{
    void *at = tp_safetensors_is_nil(f) || i < 0 ? NULL : json_object_iter(f->metadata);
    while (at && i-- > 0) at = json_object_iter_next(f->metadata, at);
    return at ? json_object_iter_key(at) : NULL;
}

bool tp_safetensors_is_hashed(const tp_safetensors *f) { return !tp_safetensors_is_nil(f) && f->digests; }

/* --- read --- */

static const char reading[] = "tp_safetensors_read";

int tp_record_find(const tp_safetensors *f, const char *name)
{
    const json_t *i = name ? json_object_get(f->names, name) : NULL;
    return i ? (int)json_integer_value(i) : -1;
}

/* Records that a byte of tensor i is not as it should be. */
static void fail_record(const tp_safetensors *f, int i, size_t byte, const char *what)
{
    tp_fail(f->in.c, TP_ERR_DATA, "%s: '%s': tensor '%.100s', byte %lld: %s", reading, f->in.path,
            f->records[i].name, (long long)(f->data + f->records[i].begin + (int64_t)byte), what);
}

/* Fills `data` with the bytes of tensor i; false after recording why not. */
static bool read_record(tp_safetensors *f, int i, void *data)
{
    const tp_record *r = &f->records[i];
    const uint8_t *bytes = data;
    size_t size = (size_t)(r->end - r->begin), element = tp_dtype_size(r->dtype);
    char digest[TP_DIGEST];
    if (!tp_input_read(&f->in, f->data + r->begin, data, size, reading)) return false;
    tp_digest(data, size, digest);
    if (f->digests && memcmp(digest, f->digests + (size_t)i * TP_DIGEST, TP_DIGEST) != 0) {
        fail_record(f, i, 0, "its bytes do not have the hash in the header: they were changed or damaged");
        return false;
    }
    for (size_t k = 0; r->dtype == TP_BOOL && k < size; k++)
        if (bytes[k] > 1) {
            fail_record(f, i, k, "an element is neither 0 nor 1, so no bool");
            return false;
        }
    tp_byte_order(data, (int64_t)(size / element), element, false);
    return true;
}

static tp_tensor *read_tensor(tp_safetensors *f, int i)
{
    tp_tensor *t = tp_zeros(f->in.c, f->records[i].shape, f->records[i].dtype);
    void *data = tp_data_mut(t);
    if (data && read_record(f, i, data)) return t;
    tp_drop(t);
    return tp_nil(f->in.c);
}

/* Whether the bytes in the file are those of a tensor in memory; any of a bool may not be. */
static bool can_be_mapped(const tp_safetensors *f, int i)
{
    const tp_record *r = &f->records[i];
    const uint16_t one = 1;
    bool little_endian = *(const uint8_t *)&one == 1;
    bool aligned = (f->data + r->begin) % (int64_t)tp_dtype_size(r->dtype) == 0;
    return little_endian && aligned && r->dtype != TP_BOOL && r->end > r->begin;
}

static tp_tensor *map_tensor(tp_safetensors *f, int i)
{
    const tp_record *r = &f->records[i];
    void *data = tp_input_map(&f->in, f->data + r->begin, (size_t)(r->end - r->begin), reading);
    tp_tensor *t = data ? tp_wrap(f->in.c, r->shape, r->dtype, data, tp_input_unmap, data) : tp_nil(f->in.c);
    if (data && tp_is_nil(t)) tp_input_unmap(data);
    return t;
}

tp_tensor *tp_safetensors_read(tp_safetensors *f, const char *name)
{
    tp_context *c = f ? f->object.context : NULL;
    if (!tp_object_usable(c, f ? &f->object : NULL, reading, "f")) return tp_nil(c);
    int i = tp_record_find(f, name);
    if (i < 0) {
        tp_fail(c, TP_ERR_ARGUMENT, "%s: '%s' has no tensor '%.100s'", reading, f->in.path, name ? name : "");
        return tp_nil(c);
    }
    if (f->records[i].dtype == TP_DTYPES) {
        tp_fail(c, TP_ERR_DTYPE, "%s: '%s': tensor '%.100s' is of dtype %.20s, which Taper does not have",
                reading, f->in.path, name, f->records[i].dtype_name);
        return tp_nil(c);
    }
    return f->mapped && can_be_mapped(f, i) ? map_tensor(f, i) : read_tensor(f, i);
}
