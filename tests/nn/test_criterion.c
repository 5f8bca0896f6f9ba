#include "nn/golden.h"

#include "faults.h"

/* Values and gradients of every loss with every option, as PyTorch's modules. */
static void test_values(void **state)
{
    tp_context *c = *state;
#include "golden/criteria.def"
}

/* Each name leads to the criterion of that kind, with the function's defaults. */
static void test_names(void **state)
{
    tp_context *c = *state;
    tp_tensor *p = tp_softmax(MATRIX(c, 2, 3, 1, 2, 3, 3, 1, 2), 1), *x = tp_log(p),
              *q = MATRIX(c, 2, 3, 0, 0, 1, 1, 0, 0),
              *y = tp_from_doubles(c, TP_SHAPE(2), TP_I64, (double[]){2, 0});
    const struct {
        const char *name;
        tp_tensor *want, *x, *target;
    } rows[] = {
        {"cross_entropy", tp_cross_entropy(x, y), x, y},
        {"nll", tp_nll_loss(x, y), x, y},
        {"bce_with_logits", tp_bce_with_logits(x, q), x, q},
        {"binary_cross_entropy", tp_binary_cross_entropy(p, q), p, q},
        {"mse", tp_mse_loss(x, q), x, q},
        {"l1", tp_l1_loss(x, q), x, q},
        {"huber", tp_huber_loss(x, q), x, q},
        {"smooth_l1", tp_smooth_l1_loss(x, q), x, q},
    };
    int n = sizeof rows / sizeof *rows;
    for (int i = 0; i < n; i++) {
        assert_string_equal(tp_criterion_name_at(i), rows[i].name);
        tp_module *m = tp_criterion_named(c, rows[i].name);
        assert_string_equal(tp_module_kind(m), rows[i].name);
        assert_int_equal(tp_buffers(m), 0);
        expect_near(tp_item(tp_loss(m, rows[i].x, rows[i].target)), tp_item(rows[i].want), 0);
    }
    assert_null(tp_criterion_name_at(n));
    assert_null(tp_criterion_name_at(-1));
}

/* The criterion, its text, and the criterion that this makes have the same loss. */
static void expect_text(tp_context *c, tp_module *m, const char *text, tp_tensor *target)
{
    char have[128];
    assert_int_equal(tp_criterion_text(m, have, sizeof have), strlen(text));
    assert_string_equal(have, text);
    assert_int_equal(tp_criterion_text(m, have, 4), strlen(text));
    assert_memory_equal(have, text, 3);
    tp_tensor *x = MATRIX(c, 2, 3, 0.1, 0.2, 0.7, 0.5, 0.3, 0.2);
    tp_tensor *want = tp_loss(m, x, target), *got = tp_loss(tp_criterion_named(c, text), x, target);
    assert_int_equal(tp_rank(got), tp_rank(want));
    double a[6], b[6];
    tp_read_doubles(got, a, tp_numel(got));
    tp_read_doubles(want, b, tp_numel(want));
    assert_memory_equal(a, b, (size_t)tp_numel(want) * sizeof *a);
}

static void test_text(void **state)
{
    tp_context *c = *state;
    tp_tensor *y = tp_from_doubles(c, TP_SHAPE(2), TP_I64, (double[]){2, 0}),
              *q = MATRIX(c, 2, 3, 0, 0, 1, 1, 0, 0), *w = VECTOR(c, 0.1, 2, 3e-7),
              *single = tp_cast(w, TP_F32);
    expect_text(c, tp_cross_entropy_criterion(c), "cross_entropy", y);
    expect_text(c,
                tp_cross_entropy_criterion(c, .weight = w, .ignore_index = TP_ZERO, .label_smoothing = 0.1,
                                           .reduction = TP_NO_REDUCTION),
                "cross_entropy reduction=none weight=0.1,2,3e-07 ignore_index=0 label_smoothing=0.1", y);
    expect_text(c, tp_nll_criterion(c, .ignore_index = 2), "nll ignore_index=2", y);
    expect_text(c, tp_nll_criterion(c, .ignore_index = -100), "nll", y);
    expect_text(c, tp_bce_with_logits_criterion(c, .pos_weight = w, .weight = VECTOR(c, 4)),
                "bce_with_logits weight=4 pos_weight=0.1,2,3e-07", q);
    expect_text(c, tp_binary_cross_entropy_criterion(c, .weight = single),
                "binary_cross_entropy weight=0.10000000149011612,2,3.000000106112566e-07", q);
    expect_text(c, tp_mse_criterion(c, .reduction = TP_SUM), "mse reduction=sum", q);
    expect_text(c, tp_l1_criterion(c, .reduction = TP_NO_REDUCTION), "l1 reduction=none", q);
    expect_text(c, tp_huber_criterion(c, .delta = 0.25), "huber delta=0.25", q);
    expect_text(c, tp_huber_criterion(c, .delta = INFINITY), "huber delta=inf", q);
    expect_text(c, tp_smooth_l1_criterion(c, .beta = TP_ZERO), "smooth_l1 beta=0", q);
    expect_text(c, tp_criterion_named(c, "  huber   reduction=mean  delta=1 "), "huber", q);
}

