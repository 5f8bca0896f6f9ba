/* What holds for the readers of all formats. */
#include "faults.h"
#include "io/formats.h"

#include <taper/ext.h>

#include <sys/wait.h>
#include <time.h>

/* Each dtype in shapes of all kinds is read as it was written, or refused by name. */
static void test_dtypes(void **state)
{
    tp_context *c = *state;
    static const tp_shape shapes[] = {
        {0, {0}}, {1, {3}}, {2, {0, 4}}, {3, {2, 1, 3}}, {8, {1, 2, 1, 1, 2, 1, 1, 1}}};
    enum { SHAPES = sizeof shapes / sizeof *shapes };
    for (int i = 0; i < TABLE * SHAPES * TP_DTYPES; i++) {
        const format *f = &formats[i / SHAPES / TP_DTYPES];
        tp_dtype dtype = (tp_dtype)(i / SHAPES % TP_DTYPES);
        unsigned char data[64];
        for (size_t k = 0; k < sizeof data; k++)
            data[k] = dtype == TP_BOOL ? k % 3 == 0 : (unsigned char)(37 * k + 1);
        tp_mark scope = tp_open_scope(c);
        tp_tensor *t = tp_from_array(c, shapes[i % SHAPES], dtype, data);
        tp_status status = f->save(t, in_folder(f->file));
        const char *lacks = strstr(f->lacks, tp_dtype_name(dtype));
        if (lacks && (lacks == f->lacks || lacks[-1] == ' '))
            expect_status(c, status, TP_ERR_DTYPE, f->refusal);
        else if (status == TP_OK)
            expect_same(f->read(c, in_folder(f->file)), t);
        else
            fail_msg("%s: %s", f->file, tp_error_text(c));
        tp_close_scope(c, scope);
    }
}

/* What is no file, or one that cannot be read. */
static void test_no_files(void **state)
{
    tp_context *c = *state;
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    put_bytes(in_folder("empty"), "", 0);
    put_bytes(in_folder("locked"), "", 0);
    assert_int_equal(chmod(in_folder("locked"), 0), 0);
    for (int i = 0; i < FORMATS; i++) {
        const struct {
            const char *path, *text;
            tp_status status;
        } cases[] = {{NULL, "argument '", TP_ERR_ARGUMENT},
                     {in_folder("none"), "No such file", TP_ERR_IO},
                     {folder, "it is no regular file", TP_ERR_IO},
                     {in_folder("empty"), i == TABLE ? "the file is empty" : "byte 0: it", TP_ERR_DATA},
                     {in_folder("pipe"), "it is no regular file", TP_ERR_IO},
                     {in_folder("locked"), "Permission denied", TP_ERR_IO}};
        for (int k = 0; k < (geteuid() ? 6 : 5); k++) { /* root may read all */
            if (i == TABLE && (k == 2 || k == 4)) continue;
            assert_true(tp_is_nil(formats[i].read(c, cases[k].path)));
            expect_error(c, cases[k].status, cases[k].text);
        }
    }
    read_csv(c, folder);
    expect_error(c, TP_ERR_IO, "Is a directory");
    read_csv(c, in_folder("pipe"));
    expect_error(c, TP_ERR_IO, "pipe: a pipe that nobody writes to");
}

/* Tables come through pipes too, also where the writer takes its time. */
static void test_pipe(void **state)
{
    tp_context *c = *state;
    static const char text[] = "a\n1\n2\n";
    for (int late = 0; late < 2; late++) {
        int ends[2], status;
        char path[32];
        assert_int_equal(pipe(ends), 0);
        snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            if (late) nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
            _exit(write(ends[1], text, sizeof text - 1) < 0);
        }
        close(ends[1]);
        if (!late) assert_int_equal(waitpid(child, &status, 0), child);
        expect_values(read_csv(c, path), TP_SHAPE(2), 1, 2);
        if (late) assert_int_equal(waitpid(child, &status, 0), child);
        close(ends[0]);
    }
}

/* --- memory --- */

