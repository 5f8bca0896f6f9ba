/* Loaders: every sample once an epoch, the same order again, and the same batches with a thread. */
#include "faults.h"

#include <taper/ext.h>

/* n samples [i, 10 i] of class i % 3. */
static tp_dataset *samples(tp_context *c, int n)
{
    double x[2 * 64];
    int64_t y[64];
    for (int i = 0; i < n; i++) {
        x[2 * i] = i;
        x[2 * i + 1] = 10 * i;
        y[i] = i % 3;
    }
    tp_tensor *values = tp_from_doubles(c, TP_SHAPE(n, 2), TP_F64, x);
    return tp_dataset_new(c, values, tp_from_array(c, TP_SHAPE(n), TP_I64, y));
}

/* The samples of an epoch, in order, to `seen`; their number. */
static int epoch_of(tp_loader *l, int *seen)
{
    int n = 0;
    for (tp_batch b; tp_loader_next(l, &b);) {
        assert_int_equal(tp_size(b.x, 0), b.size);
        assert_int_equal(tp_numel(b.y), b.size);
        for (int64_t i = 0; i < b.size; i++) {
            seen[n] = (int)tp_get(b.x, TP_INTS(i, 0));
            assert_int_equal((int)tp_get(b.x, TP_INTS(i, 1)), 10 * seen[n]);
            assert_int_equal((int)tp_get(b.y, TP_INTS(i)), seen[n] % 3);
            n++;
        }
    }
    return n;
}

static void test_in_order(void **state)
{
    tp_context *c = *state;
    int seen[64];
    tp_loader *l = tp_loader_new(samples(c, 10), .batch_size = 4);
    assert_int_equal(tp_loader_batches(l), 3);
    for (int epoch = 0; epoch < 3; epoch++) {
        assert_int_equal(tp_loader_epoch(l), epoch);
        assert_int_equal(epoch_of(l, seen), 10);
        for (int i = 0; i < 10; i++) assert_int_equal(seen[i], i);
    }
    tp_batch b;
    assert_true(tp_loader_next(l, &b));
    assert_int_equal(tp_dtype_of(b.x), TP_F32);
    assert_int_equal(tp_dtype_of(b.y), TP_I64);
    assert_int_equal(tp_loader_position(l), 1);
    tp_loader *whole = tp_loader_new(samples(c, 10), .batch_size = 100, .dtype = TP_F64);
    assert_true(tp_loader_next(whole, &b));
    assert_int_equal(b.size, 10);
    assert_int_equal(tp_dtype_of(b.x), TP_F64);
    assert_false(tp_loader_next(whole, &b));
    assert_int_equal(b.size, 0);
    assert_true(tp_is_nil(b.x));
}

