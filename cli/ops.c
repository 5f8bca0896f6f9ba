/* ops.c - `taper ops`: the table of ops, as text or JSON. */
#include "cli.h"

#include <taper/ext.h>
#include <taper/taper.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { TEXT = 400 };

/* What is printed of a row. */
typedef struct row {
    const tp_op *op;
    char inputs[TEXT], attributes[TEXT], outputs[TEXT], reads[TEXT];
} row;

/* Appends to a text of TEXT bytes, with ", " in between. */
static void append(char *text, const char *what)
{
    size_t used = strlen(text);
    snprintf(text + used, TEXT - used, "%s%s", used ? ", " : "", what);
}

static const char *fact(const tp_rules *rules)
{
    if (rules->nodiff) return "nodiff";
    if (rules->slope) return "slope";
    if (rules->linear == TP_LINEAR) return "linear + pull";
    if (rules->linear == TP_MULTILINEAR) return "multilinear + pull";
    return rules->push ? "push + pull" : "pull";
}

static const char *type_name(tp_attr_type type)
{
    static const char *const names[] = {"bool", "int", "double", "dtype", "axis", "axes", "ints", "shape"};
    return names[type];
}

static int inputs_of(const tp_op *op) { return op->n_in < 0 ? 1 : op->n_in; }

static bool reads_input(const tp_op *op, int i)
{
    return op->n_in < 0 ? (op->rules->reads & TP_IN_ALL) != 0 : (op->rules->reads & TP_IN(i)) != 0;
}

static row describe(const tp_op *op)
{
    row r = {.op = op};
    for (int i = 0; i < inputs_of(op); i++) {
        append(r.inputs, op->in_name[i]);
        if (reads_input(op, i)) append(r.reads, op->in_name[i]);
    }
    for (int i = 0; i < op->n_out; i++) {
        append(r.outputs, op->out_name[i]);
        if (op->rules->reads & TP_OUT(i)) append(r.reads, op->out_name[i]);
    }
    for (int i = 0; i < op->n_attr; i++) {
        char attribute[TEXT];
        snprintf(attribute, sizeof attribute, "%s=%s", op->attr[i].name, op->attr[i].value);
        append(r.attributes, attribute);
    }
    return r;
}

static const char * or (const char *text, const char *otherwise) { return text && *text ? text : otherwise; }

/* One line a row. */
static void print_line(const tp_op *op)
{
    row r = describe(op);
    printf("%-16s %-20s %-7s %-18s %-8s %-28s %s%s%s\n", op->name, or (op->signature, "its own"), op->types,
           fact(op->rules), op->rules->nodiff ? "-" : or (r.reads, "nothing"), or (r.attributes, "-"),
           op->doc, op->rules->nodiff ? "; nodiff: " : "", or (op->rules->nodiff, ""));
}

/* All about one row. */
static void print_row(const tp_op *op)
{
    const tp_rules *rules = op->rules;
    row r = describe(op);
    printf("%s: %s\n", op->name, op->doc);
    printf("  inputs      %s%s\n", r.inputs, op->n_in < 0 ? " (a list)" : "");
    printf("  outputs     %s%s\n", r.outputs, op->in_place ? " (overwritten inputs)" : "");
    for (int i = 0; i < op->n_attr; i++)
        printf("  %-11s %s %s = %s\n", i ? "" : "attributes", type_name(op->attr[i].type), op->attr[i].name,
               op->attr[i].value);
    printf("  signature   %s\n", or (op->signature, "its own rule"));
    printf("  dtypes      %s\n", op->types);
    if (rules->text) printf("  expression  %s\n", rules->text);
    printf("  derivative  %s%s%s\n", fact(rules), rules->nodiff ? ": " : "", or (rules->nodiff, ""));
    if (!rules->nodiff) printf("  reads       %s\n", or (r.reads, "nothing"));
    if (rules->no_batch) puts("  directions  one at a time");
    if (rules->narrow) printf("  tested      on a part of its domain: %s\n", rules->narrow);
}

/* The words of "a, b" as a list. */
static json_t *words(const char *text)
{
    json_t *list = json_array();
    for (size_t n; *text; text += n + (text[n] ? 2 : 0)) {
        n = strcspn(text, ",");
        json_array_append_new(list, json_stringn(text, n));
    }
    return list;
}

static json_t *to_json(const tp_op *op)
{
    row r = describe(op);
    json_t *attributes = json_array();
    for (int i = 0; i < op->n_attr; i++) {
        const tp_attr_info *a = &op->attr[i];
        json_array_append_new(attributes, json_pack("{s:s, s:s, s:s}", "name", a->name, "type",
                                                    type_name(a->type), "default", a->value));
    }
    return json_pack("{s:s, s:o, s:b, s:o, s:o, s:b, s:s?, s:s, s:s, s:s?, s:o, s:b, s:s?, s:s}", "name",
                     op->name, "inputs", words(r.inputs), "list", op->n_in < 0, "attributes", attributes,
                     "outputs", words(r.outputs), "in_place", op->in_place, "signature", op->signature,
                     "types", op->types, "derivative", fact(op->rules), "nodiff", op->rules->nodiff, "reads",
                     words(r.reads), "no_batch", op->rules->no_batch, "expression", op->rules->text, "doc",
                     op->doc);
}

