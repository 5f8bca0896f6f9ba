#include "comma.h"
#include "faults.h"
#include "io/files.h"

#include <taper/ext.h>

/* A set of two columns, one of them text, with classes. */
static tp_dataset *small(tp_context *c)
{
    tp_tensor *y = tp_from_array(c, TP_SHAPE(4), TP_I64, (int64_t[]){0, 1, 1, 0});
    tp_dataset *d = tp_dataset_new(c, MATRIX(c, 4, 2, 0.1, 0, 0.2, 1, 0.4, 1, 1e-7, 0), y);
    tp_dataset_name_classes(d, (const char *const[]){"no", "y\xc3\xa4s", "maybe"}, 3);
    tp_dataset_name_features(d, (const char *const[]){"length", "color"}, 2);
    tp_dataset_name_categories(d, 1, (const char *const[]){"blue", "red"}, 2);
    tp_dataset_name_target(d, "answer");
    tp_dataset_scale(d, TP_SCALE_FEATURE);
    return d;
}

static tp_module *net_for(tp_context *c, tp_shape sample)
{
    return tp_net(c, "linear 4, tanh, linear 3", sample);
}

static const char *saved(tp_context *c)
{
    const char *path = in_folder("model.safetensors");
    tp_module *criterion = tp_criterion_named(c, "cross_entropy");
    assert_int_equal(tp_model_save(net_for(c, TP_SHAPE(2)), path, .data = small(c), .criterion = criterion),
                     TP_OK);
    return path;
}

static void expect_equal(const tp_tensor *a, const tp_tensor *b)
{
    outcome x = {0}, y = {0};
    assert_int_equal(tp_rank(a), tp_rank(b));
    outcome_add(&x, a);
    outcome_add(&y, b);
    assert_true(outcome_equal(&x, &y));
}

/* With another decimal point the same bytes are written, and the same numbers read. */
static void check_comma(void)
{
    static bytes wanted, got;
    tp_context *c = tp_open(NULL);
    tp_dataset *d = small(c);
    get_bytes(in_folder("point"), &wanted);
    assert_int_equal(tp_model_save(net_for(c, TP_SHAPE(2)), in_folder("comma"), .data = d), TP_OK);
    get_bytes(in_folder("comma"), &got);
    assert_int_equal(got.n, wanted.n);
    assert_memory_equal(got.v, wanted.v, wanted.n);
    tp_model *m = tp_model_open(c, in_folder("point"));
    expect_equal(tp_dataset_mean(tp_model_data(m)), tp_dataset_mean(d));
    expect_equal(tp_dataset_deviation(tp_model_data(m)), tp_dataset_deviation(d));
    assert_int_equal(tp_close(c), 0);
}

static void test_comma(void **state)
{
    (void)state;
    tp_context *fresh = tp_open(NULL);
    assert_int_equal(tp_model_save(net_for(fresh, TP_SHAPE(2)), in_folder("point"), .data = small(fresh)),
                     TP_OK);
    assert_int_equal(tp_close(fresh), 0);
    if (!with_decimal_comma(check_comma)) skip();
}

static void test_there_and_back(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("model.safetensors");
    tp_dataset *d = small(c);
    tp_module *net = net_for(c, TP_SHAPE(2));
    tp_module *criterion = tp_nll_criterion(c, .weight = VECTOR(c, 0.1, 1, 2), .ignore_index = 1);
    assert_int_equal(tp_model_save(net, path, .data = d, .criterion = criterion), TP_OK);
    tp_mark scope = tp_open_scope(c);
    tp_model *m = tp_model_keep(tp_model_open(c, path));
    tp_close_scope(c, scope);
    assert_false(tp_is_training(tp_model_net(m)));
    tp_tensor *x = tp_dataset_x(d, TP_F32);
    expect_equal(tp_forward(tp_model_net(m), x), tp_forward(net, x));
    tp_module *again = tp_model_criterion(m);
    assert_string_equal(tp_module_kind(again), "nll");
    tp_tensor *y = tp_dataset_y(d, TP_F32), *log_p = tp_log_softmax(tp_forward(net, x), 1);
    expect_equal(tp_loss(again, log_p, y), tp_loss(criterion, log_p, y));
    assert_true(tp_item(tp_loss(again, log_p, y)) != tp_item(tp_nll_loss(log_p, y)));

    tp_dataset *e = tp_model_data(m);
    assert_int_equal(tp_dataset_size(e), 0);
    assert_int_equal(tp_dataset_dtype(e), TP_F64);
    assert_int_equal(tp_dataset_sample_shape(e).v[0], 2);
    assert_int_equal(tp_dataset_target_kind(e), TP_TARGET_CLASSES);
    assert_string_equal(tp_dataset_target_name(e), "answer");
    assert_int_equal(tp_dataset_classes(e), 3);
    assert_string_equal(tp_dataset_class_name(e, 1), "y\xc3\xa4s");
    assert_string_equal(tp_dataset_feature_name(e, 0), "length");
    assert_null(tp_dataset_category(e, 0, 0));
    assert_string_equal(tp_dataset_category(e, 1, 1), "red");
    expect_equal(tp_dataset_mean(e), tp_dataset_mean(d));
    expect_equal(tp_dataset_deviation(e), tp_dataset_deviation(d));
}

