/* Mistakes planted one at a time, in the rules of an op or (by TP_PLANTED) in the engine: each must be found
 * by tp_check_op, which must name the op and the check that fails. */
#include "testing.h"

#include "op/planted.h"

#include <taper/ext.h>
#include <taper/ops.h>

#include <math.h>
#include <stdio.h>

int tp_planted;

/* The rules of the row at work, without the mistake. */
static const tp_rules *clean;

/* --- mistakes that any rule can have --- */

static tp_tensor *times(tp_tensor *r, double factor) { return r ? tp_mul_scalar(r, factor) : NULL; }
static tp_tensor *cut(tp_tensor *r) { return r ? tp_detach(r) : NULL; }
static tp_tensor *halve(tp_tensor *r) { return r ? tp_cast(tp_cast(r, TP_F16), TP_F64) : NULL; }

#define PULL(name, expression) \
    static tp_tensor *pull_##name(const tp_call *call, int i, tp_tensor *const *u) { return expression; }
#define PUSH(name, expression) \
    static tp_tensor *push_##name(const tp_call *call, int i, tp_tensor *const *t) { return expression; }
#define SLOPE(name, expression) \
    static tp_tensor *slope_##name(const tp_call *call, int i) { return expression; }

PULL(wrong_sign, times(clean->pull(call, i, u), -1))
PULL(factor_2, times(clean->pull(call, i, u), 2))
PULL(first_term_only, i == 0 ? clean->pull(call, i, u) : NULL)
PULL(last_term_only, i == call->n_in - 1 ? clean->pull(call, i, u) : NULL)
PULL(cut, cut(clean->pull(call, i, u)))
PULL(other_slot, clean->pull(call, call->n_in - 1 - i, u))
PULL(rounded, halve(clean->pull(call, i, u)))
PULL(nothing, ((void)call, (void)i, (void)u, NULL))
PULL(identity, ((void)call, (void)i, u[0]))

PUSH(wrong_sign, times(clean->push(call, i, t), -1))
PUSH(factor_2, times(clean->push(call, i, t), 2))
PUSH(first_term_only, clean->push(call, i, (tp_tensor *const[]){t[0], NULL}))
PUSH(cut, cut(clean->push(call, i, t)))
PUSH(rounded, halve(clean->push(call, i, t)))
PUSH(nothing, ((void)call, (void)i, (void)t, NULL))

SLOPE(wrong_sign, times(clean->slope(call, i), -1))
SLOPE(factor_2, times(clean->slope(call, i), 2))
SLOPE(first_term_only, i == 0 ? clean->slope(call, i) : NULL)
SLOPE(cut, cut(clean->slope(call, i)))
SLOPE(other_slot, clean->slope(call, 1 - i))
SLOPE(inverted, tp_logical_not(clean->slope(call, i)))

/* --- mistakes of one op --- */

static tp_axes axes_of(const tp_call *call) { return *call->attr[0].v; }

PULL(permute_not_inverted, ((void)i, tp_permute_axes(u[0], axes_of(call))))
PULL(cumsum_over_first_axis, ((void)i, tp_flip(tp_cumsum(tp_flip(u[0], TP_AXES(-tp_call_shape(call, 0).n)),
                                                         -tp_call_shape(call, 0).n),
                                               TP_AXES(-tp_call_shape(call, 0).n))))
PULL(cumsum_not_flipped, ((void)i, tp_cumsum(u[0], (int)call->attr[0].i)))
PULL(softmax_over_first_axis,
     ((void)i,
      tp_sub(u[0], tp_mul(tp_exp(call->out[0]), tp_sum(u[0], TP_AXES(-tp_call_shape(call, 0).n), true)))))
PULL(concat_from_start,
     tp_slice_axis(u[0], (int)call->attr[0].i, 0,
                   tp_call_shape(call, i).v[call->attr[0].i + tp_call_shape(call, i).n], 1))
PULL(slice_start_forgotten,
     ((void)i, tp_spread_axis(u[0], (int)call->attr[0].i,
                              tp_call_shape(call, 0).v[call->attr[0].i + tp_call_shape(call, 0).n], 0,
                              call->attr[3].i)))
