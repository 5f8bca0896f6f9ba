/* The files of tests/corpus, and larger ones that make_corpus.py makes on the way: what the readers say of
 * each. Every file is read in a process of its own, in one second of processor time and with little more
 * memory than the file has bytes. */
#include "io/files.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { MOST_TEXT = 1024, MOST_MEMORY = 64 << 20, MOST_SPACE = 256 << 20 };

/* --- a file that shrinks while it is read --- */

/* After so many reads the file at `path` is cut to `size`. */
static struct {
    int reads;
    const char *path;
    off_t size;
} cut;

ssize_t pread(int fd, void *data, size_t size, off_t at)
{
    if (lseek(fd, at, SEEK_SET) < 0) return -1;
    ssize_t got = read(fd, data, size);
    if (cut.reads > 0 && --cut.reads == 0 && truncate(cut.path, cut.size) != 0) abort();
    return got;
}

/* --- readers --- */

/* Says what was read: name, dtype, shape, and the first elements. */
static void say(FILE *out, const char *name, tp_tensor *t)
{
    enum { MOST = 6 };
    double first[MOST];
    int64_t n = tp_numel(t) < MOST ? tp_numel(t) : MOST;
    tp_context *c = tp_context_of(t);
    if (!tp_ok(c)) return;
    tp_shape shape = tp_shape_of(t);
    fprintf(out, "%s %s%s%s [", ftell(out) > 5 ? "," : "", name, *name ? " " : "",
            tp_dtype_name(tp_dtype_of(t)));
    for (int i = 0; i < shape.n; i++) fprintf(out, "%s%lld", i ? "," : "", (long long)shape.v[i]);
    fprintf(out, "]");
    t = tp_slice(tp_reshape(t, TP_SHAPE(tp_numel(t))), 0, 0, n, 1);
    if (tp_read_doubles(t, first, n) != TP_OK) fprintf(out, " unreadable");
    for (int i = 0; i < n; i++) fprintf(out, " %g", first[i]);
}

static void read_safetensors(tp_context *c, const char *path, FILE *out)
{
    tp_safetensors *f = tp_safetensors_open(c, path);
    for (int i = 0; i < tp_safetensors_count(f); i++)
        say(out, tp_safetensors_name(f, i), tp_safetensors_read(f, tp_safetensors_name(f, i)));
}

static void read_npy(tp_context *c, const char *path, FILE *out) { say(out, "", tp_npy_read(c, path)); }

static void read_npz(tp_context *c, const char *path, FILE *out)
{
    tp_npz *f = tp_npz_open(c, path);
    for (int i = 0; i < tp_npz_count(f); i++) say(out, tp_npz_name(f, i), tp_npz_read(f, tp_npz_name(f, i)));
}

static void read_idx(tp_context *c, const char *path, FILE *out) { say(out, "", tp_idx_read(c, path)); }

static void say_dataset(FILE *out, tp_dataset *d)
{
    if (tp_dataset_is_nil(d)) return;
    say(out, "x", tp_dataset_x(d, TP_F64));
    say(out, "y", tp_dataset_y(d, TP_F64));
}

/* Images of 2 x 2 with labels, where those of three classes are expected. */
static void read_mnist(tp_context *c, const char *path, FILE *out)
{
    char name[256];
    tp_dataset *like = tp_dataset_new(c, tp_zeros(c, TP_SHAPE(3, 2, 2), TP_U8),
                                      tp_from_array(c, TP_SHAPE(3), TP_I64, (int64_t[]){0, 1, 2}));
    snprintf(name, sizeof name, "mnist:%s", path);
    say_dataset(out, tp_dataset_open(c, name, .split = "test", .like = like));
}

/* Files called like-* are read as more of the data in good.csv. */
static void read_csv(tp_context *c, const char *path, FILE *out)
{
    tp_dataset *like = strstr(path, "/like-") ? tp_dataset_open(c, "csv/good.csv") : NULL;
    say_dataset(out, tp_dataset_open(c, path, .like = like));
}

/* The file becomes the only checkpoint of a run. */
static void read_checkpoint(tp_context *c, const char *path, FILE *out)
{
    static bytes b;
    get_bytes(path, &b);
    if (chdir(folder) != 0 || (mkdir("run", 0777) != 0 && errno != EEXIST)) exit(9);
    put_bytes("run/checkpoint-a.safetensors", b.v, b.n);
    tp_module *net = tp_sequential(c, tp_linear(c, 2, 1));
    tp_dataset *data = tp_dataset_new(c, MATRIX(c, 3, 2, 1, 2, 3, 4, 5, 6), VECTOR(c, 1, 2, 3));
    tp_fit(net, tp_sgd(net, .lr = 0.1, .momentum = 0.9), data, .batch_size = 2, .epochs = 1,
           .checkpoint = "run", .resume = true);
    say(out, "weight", tp_parameter(net, "0.weight"));
    say(out, "bias", tp_parameter(net, "0.bias"));
}

