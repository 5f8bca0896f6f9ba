#include "ops/cases.h"

/* Wrong calls over the whole public API, each with its whole text. FAILS is for calls that return a tensor.
 */

/* A call that returns nothing or a number. */
#define FAILS_TO(call, text)                         \
    do {                                             \
        (void)(call);                                \
        assert_string_equal(tp_error_text(c), text); \
        assert_false(tp_ok(c));                      \
        tp_clear(c);                                 \
    } while (0)

/* A call that returns a status; the context has the same. */
#define REFUSES(call, status, text)                  \
    do {                                             \
        assert_int_equal(call, status);              \
        assert_int_equal(tp_error(c), status);       \
        assert_string_equal(tp_error_text(c), text); \
        tp_clear(c);                                 \
    } while (0)

/* A call that returns its status leaves the context usable. */
#define RETURNS(call, status, text)                  \
    do {                                             \
        assert_int_equal(call, status);              \
        assert_true(tp_ok(c));                       \
        assert_string_equal(tp_error_text(c), text); \
    } while (0)

#define E 2.718281828459045

static tp_tensor *ones(tp_context *c, tp_shape shape) { return tp_ones(c, shape, TP_F64); }

static void test_making(void **state)
{
    tp_context *c = *state;
    double d[4] = {0};
    FAILS(tp_from_array(c, TP_SHAPE(2), TP_F32, NULL), "tp_from_array: argument 'data' is NULL");
    FAILS(tp_from_array(c, TP_SHAPE(2, -1), TP_F32, d), "tp_from_array: shape [2,-1] has a negative size");
    FAILS(tp_from_array(c, (tp_shape){.n = 9}, TP_F32, d), "tp_from_array: rank 9 is outside 0 to 8");
    FAILS(tp_from_array(c, (tp_shape){.n = -2}, TP_F32, d), "tp_from_array: rank -2 is outside 0 to 8");
    FAILS(tp_from_doubles(c, TP_SHAPE(1), (tp_dtype)77, d), "tp_from_doubles: 77 is no dtype");
    FAILS(tp_zeros(c, TP_SHAPE(INT64_MAX, 2), TP_F32),
          "tp_zeros: shape [9223372036854775807,2] is too large");
    FAILS(tp_full(c, TP_SHAPE(-3), 1, TP_F32), "tp_full: shape [-3] has a negative size");
    FAILS(tp_scalar(c, 1, (tp_dtype)-1), "tp_scalar: -1 is no dtype");
    FAILS(tp_eye(c, -1, TP_F32), "tp_eye: shape [-1,-1] has a negative size");
    FAILS(tp_zeros_like(tp_nil(c)), "tp_zeros_like: argument 't' is nil");
    FAILS(tp_arange(c, 0, 1, 0, TP_F32), "tp_arange: no number of steps of 0 leads from 0 to 1");
    FAILS(tp_linspace(c, 0, 1, -1, TP_F32), "tp_linspace: n is -1, takes 0 or more");
    FAILS(tp_wrap(c, TP_SHAPE(2), TP_F64, NULL, NULL, NULL), "tp_wrap: argument 'data' is NULL");
    FAILS(tp_wrap(c, TP_SHAPE(1), TP_F64, (char *)d + 1, NULL, NULL),
          "tp_wrap: the data is not aligned for f64");
    FAILS(tp_share_tensor(c, NULL), "tp_share_tensor: argument 't' is nil, NULL or freed");
}

