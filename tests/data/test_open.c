/* The data sets of our own, and where they are looked for. Sizes and sums are those of scikit-learn's. */
#include "files.h"

static void test_own(void **state)
{
    tp_context *c = *state;
    static const struct {
        const char *name;
        int64_t samples, features, test;
        int classes;
        double sum;
        const char *first, *last, *class;
    } sets[] = {
        {"breast_cancer", 569, 30, 114, 2, 1056474.4596356, "mean radius", "worst fractal dimension",
         "benign"},
        {"digits", 1797, 64, 360, 10, 561718, "p0", "p63", "0"},
        {"iris", 150, 4, 30, 3, 2078.7, "sepal length (cm)", "petal width (cm)", "setosa"},
        {"wine", 178, 13, 36, 3, 159975.295999, "alcohol", "proline", "class_0"},
    };
    for (int i = 0; i < 4; i++) {
        assert_string_equal(tp_dataset_name_at(i), sets[i].name);
        tp_dataset *d = tp_dataset_open(c, sets[i].name);
        assert_int_equal(tp_dataset_size(d), sets[i].samples);
        assert_int_equal(tp_dataset_sample_shape(d).v[0], sets[i].features);
        assert_int_equal(tp_dataset_classes(d), sets[i].classes);
        assert_string_equal(tp_dataset_class_name(d, 0), sets[i].class);
        assert_string_equal(tp_dataset_feature_name(d, 0), sets[i].first);
        assert_string_equal(tp_dataset_feature_name(d, (int)sets[i].features - 1), sets[i].last);
        double sum = tp_item(tp_sum(tp_dataset_x(d, TP_F64), TP_ALL, false));
        expect_near(sum, sets[i].sum, 1e-9 * sum);
        tp_dataset *test = tp_dataset_open(c, sets[i].name, .split = "test");
        assert_int_equal(tp_dataset_size(test), sets[i].test);
    }
    assert_null(tp_dataset_name_at(4));
    assert_null(tp_dataset_name_at(-1));
}

/* Both parts together are the set, and each class is a fifth of the test part's. */
static void test_parts(void **state)
{
    tp_context *c = *state;
    tp_dataset *all = tp_dataset_open(c, "iris", .split = "all");
    int64_t at[2] = {0, 0};
    tp_tensor *x[2], *y = tp_dataset_y(all, TP_F64), *whole = tp_dataset_x(all, TP_F64);
    for (int k = 0; k < 2; k++) {
        tp_dataset *part = tp_dataset_open(c, "iris", .split = k ? "test" : "train");
        assert_int_equal(tp_dataset_size(part), k ? 30 : 120);
        x[k] = tp_dataset_x(part, TP_F64);
        tp_tensor *classes = tp_sum(tp_one_hot(tp_dataset_y(part, TP_F64), 3, TP_I64), TP_AXES(0), false);
        double n = k ? 10 : 40;
        expect_values(classes, TP_SHAPE(3), n, n, n);
    }
    for (int64_t i = 0; i < tp_numel(y); i++) { /* each part in the order of the file */
        int from = -1;
        for (int k = 0; k < 2; k++) {
            bool same = at[k] < tp_size(x[k], 0);
            for (int64_t f = 0; same && f < 4; f++)
                same = tp_get(x[k], TP_INTS(at[k], f)) == tp_get(whole, TP_INTS(i, f));
            if (same) from = k;
        }
        assert_true(from >= 0);
        at[from]++;
    }
    assert_int_equal(at[1], 30);
}

static void test_places(void **state)
{
    tp_context *c = *state;
    char path[160];
    snprintf(path, sizeof path, "%s/iris", test_folder);
    assert_int_equal(mkdir(path, 0700), 0);
    write_text("iris/iris.csv", "a,k\n1,x\n2,y\n");
    setenv("TAPER_DATA", test_folder, 1);
    assert_int_equal(tp_dataset_size(tp_dataset_open(c, "iris")), 2);
    assert_int_equal(tp_dataset_size(tp_dataset_open(c, "wine")), 178); /* not there: further on */
    unsetenv("TAPER_DATA");
    assert_int_equal(tp_dataset_size(tp_dataset_open(c, "iris")), 150);
}

static void test_wrong_calls(void **state)
{
    tp_context *c = *state;
    tp_dataset_open(c, "iriss");
    expect_error(c, TP_ERR_IO, "iriss: cannot open: No such file or directory");
    tp_dataset_open(c, NULL);
    expect_error(c, TP_ERR_ARGUMENT, "tp_dataset_open: argument 'name' is missing");
    tp_dataset_open(c, "");
    expect_error(c, TP_ERR_ARGUMENT, "argument 'name' is missing");
    tp_dataset_open(c, "iris", .split = "val");
    expect_error(c, TP_ERR_ARGUMENT, ".split is \"train\", \"test\" or \"all\", not \"val\"");
    tp_dataset_open(c, "iris", .separator = '"');
    expect_error(c, TP_ERR_ARGUMENT, "quotes and line ends separate no columns");
    tp_dataset_open(c, "iris", .kind = TP_TARGET_NONE + 1);
    expect_error(c, TP_ERR_ARGUMENT, ".kind, .header or .missing");
    tp_dataset_open(c, "iris", .like = tp_nil_dataset(c));
    expect_error(c, TP_ERR_ARGUMENT, "tp_dataset_open: argument 'like' is nil");
    tp_context *c2 = tp_open(NULL);
    tp_dataset_open(c2, "iris", .like = tp_dataset_open(c, "iris"));
    expect_error(c2, TP_ERR_ARGUMENT, "belongs to another context");
    tp_close(c2);
    assert_true(tp_dataset_is_nil(tp_dataset_open(NULL, "iris")));
    tp_dataset_open(c, write_text("t.csv", "a,b\n1,0.5\n"), .split = "test");
    expect_error(c, TP_ERR_ARGUMENT, "leaves one part of the 1 samples empty");
}

static const struct CMUnitTest tests[] = {
    TEST(test_own),
    TEST(test_parts),
    TEST(test_places),
    TEST(test_wrong_calls),
};

int main(void) { return cmocka_run_group_tests(tests, make_folder, remove_folder); }
