/* problem.h - the small net that tests/golden/make_optim.py trains in PyTorch. */
#ifndef OPTIM_PROBLEM_H
#define OPTIM_PROBLEM_H

#include "ops/cases.h"

enum { PARAMETERS = 8, STEPS = 100 };

static inline tp_tensor *problem_forward(tp_module *m, tp_tensor *x)
{
    return tp_tanh(tp_add(tp_matmul(x, tp_parameter(m, "weight")), tp_parameter(m, "bias")));
}

static inline tp_module *problem_of(tp_context *c, tp_dtype dtype)
{
    tp_module *m = tp_module_new(c, "problem", problem_forward, NULL, 0);
    tp_module_add_parameter(
        m, "weight",
        tp_from_doubles(c, TP_SHAPE(3, 2), dtype, (const double[]){0.5, -0.5, 0.25, 1, -1, 0.75}));
    tp_module_add_parameter(m, "bias",
                            tp_from_doubles(c, TP_SHAPE(2), dtype, (const double[]){0.125, -0.25}));
    return m;
}

static inline tp_module *problem(tp_context *c) { return problem_of(c, TP_F64); }

/* The mean square of the differences, to be made in a scope. */
static inline tp_tensor *problem_loss(tp_module *m)
{
    tp_tensor *weight = tp_parameter(m, "weight");
    tp_context *c = tp_context_of(weight);
    tp_dtype dtype = tp_dtype_of(weight);
    tp_tensor *x =
        tp_from_doubles(c, TP_SHAPE(4, 3), dtype,
                        (const double[]){0.5, -1, 0.25, 1.5, 0.75, -0.5, -0.75, 0.5, 1, 0.25, -0.25, -1.25});
    tp_tensor *y = tp_from_doubles(c, TP_SHAPE(4, 2), dtype,
                                   (const double[]){0.5, -0.25, 0.75, 0.5, -0.5, 0.25, -1, 0.125});
    return tp_mse_loss(tp_forward(m, x), y);
}

static inline void problem_step(tp_module *m, tp_optimizer *opt)
{
    tp_context *c = tp_context_of(tp_parameter(m, "weight"));
    tp_mark scope = tp_open_scope(c);
    tp_backward(problem_loss(m));
    tp_optimizer_step(opt);
    tp_close_scope(c, scope);
}

static inline void problem_read(tp_module *m, double *values)
{
    tp_read_doubles(tp_parameter(m, "weight"), values, 6);
    tp_read_doubles(tp_parameter(m, "bias"), values + 6, 2);
}

#define VALUES(...) ((const double[]){__VA_ARGS__})

static inline void expect_parameters_(tp_module *m, const double *wanted, double tolerance, const char *file,
                                      int line)
{
    double got[PARAMETERS];
    problem_read(m, got);
    for (int i = 0; i < PARAMETERS; i++) expect_near_(got[i], wanted[i], tolerance, file, line);
}
#define expect_parameters(m, wanted, tolerance) \
    expect_parameters_((m), (wanted), (tolerance), __FILE__, __LINE__)

#endif
