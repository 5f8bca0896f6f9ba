/* composite.c - ops made of the table's rows where that costs neither accuracy nor much time. */
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <math.h>

/* A number as a scalar tensor that does not promote `x`, unless x is of integers and s is none. Integers
 * that the dtype of x cannot hold wrap, as the arithmetic on them does. */
static tp_tensor *number(tp_tensor *x, double s)
{
    tp_context *c = tp_context_of(x);
    tp_dtype dtype = tp_dtype_of(x);
    if (tp_dtype_is_float(dtype)) return tp_scalar(c, s, dtype);
    if (s != floor(s) || isinf(s)) return tp_scalar(c, s, TP_F32);
    if (dtype == TP_BOOL) return tp_scalar(c, s, TP_I64);
    return s > 0x1p62 ? tp_scalar(c, s, dtype) : tp_cast(tp_scalar(c, s, TP_I64), dtype);
}

/* The same for comparisons: f64 where the integers of x do not hold s. */
static tp_tensor *bound(tp_tensor *x, double s)
{
    tp_context *c = tp_context_of(x);
    tp_tensor *t = tp_scalar(c, s, tp_dtype_of(x));
    return tp_dtype_is_float(tp_dtype_of(x)) || tp_item(t) == s ? t : tp_scalar(c, s, TP_F64);
}

/* op(x, operand), where the operand is a temporary */
static tp_tensor *with(tp_tensor *op(tp_tensor *, tp_tensor *), tp_tensor *x,
                       tp_tensor *operand(tp_tensor *, double), double s)
{
    tp_context *c = tp_context_of(x);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *y = op(x, operand(x, s));
    tp_keep(y);
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_add_scalar(tp_tensor *x, double s) { return with(tp_add, x, number, s); }
tp_tensor *tp_sub_scalar(tp_tensor *x, double s) { return with(tp_sub, x, number, s); }
tp_tensor *tp_mul_scalar(tp_tensor *x, double s) { return with(tp_mul, x, number, s); }
tp_tensor *tp_div_scalar(tp_tensor *x, double s) { return with(tp_div, x, number, s); }
tp_tensor *tp_gt_scalar(tp_tensor *x, double s) { return with(tp_gt, x, bound, s); }
tp_tensor *tp_ge_scalar(tp_tensor *x, double s) { return with(tp_ge, x, bound, s); }
tp_tensor *tp_lt_scalar(tp_tensor *x, double s) { return with(tp_lt, x, bound, s); }
tp_tensor *tp_le_scalar(tp_tensor *x, double s) { return with(tp_le, x, bound, s); }
tp_tensor *tp_eq_scalar(tp_tensor *x, double s) { return with(tp_eq, x, bound, s); }
tp_tensor *tp_ne_scalar(tp_tensor *x, double s) { return with(tp_ne, x, bound, s); }

/* As in PyTorch, a root is sqrt at -0 and -infinity too. */
tp_tensor *tp_pow_scalar(tp_tensor *x, double s)
{
    return s == 2 ? tp_square(x) : s == 0.5 ? tp_sqrt(x) : with(tp_pow, x, number, s);
}

static tp_tensor *reversed_sub(tp_tensor *x, tp_tensor *s) { return tp_sub(s, x); }

tp_tensor *tp_rsub_scalar(tp_tensor *x, double s) { return with(reversed_sub, x, number, s); }

/* Constants: Klambauer et al., "Self-normalizing neural networks", 2017. */
tp_tensor *tp_selu(tp_tensor *x)
{
    tp_context *c = tp_context_of(x);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *y = tp_mul_scalar(tp_elu(x, 1.6732632423543772848), 1.0507009873554804934);
    tp_keep(y);
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_matmul(tp_tensor *a, tp_tensor *b)
{
    tp_context *c = tp_context_of(a) ? tp_context_of(a) : tp_context_of(b);
    if (!tp_tensor_usable(c, a, "matmul", "a") || !tp_tensor_usable(c, b, "matmul", "b")) return tp_nil(c);
    bool row = tp_rank(a) == 1, column = tp_rank(b) == 1;
    if (!row && !column) return tp_matmul_2d(a, b);
    tp_mark scope = tp_open_scope(c);
    if (row) a = tp_unsqueeze(a, 0);
    if (column) b = tp_unsqueeze(b, -1);
    tp_tensor *y = tp_matmul_2d(a, b);
    if (column) y = tp_squeeze(y, TP_AXES(-1));
    if (row) y = tp_squeeze(y, TP_AXES(column ? -1 : -2));
    tp_keep(y);
    tp_close_scope(c, scope);
    return y;
}

tp_tensor *tp_detach(tp_tensor *x)
{
    tp_context *c = tp_context_of(x);
    return tp_tensor_usable(c, x, "detach", "x") ? tp_tensor_alias(c, x) : tp_nil(c);
}