PULL(matmul_not_transposed, i == 0 ? tp_matmul_2d(u[0], call->in[1]) : tp_matmul_2d(call->in[0], u[0]))
PULL(other_branch, clean->pull(call, 3 - i, u))
PUSH(gather_last_axis, ((void)i, tp_gather(t[0], call->in[1], -1)))
PUSH(softmax_not_normalized, ((void)i, tp_mul(call->out[0], t[0])))

/* --- mistakes of kernels --- */

static double *element(const tp_array *a, bool last)
{
    double *at = a->data;
    for (int k = 0; last && k < a->rank; k++) at += (a->size[k] - 1) * a->stride[k];
    return at;
}

static void eval_last_off(const tp_call *call, const tp_array *in, const tp_array *out)
{
    clean->eval(call, in, out);
    *element(&out[0], true) *= 1.001;
}

static void eval_first_shifted(const tp_call *call, const tp_array *in, const tp_array *out)
{
    clean->eval(call, in, out);
    *element(&out[0], false) += 0.001;
}

static void eval_neighbours_swapped(const tp_call *call, const tp_array *in, const tp_array *out)
{
    clean->eval(call, in, out);
    double *a = element(&out[0], false), *b = element(&out[0], true), swap = *a;
    *a = *b;
    *b = swap;
}

static void eval_inputs_swapped(const tp_call *call, const tp_array *in, const tp_array *out)
{
    clean->eval(call, (const tp_array[]){in[1], in[0]}, out);
}

/* Takes the last loop for one along which the second input is broadcast. */
static void eval_stride_0(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_array b[] = {in[0], in[1]};
    if (call->loops) b[1].stride[call->loops - 1] = 0;
    clean->eval(call, b, out);
}

static void eval_one_short(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_array a = in[0];
    if (a.rank && a.size[a.rank - 1] > 1) a.size[a.rank - 1]--;
    clean->eval(call, &a, out);
}

/* Reads a transposed matrix as if it were row-major (where that stays inside it). */
static void eval_strides_ignored(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_array a = in[0];
    if (a.rank == 2 && a.stride[0] == 1 && a.size[0] <= a.size[1]) {
        a.stride[0] = in[0].stride[1];
        a.stride[1] = 1;
    }
    clean->eval(call, &a, out);
}

static void eval_in_f32(const tp_call *call, const tp_array *in, const tp_array *out)
{
    clean->eval(call, in, out);
    double *y = element(&out[0], true);
    *y = (float)*y;
}

/* --- the list --- */

typedef struct bug {
    const char *what;
    const char *op;
    const char *found_by; /* the first check that fails; NULL: which one depends on what stands in memory */
    int planted;          /* in the engine, or ... */
    tp_rules with;        /* ... what replaces the row's rules */
    uint32_t unread;      /* taken out of `reads` */
} bug;

