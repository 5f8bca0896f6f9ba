#include "comma.h"
#include "faults.h"

#include <taper/ext.h>

enum { TEXT = 4096 };

static void expect_tree(tp_module *m, tp_module *want)
{
    char have[TEXT], tree[TEXT];
    assert_true(tp_module_print(want, tree, sizeof tree) < sizeof tree);
    tp_module_print(m, have, sizeof have);
    assert_string_equal(have, tree);
}

/* The same bits for the same input, in evaluation and with the same parameters. */
static void expect_same(tp_context *c, tp_module *m, tp_module *want, tp_shape batch)
{
    tp_tensor *x = tp_normal(c, batch, 0, 2, TP_F64);
    assert_int_equal(tp_module_copy(m, want), TP_OK);
    tp_eval(m);
    tp_eval(want);
    tp_tensor *y = tp_forward(m, x), *z = tp_forward(want, x);
    assert_int_equal(tp_rank(y), tp_rank(z));
    assert_int_equal(tp_numel(y), tp_numel(z));
    assert_memory_equal(tp_data(y), tp_data(z), (size_t)tp_numel(y) * sizeof(double));
}

/* The text means this net, and the net's own text, made into a net again, does so too. */
static void expect_net(tp_context *c, const char *text, tp_shape input, tp_module *want,
                       const char *canonical)
{
    char again[TEXT];
    tp_shape batch = {.n = input.n + 1, .v = {3}};
    memcpy(batch.v + 1, input.v, (size_t)input.n * sizeof *input.v);
    uint64_t counter = tp_random_counter(c);
    tp_module *m = tp_net(c, text, input, .dtype = TP_F64);
    if (!tp_ok(c)) print_error("%s: %s\n", text, tp_error_text(c));
    assert_int_equal(tp_random_counter(c) - counter, tp_parameters(m)); /* drawn for parameters alone */
    expect_tree(m, want);
    assert_true(tp_is_training(m) && tp_is_training(tp_child(m, "0")));
    expect_same(c, m, want, batch);
    assert_int_equal(tp_net_text(m, again, sizeof again), strlen(canonical));
    assert_string_equal(again, canonical);
    tp_module *back = tp_net(c, again, input, .dtype = TP_F64, .no_flatten = true);
    expect_tree(back, want);
    expect_same(c, back, want, batch);
}

static tp_module *linear(tp_context *c, int64_t in, int64_t out)
{
    return tp_linear(c, in, out, .dtype = TP_F64);
}

static void test_nets(void **state)
{
    tp_context *c = *state;
    expect_net(c, "linear 5", TP_SHAPE(4), tp_sequential(c, linear(c, 4, 5)), "linear 5");
    expect_net(c, " linear\t5,relu ,\n linear out=3", TP_SHAPE(4),
               tp_sequential(c, linear(c, 4, 5), tp_relu_layer(c), linear(c, 5, 3)),
               "linear 5, relu, linear 3");
    expect_net(c, "linear 5 bias=false, linear bias=true out=2, linear 1 false", TP_SHAPE(4),
               tp_sequential(c, tp_linear(c, 4, 5, .no_bias = true, .dtype = TP_F64), linear(c, 5, 2),
                             tp_linear(c, 2, 1, .no_bias = true, .dtype = TP_F64)),
               "linear 5 bias=false, linear 2, linear 1 bias=false");
    expect_net(c, "(linear 8, (relu)), linear 3", TP_SHAPE(2),
               tp_sequential(c, tp_sequential(c, linear(c, 2, 8), tp_sequential(c, tp_relu_layer(c))),
                             linear(c, 8, 3)),
               "(linear 8, (relu)), linear 3");
}