static void test_no_text(void **state)
{
    tp_context *c = *state;
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "there is no loss ''; the nearest is 'l1'"},
        {"huber  dleta=1", "huber has no option 'dleta'; the nearest is 'delta'"},
        {"mse sum", "mse has no option 'sum'; the nearest is 'reduction'"},
        {"mse reduction", "'reduction' of mse takes =, then mean, sum or none"},
        {"mse reduction=su", "'reduction' of mse takes =, then mean, sum or none"},
        {"huber delta=", "'delta' of huber takes =, then a number"},
        {"huber delta=1x", "'delta' of huber takes =, then a number"},
        {"huber delta=nan", "'delta' of huber takes =, then a number"},
        {"huber delta=1 delta=1", "'delta' of huber is given twice"},
        {"nll ignore_index=1.5", "'ignore_index' of nll takes =, then an integer"},
        {"nll ignore_index=1e30", "'ignore_index' of nll takes =, then an integer"},
        {"nll weight=1,", "'weight' of nll takes =, then numbers with commas between them"},
        {"nll weight=1,,2", "'weight' of nll takes =, then numbers"},
        {"nll weight=1;2", "'weight' of nll takes =, then numbers"},
        {"nll weight= 1", "'weight' of nll takes =, then numbers"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_true(tp_module_is_nil(tp_criterion_named(c, bad[i].text)));
        expect_error(c, TP_ERR_ARGUMENT, bad[i].why);
    }
    char text[8] = "x";
    tp_module *m = tp_bce_with_logits_criterion(c, .weight = MATRIX(c, 1, 2, 1, 2));
    assert_int_equal(tp_criterion_text(m, text, sizeof text), 0);
    assert_string_equal(text, "");
    expect_report(c, "tp_criterion_text: there is no text for this bce_with_logits, because its weights have "
                     "several axes");
    assert_int_equal(tp_criterion_text(tp_relu_layer(c), NULL, 0), 0);
    expect_report(c, "tp_criterion_text: there is no text for this relu, because it is none of Taper's");
    assert_int_equal(tp_criterion_text(tp_nil_module(c), NULL, 0), 0);
    expect_error(c, TP_ERR_ARGUMENT, "tp_criterion_text: argument 'm' is nil");
}

/* Weights are buffers: they outlive the scope of the tensor given, and are shared. */
static void test_buffers(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = VECTOR(c, 1, -2), *q = VECTOR(c, 1, 0);
    double want = tp_item(tp_bce_with_logits(x, q, .weight = VECTOR(c, 1, 2), .pos_weight = VECTOR(c, 3, 4)));
    tp_mark scope = tp_open_scope(c);
    tp_module *m = tp_bce_with_logits_criterion(c, .weight = VECTOR(c, 1, 2), .pos_weight = VECTOR(c, 3, 4));
    tp_module_keep(m);
    tp_close_scope(c, scope);
    assert_int_equal(tp_buffers(m), 2);
    assert_int_equal(tp_parameters(m), 0);
    expect_values(tp_buffer(m, "weight"), TP_SHAPE(2), 1, 2);
    expect_values(tp_buffer(m, "pos_weight"), TP_SHAPE(2), 3, 4);
    expect_near(tp_item(tp_loss(m, x, q)), want, 0);
    tp_context *c2 = tp_open(NULL);
    tp_module *view = tp_share(c2, m);
    expect_near(tp_item(tp_loss(view, VECTOR(c2, 1, -2), VECTOR(c2, 1, 0))), want, 0);
    assert_int_equal(tp_close(c2), 0);
}

