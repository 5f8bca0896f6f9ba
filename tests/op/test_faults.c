#include "faults.h"

#include <taper/ext.h>

/* What the calls below have at hand. */
typedef struct scene {
    faulty hook;
    tp_context *c, *other;
    tp_tensor *x;       /* a leaf [2,3] with a gradient */
    tp_tensor *m;       /* a leaf [3,2] without one */
    tp_tensor *v;       /* [2,3], no history */
    tp_tensor *index;   /* [2,1], of 0 and 1 */
    tp_tensor *z, *y;   /* results: [2,2], and one element */
    tp_tensor *linear;  /* one element, linear in x */
    tp_tensor *foreign; /* in `other` */
} scene;

static void scene_fill(scene *s, tp_context *c)
{
    s->c = c;
    s->other = tp_open(NULL);
    s->x = tp_require_grad(MATRIX(s->c, 2, 3, 0.5, -1, 0.25, 2, 1.5, -0.75));
    s->m = tp_require_grad(MATRIX(s->c, 3, 2, 1, 0.5, -0.5, 2, 0.75, -1.25));
    s->v = MATRIX(s->c, 2, 3, 1, 2, 3, 4, 5, 6);
    s->index = tp_from_array(s->c, TP_SHAPE(2, 1), TP_I64, (const int64_t[]){1, 0});
    tp_mark scope = tp_open_scope(s->c);
    tp_backward(tp_sum(tp_mul(s->x, s->x), TP_ALL, false));
    tp_close_scope(s->c, scope);
    s->z = tp_exp(tp_matmul(s->x, s->m));
    s->y = tp_sum(tp_mul(s->z, s->z), TP_ALL, false);
    s->linear = tp_sum(tp_mul(s->x, s->v), TP_ALL, false);
    s->foreign = NUMBER(s->other, 3);
}

static void scene_open(scene *s, bool rest) { scene_fill(s, faulty_open(&s->hook, rest)); }

static void scene_close(scene *s)
{
    tp_close(s->c);
    tp_close(s->other);
}

/* All that a call may change. */
static outcome state_of(const scene *s)
{
    outcome o = {0};
    outcome_add(&o, s->x);
    outcome_add(&o, s->m);
    outcome_add(&o, s->v);
    outcome_add(&o, tp_grad_of(s->x));
    outcome_add(&o, tp_grad_of(s->m));
    outcome_number(&o, (double)tp_random_counter(s->c));
    outcome_number(&o, tp_has_history(tp_neg(s->x))); /* whether calls are recorded */
    return o;
}

/* A call that allocates. Its result has the values to compare; nil where it failed. */
typedef struct call {
    const char *name;
    tp_tensor *(*run)(scene *s);
} call;

static outcome run(const call *k, scene *s)
{
    outcome o = {0};
    outcome_add(&o, k->run(s));
    return o;
}

/* The call with its at-th allocation failing. False if it takes fewer. */
static bool fail_at(const call *k, long at, bool rest, const outcome *expected)
{
    scene s;
    scene_open(&s, rest);
    outcome before = state_of(&s);
    tp_mark scope = tp_open_scope(s.c);
    size_t held = s.hook.books.bytes;
    faulty_arm(&s.hook, at);
    tp_tensor *result = k->run(&s);
    bool refused = faulty_disarm(&s.hook);
    if (refused) {
        EXPECT(tp_error(s.c) == TP_ERR_MEMORY, k->name, at, s.c);
        EXPECT(names_a_call(tp_error_text(s.c)), k->name, at, s.c);
        EXPECT(tp_is_nil(result), k->name, at, s.c);
        tp_mark inner = tp_open_scope(s.c);
        tp_close_scope(s.c, inner);
        tp_close_scope(s.c, scope);
        tp_clear(s.c);
        scope = tp_open_scope(s.c);
        EXPECT(s.hook.books.bytes == held, k->name, at, s.c);
        outcome after = state_of(&s);
        EXPECT(outcome_equal(&before, &after), k->name, at, s.c);
        outcome again = run(k, &s);
        EXPECT(outcome_equal(&again, expected), k->name, at, s.c);
    }
    EXPECT(tp_ok(s.c), k->name, at, s.c);
    tp_close_scope(s.c, scope);
    scene_close(&s);
    EXPECT(s.hook.books.blocks == 0, k->name, at, NULL);
    return refused;
}

