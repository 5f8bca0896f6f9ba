/* Data sets in memory: values of every dtype, parts, names. */
#include "faults.h"

#include <taper/ext.h>

/* 4 samples of 2 values, classes 0, 2, 1, 0. */
static tp_dataset *four(tp_context *c)
{
    tp_tensor *x = MATRIX(c, 4, 2, 1, 2, 3, 4, 5, 6, 7, 8);
    return tp_dataset_new(c, x, tp_from_array(c, TP_SHAPE(4), TP_I64, (int64_t[]){0, 2, 1, 0}));
}

static void test_new(void **state)
{
    tp_context *c = *state;
    tp_dataset *d = four(c);
    assert_int_equal(tp_dataset_size(d), 4);
    assert_int_equal(tp_dataset_sample_shape(d).n, 1);
    assert_int_equal(tp_dataset_sample_shape(d).v[0], 2);
    assert_int_equal(tp_dataset_dtype(d), TP_F64);
    assert_int_equal(tp_dataset_classes(d), 3);
    assert_string_equal(tp_dataset_class_name(d, 2), "2");
    assert_null(tp_dataset_class_name(d, 3));
    assert_null(tp_dataset_class_name(d, -1));
    assert_null(tp_dataset_feature_name(d, 0));
    assert_ptr_equal(tp_dataset_context(d), c);
    expect_values(tp_dataset_x(d, TP_F32), TP_SHAPE(4, 2), 1, 2, 3, 4, 5, 6, 7, 8);
    assert_int_equal(tp_dtype_of(tp_dataset_x(d, TP_BF16)), TP_BF16);
    expect_values(tp_dataset_y(d, TP_F32), TP_SHAPE(4), 0, 2, 1, 0);
    assert_int_equal(tp_dtype_of(tp_dataset_y(d, TP_F32)), TP_I64);
    d = tp_dataset_new(c, MATRIX(c, 2, 1, 1, 2), VECTOR(c, .5, 1));
    assert_int_equal(tp_dataset_target_kind(d), TP_TARGET_NUMBERS);
    assert_int_equal(tp_dtype_of(tp_dataset_y(d, TP_F16)), TP_F16);
    expect_values(tp_dataset_y(d, TP_F64), TP_SHAPE(2), .5, 1);
}

/* Values are copies; those of a view are as the view has them. */
static void test_copies(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = MATRIX(c, 2, 3, 1, 2, 3, 4, 5, 6), *w = tp_require_grad(tp_transpose(x, 0, 1));
    tp_dataset *d = tp_dataset_new(c, w, NULL);
    tp_write(x, (double[6]){0}, 6 * sizeof(double));
    tp_tensor *got = tp_dataset_x(d, TP_F64);
    expect_values(got, TP_SHAPE(3, 2), 1, 4, 2, 5, 3, 6);
    assert_false(tp_has_history(got));
}

static void test_dtypes(void **state)
{
    tp_context *c = *state;
    for (tp_dtype dtype = TP_BOOL; dtype < TP_DTYPES; dtype++) {
        bool sign = tp_dtype_is_float(dtype) || dtype == TP_I8 || dtype == TP_I16 || dtype == TP_I32 ||
                    dtype == TP_I64;
        double a = dtype == TP_BOOL ? 1 : 100, b = sign ? -7 : 1;
        tp_dataset *d = tp_dataset_new(c, tp_cast(MATRIX(c, 2, 2, a, b, 0, 1), dtype), NULL);
        expect_values(tp_dataset_x(d, TP_F64), TP_SHAPE(2, 2), a, b, 0, 1);
        expect_values(tp_dataset_x(d, TP_F32), TP_SHAPE(2, 2), a, b, 0, 1);
        if (dtype != TP_F16 && dtype != TP_BF16) assert_int_equal(tp_dataset_dtype(d), dtype);
    }
    double wide[300];
    for (int i = 0; i < 300; i++) wide[i] = i; /* longer than what is converted at once */
    tp_tensor *x = tp_from_doubles(c, TP_SHAPE(1, 300), TP_U16, wide);
    tp_tensor *got = tp_dataset_x(tp_dataset_new(c, x, NULL), TP_F64);
    for (int i = 0; i < 300; i++) expect_near(tp_get(got, TP_INTS(0, i)), i, 0);
}

