#include "io/files.h"

#include "faults.h"

#include <taper/ext.h>

static tp_tensor *scale_forward(tp_module *m, tp_tensor *x) { return tp_mul(x, tp_buffer(m, "scale")); }

/* A net with a module of our own that has a buffer. */
static tp_module *net(tp_context *c)
{
    tp_module *scale = tp_module_new(c, "scale", scale_forward, NULL, 0);
    tp_module_add_buffer(scale, "scale", tp_from_doubles(c, TP_SHAPE(2), TP_F64, (double[]){3, 4}));
    return tp_sequential(c, tp_linear(c, 3, 2), tp_sequential(c, scale, tp_linear(c, 2, 1, .no_bias = true)));
}

static void test_names(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("net.safetensors");
    tp_module *m = net(c);
    tp_write(tp_parameter(m, "0.weight"), (float[]){1, 2, 3, 4, 5, 6}, 24);
    assert_int_equal(tp_module_save(m, path), TP_OK);
    tp_safetensors *f = tp_safetensors_open(c, path);
    assert_int_equal(tp_safetensors_count(f), 4);
    expect_values(tp_safetensors_read(f, "0.weight"), TP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    assert_int_equal(tp_size(tp_safetensors_read(f, "0.bias"), 0), 2);
    assert_int_equal(tp_size(tp_safetensors_read(f, "1.1.weight"), 0), 1);
    expect_values(tp_safetensors_read(f, "1.0.scale"), TP_SHAPE(2), 3, 4);
}

static outcome state_of(tp_module *m)
{
    outcome o = {0};
    for (int i = 0; i < tp_parameters(m); i++) outcome_add(&o, tp_parameter_at(m, i, NULL, 0));
    for (int i = 0; i < tp_buffers(m); i++) outcome_add(&o, tp_buffer_at(m, i, NULL, 0));
    return o;
}

static void test_there_and_back(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("net.safetensors");
    tp_module *a = net(c), *b = net(c);
    outcome of_a = state_of(a), of_b = state_of(b);
    assert_false(outcome_equal(&of_a, &of_b));
    assert_int_equal(tp_module_save(a, path), TP_OK);
    assert_int_equal(tp_module_load(b, path), TP_OK);
    of_b = state_of(b);
    assert_true(outcome_equal(&of_a, &of_b));
    tp_tensor *weight = tp_parameter(b, "0.weight");
    assert_int_equal(tp_strides_of(weight).v[0], 1); /* as it was laid out */
    assert_true(tp_requires_grad(weight));
}

/* --- what does not fit --- */

static void test_differences(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("net.safetensors");
    tp_module *m = net(c);
    float w[6] = {1, 2, 3, 4, 5, 6};
    double s[2] = {7, 8};
    const tp_named_tensor named[] = {{"0.weight", tp_from_array(c, TP_SHAPE(2, 3), TP_F32, w)},
                                     {"0.bias", tp_from_array(c, TP_SHAPE(3), TP_F32, w)},
                                     {"1.0.scale", tp_from_doubles(c, TP_SHAPE(2), TP_F32, s)},
                                     {"1.1", tp_scalar(c, 1, TP_F32)}};
    static const char wanted[] = "'0.bias' is f32 [2] here and f32 [3] in the file, "
                                 "'1.0.scale' is f64 [2] here and f32 [2] in the file, "
                                 "'1.1' is in the file only, '1.1.weight' is not in the file";
    char text[512] = "before", little[8];
    assert_int_equal(tp_safetensors_save(c, path, named, 4, NULL, 0), TP_OK);
    outcome before = state_of(m);
    tp_status status = tp_module_load(m, path, .differences = text, .differences_size = sizeof text);
    expect_status(c, status, TP_ERR_DATA, "net.safetensors' does not fit: '0.bias' is f32 [2] here");
    assert_non_null(strstr(tp_error_text(c), wanted));
    assert_string_equal(text, wanted);
    outcome after = state_of(m);
    assert_true(outcome_equal(&before, &after));

    status =
        tp_module_load(m, path, .partial = true, .differences = little, .differences_size = sizeof little);
    assert_int_equal(status, TP_OK);
    assert_string_equal(little, "'0.bias");
    expect_values(tp_parameter(m, "0.weight"), TP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    expect_values(tp_buffer(m, "1.0.scale"), TP_SHAPE(2), 3, 4);

    assert_int_equal(tp_module_save(m, path), TP_OK);
    status = tp_module_load(m, path, .differences = text, .differences_size = sizeof text);
    assert_int_equal(status, TP_OK);
    assert_string_equal(text, "");
}

static void test_other_dtypes(void **state)
{
    tp_context *c = *state;
    static const char header[] =
        "{\"weight\":{\"dtype\":\"F8_E5M2\",\"shape\":[1,1],\"data_offsets\":[0,1]}}";
    unsigned char file[sizeof header + 8] = {sizeof header - 1};
    memcpy(file + 8, header, sizeof header - 1);
    put_bytes(in_folder("f8"), file, sizeof file);
    tp_module *m = tp_linear(c, 1, 1, .no_bias = true);
    expect_status(c, tp_module_load(m, in_folder("f8")), TP_ERR_DATA,
                  "'weight' is f32 [1,1] here and F8_E5M2 [1,1] in the file");
}

/* A shared parameter is saved once, and loaded by any of its paths. */
static void test_shared(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("shared");
    tp_module *layer = tp_linear(c, 1, 1, .no_bias = true), *m = tp_sequential(c, layer, layer);
    assert_int_equal(tp_module_save(m, path), TP_OK);
    tp_safetensors *f = tp_safetensors_open(c, path);
    assert_int_equal(tp_safetensors_count(f), 1);
    assert_string_equal(tp_safetensors_name(f, 0), "0.weight");
    const float five = 5, six = 6;
    const tp_named_tensor named[] = {{"1.weight", tp_from_array(c, TP_SHAPE(1, 1), TP_F32, &five)},
                                     {"0.weight", tp_from_array(c, TP_SHAPE(1, 1), TP_F32, &six)}};
    assert_int_equal(tp_safetensors_save(c, path, named, 1, NULL, 0), TP_OK);
    assert_int_equal(tp_module_load(m, path), TP_OK);
    expect_values(tp_parameter(layer, "weight"), TP_SHAPE(1, 1), 5);
    assert_int_equal(tp_safetensors_save(c, path, named, 2, NULL, 0), TP_OK);
    assert_int_equal(tp_module_load(m, path), TP_OK);
    expect_values(tp_parameter(layer, "weight"), TP_SHAPE(1, 1), 6);
}

static void test_refused(void **state)
{
    tp_context *c = *state;
    static bytes b;
    const char *path = in_folder("net.safetensors");
    tp_module *m = net(c), *other = net(c);
    assert_int_equal(tp_module_save(other, path), TP_OK);
    outcome before = state_of(m), after;
    get_bytes(path, &b);
    b.v[b.n - 1] ^= 1; /* of the last tensor: those before it are good */
    put_bytes(path, b.v, b.n);
    expect_status(c, tp_module_load(m, path), TP_ERR_DATA, "its bytes do not have the hash");
    after = state_of(m);
    assert_true(outcome_equal(&before, &after));
    expect_status(c, tp_module_load(m, in_folder("none")), TP_ERR_IO, "No such file or directory");
    expect_status(c, tp_module_load(m, NULL), TP_ERR_ARGUMENT, "argument 'path' is NULL");
    expect_status(c, tp_module_load(tp_nil_module(c), path), TP_ERR_ARGUMENT,
                  "tp_module_load: argument 'm' is nil");
    expect_status(c, tp_module_save(tp_nil_module(c), path), TP_ERR_ARGUMENT,
                  "tp_module_save: argument 'm' is nil");
    expect_status(c, tp_module_save(m, folder), TP_ERR_IO, "it is no regular file");
    assert_int_equal(tp_module_load(NULL, path), TP_ERR_ARGUMENT);
    assert_int_equal(tp_module_save(NULL, path), TP_ERR_ARGUMENT);
    tp_fail(c, TP_ERR_STATE, "before");
    assert_int_equal(tp_module_load(m, path), TP_ERR_STATE);
    assert_int_equal(tp_module_save(m, path), TP_ERR_STATE);
    expect_error(c, TP_ERR_STATE, "before");
}

/* A view in another context cannot be overwritten. */
static void test_read_only(void **state)
{
    tp_context *c = *state, *c2 = tp_open(NULL);
    const char *path = in_folder("net.safetensors");
    tp_module *m = net(c), *view = tp_share(c2, m);
    outcome before = state_of(m), after;
    assert_int_equal(tp_module_save(net(c), path), TP_OK);
    expect_status(c2, tp_module_load(view, path), TP_ERR_STATE, "read-only");
    after = state_of(m);
    assert_true(outcome_equal(&before, &after));
    assert_int_equal(tp_module_save(view, path), TP_OK);
    assert_int_equal(tp_close(c2), 0);
}

/* --- failing allocations --- */

static tp_status save_it(tp_module *m) { return tp_module_save(m, in_folder("new")); }
static tp_status load_it(tp_module *m) { return tp_module_load(m, in_folder("old")); }

/* Fails one allocation of the call after another, or all from it on; the module and files stay as they are.
 */
static void walk(const char *name, tp_status (*call)(tp_module *m), bool rest)
{
    faulty f;
    bool refused = true;
    for (long at = 1; refused; at++) {
        tp_context *c = faulty_open(&f, rest);
        tp_module *m = net(c);
        outcome before = state_of(m), after;
        int files = folder_files(NULL);
        faulty_arm(&f, at);
        tp_status status = call(m);
        refused = faulty_disarm(&f);
        EXPECT(status == (refused ? TP_ERR_MEMORY : TP_OK), name, at, c);
        EXPECT(tp_ok(c), name, at, c);
        EXPECT(!refused || names_a_call(tp_error_text(c)), name, at, c);
        after = state_of(m);
        if (refused) EXPECT(outcome_equal(&before, &after), name, at, c);
        if (refused) EXPECT(folder_files(NULL) == files, name, at, c);
        if (!refused) assert_true(at > 5);
        tp_close(c);
        assert_int_equal(f.books.blocks, 0);
    }
}

static void test_faults(void **state)
{
    tp_context *c = *state;
    assert_int_equal(tp_module_save(net(c), in_folder("old")), TP_OK);
    for (int rest = 0; rest < 2; rest++) {
        walk("tp_module_save", save_it, rest);
        assert_int_equal(remove(in_folder("new")), 0);
        walk("tp_module_load", load_it, rest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_names),        FILE_TEST(test_there_and_back), FILE_TEST(test_differences),
        FILE_TEST(test_other_dtypes), FILE_TEST(test_shared),         FILE_TEST(test_refused),
        FILE_TEST(test_read_only),    FILE_TEST(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
