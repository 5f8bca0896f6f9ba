#include "fixture.h"

#include <taper/ext.h>

/* What eval was given, for the tests to look at. */
static tp_array seen_in[3], seen_out[2];
static int seen_loops, evals;

static void eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    evals++;
    seen_loops = call->loops;
    for (int i = 0; i < call->n_in; i++) seen_in[i] = in[i];
    for (int o = 0; o < call->n_out; o++) seen_out[o] = out[o];
    for (int o = 0; o < call->n_out; o++) {
        int64_t n = 1;
        for (int i = 0; i < out[o].rank; i++) n *= out[o].size[i];
        memset(out[o].data, 0, (size_t)n * sizeof(double)); /* fresh, so without gaps */
    }
}

static const tp_rules rules = {.eval = eval, .nodiff = "for shapes only"};
static const char *const in_name[] = {"a", "b", "d"}, *const out_name[] = {"y", "z"};

enum { ANY = -9 }; /* ends a shape in the table below */

typedef struct row {
    const char *signature;
    int n_in;
    tp_shape in[3];
    tp_shape out; /* n = ANY: refused */
} row;

#define S(...)                                                                     \
    {                                                                              \
        (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), { __VA_ARGS__ } \
    }
#define SCALAR_S \
    {            \
        0, { 0 } \
    }
#define REFUSED    \
    {              \
        ANY, { 0 } \
    }

static const row rows[] = {
    {"()->()", 1, {S(2, 3)}, S(2, 3)},
    {"()->()", 1, {SCALAR_S}, SCALAR_S},
    {"(),()->()", 2, {S(2, 1), S(3)}, S(2, 3)},
    {"(),()->()", 2, {SCALAR_S, S(4, 5)}, S(4, 5)},
    {"(),()->()", 2, {S(2, 0), S(1)}, S(2, 0)},
    {"(),()->()", 2, {S(0), S(1, 1)}, S(1, 0)},
    {"(),()->()", 2, {S(2), S(3)}, REFUSED},
    {"(),()->()", 2, {S(2), S(0)}, REFUSED},
    {"(),(),()->()", 3, {S(2, 1, 1), S(3, 1), S(4)}, S(2, 3, 4)},
    {"(),(),()->()", 3, {S(2, 1), S(3), S(2)}, REFUSED},
    {"(m,k),(k,n)->(m,n)", 2, {S(4, 2), S(2, 5)}, S(4, 5)},
    {"(m,k),(k,n)->(m,n)", 2, {S(4, 0), S(0, 5)}, S(4, 5)},
    {"(m,k),(k,n)->(m,n)", 2, {S(7, 1, 4, 2), S(3, 2, 5)}, S(7, 3, 4, 5)},
    {"(m,k),(k,n)->(m,n)", 2, {S(4, 2), S(8, 1)}, REFUSED},
    {"(m,k),(k,n)->(m,n)", 2, {S(4, 2), S(1, 5)}, REFUSED}, /* core axes do not broadcast */
    {"(m,k),(k,n)->(m,n)", 2, {S(2), S(2, 5)}, REFUSED},
    {"(m,k),(k,n)->(m,n)", 2, {S(6, 4, 2), S(5, 2, 3)}, REFUSED},
    {"(n),(n)->()", 2, {S(3), S(3)}, SCALAR_S},
    {"(n),(n)->()", 2, {S(2, 3), S(3)}, S(2)},
    {"(n)->(n,n)", 1, {S(2, 3)}, S(2, 3, 3)},
    {"(n,n)->(n)", 1, {S(2, 3, 3)}, S(2, 3)},
    {"(n,n)->(n)", 1, {S(3, 4)}, REFUSED},
    {"(3),(3)->(3)", 2, {S(2, 3), S(3)}, S(2, 3)},
    {"(3),(3)->(3)", 2, {S(4), S(4)}, REFUSED},
    {"(n)->(2)", 1, {S(5, 7)}, S(5, 2)},
    {"(rows,columns)->(columns,rows)", 1, {S(5, 7)}, S(7, 5)},
    {"()->()", 1, {S(1, 1, 1, 1, 1, 1, 1, 1)}, S(1, 1, 1, 1, 1, 1, 1, 1)},
    {"(),(i,j,k,l)->()", 2, {S(1, 1, 1, 1, 1, 1, 1, 1), S(1, 2, 3, 4)}, S(1, 1, 1, 1, 1, 1, 1, 1)},
    {"(i,j,k,l,m),()->()", 2, {S(1, 2, 3, 4, 5), S(1, 1, 1, 1, 1, 1, 1, 1)}, REFUSED}, /* 13 axes in eval */
};

