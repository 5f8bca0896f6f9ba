/* dtype.h - element types: conversions and the half-precision formats. */
#ifndef TENSOR_DTYPE_H
#define TENSOR_DTYPE_H

#include <taper/base.h>

#include <string.h>

/* tp_dtype_size for a dtype known to be one. */
static inline int64_t tp_bytes(tp_dtype d)
{
    static const unsigned char bytes[TP_DTYPES] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8};
    return bytes[d];
}

/* tp_dtype_is_float for a dtype known to be one. */
static inline bool tp_is_float(tp_dtype d) { return d >= TP_F16; }

static inline float tp_f32_from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t tp_f32_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

float tp_f16_to_f32(uint16_t h);
uint16_t tp_f32_to_f16(float f);
float tp_bf16_to_f32(uint16_t b);
uint16_t tp_f32_to_bf16(float f);

/* Nearest below, saturating at the ends; NaN is 0. */
int64_t tp_saturate_i64(double d);
uint64_t tp_saturate_u64(double d);

/* The dtype a kernel computes in: f32 for the half formats, i64 for integers and bool (u64: itself). */
static inline tp_dtype tp_work_dtype(tp_dtype d)
{
    if (d == TP_F64 || d == TP_U64) return d;
    return tp_is_float(d) ? TP_F32 : TP_I64;
}

/* Converts n elements a stride apart, to and from the dtype; the one place where elements change type. */
void tp_convert(void *to, int64_t to_stride, tp_dtype to_dtype, const void *from, int64_t from_stride,
                tp_dtype from_dtype, int64_t n);

#endif
