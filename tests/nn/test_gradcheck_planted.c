/* Mistakes in layers by hand, modules and ops of one's own: the gradient check finds each and names the
 * parameter. */
#include "fixture.h"

#include <taper/ext.h>

/* --- layers by hand, each with its mistake --- */

#define BACKWARD(name, forward_of, gradient)                                                    \
    static tp_tensor *name##_forward(tp_tensor *const *in) { return forward_of; }               \
    static tp_tensor *name##_backward(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy) \
    {                                                                                           \
        (void)i, (void)in, (void)y, (void)dy;                                                   \
        return gradient;                                                                        \
    }                                                                                           \
    static const tp_function name = {#name, name##_forward, name##_backward};

static tp_tensor *linear(tp_tensor *const *in)
{
    return tp_add(tp_matmul(in[0], tp_transpose(in[1], 0, 1)), in[2]);
}

static tp_tensor *linear_gradient(int i, tp_tensor *const *in, tp_tensor *dy)
{
    if (i == 0) return tp_matmul(dy, in[1]);
    return i == 1 ? tp_matmul(tp_transpose(dy, 0, 1), in[0]) : tp_sum(dy, TP_AXES(0), false);
}

static tp_tensor *standardized(tp_tensor *x)
{
    tp_tensor *centred = tp_sub(x, tp_mean(x, TP_AXES(-1), true));
    return tp_div(centred, tp_sqrt(tp_mean(tp_square(centred), TP_AXES(-1), true)));
}

static tp_tensor *one_minus(tp_tensor *x) { return tp_add_scalar(tp_neg(x), 1); }

/* None at all. */
BACKWARD(faultless, linear(in), linear_gradient(i, in, dy))
BACKWARD(weight_sign, linear(in), i == 1 ? tp_neg(linear_gradient(i, in, dy)) : linear_gradient(i, in, dy))
BACKWARD(bias_mean, linear(in), i == 2 ? tp_mean(dy, TP_AXES(0), false) : linear_gradient(i, in, dy))
BACKWARD(weight_not_transposed, linear(in),
         i == 0 ? tp_matmul(dy, tp_transpose(in[1], 0, 1)) : linear_gradient(i, in, dy))
BACKWARD(weight_forgotten, linear(in), i == 1 ? NULL : linear_gradient(i, in, dy))
BACKWARD(sigmoid_unscaled, tp_sigmoid(in[0]), tp_mul(dy, y))
BACKWARD(tanh_not_squared, tp_tanh(in[0]), tp_mul(dy, one_minus(y)))
BACKWARD(relu_gates_gradient, tp_relu(in[0]), tp_relu(dy))
BACKWARD(softmax_elementwise, tp_softmax(in[0], -1), tp_mul(dy, tp_mul(y, one_minus(y))))
BACKWARD(skip_forgotten, tp_add(in[0], tp_tanh(in[0])), tp_mul(dy, one_minus(tp_square(tp_sub(y, in[0])))))
BACKWARD(deviation_constant, standardized(in[0]),
         tp_div(tp_sub(dy, tp_mean(dy, TP_AXES(-1), true)),
                tp_sqrt(tp_variance(in[0], TP_AXES(-1), 0, true))))
BACKWARD(slightly_off, tp_softplus(in[0]), tp_mul_scalar(tp_mul(dy, tp_sigmoid(in[0])), 1.00001))

/* --- modules of ops whose gradient is lost or doubled on the way --- */

static tp_tensor *detached_forward(tp_module *m, tp_tensor *x)
{
    return tp_mul(x, tp_detach(tp_parameter(m, "scale")));
}

static tp_tensor *copied_forward(tp_module *m, tp_tensor *x)
{
    double values[4];
    tp_tensor *scale = tp_parameter(m, "scale");
    tp_read_doubles(scale, values, 4);
    tp_tensor *copy = tp_from_doubles(tp_context_of(x), TP_SHAPE(4), tp_dtype_of(x), values);
    return tp_mul(tp_mul(x, scale), copy);
}

static tp_tensor *past_x_forward(tp_module *m, tp_tensor *x)
{
    return tp_mul(tp_detach(tp_square(x)), tp_parameter(m, "scale"));
}

/* --- ops of one's own: x^3 and a b --- */

static double at(const tp_array *a, int64_t k)
{
    int64_t offset = 0;
    for (int i = a->rank - 1; i >= 0; k /= a->size[i], i--) offset += k % a->size[i] * a->stride[i];
    return ((const double *)a->data)[offset];
}

static void eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int64_t n = 1;
    for (int i = 0; i < out->rank; i++) n *= out->size[i]; /* the result is row-major */
    for (int64_t k = 0; k < n; k++) {
        double x = at(&in[0], k);
        ((double *)out->data)[k] = call->n_in == 2 ? x * at(&in[1], k) : x * x * x;
    }
}