/* Every layer of the table with its arguments given and not; the last column is how it is written. */
static void test_layers(void **state)
{
    tp_context *c = *state;
    const struct {
        const char *text;
        tp_module *want;
        const char *canonical;
    } rows[] = {
        {"dropout 0.25", tp_dropout_layer(c, 0.25), "dropout 0.25"},
        {"dropout", tp_dropout_layer(c, 0.5), "dropout 0.5"},
        {"dropout p=0", tp_dropout_layer(c, 0), "dropout 0"},
        {"hardtanh", tp_hardtanh_layer(c, -1, 1), "hardtanh -1 1"},
        {"hardtanh max=6 min=0", tp_hardtanh_layer(c, 0, 6), "hardtanh 0 6"},
        {"hardtanh 0 max=inf", tp_hardtanh_layer(c, 0, INFINITY), "hardtanh 0 inf"},
        {"hardtanh max=.5 -2e-1", tp_hardtanh_layer(c, -0.2, 0.5), "hardtanh -0.2 0.5"},
        {"relu", tp_relu_layer(c), "relu"},
        {"sigmoid", tp_sigmoid_layer(c), "sigmoid"},
        {"tanh", tp_tanh_layer(c), "tanh"},
        {"gelu", tp_gelu_layer(c), "gelu"},
        {"gelu_tanh", tp_gelu_tanh_layer(c), "gelu_tanh"},
        {"silu", tp_silu_layer(c), "silu"},
        {"softplus", tp_softplus_layer(c), "softplus"},
        {"log_sigmoid", tp_log_sigmoid_layer(c), "log_sigmoid"},
        {"mish", tp_mish_layer(c), "mish"},
        {"selu", tp_selu_layer(c), "selu"},
        {"flatten", tp_flatten_layer(c), "flatten"},
        {"leaky_relu", tp_leaky_relu_layer(c, 0.01), "leaky_relu 0.01"},
        {"leaky_relu 0.2", tp_leaky_relu_layer(c, 0.2), "leaky_relu 0.2"},
        {"elu", tp_elu_layer(c, 1), "elu 1"},
        {"elu alpha=1.5", tp_elu_layer(c, 1.5), "elu 1.5"},
        {"softmax", tp_softmax_layer(c, -1), "softmax -1"},
        {"softmax 1", tp_softmax_layer(c, 1), "softmax 1"},
        {"log_softmax axis=-2", tp_log_softmax_layer(c, -2), "log_softmax -2"},
        {"log_softmax", tp_log_softmax_layer(c, -1), "log_softmax -1"},
    };
    int n = sizeof rows / sizeof *rows;
    for (int i = 0; i < n; i++)
        expect_net(c, rows[i].text, TP_SHAPE(2, 3), tp_sequential(c, rows[i].want), rows[i].canonical);
    assert_string_equal(tp_layer_name_at(0), "linear");
    for (int i = 1; tp_layer_name_at(i); i++) {
        int row = 0;
        while (row < n && strcmp(tp_module_kind(rows[row].want), tp_layer_name_at(i)) != 0) row++;
        if (row == n) print_error("no row tests '%s'\n", tp_layer_name_at(i));
        assert_true(row < n);
    }
    assert_null(tp_layer_name_at(-1));
}

/* In front of a linear, where that stands, and nowhere else. */
static void test_flatten(void **state)
{
    tp_context *c = *state;
    expect_net(c, "linear 5, relu, linear 2", TP_SHAPE(2, 3),
               tp_sequential(c, tp_flatten_layer(c), linear(c, 6, 5), tp_relu_layer(c), linear(c, 5, 2)),
               "flatten, linear 5, relu, linear 2");
    expect_net(c, "relu, (tanh, linear 5), linear 2", TP_SHAPE(2, 3),
               tp_sequential(c, tp_relu_layer(c),
                             tp_sequential(c, tp_tanh_layer(c), tp_flatten_layer(c), linear(c, 6, 5)),
                             linear(c, 5, 2)),
               "relu, (tanh, flatten, linear 5), linear 2");
    expect_net(c, "flatten, linear 5", TP_SHAPE(2, 3), tp_sequential(c, tp_flatten_layer(c), linear(c, 6, 5)),
               "flatten, linear 5");
    tp_module *rows = tp_net(c, "linear 5, linear 2", TP_SHAPE(2, 3), .no_flatten = true, .dtype = TP_F64);
    expect_tree(rows, tp_sequential(c, linear(c, 3, 5), linear(c, 5, 2)));
}

/* The same seed gives the parameters of the same calls; they are f32 unless otherwise said. */
static void test_parameters(void **state)
{
    tp_context *c = *state;
    tp_seed(c, 7);
    tp_module *m = tp_net_with(c, "linear 5, dropout 0.5, linear 2", TP_SHAPE(3), NULL);
    tp_seed(c, 7);
    tp_module *want = tp_sequential(c, tp_linear(c, 3, 5), tp_dropout_layer(c, 0.5), tp_linear(c, 5, 2));
    for (int i = 0; i < 4; i++) {
        tp_tensor *a = tp_parameter_at(m, i, NULL, 0), *b = tp_parameter_at(want, i, NULL, 0);
        assert_int_equal(tp_dtype_of(a), TP_F32);
        assert_true(tp_requires_grad(a));
        assert_true(tp_item(tp_all(tp_eq(a, b), TP_ALL, false)) == 1);
    }
}