static void test_reading_and_writing(void **state)
{
    tp_context *c = *state, *other = tp_open(NULL);
    double d[6] = {0};
    tp_tensor *x = ones(c, TP_SHAPE(2, 3)), *shared = tp_share_tensor(c, ones(other, TP_SHAPE(2)));
    FAILS_TO(tp_item(x), "tp_item: takes one element, got [2,3]");
    FAILS_TO(tp_get(x, TP_INTS(0)), "tp_get: index [0] is outside [2,3]");
    FAILS_TO(tp_get(x, TP_INTS(0, 3)), "tp_get: index [0,3] is outside [2,3]");
    RETURNS(tp_read(x, d, 7), TP_ERR_ARGUMENT, "tp_read: takes 48 bytes, got 7");
    RETURNS(tp_read(x, NULL, 48), TP_ERR_ARGUMENT, "tp_read: argument 'out' is NULL");
    RETURNS(tp_read_doubles(x, d, 4), TP_ERR_ARGUMENT, "tp_read_doubles: takes 6 elements, got 4");
    RETURNS(tp_read_doubles(tp_nil(c), d, 0), TP_ERR_ARGUMENT, "tp_read_doubles: the tensor is nil");
    RETURNS(tp_write(x, d, 1), TP_ERR_ARGUMENT, "tp_write: takes 48 bytes, got 1");
    RETURNS(tp_write(shared, d, 16), TP_ERR_STATE,
            "tp_write: the tensor is shared with another context, read-only");
    FAILS_TO(tp_data_mut(shared), "tp_data_mut: the tensor is shared with another context, read-only");
    assert_int_equal(tp_read(NULL, d, 8), TP_ERR_ARGUMENT);
    assert_int_equal(tp_write(NULL, d, 8), TP_ERR_ARGUMENT);
    assert_true(tp_ok(c));
    tp_close(other);
}

static void test_layout(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = ones(c, TP_SHAPE(2, 3)), *v = ones(c, TP_SHAPE(3)), *ys[4];
    FAILS(tp_reshape(x, TP_SHAPE(4, 2)), "reshape: cannot make [4,2] of [2,3]");
    FAILS(tp_reshape(x, TP_SHAPE(-1, -1)), "reshape: cannot make [-1,-1] of [2,3]");
    FAILS(tp_reshape(x, TP_SHAPE(-1, 4)), "reshape: cannot make [-1,4] of [2,3]");
    FAILS(tp_reshape(x, (tp_shape){.n = 13}), "reshape: rank 13 is outside 0 to 12");
    FAILS(tp_expand(x, TP_SHAPE(3)), "expand: cannot make [3] of [2,3]");
    FAILS(tp_expand(x, TP_SHAPE(2, 4)), "expand: cannot make [2,4] of [2,3]");
    FAILS(tp_expand(x, TP_SHAPE(-1, 2, 3)), "expand: cannot make [-1,2,3] of [2,3]");
    FAILS(tp_permute(x, TP_AXES(0)), "permute: takes 2 axes, got 1");
    FAILS(tp_permute(x, TP_AXES(0, 0)), "permute: axis -2 is given twice");
    FAILS(tp_permute(x, TP_AXES(0, 2)), "permute: axis 2 is outside a tensor of rank 2");
    FAILS(tp_transpose(x, 5, 7), "transpose: axis 5 is outside a tensor of rank 2");
    FAILS(tp_squeeze(x, TP_AXES(0)), "squeeze: axis -2 of [2,3] is not of size 1");
    FAILS(tp_squeeze(x, (tp_axes){.n = -7}), "squeeze: -7 axes are too few");
    FAILS(tp_unsqueeze(x, 4), "unsqueeze: axis 4 is outside a tensor of rank 3");
    FAILS(tp_slice(x, 0, 0, 1, 0), "slice: step is 0");
    FAILS(tp_select(x, 1, 3), "select: index 3 is outside an axis of 3");
    FAILS(tp_stack(TP_TENSORS(x, v), 0), "stack: xs[0] is [2,3], but xs[1] is [3]");
    FAILS(tp_stack(TP_TENSORS(x, NULL), 0), "stack: argument 'xs[1]' is NULL");
    FAILS(tp_stack(TP_TENSORS(x, x), 3), "stack: axis 3 is outside a tensor of rank 3");
    FAILS(tp_concat(TP_TENSORS(x, v), 0), "concat: xs[1] of [3] does not fit xs[0] of [2,3] along axis -2");
    FAILS(tp_roll(x, (tp_ints){.n = 30}, (tp_ints){.n = 30}), "roll: got 30 shifts for 30 axes");
    FAILS(tp_pad(x, (tp_ints){.n = -3}, TP_NONE, 0), "pad: argument 'before' has -3 numbers, takes 0 to 12");
    FAILS(tp_reshape_axes(x, 3, TP_SHAPE(6)), "reshape_axes: takes 3 axes or more, got [2,3]");
    FAILS(tp_reshape_axes(x, 1, (tp_shape){.n = 77}),
          "reshape_axes: argument 'to' has 77 numbers, takes 0 to 12");
    FAILS(tp_slice_axis(x, 0, 1, 2, 1), "slice_axis: 2 elements from 1, 1 apart, do not lie in an axis of 2");
    FAILS_TO(tp_split(x, 2, 1, 1, ys), "split: cannot cut an axis of 3 into at most 1 of size 2");
    FAILS_TO(tp_chunk(x, 0, 1, ys), "chunk: cannot cut an axis of 3 into 0");
}

