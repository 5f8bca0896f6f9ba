/* csv.c - tensors and data sets as CSV files (RFC 4180). */
#include "io/file.h"

#include <taper/io.h>

#include <stdio.h>
#include <string.h>

enum { BUFFER = 1 << 14, MOST_NUMBER = 40, MOST_NAME = 256, ROWS = 1024 };

/* A file being written. */
typedef struct writer {
    tp_output out;
    size_t used;
    char buffer[BUFFER];
} writer;

static void flush(writer *w)
{
    tp_output_put(&w->out, w->buffer, w->used);
    w->used = 0;
}

static void put(writer *w, char c)
{
    if (w->used == BUFFER) flush(w);
    w->buffer[w->used++] = c;
}

/* A text, in quotes where a reader may see more in it, be it that it looks for the separator or, at the start
 * of the file, for a byte order mark. */
static void put_text(writer *w, const char *text)
{
    bool quoted = !*text || strpbrk(text, ",;\t| \"\r\n") || strncmp(text, "\xef\xbb\xbf", 3) == 0;
    if (quoted) put(w, '"');
    for (; *text; text++) {
        if (*text == '"') put(w, '"');
        put(w, *text);
    }
    if (quoted) put(w, '"');
}

static void put_number(writer *w, double value)
{
    char text[MOST_NUMBER];
    tp_number_text(value, text, sizeof text);
    for (const char *p = text; *p; p++) put(w, *p);
}

/* The name of column i: of `names` or, where that is NULL, made of `stem`. */
static void put_name(writer *w, const char *name, const char *stem, int64_t i)
{
    char text[MOST_NAME];
    if (!name) snprintf(text, sizeof text, "%.200s%lld", stem, (long long)i);
    put_text(w, name ? name : text);
}

/* --- tensors --- */

/* The elements as i64, u64 or f64, which have all values there are. */
static tp_tensor *widen(tp_tensor *t)
{
    tp_dtype dtype = tp_dtype_of(t);
    return tp_contiguous(tp_cast(t, dtype == TP_U64 ? TP_U64 : tp_dtype_is_float(dtype) ? TP_F64 : TP_I64));
}

static void put_element(writer *w, tp_dtype dtype, const void *data, int64_t i)
{
    char text[MOST_NUMBER];
    if (dtype == TP_F64) {
        put_number(w, ((const double *)data)[i]);
        return;
    }
    if (dtype == TP_U64)
        snprintf(text, sizeof text, "%llu", (unsigned long long)((const uint64_t *)data)[i]);
    else
        snprintf(text, sizeof text, "%lld", (long long)((const int64_t *)data)[i]);
    for (const char *p = text; *p; p++) put(w, *p);
}

static void put_tensor(writer *w, tp_tensor *t, const char *const *names)
{
    int64_t columns = tp_rank(t) == 2 ? tp_size(t, 1) : 1, n = tp_numel(t);
    tp_tensor *wide = widen(t);
    const void *data = tp_data(wide);
    for (int64_t k = 0; k < columns; k++) {
        put_name(w, names ? names[k] : NULL, "x", k);
        put(w, k + 1 < columns ? ',' : '\n');
    }
    for (int64_t i = 0; i < n && tp_ok(w->out.c); i++) {
        put_element(w, tp_dtype_of(wide), data, i);
        put(w, (i + 1) % columns ? ',' : '\n');
    }
}

/* Whether there is a table of the tensor; records why not. */
static bool is_table(tp_context *c, const tp_tensor *t, const char *const *names, const char *call)
{
    if (!tp_object_usable(c, (const tp_object *)t, call, "t")) return false;
    int64_t columns = tp_rank(t) == 2 ? tp_size(t, 1) : tp_rank(t) == 1;
    if (columns == 0)
        tp_fail(c, TP_ERR_SHAPE,
                "%s: a table is [n] or [n,k] with a column at least; 't' has %d axes, the last of size %lld",
                call, tp_rank(t), (long long)tp_size(t, -1));
    for (int64_t k = 0; names && k < columns; k++)
        if (!names[k])
            tp_fail(c, TP_ERR_ARGUMENT, "%s: .names has no name for column %lld", call, (long long)k);
    return tp_ok(c);
}

