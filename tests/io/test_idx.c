#include "io/files.h"

#include <zlib.h>

static void test_bytes(void **state)
{
    tp_context *c = *state;
    static bytes b;
    static const unsigned char wanted[] = {0, 0, 0x0b, 2, 0, 0, 0, 2, 0, 0, 0, 1, 1, 2, 0xff, 0xfe};
    assert_int_equal(tp_idx_save(tp_cast(MATRIX(c, 2, 1, 258, -2), TP_I16), in_folder("i")), TP_OK);
    get_bytes(in_folder("i"), &b);
    assert_int_equal(b.n, sizeof wanted);
    assert_memory_equal(b.v, wanted, sizeof wanted);
    assert_int_equal(tp_dtype_of(tp_idx_read(c, in_folder("i"))), TP_I16);
    expect_values(tp_idx_read(c, in_folder("i")), TP_SHAPE(2, 1), 258, -2);
    assert_int_equal(tp_idx_save(tp_cast(MATRIX(c, 2, 1, 258, -2), TP_I16), in_folder("i.gz")), TP_OK);
    gzFile f = gzopen(in_folder("i.gz"), "rb");
    assert_int_equal(gzread(f, b.v, sizeof b.v), sizeof wanted);
    assert_int_equal(gzclose(f), Z_OK);
    assert_memory_equal(b.v, wanted, sizeof wanted);
    assert_int_equal(folder_files(NULL), 2);
}

static void test_bad_saves(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = tp_zeros(c, TP_SHAPE(2), TP_U8);
    assert_int_equal(tp_idx_save(NULL, "x"), TP_ERR_ARGUMENT);
    expect_status(c, tp_idx_save(t, NULL), TP_ERR_ARGUMENT, "tp_idx_save: argument 'path' is NULL");
    expect_status(c, tp_idx_save(t, in_folder("no/such.gz")), TP_ERR_IO, "cannot write");
    t = tp_zeros(c, TP_SHAPE(0, INT64_C(4294967296)), TP_U8);
    expect_status(c, tp_idx_save(t, in_folder("x")), TP_ERR_SHAPE, "IDX has no size of 4294967296");
    assert_int_equal(folder_files(NULL), 0);
}

/* Writes bytes, plain or packed. */
static const char *file_of(const void *v, size_t n, bool packed)
{
    const char *path = in_folder(packed ? "p" : "q");
    if (!packed) {
        put_bytes(path, v, n);
        return path;
    }
    gzFile f = gzopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, v, (unsigned)n), n);
    assert_int_equal(gzclose(f), Z_OK);
    return path;
}

static void test_bad_files(void **state)
{
    tp_context *c = *state;
    static const struct {
        unsigned char v[24];
        size_t n;
        const char *plain, *packed;
    } cases[] = {
        {{0}, 0, "byte 0: it ends here, 4 bytes", "4 bytes fewer are packed"},
        {{0, 0, 8}, 3, "byte 3: it ends here, 1 bytes", "1 bytes fewer are packed"},
        {{0, 1, 8, 0}, 4, "byte 0: it begins with 0 1 8 0", "byte 0: it begins with 0 1 8 0"},
        {{0, 0, 10, 0}, 4, "it begins with 0 0 10 0", "it begins with 0 0 10 0"},
        {{0, 0, 8, 9}, 4, "it begins with 0 0 8 9", "it begins with 0 0 8 9"},
        {{0, 0, 8, 1, 0, 0, 0}, 7, "byte 7: it ends here", "1 bytes fewer are packed"},
        {{0, 0, 8, 1, 0, 0, 0, 3, 1, 2},
         10,
         "byte 8: the elements take 3 bytes, there are 2",
         "1 bytes fewer are packed"},
        {{0, 0, 8, 1, 0, 0, 0, 1, 1, 2},
         10,
         "the elements take 1 bytes, there are 2",
         "more is packed than there should be"},
        {{0, 0, 8, 1, 0, 0, 0, 0, 1},
         9,
         "the elements take 0 bytes, there are 1",
         "more is packed than there should be"},
        {{0, 0, 14, 2, 255, 255, 255, 255, 255, 255, 255, 255},
         12,
         "a shape of more bytes than can be counted",
         "byte 4: sizes of 9223372036854775807 bytes, more than can be in a file of"},
        {{0, 0, 8, 1, 255, 255, 255, 255},
         8,
         "the elements take 4294967295 bytes, there are 0",
         "sizes of 4294967295 bytes, more than can be in a file of"},
        {{0, 0, 8, 1, 0, 0, 4, 1},
         8,
         "the elements take 1025 bytes",
         "it unpacks to 1025 bytes, more than .most, 1024"},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const char *path = file_of(cases[i / 2].v, cases[i / 2].n, i % 2);
        assert_true(tp_is_nil(tp_idx_read(c, path, .most = 1024)));
        expect_error(c, TP_ERR_DATA, i % 2 ? cases[i / 2].packed : cases[i / 2].plain);
    }
    const unsigned char bad[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff};
    tp_idx_read(c, file_of(bad, sizeof bad, false));
    expect_error(c, TP_ERR_DATA, "byte 11: what is packed is damaged: invalid block type");
}

/* Every truncation of a packed file is refused, and every changed bit that changes an element. */
static void test_damage(void **state)
{
    tp_context *c = *state;
    static bytes b;
    const char *path = in_folder("d.gz");
    assert_int_equal(tp_idx_save(MATRIX(c, 2, 2, 1, 2, 3, 4), path), TP_OK);
    get_bytes(path, &b);
    for (size_t n = 0; n <= b.n; n++) {
        if (n == b.n) b.v[n] = 0;
        put_bytes(path, b.v, n < b.n ? n : n + 1);
        assert_true(tp_is_nil(tp_idx_read(c, path)));
        expect_error(c, TP_ERR_DATA, n < b.n ? "byte" : "bytes after the end of what is packed");
    }
    int unseen = 0;
    for (size_t i = 0; i < 8 * b.n; i++) {
        b.v[i / 8] ^= (unsigned char)(1 << i % 8);
        put_bytes(path, b.v, b.n);
        tp_mark scope = tp_open_scope(c);
        tp_tensor *t = tp_idx_read(c, path);
        if (tp_ok(c)) expect_values(t, TP_SHAPE(2, 2), 1, 2, 3, 4);
        unseen += tp_ok(c);
        assert_true(tp_ok(c) || tp_error(c) == TP_ERR_DATA);
        tp_clear(c);
        tp_close_scope(c, scope);
        b.v[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    assert_in_range(unseen, 1, 80); /* gzip's date, system and the like */
}

/* More than one chunk, in and out. */
static void test_large(void **state)
{
    tp_context *c = *state;
    tp_randomstate rs;
    static double values[100000];
    tp_randomstate_seed(&rs, 1);
    tp_randomstate_rand(&rs, values, 100000);
    tp_tensor *t = tp_from_array(c, TP_SHAPE(100000), TP_F64, values);
    assert_int_equal(tp_idx_save(t, in_folder("l.gz")), TP_OK);
    const double *got = tp_data(tp_idx_read(c, in_folder("l.gz")));
    assert_memory_equal(got, values, sizeof values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_bytes),  FILE_TEST(test_bad_saves), FILE_TEST(test_bad_files),
        FILE_TEST(test_damage), FILE_TEST(test_large),

    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
