/* data.h - data sets by name or from files, split and scaled, and the loader that hands out batches. */
#ifndef TAPER_DATA_H
#define TAPER_DATA_H

#include <taper/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Samples in memory: values x [n,..] as they were stored, targets y, and what their columns and classes are
 * called. Never changes once made, but for its scaling. Belongs to the scope it was made in. */
typedef struct tp_dataset tp_dataset;

/* --- open -------------------------------------------------------------------------------------- */

/* What the targets are. */
typedef enum tp_target_kind {
    TP_TARGET_FOUND,   /* classes if the column holds text or whole numbers, else numbers */
    TP_TARGET_CLASSES, /* the distinct values of the column, sorted; y [n] holds their indices, i64 */
    TP_TARGET_NUMBERS, /* y [n], f64 */
    TP_TARGET_NONE     /* no column is a target: for predicting */
} tp_target_kind;

/* Whether the first line of a CSV file names the columns. Found: it does if no field of it is a number. */
typedef enum tp_header { TP_HEADER_FOUND, TP_HEADER_YES, TP_HEADER_NO } tp_header;

/* What becomes of a row with an empty field, or one that says NA, NaN, null or ?. */
typedef enum tp_missing {
    TP_MISSING_ERROR, /* it is refused, with file, row and column */
    TP_MISSING_DROP,  /* it is left out */
    TP_MISSING_MEAN   /* the mean of its column (of a text column: the commonest value) takes the place; a
                         target that is missing stays an error */
} tp_missing;

/* Options of tp_dataset_open. */
typedef struct tp_dataset_options {
    size_t struct_size; /* sizeof(tp_dataset_options); 0 means this version's */
    const char *split;  /* "train", "test" or "all"; NULL: all. What the set's own files say (MNIST), else a
                           fifth of each class, always the same, is the test part */
    tp_target_kind kind;
    const tp_dataset *like; /* read what fits this one: its columns, by name where both have names, with its
                               categories and classes, and its kind of target unless .kind is TP_TARGET_NONE.
                               Other columns are passed over, one that lacks is an error */

    /* of CSV files */
    char separator; /* left zero: found among , ; tab | and space; spaces in a row count as one */
    tp_header header;
    const char *target; /* the column's name, or its number from 0; NULL: the last */
    tp_missing missing;
} tp_dataset_options;

/* The data called `name`: a set of Taper's own ("breast_cancer", "iris", "wine", "digits"), "mnist:FOLDER"
 * (IDX files, .gz or not), or a CSV file's path ("-": standard input). Numbers of a CSV file become f64, text
 * columns the index of their value among the column's sorted values; most of a column decides which it is,
 * and a text among numbers is an error. Own sets are looked for in $TAPER_DATA, then where they were
 * installed, then where they were built from. */
TP_API tp_dataset *tp_dataset_open_with(tp_context *c, const char *name, const tp_dataset_options *options);

/* Name i of the sets of Taper's own, NULL past the end. */
TP_API const char *tp_dataset_name_at(int i);

/* A data set of tensors in memory: x [n,..] of any dtype, y [n] or [n,k] or NULL. Integers y are class
 * indices from 0, other y numbers. Keeps copies, f16 and bf16 as f32. */
TP_API tp_dataset *tp_dataset_new(tp_context *c, tp_tensor *x, tp_tensor *y);

/* The context's inert data set. */
TP_API tp_dataset *tp_nil_dataset(tp_context *c);

/* True for nil and NULL. */
TP_API bool tp_dataset_is_nil(const tp_dataset *d);

/* tp_keep for a data set. */
TP_API tp_dataset *tp_dataset_keep(tp_dataset *d);

/* The context it belongs to; NULL for NULL. */
TP_API tp_context *tp_dataset_context(const tp_dataset *d);

/* --- look -------------------------------------------------------------------------------------- */

/* How many samples; 0 for nil. */
TP_API int64_t tp_dataset_size(const tp_dataset *d);

/* The shape of one sample: [64], or [28,28]. */
TP_API tp_shape tp_dataset_sample_shape(const tp_dataset *d);