static void test_computing(void **state)
{
    tp_context *c = *state, *other = tp_open(NULL);
    tp_tensor *x = ones(c, TP_SHAPE(2, 3)), *v = ones(c, TP_SHAPE(3)), *values[1];
    tp_tensor *none = ones(c, TP_SHAPE(2, 0)), *three = tp_full(c, TP_SHAPE(2, 1), 3, TP_I64);
    FAILS(tp_matmul(ones(c, TP_SHAPE(4, 2)), ones(c, TP_SHAPE(8, 1))),
          "matmul_2d (m,k),(k,n)->(m,n): cannot take [4,2], [8,1]");
    FAILS(tp_matmul(x, tp_nil(c)), "matmul: argument 'b' is nil");
    FAILS(tp_add(x, ones(c, TP_SHAPE(2, 2))), "add (),()->(): cannot take [2,3], [2,2]");
    FAILS(tp_add(x, NULL), "add: argument 'b' is NULL");
    FAILS(tp_add(x, ones(other, TP_SCALAR)), "add: argument 'b' belongs to another context");
    FAILS(tp_where(x, x, ones(c, TP_SHAPE(4, 2))), "where (),(),()->(): cannot take [2,3], [2,3], [4,2]");
    FAILS(tp_sum(x, TP_AXES(2), false), "sum: axis 2 is outside a tensor of rank 2");
    FAILS(tp_sum(x, TP_AXES(0, -2), false), "sum: axis -2 is given twice");
    FAILS(tp_softmax(ones(c, TP_SCALAR), 0), "softmax: axis 0 is outside a tensor of rank 0");
    FAILS(tp_topk(x, 4, 1, true, values), "topk (n)->(k),(k): k is 4, the axis has 3");
    assert_true(tp_is_nil(values[0]));
    FAILS(tp_max(none, TP_AXES(1), false),
          "max (n)->(): no elements to choose from: an axis of [2,0] to be reduced is of size 0");
    FAILS(tp_norm(x, -1, TP_ALL, false), "norm (n)->(): p is -1, must be above 0");
    FAILS(tp_gather(x, three, 1), "gather (n),(m)->(m): index 3 is outside an axis of 3");
    FAILS(tp_gather(x, x, 1), "gather (n),(m)->(m): argument 'index' takes integers, got f64");
    FAILS(tp_cast(x, (tp_dtype)99), "cast: 99 is no dtype");
    FAILS(tp_uniform_from(x, TP_SHAPE(2), 0, 1, TP_F32),
          "uniform_from: argument 'key' takes a u64 key, got f64");
    FAILS(tp_uniform(c, TP_SHAPE(2), 0, 1, TP_I32), "uniform_from: draws floats, got dtype i32");
    assert_int_equal(tp_random_counter(c), 0);
    FAILS(tp_sgd_update(v, x, 1),
          "sgd_update (),()->(): argument 'x' would have to grow to the result's shape");
    FAILS(tp_sgd_update(tp_expand(v, TP_SHAPE(2, 3)), x, 1),
          "sgd_update (),()->(): argument 'x' has elements that share memory");
    expect_values(v, TP_SHAPE(3), 1, 1, 1);
    tp_close(other);
}

