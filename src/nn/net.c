/* net.c - nets as text: "linear 256, relu, (dropout 0.5, linear 10 bias=false)". */
#include "nn/module.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- what is read --- */

enum { LONGEST_TEXT = 65535, SHOWN = 40 }; /* characters of a word that messages show */

/* A text while it is read. */
typedef struct parser {
    tp_context *c;
    const char *text, *at;
    size_t outside; /* the path around this call */
    tp_tensor *x;   /* an empty batch as it comes to the next layer, which says all shapes */
    tp_dtype dtype;
    double left;  /* elements that parameters may still have */
    bool flatten; /* put a flatten between samples of several axes and a layer made for a size */
} parser;

/* A word: up to a space or one of "(),=". */
typedef struct word {
    const char *start;
    int n;
} word;

/* Errors from now on are about the text at `at`. */
static void point(parser *p, const char *at)
{
    char place[48];
    snprintf(place, sizeof place, "tp_net, column %d", (int)(at - p->text) + 1);
    tp_path_pop(p->c, p->outside);
    tp_path_push(p->c, place);
}

static void skip_space(parser *p) { p->at += strspn(p->at, " \t\r\n"); }

static word read_word(parser *p)
{
    word w = {p->at, (int)strcspn(p->at, " \t\r\n(),=")};
    p->at += w.n;
    return w;
}

static bool is_word(word w, const char *text)
{
    return strlen(text) == (size_t)w.n && memcmp(w.start, text, (size_t)w.n) == 0;
}

static int shown(word w) { return w.n < SHOWN ? w.n : SHOWN; }

/* Records what stands at the next character instead of `wanted`. */
static void fail_here(parser *p, const char *wanted)
{
    point(p, p->at);
    if (*p->at)
        tp_fail(p->c, TP_ERR_ARGUMENT, "%s is expected, got '%c'", wanted, *p->at);
    else
        tp_fail(p->c, TP_ERR_ARGUMENT, "%s is expected, the text ends", wanted);
}

/* --- arguments --- */

static const char *const type_names[] = {"a number", "an integer", "true or false"};

/* The value of a word; false if it is of another type. */
static bool read_value(word w, tp_layer_arg_type type, double *value)
{
    *value = is_word(w, "true");
    if (type == TP_FLAG) return *value != 0 || is_word(w, "false");
    if (w.n == 0 || tp_parse_number(w.start, value) != (size_t)w.n || isnan(*value)) return false;
    return type == TP_NUMBER || (*value == rint(*value) && fabs(*value) <= INT_MAX);
}

static const char *arg_name_at(const void *layer, int i)
{
    const tp_layer *l = layer;
    return i < l->n_args ? l->args[i].name : NULL;
}

static void fail_too_many(parser *p, const tp_layer *layer, word w)
{
    int n = layer->n_args;
    if (n)
        tp_fail(p->c, TP_ERR_ARGUMENT, "%s takes %d argument%s, got '%.*s' more", layer->name, n,
                n == 1 ? "" : "s", shown(w), w.start);
    else
        tp_fail(p->c, TP_ERR_ARGUMENT, "%s takes no arguments, got '%.*s'", layer->name, shown(w), w.start);
}

/* Which argument of that name the layer has; -1 after recording that there is none. */
static int find_arg(parser *p, const tp_layer *layer, word name)
{
    char given[SHOWN + 1];
    for (int i = 0; i < layer->n_args; i++)
        if (is_word(name, layer->args[i].name)) return i;
    snprintf(given, sizeof given, "%.*s", shown(name), name.start);
    if (layer->n_args)
        tp_fail(p->c, TP_ERR_ARGUMENT, "%s has no argument '%s'; the nearest is '%s'", layer->name, given,
                tp_nearest_name(given, arg_name_at, layer));
    else
        fail_too_many(p, layer, name);
    return -1;
}

/* Reads "value" or "name=value", the latter into any place, the former into the next; `given` has a bit for
 * each argument that was. */
static void read_arg(parser *p, const tp_layer *layer, double *arg, unsigned *given)
{
    point(p, p->at);
    int i = 0;
    word w = read_word(p);
    bool named = *p->at == '=';
    if (named) {
        i = find_arg(p, layer, w);
        p->at++;
        w = read_word(p);
    } else {
        while (*given >> i & 1) i++;
    }
    if (i < 0) return;
    if (i == layer->n_args)
        fail_too_many(p, layer, w);
    else if (*given >> i & 1)
        tp_fail(p->c, TP_ERR_ARGUMENT, "'%s' of %s is given twice", layer->args[i].name, layer->name);
    else if (!read_value(w, layer->args[i].type, &arg[i]))
        tp_fail(p->c, TP_ERR_ARGUMENT, "'%s' of %s takes %s, got '%.*s'", layer->args[i].name, layer->name,
                type_names[layer->args[i].type], shown(w), w.start);
    *given |= 1u << i;
}

