/* cli.h - what a verb of the command line is, and what verbs share. Results go to stdout, all else to stderr.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <taper/ext.h>
#include <taper/taper.h>

#include <jansson.h>

/* Exit codes. */
enum {
    CLI_OK,
    CLI_FAILED,
    CLI_USAGE,    /* a wrong command line */
    CLI_DATA,     /* a data or model file that is not what it should be */
    CLI_DIVERGED, /* the loss is no longer a number */
    CLI_GATE,     /* a requirement that is not met */
    CLI_INTERRUPTED = 130
};

/* The i-th of some names, NULL past the end. */
typedef const char *cli_name_at(int i);

/* --- flags ------------------------------------------------------------------------------------- */

/* What a flag takes. */
typedef enum cli_kind { CLI_SWITCH, CLI_TEXT, CLI_INTEGER, CLI_NUMBER, CLI_CHARACTER, CLI_CHOICE } cli_kind;

/* A flag: its help, its default and its errors all come from here. */
typedef struct cli_flag {
    const char *name;  /* "--epochs" */
    cli_kind kind;     /* CLI_SWITCH takes no value */
    const char *value; /* what the value is called in the help */
    const char *help;
    const char *otherwise; /* the value where the flag is not given; NULL: none */
    double least, most;    /* of numbers */
    cli_name_at *names;    /* that a choice is one of, or that a text is made of */
} cli_flag;

#define CLI_MOST_SEED 9007199254740991.0 /* 2^53 - 1: as JSON's readers have it */

enum { CLI_GROUPS = 4, CLI_GIVEN = 100 };

typedef struct cli_args cli_args;

typedef struct cli_verb {
    const char *name;
    const char *arguments;             /* in the usage line: "[--json] [NAME...]" */
    const char *summary;               /* one line */
    const char *details;               /* what `taper help VERB` adds below the flags: at least an example */
    const cli_flag *flags[CLI_GROUPS]; /* tables of flags, each ended by one without a name */
    const char *needed[2];             /* flags that must be given ... */
    const char *instead;               /* ... unless this one is; NULL: in any case */
    int least, most;                   /* how many names it takes */
    int (*run)(tp_context *c, const cli_args *args); /* returns the exit code */
} cli_verb;

/* A command line as given: names, and flags with their checked values. */
struct cli_args {
    const cli_verb *verb;
    int names;
    char **name;
    int given;
    struct {
        const cli_flag *flag;
        const char *text;
    } value[CLI_GIVEN];
};

/* Reads the words after a verb; returns CLI_OK or, after saying what is wrong, CLI_USAGE. */
int cli_read_args(cli_args *args, const cli_verb *verb, int n, char **words);

/* Gives one more value to a flag of the verb, as if it came last; `text` must stay as long as `args`. Returns
 * CLI_OK or, after saying what is wrong, CLI_USAGE. */
int cli_give(cli_args *args, const char *flag, const char *text);

/* Whether a flag of the verb was given. */
bool cli_given(const cli_args *args, const char *flag);

/* The value of a flag: the last one given, or the default; NULL if there is neither. */
const char *cli_text(const cli_args *args, const char *flag);

/* The value given for the i-th time; NULL past the last. */
const char *cli_text_at(const cli_args *args, const char *flag, int i);

/* The value of a flag that takes numbers; 0 if there is none. */
double cli_number(const cli_args *args, const char *flag);

/* The same of whole numbers. */
int64_t cli_integer(const cli_args *args, const char *flag);

/* Which of its names a choice is, from 0; -1 if it was not given and has no default. */
int cli_choice(const cli_args *args, const char *flag);

/* The text as a whole number, or as any finite one; false if it is none. */
bool cli_to_integer(const char *text, int64_t *value);
bool cli_to_number(const char *text, double *value);

/* Reports printf's text as a mistake in the command line; returns CLI_USAGE. */
int cli_usage(const cli_args *args, const char *text, ...) __attribute__((format(printf, 2, 3)));

/* Reports the context's error; returns `code`, CLI_FAILED if memory ran out. */
int cli_failed(tp_context *c, int code);

/* Reports "unknown WHAT 'GIVEN'" with the nearest of the known names; returns CLI_USAGE. */
int cli_unknown(const char *what, const char *given, tp_name_at_fn *name_at, const void *names);

/* --- data, nets, models ------------------------------------------------------------------------ */

/* --data and what belongs to it. */
extern const cli_flag cli_data_flags[];

/* Whether the name is of a file, and not of a set that has a test part. */
bool cli_data_is_file(const char *name);

/* The data of --data. `split` is the part to take of sets that have a test part, where --split does not say.
 */
tp_dataset *cli_open_data(tp_context *c, const cli_args *args, const char *split, tp_target_kind kind,
                          const tp_dataset *like);

enum { CLI_SHAPE_TEXT = 200, CLI_PATH = 2048 };

/* "[28,28]" in `text` of CLI_SHAPE_TEXT bytes, which it returns. */
const char *cli_shape_text(tp_shape shape, char *text);

/* The net of the model file that the verb's name says, or of --net and --input, and the shape of its samples;
 * *model is nil in the second case. After saying what is wrong, nil and the exit code in *status. */
