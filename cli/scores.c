/* scores.c - scores as text and JSON, and what is required of them. */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- print ------------------------------------------------------------------------------------- */

void cli_print_scores(const tp_scores *scores)
{
    printf("%-10s %lld\n", "samples", (long long)scores->n);
    for (int i = 0; tp_score_name(i); i++) {
        double value = tp_scores_get(scores, tp_score_name(i));
        if (!isnan(value)) printf("%-10s %#.6g\n", tp_score_name(i), value);
    }
}

json_t *cli_scores_json(const tp_scores *scores)
{
    json_t *o = json_pack("{s:I}", "samples", (json_int_t)scores->n);
    for (int i = 0; tp_score_name(i); i++) {
        double value = tp_scores_get(scores, tp_score_name(i));
        if (isfinite(value)) json_object_set_new(o, tp_score_name(i), json_real(value));
    }
    return o;
}

int cli_print_json(json_t *value)
{
    char *text = json_dumps(value, CLI_JSON);
    json_decref(value);
    if (text) puts(text);
    if (!text) fputs("taper: no memory\n", stderr);
    free(text);
    return text ? CLI_OK : CLI_FAILED;
}

/* --- report ------------------------------------------------------------------------------------ */

static int class_width(const tp_dataset *data)
{
    size_t width = strlen("weighted avg");
    for (int i = 0; i < tp_dataset_classes(data); i++) {
        size_t length = strlen(tp_dataset_class_name(data, i));
        if (length > width) width = length;
    }
    return (int)width;
}

static void print_average(int width, const char *name, tp_tensor *confusion, tp_average average, int64_t n)
{
    printf("%-*s %10.4f %10.4f %10.4f %10lld\n", width, name, tp_precision(confusion, average),
           tp_recall(confusion, average), tp_f1(confusion, average), (long long)n);
}

void cli_print_report(const tp_scores *scores, const tp_dataset *data)
{
    int n = tp_dataset_classes(data), width = class_width(data);
    tp_tensor *of = tp_class_scores(scores->confusion);
    printf("\n%-*s %10s %10s %10s %10s\n", width, "class", "precision", "recall", "f1", "support");
    for (int i = 0; i < n; i++)
        printf("%-*s %10.4f %10.4f %10.4f %10.0f\n", width, tp_dataset_class_name(data, i),
               tp_get(of, TP_INTS(i, 0)), tp_get(of, TP_INTS(i, 1)), tp_get(of, TP_INTS(i, 2)),
               tp_get(of, TP_INTS(i, 3)));
    print_average(width, "macro avg", scores->confusion, TP_MACRO, scores->n);
    print_average(width, "weighted avg", scores->confusion, TP_WEIGHTED, scores->n);
    printf("\nof the class (row), how many were predicted to be of the class (column)\n%-*s", width, "");
    for (int k = 0; k < n; k++) printf(" %6.6s", tp_dataset_class_name(data, k));
    for (int i = 0; i < n; i++) {
        printf("\n%-*s", width, tp_dataset_class_name(data, i));
        for (int k = 0; k < n; k++) printf(" %6.0f", tp_get(scores->confusion, TP_INTS(i, k)));
    }
    putchar('\n');
}

/* "classes": one object each, and "confusion": rows of counts. */
void cli_report_json(json_t *o, const tp_scores *scores, const tp_dataset *data)
{
    int n = tp_dataset_classes(data);
    tp_tensor *of = tp_class_scores(scores->confusion);
    json_t *classes = json_array(), *confusion = json_array();
    for (int i = 0; i < n; i++) {
        json_t *row = json_array();
        json_array_append_new(classes,
                              json_pack("{s:s, s:f, s:f, s:f, s:I}", "class", tp_dataset_class_name(data, i),
                                        "precision", tp_get(of, TP_INTS(i, 0)), "recall",
                                        tp_get(of, TP_INTS(i, 1)), "f1", tp_get(of, TP_INTS(i, 2)), "support",
                                        (json_int_t)tp_get(of, TP_INTS(i, 3))));
        for (int k = 0; k < n; k++)
            json_array_append_new(row, json_integer((json_int_t)tp_get(scores->confusion, TP_INTS(i, k))));
        json_array_append_new(confusion, row);
    }
    json_object_set_new(o, "classes", classes);
    json_object_set_new(o, "confusion", confusion);
}

/* --- require ----------------------------------------------------------------------------------- */

enum { NAME = 32 };

/* "accuracy>=0.95", read. */
typedef struct requirement {
    char name[NAME];
    char sign;  /* of "<" or ">" ... */
    bool equal; /* ... or "<=" or ">=" */
    double bound;
} requirement;

static const char *score_name(const void *unused, int i)
{
    (void)unused;
    return tp_score_name(i);
}

static bool is_score(const char *name)
{
    for (int i = 0; tp_score_name(i); i++)
        if (strcmp(tp_score_name(i), name) == 0) return true;
    return false;
}

static int read_requirement(const cli_args *args, const char *text, requirement *r)
{
    size_t n = strcspn(text, "<>");
    const char *bound = text + n + 1;
    r->sign = text[n];
    r->equal = r->sign && *bound == '=';
    if (!r->sign || n == 0 || n >= NAME || !cli_to_number(bound + r->equal, &r->bound))
        return cli_usage(
            args, "--require takes a score, <, <=, > or >=, and a number: accuracy>=0.95, not '%s'", text);
    snprintf(r->name, sizeof r->name, "%.*s", (int)n, text);
    return is_score(r->name) ? CLI_OK : cli_unknown("score", r->name, score_name, NULL);
}

int cli_check_requirements(const cli_args *args)
{
    requirement r;
    int status = CLI_OK;
    const char *text;
    for (int i = 0; status == CLI_OK && (text = cli_text_at(args, "--require", i)); i++)
        status = read_requirement(args, text, &r);
    return status;
}

int cli_require(const cli_args *args, const tp_scores *scores)
{
    requirement r;
    int status = CLI_OK;
    const char *text;
    for (int i = 0; (text = cli_text_at(args, "--require", i)); i++) {
        read_requirement(args, text, &r);
        double value = tp_scores_get(scores, r.name);
        bool met = r.sign == '<' ? value < r.bound : value > r.bound;
        if (met || (r.equal && value == r.bound)) continue;
        fprintf(stderr, "taper: required %s, but %s is %.9g\n", text, r.name, value);
        status = CLI_GATE;
    }
    return status;
}