/* New rows are read as the model wants them. */
static void test_like(void **state)
{
    tp_context *c = *state;
    static const char csv[] = "answer,color,length\nmaybe,red,0.5\nno,blue,0.25\n";
    tp_model *m = tp_model_open(c, saved(c));
    put_bytes(in_folder("new.csv"), csv, sizeof csv - 1);
    tp_dataset *d = tp_dataset_open(c, in_folder("new.csv"), .like = tp_model_data(m));
    assert_int_equal(tp_dataset_scale_like(d, tp_model_data(m)), TP_OK);
    tp_dataset *raw = tp_dataset_new(c, MATRIX(c, 2, 2, 0.5, 1, 0.25, 0), NULL);
    assert_int_equal(tp_dataset_scale_like(raw, small(c)), TP_OK);
    expect_equal(tp_dataset_x(d, TP_F64), tp_dataset_x(raw, TP_F64));
    expect_values(tp_dataset_y(d, TP_F64), TP_SHAPE(2), 2, 0);
}

static tp_dataset *there_and_back(tp_context *c, tp_dataset *d, const char *net, tp_dtype dtype)
{
    const char *path = in_folder("other.safetensors");
    tp_module *m = tp_net(c, net, tp_dataset_sample_shape(d), .dtype = dtype);
    assert_int_equal(tp_model_save(m, path, .data = d), TP_OK);
    tp_model *model = tp_model_open(c, path);
    assert_true(tp_module_is_nil(tp_model_criterion(model)));
    tp_tensor *x = tp_dataset_x(d, dtype);
    tp_eval(m);
    expect_equal(tp_forward(tp_model_net(model), x), tp_forward(m, x));
    return tp_model_data(model);
}

static void test_kinds_of_data(void **state)
{
    tp_context *c = *state;
    tp_dataset *images = tp_dataset_new(c, tp_full(c, TP_SHAPE(2, 3, 4), 7, TP_U8), NULL);
    tp_dataset_set_scaling(images, NUMBER(c, 0.1), NUMBER(c, 1. / 3));
    tp_dataset *e = there_and_back(c, images, "linear 2, dropout p=0.5, (linear 1 bias=false)", TP_F32);
    assert_int_equal(tp_dataset_target_kind(e), TP_TARGET_NONE);
    assert_int_equal(tp_dataset_dtype(e), TP_U8);
    assert_int_equal(tp_dataset_sample_shape(e).n, 2);
    assert_null(tp_dataset_feature_name(e, 0));
    expect_equal(tp_dataset_deviation(e), tp_dataset_deviation(images));

    /* a net that takes the rows of an image, so that no flatten may be put in front */
    tp_module *rows = tp_sequential(c, tp_linear(c, 4, 2));
    assert_int_equal(tp_model_save(rows, in_folder("rows"), .data = images), TP_OK);
    tp_tensor *x = tp_dataset_x(images, TP_F32);
    expect_equal(tp_forward(tp_model_net(tp_model_open(c, in_folder("rows"))), x), tp_forward(rows, x));

    x = MATRIX(c, 2, 3, 1, 2, 3, 4, 5, 7);
    e = there_and_back(c, tp_dataset_new(c, x, VECTOR(c, 1, 2)), "linear 1", TP_F64);
    assert_int_equal(tp_dataset_target_kind(e), TP_TARGET_NUMBERS);
    assert_int_equal(tp_rank(tp_dataset_y(e, TP_F64)), 1);
    e = there_and_back(c, tp_dataset_new(c, x, MATRIX(c, 2, 2, 1, 2, 3, 4)), "linear 2", TP_F64);
    assert_int_equal(tp_size(tp_dataset_y(e, TP_F64), 1), 2);
}

