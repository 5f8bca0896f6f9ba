#include "io/formats.h"

/* --- there and back --- */

/* Elements of bits that differ. */
static tp_tensor *some(tp_context *c, tp_shape shape, tp_dtype dtype)
{
    unsigned char data[256] = {0};
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = dtype == TP_BOOL ? i % 3 == 0 : (unsigned char)(i * 37 + 1);
    return tp_from_array(c, shape, dtype, data);
}

static void test_all_dtypes(void **state)
{
    tp_context *c = *state;
    static const tp_shape shapes[] = {{0, {0}}, {1, {3}}, {2, {0, 4}}, {3, {2, 1, 3}}};
    tp_named_tensor named[4 * TP_DTYPES];
    char names[4 * TP_DTYPES][16];
    for (int i = 0; i < 4 * TP_DTYPES; i++) {
        tp_dtype dtype = (tp_dtype)(i / 4);
        snprintf(names[i], sizeof names[i], "%s/%d", tp_dtype_name(dtype), i % 4);
        named[i] = (tp_named_tensor){names[i], some(c, shapes[i % 4], dtype)};
    }
    const char *path = in_folder("all.safetensors");
    assert_int_equal(tp_safetensors_save(c, path, named, 4 * TP_DTYPES, NULL, 0), TP_OK);
    tp_safetensors *f = tp_safetensors_open(c, path);
    assert_int_equal(tp_safetensors_count(f), 4 * TP_DTYPES);
    assert_true(tp_safetensors_is_hashed(f));
    for (int i = 0; i < 4 * TP_DTYPES; i++) expect_same(tp_safetensors_read(f, names[i]), named[i].tensor);
    for (int i = 1; i < 4 * TP_DTYPES; i++) /* large elements first: each is aligned */
        assert_true(tp_dtype_size(tp_safetensors_dtype(f, i - 1)) >=
                    tp_dtype_size(tp_safetensors_dtype(f, i)));
    assert_true(tp_ok(c));
    static bytes b;
    get_bytes(path, &b);
    assert_int_equal(b.v[0] % 8, 0); /* so that the first is aligned as well */
}

static void test_views(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = MATRIX(c, 2, 3, 1, 2, 3, 4, 5, 6);
    const tp_named_tensor named[] = {{"t", tp_transpose(t, 0, 1)},
                                     {"stepped", tp_slice(t, 1, 0, 3, 2)},
                                     {"expanded", tp_expand(NUMBER(c, 7), TP_SHAPE(2, 2))}};
    const char *path = in_folder("views.safetensors");
    assert_int_equal(tp_safetensors_save(c, path, named, 3, NULL, 0), TP_OK);
    tp_safetensors *f = tp_safetensors_open(c, path);
    expect_values(tp_safetensors_read(f, "t"), TP_SHAPE(3, 2), 1, 4, 2, 5, 3, 6);
    expect_values(tp_safetensors_read(f, "stepped"), TP_SHAPE(2, 2), 1, 3, 4, 6);
    expect_values(tp_safetensors_read(f, "expanded"), TP_SHAPE(2, 2), 7, 7, 7, 7);
}

static void test_metadata(void **state)
{
    tp_context *c = *state;
    const tp_metadata metadata[] = {{"title", "a \"quoted\" \\ text\n\xc3\xa4"}, {"", ""}};
    const char *path = in_folder("m.safetensors");
    assert_int_equal(tp_safetensors_save(c, path, NULL, 0, metadata, 2), TP_OK);
    tp_safetensors *f = tp_safetensors_open(c, path);
    assert_int_equal(tp_safetensors_count(f), 0);
    assert_string_equal(tp_safetensors_metadata(f, "title"), metadata[0].value);
    assert_string_equal(tp_safetensors_metadata(f, ""), "");
    assert_null(tp_safetensors_metadata(f, "none"));
    assert_null(tp_safetensors_metadata(f, NULL));
    assert_string_equal(tp_safetensors_key(f, 2), "title");
    assert_null(tp_safetensors_key(f, 4));
    assert_null(tp_safetensors_key(f, -1));
}

/* --- what cannot be saved --- */

