/* Trainings that are stopped and go on, in another context, from their checkpoints. */
#include "base/pool.h"

#include "io/files.h"
#include "train/sets.h"

#include "faults.h"

#include <taper/ext.h>

#include <fcntl.h>

enum { EPOCHS = 3, SAMPLES = 117, BATCH = 6, BATCHES = 20 };

/* Nothing here is to outlive the machine, so nothing waits for the disk; to replace a file would. */
int fsync(int fd) { return fd < 0 ? -1 : 0; }

int rename(const char *from, const char *to)
{
    unlink(to);
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* --- the matrix --- */

/* One kind of training. */
typedef struct kind {
    const char *optimizer;
    tp_optimizer_options settings;
    tp_schedule *(*schedule)(tp_optimizer *opt);
    tp_fit_options fit;
    bool validation, f64, group;
    bool wide; /* so much to do that threads share it */
} kind;

static tp_schedule *stepped(tp_optimizer *opt) { return tp_step_lr(opt, 7, .gamma = 0.7); }
static tp_schedule *cosine(tp_optimizer *opt) { return tp_cosine_lr(opt, 60, .eta_min = 1e-4); }
static tp_schedule *one_cycle(tp_optimizer *opt) { return tp_one_cycle_lr(opt, 0.05, 60); }
static tp_schedule *exponential(tp_optimizer *opt) { return tp_exponential_lr(opt, 0.6); }
static tp_schedule *plateau(tp_optimizer *opt)
{
    return tp_plateau_lr(opt, .patience = TP_ZERO, .threshold = 0.2, .factor = 0.5);
}

static const kind kinds[] = {
    {.optimizer = "sgd",
     .settings = {.lr = 0.1, .momentum = 0.9, .nesterov = true},
     .schedule = stepped,
     .fit = {.schedule_every_step = true}},
    {.optimizer = "adam",
     .settings = {.lr = 0.02},
     .schedule = cosine,
     .fit = {.schedule_every_step = true, .accumulate = 3},
     .f64 = true},
    {.optimizer = "adamw",
     .settings = {.amsgrad = true},
     .schedule = one_cycle,
     .fit = {.schedule_every_step = true, .clip_norm = 0.5},
     .group = true},
    {.optimizer = "rmsprop",
     .settings = {.centered = true, .momentum = 0.5},
     .schedule = plateau,
     .fit = {.patience = 9, .seed = 5},
     .validation = true},
    {.optimizer = "adagrad",
     .settings = {.lr_decay = 0.01},
     .schedule = exponential,
     .fit = {.drop_last = true, .prefetch = true}},
    {.optimizer = "sgd",
     .settings = {.lr = 0.5},
     .schedule = plateau,
     .fit = {.schedule_every_step = true, .no_shuffle = true, .clip_value = 0.1}},
    {.optimizer = "adam",
     .settings = {.lr = 0.5},
     .fit = {.patience = 1, .monitor = "accuracy", .min_delta = 0.5}},
    {.optimizer = "sgd",
     .settings = {.momentum = 0.9, .dampening = 0.1},
     .fit = {.accumulate = 7, .initial_epoch = 1}},
    {.optimizer = "adam", .fit = {.accumulate = 2, .prefetch = true}, .wide = true},
};
enum { KINDS = sizeof kinds / sizeof *kinds, WIDE_EVERY = 31 }; /* a wide one is stopped less often */

/* Stops after a batch, counted from 1 over all epochs of this call; 0: never. */
typedef struct stopper {
    int batches, at;
} stopper;

static bool stop(const tp_fit_state *s, void *user)
{
    stopper *p = user;
    assert_null(s->lost);
    assert_int_equal(tp_history_epochs(s->history), s->epoch - s->first_epoch);
    return ++p->batches != p->at;
}

/* What the last on_epoch of all was told. */
static double last_loss;

static bool note(const tp_fit_state *s, void *user)
{
    (void)user;
    assert_int_equal(tp_history_epochs(s->history), s->epoch + 1 - s->first_epoch);
    last_loss = s->loss;
    return true;
}

static void add_history(outcome *o, const tp_history *h)
{
    outcome_number(o, (double)tp_history_epochs(h));
    outcome_number(o, (double)tp_history_best(h));
    for (int64_t i = 0; i < tp_history_epochs(h); i++)
        for (int k = 0; tp_history_name(k); k++) {
            double x = tp_history_get(h, i, tp_history_name(k));
            outcome_number(o, isnan(x) ? NAN : x);
        }
}

static void add_optimizer(outcome *o, tp_optimizer *opt)
{
    outcome_number(o, (double)tp_optimizer_steps(opt));
    outcome_number(o, tp_optimizer_lr(opt));
    outcome_number(o, tp_optimizer_base_lr(opt));
    for (int i = 0; i < tp_optimizer_states(opt); i++) outcome_add(o, tp_optimizer_state_at(opt, i, NULL, 0));
}

/* Trains, stops after so many batches, and says what has come of it. The weights of the start depend on
 * `seed`. */
static outcome train(const kind *k, uint64_t seed, int stop_at, bool resume, bool keeps)
{
    outcome o = {0};
    ledger own;
    ledger_start(&own);
    tp_context *c =
        tp_open(&(tp_options){.allocator = ledger_allocator, .allocator_user = &own, .seed = seed});
    tp_dtype dtype = k->f64 ? TP_F64 : TP_F32;
    int hidden = k->wide ? 1 << 16 : 16;
    tp_module *net = tp_sequential(c, tp_linear(c, 4, hidden, .dtype = dtype), tp_relu_layer(c),
                                   tp_dropout_layer(c, 0.25), tp_linear(c, hidden, 3, .dtype = dtype));
    tp_optimizer *opt = tp_optimizer_named(net, k->optimizer, &k->settings);
    if (k->group) tp_optimizer_group(opt, "*.bias", .lr = 0.01, .weight_decay = TP_ZERO);
    stopper s = {.at = stop_at};
    tp_fit_options fit = k->fit;
    fit.epochs = EPOCHS + fit.initial_epoch;
    fit.batch_size = BATCH;
    fit.schedule = k->schedule ? k->schedule(opt) : NULL;
    fit.validation = k->validation ? three_classes(c, 20, 4, 2) : NULL;
    fit.checkpoint = keeps ? folder : NULL;
    fit.resume = resume;
    fit.on_batch = stop;
    fit.on_epoch = note;
    fit.user = &s;
    tp_history *h = tp_fit_with(net, opt, three_classes(c, SAMPLES, 4, 1), &fit);
    if (!tp_ok(c)) print_error("%s\n", tp_error_text(c));
    outcome_number(&o, (double)(bits_of(net) >> 12));
    outcome_number(&o, (double)tp_random_counter(c));
    outcome_number(&o, (double)tp_random_seed(c));
    add_optimizer(&o, opt);
    if (fit.schedule) outcome_number(&o, tp_schedule_state_of(fit.schedule).best);
    add_history(&o, h);
    outcome_number(&o, last_loss);
    assert_int_equal(tp_close(c), 0);
    assert_int_equal(own.blocks, 0);
    return o;
}

/* Stopped after a batch, then run to the end with another start and as many threads. */
static void stop_and_go_on(int number, int at, int threads, const outcome *whole)
{
    tp_set_threads(3 - threads);
    train(&kinds[number], 3, at, false, true);
    tp_set_threads(threads);
    outcome resumed = train(&kinds[number], 77, 0, true, true);
    if (!outcome_equal(whole, &resumed))
        print_error("kind %d, stopped after batch %d, %d threads\n", number, at, threads);
    assert_true(outcome_equal(whole, &resumed));
    folder_files(remove);
}

/* Stopped after any batch: as if never stopped. */
static void test_every_batch(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        tp_set_threads(1);
        outcome whole = train(&kinds[i], 3, 0, false, false);
        int64_t forks = tp_parallel_forks();
        for (int at = 1; at <= EPOCHS * BATCHES; at += kinds[i].wide ? WIDE_EVERY : 1)
            for (int threads = 1; threads <= 2; threads++) stop_and_go_on(i, at, threads, &whole);
        assert_true(!kinds[i].wide || tp_parallel_forks() > forks);
    }
    tp_set_threads(0);
}