/* --- what is no model --- */

static tp_tensor *nothing(tp_module *m, tp_tensor *x) { return (void)m, x; }
static tp_tensor *no_loss(tp_module *m, tp_tensor *x, tp_tensor *y) { return (void)m, (void)y, x; }

static void test_not_saved(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("model.safetensors");
    tp_dataset *d = small(c);
    tp_module *own = tp_module_new(c, "own", nothing, NULL, 0), *net = net_for(c, TP_SHAPE(2));
    tp_module *mixed = tp_sequential(c, tp_linear(c, 2, 2), tp_linear(c, 2, 2, .dtype = TP_F64));
    expect_status(c, tp_model_save(own, path, .data = d), TP_ERR_ARGUMENT,
                  "tp_module_save writes the weights alone");
    expect_status(c, tp_model_save(net, path), TP_ERR_ARGUMENT, ".data is missing");
    expect_status(c, tp_model_save_with(net, path, NULL), TP_ERR_ARGUMENT, ".data is missing");
    expect_status(c, tp_model_save(mixed, path, .data = d), TP_ERR_DTYPE, "of several dtypes");
    expect_status(c, tp_model_save(net, path, .data = tp_nil_dataset(c)), TP_ERR_ARGUMENT,
                  "argument 'data' is nil");
    expect_status(c, tp_model_save(tp_nil_module(c), path, .data = d), TP_ERR_ARGUMENT,
                  "argument 'net' is nil");
    tp_status status =
        tp_model_save(net, path, .data = d, .criterion = tp_criterion_new(c, "mine", no_loss, NULL, 0));
    expect_status(c, status, TP_ERR_ARGUMENT,
                  "tp_criterion_text: there is no text for this mine, because it is none of Taper's");
    tp_dataset_name_target(d, "\xff");
    expect_status(c, tp_model_save(net, path, .data = d), TP_ERR_ARGUMENT, "a name in the data is not UTF-8");
    assert_int_equal(tp_model_save(NULL, path, .data = d), TP_ERR_ARGUMENT);
    assert_int_equal(folder_files(NULL), 0);
}

static void test_other_files(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("weights.safetensors");
    tp_module_save(net_for(c, TP_SHAPE(2)), path);
    assert_true(tp_model_is_nil(tp_model_open(c, path)));
    expect_error(c, TP_ERR_DATA, "weights.safetensors' is no model file: it has no taper.net");
    tp_model *m = tp_model_open(c, in_folder("none"));
    expect_error(c, TP_ERR_IO, "No such file or directory");
    assert_true(tp_module_is_nil(tp_model_net(m)));
    assert_true(tp_dataset_is_nil(tp_model_data(m)));
    assert_true(tp_module_is_nil(tp_model_criterion(NULL)));
}

/* A model file must have its hashes, so that any damage is found. */
static void test_no_hashes(void **state)
{
    tp_context *c = *state;
    static bytes b;
    const char *path = saved(c);
    get_bytes(path, &b);
    for (size_t i = 0; i + 10 < b.n; i++)
        if (memcmp(b.v + i, "taper.hash", 10) == 0 || memcmp(b.v + i, "taper.tens", 10) == 0) b.v[i] = 'T';
    put_bytes(path, b.v, b.n);
    assert_int_equal(tp_safetensors_count(tp_safetensors_open(c, path)), 4);
    assert_true(tp_model_is_nil(tp_model_open(c, path)));
    expect_error(c, TP_ERR_DATA, "is no model file: it has no hashes");
}

