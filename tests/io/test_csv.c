#include "comma.h"
#include "faults.h"
#include "io/files.h"

static void expect_text_(const char *path, const char *wanted, const char *file, int line)
{
    static bytes b;
    get_bytes(path, &b);
    if (b.n == strlen(wanted) && memcmp(b.v, wanted, b.n) == 0) return;
    print_error("expected\n%sgot\n%.*s", wanted, (int)b.n, (char *)b.v);
    _fail(file, line);
}
#define expect_text(path, wanted) expect_text_((path), (wanted), __FILE__, __LINE__)

static void test_tensors(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("a.csv");
    static const char *const names[] = {"a", "b,\"c\""};
    assert_int_equal(tp_csv_save(MATRIX(c, 2, 2, 0.1, -2, 1e300, 0), path), TP_OK);
    expect_text(path, "x0,x1\n0.1,-2\n1e+300,0\n");
    assert_int_equal(tp_csv_save(MATRIX(c, 1, 2, 3, 4), path, .names = names), TP_OK);
    expect_text(path, "a,\"b,\"\"c\"\"\"\n3,4\n");
    assert_int_equal(tp_csv_save(VECTOR(c, 1, INFINITY, NAN), path), TP_OK);
    expect_text(path, "x0\n1\ninf\nnan\n");
    const uint64_t large[] = {UINT64_MAX, 0};
    assert_int_equal(tp_csv_save(tp_from_array(c, TP_SHAPE(2), TP_U64, large), path), TP_OK);
    expect_text(path, "x0\n18446744073709551615\n0\n");
    const int64_t small[] = {INT64_MIN, INT64_MAX};
    assert_int_equal(tp_csv_save(tp_from_array(c, TP_SHAPE(1, 2), TP_I64, small), path), TP_OK);
    expect_text(path, "x0,x1\n-9223372036854775808,9223372036854775807\n");
    assert_int_equal(tp_csv_save(tp_cast(VECTOR(c, 1, 0), TP_BOOL), path), TP_OK);
    expect_text(path, "x0\n1\n0\n");
    assert_int_equal(tp_csv_save(tp_zeros(c, TP_SHAPE(0, 2), TP_F32), path), TP_OK);
    expect_text(path, "x0,x1\n");
}

static void test_bad_saves(void **state)
{
    tp_context *c = *state;
    static const char *const names[] = {"a", NULL};
    const char *path = in_folder("a.csv");
    assert_int_equal(tp_csv_save(NULL, path), TP_ERR_ARGUMENT);
    expect_status(c, tp_csv_save(tp_nil(c), path), TP_ERR_ARGUMENT, "tp_csv_save: argument 't' is nil");
    expect_status(c, tp_csv_save(NUMBER(c, 1), path), TP_ERR_SHAPE, "a table is [n] or [n,k]");
    expect_status(c, tp_csv_save(tp_zeros(c, TP_SHAPE(1, 1, 1), TP_U8), path), TP_ERR_SHAPE,
                  "'t' has 3 axes");
    expect_status(c, tp_csv_save(tp_zeros(c, TP_SHAPE(3, 0), TP_U8), path), TP_ERR_SHAPE,
                  "the last of size 0");
    expect_status(c, tp_csv_save(MATRIX(c, 1, 2, 3, 4), path, .names = names), TP_ERR_ARGUMENT,
                  ".names has no name for column 1");
    expect_status(c, tp_csv_save(NUMBER(c, 1), NULL), TP_ERR_SHAPE, "a table");
    expect_status(c, tp_csv_save(VECTOR(c, 1), NULL), TP_ERR_ARGUMENT, "argument 'path' is NULL");
    expect_status(c, tp_dataset_save(tp_nil_dataset(c), path), TP_ERR_ARGUMENT,
                  "tp_dataset_save: argument 'd' is nil");
    assert_int_equal(tp_dataset_save(NULL, path), TP_ERR_ARGUMENT);
    assert_int_equal(folder_files(NULL), 0);
}

/* What is written is read as it was. */
static void test_values(void **state)
{
    tp_context *c = *state;
    static double values[3000], got[3000];
    tp_randomstate rs;
    tp_randomstate_seed(&rs, 3);
    tp_randomstate_randn(&rs, values, 3000);
    for (int i = 0; i < 3000; i++) values[i] *= pow(10, i % 600 - 300);
    for (int f32 = 0; f32 < 2; f32++) {
        tp_tensor *t = tp_from_array(c, TP_SHAPE(1000, 3), TP_F64, values);
        if (f32) t = tp_cast(tp_clamp(t, -1e38, 1e38), TP_F32);
        assert_int_equal(tp_csv_save(t, in_folder("v.csv")), TP_OK);
        tp_dataset *d = tp_dataset_open(c, in_folder("v.csv"), .kind = TP_TARGET_NONE);
        assert_int_equal(tp_read_doubles(tp_dataset_x(d, TP_F64), got, 3000), TP_OK);
        assert_int_equal(tp_read_doubles(t, values, 3000), TP_OK);
        assert_memory_equal(got, values, sizeof values);
    }
}

