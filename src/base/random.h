/* random.h: counter-based Philox for everything new, NumPy's RandomState for what must repeat it. */
#ifndef TAPER_BASE_RANDOM_H
#define TAPER_BASE_RANDOM_H

#include <taper/base.h>

/* Philox4x32 with 10 rounds: out is a pure function of counter and key, and changing either gives an
 * independent block of 128 bits. Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC11. out may be counter. */
void tp_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
