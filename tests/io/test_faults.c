/* Calls to the operating system that fail one after another. */
#define _GNU_SOURCE
#include "io/formats.h"
#include "io/refusals.h"

static tp_status save(tp_context *c, const format *f, double value)
{
    tp_tensor *t = VECTOR(c, value, 2);
    os.calls = 0;
    return f->save(t, in_folder(f->file));
}

static void expect_saved(tp_context *c, const format *f, double value)
{
    os.at = 0;
    expect_values(f->read(c, in_folder(f->file)), TP_SHAPE(2), value, 2);
    assert_int_equal(folder_files(NULL), 1);
}

/* Whichever call fails: an error, the old file, and nothing else; after the file has got its name, the new
 * one. */
static void test_failures(void **state)
{
    tp_context *c = *state;
    static const int codes[] = {ENOSPC, EIO, EDQUOT};
    for (int k = 0; k < 3 * FORMATS; k++) {
        const format *f = &formats[k / 3];
        int code = codes[k % 3], at = 1;
        bool renamed = false;
        for (;; at++) {
            tp_mark scope = tp_open_scope(c);
            os.at = 0;
            assert_int_equal(save(c, f, 1), TP_OK);
            os.at = at;
            os.code = code;
            os.failed = NULL;
            tp_status status = save(c, f, 7);
            if (os.failed) {
                bool folder_closed = renamed && strcmp(os.failed, "close") == 0; /* which loses nothing */
                if (!folder_closed) expect_status(c, status, TP_ERR_IO, strerror(code));
            }
            expect_saved(c, f, renamed || !os.failed ? 7 : 1);
            tp_close_scope(c, scope);
            if (!os.failed) break;
            renamed = renamed || strcmp(os.failed, "rename") == 0;
        }
        /* writes, fsync, close, rename; of the folder fsync and close */
        assert_in_range(at, 7, 40);
        remove(in_folder(f->file));
    }
}

/* A file system that cannot sync a folder. */
static void test_no_folder_sync(void **state)
{
    tp_context *c = *state;
    os.at = 6;
    os.code = EINVAL;
    assert_int_equal(save(c, formats, 3), TP_OK);
    assert_string_equal(os.failed, "fsync");
    expect_saved(c, formats, 3);
}

static void test_interruptions(void **state)
{
    tp_context *c = *state;
    for (const format *f = formats; f < formats + FORMATS; f++) {
        os.at = 0;
        os.hesitates = true;
        tp_status status = save(c, f, 5);
        os.hesitates = false;
        assert_int_equal(status, TP_OK);
        expect_saved(c, f, 5);
        remove(in_folder(f->file));
    }
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
