#include "tensor/dtype.h"

#include <math.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[TP_DTYPES] = {
    [TP_BOOL] = {"bool", 1}, [TP_U8] = {"u8", 1},   [TP_I8] = {"i8", 1},     [TP_U16] = {"u16", 2},
    [TP_I16] = {"i16", 2},   [TP_U32] = {"u32", 4}, [TP_I32] = {"i32", 4},   [TP_U64] = {"u64", 8},
    [TP_I64] = {"i64", 8},   [TP_F16] = {"f16", 2}, [TP_BF16] = {"bf16", 2}, [TP_F32] = {"f32", 4},
    [TP_F64] = {"f64", 8},
};

static bool is_dtype(tp_dtype d) { return (unsigned)d < TP_DTYPES; }

size_t tp_dtype_size(tp_dtype d) { return is_dtype(d) ? dtypes[d].size : 0; }

const char *tp_dtype_name(tp_dtype d) { return is_dtype(d) ? dtypes[d].name : "?"; }

bool tp_dtype_is_float(tp_dtype d) { return d >= TP_F16 && d <= TP_F64; }

static bool is_unsigned(tp_dtype d) { return d == TP_U8 || d == TP_U16 || d == TP_U32 || d == TP_U64; }

tp_dtype tp_promote(tp_dtype a, tp_dtype b)
{
    if (a == b) return a;
    tp_dtype high = a > b ? a : b, low = a > b ? b : a;
    if (low == TP_BOOL) return high;
    if (tp_dtype_is_float(high)) return low == TP_F16 && high == TP_BF16 ? TP_F32 : high;
    if (is_unsigned(a) == is_unsigned(b)) return high;
    /* one signed, one unsigned: the smallest signed type that holds both */
    tp_dtype u = is_unsigned(a) ? a : b, s = is_unsigned(a) ? b : a;
    size_t size = tp_dtype_size(u) * 2;
    if (tp_dtype_size(s) >= size) return s;
    return size == 2 ? TP_I16 : size == 4 ? TP_I32 : TP_I64;
}

float tp_bf16_to_f32(uint16_t b) { return tp_f32_from_bits((uint32_t)b << 16); }

uint16_t tp_f32_to_bf16(float f)
{
    uint32_t bits = tp_f32_bits(f);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

float tp_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, magnitude = h & 0x7fff;
    if (magnitude >= 0x7c00) return tp_f32_from_bits(sign | 0x7f800000u | (magnitude & 0x3ff) << 13);
    if (magnitude >= 0x400) return tp_f32_from_bits(sign | ((magnitude << 13) + ((127 - 15) << 23)));
    float value = (float)magnitude * 0x1p-24f;
    return sign ? -value : value;
}

uint16_t tp_f32_to_f16(float f)
{
    uint32_t bits = tp_f32_bits(f), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00); /* rounds to 2^16 or more */
    if (magnitude < 0x38800000u) {
        /* below 2^-14: adding 0.5 lets the hardware round to multiples of 2^-24 */
        uint32_t rounded = tp_f32_bits(tp_f32_from_bits(magnitude) + 0.5f) - tp_f32_bits(0.5f);
        return (uint16_t)(sign | rounded);
    }
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | (rounded - ((127 - 15) << 23)) >> 13);
}

int64_t tp_saturate_i64(double d)
{
    if (d != d) return 0;
    if (d >= 0x1p63) return INT64_MAX;
    if (d <= -0x1p63) return INT64_MIN;
    return (int64_t)d;
}

uint64_t tp_saturate_u64(double d)
{
    if (!(d > 0)) return 0;
    if (d >= 0x1p64) return UINT64_MAX;
    return (uint64_t)d;
}

static int64_t clamp_i64(double d, int64_t lo, int64_t hi)
{
    int64_t i = tp_saturate_i64(d);
    return i < lo ? lo : i > hi ? hi : i;
}

/* One element on its way between dtypes: a float as double, an integer as the 64 bits it stands for. */
typedef union wide {
    double d;
    int64_t i;
    uint64_t u;
} wide;

enum { CHUNK = 128 };

#define EACH(T, expression)                  \
    for (int64_t k = 0; k < n; k++) {        \
        T x = ((const T *)from)[k * stride]; \
        expression;                          \
    }                                        \
    break

static void load_integers(wide *w, const void *from, int64_t stride, tp_dtype d, int64_t n)
{
    switch (d) {
    case TP_BOOL:
    case TP_U8: EACH(uint8_t, w[k].i = x);
    case TP_I8: EACH(int8_t, w[k].i = x);
    case TP_U16: EACH(uint16_t, w[k].i = x);
    case TP_I16: EACH(int16_t, w[k].i = x);
    case TP_U32: EACH(uint32_t, w[k].i = x);
    case TP_I32: EACH(int32_t, w[k].i = x);
    default: EACH(int64_t, w[k].i = x);
    }
}

