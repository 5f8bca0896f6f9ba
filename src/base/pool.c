/* pool.c - threads that take one part each.
 *
 * A worker's `state` passes a part over: the caller writes the work and sets GIVEN; whoever changes GIVEN
 * first, the worker (to TAKEN) or the caller (back to IDLE), runs it. So a worker that wakes late costs no
 * time, and nothing depends on the system's scheduler but speed. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/pool.h"

#include "base/fpmode.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum state {
    IDLE,
    ASLEEP,  /* waits for `changed` */
    GIVEN,   /* nobody has begun the part */
    TAKEN,   /* the worker runs it */
    AWAITED, /* and the caller waits for `changed` */
    STOP
};

enum { LINE = 128 }; /* bytes that caches fetch together */

typedef struct worker {
    _Alignas(LINE) atomic_int state;
    int part, parts;
    tp_part_fn *run;
    void *work;
    _Alignas(LINE) pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
} worker;

/* Nanoseconds: how long a worker looks out for the next part before it sleeps, and a caller for the end of a
 * part; and how long a caller waits for a worker to begin. */
static const int64_t watch = 100000, patience = 2000;

static worker workers[TP_MOST_THREADS - 1];
static int started;         /* workers, by who has set `taken` */
static atomic_bool taken;   /* by a caller, or for ever */
static atomic_bool closed;  /* in a forked child, which has no workers, and at exit */
static atomic_int threads;  /* 0: not asked for yet */
static atomic_bool crowded; /* more threads than CPUs: waiting would keep one from its work */
static atomic_llong forks;  /* written by who has set `taken` */

/* --- how many --- */

int tp_usable_cpus(void)
{
    long n = 0;
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
#endif
    if (n < 1) n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n < TP_MOST_THREADS ? (int)n : TP_MOST_THREADS;
}

/* The number that TAPER_THREADS gives; any other text is as if there were none. */
static int wanted(int cpus)
{
    const char *text = getenv("TAPER_THREADS");
    char *end = NULL;
    long n = text ? strtol(text, &end, 10) : 0;
    if (!text || *end || n < 1) return cpus;
    return n < TP_MOST_THREADS ? (int)n : TP_MOST_THREADS;
}

void tp_set_threads(int n)
{
    int cpus = tp_usable_cpus();
    if (n < 1) n = wanted(cpus);
    if (n > TP_MOST_THREADS) n = TP_MOST_THREADS;
    atomic_store_explicit(&crowded, n > cpus, memory_order_relaxed);
    atomic_store_explicit(&threads, n, memory_order_relaxed);
}

int tp_threads(void)
{
    if (atomic_load_explicit(&closed, memory_order_relaxed)) return 1;
    if (!atomic_load_explicit(&threads, memory_order_relaxed)) tp_set_threads(0);
    return atomic_load_explicit(&threads, memory_order_relaxed);
}

int64_t tp_parallel_forks(void) { return atomic_load_explicit(&forks, memory_order_relaxed); }

int tp_parallel_most(int64_t work, int64_t least)
{
    if (work < 2 * least) return 1;
    int most = tp_threads();
    return work / least < most ? (int)(work / least) : most;
}

int tp_parallel_parts(int64_t work, int64_t least)
{
    enum { WAKING = 16 }; /* times what it takes to hand a part to one that is awake */
    if (work < 2 * least) return 1;
    if (atomic_load_explicit(&workers[0].state, memory_order_relaxed) == ASLEEP && work < WAKING * least)
        return 1;
    return tp_parallel_most(work, least);
}

int64_t tp_part_start(int64_t n, int64_t grain, int part, int parts)
{
    if (part == 0 || part == parts) return part ? n : 0;
    int64_t grains = n / grain + (n % grain != 0);
    int64_t start = (grains / parts * part + grains % parts * part / parts) * grain;
    return start < n ? start : n;
}

/* --- waiting --- */

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Looks on while the state is `same`, for at most so long; true when it is another. The first looks come one
 * after another: a pause takes 0.05 microseconds on some processors. */
static bool changes(worker *w, int same, int64_t nanoseconds)
{
    enum { FIRST_LOOKS = 64, LOOKS = 16 };
    bool alone = atomic_load_explicit(&crowded, memory_order_relaxed);
    for (int64_t end = 0, time = 0; time <= end; time = now()) {
        for (int i = end ? LOOKS : FIRST_LOOKS; i > 0; i--) {
            if (atomic_load_explicit(&w->state, memory_order_acquire) != same) return true;
            if (alone) return false;
            if (end) relax();
        }
        if (!end) end = now() + nanoseconds;
    }
    return false;
}

