/* cases.h - calls and what PyTorch gives for them (tests/golden/make_ops.py), and calls that must fail. */
#ifndef OPS_CASES_H
#define OPS_CASES_H

#include "fixture.h"

/* A line of the golden files; a failure names that file and line. */
#define CASE(call, shape, ...) expect_values(call, shape, __VA_ARGS__);

/* Asserts that `call` gives nil and exactly this text, and clears the failure. */
#define FAILS(call, text)                            \
    do {                                             \
        assert_true(tp_is_nil(call));                \
        assert_string_equal(tp_error_text(c), text); \
        tp_clear(c);                                 \
    } while (0)

/* 0, 1, 2, ... in f64. */
static inline tp_tensor *range(tp_context *c, tp_shape shape)
{
    double n = 1;
    for (int i = 0; i < shape.n; i++) n *= (double)shape.v[i];
    return tp_reshape(tp_arange(c, 0, n, 1, TP_F64), shape);
}

#endif
