/* header.c - the header of a safetensors file, checked before anything is believed. */
#include "io/safetensors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char call[] = "tp_safetensors_open";

/* Records what is wrong with a file; returns false. */
TP_PRINTF(2, 3) static bool bad(const tp_safetensors *f, const char *text, ...)
{
    char what[512];
    va_list args;
    va_start(args, text);
    vsnprintf(what, sizeof what, text, args);
    va_end(args);
    tp_fail(f->in.c, TP_ERR_DATA, "%s: '%s': %s", call, f->in.path, what);
    return false;
}

/* --- one tensor --- */

static tp_dtype dtype_named(const char *name)
{
    for (int d = 0; d < TP_DTYPES; d++)
        if (strcmp(name, tp_record_dtype_name((tp_dtype)d)) == 0) return (tp_dtype)d;
    return TP_DTYPES;
}

/* A whole number from 0 on; -1 for anything else. */
static int64_t whole(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value) : -1;
}

static bool read_shape(tp_record *r, const json_t *shape)
{
    if (!json_is_array(shape) || json_array_size(shape) > TP_MAX_RANK) return false;
    r->shape.n = (int)json_array_size(shape);
    for (int i = 0; i < r->shape.n; i++) {
        r->shape.v[i] = whole(json_array_get(shape, (size_t)i));
        if (r->shape.v[i] < 0) return false;
    }
    return true;
}

/* Whether the bytes are as many as the elements take, and the shape one that a tensor can have. */
static bool size_fits(const tp_record *r)
{
    int64_t size = (int64_t)tp_dtype_size(r->dtype);
    bool empty = false;
    for (int i = 0; i < r->shape.n; i++) {
        empty = empty || r->shape.v[i] == 0;
        if (r->shape.v[i] && __builtin_mul_overflow(size, r->shape.v[i], &size)) return false;
    }
    return (empty ? 0 : size) == r->end - r->begin;
}

static bool read_record(tp_safetensors *f, tp_record *r, const char *name, const json_t *value)
{
    const json_t *dtype = json_object_get(value, "dtype"), *offsets = json_object_get(value, "data_offsets");
    r->name = name;
    if (!json_is_string(dtype)) return bad(f, "tensor '%.100s' has no dtype", name);
    r->dtype_name = json_string_value(dtype);
    r->dtype = dtype_named(r->dtype_name);
    if (!read_shape(r, json_object_get(value, "shape")))
        return bad(f, "the shape of tensor '%.100s' is no list of at most %d sizes", name, TP_MAX_RANK);
    r->begin = whole(json_array_get(offsets, 0));
    r->end = whole(json_array_get(offsets, 1));
    if (json_array_size(offsets) != 2 || r->begin < 0 || r->end < r->begin || r->end > f->in.size - f->data)
        return bad(
            f, "the data_offsets of tensor '%.100s' are not two places in the %lld bytes after the header",
            name, (long long)(f->in.size - f->data));
    if (r->dtype != TP_DTYPES && !size_fits(r))
        return bad(f, "the %lld bytes of tensor '%.100s' are not what its shape takes in %.20s",
                   (long long)(r->end - r->begin), name, r->dtype_name);
    return true;
}

/* --- all of them --- */

