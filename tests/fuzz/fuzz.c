/* fuzz.c - runs a target. */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 512 };

static tp_context *context; /* of all inputs */
static size_t held;         /* by it between two of them */

_Noreturn void fuzz_failed(const char *file, int line, const char *condition)
{
    dprintf(STDERR_FILENO, "%s:%d: does not hold: %s\n%s\n", file, line, condition, tp_error_text(context));
    abort();
}

fuzz_memory fuzz_heap;

/* --- files --- */

static char folder[PATH];

/* A file stays open, and is written over: to make one anew for each input takes longer than most readers. */
static struct {
    const char *name;
    int fd; /* 0: closed */
    size_t size;
} files[] = {{.name = "in"},
             {.name = "out"},
             {.name = "out.gz"},
             {.name = "t10k-images-idx3-ubyte"},
             {.name = "t10k-labels-idx1-ubyte"},
             {.name = "checkpoint-a.safetensors"},
             {.name = "checkpoint-b.safetensors"},
             {.name = "config.json"}};

enum { FILES = sizeof files / sizeof *files };

static int file_named(const char *name)
{
    int i = 0;
    while (i < FILES && strcmp(files[i].name, name) != 0) i++;
    HOLDS(i < FILES);
    return i;
}

void fuzz_remove(const char *name)
{
    int i = file_named(name);
    HOLDS(files[i].fd == 0 || close(files[i].fd) == 0);
    files[i].fd = 0;
    unlink(fuzz_path(name));
}

static void remove_folder(void)
{
    for (int i = 0; i < FILES; i++) fuzz_remove(files[i].name);
    rmdir(folder);
}

static void make_folder(void)
{
    const char *where = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.400s/taper-fuzz-XXXXXX", where ? where : "/tmp");
    HOLDS(mkdtemp(folder) != NULL);
    atexit(remove_folder);
}

const char *fuzz_path(const char *name)
{
    static char path[2][PATH + 32];
    static int next;
    next = 1 - next;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

const char *fuzz_file(const char *name, const uint8_t *data, size_t size)
{
    const char *path = fuzz_path(name);
    int i = file_named(name);
    if (files[i].fd == 0) {
        files[i].fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        files[i].size = 0;
    }
    HOLDS(files[i].fd > 0 && pwrite(files[i].fd, data, size, 0) == (ssize_t)size);
    HOLDS(size >= files[i].size || ftruncate(files[i].fd, (off_t)size) == 0);
    files[i].size = size;
    return path;
}

const uint8_t *fuzz_example;
size_t fuzz_example_size;

void fuzz_keep_example(const char *path)
{
    static uint8_t example[1 << 14];
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, example, sizeof example);
    HOLDS(size > 0 && size < (ssize_t)sizeof example && close(fd) == 0);
    fuzz_example = example;
    fuzz_example_size = (size_t)size;
}

bool fuzz_is_example(const uint8_t *data, size_t size)
{
    return size == fuzz_example_size && memcmp(data, fuzz_example, size) == 0;
}

const char *fuzz_text(const uint8_t *data, size_t size)
{
    static char *text;
    free(text);
    text = malloc(size + 1); /* of just this size, so that reading on is seen */
    HOLDS(text != NULL);
    if (size) memcpy(text, data, size);
    text[size] = 0;
    return text;
}

/* --- what must hold --- */

bool fuzz_accepted(tp_context *c)
{
    if (tp_ok(c)) return true;
    HOLDS(*tp_error_text(c) != 0);
    tp_clear(c);
    return false;
}

bool fuzz_took(tp_context *c, tp_status status)
{
    HOLDS(tp_ok(c));
    HOLDS(status == TP_OK || *tp_error_text(c) != 0);
    return status == TP_OK;
}

void fuzz_same(const tp_tensor *a, const tp_tensor *b)
{
    tp_shape s = tp_shape_of(a), z = tp_shape_of(b);
    HOLDS(!tp_is_nil(a) && !tp_is_nil(b) && tp_dtype_of(a) == tp_dtype_of(b) && s.n == z.n);
    for (int i = 0; i < s.n; i++) HOLDS(s.v[i] == z.v[i]);
    size_t size = (size_t)tp_numel(a) * tp_dtype_size(tp_dtype_of(a));
    void *one = malloc(size + 1), *other = malloc(size + 1);
    HOLDS(one && other && tp_read(a, one, size) == TP_OK && tp_read(b, other, size) == TP_OK);
    HOLDS(memcmp(one, other, size) == 0);
    free(one);
    free(other);
}

void fuzz_frugal(const tp_context *c, size_t size, size_t more)
{
    HOLDS(tp_memory_peak(c) <= held + size + more);
}

/* --- one input --- */

static void run(tp_context *c, const uint8_t *data, size_t size)
{
    tp_mark scope = tp_open_scope(c);
    tp_memory_reset_peak(c);
    fuzz_target(c, data, size);
    tp_close_scope(c, scope);
    HOLDS(tp_ok(c));
    if (fuzz_heap.rewind) fuzz_heap.rewind();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the context holds after an input it may keep for the next ones, but then no more after the same again.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!context) {
        make_folder();
        context = tp_open(&(tp_options){.no_cache = true, .allocator = fuzz_heap.allocator});
        HOLDS(context != NULL);
        held = tp_memory_used(context);
    }
    run(context, data, size);
    if (tp_memory_used(context) == held) return 0;
    held = tp_memory_used(context);
    run(context, data, size);
    HOLDS(tp_memory_used(context) == held);
    return 0;
}
