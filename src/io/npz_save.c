/* npz_save.c - writes npz files: libzip makes the archive, in a file that takes its place at the end. */
#include "io/npy.h"
#include "io/zip.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

static const char call[] = "tp_npz_save";

/* --- libzip's view of the file --- */

typedef struct archive {
    tp_output out;
    zip_error_t error;
} archive;

/* What libzip reads, which is nothing: there is no file yet. */
static zip_int64_t no_file(archive *a)
{
    zip_error_set(&a->error, ZIP_ER_READ, ENOENT);
    return -1;
}

static zip_int64_t put(archive *a, const void *data, size_t n)
{
    tp_output_put(&a->out, data, n);
    if (tp_ok(a->out.c)) return (zip_int64_t)n;
    zip_error_set(&a->error, ZIP_ER_WRITE, EIO);
    return -1;
}

static zip_int64_t go(archive *a, void *data, zip_uint64_t n)
{
    const zip_source_args_seek_t *to = ZIP_SOURCE_GET_ARGS(zip_source_args_seek_t, data, n, &a->error);
    if (!to) return -1;
    if (lseek(a->out.fd, (off_t)to->offset, to->whence) >= 0) return 0;
    zip_error_set(&a->error, ZIP_ER_SEEK, errno);
    return -1;
}

static zip_int64_t serve(void *user, void *data, zip_uint64_t n, zip_source_cmd_t command)
{
    archive *a = user;
    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(
            ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
            ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_BEGIN_WRITE, ZIP_SOURCE_WRITE,
            ZIP_SOURCE_SEEK_WRITE, ZIP_SOURCE_TELL_WRITE, ZIP_SOURCE_COMMIT_WRITE, ZIP_SOURCE_ROLLBACK_WRITE,
            ZIP_SOURCE_REMOVE, -1);
    case ZIP_SOURCE_ERROR: return zip_error_to_data(&a->error, data, n);
    case ZIP_SOURCE_WRITE: return put(a, data, (size_t)n);
    case ZIP_SOURCE_SEEK_WRITE: return go(a, data, n);
    case ZIP_SOURCE_TELL_WRITE: return lseek(a->out.fd, 0, SEEK_CUR);
    case ZIP_SOURCE_BEGIN_WRITE:
    case ZIP_SOURCE_COMMIT_WRITE:
    case ZIP_SOURCE_ROLLBACK_WRITE:
    case ZIP_SOURCE_REMOVE:
    case ZIP_SOURCE_FREE: return 0;
    default: return no_file(a);
    }
}

/* --- the entries --- */

/* Records what libzip says, unless more is known already. Where malloc failed, which errno tells if it was 0
 * before, libzip may say something else. */
static bool fail_zip(tp_context *c, zip_error_t *error)
{
    int code = zip_error_code_zip(error);
    if (code == ZIP_ER_MEMORY || errno == ENOMEM)
        tp_fail(c, TP_ERR_MEMORY, "%s: no memory for libzip", call);
    else
        tp_fail(c, code == ZIP_ER_WRITE ? TP_ERR_IO : TP_ERR_ARGUMENT, "%s: %s", call,
                zip_error_strerror(error));
    return false;
}

static bool check_name(tp_context *c, const tp_named_tensor *tensors, int i)
{
    const char *name = tensors[i].name, *why = name ? tp_zip_bad_name(name, strlen(name)) : "is NULL";
    if (why) tp_fail(c, TP_ERR_ARGUMENT, "%s: the name '%.100s' %s", call, name ? name : "", why);
    return !why;
}

/* Adds a tensor whose file begins with `head`. */
static bool add(zip_t *zip, const tp_named_tensor *named, char head[TP_NPY_MOST_HEAD], bool deflate)
{
    enum {
        STORE = ZIP_CM_STORE,
        DEFLATE = ZIP_CM_DEFLATE,
        DAY = 1 << 5 | 1
    }; /* 1980-01-01: always the same */
    tp_context *c = tp_context_of(named->tensor);
    size_t n = tp_npy_write_head(named->tensor, head, call), size = strlen(named->name) + 5;
    tp_tensor *t = tp_in_order(named->tensor, false);
    char *name = n && tp_ok(c) ? tp_alloc(c, size) : NULL;
    if (!name) return false;
    snprintf(name, size, "%s.npy", named->name);
    const zip_buffer_fragment_t parts[] = {
        {(zip_uint8_t *)head, n},
        {(zip_uint8_t *)tp_data(t), (zip_uint64_t)tp_numel(t) * tp_dtype_size(tp_dtype_of(t))}};
    zip_source_t *source = zip_source_buffer_fragment(zip, parts, 2, 0);
    zip_int64_t at = source ? zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (source && at < 0) zip_source_free(source);
    bool added = at >= 0 &&
                 zip_set_file_compression(zip, (zip_uint64_t)at, deflate ? DEFLATE : STORE, 0) == 0 &&
                 zip_file_set_dostime(zip, (zip_uint64_t)at, 0, DAY, 0) == 0;
    if (!added && zip_error_code_zip(zip_get_error(zip)) == ZIP_ER_EXISTS)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: the name '%.100s' is given twice", call, named->name);
    else if (!added)
        fail_zip(c, zip_get_error(zip));
    tp_free(c, name, size);
    return added;
}

static void write_archive(archive *a, const tp_named_tensor *tensors, int n, char (*heads)[TP_NPY_MOST_HEAD],
                          bool deflate)
{
    static const char empty[22] = "PK\5\6"; /* libzip makes no archive without entries */
    if (n == 0) {
        tp_output_put(&a->out, empty, sizeof empty);
        return;
    }
    tp_context *c = a->out.c;
    zip_error_t error;
    zip_error_init(&error);
    errno = 0;
    zip_source_t *file = zip_source_function_create(serve, a, &error);
    zip_t *zip = file ? zip_open_from_source(file, ZIP_CREATE | ZIP_TRUNCATE, &error) : NULL;
    if (file && !zip) zip_source_free(file);
    bool good = zip || fail_zip(c, &error);
    for (int i = 0; i < n && good; i++)
        good = check_name(c, tensors, i) && add(zip, &tensors[i], heads[i], deflate);
    if (good && zip_close(zip) == 0) zip = NULL;
    if (good && zip) fail_zip(c, zip_get_error(zip));
    if (zip) zip_discard(zip);
    zip_error_fini(&error);
}

tp_status tp_npz_save_with(tp_context *c, const char *path, const tp_named_tensor *tensors, int n,
                           const tp_npz_save_options *options)
{
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    if (n < 0 || (n && !tensors)) return tp_report(c, TP_ERR_ARGUMENT, "%s: no tensors", call);
    bool usable = true;
    for (int i = 0; i < n && usable; i++)
        usable = tp_object_usable(c, (tp_object *)tensors[i].tensor, call, "tensors");
    size_t size = (size_t)n * TP_NPY_MOST_HEAD + 1;
    char(*heads)[TP_NPY_MOST_HEAD] = usable ? tp_alloc(c, size) : NULL;
    if (heads) {
        tp_mark scope = tp_open_no_grad(c);
        archive a = {.out = {.c = c, .call = call, .path = path}};
        zip_error_init(&a.error);
        tp_output_open(&a.out);
        if (tp_ok(c)) write_archive(&a, tensors, n, heads, options && options->deflate);
        tp_output_close(&a.out);
        zip_error_fini(&a.error);
        tp_close_scope(c, scope);
        tp_free(c, heads, size);
    }
    return tp_settle(c);
}
