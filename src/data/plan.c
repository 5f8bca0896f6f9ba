/* plan.c - what the columns of a table are. */
#include "data/csv.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

const char *tp_column_text(const tp_reading *r, int column, char *buf, size_t n)
{
    if (r->header)
        snprintf(buf, n, "column '%.128s'", tp_table_at(&r->table, 0, column));
    else
        snprintf(buf, n, "column %d (from 0)", column);
    return buf;
}

void tp_reading_fail(const tp_reading *r, int64_t row, int column, const char *text)
{
    char where[TP_COLUMN_TEXT];
    tp_fail(r->context, TP_ERR_DATA, "%s: line %lld, %s: '%.64s' %s", r->table.file,
            (long long)r->table.line[row], tp_column_text(r, column, where, sizeof where),
            tp_table_at(&r->table, row, column), text);
}

/* --- names --- */

/* Whether the first line names the columns: no field of it is a number. */
static bool find_header(const tp_table *t)
{
    double value;
    for (int i = 0; i < t->columns; i++)
        if (tp_number(tp_table_at(t, 0, i), &value)) return false;
    return true;
}

/* Gives the names in the header their columns; false after recording that two are the same. */
static bool index_names(const tp_reading *r, tp_values *names)
{
    tp_context *c = r->context;
    const tp_table *t = &r->table;
    size_t size = (size_t)t->columns * sizeof(char *);
    const char **texts = tp_alloc(c, size);
    if (!texts) return false;
    for (int i = 0; i < t->columns; i++) texts[i] = tp_table_at(t, 0, i);
    tp_names *list = tp_names_new(c, texts, t->columns);
    tp_free(c, texts, size);
    if (!list) return false;
    bool indexed = tp_values_of_names(names, c, list, false);
    for (int64_t i = 0; i < names->n; i++) names->at[i].text = tp_table_at(t, 0, (int)names->at[i].index);
    tp_names_free(c, list);
    for (int64_t i = 1; indexed && i < names->n; i++)
        if (names->at[i].text[0] && strcmp(names->at[i].text, names->at[i - 1].text) == 0)
            tp_fail(c, TP_ERR_DATA, "%s: line 1: two columns are called '%.128s'", t->file,
                    names->at[i].text);
    return tp_ok(c);
}