/* Every allocation of a call failing, alone and with all after it. Returns how many there are. */
static long fail_each(const call *k)
{
    scene s;
    scene_open(&s, false);
    outcome expected = run(k, &s);
    EXPECT(tp_ok(s.c) && expected.n > 0, k->name, 0L, s.c);
    scene_close(&s);
    long at = 1;
    while (fail_at(k, at, false, &expected)) at++;
    for (long n = 1; n < at; n++) assert_true(fail_at(k, n, true, &expected));
    return at - 1;
}

#define CALL(name, ...) \
    static tp_tensor *name(scene *s) { return __VA_ARGS__; }

/* --- base.h and tensor.h --- */

CALL(open_scope, tp_open_scope(s->c) ? s->v : tp_nil(s->c))
CALL(open_no_grad, tp_open_no_grad(s->c) ? s->v : tp_nil(s->c))
CALL(from_array, tp_from_array(s->c, TP_SHAPE(2), TP_I8, (const int8_t[]){1, 2}))
CALL(from_doubles, tp_from_doubles(s->c, TP_SHAPE(2), TP_F16, (const double[]){1, 2}))
CALL(scalar, tp_scalar(s->c, 5, TP_F32))
CALL(full, tp_full(s->c, TP_SHAPE(2, 2), 5, TP_F32))
CALL(zeros, tp_zeros(s->c, TP_SHAPE(3), TP_BOOL))
CALL(ones, tp_ones(s->c, TP_SHAPE(3), TP_U64))
CALL(zeros_like, tp_zeros_like(s->x))
CALL(arange, tp_arange(s->c, 0, 5, 1, TP_I64))
CALL(linspace, tp_linspace(s->c, 0, 1, 5, TP_F32))
CALL(eye, tp_eye(s->c, 3, TP_F64))
CALL(share_tensor, tp_share_tensor(s->c, s->foreign))

static int deleted;
static void count_deleted(void *user) { ++*(int *)user; }

static tp_tensor *wrap(scene *s)
{
    static double memory[2] = {7, 8};
    int before = deleted;
    tp_tensor *t = tp_wrap(s->c, TP_SHAPE(2), TP_F64, memory, count_deleted, &deleted);
    assert_int_equal(deleted, before);
    return t;
}

/* --- composites --- */

CALL(add_scalar, tp_add_scalar(s->x, 0.5))
CALL(mul_scalar, tp_mul_scalar(tp_arange(s->c, 0, 3, 1, TP_I64), 0.5))
CALL(sub_scalar, tp_sub_scalar(s->x, 2))
CALL(rsub_scalar, tp_rsub_scalar(s->x, 2))
CALL(div_scalar, tp_div_scalar(s->x, 2))
CALL(pow_scalar, tp_pow_scalar(s->x, 2))
CALL(compare_scalars,
     tp_concat(TP_TENSORS(tp_gt_scalar(s->x, 1), tp_ge_scalar(s->x, 1), tp_lt_scalar(s->x, 1),
                          tp_le_scalar(s->x, 1), tp_eq_scalar(s->x, 1), tp_ne_scalar(s->x, 1)),
               0))