static const bug bugs[] = {
    /* the engine */
    {"a sum-down averages", "mul", "Jacobian by reverse against differences", .planted = PLANT_SUM_DOWN},
    {"a cotangent is not expanded", "sum", NULL, .planted = PLANT_EXPAND},
    {"directions are taken for loops", "mul", "streaming against recorded forward in K directions",
     .planted = PLANT_ALIGN},
    {"forward drops a term of a product", "matmul_2d", "streaming against recorded forward",
     .planted = PLANT_MULTILINEAR},
    {"one direction stands for all", "exp", "reverse in K directions against one", .planted = PLANT_DIRECTION,
     .with = {.no_batch = true}},
    {"shares are not added up", "mul", "reverse over reverse against differences of the gradient",
     .planted = PLANT_ACCUMULATE},
    {"a second backward overwrites", "exp", "two backwards against two vjp", .planted = PLANT_LEAF},
    {"overwritten values go unseen", "exp", "an error after what is in `reads` was overwritten",
     .planted = PLANT_VERSION},
    {"a released graph is walked again", "exp", "an error at the backward of a released graph",
     .planted = PLANT_REFUSAL},
    {"outer levels are stripped too", "exp", "forward over forward against differences",
     .planted = PLANT_STRIP},
    {"streaming sees the first input only", "mul", "streaming against recorded forward",
     .planted = PLANT_CARRY},
    {"rebuilt values lack their tangents", "exp", "forward over reverse against reverse over reverse",
     .planted = PLANT_CARRY_AGAIN},

    /* slope */
    {"slope: wrong sign", "exp", "Jacobian by reverse against differences",
     .with = {.slope = slope_wrong_sign}},
    {"slope: factor 2", "tanh", "Jacobian by reverse against differences", .with = {.slope = slope_factor_2}},
    {"slope: missing term", "mul", "Jacobian by reverse against differences",
     .with = {.slope = slope_first_term_only}},
    {"slope: cut second order", "sin", "reverse over reverse against differences of the gradient",
     .with = {.slope = slope_cut}},
    {"slope: of the other input", "mul", "Jacobian by reverse against differences",
     .with = {.slope = slope_other_slot}},
    {"slope: gate inverted", "hardtanh", "Jacobian by reverse against differences",
     .with = {.slope = slope_inverted}},

    /* linear + pull */
    {"linear: wrong sign", "neg", "Jacobian by reverse against differences", .with = {.pull = pull_identity}},
    {"linear: factor 2", "sum", "Jacobian by reverse against differences", .with = {.pull = pull_factor_2}},
    {"linear: missing term", "where", "Jacobian by reverse against differences",
     .with = {.pull = pull_last_term_only}},
    {"linear: branches exchanged", "where", "Jacobian by reverse against differences",
     .with = {.pull = pull_other_branch}},
    {"linear: cut second order", "mean", "reverse over reverse against differences of the gradient",
     .with = {.pull = pull_cut}},
    {"linear: wrong axis", "cumsum", "Jacobian by reverse against differences",
     .with = {.pull = pull_cumsum_over_first_axis}},
    {"linear: not flipped back", "cumsum", "Jacobian by reverse against differences",
     .with = {.pull = pull_cumsum_not_flipped}},
    {"linear: permutation not inverted", "permute_axes", "gradient of views against row-major copies",
     .with = {.pull = pull_permute_not_inverted}},
    {"linear: wrong part", "concat", "Jacobian by reverse against differences",
     .with = {.pull = pull_concat_from_start}},
    {"linear: wrong start", "slice_axis", "gradient of views against row-major copies",
     .with = {.pull = pull_slice_start_forgotten}},
    {"linear: nothing at all", "reshape_axes", "Jacobian by reverse against differences",
     .with = {.pull = pull_nothing}},
    {"linear: a product taken for linear", "matmul_2d", "streaming against recorded forward",
     .with = {.linear = TP_LINEAR}},

    /* multilinear + pull */
    {"multilinear: wrong sign", "matmul_2d", "Jacobian by reverse against differences",
     .with = {.pull = pull_wrong_sign}},
    {"multilinear: not transposed", "matmul_2d", "gradient of views against row-major copies",
     .with = {.pull = pull_matmul_not_transposed}},
    {"multilinear: missing term", "matmul_2d", "Jacobian by reverse against differences",
     .with = {.pull = pull_first_term_only}},
    {"multilinear: cut second order", "matmul_2d", "reverse over reverse against differences of the gradient",
     .with = {.pull = pull_cut}},
    {"multilinear: rounded to f16", "matmul_2d", "Jacobian by reverse against differences",
     .with = {.pull = pull_rounded}},

    /* push + pull */
    {"push: wrong sign", "sub", "forward against differences", .with = {.push = push_wrong_sign}},
    {"push: factor 2", "logsumexp", "forward against differences", .with = {.push = push_factor_2}},
    {"push: missing term", "div", "recorded forward", .with = {.push = push_first_term_only}},
    {"push: cut second order", "log_softmax", "reverse over forward against reverse over reverse",
     .with = {.push = push_cut}},
    {"push: rounded to f16", "softmax", "<u, J t> = <J' u, t>", .with = {.push = push_rounded}},
    {"push: nothing at all", "sort", "forward against differences", .with = {.push = push_nothing}},
    {"push: wrong axis", "gather", "recorded forward", .with = {.push = push_gather_last_axis}},
    {"push: not normalized", "softmax", "forward against differences",
     .with = {.push = push_softmax_not_normalized}},
    {"pull: wrong sign of one", "sub", "Jacobian by reverse against differences",
     .with = {.pull = pull_identity}},
    {"pull: wrong axis", "log_softmax", "Jacobian by reverse against differences",
     .with = {.pull = pull_softmax_over_first_axis}},
    {"pull: cut second order", "div", "reverse over reverse against differences of the gradient",
     .with = {.pull = pull_cut}},
    {"pull: of the other input", "div", "Jacobian by reverse against differences",
     .with = {.pull = pull_other_slot}},

    /* reads */
    {"reads: input not declared", "sin", "gradient after what is not in `reads` was overwritten",
     .unread = TP_IN(0)},
    {"reads: output not declared", "softmax", "gradient of views against row-major copies",
     .unread = TP_OUT(0)},
    {"reads: one of two not declared", "mul", "Jacobian by reverse against differences", .unread = TP_IN(1)},

    /* kernels */
    {"eval: last element off", "exp", "value alone against value in a batch",
     .with = {.eval = eval_last_off}},
    {"eval: first element shifted", "mul", "value alone against value in a batch",
     .with = {.eval = eval_first_shifted}},
    {"eval: elements exchanged", "tanh", "value alone against value in a batch",
     .with = {.eval = eval_neighbours_swapped}},
    {"eval: inputs exchanged", "sub", "Jacobian by reverse against differences",
     .with = {.eval = eval_inputs_swapped}},
    {"eval: wrong broadcasting", "mul", "value alone against value in a batch",
     .with = {.eval = eval_stride_0}},
    {"eval: one element short", "logsumexp", "Jacobian by reverse against differences",
     .with = {.eval = eval_one_short}},
    {"eval: strides ignored", "tanh", "value alone against value in a batch",
     .with = {.eval = eval_strides_ignored}},
    {"eval: computed in f32", "log", "value alone against value in a batch", .with = {.eval = eval_in_f32}},
};