enum { ROWS = sizeof rows / sizeof *rows };

static const char *types_of(int n_in) { return n_in == 1 ? "F->F" : n_in == 2 ? "FF->F" : "FFF->F"; }

static void test_shapes_by_signature(void **state)
{
    tp_context *c = *state;
    for (int k = 0; k < ROWS; k++) {
        const row *r = &rows[k];
        tp_op op = {.name = "shapes",
                    .signature = r->signature,
                    .types = types_of(r->n_in),
                    .n_in = r->n_in,
                    .in_name = in_name,
                    .n_out = 1,
                    .out_name = out_name,
                    .rules = &rules};
        tp_mark m = tp_open_scope(c);
        tp_tensor *in[3];
        for (int i = 0; i < r->n_in; i++) in[i] = tp_zeros(c, r->in[i], TP_F64);
        tp_tensor *y = tp_apply(&op, r->n_in, in, NULL, NULL);
        if (r->out.n == ANY) {
            assert_true(tp_is_nil(y));
            char wanted[128];
            snprintf(wanted, sizeof wanted, "shapes %s: cannot take [", r->signature);
            expect_error(c, TP_ERR_SHAPE, wanted);
        } else {
            double zeros[MOST_VALUES] = {0};
            expect_values_(y, r->out, zeros, r->signature, k);
        }
        tp_close_scope(c, m);
    }
}

static void test_a_refusal_shows_all_shapes(void **state)
{
    tp_context *c = *state;
    tp_matmul_2d(tp_zeros(c, TP_SHAPE(4, 2), TP_F32), tp_zeros(c, TP_SHAPE(8, 1), TP_F32));
    assert_string_equal(tp_error_text(c), "matmul_2d (m,k),(k,n)->(m,n): cannot take [4,2], [8,1]");
    tp_clear(c);
    tp_where(tp_zeros(c, TP_SHAPE(2), TP_BOOL), tp_zeros(c, TP_SHAPE(3, 1), TP_F32),
             tp_zeros(c, TP_SHAPE(3), TP_F32));
    expect_error(c, TP_ERR_SHAPE, "cannot take [2], [3,1], [3]");
}

static void test_reductions(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = tp_reshape(tp_arange(c, 0, 6, 1, TP_F64), TP_SHAPE(1, 2, 3));
    expect_values(tp_sum(t, TP_ALL, false), TP_SCALAR, 15);
    expect_values(tp_sum(t, TP_ALL, true), TP_SHAPE(1, 1, 1), 15);
    expect_values(tp_sum(t, TP_AXES(1), false), TP_SHAPE(1, 3), 3, 5, 7);
    expect_values(tp_sum(t, TP_AXES(-1), true), TP_SHAPE(1, 2, 1), 3, 12);
    expect_values(tp_sum(t, TP_AXES(2, 0), false), TP_SHAPE(2), 3, 12);
    expect_values(tp_sum(t, TP_AXES(0, 2), true), TP_SHAPE(1, 2, 1), 3, 12);
    expect_values(tp_sum(t, TP_NONE, false), TP_SHAPE(1, 2, 3), 0, 1, 2, 3, 4, 5);
    expect_values(tp_sum(NUMBER(c, 4), TP_ALL, false), TP_SCALAR, 4);
    assert_true(tp_is_nil(tp_sum(t, TP_AXES(3), false)));
    expect_error(c, TP_ERR_SHAPE, "sum: axis 3 is outside a tensor of rank 3");
    assert_true(tp_is_nil(tp_sum(t, TP_AXES(-4), false)));
    expect_error(c, TP_ERR_SHAPE, "sum: axis -4 is outside a tensor of rank 3");
    assert_true(tp_is_nil(tp_sum(t, TP_AXES(1, -2), false)));
    expect_error(c, TP_ERR_ARGUMENT, "sum: axis -2 is given twice");
    assert_true(tp_is_nil(tp_sum(t, TP_INTS(0, 1, 2, 0), false)));
    expect_error(c, TP_ERR_ARGUMENT, "given twice");
    assert_true(tp_is_nil(tp_log_softmax(t, 3)));
    expect_error(c, TP_ERR_SHAPE, "log_softmax: axis 3 is outside");
    assert_true(tp_is_nil(tp_log_softmax(NUMBER(c, 1), 0)));
    expect_error(c, TP_ERR_SHAPE, "log_softmax: axis 0 is outside a tensor of rank 0");
}