/* Stopped after each batch, sixty times in one training. */
static void test_batch_by_batch(void **state)
{
    (void)state;
    outcome whole = train(&kinds[1], 3, 0, false, false), last = {0};
    for (int i = 0; i <= EPOCHS * BATCHES; i++)
        last = train(&kinds[1], i ? 100 + (uint64_t)i : 3, 1, true, true);
    assert_true(outcome_equal(&whole, &last));
    assert_int_equal(folder_files(NULL), 2);
}

/* --- the files --- */

/* A net of classes with its optimizer, trained in the test's folder. */
typedef struct training {
    tp_module *net;
    tp_optimizer *opt;
    tp_history *history;
} training;

static training fit(tp_context *c, uint64_t seed, const tp_fit_options *options)
{
    training t;
    tp_fit_options o = *options;
    tp_seed(c, seed);
    t.net = dropout_net(c, 4, 3, TP_F32);
    t.opt = tp_adam(t.net, .lr = 0.01);
    tp_exponential_lr(t.opt, 0.9);
    o.batch_size = BATCH;
    if (!o.checkpoint) o.checkpoint = folder;
    t.history = tp_fit_with(t.net, t.opt, three_classes(c, 30, 4, 1), &o);
    return t;
}
#define FIT(c, seed, ...) fit((c), (seed), &(tp_fit_options){__VA_ARGS__})