/* A file whose parts do not fit each other, although its hashes are right. */
static void refuse(tp_context *c, const char *key, const char *value, const char *text)
{
    tp_mark scope = tp_open_scope(c);
    tp_safetensors *f = tp_safetensors_open(c, in_folder("model.safetensors"));
    tp_named_tensor named[4];
    tp_metadata metadata[4];
    int n = 0;
    for (int i = 0; i < 4; i++) {
        named[i].name = tp_safetensors_name(f, i);
        named[i].tensor = tp_safetensors_read(f, named[i].name);
    }
    for (int i = 2; i < 6; i++) { /* the first two are the hashes */
        metadata[n].key = tp_safetensors_key(f, i);
        bool same = strcmp(metadata[n].key, key) == 0;
        metadata[n].value = same ? value : tp_safetensors_metadata(f, metadata[n].key);
        if (metadata[n].value) n++;
    }
    assert_int_equal(tp_safetensors_save(c, in_folder("changed"), named, 4, metadata, n), TP_OK);
    assert_true(tp_model_is_nil(tp_model_open(c, in_folder("changed"))));
    if (!strstr(tp_error_text(c), "changed'")) fail_msg("no file in '%s'", tp_error_text(c));
    expect_error(c, TP_ERR_DATA, text);
    tp_close_scope(c, scope);
}

#define DATA(sample, dtype, target, more) \
    "{\"sample\":" sample ",\"dtype\":\"" dtype "\",\"target\":" target more "}"
#define NO_TARGET "{\"kind\":\"none\",\"name\":\"y\"}"
#define SCALING   ",\"mean\":[0],\"deviation\":[1]"

static void test_parts_that_do_not_fit(void **state)
{
    tp_context *c = *state;
    saved(c);
    refuse(c, "taper.net", NULL, "it has no taper.net");
    refuse(c, "taper.net", "linear 4, tangh, linear 3", "tangh");
    refuse(c, "taper.net", "linear 5, tanh, linear 3",
           "does not fit: '0.weight' is f32 [5,2] here and f32 [4,2] in the file");
    refuse(c, "taper.dtype", "f64", "'0.weight' is f64 [4,2] here and f32 [4,2] in the file");
    refuse(c, "taper.dtype", "f99", "taper.dtype: there is no dtype 'f99'");
    refuse(c, "taper.criterion", "cross", "cross");
    refuse(c, "taper.data", "", "taper.data: byte 0: ");
    refuse(c, "taper.data", "[]", "'sample' in the metadata taper.data");
    refuse(c, "taper.data", DATA("[2.5]", "f64", NO_TARGET, SCALING), "'sample'");
    refuse(c, "taper.data", DATA("[-2]", "f64", NO_TARGET, SCALING), "'sample'");
    refuse(c, "taper.data", DATA("[4611686018427387904,4]", "f64", NO_TARGET, SCALING), "'sample'");
    refuse(c, "taper.data", DATA("[1,1,1,1,1,1,1,1]", "f64", NO_TARGET, SCALING), "'sample'");
    refuse(c, "taper.data", DATA("[2]", "f65", NO_TARGET, SCALING), "'dtype'");
    refuse(c, "taper.data", DATA("[2]", "f64", "{\"kind\":\"found\"}", SCALING), "'kind'");
    refuse(c, "taper.data", DATA("[2]", "f64", "{\"kind\":\"numbers\",\"name\":\"y\"}", SCALING), "'sizes'");
    refuse(c, "taper.data", DATA("[2]", "f64", "{\"kind\":\"none\"}", SCALING), "'name'");
    refuse(c, "taper.data", DATA("[2]", "f64", NO_TARGET, ",\"features\":[\"a\"]" SCALING),
           "1 names for 2 columns");
    refuse(c, "taper.data", DATA("[2]", "f64", NO_TARGET, ",\"features\":[\"a\",1]" SCALING), "'features'");
    refuse(c, "taper.data", DATA("[2]", "f64", NO_TARGET, ",\"features\":1" SCALING), "'features'");
    refuse(c, "taper.data", DATA("[2]", "f64", NO_TARGET, ",\"mean\":[0,0,0],\"deviation\":[1]"), "'mean'");
    refuse(c, "taper.data", DATA("[2]", "f64", NO_TARGET, ",\"mean\":[0],\"deviation\":[\"1\"]"),
           "'deviation'");
    refuse(c, "taper.data", DATA("[2]", "f64", NO_TARGET, ",\"mean\":[0],\"deviation\":[0]"), "deviation");
    refuse(c, "taper.data", DATA("[3]", "f64", NO_TARGET, SCALING), "'0.weight' is f32 [4,3] here");
}

