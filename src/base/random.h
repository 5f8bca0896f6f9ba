/* random.h: counter-based Philox for everything new, NumPy's RandomState for what must repeat it. */
#ifndef TAPER_BASE_RANDOM_H
#define TAPER_BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Philox4x32 with 10 rounds: out is a pure function of counter and key, and changing either gives an
 * independent block of 128 bits. Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC11. out may be counter. */
void tp_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* The stream of numpy.random.RandomState (MT19937 and the legacy distributions), bit for bit: n draws here
 * and size=n there give the same values and leave the same state. Seed before the first draw; a copy of the
 * struct continues on its own.
 *
 * The fields are those of RandomState.get_state(): position is the next word of mt to use (624: none is
 * left), gauss the second normal of the last pair, waiting where has_gauss is set. Normals take libm's log,
 * so their last bit is as portable as that. */
typedef struct tp_randomstate {
    uint32_t mt[624];
    int position;
    bool has_gauss;
    double gauss;
} tp_randomstate;

/* RandomState(seed). */
void tp_randomstate_seed(tp_randomstate *rs, uint32_t seed);

/* Uniform in [0, 1), multiples of 2^-53. */
void tp_randomstate_rand(tp_randomstate *rs, double *out, size_t n);

/* Standard normal, in pairs by the polar method. */
void tp_randomstate_randn(tp_randomstate *rs, double *out, size_t n);

/* The next three return false, and neither draw nor write, for the arguments that NumPy refuses. */

/* low + (high - low) * rand: in [low, high), or in (high, low] where high < low, before rounding. False if
 * high - low is not finite. */
bool tp_randomstate_uniform(tp_randomstate *rs, double low, double high, double *out, size_t n);

/* mean + std * randn. False if std is negative or -0; a NaN passes through. */
bool tp_randomstate_normal(tp_randomstate *rs, double mean, double std, double *out, size_t n);

/* Integers, uniform in [low, high), as randint(low, high, n, dtype=np.int64). False if high <= low. */
bool tp_randomstate_randint(tp_randomstate *rs, int64_t low, int64_t high, int64_t *out, size_t n);

/* 0 ... n-1 in random order, as permutation(n). */
void tp_randomstate_permutation(tp_randomstate *rs, int64_t *out, size_t n);

/* Shuffles n rows of size bytes in place, as shuffle of an array does along its first axis. */
void tp_randomstate_shuffle(tp_randomstate *rs, void *base, size_t n, size_t size);

#endif
