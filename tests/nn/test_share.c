#include "fixture.h"

#include <pthread.h>

/* One model, several threads: each predicts in a context of its own, with the bits of one thread alone. */

enum { THREADS = 3, ROUNDS = 8, SAMPLES = 16, IN = 12, OUT = 5 };

typedef struct scene {
    const tp_module *model;
    float x[SAMPLES][IN], want[SAMPLES][OUT];
    pthread_barrier_t start, shared;
} scene;

static tp_module *make_model(tp_context *c)
{
    tp_module *m = tp_net(c, "linear 40, gelu, dropout 0.5, (linear 20, tanh), linear 5", TP_SHAPE(IN));
    tp_eval(m);
    return m;
}

/* The outputs for the scene's samples; false after a failure. */
static bool predict(tp_context *c, tp_module *m, const scene *s, float y[SAMPLES][OUT])
{
    tp_mark scope = tp_open_scope(c);
    tp_tensor *x = tp_from_array(c, TP_SHAPE(SAMPLES, IN), TP_F32, s->x);
    bool done = tp_read(tp_forward(m, x), y, sizeof s->want) == TP_OK;
    tp_close_scope(c, scope);
    return done;
}

static void start(scene *s, tp_context *c, tp_module *m)
{
    for (int i = 0; i < SAMPLES * IN; i++) s->x[i / IN][i % IN] = sinf((float)i);
    assert_true(predict(c, m, s, s->want));
    assert_true(s->want[0][0] != s->want[1][0]);
    s->model = m;
    pthread_barrier_init(&s->start, NULL, THREADS);
    pthread_barrier_init(&s->shared, NULL, THREADS + 1);
}

/* How often the predictions were not those wanted. */
static int count_wrong(tp_context *c, tp_module *view, const scene *s)
{
    float y[SAMPLES][OUT];
    int wrong = 0;
    for (int i = 0; i < ROUNDS; i++) wrong += !predict(c, view, s, y) || memcmp(y, s->want, sizeof y) != 0;
    return wrong;
}

/* Cmocka's asserts belong to the first thread: this one returns what it found. */
static void *worker(void *user)
{
    scene *s = user;
    tp_context *c = tp_open(&(tp_options){.check = true});
    pthread_barrier_wait(&s->start);
    tp_module *view = tp_share(c, s->model); /* all at once */
    pthread_barrier_wait(&s->shared);
    intptr_t wrong = count_wrong(c, view, s);
    return (void *)(wrong + tp_close(c));
}

static void run(scene *s, pthread_t threads[THREADS])
{
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, worker, s), 0);
    pthread_barrier_wait(&s->shared);
}

static void finish(scene *s, pthread_t threads[THREADS])
{
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    pthread_barrier_destroy(&s->start);
    pthread_barrier_destroy(&s->shared);
}

/* The owner predicts meanwhile, too. */
static void test_together(void **state)
{
    tp_context *c = *state;
    scene s;
    pthread_t threads[THREADS];
    tp_module *m = make_model(c);
    start(&s, c, m);
    run(&s, threads);
    int wrong = count_wrong(c, m, &s);
    finish(&s, threads);
    assert_int_equal(wrong, 0);
}

/* The owner is closed while others predict: storage lives as long as they need it. */
static void test_owner_gone(void **state)
{
    (void)state;
    scene s;
    pthread_t threads[THREADS];
    tp_context *c = tp_open(NULL);
    start(&s, c, make_model(c));
    run(&s, threads);
    int failed = tp_close(c);
    finish(&s, threads);
    assert_int_equal(failed, 0);
}

static const struct CMUnitTest tests[] = {TEST(test_together), cmocka_unit_test(test_owner_gone)};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
