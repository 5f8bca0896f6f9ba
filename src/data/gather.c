/* gather.c - samples read from where they are stored, scaled, and laid side by side. */
#include "data/dataset.h"

#include <string.h>

enum { BYTES = 256 }; /* that there are */

/* The dtypes that values are stored in. */
#define DTYPES(X)       \
    X(TP_BOOL, uint8_t) \
    X(TP_U8, uint8_t)   \
    X(TP_I8, int8_t)    \
    X(TP_U16, uint16_t) \
    X(TP_I16, int16_t)  \
    X(TP_U32, uint32_t) \
    X(TP_I32, int32_t)  \
    X(TP_U64, uint64_t) \
    X(TP_I64, int64_t)  \
    X(TP_F32, float)    \
    X(TP_F64, double)

#define READ(name, type)                                                          \
    case name:                                                                    \
        for (int64_t i = 0; i < n; i++) out[i] = (double)((const type *)from)[i]; \
        break;

static void read_values(const void *from, tp_dtype dtype, int64_t n, double *out)
{
    switch (dtype) {
        DTYPES(READ)
    default: break; /* never stored */
    }
}

void tp_store_read(const tp_store *s, int64_t row, int64_t first, int64_t count, double *out)
{
    size_t at = (size_t)(row * s->features + first) * tp_dtype_size(s->dtype);
    read_values((const char *)s->x_data + at, s->dtype, count, out);
}

/* (v - mean) / deviation of values `first` and on of a sample. */
static void scale_values(const tp_scaler *scaler, int64_t first, int64_t n, double *v)
{
    if (scaler->n == 1) {
        for (int64_t i = 0; i < n; i++) v[i] = (v[i] - scaler->mean[0]) / scaler->deviation[0];
        return;
    }
    const double *mean = scaler->mean + first, *deviation = scaler->deviation + first;
    for (int64_t i = 0; i < n; i++) v[i] = (v[i] - mean[i]) / deviation[i];
}

static void write_values(const double *v, int64_t n, tp_dtype dtype, int64_t at, void *out)
{
    if (dtype == TP_F64) {
        memcpy((double *)out + at, v, (size_t)n * sizeof *v);
        return;
    }
    float *to = (float *)out + at;
    for (int64_t i = 0; i < n; i++) to[i] = (float)v[i];
}

static void gather_sample(const tp_store *s, const tp_scaler *scaler, int64_t row, tp_dtype dtype, int64_t at,
                          void *x)
{
    enum { BLOCK = 256 };
    double v[BLOCK];
    for (int64_t first = 0; first < s->features; first += BLOCK) {
        int64_t n = s->features - first < BLOCK ? s->features - first : BLOCK;
        tp_store_read(s, row, first, n, v);
        if (scaler) scale_values(scaler, first, n, v);
        write_values(v, n, dtype, at + first, x);
    }
}

/* What each byte becomes, where all features are scaled alike. */
static bool scale_bytes(const tp_store *s, const tp_scaler *scaler, tp_dtype dtype, float *scaled)
{
    double v[BYTES];
    if (s->dtype != TP_U8 || dtype != TP_F32 || (scaler && scaler->n != 1)) return false;
    for (int i = 0; i < BYTES; i++) v[i] = i;
    if (scaler) scale_values(scaler, 0, BYTES, v);
    write_values(v, BYTES, dtype, 0, scaled);
    return true;
}

static void gather_bytes(const tp_store *s, const float *scaled, int64_t row, float *x)
{
    const uint8_t *from = (const uint8_t *)s->x_data + row * s->features;
    for (int64_t i = 0; i < s->features; i++) x[i] = scaled[from[i]];
}

static void gather_target(const tp_store *s, int64_t row, int64_t i, tp_dtype dtype, void *y)
{
    if (s->kind == TP_TARGET_CLASSES) {
        ((int64_t *)y)[i] = ((const int64_t *)s->y_data)[row];
        return;
    }
    write_values((const double *)s->y_data + row * s->width, s->width, dtype, i * s->width, y);
}

void tp_dataset_gather(const tp_dataset *d, const tp_scaler *scaler, const int64_t *order, int64_t first,
                       int64_t n, tp_dtype dtype, void *x, void *y)
{
    const tp_store *s = d->store;
    float scaled[BYTES];
    bool bytes = scale_bytes(s, scaler, dtype, scaled);
    for (int64_t i = 0; i < n; i++) {
        int64_t row = order ? order[first + i] : first + i;
        if (d->rows) row = d->rows[row];
        if (x && bytes)
            gather_bytes(s, scaled, row, (float *)x + i * s->features);
        else if (x)
            gather_sample(s, scaler, row, dtype, i * s->features, x);
        if (y) gather_target(s, row, i, dtype, y);
    }
}