CALL(selu, tp_selu(s->x))
CALL(take_along_axis, tp_take_along_axis(s->x, s->index, 1))
CALL(index_select, tp_index_select(s->x, 1, tp_select(s->index, 0, 0)))
CALL(embedding, tp_embedding(s->x, s->index))
CALL(masked_fill, tp_masked_fill(s->x, tp_gt_scalar(s->v, 3), -1))
CALL(prod, tp_prod(s->x, TP_AXES(0), true))
CALL(count_nonzero, tp_count_nonzero(s->x, TP_ALL, false))
CALL(any, tp_any(s->x, TP_AXES(1), false))
CALL(all, tp_all(s->x, TP_AXES(1), false))
CALL(argsort, tp_argsort(s->x, 1, true))
CALL(reshape, tp_reshape(tp_transpose(s->x, 0, 1), TP_SHAPE(2, -1)))
CALL(expand, tp_expand(s->x, TP_SHAPE(4, 2, 3)))
CALL(permute, tp_permute(s->x, TP_AXES(1, 0)))
CALL(squeeze, tp_squeeze(tp_unsqueeze(s->x, 0), TP_ALL))
CALL(slice, tp_slice(s->x, 1, TP_END, TP_END, -2))
CALL(select, tp_select(s->x, 1, -1))
CALL(stack, tp_stack(TP_TENSORS(s->x, s->v), 1))
CALL(stack_many, tp_stack(TP_TENSORS(s->x, s->v, s->x, s->v, s->x), 1))
CALL(concat_mixed, tp_concat(TP_TENSORS(s->x, tp_ones(s->c, TP_SHAPE(1, 3), TP_I32), s->v, s->v, s->x), 0))
CALL(flatten, tp_flatten(tp_transpose(s->x, 0, 1), 0, 1))
CALL(movedim, tp_movedim(s->x, 0, 1))
CALL(flip, tp_flip(s->x, TP_AXES(0, 1)))
CALL(roll, tp_roll(s->x, TP_INTS(1, -1), TP_AXES(0, 1)))
CALL(roll_flat, tp_roll(s->x, TP_INTS(2), TP_NONE))
CALL(repeat, tp_repeat(s->x, TP_INTS(2, 1, 2)))
CALL(flip_nothing, tp_flip(s->x, TP_NONE))
CALL(roll_nothing, tp_roll(s->x, TP_INTS(0), TP_AXES(1)))
CALL(repeat_nothing, tp_repeat(s->x, TP_INTS(1, 1)))
CALL(repeat_interleave, tp_repeat_interleave(s->x, 2, 0))
CALL(diagonal, tp_diagonal(s->x, 1, 0, 1))
CALL(contiguous, tp_contiguous(tp_transpose(s->x, 0, 1)))

static tp_tensor *split(scene *s)
{
    tp_tensor *ys[4];
    int n = tp_split(s->x, 1, 1, 4, ys);
    if (n) return tp_concat(n, ys, 1);
    for (int i = 0; i < 4; i++) assert_true(tp_is_nil(ys[i]));
    return tp_nil(s->c);
}

static tp_tensor *chunk(scene *s)
{
    tp_tensor *ys[2];
    int n = tp_chunk(s->x, 2, 1, ys);
    if (n) return tp_concat(n, ys, 1);
    for (int i = 0; i < 2; i++) assert_true(tp_is_nil(ys[i]));
    return tp_nil(s->c);
}

CALL(normal, tp_normal(s->c, TP_SHAPE(3), 1, 2, TP_F64))
CALL(randint, tp_randint(s->c, 2, 9, TP_SHAPE(3), TP_I64))
CALL(permutation, tp_permutation(s->c, 5))
CALL(bernoulli, tp_bernoulli(tp_full(s->c, TP_SHAPE(4), 0.5, TP_F64)))
CALL(dropout, tp_dropout(s->x, 0.5, true))
CALL(dot, tp_dot(tp_select(s->x, 0, 0), tp_select(s->v, 0, 1)))
CALL(mv, tp_mv(s->x, tp_select(s->v, 0, 1)))
CALL(outer, tp_outer(tp_select(s->x, 0, 0), tp_select(s->v, 0, 1)))
CALL(tensordot, tp_tensordot(s->x, s->m, TP_AXES(1, 0), TP_AXES(0, 1)))
CALL(einsum, tp_einsum("ij,jk,ij->k", TP_TENSORS(s->x, s->m, s->v)))
CALL(mixed_types, tp_add(s->x, tp_ones(s->c, TP_SHAPE(3), TP_I8)))
CALL(matmul, tp_matmul(s->x, s->m))
CALL(matmul_vectors, tp_matmul(tp_select(s->x, 0, 0), tp_select(s->m, 1, 0)))
CALL(detach, tp_detach(s->z))
CALL(next_key, tp_next_key(s->c))
CALL(uniform, tp_uniform(s->c, TP_SHAPE(3), -1, 1, TP_F64))

/* --- grad.h --- */

static tp_tensor *gradients_of_leaves(scene *s)
{
    if (!tp_ok(s->c)) return tp_nil(s->c);
    return tp_concat(TP_TENSORS(tp_grad_of(s->x), tp_transpose(tp_grad_of(s->m), 0, 1)), 0);
}

