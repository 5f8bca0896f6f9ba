/* csv.c - the values of a table, column by column. */
#include "data/csv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *field(const tp_reading *r, int64_t i, int column)
{
    return tp_table_at(&r->table, r->row[i], column);
}

/* --- one column --- */

/* Where a column goes: element i at out[i * step]. */
typedef struct place {
    double *out;
    int64_t step;
} place;

static bool read_number(const tp_reading *r, int64_t i, int column, double *value)
{
    if (!tp_number(field(r, i, column), value))
        tp_reading_fail(r, r->row[i], column,
                        r->like ? "is not a number" : "is not a number, as most of the column are");
    else if (!isfinite(*value))
        tp_reading_fail(r, r->row[i], column, "is too large for a number");
    return tp_ok(r->context);
}

/* Numbers; the mean of the others where one is missing. */
static bool fill_numbers(const tp_reading *r, int column, place to)
{
    double sum = 0;
    int64_t known = 0;
    for (int64_t i = 0; i < r->n; i++) {
        double *value = &to.out[i * to.step];
        if (tp_missing_text(field(r, i, column))) continue;
        if (!read_number(r, i, column, value)) return false;
        sum += *value;
        known++;
    }
    for (int64_t i = 0; known < r->n && i < r->n; i++) {
        if (!tp_missing_text(field(r, i, column))) continue;
        if (!known) tp_reading_fail(r, r->row[i], column, "is missing, as in all rows: there is no mean");
        if (!known) return false;
        to.out[i * to.step] = sum / (double)known;
    }
    return true;
}

/* The commonest value of those filled in; of several the first. */
static bool commonest(const tp_reading *r, int column, place to, int64_t values, int64_t *index)
{
    size_t size = (size_t)values * sizeof(int64_t) + 1;
    int64_t *count = tp_alloc(r->context, size);
    if (!count) return false;
    memset(count, 0, size);
    *index = 0;
    for (int64_t i = 0; i < r->n; i++)
        if (!tp_missing_text(field(r, i, column))) count[(int64_t)to.out[i * to.step]]++;
    for (int64_t k = 0; k < values; k++)
        if (count[k] > count[*index]) *index = k;
    tp_free(r->context, count, size);
    return true;
}

/* Indices among `values`; where one is missing that of the commonest. */
static bool fill_indices(const tp_reading *r, int column, const tp_values *values, place to)
{
    int64_t missing = 0, common;
    for (int64_t i = 0; i < r->n; i++) {
        const char *text = field(r, i, column);
        bool gap = tp_missing_text(text);
        int64_t index = gap ? 0 : tp_values_find(values, text);
        if (index < 0) {
            tp_reading_fail(r, r->row[i], column, "is none of the values known");
            return false;
        }
        to.out[i * to.step] = (double)index;
        missing += gap;
    }
    if (missing == r->n) {
        tp_reading_fail(r, r->row[0], column, "is missing, as in all rows");
        return false;
    }
    if (!missing) return true;
    if (!commonest(r, column, to, values->n, &common)) return false;
    for (int64_t i = 0; i < r->n; i++)
        if (tp_missing_text(field(r, i, column))) to.out[i * to.step] = (double)common;
    return true;
}

/* The same with the values that `like` has or the column itself, whose names go to *names. */
static bool fill_named(const tp_reading *r, int column, const tp_names *like, bool numbers, tp_names **names,
                       place to)
{
    tp_context *c = r->context;
    tp_values values = {.context = c};
    bool found = like ? tp_values_of_names(&values, c, like, true)
                      : tp_values_of_column(&values, &r->table, column, r->row, r->n, numbers);
    found = found && fill_indices(r, column, &values, to);
    if (found && like) *names = tp_names_new(c, like->at, like->n);
    if (found && !like) *names = tp_values_names(&values);
    tp_values_free(&values);
    return found && *names;
}

/* --- all columns --- */

