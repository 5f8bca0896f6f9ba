/* io.h - files: any bytes, tensors as safetensors, what modules learned, whole models. */
#ifndef TAPER_IO_H
#define TAPER_IO_H

#include <taper/data.h>
#include <taper/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A value, of jansson. */
struct json_t;

/* What is wrong with a text, of jansson. */
struct json_error_t;

/* --- any file ---------------------------------------------------------------------------------- */

/* Makes `size` bytes of `data` the content of the file at `path`. Like all writing here it goes to a
 * temporary file in the same folder, is synced and then renamed: whatever happens, the file is the old one or
 * the new one, and whole. What is no regular file (a folder, a pipe, a device) is refused. */
TP_API tp_status tp_write_file(tp_context *c, const char *path, const void *data, size_t size);

/* Removes from a folder the temporary files of writers that were killed; nobody may be writing there. */
TP_API tp_status tp_remove_leftovers(tp_context *c, const char *folder);

/* What jansson makes of `n` bytes of JSON, any value. NULL: *error says what is wrong with them, or it is
 * recorded that there is no memory; there json_loads alone may cut texts short, or abort. */
TP_API struct json_t *tp_json_parse(tp_context *c, const char *text, size_t n, struct json_error_t *error,
                                    const char *call);

/* --- tensors: safetensors ---------------------------------------------------------------------- */

/* The format of the Python package safetensors: 8 bytes length of the header (little-endian), the header
 * (JSON), the tensors' elements (row-major, little-endian, each tensor from where the last one ends).
 *
 * Files written here carry hashes in their metadata, which are checked where present: `taper.tensor_hashes`,
 * 32 hex digits for each tensor in the order of their data_offsets, XXH3-128 of its bytes; and first of all,
 * right after {"__metadata__":{"taper.hash":", the 32 digits of XXH3-128 of everything before the tensors
 * with zeros in the place of these digits. A file has both or neither. */

/* A tensor and what it is called; such names are UTF-8. */
typedef struct tp_named_tensor {
    const char *name;
    tp_tensor *tensor;
} tp_named_tensor;

/* A piece of text about a file, and what it is called. */
typedef struct tp_metadata {
    const char *key;
    const char *value;
} tp_metadata;

/* Writes `n` tensors and `n_metadata` pieces of metadata. Names must differ; "__metadata__" is none. */
TP_API tp_status tp_safetensors_save(tp_context *c, const char *path, const tp_named_tensor *tensors, int n,
                                     const tp_metadata *metadata, int n_metadata);

/* A safetensors file open for reading. Belongs to the scope it was made in. */
typedef struct tp_safetensors tp_safetensors;

/* Options of tp_safetensors_open. */
typedef struct tp_safetensors_open_options {
    size_t struct_size;  /* sizeof(tp_safetensors_open_options); 0 means this version's */
    int64_t header_most; /* bytes that the header may have; left zero: 2^24 */
    bool mapped; /* give tensors that lie in the file itself, of which only what is used is read, when it
                    is used. They can be changed, which the file does not see; hashes are not checked.
                    The file must not be cut short, nor a disk fail, while there are such tensors: the
                    system ends a program that uses what is gone. Bools, and elements that are not
                    aligned, are read as without this */
} tp_safetensors_open_options;

/* Opens a file and checks its header against the file's size; tensors are read when asked for. A file that is
 * changed while it is open may be found to be damaged. */
TP_API tp_safetensors *tp_safetensors_open_with(tp_context *c, const char *path,
                                                const tp_safetensors_open_options *options);

/* The context's inert file. */
TP_API tp_safetensors *tp_nil_safetensors(tp_context *c);

/* True for nil and NULL. */
TP_API bool tp_safetensors_is_nil(const tp_safetensors *f);

/* How many tensors there are. */
TP_API int tp_safetensors_count(const tp_safetensors *f);

/* The name of tensor i, in the order in which they lie in the file; NULL outside. */
TP_API const char *tp_safetensors_name(const tp_safetensors *f, int i);

/* The dtype of tensor i; TP_DTYPES if it is none of Taper's. */
TP_API tp_dtype tp_safetensors_dtype(const tp_safetensors *f, int i);

/* What the file calls that: "F32", "F8_E4M3"; NULL outside. */
TP_API const char *tp_safetensors_dtype_name(const tp_safetensors *f, int i);

/* The shape of tensor i. */
TP_API tp_shape tp_safetensors_shape(const tp_safetensors *f, int i);

/* The tensor of that name, read and checked against its hash now: each by itself, never the whole file. */
TP_API tp_tensor *tp_safetensors_read(tp_safetensors *f, const char *name);

/* The metadata called `key`; NULL if there is none. */
TP_API const char *tp_safetensors_metadata(const tp_safetensors *f, const char *key);

/* Key i of the metadata, NULL past the end. */
TP_API const char *tp_safetensors_key(const tp_safetensors *f, int i);

/* Whether the file carries hashes. */
TP_API bool tp_safetensors_is_hashed(const tp_safetensors *f);