static void expect_array(const tp_array *a, tp_ints size, tp_ints stride)
{
    assert_int_equal(a->rank, size.n);
    for (int i = 0; i < size.n; i++) {
        assert_int_equal(a->size[i], size.v[i]);
        if (size.v[i] > 1) assert_int_equal(a->stride[i], stride.v[i]);
    }
}

/* Loops come first, as many for each array, of stride 0 where broadcast. */
static void test_what_eval_sees(void **state)
{
    tp_context *c = *state;
    static const tp_op product = {.name = "product",
                                  .signature = "(m,k),(k,n)->(m,n)",
                                  .types = "FF->F",
                                  .n_in = 2,
                                  .in_name = in_name,
                                  .n_out = 1,
                                  .out_name = out_name,
                                  .rules = &rules};
    tp_tensor *in[] = {tp_zeros(c, TP_SHAPE(5, 1, 4, 2), TP_F64), tp_zeros(c, TP_SHAPE(3, 2, 6), TP_F64)};
    tp_apply(&product, 2, in, NULL, NULL);
    assert_int_equal(seen_loops, 2);
    expect_array(&seen_in[0], TP_INTS(5, 3, 4, 2), TP_INTS(8, 0, 2, 1));
    expect_array(&seen_in[1], TP_INTS(5, 3, 2, 6), TP_INTS(0, 12, 6, 1));
    expect_array(&seen_out[0], TP_INTS(5, 3, 4, 6), TP_INTS(72, 24, 6, 1));
    evals = 0;
    tp_apply(&product, 2, (tp_tensor *[]){in[0], tp_zeros(c, TP_SHAPE(3, 2, 0), TP_F64)}, NULL, NULL);
    assert_int_equal(evals, 0); /* no elements to write */
    assert_true(tp_ok(c));
}

static void test_an_axis_is_put_last(void **state)
{
    tp_context *c = *state;
    static const tp_attr_info axis = {TP_ATTR_AXIS, "axis", "-1"};
    static const tp_op along = {.name = "along",
                                .signature = "(n)->(n),(n)",
                                .types = "F->FF",
                                .n_in = 1,
                                .in_name = in_name,
                                .n_out = 2,
                                .out_name = out_name,
                                .n_attr = 1,
                                .attr = &axis,
                                .rules = &rules};
    tp_tensor *x = tp_zeros(c, TP_SHAPE(2, 3, 4), TP_F64), *extra;
    tp_tensor *y = tp_apply(&along, 1, &x, &(tp_attr){.i = 1}, &extra);
    assert_int_equal(tp_size(y, 1), 3);
    assert_int_equal(tp_size(extra, 2), 4);
    assert_int_equal(seen_loops, 2);
    expect_array(&seen_in[0], TP_INTS(2, 4, 3), TP_INTS(12, 1, 4));
    expect_array(&seen_out[0], TP_INTS(2, 4, 3), TP_INTS(12, 1, 4));
    expect_array(&seen_out[1], TP_INTS(2, 4, 3), TP_INTS(12, 1, 4));
}

static void test_rank_limit(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = tp_ones(c, TP_SHAPE(1, 1, 1, 1, 1, 1, 1, 2), TP_F64);
    for (int rank = 9; rank <= TP_INTERNAL_RANK; rank++)
        assert_int_equal(tp_rank(t = tp_unsqueeze(t, 0)), rank);
    expect_near(tp_item(tp_sum(tp_add(t, t), TP_ALL, false)), 4, 0);
    assert_true(tp_is_nil(tp_unsqueeze(t, 0)));
    expect_error(c, TP_ERR_SHAPE, "unsqueeze: takes less than 12 axes");
    tp_tensor *deep = tp_ones(c, TP_SHAPE(1, 1, 1, 1, 1, 1, 1, 1), TP_F64);
    for (int k = 0; k < 3; k++) deep = tp_unsqueeze(deep, 0); /* rank 11 */
    static const tp_op outer = {.name = "widen",
                                .signature = "()->(2,2)",
                                .types = "F->F",
                                .n_in = 1,
                                .in_name = in_name,
                                .n_out = 1,
                                .out_name = out_name,
                                .rules = &rules};
    assert_true(tp_is_nil(tp_apply(&outer, 1, &deep, NULL, NULL)));
    expect_error(c, TP_ERR_SHAPE, "widen ()->(2,2): cannot take [1,1,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shapes_by_signature), TEST(test_a_refusal_shows_all_shapes), TEST(test_reductions),
        TEST(test_what_eval_sees),      TEST(test_an_axis_is_put_last),        TEST(test_rank_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
