#include "fixture.h"

#include "tensor/dtype.h"

#include <float.h>

/* A half format: exponent and fraction bits. */
typedef struct format {
    const char *name;
    int exponent, fraction;
    float (*widen)(uint16_t);
    uint16_t (*narrow)(float);
} format;

static const format formats[] = {
    {"f16", 5, 10, tp_f16_to_f32, tp_f32_to_f16},
    {"bf16", 8, 7, tp_bf16_to_f32, tp_f32_to_bf16},
};

enum { FORMATS = sizeof formats / sizeof *formats };

/* The value of a bit pattern, from the definition: (-1)^s 2^(e - bias) 1.f, 2^(1 - bias) 0.f, inf, NaN. */
static double value_of(const format *f, unsigned bits)
{
    int bias = (1 << (f->exponent - 1)) - 1, top = (1 << f->exponent) - 1;
    int e = (int)(bits >> f->fraction) & top, fraction = (int)bits & ((1 << f->fraction) - 1);
    double v = e == top && fraction ? NAN
               : e == top           ? INFINITY
               : e == 0             ? ldexp(fraction, 1 - bias - f->fraction)
                                    : ldexp(fraction + (1 << f->fraction), e - bias - f->fraction);
    return bits & 0x8000 ? -v : v;
}

static void test_every_half_widens_and_comes_back(void **state)
{
    (void)state;
    for (int k = 0; k < FORMATS; k++)
        for (unsigned bits = 0; bits < 0x10000; bits++) {
            double wanted = value_of(&formats[k], bits);
            float got = formats[k].widen((uint16_t)bits);
            uint16_t back = formats[k].narrow(got);
            if (wanted != wanted) {
                assert_true(got != got);
                assert_true(isnan(value_of(&formats[k], back)));
                assert_int_equal(back & 0x8000, bits & 0x8000);
                continue;
            }
            assert_true((double)got == wanted && !signbit(got) == !signbit(wanted));
            assert_int_equal(back, bits);
        }
}

static void expect_narrow(const format *f, double v, unsigned bits)
{
    float x = (float)v;
    assert_true((double)x == v); /* the test's own sums must be exact */
    if (f->narrow(x) != bits || f->narrow(-x) != (bits | 0x8000)) {
        print_error("%s of %a: expected %04x, got %04x\n", f->name, v, bits, f->narrow(x));
        fail();
    }
}

/* Between neighbours: below the middle down, above it up, the middle itself to the even one. */
static void test_rounding(void **state)
{
    (void)state;
    for (int k = 0; k < FORMATS; k++) {
        const format *f = &formats[k];
        unsigned infinity = ((1u << f->exponent) - 1) << f->fraction;
        for (unsigned bits = 0; bits < infinity; bits++) {
            double a = value_of(f, bits), step = value_of(f, bits + 1) - a;
            if (bits + 1 == infinity) step = a - value_of(f, bits - 1); /* as if the range went on */
            double middle = a + step / 2;
            expect_narrow(f, middle, bits + (bits & 1));
            expect_narrow(f, (double)nextafterf((float)middle, 0), bits);
            expect_narrow(f, (double)nextafterf((float)middle, INFINITY), bits + 1);
        }
        expect_narrow(f, INFINITY, infinity);
        expect_narrow(f, (double)FLT_MAX, infinity);
        expect_narrow(f, 0x1p-149, 0);
    }
}

static double saturated(double v, double low, double high)
{
    return v != v ? 0 : v <= low ? low : v >= high ? high : trunc(v);
}

static void test_floats_to_integers_saturate(void **state)
{
    (void)state;
    static const struct {
        tp_dtype dtype;
        double low, high;
    } types[] = {{TP_U8, 0, 255},         {TP_I8, -128, 127},        {TP_U16, 0, 65535},
                 {TP_I16, -32768, 32767}, {TP_U32, 0, 4294967295.0}, {TP_I32, -2147483648.0, 2147483647.0},
                 {TP_U64, 0, 0x1p64},     {TP_I64, -0x1p63, 0x1p63}};
    static const double values[] = {NAN, INFINITY, -INFINITY, 0,    -0.0,  0.99,  -0.99,
                                    1.5, -1.5,     300,       -300, 1e300, -1e300};
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        double low = types[k].low, high = types[k].high;
        double all[40];
        int n = 0;
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) all[n++] = values[i];
        for (int i = -1; i <= 1; i++) all[n++] = low + 0.5 * i, all[n++] = high + 0.5 * i;
        all[n++] = nextafter(low, -INFINITY), all[n++] = nextafter(high, 0);
        for (int i = 0; i < n; i++) {
            uint64_t word = 0;
            tp_convert(&word, 1, types[k].dtype, &all[i], 1, TP_F64, 1);
            double wanted = saturated(all[i], low, high);
            uint64_t bits = wanted >= 0x1p64   ? UINT64_MAX
                            : wanted >= 0x1p63 ? (low < 0 ? (uint64_t)INT64_MAX : (uint64_t)wanted)
                            : wanted < 0       ? (uint64_t)(int64_t)wanted
                                               : (uint64_t)wanted;
            size_t size = tp_dtype_size(types[k].dtype);
            assert_memory_equal(&word, &bits, size);
        }
    }
}

