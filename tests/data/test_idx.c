/* Folders of IDX files. */
#include "files.h"

#include <taper/ext.h>

#include <zlib.h>

/* The bytes of an IDX file of u8: sizes, then 0, 1, 2, ... times `step`; returns how many. */
static size_t idx_bytes(unsigned char *to, int rank, const unsigned *size, int step)
{
    size_t n = 4, values = 1;
    memcpy(to, (unsigned char[]){0, 0, 8, (unsigned char)rank}, 4);
    for (int i = 0; i < rank; i++) {
        memcpy(to + n,
               (unsigned char[]){(unsigned char)(size[i] >> 24), (unsigned char)(size[i] >> 16),
                                 (unsigned char)(size[i] >> 8), (unsigned char)size[i]},
               4);
        n += 4;
        values *= size[i];
    }
    for (size_t i = 0; i < values; i++) to[n++] = (unsigned char)(i * (size_t)step);
    return n;
}

static void write_gz(const char *name, const void *bytes, size_t n)
{
    gzFile f = gzopen(path_of(name), "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, bytes, (unsigned)n), n);
    assert_int_equal(gzclose(f), Z_OK);
}

/* 4 images of 2 x 3 for training, plain; 2 for testing, compressed. */
static void write_folder(void)
{
    unsigned char bytes[256];
    write_bytes("train-images-idx3-ubyte", bytes, idx_bytes(bytes, 3, (unsigned[]){4, 2, 3}, 10));
    write_bytes("train-labels-idx1-ubyte", bytes, idx_bytes(bytes, 1, (unsigned[]){4}, 1));
    write_gz("t10k-images-idx3-ubyte.gz", bytes, idx_bytes(bytes, 3, (unsigned[]){2, 2, 3}, 1));
    write_gz("t10k-labels-idx1-ubyte.gz", bytes, idx_bytes(bytes, 1, (unsigned[]){2}, 2));
}

static const char *folder_name(void)
{
    static char name[128];
    snprintf(name, sizeof name, "mnist:%s", test_folder);
    return name;
}

static void test_read(void **state)
{
    tp_context *c = *state;
    write_folder();
    tp_dataset *d = tp_dataset_open(c, folder_name());
    assert_int_equal(tp_dataset_size(d), 6);
    assert_int_equal(tp_dataset_dtype(d), TP_U8);
    tp_tensor *x = tp_dataset_x(d, TP_F64);
    expect_near(tp_get(x, TP_INTS(3, 1, 2)), 230, 0);
    expect_near(tp_get(x, TP_INTS(5, 0, 1)), 7, 0);
    expect_values(tp_dataset_y(d, TP_F64), TP_SHAPE(6), 0, 1, 2, 3, 0, 2);
    assert_int_equal(tp_dataset_classes(d), 4);
    assert_string_equal(tp_dataset_class_name(d, 3), "3");
    assert_null(tp_dataset_feature_name(d, 0));
    d = tp_dataset_open(c, folder_name(), .split = "train");
    assert_int_equal(tp_dataset_size(d), 4);
    tp_dataset *test = tp_dataset_open(c, folder_name(), .split = "test");
    assert_int_equal(tp_dataset_classes(test), 3);
    test = tp_dataset_open(c, folder_name(), .split = "test", .like = d);
    assert_int_equal(tp_dataset_classes(test), 4);
    expect_values(tp_dataset_x(test, TP_F64), TP_SHAPE(2, 2, 3), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    tp_dataset *other = tp_dataset_open(c, folder_name(), .split = "test");
    tp_dataset_open(c, folder_name(), .like = other);
    expect_error(c, TP_ERR_DATA, "a label of 3, where 3 classes are expected");
    other = tp_dataset_new(c, tp_zeros(c, TP_SHAPE(1, 6), TP_U8), NULL);
    tp_dataset_open(c, folder_name(), .like = other);
    expect_error(c, TP_ERR_DATA, "its images of 2 x 3 are not what is expected");
}

/* Replaces the images of the training part. */
static void expect_refused(tp_context *c, const void *bytes, size_t n, tp_status status, const char *message)
{
    write_bytes("train-images-idx3-ubyte", bytes, n);
    assert_true(tp_dataset_is_nil(tp_dataset_open(c, folder_name())));
    expect_error(c, status, message);
}

static void test_refused(void **state)
{
    tp_context *c = *state;
    write_folder();
    unsigned char good[256], bytes[256];
    size_t n = idx_bytes(good, 3, (unsigned[]){4, 2, 3}, 1);
    memcpy(bytes, good, n);
    expect_refused(c, bytes, n - 1, TP_ERR_DATA,
                   "train-images-idx3-ubyte': byte 16: the elements take 24 bytes, there are 23");
    expect_refused(c, bytes, n + 1, TP_ERR_DATA, "the elements take 24 bytes, there are 25");
    expect_refused(c, bytes, 10, TP_ERR_DATA,
                   "train-images-idx3-ubyte': byte 10: it ends here, 2 bytes before it should");
    expect_refused(c, bytes, 0, TP_ERR_DATA, "byte 0: it ends here, 4 bytes before it should");
    bytes[2] = 9;
    expect_refused(c, bytes, n, TP_ERR_DATA,
                   "train-images-idx3-ubyte: it holds i8 of 3 axes; u8 of 3 are needed");
    memcpy(bytes, good, n);
    memset(bytes + 4, 0xff, 12);
    expect_refused(c, bytes, n, TP_ERR_DATA, "a shape of more bytes than can be counted");
    memcpy(bytes, good, n);
    memset(bytes + 4, 0xff, 4); /* 4294967295 images: no memory is asked for */
    size_t calls = books.bytes;
    expect_refused(c, bytes, n, TP_ERR_DATA, "the elements take 25769803770 bytes, there are 24");
    assert_int_equal(books.bytes, calls);
    expect_refused(c, bytes, idx_bytes(bytes, 3, (unsigned[]){3, 2, 3}, 1), TP_ERR_DATA,
                   "4 labels for 3 images");
    expect_refused(c, bytes, idx_bytes(bytes, 3, (unsigned[]){4, 3, 2}, 1), TP_ERR_DATA,
                   ": the images for testing have another size");
    tp_dataset_open(c, "mnist:/nowhere");
    expect_error(c, TP_ERR_IO,
                 "/nowhere/train-images-idx3-ubyte: there is no such file, with or without .gz");
    tp_dataset_open(c, "mnist:");
    expect_error(c, TP_ERR_ARGUMENT, "'mnist:' takes a folder");
    write_bytes("train-images-idx3-ubyte", bytes, idx_bytes(bytes, 3, (unsigned[]){0, 2, 3}, 1));
    write_bytes("train-labels-idx1-ubyte", bytes, idx_bytes(bytes, 1, (unsigned[]){0}, 1));
    tp_dataset_open(c, folder_name(), .split = "train");
    expect_error(c, TP_ERR_DATA, "there are no images");
}

/* Every truncation of a compressed file, and every bit of it turned over, is read or refused; and as there is
 * a checksum, what is read is what was written. */
static void test_damaged(void **state)
{
    tp_context *c = *state;
    write_folder();
    unsigned char bytes[512];
    FILE *f = fopen(path_of("t10k-images-idx3-ubyte.gz"), "rb");
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    int refused = 0;
    for (size_t i = 0; i < 9 * n; i++) {
        unsigned char bit = (unsigned char)(1 << i % 8), *byte = &bytes[i < n ? 0 : (i - n) / 8];
        if (i >= n) *byte ^= bit;
        write_bytes("t10k-images-idx3-ubyte.gz", bytes, i < n ? i : n);
        if (i >= n) *byte ^= bit;
        tp_mark scope = tp_open_scope(c);
        tp_dataset *d = tp_dataset_open(c, folder_name(), .split = "test");
        assert_true(tp_dataset_is_nil(d) == !tp_ok(c));
        if (tp_ok(c)) {
            for (int k = 0; k < 12; k++)
                expect_near(tp_get(tp_dataset_x(d, TP_F64), TP_INTS(k / 6, k / 3 % 2, k % 3)), k, 0);
        } else {
            assert_int_equal(tp_error(c), TP_ERR_DATA);
            refused++;
        }
        tp_close_scope(c, scope);
        tp_clear(c);
    }
    assert_true(refused > (int)n);
}

/* With the at-th allocation failing nothing is left over; false if it takes fewer. */
static bool fail_at(long at)
{
    faulty hook;
    tp_context *c = faulty_open(&hook, all_after);
    tp_dataset *like = tp_dataset_open(c, folder_name());
    tp_mark scope = tp_open_scope(c);
    faulty_arm(&hook, at);
    tp_dataset *d = tp_dataset_open(c, folder_name(), .like = like);
    bool refused = faulty_disarm(&hook);
    EXPECT(refused == tp_dataset_is_nil(d), "idx", at, c);
    if (refused) EXPECT(tp_error(c) == TP_ERR_MEMORY && names_a_call(tp_error_text(c)), "idx", at, c);
    tp_clear(c);
    tp_close_scope(c, scope);
    tp_close(c);
    EXPECT(hook.books.blocks == 0, "idx", at, NULL);
    return refused;
}

static void test_faults(void **state)
{
    (void)state;
    write_folder();
    long at = 1;
    while (fail_at(at)) at++;
    assert_true(at > 6);
}

static const struct CMUnitTest tests[] = {
    TEST(test_read),
    TEST(test_refused),
    TEST(test_damaged),
    FAULT_TESTS(test_faults),
};

int main(void) { return cmocka_run_group_tests(tests, make_folder, remove_folder); }