static void test_drop_last(void **state)
{
    tp_context *c = *state;
    int seen[64];
    tp_loader *l = tp_loader_new(samples(c, 10), .batch_size = 4, .drop_last = true, .shuffle = true);
    assert_int_equal(tp_loader_batches(l), 2);
    bool any[10] = {false};
    for (int epoch = 0; epoch < 20; epoch++) {
        assert_int_equal(epoch_of(l, seen), 8);
        for (int i = 0; i < 8; i++) any[seen[i]] = true;
    }
    for (int i = 0; i < 10; i++) assert_true(any[i]);
    assert_true(tp_loader_is_nil(tp_loader_new(samples(c, 3), .batch_size = 4, .drop_last = true)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_loader_new: 3 samples are no full batch of 4");
}

/* Each epoch has every sample once, in an order that seed and epoch alone make; the first of them is that of
 * numpy.random.RandomState(7).permutation(8). */
static void test_shuffle(void **state)
{
    tp_context *c = *state;
    static const int numpy[] = {2, 5, 0, 6, 3, 1, 4, 7};
    int first[2][8], second[2][8], other[8];
    for (int run = 0; run < 2; run++) {
        tp_loader *l = tp_loader_new(samples(c, 8), .batch_size = run ? 3 : 8, .shuffle = true, .seed = 7);
        tp_seed(c, (uint64_t)run); /* the context's stream plays no part */
        assert_int_equal(epoch_of(l, first[run]), 8);
        assert_int_equal(epoch_of(l, second[run]), 8);
    }
    assert_memory_equal(first[0], numpy, sizeof numpy);
    assert_memory_equal(first[0], first[1], sizeof numpy);
    assert_memory_equal(second[0], second[1], sizeof numpy);
    assert_memory_not_equal(first[0], second[0], sizeof numpy);
    int sum = 0;
    for (int i = 0; i < 8; i++) sum |= 1 << second[0][i];
    assert_int_equal(sum, 255);
    epoch_of(tp_loader_new(samples(c, 8), .shuffle = true, .seed = 7 + (1ull << 32)), other);
    assert_memory_not_equal(first[0], other, sizeof numpy);
}

static void test_seek(void **state)
{
    tp_context *c = *state;
    for (int prefetch = 0; prefetch < 2; prefetch++) {
        tp_loader *l = tp_loader_new(samples(c, 20), .batch_size = 3, .shuffle = true, .prefetch = prefetch);
        int all[4][21], part[20]; /* the seventh batch would begin at 21 */
        for (int epoch = 0; epoch < 4; epoch++) epoch_of(l, all[epoch]);
        for (int epoch = 3; epoch >= 0; epoch--)
            for (int at = 0; at <= 7; at++) {
                assert_int_equal(tp_loader_seek(l, epoch, at), TP_OK);
                assert_int_equal(tp_loader_position(l), at);
                int n = epoch_of(l, part);
                assert_int_equal(n, at < 7 ? 20 - 3 * at : 0);
                assert_memory_equal(part, all[epoch] + 3 * at, (size_t)n * sizeof *part);
                assert_int_equal(tp_loader_epoch(l), epoch + 1);
            }
        tp_batch b; /* back within an epoch, while the batch after is made */
        for (int at = 5; at >= 0; at--) {
            assert_int_equal(tp_loader_seek(l, 2, at), TP_OK);
            assert_true(tp_loader_next(l, &b));
            assert_int_equal((int)tp_get(b.x, TP_INTS(0, 0)), all[2][3 * at]);
        }
        assert_int_equal(tp_loader_seek(l, 0, 8), TP_ERR_ARGUMENT);
        expect_report(c, "tp_loader_seek: there is no batch 8 of epoch 0, among 7");
        assert_int_equal(tp_loader_seek(l, -1, 0), TP_ERR_ARGUMENT);
    }
}

/* A thread that works ahead changes nothing. */
static void test_prefetch(void **state)
{
    tp_context *c = *state;
    tp_dataset *d = samples(c, 50);
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_FEATURE), TP_OK);
    tp_loader *plain = tp_loader_new(d, .batch_size = 8, .shuffle = true, .seed = 3);
    tp_loader *ahead = tp_loader_new(d, .batch_size = 8, .shuffle = true, .seed = 3, .prefetch = true);
    assert_int_equal(tp_dataset_scale(d, TP_SCALE_NONE), TP_OK); /* they keep what there was */
    for (int i = 0; i < 40; i++) {
        tp_batch p, q;
        bool more = tp_loader_next(plain, &p);
        assert_int_equal(tp_loader_next(ahead, &q), more);
        if (!more) continue;
        assert_int_equal(p.size, q.size);
        assert_memory_equal(tp_data(p.x), tp_data(q.x), (size_t)tp_numel(p.x) * 4);
        assert_memory_equal(tp_data(p.y), tp_data(q.y), (size_t)p.size * 8);
        assert_true(fabs(tp_get(p.x, TP_INTS(0, 0))) < 2);
    }
    for (int i = 0; i < 20; i++) { /* dropped at once, or while the thread works */
        tp_mark scope = tp_open_scope(c);
        tp_loader *l = tp_loader_new(d, .batch_size = 8, .prefetch = true);
        tp_batch b;
        for (int k = 0; k < i % 3; k++) assert_true(tp_loader_next(l, &b));
        tp_close_scope(c, scope);
    }
}

/* A batch is overwritten by the next one: a graph that needs it says so. */
static void test_overwritten(void **state)
{
    tp_context *c = *state;
    for (int prefetch = 0; prefetch < 2; prefetch++) {
        tp_loader *l = tp_loader_new(samples(c, 8), .batch_size = 4, .prefetch = prefetch);
        tp_tensor *w = tp_require_grad(tp_ones(c, TP_SHAPE(2, 1), TP_F32));
        tp_batch b;
        assert_true(tp_loader_next(l, &b));
        tp_tensor *loss = tp_sum(tp_matmul(b.x, w), TP_ALL, false);
        assert_true(tp_loader_next(l, &b));
        tp_backward(loss);
        expect_error(c, TP_ERR_STATE, "overwritten");
    }
}

/* A step in steady state allocates nothing. */
static void test_no_allocation(void **state)
{
    tp_context *c = *state;
    for (int prefetch = 0; prefetch < 2; prefetch++) {
        tp_loader *l = tp_loader_new(samples(c, 20), .batch_size = 6, .shuffle = true, .prefetch = prefetch);
        int seen[64];
        epoch_of(l, seen);
        size_t before = books.calls;
        for (int i = 0; i < 3; i++) {
            tp_batch b;
            while (tp_loader_next(l, &b)) assert_true(b.size > 0);
        }
        assert_int_equal(books.calls, before);
    }
}

static void test_targets(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = MATRIX(c, 3, 1, 1, 2, 3);
    tp_batch b;
    assert_true(tp_loader_next(tp_loader_new(tp_dataset_new(c, x, NULL)), &b));
    assert_true(tp_is_nil(b.y));
    assert_int_equal(b.size, 3);
    assert_true(tp_loader_next(tp_loader_new(tp_dataset_new(c, x, VECTOR(c, 4, 5, 6))), &b));
    assert_int_equal(tp_dtype_of(b.y), TP_F32);
    expect_values(b.y, TP_SHAPE(3), 4, 5, 6);
    tp_dataset *wide = tp_dataset_new(c, x, MATRIX(c, 3, 2, 1, 2, 3, 4, 5, 6));
    tp_loader *l = tp_loader_new(wide, .batch_size = 2, .dtype = TP_F64);
    assert_true(tp_loader_next(l, &b));
    expect_values(b.y, TP_SHAPE(2, 2), 1, 2, 3, 4);
    assert_true(tp_loader_next(l, &b));
    expect_values(b.y, TP_SHAPE(1, 2), 5, 6);
    expect_values(b.x, TP_SHAPE(1, 1), 3);
}

