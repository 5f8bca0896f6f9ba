/* files.h - small files for the tests of data, in a folder of the test's own. */
#ifndef DATA_FILES_H
#define DATA_FILES_H

#include "faults.h"

#include <sys/stat.h>

#include <unistd.h>

static char test_folder[] = "/tmp/taper-data-XXXXXX";

static inline int make_folder(void **state)
{
    (void)state;
    return mkdtemp(test_folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", test_folder);
    return system(command);
}

/* The path of a file in the folder; good until the next call but three. */
static inline const char *path_of(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

static inline const char *write_bytes(const char *name, const void *bytes, size_t n)
{
    const char *path = path_of(name);
    unlink(path); /* to cut a file short and write it again can wait for the disk */
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(fwrite(bytes, 1, n, f) == n);
    assert_int_equal(fclose(f), 0);
    return path;
}

static inline const char *write_text(const char *name, const char *text)
{
    return write_bytes(name, text, strlen(text));
}

#endif