static tp_tensor *slope_of_square(const tp_call *call, int i)
{
    return (void)i, tp_mul_scalar(call->in[0], 3);
}

static tp_tensor *cube_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)i, tp_mul(u[0], tp_mul_scalar(tp_square(call->in[0]), 3));
}

static tp_tensor *pull_without_factor(const tp_call *call, int i, tp_tensor *const *u)
{
    return (void)i, tp_mul(u[0], tp_square(call->in[0]));
}

static tp_tensor *cube_push(const tp_call *call, int o, tp_tensor *const *t)
{
    return (void)o, tp_mul(t[0], tp_mul_scalar(tp_square(call->in[0]), 3));
}

static tp_tensor *push_negated(const tp_call *call, int o, tp_tensor *const *t)
{
    return tp_neg(cube_push(call, o, t));
}

static tp_tensor *pull_same_side(const tp_call *call, int i, tp_tensor *const *u)
{
    return tp_mul(u[0], call->in[i]);
}

static const tp_rules cube_slope = {.eval = eval, .slope = slope_of_square, .reads = TP_IN(0)};
static const tp_rules cube_wrong_pull = {
    .eval = eval, .pull = pull_without_factor, .push = cube_push, .reads = TP_IN(0)};
static const tp_rules cube_wrong_push = {
    .eval = eval, .pull = cube_pull, .push = push_negated, .reads = TP_IN(0)};
static const tp_rules cube_pull_alone = {.eval = eval, .pull = pull_without_factor, .reads = TP_IN(0)};
static const tp_rules product = {
    .eval = eval, .linear = TP_MULTILINEAR, .pull = pull_same_side, .reads = TP_IN(0) | TP_IN(1)};

static const char *const names[] = {"a", "b"};

#define OP(op_name, op_rules, n)                                                                          \
    {                                                                                                     \
        .name = (op_name), .n_in = (n), .in_name = names, .signature = (n) == 1 ? "()->()" : "(),()->()", \
        .types = (n) == 1 ? "F->F" : "FF->F", .n_out = 1, .out_name = names, .rules = &(op_rules)         \
    }
static const tp_op ops[] = {OP("slope of another power", cube_slope, 1),
                            OP("pull without factor", cube_wrong_pull, 1),
                            OP("push negated", cube_wrong_push, 1), OP("pull alone", cube_pull_alone, 1),
                            OP("same side", product, 2)};
enum { OPS = sizeof ops / sizeof *ops };

static tp_tensor *op_forward(tp_module *m, tp_tensor *x)
{
    const tp_op *op = &ops[*(const int *)tp_module_data(m)];
    tp_tensor *in[] = {x, op->n_in == 2 ? tp_parameter(m, "scale") : NULL};
    return tp_apply(op, op->n_in, in, NULL, NULL);
}

/* --- a loss --- */

static tp_tensor *sum_of_squares(tp_tensor *const *in)
{
    return tp_mean(tp_square(tp_sub(in[0], in[1])), TP_ALL, false);
}

/* The mean's gradient without the division. */
static tp_tensor *sum_gradient(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy)
{
    (void)i, (void)y;
    return tp_mul(dy, tp_mul_scalar(tp_sub(in[0], in[1]), 2));
}

static tp_tensor *sum_loss(tp_module *m, tp_tensor *x, tp_tensor *target)
{
    static const tp_function f = {"mean_by_hand", sum_of_squares, sum_gradient};
    (void)m;
    return tp_call_function(&f, 2, (tp_tensor *const[]){x, target});
}

/* --- the nets they are planted in --- */

static tp_tensor *draw(tp_context *c, tp_shape shape) { return tp_normal(c, shape, 0, 1, TP_F64); }

static tp_module *with_scale(tp_context *c, tp_module *m)
{
    tp_module_add_parameter(m, "scale", draw(c, TP_SHAPE(4)));
    return m;
}

