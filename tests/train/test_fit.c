#include "train/sets.h"

#include "faults.h"

/* What a training leaves: the bits of the weights, and its history. */
typedef struct result {
    uint64_t bits;
    tp_history *history;
} result;

/* A new net of the same weights each time, trained on the same data. */
static result fit(tp_context *c, const tp_fit_options *options, tp_dtype dtype)
{
    tp_seed(c, 3);
    tp_module *net = dropout_net(c, 4, 3, dtype);
    tp_optimizer *opt = tp_adam(net, .lr = 0.01);
    tp_history *history = tp_fit_with(net, opt, three_classes(c, 50, 4, 1), options);
    return (result){bits_of(net), history};
}
#define FIT(c, ...) fit((c), &(tp_fit_options){__VA_ARGS__}, TP_F32)

/* The same, written out. */
static uint64_t by_hand(tp_context *c, int epochs, bool clip)
{
    tp_seed(c, 3);
    tp_module *net = dropout_net(c, 4, 3, TP_F32);
    tp_optimizer *opt = tp_adam(net, .lr = 0.01);
    tp_loader *loader =
        tp_loader_new(three_classes(c, 50, 4, 1), .batch_size = 8, .shuffle = true, .seed = 7);
    uint64_t batch = 0;
    for (int epoch = 0; epoch < epochs; epoch++)
        for (tp_batch b; tp_loader_next(loader, &b); batch++) {
            tp_mark scope = tp_open_scope(c);
            tp_set_random_counter(c, batch << 24);
            tp_backward(tp_cross_entropy(tp_forward(net, b.x), b.y));
            if (clip) tp_clip_grad_value(net, 0.1);
            if (clip) tp_clip_grad_norm(net, 0.2);
            tp_optimizer_step(opt);
            tp_close_scope(c, scope);
        }
    return bits_of(net);
}

static void test_as_a_loop_by_hand(void **state)
{
    tp_context *c = *state;
    result r = FIT(c, .epochs = 3, .batch_size = 8, .seed = 7);
    assert_true(r.bits == by_hand(c, 3, false));
    assert_int_equal(tp_history_epochs(r.history), 3);
    result clipped = FIT(c, .epochs = 3, .batch_size = 8, .seed = 7, .clip_value = 0.1, .clip_norm = 0.2);
    assert_true(clipped.bits == by_hand(c, 3, true));
    assert_true(clipped.bits != r.bits);
}

static void test_same_bits_each_time(void **state)
{
    tp_context *c = *state;
    result a = FIT(c, .epochs = 3), b = FIT(c, .epochs = 3);
    assert_true(a.bits == b.bits);
    for (int i = 0; tp_history_name(i); i++)
        expect_near(tp_history_get(a.history, 2, tp_history_name(i)),
                    tp_history_get(b.history, 2, tp_history_name(i)), 0);
    assert_true(FIT(c, .epochs = 3, .seed = 1).bits != a.bits);
    assert_true(FIT(c, .epochs = 3, .no_shuffle = true).bits != a.bits);
    assert_true(FIT(c, .epochs = 3, .prefetch = true).bits == a.bits);
    /* looking does not disturb */
    result watched = FIT(c, .epochs = 3, .validation = three_classes(c, 30, 4, 2), .log = tmpfile());
    assert_true(watched.bits == a.bits);
    expect_near(tp_history_get(watched.history, 2, "loss"), tp_history_get(a.history, 2, "loss"), 0);
}

static bool count_samples(const tp_fit_state *s, void *user)
{
    *(int64_t *)user += s->train->n;
    return true;
}

static void test_drops_the_last_batch(void **state)
{
    tp_context *c = *state;
    int64_t samples = 0;
    result whole = FIT(c, .epochs = 2, .batch_size = 16, .on_epoch = count_samples, .user = &samples);
    assert_int_equal(samples, 2 * 50);
    samples = 0;
    result full =
        FIT(c, .epochs = 2, .batch_size = 16, .drop_last = true, .on_epoch = count_samples, .user = &samples);
    assert_int_equal(samples, 2 * 48);
    assert_true(whole.bits != full.bits);
}