static tp_rules mutated(const bug *b)
{
    tp_rules rules = *clean;
    if (b->with.eval) rules.eval = b->with.eval;
    if (b->with.slope) rules.slope = b->with.slope;
    if (b->with.pull) rules.pull = b->with.pull;
    if (b->with.push) rules.push = b->with.push;
    if (b->with.linear) rules.linear = b->with.linear;
    if (b->with.eval) rules.view = NULL;
    rules.no_batch |= b->with.no_batch;
    rules.reads &= ~b->unread;
    return rules;
}

static int found;

static void test_bug(void **state)
{
    const bug *b = *state;
    tp_op op = *tp_op_find(b->op);
    clean = op.rules;
    tp_rules rules = mutated(b);
    op.rules = &rules;
    tp_context *c = tp_open(NULL);
    tp_op_report r;

    tp_planted = b->planted;
    bool right = tp_check_op(c, &op, &r);
    tp_planted = 0;
    assert_false(right);
    assert_true(r.failures > 0);
    printf("%s: %s: %s (%s), worst %g: %s\n", r.op->name, b->what, r.failure[0].check, r.failure[0].kind,
           r.failure[0].worst, r.failure[0].text);
    assert_string_equal(r.op->name, b->op);
    if (b->found_by) assert_string_equal(r.failure[0].check, b->found_by);
    found++;
    assert_int_equal(tp_close(c), 0);
}

/* Rules that are called once per direction give the same: nothing is found in an op without a mistake. */
static void test_one_direction_at_a_time(void **state)
{
    static const char *const names[] = {"exp", "div", "matmul_2d", "sum", "sort", "concat"};
    (void)state;
    tp_context *c = tp_open(NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        tp_op op = *tp_op_find(names[i]);
        tp_rules rules = *op.rules;
        tp_op_report r;
        rules.no_batch = true;
        op.rules = &rules;
        assert_true(tp_check_op(c, &op, &r));
    }
    assert_int_equal(tp_close(c), 0);
}

int main(void)
{
    enum { BUGS = sizeof bugs / sizeof *bugs };
    struct CMUnitTest tests[BUGS + 1] = {cmocka_unit_test(test_one_direction_at_a_time)};
    for (int i = 0; i < BUGS; i++)
        tests[1 + i] = (struct CMUnitTest){
            .name = bugs[i].what, .test_func = test_bug, .initial_state = (void *)(uintptr_t)&bugs[i]};
    int failed = _cmocka_run_group_tests("planted", tests, BUGS + 1, NULL, NULL);
    printf("%d bugs planted, %d found\n", BUGS, found);
    return failed;
}