/* Linear, the layer, Linear: true if the check passes. */
static bool check(tp_context *c, tp_module *layer, tp_module *criterion)
{
    tp_module *net = tp_sequential(c, tp_linear(c, 3, 4), layer, tp_linear(c, 4, 2));
    for (int i = 0; i < tp_parameters(net); i++) tp_init_normal(tp_parameter_at(net, i, NULL, 0), 0, 1);
    return tp_gradcheck_module(net, criterion, draw(c, TP_SHAPE(6, 3)), draw(c, TP_SHAPE(6, 2)), NULL);
}

/* The check fails and names the parameter, the first that is wrong. */
static void expect_found(tp_context *c, tp_module *layer, const char *mistake, const char *parameter)
{
    char text[64];
    snprintf(text, sizeof text, "tp_gradcheck_module: %s: ", parameter);
    bool right = check(c, layer, tp_mse_criterion(c));
    if (right || strncmp(tp_error_text(c), text, strlen(text)) != 0)
        print_error("%s: %s\n", mistake, right ? "not found" : tp_error_text(c));
    assert_false(right);
    assert_memory_equal(tp_error_text(c), text, strlen(text));
    assert_non_null(strstr(tp_error_text(c), " wrong, worst "));
}

static tp_module *by_hand(tp_context *c, const tp_function *f, bool linear_layer)
{
    tp_module *m = tp_function_layer(c, f);
    if (!linear_layer) return m;
    tp_module_add_parameter(m, "weight", draw(c, TP_SHAPE(4, 4)));
    tp_module_add_parameter(m, "bias", draw(c, TP_SHAPE(4)));
    return m;
}

static void test_layers_by_hand(void **state)
{
    tp_context *c = *state;
    static const struct {
        const tp_function *f;
        bool linear;
        const char *parameter;
    } planted[] = {{&weight_sign, true, "1.weight"},           {&bias_mean, true, "1.bias"},
                   {&weight_not_transposed, true, "0.weight"}, {&weight_forgotten, true, "1.weight"},
                   {&sigmoid_unscaled, false, "0.weight"},     {&tanh_not_squared, false, "0.weight"},
                   {&relu_gates_gradient, false, "0.weight"},  {&softmax_elementwise, false, "0.weight"},
                   {&skip_forgotten, false, "0.weight"},       {&deviation_constant, false, "0.weight"},
                   {&slightly_off, false, "0.weight"}};
    assert_true(check(c, by_hand(c, &faultless, true), tp_mse_criterion(c)));
    for (size_t k = 0; k < sizeof planted / sizeof *planted; k++)
        expect_found(c, by_hand(c, planted[k].f, planted[k].linear), planted[k].f->name,
                     planted[k].parameter);
}

static void test_modules(void **state)
{
    tp_context *c = *state;
    static const struct {
        const char *name;
        tp_forward_fn *forward;
        const char *parameter;
    } planted[] = {{"detached", detached_forward, "1.scale"},
                   {"copied", copied_forward, "1.scale"},
                   {"past_x", past_x_forward, "0.weight"}};
    for (size_t k = 0; k < sizeof planted / sizeof *planted; k++) {
        tp_module *m = tp_module_new(c, planted[k].name, planted[k].forward, NULL, 0);
        expect_found(c, with_scale(c, m), planted[k].name, planted[k].parameter);
    }
}

/* In a net, and by the generated tests of the op. */
static void test_ops(void **state)
{
    tp_context *c = *state;
    for (int k = 0; k < OPS; k++) {
        tp_op_report report;
        tp_module *m = tp_module_new(c, "op", op_forward, &k, sizeof k);
        expect_found(c, ops[k].n_in == 2 ? with_scale(c, m) : m, ops[k].name, "0.weight");
        assert_false(tp_check_op(c, &ops[k], &report));
        assert_true(report.failures > 0 && report.op == &ops[k]);
    }
}

static void test_loss(void **state)
{
    tp_context *c = *state;
    tp_module *loss = tp_criterion_new(c, "mean_by_hand", sum_loss, NULL, 0);
    assert_false(check(c, tp_tanh_layer(c), loss));
    assert_non_null(strstr(tp_error_text(c), "tp_gradcheck_module: 0.weight: 12 of 12 elements are wrong"));
}

static const struct CMUnitTest tests[] = {
    TEST(test_layers_by_hand),
    TEST(test_modules),
    TEST(test_ops),
    TEST(test_loss),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