/* A net in evaluation, and with gradients left over. */
static void test_starts_afresh(void **state)
{
    tp_context *c = *state;
    tp_seed(c, 3);
    tp_module *net = dropout_net(c, 4, 3, TP_F32);
    tp_optimizer *opt = tp_adam(net, .lr = 0.01);
    tp_eval(net);
    tp_backward(tp_sum(tp_forward(net, tp_ones(c, TP_SHAPE(2, 4), TP_F32)), TP_ALL, false));
    tp_fit(net, opt, three_classes(c, 50, 4, 1), .epochs = 2);
    assert_true(tp_is_training(net));
    assert_true(bits_of(net) == FIT(c, .epochs = 2).bits);
}

static void test_goes_on_from_an_epoch(void **state)
{
    tp_context *c = *state;
    result whole = FIT(c, .epochs = 4);
    tp_seed(c, 3);
    tp_module *net = dropout_net(c, 4, 3, TP_F32);
    tp_optimizer *opt = tp_adam(net, .lr = 0.01);
    tp_dataset *data = three_classes(c, 50, 4, 1);
    tp_fit(net, opt, data, .epochs = 3);
    tp_history *last = tp_fit(net, opt, data, .initial_epoch = 3, .epochs = 4);
    assert_true(bits_of(net) == whole.bits);
    assert_int_equal(tp_history_epochs(last), 1);
    expect_near(tp_history_get(last, 0, "loss"), tp_history_get(whole.history, 3, "loss"), 0);
    tp_history *none = tp_fit(net, opt, data, .epochs = TP_ZERO);
    assert_true(tp_history_epochs(none) == 0 && tp_history_best(none) == -1);
    assert_true(bits_of(net) == whole.bits);
}

static void test_history(void **state)
{
    tp_context *c = *state;
    tp_dataset *data = three_classes(c, 50, 4, 1), *held_out = three_classes(c, 30, 4, 2);
    tp_module *net = linear_net(c, 4, 3, TP_F32);
    tp_history *h = tp_fit(net, tp_adam(net, .lr = 0.02), data, .epochs = 20, .validation = held_out);
    tp_scores s = tp_evaluate(net, held_out);
    assert_int_equal(tp_history_epochs(h), 20);
    expect_near(tp_history_get(h, 19, "val_loss"), s.loss, 0);
    expect_near(tp_history_get(h, 19, "val_accuracy"), s.accuracy, 0);
    expect_near(tp_history_get(h, 19, "lr"), 0.02, 0);
    assert_true(s.accuracy > 0.8);
    assert_true(tp_history_get(h, 19, "accuracy") > tp_history_get(h, 0, "accuracy"));
    assert_true(tp_history_get(h, 19, "loss") < tp_history_get(h, 0, "loss"));
    assert_true(isnan(tp_history_get(h, 19, "val_r2")) && isnan(tp_history_get(h, 20, "loss")));
    assert_true(isnan(tp_history_get(h, -1, "loss")) && isnan(tp_history_get(h, 0, "los")));
    assert_true(isnan(tp_history_get(NULL, 0, "loss")) && tp_history_best(NULL) == -1);
    assert_true(tp_history_best(h) >= 0);
    double best = tp_history_get(h, tp_history_best(h), "val_loss");
    for (int i = 0; i < 20; i++) assert_true(tp_history_get(h, i, "val_loss") >= best);
}

/* The loss of an epoch is the mean over its samples, the scores those of the outputs seen. */
static void test_scores_while_training(void **state)
{
    tp_context *c = *state;
    tp_dataset *data = line(c, 10, 2, 1);
    tp_module *net = tp_sequential(c, tp_linear(c, 2, 2, .dtype = TP_F64));
    tp_scores before = tp_evaluate(net, data);
    tp_history *h = tp_fit(net, tp_sgd(net, .lr = TP_ZERO), data, .epochs = 1, .batch_size = 4);
    expect_near(tp_history_get(h, 0, "loss"), before.loss, 1e-14);
    expect_near(tp_history_get(h, 0, "mae"), before.mae, 1e-14);
    expect_near(tp_history_get(h, 0, "r2"), before.r2, 1e-13);
    assert_true(isnan(tp_history_get(h, 0, "accuracy")) && isnan(tp_history_get(h, 0, "val_loss")));
    h = tp_fit(net, tp_sgd(net, .lr = 0.5), data, .epochs = 60, .batch_size = 5);
    assert_true(tp_history_get(h, 59, "r2") > 0.999);
}

