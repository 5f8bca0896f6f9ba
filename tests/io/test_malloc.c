/* libc's allocator fails, under Taper and under jansson, libzip, zlib, libcsv and libc itself. */
#include "mallocs.h"

#include "faults.h"
#include "io/files.h"

#include <taper/ext.h>

#include <time.h>

/* --- what is called; each gives what it has read, or nothing after a failure --- */

/* The elements, got with memory. */
static outcome of_tensor(const tp_tensor *t)
{
    outcome o = {0};
    long at = heap.at;
    heap.at = 0;
    if (!tp_is_nil(t)) outcome_add(&o, t);
    heap.at = at;
    return o;
}

/* A file was written: what is in it. */
static outcome of_file(tp_context *c, tp_status status, const char *path)
{
    outcome o = {0};
    static bytes b;
    if (status == TP_OK && tp_ok(c)) {
        get_bytes(path, &b);
        for (size_t i = 0; i < b.n; i++) outcome_number(&o, b.v[i]);
    }
    return o;
}

static tp_module *net(tp_context *c) { return tp_net(c, "linear 4, tanh, linear 3", TP_SHAPE(2)); }

/* A set with all that a model file says about one. */
static tp_dataset *set(tp_context *c)
{
    tp_tensor *y = tp_from_array(c, TP_SHAPE(4), TP_I64, (int64_t[]){0, 1, 1, 0});
    tp_dataset *d = tp_dataset_new(c, MATRIX(c, 4, 2, 0.5, 0, 0.25, 1, 0.75, 1, 1, 0), y);
    tp_dataset_name_classes(d, (const char *const[]){"no", "yes", "maybe"}, 3);
    tp_dataset_name_features(d, (const char *const[]){"length", "color"}, 2);
    tp_dataset_name_categories(d, 1, (const char *const[]){"blue", "red"}, 2);
    tp_dataset_name_target(d, "answer");
    tp_dataset_scale(d, TP_SCALE_FEATURE);
    return d;
}

static tp_status save_safetensors(tp_context *c, const char *path)
{
    const tp_named_tensor named[] = {{"w", MATRIX(c, 2, 2, 1, 2, 3, 4)},
                                     {"b", tp_ones(c, TP_SHAPE(3), TP_U8)}};
    return tp_safetensors_save(c, path, named, 2, (const tp_metadata[]){{"key", "value"}}, 1);
}

static outcome open_safetensors(tp_context *c, const char *path)
{
    return of_tensor(tp_safetensors_read(tp_safetensors_open(c, path), "w"));
}

static tp_status save_npy(tp_context *c, const char *path) { return tp_npy_save(VECTOR(c, 1, 2), path); }
static outcome open_npy(tp_context *c, const char *path) { return of_tensor(tp_npy_read(c, path)); }

static tp_status save_npz_as(tp_context *c, const char *path, bool deflate)
{
    const tp_named_tensor named[] = {{"w", tp_arange(c, 0, 500, 1, TP_F64)}, {"dir/b", VECTOR(c, 1, 2)}};
    return tp_npz_save(c, path, named, 2, .deflate = deflate);
}

static tp_status save_npz(tp_context *c, const char *path) { return save_npz_as(c, path, false); }
static tp_status save_deflated(tp_context *c, const char *path) { return save_npz_as(c, path, true); }

static outcome open_npz(tp_context *c, const char *path)
{
    tp_npz *f = tp_npz_open(c, path);
    tp_tensor *w = tp_npz_read(f, "w"), *b = tp_npz_read(f, "dir/b");
    return of_tensor(tp_concat(TP_TENSORS(w, b), 0));
}

static tp_status save_idx(tp_context *c, const char *path) { return tp_idx_save(VECTOR(c, 1, 2), path); }
static outcome open_idx(tp_context *c, const char *path) { return of_tensor(tp_idx_read(c, path)); }

static tp_status save_csv(tp_context *c, const char *path) { return tp_csv_save(VECTOR(c, 1, 2), path); }
static tp_status save_set(tp_context *c, const char *path) { return tp_dataset_save(set(c), path); }

static outcome open_csv(tp_context *c, const char *path)
{
    return of_tensor(tp_dataset_x(tp_dataset_open(c, path, .kind = TP_TARGET_NONE), TP_F64));
}

static tp_status save_module(tp_context *c, const char *path) { return tp_module_save(net(c), path); }

static outcome load_module(tp_context *c, const char *path)
{
    tp_module *m = net(c);
    tp_seed(c, 0);
    outcome none = {0};
    if (!tp_ok(c) || tp_module_load(m, path) != TP_OK) return none;
    return of_tensor(tp_parameter_at(m, 0, NULL, 0));
}

