/* reach.h - for `make coverage`: which functions were at work when an allocation was made, and when one was
 * refused. At the end they are written to files in the folder $TAPER_REACH. */
#ifndef TAPER_REACH_H
#define TAPER_REACH_H

enum reach { REACH_GIVEN, REACH_REFUSED, REACH_REFUSED_WITH_REST, REACHES };

#ifdef TAPER_REACH

#include <execinfo.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { REACH_PLACES = 1 << 14, REACH_DEPTH = 128 };

static void *reach_places[REACHES][REACH_PLACES]; /* hash sets of return addresses */
static pthread_mutex_t reach_lock = PTHREAD_MUTEX_INITIALIZER;

static inline void reach_note(enum reach how)
{
    void *stack[REACH_DEPTH];
    pthread_mutex_lock(&reach_lock);
    for (int i = backtrace(stack, REACH_DEPTH); i-- > 0;) {
        size_t k = (size_t)stack[i] * 0x9e3779b97f4a7c15u >> 50;
        while (reach_places[how][k] && reach_places[how][k] != stack[i]) k = (k + 1) % REACH_PLACES;
        reach_places[how][k] = stack[i];
    }
    pthread_mutex_unlock(&reach_lock);
}

/* backtrace allocates when it is called first. */
__attribute__((constructor)) static void reach_start(void) { backtrace(&(void *){NULL}, 1); }

__attribute__((destructor)) static void reach_write(void)
{
    static const char *const names[] = {"given", "refused", "rest"};
    char path[512];
    const char *folder = getenv("TAPER_REACH");
    for (int how = 0; folder && how < REACHES; how++) {
        snprintf(path, sizeof path, "%s/%s-XXXXXX", folder, names[how]);
        int fd = mkstemp(path);
        for (int k = 0; k < REACH_PLACES; k++)
            if (reach_places[how][k]) backtrace_symbols_fd(&reach_places[how][k], 1, fd);
    }
}

#else
static inline void reach_note(enum reach how) { (void)how; }
#endif

#endif
