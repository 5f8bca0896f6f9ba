#include "fixture.h"

#include "tensor/tensor.h"

#include <pthread.h>

static void count(void *user) { atomic_fetch_add((atomic_int *)user, 1); }

static void test_fresh_storage_is_aligned(void **state)
{
    tp_context *c = *state;
    for (int64_t n = 0; n < 300; n++) {
        tp_tensor *t = tp_zeros(c, TP_SHAPE(n), TP_U8);
        assert_int_equal((uintptr_t)tp_data(t) % 64, 0);
        memset(tp_data_mut(t), 0xff, (size_t)n);
    }
}

static void test_zero_size(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = tp_zeros(c, TP_SHAPE(3, 0, 2), TP_F32);
    assert_int_equal(tp_numel(t), 0);
    assert_int_equal(tp_rank(t), 3);
    assert_non_null(tp_data(t));
    assert_int_equal(tp_read(t, NULL, 0), TP_OK);
    assert_int_equal(tp_write(t, NULL, 0), TP_OK);
    assert_true(tp_is_contiguous(t));
    atomic_int gone = 0;
    tp_mark m = tp_open_scope(c);
    tp_tensor *w = tp_wrap(c, TP_SHAPE(0), TP_F32, NULL, count, &gone);
    assert_int_equal(tp_numel(w), 0);
    assert_int_equal(tp_numel(tp_add(w, w)), 0);
    tp_close_scope(c, m);
    assert_int_equal(gone, 1);
}

static void test_wrap_calls_the_deleter_once(void **state)
{
    tp_context *c = *state;
    atomic_int gone = 0;
    double memory[6] = {1, 2, 3, 4, 5, 6};
    tp_mark outer = tp_open_scope(c), m = tp_open_scope(c);
    tp_tensor *t = tp_wrap(c, TP_SHAPE(2, 3), TP_F64, memory, count, &gone);
    assert_ptr_equal(tp_data(t), memory);
    expect_near(tp_get(t, TP_INTS(1, 0)), 4, 0);
    tp_write(t, (double[]){6, 5, 4, 3, 2, 1}, 48);
    expect_near(memory[1], 5, 0);
    tp_tensor *row = tp_keep(tp_select(t, 0, 1));
    tp_close_scope(c, m);
    assert_int_equal(gone, 0); /* the view needs it */
    expect_values(row, TP_SHAPE(3), 3, 2, 1);
    tp_close_scope(c, outer);
    assert_int_equal(gone, 1);
    tp_mark plain = tp_open_scope(c);
    assert_false(tp_is_nil(tp_wrap(c, TP_SHAPE(6), TP_F64, memory, NULL, NULL)));
    tp_close_scope(c, plain);
}