static void test_wrong_calls(void **state)
{
    tp_context *c = *state;
    tp_dataset *d = samples(c, 5);
    tp_batch b;
    assert_true(tp_loader_is_nil(tp_loader_new(d, .batch_size = TP_ZERO)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_loader_new: takes a batch size of 1 or more, got 0");
    tp_loader_new(d, .batch_size = -3);
    expect_error(c, TP_ERR_ARGUMENT, "got -3");
    tp_loader_new(d, .dtype = TP_I32);
    expect_error(c, TP_ERR_DTYPE, "tp_loader_new: makes batches of f32 or f64, not of i32");
    tp_loader_new(tp_dataset_rows(d, NULL, 0));
    expect_error(c, TP_ERR_DATA, "tp_loader_new: the data set is empty");
    tp_loader *nil = tp_loader_new(tp_nil_dataset(c));
    expect_error(c, TP_ERR_ARGUMENT, "tp_loader_new: argument 'd' is nil");
    assert_false(tp_loader_next(nil, &b));
    expect_error(c, TP_ERR_ARGUMENT, "tp_loader_next: argument 'l' is nil");
    assert_false(tp_loader_next(NULL, &b));
    tp_loader *l = tp_loader_new_with(d, NULL);
    assert_false(tp_loader_next(l, NULL));
    expect_error(c, TP_ERR_ARGUMENT, "argument 'batch' is NULL");
    assert_int_equal(tp_loader_seek(nil, 0, 0), TP_ERR_ARGUMENT);
    assert_int_equal(tp_loader_seek(NULL, 0, 0), TP_ERR_ARGUMENT);
    assert_int_equal(tp_loader_batches(nil) + tp_loader_epoch(NULL) + tp_loader_position(nil), 0);
    tp_fail(c, TP_ERR_STATE, "planted");
    assert_false(tp_loader_next(l, &b));
    assert_int_equal(tp_loader_position(l), 0);
    assert_int_equal(tp_loader_seek(l, 3, 0), TP_ERR_STATE);
    assert_int_equal(tp_loader_epoch(l), 0);
    tp_clear(c);
}

/* A loader lives as long as its scope, the data as long as the loader. */
static void test_lifetime(void **state)
{
    tp_context *c = *state;
    tp_mark scope = tp_open_scope(c);
    tp_dataset *d = samples(c, 5);
    tp_loader *l = tp_loader_new(d);
    tp_object_keep((tp_object *)l);
    tp_close_scope(c, scope);
    assert_true(tp_dataset_is_nil(d) || tp_dataset_size(d) == 5);
    int seen[64];
    assert_int_equal(epoch_of(l, seen), 5);
    scope = tp_open_scope(c);
    tp_loader *lost = tp_loader_new(samples(c, 5), .prefetch = true);
    tp_close_scope(c, scope);
    tp_batch b;
    assert_false(tp_loader_next(lost, &b));
    expect_error(c, TP_ERR_STATE, "was freed when the scope");
}

/* With the at-th allocation failing there is no loader and nothing is left over; false if it takes fewer. */
static bool fail_at(long at, bool prefetch)
{
    faulty hook;
    tp_context *c = faulty_open(&hook, all_after);
    tp_dataset *d = samples(c, 10);
    tp_mark scope = tp_open_scope(c);
    faulty_arm(&hook, at);
    tp_loader *l = tp_loader_new(d, .batch_size = 4, .shuffle = true, .prefetch = prefetch);
    bool refused = faulty_disarm(&hook);
    EXPECT(refused == tp_loader_is_nil(l) && refused == !tp_ok(c), "loader", at, c);
    if (refused) {
        EXPECT(tp_error(c) == TP_ERR_MEMORY && names_a_call(tp_error_text(c)), "loader", at, c);
        tp_clear(c);
    }
    tp_batch b;
    EXPECT(tp_loader_next(tp_loader_new(d, .prefetch = prefetch), &b), "loader", at, c);
    tp_close_scope(c, scope);
    tp_close(c);
    EXPECT(hook.books.blocks == 0, "loader", at, NULL);
    return refused;
}

static void test_faults(void **state)
{
    (void)state;
    for (int prefetch = 0; prefetch < 2; prefetch++) {
        long at = 1;
        while (fail_at(at, prefetch)) at++;
        assert_true(at > 4);
    }
}

static const struct CMUnitTest tests[] = {
    TEST(test_in_order),    TEST(test_drop_last),   TEST(test_shuffle),       TEST(test_seek),
    TEST(test_prefetch),    TEST(test_overwritten), TEST(test_no_allocation), TEST(test_targets),
    TEST(test_wrong_calls), TEST(test_lifetime),    FAULT_TESTS(test_faults),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