static void test_derivatives(void **state)
{
    tp_context *c = *state;
    tp_tensor *w = tp_require_grad(ones(c, TP_SHAPE(2, 3))), *x = ones(c, TP_SHAPE(2, 3)),
              *v = ones(c, TP_SHAPE(3));
    tp_tensor *y = tp_exp(w), *loss = tp_sum(y, TP_ALL, false);
    FAILS(tp_require_grad(tp_ones(c, TP_SHAPE(2), TP_I64)),
          "tp_require_grad: only floats have gradients, got i64");
    FAILS(tp_require_grad(y), "tp_require_grad: the tensor has a history; tp_detach gives a leaf");
    FAILS_TO((tp_backward(x), 0),
             "tp_backward: argument 'y' has no history; call tp_require_grad on what it is computed from");
    FAILS_TO((tp_backward(y), 0),
             "tp_backward: takes one element, got [2,3]; tp_sum makes one, tp_vjp takes any shape");
    FAILS_TO((tp_backward(tp_nil(c)), 0), "tp_backward: argument 'y' is nil");
    FAILS(tp_grad(loss, NULL), "tp_grad: argument 'x' is NULL");
    FAILS(tp_grad(loss, x),
          "tp_grad: argument 'x' has no history; call tp_require_grad on what it is computed from");
    FAILS(tp_vjp(y, w, v), "tp_vjp: argument 'u' is f64 [3], takes f64 [2,3] or one leading axis more");
    FAILS(tp_jvp(y, w, tp_ones(c, TP_SHAPE(2, 3), TP_F32)),
          "tp_jvp: argument 'v' is f32 [2,3], takes f64 [2,3] or one leading axis more");
    FAILS(tp_jacobian(tp_reshape(y, TP_SHAPE(1, 1, 1, 1, 1, 2, 3)), w),
          "tp_jacobian: 7 + 2 axes are more than 8");
    FAILS(tp_hvp(loss, w, v), "tp_hvp: argument 'v' is f64 [3], takes f64 [2,3] or one leading axis more");
    FAILS(tp_sgd_update(y, x, 1),
          "sgd_update (),()->(): argument 'x' has a history; only a leaf can be updated in place");
    assert_true(tp_is_nil(tp_grad_of(w)));
    tp_backward(loss);
    FAILS_TO(
        (tp_backward(loss), 0),
        "tp_backward: the graph was released by an earlier backward at sum; give that one .retain = true");
    loss = tp_sum(tp_mul(w, w), TP_ALL, false);
    tp_write(w, (const double[6]){0}, 48);
    FAILS_TO((tp_backward(loss), 0), "mul: 'a' was overwritten after it was recorded (version 0, now 1), so "
                                     "its derivative would be wrong");
    expect_values(tp_grad_of(w), TP_SHAPE(2, 3), E, E, E, E, E, E);
}

static void test_streaming(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = ones(c, TP_SHAPE(2)), *i = tp_ones(c, TP_SHAPE(2), TP_I64);
    FAILS(tp_dual(x, x, 1, 0), "tp_dual: level 1 is not open");
    int level = tp_open_forward(c);
    FAILS(tp_dual(x, ones(c, TP_SHAPE(3)), level, 0),
          "tp_dual: argument 'v' is f64 [3], takes f64 [2] or one leading axis more");
    FAILS(tp_dual(x, x, level, -1), "tp_dual: a source is 0 or more");
    FAILS(tp_dual(i, i, level, 0), "tp_dual: only floats carry tangents");
    FAILS(tp_dual(tp_dual(x, x, level, 0), x, level, 1),
          "tp_dual: x carries a tangent of this level or one inside it");
    FAILS(tp_add(tp_dual(x, x, level, 0), tp_dual(x, ones(c, TP_SHAPE(4, 2)), level, 0)),
          "add (),()->(): inputs carry tangents of source 0 in different numbers of directions");
    FAILS(tp_tangent(x, level + 1, 0), "tp_tangent: level 2 is not open");
    for (int k = 0; k < 3; k++) tp_open_forward(c);
    FAILS_TO(tp_open_forward(c), "tp_open_forward: 4 levels are open, no more can be");
    tp_close_forward(c, level);
}

static void test_scopes(void **state)
{
    tp_context *c = *state;
    double d[2];
    tp_mark scope = tp_open_scope_named(c, "epoch");
    tp_tensor *stale = ones(c, TP_SHAPE(2)), *x;
    tp_close_scope(c, scope);
    x = ones(c, TP_SHAPE(2));
    FAILS_TO((tp_close_scope(c, scope), 0), "tp_close_scope: the scope of mark 1 is closed already");
    FAILS_TO(tp_rank(stale), "tp_rank: the tensor was freed when the scope opened at epoch was closed");
    FAILS(tp_add(x, stale), "add: argument 'b' was freed when the scope opened at epoch was closed");
    FAILS(tp_matmul(stale, x), "matmul: argument 'a' was freed when the scope opened at epoch was closed");
    FAILS(tp_stack(TP_TENSORS(x, stale), 0),
          "stack: argument 'xs[1]' was freed when the scope opened at epoch was closed");
    FAILS_TO((tp_keep(stale), 0), "tp_keep: the tensor was freed when the scope opened at epoch was closed");
    RETURNS(tp_read(stale, d, 16), TP_ERR_STATE,
            "tp_read: the tensor was freed when the scope opened at epoch was closed");
}

