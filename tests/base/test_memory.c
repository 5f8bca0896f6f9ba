#include "fixture.h"

#include "base/memory.h"

/* The smallest of 64, 80, 96, 112, 128, 160 ... that holds `size`, by trying them in turn; from 4 MiB on they
 * are half a MiB apart. */
static size_t class_of(size_t size)
{
    if (size <= 64) return 64;
    if (size > 4 << 20) return (size / (1 << 19) + (size % (1 << 19) != 0)) * (1 << 19);
    for (size_t power = 64;; power *= 2)
        for (size_t quarter = 5; quarter <= 8; quarter++)
            if (power / 4 * quarter >= size) return power / 4 * quarter;
}

typedef struct arena {
    ledger books;
    tp_cache cache;
} arena;

static void arena_open(arena *a, const tp_options *given)
{
    tp_options options = *given;
    ledger_start(&a->books);
    options.allocator = ledger_allocator;
    options.allocator_user = &a->books;
    a->cache = (tp_cache){.pool = tp_pool_new(&options), .off = options.no_cache};
    assert_non_null(a->cache.pool);
}

static void arena_close(arena *a)
{
    tp_cache_trim(&a->cache);
    tp_pool_close(a->cache.pool, 0);
    assert_int_equal(a->books.blocks, 0);
}

static void check_class(arena *a, size_t size)
{
    size_t before = a->books.bytes, live = a->cache.live;
    void *block = tp_cache_alloc(&a->cache, size);
    assert_non_null(block);
    memset(block, 0x5a, size);
    assert_int_equal(a->cache.live - live, class_of(size));
    assert_int_equal(a->books.bytes - before, class_of(size));
    tp_cache_free(&a->cache, block, size);
    assert_int_equal(a->cache.live, live);
    tp_cache_trim(&a->cache); /* the hook aborts if the size is not the one it gave */
    assert_int_equal(a->books.bytes, before);
}

static void test_size_classes(void **state)
{
    (void)state;
    arena a;
    arena_open(&a, &(tp_options){0});
    for (size_t size = 1; size <= 5000; size++) check_class(&a, size);
    for (size_t power = 4096; power <= (size_t)1 << 26; power *= 2)
        for (size_t quarter = 4; quarter < 8; quarter++)
            for (size_t size = power / 4 * quarter - 1; size <= power / 4 * quarter + 1; size++)
                check_class(&a, size);
    arena_close(&a);
}

static void test_cache_reuses_within_a_class(void **state)
{
    (void)state;
    arena a;
    arena_open(&a, &(tp_options){0});
    static const size_t sizes[][2] = {{1, 64}, {65, 80}, {129, 160}, {1000, 1024}, {1025, 1280}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        void *first = tp_cache_alloc(&a.cache, sizes[k][0]);
        tp_cache_free(&a.cache, first, sizes[k][0]);
        size_t calls = a.books.calls;
        void *again = tp_cache_alloc(&a.cache, sizes[k][1]);
        assert_ptr_equal(again, first);
        void *other = tp_cache_alloc(&a.cache, sizes[k][1]);
        assert_ptr_not_equal(other, first);
        assert_int_equal(a.books.calls, calls + 1);
        tp_cache_free(&a.cache, again, sizes[k][1]);
        void *next = tp_cache_alloc(&a.cache, sizes[k][1] + 1); /* of the class above: not this block */
        assert_ptr_not_equal(next, first);
        tp_cache_free(&a.cache, next, sizes[k][1] + 1);
        tp_cache_free(&a.cache, other, sizes[k][1]);
    }
    arena_close(&a);
}

/* Large blocks of several sizes in one list: each is found by its size. */
static void test_cache_of_large_blocks(void **state)
{
    (void)state;
    enum { MIB = 1 << 20, N = 4 };
    static const size_t sizes[N] = {33 * MIB, 34 * MIB, 35 * MIB, 36 * MIB};
    void *blocks[N];
    arena a;
    arena_open(&a, &(tp_options){0});
    for (int i = 0; i < N; i++) blocks[i] = tp_cache_alloc(&a.cache, sizes[i]);
    for (int i = 0; i < N; i++) tp_cache_free(&a.cache, blocks[i], sizes[i]);
    size_t calls = a.books.calls;
    for (int i = 0; i < N; i++) assert_ptr_equal(tp_cache_alloc(&a.cache, sizes[i] - 1000), blocks[i]);
    assert_int_equal(a.books.calls, calls);
    for (int i = 0; i < N; i++) tp_cache_free(&a.cache, blocks[i], sizes[i]);
    arena_close(&a);
}

static void test_no_cache_gives_back_at_once(void **state)
{
    (void)state;
    arena a;
    arena_open(&a, &(tp_options){.no_cache = true});
    size_t before = a.books.blocks;
    void *block = tp_cache_alloc(&a.cache, 300);
    assert_int_equal(a.books.blocks, before + 1);
    tp_cache_free(&a.cache, block, 300);
    assert_int_equal(a.books.blocks, before);
    tp_cache_free(&a.cache, NULL, 300);
    arena_close(&a);
}

