/* Scaling; the numbers are those of sklearn.preprocessing.StandardScaler. */
#include "faults.h"

#include <taper/ext.h>

#define X(d) tp_dataset_x((d), TP_F64)

static void test_feature(void **state)
{
    tp_context *c = *state;
    tp_dataset *d =
        tp_dataset_new(c, MATRIX(c, 4, 3, 1, 1e6 + 1, 5, 2, 1e6 + 2, 5, 4, 1e6 + 4, 5, 9, 1e6 + 9, 5), NULL);
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_FOUND), TP_OK);
    expect_values(tp_dataset_mean(d), TP_SHAPE(3), 4, 1e6 + 4, 5);
    expect_values(tp_dataset_deviation(d), TP_SHAPE(3), 3.0822070014844885, 3.0822070014844885, 1);
    expect_values(X(d), TP_SHAPE(4, 3), -0.9733285267845753, -0.9733285267845753, 0, -0.6488856845230502,
                  -0.6488856845230502, 0, 0, 0, 0, 1.6222142113076254, 1.6222142113076254, 0);
    /* equal values whose mean is rounded: their deviation still counts as none */
    double same[30];
    for (int i = 0; i < 30; i++) same[i] = 0.1;
    d = tp_dataset_new(c, tp_from_doubles(c, TP_SHAPE(30, 1), TP_F64, same), NULL);
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_FEATURE), TP_OK);
    expect_values(tp_dataset_deviation(d), TP_SHAPE(1), 1);
}

/* More values than are converted at once, each with its own mean. */
static void test_wide(void **state)
{
    tp_context *c = *state;
    enum { WIDE = 600 };
    double x[2 * WIDE];
    for (int i = 0; i < WIDE; i++) {
        x[i] = 3 * i;
        x[WIDE + i] = 5 * i;
    }
    tp_dataset *d = tp_dataset_new(c, tp_from_doubles(c, TP_SHAPE(2, WIDE), TP_F64, x), NULL);
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_FEATURE), TP_OK);
    tp_tensor *mean = tp_dataset_mean(d), *deviation = tp_dataset_deviation(d), *got = X(d);
    for (int i = 0; i < WIDE; i++) {
        expect_near(tp_get(mean, TP_INTS(i)), 4 * i, 0);
        expect_near(tp_get(deviation, TP_INTS(i)), i ? i : 1, 0);
        expect_near(tp_get(got, TP_INTS(1, i)), i ? 1 : 0, 0);
    }
}

/* Bytes come as f32 by a way of their own: the same numbers, rounded once. */
static void test_bytes(void **state)
{
    static const tp_scaling scalings[] = {TP_SCALE_NONE, TP_SCALE_UNIT, TP_SCALE_GLOBAL, TP_SCALE_FEATURE};
    tp_context *c = *state;
    uint8_t x[512];
    for (int i = 0; i < 512; i++) x[i] = (uint8_t)(i * 37 + i / 256); /* all values, in no order */
    tp_dataset *d = tp_dataset_new(c, tp_from_array(c, TP_SHAPE(2, 256), TP_U8, x), NULL);
    for (size_t k = 0; k < sizeof scalings / sizeof *scalings; k++) {
        assert_int_equal(tp_dataset_scale(d, scalings[k]), TP_OK);
        tp_tensor *wide = X(d), *got = tp_dataset_x(d, TP_F32);
        for (int i = 0; i < 512; i++)
            expect_near(tp_get(got, TP_INTS(i / 256, i % 256)),
                        (float)tp_get(wide, TP_INTS(i / 256, i % 256)), 0);
    }
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_UNIT), TP_OK);
    expect_near(tp_get(tp_dataset_x(d, TP_F32), TP_INTS(0, 1)), (float)(37 / 255.0), 0);
}

static void test_global_and_unit(void **state)
{
    tp_context *c = *state;
    tp_dataset *d = tp_dataset_new(c, MATRIX(c, 2, 2, 1, -8, 3, 0), NULL);
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_GLOBAL), TP_OK);
    expect_item(tp_dataset_mean(d), -1);
    expect_item(tp_dataset_deviation(d), 4.183300132670378);
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_UNIT), TP_OK);
    expect_values(X(d), TP_SHAPE(2, 2), 1 / 8., -1, 3 / 8., 0);
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_NONE), TP_OK);
    expect_values(X(d), TP_SHAPE(2, 2), 1, -8, 3, 0);
    d = tp_dataset_new(c, MATRIX(c, 1, 2, 0, 0), NULL);
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_UNIT), TP_OK);
    expect_item(tp_dataset_deviation(d), 1);
}