/* What can be looked at of nil, and of anything else where the context has failed. */
static void test_inert(void **state)
{
    tp_context *c = *state;
    tp_tensor *nil = tp_nil(c), *x = ones(c, TP_SHAPE(2)), *s = ones(c, TP_SCALAR);
    for (int failed = 0; failed < 2; failed++) {
        if (failed) tp_item(x);
        assert_true(isnan(tp_item(nil)) && isnan(tp_get(nil, TP_NONE)));
        assert_true(tp_rank(nil) == 0 && tp_numel(nil) == 0 && tp_size(nil, 0) == 0 &&
                    tp_shape_of(nil).n == 0);
        assert_true(tp_dtype_of(nil) == TP_F32 && tp_is_contiguous(nil) && !tp_data(nil));
        assert_true(!tp_requires_grad(nil) && !tp_has_history(nil) && tp_context_of(nil) == c);
        assert_ptr_equal(tp_keep(nil), nil);
        assert_int_equal(tp_ok(c), !failed);
    }
    assert_true(isnan(tp_item(s)));
    assert_true(tp_is_nil(tp_add(x, x)) && tp_is_nil(tp_ones(c, TP_SCALAR, TP_F32)));
    assert_true(tp_is_nil(tp_uniform(c, TP_SCALAR, 0, 1, TP_F32)) && tp_is_nil(tp_require_grad(x)));
    assert_int_equal(tp_write(x, (double[]){5, 6}, 16), TP_ERR_SHAPE);
    assert_string_equal(tp_error_text(c), "tp_item: takes one element, got [2]");
    tp_clear(c);
    expect_values(x, TP_SHAPE(2), 1, 1);
    assert_false(tp_requires_grad(x));
    assert_int_equal(tp_random_counter(c), 0);
}

static int calls;
static void count(tp_context *c, void *user)
{
    (void)user;
    assert_false(tp_ok(c));
    calls++;
}

static void test_handler_is_called_once(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = ones(c, TP_SHAPE(2, 3));
    tp_on_error(c, count, NULL);
    calls = 0;
    tp_sum(tp_exp(tp_matmul(x, tp_add(x, ones(c, TP_SHAPE(7))))), TP_ALL, false);
    tp_item(x);
    assert_int_equal(calls, 1);
    expect_error(c, TP_ERR_SHAPE, "add (),()->(): cannot take [2,3], [7]");
}

/* Shapes of all the digits there can be are cut, not overrun. */
static void test_long_texts(void **state)
{
    tp_context *c = *state;
    const int64_t most = INT64_MAX;
    tp_shape huge = {.n = 8, .v = {most, most, most, most, most, most, most, most}};
    assert_true(tp_is_nil(tp_zeros(c, huge, TP_F64)));
    expect_error(c, TP_ERR_SHAPE, "tp_zeros: shape [9223372036854775807,9223372036854775807");
    huge.n = 12;
    for (int i = 8; i < 12; i++) huge.v[i] = most;
    assert_true(tp_is_nil(tp_expand(ones(c, TP_SCALAR), huge)));
    expect_error(c, TP_ERR_SHAPE, "expand_axes: shape [9223372036854775807,");
    assert_true(tp_is_nil(tp_reshape(ones(c, TP_SCALAR), huge)));
    expect_error(c, TP_ERR_SHAPE, "reshape: cannot make [9223372036854775807,");
    tp_tensor *many[200];
    for (int i = 0; i < 200; i++) many[i] = ones(c, TP_SHAPE(1, 1, 1, 1, 1, 1, 1, 1));
    many[199] = ones(c, TP_SHAPE(1, 1, 1, 1, 1, 1, 1, 2));
    FAILS(tp_concat(200, many, 0),
          "concat: xs[199] of [1,1,1,1,1,1,1,2] does not fit xs[0] of [1,1,1,1,1,1,1,1] along axis -8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_making),
        TEST(test_reading_and_writing),
        TEST(test_layout),
        TEST(test_computing),
        TEST(test_derivatives),
        TEST(test_streaming),
        TEST(test_scopes),
        TEST(test_inert),
        TEST(test_handler_is_called_once),
        TEST(test_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
