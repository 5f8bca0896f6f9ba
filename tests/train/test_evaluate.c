#include "train/sets.h"

#include "faults.h"

/* A net that gives its input back. */
static tp_tensor *identity_forward(tp_module *m, tp_tensor *x)
{
    (void)m;
    return tp_mul_scalar(x, 1);
}

static tp_module *identity(tp_context *c) { return tp_module_new(c, "identity", identity_forward, NULL, 0); }

static tp_tensor *f32(tp_tensor *x) { return tp_cast(x, TP_F32); }
static tp_tensor *i64(tp_tensor *x) { return tp_cast(x, TP_I64); }

static void test_scores_of_classes(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = f32(MATRIX(c, 4, 3, 2, 1, 0, 0, 1, 0, 3, 1, 1, 0, 0, 4)), *y = i64(VECTOR(c, 0, 1, 1, 2));
    tp_scores s = tp_evaluate(identity(c), tp_dataset_new(c, x, y), .batch_size = 3);
    assert_int_equal(s.n, 4);
    expect_near(s.loss, tp_item(tp_cross_entropy(x, y)), 0);
    expect_near(s.accuracy, 0.75, 0);
    expect_near(s.precision, (0.5 + 1 + 1) / 3, 1e-15);
    expect_near(s.recall, (1 + 0.5 + 1) / 3, 1e-15);
    expect_near(s.f1, (2.0 / 3 + 2.0 / 3 + 1) / 3, 1e-15);
    expect_values(s.confusion, TP_SHAPE(3, 3), 1, 0, 0, 1, 1, 0, 0, 0, 1);
    assert_true(isnan(s.mae) && isnan(s.mse) && isnan(s.rmse) && isnan(s.r2));
    /* log-probabilities have the same largest */
    tp_scores nll = tp_evaluate(tp_sequential(c, identity(c), tp_log_softmax_layer(c, 1)),
                                tp_dataset_new(c, x, y), .criterion = tp_criterion_named(c, "nll"));
    expect_near(nll.loss, s.loss, 1e-6);
    expect_near(nll.f1, s.f1, 0);
}

static void test_scores_of_two_classes(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = f32(MATRIX(c, 4, 1, 0.25, -1, 0.75, 0)), *y = i64(VECTOR(c, 0, 0, 1, 1));
    tp_tensor *column = f32(MATRIX(c, 4, 1, 0, 0, 1, 1));
    tp_dataset *data = tp_dataset_new(c, x, y);
    tp_scores s = tp_evaluate(identity(c), data, .criterion = tp_criterion_named(c, "bce_with_logits"));
    expect_near(s.loss, tp_item(tp_bce_with_logits(x, column)), 0);
    expect_values(s.confusion, TP_SHAPE(2, 2), 1, 1, 1, 1);
    x = f32(VECTOR(c, 0.25, 0.5, 0.75, 0.5));
    tp_module *flat = tp_sequential(c, identity(c));
    s = tp_evaluate(flat, tp_dataset_new(c, tp_unsqueeze(x, 1), y),
                    .criterion = tp_criterion_named(c, "binary_cross_entropy"));
    expect_values(s.confusion, TP_SHAPE(2, 2), 2, 0, 1, 1);
    expect_near(s.accuracy, 0.75, 0);
}

static void test_scores_of_numbers(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = f32(MATRIX(c, 3, 1, 1, 2, 4)), *y = VECTOR(c, 1, 3, 2);
    tp_scores s = tp_evaluate(identity(c), tp_dataset_new(c, x, y));
    assert_int_equal(s.n, 3);
    expect_near(s.loss, 5.0 / 3, 1e-7);
    expect_near(s.mae, 1, 0);
    expect_near(s.mse, 5.0 / 3, 0);
    expect_near(s.rmse, sqrt(5.0 / 3), 0);
    expect_near(s.r2, 1 - 5.0 / 2, 1e-15);
    assert_true(isnan(s.accuracy) && isnan(s.f1) && tp_is_nil(s.confusion));
    s = tp_evaluate(identity(c), tp_dataset_new(c, x, tp_reshape(y, TP_SHAPE(3, 1))),
                    .criterion = tp_l1_criterion(c, .reduction = TP_SUM));
    expect_near(s.loss, 3, 0);
    expect_near(tp_scores_get(&s, "mae"), 1, 0);
}

