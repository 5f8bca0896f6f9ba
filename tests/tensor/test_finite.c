#include "base/simd.h"

#include "fixture.h"

#include <float.h>

enum { N = 70 };

/* Numbers as large and as small as there are. */
static void fill(double *x)
{
    for (int i = 0; i < N; i++) x[i] = i % 3 == 0 ? -65504 : i % 3 == 1 ? 1e-7 : i;
}

/* One element that is not finite is found wherever it is, with each set of instructions. */
static void test_each_place(void **state)
{
    tp_context *c = *state;
    static const tp_dtype dtypes[] = {TP_F16, TP_BF16, TP_F32, TP_F64};
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    double x[N];
    fill(x);
    for (int level = 0; level <= (int)tp_simd_widest(); level++) {
        tp_simd_use((tp_simd)level);
        for (int d = 0; d < 4; d++) {
            assert_true(tp_all_finite(tp_from_doubles(c, TP_SHAPE(N), dtypes[d], x)));
            for (int i = 0; i < N; i++) {
                double before = x[i];
                x[i] = bad[i % 3];
                tp_tensor *t = tp_from_doubles(c, TP_SHAPE(2, 5, N / 10), dtypes[d], x);
                assert_false(tp_all_finite(t));
                assert_false(tp_all_finite(tp_transpose(t, 0, 2)));
                assert_true(tp_all_finite(tp_slice(t, 2, 0, N / 10, 2)) == (i % 7 % 2 == 1));
                assert_true(tp_all_finite(tp_slice(t, 0, 1, 2, 1)) == (i < N / 2));
                x[i] = before;
            }
        }
    }
    tp_simd_use(tp_simd_widest());
}

/* The bits at the edge. */
static void test_edges(void **state)
{
    tp_context *c = *state;
    const uint32_t f32[] = {0x7f7fffff, 0xff7fffff, 1, 0x80000001, 0x80000000};
    const uint32_t nan[] = {0x7f800001}, negative_nan[] = {0xffffffff};
    assert_true(tp_all_finite(tp_from_array(c, TP_SHAPE(5), TP_F32, f32)));
    assert_false(tp_all_finite(tp_from_array(c, TP_SHAPE(1), TP_F32, nan)));
    assert_false(tp_all_finite(tp_from_array(c, TP_SHAPE(1), TP_F32, negative_nan)));
    assert_true(tp_all_finite(tp_full(c, TP_SHAPE(2), DBL_MAX, TP_F64)));
    assert_true(tp_all_finite(tp_full(c, TP_SHAPE(2), 65504, TP_F16)));
}

static void test_long_ones(void **state)
{
    tp_context *c = *state;
    enum { LONG = 50000 };
    static const int64_t places[] = {0, 8191, 8192, LONG - 1};
    for (int i = 0; i < 4; i++) {
        tp_tensor *t = tp_zeros(c, TP_SHAPE(LONG), TP_F32);
        assert_true(tp_all_finite(t));
        ((float *)tp_data_mut(t))[places[i]] = INFINITY;
        assert_false(tp_all_finite(t));
        assert_false(tp_all_finite(tp_expand(t, TP_SHAPE(2, LONG))));
    }
}

static void test_none(void **state)
{
    tp_context *c = *state;
    assert_true(tp_all_finite(tp_nil(c)) && tp_all_finite(NULL));
    assert_true(tp_all_finite(tp_full(c, TP_SHAPE(3), -1, TP_I32)));
    assert_true(tp_all_finite(tp_zeros(c, TP_SHAPE(0), TP_F32)));
    assert_false(tp_all_finite(tp_scalar(c, NAN, TP_F64)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_each_place), TEST(test_edges), TEST(test_long_ones),
                                       TEST(test_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