static void test_bad_saves(void **state)
{
    tp_context *c = *state;
    tp_context *other = tp_open(NULL);
    tp_tensor *t = NUMBER(c, 1);
    const char *path = in_folder("bad.safetensors");
    const struct {
        tp_named_tensor tensor;
        tp_metadata metadata;
        const char *text;
    } cases[] = {
        {{"a", t}, {"l", ""}, "the name of a tensor 'a' is given twice"},
        {{"__metadata__", t}, {"l", ""}, "'__metadata__' is given twice, or not free"},
        {{NULL, t}, {"l", ""}, "the name of a tensor '' or its value is missing"},
        {{"\xff", t}, {"l", ""}, "not UTF-8"},
        {{"b", NULL}, {"l", ""}, "argument 'tensors' is NULL"},
        {{"b", tp_scalar(other, 1, TP_F32)}, {"l", ""}, "another context"},
        {{"b", t}, {"k", ""}, "the metadata 'k' is given twice"},
        {{"b", t}, {"taper.hash", ""}, "'taper.hash' is given twice, or not free"},
        {{"b", t}, {"l", NULL}, "the metadata 'l' or its value is missing"},
        {{"b", t}, {"l", "\xc3"}, "not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const tp_named_tensor tensors[] = {{"a", t}, cases[i].tensor};
        const tp_metadata metadata[] = {{"k", ""}, cases[i].metadata};
        tp_status status = tp_safetensors_save(c, path, tensors, 2, metadata, 2);
        expect_status(c, status, TP_ERR_ARGUMENT, cases[i].text);
    }
    expect_status(c, tp_safetensors_save(c, path, NULL, 1, NULL, 0), TP_ERR_ARGUMENT, "no tensors");
    expect_status(c, tp_safetensors_save(c, path, NULL, 0, NULL, 1), TP_ERR_ARGUMENT, "no metadata");
    assert_int_equal(folder_files(NULL), 0);
    assert_int_equal(tp_close(other), 0);
}

/* --- files of others, good and bad --- */

/* A file of a header and `size` bytes 0, 1, 2, .. after it. */
static const char *file_of(const char *header, size_t size)
{
    static bytes b;
    size_t length = strlen(header);
    for (int i = 0; i < 8; i++) b.v[i] = (unsigned char)(length >> 8 * i);
    memcpy(b.v + 8, header, length);
    for (size_t i = 0; i < size; i++) b.v[8 + length + i] = (unsigned char)i;
    const char *path = in_folder("other.safetensors");
    put_bytes(path, b.v, 8 + length + size);
    return path;
}

static void test_files_of_others(void **state)
{
    tp_context *c = *state;
    tp_safetensors *f = tp_safetensors_open(
        c, file_of("{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4,6],\"more\":1},"
                   "\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[2,2],\"data_offsets\":[0,4]},"
                   "\"e\":{\"dtype\":\"I16\",\"shape\":[0],\"data_offsets\":[4,4]},"
                   "\"t\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[6,8]}}   ",
                   8));
    assert_int_equal(tp_safetensors_count(f), 4);
    assert_false(tp_safetensors_is_hashed(f));
    assert_string_equal(tp_safetensors_name(f, 0), "a");
    assert_string_equal(tp_safetensors_name(f, 1), "e");
    assert_string_equal(tp_safetensors_name(f, 2), "b");
    assert_null(tp_safetensors_name(f, 4));
    assert_null(tp_safetensors_name(f, -1));
    assert_string_equal(tp_safetensors_dtype_name(f, 0), "F8_E4M3");
    assert_int_equal(tp_safetensors_dtype(f, 0), TP_DTYPES);
    assert_int_equal(tp_safetensors_dtype(f, 1), TP_I16);
    assert_int_equal(tp_safetensors_shape(f, 0).n, 2);
    expect_values(tp_safetensors_read(f, "b"), TP_SHAPE(2), 4, 5);
    assert_null(tp_safetensors_key(f, 0));
    assert_true(tp_is_nil(tp_safetensors_read(f, "a")));
    expect_error(c, TP_ERR_DTYPE, "tensor 'a' is of dtype F8_E4M3, which Taper does not have");
    assert_true(tp_is_nil(tp_safetensors_read(f, "c")));
    expect_error(c, TP_ERR_ARGUMENT, "has no tensor 'c'");
    assert_true(tp_is_nil(tp_safetensors_read(f, "t")));
    expect_error(c, TP_ERR_DATA, "an element is neither 0 nor 1, so no bool");
    assert_true(tp_is_nil(tp_safetensors_read(NULL, "t")));
    assert_int_equal(tp_safetensors_count(tp_nil_safetensors(c)), 0);
}

#define ENTRY(name) "\"" name "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"
#define ONE(dtype, shape, offsets) \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void test_bad_files(void **state)
{
    tp_context *c = *state;
    static const struct {
        const char *header;
        size_t size;
        const char *text;
    } cases[] = {
        {"", 0, "the header is no JSON object"},
        {"[]", 0, "byte 8: the header is no JSON object: '{' expected"},
        {"{} x", 0, "byte 11: the header is no JSON object: its end expected"},
        {"{\"\xff\":1}", 0, "the header is no JSON object: unable to decode byte 0xff"},
        {"{\"a\\u0000\":1}", 0, "the header is no JSON object"},
        {"{\"a\"}", 0, "byte 12: the header is no JSON object: ':' expected"},
        {"{" ENTRY("a") " 1}", 0, "byte 61: the header is no JSON object: ',' or '}' expected"},
        {"{1:1}", 0, "byte 9: the header is no JSON object: a name expected"},
        {"{\"a", 0, "byte 9: the header is no JSON object: a text that does not end"},
        {"{\"a\\", 0, "byte 9: the header is no JSON object: a text that does not end"},
        {"{\"a\":", 0, "byte 13: the header is no JSON object: a value expected"},
        {"{\"a\":]", 0, "byte 14: the header is no JSON object: unexpected token near ']'"},
        {"{\"a\":[}", 0, "the header is no JSON object: unexpected token near '}'"},
        {"{\"a\":nul}", 0, "the header is no JSON object: invalid token near 'nul'"},
        {"{\"a\":{\"b\":1,\"b\":1}}", 0, "the header is no JSON object: duplicate object key"},
        {"{" ENTRY("a") "," ENTRY("a") "}", 0, "the name 'a' is given a second time"},
        {"{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}", 0, "byte 38: the name 'k' is given a second time"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "byte 42: __metadata__ is given a second time"},
        {"{\"a\":1}", 0, "tensor 'a' has no dtype"},
        {"{\"__metadata__\":1}", 0, "__metadata__ is no object"},
        {"{\"__metadata__\":{\"k\":1}}", 0, "the metadata 'k' is no text"},
        {"{\"__metadata__\":{\"taper.hash\":\"0\"}}", 0, "the header does not have the hash in it"},
        {"{\"__metadata__\":{\"taper.tensor_hashes\":\"\"}}", 0, "the header does not have the hash in it"},
        {ONE("1", "[1]", "[0,4]"), 4, "byte 13: tensor 'a' has no dtype"},
        {ONE("\"A_NAME_OF_24_CHARACTERS_\"", "[1]", "[0,4]"), 4, "tensor 'a' has no dtype"},
        {ONE("\"F32\"", "1", "[0,4]"), 4, "the shape of tensor 'a' is no list of at most 8 sizes"},
        {ONE("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "the shape of tensor 'a'"},
        {ONE("\"F32\"", "[-1]", "[0,4]"), 4, "the shape of tensor 'a'"},
        {ONE("\"F32\"", "[1.0]", "[0,4]"), 4, "the shape of tensor 'a'"},
        {ONE("\"F32\"", "[9223372036854775808]", "[0,4]"), 4, "too big integer"},
        {ONE("\"F32\"", "[4294967296,4294967296,4]", "[0,0]"), 0, "are not what its shape takes in F32"},
        {ONE("\"F32\"", "[0,4611686018427387904]", "[0,0]"), 0, "are not what its shape takes in F32"},
        {ONE("\"F32\"", "[2]", "[0,4]"), 4, "the 4 bytes of tensor 'a' are not what its shape takes in F32"},
        {ONE("\"F32\"", "[1]", "[0,4,8]"), 4, "are not two places in the 4 bytes after the header"},
        {ONE("\"F32\"", "[1]", "{}"), 4, "the data_offsets of tensor 'a'"},
        {ONE("\"F32\"", "[1]", "[4,0]"), 4, "the data_offsets of tensor 'a'"},
        {ONE("\"F32\"", "[1]", "[-4,0]"), 4, "the data_offsets of tensor 'a'"},
        {ONE("\"F32\"", "[1]", "[1,5]"), 4, "the data_offsets of tensor 'a'"},
        {ONE("\"F32\"", "[1]", "[1,5]"), 5, "byte 63: tensor 'a' begins here, not at byte 62"},
        {ONE("\"F32\"", "[1]", "[0,4]"), 5, "byte 66: the tensors end here, the file at byte 67"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
         3, "byte 114: tensor 'b' begins here, not at byte 115"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(tp_safetensors_is_nil(tp_safetensors_open(c, file_of(cases[i].header, cases[i].size))));
        expect_error(c, TP_ERR_DATA, cases[i].text);
    }
}

static void test_bad_lengths(void **state)
{
    tp_context *c = *state;
    static const unsigned char large[10] = {0, 0, 0, 0, 0, 0, 0, 128}, three[10] = {3};
    const char *path = in_folder("short.safetensors");
    put_bytes(path, "", 0);
    tp_safetensors_open(c, path);
    expect_error(c, TP_ERR_DATA, "byte 0: it ends here, 8 bytes before it should");
    put_bytes(path, "1234567", 7);
    tp_safetensors_open(c, path);
    expect_error(c, TP_ERR_DATA, "byte 7: it ends here, 1 bytes before it should");
    put_bytes(path, large, sizeof large);
    tp_safetensors_open(c, path);
    expect_error(c, TP_ERR_DATA, "byte 0: a header of 9223372036854775808 bytes, in a file of 10");
    put_bytes(path, three, sizeof three);
    tp_safetensors_open(c, path);
    expect_error(c, TP_ERR_DATA, "a header of 3 bytes");
    const unsigned char most[8] = {1, 0, 0, 1}; /* 16 MiB and a byte; the file has holes */
    put_bytes(path, most, sizeof most);
    assert_int_equal(truncate(path, 32 << 20), 0);
    tp_safetensors_open(c, path);
    expect_error(c, TP_ERR_DATA, "a header of 16777217 bytes, in a file of 33554432; at most 16777216");
}

/* Lists nested so deep that reading them by recursion would take the stack; names and entries that are long.
 */
static void test_excess(void **state)
{
    tp_context *c = *state;
    static char header[MOST_BYTES - 1000];
    memset(header, '[', sizeof header - 1);
    memcpy(header, "{\"a\":", 5);
    tp_safetensors_open(c, file_of(header, 0));
    expect_error(c, TP_ERR_DATA, "byte 29: the header is no JSON object: values within values, too deep");
    memset(header, 'a', sizeof header - 1);
    memcpy(header, "{\"", 2);
    memcpy(header + 5000, "\":{}}", 6);
    tp_safetensors_open(c, file_of(header, 0));
    expect_error(c, TP_ERR_DATA, "byte 9: a name of more than 4096 bytes");
    memset(header, ' ', sizeof header - 1);
    memcpy(header, "{\"a\":{", 6);
    memcpy(header + 5000, "}}", 3);
    tp_safetensors_open(c, file_of(header, 0));
    expect_error(c, TP_ERR_DATA, "byte 13: a value of more than 4096 bytes");
}

static void test_header_most(void **state)
{
    tp_context *c = *state;
    static const char header[] = "{" ENTRY("a") "}";
    const char *path = file_of(header, 0);
    int64_t n = sizeof header - 1;
    assert_int_equal(tp_safetensors_count(tp_safetensors_open(c, path, .header_most = n)), 1);
    tp_safetensors_open(c, path, .header_most = n - 1);
    expect_error(c, TP_ERR_DATA, "byte 0: a header of 53 bytes, in a file of 61; at most 52");
}

/* More tensors than there is room for at first, each found by its name. */
static void test_many(void **state)
{
    enum { MANY = 1000 };
    tp_context *c = *state;
    static char names[MANY][16];
    static tp_named_tensor named[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "t%d", i);
        named[i] = (tp_named_tensor){names[i], tp_scalar(c, i, i % 2 ? TP_F64 : TP_I16)};
    }
    assert_int_equal(tp_safetensors_save(c, in_folder("many"), named, MANY, NULL, 0), TP_OK);
    tp_safetensors *f = tp_safetensors_open(c, in_folder("many"));
    assert_int_equal(tp_safetensors_count(f), MANY);
    for (int i = 0; i < MANY; i++) expect_item(tp_safetensors_read(f, names[i]), i);
}

/* --- mapped --- */

static void test_mapped(void **state)
{
    tp_context *c = *state;
    const tp_named_tensor named[] = {{"w", MATRIX(c, 2, 2, 1, 2, 3, 4)},
                                     {"t", tp_cast(VECTOR(c, 1, 0), TP_BOOL)},
                                     {"e", tp_zeros(c, TP_SHAPE(0, 2), TP_F32)}};
    const char *path = in_folder("mapped");
    assert_int_equal(tp_safetensors_save(c, path, named, 3, NULL, 0), TP_OK);
    static bytes before, after;
    get_bytes(path, &before);
    tp_mark scope = tp_open_scope(c);
    tp_safetensors *f = tp_safetensors_open(c, path, .mapped = true);
    for (int i = 0; i < 3; i++) expect_same(tp_safetensors_read(f, named[i].name), named[i].tensor);
    tp_tensor *w = tp_safetensors_read(f, "w"), *other = tp_safetensors_read(f, "w");
    tp_keep(w);
    tp_keep(other);
    tp_close_scope(c, scope); /* the file is closed */
    const double changed[] = {5, 6, 7, 8};
    assert_int_equal(tp_write(w, changed, sizeof changed), TP_OK);
    expect_values(w, TP_SHAPE(2, 2), 5, 6, 7, 8);
    expect_values(other, TP_SHAPE(2, 2), 1, 2, 3, 4);
    get_bytes(path, &after);
    assert_int_equal(after.n, before.n);
    assert_memory_equal(after.v, before.v, before.n);
}

/* A tensor beyond the first pages, and one whose elements are not aligned. */
static void test_mapped_places(void **state)
{
    tp_context *c = *state;
    const char *path = file_of("{\"a\":{\"dtype\":\"U8\",\"shape\":[30001],\"data_offsets\":[0,30001]},"
                               "\"b\":{\"dtype\":\"I16\",\"shape\":[9],\"data_offsets\":[30001,30019]},"
                               "\"c\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[30019,30022]}}",
                               30022);
    tp_safetensors *f = tp_safetensors_open(c, path, .mapped = true), *read = tp_safetensors_open(c, path);
    assert_int_equal(tp_safetensors_count(f), 3);
    expect_values(tp_safetensors_read(f, "c"), TP_SHAPE(3), 30019 % 256, 30020 % 256, 30021 % 256);
    expect_same(tp_safetensors_read(f, "b"), tp_safetensors_read(read, "b"));
    const uint8_t *a = tp_data(tp_safetensors_read(f, "a"));
    for (int i = 0; i <= 30000; i++) assert_int_equal(a[i], i % 256);
}

/* Cut short before a tensor is asked for; after that nobody can tell. */
static void test_mapped_changed(void **state)
{
    tp_context *c = *state;
    const tp_named_tensor named[] = {{"w", VECTOR(c, 1, 2)}};
    const char *path = in_folder("w");
    assert_int_equal(tp_safetensors_save(c, path, named, 1, NULL, 0), TP_OK);
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    tp_safetensors *f = tp_safetensors_open(c, path, .mapped = true);
    assert_int_equal(truncate(path, s.st_size - 1), 0);
    assert_true(tp_is_nil(tp_safetensors_read(f, "w")));
    expect_error(c, TP_ERR_DATA, "it has become shorter");
}

/* --- damage --- */

/* Opens the file and reads all there is; whether that went well. */
static bool readable(tp_context *c, const char *path)
{
    tp_mark scope = tp_open_scope(c);
    tp_safetensors *f = tp_safetensors_open(c, path);
    for (int i = 0; i < tp_safetensors_count(f); i++) tp_safetensors_read(f, tp_safetensors_name(f, i));
    tp_close_scope(c, scope);
    bool good = tp_ok(c);
    if (!good) assert_true(tp_error(c) == TP_ERR_DATA && *tp_error_text(c));
    tp_clear(c);
    return good;
}

static void test_damage(void **state)
{
    tp_context *c = *state;
    static bytes b;
    const tp_named_tensor named[] = {{"w", MATRIX(c, 2, 2, 1, 2, 3, 4)},
                                     {"b", tp_zeros(c, TP_SHAPE(3), TP_U8)},
                                     {"e", tp_zeros(c, TP_SHAPE(0), TP_F32)}};
    const tp_metadata metadata[] = {{"title", "text"}};
    const char *path = in_folder("whole");
    assert_int_equal(tp_safetensors_save(c, path, named, 3, metadata, 1), TP_OK);
    assert_true(readable(c, path));
    get_bytes(path, &b);
    assert_true(b.n > 300);
    for (size_t n = 0; n < b.n; n++) {
        put_bytes(path, b.v, n);
        assert_false(readable(c, path));
    }
    for (size_t i = 0; i < b.n; i++)
        for (int bit = 0; bit < 8; bit++) { /* padding too */
            b.v[i] ^= (unsigned char)(1 << bit);
            put_bytes(path, b.v, b.n);
            if (readable(c, path)) fail_msg("byte %zu, bit %d: not found", i, bit);
            b.v[i] ^= (unsigned char)(1 << bit);
        }
    b.v[b.n] = 0;
    put_bytes(path, b.v, b.n + 1);
    assert_false(readable(c, path));
}

/* A file that is changed while it is open. */
static void test_changed(void **state)
{
    tp_context *c = *state;
    static bytes b;
    const tp_named_tensor named[] = {{"w", VECTOR(c, 1, 2)}};
    const char *path = in_folder("w");
    assert_int_equal(tp_safetensors_save(c, path, named, 1, NULL, 0), TP_OK);
    tp_safetensors *f = tp_safetensors_open(c, path);
    get_bytes(path, &b);
    assert_int_equal(truncate(path, (off_t)b.n - 1), 0);
    assert_true(tp_is_nil(tp_safetensors_read(f, "w")));
    expect_error(c, TP_ERR_DATA, "it has become shorter");
    b.v[b.n - 1] ^= 1;
    change_bytes(path, b.v, b.n);
    assert_true(tp_is_nil(tp_safetensors_read(f, "w")));
    expect_error(c, TP_ERR_DATA, "its bytes do not have the hash in the header");
    b.v[b.n - 1] ^= 1;
    change_bytes(path, b.v, b.n);
    expect_values(tp_safetensors_read(f, "w"), TP_SHAPE(2), 1, 2);
    /* a new file of that name is not the one that is open */
    const tp_named_tensor others[] = {{"w", VECTOR(c, 3, 4)}};
    assert_int_equal(tp_safetensors_save(c, path, others, 1, NULL, 0), TP_OK);
    expect_values(tp_safetensors_read(f, "w"), TP_SHAPE(2), 1, 2);
    expect_values(tp_safetensors_read(tp_safetensors_open(c, path), "w"), TP_SHAPE(2), 3, 4);
}

static void test_stale(void **state)
{
    tp_context *c = *state;
    tp_mark scope = tp_open_scope_named(c, "inner");
    tp_safetensors *f = tp_safetensors_open(c, file_of("{}", 0));
    tp_close_scope(c, scope);
    assert_int_equal(tp_safetensors_count(f), 0);
    assert_true(tp_is_nil(tp_safetensors_read(f, "a")));
    expect_error(c, TP_ERR_STATE, "inner");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_all_dtypes),     FILE_TEST(test_views),           FILE_TEST(test_metadata),
        FILE_TEST(test_bad_saves),      FILE_TEST(test_files_of_others), FILE_TEST(test_bad_files),
        FILE_TEST(test_bad_lengths),    FILE_TEST(test_excess),          FILE_TEST(test_damage),
        FILE_TEST(test_changed),        FILE_TEST(test_stale),           FILE_TEST(test_header_most),
        FILE_TEST(test_many),           FILE_TEST(test_mapped),          FILE_TEST(test_mapped_places),
        FILE_TEST(test_mapped_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
