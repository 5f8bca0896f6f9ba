#include "ops/cases.h"

static void test_values(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = range(c, TP_SHAPE(2, 3, 4)), *v = range(c, TP_SHAPE(5)), *t = tp_transpose(x, 0, 2);
    tp_tensor *s = NUMBER(c, 7), *e = tp_zeros(c, TP_SHAPE(0, 3), TP_F64), *u = VECTOR(c, 2, -1, 0.5);
    tp_tensor *w = MATRIX(c, 3, 3, 0, 3, -1, 4, 1, 5, 9, 2, 6),
              *two = tp_full(c, TP_SHAPE(1, 1, 1), 2, TP_F64);
    tp_tensor *wide = tp_slice(tp_expand(x, TP_SHAPE(3, 2, 3, 4)), -1, 0, 3, 1);
    tp_tensor *y = tp_add_scalar(tp_remainder(range(c, TP_SHAPE(2, 4, 3)), NUMBER(c, 5)), -2);
#include "golden/einsum.def"
}

/* Sums are those of matmul, bit for bit. */
static void test_order(void **state)
{
    tp_context *c = *state;
    float one[30], other[30];
    tp_tensor *a = tp_normal(c, TP_SHAPE(5, 700), 0, 1, TP_F32),
              *b = tp_normal(c, TP_SHAPE(700, 6), 0, 1, TP_F32);
    tp_read(tp_matmul(a, b), one, sizeof one);
    tp_read(tp_einsum("ik,kj", TP_TENSORS(a, b)), other, sizeof other);
    assert_memory_equal(one, other, sizeof one);
    tp_read(tp_tensordot(a, b, TP_AXES(1), TP_AXES(0)), other, sizeof other);
    assert_memory_equal(one, other, sizeof one);
}

/* d/dA of u' A B v is u (B v)'. */
static void test_gradient(void **state)
{
    tp_context *c = *state;
    tp_tensor *a = tp_require_grad(MATRIX(c, 2, 3, 1, 2, 3, 4, 5, 6)),
              *b = MATRIX(c, 3, 2, 1, 0, -1, 2, 3, 1);
    tp_tensor *u = VECTOR(c, 2, -1), *v = VECTOR(c, 1, 3);
    tp_tensor *y = tp_einsum("i,ij,jk,k->", TP_TENSORS(u, a, b, v));
    CASE(tp_grad(y, a), TP_SHAPE(2, 3), 2, 10, 12, -1, -5, -6)
    CASE(tp_grad(tp_einsum("ij,ij->", TP_TENSORS(a, a)), a), TP_SHAPE(2, 3), 2, 4, 6, 8, 10, 12)
}

static void test_errors(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = range(c, TP_SHAPE(2, 3)), *v = range(c, TP_SHAPE(3));
    FAILS(tp_einsum("ij,jk", TP_TENSORS(x, x)),
          "einsum \"ij,jk\": at 5: an axis has another size than under its subscript before");
    FAILS(tp_einsum("ijk", TP_TENSORS(x)),
          "einsum \"ijk\": at 3: the operand has another number of axes than subscripts");
    FAILS(tp_einsum("...ijk", TP_TENSORS(x)),
          "einsum \"...ijk\": at 6: the operand has another number of axes than subscripts");
    FAILS(tp_einsum("i,j", TP_TENSORS(x, v)),
          "einsum \"i,j\": at 1: the operand has another number of axes than subscripts");
    FAILS(tp_einsum("ii", TP_TENSORS(x)),
          "einsum \"ii\": at 2: an axis has another size than under its subscript before");
    FAILS(tp_einsum("ii", TP_TENSORS(tp_slice(x, 0, 0, 1, 1))),
          "einsum \"ii\": at 2: a subscript that repeats has axes of different sizes");
    FAILS(tp_einsum("ij,j", TP_TENSORS(x)), "einsum \"ij,j\": at 2: there are more terms than operands");
    FAILS(tp_einsum("ij", TP_TENSORS(x, v)), "einsum \"ij\": at 2: there are more operands than terms");
    FAILS(tp_einsum("i1", TP_TENSORS(x)), "einsum \"i1\": at 1: neither a letter, ',', '...' nor '->'");
    FAILS(tp_einsum("i..", TP_TENSORS(x)),
          "einsum \"i..\": at 1: '.' stands only in one ellipsis '...' of an operand");
    FAILS(tp_einsum("...i...", TP_TENSORS(x)),
          "einsum \"...i...\": at 4: '.' stands only in one ellipsis '...' of an operand");
    FAILS(tp_einsum("ij-i", TP_TENSORS(x)), "einsum \"ij-i\": at 2: '-' stands only in '->'");
    FAILS(tp_einsum("ij->ik", TP_TENSORS(x)),
          "einsum \"ij->ik\": at 6: a subscript of the result is in no operand");
    FAILS(tp_einsum("ij->ii", TP_TENSORS(x)),
          "einsum \"ij->ii\": at 6: a subscript of the result stands twice");
    FAILS(tp_einsum("ij->i,j", TP_TENSORS(x)), "einsum \"ij->i,j\": at 5: the result has one term");
    FAILS(tp_einsum("abcdefghijklmnop", TP_TENSORS(x)),
          "einsum \"abcdefghijklmnop\": at 13: too many subscripts");
    FAILS(tp_einsum(NULL, TP_TENSORS(x)), "einsum: subscripts are NULL");
    FAILS(tp_dot(x, v), "dot: takes tensors of rank 1 and 1, got [2,3], [3]");
    FAILS(tp_dot(v, tp_slice(v, 0, 1, TP_END, 1)), "matmul_2d (m,k),(k,n)->(m,n): cannot take [1,3], [2,1]");
    FAILS(tp_mv(v, v), "mv: takes tensors of rank 2 and 1, got [3], [3]");
    FAILS(tp_outer(x, v), "outer: takes tensors of rank 1 and 1, got [2,3], [3]");
    FAILS(tp_tensordot(x, v, TP_AXES(0), TP_AXES(0)),
          "tensordot: the axes given of [2,3] and [3] do not fit each other");
    FAILS(tp_tensordot(x, v, TP_AXES(0, 1), TP_AXES(0)),
          "tensordot: the axes given of [2,3] and [3] do not fit each other");
    FAILS(tp_tensordot(x, v, TP_AXES(2), TP_AXES(0)), "tensordot: axis 2 is outside a tensor of rank 2");
    FAILS(tp_tensordot(x, x, TP_AXES(1, 1), TP_AXES(0, 1)), "tensordot: axis -1 is given twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_values), TEST(test_order), TEST(test_gradient),
                                       TEST(test_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