/* --- tensors: NumPy's npy and npz -------------------------------------------------------------- */

/* What an npy file says of its array. */
typedef struct tp_npy {
    tp_dtype dtype;      /* TP_DTYPES if it is none of Taper's */
    char dtype_name[64]; /* what the file calls that, perhaps cut: "<f4", "|O" */
    bool big_endian;     /* the most significant byte of an element comes first */
    bool fortran_order;  /* the first index runs fastest */
    tp_shape shape;
} tp_npy;

/* Reads what an npy file (of version 1.0 to 3.0) says of its array, and checks it against the file's size; at
 * most 64 KiB are believed to be that. */
TP_API tp_status tp_npy_look(tp_context *c, const char *path, tp_npy *what);

/* The array of an npy file; in Fortran order, a transposed view. */
TP_API tp_tensor *tp_npy_read(tp_context *c, const char *path);

/* Writes a tensor as an npy file, row-major and little-endian. NumPy has no bf16. */
TP_API tp_status tp_npy_save(tp_tensor *t, const char *path);

/* An npz file open for reading: an archive (zip) of npy files. Belongs to the scope it was made in. */
typedef struct tp_npz tp_npz;

/* Options of tp_npz_open. */
typedef struct tp_npz_open_options {
    size_t struct_size; /* sizeof(tp_npz_open_options); 0 means this version's */
    int64_t most;       /* bytes that a compressed array may unpack to; left zero: 2^30 */
} tp_npz_open_options;

/* Opens a file and checks that its entries, npy files stored or deflated, fill it without gaps; and what each
 * says of its array. Elements are read when asked for. */
TP_API tp_npz *tp_npz_open_with(tp_context *c, const char *path, const tp_npz_open_options *options);

/* The context's inert file. */
TP_API tp_npz *tp_nil_npz(tp_context *c);

/* True for nil and NULL. */
TP_API bool tp_npz_is_nil(const tp_npz *f);

/* How many arrays there are. */
TP_API int tp_npz_count(const tp_npz *f);

/* The name of array i, without ".npy", in the order of the archive; NULL outside. */
TP_API const char *tp_npz_name(const tp_npz *f, int i);

/* What is said of array i; NULL outside. */
TP_API const tp_npy *tp_npz_look(const tp_npz *f, int i);

/* The array of that name, as tp_npy_read gives it, checked against its CRC-32 now. */
TP_API tp_tensor *tp_npz_read(tp_npz *f, const char *name);

/* Options of tp_npz_save. */
typedef struct tp_npz_save_options {
    size_t struct_size; /* sizeof(tp_npz_save_options); 0 means this version's */
    bool deflate;       /* compress */
} tp_npz_save_options;

/* Writes `n` tensors. Names must differ, and be such as a file that is unpacked may have: no "..", no "/" in
 * front. */
TP_API tp_status tp_npz_save_with(tp_context *c, const char *path, const tp_named_tensor *tensors, int n,
                                  const tp_npz_save_options *options);

/* --- tensors: IDX, and tables: CSV ------------------------------------------------------------- */

/* Options of tp_idx_read. */
typedef struct tp_idx_read_options {
    size_t struct_size; /* sizeof(tp_idx_read_options); 0 means this version's */
    int64_t most;       /* bytes that a compressed file may unpack to; left zero: 2^30 */
} tp_idx_read_options;

/* The tensor of an IDX file, as those of MNIST are, plain or compressed by gzip. */
TP_API tp_tensor *tp_idx_read_with(tp_context *c, const char *path, const tp_idx_read_options *options);

/* Writes a tensor of u8, i8, i16, i32, f32 or f64 as an IDX file, compressed if its name ends in ".gz". */
TP_API tp_status tp_idx_save(tp_tensor *t, const char *path);

/* Options of tp_csv_save. */
typedef struct tp_csv_save_options {
    size_t struct_size;       /* sizeof(tp_csv_save_options); 0 means this version's */
    const char *const *names; /* of the columns, one for each; NULL: x0, x1, .. */
} tp_csv_save_options;

/* Writes a tensor [n] or [n,k] as a CSV file: a row of names, then the elements in digits that read back as
 * the same. tp_dataset_open reads such files. */
TP_API tp_status tp_csv_save_with(tp_tensor *t, const char *path, const tp_csv_save_options *options);

/* Writes a data set as a CSV file: names, values as they are stored, and targets, with the texts of text
 * columns and classes. */
TP_API tp_status tp_dataset_save(tp_dataset *d, const char *path);

/* --- parameters and buffers of modules --------------------------------------------------------- */

/* Writes all parameters and buffers of a module under their paths, as PyTorch's state_dict would name them; a
 * shared one once, under its first path. */
TP_API tp_status tp_module_save(tp_module *m, const char *path);

/* Options of tp_module_load. */
typedef struct tp_module_load_options {
    size_t struct_size;      /* sizeof(tp_module_load_options); 0 means this version's */
    bool partial;            /* load what fits, and pass over what does not */
    char *differences;       /* where to write what does not fit, cut and terminated as snprintf does ... */
    size_t differences_size; /* ... and the bytes there */
} tp_module_load_options;

