/* header.c - the header of a safetensors file, checked before anything is believed. Jansson's trees take many
 * times the room of their text: it gets one small piece at a time. */
#include "io/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PIECE = 4096, MOST_DEPTH = 16 }; /* of a name, and of what is said of one tensor */

static const char call[] = "tp_safetensors_open";

/* --- the header as text --- */

/* The header, the length before it included, while it is read. */
typedef struct text {
    tp_safetensors *f;
    tp_bytes b; /* for messages */
    const char *start, *at, *end;
} text;

/* The place in the file. */
static int64_t place(const text *t, const char *at) { return at - t->start; }

/* Records that the header is no JSON where it stands; returns false. */
static bool bad_json(const text *t, const char *at, const char *why)
{
    return tp_bytes_bad(&t->b, place(t, at), "the header is no JSON object: %s", why);
}

/* The next character that is no space; 0 at the end. */
static char next(text *t)
{
    while (t->at < t->end && *t->at && strchr(" \t\n\r", *t->at)) t->at++;
    return t->at < t->end ? *t->at : 0;
}

static bool take(text *t, char wanted)
{
    bool is_next = next(t) == wanted;
    if (is_next) t->at++;
    return is_next;
}

/* Passes over a quoted text, which begins here. */
static bool skip_quoted(text *t)
{
    const char *start = t->at++;
    while (t->at < t->end && *t->at != '"') t->at += *t->at == '\\' ? 2 : 1;
    if (t->at >= t->end) return bad_json(t, start, "a text that does not end");
    t->at++;
    return true;
}

/* Passes over a value, of which only quotes and brackets are looked at; not over all of a large one. */
static bool skip(text *t)
{
    static const char special[] = "[]{}\",: \t\n\r";
    const char *from = t->at;
    int depth = 0;
    do {
        char c = next(t);
        if (!c) return bad_json(t, t->at, "a value expected");
        if (c == '"') {
            if (!skip_quoted(t)) return false;
            continue;
        }
        depth += (c == '[' || c == '{') - (c == ']' || c == '}');
        if (depth > MOST_DEPTH) return bad_json(t, t->at, "values within values, too deep");
        t->at++;
        if (strchr(special, c)) continue;
        while (t->at < t->end && !strchr(special, *t->at)) t->at++;
    } while (depth > 0 && t->at - from <= MOST_PIECE);
    return true;
}

/* The value from `from` to here; NULL after recording what is wrong. */
static json_t *decode(const text *t, const char *from)
{
    json_error_t error;
    json_t *value = tp_json_parse(t->b.c, from, (size_t)(t->at - from), &error, call);
    if (!value && tp_ok(t->b.c)) bad_json(t, from + error.position, error.text);
    return value;
}

/* The next value, which is small; NULL likewise. */
static json_t *read_small(text *t, const char *what)
{
    next(t);
    const char *from = t->at;
    if (!skip(t)) return NULL;
    if (t->at - from <= MOST_PIECE) return decode(t, from);
    tp_bytes_bad(&t->b, place(t, from), "%s of more than %d bytes", what, MOST_PIECE);
    return NULL;
}

/* Hands each name of the object that comes next to `each`, which reads the value. */
static bool read_members(text *t, bool (*each)(text *t, const char *name))
{
    if (!take(t, '{')) return bad_json(t, t->at, "'{' expected");
    if (take(t, '}')) return true;
    do {
        if (next(t) != '"') return bad_json(t, t->at, "a name expected");
        json_t *name = read_small(t, "a name");
        if (!name) return false;
        bool good = (take(t, ':') || bad_json(t, t->at, "':' expected")) && each(t, json_string_value(name));
        json_decref(name);
        if (!good) return false;
    } while (take(t, ','));
    return take(t, '}') || bad_json(t, t->at, "',' or '}' expected");
}

/* Keeps a value, which is taken over, under a name that is not taken; returns the name that lasts, or NULL
 * after recording what is wrong. */