/* A criterion of one's own, with data; as a child it is named in messages. */
static tp_tensor *scaled(tp_module *m, tp_tensor *x, tp_tensor *target)
{
    return tp_mul_scalar(tp_sum(tp_sub(x, target), TP_ALL, false), *(double *)tp_module_data(m));
}

static void test_own(void **state)
{
    tp_context *c = *state;
    tp_module *m = tp_criterion_new(c, "scaled", scaled, &(double){0.5}, sizeof(double));
    assert_string_equal(tp_module_kind(m), "scaled");
    expect_item(tp_loss(m, VECTOR(c, 1, 2), VECTOR(c, 0, -3)), 3);
    tp_module_add_child(tp_module_new(c, "task", NULL, NULL, 0), "loss", m);
    FAILS(tp_loss(m, VECTOR(c, 1, 2), VECTOR(c, 1, 2, 3)), "loss: sub (),()->(): cannot take [2], [3]");
}

static tp_tensor *none(tp_module *m, tp_tensor *x, tp_tensor *target)
{
    (void)m, (void)x, (void)target;
    return NULL;
}

static void test_refused(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = VECTOR(c, 1, 2), *nothing = NULL;
    tp_module *mse = tp_mse_criterion(c);
    assert_true(tp_module_is_nil(tp_criterion_named(c, "cross_entrpy")));
    expect_error(c, TP_ERR_ARGUMENT,
                 "tp_criterion_named: there is no loss 'cross_entrpy'; the nearest is 'cross_entropy'");
    assert_true(tp_module_is_nil(tp_criterion_named(c, NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_criterion_named: argument 'text' is NULL");
    assert_true(tp_module_is_nil(tp_nll_criterion(c, .weight = tp_nil(c))));
    expect_error(c, TP_ERR_ARGUMENT, "tp_module_add_buffer: argument 't' is nil");
    FAILS(tp_loss(tp_relu_layer(c), x, x), "tp_loss: this relu is no criterion");
    FAILS(tp_forward(mse, x), "tp_forward: this mse has no forward pass");
    FAILS(tp_loss(mse, nothing, x), "tp_loss: argument 'x' is NULL");
    FAILS(tp_loss(mse, x, nothing), "tp_loss: argument 'target' is NULL");
    FAILS(tp_loss(mse, x, VECTOR(c, 1)), "tp_mse_loss: argument 'target' takes [2], got [1]");
    FAILS(tp_loss(tp_nil_module(c), x, x), "tp_loss: argument 'm' is nil");
    FAILS(tp_loss(tp_criterion_new(c, "none", none, NULL, 0), x, x),
          "tp_loss: the function of this none gave NULL");
    assert_true(tp_is_nil(tp_loss(NULL, x, x)));
    tp_clear(c);
    assert_string_equal(tp_module_kind(NULL), "nil");
}

/* Making and running with each allocation failing in turn. */
static bool fail_at(long at)
{
    faulty hook;
    tp_context *c = faulty_open(&hook, all_after);
    tp_tensor *x = VECTOR(c, 1, -2), *q = VECTOR(c, 1, 0), *w = VECTOR(c, 1, 2);
    size_t held = hook.books.bytes;
    tp_mark scope = tp_open_scope(c);
    faulty_arm(&hook, at);
    tp_module *m = tp_bce_with_logits_criterion(c, .weight = w, .pos_weight = w);
    char text[64];
    tp_tensor *y =
        tp_criterion_text(m, text, sizeof text) ? tp_loss(tp_criterion_named(c, text), x, q) : NULL;
    bool refused = faulty_disarm(&hook);
    EXPECT(refused == !tp_ok(c) && refused == tp_is_nil(y), "criterion", at, c);
    EXPECT(!refused || (tp_error(c) == TP_ERR_MEMORY && names_a_call(tp_error_text(c))), "criterion", at, c);
    tp_close_scope(c, scope);
    EXPECT(hook.books.bytes == held || !refused, "criterion", at, c);
    tp_close(c);
    EXPECT(hook.books.blocks == 0, "criterion", at, NULL);
    return refused;
}

static void test_faults(void **state)
{
    (void)state;
    long at = 1;
    while (fail_at(at)) at++;
    assert_true(at > 10);
}

static const struct CMUnitTest tests[] = {
    TEST(test_values),  TEST(test_names), TEST(test_text),    TEST(test_no_text),
    TEST(test_buffers), TEST(test_own),   TEST(test_refused), FAULT_TESTS(test_faults),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
