#include "fixture.h"

#include "tensor/dtype.h"
#include "tensor/tensor.h"

enum { ROOM = 4096, GUARD = 0x6d };

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* --- one element, by another way: everything goes through long double, which holds all of them --- */

static long double value_of(const void *at, tp_dtype d)
{
    union {
        uint8_t u8;
        int8_t i8;
        uint16_t u16;
        int16_t i16;
        uint32_t u32;
        int32_t i32;
        uint64_t u64;
        int64_t i64;
        float f32;
        double f64;
    } x;
    memcpy(&x, at, tp_dtype_size(d));
    switch (d) {
    case TP_BOOL:
    case TP_U8: return x.u8;
    case TP_I8: return x.i8;
    case TP_U16: return x.u16;
    case TP_I16: return x.i16;
    case TP_U32: return x.u32;
    case TP_I32: return x.i32;
    case TP_U64: return x.u64;
    case TP_I64: return x.i64;
    case TP_F16: return tp_f16_to_f32(x.u16);
    case TP_BF16: return tp_bf16_to_f32(x.u16);
    case TP_F32: return x.f32;
    default: return x.f64;
    }
}

static void put_integer(void *at, tp_dtype d, long double v, bool saturate)
{
    size_t bits = 8 * tp_dtype_size(d);
    bool is_signed = d == TP_I8 || d == TP_I16 || d == TP_I32 || d == TP_I64;
    long double low = is_signed ? -ldexpl(1, (int)bits - 1) : 0;
    long double high = ldexpl(1, (int)bits - is_signed) - 1;
    if (saturate) v = v != v ? 0 : v < low ? low : v > high ? high : truncl(v);
    uint64_t word = v < 0 ? 0 - (uint64_t)-v : (uint64_t)v; /* modulo 2^64, its low bytes are the value */
    memcpy(at, &word, tp_dtype_size(d));
}

static void convert_one(void *to, tp_dtype d, const void *from, tp_dtype s)
{
    long double v = value_of(from, s);
    bool real = tp_dtype_is_float(s);
    double f64 = (double)v;
    float f32 = real ? (float)f64 : (float)v;
    uint16_t half;
    switch (d) {
    case TP_BOOL: *(uint8_t *)to = v != 0; return;
    case TP_F16: half = tp_f32_to_f16(f32); break;
    case TP_BF16: half = tp_f32_to_bf16(f32); break;
    case TP_F32: memcpy(to, &f32, 4); return;
    case TP_F64: memcpy(to, &f64, 8); return;
    default: put_integer(to, d, v, real); return;
    }
    memcpy(to, &half, 2);
}

/* Elements of all sizes and, among floats, the special ones. */
static void draw(void *at, tp_dtype d, uint64_t *seed)
{
    static const double special[] = {NAN,   INFINITY, -INFINITY, 0.0,  -0.0,  0.5,  -0.5,  1.75,   -1.75,
                                     255.5, -128.9,   1e5,       -1e5, 3e9,   -3e9, 1e19,  -1e19,  2e38,
                                     -2e38, 65535.9,  32767.5,   1e-6, 1e-40, -129, 70000, 0x1p63, -0x1p63};
    uint64_t word = next_random(seed) << 40 ^ next_random(seed) << 20 ^ next_random(seed);
    if (tp_dtype_is_float(d)) {
        double v = next_random(seed) % 2 ? special[word % (sizeof special / sizeof *special)]
                                         : (double)(int64_t)(word % 2000001) / 1000 - 1000;
        convert_one(at, d, &v, TP_F64);
    } else if (d == TP_BOOL)
        *(uint8_t *)at = word & 1;
    else {
        word >>= next_random(seed) % 8 * 8;
        memcpy(at, &word, tp_dtype_size(d));
    }
}

static void expect_element(const void *got, const void *wanted, tp_dtype to, tp_dtype from)
{
    long double v = value_of(wanted, to);
    if (memcmp(got, wanted, tp_dtype_size(to)) == 0 || (v != v && value_of(got, to) != value_of(got, to)))
        return;
    print_error("%s to %s: expected %Lg, got %Lg\n", tp_dtype_name(from), tp_dtype_name(to), v,
                value_of(got, to));
    fail();
}

