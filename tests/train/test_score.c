#include "train/score.h"

#include "fixture.h"

/* One element that is not finite is found wherever it is, and however large or small the others are. */
static void test_all_finite(void **state)
{
    tp_context *c = *state;
    static const tp_dtype dtypes[] = {TP_F32, TP_F64, TP_BF16};
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    enum { N = 70 };
    double x[N];
    for (int i = 0; i < N; i++) x[i] = i % 3 == 0 ? -3e38 : i % 3 == 1 ? 1e-40 : 3e38;
    for (int d = 0; d < 3; d++) {
        assert_true(tp_all_finite(tp_from_doubles(c, TP_SHAPE(N), dtypes[d], x)));
        for (int i = 0; i < N; i++) {
            double before = x[i];
            x[i] = bad[i % 3];
            tp_tensor *t = tp_from_doubles(c, TP_SHAPE(2, N / 2), dtypes[d], x);
            assert_false(tp_all_finite(t));
            assert_false(tp_all_finite(tp_transpose(t, 0, 1)));
            x[i] = before;
        }
    }
    assert_true(tp_all_finite(tp_nil(c)) && tp_all_finite(tp_zeros(c, TP_SHAPE(3), TP_I64)));
    assert_true(tp_all_finite(tp_zeros(c, TP_SHAPE(0), TP_F32)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_all_finite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
