/* train.c - `taper train`: a net trained on data, and the folder of the run. */
#include "cli.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A training, as it is put together. */
typedef struct training {
    tp_context *c;
    const cli_args *args;
    const char *folder;                    /* of the run; NULL: none is kept */
    tp_dataset *train, *validation, *test; /* NULL: none */
    tp_module *net, *criterion;
    tp_optimizer *optimizer;
    double started; /* the epoch, in seconds */
    bool failed;    /* to write a file of the run */
} training;

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t seed_of(const cli_args *args) { return (uint64_t)cli_integer(args, "--seed"); }

/* --- data -------------------------------------------------------------------------------------- */

/* What the targets have to be for a criterion, NULL if none was asked for. */
static tp_target_kind kind_for(const tp_module *criterion)
{
    if (!criterion) return TP_TARGET_FOUND;
    static const char *const classes[] = {"cross_entropy", "nll", "bce_with_logits", "binary_cross_entropy"};
    for (int i = 0; i < 4; i++)
        if (strcmp(tp_module_kind(criterion), classes[i]) == 0) return TP_TARGET_CLASSES;
    return TP_TARGET_NUMBERS;
}

/* Opens, splits and scales; false after a failure. */
static bool open_data(training *t)
{
    const cli_args *args = t->args;
    t->train = cli_open_data(t->c, args, "train", kind_for(t->criterion), NULL);
    bool classes = tp_dataset_classes(t->train) > 0;
    if (!t->criterion) t->criterion = tp_criterion_named(t->c, classes ? "cross_entropy" : "mse");
    if (!cli_given(args, "--split") && !cli_data_is_file(cli_text(args, "--data")))
        t->test = cli_open_data(t->c, args, "test", kind_for(t->criterion), t->train);
    double fraction = cli_number(args, "--val");
    if (fraction > 0 && tp_ok(t->c))
        tp_dataset_split(t->train, fraction, &t->train, &t->validation, .seed = seed_of(args),
                         .stratify = classes);
    tp_dataset_scale(t->train, (tp_scaling)cli_choice(args, "--scaling"));
    if (t->validation) tp_dataset_scale_like(t->validation, t->train);
    if (t->test) tp_dataset_scale_like(t->test, t->train);
    return tp_ok(t->c);
}

static void say_data(const training *t)
{
    fprintf(stderr, "%lld samples to train", (long long)tp_dataset_size(t->train));
    if (t->validation) fprintf(stderr, ", %lld to validate", (long long)tp_dataset_size(t->validation));
    if (t->test) fprintf(stderr, ", %lld to test at the end", (long long)tp_dataset_size(t->test));
    fputc('\n', stderr);
}

/* --- net and optimizer ------------------------------------------------------------------------- */

static tp_dtype dtype_of(const cli_args *args)
{
    return strcmp(cli_text(args, "--dtype"), "f64") == 0 ? TP_F64 : TP_F32;
}

/* Outputs for one sample. */
static int64_t outputs_of(tp_module *net, tp_dataset *data)
{
    tp_context *c = tp_dataset_context(data);
    tp_mark scope = tp_open_no_grad(c);
    int64_t first = 0;
    tp_tensor *y = tp_predict(net, tp_dataset_rows(data, &first, 1));
    int64_t n = tp_rank(y) == 2 ? tp_size(y, 1) : tp_numel(y);
    tp_close_scope(c, scope);
    return n;
}

static int make_net(training *t)
{
    tp_seed(t->c, seed_of(t->args));
    tp_shape input = tp_dataset_sample_shape(t->train);
    t->net = tp_net(t->c, cli_text(t->args, "--net"), input, .dtype = dtype_of(t->args));
    int64_t have = outputs_of(t->net, t->train), want = tp_dataset_classes(t->train);
    if (!tp_ok(t->c)) return cli_failed(t->c, CLI_USAGE);
    const char *loss = tp_module_kind(t->criterion);
    bool binary = strncmp(loss, "b", 1) == 0;
    if (want == 0 || binary) want = 1;
    if (have == want) return CLI_OK;
    return cli_usage(t->args, "the net gives %lld outputs, and %s of %d classes takes %lld", (long long)have,
                     loss, tp_dataset_classes(t->train), (long long)want);
}

