/* npz.c - an npz file open for reading: a zip archive of npy files. libzip unpacks and checks CRCs. */
#include "io/npy.h"
#include "io/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

static const char open_call[] = "tp_npz_open", read_call[] = "tp_npz_read";

/* An array of a file. */
typedef struct entry {
    char *name; /* without ".npy" */
    size_t name_size;
    tp_npy head;
    int64_t size; /* unpacked */
    bool packed;
} entry;

struct tp_npz {
    tp_object object;
    tp_input in;
    zip_t *archive;
    entry *entries;
    int n, room;
    int64_t most;
};

/* --- the object --- */

static void npz_destroy(tp_object *object)
{
    tp_npz *f = (tp_npz *)object;
    for (int i = 0; i < f->room; i++) tp_free(object->context, f->entries[i].name, f->entries[i].name_size);
    tp_free(object->context, f->entries, (size_t)f->room * sizeof *f->entries);
    if (f->archive) zip_discard(f->archive);
    tp_input_close(&f->in);
    f->archive = NULL;
    f->n = 0; /* a stale handle has nothing in it */
    tp_object_free(object, sizeof *f, true);
}

static const tp_class npz_class = {"npz", npz_destroy};
static const tp_class nil_class = {"nil npz", NULL};

tp_npz *tp_nil_npz(tp_context *c) { return tp_nil_object(c, &nil_class); }

bool tp_npz_is_nil(const tp_npz *f) { return !f || f->object.type != &npz_class; }

/* --- the bytes of an entry --- */

/* Records what libzip says of `what`; returns false. Where malloc failed, which errno tells if it was 0
 * before, libzip may say something else. */
static bool fail_zip(tp_context *c, const char *call, const char *what, zip_error_t *error)
{
    int code = zip_error_code_zip(error);
    if (code == ZIP_ER_MEMORY || errno == ENOMEM)
        tp_fail(c, TP_ERR_MEMORY, "%s: no memory for libzip, %s", call, what);
    else
        tp_fail(c, code == ZIP_ER_READ || code == ZIP_ER_SEEK ? TP_ERR_IO : TP_ERR_DATA, "%s: %s: %s", call,
                what, zip_error_strerror(error));
    return false;
}

static bool fail_in_entry(const tp_bytes *b)
{
    char what[sizeof b->name + 64];
    snprintf(what, sizeof what, "%s: byte %lld of it", b->name, (long long)b->at);
    return fail_zip(b->c, b->call, what, zip_file_get_error(b->from));
}

static bool next_of_entry(tp_bytes *b, void *data, size_t n)
{
    errno = 0;
    for (char *next = data; n > 0;) {
        zip_int64_t got = zip_fread(b->from, next, n);
        if (got < 0) return fail_in_entry(b);
        if (got == 0) return tp_bytes_bad(b, b->at, "what is packed ends before its size");
        next += got;
        n -= (size_t)got;
    }
    return true;
}

/* After the last byte libzip compares the CRC-32. */
static bool end_of_entry(tp_bytes *b)
{
    char more;
    errno = 0;
    zip_int64_t got = zip_fread(b->from, &more, 1);
    if (got < 0) return fail_in_entry(b);
    return got == 0 || tp_bytes_bad(b, b->at, "more is packed than its size");
}

/* Opens entry i, which `close_entry` closes in any case. */
static bool open_entry(tp_npz *f, int i, tp_bytes *b, const char *call)
{
    *b = (tp_bytes){
        .c = f->in.c, .call = call, .size = f->entries[i].size, .next = next_of_entry, .end = end_of_entry};
    snprintf(b->name, sizeof b->name, "'%.400s': array '%.200s'", f->in.path, f->entries[i].name);
    errno = 0;
    b->from = zip_fopen_index(f->archive, (zip_uint64_t)i, 0);
    return b->from || fail_zip(b->c, call, b->name, zip_get_error(f->archive));
}

static void close_entry(tp_bytes *b)
{
    if (b->from) zip_fclose(b->from);
}

/* --- open --- */

/* Lets libzip open the file, by a descriptor of its own. */
static bool open_archive(tp_npz *f)
{
    int code = ZIP_ER_OPEN, fd = fcntl(f->in.fd, F_DUPFD_CLOEXEC, 0);
    errno = 0;
    f->archive = fd < 0 ? NULL : zip_fdopen(fd, ZIP_CHECKCONS, &code);
    if (f->archive) return true;
    if (fd >= 0) close(fd);
    zip_error_t error;
    char what[512];
    snprintf(what, sizeof what, "'%.500s'", f->in.path);
    zip_error_init_with_code(&error, code);
    if (code == ZIP_ER_INCONS)
        tp_fail(f->in.c, TP_ERR_DATA,
                "%s: %s: the name, the sizes or the extra field of an entry are not as they should be",
                open_call, what);
    else
        fail_zip(f->in.c, open_call, what, &error);
    zip_error_fini(&error);
    return false;
}

