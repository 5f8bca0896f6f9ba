/* plan.c - what the columns of a table are. */
#include "data/csv.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* "column 'age'", or "column 3 (from 0)" of a file without names. */
static const char *column_text(const tp_reading *r, int column, char *buf, size_t n)
{
    if (r->header)
        snprintf(buf, n, "column '%.128s'", r->names.names->at[column]);
    else
        snprintf(buf, n, "column %d (from 0)", column);
    return buf;
}

void tp_reading_fail(const tp_reading *r, int column, const char *text)
{
    char where[160];
    tp_fail(r->context, TP_ERR_DATA, "%s: line %lld, %s: '%.64s' %s", r->table.file, (long long)r->table.line,
            column_text(r, column, where, sizeof where), tp_table_at(&r->table, column), text);
}

/* --- names --- */

/* Whether the first line names the columns: no field of it is a number. */
static bool find_header(const tp_reading *r)
{
    double value;
    if (r->options->header != TP_HEADER_FOUND) return r->options->header == TP_HEADER_YES;
    for (int i = 0; i < r->table.columns; i++)
        if (tp_number(tp_table_at(&r->table, i), &value)) return false;
    return true;
}

/* Keeps the names of the columns; false after recording that two are the same. */
static bool take_names(tp_reading *r)
{
    tp_context *c = r->context;
    int n = r->table.columns;
    const char **texts = tp_alloc(c, (size_t)n * sizeof *texts);
    if (!texts) return false;
    for (int i = 0; i < n; i++) texts[i] = tp_table_at(&r->table, i);
    bool taken = tp_values_set(&r->names, tp_names_new(c, texts, n));
    tp_free(c, texts, (size_t)n * sizeof *texts);
    const char *twice = taken ? tp_values_twice(&r->names) : NULL;
    if (twice) tp_fail(c, TP_ERR_DATA, "%s: line 1: two columns are called '%.128s'", r->table.file, twice);
    return tp_ok(c);
}

/* The column of a name, or of a number as text; -1 if there is none. */
static int find_column(const tp_reading *r, const char *name)
{
    int64_t found = tp_values_find(&r->names, name);
    if (found >= 0) return (int)found;
    int number = 0;
    for (const char *p = name; *p; p++) {
        if (*p < '0' || *p > '9' || number > INT_MAX / 10 - 10) return -1;
        number = 10 * number + (*p - '0');
    }
    return *name && number < r->table.columns ? number : -1;
}

/* --- which columns --- */

/* The target's column: as asked for, or as `like` calls it, or the last. */
static void find_target(tp_reading *r)
{
    const char *name = r->options->target;
    bool called = !name && r->header && r->like && r->like->columns && r->like->target;
    if (called) name = r->like->target->at[0];
    r->target = name ? find_column(r, name) : r->table.columns - 1;
    if (r->target < 0)
        tp_fail(r->context, TP_ERR_DATA, "%s: there is no column '%s' for the target", r->table.file, name);
}

/* All columns but the target. */
static void take_rest(tp_reading *r)
{
    for (int i = 0; i < r->table.columns; i++)
        if (i != r->target) r->source[r->features++] = i;
}

/* The first column from `column` on that has no name and is not the target; -1 if there is none. */
static int next_unnamed(const tp_reading *r, int column)
{
    while (column < r->table.columns && (*r->names.names->at[column] || column == r->target)) column++;
    return column < r->table.columns ? column : -1;
}

/* The columns that `like` has, by name; those without one in their order. */
static void take_named(tp_reading *r)
{
    int unnamed = -1;
    for (int i = 0; i < r->like->columns->n && tp_ok(r->context); i++) {
        const char *name = r->like->columns->at[i];
        int64_t column = *name ? tp_values_find(&r->names, name) : (unnamed = next_unnamed(r, unnamed + 1));
        if (column < 0 || r->features == r->table.columns)
            tp_fail(r->context, TP_ERR_DATA, "%s: the column '%s' is missing", r->table.file, name);
        else
            r->source[r->features++] = (int)column;
    }
}

