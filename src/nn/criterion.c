/* criterion.c - the losses of loss.c as modules, which carry their options along. */
#include "nn/module.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

tp_module *tp_criterion_new(tp_context *c, const char *kind, tp_loss_fn *loss, const void *data, size_t size)
{
    tp_module *m = tp_module_new(c, kind, NULL, data, size);
    if (!tp_module_is_nil(m)) m->loss = loss;
    return m;
}

/* --- the losses there are --- */

typedef enum field_type { REDUCTION, INTEGER, NUMBER, TENSOR } field_type;

/* An option of a loss. A number left zero means `normal`. */
typedef struct field {
    const char *name;
    size_t offset;
    field_type type;
    double normal;
} field;

enum { MOST_FIELDS = 4 };

#define OPTION(loss, name, type, normal)                         \
    {                                                            \
#name, offsetof(tp_##loss##_options, name), type, normal \
    }

/* name, function, options, and what these are */
#define CRITERIA(ROW)                                                                                  \
    ROW(cross_entropy, tp_cross_entropy_with, tp_cross_entropy_options,                                \
        OPTION(cross_entropy, reduction, REDUCTION, 0), OPTION(cross_entropy, weight, TENSOR, 0),      \
        OPTION(cross_entropy, ignore_index, INTEGER, -100),                                            \
        OPTION(cross_entropy, label_smoothing, NUMBER, 0))                                             \
    ROW(nll, tp_nll_loss_with, tp_nll_loss_options, OPTION(nll_loss, reduction, REDUCTION, 0),         \
        OPTION(nll_loss, weight, TENSOR, 0), OPTION(nll_loss, ignore_index, INTEGER, -100))            \
    ROW(bce_with_logits, tp_bce_with_logits_with, tp_bce_with_logits_options,                          \
        OPTION(bce_with_logits, reduction, REDUCTION, 0), OPTION(bce_with_logits, weight, TENSOR, 0),  \
        OPTION(bce_with_logits, pos_weight, TENSOR, 0))                                                \
    ROW(binary_cross_entropy, tp_binary_cross_entropy_with, tp_binary_cross_entropy_options,           \
        OPTION(binary_cross_entropy, reduction, REDUCTION, 0),                                         \
        OPTION(binary_cross_entropy, weight, TENSOR, 0))                                               \
    ROW(mse, tp_mse_loss_with, tp_loss_options, OPTION(loss, reduction, REDUCTION, 0))                 \
    ROW(l1, tp_l1_loss_with, tp_loss_options, OPTION(loss, reduction, REDUCTION, 0))                   \
    ROW(huber, tp_huber_loss_with, tp_huber_loss_options, OPTION(huber_loss, reduction, REDUCTION, 0), \
        OPTION(huber_loss, delta, NUMBER, 1))                                                          \
    ROW(smooth_l1, tp_smooth_l1_loss_with, tp_smooth_l1_loss_options,                                  \
        OPTION(smooth_l1_loss, reduction, REDUCTION, 0), OPTION(smooth_l1_loss, beta, NUMBER, 1))

typedef struct criterion {
    const char *name;
    tp_loss_fn *loss;
    size_t size; /* of the options */
    field fields[MOST_FIELDS + 1];
} criterion;

#define LOSS(name, ...) static tp_loss_fn name##_loss;
CRITERIA(LOSS)

#define DATA(name, function, type, ...) {#name, name##_loss, sizeof(type), {__VA_ARGS__}},
static const criterion criteria[] = {CRITERIA(DATA)};
enum { N = sizeof criteria / sizeof *criteria };

#define INDEX(name, ...) index_##name,
enum { CRITERIA(INDEX) };

/* The buffer that holds an option; NULL if there is none. */
static tp_tensor *buffer_of(const tp_module *m, const field *f)
{
    tp_entry *e = f->type == TENSOR ? tp_module_entry(m, f->name, strlen(f->name)) : NULL;
    return e ? e->tensor : NULL;
}

/* Copies a criterion's options, with the tensors that are its buffers. */
static void options_of(const tp_module *m, const criterion *row, void *options)
{
    memcpy(options, m->data, row->size);
    for (const field *f = row->fields; f->name; f++) {
        tp_tensor *t = buffer_of(m, f);
        if (t) memcpy((char *)options + f->offset, &t, sizeof t);
    }
}