tp_module *cli_net(tp_context *c, const cli_args *args, tp_model **model, tp_shape *input, int *status);

/* The criterion a model was trained with, NULL where the file names none. */
tp_module *cli_criterion(const tp_model *model);

/* --- files of tensors -------------------------------------------------------------------------- */

typedef enum cli_format { CLI_SAFETENSORS, CLI_NPY, CLI_NPZ, CLI_CSV, CLI_IDX, CLI_NO_FORMAT } cli_format;

/* The format that a file's name says. */
cli_format cli_format_of(const char *path);

/* What a format is called. */
const char *cli_format_name(cli_format format);

/* Whether the file's name says a format; CLI_USAGE, after saying so, if not. */
int cli_check_format(const cli_args *args, const char *path);

/* A file of tensors open for reading; what its format has. */
typedef struct cli_file {
    tp_context *context;
    const char *path;
    cli_format format;
    tp_safetensors *safetensors;
    tp_npz *npz;
    tp_npy npy;
    tp_dataset *table;
    tp_tensor *tensor;
    char name[256]; /* of the only tensor, in formats without names */
} cli_file;

/* Opens a file whose name says a format; false after an error of the context. What is compressed may unpack
 * to `most` bytes, 0: to the library's default. */
bool cli_file_open(tp_context *c, const char *path, int64_t most, cli_file *f);

/* How many tensors there are. */
int cli_file_count(const cli_file *f);

/* The name of tensor i of a cli_file, NULL past the end. */
const char *cli_file_name(const void *file, int i);

/* Its dtype: Taper's name, or the file's for one that Taper does not have. */
const char *cli_file_dtype(const cli_file *f, int i);

/* Its shape. */
tp_shape cli_file_shape(const cli_file *f, int i);

/* Tensor i; nil after an error. */
tp_tensor *cli_file_read(const cli_file *f, int i);

/* --- scores ------------------------------------------------------------------------------------ */

/* A line for each score that has a meaning. */
void cli_print_scores(const tp_scores *scores);

/* The same as an object. */
json_t *cli_scores_json(const tp_scores *scores);

/* The scores of each class, and the confusion matrix. */
void cli_print_report(const tp_scores *scores, const tp_dataset *data);

/* The same as the members "classes" and "confusion" of an object. */
void cli_report_json(json_t *object, const tp_scores *scores, const tp_dataset *data);

/* How all JSON is written: with digits that doubles have for sure. */
#define CLI_JSON (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* Prints a value, which it takes over, as one line. */
int cli_print_json(json_t *value);

/* Whether each --require can be read. */
int cli_check_requirements(const cli_args *args);

/* Compares the scores with each --require; CLI_GATE where one is not met. */
int cli_require(const cli_args *args, const tp_scores *scores);

/* --- training ---------------------------------------------------------------------------------- */

/* Schedule i with its numbers, "step EPOCHS [GAMMA]", good until the next call; NULL past the end. */
const char *cli_schedule_text(int i);

/* Whether --schedule can be read. */
int cli_check_schedule(const cli_args *args);

/* The schedule of --schedule for `epochs` of `steps` each. */
tp_schedule *cli_make_schedule(const cli_args *args, tp_optimizer *opt, int64_t epochs, int64_t steps,
                               bool *every_step);

/* How many of the first tables of a training's flags are its settings. */
enum { CLI_SETTINGS = 2 };

/* The settings as JSON: each flag that has a value, but for --threads. */
json_t *cli_config_of(const cli_args *args);

/* Gives the settings of the run in the folder to the command line, which refers to what is returned; NULL
 * after saying what is wrong. */
json_t *cli_config_take(cli_args *args, const char *folder);

/* The file of a run that says where its data lies, for --resume; only of data from files. */
#define CLI_LOCAL "local.json"

/* The path of a file of a run, good until the next call. */
const char *cli_run_path(const char *folder, const char *file);

/* Whether the folder holds a run that has come to its end. */
bool cli_run_finished(const char *folder);

/* Whether a run may be written to the folder. */
int cli_run_check(const cli_args *args, const char *folder);

/* Makes the folder, without files of an earlier run, and writes its config.json. */
int cli_run_start(tp_context *c, const cli_args *args, const char *folder, const json_t *config);

/* Appends a line, which it takes over, to a file of a run; false after saying why not, the file as it was. */
bool cli_run_append(const char *folder, const char *file, json_t *line);

/* Cuts a file of a run after so many lines. */
void cli_run_cut(const char *folder, const char *file, int64_t lines);

/* Makes the lines of a list, which it takes over, a file of a run; false after saying why not. */
bool cli_run_write(tp_context *c, const char *folder, const char *file, json_t *lines);

/* --- verbs ------------------------------------------------------------------------------------- */

extern const cli_verb cli_train, cli_eval, cli_predict, cli_summary, cli_gradcheck, cli_demo, cli_ops,
    cli_info, cli_convert, cli_help;

/* How this program was called. */
extern const char *cli_program;

/* The verbs in order, NULL past the end. */
const cli_verb *cli_verb_at(int i);

/* The name of verb i, NULL past the end. */
const char *cli_verb_name(const void *unused, int i);

/* Prints a verb's help to stdout. */
void cli_print_help(const cli_verb *verb);

#endif