/* A number as an option: 0 where the flag was not given, TP_ZERO for a literal 0. */
static double option(const cli_args *args, const char *flag)
{
    double value = cli_number(args, flag);
    return cli_given(args, flag) && value == 0 ? TP_ZERO : value;
}

static int make_optimizer(training *t)
{
    const cli_args *args = t->args;
    tp_optimizer_options o = {.struct_size = sizeof o,
                              .lr = option(args, "--lr"),
                              .momentum = option(args, "--momentum"),
                              .weight_decay = option(args, "--weight-decay")};
    t->optimizer = tp_optimizer_named(t->net, cli_text(args, "--optim"), &o);
    return tp_ok(t->c) ? CLI_OK : cli_failed(t->c, CLI_USAGE);
}

/* Writes the net as it is to a file of the run; false after saying why not. */
static bool save(const training *t, const char *file)
{
    const char *path = cli_run_path(t->folder, file);
    if (tp_model_save(t->net, path, .data = t->train, .criterion = t->criterion) == TP_OK) return true;
    cli_failed(t->c, CLI_FAILED);
    return false;
}

/* --- while it runs ----------------------------------------------------------------------------- */

static bool on_batch(const tp_fit_state *state, void *user)
{
    (void)state, (void)user;
    return !interrupted;
}

/* The scores of an epoch, those of the validation part with "val_" in front. */
static json_t *history_line(const tp_fit_state *state)
{
    json_t *line = json_pack("{s:I, s:f}", "epoch", (json_int_t)state->epoch + 1, "lr", state->lr);
    for (int part = 0; part < 2; part++) {
        const tp_scores *scores = part ? state->validation : state->train;
        for (int i = 0; scores && tp_score_name(i); i++) {
            char name[40];
            snprintf(name, sizeof name, "%s%s", part ? "val_" : "", tp_score_name(i));
            double value = tp_scores_get(scores, tp_score_name(i));
            if (isfinite(value)) json_object_set_new(line, name, json_real(value));
        }
    }
    return line;
}

static bool on_epoch(const tp_fit_state *state, void *user)
{
    training *t = user;
    double now = seconds();
    json_t *time =
        json_pack("{s:I, s:f}", "epoch", (json_int_t)state->epoch + 1, "seconds", now - t->started);
    t->failed = !cli_run_append(t->folder, "history.jsonl", history_line(state)) ||
                !cli_run_append(t->folder, "timing.jsonl", time);
    if (!t->failed && state->best) t->failed = !save(t, "best.safetensors");
    t->started = seconds();
    return !t->failed && !interrupted;
}

static int run(training *t)
{
    const cli_args *args = t->args;
    int64_t epochs = cli_integer(args, "--epochs"), batch_size = cli_integer(args, "--batch-size");
    int64_t batch = batch_size * cli_integer(args, "--accumulate");
    tp_schedule *schedule = NULL;
    bool every_step = false;
    if (cli_given(args, "--schedule"))
        schedule = cli_make_schedule(args, t->optimizer, epochs,
                                     (tp_dataset_size(t->train) + batch - 1) / batch, &every_step);
    if (!tp_ok(t->c)) return cli_failed(t->c, CLI_USAGE);
    tp_set_threads((int)cli_integer(args, "--threads"));
    t->started = seconds();
    tp_fit(t->net, t->optimizer, t->train, .epochs = epochs, .batch_size = batch_size,
           .validation = t->validation, .criterion = t->criterion, .seed = seed_of(args),
           .accumulate = cli_integer(args, "--accumulate"), .clip_norm = cli_number(args, "--clip-norm"),
           .prefetch = cli_integer(args, "--threads") > 1, .schedule = schedule,
           .schedule_every_step = every_step, .patience = cli_integer(args, "--patience"),
           .log = cli_given(args, "--quiet") ? NULL : stderr, .on_batch = on_batch,
           .on_epoch = t->folder ? on_epoch : NULL, .user = t);
    if (t->failed) return CLI_FAILED;
    if (!tp_ok(t->c)) return cli_failed(t->c, tp_error(t->c) == TP_ERR_DIVERGED ? CLI_DIVERGED : CLI_FAILED);
    return t->folder && !save(t, "model.safetensors") ? CLI_FAILED : CLI_OK;
}

/* --- what is kept and shown -------------------------------------------------------------------- */