/* Goes to `state` if it is still `from`. */
static bool go(worker *w, int from, int state)
{
    return atomic_compare_exchange_strong_explicit(&w->state, &from, state, memory_order_acq_rel,
                                                   memory_order_acquire);
}

/* Sleeps while the state is `same`. */
static void sleep_on(worker *w, int same)
{
    pthread_mutex_lock(&w->lock);
    while (atomic_load_explicit(&w->state, memory_order_acquire) == same)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

/* Sets the state, and wakes the other side where that was `asleep`. */
static void set_and_wake(worker *w, int state, int asleep)
{
    if (atomic_exchange_explicit(&w->state, state, memory_order_acq_rel) != asleep) return;
    pthread_mutex_lock(&w->lock);
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* --- workers --- */

static void *worker_main(void *arg)
{
    worker *w = arg;
    for (;;) {
        if (!changes(w, IDLE, watch) && go(w, IDLE, ASLEEP)) sleep_on(w, ASLEEP);
        if (go(w, GIVEN, TAKEN)) {
            if (!tp_fp_mode_is_default()) fesetenv(FE_DFL_ENV);
            w->run(w->work, w->part, w->parts);
            set_and_wake(w, IDLE, AWAITED);
        } else if (atomic_load_explicit(&w->state, memory_order_acquire) == STOP) {
            return NULL;
        }
    }
}

/* Starts a worker with all signals blocked: they are the program's. */
static bool start_worker(worker *w)
{
    sigset_t all, before;
    atomic_store_explicit(&w->state, IDLE, memory_order_relaxed);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool created = pthread_create(&w->thread, NULL, worker_main, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return created;
}

/* At exit. Where another thread computes still, the process takes its workers along. */
static void stop(void)
{
    atomic_store(&closed, true);
    if (atomic_exchange(&taken, true)) return;
    for (int i = 0; i < started; i++) {
        set_and_wake(&workers[i], STOP, ASLEEP);
        pthread_join(workers[i].thread, NULL);
        pthread_cond_destroy(&workers[i].changed);
        pthread_mutex_destroy(&workers[i].lock);
    }
    started = 0;
}

/* A child has the thread that forked, and no other. */
static void forked(void)
{
    atomic_store(&closed, true);
    atomic_store(&taken, true);
    started = 0;
}

/* Starts workers for n threads; or as many as the system gives, which tp_threads tells then. */
static void start(int n)
{
    static bool watched;
    if (!watched && (pthread_atfork(NULL, NULL, forked) != 0 || atexit(stop) != 0)) return;
    watched = true;
    while (started < n - 1 && start_worker(&workers[started])) started++;
    if (started < n - 1) atomic_compare_exchange_strong(&threads, &n, started + 1);
}

/* --- a call --- */

/* Runs the given parts that no worker begins in time, then waits for the others. */
static void join(int given)
{
    for (worker *w = workers; w < workers + given; w++)
        if (!changes(w, GIVEN, patience) && go(w, GIVEN, IDLE)) w->run(w->work, w->part, w->parts);
    for (worker *w = workers; w < workers + given; w++)
        if (!changes(w, TAKEN, watch) && go(w, TAKEN, AWAITED)) sleep_on(w, AWAITED);
}

void tp_parallel(int parts, tp_part_fn *part, void *work)
{
    int given = 0;
    bool ours = parts > 1 && !atomic_exchange_explicit(&taken, true, memory_order_acquire);
    if (ours) {
        if (started < parts - 1 && started < tp_threads() - 1) start(tp_threads());
        given = started < parts - 1 ? started : parts - 1;
    }
    for (int i = 0; i < given; i++) {
        worker *w = &workers[i];
        w->part = i + 1;
        w->parts = parts;
        w->run = part;
        w->work = work;
        set_and_wake(w, GIVEN, ASLEEP);
    }
    part(work, 0, parts);
    for (int i = given + 1; i < parts; i++) part(work, i, parts);
    if (!ours) return;
    join(given);
    if (given) atomic_store_explicit(&forks, tp_parallel_forks() + 1, memory_order_relaxed);
    atomic_store_explicit(&taken, false, memory_order_release);
}
