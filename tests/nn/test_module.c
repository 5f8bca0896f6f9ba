#include "ops/cases.h"

#include "faults.h"

/* A net in a net, with a module of our own that has a buffer. */
static tp_tensor *scale_forward(tp_module *m, tp_tensor *x)
{
    return tp_mul_scalar(tp_mul(x, tp_buffer(m, "scale")), *(double *)tp_module_data(m));
}

static tp_module *scale(tp_context *c, double factor)
{
    tp_mark scope = tp_open_scope(c);
    tp_module *m = tp_module_new(c, "scale", scale_forward, &factor, sizeof factor);
    tp_module_add_buffer(m, "scale", VECTOR(c, 1, 2));
    tp_module_keep(m);
    tp_close_scope(c, scope);
    return m;
}

static tp_module *net(tp_context *c)
{
    return tp_sequential(c, tp_linear(c, 3, 2, .dtype = TP_F64),
                         tp_sequential(c, scale(c, 0.5), tp_linear(c, 2, 1, .dtype = TP_F64)));
}

static void test_paths(void **state)
{
    tp_context *c = *state;
    tp_module *m = net(c);
    const char *const paths[] = {"0.weight", "0.bias", "1.1.weight", "1.1.bias"};
    char path[64];
    assert_int_equal(tp_parameters(m), 4);
    assert_int_equal(tp_parameter_numel(m), 6 + 2 + 2 + 1);
    for (int i = 0; i < 4; i++) {
        tp_tensor *t = tp_parameter_at(m, i, path, sizeof path);
        assert_string_equal(path, paths[i]);
        assert_ptr_equal(t, tp_parameter(m, paths[i]));
        assert_true(tp_requires_grad(t));
    }
    assert_int_equal(tp_buffers(m), 1);
    assert_ptr_equal(tp_buffer_at(m, 0, path, 4), tp_buffer(m, "1.0.scale"));
    assert_string_equal(path, "1.0"); /* as much as there is room for */
    assert_false(tp_requires_grad(tp_buffer(m, "1.0.scale")));
    assert_ptr_equal(tp_parameter(tp_child(m, "1.1"), "bias"), tp_parameter(m, "1.1.bias"));
    FAILS(tp_parameter(m, "1.1.weigth"),
          "tp_parameter: there is no parameter '1.1.weigth' in this sequential; the nearest is '1.1.weight'");
    FAILS(tp_buffer(m, "scale"),
          "tp_buffer: there is no buffer 'scale' in this sequential; the nearest is '1.0.scale'");
    FAILS(tp_buffer(tp_child(m, "0"), "x"), "tp_buffer: there is no buffer 'x' in this linear");
    FAILS(tp_parameter(m, NULL),
          "tp_parameter: there is no parameter '' in this sequential; the nearest is '0.bias'");
    assert_true(tp_module_is_nil(tp_child(m, "1.7")));
    expect_error(c, TP_ERR_ARGUMENT,
                 "tp_child: there is no module '1.7' in this sequential; the nearest is '1.0'");
    FAILS(tp_parameter_at(m, 4, NULL, 0), "tp_parameter_at: there is no number 4, only 0 to 3");
    FAILS(tp_parameter_at(m, -1, NULL, 0), "tp_parameter_at: there is no number -1, only 0 to 3");
    assert_int_equal(tp_children(m), 2);
    assert_ptr_equal(tp_child_at(m, 1, path, sizeof path), tp_child(m, "1"));
    assert_string_equal(path, "1");
    assert_int_equal(tp_children(tp_child(m, "0")), 0);
    assert_true(tp_module_is_nil(tp_child_at(m, 2, NULL, 0)));
    expect_error(c, TP_ERR_ARGUMENT,
                 "tp_child_at: there is no number 2 among the 2 children of this sequential");
}

/* The list of parameters is made again where a part was added, however deep, and only then. */
static void test_list(void **state)
{
    tp_context *c = *state;
    char path[64];
    tp_module *m = net(c), *inner = tp_child(m, "1.0");
    assert_int_equal(tp_parameters(m), 4);
    tp_module_add_parameter(inner, "more", VECTOR(c, 1, 2));
    assert_int_equal(tp_parameters(m), 5);
    assert_ptr_equal(tp_parameter_at(m, 2, path, sizeof path), tp_parameter(inner, "more"));
    assert_string_equal(path, "1.0.more");
    tp_module_add_child(inner, "last", tp_linear(c, 1, 1));
    assert_int_equal(tp_parameters(m), 7);
    assert_int_equal(tp_parameters(inner), 3);
}

