/* Splits: whose samples go where. */
#include "faults.h"

/* n samples [i], of class `class[i]`, or numbers if it is NULL. */
static tp_dataset *samples(tp_context *c, int n, const int64_t *class)
{
    tp_tensor *x = tp_reshape(tp_arange(c, 0, n, 1, TP_F64), TP_SHAPE(n, 1));
    return tp_dataset_new(
        c, x, class ? tp_from_array(c, TP_SHAPE(n), TP_I64, class) : tp_arange(c, 0, n, 1, TP_F64));
}

static int64_t sample(const tp_dataset *d, int64_t i)
{
    return (int64_t)tp_get(tp_dataset_x(d, TP_F64), TP_INTS(i, 0));
}

/* As sklearn.model_selection.train_test_split(range(11), test_size=0.25, random_state=5). */
static void test_random(void **state)
{
    tp_context *c = *state;
    tp_dataset *d = samples(c, 11, NULL), *first, *second;
    for (int run = 0; run < 2; run++) {
        tp_dataset_split(d, 0.25, &first, &second, .seed = 5);
        expect_values(tp_dataset_x(first, TP_F64), TP_SHAPE(8, 1), 10, 4, 7, 1, 0, 9, 6, 3);
        expect_values(tp_dataset_x(second, TP_F64), TP_SHAPE(3, 1), 5, 8, 2);
        expect_values(tp_dataset_y(second, TP_F64), TP_SHAPE(3), 5, 8, 2);
        tp_seed(c, 99);
    }
    tp_dataset *part;
    tp_dataset_split(second, 0.5, &first, &part, .seed = 1); /* of a part */
    assert_int_equal(tp_dataset_size(part), 2);
    assert_int_equal(sample(first, 0) + sample(part, 0) + sample(part, 1), 15);
}

static void test_stratified(void **state)
{
    tp_context *c = *state;
    int64_t class[60];
    for (int i = 0; i < 60; i++) class[i] = i < 30 ? 0 : i < 51 ? 1 : 2; /* 30, 21, 9 */
    tp_dataset *d = samples(c, 60, class), *first, *second;
    tp_dataset_split(d, 0.2, &first, &second, .seed = 3, .stratify = true);
    int count[2][3] = {{0}}, seen[60] = {0};
    for (int k = 0; k < 2; k++) {
        tp_dataset *part = k ? second : first;
        for (int64_t i = 0; i < tp_dataset_size(part); i++) {
            seen[sample(part, i)]++;
            count[k][class[sample(part, i)]]++;
        }
    }
    for (int i = 0; i < 60; i++) assert_int_equal(seen[i], 1);
    assert_memory_equal(count[1], ((int[]){6, 4, 2}), sizeof count[1]); /* of 6, 4.2, 1.8 */
    tp_dataset_split(d, 0.01, &first, &second, .stratify = true);
    assert_int_equal(tp_dataset_size(second), 1);
    tp_dataset_split(d, 0.999, &first, &second, .stratify = true);
    expect_error(c, TP_ERR_ARGUMENT,
                 "tp_dataset_split: a fraction of 0.999 leaves one part of the 60 samples empty");
}

static void test_wrong_calls(void **state)
{
    tp_context *c = *state;
    tp_dataset *d = samples(c, 4, NULL), *first = d, *second = d;
    static const double fractions[] = {-0.1, 1.1, NAN, INFINITY};
    for (int i = 0; i < 4; i++) {
        tp_dataset_split(d, fractions[i], &first, &second);
        expect_error(c, TP_ERR_ARGUMENT, "tp_dataset_split: takes a fraction of 0 to 1, got");
        assert_true(tp_dataset_is_nil(first) && tp_dataset_is_nil(second));
    }
    tp_dataset_split(d, 0, &first, &second);
    expect_error(c, TP_ERR_ARGUMENT, "leaves one part of the 4 samples empty");
    tp_dataset_split(d, 1, &first, &second);
    expect_error(c, TP_ERR_ARGUMENT, "leaves one part of the 4 samples empty");
    tp_dataset_split(d, 0.5, &first, &second, .stratify = true);
    expect_error(c, TP_ERR_ARGUMENT, "only classes can be stratified");
    tp_dataset_split(tp_nil_dataset(c), 0.5, &first, &second);
    expect_error(c, TP_ERR_ARGUMENT, "argument 'd' is nil");
    tp_dataset_split(NULL, 0.5, &first, &second);
    assert_true(tp_dataset_is_nil(first) && tp_dataset_is_nil(second));
    tp_dataset_split_with(d, 0.5, NULL, &second, NULL);
    assert_int_equal(tp_dataset_size(second), 2);
}

static const struct CMUnitTest tests[] = {TEST(test_random), TEST(test_stratified), TEST(test_wrong_calls)};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
