/* fpmode.h - whether floats behave as the numerics contract needs: round to nearest, subnormals kept. */
#ifndef BASE_FPMODE_H
#define BASE_FPMODE_H

#include <fenv.h>
#include <stdbool.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

/* False if the host program has changed the rounding mode or flushes subnormals to zero. */
static inline bool tp_fp_mode_is_default(void)
{
#if defined(__SSE2__)
    const unsigned round_and_flush = 0x6000u | 0x8000u | 0x0040u; /* RC, FTZ, DAZ of MXCSR */
    return (_mm_getcsr() & round_and_flush) == 0;
#elif defined(__aarch64__)
    unsigned long long control;
    __asm__("mrs %0, fpcr" : "=r"(control));
    return (control & 0x1c00000ull) == 0; /* RMode, FZ */
#else
    return fegetround() == FE_TONEAREST;
#endif
}

#endif