tp_status tp_csv_save_with(tp_tensor *t, const char *path, const tp_csv_save_options *options)
{
    static const char call[] = "tp_csv_save";
    tp_context *c = tp_context_of(t);
    const char *const *names = options ? options->names : NULL;
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    writer *w = is_table(c, t, names, call) ? tp_alloc(c, sizeof *w) : NULL;
    if (w) {
        tp_mark scope = tp_open_no_grad(c);
        w->used = 0;
        w->out = (tp_output){.c = c, .call = call, .path = path};
        tp_output_open(&w->out);
        if (tp_ok(c)) put_tensor(w, t, names);
        flush(w);
        tp_output_close(&w->out);
        tp_close_scope(c, scope);
        tp_free(c, w, sizeof *w);
    }
    return tp_settle(c);
}

/* --- data sets --- */

/* Rows of a data set, as they are stored. */
typedef struct part {
    int64_t n, features, targets;
    const double *x, *y;
} part;

/* Reads `n` rows from `first` on. */
static bool read_part(part *p, tp_dataset *d, int64_t first, int64_t n)
{
    int64_t rows[ROWS];
    tp_context *c = tp_dataset_context(d);
    for (int64_t i = 0; i < n; i++) rows[i] = first + i;
    tp_dataset *some = tp_dataset_rows(d, rows, n);
    if (tp_dataset_set_scaling(some, tp_scalar(c, 0, TP_F64), tp_scalar(c, 1, TP_F64)) != TP_OK) return false;
    tp_tensor *x = tp_dataset_x(some, TP_F64), *y = NULL;
    if (tp_dataset_target_kind(d) != TP_TARGET_NONE)
        y = tp_contiguous(tp_cast(tp_dataset_y(some, TP_F64), TP_F64));
    *p = (part){
        .n = n, .features = tp_numel(x) / n, .targets = tp_numel(y) / n, .x = tp_data(x), .y = tp_data(y)};
    return tp_ok(c);
}

static void put_names(writer *w, const tp_dataset *d, const part *p)
{
    const char *target = tp_dataset_target_name(d);
    for (int64_t i = 0; i < p->features; i++) {
        if (i) put(w, ',');
        put_name(w, tp_dataset_feature_name(d, (int)i), "x", i);
    }
    for (int64_t i = 0; i < p->targets; i++) {
        char stem[MOST_NAME];
        snprintf(stem, sizeof stem, "%.200s_", target);
        put(w, ',');
        put_name(w, p->targets == 1 ? target : NULL, stem, i);
    }
    put(w, '\n');
}

static void put_rows(writer *w, const tp_dataset *d, const part *p)
{
    bool classes = tp_dataset_classes(d) > 0;
    for (int64_t i = 0; i < p->n && tp_ok(w->out.c); i++) {
        for (int64_t k = 0; k < p->features; k++) {
            double value = p->x[i * p->features + k];
            const char *text =
                tp_dataset_category(d, (int)k, 0) ? tp_dataset_category(d, (int)k, (int)value) : NULL;
            if (k) put(w, ',');
            if (text)
                put_text(w, text);
            else
                put_number(w, value);
        }
        for (int64_t k = 0; k < p->targets; k++) {
            double value = p->y[i * p->targets + k];
            put(w, ',');
            if (classes)
                put_text(w, tp_dataset_class_name(d, (int)value));
            else
                put_number(w, value);
        }
        put(w, '\n');
    }
}

static void put_dataset(writer *w, tp_dataset *d)
{
    tp_context *c = w->out.c;
    int64_t n = tp_dataset_size(d);
    for (int64_t first = 0; first < n && tp_ok(c); first += ROWS) {
        part p;
        tp_mark scope = tp_open_no_grad(c);
        if (read_part(&p, d, first, n - first < ROWS ? n - first : ROWS)) {
            if (first == 0) put_names(w, d, &p);
            put_rows(w, d, &p);
        }
        tp_close_scope(c, scope);
    }
}

tp_status tp_dataset_save(tp_dataset *d, const char *path)
{
    static const char call[] = "tp_dataset_save";
    tp_context *c = tp_dataset_context(d);
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    writer *w = NULL;
    if (tp_object_usable(c, (tp_object *)d, call, "d")) {
        if (tp_dataset_size(d) == 0) tp_fail(c, TP_ERR_ARGUMENT, "%s: the data set has no samples", call);
        w = tp_ok(c) ? tp_alloc(c, sizeof *w) : NULL;
    }
    if (w) {
        w->used = 0;
        w->out = (tp_output){.c = c, .call = call, .path = path};
        tp_output_open(&w->out);
        put_dataset(w, d);
        flush(w);
        tp_output_close(&w->out);
        tp_free(c, w, sizeof *w);
    }
    return tp_settle(c);
}
