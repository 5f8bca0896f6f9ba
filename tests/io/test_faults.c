/* Calls to the operating system that fail one after another. */
#define _GNU_SOURCE
#include "io/refusals.h"

/* What writes files. */
static const struct {
    const char *file;
    int calls; /* of the operating system for one file, at least, and one more */
} kinds[] = {{"f.safetensors", 9}, {"f.npy", 8}, {"f.npz", 12}, {"f-idx1-ubyte.gz", 8}, {"f.csv", 7}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static tp_status save(tp_context *c, int kind, double value)
{
    const tp_named_tensor named[] = {{"t", VECTOR(c, value, 2)}, {"b", tp_zeros(c, TP_SHAPE(3), TP_U8)}};
    const char *path = in_folder(kinds[kind].file);
    os.calls = 0;
    switch (kind) {
    case 0: return tp_safetensors_save(c, path, named, 2, NULL, 0);
    case 1: return tp_npy_save(named[0].tensor, path);
    case 2: return tp_npz_save(c, path, named, 2);
    case 3: return tp_idx_save(named[0].tensor, path);
    default: return tp_csv_save(named[0].tensor, path);
    }
}

static tp_tensor *read_again(tp_context *c, int kind)
{
    const char *path = in_folder(kinds[kind].file);
    switch (kind) {
    case 0: return tp_safetensors_read(tp_safetensors_open(c, path), "t");
    case 1: return tp_npy_read(c, path);
    case 2: return tp_npz_read(tp_npz_open(c, path), "t");
    case 3: return tp_idx_read(c, path);
    default:
        return tp_reshape(tp_dataset_x(tp_dataset_open(c, path, .kind = TP_TARGET_NONE), TP_F64),
                          TP_SHAPE(2));
    }
}

static void expect_saved(tp_context *c, int kind, double value)
{
    os.at = 0;
    expect_values(read_again(c, kind), TP_SHAPE(2), value, 2);
    assert_int_equal(folder_files(NULL), 1);
}

/* Whichever call fails: an error, the old file, and nothing else; after the file has got its name, the new
 * one. */
static void test_failures(void **state)
{
    tp_context *c = *state;
    static const int codes[] = {ENOSPC, EIO, EDQUOT};
    for (int k = 0; k < 3 * KINDS; k++) {
        int kind = k / 3, code = codes[k % 3], at = 1;
        bool renamed = false;
        for (;; at++) {
            tp_mark scope = tp_open_scope(c);
            os.at = 0;
            assert_int_equal(save(c, kind, 1), TP_OK);
            os.at = at;
            os.code = code;
            os.failed = NULL;
            tp_status status = save(c, kind, 7);
            if (os.failed) {
                bool folder_closed = renamed && strcmp(os.failed, "close") == 0; /* which loses nothing */
                if (!folder_closed) expect_status(c, status, TP_ERR_IO, strerror(code));
            }
            expect_saved(c, kind, renamed || !os.failed ? 7 : 1);
            tp_close_scope(c, scope);
            if (!os.failed) break;
            renamed = renamed || strcmp(os.failed, "rename") == 0;
        }
        /* writes, fsync, close, rename; of the folder fsync and close */
        assert_in_range(at, kinds[kind].calls, 40);
        remove(in_folder(kinds[kind].file));
    }
}

/* A file system that cannot sync a folder. */
static void test_no_folder_sync(void **state)
{
    tp_context *c = *state;
    os.at = 7;
    os.code = EINVAL;
    assert_int_equal(save(c, 0, 3), TP_OK);
    assert_string_equal(os.failed, "fsync");
    expect_saved(c, 0, 3);
}

static void test_interruptions(void **state)
{
    tp_context *c = *state;
    for (int kind = 0; kind < KINDS; kind++) {
        os.at = 0;
        os.hesitates = true;
        tp_status status = save(c, kind, 5);
        os.hesitates = false;
        assert_int_equal(status, TP_OK);
        expect_saved(c, kind, 5);
        remove(in_folder(kinds[kind].file));
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