static void test_rows(void **state)
{
    tp_context *c = *state;
    tp_dataset *d = four(c), *part = tp_dataset_rows(d, (int64_t[]){3, 1, 1}, 3);
    expect_values(tp_dataset_x(part, TP_F64), TP_SHAPE(3, 2), 7, 8, 3, 4, 3, 4);
    expect_values(tp_dataset_y(part, TP_F64), TP_SHAPE(3), 0, 2, 2);
    assert_int_equal(tp_dataset_scale(part, TP_SCALE_UNIT), TP_OK);
    expect_item(tp_dataset_deviation(d), 1); /* a part's own */
    tp_dataset *again = tp_dataset_rows(part, (int64_t[]){1, 0}, 2);
    expect_values(tp_dataset_x(again, TP_F64), TP_SHAPE(2, 2), 3 / 8., .5, 7 / 8., 1);
    tp_dataset *none = tp_dataset_rows(d, NULL, 0);
    assert_int_equal(tp_dataset_size(none), 0);
    assert_int_equal(tp_dataset_classes(none), 3);
    assert_int_equal(tp_size(tp_dataset_x(none, TP_F32), 0), 0);
    assert_int_equal(tp_dataset_size(tp_dataset_rows(none, NULL, 0)), 0);
    assert_true(tp_dataset_is_nil(tp_dataset_rows(part, (int64_t[]){3}, 1)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_dataset_rows: there is no sample 3 among 3");
    tp_dataset_rows(part, (int64_t[]){-1}, 1);
    expect_error(c, TP_ERR_ARGUMENT, "there is no sample -1");
    tp_dataset_rows(part, NULL, 1);
    expect_error(c, TP_ERR_ARGUMENT, "got NULL");
    tp_dataset_rows(part, NULL, -1);
    expect_error(c, TP_ERR_ARGUMENT, "takes n of 0 or more");
}

static void test_names(void **state)
{
    tp_context *c = *state;
    tp_dataset *d = four(c);
    static const char *const texts[] = {"a", "b", "c", "d"};
    assert_int_equal(tp_dataset_name_classes(d, texts, 4), TP_OK); /* one more than there are */
    assert_int_equal(tp_dataset_classes(d), 4);
    assert_string_equal(tp_dataset_class_name(d, 3), "d");
    assert_int_equal(tp_dataset_name_features(d, texts, 2), TP_OK);
    assert_string_equal(tp_dataset_feature_name(d, 1), "b");
    assert_null(tp_dataset_feature_name(d, 2));
    assert_int_equal(tp_dataset_name_categories(d, 1, texts, 3), TP_OK);
    assert_string_equal(tp_dataset_category(d, 1, 2), "c");
    assert_null(tp_dataset_category(d, 0, 0));
    assert_int_equal(tp_dataset_name_target(d, "kind"), TP_OK);
    assert_string_equal(tp_dataset_target_name(tp_dataset_rows(d, NULL, 0)), "kind");
    assert_int_equal(tp_dataset_name_classes(d, texts, 3), TP_ERR_ARGUMENT);
    expect_report(c, "tp_dataset_name_classes: 3 names for 4 classes");
    assert_int_equal(tp_dataset_name_features(d, texts, 3), TP_ERR_ARGUMENT);
    expect_report(c, "tp_dataset_name_features: 3 names for 2 columns");
    assert_int_equal(tp_dataset_name_classes(d, (const char *[]){"a", "", "c", "", "a"}, 5), TP_ERR_ARGUMENT);
    expect_report(c, "tp_dataset_name_classes: two are called 'a'");
    assert_int_equal(tp_dataset_name_categories(d, 0, (const char *[]){"b", "b"}, 2), TP_ERR_ARGUMENT);
    expect_report(c, "tp_dataset_name_categories: two are called 'b'");
    assert_int_equal(tp_dataset_name_features(d, (const char *[]){"x", NULL}, 2), TP_ERR_ARGUMENT);
    expect_report(c, "tp_dataset_name_features: name 1 is NULL");
    assert_int_equal(tp_dataset_name_categories(d, 2, texts, 1), TP_ERR_ARGUMENT);
    expect_report(c, "tp_dataset_name_categories: 1 names for column 2 of 2");
    assert_int_equal(tp_dataset_name_target(d, NULL), TP_ERR_ARGUMENT);
    assert_int_equal(tp_dataset_name_target(tp_nil_dataset(c), "x"), TP_ERR_ARGUMENT);
    expect_report(c, "tp_dataset_name_target: argument 'd' is nil, NULL or freed");
    assert_int_equal(tp_dataset_name_target(NULL, "x"), TP_ERR_ARGUMENT);
    assert_string_equal(tp_dataset_feature_name(d, 1), "b");
    tp_dataset *numbers = tp_dataset_new(c, MATRIX(c, 1, 1, 1), NULL);
    assert_int_equal(tp_dataset_name_classes(numbers, texts, 2), TP_ERR_STATE);
}

static void test_wrong_calls(void **state)
{
    tp_context *c = *state, *c2 = tp_open(NULL);
    tp_tensor *x = MATRIX(c, 2, 1, 1, 2);
    static const struct {
        int64_t label;
        const char *message;
    } labels[] = {{-1, "tp_dataset_new: target 1 is -1; classes go from 0"},
                  {1 << 20, "tp_dataset_new: target 1 is 1048576"}};
    for (int i = 0; i < 2; i++) {
        tp_dataset_new(c, x, tp_from_array(c, TP_SHAPE(2), TP_I64, (int64_t[]){0, labels[i].label}));
        expect_error(c, TP_ERR_DATA, labels[i].message);
    }
    tp_dataset_new(c, VECTOR(c, 1, 2), NULL);
    expect_error(c, TP_ERR_SHAPE, "tp_dataset_new: x has 1 axes; it takes samples [n,..]");
    tp_dataset_new(c, x, VECTOR(c, 1, 2, 3));
    expect_error(c, TP_ERR_SHAPE, "y of 3 samples and 1 axes does not fit x of 2 samples");
    tp_dataset_new(c, x, tp_zeros(c, TP_SHAPE(2, 1), TP_I64));
    expect_error(c, TP_ERR_SHAPE, "class indices are y [n]");
    tp_dataset *nil = tp_dataset_new(c, NULL, NULL);
    expect_error(c, TP_ERR_ARGUMENT, "tp_dataset_new: argument 'x' is NULL");
    tp_dataset_new(c, x, tp_nil(c));
    expect_error(c, TP_ERR_ARGUMENT, "argument 'y' is nil");
    assert_true(tp_dataset_is_nil(tp_dataset_new(c2, x, NULL)));
    expect_error(c2, TP_ERR_ARGUMENT, "belongs to another context");
    tp_close(c2);
    assert_true(tp_dataset_is_nil(tp_dataset_new(NULL, x, NULL)));
    tp_dataset *d = four(c);
    tp_dataset_x(d, TP_I64);
    expect_error(c, TP_ERR_DTYPE, "tp_dataset_x: takes f16, bf16, f32 or f64, got i64");
    tp_dataset_y(d, TP_U8);
    expect_error(c, TP_ERR_DTYPE, "tp_dataset_y: takes f16, bf16, f32 or f64, got u8");
    tp_dataset *const nils[] = {nil, NULL};
    for (int i = 0; i < 2; i++) {
        assert_true(tp_is_nil(tp_dataset_x(nils[i], TP_F32)) && tp_is_nil(tp_dataset_y(nils[i], TP_F32)));
        assert_true(tp_is_nil(tp_dataset_mean(nils[i])) &&
                    tp_dataset_is_nil(tp_dataset_rows(nils[i], NULL, 0)));
        assert_int_equal(
            tp_dataset_size(nils[i]) + tp_dataset_classes(nils[i]) + tp_dataset_sample_shape(nils[i]).n, 0);
        assert_null(tp_dataset_class_name(nils[i], 0));
        assert_null(tp_dataset_feature_name(nils[i], 0));
        assert_null(tp_dataset_category(nils[i], 0, 0));
        assert_string_equal(tp_dataset_target_name(nils[i]), "target");
        assert_int_equal(tp_dataset_target_kind(nils[i]), TP_TARGET_NONE);
        tp_dataset_keep(nils[i]);
    }
    tp_clear(c);
}

static void test_lifetime(void **state)
{
    tp_context *c = *state;
    tp_mark outer = tp_open_scope(c), inner = tp_open_scope(c);
    tp_dataset *lost = four(c), *kept = tp_dataset_keep(tp_dataset_rows(lost, (int64_t[]){2}, 1));
    tp_close_scope(c, inner);
    expect_values(tp_dataset_x(kept, TP_F64), TP_SHAPE(1, 2), 5, 6); /* a part owns what it needs */
    assert_true(tp_dataset_is_nil(lost));
    assert_int_equal(tp_dataset_size(lost), 0);
    tp_dataset_x(lost, TP_F64);
    expect_error(c, TP_ERR_STATE, "tp_dataset_x: argument 'd' was freed when the scope");
    assert_int_equal(tp_dataset_scale(lost, TP_SCALE_NONE), TP_ERR_ARGUMENT);
    tp_close_scope(c, outer);
}

/* --- failing allocations --- */

static void make(tp_dataset *d)
{
    tp_context *c = tp_dataset_context(d);
    tp_tensor *x = MATRIX(c, 2, 1, 1, 2);
    tp_dataset_new(c, x, tp_zeros(c, TP_SHAPE(2), TP_U8));
}

static void take_rows(tp_dataset *d) { tp_dataset_rows(d, (int64_t[]){1, 2}, 2); }

static void name(tp_dataset *d)
{
    static const char *const texts[] = {"a", "b", "c"};
    if (tp_dataset_name_classes(d, texts, 3) || tp_dataset_name_features(d, texts, 2)) return;
    if (tp_dataset_name_categories(d, 0, texts, 2)) return;
    tp_dataset_name_target(d, "t");
}

static void read(tp_dataset *d)
{
    tp_dataset_x(d, TP_F16);
    tp_dataset_y(d, TP_F32);
    tp_dataset_mean(d);
}

static void scale(tp_dataset *d) { tp_dataset_scale(d, TP_SCALE_FEATURE); }

static void split(tp_dataset *d)
{
    tp_dataset *a, *b;
    tp_dataset_split(d, 0.5, &a, &b, .stratify = true);
    assert_int_equal(tp_dataset_is_nil(a), !tp_ok(tp_dataset_context(d)));
    assert_int_equal(tp_dataset_is_nil(b), !tp_ok(tp_dataset_context(d)));
}

/* The hash is of what is handed out, wherever it is stored. */
static void test_hash(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = MATRIX(c, 2, 2, 1, 2, 3, 4), *y = VECTOR(c, 5, 6);
    tp_dataset *d = tp_dataset_new(c, x, y);
    tp_dataset *others[] = {
        tp_dataset_new(c, MATRIX(c, 2, 2, 1, 2, 3, 5), y),
        tp_dataset_new(c, x, VECTOR(c, 5, 7)),
        tp_dataset_new(c, x, NULL),
        tp_dataset_new(c, x, tp_reshape(y, TP_SHAPE(2, 1))),
        tp_dataset_new(c, tp_cast(x, TP_F32), y),
        tp_dataset_new(c, tp_reshape(x, TP_SHAPE(2, 1, 2)), y),
        tp_dataset_rows(d, (int64_t[]){1, 0}, 2),
        tp_dataset_rows(d, (int64_t[]){0}, 1),
        tp_dataset_rows(d, NULL, 0),
        tp_dataset_rows(d, (int64_t[]){0, 1}, 2),
        tp_dataset_rows(d, (int64_t[]){0, 1}, 2),
    };
    enum { OTHERS = sizeof others / sizeof *others };
    tp_dataset_scale(others[OTHERS - 2], TP_SCALE_GLOBAL);
    tp_dataset_scale(others[OTHERS - 1], TP_SCALE_FEATURE);
    for (int i = 0; i < OTHERS; i++) {
        assert_true(tp_dataset_hash(others[i]) != tp_dataset_hash(d));
        for (int k = 0; k < i; k++) assert_true(tp_dataset_hash(others[i]) != tp_dataset_hash(others[k]));
    }
    tp_dataset *more = tp_dataset_new(c, MATRIX(c, 3, 2, 3, 4, 0, 0, 1, 2), VECTOR(c, 6, 0, 5));
    tp_dataset_name_target(more, "z");
    assert_true(tp_dataset_hash(tp_dataset_rows(more, (int64_t[]){2, 0}, 2)) == tp_dataset_hash(d));
    assert_true(tp_dataset_hash(tp_nil_dataset(c)) == 0 && tp_dataset_hash(NULL) == 0);
}

/* A call with its at-th allocation failing, then again; false if it takes fewer. */
static bool fail_at(const char *what, void (*call)(tp_dataset *d), long at)
{
    faulty hook;
    tp_context *c = faulty_open(&hook, all_after);
    tp_dataset *d = four(c);
    tp_mark scope = tp_open_scope(c);
    faulty_arm(&hook, at);
    call(d);
    bool refused = faulty_disarm(&hook);
    if (refused) EXPECT(tp_error(c) == TP_ERR_MEMORY && names_a_call(tp_error_text(c)), what, at, c);
    tp_clear(c);
    EXPECT(tp_item(tp_sum(tp_dataset_x(d, TP_F64), TP_ALL, false)) == 36 || !refused, what, at, c);
    call(d);
    EXPECT(tp_ok(c), what, at, c);
    tp_close_scope(c, scope);
    tp_close(c);
    EXPECT(hook.books.blocks == 0, what, at, NULL);
    return refused;
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*call)(tp_dataset *d);
    } calls[] = {{"make", make}, {"rows", take_rows}, {"name", name},
                 {"read", read}, {"scale", scale},    {"split", split}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        long at = 1;
        while (fail_at(calls[i].name, calls[i].call, at)) at++;
        assert_true(at > 2);
    }
}

static const struct CMUnitTest tests[] = {
    TEST(test_new),   TEST(test_copies),      TEST(test_dtypes),   TEST(test_rows),          TEST(test_hash),
    TEST(test_names), TEST(test_wrong_calls), TEST(test_lifetime), FAULT_TESTS(test_faults),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