static void read_args(parser *p, const tp_layer *layer, double *arg)
{
    unsigned given = 0;
    for (int i = 0; i < layer->n_args; i++) arg[i] = layer->args[i].normal;
    for (skip_space(p); *p->at && !strchr("(),=", *p->at) && tp_ok(p->c); skip_space(p))
        read_arg(p, layer, arg, &given);
    for (int i = 0; i < layer->n_args; i++)
        if (layer->args[i].required && !(given >> i & 1))
            tp_fail(p->c, TP_ERR_ARGUMENT, "%s takes '%s', %s", layer->name, layer->args[i].name,
                    type_names[layer->args[i].type]);
}

/* --- layers --- */

static const char *layer_name_at(const void *unused, int i)
{
    (void)unused;
    return tp_layer_name_at(i);
}

static const tp_layer *find_layer(parser *p, word name)
{
    for (int i = 0; tp_layer_at(i); i++)
        if (is_word(name, tp_layer_at(i)->name)) return tp_layer_at(i);
    char given[SHOWN + 1];
    snprintf(given, sizeof given, "%.*s", shown(name), name.start);
    tp_fail(p->c, TP_ERR_ARGUMENT, "there is no layer '%s'; the nearest is '%s'", given,
            tp_nearest_name(given, layer_name_at, NULL));
    return NULL;
}

/* Puts a layer at the end of the sequence, after it said what it makes of the batch. */
static void add_layer(parser *p, tp_module *sequence, tp_module *m)
{
    tp_eval(m); /* draws nothing */
    p->x = tp_forward(m, p->x);
    tp_train(m);
    tp_sequential_add(sequence, m);
}

static void make_layer(parser *p, tp_module *sequence, const tp_layer *layer, const double *arg)
{
    int rank = tp_rank(p->x);
    if (layer->sized && rank < 2) {
        tp_fail(p->c, TP_ERR_SHAPE, "%s takes samples of one axis or more, got numbers", layer->name);
        return;
    }
    if (layer->sized && p->flatten && rank > 2) add_layer(p, sequence, tp_flatten_layer(p->c));
    int64_t in = layer->sized ? tp_size(p->x, tp_rank(p->x) - 1) : 0;
    if (layer->sized) p->left -= layer->numel(arg, in);
    if (p->left < 0) {
        tp_fail(p->c, TP_ERR_ARGUMENT, "from here on there are more parameters than are allowed");
        return;
    }
    add_layer(p, sequence, layer->make(p->c, arg, in, p->dtype));
}

/* --- sequences --- */

static void read_sequence(parser *p, tp_module *sequence, char end);

static void read_item(parser *p, tp_module *sequence)
{
    const char *start = p->at;
    double arg[TP_LAYER_ARGS];
    point(p, start);
    if (*p->at == '(') {
        p->at++;
        tp_module *inner = tp_sequential(p->c);
        tp_sequential_add(sequence, inner); /* before it is read: this ends where nesting is too deep */
        if (tp_ok(p->c)) read_sequence(p, inner, ')');
        return;
    }
    word name = read_word(p);
    if (name.n == 0) {
        fail_here(p, "a layer");
        return;
    }
    const tp_layer *layer = find_layer(p, name);
    if (layer) read_args(p, layer, arg);
    if (!tp_ok(p->c)) return;
    point(p, start);
    make_layer(p, sequence, layer, arg);
}

/* Reads items and the end, ')' or 0. */
static void read_sequence(parser *p, tp_module *sequence, char end)
{
    for (bool more = true; more && tp_ok(p->c);) {
        skip_space(p);
        read_item(p, sequence);
        skip_space(p);
        more = *p->at == ',';
        p->at += more;
    }
    if (!tp_ok(p->c)) return;
    if (*p->at != end)
        fail_here(p, end ? "',' or ')'" : "','");
    else
        p->at += end != 0;
}

/* False after recording what is wrong with the arguments. */
static bool check(tp_context *c, const char *text, tp_shape input)
{
    bool ok = input.n >= 0 && input.n < TP_MAX_RANK;
    for (int i = 0; ok && i < input.n; i++) ok = input.v[i] > 0;
    if (!text)
        tp_fail(c, TP_ERR_ARGUMENT, "tp_net: argument 'text' is NULL");
    else if (strlen(text) > LONGEST_TEXT)
        tp_fail(c, TP_ERR_ARGUMENT, "tp_net: takes a text of at most %d characters", LONGEST_TEXT);
    else if (!ok)
        tp_fail(c, TP_ERR_SHAPE, "tp_net: argument 'input' takes at most %d sizes, of 1 or more",
                TP_MAX_RANK - 1);
    return tp_ok(c);
}

