#include "fixture.h"

#include "faults.h"

#define LABELS(name, ...)                                                                                    \
    tp_tensor *name = tp_from_doubles(c, TP_SHAPE(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), TP_I64, \
                                      (const double[]){__VA_ARGS__});
#define NUMBERS(name, shape, ...) \
    tp_tensor *name = tp_from_doubles(c, shape, TP_F64, (const double[]){__VA_ARGS__});
#define SCORE(call, value) expect_near(call, value, 0);
#define EXACT(call, shape, ...)                                            \
    do {                                                                   \
        tp_tensor *got = (call);                                           \
        expect_values(got, shape, __VA_ARGS__);                            \
        for (int64_t k = 0; k < tp_numel(got); k++)                        \
            expect_near(element(got, k), ((double[]){__VA_ARGS__})[k], 0); \
    } while (0);

static double element(const tp_tensor *t, int64_t k)
{
    double got[MOST_VALUES];
    tp_read_doubles(t, got, tp_numel(t));
    return got[k];
}

static void test_as_scikit_learn(void **state)
{
    tp_context *c = *state;
#include "golden/metrics.def"
}

static void test_other_dtypes_and_layouts(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = tp_cast(MATRIX(c, 2, 2, 0, 1, 1, 1), TP_U8);
    tp_tensor *p = tp_transpose(tp_cast(MATRIX(c, 2, 2, 0, 0, 1, 1), TP_I32), 0, 1);
    tp_tensor *confusion = tp_confusion_matrix(t, p, 2);
    assert_int_equal(tp_dtype_of(confusion), TP_I64);
    expect_values(confusion, TP_SHAPE(2, 2), 1, 0, 1, 2);
    expect_near(tp_accuracy(tp_cast(confusion, TP_I32)), 0.75, 0);
    /* of f32, the score in f64; a column beside a vector */
    tp_tensor *x = tp_cast(VECTOR(c, 0.1, 0.2, 0.4), TP_F32);
    tp_tensor *y = tp_cast(MATRIX(c, 3, 1, 0.5, 0.5, 0.25), TP_F32);
    expect_near(tp_mean_absolute_error(x, y),
                ((0.5 - (double)0.1f) + (0.5 - (double)0.2f) + ((double)0.4f - 0.25)) / 3, 0);
    tp_tensor *leaf = tp_require_grad(VECTOR(c, 1, 2));
    expect_near(tp_mean_squared_error(VECTOR(c, 1, 4), leaf), 2, 0);
}

static void test_refused(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = tp_cast(VECTOR(c, 0, 1, 2), TP_I64), *p = tp_cast(VECTOR(c, 0, 1, 1), TP_I64);
    assert_true(tp_is_nil(tp_confusion_matrix(t, p, 2)));
    expect_error(c, TP_ERR_ARGUMENT,
                 "tp_confusion_matrix: 2 at element 2 of 'target' is none of the classes 0 to 1");
    assert_true(tp_is_nil(tp_confusion_matrix(p, tp_neg(p), 2)));
    expect_error(c, TP_ERR_ARGUMENT,
                 "tp_confusion_matrix: -1 at element 1 of 'predicted' is none of the classes 0 to 1");
    assert_true(tp_is_nil(tp_confusion_matrix(p, VECTOR(c, 0, 1, 1), 2)));
    expect_error(
        c, TP_ERR_DTYPE,
        "tp_confusion_matrix: argument 'predicted' takes class indices of an integer dtype, got f64");
    assert_true(tp_is_nil(tp_confusion_matrix(t, tp_slice(p, 0, 0, 2, 1), 3)));
    expect_error(c, TP_ERR_SHAPE, "tp_confusion_matrix: 3 targets and 2 predictions");
    assert_true(tp_is_nil(tp_confusion_matrix(t, p, 0)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_confusion_matrix: argument 'classes' takes 1 or more");
    assert_true(tp_is_nil(tp_confusion_matrix(t, NULL, 2)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_confusion_matrix: argument 'predicted' is NULL");
    assert_true(tp_is_nil(tp_confusion_matrix(NULL, NULL, 2)));
    assert_true(isnan(tp_f1(t, TP_MACRO)));
    expect_error(c, TP_ERR_SHAPE, "tp_f1: argument 'confusion' takes a square matrix of integers");
    assert_true(tp_is_nil(tp_class_scores(MATRIX(c, 1, 1, 1))));
    expect_error(c, TP_ERR_SHAPE, "tp_class_scores: argument 'confusion' takes a square matrix of integers");
    assert_true(isnan(tp_accuracy(NULL)));
    assert_true(isnan(tp_r2_score(VECTOR(c, 1, 2), VECTOR(c, 1, 2, 3))));
    expect_error(c, TP_ERR_SHAPE, "tp_r2_score: 2 targets of 2 samples, 3 predictions of 3");
    assert_true(
        isnan(tp_mean_squared_error(tp_zeros(c, TP_SHAPE(0), TP_F64), tp_zeros(c, TP_SHAPE(0), TP_F64))));
    expect_error(c, TP_ERR_SHAPE, "tp_mean_squared_error: 0 targets of 0 samples");
}

/* Everything with the at-th allocation failing; true if one did. */
static bool fail_at(long at, outcome *o)
{
    faulty f;
    tp_context *c = faulty_open(&f, all_after);
    tp_tensor *t = tp_cast(VECTOR(c, 0, 1, 2, 1), TP_I64), *p = tp_cast(VECTOR(c, 0, 1, 1, 1), TP_I64);
    tp_tensor *x = MATRIX(c, 2, 2, 1, 2, 3, 5), *y = MATRIX(c, 2, 2, 1, 2.5, 3.5, 4);
    faulty_arm(&f, at);
    tp_tensor *confusion = tp_confusion_matrix(t, p, 3);
    double scores[] = {tp_accuracy(confusion),
                       tp_precision(confusion, TP_MACRO),
                       tp_f1(confusion, TP_WEIGHTED),
                       tp_mean_absolute_error(x, y),
                       tp_mean_squared_error(x, y),
                       tp_root_mean_squared_error(x, y),
                       tp_r2_score(x, y)};
    tp_probabilities(x, tp_cross_entropy_criterion(c));
    tp_tensor *table = tp_class_scores(confusion);
    bool refused = faulty_disarm(&f);
    EXPECT(tp_ok(c) == !refused, "metrics", at, c);
    EXPECT(tp_ok(c) || (tp_error(c) == TP_ERR_MEMORY && tp_is_nil(table)), "metrics", at, c);
    for (size_t i = 0; tp_ok(c) && i < sizeof scores / sizeof *scores; i++) outcome_number(o, scores[i]);
    tp_close(c);
    EXPECT(f.books.blocks == 0, "metrics", at, NULL);
    return refused;
}

static void test_faults(void **state)
{
    (void)state;
    outcome first = {0};
    long at = 1;
    fail_at(0, &first);
    for (outcome o = {0}; fail_at(at, &o); at++) assert_int_equal(o.n, 0);
    assert_true(at > 20);
    assert_int_equal(first.n, 7);
}

static const struct CMUnitTest tests[] = {
    TEST(test_as_scikit_learn),
    TEST(test_other_dtypes_and_layouts),
    TEST(test_refused),
    FAULT_TESTS(test_faults),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
