#define _GNU_SOURCE /* RTLD_NEXT */
#include "testing.h"

#include "base/fpmode.h"
#include "base/pool.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- a system that starts no thread more --- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

#ifndef SANITIZED
static bool refuse;

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    create_fn *create = NULL;
    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    return refuse ? EAGAIN : create(thread, attr, start, arg);
}
#endif

/* --- what the parts do --- */

enum { MOST_PARTS = 40 };

typedef struct tally {
    atomic_int runs[MOST_PARTS];
    atomic_int elsewhere; /* parts that another thread than the caller ran */
    atomic_int wrong;
    pthread_t caller;
} tally;

static void count(void *work, int part, int parts)
{
    tally *t = work;
    if (part < 0 || part >= parts) t->wrong++;
    t->runs[part]++;
    if (!pthread_equal(pthread_self(), t->caller)) t->elsewhere++;
}

/* Whether each part ran once. */
static bool all_once(int parts, tp_part_fn *part)
{
    tally t;
    memset(&t, 0, sizeof t);
    t.caller = pthread_self();
    tp_parallel(parts, part, &t);
    bool once = t.wrong == 0;
    for (int i = 0; i < MOST_PARTS; i++) once = once && t.runs[i] == (i < parts);
    return once;
}

static void pause_for(long milliseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000}, NULL);
}

/* Calls until other threads have run so many parts; they may be slow to come, but must come. */
static void until_elsewhere(int wanted, tp_part_fn *part, tally *t)
{
    memset(t, 0, sizeof *t);
    t->caller = pthread_self();
    for (int i = 0; i < 100000 && t->elsewhere < wanted; i++) {
        tp_parallel(2, part, t);
        if (i % 100 == 99) pause_for(1);
    }
    assert_true(t->elsewhere >= wanted);
}

/* --- tests --- */

static void test_each_part_runs_once(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8, 2};
    for (size_t k = 0; k < sizeof threads / sizeof *threads; k++) {
        tp_set_threads(threads[k]);
        assert_int_equal(tp_threads(), threads[k]);
        for (int round = 0; round < 20; round++)
            for (int parts = 1; parts <= 20; parts++) assert_true(all_once(parts, count));
    }
}

static void test_parts_cover_all(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 100; n++)
        for (int64_t grain = 1; grain < 40; grain += 5)
            for (int parts = 1; parts < 12; parts++) {
                assert_int_equal(tp_part_start(n, grain, 0, parts), 0);
                assert_int_equal(tp_part_start(n, grain, parts, parts), n);
                for (int i = 1; i <= parts; i++) {
                    int64_t start = tp_part_start(n, grain, i - 1, parts);
                    int64_t end = tp_part_start(n, grain, i, parts);
                    assert_true(start <= end && (start % grain == 0 || start == n));
                    assert_true(end - start <= (n / grain / parts + 2) * grain);
                }
            }
    int64_t half = tp_part_start(INT64_MAX, 1, 1, 2);
    assert_true(half == INT64_MAX / 2);
}

static void test_parts_are_worth_it(void **state)
{
    (void)state;
    tp_set_threads(3);
    assert_int_equal(tp_parallel_parts(0, 100), 1);
    assert_int_equal(tp_parallel_parts(199, 100), 1);
    assert_int_equal(tp_parallel_parts(100000, 100), 3);
    tp_set_threads(1);
    assert_int_equal(tp_parallel_parts(100000, 100), 1);
}

static void test_others_do_help(void **state)
{
    (void)state;
    tally t;
    tp_set_threads(2);
    int64_t before = tp_parallel_forks();
    until_elsewhere(5, count, &t);
    assert_true(tp_parallel_forks() > before);
}

static void call_inside(void *work, int part, int parts)
{
    tally *t = work;
    count(work, part, parts);
    if (!all_once(part + 2, count)) t->wrong++;
}

static void test_a_call_inside_runs_alone(void **state)
{
    (void)state;
    tp_set_threads(3);
    int64_t before = tp_parallel_forks();
    for (int i = 0; i < 100; i++) assert_true(all_once(3, call_inside));
    assert_int_equal(tp_parallel_forks() - before, 100);
}