static tp_tensor *cubic(tp_module *criterion, tp_tensor *x, tp_tensor *target)
{
    (void)criterion;
    tp_tensor *d = tp_sub(x, tp_reshape(target, tp_shape_of(x)));
    return tp_mean(tp_abs(tp_mul(tp_square(d), d)), TP_ALL, false);
}

/* A criterion of our own: scores are what the shapes allow. */
static void test_scores_of_another_criterion(void **state)
{
    tp_context *c = *state;
    tp_module *criterion = tp_criterion_new(c, "cubic", cubic, NULL, 0);
    tp_tensor *x = f32(MATRIX(c, 3, 1, 1, 2, 4));
    tp_scores s = tp_evaluate(identity(c), tp_dataset_new(c, x, VECTOR(c, 1, 3, 2)), .criterion = criterion);
    expect_near(s.loss, 3, 0);
    expect_near(s.mae, 1, 0);
    s = tp_evaluate(identity(c), tp_dataset_new(c, x, i64(VECTOR(c, 1, 0, 2))), .criterion = criterion);
    expect_near(s.loss, 16.0 / 3, 1e-6);
    assert_true(isnan(s.accuracy) && isnan(s.mae) && tp_is_nil(s.confusion));
}

static void test_names(void **state)
{
    (void)state;
    tp_scores s = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, NULL};
    const char *const names[] = {"loss", "accuracy", "precision", "recall", "f1", "mae", "mse", "rmse", "r2"};
    for (int i = 0; i < 9; i++) {
        assert_string_equal(tp_score_name(i), names[i]);
        expect_near(tp_scores_get(&s, names[i]), i + 2, 0);
    }
    assert_null(tp_score_name(9));
    assert_null(tp_score_name(-1));
    assert_true(isnan(tp_scores_get(&s, "acuracy")) && isnan(tp_scores_get(&s, NULL)));
    assert_true(isnan(tp_scores_get(NULL, "loss")));
}

static void test_any_batch_size_gives_the_same(void **state)
{
    tp_context *c = *state;
    tp_dataset *data = three_classes(c, 50, 4, 1);
    tp_module *net = dropout_net(c, 4, 3, TP_F32);
    tp_tensor *whole = tp_predict(net, data, .batch_size = 50);
    tp_scores all = tp_evaluate(net, data, .batch_size = 50);
    assert_int_equal(tp_dtype_of(whole), TP_F32);
    for (int64_t size = 1; size < 60; size += 7) {
        tp_tensor *y = tp_predict(net, data, .batch_size = size);
        assert_memory_equal(tp_data(y), tp_data(whole), 50 * 3 * sizeof(float));
        tp_scores s = tp_evaluate(net, data, .batch_size = size);
        assert_true(s.loss == all.loss && s.f1 == all.f1);
    }
    assert_true(tp_is_training(net) && tp_is_training(tp_child(net, "2"))); /* though nothing was dropped */
    assert_false(tp_has_history(whole));
    assert_int_equal(tp_dtype_of(tp_predict(dropout_net(c, 4, 3, TP_F64), data)), TP_F64);
}

static void test_flags_and_stream_stay(void **state)
{
    tp_context *c = *state;
    tp_dataset *data = three_classes(c, 20, 4, 1);
    tp_module *net = dropout_net(c, 4, 3, TP_F32);
    tp_eval(tp_child(net, "2"));
    tp_set_random_counter(c, 77);
    tp_evaluate(net, data);
    tp_predict(net, data);
    assert_int_equal(tp_random_counter(c), 77);
    assert_true(tp_is_training(net));
    assert_false(tp_is_training(tp_child(net, "2")));
    assert_true(tp_is_nil(tp_grad_of(tp_parameter(net, "0.weight"))));
}

