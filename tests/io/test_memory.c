#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "io/files.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { MIB = 1 << 20 };

/* --- large files, of holes --- */

/* A safetensors file of `n` tensors f32 [size / 4]; all zeros, so without hashes. */
static const char *large_safetensors(const char *name, int n, int64_t size)
{
    const char *path = in_folder(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite("\0\0\0\0\0\0\0\0{", 1, 9, f), 9);
    for (int i = 0; i < n; i++)
        fprintf(f, "%s\"t%d\":{\"dtype\":\"F32\",\"shape\":[%lld],\"data_offsets\":[%lld,%lld]}",
                i ? "," : "", i, (long long)size / 4, (long long)(size * i), (long long)(size * (i + 1)));
    fputc('}', f);
    while (ftell(f) % 8) fputc(' ', f);
    int64_t header = ftell(f) - 8;
    rewind(f);
    for (int i = 0; i < 8; i++) fputc((int)(header >> 8 * i & 255), f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(truncate(path, 8 + header + n * size), 0);
    return path;
}

/* --- resident memory --- */

/* Bytes by which the memory of a process of its own grows at most while it does `work`: libraries' memory and
 * mapped files included. */
static long grown(void (*work)(const char *path), const char *path)
{
    struct rusage before, after;
    int status;
    long *most = mmap(NULL, sizeof *most, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(most != MAP_FAILED);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        getrusage(RUSAGE_SELF, &before);
        work(path);
        getrusage(RUSAGE_SELF, &after);
        *most = (after.ru_maxrss - before.ru_maxrss) * 1024;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    long growth = *most;
    munmap(most, sizeof *most);
    return growth;
}

/* Sanitizers take memory of their own. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { MEASURED = 0 };
#elif defined __has_feature
enum { MEASURED = !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) };
#else
enum { MEASURED = 1 };
#endif

static void use_one(const char *path, bool mapped)
{
    tp_context *c = tp_open(NULL);
    tp_safetensors *f = tp_safetensors_open(c, path, .mapped = mapped);
    if (tp_item(tp_sum(tp_safetensors_read(f, "t7"), TP_ALL, false)) != 0 || tp_close(c)) _exit(1);
}

static void read_one(const char *path) { use_one(path, false); }

static void map_one(const char *path) { use_one(path, true); }

/* Of a tensor of 500 MB the first element. */
static void touch_one(const char *path)
{
    tp_context *c = tp_open(NULL);
    tp_tensor *t = tp_safetensors_read(tp_safetensors_open(c, path, .mapped = true), "t0");
    if (tp_get(t, TP_INTS(0)) != 0 || tp_close(c)) _exit(1);
}

/* One tensor of a file of 500 MB takes little more than its own bytes, mapped or not; bench/files.c has the
 * time. */
static void test_one_of_many(void **state)
{
    (void)state;
    const char *many = large_safetensors("many", 125, 4000000), *one = large_safetensors("one", 1, 500000000);
    long read = grown(read_one, many), mapped = grown(map_one, many), touched = grown(touch_one, one);
    print_message("one of 125 tensors: %ld KiB read, %ld KiB mapped; an element of one: %ld KiB\n",
                  read / 1024, mapped / 1024, touched / 1024);
    if (!MEASURED) skip();
    assert_in_range(read, 4000000, 8000000);
    assert_in_range(mapped, 4000000, 8000000);
    assert_in_range(touched, 0, 2 * MIB);
}

/* --- headers made to take memory --- */

static void open_refused(const char *path)
{
    tp_context *c = tp_open(NULL);
    tp_safetensors_open(c, path);
    if (tp_error(c) != TP_ERR_DATA) _exit(1);
    tp_clear(c);
    tp_close(c);
}

/* 16 MiB of JSON, `part` again and again between `head` and `tail`, take not much more than these. */
static void expect_small(const char *head, const char *part, const char *tail)
{
    static char text[16 * MIB + 8];
    const size_t n = 16 * MIB, end = n - strlen(tail), length = strlen(part);
    for (int i = 0; i < 8; i++) text[i] = (char)(n >> 8 * i & 255);
    memset(text + 8, ' ', n);
    memcpy(text + 8, head, strlen(head));
    for (size_t at = strlen(head); at + length <= end; at += length) memcpy(text + 8 + at, part, length);
    memcpy(text + 8 + end, tail, strlen(tail));
    put_bytes(in_folder("header"), text, n + 8);
    long most = grown(open_refused, in_folder("header"));
    print_message("%.12s: %ld KiB\n", part, most / 1024);
    if (MEASURED) assert_in_range(most, 0, 48 * MIB);
}

static void test_headers(void **state)
{
    (void)state;
    expect_small("{\"a\":[", "{},", "{}]}");
    expect_small("{\"a\":{\"dtype\":\"F32\",\"shape\":[", "1,", "1]}}");
    expect_small("", "[", "");
    expect_small("{", "\"\":{},", "\"\":{}}");
    expect_small("{\"__metadata__\":{", "\"\":\"\",", "\"\":\"\"}}");
    expect_small("{\"__metadata__\":{\"a\":\"", "\\u0020", "\"}} x");
}

static int open_files(void **state)
{
    (void)state;
    return make_folder();
}

static int close_files(void **state)
{
    (void)state;
    return remove_folder();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_of_many, open_files, close_files),
        cmocka_unit_test_setup_teardown(test_headers, open_files, close_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