/* Going over the parameters of a deep net takes one list, not one each; so does all that is done with it. */
static void test_many_layers(void **state)
{
    (void)state;
    enum { LAYERS = 1000 };
    faulty hook;
    tp_context *c = faulty_open(&hook, false);
    tp_module *m = tp_sequential(c);
    for (int i = 0; i < LAYERS; i++) tp_sequential_add(m, tp_linear(c, 1, 1));
    assert_int_equal(tp_parameters(m), 2 * LAYERS);
    assert_int_equal(tp_buffers(m), 0);
    size_t calls = hook.books.calls;
    for (int i = 0; i < tp_parameters(m); i++) {
        char path[64], want[64];
        snprintf(want, sizeof want, "%d.%s", i / 2, i % 2 ? "bias" : "weight");
        assert_int_equal(tp_numel(tp_parameter_at(m, i, path, sizeof path)), 1);
        assert_string_equal(path, want);
    }
    tp_freeze(m, true);
    assert_int_equal(tp_parameter_numel(m), 2 * LAYERS);
    assert_int_equal(hook.books.calls, calls);
    assert_int_equal(tp_close(c), 0);
}

/* A parameter in two places is one. */
static void test_shared_parameter(void **state)
{
    tp_context *c = *state;
    tp_module *layer = tp_linear(c, 2, 2, .dtype = TP_F64), *m = tp_sequential(c, layer, layer);
    assert_int_equal(tp_parameters(m), 2);
    tp_module *tied = tp_module_new(c, "tied", NULL, NULL, 0);
    tp_module_add_child(tied, "net", m);
    tp_module_add_parameter(tied, "w", tp_parameter(layer, "weight"));
    assert_int_equal(tp_parameters(tied), 2);
    tp_context *c2 = tp_open(NULL);
    tp_module *view = tp_share(c2, tied);
    assert_int_equal(tp_parameters(view), 2);
    assert_ptr_equal(tp_parameter(view, "w"), tp_parameter(view, "net.1.weight"));
    assert_int_equal(tp_close(c2), 0);
}

static void test_bad_parts(void **state)
{
    tp_context *c = *state;
    tp_module *m = tp_module_new(c, "own", NULL, NULL, 0), *inner = tp_sequential(c, m);
    tp_tensor *t = VECTOR(c, 1, 2);
    tp_module_add_parameter(m, "w", t);
    FAILS(tp_module_add_parameter(m, "w", t), "tp_module_add_parameter: the name 'w' is taken");
    FAILS(tp_module_add_buffer(m, "a.b", t),
          "tp_module_add_buffer: the name 'a.b' has a dot, which separates names in paths");
    FAILS(tp_module_add_buffer(m, "", t), "tp_module_add_buffer: the name '' is missing");
    FAILS(tp_module_add_buffer(m, "a name of more than 31 characters", t),
          "tp_module_add_buffer: the name 'a name of more than 31 characters' is longer than 31 characters");
    FAILS(tp_module_add_buffer(m, "b", NULL), "tp_module_add_buffer: argument 't' is NULL");
    FAILS(tp_module_add_parameter(m, "y", tp_neg(t)),
          "tp_require_grad: the tensor has a history; tp_detach gives a leaf");
    assert_int_equal(tp_parameters(m), 1);
    assert_true(tp_module_is_nil(tp_module_add_child(m, "m", inner)));
    expect_error(c, TP_ERR_ARGUMENT,
                 "tp_module_add_child: 'm' would hold itself, or be nested more than 63 deep");
    FAILS(tp_forward(m, t), "0: tp_forward: this own has no forward pass");
    FAILS(tp_forward(inner, t), "0: tp_forward: this own has no forward pass");
    FAILS(tp_forward(tp_nil_module(c), t), "tp_forward: argument 'm' is nil");
    assert_true(tp_is_nil(tp_forward(NULL, t)));
    tp_clear(c);
}