/* The name of the data without folders, so that the file says the same wherever the data lies. */
static const char *data_name(const cli_args *args)
{
    const char *name = cli_text(args, "--data"), *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

/* Puts a flag's value into an object, under its name as other programs write such names: batch_size. */
static void put_flag(json_t *o, const cli_args *args, const cli_flag *f)
{
    char key[40];
    const char *text = cli_text(args, f->name);
    if (!text) return;
    snprintf(key, sizeof key, "%s", f->name + 2);
    for (char *dash; (dash = strchr(key, '-')) != NULL;) *dash = '_';
    bool number = f->kind == CLI_INTEGER || f->kind == CLI_NUMBER;
    json_object_set_new(o, key,
                        !number                  ? json_string(text)
                        : f->kind == CLI_INTEGER ? json_integer((json_int_t)cli_integer(args, f->name))
                                                 : json_real(cli_number(args, f->name)));
}

/* All that the results depend on: every flag but --threads, and what was found for those not given. */
static json_t *config_of(const training *t)
{
    const cli_args *args = t->args;
    static char net[4096], loss[4096];
    tp_net_text(t->net, net, sizeof net);
    tp_criterion_text(t->criterion, loss, sizeof loss);
    json_t *o = json_pack("{s:s}", "version", tp_version());
    for (int g = 0; g < 2; g++)
        for (const cli_flag *f = cli_train.flags[g]; f->name; f++)
            if (strcmp(f->name, "--threads") != 0) put_flag(o, args, f);
    json_object_set_new(o, "data", json_string(data_name(args)));
    json_object_set_new(o, "net", json_string(net));
    json_object_set_new(o, "loss", json_string(loss));
    json_object_set_new(o, "lr", json_real(tp_optimizer_lr(t->optimizer)));
    return o;
}

/* The scores of the trained net on each part: lines, or members of an object. */
static int show(training *t)
{
    const struct {
        const char *name;
        tp_dataset *data;
    } parts[] = {{"train", t->train}, {"validation", t->validation}, {"test", t->test}};
    bool classes = tp_dataset_classes(t->train) > 0, json = cli_given(t->args, "--json");
    json_t *o = json_object();
    if (!json) printf("%-10s %10s %12s %12s\n", "part", "samples", "loss", classes ? "accuracy" : "r2");
    for (int i = 0; i < 3; i++) {
        if (!parts[i].data) continue;
        tp_scores s = tp_evaluate(t->net, parts[i].data, .criterion = t->criterion);
        if (json)
            json_object_set_new(o, parts[i].name, cli_scores_json(&s));
        else
            printf("%-10s %10lld %12.6f %12.4f\n", parts[i].name, (long long)s.n, s.loss,
                   classes ? s.accuracy : s.r2);
    }
    if (json && t->folder)
        json_object_set_new(o, "model", json_string(cli_run_path(t->folder, "model.safetensors")));
    if (!json) json_decref(o);
    if (json && cli_print_json(o) != CLI_OK) return CLI_FAILED;
    return tp_ok(t->c) ? CLI_OK : cli_failed(t->c, CLI_FAILED);
}

/* What can be wrong before there is any data. */
static int check_words(training *t)
{
    const char *loss = cli_text(t->args, "--loss");
    if (loss) t->criterion = tp_criterion_named(t->c, loss);
    if (!tp_ok(t->c)) return cli_failed(t->c, CLI_USAGE);
    int status = cli_check_schedule(t->args);
    return status == CLI_OK && t->folder ? cli_run_check(t->args, t->folder) : status;
}

static int train(tp_context *c, const cli_args *args)
{
    training t = {.c = c, .args = args, .folder = cli_text(args, "-o")};
    int status = check_words(&t);
    if (status == CLI_OK && !open_data(&t)) status = cli_failed(c, CLI_DATA);
    if (status == CLI_OK) status = make_net(&t);
    if (status == CLI_OK) status = make_optimizer(&t);
    if (status != CLI_OK) return status;
    if (t.folder) {
        json_t *config = config_of(&t);
        status = cli_run_start(t.folder, config);
        json_decref(config);
    }
    if (!cli_given(args, "--quiet")) say_data(&t);
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND}; /* twice: at once */
    sigaction(SIGINT, &action, NULL);
    if (status == CLI_OK) status = run(&t);
    if (status == CLI_OK) status = show(&t);
    return status == CLI_OK && interrupted ? CLI_INTERRUPTED : status;
}

