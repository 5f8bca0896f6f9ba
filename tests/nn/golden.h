/* golden.h - the lines of the files that tests/golden/make_nn.py writes. */
#ifndef NN_GOLDEN_H
#define NN_GOLDEN_H

#include "ops/cases.h"

#define INPUT(name, shape, ...) \
    tp_tensor *name = tp_require_grad(tp_from_doubles(c, shape, TP_F64, (const double[]){__VA_ARGS__}));
#define LABELS(name, shape, ...) \
    tp_tensor *name = tp_from_doubles(c, shape, TP_I64, (const double[]){__VA_ARGS__});

#endif