/* However a tree is built, it is at most so deep. */
static void test_depth(void **state)
{
    tp_context *c = *state;
    tp_module *root = tp_sequential(c), *at = root;
    int depth = 0;
    for (; tp_ok(c) && depth < 100; depth++) at = tp_module_add_child(at, "0", tp_sequential(c));
    expect_error(c, TP_ERR_ARGUMENT, "be nested more than 63 deep");
    assert_int_equal(depth, 64);
    assert_int_equal(tp_parameters(root), 0);
    at = tp_sequential(c);
    for (depth = 0; tp_ok(c) && depth < 100; depth++) at = tp_sequential(c, at);
    expect_error(c, TP_ERR_ARGUMENT, "be nested more than 63 deep");
    assert_int_equal(depth, 64);
}

/* Frozen parameters get no gradient, and are as they were when thawed. */
static void test_freeze(void **state)
{
    tp_context *c = *state;
    tp_module *m = net(c);
    tp_tensor *x = MATRIX(c, 1, 3, 1, 2, 3), *w = tp_parameter(m, "0.weight"),
              *v = tp_parameter(m, "1.1.weight");
    tp_freeze(tp_child(m, "0"), true);
    assert_false(tp_requires_grad(w));
    assert_int_equal(tp_parameters(m), 4);
    tp_backward(tp_sum(tp_forward(m, x), TP_ALL, false));
    assert_true(tp_is_nil(tp_grad_of(w)));
    assert_false(tp_is_nil(tp_grad_of(v)));
    tp_freeze(m, false);
    tp_backward(tp_sum(tp_forward(m, x), TP_ALL, false));
    assert_false(tp_is_nil(tp_grad_of(w)));
}

static void test_copy(void **state)
{
    tp_context *c = *state;
    tp_module *a = net(c), *b = net(c);
    tp_tensor *x = MATRIX(c, 1, 3, 1, 2, 3);
    tp_init_constant(tp_buffer(b, "1.0.scale"), 7);
    assert_true(tp_item(tp_forward(a, x)) != tp_item(tp_forward(b, x)));
    assert_int_equal(tp_module_copy(a, b), TP_OK);
    expect_near(tp_item(tp_forward(a, x)), tp_item(tp_forward(b, x)), 0);
    assert_ptr_not_equal(tp_parameter(a, "0.weight"), tp_parameter(b, "0.weight"));
    assert_int_equal(tp_module_copy(a, a), TP_OK);
}

/* A module that does not match is left as it was. */
static void test_copy_refused(void **state)
{
    tp_context *c = *state;
    tp_module *a = net(c), *b = net(c);
    tp_tensor *x = MATRIX(c, 1, 3, 1, 2, 3);
    double before = tp_item(tp_forward(a, x));
    tp_module_add_buffer(tp_child(b, "1.1"), "more", VECTOR(c, 1));
    assert_int_equal(tp_module_copy(a, b), TP_ERR_ARGUMENT);
    expect_report(c, "tp_module_copy: '1.1.more' is not in `to`");
    assert_int_equal(tp_module_copy(b, a), TP_ERR_ARGUMENT);
    expect_report(c, "tp_module_copy: '1.1.more' is not in `from`");
    tp_module *wide = tp_sequential(c, tp_linear(c, 3, 2), tp_sequential(c, scale(c, 1), tp_linear(c, 2, 4)));
    assert_int_equal(tp_module_copy(a, wide), TP_ERR_SHAPE);
    expect_report(c, "tp_module_copy: '1.1.weight' is [1,2] in `to`, [4,2] in `from`");
    tp_module *other = tp_sequential(c, tp_linear(c, 3, 2), tp_linear(c, 2, 1));
    assert_int_equal(tp_module_copy(a, other), TP_ERR_ARGUMENT);
    expect_report(c, "tp_module_copy: '1.0' is not in `from`");
    assert_int_equal(tp_module_copy(a, NULL), TP_ERR_ARGUMENT);
    expect_report(c, "tp_module_copy: argument 'from' is NULL");
    expect_near(tp_item(tp_forward(a, x)), before, 0);
    tp_context *c2 = tp_open(NULL);
    assert_int_equal(tp_module_copy(tp_share(c2, a), net(c2)), TP_ERR_STATE);
    expect_report(c2, "assign (),()->(): argument 'x' is shared, read-only");
    tp_close(c2);
}