/* Overwrites all parameters and buffers of a module from a safetensors file, Taper's or PyTorch's. Every
 * name, shape and dtype must fit, or the message lists what does not; a shared parameter may be called by any
 * of its paths. All of them are loaded, or after a failure none. */
TP_API tp_status tp_module_load_with(tp_module *m, const char *path, const tp_module_load_options *options);

/* --- models ------------------------------------------------------------------------------------ */

/* A model file is a safetensors file of a net's parameters and buffers, whose metadata says all else that is
 * needed to use it: `taper.net`, the net as text; `taper.dtype`, of its parameters; `taper.data`, as JSON,
 * the shape of a sample, the scaling, the names of columns, their values and classes; `taper.criterion`, it
 * as text. */

/* Options of tp_model_save. */
typedef struct tp_model_options {
    size_t struct_size;         /* sizeof(tp_model_options); 0 means this version's */
    const tp_dataset *data;     /* what the net was trained on; needed */
    const tp_module *criterion; /* one that has a text (tp_criterion_text), or NULL */
} tp_model_options;

/* Writes a net of layers that tp_net can make; for another, tp_module_save writes the weights alone. */
TP_API tp_status tp_model_save_with(tp_module *net, const char *path, const tp_model_options *options);

/* What a model file holds. Belongs to the scope it was made in. */
typedef struct tp_model tp_model;

/* Reads a model file, all of it. One without hashes is refused. */
TP_API tp_model *tp_model_open(tp_context *c, const char *path);

/* The net, in evaluation. It and the next two belong to the model. */
TP_API tp_module *tp_model_net(const tp_model *m);

/* The data it takes: a set without samples, for the `like` of tp_dataset_open and for tp_dataset_scale_like.
 */
TP_API tp_dataset *tp_model_data(const tp_model *m);

/* The criterion it was trained with; nil where the file names none. */
TP_API tp_module *tp_model_criterion(const tp_model *m);

/* The context's inert model. */
TP_API tp_model *tp_nil_model(tp_context *c);

/* True for nil and NULL. */
TP_API bool tp_model_is_nil(const tp_model *m);

/* tp_keep for a model. */
TP_API tp_model *tp_model_keep(tp_model *m);

#ifndef __cplusplus
/* tp_model_save(net, "digits.safetensors", .data = train, .criterion = loss). */
#define tp_model_save(...) tp_model_save_(__VA_ARGS__, .struct_size = sizeof(tp_model_options))
#define tp_model_save_(net, path, ...) \
    tp_model_save_with((net), (path), &(const tp_model_options){__VA_ARGS__})
/* tp_safetensors_open(c, "net.safetensors") or tp_safetensors_open(c, "net.safetensors", .mapped = true). */
#define tp_safetensors_open(...) \
    tp_safetensors_open_(__VA_ARGS__, .struct_size = sizeof(tp_safetensors_open_options))
#define tp_safetensors_open_(c, path, ...) \
    tp_safetensors_open_with((c), (path), &(const tp_safetensors_open_options){__VA_ARGS__})
/* tp_npz_open(c, "arrays.npz") or tp_npz_open(c, "arrays.npz", .most = 1 << 20). */
#define tp_npz_open(...)           tp_npz_open_(__VA_ARGS__, .struct_size = sizeof(tp_npz_open_options))
#define tp_npz_open_(c, path, ...) tp_npz_open_with((c), (path), &(const tp_npz_open_options){__VA_ARGS__})
/* tp_npz_save(c, "arrays.npz", tensors, 2, .deflate = true). */
#define tp_npz_save(...)           tp_npz_save_(__VA_ARGS__, .struct_size = sizeof(tp_npz_save_options))
#define tp_npz_save_(c, path, tensors, n, ...) \
    tp_npz_save_with((c), (path), (tensors), (n), &(const tp_npz_save_options){__VA_ARGS__})
/* tp_idx_read(c, "train-images-idx3-ubyte.gz"). */
#define tp_idx_read(...)           tp_idx_read_(__VA_ARGS__, .struct_size = sizeof(tp_idx_read_options))
#define tp_idx_read_(c, path, ...) tp_idx_read_with((c), (path), &(const tp_idx_read_options){__VA_ARGS__})
/* tp_csv_save(t, "table.csv"). */
#define tp_csv_save(...)           tp_csv_save_(__VA_ARGS__, .struct_size = sizeof(tp_csv_save_options))
#define tp_csv_save_(t, path, ...) tp_csv_save_with((t), (path), &(const tp_csv_save_options){__VA_ARGS__})
/* tp_module_load(net, "net.safetensors") or tp_module_load(net, "net.safetensors", .partial = true). */
#define tp_module_load(...)        tp_module_load_(__VA_ARGS__, .struct_size = sizeof(tp_module_load_options))
#define tp_module_load_(m, path, ...) \
    tp_module_load_with((m), (path), &(const tp_module_load_options){__VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