/* Images of u8: one mean and deviation, learned on the training part and used on the other. */
static void test_images(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = tp_from_array(c, TP_SHAPE(3, 1, 2), TP_U8, (uint8_t[]){0, 51, 102, 255, 255, 255});
    tp_dataset *d = tp_dataset_new(c, x, NULL);
    tp_dataset *train = tp_dataset_rows(d, (int64_t[]){0, 1}, 2),
               *test = tp_dataset_rows(d, (int64_t[]){2}, 1);
    assert_int_equal(tp_dataset_scale(train, TP_SCALE_FOUND), TP_OK);
    expect_item(tp_dataset_mean(train), 102);
    expect_item(tp_dataset_deviation(train), 95.41226336273550);
    assert_int_equal(tp_dataset_scale_like(test, train), TP_OK);
    double v = (255 - 102) / 95.41226336273550;
    expect_values(X(test), TP_SHAPE(1, 1, 2), v, v);
    assert_int_equal(tp_dataset_scale(train, TP_SCALE_NONE), TP_OK);
    expect_values(X(test), TP_SHAPE(1, 1, 2), v, v); /* it has its own hold on it */
    assert_int_equal(tp_dataset_scale(train, TP_SCALE_UNIT), TP_OK);
    expect_values(X(train), TP_SHAPE(2, 1, 2), 0, .2, .4, 1); /* by 255 also where 255 does not occur */
    tp_dataset *flat = tp_dataset_new(c, tp_reshape(x, TP_SHAPE(3, 2)), NULL);
    assert_int_equal(tp_dataset_scale(flat, TP_SCALE_FOUND), TP_OK);
    assert_int_equal(tp_rank(tp_dataset_mean(flat)), 1);
}

static void test_given(void **state)
{
    tp_context *c = *state;
    tp_dataset *d = tp_dataset_new(c, MATRIX(c, 1, 2, 4, 9), NULL);
    assert_int_equal(tp_dataset_set_scaling(d, VECTOR(c, 1, 3), VECTOR(c, 2, 3)), TP_OK);
    expect_values(X(d), TP_SHAPE(1, 2), 1.5, 2);
    assert_int_equal(tp_dataset_set_scaling(d, NUMBER(c, 4), NUMBER(c, 5)), TP_OK);
    expect_values(X(d), TP_SHAPE(1, 2), 0, 1);
    static const char shapes[] =
        "tp_dataset_set_scaling: takes scalars, or mean and deviation of the shape of a sample";
    assert_int_equal(tp_dataset_set_scaling(d, VECTOR(c, 1, 3), NUMBER(c, 2)), TP_ERR_SHAPE);
    expect_report(c, shapes);
    assert_int_equal(tp_dataset_set_scaling(d, VECTOR(c, 1, 2, 3), VECTOR(c, 1, 2, 3)), TP_ERR_SHAPE);
    expect_report(c, shapes);
    static const double bad[][2] = {{0, 0}, {0, -1}, {NAN, 1}, {0, INFINITY}, {INFINITY, 1}};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(tp_dataset_set_scaling(d, NUMBER(c, bad[i][0]), NUMBER(c, bad[i][1])), TP_ERR_DATA);
        expect_report(c, "tp_dataset_set_scaling: takes finite means and deviations above 0");
    }
    assert_int_equal(tp_dataset_set_scaling(d, NULL, NUMBER(c, 1)), TP_ERR_ARGUMENT);
    expect_values(X(d), TP_SHAPE(1, 2), 0, 1);
}

static void test_wrong_calls(void **state)
{
    tp_context *c = *state, *c2 = tp_open(NULL);
    tp_dataset *d = tp_dataset_new(c, MATRIX(c, 1, 2, 4, 9), NULL);
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_GIVEN), TP_ERR_ARGUMENT);
    expect_report(c, "tp_dataset_scale: takes TP_SCALE_NONE, _UNIT, _GLOBAL or _FEATURE, got 5");
    assert_int_equal(tp_dataset_scale(tp_dataset_rows(d, NULL, 0), TP_SCALE_UNIT), TP_ERR_DATA);
    expect_report(c, "tp_dataset_scale: there is nothing to learn a scaling from");
    tp_dataset *nan = tp_dataset_new(c, MATRIX(c, 1, 2, 4, NAN), NULL);
    for (tp_scaling s = TP_SCALE_UNIT; s <= TP_SCALE_FEATURE; s++) {
        assert_int_equal(tp_dataset_scale(nan, s), TP_ERR_DATA);
        expect_report(c, "tp_dataset_scale: some values are NaN, infinite or too large");
    }
    assert_int_equal(tp_dataset_scale_like(d, NULL), TP_ERR_ARGUMENT);
    tp_dataset *other = tp_dataset_new(c2, MATRIX(c2, 1, 2, 4, 9), NULL);
    assert_int_equal(tp_dataset_scale_like(d, other), TP_ERR_ARGUMENT);
    expect_report(c, "tp_dataset_scale_like: argument 'from' is of another context");
    tp_close(c2);
    assert_int_equal(tp_dataset_scale_like(d, tp_dataset_new(c, MATRIX(c, 1, 1, 4), NULL)), TP_ERR_SHAPE);
    assert_int_equal(tp_dataset_scale(NULL, TP_SCALE_NONE), TP_ERR_ARGUMENT);
    tp_fail(c, TP_ERR_STATE, "planted");
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_UNIT), TP_ERR_STATE);
    tp_clear(c);
    expect_values(X(d), TP_SHAPE(1, 2), 4, 9);
}

static const struct CMUnitTest tests[] = {
    TEST(test_feature), TEST(test_wide),  TEST(test_bytes),       TEST(test_global_and_unit),
    TEST(test_images),  TEST(test_given), TEST(test_wrong_calls),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