/* Each allocation fails in turn, those of zlib and libzip too: an error, the file as it was, nothing lost. */
static void test_faults(void **state)
{
    (void)state;
    assert_int_equal(make_folder(), 0);
    for (int i = 0; i < 2 * FORMATS; i++) {
        const format *f = &formats[i / 2];
        const char *path = in_folder(f->file);
        faulty hook;
        tp_context *c = faulty_open(&hook, i % 2);
        for (long at = 1;; at++) {
            tp_mark scope = tp_open_scope(c);
            assert_int_equal(f->save(VECTOR(c, 1, 2), path), TP_OK);
            tp_tensor *other = tp_slice(VECTOR(c, 3, 4, 5), 0, 0, 3, 2);
            faulty_arm(&hook, at);
            tp_status status = f->save(other, path);
            tp_tensor *t = f->read(c, path);
            bool failed = faulty_disarm(&hook);
            EXPECT(failed == (status == TP_ERR_MEMORY || tp_error(c) == TP_ERR_MEMORY), f->file, at, c);
            EXPECT(failed == (status != TP_OK || tp_is_nil(t)), f->file, at, c);
            tp_clear(c);
            expect_values(f->read(c, path), TP_SHAPE(2), status ? 1 : 3, status ? 2 : 5);
            tp_close_scope(c, scope);
            if (!failed) break;
        }
        assert_int_equal(folder_files(remove), 1);
        assert_int_equal(tp_close(c), 0);
        assert_int_equal(hook.books.blocks, 0);
    }
    assert_int_equal(remove_folder(), 0);
}

/* A hook that cuts a file short when a large block is asked for. */
typedef struct shrinker {
    ledger books;
    const char *path;
} shrinker;

enum { LARGE = 200000 };

static void *shrinking_allocator(void *user, void *block, size_t old_size, size_t new_size)
{
    shrinker *s = user;
    if (!block && new_size >= LARGE && s->path) assert_int_equal(truncate(s->path, LARGE / 4), 0);
    return ledger_allocator(&s->books, block, old_size, new_size);
}

/* A file that shrinks after its head was read. */
static void test_shrinking(void **state)
{
    (void)state;
    static double values[LARGE / 8];
    tp_randomstate rs;
    assert_int_equal(make_folder(), 0);
    tp_randomstate_seed(&rs, 1);
    tp_randomstate_rand(&rs, values, LARGE / 8);
    for (int i = 0; i < FORMATS; i++) {
        const format *f = &formats[i];
        shrinker s = {.path = NULL};
        ledger_start(&s.books);
        tp_context *c =
            tp_open(&(tp_options){.allocator = shrinking_allocator, .allocator_user = &s, .no_cache = true});
        assert_int_equal(f->save(tp_from_array(c, TP_SHAPE(LARGE / 8), TP_F64, values), in_folder(f->file)),
                         TP_OK);
        s.path = in_folder(f->file);
        assert_true(tp_is_nil(f->read(c, s.path)));
        assert_true(tp_error(c) == TP_ERR_DATA || tp_error(c) == TP_ERR_IO);
        if (!strstr(f->file, "npz")) /* libzip says only that there is too little */
            assert_non_null(strstr(tp_error_text(c), "it has become shorter"));
        tp_clear(c);
        assert_int_equal(tp_close(c), 0);
        assert_int_equal(s.books.blocks, 0);
    }
    assert_int_equal(remove_folder(), 0);
}

/* No more than a MiB beyond the elements is taken; of tables see data/test_csv.c. */
static void test_room(void **state)
{
    tp_context *c = *state;
    const size_t size = 1030 * 1024 * 8;
    for (int i = 0; i < TABLE; i++) {
        const format *f = &formats[i];
        tp_mark scope = tp_open_scope(c);
        assert_int_equal(f->save(tp_zeros(c, TP_SHAPE(1030, 1024), TP_F64), in_folder(f->file)), TP_OK);
        tp_close_scope(c, scope);
        tp_memory_trim(c);
        size_t before = books.bytes;
        books.most = before;
        scope = tp_open_scope(c);
        assert_false(tp_is_nil(f->read(c, in_folder(f->file))));
        assert_in_range(books.most - before, size, size + (1 << 20));
        tp_close_scope(c, scope);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_dtypes),        FILE_TEST(test_no_files), FILE_TEST(test_pipe),
        cmocka_unit_test(test_faults), FILE_TEST(test_room),     cmocka_unit_test(test_shrinking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