static void test_wrap_that_fails_calls_no_deleter(void **state)
{
    tp_context *c = *state;
    atomic_int gone = 0;
    double memory[6];
    assert_true(tp_is_nil(tp_wrap(c, TP_SHAPE(2), TP_F64, NULL, count, &gone)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_wrap: argument 'data' is NULL");
    assert_true(tp_is_nil(tp_wrap(c, TP_SHAPE(2), TP_F64, (char *)memory + 4, count, &gone)));
    expect_error(c, TP_ERR_ARGUMENT, "not aligned for f64");
    assert_true(tp_is_nil(tp_wrap(c, TP_SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1), TP_F64, memory, count, &gone)));
    expect_error(c, TP_ERR_SHAPE, "rank 9");
    assert_true(tp_is_nil(tp_wrap(c, TP_SHAPE(-2), TP_F64, memory, count, &gone)));
    expect_error(c, TP_ERR_SHAPE, "negative");
    for (int k = 0; k < 2; k++) {
        tp_memory_trim(c);
        books.left = k;
        assert_true(tp_is_nil(tp_wrap(c, TP_SHAPE(2), TP_F64, memory, count, &gone)));
        books.left = -1;
        expect_error(c, TP_ERR_MEMORY, "no memory");
    }
    assert_int_equal(gone, 0);
}

/* --- shared with another context --- */

static tp_context *second(ledger *other)
{
    ledger_start(other);
    return tp_open(&(tp_options){.allocator = ledger_allocator, .allocator_user = other, .check = true});
}

static void test_shared_is_read_only(void **state)
{
    tp_context *c = *state;
    static ledger other; /* a storage may come back when the test has returned */
    tp_context *d = second(&other);
    tp_tensor *t = tp_require_grad(MATRIX(c, 2, 2, 1, 2, 3, 4)), *s = tp_share_tensor(d, t);
    assert_ptr_equal(tp_context_of(s), d);
    assert_ptr_equal(tp_data(s), tp_data(t));
    assert_false(tp_has_history(s));
    expect_values(tp_add(s, s), TP_SHAPE(2, 2), 2, 4, 6, 8);
    assert_int_equal(tp_write(s, (double[4]){0}, 32), TP_ERR_STATE);
    expect_report(d, "tp_write: the tensor is shared with another context, read-only");
    assert_null(tp_data_mut(tp_transpose(s, 0, 1)));
    expect_error(d, TP_ERR_STATE, "read-only");
    assert_true(tp_is_nil(tp_sgd_update(tp_reshape(s, TP_SHAPE(4)), VECTOR(d, 1, 1, 1, 1), 1)));
    expect_error(d, TP_ERR_STATE, "read-only");
    assert_true(tp_is_nil(tp_add(t, s)));
    expect_error(c, TP_ERR_ARGUMENT, "belongs to another context");
    assert_true(tp_is_nil(tp_share_tensor(d, NULL)));
    expect_error(d, TP_ERR_ARGUMENT, "tp_share_tensor: argument 't' is");
    assert_true(tp_is_nil(tp_share_tensor(NULL, t)));
    assert_int_equal(tp_close(d), 0);
    assert_int_equal(other.blocks, 0);
}

static void test_stale_share_fails_the_receiver_only(void **state)
{
    tp_context *c = *state;
    static ledger other; /* a storage may come back when the test has returned */
    tp_context *d = second(&other);
    tp_mark m = tp_open_scope(c);
    tp_tensor *t = VECTOR(c, 1);
    tp_close_scope(c, m);
    assert_true(tp_is_nil(tp_share_tensor(d, t)));
    expect_error(d, TP_ERR_ARGUMENT, "tp_share_tensor: argument 't' is");
    assert_true(tp_ok(c));
    tp_close(d);
}

static void test_storage_outlives_its_context(void **state)
{
    tp_context *c = *state;
    static ledger other; /* a storage may come back when the test has returned */
    atomic_int gone = 0;
    double memory[2] = {5, 6};
    tp_context *d = second(&other);
    tp_mark in_c = tp_open_scope(c);
    tp_tensor *s = tp_share_tensor(c, tp_full(d, TP_SHAPE(1000), 3, TP_F64));
    tp_tensor *w = tp_share_tensor(c, tp_wrap(d, TP_SHAPE(2), TP_F64, memory, count, &gone));
    assert_int_equal(tp_close(d), 0);
    assert_int_equal(gone, 0);
    assert_true(other.bytes >= 8000);
    expect_near(tp_get(s, TP_INTS(999)), 3, 0);
    expect_values(w, TP_SHAPE(2), 5, 6);
    tp_close_scope(c, in_c);
    assert_int_equal(gone, 1);
    assert_int_equal(other.blocks, 0);
}

/* Bytes that another context gave back count neither as used nor in later peaks. */
static void test_accounting_across_contexts(void **state)
{
    tp_context *c = *state;
    static ledger other; /* a storage may come back when the test has returned */
    tp_context *d = second(&other);
    size_t before = tp_memory_used(d);
    for (int k = 0; k < 20; k++) {
        tp_mark in_c = tp_open_scope(c), in_d = tp_open_scope(d);
        tp_share_tensor(c, tp_zeros(d, TP_SHAPE(10000), TP_F64));
        tp_close_scope(d, in_d);
        assert_true(tp_memory_used(d) >= before + 80000); /* still held, for c */
        tp_close_scope(c, in_c);
        assert_true(tp_memory_used(d) < before + 16000); /* stale handles */
        tp_memory_trim(d);
        assert_true(other.bytes < before + 16000);
    }
    assert_true(tp_memory_peak(d) < before + 80000 + 32000);
    tp_memory_reset_peak(d);
    assert_int_equal(tp_memory_peak(d), tp_memory_used(d));
    tp_close(d);
    assert_int_equal(other.blocks, 0);
}

/* --- with threads --- */

enum { THREADS = 4, TURNS = 50 };

typedef struct job {
    const tp_tensor *weight, *bias;
    double sum;
    int failed;
} job;

/* Predicts from shared parameters with a context of its own. */
static void *predict(void *user)
{
    job *j = user;
    tp_context *c = tp_open(NULL);
    for (int k = 0; k < TURNS; k++) {
        tp_mark m = tp_open_scope(c);
        tp_tensor *w = tp_share_tensor(c, j->weight), *b = tp_share_tensor(c, j->bias);
        tp_tensor *y = tp_relu(tp_add(tp_matmul(tp_full(c, TP_SHAPE(3, 8), k, TP_F32), w), b));
        j->sum += tp_item(tp_sum(y, TP_ALL, false));
        tp_close_scope(c, m);
    }
    j->failed = tp_close(c);
    return NULL;
}

static void test_threads_predict_from_shared_parameters(void **state)
{
    tp_context *c = *state;
    tp_tensor *w = tp_full(c, TP_SHAPE(8, 4), 0.5, TP_F32), *b = tp_full(c, TP_SHAPE(4), 1, TP_F32);
    pthread_t thread[THREADS];
    job jobs[THREADS];
    for (int k = 0; k < THREADS; k++) {
        jobs[k] = (job){.weight = w, .bias = b};
        assert_int_equal(pthread_create(&thread[k], NULL, predict, &jobs[k]), 0);
    }
    double wanted = 0; /* 3 rows of 4 outputs, each 8 * k * 0.5 + 1 */
    for (int k = 0; k < TURNS; k++) wanted += 12 * (4.0 * k + 1);
    for (int k = 0; k < THREADS; k++) {
        pthread_join(thread[k], NULL);
        assert_int_equal(jobs[k].failed, 0);
        expect_near(jobs[k].sum, wanted, 0);
    }
}

/* Closes a context that this thread alone uses from now on. */
static void *drop(void *user)
{
    tp_close(user);
    return NULL;
}

/* The thread and the owner let go at the same time: the deleter runs once, in either. */
static void test_either_side_frees(void **state)
{
    (void)state;
    double memory[4] = {0};
    for (int k = 0; k < TURNS; k++) {
        atomic_int gone = 0;
        static ledger other; /* a storage may come back when the test has returned */
        tp_context *d = second(&other);
        tp_context *theirs = tp_open(NULL);
        tp_share_tensor(theirs, tp_wrap(d, TP_SHAPE(4), TP_F64, memory, count, &gone));
        tp_share_tensor(theirs, tp_zeros(d, TP_SHAPE(100), TP_F64));
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, drop, theirs), 0);
        tp_close(d);
        pthread_join(thread, NULL);
        assert_int_equal(gone, 1);
        assert_int_equal(other.blocks, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fresh_storage_is_aligned),
        TEST(test_zero_size),
        TEST(test_wrap_calls_the_deleter_once),
        TEST(test_wrap_that_fails_calls_no_deleter),
        TEST(test_shared_is_read_only),
        TEST(test_stale_share_fails_the_receiver_only),
        TEST(test_storage_outlives_its_context),
        TEST(test_accounting_across_contexts),
        TEST(test_threads_predict_from_shared_parameters),
        TEST(test_either_side_frees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
