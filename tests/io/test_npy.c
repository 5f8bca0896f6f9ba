#include "faults.h"
#include "io/files.h"

/* --- there and back --- */

static void test_look(void **state)
{
    tp_context *c = *state;
    tp_npy what;
    assert_int_equal(tp_npy_save(tp_zeros(c, TP_SHAPE(2, 0), TP_I16), in_folder("l.npy")), TP_OK);
    assert_int_equal(tp_npy_look(c, in_folder("l.npy"), &what), TP_OK);
    assert_true(what.dtype == TP_I16 && !what.big_endian && !what.fortran_order && what.shape.n == 2);
    assert_true(what.shape.v[0] == 2 && what.shape.v[1] == 0);
    assert_string_equal(what.dtype_name, "<i2");
}

static void test_look_without_memory(void **state)
{
    const char *path = in_folder("m.npy");
    tp_npy what;
    assert_int_equal(tp_npy_save(tp_zeros(*state, TP_SHAPE(2), TP_F32), path), TP_OK);
    for (int rest = 0; rest < 2; rest++) {
        bool refused = true;
        for (long at = 1; refused; at++) {
            faulty hook;
            tp_context *c = faulty_open(&hook, rest);
            faulty_arm(&hook, at);
            tp_status status = tp_npy_look(c, path, &what);
            refused = faulty_disarm(&hook);
            EXPECT(status == (refused ? TP_ERR_MEMORY : TP_OK), "tp_npy_look", at, c);
            assert_int_equal(tp_close(c), 0);
            assert_int_equal(hook.books.blocks, 0);
        }
    }
}

static void test_views(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("v.npy");
    tp_tensor *t = MATRIX(c, 2, 3, 1, 2, 3, 4, 5, 6);
    assert_int_equal(tp_npy_save(tp_transpose(t, 0, 1), path), TP_OK);
    expect_values(tp_npy_read(c, path), TP_SHAPE(3, 2), 1, 4, 2, 5, 3, 6);
    assert_int_equal(tp_npy_save(tp_expand(NUMBER(c, 7), TP_SHAPE(2, 2)), path), TP_OK);
    expect_values(tp_npy_read(c, path), TP_SHAPE(2, 2), 7, 7, 7, 7);
}

static void test_bad_saves(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = NUMBER(c, 1);
    assert_int_equal(tp_npy_save(NULL, "x.npy"), TP_ERR_ARGUMENT);
    expect_status(c, tp_npy_save(t, NULL), TP_ERR_ARGUMENT, "tp_npy_save: argument 'path' is NULL");
    expect_status(c, tp_npy_save(tp_nil(c), "x.npy"), TP_ERR_ARGUMENT, "argument 't' is nil");
    expect_status(c, tp_npy_save(t, folder), TP_ERR_IO, "it is no regular file");
    expect_status(c, tp_npy_save(t, in_folder("no/such")), TP_ERR_IO, "cannot write");
    expect_status(c, tp_npy_look(c, "x", NULL), TP_ERR_ARGUMENT, "argument 'what' is NULL");
    assert_int_equal(folder_files(NULL), 0);
}

/* --- files of others, good and bad --- */

/* A file of a header and `size` bytes 0, 1, 2, .. after it. */
static const char *file_of(int version, const char *header, size_t size)
{
    static bytes b;
    size_t n = strlen(header), start = version == 1 ? 10 : 12;
    const unsigned char head[12] = {0x93, 'N',     'U',         'M', 'P', 'Y', (unsigned char)version,
                                    0,    n & 255, n >> 8 & 255};
    memcpy(b.v, head, start);
    memcpy(b.v + start, header, n);
    for (size_t i = 0; i < size; i++) b.v[start + n + i] = (unsigned char)i;
    const char *path = in_folder("other.npy");
    put_bytes(path, b.v, start + n + size);
    return path;
}

#define DICT(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape "}"
#define U1(shape)                 DICT("'|u1'", "False", shape)

static void test_files_of_others(void **state)
{
    tp_context *c = *state;
    static const char *const pairs[] = {U1("(2, 3)"), U1("(2,3,)") "\n",
                                        "{\"shape\":( 2 ,3),\"fortran_order\":False,'descr':\"<u1\", }   \n",
                                        DICT("'>u1'", "False", "(2, 3)")};
    for (int i = 0; i < 12; i++)
        expect_values(tp_npy_read(c, file_of(i / 4 + 1, pairs[i % 4], 6)), TP_SHAPE(2, 3), 0, 1, 2, 3, 4, 5);
    tp_tensor *t = tp_npy_read(c, file_of(1, DICT("'>u2'", "True", "(2, 3)"), 12));
    expect_values(t, TP_SHAPE(2, 3), 0x0001, 0x0405, 0x0809, 0x0203, 0x0607, 0x0a0b);
    assert_int_equal(tp_item(tp_npy_read(c, file_of(3, U1("()"), 1))), 0);
    assert_int_equal(tp_numel(tp_npy_read(c, file_of(1, U1("(0, 4294967296)"), 0))), 0);
}

