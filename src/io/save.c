/* save.c - writes safetensors files. */
#include "io/safetensors.h"

#include <errno.h>
#include <string.h>

static const char call[] = "tp_safetensors_save";

/* A file being put together. */
typedef struct saver {
    tp_context *c;
    const tp_named_tensor *tensors;
    int n;
    int *order;    /* the tensors as they lie in the file: large elements first, so that all are aligned */
    void *room;    /* for the elements of the largest tensor */
    size_t size;   /* bytes there */
    char *digests; /* of the tensors, and a 0 */
    json_t *header;
} saver;

static size_t bytes_of(const tp_tensor *t) { return (size_t)tp_numel(t) * tp_dtype_size(tp_dtype_of(t)); }

/* The elements as they stand in the file. */
static const void *elements(saver *s, const tp_tensor *t)
{
    tp_read(t, s->room, bytes_of(t));
    tp_byte_order(s->room, tp_numel(t), tp_dtype_size(tp_dtype_of(t)), false);
    return s->room;
}

/* Checks the tensors, puts them in order and makes room. */
static bool start(saver *s)
{
    int at = 0;
    for (int i = 0; i < s->n; i++) {
        const tp_tensor *t = s->tensors[i].tensor;
        if (!tp_object_usable(s->c, (const tp_object *)t, call, "tensors")) return false;
        if (bytes_of(t) > s->size) s->size = bytes_of(t);
    }
    s->room = tp_alloc(s->c, s->size + 1);
    s->order = tp_alloc(s->c, (size_t)s->n * sizeof *s->order + 1);
    s->digests = tp_alloc(s->c, (size_t)s->n * TP_DIGEST + 1);
    if (!s->room || !s->order || !s->digests) return false;
    for (size_t size = 8; size > 0; size /= 2)
        for (int i = 0; i < s->n; i++)
            if (tp_dtype_size(tp_dtype_of(s->tensors[i].tensor)) == size) s->order[at++] = i;
    return true;
}

static void finish(saver *s)
{
    json_decref(s->header);
    tp_free(s->c, s->room, s->size + 1);
    tp_free(s->c, s->order, (size_t)s->n * sizeof *s->order + 1);
    tp_free(s->c, s->digests, (size_t)s->n * TP_DIGEST + 1);
}

/* Puts a value under a name that is not taken; takes the value over. */
static bool set(saver *s, json_t *object, const char *what, const char *name, json_t *value)
{
    if (name && json_object_get(object, name)) {
        tp_fail(s->c, TP_ERR_ARGUMENT, "%s: the %s '%.100s' is given twice, or not free to use", call, what,
                name);
        json_decref(value);
        return false;
    }
    if (name && json_object_set_new(object, name, value) == 0) return true; /* takes it over in any case */
    if (!name) json_decref(value);
    if (errno == ENOMEM)
        tp_fail(s->c, TP_ERR_MEMORY, "%s: no memory for the header", call);
    else
        tp_fail(s->c, TP_ERR_ARGUMENT, "%s: the %s '%.100s' or its value is missing or not UTF-8", call, what,
                name ? name : "");
    return false;
}

/* The entry of a tensor that lies at `begin`; NULL without memory. */
static json_t *entry_of(const tp_tensor *t, int64_t begin)
{
    json_t *shape = json_array();
    bool good = true;
    for (int i = 0; i < tp_rank(t); i++)
        good = json_array_append_new(shape, json_integer(tp_size(t, i))) == 0 && good;
    json_t *entry =
        json_pack("{s:s, s:O, s:[I, I]}", "dtype", tp_record_dtype_name(tp_dtype_of(t)), "shape", shape,
                  "data_offsets", (json_int_t)begin, (json_int_t)begin + (json_int_t)bytes_of(t));
    json_decref(shape);
    if (good) return entry;
    json_decref(entry);
    return NULL;
}