static void expect_same(tp_tensor *a, tp_tensor *b)
{
    double x[4000], y[4000];
    assert_true(tp_numel(a) == tp_numel(b) && tp_numel(a) <= 4000);
    assert_int_equal(tp_read_doubles(a, x, tp_numel(a)), TP_OK);
    assert_int_equal(tp_read_doubles(b, y, tp_numel(b)), TP_OK);
    assert_memory_equal(x, y, (size_t)tp_numel(a) * sizeof *x);
}

static void test_sets(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("set.csv"), *again = in_folder("again.csv");
    static const char text[] =
        "size,kind of it,\"the \"\"y\"\"\"\n1.5,\"a;b\",no\n2,\"x\ny\",\"yes, it is\"\n2.5,\"a;b\",no\n";
    put_bytes(path, text, strlen(text));
    tp_dataset *d = tp_dataset_open(c, path);
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_FEATURE), TP_OK); /* what is stored is written */
    assert_int_equal(tp_dataset_save(d, again), TP_OK);
    expect_text(
        again,
        "size,\"kind of it\",\"the \"\"y\"\"\"\n1.5,\"a;b\",no\n2,\"x\ny\",\"yes, it is\"\n2.5,\"a;b\",no\n");
    d = tp_dataset_open(c, "iris");
    assert_int_equal(tp_dataset_save(d, again), TP_OK);
    tp_dataset *e = tp_dataset_open(c, again);
    expect_same(tp_dataset_x(d, TP_F64), tp_dataset_x(e, TP_F64));
    expect_same(tp_dataset_y(d, TP_F64), tp_dataset_y(e, TP_F64));
    assert_string_equal(tp_dataset_class_name(e, 2), "virginica");
    assert_string_equal(tp_dataset_feature_name(e, 1), tp_dataset_feature_name(d, 1));
}

/* More rows than are taken at a time; several targets; none; no names. */
static void test_numbers(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("n.csv");
    tp_dataset *d =
        tp_dataset_new(c, tp_reshape(tp_arange(c, 0, 3000, 1, TP_F64), TP_SHAPE(1500, 2)),
                       tp_cast(tp_reshape(tp_arange(c, 0.5, 1500, 1, TP_F64), TP_SHAPE(1500)), TP_F64));
    assert_int_equal(tp_dataset_save(d, path), TP_OK);
    tp_dataset *e = tp_dataset_open(c, path, .kind = TP_TARGET_NUMBERS);
    expect_same(tp_dataset_x(d, TP_F64), tp_dataset_x(e, TP_F64));
    expect_same(tp_dataset_y(d, TP_F64), tp_dataset_y(e, TP_F64));
    d = tp_dataset_new(c, tp_zeros(c, TP_SHAPE(1, 2, 2), TP_U8), MATRIX(c, 1, 2, 3, 4));
    assert_int_equal(tp_dataset_save(d, path), TP_OK);
    expect_text(path, "x0,x1,x2,x3,target_0,target_1\n0,0,0,0,3,4\n");
    d = tp_dataset_new(c, MATRIX(c, 1, 2, 3, 4), NULL);
    assert_int_equal(tp_dataset_save(d, path), TP_OK);
    expect_text(path, "x0,x1\n3,4\n");
    expect_status(c, tp_dataset_save(tp_dataset_rows(d, NULL, 0), path), TP_ERR_ARGUMENT,
                  "the data set has no samples");
    expect_text(path, "x0,x1\n3,4\n");
}

/* Each allocation fails in turn: an error, the file as it was, nothing lost. */
static void test_memory(void **state)
{
    (void)state;
    assert_int_equal(make_folder(), 0);
    const char *path = in_folder("a.csv");
    for (int kind = 0; kind < 4; kind++) {
        faulty f;
        tp_context *c = faulty_open(&f, kind % 2);
        for (long at = 1;; at++) {
            tp_mark scope = tp_open_scope(c);
            put_bytes(path, "old\n", 4);
            tp_tensor *t = tp_cast(MATRIX(c, 1, 2, 3, 4), TP_F32);
            tp_dataset *d = tp_dataset_new(c, t, NULL);
            faulty_arm(&f, at);
            tp_status status = kind < 2 ? tp_csv_save(t, path) : tp_dataset_save(d, path);
            bool failed = faulty_disarm(&f);
            EXPECT(failed == (status == TP_ERR_MEMORY) && tp_ok(c), "csv", at, c);
            expect_text(path, failed ? "old\n" : "x0,x1\n3,4\n");
            assert_int_equal(folder_files(NULL), 1);
            tp_close_scope(c, scope);
            if (!failed) break;
        }
        assert_int_equal(tp_close(c), 0);
        assert_int_equal(f.books.blocks, 0);
    }
    assert_int_equal(remove_folder(), 0);
}

/* --- another locale --- */

static tp_context *current;

static void check_comma(void)
{
    assert_int_equal(tp_csv_save(VECTOR(current, 1.5, 2), in_folder("a.csv")), TP_OK);
    expect_text(in_folder("a.csv"), "x0\n1.5\n2\n");
}

static void test_locale(void **state)
{
    current = *state;
    if (!with_decimal_comma(check_comma)) skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_tensors),       FILE_TEST(test_bad_saves), FILE_TEST(test_values),
        FILE_TEST(test_sets),          FILE_TEST(test_numbers),   FILE_TEST(test_locale),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
