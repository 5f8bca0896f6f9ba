/* formats.h - the formats of tensors, each with its writer and its reader. */
#ifndef IO_FORMATS_H
#define IO_FORMATS_H

#include "io/files.h"

/* One of them. */
typedef struct format {
    const char *file; /* what a file of it is called */
    tp_status (*save)(tp_tensor *t, const char *path);
    tp_tensor *(*read)(tp_context *c, const char *path);
    const char *lacks, *refusal; /* dtypes that it does not have, and what is said of them */
} format;

static inline tp_status save_safetensors(tp_tensor *t, const char *path)
{
    const tp_named_tensor named = {"t", t};
    return tp_safetensors_save(tp_context_of(t), path, &named, 1, NULL, 0);
}

static inline tp_tensor *read_safetensors(tp_context *c, const char *path)
{
    return tp_safetensors_read(tp_safetensors_open(c, path), "t");
}

static inline tp_status save_npz(tp_tensor *t, const char *path)
{
    const tp_named_tensor named = {"t", t};
    return tp_npz_save(tp_context_of(t), path, &named, 1);
}

static inline tp_status save_deflated(tp_tensor *t, const char *path)
{
    const tp_named_tensor named = {"t", t};
    return tp_npz_save(tp_context_of(t), path, &named, 1, .deflate = true);
}

static inline tp_tensor *read_npz(tp_context *c, const char *path)
{
    return tp_npz_read(tp_npz_open(c, path), "t");
}

static inline tp_tensor *read_idx(tp_context *c, const char *path) { return tp_idx_read(c, path); }

static inline tp_status save_csv(tp_tensor *t, const char *path) { return tp_csv_save(t, path); }

static inline tp_tensor *read_csv(tp_context *c, const char *path)
{
    tp_tensor *x = tp_dataset_x(tp_dataset_open(c, path, .kind = TP_TARGET_NONE), TP_F64);
    return tp_size(x, 1) == 1 ? tp_reshape(x, TP_SHAPE(-1)) : x;
}

#define NOT_OF_NUMPY "bf16", ": NumPy has no dtype bf16"
#define NOT_OF_IDX   "bool u16 u32 u64 i64 f16 bf16", "tp_idx_save: IDX has no dtype "

static const format formats[] = {
    {"t.safetensors", save_safetensors, read_safetensors, "", ""},
    {"t.npy", tp_npy_save, tp_npy_read, NOT_OF_NUMPY},
    {"t.npz", save_npz, read_npz, NOT_OF_NUMPY},
    {"deflated.npz", save_deflated, read_npz, NOT_OF_NUMPY},
    {"t-idx1-ubyte", tp_idx_save, read_idx, NOT_OF_IDX},
    {"t-idx1-ubyte.gz", tp_idx_save, read_idx, NOT_OF_IDX},
    {"t.csv", save_csv, read_csv, NULL, NULL}, /* a table: of f64, with one axis or two */
};
enum { FORMATS = sizeof formats / sizeof *formats, TABLE = FORMATS - 1 };

/* Asserts that two small tensors have the same dtype, shape and bits. */
static inline void expect_same(const tp_tensor *got, const tp_tensor *wanted)
{
    tp_shape a = tp_shape_of(got), b = tp_shape_of(wanted);
    size_t size = (size_t)tp_numel(wanted) * tp_dtype_size(tp_dtype_of(wanted));
    unsigned char x[256] = {0}, y[256] = {0};
    assert_int_equal(tp_dtype_of(got), tp_dtype_of(wanted));
    assert_int_equal(a.n, b.n);
    for (int i = 0; i < a.n; i++) assert_int_equal(a.v[i], b.v[i]);
    assert_int_equal(tp_read(got, x, size), TP_OK);
    assert_int_equal(tp_read(wanted, y, size), TP_OK);
    assert_memory_equal(x, y, size);
}

#endif
