#include "comma.h"
#include "testing.h"

#include <taper/taper.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 16384, ELEMENTS = 4096 };

static int cases;

/* One case of tests/golden/format.def. */
static void check(tp_dtype dtype, tp_shape shape, size_t n, const double *values, const char *expected)
{
    tp_context *c = tp_open(NULL);
    double all[ELEMENTS];
    char text[TEXT];
    size_t count = 1;
    for (int i = 0; i < shape.n; i++) count *= (size_t)shape.v[i];
    assert_true(count <= ELEMENTS);
    for (size_t i = 0; i < count; i++) all[i] = values[i % n];
    tp_tensor *t = tp_from_doubles(c, shape, dtype, all);
    size_t length = tp_format(t, text, sizeof text);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
    assert_int_equal(tp_close(c), 0);
    cases++;
}

#define BRACES(...) \
    {               \
        __VA_ARGS__ \
    }

#define COUNT(values) (sizeof((double[])BRACES values) / sizeof(double))
#define FORMAT(dtype, shape, values, text) \
    check(TP_##dtype, shape, COUNT(values), (const double[])BRACES values, text);

static void all_goldens(void)
{
#include "golden/format.def"
}

static void test_goldens(void **state)
{
    (void)state;
    cases = 0;
    all_goldens();
    print_message("%d texts\n", cases);
    assert_true(cases > 800);
}

static void test_decimal_comma(void **state)
{
    (void)state;
    if (!with_decimal_comma(all_goldens)) skip();
}

static const char *text_of(const tp_tensor *t)
{
    static char text[TEXT];
    size_t length = tp_format(t, text, sizeof text);
    assert_int_equal(length, strlen(text));
    return text;
}

static void test_integers_at_their_ends(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    const uint64_t u[] = {UINT64_MAX, 0};
    const int64_t i[] = {INT64_MIN, INT64_MAX};
    assert_string_equal(text_of(tp_from_array(c, TP_SHAPE(2), TP_U64, u)),
                        "[18446744073709551615                    0]");
    assert_string_equal(text_of(tp_from_array(c, TP_SHAPE(2), TP_I64, i)),
                        "[-9223372036854775808  9223372036854775807]");
    tp_close(c);
}

static void test_views(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    tp_tensor *t = tp_reshape(tp_arange(c, 0, 6, 1, TP_F32), TP_SHAPE(2, 3));
    assert_string_equal(text_of(tp_transpose(t, 0, 1)), "[[0. 3.]\n [1. 4.]\n [2. 5.]]");
    assert_string_equal(text_of(tp_slice(t, 1, TP_END, TP_END, -2)), "[[2. 0.]\n [5. 3.]]");
    assert_string_equal(text_of(tp_expand(tp_scalar(c, 7, TP_I8), TP_SHAPE(30, 40))),
                        "[[7 7 7 ... 7 7 7]\n [7 7 7 ... 7 7 7]\n [7 7 7 ... 7 7 7]\n ...\n"
                        " [7 7 7 ... 7 7 7]\n [7 7 7 ... 7 7 7]\n [7 7 7 ... 7 7 7]]");
    tp_close(c);
}

/* The text is cut and terminated as snprintf's, and its whole length returned. */
static void test_short_buffers(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    tp_tensor *t = tp_from_doubles(c, TP_SHAPE(2), TP_F32, (double[]){1, -2.5});
    const char *whole = "[ 1.  -2.5]";
    assert_int_equal(tp_format(t, NULL, 0), strlen(whole));
    for (size_t n = 1; n < 16; n++) {
        char text[16];
        memset(text, '#', sizeof text);
        size_t fits = n - 1 < strlen(whole) ? n - 1 : strlen(whole);
        assert_int_equal(tp_format(t, text, n), strlen(whole));
        assert_memory_equal(text, whole, fits);
        assert_int_equal(text[fits], 0);
        for (size_t k = fits + 1; k < sizeof text; k++) assert_int_equal(text[k], '#');
    }
    tp_close(c);
}

static void test_nil(void **state)
{
    (void)state;
    tp_context *c = tp_open(&(tp_options){.check = true});
    assert_string_equal(text_of(NULL), "nil");
    assert_string_equal(text_of(tp_nil(c)), "nil");
    assert_true(tp_ok(c));
    tp_mark scope = tp_open_scope_named(c, "the loop");
    tp_tensor *stale = tp_scalar(c, 1, TP_F32);
    tp_close_scope(c, scope);
    assert_string_equal(text_of(stale), "nil");
    assert_string_equal(tp_error_text(c),
                        "tp_format: the tensor was freed when the scope opened at the loop was closed");
    tp_close(c);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_goldens),
    cmocka_unit_test(test_decimal_comma),
    cmocka_unit_test(test_integers_at_their_ends),
    cmocka_unit_test(test_views),
    cmocka_unit_test(test_short_buffers),
    cmocka_unit_test(test_nil),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