/* One leaf has a gradient, which a failure must leave alone; the other has none, which must stay so. */
static tp_tensor *backward(scene *s)
{
    tp_backward(s->y);
    if (!tp_ok(s->c)) return tp_nil(s->c);
    faulty_disarm(&s->hook);
    return gradients_of_leaves(s);
}

static tp_tensor *backward_of_leaf(scene *s)
{
    tp_tensor *leaf = tp_require_grad(NUMBER(s->c, 3));
    tp_backward(leaf);
    return tp_grad_of(leaf);
}

static tp_tensor *forward_and_backward(scene *s)
{
    tp_mark scope = tp_open_scope(s->c);
    tp_tensor *h = tp_relu(tp_add(tp_matmul(s->x, s->m), tp_ones(s->c, TP_SHAPE(2), TP_F64)));
    tp_backward(tp_sum(tp_log_softmax(h, -1), TP_ALL, false), .retain = true);
    tp_close_scope(s->c, scope);
    if (!tp_ok(s->c)) return tp_nil(s->c);
    faulty_disarm(&s->hook);
    return gradients_of_leaves(s);
}

CALL(grad, tp_grad(s->y, s->x))
CALL(grad_of_result, tp_grad(s->y, s->z))
CALL(grad_of_grad, tp_grad(tp_sum(tp_grad(s->y, s->x, .record = true), TP_ALL, false), s->m))
CALL(grad_of_itself, tp_grad(s->y, s->y))
CALL(grad_unreached, tp_grad(s->linear, s->m))
CALL(vjp, tp_vjp(s->z, s->x, tp_ones(s->c, TP_SHAPE(2, 2), TP_F64)))
CALL(vjp_batched, tp_vjp(s->z, s->m, tp_ones(s->c, TP_SHAPE(3, 2, 2), TP_F64)))
CALL(vjp_unreached, tp_vjp(s->linear, s->m, tp_ones(s->c, TP_SHAPE(2), TP_F64)))
CALL(jvp, tp_jvp(s->z, s->x, s->v))
CALL(jvp_batched, tp_jvp(s->z, s->x, tp_ones(s->c, TP_SHAPE(2, 2, 3), TP_F64), .record = true))
CALL(jvp_unreached, tp_jvp(s->linear, s->m, tp_ones(s->c, TP_SHAPE(2, 3, 2), TP_F64)))
CALL(jvp_of_itself, tp_jvp(s->x, s->x, s->v))
CALL(jacobian_by_rows, tp_jacobian(s->z, s->x))
CALL(jacobian_by_columns, tp_jacobian(tp_expand(s->y, TP_SHAPE(3, 3)), s->y))
CALL(hessian, tp_hessian(s->y, s->x))
CALL(hessian_of_linear, tp_hessian(s->linear, s->x))
CALL(hvp, tp_hvp(s->y, s->x, s->v))
CALL(hvp_of_linear, tp_hvp(s->linear, s->x, s->v))

static tp_tensor *grads(scene *s)
{
    tp_tensor *g[2];
    tp_grads_with(s->y, 2, (tp_tensor *const[]){s->x, s->m}, g, NULL);
    if (tp_ok(s->c)) return tp_concat(TP_TENSORS(g[0], tp_transpose(g[1], 0, 1)), 0);
    assert_true(tp_is_nil(g[0]) && tp_is_nil(g[1]));
    return tp_nil(s->c);
}

/* Two levels of streaming over a net, one source by K directions, over recorded calls. */
static tp_tensor *streaming(scene *s)
{
    int outer = tp_open_forward(s->c), inner = tp_open_forward(s->c);
    tp_tensor *x = tp_dual(tp_dual(s->x, s->v, outer, 0), s->v, inner, 1);
    tp_tensor *y =
        tp_exp(tp_matmul(tp_mul(x, x), tp_dual(s->m, tp_ones(s->c, TP_SHAPE(3, 2), TP_F64), inner, 0)));
    tp_tensor *t = tp_tangent(tp_tangent(y, inner, 1), outer, 0);
    tp_tensor *u = tp_tangent(y, inner, 0);
    tp_tensor *both = tp_concat(TP_TENSORS(t, u), 0);
    tp_close_forward(s->c, outer);
    return both;
}