static bool add_metadata(saver *s, const tp_metadata *metadata, int n)
{
    char zeros[TP_DIGEST];
    memset(zeros, '0', sizeof zeros);
    json_t *object = json_object();
    bool good = set(s, s->header, "name", "__metadata__", object) &&
                set(s, object, "metadata", TP_HASH_KEY, json_stringn(zeros, sizeof zeros)) &&
                set(s, object, "metadata", TP_DIGESTS_KEY, json_string(s->digests));
    for (int i = 0; good && i < n; i++)
        good = set(s, object, "metadata", metadata[i].key, json_string(metadata[i].value));
    return good;
}

static bool add_tensors(saver *s)
{
    int64_t place = 0;
    for (int k = 0; k < s->n; k++) {
        const tp_named_tensor *named = &s->tensors[s->order[k]];
        if (!set(s, s->header, "name of a tensor", named->name, entry_of(named->tensor, place))) return false;
        place += (int64_t)bytes_of(named->tensor);
    }
    return true;
}

/* The length of the header, the header, and spaces up to a multiple of 8; NULL after recording why not. The
 * caller frees *size bytes. */
static char *header_text(saver *s, size_t *size)
{
    const size_t digest_at = TP_LENGTH_BYTES + strlen(TP_HASHED_START);
    size_t length = json_dumpb(s->header, NULL, 0, JSON_COMPACT), padded = (length + 7) / 8 * 8;
    if (length == 0 || padded > TP_HEADER_MOST) {
        tp_fail(s->c, length ? TP_ERR_ARGUMENT : TP_ERR_MEMORY, "%s: the header takes %zu bytes, at most %d",
                call, padded, TP_HEADER_MOST);
        return NULL;
    }
    *size = TP_LENGTH_BYTES + padded;
    char *text = tp_alloc(s->c, *size);
    if (!text) return NULL;
    memset(text + TP_LENGTH_BYTES, ' ', padded);
    if (json_dumpb(s->header, text + TP_LENGTH_BYTES, padded, JSON_COMPACT) != length) {
        tp_fail(s->c, TP_ERR_MEMORY, "%s: no memory for the header", call);
        tp_free(s->c, text, *size);
        return NULL;
    }
    for (int i = 0; i < TP_LENGTH_BYTES; i++) text[i] = (char)(padded >> 8 * i & 255);
    char digest[TP_DIGEST];
    tp_digest(text, *size, digest);
    memcpy(text + digest_at, digest, TP_DIGEST);
    return text;
}

static void write_file(saver *s, const char *path)
{
    size_t size;
    char *header = header_text(s, &size);
    if (!header) return;
    tp_output o = {.c = s->c, .call = call, .path = path};
    tp_output_open(&o);
    tp_output_put(&o, header, size);
    tp_free(s->c, header, size);
    for (int k = 0; k < s->n && tp_ok(s->c); k++) {
        const tp_tensor *t = s->tensors[s->order[k]].tensor;
        tp_output_put(&o, elements(s, t), bytes_of(t));
    }
    tp_output_close(&o);
}

tp_status tp_safetensors_save(tp_context *c, const char *path, const tp_named_tensor *tensors, int n,
                              const tp_metadata *metadata, int n_metadata)
{
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    bool no_tensors = n < 0 || (n && !tensors);
    if (no_tensors || n_metadata < 0 || (n_metadata && !metadata))
        return tp_report(c, TP_ERR_ARGUMENT, "%s: no %s", call, no_tensors ? "tensors" : "metadata");
    errno = 0; /* it tells missing memory from what jansson does not take */
    saver s = {.c = c, .tensors = tensors, .n = n, .header = json_object()};
    if (start(&s)) {
        for (int k = 0; k < n; k++) {
            const tp_tensor *t = tensors[s.order[k]].tensor;
            tp_digest(elements(&s, t), bytes_of(t), s.digests + (size_t)k * TP_DIGEST);
        }
        s.digests[(size_t)n * TP_DIGEST] = 0;
        if (add_metadata(&s, metadata, n_metadata) && add_tensors(&s)) write_file(&s, path);
    }
    finish(&s);
    return tp_settle(c);
}
