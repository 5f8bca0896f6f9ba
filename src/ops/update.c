/* update.c - the steps of optimizers: the first input is overwritten. */
#include "ops/elementwise.h"
#include "tensor/tensor.h"

static const char why[] = "an update in place has no history";

TP_LOOP2_(sgd_f32, float, float, a - (real)attr[0].d * b)
TP_LOOP2_(sgd_f64, double, double, a - (real)attr[0].d * b)
TP_EVAL_(sgd, .f32 = sgd_f32, .f64 = sgd_f64)

static void assign_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    (void)call;
    tp_array_copy(&out[0], &in[1]);
}

const tp_rules tp_rules_assign = {.eval = assign_eval, .nodiff = why};

const tp_rules tp_rules_sgd_update = {.eval = sgd_eval, .nodiff = why};