static void test_batches_of_one_step(void **state)
{
    tp_context *c = *state;
    tp_dataset *data = three_classes(c, 50, 4, 1);
    tp_module *net[2];
    tp_history *h[2];
    for (int i = 0; i < 2; i++) { /* steps of 16, 16, 16 and 2 samples */
        tp_seed(c, 3);
        net[i] = linear_net(c, 4, 3, TP_F64);
        tp_optimizer *opt = tp_sgd(net[i], .lr = 0.1, .momentum = 0.9);
        h[i] = tp_fit(net[i], opt, data, .epochs = 5, .batch_size = i ? 4 : 16, .accumulate = i ? 4 : 1);
        assert_int_equal(tp_optimizer_steps(opt), 5 * 4);
    }
    expect_near(tp_history_get(h[0], 4, "loss"), tp_history_get(h[1], 4, "loss"), 1e-12);
    for (int k = 0; k < tp_parameters(net[0]); k++) {
        double a[64], b[64];
        int64_t n = tp_numel(tp_parameter_at(net[0], k, NULL, 0));
        tp_read_doubles(tp_parameter_at(net[0], k, NULL, 0), a, n);
        tp_read_doubles(tp_parameter_at(net[1], k, NULL, 0), b, n);
        for (int64_t i = 0; i < n; i++) expect_near(a[i], b[i], 1e-12);
    }
}

/* What on_epoch and on_batch have seen. */
typedef struct watcher {
    int batches, epochs, stop_batch, stop_epoch; /* 0: never */
    int spoil;                                   /* the weights after this epoch */
    uint64_t bits[32];                           /* after each epoch, or batch */
    bool best[32];
    double loss;
} watcher;

static bool watch_epoch(const tp_fit_state *s, void *user)
{
    watcher *w = user;
    assert_int_equal(s->epoch, w->epochs);
    assert_int_equal(s->batch, s->batches);
    assert_non_null(s->train);
    assert_true(s->train->n == 50 && tp_size(s->train->confusion, 0) == 3);
    w->best[w->epochs] = s->best;
    w->bits[w->epochs++] = bits_of(s->net);
    tp_mark scope = tp_open_no_grad(tp_context_of(s->train->confusion));
    if (w->spoil == w->epochs) tp_init_constant(tp_parameter(s->net, "3.weight"), 9);
    tp_close_scope(tp_context_of(s->train->confusion), scope);
    return w->epochs != w->stop_epoch;
}

static bool watch_batch(const tp_fit_state *s, void *user)
{
    watcher *w = user;
    assert_true(s->train == NULL && s->batch >= 1 && s->batch <= s->batches);
    assert_true(isfinite(s->loss) && s->lr == 0.01 && s->epochs >= s->epoch);
    w->bits[w->batches++ % 32] = bits_of(s->net);
    return w->batches != w->stop_batch;
}

static void test_callbacks(void **state)
{
    tp_context *c = *state;
    watcher w = {0};
    result r = FIT(c, .epochs = 3, .on_batch = watch_batch, .user = &w);
    assert_int_equal(w.batches, 3 * 2);
    assert_true(w.bits[5] == r.bits && w.bits[4] != r.bits);
    w = (watcher){.stop_batch = 3};
    r = FIT(c, .epochs = 3, .on_batch = watch_batch, .user = &w);
    assert_int_equal(w.batches, 3);
    assert_int_equal(tp_history_epochs(r.history), 1); /* an epoch broken off is not written down */
    w = (watcher){.stop_epoch = 2};
    r = FIT(c, .epochs = 3, .on_epoch = watch_epoch, .user = &w);
    assert_int_equal(w.epochs, 2);
    assert_int_equal(tp_history_epochs(r.history), 2);
    assert_true(r.bits == w.bits[1]);
}

