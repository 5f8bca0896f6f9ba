/* open.c - data by name. */
#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const own[] = {"breast_cancer", "digits", "iris", "wine"};
enum { OWN = sizeof own / sizeof *own };

const char *tp_dataset_name_at(int i) { return i >= 0 && i < OWN ? own[i] : NULL; }

/* The file of a set of our own in the first place that has it; otherwise of the first place. */
static const char *own_path(const char *name, char *path, size_t n)
{
    const char *const places[] = {getenv("TAPER_DATA"), TAPER_INSTALLED_DATA, TAPER_SOURCE_DATA};
    for (int i = 0; i < 3; i++) {
        if (!places[i]) continue;
        snprintf(path, n, "%s/%s/%s.csv", places[i], name, name);
        if (access(path, R_OK) == 0) break;
    }
    return path;
}

static tp_dataset *open_all(tp_context *c, const char *name, const tp_dataset_options *o)
{
    char path[1024];
    if (strcmp(name, "mnist:") == 0) {
        tp_fail(c, TP_ERR_ARGUMENT, "tp_dataset_open: 'mnist:' takes a folder");
        return tp_nil_dataset(c);
    }
    if (strncmp(name, "mnist:", 6) == 0) return tp_idx_open(c, name + 6, o);
    for (int i = 0; i < OWN; i++)
        if (strcmp(name, own[i]) == 0) return tp_csv_open(c, own_path(name, path, sizeof path), o);
    return tp_csv_open(c, name, o);
}

/* Whether the options are such as there are; records why not. */
static bool right_options(tp_context *c, const tp_dataset_options *o)
{
    static const char call[] = "tp_dataset_open";
    static const char *const splits[] = {"all", "train", "test"};
    bool known = !o->split;
    for (int i = 0; i < 3; i++) known = known || strcmp(o->split, splits[i]) == 0;
    if (!known)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: .split is \"train\", \"test\" or \"all\", not \"%.64s\"", call,
                o->split);
    else if (o->separator == '"' || o->separator == '\n' || o->separator == '\r')
        tp_fail(c, TP_ERR_ARGUMENT, "%s: quotes and line ends separate no columns", call);
    else if (o->kind > TP_TARGET_NONE || o->header > TP_HEADER_NO || o->missing > TP_MISSING_MEAN)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: .kind, .header or .missing has a value that means nothing", call);
    else if (o->like)
        tp_object_usable(c, &o->like->object, call, "like");
    return tp_ok(c);
}

tp_dataset *tp_dataset_open_with(tp_context *c, const char *name, const tp_dataset_options *options)
{
    tp_dataset_options o = options ? *options : (tp_dataset_options){0};
    if (!tp_ok(c) || !right_options(c, &o)) return tp_nil_dataset(c);
    if (!name || !*name) {
        tp_fail(c, TP_ERR_ARGUMENT, "tp_dataset_open: argument 'name' is missing");
        return tp_nil_dataset(c);
    }
    if (o.split && strcmp(o.split, "all") == 0) o.split = NULL;
    tp_mark scope = tp_open_scope(c);
    if (!scope) return tp_nil_dataset(c);
    tp_dataset *d = open_all(c, name, &o);
    if (o.split && strncmp(name, "mnist:", 6) != 0)
        d = tp_dataset_fixed_part(d, strcmp(o.split, "test") == 0);
    tp_dataset_keep(d);
    tp_close_scope(c, scope);
    return tp_ok(c) ? d : tp_nil_dataset(c);
}