static void test_to_bool(void **state)
{
    (void)state;
    static const double values[] = {0, -0.0, 1, -1, 0.25, 1e-320, NAN, INFINITY};
    static const uint8_t wanted[] = {0, 0, 1, 1, 1, 1, 1, 1};
    uint8_t got[8];
    tp_convert(got, 1, TP_BOOL, values, 1, TP_F64, 8);
    assert_memory_equal(got, wanted, 8);
    static const int64_t integers[] = {0, 256, INT64_MIN, 1};
    tp_convert(got, 1, TP_BOOL, integers, 1, TP_I64, 4);
    assert_memory_equal(got, ((uint8_t[]){0, 1, 1, 1}), 4);
}

/* torch.promote_types of PyTorch 1.13, in the order of `torch_dtypes`. */
static void test_promotion_is_torchs(void **state)
{
    (void)state;
    static const tp_dtype d[] = {TP_BOOL, TP_U8,  TP_I8,   TP_I16, TP_I32,
                                 TP_I64,  TP_F16, TP_BF16, TP_F32, TP_F64};
    static const char *const table[10][10] = {
        {"bool", "u8", "i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"},
        {"u8", "u8", "i16", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"},
        {"i8", "i16", "i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"},
        {"i16", "i16", "i16", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"},
        {"i32", "i32", "i32", "i32", "i32", "i64", "f16", "bf16", "f32", "f64"},
        {"i64", "i64", "i64", "i64", "i64", "i64", "f16", "bf16", "f32", "f64"},
        {"f16", "f16", "f16", "f16", "f16", "f16", "f16", "f32", "f32", "f64"},
        {"bf16", "bf16", "bf16", "bf16", "bf16", "bf16", "f32", "bf16", "f32", "f64"},
        {"f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32", "f64"},
        {"f64", "f64", "f64", "f64", "f64", "f64", "f64", "f64", "f64", "f64"},
    };
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 10; j++) assert_string_equal(tp_dtype_name(tp_promote(d[i], d[j])), table[i][j]);
}

/* PyTorch 1.13 has no wider unsigned types: by the rule that base.h states. */
static void test_promotion_of_unsigned(void **state)
{
    (void)state;
    static const struct {
        tp_dtype a, b, wanted;
    } rows[] = {{TP_U16, TP_BOOL, TP_U16}, {TP_U16, TP_U8, TP_U16},  {TP_U16, TP_I8, TP_I32},
                {TP_U16, TP_I16, TP_I32},  {TP_U16, TP_I32, TP_I32}, {TP_U16, TP_I64, TP_I64},
                {TP_U16, TP_U32, TP_U32},  {TP_U16, TP_U64, TP_U64}, {TP_U32, TP_BOOL, TP_U32},
                {TP_U32, TP_U8, TP_U32},   {TP_U32, TP_I8, TP_I64},  {TP_U32, TP_I32, TP_I64},
                {TP_U32, TP_I64, TP_I64},  {TP_U32, TP_U64, TP_U64}, {TP_U64, TP_U8, TP_U64},
                {TP_U64, TP_I8, TP_I64},   {TP_U64, TP_I64, TP_I64}, {TP_U64, TP_F16, TP_F16},
                {TP_U32, TP_BF16, TP_BF16}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        assert_int_equal(tp_promote(rows[k].a, rows[k].b), rows[k].wanted);
        assert_int_equal(tp_promote(rows[k].b, rows[k].a), rows[k].wanted);
    }
}

static void test_names_and_sizes(void **state)
{
    (void)state;
    static const char *const names[] = {"bool", "u8",  "i8",  "u16",  "i16", "u32", "i32",
                                        "u64",  "i64", "f16", "bf16", "f32", "f64"};
    static const size_t sizes[] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8};
    for (int d = 0; d < TP_DTYPES; d++) {
        assert_string_equal(tp_dtype_name((tp_dtype)d), names[d]);
        assert_int_equal(tp_dtype_size((tp_dtype)d), sizes[d]);
        assert_int_equal(tp_dtype_is_float((tp_dtype)d), strchr(names[d], 'f') != NULL);
    }
    static const int wrong[] = {-1, TP_DTYPES, 1000};
    for (int k = 0; k < 3; k++) {
        assert_string_equal(tp_dtype_name((tp_dtype)wrong[k]), "?");
        assert_int_equal(tp_dtype_size((tp_dtype)wrong[k]), 0);
        assert_false(tp_dtype_is_float((tp_dtype)wrong[k]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half_widens_and_comes_back),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_floats_to_integers_saturate),
        cmocka_unit_test(test_to_bool),
        cmocka_unit_test(test_promotion_is_torchs),
        cmocka_unit_test(test_promotion_of_unsigned),
        cmocka_unit_test(test_names_and_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
