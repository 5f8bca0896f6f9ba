/* Kernels that threads share out: that they do, and that the bits are those of one thread. */
#include "fixture.h"

#include "base/pool.h"

enum { ROWS = 1024, COLUMNS = 300 };

/* What the calls are made of: x is f32 in 0.1 to 0.9. */
typedef struct inputs {
    tp_context *c;
    tp_tensor *x, *row, *column, *index;
} inputs;

typedef tp_tensor *call_fn(const inputs *in);

static tp_tensor *turned(tp_tensor *x) { return tp_transpose(x, 0, 1); }
static tp_tensor *first(tp_tensor *x, int64_t n)
{
    return tp_slice_axis(tp_reshape(x, TP_SHAPE(ROWS * COLUMNS)), 0, 0, n, 1);
}
static tp_tensor *every_second(tp_tensor *x) { return tp_slice_axis(x, 1, 0, COLUMNS / 2, 2); }
static tp_tensor *copy(tp_tensor *x) { return tp_clone(x); }
static tp_tensor *adam(tp_tensor *x, tp_tensor *grad)
{
    tp_tensor *mean = tp_mul_scalar(x, 0.5), *square = tp_square(x);
    tp_adam_update(x, turned(copy(turned(mean))), square, grad, 1e-3, 0.9, 0.999, 1e-8, 0.1, 0.01);
    return x;
}
static tp_tensor *key(tp_context *c)
{
    static const uint64_t keys[] = {1, 2, 3, 4};
    return tp_from_array(c, TP_SHAPE(2, 2), TP_U64, keys);
}

#define CALL(name, expression)                                      \
    static tp_tensor *name(const inputs *in)                        \
    {                                                               \
        tp_context *c = in->c;                                      \
        tp_tensor *x = in->x, *row = in->row, *column = in->column; \
        tp_tensor *index = in->index;                               \
        (void)c, (void)x, (void)row, (void)column, (void)index;     \
        return expression;                                          \
    }
#include "loops.def"
#undef CALL

static const struct {
    const char *name;
    call_fn *run;
} calls[] = {
#define CALL(name, expression) {#name, name},
#include "loops.def"
#undef CALL
};

enum { CALLS = sizeof calls / sizeof *calls };

static inputs make_inputs(tp_context *c)
{
    tp_seed(c, 7);
    inputs in = {.c = c, .x = tp_uniform(c, TP_SHAPE(ROWS, COLUMNS), 0.1, 0.9, TP_F32)};
    in.row = tp_uniform(c, TP_SHAPE(COLUMNS), 0.1, 0.9, TP_F32);
    in.column = tp_uniform(c, TP_SHAPE(ROWS, 1), 0.1, 0.9, TP_F32);
    in.index = tp_randint(c, -COLUMNS, COLUMNS, TP_SHAPE(ROWS), TP_I64);
    return in;
}

/* The bytes of a result; the caller frees them. */
static void *bytes_of(tp_tensor *y, size_t *n)
{
    *n = (size_t)tp_numel(y) * tp_dtype_size(tp_dtype_of(y));
    void *bytes = malloc(*n);
    assert_non_null(bytes);
    tp_read(y, bytes, *n);
    return bytes;
}

static void expect_same_bytes(tp_tensor *y, const void *bytes, size_t n)
{
    size_t own;
    void *got = bytes_of(y, &own);
    assert_int_equal(own, n);
    assert_memory_equal(got, bytes, n);
    free(got);
}

static void nothing(void *work, int part, int parts) { (void)work, (void)part, (void)parts; }

/* The result of call i, from threads that share it out: they are woken first, and again where they fell
 * asleep. */
static tp_tensor *shared_out(const inputs *in, int i)
{
    for (int tries = 0; tries < 1000; tries++) {
        tp_parallel(2, nothing, NULL);
        const int64_t before = tp_parallel_forks();
        tp_tensor *y = calls[i].run(in);
        if (tp_parallel_forks() > before) return y;
    }
    fail_msg("%s was not shared out", calls[i].name);
    return NULL;
}

static void test_same_bits_for_all_threads(void **state)
{
    static const int threads[] = {2, 3, 5, 8};
    tp_context *c = *state;
    const inputs in = make_inputs(c);
    for (int i = 0; i < CALLS; i++) {
        tp_mark mark = tp_open_scope(c);
        size_t n;
        tp_set_threads(1);
        const int64_t alone = tp_parallel_forks();
        void *bytes = bytes_of(calls[i].run(&in), &n);
        assert_int_equal(tp_parallel_forks(), alone);
        for (size_t k = 0; k < sizeof threads / sizeof *threads; k++) {
            tp_set_threads(threads[k]);
            expect_same_bytes(shared_out(&in, i), bytes, n);
        }
        free(bytes);
        tp_close_scope(c, mark);
    }
    assert_true(tp_ok(c));
}

/* --- where the threads are taken --- */

typedef struct inside {
    const inputs *in;
    call_fn *run;
    tp_tensor *y;
} inside;

static void run_inside(void *work, int part, int parts)
{
    inside *w = work;
    (void)parts;
    if (part == 0) w->y = w->run(w->in);
}

static void test_same_bits_where_threads_are_taken(void **state)
{
    tp_context *c = *state;
    const inputs in = make_inputs(c);
    tp_set_threads(3);
    for (int i = 0; i < CALLS; i++) {
        tp_mark mark = tp_open_scope(c);
        size_t n;
        void *bytes = bytes_of(calls[i].run(&in), &n);
        inside w = {.in = &in, .run = calls[i].run};
        const int64_t before = tp_parallel_forks();
        tp_parallel(2, run_inside, &w);
        assert_int_equal(tp_parallel_forks() - before, 1);
        expect_same_bytes(w.y, bytes, n);
        free(bytes);
        tp_close_scope(c, mark);
    }
    assert_true(tp_ok(c));
}

/* An index that does not fit is found before work is shared out: the first is named, and nothing is written.
 */
static void test_first_wrong_index_is_named(void **state)
{
    tp_context *c = *state;
    const inputs in = make_inputs(c);
    tp_set_threads(8);
    for (int at = 10; at < ROWS; at += 500) {
        int64_t places[ROWS];
        char text[80];
        for (int i = 0; i < ROWS; i++) places[i] = i < at ? i % COLUMNS : COLUMNS + i;
        tp_tensor *index = tp_from_array(c, TP_SHAPE(ROWS), TP_I64, places);
        snprintf(text, sizeof text, "index %d is outside an axis of %d", COLUMNS + at, COLUMNS);
        assert_true(tp_is_nil(tp_softmax_cross_entropy(in.x, index, -1)));
        assert_non_null(strstr(tp_error_text(c), text));
        tp_clear(c);
        assert_true(tp_is_nil(tp_take_rows(turned(in.x), index)));
        assert_non_null(strstr(tp_error_text(c), text));
        tp_clear(c);
    }
}

static const struct CMUnitTest tests[] = {
    TEST(test_same_bits_for_all_threads),
    TEST(test_same_bits_where_threads_are_taken),
    TEST(test_first_wrong_index_is_named),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