/* The dtype of the values as they were stored: u8 of images. */
TP_API tp_dtype tp_dataset_dtype(const tp_dataset *d);

/* A hash of the samples as a loader hands them out: values, targets and scaling, but not their names. 0 for
 * nil. */
TP_API uint64_t tp_dataset_hash(const tp_dataset *d);

/* All values [n,..] as floats of `dtype`, scaled; made anew at each call. */
TP_API tp_tensor *tp_dataset_x(const tp_dataset *d, tp_dtype dtype);

/* All targets: class indices [n] as i64, or numbers as `dtype`; nil, with an error, if there are none. */
TP_API tp_tensor *tp_dataset_y(const tp_dataset *d, tp_dtype dtype);

/* How many classes; 0 where targets are numbers or there are none. */
TP_API int tp_dataset_classes(const tp_dataset *d);

/* What class i is called: text of the file, or its number as text. NULL outside. */
TP_API const char *tp_dataset_class_name(const tp_dataset *d, int i);

/* What the targets are: TP_TARGET_CLASSES, TP_TARGET_NUMBERS or TP_TARGET_NONE. */
TP_API tp_target_kind tp_dataset_target_kind(const tp_dataset *d);

/* The name of the target's column, "target" where it has none. */
TP_API const char *tp_dataset_target_name(const tp_dataset *d);

/* The name of column i of the values; NULL where the columns have none. */
TP_API const char *tp_dataset_feature_name(const tp_dataset *d, int i);

/* Value k of text column i, NULL past the last and for columns of numbers. */
TP_API const char *tp_dataset_category(const tp_dataset *d, int i, int k);

/* Names the classes: one text each, no two the same, perhaps of more classes than occur. These four are for
 * data made by tp_dataset_new; all parts of it have the names. */
TP_API tp_status tp_dataset_name_classes(tp_dataset *d, const char *const *names, int n);

/* Names the columns of the values: one text each. */
TP_API tp_status tp_dataset_name_features(tp_dataset *d, const char *const *names, int n);

/* Names the values of a text column, which are indices from 0; no two the same. */
TP_API tp_status tp_dataset_name_categories(tp_dataset *d, int column, const char *const *names, int n);

/* Names the target's column. */
TP_API tp_status tp_dataset_name_target(tp_dataset *d, const char *name);

/* --- parts ------------------------------------------------------------------------------------- */

/* The samples at `rows` (n numbers; any order, repeats allowed), with the same names and scaling. Values are
 * shared, not copied. tp_dataset_rows(d, NULL, 0) is empty, and still knows what the columns are. */
TP_API tp_dataset *tp_dataset_rows(tp_dataset *d, const int64_t *rows, int64_t n);

/* Options of tp_dataset_split. */
typedef struct tp_split_options {
    size_t struct_size; /* sizeof(tp_split_options); 0 means this version's */
    uint64_t seed;
    bool stratify; /* take the fraction of each class */
} tp_split_options;

/* Splits by a random permutation: `fraction` (0 to 1, rounded up to whole samples) goes to *second, the rest
 * to *first. Both are nil after a failure; a part that would be empty is an error. */
TP_API void tp_dataset_split_with(tp_dataset *d, double fraction, tp_dataset **first, tp_dataset **second,
                                  const tp_split_options *options);

/* --- scaling ----------------------------------------------------------------------------------- */

/* How values are scaled when they are handed out: (x - mean) / deviation, both in units of the stored values.
 */
typedef enum tp_scaling {
    TP_SCALE_FOUND,   /* global for images (u8 [n,..] of three axes or more), else by feature */
    TP_SCALE_NONE,    /* as stored */
    TP_SCALE_UNIT,    /* divided by the largest magnitude: u8 by 255 */
    TP_SCALE_GLOBAL,  /* one mean and deviation over all values */
    TP_SCALE_FEATURE, /* a mean and deviation for each; a deviation of 0 counts as 1 */
    TP_SCALE_GIVEN    /* by tp_dataset_set_scaling; not to be asked for */
} tp_scaling;

/* Learns the scaling from `d` (the training part) and uses it from now on: in parts and loaders made later.
 * Deviations are of the population, as scikit-learn's StandardScaler. */