static void refused(tp_context *c, const char *text, const char *why)
{
    assert_true(tp_module_is_nil(tp_net(c, text, TP_SHAPE(4))));
    if (strcmp(tp_error_text(c), why) != 0) print_error("of '%s':\n", text);
    assert_string_equal(tp_error_text(c), why);
    tp_clear(c);
}

static void test_refused_layers(void **state)
{
    tp_context *c = *state;
    refused(c, "linear 3, relo", "tp_net, column 11: there is no layer 'relo'; the nearest is 'relu'");
    refused(c, "Linear 3", "tp_net, column 1: there is no layer 'Linear'; the nearest is 'linear'");
    refused(c, "", "tp_net, column 1: a layer is expected, the text ends");
    refused(c, "relu,", "tp_net, column 6: a layer is expected, the text ends");
    refused(c, "relu,,relu", "tp_net, column 6: a layer is expected, got ','");
    refused(c, "()", "tp_net, column 2: a layer is expected, got ')'");
    refused(c, "(relu", "tp_net, column 6: ',' or ')' is expected, the text ends");
    refused(c, "relu)", "tp_net, column 5: ',' is expected, got ')'");
    refused(c, "relu (tanh)", "tp_net, column 6: ',' is expected, got '('");
    refused(c, "(relu) tanh", "tp_net, column 8: ',' is expected, got 't'");
    refused(c, "softmax 5", "tp_net, column 1: softmax: axis 5 is outside a tensor of rank 2");
    refused(c, NULL, "tp_net: argument 'text' is NULL");
}

static void test_refused_arguments(void **state)
{
    tp_context *c = *state;
    refused(c, "relu, linear", "tp_net, column 7: linear takes 'out', an integer");
    refused(c, "linear bias=true", "tp_net, column 8: linear takes 'out', an integer");
    refused(c, "linear 2.5", "tp_net, column 8: 'out' of linear takes an integer, got '2.5'");
    refused(c, "linear 1e10", "tp_net, column 8: 'out' of linear takes an integer, got '1e10'");
    refused(c, "linear ten", "tp_net, column 8: 'out' of linear takes an integer, got 'ten'");
    refused(c, "linear 3 bias=no", "tp_net, column 10: 'bias' of linear takes true or false, got 'no'");
    refused(c, "linear 3 bias= false", "tp_net, column 10: 'bias' of linear takes true or false, got ''");
    refused(c, "linear 3 bais=false",
            "tp_net, column 10: linear has no argument 'bais'; the nearest is 'bias'");
    refused(c, "linear 3 true 4", "tp_net, column 15: linear takes 2 arguments, got '4' more");
    refused(c, "linear 3 out=4", "tp_net, column 10: 'out' of linear is given twice");
    refused(c, "linear 0", "tp_net, column 1: tp_linear: takes sizes of 1 or more, got 4 and 0");
    refused(c, "relu 3", "tp_net, column 6: relu takes no arguments, got '3'");
    refused(c, "relu x=3", "tp_net, column 6: relu takes no arguments, got 'x'");
    refused(c, "dropout 0.5x", "tp_net, column 9: 'p' of dropout takes a number, got '0.5x'");
    refused(c, "dropout nan", "tp_net, column 9: 'p' of dropout takes a number, got 'nan'");
    refused(c, "dropout 0x1", "tp_net, column 9: 'p' of dropout takes a number, got '0x1'");
    refused(c, "dropout 0.5 0.5", "tp_net, column 13: dropout takes 1 argument, got '0.5' more");
    refused(c, "dropout 2", "tp_net, column 1: tp_dropout_layer: takes p of 0 to 1, got 2");
    refused(c, "elu =2", "tp_net, column 5: ',' is expected, got '='");
}

static void test_refused_inputs(void **state)
{
    tp_context *c = *state;
    assert_true(tp_module_is_nil(tp_net(c, "linear 3", TP_SCALAR)));
    expect_error(c, TP_ERR_SHAPE, "tp_net, column 1: linear takes samples of one axis or more, got numbers");
    assert_true(tp_module_is_nil(tp_net(c, "linear 3", TP_SHAPE(4, 0))));
    expect_error(c, TP_ERR_SHAPE, "tp_net: argument 'input' takes at most 7 sizes, of 1 or more");
    assert_true(tp_module_is_nil(tp_net(c, "linear 3", TP_SHAPE(1, 1, 1, 1, 1, 1, 1, 1))));
    expect_error(c, TP_ERR_SHAPE, "tp_net: argument 'input' takes at most 7 sizes, of 1 or more");
    assert_true(tp_module_is_nil(tp_net(c, "relu", TP_ALL)));
    expect_error(c, TP_ERR_SHAPE, "tp_net: argument 'input' takes at most 7 sizes, of 1 or more");
    assert_true(tp_module_is_nil(tp_net(c, "linear 3", TP_SHAPE(3), .dtype = TP_I64)));
    expect_error(c, TP_ERR_DTYPE, "i64");
    tp_fail(c, TP_ERR_STATE, "broken");
    assert_true(tp_module_is_nil(tp_net(c, "relu", TP_SHAPE(3))));
    expect_error(c, TP_ERR_STATE, "broken");
}

