/* The numerics contract needs the default floating-point mode: an op says so where the host has another. */
#include "testing.h"

#include <taper/taper.h>

#include <fenv.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

static void expect_refused(tp_context *c, tp_tensor *x)
{
    assert_true(tp_is_nil(tp_exp(x)));
    assert_int_equal(tp_error(c), TP_ERR_STATE);
    assert_string_equal(tp_error_text(c), "exp ()->(): the program has changed the rounding mode or flushes "
                                          "subnormals to zero");
    tp_clear(c);
}

static void test_rounding(void **state)
{
    (void)state;
    tp_context *c = tp_open(&(tp_options){.check = true});
    tp_tensor *x = tp_ones(c, TP_SHAPE(3), TP_F64);
    const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (int i = 0; i < 3; i++) {
        fesetround(modes[i]);
        expect_refused(c, x);
        fesetround(FE_TONEAREST);
        assert_false(tp_is_nil(tp_exp(x)));
    }
    tp_close(c);
}

static void test_flush_to_zero(void **state)
{
    (void)state;
#if defined(__SSE2__)
    tp_context *c = tp_open(&(tp_options){.check = true});
    tp_tensor *x = tp_ones(c, TP_SHAPE(3), TP_F64);
    const unsigned flags[] = {0x8000, 0x0040};
    for (int i = 0; i < 2; i++) {
        unsigned before = _mm_getcsr();
        _mm_setcsr(before | flags[i]);
        expect_refused(c, x);
        _mm_setcsr(before);
        assert_false(tp_is_nil(tp_exp(x)));
    }
    tp_close(c);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rounding), cmocka_unit_test(test_flush_to_zero)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