static const char *const names[] = {"checkpoint-a.safetensors", "checkpoint-b.safetensors"};

/* A number in the metadata of a checkpoint. */
static double number_in(tp_context *c, const char *name, const char *key)
{
    char quoted[64];
    double value = NAN;
    tp_safetensors *f = tp_safetensors_open(c, in_folder(name));
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *text = tp_safetensors_metadata(f, "taper.checkpoint"),
               *at = text ? strstr(text, quoted) : NULL;
    assert_non_null(at);
    assert_true(tp_parse_number(at + strlen(quoted), &value) > 0);
    return value;
}

static bool count(const tp_fit_state *s, void *user)
{
    assert_null(s->lost);
    return ++*(int *)user < 3;
}

static void test_files(void **state)
{
    tp_context *c = *state;
    char made[128];
    snprintf(made, sizeof made, "%s", in_folder("made"));
    put_bytes(in_folder(".taper-1-0.tmp"), "x", 1);
    put_bytes(in_folder(".taper-mine"), "x", 1);
    training t = FIT(c, 1, .epochs = 3, .patience = 2); /* one an epoch, the third is the last */
    assert_true(tp_ok(c));
    assert_int_equal(folder_files(NULL), 3);
    expect_near(number_in(c, names[0], "number"), 2, 0);
    expect_near(number_in(c, names[1], "number"), 1, 0);
    expect_near(number_in(c, names[0], "epoch"), 3, 0);
    expect_near(number_in(c, names[1], "epoch"), 2, 0);
    tp_safetensors *f = tp_safetensors_open(c, in_folder(names[0]));
    tp_tensor *history = tp_safetensors_read(f, "history");
    assert_int_equal(tp_size(history, 0), 3);
    expect_near(tp_get(history, TP_INTS(2, 0)), tp_history_get(t.history, 2, "loss"), 0);
    assert_int_equal(tp_numel(tp_safetensors_read(f, "model.0.weight")), 4 * 16);
    assert_int_equal(tp_numel(tp_safetensors_read(f, "best.0.weight")), 4 * 16);
    assert_int_equal(tp_numel(tp_safetensors_read(f, "optimizer.0.weight.exp_avg")), 4 * 16);
    /* by steps, of which an epoch has five; a finished training is left as it is */
    folder_files(remove);
    FIT(c, 1, .epochs = 2, .checkpoint_every = 4);
    expect_near(number_in(c, names[0], "steps"), 10, 0);
    expect_near(number_in(c, names[1], "steps"), 8, 0);
    expect_near(number_in(c, names[1], "batch"), 3, 0);
    FIT(c, 2, .epochs = 2, .checkpoint_every = 4, .resume = true);
    expect_near(number_in(c, names[0], "number"), 2, 0);
    /* each is told of, and the third asks for an end */
    folder_files(remove);
    int written = 0;
    FIT(c, 1, .epochs = 2, .checkpoint_every = 2, .on_checkpoint = count, .user = &written);
    assert_int_equal(written, 3);
    expect_near(number_in(c, names[0], "steps"), 6, 0);
    /* a folder is made, in one that is there */
    tp_fit(t.net, t.opt, three_classes(c, 30, 4, 1), .epochs = 1, .checkpoint = made);
    assert_true(tp_ok(c));
    assert_true(remove(in_folder("made/checkpoint-a.safetensors")) == 0 && rmdir(made) == 0);
}

