/* pool.h - the process's threads: work cut into parts that run side by side.
 *
 * The caller cuts the work, where it likes, but what is computed for an element may not depend on the cuts:
 * then the bits are those of one thread. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <taper/base.h>

enum { TP_MOST_THREADS = 256 };

typedef void tp_part_fn(void *work, int part, int parts);

/* Runs part(work, 0..parts-1, parts), each once, and returns when all are done. Part 0 is the caller's and
 * each other has a thread; one that its thread has not begun when the caller is through is run by the caller,
 * as all are where the pool is taken: within a part, by another thread, after a fork, at exit. */
void tp_parallel(int parts, tp_part_fn *part, void *work);

/* How many parts `work` is worth, each of `least` or more: at most tp_threads; 1 where more would first have
 * to be woken for little. */
int tp_parallel_parts(int64_t work, int64_t least);

/* Where a part of n elements begins, and the one before it ends; parts are whole grains, save for the last.
 */
int64_t tp_part_start(int64_t n, int64_t grain, int part, int parts);

/* How often work was handed to other threads: for tests that it is. */
int64_t tp_parallel_forks(void);

/* CPUs that the calling thread may run on. */
int tp_usable_cpus(void);

#endif
