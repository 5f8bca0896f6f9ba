/* bytes.c - bytes that come one after another; tensors from them, and back. */
#include "io/bytes.h"

#include <taper/io.h>

#include <stdarg.h>
#include <stdio.h>

static bool next_of_file(tp_bytes *b, void *data, size_t n)
{
    return tp_input_read(b->from, b->at, data, n, b->call);
}

void tp_bytes_of_file(tp_bytes *b, tp_input *in, const char *call)
{
    *b = (tp_bytes){.c = in->c, .call = call, .size = in->size, .from = in, .next = next_of_file};
    snprintf(b->name, sizeof b->name, "'%.600s'", in->path);
}

bool tp_bytes_bad(const tp_bytes *b, int64_t at, const char *text, ...)
{
    char what[320];
    va_list args;
    va_start(args, text);
    vsnprintf(what, sizeof what, text, args);
    va_end(args);
    tp_fail(b->c, TP_ERR_DATA, "%s: %s: byte %lld: %s", b->call, b->name, (long long)at, what);
    return false;
}

bool tp_bytes_take(tp_bytes *b, void *data, size_t n)
{
    if ((uint64_t)n > (uint64_t)(b->size - b->at))
        return tp_bytes_bad(b, b->size, "it ends here, %lld bytes before it should",
                            (long long)(b->at + (int64_t)n - b->size));
    if (!b->next(b, data, n)) return false;
    b->at += (int64_t)n;
    return true;
}

/* --- elements --- */

static bool little_endian(void)
{
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 1;
}

void tp_byte_order(void *data, int64_t n, size_t size, bool big_endian)
{
    if (big_endian != little_endian()) return;
    for (uint8_t *element = data; n-- > 0; element += size)
        for (size_t i = 0; i < size / 2; i++) {
            uint8_t byte = element[i];
            element[i] = element[size - 1 - i];
            element[size - 1 - i] = byte;
        }
}

bool tp_bytes_fit(const tp_bytes *b, tp_shape shape, tp_dtype dtype)
{
    int64_t left = b->size - b->at, size = (int64_t)tp_dtype_size(dtype);
    bool empty = false;
    for (int i = 0; i < shape.n; i++) {
        empty = empty || shape.v[i] == 0;
        if (shape.v[i] && __builtin_mul_overflow(size, shape.v[i], &size))
            return tp_bytes_bad(b, b->at, "a shape of more bytes than can be counted");
    }
    if (empty) size = 0;
    return size == left || tp_bytes_bad(b, b->at, "the elements take %lld bytes, there are %lld",
                                        (long long)size, (long long)left);
}

static bool read_elements(tp_bytes *b, uint8_t *data, int64_t n, tp_dtype dtype, bool big_endian)
{
    int64_t start = b->at;
    if (!tp_bytes_take(b, data, (size_t)n * tp_dtype_size(dtype))) return false;
    if (b->end && !b->end(b)) return false;
    for (int64_t i = 0; dtype == TP_BOOL && i < n; i++)
        if (data[i] > 1) return tp_bytes_bad(b, start + i, "a bool of %d, which is neither 0 nor 1", data[i]);
    tp_byte_order(data, n, tp_dtype_size(dtype), big_endian);
    return true;
}

tp_tensor *tp_bytes_tensor(tp_bytes *b, tp_shape shape, tp_dtype dtype, bool big_endian)
{
    tp_tensor *t = tp_zeros(b->c, shape, dtype);
    void *data = tp_data_mut(t);
    if (data && read_elements(b, data, tp_numel(t), dtype, big_endian)) return t;
    tp_drop(t);
    return tp_nil(b->c);
}

tp_tensor *tp_in_order(tp_tensor *t, bool big_endian)
{
    size_t size = tp_dtype_size(tp_dtype_of(t));
    if (tp_is_contiguous(t) && (size == 1 || big_endian != little_endian())) return t;
    tp_tensor *copy = tp_zeros_like(t);
    void *data = tp_data_mut(copy);
    if (data && tp_read(t, data, (size_t)tp_numel(t) * size) == TP_OK)
        tp_byte_order(data, tp_numel(t), size, big_endian);
    return copy;
}