/* More epochs than at first; frozen weights, the rate that was set, and a schedule stepped by hand. */
static bool freeze(const tp_fit_state *s, void *user)
{
    (void)user;
    if (s->epoch == 1) tp_optimizer_set_lr(s->optimizer, 0.002);
    if (s->epoch == 1) tp_freeze(tp_child(s->net, "0"), true);
    tp_schedule_step(tp_optimizer_schedule_at(s->optimizer, 0));
    return true;
}

static void test_more_epochs(void **state)
{
    tp_context *c = *state;
    training whole = FIT(c, 1, .epochs = 6, .on_epoch = freeze);
    folder_files(remove);
    FIT(c, 1, .epochs = 4, .on_epoch = freeze);
    training t = FIT(c, 2, .epochs = 6, .on_epoch = freeze, .resume = true);
    assert_int_equal(tp_history_epochs(t.history), 6);
    assert_true(bits_of(t.net) == bits_of(whole.net));
    assert_true(!tp_requires_grad(tp_parameter(t.net, "0.weight")));
}

static void test_refused(void **state)
{
    tp_context *c = *state;
    training t = FIT(c, 1, .epochs = 2, .patience = 9);
    uint64_t before = bits_of(t.net);
#define REFUSED(status, text, ...)                                      \
    do {                                                                \
        assert_true(tp_history_is_nil(FIT(c, 2, __VA_ARGS__).history)); \
        expect_error(c, status, text);                                  \
    } while (0)
    REFUSED(TP_ERR_STATE, "has checkpoints of another training; .resume goes on", .epochs = 2);
    REFUSED(TP_ERR_ARGUMENT, "another 'patience'", .resume = true);
    REFUSED(TP_ERR_ARGUMENT, "another 'seed'", .resume = true, .patience = 9, .seed = 1);
    REFUSED(TP_ERR_ARGUMENT, "another 'drop_last'", .resume = true, .patience = 9, .drop_last = true);
    REFUSED(TP_ERR_ARGUMENT, "another 'clip_norm'", .resume = true, .patience = 9, .clip_norm = 1);
    REFUSED(TP_ERR_ARGUMENT, "another 'monitor'", .resume = true, .patience = 9, .monitor = "f1");
    REFUSED(TP_ERR_ARGUMENT, ".checkpoint_every takes 0 or more", .checkpoint_every = -1);
    REFUSED(TP_ERR_IO, "cannot make the folder", .checkpoint = in_folder("no/folder"));
    REFUSED(TP_ERR_IO, "cannot read the folder", .checkpoint = in_folder(names[0]));
    tp_dataset *data = three_classes(c, 30, 4, 1);
    tp_fit(t.net, t.opt, data, .resume = true);
    expect_error(c, TP_ERR_ARGUMENT, "take a folder .checkpoint");
    tp_fit(t.net, tp_sgd(t.net), data, .batch_size = BATCH, .checkpoint = folder, .resume = true,
           .patience = 9);
    expect_error(c, TP_ERR_ARGUMENT, "another 'optimizer'");
    tp_module *other = dropout_net(c, 4, 5, TP_F32);
    tp_optimizer *opt = tp_adam(other);
    tp_exponential_lr(opt, 0.9);
    tp_fit(other, opt, data, .batch_size = BATCH, .checkpoint = folder, .resume = true, .patience = 9);
    expect_error(c, TP_ERR_DATA, "the checkpoint has no 'model.3.weight' of this shape and dtype");
    assert_true(bits_of(t.net) == before);
}

/* Data with as many samples, but other ones, to train or to validate. */
static void test_other_data(void **state)
{
    tp_context *c = *state;
    tp_dataset *data = three_classes(c, 30, 4, 1), *other = three_classes(c, 30, 4, 2);
    tp_module *net = linear_net(c, 4, 3, TP_F32);
    tp_optimizer *opt = tp_sgd(net);
    tp_fit(net, opt, data, .epochs = 1, .validation = other, .checkpoint = folder);
    uint64_t before = bits_of(net);
    tp_fit(net, opt, other, .epochs = 2, .validation = other, .checkpoint = folder, .resume = true);
    expect_error(c, TP_ERR_ARGUMENT, "the checkpoint is of a training with another 'data'");
    tp_fit(net, opt, data, .epochs = 2, .validation = data, .checkpoint = folder, .resume = true);
    expect_error(c, TP_ERR_ARGUMENT, "the checkpoint is of a training with another 'validation'");
    assert_true(bits_of(net) == before);
    tp_fit(net, opt, three_classes(c, 30, 4, 1), .epochs = 2, .validation = other, .checkpoint = folder,
           .resume = true);
    assert_true(tp_ok(c) && bits_of(net) != before);
}

