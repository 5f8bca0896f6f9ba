#include "io/files.h"

#include <zlib.h>

/* --- there and back --- */

static tp_status save(tp_context *c, const char *path, bool deflate)
{
    static double many[500];
    const tp_named_tensor named[] = {{"w", MATRIX(c, 2, 2, 1, 2, 3, 4)},
                                     {"dir/\xc3\xa4", tp_from_array(c, TP_SHAPE(500), TP_F64, many)},
                                     {"e", tp_zeros(c, TP_SHAPE(0, 3), TP_U8)},
                                     {"s", tp_scalar(c, 7, TP_I32)}};
    return tp_npz_save(c, path, named, 4, .deflate = deflate);
}

static void test_there_and_back(void **state)
{
    tp_context *c = *state;
    for (int deflate = 0; deflate < 2; deflate++) {
        const char *path = in_folder("a.npz");
        struct stat s;
        assert_int_equal(save(c, path, deflate), TP_OK);
        assert_int_equal(stat(path, &s), 0);
        assert_true(deflate ? s.st_size < 2000 : s.st_size > 4500);
        tp_npz *f = tp_npz_open(c, path);
        assert_int_equal(tp_npz_count(f), 4);
        assert_string_equal(tp_npz_name(f, 1), "dir/\xc3\xa4");
        assert_true(tp_npz_look(f, 2)->dtype == TP_U8 && tp_npz_look(f, 2)->shape.n == 2);
        assert_true(!tp_npz_name(f, 4) && !tp_npz_look(f, -1));
        expect_values(tp_npz_read(f, "w"), TP_SHAPE(2, 2), 1, 2, 3, 4);
        expect_values(tp_npz_read(f, "w"), TP_SHAPE(2, 2), 1, 2, 3, 4); /* as often as one likes */
        assert_int_equal(tp_numel(tp_npz_read(f, "dir/\xc3\xa4")), 500);
        assert_int_equal(tp_numel(tp_npz_read(f, "e")), 0);
        expect_item(tp_npz_read(f, "s"), 7);
        assert_true(tp_is_nil(tp_npz_read(f, "none")));
        expect_error(c, TP_ERR_ARGUMENT, "a.npz' has no array 'none'");
        assert_true(tp_is_nil(tp_npz_read(f, NULL)));
        expect_error(c, TP_ERR_ARGUMENT, "has no array ''");
    }
    assert_int_equal(folder_files(NULL), 1);
}

/* The same tensors give the same bytes, whenever that is. */
static void test_same_bytes(void **state)
{
    static bytes a, b;
    assert_int_equal(save(*state, in_folder("a"), true), TP_OK);
    get_bytes(in_folder("a"), &a);
    assert_int_equal(save(*state, in_folder("b"), true), TP_OK);
    get_bytes(in_folder("b"), &b);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.v, b.v, a.n);
}

static void test_nothing(void **state)
{
    tp_context *c = *state;
    assert_int_equal(tp_npz_save(c, in_folder("n"), NULL, 0), TP_OK);
    tp_npz *f = tp_npz_open(c, in_folder("n"));
    assert_false(tp_npz_is_nil(f));
    assert_int_equal(tp_npz_count(f), 0);
    assert_true(tp_npz_is_nil(tp_nil_npz(c)) && tp_npz_is_nil(NULL));
    assert_int_equal(tp_npz_count(tp_nil_npz(c)), 0);
    assert_null(tp_npz_name(NULL, 0));
}

