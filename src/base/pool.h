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

/* The most that tp_parallel_parts may say, whether threads sleep or not: for memory that each part needs, of
 * which a step then takes the same every time. */
int tp_parallel_most(int64_t work, int64_t least);

/* What kernels take for an element, in tenths of a nanosecond: f32 in rows of 64 that lie in the cache, with
 * AVX-512 at 2.5 GHz and one thread, by bench/kernels.c. Other dtypes, narrower instructions and memory take
 * longer, so that a part is worth no less than was measured. */
typedef enum tp_cost {
    TP_COST_PASS = 1,     /* arithmetic and copies: 1.1 to 1.4 */
    TP_COST_CONVERT = 4,  /* by steps, or from dtype to dtype: 4 to 16 */
    TP_COST_FUNCTION = 8, /* exp 8, log 9, tanh 12, erf 14, gelu 25 */
    TP_COST_SOFTMAX = 15, /* 47; less in long rows */
    TP_COST_DRAW = 80,    /* uniform 90 */
    TP_COST_SORT = 200
} tp_cost;

/* What a part must be worth, in the same: 1.6 microseconds, of which handing it over takes 0.25 and elements
 * that lie in the other core's cache as much again. From twice that on two threads were 1.2 to 1.9 times as
 * fast. */
enum { TP_PART_LEAST = 1 << 14 };

/* How many parts n elements are worth that cost so much each. */
static inline int tp_parts_worth(int64_t n, tp_cost cost)
{
    if (n < 2 * TP_PART_LEAST && n * cost < 2 * TP_PART_LEAST) return 1;
    return tp_parallel_parts(n, TP_PART_LEAST / (int)cost);
}

/* Where a part of n elements begins, and the one before it ends; parts are whole grains, save for the last.
 */
int64_t tp_part_start(int64_t n, int64_t grain, int part, int parts);

/* How often work was handed to other threads: for tests that it is. */
int64_t tp_parallel_forks(void);

/* CPUs that the calling thread may run on. */
int tp_usable_cpus(void);

#endif
