/* kernels.c - which rows have a kernel. */
#include "backend/cpu/cpu.h"

#include <string.h>

static const struct {
    const char *op;
    tp_kernel_fn *run;
} kernels[] = {
    {"matmul_2d", tp_cpu_matmul_2d},
    {"affine", tp_cpu_affine},
    {"affine_relu", tp_cpu_affine_relu},
    {"affine_grad", tp_cpu_affine_grad},
};

tp_kernel_fn *tp_cpu_kernel(const char *op)
{
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (strcmp(kernels[i].op, op) == 0) return kernels[i].run;
    return NULL;
}