static void test_what_outputs_mean(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = MATRIX(c, 2, 2, 0, log(3), 1, 1);
    expect_values(tp_probabilities(x, NULL), TP_SHAPE(2, 2), 0.25, 0.75, 0.5, 0.5);
    expect_values(tp_probabilities(x, tp_criterion_named(c, "nll")), TP_SHAPE(2, 2), 1, 3, exp(1), exp(1));
    expect_values(tp_probabilities(x, tp_criterion_named(c, "bce_with_logits")), TP_SHAPE(2, 2), 0.5, 0.75,
                  1 / (1 + exp(-1)), 1 / (1 + exp(-1)));
    expect_values(tp_probabilities(x, tp_criterion_named(c, "mse")), TP_SHAPE(2, 2), 0, log(3), 1, 1);
    expect_values(tp_likeliest_classes(x, NULL), TP_SHAPE(2), 1, 0);
    expect_values(tp_likeliest_classes(MATRIX(c, 2, 1, 0, 1), tp_criterion_named(c, "bce_with_logits")),
                  TP_SHAPE(2), 0, 1);
}

static void test_more_outputs_than_classes(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = f32(MATRIX(c, 2, 4, 0, 1, 0, 0, 0, 0, 0, 1));
    tp_scores s = tp_evaluate(identity(c), tp_dataset_new(c, x, i64(VECTOR(c, 1, 0))));
    expect_values(s.confusion, TP_SHAPE(4, 4), 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    expect_near(s.accuracy, 0.5, 0);
}

static void test_predict_without_targets(void **state)
{
    tp_context *c = *state;
    tp_tensor *x = f32(MATRIX(c, 3, 2, 1, 2, 3, 4, 5, 6));
    expect_values(tp_predict(identity(c), tp_dataset_new(c, x, NULL), .batch_size = 2), TP_SHAPE(3, 2), 1, 2,
                  3, 4, 5, 6);
}

/* Gives one more column for a small batch. */
static tp_tensor *ragged_forward(tp_module *m, tp_tensor *x)
{
    (void)m;
    return tp_slice(x, 1, 0, tp_size(x, 0) < 8 ? 4 : 3, 1);
}

static tp_tensor *halves_forward(tp_module *m, tp_tensor *x)
{
    (void)m;
    return tp_reshape(x, TP_SHAPE(-1, 2));
}

#define NO_SCORES(call) assert_true(isnan((call).loss))

static void test_refused(void **state)
{
    tp_context *c = *state;
    tp_dataset *data = three_classes(c, 10, 4, 1), *numbers = line(c, 10, 0, 1);
    tp_module *net = linear_net(c, 4, 3, TP_F32);
    assert_true(tp_is_nil(tp_predict(NULL, data)));
    NO_SCORES(tp_evaluate(NULL, data));
    NO_SCORES(tp_evaluate(net, NULL));
    expect_error(c, TP_ERR_ARGUMENT, "tp_evaluate: argument 'data' is NULL");
    assert_true(tp_is_nil(tp_predict(net, tp_dataset_rows(data, NULL, 0))));
    expect_error(c, TP_ERR_DATA, "the data set is empty");
    assert_true(tp_is_nil(tp_predict(net, data, .batch_size = TP_ZERO)));
    expect_error(c, TP_ERR_ARGUMENT, "takes a batch size of 1 or more, got 0");
    NO_SCORES(tp_evaluate(linear_net(c, 4, 2, TP_F32), data));
    expect_error(c, TP_ERR_SHAPE, "cross_entropy: the net gives [10,2], too few outputs for 3 classes");
    NO_SCORES(tp_evaluate(net, numbers));
    expect_error(c, TP_ERR_SHAPE, "0: affine"); /* of the wrong width */
    NO_SCORES(tp_evaluate(net, data, .criterion = tp_criterion_named(c, "mse")));
    expect_error(c, TP_ERR_DTYPE, "mse: takes numbers, and the targets are indices of 3 classes");
    NO_SCORES(tp_evaluate(net, data, .criterion = tp_criterion_named(c, "bce_with_logits")));
    expect_error(c, TP_ERR_SHAPE, "bce_with_logits: takes 2 classes, and the data has 3");
    NO_SCORES(tp_evaluate(linear_net(c, 2, 3, TP_F32), numbers));
    expect_error(c, TP_ERR_SHAPE, "tp_mse_loss: argument 'target' takes [10,3], got [10]");
    NO_SCORES(tp_evaluate(linear_net(c, 2, 3, TP_F32), numbers,
                          .criterion = tp_criterion_named(c, "cross_entropy")));
    expect_error(c, TP_ERR_SHAPE, "tp_cross_entropy: argument 'target' takes [10,3], got [10]");
    NO_SCORES(tp_evaluate(net, tp_dataset_new(c, tp_zeros(c, TP_SHAPE(3, 4), TP_F32), NULL)));
    expect_error(c, TP_ERR_ARGUMENT, "the data has no targets");
    assert_true(tp_is_nil(tp_predict(tp_module_new(c, "halves", halves_forward, NULL, 0), data)));
    expect_error(c, TP_ERR_SHAPE, "tp_predict: the net gives 20 rows for a batch of 10 samples");
    assert_true(
        tp_is_nil(tp_predict(tp_module_new(c, "ragged", ragged_forward, NULL, 0), data, .batch_size = 8)));
    expect_error(c, TP_ERR_SHAPE, "tp_predict: the net gives one batch in another form than the first");
    tp_tensor *y = i64(VECTOR(c, 0, 1));
    NO_SCORES(tp_evaluate(tp_sequential(c, tp_linear(c, 2, 2)),
                          tp_dataset_new(c, tp_zeros(c, TP_SHAPE(2, 3, 2), TP_F32), y)));
    assert_false(tp_ok(c));
    tp_clear(c);
}

/* Evaluates with the at-th allocation failing; true if one did. */
static bool fail_at(long at, outcome *o)
{
    faulty f;
    tp_context *c = faulty_open(&f, all_after);
    tp_dataset *data = three_classes(c, 7, 4, 1);
    tp_module *net = linear_net(c, 4, 3, TP_F64);
    uint64_t before = bits_of(net);
    faulty_arm(&f, at);
    tp_scores s = tp_evaluate(net, data, .batch_size = 4);
    tp_tensor *y = tp_predict(net, data, .batch_size = 4);
    bool refused = faulty_disarm(&f);
    EXPECT(tp_ok(c) == !refused, "evaluate", at, c);
    EXPECT(tp_ok(c) || (tp_error(c) == TP_ERR_MEMORY && tp_is_nil(y)), "evaluate", at, c);
    tp_clear(c);
    EXPECT(bits_of(net) == before && tp_is_training(net), "evaluate", at, c);
    if (!tp_is_nil(y)) outcome_add(o, y);
    if (!refused) outcome_number(o, s.loss);
    tp_close(c);
    EXPECT(f.books.blocks == 0, "evaluate", at, NULL);
    return refused;
}

static void test_faults(void **state)
{
    (void)state;
    outcome first = {0}, last = {0};
    long at = 1;
    fail_at(0, &first);
    while (fail_at(at, &last)) at++;
    assert_true(outcome_equal(&first, &last));
    assert_true(at > 50);
}

static const struct CMUnitTest tests[] = {
    TEST(test_scores_of_classes),
    TEST(test_scores_of_two_classes),
    TEST(test_scores_of_numbers),
    TEST(test_scores_of_another_criterion),
    TEST(test_names),
    TEST(test_any_batch_size_gives_the_same),
    TEST(test_flags_and_stream_stay),
    TEST(test_what_outputs_mean),
    TEST(test_more_outputs_than_classes),
    TEST(test_predict_without_targets),
    TEST(test_refused),
    FAULT_TESTS(test_faults),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