static void find_columns(tp_reading *r)
{
    bool by_name = r->header && r->like && r->like->columns;
    int64_t wanted = r->like ? r->like->features : -1;
    r->target = -1;
    bool skip = r->kind == TP_TARGET_NONE && r->options->target && !by_name; /* a target to be passed over */
    if (r->kind != TP_TARGET_NONE || skip) find_target(r);
    if (!tp_ok(r->context)) return;
    if (by_name)
        take_named(r);
    else
        take_rest(r);
    if (r->kind == TP_TARGET_NONE) r->target = -1;
    if (!tp_ok(r->context)) return;
    if (r->features == 0)
        tp_fail(r->context, TP_ERR_DATA, "%s: there is no column of values besides the target",
                r->table.file);
    else if (wanted >= 0 && r->features != wanted)
        tp_fail(r->context, TP_ERR_DATA, "%s: %d columns of values, where %lld are expected", r->table.file,
                r->features, (long long)wanted);
}

/* By the first row. */
static bool plan_columns(tp_reading *r)
{
    tp_context *c = r->context;
    size_t n = (size_t)r->table.columns;
    r->source = tp_alloc(c, n * sizeof *r->source);
    r->balance = tp_alloc(c, n * sizeof *r->balance);
    r->column = tp_alloc(c, n);
    if (!r->source || !r->balance || !r->column) return false;
    memset(r->balance, 0, n * sizeof *r->balance);
    memset(r->column, 0, n);
    r->kind = r->options->kind;
    if (r->like && r->kind != TP_TARGET_NONE) r->kind = r->like->kind;
    r->header = find_header(r);
    if (!r->header || take_names(r)) find_columns(r);
    return tp_ok(c);
}

/* --- what is in them --- */

static bool whole(double value) { return value > -9e15 && value < 9e15 && value == (double)(int64_t)value; }

/* Counts the fields of the row in memory. */
static void count_row(tp_reading *r)
{
    double value;
    for (int i = 0; i < r->features; i++) {
        const char *text = tp_table_at(&r->table, r->source[i]);
        if (tp_missing_text(text)) continue;
        r->column[i] |= TP_KNOWN;
        if (!r->like) r->balance[i] += tp_number(text, &value) ? -1 : 1;
    }
    const char *text = r->target < 0 ? "" : tp_table_at(&r->table, r->target);
    if (tp_missing_text(text)) return;
    if (!tp_number(text, &value))
        r->kinds.texts++;
    else if (whole(value))
        r->kinds.wholes++;
    else
        r->kinds.fractions++;
}

/* A column is text if most of its values are no numbers. A number among them is text then, but a text among
 * numbers is an error. */
static void find_kinds(tp_reading *r)
{
    for (int i = 0; i < r->features; i++)
        if (r->like ? r->like->categories && r->like->categories[i] : r->balance[i] > 0)
            r->column[i] |= TP_TEXTS;
    if (r->target < 0) return;
    const tp_kinds *k = &r->kinds;
    bool text = k->texts > k->fractions + k->wholes;
    if (r->kind == TP_TARGET_FOUND)
        r->kind = text || k->fractions == 0 ? TP_TARGET_CLASSES : TP_TARGET_NUMBERS;
    if (r->options->kind == TP_TARGET_CLASSES) text = k->texts > 0;
    r->text = r->kind == TP_TARGET_CLASSES && text;
}

/* --- which rows --- */

/* A column of the row that is missing and may not be, -1 if there is none. */
static int missing_column(const tp_reading *r)
{
    bool fill = r->options->missing == TP_MISSING_MEAN;
    for (int i = 0; !fill && i < r->features; i++)
        if (tp_missing_text(tp_table_at(&r->table, r->source[i]))) return r->source[i];
    if (r->target >= 0 && tp_missing_text(tp_table_at(&r->table, r->target))) return r->target;
    return -1;
}

bool tp_reading_takes_row(tp_reading *r)
{
    if (r->header && r->table.row == 0) return false;
    int column = missing_column(r);
    if (column >= 0 && r->options->missing != TP_MISSING_DROP)
        tp_reading_fail(r, column, "is a missing value");
    return column < 0;
}

/* --- all of it --- */

static void plan_row(void *reading)
{
    tp_reading *r = reading;
    if (r->table.row == 0 && !plan_columns(r)) return;
    if (r->table.row || !r->header) count_row(r);
    r->n += tp_reading_takes_row(r);
}

bool tp_reading_plan(tp_reading *r)
{
    const tp_table *t = &r->table;
    if (!tp_table_each(&r->table, plan_row, r)) return false;
    find_kinds(r);
    if (t->row <= r->header)
        tp_fail(r->context, TP_ERR_DATA, "%s: %s", t->file,
                r->header ? "there is no row below the names of the columns" : "the file is empty");
    else if (r->n == 0)
        tp_fail(r->context, TP_ERR_DATA, "%s: every row has a missing value: nothing is left", t->file);
    return tp_ok(r->context);
}