static void test_stops_early_with_the_best_weights(void **state)
{
    tp_context *c = *state;
    watcher w = {.spoil = 4};
    result r = FIT(c, .epochs = 20, .validation = three_classes(c, 30, 4, 2), .patience = 3,
                   .on_epoch = watch_epoch, .user = &w);
    assert_int_equal(tp_history_best(r.history), 3);
    assert_int_equal(w.epochs, 4 + 3);
    assert_true(r.bits == w.bits[3]);
    assert_true(w.best[3] && !w.best[4]);
    /* a larger score is better; the first of equal ones counts */
    w = (watcher){.spoil = 4};
    r = FIT(c, .epochs = 10, .monitor = "accuracy", .patience = 2, .on_epoch = watch_epoch, .user = &w);
    int64_t best = tp_history_best(r.history);
    assert_true(r.bits == w.bits[best]);
    for (int64_t i = 0; i < tp_history_epochs(r.history); i++)
        assert_true(tp_history_get(r.history, i, "accuracy") <= tp_history_get(r.history, best, "accuracy"));
    /* what is not better by min_delta is no better */
    r = FIT(c, .epochs = 10, .patience = 2, .min_delta = 100);
    assert_int_equal(tp_history_best(r.history), 0);
    assert_int_equal(tp_history_epochs(r.history), 3);
    /* the best weights also without an early stop */
    w = (watcher){.spoil = 4};
    r = FIT(c, .epochs = 5, .patience = 9, .on_epoch = watch_epoch, .user = &w);
    assert_true(r.bits == w.bits[3]);
}

static void test_schedules(void **state)
{
    tp_context *c = *state;
    tp_dataset *data = three_classes(c, 50, 4, 1);
    tp_module *net = linear_net(c, 4, 3, TP_F32);
    tp_optimizer *opt = tp_sgd(net, .lr = 0.4);
    tp_history *h = tp_fit(net, opt, data, .epochs = 3, .schedule = tp_exponential_lr(opt, 0.5));
    expect_near(tp_history_get(h, 0, "lr"), 0.4, 0);
    expect_near(tp_history_get(h, 2, "lr"), 0.1, 1e-15);
    opt = tp_sgd(net, .lr = 0.4);
    h = tp_fit(net, opt, data, .epochs = 2, .schedule = tp_exponential_lr(opt, 0.5),
               .schedule_every_step = true);
    expect_near(tp_history_get(h, 1, "lr"), 0.1, 1e-15);
    opt = tp_sgd(net, .lr = 0.4); /* whose loss is never a thousandth of the first */
    h = tp_fit(net, opt, data, .epochs = 5,
               .schedule = tp_plateau_lr(opt, .patience = 1, .threshold = 0.999));
    expect_near(tp_history_get(h, 2, "lr"), 0.4, 0);
    expect_near(tp_history_get(h, 3, "lr"), 0.04, 1e-15);
}

static tp_tensor *root_forward(tp_module *m, tp_tensor *x)
{
    return tp_sqrt(tp_abs(tp_mul(x, tp_parameter(m, "w"))));
}

