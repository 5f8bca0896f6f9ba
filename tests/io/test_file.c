#include "io/file.h"
#include "io/files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

static void expect_content(const char *path, const char *text)
{
    static bytes b;
    get_bytes(path, &b);
    assert_int_equal(b.n, strlen(text));
    assert_memory_equal(b.v, text, b.n);
}

static void test_write(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("a.json");
    assert_int_equal(tp_write_file(c, path, "old", 3), TP_OK);
    expect_content(path, "old");
    assert_int_equal(tp_write_file(c, path, "longer than that", 16), TP_OK);
    expect_content(path, "longer than that");
    assert_int_equal(tp_write_file(c, path, NULL, 0), TP_OK);
    expect_content(path, "");
    assert_int_equal(folder_files(NULL), 1);
    struct stat status;
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0666 & ~mask); /* as any program's new file */
}

/* The path may have no folder in it. */
static void test_here(void **state)
{
    tp_context *c = *state;
    char before[512];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    tp_status status = tp_write_file(c, "here", "x", 1);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(status, TP_OK);
    expect_content(in_folder("here"), "x");
}

static void test_long_name(void **state)
{
    char name[256];
    memset(name, 'n', 255);
    name[255] = 0;
    assert_int_equal(tp_write_file(*state, in_folder(name), "x", 1), TP_OK);
    expect_content(in_folder(name), "x");
}

/* A temporary file left by a process of the same number is no obstacle, and stays. */
static void test_left_over(void **state)
{
    tp_context *c = *state;
    char name[64];
    snprintf(name, sizeof name, ".taper-%ld-0.tmp", (long)getpid());
    put_bytes(in_folder(name), "left", 4);
    assert_int_equal(tp_write_file(c, in_folder("a"), "x", 1), TP_OK);
    expect_content(in_folder(name), "left");
    assert_int_equal(folder_files(NULL), 2);
    put_bytes(in_folder(".taper-mine"), "x", 1);
    put_bytes(in_folder("mine.tmp"), "x", 1);
    assert_int_equal(tp_remove_leftovers(c, folder), TP_OK);
    assert_int_equal(folder_files(NULL), 3);
    assert_int_equal(access(in_folder(name), F_OK), -1);
    expect_status(c, tp_remove_leftovers(c, in_folder("a")), TP_ERR_IO, "tp_remove_leftovers: cannot read '");
    expect_status(c, tp_remove_leftovers(c, NULL), TP_ERR_ARGUMENT, "argument 'folder' is NULL");
}

static void test_refused(void **state)
{
    tp_context *c = *state;
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    expect_status(c, tp_write_file(c, in_folder("pipe"), "x", 1), TP_ERR_IO, "it is no regular file");
    expect_status(c, tp_write_file(c, folder, "x", 1), TP_ERR_IO, "it is no regular file");
    expect_status(c, tp_write_file(c, "/dev/full", "x", 1), TP_ERR_IO,
                  "tp_write_file: cannot write '/dev/full': it is no regular file");
    expect_status(c, tp_write_file(c, in_folder("no/such"), "x", 1), TP_ERR_IO, "No such file or directory");
    expect_status(c, tp_write_file(c, "/proc/taper", "x", 1), TP_ERR_IO, "cannot write '/proc/taper'");
    expect_status(c, tp_write_file(c, NULL, "x", 1), TP_ERR_ARGUMENT, "argument 'path' is NULL");
    expect_status(c, tp_write_file(c, in_folder("a"), NULL, 1), TP_ERR_ARGUMENT, "argument 'data' is NULL");
    assert_int_equal(tp_write_file(NULL, in_folder("a"), "x", 1), TP_ERR_ARGUMENT);
    tp_fail(c, TP_ERR_STATE, "before");
    assert_int_equal(tp_write_file(c, in_folder("a"), "x", 1), TP_ERR_STATE);
    expect_error(c, TP_ERR_STATE, "before");
    assert_int_equal(folder_files(NULL), 1);
}

/* A write that stops halfway leaves the old file, and nothing else. */
static void test_no_room(void **state)
{
    tp_context *c = *state;
    const char *path = in_folder("a");
    char data[4096];
    struct rlimit before, limit;
    memset(data, 'x', sizeof data);
    assert_int_equal(tp_write_file(c, path, "old", 3), TP_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){1000, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    tp_status status = tp_write_file(c, path, data, sizeof data);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    expect_status(c, status, TP_ERR_IO, "File too large");
    expect_content(path, "old");
    assert_int_equal(folder_files(NULL), 1);
}

static void test_input(void **state)
{
    tp_context *c = *state;
    tp_input in;
    char data[8];
    put_bytes(in_folder("a"), "0123456789", 10);
    assert_true(tp_input_open(&in, c, in_folder("a"), "read"));
    assert_int_equal(in.size, 10);
    assert_true(tp_input_read(&in, 2, data, 8, "read"));
    assert_memory_equal(data, "23456789", 8);
    assert_int_equal(truncate(in_folder("a"), 5), 0);
    assert_false(tp_input_read(&in, 2, data, 8, "read"));
    expect_error(c, TP_ERR_DATA, "ends at byte 5; it has become shorter");
    tp_input_close(&in);

    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    const char *const bad[] = {folder, in_folder("pipe"), "/dev/zero"};
    for (int i = 0; i < 3; i++) {
        assert_false(tp_input_open(&in, c, bad[i], "read"));
        expect_error(c, TP_ERR_IO, "it is no regular file");
        tp_input_close(&in);
    }
    assert_false(tp_input_open(&in, c, in_folder("none"), "read"));
    expect_error(c, TP_ERR_IO, "No such file or directory");
    tp_input_close(&in);
    assert_false(tp_input_open(&in, c, NULL, "read"));
    expect_error(c, TP_ERR_ARGUMENT, "argument 'path' is NULL");
    tp_input_close(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_write),     FILE_TEST(test_here),    FILE_TEST(test_long_name),
        FILE_TEST(test_left_over), FILE_TEST(test_refused), FILE_TEST(test_no_room),
        FILE_TEST(test_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