/* Damages of the newer file: the older one is gone back to. Of both: nothing is done. */
static void test_damage(void **state)
{
    tp_context *c = *state;
    static bytes file;
    tp_dataset *data = line(c, 4, 0, 1);
    tp_module *net = tp_sequential(c, tp_linear(c, 2, 1));
    tp_fit(net, tp_sgd(net, .lr = 0.1), data, .epochs = 2, .checkpoint = folder);
    tp_optimizer *opt = tp_sgd(net, .lr = 0.1);
    get_bytes(in_folder(names[1]), &file);
    uint64_t whole = bits_of(net);
    assert_true(remove(in_folder(names[0])) == 0 && file.n > 1000);
    for (size_t i = 0; i < 2 * file.n; i++) {
        tp_mark scope = tp_open_scope(c);
        bool cut = i >= file.n;
        file.v[i % file.n] ^= (unsigned char)(cut ? 0 : 1 << i % 8);
        put_bytes(in_folder(names[1]), file.v, cut ? i - file.n : file.n);
        assert_true(
            tp_history_is_nil(tp_fit(net, opt, data, .epochs = 2, .checkpoint = folder, .resume = true)));
        expect_error(c, TP_ERR_DATA, "tp_fit: no checkpoint in '");
        file.v[i % file.n] ^= (unsigned char)(cut ? 0 : 1 << i % 8);
        tp_close_scope(c, scope);
    }
    assert_true(bits_of(net) == whole);
}

/* Writes the checkpoint at `path` again, with `to` in place of the first `from` in its numbers or, if they do
 * not have it, for the tensor of that name. */
static void forge(tp_context *c, const char *path, const char *from, const char *to)
{
    enum { MOST = 64 };
    static char numbers[4096];
    tp_named_tensor tensors[MOST];
    tp_safetensors *f = tp_safetensors_open(c, path);
    const char *text = tp_safetensors_metadata(f, "taper.checkpoint"), *at = strstr(text, from);
    int n = tp_safetensors_count(f), length = (int)(at ? at - text : (ptrdiff_t)strlen(text));
    bool found = at != NULL;
    snprintf(numbers, sizeof numbers, "%.*s%s%s", length, text, at ? to : "", at ? at + strlen(from) : "");
    assert_true(n < MOST);
    for (int i = 0; i < n; i++) {
        const char *name = tp_safetensors_name(f, i);
        bool this = strcmp(name, from) == 0;
        tensors[i] = (tp_named_tensor){this ? to : name, tp_safetensors_read(f, name)};
        found = found || this;
    }
    assert_true(found);
    const tp_metadata metadata = {"taper.checkpoint", numbers};
    assert_int_equal(tp_safetensors_save(c, path, tensors, n, &metadata, 1), TP_OK);
}

/* A whole file that no training wrote: nothing of it is put anywhere. */
static void test_forged(void **state)
{
    tp_context *c = *state;
    static const struct {
        const char *from, *to, *part;
    } forged[] = {
        {"\"base_lr\":", "\"base_lr\":-", "base_lr"},
        {"\"steps\":", "\"steps\":-1,\"x\":", "steps"},
        {"\"bad\":", "\"bad\":-1,\"x\":", "schedules"},
        {"\"schedules\":[", "\"schedules\":[0,", "schedules"},
        {"\"frozen\":[", "\"frozen\":[\"0.weight\"", "gradient"},
        {"gradient.0.weight", "gradient.9.weight", "gradient"},
        {"epoch.targets", "epoch.goals", "epoch.outputs"},
    };
    static bytes file;
    int batches = 0;
    FIT(c, 1, .epochs = 2, .accumulate = 4, .on_batch = count, .user = &batches);
    get_bytes(in_folder(names[0]), &file);
    tp_seed(c, 2);
    uint64_t fresh = bits_of(dropout_net(c, 4, 3, TP_F32));
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        char text[128];
        put_bytes(in_folder(names[0]), file.v, file.n);
        forge(c, in_folder(names[0]), forged[i].from, forged[i].to);
        training t = FIT(c, 2, .epochs = 2, .accumulate = 4, .resume = true);
        snprintf(text, sizeof text, "in the checkpoint '%s' is not as it should be", forged[i].part);
        expect_error(c, TP_ERR_DATA, text);
        assert_true(bits_of(t.net) == fresh);
        expect_near(tp_optimizer_lr(t.opt), 0.01, 0);
    }
}