static void test_diverging(void **state)
{
    tp_context *c = *state;
    tp_dataset *data = line(c, 20, 0, 1);
    tp_module *net = tp_sequential(c, tp_linear(c, 2, 1));
    tp_optimizer *opt = tp_sgd(net, .lr = 1e12);
    assert_true(tp_history_is_nil(tp_fit(net, opt, data, .epochs = 9, .batch_size = 4)));
    expect_error(c, TP_ERR_DIVERGED, " is not finite in batch ");
    for (int i = 0; i < 2; i++) {
        tp_tensor *t = tp_parameter_at(net, i, NULL, 0);
        assert_true(tp_item(tp_all(tp_isfinite(t), TP_ALL, false)) == 1);
        assert_true(tp_is_nil(tp_grad_of(t)));
    }
    /* the first thing that is not finite is named */
    float x[4] = {1, 2, NAN, 4};
    tp_dataset *bad = tp_dataset_new(c, tp_from_array(c, TP_SHAPE(2, 2), TP_F32, x), VECTOR(c, 1, 2));
    uint64_t before = bits_of(net);
    tp_fit(net, opt, bad);
    expect_error(c, TP_ERR_DIVERGED, "tp_fit: the data is not finite in batch 1 of epoch 1");
    tp_fit(net, opt, tp_dataset_new(c, tp_ones(c, TP_SHAPE(2, 2), TP_F32), VECTOR(c, 1, INFINITY)));
    expect_error(c, TP_ERR_DIVERGED, "tp_fit: the target is not finite in batch 1 of epoch 1");
    assert_true(bits_of(net) == before);
    tp_module *root = tp_module_new(c, "root", root_forward, NULL, 0);
    tp_module_add_parameter(root, "w", tp_ones(c, TP_SHAPE(1), TP_F32));
    tp_fit(root, tp_sgd(root), tp_dataset_new(c, tp_zeros(c, TP_SHAPE(2, 1), TP_F32), VECTOR(c, 1, 1)));
    expect_error(c, TP_ERR_DIVERGED, "tp_fit: the gradient of w is not finite in batch 1 of epoch 1");
    assert_true(tp_item(tp_parameter(root, "w")) == 1 && tp_is_nil(tp_grad_of(tp_parameter(root, "w"))));
    tp_module *deep = linear_net(c, 2, 1, TP_F32);
    tp_init_constant(tp_parameter(deep, "2.weight"), 3e38);
    tp_fit(deep, tp_sgd(deep), data);
    expect_error(c, TP_ERR_DIVERGED, "the output of layer 2 (linear) is not finite in batch 1 of epoch 1");
    tp_init_constant(tp_parameter(net, "0.bias"), INFINITY);
    tp_fit(net, opt, data);
    expect_error(c, TP_ERR_DIVERGED, "tp_fit: the parameter 0.bias is not finite in batch 1 of epoch 1");
}

static void test_refused(void **state)
{
    tp_context *c = *state;
    tp_dataset *data = three_classes(c, 10, 4, 1), *none = tp_dataset_rows(data, NULL, 0);
    tp_module *net = linear_net(c, 4, 3, TP_F32);
    tp_optimizer *opt = tp_sgd(net);
    uint64_t before = bits_of(net);
#define REFUSED(status, text, ...)                                           \
    do {                                                                     \
        assert_true(tp_history_is_nil(tp_fit(net, opt, data, __VA_ARGS__))); \
        expect_error(c, status, text);                                       \
    } while (0)
    REFUSED(TP_ERR_ARGUMENT, "takes a batch size of 1 or more, got 0", .batch_size = TP_ZERO);
    REFUSED(TP_ERR_ARGUMENT, "takes .epochs of 0 or more", .epochs = -1);
    REFUSED(TP_ERR_ARGUMENT, ".initial_epoch up to that", .initial_epoch = 11);
    REFUSED(TP_ERR_ARGUMENT, ".accumulate takes 1 or more", .accumulate = TP_ZERO);
    REFUSED(TP_ERR_ARGUMENT, ".clip_norm and .clip_value take", .clip_norm = -1);
    REFUSED(TP_ERR_ARGUMENT, ".clip_norm and .clip_value take", .clip_value = NAN);
    REFUSED(TP_ERR_ARGUMENT, ".patience and .min_delta take", .patience = -1);
    REFUSED(TP_ERR_ARGUMENT, "there is no 'acuracy' to monitor; the nearest is 'accuracy'",
            .monitor = "acuracy");
    REFUSED(TP_ERR_ARGUMENT, "to monitor 'val_f1' takes .validation", .monitor = "val_f1");
    REFUSED(TP_ERR_ARGUMENT, "this training has no r2 to monitor", .monitor = "r2", .no_shuffle = true);
    REFUSED(TP_ERR_DATA, "tp_fit: the validation data is empty", .validation = none);
    REFUSED(TP_ERR_DTYPE, "mse: takes numbers", .criterion = tp_criterion_named(c, "mse"));
    REFUSED(TP_ERR_ARGUMENT, "tp_fit: argument 'criterion' is nil", .criterion = tp_nil_module(c));
    REFUSED(TP_ERR_SHAPE,
            "tp_fit: the criterion gives 10 losses, not one: its reduction has to be mean or sum",
            .criterion = tp_criterion_named(c, "cross_entropy reduction=none"));
    before = bits_of(net); /* "r2" was missed after an epoch */
    assert_true(tp_history_is_nil(tp_fit(net, opt, none)));
    expect_error(c, TP_ERR_DATA, "the data set is empty");
    assert_true(tp_history_is_nil(tp_fit(net, opt, line(c, 10, 0, 1))));
    expect_error(c, TP_ERR_SHAPE, "0: affine");
    assert_true(tp_history_is_nil(tp_fit(net, NULL, data)));
    expect_error(c, TP_ERR_ARGUMENT, "tp_fit: argument 'optimizer' is NULL");
    assert_true(tp_history_is_nil(tp_fit(NULL, opt, data)));
    tp_module *small = linear_net(c, 4, 2, TP_F32);
    tp_fit(small, tp_sgd(small), data);
    expect_error(c, TP_ERR_SHAPE, "cross_entropy: the net gives [10,2], too few outputs for 3 classes");
    assert_true(bits_of(net) == before);
}