static bool fill_values(const tp_reading *r, tp_store *s)
{
    tp_context *c = r->context;
    tp_shape shape = TP_SHAPE(r->n, r->features);
    if (r->like) { /* perhaps images, here in one row each */
        shape = tp_shape_of(r->like->x);
        shape.v[0] = r->n;
    }
    double *out = tp_store_values(s, tp_zeros(c, shape, TP_F64));
    size_t size = (size_t)r->features * sizeof *s->categories;
    for (int i = 0; out && i < r->features; i++) {
        int column = r->source[i];
        place to = {out + i, r->features};
        if (!r->text[column]) {
            if (!fill_numbers(r, column, to)) return false;
            continue;
        }
        if (!s->categories) {
            s->categories = tp_alloc(c, size);
            if (!s->categories) return false;
            memset(s->categories, 0, size);
        }
        if (!fill_named(r, column, r->like ? r->like->categories[i] : NULL, false, &s->categories[i], to))
            return false;
    }
    return out != NULL;
}

static bool fill_targets(const tp_reading *r, tp_store *s)
{
    tp_context *c = r->context;
    if (r->target < 0) return true;
    tp_tensor *y = tp_zeros(c, TP_SHAPE(r->n), TP_F64);
    place to = {tp_data_mut(y), 1};
    if (!to.out) return false;
    if (r->kind == TP_TARGET_NUMBERS) {
        tp_store_targets(s, y);
        return fill_numbers(r, r->target, to);
    }
    if (!r->text[r->target] && !r->like && !fill_numbers(r, r->target, to))
        return false; /* are all numbers? */
    const tp_names *like = r->like ? r->like->classes : NULL;
    if (!fill_named(r, r->target, like, !r->text[r->target], &s->classes, to)) return false;
    return tp_store_targets(s, tp_cast(y, TP_I64)) != NULL;
}

static bool fill_names(const tp_reading *r, tp_store *s)
{
    tp_context *c = r->context;
    if (r->like) {
        if (r->like->columns) s->columns = tp_names_new(c, r->like->columns->at, r->like->columns->n);
        if (r->like->target) s->target = tp_names_new(c, r->like->target->at, 1);
        return tp_ok(c);
    }
    if (!r->header) return true;
    size_t size = (size_t)r->features * sizeof(char *);
    const char **texts = tp_alloc(c, size);
    if (!texts) return false;
    for (int i = 0; i < r->features; i++) texts[i] = tp_table_at(&r->table, 0, r->source[i]);
    s->columns = tp_names_new(c, texts, r->features);
    tp_free(c, texts, size);
    const char *target = r->target >= 0 ? tp_table_at(&r->table, 0, r->target) : NULL;
    if (target && *target) s->target = tp_names_new(c, &target, 1);
    return tp_ok(c);
}

bool tp_reading_fill(tp_reading *r, tp_store *s)
{
    return fill_values(r, s) && fill_targets(r, s) && fill_names(r, s);
}

/* --- open --- */

static void free_reading(tp_reading *r)
{
    tp_context *c = r->context;
    tp_free(c, r->source, (size_t)r->table.columns * sizeof *r->source);
    tp_free(c, r->text, (size_t)r->table.columns * sizeof *r->text);
    tp_free(c, r->row, (size_t)r->table.rows * sizeof *r->row);
    tp_table_free(&r->table);
}

tp_dataset *tp_csv_open(tp_context *c, const char *path, const tp_dataset_options *o)
{
    tp_reading r = {.context = c, .options = o, .like = o->like ? o->like->store : NULL};
    tp_mark scope = tp_open_no_grad(c);
    tp_store *s = NULL;
    if (tp_table_read(&r.table, c, path, o->separator) && tp_reading_plan(&r)) s = tp_store_new(c);
    bool filled = s && tp_reading_fill(&r, s);
    free_reading(&r);
    tp_close_scope(c, scope);
    if (s && !filled) {
        tp_object_release(&s->object);
        s = NULL;
    }
    return tp_dataset_of(c, s);
}