static void test_share(void **state)
{
    tp_context *c = *state;
    tp_module *m = net(c);
    tp_tensor *x = MATRIX(c, 1, 3, 1, 2, 3);
    double want = tp_item(tp_forward(m, x));
    tp_context *c2 = tp_open(NULL);
    tp_module *view = tp_share(c2, m);
    assert_ptr_equal(tp_data(tp_parameter(view, "0.weight")), tp_data(tp_parameter(m, "0.weight")));
    assert_false(tp_requires_grad(tp_parameter(view, "0.weight")));
    assert_false(tp_is_training(tp_child(view, "1")));
    assert_true(tp_is_training(m));
    tp_tensor *y = tp_forward(view, MATRIX(c2, 1, 3, 1, 2, 3));
    expect_near(tp_item(y), want, 0);
    assert_false(tp_has_history(y));
    assert_true(tp_is_nil(tp_init_constant(tp_parameter(view, "0.bias"), 1)));
    expect_error(c2, TP_ERR_STATE, "read-only");
    assert_true(tp_module_is_nil(tp_share(c2, tp_nil_module(c))));
    expect_error(c2, TP_ERR_ARGUMENT, "tp_share: argument 'm' is nil, NULL or freed");
    FAILS(tp_forward(view, x), ""); /* of c: nothing can be said there */
    expect_error(c2, TP_ERR_ARGUMENT, "another context");
    tp_close(c2);
}

/* A clone in another dtype: the same results, nothing shared but what was shared within. */
static void test_clone(void **state)
{
    tp_context *c = *state;
    tp_module *layer = tp_linear(c, 2, 2), *m = tp_sequential(c, layer, scale(c, 0.5), layer);
    tp_tensor *x = VECTOR(c, 0.25, -3);
    tp_module_add_buffer(m, "steps", tp_from_doubles(c, TP_SHAPE(1), TP_I64, (double[]){7}));
    tp_freeze(tp_child(m, "0"), true);
    tp_require_grad(tp_parameter(m, "0.bias"));
    tp_eval(tp_child(m, "1"));
    tp_module *d = tp_module_clone(m, TP_F64), *same = tp_module_clone(m, TP_BOOL);
    assert_int_equal(tp_parameters(d), 2);
    assert_ptr_equal(tp_parameter(d, "0.weight"), tp_parameter(d, "2.weight"));
    assert_int_equal(tp_dtype_of(tp_parameter(d, "0.weight")), TP_F64);
    assert_int_equal(tp_dtype_of(tp_parameter(same, "0.weight")), TP_F32);
    assert_true(tp_is_contiguous(tp_transpose(tp_parameter(d, "0.weight"), 0, 1))); /* as tp_linear's */
    assert_true(tp_is_contiguous(tp_transpose(tp_parameter(same, "0.weight"), 0, 1)));
    assert_int_equal(tp_dtype_of(tp_buffer(d, "steps")), TP_I64);
    assert_false(tp_requires_grad(tp_parameter(d, "0.weight")));
    assert_true(tp_requires_grad(tp_parameter(d, "0.bias")));
    assert_true(tp_is_training(d) && !tp_is_training(tp_child(d, "1")));
    assert_true(tp_get(tp_parameter(d, "0.weight"), TP_INTS(1, 0)) ==
                tp_get(tp_parameter(m, "0.weight"), TP_INTS(1, 0)));
    outcome before = {0}, after = {0}, of_same = {0};
    outcome_add(&before, tp_forward(m, x));
    outcome_add(&of_same, tp_forward(same, x));
    assert_true(outcome_equal(&before, &of_same));
    tp_init_constant(tp_parameter(d, "0.bias"), 5);
    tp_init_constant(tp_buffer(same, "1.scale"), 5);
    outcome_add(&after, tp_forward(m, x));
    assert_true(outcome_equal(&before, &after));
    assert_true(tp_module_is_nil(tp_module_clone(m, TP_I32)));
    expect_error(c, TP_ERR_DTYPE, "tp_module_clone: takes a float dtype, or TP_BOOL for none, got i32");
    assert_true(tp_module_is_nil(tp_module_clone(NULL, TP_F64)));
}