/* An epoch of two steps with the at-th allocation failing: the weights stand before or after a step. */
static bool fail_at(long at, const uint64_t *allowed, outcome *o)
{
    faulty f;
    tp_context *c = faulty_open(&f, all_after);
    tp_dataset *data = three_classes(c, 7, 4, 1);
    tp_module *net = linear_net(c, 4, 3, TP_F64);
    tp_optimizer *opt = tp_sgd(net, .lr = 0.1);
    faulty_arm(&f, at);
    tp_history *h = tp_fit(net, opt, data, .epochs = 1, .batch_size = 4, .validation = data, .patience = 1);
    bool refused = faulty_disarm(&f);
    EXPECT(tp_ok(c) == !refused, "fit", at, c);
    EXPECT(tp_ok(c) || (tp_error(c) == TP_ERR_MEMORY && tp_history_is_nil(h)), "fit", at, c);
    tp_clear(c);
    uint64_t bits = bits_of(net);
    EXPECT(!allowed || bits == allowed[0] || bits == allowed[1] || bits == allowed[2], "fit", at, c);
    outcome_number(o, (double)(bits >> 12));
    outcome_number(o, tp_history_get(h, 0, "val_loss"));
    tp_close(c);
    EXPECT(f.books.blocks == 0, "fit", at, NULL);
    return refused;
}

static void test_faults(void **state)
{
    tp_context *c = *state;
    tp_dataset *data = three_classes(c, 7, 4, 1);
    uint64_t allowed[3];
    for (int steps = 0; steps < 3; steps++) {
        tp_seed(c, 0);
        tp_module *net = linear_net(c, 4, 3, TP_F64);
        tp_optimizer *opt = tp_sgd(net, .lr = 0.1);
        tp_loader *loader = tp_loader_new(data, .batch_size = 4, .shuffle = true, .dtype = TP_F64);
        for (tp_batch b; tp_loader_position(loader) < steps && tp_loader_next(loader, &b);) {
            tp_backward(tp_cross_entropy(tp_forward(net, b.x), b.y));
            tp_optimizer_step(opt);
        }
        allowed[steps] = bits_of(net);
    }
    outcome first = {0}, last = {0};
    fail_at(0, allowed, &first);
    long at = 1;
    while (last = (outcome){0}, fail_at(at, allowed, &last)) at++;
    assert_true(outcome_equal(&first, &last));
    assert_true(at > 100);
}

static const struct CMUnitTest tests[] = {
    TEST(test_as_a_loop_by_hand),
    TEST(test_same_bits_each_time),
    TEST(test_drops_the_last_batch),
    TEST(test_starts_afresh),
    TEST(test_goes_on_from_an_epoch),
    TEST(test_history),
    TEST(test_scores_while_training),
    TEST(test_batches_of_one_step),
    TEST(test_callbacks),
    TEST(test_stops_early_with_the_best_weights),
    TEST(test_schedules),
    TEST(test_diverging),
    TEST(test_refused),
    FAULT_TESTS(test_faults),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