static void *call_often(void *wrong)
{
    for (int i = 0; i < 2000; i++)
        if (!all_once(i % 4 + 1, count)) ++*(atomic_int *)wrong;
    return NULL;
}

static void test_callers_side_by_side(void **state)
{
    (void)state;
    pthread_t caller[3];
    atomic_int wrong = 0;
    tp_set_threads(3);
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&caller[i], NULL, call_often, &wrong), 0);
    for (int i = 0; i < 50; i++) tp_set_threads(i % 4 + 1);
    for (int i = 0; i < 3; i++) pthread_join(caller[i], NULL);
    assert_int_equal(wrong, 0);
}

static void test_a_child_runs_alone(void **state)
{
    (void)state;
    tp_set_threads(2);
    assert_true(all_once(4, count));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(tp_threads() == 1 && all_once(4, count) && tp_parallel_parts(100, 1) == 1 ? 0 : 1);
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    tally t;
    until_elsewhere(1, count, &t);
    assert_int_equal(tp_threads(), 2);
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void test_asleep_when_idle(void **state)
{
    (void)state;
    for (int n = 2; n <= 8; n *= 2) {
        tp_set_threads(n);
        assert_true(all_once(n, count));
        pause_for(20);
        double before = cpu_seconds();
        pause_for(200);
        assert_true(cpu_seconds() - before < 0.05);
        assert_true(all_once(n, count)); /* wakes them */
    }
}

static void test_environment(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int threads; /* 0: as many as CPUs */
    } rows[] = {{"1", 1}, {"2", 2},  {"3", 3}, {"8", 8},   {"5000", TP_MOST_THREADS},
                {"0", 0}, {"-2", 0}, {"", 0},  {"two", 0}, {"2x", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setenv("TAPER_THREADS", rows[i].text, 1);
        tp_set_threads(0);
        assert_int_equal(tp_threads(), rows[i].threads ? rows[i].threads : tp_usable_cpus());
        if (tp_threads() <= 8) assert_true(all_once(9, count));
    }
    unsetenv("TAPER_THREADS");
    tp_set_threads(0);
    assert_int_equal(tp_threads(), tp_usable_cpus());
    tp_set_threads(5000);
    assert_int_equal(tp_threads(), TP_MOST_THREADS);
}

/* Leaves another rounding mode behind in the threads of the pool. */
static void round_down(void *work, int part, int parts)
{
    tally *t = work;
    if (!tp_fp_mode_is_default()) t->wrong++;
    count(work, part, parts);
    if (!pthread_equal(pthread_self(), t->caller)) fesetround(FE_DOWNWARD);
}

static void test_workers_round_to_nearest(void **state)
{
    (void)state;
    tally t;
    tp_set_threads(2);
    until_elsewhere(3, round_down, &t);
    assert_int_equal(t.wrong, 0);
    fesetround(FE_UPWARD); /* the caller's own mode is left alone */
    tp_parallel(2, count, &t);
    int mode = fegetround();
    fesetround(FE_TONEAREST);
    assert_int_equal(mode, FE_UPWARD);
}

#ifndef SANITIZED
static void test_a_system_without_threads(void **state)
{
    (void)state;
    refuse = true;
    tp_set_threads(MOST_PARTS);
    assert_true(all_once(MOST_PARTS, count));
    assert_true(tp_threads() >= 8 && tp_threads() < MOST_PARTS);
    assert_true(all_once(MOST_PARTS, count));
    refuse = false;
    tp_set_threads(MOST_PARTS);
    assert_true(all_once(MOST_PARTS, count));
    assert_int_equal(tp_threads(), MOST_PARTS);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_part_runs_once),
        cmocka_unit_test(test_parts_cover_all),
        cmocka_unit_test(test_parts_are_worth_it),
        cmocka_unit_test(test_others_do_help),
        cmocka_unit_test(test_a_call_inside_runs_alone),
        cmocka_unit_test(test_callers_side_by_side),
        cmocka_unit_test(test_a_child_runs_alone),
        cmocka_unit_test(test_asleep_when_idle),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_workers_round_to_nearest),
#ifndef SANITIZED
        cmocka_unit_test(test_a_system_without_threads),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