static tp_tensor *streaming_jacobian(scene *s)
{
    int level = tp_open_forward(s->c);
    tp_tensor *x = tp_dual_identity(s->x, level, 0);
    tp_tensor *t = tp_tangent(tp_log_softmax(tp_matmul(x, s->m), -1), level, 0);
    tp_close_forward(s->c, level);
    return t;
}

/* The gradient's own derivative: forward over reverse. */
static tp_tensor *streaming_over_backward(scene *s)
{
    int level = tp_open_forward(s->c);
    tp_tensor *x = tp_dual(s->x, s->v, level, 0);
    tp_tensor *y = tp_sum(tp_exp(tp_matmul(x, s->m)), TP_ALL, false);
    tp_tensor *t = tp_tangent(tp_grad(y, s->m), level, 0);
    tp_close_forward(s->c, level);
    return t;
}

static tp_tensor *checked(tp_context *c, tp_tensor *const *xs, void *user)
{
    (void)c, (void)user;
    return tp_sum(tp_exp(xs[0]), TP_ALL, false);
}

/* It overwrites its tensor at work, and must put it right again. */
static tp_tensor *gradcheck(scene *s)
{
    tp_gradcheck_result found;
    bool right = tp_gradcheck(s->c, checked, NULL, 1, &s->v, &found);
    assert_true(right == tp_ok(s->c));
    return right ? s->v : tp_nil(s->c);
}

#define ENTRY(name) \
    {               \
#name, name \
    }

static const call calls[] = {
    ENTRY(open_scope),
    ENTRY(open_no_grad),
    ENTRY(from_array),
    ENTRY(from_doubles),
    ENTRY(scalar),
    ENTRY(full),
    ENTRY(zeros),
    ENTRY(ones),
    ENTRY(zeros_like),
    ENTRY(arange),
    ENTRY(linspace),
    ENTRY(eye),
    ENTRY(share_tensor),
    ENTRY(wrap),
    ENTRY(add_scalar),
    ENTRY(mul_scalar),
    ENTRY(sub_scalar),
    ENTRY(rsub_scalar),
    ENTRY(div_scalar),
    ENTRY(pow_scalar),
    ENTRY(compare_scalars),
    ENTRY(selu),
    ENTRY(take_along_axis),
    ENTRY(index_select),
    ENTRY(embedding),
    ENTRY(masked_fill),
    ENTRY(prod),
    ENTRY(count_nonzero),
    ENTRY(any),
    ENTRY(all),
    ENTRY(argsort),
    ENTRY(reshape),
    ENTRY(expand),
    ENTRY(permute),
    ENTRY(squeeze),
    ENTRY(slice),
    ENTRY(select),
    ENTRY(stack),
    ENTRY(stack_many),
    ENTRY(concat_mixed),
    ENTRY(flatten),
    ENTRY(movedim),
    ENTRY(flip),
    ENTRY(roll),
    ENTRY(roll_flat),
    ENTRY(flip_nothing),
    ENTRY(roll_nothing),
    ENTRY(repeat_nothing),
    ENTRY(repeat),
    ENTRY(repeat_interleave),
    ENTRY(diagonal),
    ENTRY(contiguous),
    ENTRY(matmul),
    ENTRY(matmul_vectors),
    ENTRY(detach),
    ENTRY(next_key),
    ENTRY(uniform),
    ENTRY(normal),
    ENTRY(randint),
    ENTRY(permutation),
    ENTRY(bernoulli),
    ENTRY(dropout),
    ENTRY(dot),
    ENTRY(mv),
    ENTRY(outer),
    ENTRY(tensordot),
    ENTRY(einsum),
    ENTRY(mixed_types),
    ENTRY(gradcheck),
    ENTRY(split),
    ENTRY(chunk),
    ENTRY(backward),
    ENTRY(backward_of_leaf),
    ENTRY(forward_and_backward),
    ENTRY(grad),
    ENTRY(grad_of_result),
    ENTRY(grad_of_grad),
    ENTRY(grad_of_itself),
    ENTRY(grad_unreached),
    ENTRY(vjp),
    ENTRY(vjp_batched),
    ENTRY(vjp_unreached),
    ENTRY(jvp),
    ENTRY(jvp_batched),
    ENTRY(jvp_unreached),
    ENTRY(jvp_of_itself),
    ENTRY(jacobian_by_rows),
    ENTRY(jacobian_by_columns),
    ENTRY(hessian),
    ENTRY(hessian_of_linear),
    ENTRY(hvp),
    ENTRY(hvp_of_linear),
    ENTRY(grads),
    ENTRY(streaming),
    ENTRY(streaming_jacobian),
    ENTRY(streaming_over_backward),
};