static void test_bad_saves(void **state)
{
    tp_context *c = *state;
    tp_context *other = tp_open(NULL);
    tp_tensor *t = NUMBER(c, 1);
    const struct {
        tp_named_tensor tensor;
        tp_status status;
        const char *text;
    } cases[] = {
        {{"a", t}, TP_ERR_ARGUMENT, "tp_npz_save: the name 'a' is given twice"},
        {{NULL, t}, TP_ERR_ARGUMENT, "the name '' is NULL"},
        {{"", t}, TP_ERR_ARGUMENT, "the name '' is empty"},
        {{"/etc/x", t}, TP_ERR_ARGUMENT, "the name '/etc/x' begins with a slash"},
        {{"../x", t}, TP_ERR_ARGUMENT, "the name '../x' leads out of its folder"},
        {{"x/..", t}, TP_ERR_ARGUMENT, "leads out of its folder"},
        {{"x\\..\\y", t}, TP_ERR_ARGUMENT, "leads out of its folder"},
        {{"\xff", t}, TP_ERR_ARGUMENT, "tp_npz_save: "},
        {{"b", NULL}, TP_ERR_ARGUMENT, "argument 'tensors' is NULL"},
        {{"b", tp_scalar(other, 1, TP_F32)}, TP_ERR_ARGUMENT, "another context"},
        {{"b", tp_scalar(c, 1, TP_BF16)}, TP_ERR_DTYPE, "NumPy has no dtype bf16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const tp_named_tensor tensors[] = {{"a", t}, cases[i].tensor};
        expect_status(c, tp_npz_save(c, in_folder("bad"), tensors, 2), cases[i].status, cases[i].text);
    }
    expect_status(c, tp_npz_save(c, in_folder("bad"), NULL, 1), TP_ERR_ARGUMENT, "no tensors");
    const tp_named_tensor dots[] = {{"x..y", t}};
    assert_int_equal(tp_npz_save(c, in_folder("good"), dots, 1), TP_OK);
    expect_status(c, tp_npz_save(c, folder, dots, 1), TP_ERR_IO, "it is no regular file");
    expect_status(c, tp_npz_save(c, "/dev/full", dots, 1), TP_ERR_IO, "it is no regular file");
    assert_int_equal(folder_files(NULL), 1);
    assert_int_equal(tp_close(other), 0);
}

/* --- bad archives --- */

/* An archive of arrays u1 [1], put together by hand. */
typedef struct maker {
    bytes b, directory;
    int n;
} maker;

static void number(bytes *b, uint64_t value, int n)
{
    for (int i = 0; i < n; i++) b->v[b->n++] = (unsigned char)(i < 8 ? value >> 8 * i : 0);
}

static void text(bytes *b, const void *v, size_t n)
{
    memcpy(b->v + b->n, v, n);
    b->n += n;
}

/* What headers have in common, from the version that is needed on. */
static void common(bytes *b, int method, uint32_t crc, size_t packed, size_t size, size_t name)
{
    number(b, 20, 2);
    number(b, 0, 2);
    number(b, (uint64_t)method, 2);
    number(b, 0x00210000, 4);
    number(b, crc, 4);
    number(b, packed, 4);
    number(b, size, 4);
    number(b, name, 2);
    number(b, 0, 2);
}

static void add(maker *m, const char *name, int method, const void *packed, size_t n, uint32_t crc,
                size_t size)
{
    size_t length = strlen(name), at = m->b.n;
    number(&m->b, 0x04034b50, 4);
    common(&m->b, method, crc, n, size, length);
    text(&m->b, name, length);
    text(&m->b, packed, n);
    number(&m->directory, 0x02014b50, 4);
    number(&m->directory, 20, 2);
    common(&m->directory, method, crc, n, size, length);
    number(&m->directory, 0, 10);
    number(&m->directory, at, 6 - 2);
    text(&m->directory, name, length);
    m->n++;
}

static const unsigned char array[] =
    "\x93NUMPY\1\0\73\0{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}   \n5";
enum { ARRAY = sizeof array - 1 };

static void add_array(maker *m, const char *name)
{
    add(m, name, 0, array, ARRAY, (uint32_t)crc32(0, array, ARRAY), ARRAY);
}

static const char *finish(maker *m)
{
    size_t at = m->b.n;
    text(&m->b, m->directory.v, m->directory.n);
    number(&m->b, 0x06054b50, 4);
    number(&m->b, 0, 4);
    number(&m->b, (uint64_t)m->n, 2);
    number(&m->b, (uint64_t)m->n, 2);
    number(&m->b, m->directory.n, 4);
    number(&m->b, at, 4);
    number(&m->b, 0, 2);
    put_bytes(in_folder("made.npz"), m->b.v, m->b.n);
    return in_folder("made.npz");
}

static maker *start(void)
{
    static maker m;
    memset(&m, 0, sizeof m);
    return &m;
}

static void expect_refused_(tp_context *c, const char *path, const char *wanted, const char *file, int line)
{
    tp_npz *f = tp_npz_open(c, path);
    for (int i = 0; i < tp_npz_count(f); i++) tp_npz_read(f, tp_npz_name(f, i));
    expect_error_(c, TP_ERR_DATA, wanted, file, line);
}
#define expect_refused(c, path, wanted) expect_refused_((c), (path), (wanted), __FILE__, __LINE__)

static void test_names(void **state)
{
    tp_context *c = *state;
    static const struct {
        const char *name, *text;
    } cases[] = {{"a.npy", "the name 'a.npy' a second time"},
                 {"../b.npy", "the name of an entry leads out of its folder"},
                 {"/b.npy", "the name of an entry begins with a slash"},
                 {"", "the name of an entry is empty"},
                 {"b.txt", "the entry 'b.txt' is no npy file by its name"},
                 {"b/", "the entry 'b/' is no npy file by its name"},
                 {"npy", "the entry 'npy' is no npy file by its name"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        maker *m = start();
        add_array(m, "a.npy");
        add_array(m, cases[i].name);
        expect_refused(c, finish(m), cases[i].text);
    }
    maker *m = start();
    add_array(m, "a.npy");
    add_array(m, ".npy");
    tp_npz *f = tp_npz_open(c, finish(m));
    expect_values(tp_npz_read(f, "a"), TP_SHAPE(1), '5');
    expect_values(tp_npz_read(f, ""), TP_SHAPE(1), '5');
    m = start();
    add_array(m, "a.npy");
    add_array(m, "b.npy");
    m->directory.v[m->directory.n - 3] = 0;
    expect_refused(c, finish(m), "the name of an entry has a byte 0");
}

/* One number of a good archive of two entries changed. */
static void test_directory(void **state)
{
    tp_context *c = *state;
    enum { FIRST = 30 + 5 + ARRAY, SECOND = 2 * FIRST + 46 + 5, END = SECOND + 46 + 5 };
    static const struct {
        size_t at;
        int n;
        uint64_t value;
        const char *text;
    } cases[] = {
        {END, 4, 0, "the end of a zip archive, without a comment, expected"},
        {END + 4, 2, 1, "the directory does not end here, or is in several files"},
        {END + 8, 2, 1, "or is in several files"},
        {END + 10, 2, 3, "or is in several files"},
        {END + 8, 4, 0x00030003, "3 entries in a directory of 102 bytes"},
        {END + 8, 4, 0x00010001, "bytes of the directory after its last entry"},
        {END + 8, 4, 0xfff0fff0, "65520 entries in a directory of 102 bytes"},
        {END + 10, 2, 0xffff, "the place of the end record expected"},
        {END + 12, 4, 101, "the directory does not end here"},
        {END + 12, 4, 0xfffffff0, "the directory does not end here"},
        {END + 12, 4, 0xffffffff, "the place of the end record expected"},
        {END + 16, 4, 1, "the directory does not end here"},
        {END + 20, 2, 1, "the directory does not end here"},
        {SECOND, 4, 0, "an entry of the directory expected"},
        {SECOND + 8, 2, 1, "an entry that is encrypted"},
        {SECOND + 10, 2, 12, "an entry that is neither stored nor deflated"},
        {SECOND + 20, 4, ARRAY - 1, "a stored entry of two sizes"},
        {SECOND + 20, 4, 0xfffffff0, "an entry that is not within the bytes before the directory"},
        {SECOND + 20, 4, 0xffffffff, "an extra field that is not what it should be"},
        {SECOND + 28, 2, 6, "an entry longer than the directory"},
        {SECOND + 30, 2, 6, "an entry longer than the directory"},
        {SECOND + 32, 2, 0xffff, "an entry longer than the directory"},
        {SECOND + 42, 4, 0, "an entry ends here, and the next one begins at byte 0"},
        {SECOND + 42, 4, 3, "begins at byte 3"},
        {SECOND + 42, 4, FIRST + 1, "begins at byte 106"},
        {SECOND + 42, 4, 0xfffffff0, "an entry that is not within the bytes before the directory"},
        {FIRST, 4, 0, "byte 105: an entry expected"},
        {FIRST + 28, 2, 1, "an entry ends here, and the next one begins at byte 210"},
        {26, 2, 4, "byte 0: an entry of which the directory says something else"},
        {FIRST + 14, 4, 0, "byte 105: an entry of which the directory says something else"}, /* the CRC-32 */
        {SECOND + 16, 4, 0, "byte 105: an entry of which the directory says something else"},
        {FIRST + 30, 1, 'c', "byte 105: an entry of which the directory says something else"},
        {FIRST + 22, 4, 1, ""}, /* libzip looks at the sizes */
        {FIRST - 1, 1, '6', "array 'a': byte 70 of it: CRC error"},
        {30 + 5, 1, 'x', "array 'a': byte 0: it is no npy file"},
        {30 + 5 + ARRAY - 9, 1, '2', "the elements take"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        maker *m = start();
        add_array(m, "a.npy");
        add_array(m, "b.npy");
        const char *path = finish(m);
        assert_int_equal(m->b.n, END + 22);
        for (int k = 0; k < cases[i].n; k++)
            m->b.v[cases[i].at + (size_t)k] = (unsigned char)(cases[i].value >> 8 * k);
        put_bytes(path, m->b.v, m->b.n);
        expect_refused(c, path, cases[i].text);
    }
}

/* Sizes that are not those of what is packed. */
static void test_sizes(void **state)
{
    tp_context *c = *state;
    unsigned char packed[200];
    uLongf n = sizeof packed;
    assert_int_equal(compress(packed, &n, array, ARRAY), Z_OK);
    uint32_t crc = (uint32_t)crc32(0, array, ARRAY);
    const struct {
        size_t packed, size;
        const char *text;
    } cases[] = {{n - 6, ARRAY + 1, "the elements take 1 bytes, there are 2"},
                 {n - 6, ARRAY - 1, "the elements take 1 bytes, there are 0"},
                 {n - 6, 2000000, "an entry of more bytes than its packed ones can give"},
                 {n - 20, ARRAY, "tp_npz_"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        maker *m = start();
        add(m, "a.npy", 8, packed + 2, cases[i].packed, crc, cases[i].size);
        expect_refused(c, finish(m), cases[i].text);
    }
    maker *m = start();
    add(m, "a.npy", 8, packed + 2, n - 6, crc, ARRAY);
    expect_values(tp_npz_read(tp_npz_open(c, finish(m)), "a"), TP_SHAPE(1), '5');
}

/* A bomb: a megabyte of zeros in a thousand bytes. */
static void test_limit(void **state)
{
    tp_context *c = *state;
    const tp_named_tensor named[] = {{"bomb", tp_zeros(c, TP_SHAPE(1 << 20), TP_U8)}};
    assert_int_equal(tp_npz_save(c, in_folder("b"), named, 1, .deflate = true), TP_OK);
    tp_npz *f = tp_npz_open(c, in_folder("b"), .most = 1 << 20);
    size_t before = books.bytes;
    books.most = before;
    assert_true(tp_is_nil(tp_npz_read(f, "bomb")));
    expect_error(c, TP_ERR_DATA, "array 'bomb' unpacks to 1048704 bytes, more than .most, 1048576");
    assert_in_range(books.most - before, 0, 1 << 16);
    assert_int_equal(tp_numel(tp_npz_read(tp_npz_open(c, in_folder("b"), .most = (1 << 20) + 128), "bomb")),
                     1 << 20);
    assert_int_equal(tp_numel(tp_npz_read(tp_npz_open(c, in_folder("b")), "bomb")), 1 << 20);
    assert_int_equal(tp_npz_save(c, in_folder("b"), named, 1), TP_OK);
    assert_int_equal(tp_numel(tp_npz_read(tp_npz_open(c, in_folder("b"), .most = 1), "bomb")),
                     1 << 20); /* stored */
}

/* --- damage --- */

/* Whether all that can be opened and read of a file is as it was saved; other errors than those of files
 * fail. */
static bool readable(tp_context *c, const char *path)
{
    tp_mark scope = tp_open_scope(c);
    tp_npz *f = tp_npz_open(c, path);
    for (int i = 0; i < tp_npz_count(f); i++) {
        tp_tensor *t = tp_npz_read(f, tp_npz_name(f, i));
        if (tp_is_nil(t)) continue;
        assert_int_equal(tp_numel(t), 2); /* the CRC-32 is right */
        assert_true(tp_get(t, TP_INTS(0)) == 3 && tp_get(t, TP_INTS(1)) == 4);
    }
    tp_close_scope(c, scope);
    bool good = tp_ok(c);
    bool known = tp_error(c) == TP_ERR_DATA || tp_error(c) == TP_ERR_IO || tp_error(c) == TP_ERR_DTYPE;
    if (!good && !known) fail_msg("%s", tp_error_text(c));
    tp_clear(c);
    return good;
}

static void test_damage(void **state)
{
    tp_context *c = *state;
    static bytes b;
    const char *path = in_folder("whole.npz");
    for (int deflate = 0; deflate < 2; deflate++) {
        const tp_named_tensor named[] = {{"a", VECTOR(c, 3, 4)}, {"b", VECTOR(c, 3, 4)}};
        assert_int_equal(tp_npz_save(c, path, named, 2, .deflate = deflate), TP_OK);
        assert_true(readable(c, path));
        get_bytes(path, &b);
        for (size_t n = 0; n < b.n; n++) {
            put_bytes(path, b.v, n);
            assert_false(readable(c, path));
        }
        int unseen = 0;
        for (size_t i = 0; i < 8 * b.n; i++) {
            b.v[i / 8] ^= (unsigned char)(1 << i % 8);
            put_bytes(path, b.v, b.n);
            unseen += readable(c, path);
            b.v[i / 8] ^= (unsigned char)(1 << i % 8);
        }
        assert_in_range(unseen, 1, 600); /* versions, dates, attributes */
        b.v[b.n] = 0;
        put_bytes(path, b.v, b.n + 1);
        assert_false(readable(c, path));
        remove(path);
    }
}

/* A file that is changed while it is open. */
static void test_changed(void **state)
{
    tp_context *c = *state;
    static bytes b;
    const char *path = in_folder("w");
    assert_int_equal(save(c, path, false), TP_OK);
    tp_npz *f = tp_npz_open(c, path);
    get_bytes(path, &b);
    assert_int_equal(truncate(path, 100), 0);
    assert_true(tp_is_nil(tp_npz_read(f, "dir/\xc3\xa4")));
    assert_true(tp_error(c) == TP_ERR_DATA || tp_error(c) == TP_ERR_IO);
    tp_clear(c);
    change_bytes(path, b.v, b.n);
    assert_int_equal(tp_npz_save(c, path, NULL, 0), TP_OK); /* a new file is not the one that is open */
    expect_values(tp_npz_read(f, "w"), TP_SHAPE(2, 2), 1, 2, 3, 4);
}

static void test_stale(void **state)
{
    tp_context *c = *state;
    assert_int_equal(save(c, in_folder("w"), false), TP_OK);
    tp_mark scope = tp_open_scope_named(c, "inner");
    tp_npz *f = tp_npz_open(c, in_folder("w"));
    tp_close_scope(c, scope);
    assert_int_equal(tp_npz_count(f), 0);
    assert_true(tp_is_nil(tp_npz_read(f, "w")));
    expect_error(c, TP_ERR_STATE, "inner");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_there_and_back), FILE_TEST(test_same_bytes), FILE_TEST(test_nothing),
        FILE_TEST(test_bad_saves),      FILE_TEST(test_names),      FILE_TEST(test_directory),
        FILE_TEST(test_sizes),          FILE_TEST(test_limit),      FILE_TEST(test_damage),
        FILE_TEST(test_changed),        FILE_TEST(test_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
