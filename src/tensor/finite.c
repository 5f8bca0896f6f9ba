/* finite.c - whether all elements are finite: a training asks it of each gradient in each step. */
#include "base/simd.h"
#include "tensor/tensor.h"

#include <string.h>

/* True if one of n elements is not finite, by the bits: an exponent of all ones, and only that, carries into
 * the sign when one is added to it. */
typedef bool seek_fn(const char *x, int64_t n);

/* `one` is 1 in the exponent. */
#define SEEK(name, target, T, one)                                     \
    target static bool name(const char *x, int64_t n)                  \
    {                                                                  \
        const T sign = (T)((T)1 << (8 * sizeof(T) - 1));               \
        T carried = 0;                                                 \
        for (int64_t k = 0; k < n; k++) {                              \
            T bits;                                                    \
            memcpy(&bits, x + k * (int64_t)sizeof bits, sizeof bits);  \
            carried = (T)(carried | ((bits & (T)(sign - 1)) + (one))); \
        }                                                              \
        return (carried & sign) != 0;                                  \
    }

#define SEEK_ALL(level, target)                            \
    SEEK(f16_##level, target, uint16_t, 0x0400u)           \
    SEEK(bf16_##level, target, uint16_t, 0x0080u)          \
    SEEK(f32_##level, target, uint32_t, 0x00800000u)       \
    SEEK(f64_##level, target, uint64_t, UINT64_C(1) << 52) \
    static seek_fn *const level[TP_DTYPES] = {             \
        [TP_F16] = f16_##level, [TP_BF16] = bf16_##level, [TP_F32] = f32_##level, [TP_F64] = f64_##level};

SEEK_ALL(baseline, )
#if defined(__x86_64__)
SEEK_ALL(avx2, TP_AVX2)
SEEK_ALL(avx512, TP_AVX512)
static seek_fn *const *const by_level[] = {baseline, avx2, avx512};
#else
static seek_fn *const *const by_level[] = {baseline};
#endif

/* From the end to the beginning: what an optimizer reads next is then what was read last. */
static bool finite_backwards(seek_fn *seek, const char *x, int64_t n, int64_t size)
{
    enum { BLOCK = 1 << 13 };
    for (int64_t end = n, begin; end > 0; end = begin) {
        begin = (end - 1) / BLOCK * BLOCK;
        if (seek(x + begin * size, end - begin)) return false;
    }
    return true;
}

bool tp_all_finite(const tp_tensor *t)
{
    if (tp_is_nil(t) || !tp_tensor_alive(t, "tp_all_finite")) return true;
    tp_array a;
    tp_tensor_array(t, &a);
    seek_fn *seek = by_level[tp_simd_in_use()][t->dtype];
    int64_t n = tp_numel(t), size = tp_bytes(t->dtype), index[TP_INTERNAL_RANK] = {0};
    if (!seek || n == 0) return true;
    if (tp_is_dense(t, n)) return finite_backwards(seek, a.data, n, size);
    for (const char *x = a.data;;) {
        if (seek(x, 1)) return false;
        int i = t->rank - 1;
        for (; i >= 0; i--) {
            x += t->stride[i] * size;
            if (++index[i] < t->size[i]) break;
            x -= t->size[i] * t->stride[i] * size;
            index[i] = 0;
        }
        if (i < 0) return true;
    }
}