tp_module *tp_net_with(tp_context *c, const char *text, tp_shape input, const tp_net_options *options)
{
    if (!tp_ok(c) || !check(c, text, input)) return tp_nil_module(c);
    tp_net_options o = options ? *options : (tp_net_options){0};
    tp_shape batch = {.n = input.n + 1};
    memcpy(batch.v + 1, input.v, (size_t)input.n * sizeof *input.v);
    tp_mark scope = tp_open_scope(c);
    tp_module *net = tp_module_keep(tp_sequential(c));
    tp_mark inner = tp_open_no_grad(c);
    parser p = {.c = c, .text = text, .at = text, .flatten = !o.no_flatten};
    p.dtype = o.dtype == TP_BOOL ? TP_F32 : o.dtype;
    p.left = o.most > 0 ? (double)o.most : INFINITY;
    p.outside = tp_path_push(c, "tp_net");
    p.x = tp_zeros(c, batch, p.dtype);
    if (tp_ok(c)) read_sequence(&p, net, 0);
    tp_path_pop(c, p.outside);
    tp_close_scope(c, inner);
    tp_close_scope(c, scope);
    return tp_ok(c) ? net : tp_nil_module(c);
}

/* --- what is written --- */

static const tp_layer *layer_of(const tp_module *m)
{
    for (int i = 0; tp_layer_at(i); i++)
        if (tp_layer_at(i)->forward == m->forward) return tp_layer_at(i);
    return NULL;
}

static void write_arg(tp_writer *w, const tp_layer_arg *arg, double value)
{
    char number[32];
    if (arg->type == TP_FLAG && value == arg->normal) return;
    if (arg->type == TP_FLAG) {
        tp_put(w, " %s=%s", arg->name, value != 0 ? "true" : "false");
        return;
    }
    tp_number_text(value, number, sizeof number);
    tp_put(w, " %s", number);
}

/* Writes a layer and counts its tensors; false if no text makes such a module. */
static bool write_layer(tp_writer *w, const tp_module *m, int *tensors)
{
    double arg[TP_LAYER_ARGS];
    const tp_layer *layer = layer_of(m);
    if (!layer) return false;
    if (layer->read ? !layer->read(m, arg) : m->n != 0) return false;
    if (!layer->read && m->data_size) memcpy(arg, m->data, m->data_size);
    tp_put(w, "%s", layer->name);
    for (int i = 0; i < layer->n_args; i++) write_arg(w, &layer->args[i], arg[i]);
    *tensors += m->n;
    return true;
}

/* Writes a sequence and counts its tensors; false if no text makes it, then `path` leads to the part. */
static bool write_sequence(tp_writer *w, const tp_module *m, int *tensors, char *path, size_t length)
{
    for (int i = 0; i < m->n; i++) {
        const tp_entry *e = &m->entries[i];
        char name[TP_NAME];
        int wrote = snprintf(path + length, TP_PATH - length, "%s%s", length ? "." : "", e->name);
        snprintf(name, sizeof name, "%d", i);
        if (!e->child || strcmp(e->name, name) != 0) return false;
        tp_put(w, "%s", i ? ", " : "");
        bool inner = e->child->forward == tp_sequential_forward;
        if (inner) tp_put(w, "(");
        bool done = inner ? write_sequence(w, e->child, tensors, path, length + (size_t)wrote)
                          : write_layer(w, e->child, tensors);
        if (inner) tp_put(w, ")");
        if (!done) return false;
    }
    path[length] = 0;
    return m->n > 0;
}

/* Why no text makes this module, whose text says so many tensors; NULL if it does. */
static const char *why_no_text(const tp_module *m, bool written, int tensors)
{
    if (m->forward != tp_sequential_forward) return "it is no sequence";
    if (!written) return "this part has none:";
    return tp_parameters(m) + tp_buffers(m) == tensors ? NULL : "parts share parameters";
}

size_t tp_net_text(const tp_module *m, char *buf, size_t n)
{
    tp_context *c = tp_module_usable(m, "tp_net_text");
    char path[TP_PATH] = "";
    tp_writer w = {buf, n, 0};
    int tensors = 0;
    if (n) *buf = 0;
    if (!c) return 0;
    bool written = m->forward == tp_sequential_forward && write_sequence(&w, m, &tensors, path, 0);
    const char *why = why_no_text(m, written, tensors);
    if (!why) return w.length;
    if (n) *buf = 0;
    tp_report(c, TP_ERR_ARGUMENT, "tp_net_text: there is no text for this %s, because %s%s%s", m->kind, why,
              *path ? " " : "", path);
    return 0;
}