static tp_status save_model(tp_context *c, const char *path)
{
    tp_module *criterion = tp_criterion_named(c, "cross_entropy");
    return tp_model_save(net(c), path, .data = set(c), .criterion = criterion);
}

static outcome open_model(tp_context *c, const char *path)
{
    tp_model *m = tp_model_open(c, path);
    outcome o = of_tensor(tp_forward(tp_model_net(m), tp_ones(c, TP_SHAPE(1, 2), TP_F32)));
    outcome_number(&o, tp_dataset_classes(tp_model_data(m)));
    return o;
}

static tp_status write_file(tp_context *c, const char *path) { return tp_write_file(c, path, "text", 4); }

static outcome clear_folder(tp_context *c, const char *path)
{
    outcome o = {0};
    (void)path;
    if (tp_remove_leftovers(c, folder) == TP_OK) outcome_number(&o, 1);
    return o;
}

static const struct kind {
    const char *name;
    tp_status (*save)(tp_context *c, const char *path);
    outcome (*open)(tp_context *c, const char *path);
    long least; /* allocations, theirs and ours */
    bool leaks; /* libzip 1.7.3 itself loses a block in some places where malloc fails */
} kinds[] = {
    {"f.safetensors", save_safetensors, open_safetensors, 40, false},
    {"f.npy", save_npy, open_npy, 3, false},
    {"f.npz", save_npz, open_npz, 30, true},
    {"deflated.npz", save_deflated, open_npz, 40, true},
    {"f-idx1-ubyte.gz", save_idx, open_idx, 5, false},
    {"f.csv", save_csv, open_csv, 5, false},
    {"set.csv", save_set, open_csv, 20, false},
    {"net.safetensors", save_module, load_module, 100, false},
    {"model.safetensors", save_model, open_model, 200, false},
    {"text", write_file, clear_folder, 1, false},
};

/* --- the walk --- */

/* A save (else an open) of a kind, of which the at-th allocation fails: the result of ever, or an error for
 * want of memory, nothing lost and the file as it was. False if it takes fewer allocations. */
static bool fail_at(const struct kind *k, bool saves, long at, bool rest, const outcome *expected)
{
    const char *path = in_folder(k->name);
    if (saves) put_bytes(path, "old", 3);
    ledger_start(&books);
    tzset(); /* libc keeps the name of the time zone, which libzip asks for */
    long out = heap.blocks;
    tp_context *c =
        tp_open(&(tp_options){.allocator = ledger_allocator, .allocator_user = &books, .no_cache = true});
    tp_mark scope = tp_open_scope(c);
    heap_arm(at, rest);
    tp_status status = saves ? k->save(c, path) : TP_OK;
    outcome o = saves ? (outcome){0} : k->open(c, path);
    bool refused = heap_disarm();
    if (saves) o = of_file(c, status, path);
    bool failed = !outcome_equal(&o, expected);
    EXPECT(refused || !failed, k->name, at, c);
    if (failed) {
        bool memory = tp_error(c) == TP_ERR_MEMORY || status == TP_ERR_MEMORY;
        const char *text = tp_error_text(c);
        EXPECT(memory || strstr(text, "no memory") || strstr(text, strerror(ENOMEM)), k->name, at, c);
        if (saves) {
            static bytes b;
            get_bytes(path, &b);
            EXPECT(b.n == 3 && memcmp(b.v, "old", 3) == 0, k->name, at, c);
        }
    }
    EXPECT(folder_files(NULL) == 1, k->name, at, c);
    tp_close_scope(c, scope);
    tp_clear(c);
    tp_close(c);
    EXPECT(books.blocks == 0, k->name, at, NULL);
    tzset();
    long lost = heap.blocks - out;
    EXPECT(lost == 0 || (refused && lost == 1 && k->leaks), k->name, at, NULL);
    return refused;
}

static void walk(const struct kind *k, bool saves, bool rest)
{
    const char *path = in_folder(k->name);
    tp_context *c = tp_open(NULL);
    tp_status status = k->save(c, path);
    outcome expected = saves ? of_file(c, status, path) : k->open(c, path);
    EXPECT(tp_ok(c) && expected.n > 0, k->name, 0L, c);
    tp_close(c);
    long at = 1;
    while (fail_at(k, saves, at, rest, &expected)) at++;
    EXPECT(at > k->least, k->name, at, NULL);
    assert_int_equal(remove(path), 0);
}

static void test_libc_fails(void **state)
{
    (void)state;
#ifndef COUNTS
    print_message("a sanitizer has libc's allocator in its hands\n");
    skip();
#endif
    assert_int_equal(make_folder(), 0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int way = 0; way < 4; way++) walk(&kinds[i], way / 2, way % 2);
    assert_int_equal(remove_folder(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_libc_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
