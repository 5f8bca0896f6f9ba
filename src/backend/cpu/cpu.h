/* cpu.h - the kernels of the processor, by the row they are for. */
#ifndef BACKEND_CPU_H
#define BACKEND_CPU_H

#include "tensor/kernel.h"

tp_kernel_fn tp_cpu_matmul_2d, tp_cpu_affine, tp_cpu_affine_relu, tp_cpu_affine_grad;

#endif