static int print_json(json_t *list)
{
    int failed = json_dumpf(list, stdout, JSON_INDENT(2));
    json_decref(list);
    putchar('\n');
    return failed ? CLI_FAILED : CLI_OK;
}

/* --- the samples that the generated tests draw --- */

enum { KINDS = 64 };

/* How many samples there are of each kind. */
typedef struct tally {
    int samples, kinds;
    const char *kind[KINDS];
    int count[KINDS];
} tally;

static void count_sample(const tp_sample *sample, void *user)
{
    tally *t = user;
    int k = 0;
    while (k < t->kinds && strcmp(t->kind[k], sample->kind) != 0) k++;
    if (k == KINDS) return;
    if (k == t->kinds) t->kind[t->kinds++] = sample->kind;
    t->count[k]++;
    t->samples++;
}

static void print_tally(const char *name, const tally *t)
{
    printf("%-16s %4d", name, t->samples);
    for (int k = 0; k < t->kinds; k++) printf("%s %s %d", k ? "," : "  ", t->kind[k], t->count[k]);
    putchar('\n');
}

static bool has_kind(const tally *t, const char *kind)
{
    for (int k = 0; k < t->kinds; k++)
        if (strcmp(t->kind[k], kind) == 0) return true;
    return false;
}

/* Why a row's range is narrow, and why it has no samples of some kinds. */
static void print_reasons(const tp_op *op, const tally *t)
{
    if (op->rules->narrow) printf("  %-22s %s\n", "narrowed", op->rules->narrow);
    for (int i = 0; tp_sample_kind(i); i++)
        if (!has_kind(t, tp_sample_kind(i)))
            printf("  no %-19s %s\n", tp_sample_kind(i), tp_why_no_sample(op, tp_sample_kind(i)));
}

static json_t *tally_to_json(const char *name, const tally *t)
{
    json_t *kinds = json_object();
    for (int k = 0; k < t->kinds; k++) json_object_set_new(kinds, t->kind[k], json_integer(t->count[k]));
    return json_pack("{s:s, s:i, s:o}", "name", name, "samples", t->samples, "kinds", kinds);
}

static int print_cases(tp_context *c, int n, const tp_op *const *ops, bool json, bool reasons)
{
    tally all = {.samples = 0};
    json_t *list = json ? json_array() : NULL;
    for (int i = 0; i < n; i++) {
        tally one = {.samples = 0};
        tp_op_samples(c, ops[i], count_sample, &one);
        tp_op_samples(c, ops[i], count_sample, &all);
        if (json)
            json_array_append_new(list, tally_to_json(ops[i]->name, &one));
        else
            print_tally(ops[i]->name, &one);
        if (reasons && !json) print_reasons(ops[i], &one);
    }
    int status = json ? print_json(list) : CLI_OK;
    if (!json && n > 1) print_tally("all", &all);
    return tp_ok(c) ? status : cli_failed(c, CLI_FAILED);
}

static int print_rows(int n, const tp_op *const *ops, bool json, bool all)
{
    json_t *list = json ? json_array() : NULL;
    for (int i = 0; i < n; i++)
        if (json)
            json_array_append_new(list, to_json(ops[i]));
        else
            (all ? print_line : print_row)(ops[i]);
    return json ? print_json(list) : CLI_OK;
}

static const char *op_name(const void *unused, int i)
{
    (void)unused;
    return tp_op_at(i) ? tp_op_at(i)->name : NULL;
}

static int ops(tp_context *c, const cli_args *args)
{
    enum { MOST = 1000 };
    static const tp_op *chosen[MOST];
    int count = 0, n = args->names;
    bool json = cli_given(args, "--json");
    for (int i = 0; n == 0 && count < MOST && tp_op_at(i); i++) chosen[count++] = tp_op_at(i);
    for (int i = 0; i < n && count < MOST; i++) {
        chosen[count] = tp_op_find(args->name[i]);
        if (!chosen[count++]) return cli_unknown("op", args->name[i], op_name, NULL);
    }
    return cli_given(args, "--cases") ? print_cases(c, count, chosen, json, n > 0)
                                      : print_rows(count, chosen, json, n == 0);
}

static const cli_flag flags[] = {
    {"--json", .help = "an array of objects"},
    {"--cases", .help = "how many test samples a row has of each kind; of rows named, why it has none"},
    {.name = NULL},
};

const cli_verb cli_ops = {
    .name = "ops",
    .arguments = "[--json] [--cases] [NAME...]",
    .summary = "Lists the ops: signature, dtypes, derivative, what backward reads, attributes.",
    .flags = {flags},
    .details = "Without names a line for each op; with names all about these. Columns:\n"
               "  signature   NumPy's gufunc notation; 'its own': a rule of the op\n"
               "  dtypes      a letter each: F float, N number, A any, B bool, I integer, K random key; in\n"
               "              results also S as the input, i64 for integers; D the attribute dtype\n"
               "  derivative  slope: dy/dx of each element; linear, multilinear: the op is its own tangent;\n"
               "              push + pull: a rule for each direction; nodiff: none\n"
               "  reads       what backward reads, and so what a recorded call keeps\n"
               "\n"
               "examples: taper ops | grep slope\n"
               "          taper ops sum matmul_2d\n",
    .most = 1000,
    .run = ops,
};