/* Texts that are too long or too deep. */
static void test_limits(void **state)
{
    tp_context *c = *state;
    assert_int_equal(tp_parameters(tp_net(c, "linear 2, linear 3", TP_SHAPE(4), .most = 19)), 4);
    assert_true(tp_module_is_nil(tp_net(c, "linear 2, linear 3", TP_SHAPE(4), .most = 18)));
    expect_error(c, TP_ERR_ARGUMENT,
                 "tp_net, column 11: from here on there are more parameters than are allowed");
    assert_int_equal(tp_parameters(tp_net(c, "linear 3 bias=false", TP_SHAPE(4), .most = 12)), 1);
    static char text[70000];
    memset(text, '(', sizeof text - 1);
    assert_true(tp_module_is_nil(tp_net(c, text, TP_SHAPE(4))));
    expect_error(c, TP_ERR_ARGUMENT, "tp_net: takes a text of at most 65535 characters");
    text[65535] = 0;
    assert_true(tp_module_is_nil(tp_net(c, text, TP_SHAPE(4))));
    expect_error(c, TP_ERR_ARGUMENT,
                 "tp_net, column 64: tp_module_add_child: '0' would hold itself, or be "
                 "nested more than 63 deep");
    memset(text, 'x', 65535);
    assert_true(tp_module_is_nil(tp_net(c, text, TP_SHAPE(4))));
    expect_error(c, TP_ERR_ARGUMENT, "xxxx'; the nearest is '");
    size_t deep = 63;
    memset(text, '(', deep);
    snprintf(text + deep, 8, "relu");
    memset(text + deep + 4, ')', deep);
    text[deep + 4 + deep] = 0;
    assert_true(tp_module_is_nil(tp_net(c, text, TP_SHAPE(4))));
    expect_error(c, TP_ERR_ARGUMENT, "nested more than 63 deep");
    tp_module *m = tp_net(c, text + 1, TP_SHAPE(4)); /* one ')' too many */
    assert_true(tp_module_is_nil(m));
    expect_error(c, TP_ERR_ARGUMENT, "',' is expected, got ')'");
    text[deep + 4 + deep - 1] = 0;
    assert_false(tp_module_is_nil(tp_net(c, text + 1, TP_SHAPE(4))));
}

/* --- text of a net --- */

static tp_tensor *own_forward(tp_module *m, tp_tensor *x)
{
    (void)m;
    return x;
}

static void no_text(tp_context *c, tp_module *m, const char *why)
{
    char text[TEXT] = "before";
    assert_int_equal(tp_net_text(m, text, sizeof text), 0);
    assert_string_equal(text, "");
    expect_report(c, why);
}

static void test_no_text(void **state)
{
    tp_context *c = *state;
    tp_module *own = tp_module_new(c, "relu", own_forward, NULL, 0), *changed = linear(c, 2, 2),
              *twice = linear(c, 2, 2), *named = tp_sequential(c, tp_relu_layer(c));
    no_text(c, own, "tp_net_text: there is no text for this relu, because it is no sequence");
    no_text(c, changed, "tp_net_text: there is no text for this linear, because it is no sequence");
    no_text(c, tp_sequential(c, tp_relu_layer(c), tp_sequential(c, own)),
            "tp_net_text: there is no text for this sequential, because this part has none: 1.0");
    tp_module_add_buffer(changed, "more", VECTOR(c, 1));
    no_text(c, tp_sequential(c, changed),
            "tp_net_text: there is no text for this sequential, because this part has none: 0");
    no_text(c, tp_sequential(c, tp_sequential(c)),
            "tp_net_text: there is no text for this sequential, because this part has none: 0");
    no_text(c, tp_sequential(c, twice, twice),
            "tp_net_text: there is no text for this sequential, because parts share parameters");
    tp_module_add_child(named, "head", tp_relu_layer(c));
    no_text(c, named, "tp_net_text: there is no text for this sequential, because this part has none: head");
    tp_module *buffered = tp_sequential(c, tp_relu_layer(c));
    tp_module_add_buffer(buffered, "1", VECTOR(c, 1));
    no_text(c, buffered, "tp_net_text: there is no text for this sequential, because this part has none: 1");
    assert_int_equal(tp_net_text(NULL, NULL, 0), 0);
    assert_int_equal(tp_net_text(tp_nil_module(c), NULL, 0), 0);
    expect_error(c, TP_ERR_ARGUMENT, "tp_net_text: argument 'm' is nil");
}