/* What Taper does not have is described all the same. */
static void test_other_dtypes(void **state)
{
    tp_context *c = *state;
    static const char *const descr[] = {
        "'<c8'",    "'|O'", "'<U5'",  "'|f4'", "'=f4'",
        "'f4'",     "''",   "'<f16'", "'|b2'", "[('a', '<f4'), ('b', '|u1', (2, 3))]",
        "'<M8[ns]'"};
    for (size_t i = 0; i < sizeof descr / sizeof *descr; i++) {
        char header[200], said[100];
        tp_npy what;
        snprintf(header, sizeof header, "{'descr': %s, 'fortran_order': False, 'shape': (3,)}", descr[i]);
        const char *path = file_of(1, header, 5);
        assert_int_equal(tp_npy_look(c, path, &what), TP_OK);
        snprintf(said, sizeof said, "%s%s%s", *descr[i] == '[' ? "" : "'", what.dtype_name,
                 *descr[i] == '[' ? "" : "'");
        assert_string_equal(said, descr[i]);
        assert_true(what.dtype == TP_DTYPES && what.shape.n == 1 && what.shape.v[0] == 3);
        assert_true(tp_is_nil(tp_npy_read(c, path)));
        expect_error(c, TP_ERR_DTYPE, "which Taper does not have");
    }
}

