/* idx.c - tensors as IDX files: 0, 0, what the elements are, the rank, the sizes (4 bytes each), the
 * elements, all big-endian; plain or packed by gzip. http://yann.lecun.com/exdb/mnist/ */
#include "io/gz.h"

#include <taper/io.h>

#include <string.h>

enum { MOST_HEAD = 4 + 4 * TP_MAX_RANK };

static const struct {
    unsigned char code;
    tp_dtype dtype;
} kinds[] = {{0x08, TP_U8}, {0x09, TP_I8}, {0x0b, TP_I16}, {0x0c, TP_I32}, {0x0d, TP_F32}, {0x0e, TP_F64}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* --- read --- */

static bool read_head(tp_bytes *b, tp_dtype *dtype, tp_shape *shape)
{
    unsigned char head[4], size[4];
    if (!tp_bytes_take(b, head, sizeof head)) return false;
    *dtype = TP_DTYPES;
    for (int i = 0; i < KINDS; i++)
        if (head[2] == kinds[i].code) *dtype = kinds[i].dtype;
    if (head[0] || head[1] || *dtype == TP_DTYPES || head[3] > TP_MAX_RANK)
        return tp_bytes_bad(
            b, 0,
            "it begins with %d %d %d %d; an IDX file with 0, 0, one of 8 9 11 12 13 14, and at "
            "most %d axes",
            head[0], head[1], head[2], head[3], TP_MAX_RANK);
    shape->n = head[3];
    for (int i = 0; i < shape->n; i++) {
        if (!tp_bytes_take(b, size, sizeof size)) return false;
        shape->v[i] = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
    }
    return true;
}

/* What a packed file unpacks to is known by its sizes alone: whether these can be true, and are allowed. */
static bool set_size(tp_bytes *b, const tp_input *in, tp_dtype dtype, tp_shape shape, int64_t most)
{
    int64_t size = (int64_t)tp_dtype_size(dtype);
    for (int i = 0; i < shape.n; i++)
        if (__builtin_mul_overflow(size, shape.v[i], &size)) size = INT64_MAX;
    if (size / TP_GZ_RATIO > in->size)
        return tp_bytes_bad(b, 4, "sizes of %lld bytes, more than can be in a file of %lld", (long long)size,
                            (long long)in->size);
    if (size > most)
        return tp_bytes_bad(b, 4, "it unpacks to %lld bytes, more than .most, %lld", (long long)size,
                            (long long)most);
    b->size = b->at + size;
    return true;
}

static tp_tensor *read_tensor(tp_input *in, int64_t most, tp_gz *g, const char *call)
{
    tp_bytes b;
    tp_dtype dtype;
    tp_shape shape;
    bool packed = tp_gz_is(in, call);
    if (packed && !tp_gz_read(g, &b, in, call)) return tp_nil(in->c);
    if (!packed) tp_bytes_of_file(&b, in, call);
    if (!read_head(&b, &dtype, &shape)) return tp_nil(in->c);
    if (packed && !set_size(&b, in, dtype, shape, most)) return tp_nil(in->c);
    return tp_bytes_fit(&b, shape, dtype) ? tp_bytes_tensor(&b, shape, dtype, true) : tp_nil(in->c);
}

tp_tensor *tp_idx_read_with(tp_context *c, const char *path, const tp_idx_read_options *options)
{
    static const char call[] = "tp_idx_read";
    tp_input in;
    if (!tp_ok(c)) return tp_nil(c);
    tp_tensor *t = tp_nil(c);
    tp_gz *g = tp_alloc(c, sizeof *g);
    if (!g) return t;
    g->open = false;
    if (tp_input_open(&in, c, path, call))
        t = read_tensor(&in, options && options->most ? options->most : INT64_C(1) << 30, g, call);
    tp_gz_close(g);
    tp_input_close(&in);
    tp_free(c, g, sizeof *g);
    return t;
}

/* --- write --- */

/* The bytes before the elements; 0 after recording why there is no such file. */
static size_t write_head(const tp_tensor *t, unsigned char *head, const char *call)
{
    tp_context *c = tp_context_of(t);
    int kind = 0;
    while (kind < KINDS && kinds[kind].dtype != tp_dtype_of(t)) kind++;
    if (kind == KINDS)
        tp_fail(c, TP_ERR_DTYPE, "%s: IDX has no dtype %s", call, tp_dtype_name(tp_dtype_of(t)));
    if (kind == KINDS) return 0;
    head[0] = head[1] = 0;
    head[2] = kinds[kind].code;
    head[3] = (unsigned char)tp_rank(t);
    for (int i = 0; i < tp_rank(t); i++) {
        int64_t size = tp_size(t, i);
        if (size > UINT32_MAX) {
            tp_fail(c, TP_ERR_SHAPE, "%s: IDX has no size of %lld", call, (long long)size);
            return 0;
        }
        for (int k = 0; k < 4; k++) head[4 + 4 * i + k] = (unsigned char)(size >> (24 - 8 * k) & 255);
    }
    return 4 + 4 * (size_t)tp_rank(t);
}

static void write_tensor(tp_output *o, tp_gz *g, const void *head, size_t n, tp_tensor *elements)
{
    size_t length = strlen(o->path), size = (size_t)tp_numel(elements) * tp_dtype_size(tp_dtype_of(elements));
    if (length >= 3 && strcmp(o->path + length - 3, ".gz") == 0) {
        tp_gz_write(g, o);
        tp_gz_put(g, head, n, false);
        tp_gz_put(g, tp_data(elements), size, true);
        tp_gz_close(g);
    } else {
        tp_output_put(o, head, n);
        tp_output_put(o, tp_data(elements), size);
    }
}

tp_status tp_idx_save(tp_tensor *t, const char *path)
{
    static const char call[] = "tp_idx_save";
    tp_context *c = tp_context_of(t);
    unsigned char head[MOST_HEAD];
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    size_t n = tp_object_usable(c, (tp_object *)t, call, "t") ? write_head(t, head, call) : 0;
    tp_gz *g = n ? tp_alloc(c, sizeof *g) : NULL;
    if (g) {
        tp_mark scope = tp_open_no_grad(c);
        tp_tensor *elements = tp_in_order(t, true);
        tp_output o = {.c = c, .call = call, .path = path};
        tp_output_open(&o);
        if (tp_ok(c)) write_tensor(&o, g, head, n, elements);
        tp_output_close(&o);
        tp_close_scope(c, scope);
        tp_free(c, g, sizeof *g);
    }
    return tp_settle(c);
}
