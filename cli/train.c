/* train.c - `taper train`: a net trained on data, and the folder of the run. */
#include "cli.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A training, as it is put together. */
typedef struct training {
    tp_context *c;
    const cli_args *args;
    const char *folder;                    /* of the run; NULL: none is kept */
    tp_dataset *train, *validation, *test; /* NULL: none */
    tp_module *net, *criterion;
    tp_optimizer *optimizer;
    tp_module *unsaved; /* the best net so far, where it could not be written; else NULL */
    double started;     /* the epoch, in seconds */
    bool recorded;      /* history.jsonl has the epochs so far */
    bool timed;         /* timing.jsonl has no others */
    bool lost;          /* the last checkpoint could not be written */
} training;

static volatile sig_atomic_t interrupted;

/* The first asks for an end, the second makes it. */
static void interrupt(int signal)
{
    (void)signal;
    if (interrupted) _exit(CLI_INTERRUPTED);
    interrupted = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
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

/* Writes a net as it is to a file of the run; false after saying why not. */
static bool save(const training *t, tp_module *net, const char *file)
{
    const char *path = cli_run_path(t->folder, file);
    if (tp_model_save(net, path, .data = t->train, .criterion = t->criterion) == TP_OK) return true;
    cli_failed(t->c, CLI_FAILED);
    return false;
}

/* --- while it runs ----------------------------------------------------------------------------- */

static bool on_batch(const tp_fit_state *state, void *user)
{
    (void)state, (void)user;
    return !interrupted;
}

/* The numbers of an epoch. */
static json_t *history_line(const tp_history *h, int64_t epoch)
{
    json_t *line =
        json_pack("{s:I, s:f}", "epoch", (json_int_t)epoch + 1, "lr", tp_history_get(h, epoch, "lr"));
    for (int i = 0; tp_history_name(i); i++) {
        const char *name = tp_history_name(i);
        double value = tp_history_get(h, epoch, name);
        if (isfinite(value) && strcmp(name, "lr") != 0) json_object_set_new(line, name, json_real(value));
    }
    return line;
}

/* Makes history.jsonl what the history says, whatever is there; false after saying why not. */
static bool record(const training *t, const tp_history *h)
{
    json_t *lines = json_array();
    for (int64_t i = 0; i < tp_history_epochs(h); i++) json_array_append_new(lines, history_line(h, i));
    return cli_run_write(t->c, t->folder, "history.jsonl", lines);
}

/* Keeps a copy of a net to be written later; NULL: none. */
static void keep_unsaved(training *t, tp_module *net)
{
    if (t->unsaved) tp_object_release((tp_object *)t->unsaved);
    t->unsaved = net ? tp_module_clone(net, TP_BOOL) : NULL;
    if (net) tp_object_disown((tp_object *)t->unsaved);
}

/* Writes the best net, which is this one or that kept. */
static bool save_best(training *t, tp_module *net)
{
    bool saved = save(t, net ? net : t->unsaved, "best.safetensors");
    if (saved || net) keep_unsaved(t, saved ? NULL : net);
    return saved;
}

/* What cannot be written is said, and tried again after another epoch. */
static bool on_epoch(const tp_fit_state *state, void *user)
{
    training *t = user;
    int64_t epoch = state->epoch;
    json_t *time = json_pack("{s:I, s:f}", "epoch", (json_int_t)epoch + 1, "seconds", seconds() - t->started);
    if (!t->timed) cli_run_cut(t->folder, "timing.jsonl", epoch);
    t->timed = true;
    cli_run_append(t->folder, "timing.jsonl", time);
    t->recorded = t->recorded
                      ? cli_run_append(t->folder, "history.jsonl", history_line(state->history, epoch))
                      : record(t, state->history);
    if (state->best || t->unsaved) save_best(t, state->best ? state->net : NULL);
    t->started = seconds();
    return !interrupted;
}

/* Without --quiet, tp_fit says what was lost. */
static bool on_checkpoint(const tp_fit_state *state, void *user)
{
    training *t = user;
    t->lost = state->lost != NULL;
    if (t->lost && cli_given(t->args, "--quiet"))
        fprintf(stderr, "taper: checkpoint not written: %s\n", state->lost);
    return !interrupted;
}

/* Says how an interrupted training can go on. */
static int say_interrupted(training *t)
{
    if (!t->folder)
        fputs("taper: interrupted\n", stderr);
    else if (t->lost || (t->unsaved && !save_best(t, NULL)))
        fputs("taper: interrupted; the last steps are lost\n", stderr);
    else
        fprintf(stderr, "taper: interrupted; `taper train --resume %s` goes on\n", t->folder);
    return CLI_INTERRUPTED;
}

/* Writes what a training has come to. */
static int finish(training *t, const tp_history *h)
{
    if (!t->folder) return CLI_OK;
    bool saved = record(t, h) && (!t->unsaved || save_best(t, NULL));
    return saved && save(t, t->net, "model.safetensors") ? CLI_OK : CLI_FAILED;
}

/* The exit code for an error that stopped a training; on the way back to a checkpoint it is the file's. */
static int code_of(tp_status error, bool resumed)
{
    if (error == TP_ERR_DIVERGED) return CLI_DIVERGED;
    return error == TP_ERR_DATA || (resumed && error == TP_ERR_ARGUMENT) ? CLI_DATA : CLI_FAILED;
}

static int run(training *t)
{
    const cli_args *args = t->args;
    int64_t epochs = cli_integer(args, "--epochs"), batch_size = cli_integer(args, "--batch-size");
    int64_t batch = batch_size * cli_integer(args, "--accumulate");
    tp_schedule *schedule = NULL;
    bool every_step = false;
    char checkpoints[CLI_PATH + 64] = "";
    if (cli_given(args, "--schedule"))
        schedule = cli_make_schedule(args, t->optimizer, epochs,
                                     (tp_dataset_size(t->train) + batch - 1) / batch, &every_step);
    if (!tp_ok(t->c)) return cli_failed(t->c, CLI_USAGE);
    if (t->folder) snprintf(checkpoints, sizeof checkpoints, "%s", cli_run_path(t->folder, "checkpoints"));
    tp_set_threads((int)cli_integer(args, "--threads"));
    t->started = seconds();
    tp_history *h = tp_fit(
        t->net, t->optimizer, t->train, .epochs = epochs, .batch_size = batch_size,
        .validation = t->validation, .criterion = t->criterion, .seed = seed_of(args),
        .accumulate = cli_integer(args, "--accumulate"), .clip_norm = cli_number(args, "--clip-norm"),
        .prefetch = cli_integer(args, "--threads") > 1, .schedule = schedule,
        .schedule_every_step = every_step, .patience = cli_integer(args, "--patience"),
        .checkpoint = t->folder ? checkpoints : NULL,
        .checkpoint_every = cli_integer(args, "--checkpoint-every"), .resume = cli_given(args, "--resume"),
        .log = cli_given(args, "--quiet") ? NULL : stderr, .on_batch = on_batch,
        .on_epoch = t->folder ? on_epoch : NULL, .on_checkpoint = on_checkpoint, .user = t);
    int status = !tp_ok(t->c)  ? cli_failed(t->c, code_of(tp_error(t->c), cli_given(args, "--resume")))
                 : interrupted ? say_interrupted(t)
                               : finish(t, h);
    keep_unsaved(t, NULL);
    return status;
}

/* --- what is kept and shown -------------------------------------------------------------------- */

/* The name of the data without folders, so that the file says the same wherever the data lies. */
static const char *data_name(const cli_args *args)
{
    const char *name = cli_text(args, "--data"), *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

/* All that the results depend on: the settings, and what was found for those not given. */
static json_t *config_of(const training *t)
{
    static char net[4096], loss[4096];
    tp_net_text(t->net, net, sizeof net);
    tp_criterion_text(t->criterion, loss, sizeof loss);
    json_t *o = cli_config_of(t->args);
    json_object_set_new(o, "data", json_string(data_name(t->args)));
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
    if (cli_given(t->args, "--checkpoint-every") && !t->folder)
        return cli_usage(t->args, "--checkpoint-every takes a folder for the run, -o");
    int status = cli_check_schedule(t->args);
    return status == CLI_OK && t->folder ? cli_run_check(t->args, t->folder) : status;
}

/* Makes the folder ready: a new run's, or what another process has left. */
static int ready_folder(const training *t)
{
    if (!cli_given(t->args, "--resume")) {
        json_t *config = config_of(t);
        int status = cli_run_start(t->c, t->args, t->folder, config);
        json_decref(config);
        if (status != CLI_OK) return status;
    }
    return tp_remove_leftovers(t->c, t->folder) == TP_OK ? CLI_OK : cli_failed(t->c, CLI_FAILED);
}

/* Trains with the settings of a command line, in the folder. */
static int train_in(tp_context *c, const cli_args *args, const char *folder)
{
    training t = {.c = c, .args = args, .folder = folder};
    int status = check_words(&t);
    if (status == CLI_OK && !open_data(&t)) status = cli_failed(c, CLI_DATA);
    if (status == CLI_OK) status = make_net(&t);
    if (status == CLI_OK) status = make_optimizer(&t);
    if (status != CLI_OK) return status;
    if (folder) status = ready_folder(&t);
    if (!cli_given(args, "--quiet")) say_data(&t);
    catch_signals();
    if (status == CLI_OK) status = run(&t);
    if (status == CLI_OK) status = show(&t);
    return status == CLI_OK && interrupted ? CLI_INTERRUPTED : status;
}

/* Trains on with the settings of the run in the folder. */
static int resume(tp_context *c, const cli_args *args, const char *folder)
{
    static const char *const free_to_give[] = {"--resume", "--threads", "--quiet", "--json"};
    cli_args all = *args;
    int status = cli_run_check(args, folder);
    for (int i = 0; status == CLI_OK && i < args->given; i++) {
        const char *flag = args->value[i].flag->name;
        int k = 0;
        while (k < 4 && strcmp(flag, free_to_give[k]) != 0) k++;
        if (k == 4)
            status = cli_usage(args, "--resume goes on with the run's own settings, without %s", flag);
    }
    if (status != CLI_OK) return status;
    if (cli_run_finished(folder)) {
        fprintf(stderr, "taper: %s holds a finished run\n", folder);
        return CLI_OK;
    }
    json_t *config = cli_config_take(&all, folder);
    status = config ? train_in(c, &all, folder) : CLI_DATA;
    if (status == CLI_USAGE) status = CLI_DATA;
    json_decref(config);
    return status;
}

static int train(tp_context *c, const cli_args *args)
{
    const char *folder = cli_text(args, "--resume");
    if (folder && !*folder) return cli_usage(args, "--resume takes the folder of a run");
    return folder ? resume(c, args, folder) : train_in(c, args, cli_text(args, "-o"));
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
    {"--checkpoint-every", CLI_INTEGER, "STEPS", "else there is a checkpoint after each epoch", .least = 1,
     .most = MOST},
    {"--threads", CLI_INTEGER, "N", "0: one for each CPU; from 2 on, batches are made ahead; same results",
     "0", .least = 0, .most = 256},
    {.name = NULL},
};

static const cli_flag output[] = {
    {"-o", CLI_TEXT, "FOLDER", .help = "for the run's files; else none are written"},
    {"--overwrite", .help = "replaces a run in that folder"},
    {"--resume", CLI_TEXT, "FOLDER", .help = "goes on with the run there, and its settings"},
    {"--quiet", .help = "no progress"},
    {"--json", .help = "the result as one JSON object"},
    {.name = NULL},
};

const cli_verb cli_train = {
    .name = "train",
    .arguments = "--data NAME --net TEXT [--FLAG VALUE]... [-o FOLDER] | --resume FOLDER",
    .summary = "Trains a net.",
    .details =
        "Sets that have a test part are trained on the rest, and tested on it at the end; of a CSV file all\n"
        "samples are used. The folder gets model.safetensors, best.safetensors (the epoch with the least\n"
        "loss, in validation where there is one), history.jsonl, config.json and timing.jsonl, and "
        "local.json\n"
        "where the data is in files. While the training runs, the folder checkpoints has what it takes to "
        "go\n"
        "on, after Ctrl-C or whatever else: with --resume, which takes no more than --threads, --quiet and\n"
        "--json, the files become what they would have been.\n\n"
        "example: taper train --data digits --net \"linear 256, relu, linear 10\" --loss cross_entropy \\\n"
        "             --optim adam --lr 1e-3 --epochs 40 --batch-size 32 --val 0.2 --seed 1 --dtype f32 \\\n"
        "             --threads 2 -o runs/digits\n"
        "         taper train --resume runs/digits\n",
    .flags = {cli_data_flags, flags, output},
    .needed = {"--data", "--net"},
    .instead = "--resume",
    .run = train,
};
