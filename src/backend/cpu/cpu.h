/* cpu.h - the kernels of the processor, and the instruction sets they are compiled for. */
#ifndef BACKEND_CPU_H
#define BACKEND_CPU_H

#include "tensor/kernel.h"

/* Sets of instructions, each with all that the one before has. */
typedef enum tp_simd { TP_SIMD_BASELINE, TP_SIMD_AVX2, TP_SIMD_AVX512, TP_SIMD_LEVELS } tp_simd;

/* The widest that this processor has. */
tp_simd tp_simd_widest(void);

/* The one in use: the widest, or what TAPER_SIMD names. */
tp_simd tp_simd_in_use(void);

/* Uses another one, at most the widest. For tests; the bits are the same. */
void tp_simd_use(tp_simd level);

/* --- kernels, by the row they are for --- */

tp_kernel_fn tp_cpu_matmul_2d;

#endif
