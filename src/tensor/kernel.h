/* kernel.h - what a backend gives: kernels that take the place of a row's `eval`. */
#ifndef TENSOR_KERNEL_H
#define TENSOR_KERNEL_H

#include <taper/ext.h>

/* Writes the bits that `eval` would write and returns true; or writes nothing and returns false where the
 * call is not one it takes, then `eval` runs. */
typedef bool tp_kernel_fn(const tp_call *call, const tp_array *in, const tp_array *out);

/* The processor's kernel for the row of that name, NULL if there is none. */
tp_kernel_fn *tp_cpu_kernel(const char *op);

#endif