TP_API tp_status tp_dataset_scale(tp_dataset *d, tp_scaling scaling);

/* Makes `d` use the scaling of `from`, which has the same sample shape. */
TP_API tp_status tp_dataset_scale_like(tp_dataset *d, const tp_dataset *from);

/* The mean in use, f64: a scalar, or of the shape of a sample. */
TP_API tp_tensor *tp_dataset_mean(const tp_dataset *d);

/* The deviation in use, likewise. */
TP_API tp_tensor *tp_dataset_deviation(const tp_dataset *d);

/* Makes `d` use these (as tp_dataset_mean and tp_dataset_deviation gave them). */
TP_API tp_status tp_dataset_set_scaling(tp_dataset *d, tp_tensor *mean, tp_tensor *deviation);

/* --- loader ------------------------------------------------------------------------------------ */

/* Hands out batches of a data set, epoch after epoch. Belongs to the scope it was made in. */
typedef struct tp_loader tp_loader;

/* One batch; it belongs to the loader until the next one. */
typedef struct tp_batch {
    tp_tensor *x; /* [size,..], scaled */
    tp_tensor *y; /* class indices [size], i64; or numbers [size] or [size,k] of x's dtype; nil: no targets */
    int64_t size;
} tp_batch;

/* Options of tp_loader_new. */
typedef struct tp_loader_options {
    size_t struct_size; /* sizeof(tp_loader_options); 0 means this version's */
    int64_t batch_size; /* left zero: 32 */
    bool shuffle;       /* a new order each epoch, which depends on seed and epoch only */
    bool drop_last;     /* leave out a last batch that is not full */
    bool prefetch;      /* make the next batch in a thread of its own while this one is used */
    uint64_t seed;      /* of the order */
    tp_dtype dtype;     /* of x, f32 or f64; left zero: f32 */
} tp_loader_options;

/* A loader over `d`, which it keeps; an empty set is an error. */
TP_API tp_loader *tp_loader_new_with(tp_dataset *d, const tp_loader_options *options);

/* The next batch; false, with nothing in `batch`, once at the end of each epoch and always after a failure.
 */
TP_API bool tp_loader_next(tp_loader *l, tp_batch *batch);

/* Batches in an epoch. */
TP_API int64_t tp_loader_batches(const tp_loader *l);

/* The epoch it is in, from 0. */
TP_API int64_t tp_loader_epoch(const tp_loader *l);

/* The batch of the epoch that comes next, from 0. */
TP_API int64_t tp_loader_position(const tp_loader *l);

/* Goes there: what follows is what would have followed in the first run. */
TP_API tp_status tp_loader_seek(tp_loader *l, int64_t epoch, int64_t batch);

/* The context's inert loader. */
TP_API tp_loader *tp_nil_loader(tp_context *c);

/* True for nil and NULL. */
TP_API bool tp_loader_is_nil(const tp_loader *l);

#ifndef __cplusplus
/* tp_dataset_open(c, "digits") or tp_dataset_open(c, "my.csv", .target = "price"). */
#define tp_dataset_open(...) tp_dataset_open_(__VA_ARGS__, .struct_size = sizeof(tp_dataset_options))
#define tp_dataset_open_(c, name, ...) \
    tp_dataset_open_with((c), (name), &(const tp_dataset_options){__VA_ARGS__})
/* tp_dataset_split(d, 0.2, &train, &test, .stratify = true). */
#define tp_dataset_split(...) tp_dataset_split_(__VA_ARGS__, .struct_size = sizeof(tp_split_options))
#define tp_dataset_split_(d, fraction, first, second, ...) \
    tp_dataset_split_with((d), (fraction), (first), (second), &(const tp_split_options){__VA_ARGS__})
/* tp_loader_new(d, .batch_size = 64, .shuffle = true). */
#define tp_loader_new(...)     tp_loader_new_(__VA_ARGS__, .struct_size = sizeof(tp_loader_options))
#define tp_loader_new_(d, ...) tp_loader_new_with((d), &(const tp_loader_options){__VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif
#endif
