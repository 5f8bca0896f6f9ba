/* pool.c - what it costs to hand parts to the threads and wait for them: nothing is done in them. The mean of
 * the fastest of many rounds is given, and the time of a call that finds the threads asleep. */
#include "base/pool.h"

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 2000, CALLS = 200, COLD = 50 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void nothing(void *work, int part, int parts) { (void)work, (void)part, (void)parts; }

static double hot(int parts)
{
    double fastest = 1e30;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (int i = 0; i < CALLS; i++) tp_parallel(parts, nothing, NULL);
        double time = (now() - start) / CALLS;
        if (time < fastest) fastest = time;
    }
    return fastest;
}

static double asleep(int parts)
{
    double sum = 0;
    for (int i = 0; i < COLD; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        double start = now();
        tp_parallel(parts, nothing, NULL);
        sum += now() - start;
    }
    return sum / COLD;
}

int main(void)
{
    int cpus = tp_usable_cpus();
    printf("%7s %12s %12s   (%d CPUs)\n", "threads", "us hot", "us asleep", cpus);
    for (int n = 1; n <= (cpus > 1 ? cpus : 2); n *= 2) {
        tp_set_threads(n);
        printf("%7d %12.3f %12.3f\n", n, hot(n), asleep(n));
    }
    return 0;
}