static int by_place(const void *a, const void *b)
{
    const tp_record *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Whether the tensors, in order, fill the file from the header to its end. */
static bool no_gaps(const tp_safetensors *f)
{
    int64_t place = 0;
    for (int i = 0; i < f->n; i++) {
        const tp_record *r = &f->records[i];
        if (r->begin != place)
            return bad(f, "tensor '%.100s' begins at byte %lld, not %lld", r->name,
                       (long long)(f->data + r->begin), (long long)(f->data + place));
        place = r->end;
    }
    if (f->data + place == f->in.size) return true;
    return bad(f, "the tensors end at byte %lld, the file at byte %lld", (long long)(f->data + place),
               (long long)f->in.size);
}

static bool read_metadata(tp_safetensors *f)
{
    const char *key;
    json_t *value;
    f->metadata = json_object_get(f->header, "__metadata__");
    if (!f->metadata) return true;
    if (!json_is_object(f->metadata)) return bad(f, "__metadata__ is no object");
    json_object_foreach(f->metadata, key, value)
    {
        if (json_is_string(value)) continue;
        return bad(f, "the metadata '%.100s' is no text", key);
    }
    return true;
}

static bool read_records(tp_safetensors *f)
{
    const char *name;
    json_t *value;
    f->room = (int)json_object_size(f->header) + 1;
    f->records = tp_alloc(f->in.c, (size_t)f->room * sizeof *f->records);
    if (!f->records) return false;
    json_object_foreach(f->header, name, value)
    {
        if (value == f->metadata) continue;
        if (!read_record(f, &f->records[f->n], name, value)) return false;
        f->n++;
    }
    qsort(f->records, (size_t)f->n, sizeof *f->records, by_place);
    return no_gaps(f);
}

/* Checks the header, the whole of `text` with the length before it, against its digest. */
static bool check_digests(tp_safetensors *f, char *text, size_t size)
{
    const char *digest = tp_safetensors_metadata(f, TP_HASH_KEY);
    f->digests = tp_safetensors_metadata(f, TP_DIGESTS_KEY);
    if (!digest && !f->digests) return true;
    const size_t start = TP_LENGTH_BYTES + strlen(TP_HASHED_START);
    char wanted[TP_DIGEST], found[TP_DIGEST];
    bool whole_file = digest && f->digests && strlen(digest) == TP_DIGEST &&
                      strlen(f->digests) == (size_t)f->n * TP_DIGEST && size >= start + TP_DIGEST &&
                      memcmp(text + TP_LENGTH_BYTES, TP_HASHED_START, strlen(TP_HASHED_START)) == 0;
    if (whole_file) {
        memcpy(wanted, text + start, TP_DIGEST);
        memset(text + start, '0', TP_DIGEST);
        tp_digest(text, size, found);
    }
    if (whole_file && memcmp(wanted, found, TP_DIGEST) == 0) return true;
    return bad(f, "the header does not have the hash in it: it was changed or damaged");
}

/* Makes sense of the header in `text`, its length before it. */
static bool parse(tp_safetensors *f, char *text, size_t size)
{
    json_error_t error;
    f->header = json_loadb(text + TP_LENGTH_BYTES, size - TP_LENGTH_BYTES, JSON_REJECT_DUPLICATES, &error);
    if (!f->header && json_error_code(&error) == json_error_out_of_memory) {
        tp_fail(f->in.c, TP_ERR_MEMORY, "%s: no memory for the header of '%s'", call, f->in.path);
        return false;
    }
    if (!json_is_object(f->header))
        return bad(f, "byte %lld: the header is no JSON object: %s",
                   (long long)TP_LENGTH_BYTES + error.position,
                   f->header ? "it is something else" : error.text);
    return read_metadata(f) && read_records(f) && check_digests(f, text, size);
}

bool tp_header_read(tp_safetensors *f)
{
    uint8_t bytes[TP_LENGTH_BYTES];
    uint64_t length = 0;
    if (f->in.size < TP_LENGTH_BYTES)
        return bad(f, "it has %lld bytes, fewer than the length of a header takes", (long long)f->in.size);
    if (!tp_input_read(&f->in, 0, bytes, sizeof bytes, call)) return false;
    for (int i = TP_LENGTH_BYTES; i-- > 0;) length = length << 8 | bytes[i];
    if (length > (uint64_t)(f->in.size - TP_LENGTH_BYTES) || length > TP_HEADER_MOST)
        return bad(f, "byte 0: a header of %llu bytes, in a file of %lld; at most %d",
                   (unsigned long long)length, (long long)f->in.size, TP_HEADER_MOST);
    size_t size = TP_LENGTH_BYTES + (size_t)length;
    f->data = (int64_t)size;
    char *text = tp_alloc(f->in.c, size);
    bool good = text && tp_input_read(&f->in, 0, text, size, call) && parse(f, text, size);
    tp_free(f->in.c, text, size);
    return good;
}