/* The column of a name, or of a number as text; -1 if there is none. `names` may be NULL. */
static int find_column(const tp_reading *r, const tp_values *names, const char *name)
{
    int64_t found = names ? tp_values_find(names, name) : -1;
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
static void find_target(tp_reading *r, const tp_values *names)
{
    const char *name = r->options->target;
    bool called = !name && names && r->like && r->like->columns && r->like->target;
    if (called) name = r->like->target->at[0];
    r->target = name ? find_column(r, names, name) : r->table.columns - 1;
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
    while (column < r->table.columns && (*tp_table_at(&r->table, 0, column) || column == r->target)) column++;
    return column < r->table.columns ? column : -1;
}

/* The columns that `like` has, by name; those without one in their order. */
static void take_named(tp_reading *r, const tp_values *names)
{
    int unnamed = -1;
    for (int i = 0; i < r->like->columns->n && tp_ok(r->context); i++) {
        const char *name = r->like->columns->at[i];
        int64_t column = *name ? tp_values_find(names, name) : (unnamed = next_unnamed(r, unnamed + 1));
        if (column < 0 || r->features == r->table.columns)
            tp_fail(r->context, TP_ERR_DATA, "%s: the column '%s' is missing", r->table.file, name);
        else
            r->source[r->features++] = (int)column;
    }
}

static void find_columns(tp_reading *r, const tp_values *names)
{
    bool by_name = names && r->like && r->like->columns;
    int64_t wanted = r->like ? r->like->features : -1;
    r->target = -1;
    bool skip = r->kind == TP_TARGET_NONE && r->options->target && !by_name; /* a target to be passed over */
    if (r->kind != TP_TARGET_NONE || skip) find_target(r, names);
    if (!tp_ok(r->context)) return;
    if (by_name)
        take_named(r, names);
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

/* --- what is in them --- */

static bool whole(const char *text)
{
    double value;
    return tp_number(text, &value) && value > -9e15 && value < 9e15 && value == (double)(int64_t)value;
}

/* Counts a column's values that are no numbers, numbers that are not whole, and the whole ones. */
static void count_kinds(const tp_reading *r, int column, int64_t count[3])
{
    for (int64_t row = r->header; row < r->table.rows; row++) {
        const char *text = tp_table_at(&r->table, row, column);
        double value;
        if (!tp_missing_text(text)) count[tp_number(text, &value) ? 1 + whole(text) : 0]++;
    }
}

/* A column is text if most of its values are no numbers. A number among them is text then, but a text among
 * numbers is an error. */
static void find_kinds(tp_reading *r)
{
    for (int i = 0; i < r->features; i++) {
        int64_t count[3] = {0};
        if (!r->like) count_kinds(r, r->source[i], count);
        r->text[r->source[i]] =
            r->like ? r->like->categories && r->like->categories[i] : count[0] > count[1] + count[2];
    }
    if (r->target < 0) return;
    int64_t count[3] = {0};
    count_kinds(r, r->target, count);
    bool text = count[0] > count[1] + count[2];
    if (r->kind == TP_TARGET_FOUND) r->kind = text || count[1] == 0 ? TP_TARGET_CLASSES : TP_TARGET_NUMBERS;
    if (r->options->kind == TP_TARGET_CLASSES) text = count[0] > 0;
    r->text[r->target] = r->kind == TP_TARGET_CLASSES && text;
}

/* --- which rows --- */

/* A column of row `row` that is missing and may not be, -1 if there is none. */
static int missing_column(const tp_reading *r, int64_t row)
{
    bool fill = r->options->missing == TP_MISSING_MEAN;
    for (int i = 0; !fill && i < r->features; i++)
        if (tp_missing_text(tp_table_at(&r->table, row, r->source[i]))) return r->source[i];
    if (r->target >= 0 && tp_missing_text(tp_table_at(&r->table, row, r->target))) return r->target;
    return -1;
}

static void find_rows(tp_reading *r)
{
    for (int64_t row = r->header; row < r->table.rows; row++) {
        int column = missing_column(r, row);
        if (column < 0) {
            r->row[r->n++] = row;
        } else if (r->options->missing != TP_MISSING_DROP) {
            tp_reading_fail(r, row, column, "is a missing value");
            return;
        }
    }
    if (r->n == 0)
        tp_fail(r->context, TP_ERR_DATA, "%s: every row has a missing value: nothing is left", r->table.file);
}

/* --- all of it --- */

static void find_kind_of_target(tp_reading *r)
{
    r->kind = r->options->kind;
    if (r->like && r->kind != TP_TARGET_NONE) r->kind = r->like->kind;
}

bool tp_reading_plan(tp_reading *r)
{
    tp_context *c = r->context;
    const tp_table *t = &r->table;
    if (t->rows)
        r->header =
            r->options->header == TP_HEADER_FOUND ? find_header(t) : r->options->header == TP_HEADER_YES;
    if (t->rows <= r->header) {
        tp_fail(c, TP_ERR_DATA, "%s: %s", t->file,
                r->header ? "there is no row below the names of the columns" : "the file is empty");
        return false;
    }
    r->source = tp_alloc(c, (size_t)t->columns * sizeof *r->source);
    r->text = tp_alloc(c, (size_t)t->columns * sizeof *r->text);
    r->row = tp_alloc(c, (size_t)t->rows * sizeof *r->row);
    if (!r->source || !r->text || !r->row) return false;
    memset(r->text, 0, (size_t)t->columns * sizeof *r->text);
    find_kind_of_target(r);
    tp_values names = {.context = c};
    if (!r->header || index_names(r, &names)) find_columns(r, r->header ? &names : NULL);
    tp_values_free(&names);
    if (tp_ok(c)) find_kinds(r);
    if (tp_ok(c)) find_rows(r);
    return tp_ok(c);
}