static void test_calls(void **state)
{
    (void)state;
    long points = 0;
    int n = sizeof calls / sizeof *calls;
    for (int i = 0; i < n; i++) {
        long found = fail_each(&calls[i]);
        EXPECT(found > 0, calls[i].name, 0L, NULL);
        points += found;
    }
    print_message("%d calls, %ld failure points, each alone and with all after it\n", n, points);
}

static void test_open(void **state)
{
    (void)state;
    for (long at = 1; at <= 2; at++) {
        faulty f = {.at = at};
        ledger_start(&f.books);
        tp_options options = {.allocator = faulty_allocator, .allocator_user = &f, .no_cache = true};
        assert_null(tp_open(&options));
        assert_int_equal(f.books.blocks, 0);
        f.at = 0;
        tp_context *c = tp_open(&options);
        assert_non_null(c);
        assert_int_equal(tp_close(c), 0);
        assert_int_equal(f.books.blocks, 0);
    }
}

/* Calls that work where there is no memory at all. */
static void test_calls_without_memory(void **state)
{
    (void)state;
    scene s;
    double d[6];
    char text[64];
    scene_open(&s, true);
    faulty_arm(&s.hook, 1);
    assert_int_equal(tp_format(s.v, text, sizeof text), strlen("[[1. 2. 3.]\n [4. 5. 6.]]"));
    assert_true(tp_item(s.y) > 0 && tp_get(s.v, TP_INTS(1, -1)) == 6);
    assert_int_equal(tp_read_doubles(s.v, d, 6), TP_OK);
    assert_int_equal(tp_write(s.v, d, sizeof d), TP_OK);
    assert_int_equal(tp_read(s.v, d, sizeof d), TP_OK);
    assert_non_null(tp_data_mut(s.v));
    assert_ptr_equal(tp_keep(s.v), s.v);
    tp_release(tp_retain(s.v));
    assert_ptr_equal(tp_require_grad(s.v), s.v);
    tp_zero_grad(s.x);
    assert_true(tp_is_nil(tp_grad_of(s.x)));
    tp_close_forward(s.c, tp_open_forward(s.c));
    tp_memory_trim(s.c);
    assert_int_equal(s.hook.asked, 0);
    assert_true(tp_ok(s.c));
    scene_close(&s);
    assert_int_equal(s.hook.books.blocks, 0);
}

/* The limit raised a little at a time until the net fits. */
static void test_memory_limit(void **state)
{
    (void)state;
    static const call net = ENTRY(forward_and_backward);
    scene s;
    scene_open(&s, false);
    outcome expected = run(&net, &s);
    size_t needed = s.hook.books.most;
    scene_close(&s);
    assert_null(tp_open(&(tp_options){.memory_limit = 100}));
    int failures = 0;
    for (size_t limit = needed / 8; limit < needed + 4096; limit += 256) {
        ledger_start(&s.hook.books);
        tp_context *c = tp_open(&(tp_options){.allocator = ledger_allocator,
                                              .allocator_user = &s.hook.books,
                                              .memory_limit = limit,
                                              .no_cache = limit % 512 == 0});
        if (!c) continue;
        scene_fill(&s, c);
        outcome got = run(&net, &s);
        assert_true(s.hook.books.most <= limit + 4096); /* the pool itself does not count */
        if (tp_ok(c)) {
            assert_true(outcome_equal(&got, &expected));
        } else {
            failures++;
            assert_int_equal(tp_error(c), TP_ERR_MEMORY);
            assert_true(names_a_call(tp_error_text(c)));
            assert_non_null(strstr(tp_error_text(c), " of .memory_limit are in use"));
        }
        scene_close(&s);
        assert_int_equal(s.hook.books.blocks, 0);
    }
    assert_true(failures > 10);
    print_message("%d limits too low\n", failures);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_open),
    cmocka_unit_test(test_calls),
    cmocka_unit_test(test_calls_without_memory),
    cmocka_unit_test(test_memory_limit),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