/* What asks for more memory than the file has tensors for is refused before there is any. */
static void test_huge(void **state)
{
    tp_context *c = *state;
    saved(c);
    refuse(c, "taper.net", "linear 2000000000, linear 3", "from here on there are more parameters");
    refuse(c, "taper.net", "linear 99999999999, linear 3", "takes an integer");
    refuse(c, "taper.net", "linear 1000, linear 1000, linear 1000, linear 3", "tp_net, column 27: from here");
    refuse(c, "taper.data", DATA("[1000000000000]", "f64", NO_TARGET, SCALING), "tp_net, column 1: from");
    refuse(c, "taper.data",
           DATA("[1000000000000]", "f64", NO_TARGET, ",\"categories\":{\"0\":[\"a\"]}" SCALING),
           "'categories'");
    assert_true(books.most < 32 << 20);
}

static void test_damage(void **state)
{
    tp_context *c = *state;
    static bytes b;
    const char *path = saved(c), *damaged = in_folder("damaged");
    get_bytes(path, &b);
    for (size_t n = 0; n < b.n; n++) {
        remove(damaged); /* some file systems sync a file that is emptied and written again */
        put_bytes(damaged, b.v, n);
        assert_true(tp_model_is_nil(tp_model_open(c, damaged)));
        expect_error(c, TP_ERR_DATA, "");
    }
    for (size_t i = 0; i < b.n; i++) { /* padding too */
        const unsigned char flips[] = {1, 0x20, 0x80, 0xff};
        for (size_t k = 0; k < sizeof flips; k++) {
            b.v[i] ^= flips[k];
            remove(damaged);
            put_bytes(damaged, b.v, b.n);
            if (!tp_model_is_nil(tp_model_open(c, damaged))) fail_msg("byte %zu, %d: not found", i, flips[k]);
            expect_error(c, TP_ERR_DATA, "");
            b.v[i] ^= flips[k];
        }
    }
}

/* --- failing allocations --- */

static void failing_save(tp_context *mine, bool rest)
{
    bool refused = true;
    static bytes before, after;
    const char *path = saved(mine);
    get_bytes(path, &before);
    for (long at = 1; refused; at++) {
        faulty f;
        tp_context *c = faulty_open(&f, rest);
        tp_module *net = net_for(c, TP_SHAPE(2));
        tp_dataset *d = small(c);
        tp_module *criterion = tp_criterion_named(c, "mse");
        faulty_arm(&f, at);
        tp_status status = tp_model_save(net, path, .data = d, .criterion = criterion);
        refused = faulty_disarm(&f);
        EXPECT(status == (refused ? TP_ERR_MEMORY : TP_OK), "tp_model_save", at, c);
        EXPECT(tp_ok(c) && folder_files(NULL) == 1, "tp_model_save", at, c);
        get_bytes(path, &after);
        if (refused)
            EXPECT(after.n == before.n && !memcmp(after.v, before.v, after.n), "tp_model_save", at, c);
        tp_close(c);
        assert_int_equal(f.books.blocks, 0);
    }
}

static void test_failing_save(void **state)
{
    for (int rest = 0; rest < 2; rest++) failing_save(*state, rest);
}

static void failing_open(tp_context *mine, bool rest)
{
    bool refused = true;
    const char *path = saved(mine);
    for (long at = 1; refused; at++) {
        faulty f;
        tp_context *c = faulty_open(&f, rest);
        faulty_arm(&f, at);
        tp_model *m = tp_model_open(c, path);
        refused = faulty_disarm(&f);
        EXPECT(tp_error(c) == (refused ? TP_ERR_MEMORY : TP_OK), "tp_model_open", at, c);
        EXPECT(tp_model_is_nil(m) == refused, "tp_model_open", at, c);
        if (!refused) assert_true(at > 20);
        tp_clear(c);
        tp_close(c);
        assert_int_equal(f.books.blocks, 0);
    }
}

static void test_failing_open(void **state)
{
    for (int rest = 0; rest < 2; rest++) failing_open(*state, rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_there_and_back),
        FILE_TEST(test_comma),
        FILE_TEST(test_like),
        FILE_TEST(test_kinds_of_data),
        FILE_TEST(test_not_saved),
        FILE_TEST(test_other_files),
        FILE_TEST(test_parts_that_do_not_fit),
        FILE_TEST(test_no_hashes),
        FILE_TEST(test_huge),
        FILE_TEST(test_damage),
        FILE_TEST(test_failing_save),
        FILE_TEST(test_failing_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