/* A criterion is cloned with its class weights. */
static void test_clone_of_criterion(void **state)
{
    tp_context *c = *state;
    tp_module *m = tp_cross_entropy_criterion(c, .weight = tp_full(c, TP_SHAPE(3), 0.1, TP_F32));
    tp_module *d = tp_module_clone(m, TP_F64);
    tp_tensor *x = MATRIX(c, 1, 3, 1, 2, 3), *y = tp_zeros(c, TP_SHAPE(1), TP_I64);
    assert_int_equal(tp_dtype_of(tp_buffer(d, "weight")), TP_F64);
    expect_near(tp_item(tp_loss(d, x, y)), tp_item(tp_cross_entropy(x, y)), 1e-15);
}

/* A module that computes with other tensors: their gradients, and their tangents, go through. */
static void test_with_parameters(void **state)
{
    tp_context *c = *state;
    tp_module *layer = tp_linear(c, 2, 2, .dtype = TP_F64),
              *m = tp_sequential(c, layer, scale(c, 0.5), layer);
    tp_tensor *w = tp_parameter(m, "0.weight"), *b = tp_parameter(m, "0.bias"), *x = VECTOR(c, 0.25, -3);
    tp_tensor *doubled[] = {tp_mul_scalar(w, 2), b};
    tp_module *d = tp_module_with_parameters(m, doubled);
    assert_int_equal(tp_parameters(d), 2);
    assert_ptr_equal(tp_parameter(d, "2.weight"), doubled[0]);
    assert_ptr_equal(tp_buffer(d, "1.scale"), tp_buffer(m, "1.scale"));
    tp_tensor *h = tp_add(tp_matmul(doubled[0], x), b);
    tp_tensor *want = tp_add(tp_matmul(doubled[0], tp_mul_scalar(tp_mul(h, VECTOR(c, 1, 2)), 0.5)), b);
    tp_tensor *y = tp_forward(d, x);
    for (int i = 0; i < 2; i++) expect_near(tp_get(y, TP_INTS(i)), tp_get(want, TP_INTS(i)), 1e-14);

    int level = tp_open_forward(c);
    tp_tensor *carried[] = {tp_dual_identity(w, level, 0), b};
    tp_tensor *columns = tp_tangent(tp_forward(tp_module_with_parameters(m, carried), x), level, 0);
    tp_tensor *rows =
        tp_reshape(tp_jacobian(tp_forward(m, x), w), TP_SHAPE(2, 4)); /* each weight, twice used */
    for (int i = 0; i < 8; i++)
        expect_near(tp_get(columns, TP_INTS(i / 2, i % 2)), tp_get(rows, TP_INTS(i % 2, i / 2)), 1e-14);
    tp_close_forward(c, level);

    tp_tensor *wrong[] = {b, b};
    assert_true(tp_module_is_nil(tp_module_with_parameters(m, wrong)));
    expect_error(c, TP_ERR_SHAPE, "tp_module_with_parameters: 'weight' is [2,2], got [2]");
    wrong[0] = NULL;
    assert_true(tp_module_is_nil(tp_module_with_parameters(m, wrong)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_module_with_parameters: argument 'parameters' is NULL");
    assert_true(tp_module_is_nil(tp_module_with_parameters(NULL, wrong)));
}

static void test_print(void **state)
{
    tp_context *c = *state;
    char text[512], start[16];
    static const char want[] = "sequential\n"
                               "  0: linear\n"
                               "    0.weight [2,3] 6\n"
                               "    0.bias [2] 2\n"
                               "  1: sequential\n"
                               "    1.0: scale\n"
                               "      1.0.scale [2] 2, a buffer\n"
                               "    1.1: linear\n"
                               "      1.1.weight [1,2] 2\n"
                               "      1.1.bias [1] 1\n"
                               "11 parameters\n";
    tp_module *m = net(c);
    assert_int_equal(tp_module_print(m, text, sizeof text), sizeof want - 1);
    assert_string_equal(text, want);
    assert_int_equal(tp_module_print(m, start, sizeof start), sizeof want - 1);
    assert_memory_equal(start, "sequential\n  0:", sizeof start);
    assert_int_equal(tp_module_print(m, NULL, 0), sizeof want - 1);
    assert_int_equal(tp_module_print(NULL, text, sizeof text), 4);
}

/* A child lives as long as its parents, a module as long as its scope. */
static void test_lifetime(void **state)
{
    tp_context *c = *state;
    tp_module *outer = tp_sequential(c);
    size_t empty = books.bytes;
    tp_mark scope = tp_open_scope(c);
    tp_module *inner = tp_linear(c, 2, 2), *lost = tp_linear(c, 2, 2);
    tp_sequential_add(outer, inner);
    tp_close_scope(c, scope);
    assert_int_equal(tp_parameters(outer), 2);
    assert_int_equal(tp_parameters(lost), 0);
    expect_error(c, TP_ERR_STATE, "was freed when the scope");
    assert_true(books.bytes > empty);
}

/* --- failing allocations --- */

typedef struct scene {
    faulty hook;
    tp_context *c;
    tp_module *net, *other, *single; /* the last one in f32 */
    tp_tensor *x;
} scene;

static outcome build(scene *s)
{
    outcome o = {0};
    tp_module *m = net(s->c);
    tp_tensor *y = tp_forward(m, s->x);
    if (tp_ok(s->c)) outcome_number(&o, (double)tp_numel(y));
    return o;
}

static outcome train(scene *s)
{
    outcome o = {0};
    tp_backward(tp_mse_loss(tp_forward(s->net, s->x), tp_zeros(s->c, TP_SHAPE(1, 1), TP_F64)));
    if (tp_ok(s->c)) outcome_add(&o, tp_grad_of(tp_parameter(s->net, "0.weight")));
    return o;
}

static outcome grow(scene *s)
{
    outcome o = {0};
    tp_sequential_add(s->net, tp_sequential(s->c, tp_hardtanh_layer(s->c, 0, 1), tp_relu_layer(s->c)));
    if (tp_ok(s->c)) outcome_number(&o, tp_item(tp_forward(s->net, s->x)));
    return o;
}

static outcome copy(scene *s)
{
    outcome o = {0};
    if (tp_module_copy(s->net, s->other) == TP_OK) outcome_add(&o, tp_parameter(s->net, "0.weight"));
    return o;
}

/* Converts on the way. */
static outcome copy_single(scene *s)
{
    outcome o = {0};
    if (tp_module_copy(s->net, s->single) == TP_OK) outcome_add(&o, tp_parameter(s->net, "0.weight"));
    return o;
}

static outcome share(scene *s)
{
    outcome o = {0};
    outcome_number(&o, tp_parameters(tp_share(s->c, s->net)));
    return o;
}

static outcome clone(scene *s)
{
    outcome o = {0};
    tp_module *m = tp_module_clone(s->net, TP_F32);
    if (tp_ok(s->c)) outcome_add(&o, tp_parameter(m, "1.1.weight"));
    return o;
}

static outcome with_parameters(scene *s)
{
    outcome o = {0};
    tp_tensor *parameters[4];
    for (int i = 0; i < 4; i++) parameters[i] = tp_parameter_at(s->net, i, NULL, 0);
    tp_module *m = tp_module_with_parameters(s->net, parameters);
    if (tp_ok(s->c)) outcome_add(&o, tp_forward(m, s->x));
    return o;
}

static outcome check(scene *s)
{
    outcome o = {0};
    tp_gradcheck_result r[4];
    tp_tensor *y = tp_zeros(s->c, TP_SHAPE(1, 1), TP_F64);
    bool right = tp_gradcheck_module(s->net, tp_criterion_named(s->c, "mse"), s->x, y, r);
    if (right) outcome_number(&o, r[0].worst);
    return o;
}

/* One of the ways to start, each a call of its own: what one has overwritten stays. */
#define INIT(name, call)                                 \
    static outcome name(scene *s)                        \
    {                                                    \
        outcome o = {0};                                 \
        tp_tensor *w = tp_parameter(s->net, "0.weight"); \
        if (!tp_is_nil(call)) outcome_add(&o, w);        \
        return o;                                        \
    }
INIT(constant, tp_init_constant(w, 2))
INIT(uniform, tp_init_uniform(w, 2, 3))
INIT(normal, tp_init_normal(w, 2, 3))
INIT(xavier_uniform, tp_init_xavier_uniform(w, 1))
INIT(xavier_normal, tp_init_xavier_normal(w, 1))
INIT(kaiming_uniform, tp_init_kaiming_uniform(w, 0))
INIT(kaiming_normal, tp_init_kaiming_normal(w, 0))

static outcome freeze(scene *s)
{
    outcome o = {0};
    tp_freeze(s->net, true);
    if (tp_ok(s->c)) outcome_number(&o, tp_requires_grad(tp_parameter(s->net, "1.1.bias")));
    return o;
}

/* Parameters, their gradients, which of them are trained, buffers. */
static outcome state_of(scene *s)
{
    outcome o = {0};
    for (int i = 0; i < tp_parameters(s->net); i++) {
        outcome_add(&o, tp_parameter_at(s->net, i, NULL, 0));
        outcome_add(&o, tp_grad_of(tp_parameter_at(s->net, i, NULL, 0)));
        outcome_number(&o, tp_requires_grad(tp_parameter_at(s->net, i, NULL, 0)));
    }
    for (int i = 0; i < tp_buffers(s->net); i++) outcome_add(&o, tp_buffer_at(s->net, i, NULL, 0));
    return o;
}

static void scene_open(scene *s, bool rest)
{
    s->c = faulty_open(&s->hook, rest);
    s->net = net(s->c);
    s->other = net(s->c);
    s->single = tp_module_clone(s->other, TP_F32);
    s->x = MATRIX(s->c, 1, 3, 1, 2, 3);
    train(s); /* so that there are gradients to spoil */
}

/* The call with its at-th allocation failing, then again; false if it takes fewer. */
static bool fail_at(const char *name, outcome (*call)(scene *), long at, bool rest)
{
    scene s;
    scene_open(&s, rest);
    outcome before = state_of(&s);
    tp_mark scope = tp_open_scope(s.c);
    faulty_arm(&s.hook, at);
    call(&s);
    bool refused = faulty_disarm(&s.hook);
    if (refused) {
        EXPECT(tp_error(s.c) == TP_ERR_MEMORY && names_a_call(tp_error_text(s.c)), name, at, s.c);
        tp_close_scope(s.c, scope);
        tp_clear(s.c);
        outcome after = state_of(&s);
        EXPECT(outcome_equal(&before, &after), name, at, s.c);
        scope = tp_open_scope(s.c);
        outcome again = call(&s);
        EXPECT(tp_ok(s.c) && again.n > 0, name, at, s.c);
    }
    tp_close_scope(s.c, scope);
    tp_close(s.c);
    EXPECT(s.hook.books.blocks == 0, name, at, NULL);
    return refused;
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        outcome (*call)(scene *);
    } calls[] = {{"build", build},
                 {"train", train},
                 {"grow", grow},
                 {"copy", copy},
                 {"copy from f32", copy_single},
                 {"share", share},
                 {"clone", clone},
                 {"with parameters", with_parameters},
                 {"check", check},
                 {"constant", constant},
                 {"uniform", uniform},
                 {"normal", normal},
                 {"Xavier uniform", xavier_uniform},
                 {"Xavier normal", xavier_normal},
                 {"Kaiming uniform", kaiming_uniform},
                 {"Kaiming normal", kaiming_normal},
                 {"freeze", freeze}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        long at = 1;
        while (fail_at(calls[i].name, calls[i].call, at, false)) at++;
        for (long n = 1; n < at; n++) fail_at(calls[i].name, calls[i].call, n, true);
        outcome (*call)(scene *) = calls[i].call;
        bool nothing = call == copy || call == copy_single || call == freeze; /* these allocate nothing */
        EXPECT((at == 1) == nothing, calls[i].name, at, NULL);
    }
}

static const struct CMUnitTest tests[] = {
    TEST(test_paths),
    TEST(test_list),
    cmocka_unit_test(test_many_layers),
    TEST(test_shared_parameter),
    TEST(test_bad_parts),
    TEST(test_depth),
    TEST(test_freeze),
    TEST(test_copy),
    TEST(test_copy_refused),
    TEST(test_share),
    TEST(test_clone),
    TEST(test_clone_of_criterion),
    TEST(test_with_parameters),
    TEST(test_print),
    TEST(test_lifetime),
    cmocka_unit_test(test_faults),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
