/* files.h - a folder of its own for each test, and files as bytes. */
#ifndef IO_FILES_H
#define IO_FILES_H

#include "fixture.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 1 << 16 };

/* The content of a small file. */
typedef struct bytes {
    size_t n;
    unsigned char v[MOST_BYTES];
} bytes;

static char folder[64];

/* The path of a file in the test's folder; good until the next call but three. */
static inline const char *in_folder(const char *name)
{
    static char paths[4][384];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline int make_folder(void)
{
    const char *top = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/taper-test-XXXXXX", top ? top : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int open_folder(void **state) { return make_folder() || open_context(state) ? -1 : 0; }

/* How many files there are in the folder; each is handed to `each`, if that is not NULL. */
static inline int folder_files(int (*each)(const char *path))
{
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (each) each(in_folder(entry->d_name));
        n++;
    }
    closedir(dir);
    return n;
}

static inline int remove_folder(void)
{
    folder_files(remove);
    return rmdir(folder);
}

static inline int close_folder(void **state) { return close_context(state) || remove_folder() ? -1 : 0; }

#define FILE_TEST(function) cmocka_unit_test_setup_teardown(function, open_folder, close_folder)

static inline void get_bytes(const char *path, bytes *b)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    b->n = fread(b->v, 1, sizeof b->v, f);
    fclose(f);
}

static inline void put_bytes(const char *path, const void *v, size_t n)
{
    unlink(path); /* to cut a file short and write it again can wait for the disk */
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(v, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* Writes over the file at `path`, which stays the same file for who has it open. */
static inline void change_bytes(const char *path, const void *v, size_t n)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fwrite(v, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* Asserts that a call reported `status` and that `text` is part of why. */
static inline void expect_status_(tp_context *c, tp_status got, tp_status wanted, const char *text,
                                  const char *file, int line)
{
    if (got != wanted || !tp_ok(c) || !strstr(tp_error_text(c), text)) {
        print_error("expected %d '%s', got %d '%s'\n", (int)wanted, text, (int)got, tp_error_text(c));
        _fail(file, line);
    }
}
#define expect_status(c, got, wanted, text) expect_status_((c), (got), (wanted), (text), __FILE__, __LINE__)

#endif
