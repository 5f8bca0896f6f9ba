/* Calls to the operating system that fail one after another. The program's own write, fsync, close and rename
 * come before libc's. */
#define _GNU_SOURCE
#include "io/files.h"

#include <errno.h>
#include <sys/syscall.h>

/* What happens to the calls, counted from when it is armed. */
static struct {
    int at, code; /* the at-th fails with `code`; 0: none does */
    int calls;
    bool hesitates; /* writes are short, and interrupted every other time */
    const char *failed;
} os;

static bool refused(const char *name)
{
    if (++os.calls != os.at) return false;
    os.failed = name;
    errno = os.code;
    return true;
}

static bool interrupted(void)
{
    static int times;
    if (!os.hesitates || times++ % 2) return false;
    errno = EINTR;
    return true;
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (refused("write") || interrupted()) return -1;
    return syscall(SYS_write, fd, data, os.hesitates && size > 5 ? 5 : size);
}

int fsync(int fd)
{
    if (refused("fsync") || interrupted()) return -1;
    return (int)syscall(SYS_fsync, fd);
}

/* A file is closed even where that fails. */
int close(int fd)
{
    bool failing = refused("close") || interrupted();
    int code = errno, result = (int)syscall(SYS_close, fd);
    errno = code;
    return failing ? -1 : result;
}

int rename(const char *from, const char *to)
{
    return refused("rename") ? -1 : (int)syscall(SYS_renameat, -100, from, -100, to); /* AT_FDCWD */
}

static tp_status save(tp_context *c, double value)
{
    const tp_named_tensor named[] = {{"t", VECTOR(c, value, 2)}, {"b", tp_zeros(c, TP_SHAPE(3), TP_U8)}};
    os.calls = 0;
    return tp_safetensors_save(c, in_folder("f"), named, 2, NULL, 0);
}

static void expect_saved(tp_context *c, double value)
{
    os.at = 0;
    expect_values(tp_safetensors_read(tp_safetensors_open(c, in_folder("f")), "t"), TP_SHAPE(2), value, 2);
    assert_int_equal(folder_files(NULL), 1);
}

/* Whichever call fails: an error, the old file, and nothing else; after the file has got its name, the new
 * one. */
static void test_failures(void **state)
{
    tp_context *c = *state;
    static const int codes[] = {ENOSPC, EIO, EDQUOT};
    for (int k = 0; k < 3; k++) {
        bool renamed = false;
        int at = 1;
        for (;; at++) {
            tp_mark scope = tp_open_scope(c);
            os.at = 0;
            assert_int_equal(save(c, 1), TP_OK);
            os.at = at;
            os.code = codes[k];
            os.failed = NULL;
            tp_status status = save(c, 7);
            if (os.failed) {
                bool folder_closed = renamed && strcmp(os.failed, "close") == 0; /* which loses nothing */
                if (!folder_closed) expect_status(c, status, TP_ERR_IO, strerror(codes[k]));
            }
            expect_saved(c, renamed || !os.failed ? 7 : 1);
            tp_close_scope(c, scope);
            if (!os.failed) break;
            renamed = renamed || strcmp(os.failed, "rename") == 0;
        }
        assert_int_equal(at, 9); /* 3 writes, fsync, close, rename; of the folder fsync and close */
    }
}

/* A file system that cannot sync a folder. */
static void test_no_folder_sync(void **state)
{
    tp_context *c = *state;
    os.at = 7;
    os.code = EINVAL;
    assert_int_equal(save(c, 3), TP_OK);
    assert_string_equal(os.failed, "fsync");
    expect_saved(c, 3);
}

static void test_interruptions(void **state)
{
    tp_context *c = *state;
    os.at = 0;
    os.hesitates = true;
    tp_status status = save(c, 5);
    os.hesitates = false;
    assert_int_equal(status, TP_OK);
    expect_saved(c, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_failures),
        FILE_TEST(test_no_folder_sync),
        FILE_TEST(test_interruptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