/* Copies the name of entry i without its ending. */
static bool read_name(tp_npz *f, int i)
{
    entry *e = &f->entries[i];
    const char *name = zip_get_name(f->archive, (zip_uint64_t)i, ZIP_FL_ENC_STRICT);
    size_t n = name ? strlen(name) : 0;
    if (n < 4 || strcmp(name + n - 4, ".npy") != 0) {
        tp_fail(f->in.c, TP_ERR_DATA, "%s: '%s': the entry '%.200s' is no npy file by its name", open_call,
                f->in.path, name ? name : "");
        return false;
    }
    e->name = tp_alloc(f->in.c, n - 3);
    if (!e->name) return false;
    e->name_size = n - 3;
    memcpy(e->name, name, n - 4);
    e->name[n - 4] = 0;
    return true;
}

/* What is said of array i, which is read; and that libzip has found the entry that was checked. */
static bool read_entry(tp_npz *f, int i, const tp_zip_entry *checked)
{
    zip_stat_t s;
    tp_bytes b;
    zip_stat_init(&s);
    if (!read_name(f, i)) return false;
    f->entries[i].size = checked->size;
    f->entries[i].packed = checked->method != 0;
    bool same = zip_stat_index(f->archive, (zip_uint64_t)i, 0, &s) == 0 &&
                s.size == (zip_uint64_t)checked->size && s.comp_size == (zip_uint64_t)checked->packed &&
                s.comp_method == checked->method;
    if (!same) {
        tp_fail(f->in.c, TP_ERR_DATA, "%s: '%s': there are two directories", open_call, f->in.path);
        return false;
    }
    bool good = open_entry(f, i, &b, open_call) && tp_npy_head(&b, &f->entries[i].head);
    close_entry(&b);
    return good;
}

static bool read_entries(tp_npz *f, const tp_zip *z)
{
    if (z->n > INT32_MAX || zip_get_num_entries(f->archive, 0) != z->n) {
        tp_fail(f->in.c, TP_ERR_DATA, "%s: '%s': there are two directories", open_call, f->in.path);
        return false;
    }
    f->entries = tp_alloc(f->in.c, (size_t)z->n * sizeof *f->entries);
    if (!f->entries) return false;
    f->room = (int)z->n;
    memset(f->entries, 0, (size_t)f->room * sizeof *f->entries);
    for (; f->n < f->room; f->n++)
        if (!read_entry(f, f->n, &z->entries[f->n])) return false;
    return true;
}

static bool open_npz(tp_npz *f, const char *path)
{
    tp_zip z;
    if (!tp_input_open(&f->in, f->object.context, path, open_call)) return false;
    bool good = tp_zip_read(&z, &f->in, open_call);
    if (good && z.n) good = open_archive(f) && read_entries(f, &z); /* libzip opens no file without entries */
    tp_zip_free(&z);
    return good;
}

tp_npz *tp_npz_open_with(tp_context *c, const char *path, const tp_npz_open_options *options)
{
    if (!tp_ok(c)) return tp_nil_npz(c);
    tp_npz *f = tp_alloc(c, sizeof *f);
    if (!f) return tp_nil_npz(c);
    memset(f, 0, sizeof *f);
    f->most = options && options->most ? options->most : INT64_C(1) << 30;
    tp_object_init(&f->object, &npz_class, c);
    if (open_npz(f, path)) return f;
    tp_object_drop(&f->object);
    return tp_nil_npz(c);
}

/* --- look and read --- */

static const entry *entry_at(const tp_npz *f, int i)
{
    return tp_npz_is_nil(f) || i < 0 || i >= f->n ? NULL : &f->entries[i];
}

int tp_npz_count(const tp_npz *f) { return tp_npz_is_nil(f) ? 0 : f->n; }

const char *tp_npz_name(const tp_npz *f, int i)
{
    const entry *e = entry_at(f, i);
    return e ? e->name : NULL;
}

const tp_npy *tp_npz_look(const tp_npz *f, int i)
{
    const entry *e = entry_at(f, i);
    return e ? &e->head : NULL;
}

static tp_tensor *read_array(tp_npz *f, int i)
{
    tp_bytes b;
    tp_npy head;
    tp_context *c = f->in.c;
    tp_tensor *t = tp_nil(c);
    if (f->entries[i].packed && f->entries[i].size > f->most) {
        tp_fail(c, TP_ERR_DATA, "%s: '%s': array '%.200s' unpacks to %lld bytes, more than .most, %lld",
                read_call, f->in.path, f->entries[i].name, (long long)f->entries[i].size, (long long)f->most);
        return t;
    }
    if (open_entry(f, i, &b, read_call) && tp_npy_head(&b, &head)) t = tp_npy_elements(&b, &head);
    close_entry(&b);
    return t;
}

tp_tensor *tp_npz_read(tp_npz *f, const char *name)
{
    tp_context *c = f ? f->object.context : NULL;
    if (!tp_object_usable(c, f ? &f->object : NULL, read_call, "f")) return tp_nil(c);
    for (int i = 0; name && i < f->n; i++)
        if (strcmp(f->entries[i].name, name) == 0) return read_array(f, i);
    tp_fail(c, TP_ERR_ARGUMENT, "%s: '%s' has no array '%.100s'", read_call, f->in.path, name ? name : "");
    return tp_nil(c);
}