static void test_limit_counts_the_cache_and_trims_it(void **state)
{
    (void)state;
    arena a;
    arena_open(&a, &(tp_options){.memory_limit = 1024});
    void *blocks[8];
    for (int k = 0; k < 8; k++) assert_non_null(blocks[k] = tp_cache_alloc(&a.cache, 128));
    assert_null(tp_cache_alloc(&a.cache, 1));
    assert_int_equal(a.cache.live, 1024);
    for (int k = 0; k < 8; k++) tp_cache_free(&a.cache, blocks[k], 128);
    assert_int_equal(atomic_load(&a.cache.pool->used), 1024); /* all in the cache */
    void *whole = tp_cache_alloc(&a.cache, 1024);             /* another class: the cache makes room */
    assert_non_null(whole);
    assert_int_equal(atomic_load(&a.cache.pool->used), 1024);
    tp_cache_free(&a.cache, whole, 1024);
    assert_null(tp_cache_alloc(&a.cache, 1025));
    arena_close(&a);
}

static void test_sizes_that_cannot_be(void **state)
{
    (void)state;
    arena a;
    arena_open(&a, &(tp_options){.memory_limit = 1 << 20});
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 4 + 1, SIZE_MAX / 4};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) assert_null(tp_cache_alloc(&a.cache, sizes[k]));
    assert_int_equal(a.cache.live, 0);
    assert_int_equal(atomic_load(&a.cache.pool->used), 0);
    arena_close(&a);
}

static void test_used_and_peak(void **state)
{
    tp_context *c = *state;
    size_t start = tp_memory_used(c);
    tp_memory_reset_peak(c);
    assert_int_equal(tp_memory_peak(c), start);
    tp_tensor *kept = tp_zeros(c, TP_SHAPE(100), TP_F64);
    size_t one = tp_memory_used(c) - start;
    assert_in_range(one, 800, 800 + 1024);
    tp_mark m = tp_open_scope(c);
    for (int k = 0; k < 10; k++) tp_zeros(c, TP_SHAPE(1000), TP_F64);
    size_t inside = tp_memory_used(c);
    assert_in_range(inside - start, 80800, 110000);
    tp_close_scope(c, m);
    assert_int_equal(tp_memory_peak(c), inside);
    assert_true(tp_memory_used(c) < start + one + 11 * 1024); /* stale handles only */
    tp_memory_reset_peak(c);
    assert_int_equal(tp_memory_peak(c), tp_memory_used(c));
    size_t held = books.bytes;
    tp_memory_trim(c);
    assert_true(books.bytes + 80000 <= held);
    assert_true(books.bytes >= tp_memory_used(c));
    expect_near(tp_get(kept, TP_INTS(99)), 0, 0);
}

static void test_limit_is_an_error_of_the_context(void **state)
{
    (void)state;
    ledger other;
    ledger_start(&other);
    tp_options options = {.allocator = ledger_allocator, .allocator_user = &other, .memory_limit = 100000};
    tp_context *c = tp_open(&options);
    tp_mark m = tp_open_scope(c);
    for (int k = 0; k < 1000 && tp_ok(c); k++) tp_zeros(c, TP_SHAPE(100), TP_F64);
    assert_int_equal(tp_error(c), TP_ERR_MEMORY);
    assert_in_range(other.most, 90000, 100000 + sizeof(tp_pool));
    assert_true(tp_is_nil(tp_zeros(c, TP_SHAPE(1), TP_F64)));
    expect_error(c, TP_ERR_MEMORY, "bytes");
    tp_close_scope(c, m);
    assert_false(tp_is_nil(tp_zeros(c, TP_SHAPE(9000), TP_F64)));
    assert_true(tp_is_nil(tp_zeros(c, TP_SHAPE(INT64_C(1) << 56), TP_F64)));
    expect_error(c, TP_ERR_MEMORY, "bytes");
    assert_int_equal(tp_close(c), 0);
    assert_int_equal(other.blocks, 0);
}

static void test_open_without_memory(void **state)
{
    (void)state;
    ledger other;
    tp_options options = {.allocator = ledger_allocator, .allocator_user = &other};
    for (int k = 0; k < 2; k++) {
        ledger_start(&other);
        other.left = k;
        assert_null(tp_open(&options));
        assert_int_equal(other.blocks, 0);
    }
    options.memory_limit = 100; /* less than a context */
    ledger_start(&other);
    assert_null(tp_open(&options));
    assert_int_equal(other.blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_classes),
        cmocka_unit_test(test_cache_reuses_within_a_class),
        cmocka_unit_test(test_cache_of_large_blocks),
        cmocka_unit_test(test_no_cache_gives_back_at_once),
        cmocka_unit_test(test_limit_counts_the_cache_and_trims_it),
        cmocka_unit_test(test_sizes_that_cannot_be),
        TEST(test_used_and_peak),
        cmocka_unit_test(test_limit_is_an_error_of_the_context),
        cmocka_unit_test(test_open_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