static void load_floats(wide *w, const void *from, int64_t stride, tp_dtype d, int64_t n)
{
    switch (d) {
    case TP_F16: EACH(uint16_t, w[k].d = tp_f16_to_f32(x));
    case TP_BF16: EACH(uint16_t, w[k].d = tp_bf16_to_f32(x));
    case TP_F32: EACH(float, w[k].d = x);
    default: EACH(double, w[k].d = x);
    }
}
#undef EACH

#define EACH(T, expression)                                                  \
    for (int64_t k = 0; k < n; k++) ((T *)to)[k * stride] = (T)(expression); \
    break

static void store_integers(void *to, int64_t stride, tp_dtype d, const wide *w, int64_t n)
{
    switch (d) {
    case TP_BOOL: EACH(uint8_t, w[k].i != 0);
    case TP_U8:
    case TP_I8: EACH(uint8_t, w[k].u);
    case TP_U16:
    case TP_I16: EACH(uint16_t, w[k].u);
    case TP_U32:
    case TP_I32: EACH(uint32_t, w[k].u);
    default: EACH(uint64_t, w[k].u);
    }
}

static void store_floats(void *to, int64_t stride, tp_dtype d, const wide *w, int64_t n)
{
    switch (d) {
    case TP_BOOL: EACH(uint8_t, w[k].d != 0);
    case TP_U8: EACH(uint8_t, clamp_i64(w[k].d, 0, UINT8_MAX));
    case TP_I8: EACH(int8_t, clamp_i64(w[k].d, INT8_MIN, INT8_MAX));
    case TP_U16: EACH(uint16_t, clamp_i64(w[k].d, 0, UINT16_MAX));
    case TP_I16: EACH(int16_t, clamp_i64(w[k].d, INT16_MIN, INT16_MAX));
    case TP_U32: EACH(uint32_t, clamp_i64(w[k].d, 0, UINT32_MAX));
    case TP_I32: EACH(int32_t, clamp_i64(w[k].d, INT32_MIN, INT32_MAX));
    case TP_U64: EACH(uint64_t, tp_saturate_u64(w[k].d));
    case TP_I64: EACH(int64_t, tp_saturate_i64(w[k].d));
    case TP_F16: EACH(uint16_t, tp_f32_to_f16((float)w[k].d));
    case TP_BF16: EACH(uint16_t, tp_f32_to_bf16((float)w[k].d));
    case TP_F32: EACH(float, w[k].d);
    default: EACH(double, w[k].d);
    }
}
#undef EACH

/* Integers to floats, rounding once to f32 where the target is narrower than f64. */
static void integers_to_floats(wide *w, int64_t n, bool from_u64, bool to_f64)
{
    for (int64_t k = 0; k < n; k++) {
        if (from_u64)
            w[k].d = to_f64 ? (double)w[k].u : (double)(float)w[k].u;
        else
            w[k].d = to_f64 ? (double)w[k].i : (double)(float)w[k].i;
    }
}

static void copy_same(void *to, int64_t to_stride, const void *from, int64_t from_stride, size_t size,
                      int64_t n)
{
    if (to_stride == 1 && from_stride == 1) {
        memcpy(to, from, (size_t)n * size);
        return;
    }
    char *t = to;
    const char *f = from;
    int64_t ts = to_stride * (int64_t)size, fs = from_stride * (int64_t)size;
    switch (size) {
    case 1:
        for (int64_t k = 0; k < n; k++) t[k * ts] = f[k * fs];
        break;
    case 2:
        for (int64_t k = 0; k < n; k++) memcpy(t + k * ts, f + k * fs, 2);
        break;
    case 4:
        for (int64_t k = 0; k < n; k++) memcpy(t + k * ts, f + k * fs, 4);
        break;
    default:
        for (int64_t k = 0; k < n; k++) memcpy(t + k * ts, f + k * fs, 8);
    }
}

void tp_convert(void *to, int64_t to_stride, tp_dtype to_dtype, const void *from, int64_t from_stride,
                tp_dtype from_dtype, int64_t n)
{
    if (to_dtype == from_dtype) {
        copy_same(to, to_stride, from, from_stride, tp_dtype_size(to_dtype), n);
        return;
    }
    bool from_float = tp_dtype_is_float(from_dtype), to_float = tp_dtype_is_float(to_dtype);
    int64_t from_step = from_stride * (int64_t)tp_dtype_size(from_dtype);
    int64_t to_step = to_stride * (int64_t)tp_dtype_size(to_dtype);
    for (int64_t start = 0; start < n; start += CHUNK) {
        wide w[CHUNK];
        int64_t count = n - start < CHUNK ? n - start : CHUNK;
        const char *source = (const char *)from + start * from_step;
        char *target = (char *)to + start * to_step;
        if (from_float)
            load_floats(w, source, from_stride, from_dtype, count);
        else
            load_integers(w, source, from_stride, from_dtype, count);
        if (!from_float && to_float) integers_to_floats(w, count, from_dtype == TP_U64, to_dtype == TP_F64);
        if (from_float || to_float)
            store_floats(target, to_stride, to_dtype, w, count);
        else
            store_integers(target, to_stride, to_dtype, w, count);
    }
}