/* A model of one input, and what it makes of a 3. */
static void read_model(tp_context *c, const char *path, FILE *out)
{
    tp_module *net = tp_model_net(tp_model_open(c, path));
    say(out, "weight", tp_parameter(net, "0.weight"));
    say(out, "y", tp_forward(net, tp_from_doubles(c, TP_SHAPE(1, 1), TP_F32, (double[]){3})));
}

/* A net of two inputs. */
static void read_net(tp_context *c, const char *path, FILE *out)
{
    static bytes b;
    get_bytes(path, &b);
    b.v[b.n] = 0;
    tp_module *net = tp_net(c, (char *)b.v, TP_SHAPE(2));
    fprintf(out, " %d parameters", tp_ok(c) ? tp_parameters(net) : 0);
}

static const struct {
    const char *folder;
    void (*read)(tp_context *c, const char *path, FILE *out);
} readers[] = {{"safetensors/", read_safetensors},
               {"npy/", read_npy},
               {"npz/", read_npz},
               {"idx/", read_idx},
               {"mnist/", read_mnist},
               {"csv/", read_csv},
               {"checkpoint/", read_checkpoint},
               {"model/", read_model},
               {"net/", read_net}};
enum { READERS = sizeof readers / sizeof *readers };

/* --- a process for each --- */

/* Reads the file and writes what comes of it to `fd`. */
static void read_file(const char *path, int fd)
{
    struct stat s;
    char text[MOST_TEXT] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    if (!out || stat(path, &s) != 0) exit(3);
    size_t most =
        s.st_size < MOST_BYTES ? (size_t)s.st_size * 5 / 4 : MOST_MEMORY; /* blocks are rounded up */
    ledger_start(&books);
    tp_context *c = tp_open(&(tp_options){.allocator = ledger_allocator,
                                          .allocator_user = &books,
                                          .check = true,
                                          .memory_limit = most + (1 << 20)});
    fputs("good:", out);
    for (int i = 0; i < READERS; i++)
        if (strncmp(path, readers[i].folder, strlen(readers[i].folder)) == 0) readers[i].read(c, path, out);
    fclose(out);
    tp_status status = tp_error(c);
    if (status != TP_OK) snprintf(text, sizeof text, "%s", tp_error_text(c));
    if (status == TP_ERR_MEMORY) strcpy(text, "no memory"); /* for how many bytes is not for ever */
    if (status == TP_ERR_STATE) exit(4);
    tp_close(c);
    if (books.blocks) exit(5);
    if (write(fd, text, strlen(text)) < 0) exit(6);
    exit(0);
}

/* One second, and memory; sanitizers take terabytes of addresses. */
static void set_limits(void)
{
    if (setrlimit(RLIMIT_CPU, &(struct rlimit){1, 2}) != 0) exit(7);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if !defined(__has_feature)
    if (setrlimit(RLIMIT_AS, &(struct rlimit){MOST_SPACE, MOST_SPACE}) != 0) exit(7);
#endif
#endif
}

/* What comes of reading a file of `folder`. */
static void outcome(const char *top, const char *path, char *text)
{
    int ends[2], status;
    ssize_t got;
    size_t n = 0;
    fflush(NULL);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        set_limits();
        if (chdir(top) != 0) exit(8);
        read_file(path, ends[1]);
    }
    close(ends[1]);
    while ((got = read(ends[0], text + n, MOST_TEXT - 1 - n)) > 0) n += (size_t)got;
    text[n] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) snprintf(text, MOST_TEXT, "it was stopped by signal %d", WTERMSIG(status));
    if (WIFEXITED(status) && WEXITSTATUS(status))
        snprintf(text, MOST_TEXT, "it ended with %d", WEXITSTATUS(status));
}

/* Writes what no line of text can have as \xNN. */
static void escape(const char *text, char *to)
{
    for (; *text; text++)
        to += sprintf(to, *text >= ' ' && *text <= '~' ? "%c" : "\\x%02x", (unsigned char)*text);
    *to = 0;
}

/* --- all of them --- */