#define RUN(name, function, type, ...)                                           \
    static tp_tensor *name##_loss(tp_module *m, tp_tensor *x, tp_tensor *target) \
    {                                                                            \
        type o;                                                                  \
        options_of(m, &criteria[index_##name], &o);                              \
        return function(x, target, &o);                                          \
    }
CRITERIA(RUN)

/* Moves the tensor that is an option, if there is one, into a buffer, which is shared and saved. */
static void make_buffer(tp_module *m, const field *f)
{
    tp_tensor *t = NULL;
    memcpy(&t, (char *)m->data + f->offset, sizeof t);
    if (!t) return;
    memset((char *)m->data + f->offset, 0, sizeof t);
    tp_module_add_buffer(m, f->name, t);
}

static tp_module *make(tp_context *c, const criterion *row, const void *options)
{
    tp_module *m = tp_criterion_new(c, row->name, row->loss, options, row->size);
    if (tp_module_is_nil(m)) return m;
    for (const field *f = row->fields; f->name; f++)
        if (f->type == TENSOR) make_buffer(m, f);
    return tp_ok(c) ? m : tp_nil_module(c);
}

#define MAKE(name, function, type, ...)                                       \
    tp_module *tp_##name##_criterion_with(tp_context *c, const type *options) \
    {                                                                         \
        return make(c, &criteria[index_##name], options);                     \
    }
CRITERIA(MAKE)

/* --- from text --- */

static const char call[] = "tp_criterion_named";
enum { REDUCTIONS = 3 };
static const char *const reductions[REDUCTIONS] = {"mean", "sum", "none"}; /* as tp_reduction */
static const char *const type_names[] = {"mean, sum or none", "an integer", "a number",
                                         "numbers with commas between them"};

enum { SHOWN = 40 }; /* characters of a word that messages show */

const char *tp_criterion_name_at(int i) { return i >= 0 && i < N ? criteria[i].name : NULL; }

static const char *name_at(const void *unused, int i)
{
    (void)unused;
    return tp_criterion_name_at(i);
}

static const char *field_name_at(const void *fields, int i) { return ((const field *)fields)[i].name; }

static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* The numbers of a word as a tensor; NULL if it is none, or after a failure. */
static tp_tensor *read_numbers(tp_context *c, const char *text, size_t length)
{
    const char *at = text, *end = text + length;
    int64_t n = 1, i = 0;
    for (size_t k = 0; k < length; k++) n += text[k] == ',';
    double *values = tp_alloc(c, (size_t)n * sizeof *values);
    for (; values && i < n; i++) {
        size_t digits = tp_parse_number(at, &values[i]);
        at += digits;
        if (digits == 0 || isnan(values[i]) || (i + 1 < n ? *at++ != ',' : at != end)) break;
    }
    tp_tensor *t = values && i == n ? tp_from_doubles(c, TP_SHAPE(n), TP_F64, values) : NULL;
    tp_free(c, values, (size_t)n * sizeof *values);
    return t;
}

/* Sets an option to the value that a word says; false if it says none. */
static bool read_value(tp_context *c, const field *f, const char *text, size_t length, void *options)
{
    void *at = (char *)options + f->offset;
    double value = 0;
    if (f->type == TENSOR) {
        tp_tensor *t = read_numbers(c, text, length);
        memcpy(at, &t, sizeof t);
        return t != NULL;
    }
    if (f->type == REDUCTION) {
        int i = 0;
        while (i < REDUCTIONS && !is_word(text, length, reductions[i])) i++;
        memcpy(at, &(tp_reduction){(tp_reduction)i}, sizeof(tp_reduction));
        return i < REDUCTIONS;
    }
    if (length == 0 || tp_parse_number(text, &value) != length || isnan(value)) return false;
    if (value == 0 && f->normal != 0) value = TP_ZERO;
    int64_t whole = fabs(value) < 1e15 ? (int64_t)value : 0;
    memcpy(at, f->type == INTEGER ? (void *)&whole : (void *)&value, sizeof value);
    return f->type == NUMBER || (double)whole == value;
}

/* Reads "name=value", the word at `text`; false after recording what is wrong. */
static bool read_option(tp_context *c, const criterion *row, const char *text, void *options, unsigned *given)
{
    char name[SHOWN];
    size_t length = strcspn(text, " "), n = strcspn(text, " =");
    int i = 0;
    while (row->fields[i].name && !is_word(text, n, row->fields[i].name)) i++;
    const field *f = &row->fields[i];
    snprintf(name, sizeof name, "%.*s", n < SHOWN ? (int)n : SHOWN, text);
    if (!f->name)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: %s has no option '%s'; the nearest is '%s'", call, row->name, name,
                tp_nearest_name(name, field_name_at, row->fields));
    else if (*given >> i & 1)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: '%s' of %s is given twice", call, name, row->name);
    else if (n == length || !read_value(c, f, text + n + 1, length - n - 1, options))
        tp_fail(c, TP_ERR_ARGUMENT, "%s: '%s' of %s takes =, then %s", call, name, row->name,
                type_names[f->type]);
    *given |= 1u << i;
    return tp_ok(c);
}

static const criterion *find_row(tp_context *c, const char *text, size_t length)
{
    char name[SHOWN];
    for (int i = 0; i < N; i++)
        if (is_word(text, length, criteria[i].name)) return &criteria[i];
    snprintf(name, sizeof name, "%.*s", length < SHOWN ? (int)length : SHOWN, text);
    tp_fail(c, TP_ERR_ARGUMENT, "%s: there is no loss '%s'; the nearest is '%s'", call, name,
            tp_nearest_name(name, name_at, NULL));
    return NULL;
}

tp_module *tp_criterion_named(tp_context *c, const char *text)
{
    union { /* all zeros are the defaults of each */
        tp_cross_entropy_options largest;
        max_align_t align;
    } options = {{0}};
    unsigned given = 0;
    if (!text) tp_fail(c, TP_ERR_ARGUMENT, "%s: argument 'text' is NULL", call);
    if (!tp_ok(c) || !text) return tp_nil_module(c);
    text += strspn(text, " ");
    const criterion *row = find_row(c, text, strcspn(text, " "));
    if (!row) return tp_nil_module(c);
    tp_mark scope = tp_open_scope(c);
    bool good = scope != 0;
    for (text += strcspn(text, " "), text += strspn(text, " "); good && *text; text += strspn(text, " ")) {
        good = read_option(c, row, text, &options, &given);
        text += strcspn(text, " ");
    }
    tp_module *m = tp_module_keep(good ? make(c, row, &options) : tp_nil_module(c));
    tp_close_scope(c, scope);
    return m;
}

/* --- to text --- */

static void put_number(tp_writer *w, double value)
{
    char text[32];
    tp_number_text(value, text, sizeof text);
    tp_put(w, "%s", text);
}

/* Writes the numbers of a vector; false after a failure. */
static bool put_numbers(tp_writer *w, const tp_tensor *t)
{
    tp_context *c = tp_context_of(t);
    int64_t n = tp_numel(t);
    double *values = tp_alloc(c, (size_t)n * sizeof *values + 1);
    bool good = values && tp_read_doubles(t, values, n) == TP_OK;
    for (int64_t i = 0; good && i < n; i++) {
        tp_put(w, "%s", i ? "," : "");
        put_number(w, values[i]);
    }
    tp_free(c, values, (size_t)n * sizeof *values + 1);
    return good;
}

/* Writes an option, unless it is as it would be without; false if there is no text for it. */
static bool put_option(tp_writer *w, const tp_module *m, const field *f)
{
    const char *at = (const char *)m->data + f->offset;
    tp_tensor *t = buffer_of(m, f);
    tp_reduction reduction = TP_MEAN;
    double value = 0;
    int64_t whole = 0;
    if (f->type == TENSOR) {
        if (!t) return true;
        if (tp_rank(t) != 1 || tp_numel(t) == 0) return false;
        tp_put(w, " %s=", f->name);
        return put_numbers(w, t);
    }
    if (f->type == REDUCTION) {
        memcpy(&reduction, at, sizeof reduction);
        if (reduction != TP_MEAN) tp_put(w, " %s=%s", f->name, reductions[reduction == TP_SUM ? 1 : 2]);
        return true;
    }
    if (f->type == NUMBER) memcpy(&value, at, sizeof value);
    if (f->type == INTEGER) {
        memcpy(&whole, at, sizeof whole);
        value = (double)whole;
    }
    if (value == 0 || value == f->normal) return true;
    tp_put(w, " %s=", f->name);
    put_number(w, value == TP_ZERO ? 0 : value);
    return true;
}

size_t tp_criterion_text(const tp_module *m, char *buf, size_t n)
{
    tp_context *c = tp_module_usable(m, "tp_criterion_text");
    tp_writer w = {buf, n, 0};
    int i = 0;
    if (n) *buf = 0;
    if (!c) return 0;
    while (i < N && criteria[i].loss != m->loss) i++;
    bool known = i < N, good = known;
    if (known) tp_put(&w, "%s", m->kind);
    for (const field *f = known ? criteria[i].fields : NULL; good && f->name; f++)
        good = put_option(&w, m, f);
    if (good) return w.length;
    if (n) *buf = 0;
    tp_report(c, TP_ERR_ARGUMENT, "tp_criterion_text: there is no text for this %s, because %s", m->kind,
              known ? "its weights have several axes" : "it is none of Taper's");
    return 0;
}