static void test_bad_headers(void **state)
{
    tp_context *c = *state;
    static const struct {
        const char *header;
        size_t size;
        const char *text;
    } cases[] = {
        {"", 0, "byte 10: a dict expected, the header ends"},
        {"[]", 0, "byte 10: a dict expected, not '['"},
        {"{", 0, "byte 11: a text in quotes expected, the header ends"},
        {"{}", 0, "byte 12: the dict ends without the key descr"},
        {"{'descr", 0, "byte 17: the end of a text in quotes expected"},
        {"{'de\\x73cr'", 0, "the end of a text in quotes expected, not '\\'"},
        {"{'descr' '|u1'", 0, "a colon expected, not '''"},
        {"{'descr': '|u1' 'shape'", 0, "a comma expected"},
        {"{'more': 1}", 0, "one of the keys descr, fortran_order and shape expected, each once, not 'more'"},
        {"{'descr': '|u1', 'descr': '|u1'}", 0, "each once, not 'descr'"},
        {"{'descr': '|u1', 'shape': (1,)}", 1, "byte 41: the dict ends without the key fortran_order"},
        {DICT("'|u1'", "false", "(1,)"), 1, "True or False expected, not 'f'"},
        {DICT("'|u1'", "1", "(1,)"), 1, "True or False expected, not '1'"},
        {DICT("|u1", "False", "(1,)"), 1, "a text in quotes expected, not '|'"},
        {U1("(1)"), 1, "a comma expected, not ')'"},
        {U1("[1]"), 1, "the tuple of a shape expected, not '['"},
        {U1("1"), 1, "the tuple of a shape expected, not '1'"},
        {U1("(,)"), 1, "a size expected, not ','"},
        {U1("(1 1)"), 1, "a comma expected, not '1'"},
        {U1("(-1,)"), 1, "a size expected, not '-'"},
        {U1("(1.0,)"), 1, "a comma expected, not '.'"},
        {U1("(01,)"), 1, "byte 61: a size without zeros in front expected, not '0'"},
        {U1("(1L,)"), 1, "a comma expected, not 'L'"},
        {U1("(1,1,1,1,1,1,1,1,1)"), 1, "at most 8 sizes expected"},
        {U1("(9223372036854775808,)"), 1, "a size below 2^63 expected"},
        {U1("(99999999999999999999999,)"), 1, "a size below 2^63 expected"},
        {U1("(4294967296, 4294967296)"), 0, "a shape of more bytes than can be counted"},
        {DICT("'<f8'", "False", "(0, 2305843009213693952)"), 0, "a shape of more bytes than can be counted"},
        {U1("(9223372036854775807,)"), 3, "the elements take 9223372036854775807 bytes, there are 3"},
        {U1("(4,)"), 3, "byte 65: the elements take 4 bytes, there are 3"},
        {U1("(4,)"), 5, "the elements take 4 bytes, there are 5"},
        {U1("(0,)"), 1, "the elements take 0 bytes, there are 1"},
        {U1("(1,)") " x", 1, "the end of the header expected, not 'x'"},
        {U1("(1,)") "\n\n", 1, "the end of the header expected, not '?'"},
        {U1("(1,)") "}", 1, "the end of the header expected, not '}'"},
        {DICT("'|b1'", "False", "(3,)"), 3, "byte 67: a bool of 2, which is neither 0 nor 1"},
        {DICT("[('a', '<f4')", "False", "(3,)"), 3, "the end of a list expected, the header ends"},
        {DICT("[('a', '<f4']", "False", "(3,)"), 3, "the other bracket expected, not ']'"},
        {DICT("[[[[[[[[[[[[[[[[[", "False", "(3,)"), 3, "a list less deep expected"},
        {DICT("[", "False", "(3,"), 3, "expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(tp_is_nil(tp_npy_read(c, file_of(1, cases[i].header, cases[i].size))));
        expect_error(c, TP_ERR_DATA, cases[i].text);
    }
}

static void test_bad_starts(void **state)
{
    tp_context *c = *state;
    static const struct {
        unsigned char start[16];
        size_t n;
        const char *text;
    } cases[] = {
        {"", 0, "byte 0: it ends here, 10 bytes before it should"},
        {"\x93NUMPY\1\0\0", 9, "byte 9: it ends here, 1 bytes before it should"},
        {"\x93NUMPX\1\0\0\0", 10, "byte 0: it is no npy file"},
        {"\x93NUMPY\4\0\0\0", 10, "byte 6: version 4.0"},
        {"\x93NUMPY\0\0\0\0", 10, "byte 6: version 0.0"},
        {"\x93NUMPY\1\1\0\0", 10, "byte 6: version 1.1"},
        {"\x93NUMPY\1\0\5\0{}", 12, "byte 8: a header of 5 bytes, of 2 that follow"},
        {"\x93NUMPY\2\0\5\0", 10, "byte 10: it ends here, 2 bytes"},
        {"\x93NUMPY\2\0\377\377\377\377", 12,
         "byte 8: a header of 4294967295 bytes, of 0 that follow; at most 65536"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path = in_folder("start.npy");
        put_bytes(path, cases[i].start, cases[i].n);
        assert_true(tp_is_nil(tp_npy_read(c, path)));
        expect_error(c, TP_ERR_DATA, cases[i].text);
    }
    put_bytes(in_folder("large"), "\x93NUMPY\2\0\1\0\1\0", 12);
    assert_int_equal(truncate(in_folder("large"), 1 << 20), 0); /* with holes */
    expect_status(c, tp_npy_look(c, in_folder("large"), &(tp_npy){0}), TP_ERR_DATA,
                  "a header of 65537 bytes");
}

/* Every truncation is refused; every changed bit gives an array or an error. */
static void test_damage(void **state)
{
    tp_context *c = *state;
    static bytes b;
    const char *path = in_folder("whole.npy");
    assert_int_equal(tp_npy_save(MATRIX(c, 2, 2, 1, 2, 3, 4), path), TP_OK);
    get_bytes(path, &b);
    assert_int_equal(b.n, 128 + 32);
    for (size_t n = 0; n < b.n; n++) {
        put_bytes(path, b.v, n);
        assert_true(tp_is_nil(tp_npy_read(c, path)));
        expect_error(c, TP_ERR_DATA, "byte");
    }
    int refused = 0;
    for (size_t i = 0; i < 8 * b.n; i++) {
        b.v[i / 8] ^= (unsigned char)(1 << i % 8);
        put_bytes(path, b.v, b.n);
        tp_mark scope = tp_open_scope(c);
        bool nil = tp_is_nil(tp_npy_read(c, path));
        tp_close_scope(c, scope);
        assert_true(nil != tp_ok(c) &&
                    (tp_ok(c) || tp_error(c) == TP_ERR_DATA || tp_error(c) == TP_ERR_DTYPE));
        tp_clear(c);
        refused += nil;
        b.v[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    assert_in_range(refused, 980, 8 * 128); /* those in elements cannot be seen */
}

/* Nothing is taken before the file is known to have the elements. */
static void test_room(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("room.npy");
    assert_int_equal(tp_npy_save(tp_zeros(c, TP_SHAPE(1000, 1000), TP_F32), path), TP_OK);
    assert_int_equal(truncate(path, 3999999), 0);
    size_t before = books.bytes;
    books.most = before;
    assert_true(tp_is_nil(tp_npy_read(c, path)));
    expect_error(c, TP_ERR_DATA, "the elements take 4000000 bytes, there are 3999871");
    assert_in_range(books.most - before, 0, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_look),        FILE_TEST(test_look_without_memory), FILE_TEST(test_views),
        FILE_TEST(test_bad_saves),   FILE_TEST(test_files_of_others),     FILE_TEST(test_other_dtypes),
        FILE_TEST(test_bad_headers), FILE_TEST(test_bad_starts),          FILE_TEST(test_damage),
        FILE_TEST(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