static void test_older_one(void **state)
{
    tp_context *c = *state;
    static bytes file;
    char text[512] = "";
    training whole = FIT(c, 1, .epochs = 4);
    get_bytes(in_folder(names[1]), &file);
    for (size_t at = 100; at < file.n; at += file.n - 200) { /* in the header and in a tensor */
        file.v[at]++;
        put_bytes(in_folder(names[1]), file.v, file.n);
        file.v[at]--;
        FILE *log = tmpfile();
        training t = FIT(c, 2, .epochs = 4, .resume = true, .log = log);
        assert_true(bits_of(t.net) == bits_of(whole.net));
        rewind(log);
        assert_true(fread(text, 1, sizeof text - 1, log) > 0);
        fclose(log);
        assert_memory_equal(text, "checkpoint passed over: ", 24);
        assert_non_null(strstr(text, "checkpoint-b"));
        expect_near(number_in(c, names[1], "number"), 3, 0);
    }
}

/* --- what is not finite --- */

/* Puts the second batch's weights beyond all numbers. */
static bool spoil(const tp_fit_state *s, void *user)
{
    int *lost = user;
    if (s->lost) assert_string_equal(s->lost, "the parameter 0.bias is not finite");
    *lost += s->lost != NULL;
    if (s->batch != 2) return true;
    tp_context *c = tp_context_of(tp_parameter(s->net, "0.bias"));
    tp_mark scope = tp_open_no_grad(c);
    tp_init_constant(tp_stop_grad(tp_parameter(s->net, "0.bias")), -INFINITY); /* which the ReLU hides */
    tp_close_scope(c, scope);
    return true;
}

static void test_keeps_the_last_finite_one(void **state)
{
    tp_context *c = *state;
    int lost = 0;
    tp_module *net = tp_sequential(c, tp_linear(c, 4, 3), tp_relu_layer(c));
    tp_optimizer *opt = tp_sgd(net);
    tp_dataset *data = three_classes(c, 30, 4, 1);
    tp_fit(net, opt, data, .batch_size = BATCH, .checkpoint = folder, .checkpoint_every = 1,
           .on_batch = spoil, .user = &lost, .epochs = 1);
    assert_true(tp_ok(c) && lost == 3);
    assert_int_equal(folder_files(NULL), 1);
    expect_near(number_in(c, names[0], "batch"), 1, 0);
    folder_files(remove);
    tp_module *steep = tp_sequential(c, tp_linear(c, 2, 1));
    assert_true(tp_history_is_nil(tp_fit(steep, tp_sgd(steep, .lr = 1e12), line(c, 20, 0, 1), .batch_size = 4,
                                         .checkpoint = folder, .checkpoint_every = 1)));
    expect_error(c, TP_ERR_DIVERGED, " is not finite in batch ");
    int files = folder_files(NULL);
    assert_true(files > 0);
    for (int i = 0; i < files; i++) {
        tp_safetensors *f = tp_safetensors_open(c, in_folder(names[i]));
        assert_true(
            isfinite(tp_item(tp_norm(tp_safetensors_read(f, "model.0.weight"), INFINITY, TP_ALL, false))));
    }
}

static const struct CMUnitTest tests[] = {
    FILE_TEST(test_every_batch), FILE_TEST(test_batch_by_batch),
    FILE_TEST(test_files),       FILE_TEST(test_more_epochs),
    FILE_TEST(test_refused),     FILE_TEST(test_other_data),
    FILE_TEST(test_damage),      FILE_TEST(test_forged),
    FILE_TEST(test_older_one),   FILE_TEST(test_keeps_the_last_finite_one),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