/* Reads all files of `reader` that cases.txt names; returns how many there were. */
static int read_all(const char *top, const char *reader)
{
    static bytes table;
    char name[256], got[MOST_TEXT], shown[4 * MOST_TEXT], *line = (char *)table.v;
    int n = 0, wrong = 0;
    snprintf(name, sizeof name, "%s/cases.txt", top);
    get_bytes(name, &table);
    assert_true(table.n < sizeof table.v);
    for (char *end, *wanted; (end = memchr(line, '\n', table.n - (size_t)(line - (char *)table.v)));
         line = end + 1) {
        *end = 0;
        if (strncmp(line, reader, strlen(reader)) != 0) continue;
        wanted = strchr(line, '\t');
        *wanted++ = 0;
        n++;
        outcome(top, line, got);
        escape(got, shown);
        if (strcmp(shown, wanted) == 0) continue;
        print_error("%s\n  wanted %s\n  got    %s\n", line, wanted, shown);
        wrong++;
    }
    assert_int_equal(wrong, 0);
    return n;
}

static const char corpus[] = "tests/corpus";

static void test_safetensors(void **state)
{
    (void)state, assert_true(read_all(corpus, "safetensors/") > 24);
}
static void test_npy(void **state) { (void)state, assert_true(read_all(corpus, "npy/") > 13); }
static void test_npz(void **state) { (void)state, assert_true(read_all(corpus, "npz/") > 16); }
static void test_idx(void **state) { (void)state, assert_true(read_all(corpus, "idx/") > 8); }
static void test_mnist(void **state) { (void)state, assert_true(read_all(corpus, "mnist/") > 3); }
static void test_csv(void **state) { (void)state, assert_true(read_all(corpus, "csv/") > 14); }

static void test_checkpoint(void **state) { (void)state, assert_true(read_all(corpus, "checkpoint/") > 12); }
static void test_model(void **state) { (void)state, assert_true(read_all(corpus, "model/") > 10); }
static void test_net(void **state) { (void)state, assert_true(read_all(corpus, "net/") > 10); }

/* What is too large to be committed. */
static void test_large(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "/usr/bin/python3 tests/corpus/make_corpus.py --large %s/large",
             folder);
    assert_int_equal(system(command), 0);
    assert_true(read_all(in_folder("large"), "") > 10);
}

/* Files that are cut after some reads of them. */
static void test_shrinking(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int reads;
        off_t size;
        const char *wanted;
    } cases[] = {
        {"safetensors/good.safetensors", 1, 100,
         "tp_safetensors_open: 'safetensors/good.safetensors' ends at byte 100; it has become shorter"},
        {"safetensors/good.safetensors", 2, 250,
         "tp_safetensors_read: 'safetensors/good.safetensors' ends at byte 250; it has become shorter"},
        {"npy/good.npy", 1, 9, "tp_npy_read: 'npy/good.npy' ends at byte 10; it has become shorter"},
        {"npy/good.npy", 2, 80, "tp_npy_read: 'npy/good.npy' ends at byte 80; it has become shorter"},
        {"npz/good.npz", 1, 90, "tp_npz_open: 'npz/good.npz' ends at byte 216; it has become shorter"},
        {"npz/good.npz", 4, 90, "tp_npz_open: 'npz/good.npz' ends at byte 104; it has become shorter"},
        {"npz/good.npz", 6, 90, "tp_npz_open: 'npz/good.npz': Not a zip archive"},
        {"idx/good-idx-ubyte", 4, 13,
         "tp_idx_read: 'idx/good-idx-ubyte' ends at byte 13; it has become shorter"},
        {"idx/good-idx-ubyte.gz", 1, 20,
         "tp_idx_read: 'idx/good-idx-ubyte.gz' ends at byte 20; it has become shorter"},
    };
    static bytes b;
    char got[MOST_TEXT];
    int wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char from[256], to[256];
        snprintf(from, sizeof from, "%s/%s", corpus, cases[i].path);
        snprintf(to, sizeof to, "%s/%s", folder, cases[i].path);
        get_bytes(from, &b);
        *strrchr(to, '/') = 0;
        mkdir(to, 0777);
        snprintf(to, sizeof to, "%s/%s", folder, cases[i].path);
        put_bytes(to, b.v, b.n);
        cut.reads = cases[i].reads;
        cut.path = cases[i].path;
        cut.size = cases[i].size;
        outcome(folder, cases[i].path, got);
        cut.reads = 0;
        if (strcmp(got, cases[i].wanted) == 0) continue;
        print_error("%s\n  wanted %s\n  got    %s\n", cases[i].path, cases[i].wanted, got);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static int make(void **state)
{
    (void)state;
    return make_folder();
}

static int clear(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safetensors), cmocka_unit_test(test_npy),
        cmocka_unit_test(test_npz),         cmocka_unit_test(test_idx),
        cmocka_unit_test(test_mnist),       cmocka_unit_test(test_csv),
        cmocka_unit_test(test_net),         cmocka_unit_test(test_model),
        cmocka_unit_test(test_checkpoint),  cmocka_unit_test(test_large),
        cmocka_unit_test(test_shrinking),
    };
    return cmocka_run_group_tests(tests, make, clear);
}