/* --- flags ------------------------------------------------------------------------------------- */

static const char *dtype_name(int i)
{
    static const char *const names[] = {"f32", "f64", NULL};
    return names[i];
}

static const char *scaling_name(int i)
{
    static const char *const names[] = {
        [TP_SCALE_FOUND] = "found",   [TP_SCALE_NONE] = "none",       [TP_SCALE_UNIT] = "unit",
        [TP_SCALE_GLOBAL] = "global", [TP_SCALE_FEATURE] = "feature", NULL};
    return names[i];
}

enum { MOST = 1000000000 };

static const cli_flag flags[] = {
    {"--net", CLI_TEXT, "TEXT", "layers, such as \"linear 256, relu, linear 10\"", .names = tp_layer_name_at},
    {"--loss", CLI_TEXT, "TEXT", "such as \"huber delta=2\"; else cross_entropy for classes, mse for numbers",
     .names = tp_criterion_name_at},
    {"--optim", CLI_CHOICE, "OPTIMIZER", "what changes the weights", "adam", .names = tp_optimizer_name_at},
    {"--lr", CLI_NUMBER, "RATE", "learning rate; else the optimizer's own", .least = 0, .most = 1e6},
    {"--momentum", CLI_NUMBER, "M", "of sgd and rmsprop", .least = 0, .most = 1},
    {"--weight-decay", CLI_NUMBER, "W", "else the optimizer's own", .least = 0, .most = 1e6},
    {"--schedule", CLI_TEXT, "TEXT", "of the learning rate, such as \"step 10 0.5\"",
     .names = cli_schedule_text},
    {"--epochs", CLI_INTEGER, "N", "times the training part is gone through", "10", .least = 1, .most = MOST},
    {"--batch-size", CLI_INTEGER, "N", "samples in a batch", "32", .least = 1, .most = MOST},
    {"--accumulate", CLI_INTEGER, "N", "batches that make one step", "1", .least = 1, .most = MOST},
    {"--clip-norm", CLI_NUMBER, "MOST", "of the norm of all gradients; 0: no limit", "0", .least = 0,
     .most = 1e12},
    {"--val", CLI_NUMBER, "PART", "of the samples is for validation", "0", .least = 0, .most = 0.99},
    {"--patience", CLI_INTEGER, "N", "epochs to wait for better, then go back to the best; 0: off", "0",
     .least = 0, .most = MOST},
    {"--seed", CLI_INTEGER, "N", "of weights, parts and order", "0", .least = 0, .most = CLI_MOST_SEED},
    {"--dtype", CLI_CHOICE, "DTYPE", "of the net", "f32", .names = dtype_name},
    {"--scaling", CLI_CHOICE, "HOW", "of the values", "found", .names = scaling_name},
    {"--threads", CLI_INTEGER, "N", "0: one for each CPU; from 2 on, batches are made ahead; same results",
     "0", .least = 0, .most = 256},
    {.name = NULL},
};

static const cli_flag output[] = {
    {"-o", CLI_TEXT, "FOLDER", .help = "for the run's files; else none are written"},
    {"--overwrite", .help = "replaces a finished run in that folder"},
    {"--quiet", .help = "no progress"},
    {"--json", .help = "the result as one JSON object"},
    {.name = NULL},
};

const cli_verb cli_train = {
    .name = "train",
    .arguments = "--data NAME --net TEXT [--FLAG VALUE]... [-o FOLDER]",
    .summary = "Trains a net.",
    .details =
        "Sets that have a test part are trained on the rest, and tested on it at the end; of a CSV file all\n"
        "samples are used. The folder gets model.safetensors, best.safetensors (the epoch with the least\n"
        "loss, in validation where there is one), history.jsonl, config.json and timing.jsonl.\n\n"
        "example: taper train --data digits --net \"linear 256, relu, linear 10\" --loss cross_entropy \\\n"
        "             --optim adam --lr 1e-3 --epochs 40 --batch-size 32 --val 0.2 --seed 1 --dtype f32 \\\n"
        "             --threads 2 -o runs/digits\n",
    .flags = {cli_data_flags, flags, output},
    .needed = {"--data", "--net"},
    .run = train,
};