/* As much as there is room for, as snprintf; also of what is shared. */
static void test_room(void **state)
{
    tp_context *c = *state;
    char text[8];
    tp_module *m = tp_net(c, "linear 12, relu", TP_SHAPE(4));
    assert_int_equal(tp_net_text(m, NULL, 0), 15);
    assert_int_equal(tp_net_text(m, text, sizeof text), 15);
    assert_string_equal(text, "linear ");
    tp_context *c2 = tp_open(NULL);
    assert_int_equal(tp_net_text(tp_share(c2, m), text, sizeof text), 15);
    assert_int_equal(tp_close(c2), 0);
}

static void in_another_locale(void)
{
    char text[64];
    tp_context *c = tp_open(NULL);
    tp_module *m = tp_net(c, "dropout 0.25, leaky_relu 1.5e-3", TP_SHAPE(4));
    tp_net_text(m, text, sizeof text);
    assert_string_equal(text, "dropout 0.25, leaky_relu 0.0015");
    tp_close(c);
}

static void test_decimal_comma(void **state)
{
    (void)state;
    if (!with_decimal_comma(in_another_locale)) skip();
}

/* --- any text at all --- */

static uint32_t draw(uint32_t *state, uint32_t n)
{
    *state = *state * 1664525 + 1013904223;
    return (*state >> 8) % n;
}

/* Texts put together at random are refused with a column, or make a net whose text makes it again. */
static void test_random_texts(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "linear", "relu", "dropout", "softmax", "hardtanh", " ",  " ",    ",",     ",",  "(",    ")",
        "=",      "1",    " 3",      " 0.5",    "bias=",    "p=", "true", "false", "-1", "\xff", "flatten"};
    uint32_t random = 1;
    int good = 0;
    for (int i = 0; i < 3000; i++) {
        char text[256] = "", again[512];
        for (uint32_t n = draw(&random, 9) + 1; n > 0; n--)
            strcat(text, parts[draw(&random, sizeof parts / sizeof *parts)]);
        tp_context *c = tp_open(NULL);
        tp_module *m = tp_net(c, text, TP_SHAPE(2, 3));
        if (tp_ok(c)) {
            good++;
            assert_true(tp_net_text(m, again, sizeof again) > 0);
            expect_tree(tp_net(c, again, TP_SHAPE(2, 3), .no_flatten = true), m);
        } else if (!strstr(tp_error_text(c), "tp_net, column ")) {
            print_error("'%s': %s\n", text, tp_error_text(c));
            fail();
        }
        tp_close(c);
    }
    assert_true(good > 50);
}

/* Each allocation failing in turn leaves nothing behind. */
static bool fail_at(long at)
{
    faulty hook;
    tp_context *c = faulty_open(&hook, all_after);
    size_t held = hook.books.bytes;
    tp_mark scope = tp_open_scope(c);
    faulty_arm(&hook, at);
    tp_module *m = tp_net(c, "linear 3, (relu, dropout 0.5), linear 2", TP_SHAPE(2, 2));
    char text[TEXT];
    size_t length = tp_ok(c) ? tp_net_text(m, text, sizeof text) : 0;
    bool refused = faulty_disarm(&hook);
    EXPECT(refused == (length == 0), "net", at, c);
    EXPECT(!refused || (tp_error(c) == TP_ERR_MEMORY && names_a_call(tp_error_text(c))), "net", at, c);
    tp_close_scope(c, scope);
    EXPECT(hook.books.bytes == held || !refused, "net", at, c);
    tp_close(c);
    EXPECT(hook.books.blocks == 0, "net", at, NULL);
    return refused;
}

static void test_faults(void **state)
{
    (void)state;
    long at = 1;
    while (fail_at(at)) at++;
    assert_true(at > 20);
}

static const struct CMUnitTest tests[] = {
    TEST(test_nets),
    TEST(test_layers),
    TEST(test_flatten),
    TEST(test_parameters),
    TEST(test_refused_layers),
    TEST(test_refused_arguments),
    TEST(test_refused_inputs),
    TEST(test_limits),
    TEST(test_no_text),
    TEST(test_room),
    cmocka_unit_test(test_decimal_comma),
    cmocka_unit_test(test_random_texts),
    FAULT_TESTS(test_faults),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