static void test_all_pairs(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int s = 0; s < TP_DTYPES; s++)
        for (int d = 0; d < TP_DTYPES; d++)
            for (int stride = -2; stride <= 2; stride++) {
                char from[8 * 1200], to[8 * 300], wanted[8];
                size_t in = tp_dtype_size((tp_dtype)s), out = tp_dtype_size((tp_dtype)d);
                char *first = from + 600 * in; /* of 299 elements `stride` apart */
                for (int k = 0; k < 1200; k++) draw(from + (size_t)k * in, (tp_dtype)s, &seed);
                tp_convert(to, 1, (tp_dtype)d, first, stride, (tp_dtype)s, 299);
                for (int k = 0; k < 299; k++) {
                    const char *element = first + (ptrdiff_t)in * stride * k;
                    convert_one(wanted, (tp_dtype)d, element, (tp_dtype)s);
                    expect_element(to + (size_t)k * out, wanted, (tp_dtype)d, (tp_dtype)s);
                }
            }
}

/* --- any shape and strides --- */

/* A random layout that reaches each element once, or (broadcast) some of them several times. Returns the
 * offset of the first element. */
static int64_t random_strides(tp_array *a, bool broadcast, uint64_t *seed)
{
    int order[TP_INTERNAL_RANK];
    int64_t step = 1, offset = 0;
    for (int i = 0; i < a->rank; i++) {
        int at = (int)(next_random(seed) % (uint64_t)(i + 1));
        order[i] = order[at];
        order[at] = i;
    }
    for (int i = 0; i < a->rank; i++) {
        int axis = order[i];
        uint64_t kind = next_random(seed) % 6;
        if (broadcast && kind == 0) {
            a->stride[axis] = 0;
            continue;
        }
        int64_t gap = kind == 1 && step * a->size[axis] < ROOM / 64 ? 2 : 1;
        a->stride[axis] = step * gap;
        if (kind % 2) {
            a->stride[axis] = -step * gap;
            offset += (a->size[axis] - 1) * step * gap;
        }
        step *= a->size[axis] * gap;
    }
    assert_true(step <= ROOM);
    return offset;
}

static int64_t place_of(const tp_array *a, int64_t flat)
{
    int64_t place = 0;
    for (int i = a->rank - 1; i >= 0; flat /= a->size[i], i--) place += flat % a->size[i] * a->stride[i];
    return place;
}

static void check_copy(int rank, tp_dtype to_dtype, tp_dtype from_dtype, uint64_t *seed)
{
    static char from[ROOM * 8], to[ROOM * 8];
    static bool written[ROOM];
    tp_array f = {.rank = rank, .dtype = from_dtype}, t = {.rank = rank, .dtype = to_dtype};
    int64_t n = 1;
    for (int i = 0; i < rank; i++) {
        int64_t size = (int64_t)(next_random(seed) % (rank <= 2 ? 20 : 3)) + 1;
        if (n * size > ROOM / 16) size = 1;
        n *= f.size[i] = t.size[i] = size;
    }
    size_t in = tp_dtype_size(from_dtype), out = tp_dtype_size(to_dtype);
    int64_t f0 = random_strides(&f, true, seed), t0 = random_strides(&t, false, seed);
    for (int k = 0; k < ROOM; k++) draw(from + (size_t)k * in, from_dtype, seed);
    memset(to, GUARD, sizeof to);
    memset(written, 0, sizeof written);
    f.data = from + f0 * (int64_t)in;
    t.data = to + t0 * (int64_t)out;
    tp_array_copy(&t, &f);
    for (int64_t k = 0; k < n; k++) {
        char wanted[8];
        int64_t at = t0 + place_of(&t, k);
        convert_one(wanted, to_dtype, from + (f0 + place_of(&f, k)) * (int64_t)in, from_dtype);
        expect_element(to + at * (int64_t)out, wanted, to_dtype, from_dtype);
        written[at] = true;
    }
    for (size_t k = 0; k < ROOM * out; k++)
        if (!written[k / out]) assert_int_equal(to[k], GUARD);
}

static void test_shapes_and_strides(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int rank = 0; rank <= TP_MAX_RANK; rank++)
        for (int turn = 0; turn < 60; turn++) {
            tp_dtype d = (tp_dtype)(next_random(&seed) % TP_DTYPES),
                     s = (tp_dtype)(next_random(&seed) % TP_DTYPES);
            check_copy(rank, turn % 2 ? d : s, s, &seed);
        }
}

static void test_no_elements(void **state)
{
    (void)state;
    for (int zero = 0; zero < 3; zero++) {
        tp_array a = {.rank = 3, .dtype = TP_F32, .size = {2, 3, 4}, .stride = {12, 4, 1}};
        a.size[zero] = 0;
        tp_array_copy(&a, &a); /* data is NULL: nothing may be touched */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_pairs),
        cmocka_unit_test(test_shapes_and_strides),
        cmocka_unit_test(test_no_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