static const char *keep(text *t, json_t *object, const char *name, json_t *value)
{
    if (json_object_get(object, name)) {
        tp_bytes_bad(&t->b, place(t, t->at), "the name '%.100s' is given a second time", name);
        json_decref(value);
        return NULL;
    }
    if (json_object_set_new(object, name, value) == 0)
        return json_object_iter_key(json_object_iter_at(object, name));
    tp_fail(t->b.c, TP_ERR_MEMORY, "%s: no memory for the header of %s", call, t->b.name);
    return NULL;
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

static bool read_record(text *t, tp_record *r, const json_t *value, int64_t at)
{
    const json_t *dtype = json_object_get(value, "dtype"), *offsets = json_object_get(value, "data_offsets");
    int64_t left = t->f->in.size - t->f->data;
    if (!json_is_string(dtype) || json_string_length(dtype) >= sizeof r->dtype_name)
        return tp_bytes_bad(&t->b, at, "tensor '%.100s' has no dtype", r->name);
    snprintf(r->dtype_name, sizeof r->dtype_name, "%s", json_string_value(dtype));
    r->dtype = dtype_named(r->dtype_name);
    if (!read_shape(r, json_object_get(value, "shape")))
        return tp_bytes_bad(&t->b, at, "the shape of tensor '%.100s' is no list of at most %d sizes", r->name,
                            TP_MAX_RANK);
    r->begin = whole(json_array_get(offsets, 0));
    r->end = whole(json_array_get(offsets, 1));
    if (json_array_size(offsets) != 2 || r->begin < 0 || r->end < r->begin || r->end > left)
        return tp_bytes_bad(
            &t->b, at,
            "the data_offsets of tensor '%.100s' are not two places in the %lld bytes after the header",
            r->name, (long long)left);
    if (r->dtype != TP_DTYPES && !size_fits(r))
        return tp_bytes_bad(&t->b, at, "the %lld bytes of tensor '%.100s' are not what its shape takes in %s",
                            (long long)(r->end - r->begin), r->name, r->dtype_name);
    return true;
}

/* Makes room for one more. */
static bool make_room(tp_safetensors *f)
{
    if (f->n < f->room) return true;
    int wider = f->room ? 2 * f->room : 16;
    tp_record *records = tp_alloc(f->in.c, (size_t)wider * sizeof *records);
    if (!records) return false;
    if (f->n) memcpy(records, f->records, (size_t)f->n * sizeof *records);
    tp_free(f->in.c, f->records, (size_t)f->room * sizeof *records);
    f->records = records;
    f->room = wider;
    return true;
}

/* --- all of them --- */

static bool read_text(text *t, const char *key)
{
    if (next(t) != '"') return tp_bytes_bad(&t->b, place(t, t->at), "the metadata '%.100s' is no text", key);
    const char *from = t->at;
    json_t *value = skip_quoted(t) ? decode(t, from) : NULL;
    return value && keep(t, t->f->metadata, key, value);
}

static bool read_metadata(text *t)
{
    if (t->f->metadata) return tp_bytes_bad(&t->b, place(t, t->at), "__metadata__ is given a second time");
    if (next(t) != '{') return tp_bytes_bad(&t->b, place(t, t->at), "__metadata__ is no object");
    t->f->metadata = json_object();
    return read_members(t, read_text);
}

static bool read_member(text *t, const char *name)
{
    tp_safetensors *f = t->f;
    if (strcmp(name, "__metadata__") == 0) return read_metadata(t);
    int64_t at = place(t, t->at);
    if (!make_room(f)) return false;
    tp_record *r = &f->records[f->n];
    json_t *value = read_small(t, "a value");
    r->name = value ? keep(t, f->names, name, json_integer(0)) : NULL;
    bool good = r->name && read_record(t, r, value, at);
    json_decref(value);
    f->n += good;
    return good;
}

static int by_place(const void *a, const void *b)
{
    const tp_record *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Puts the tensors in order and checks that they fill the file from the header to its end. */
static bool put_in_order(tp_safetensors *f, const tp_bytes *b)
{
    int64_t end = 0;
    if (f->n) qsort(f->records, (size_t)f->n, sizeof *f->records, by_place);
    for (int i = 0; i < f->n; i++) {
        const tp_record *r = &f->records[i];
        if (r->begin != end)
            return tp_bytes_bad(b, f->data + r->begin, "tensor '%.100s' begins here, not at byte %lld",
                                r->name, (long long)(f->data + end));
        end = r->end;
        json_integer_set(json_object_get(f->names, r->name), i);
    }
    return f->data + end == f->in.size ||
           tp_bytes_bad(b, f->data + end, "the tensors end here, the file at byte %lld",
                        (long long)f->in.size);
}

/* Checks the header, the whole of it with the length before, against its digest. */
static bool check_digests(tp_safetensors *f, char *header, size_t size, const tp_bytes *b)
{
    const char *digest = tp_safetensors_metadata(f, TP_HASH_KEY);
    f->digests = tp_safetensors_metadata(f, TP_DIGESTS_KEY);
    if (!digest && !f->digests) return true;
    const size_t start = TP_LENGTH_BYTES + strlen(TP_HASHED_START);
    char wanted[TP_DIGEST], found[TP_DIGEST];
    bool whole_file = digest && f->digests && strlen(digest) == TP_DIGEST &&
                      strlen(f->digests) == (size_t)f->n * TP_DIGEST && size >= start + TP_DIGEST &&
                      memcmp(header + TP_LENGTH_BYTES, TP_HASHED_START, strlen(TP_HASHED_START)) == 0;
    if (whole_file) {
        memcpy(wanted, header + start, TP_DIGEST);
        memset(header + start, '0', TP_DIGEST);
        tp_digest(header, size, found);
    }
    if (whole_file && memcmp(wanted, found, TP_DIGEST) == 0) return true;
    return tp_bytes_bad(b, 0, "the header does not have the hash in it: it was changed or damaged");
}

/* Makes sense of the header, its length before it. */
static bool parse(tp_safetensors *f, char *header, size_t size)
{
    text t = {.f = f, .start = header, .at = header + TP_LENGTH_BYTES, .end = header + size};
    tp_bytes_of_file(&t.b, &f->in, call);
    f->names = json_object();
    if (!read_members(&t, read_member)) return false;
    if (next(&t) || t.at < t.end) return bad_json(&t, t.at, "its end expected");
    return put_in_order(f, &t.b) && check_digests(f, header, size, &t.b);
}

bool tp_header_read(tp_safetensors *f, int64_t most)
{
    uint8_t bytes[TP_LENGTH_BYTES];
    uint64_t length = 0;
    tp_bytes b;
    tp_bytes_of_file(&b, &f->in, call);
    if (!tp_bytes_take(&b, bytes, sizeof bytes)) return false;
    for (int i = TP_LENGTH_BYTES; i-- > 0;) length = length << 8 | bytes[i];
    if (length > (uint64_t)(f->in.size - TP_LENGTH_BYTES) || (int64_t)length > most)
        return tp_bytes_bad(&b, 0, "a header of %llu bytes, in a file of %lld; at most %lld",
                            (unsigned long long)length, (long long)f->in.size, (long long)most);
    size_t size = TP_LENGTH_BYTES + (size_t)length;
    f->data = (int64_t)size;
    char *header = tp_alloc(f->in.c, size);
    bool good = header && tp_input_read(&f->in, 0, header, size, call) && parse(f, header, size);
    tp_free(f->in.c, header, size);
    return good;
}
