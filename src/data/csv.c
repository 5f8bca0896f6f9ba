/* csv.c - the values of a table. */
#include "data/csv.h"

#include <math.h>
#include <string.h>

/* --- what texts stand for --- */

/* A copy of names, which are numbers if all are. */
static bool set_values(tp_values *v, const tp_names *names)
{
    double number;
    v->numbers = true;
    for (int i = 0; i < names->n; i++) v->numbers = v->numbers && tp_number(names->at[i], &number);
    return tp_values_set(v, tp_names_new(v->context, names->at, names->n));
}

/* Those of `like`. */
static bool set_all_values(tp_reading *r)
{
    for (int i = 0; r->values && i < r->features; i++)
        if (r->column[i] & TP_TEXTS && !set_values(&r->values[i], r->like->categories[i])) return false;
    return r->kind != TP_TARGET_CLASSES || set_values(&r->classes, r->like->classes);
}

static void add_values(void *reading)
{
    tp_reading *r = reading;
    const tp_table *t = &r->table;
    double number;
    if (!tp_reading_takes_row(r)) return;
    for (int i = 0; r->values && i < r->features; i++) {
        const char *text = tp_table_at(t, r->source[i]);
        if (r->column[i] & TP_TEXTS && !tp_missing_text(text) && !tp_values_add(&r->values[i], text)) return;
    }
    if (r->kind != TP_TARGET_CLASSES) return;
    const char *text = tp_table_at(t, r->target);
    if (r->text || (tp_number(text, &number) && isfinite(number))) tp_values_add(&r->classes, text);
}

/* Those of the columns themselves. */
static bool find_all_values(tp_reading *r)
{
    r->classes.numbers = !r->text;
    if (!r->values && r->kind != TP_TARGET_CLASSES) return true;
    bool found = tp_table_each(&r->table, add_values, r) && tp_values_settle(&r->classes);
    for (int i = 0; r->values && i < r->features; i++) found = found && tp_values_settle(&r->values[i]);
    return found;
}

static bool make_values(tp_reading *r)
{
    bool texts = false;
    for (int i = 0; i < r->features; i++) texts = texts || r->column[i] & TP_TEXTS;
    if (!texts) return true;
    r->values = tp_alloc(r->context, (size_t)r->features * sizeof *r->values);
    for (int i = 0; r->values && i < r->features; i++) r->values[i] = (tp_values){.context = r->context};
    return r->values != NULL;
}

/* --- the values --- */

static bool read_number(const tp_reading *r, int column, double *value)
{
    if (!tp_number(tp_table_at(&r->table, column), value))
        tp_reading_fail(r, column,
                        r->like ? "is not a number" : "is not a number, as most of the column are");
    else if (!isfinite(*value))
        tp_reading_fail(r, column, "is too large for a number");
    return tp_ok(r->context);
}

static bool read_index(tp_reading *r, int column, const tp_values *values, int64_t *index)
{
    *index = tp_values_find(values, tp_table_at(&r->table, column));
    if (*index >= 0) return true;
    if (r->like)
        tp_reading_fail(r, column, "is none of the values known");
    else
        tp_table_changed(&r->table);
    return false;
}

/* Value i of the row: NaN where it is missing, for the time being. */
static bool read_value(tp_reading *r, int i, double *value)
{
    int column = r->source[i];
    int64_t index;
    if (tp_missing_text(tp_table_at(&r->table, column))) {
        r->column[i] |= TP_GAPS;
        *value = NAN;
        if (!(r->column[i] & TP_KNOWN))
            tp_reading_fail(r, column,
                            r->column[i] & TP_TEXTS ? "is missing, as in all rows"
                                                    : "is missing, as in all rows: there is no mean");
        return tp_ok(r->context);
    }
    if (!(r->column[i] & TP_TEXTS)) return read_number(r, column, value);
    if (!read_index(r, column, &r->values[i], &index)) return false;
    *value = (double)index;
    return true;
}

static bool read_target(tp_reading *r)
{
    double number;
    if (r->target < 0) return true;
    if (r->kind == TP_TARGET_NUMBERS) return read_number(r, r->target, &r->numbers[r->row]);
    if (!r->text && !r->like && !read_number(r, r->target, &number)) return false;
    return read_index(r, r->target, &r->classes, &r->indices[r->row]);
}

static void read_row(void *reading)
{
    tp_reading *r = reading;
    if (!tp_reading_takes_row(r)) return;
    if (r->row == r->n) {
        tp_table_changed(&r->table);
        return;
    }
    for (int i = 0; i < r->features; i++)
        if (!read_value(r, i, &r->x[r->row * r->features + i])) return;
    if (read_target(r)) r->row++;
}

/* --- what is missing --- */

/* The mean of what is known of column i. */
static double mean(const tp_reading *r, int i)
{
    double sum = 0;
    int64_t known = 0;
    for (int64_t row = 0; row < r->n; row++) {
        double x = r->x[row * r->features + i];
        if (isnan(x)) continue;
        sum += x;
        known++;
    }
    return sum / (double)known;
}

/* The commonest value of column i; of several the first. */
static bool commonest(const tp_reading *r, int i, double *index)
{
    int n = r->values[i].names->n, most = 0;
    int64_t *count = tp_alloc(r->context, (size_t)n * sizeof *count);
    if (!count) return false;
    memset(count, 0, (size_t)n * sizeof *count);
    for (int64_t row = 0; row < r->n; row++) {
        double x = r->x[row * r->features + i];
        if (!isnan(x)) count[(int64_t)x]++;
    }
    for (int k = 1; k < n; k++)
        if (count[k] > count[most]) most = k;
    *index = most;
    tp_free(r->context, count, (size_t)n * sizeof *count);
    return true;
}

static bool fill_gaps(tp_reading *r)
{
    for (int i = 0; i < r->features; i++) {
        double value;
        if (!(r->column[i] & TP_GAPS)) continue;
        if (!(r->column[i] & TP_TEXTS))
            value = mean(r, i);
        else if (!commonest(r, i, &value))
            return false;
        for (int64_t row = 0; row < r->n; row++) {
            double *x = &r->x[row * r->features + i];
            if (isnan(*x)) *x = value;
        }
    }
    return true;
}

/* --- the store --- */

static bool make_store(tp_reading *r, tp_store *s)
{
    tp_context *c = r->context;
    tp_shape shape = TP_SHAPE(r->n, r->features);
    if (r->like) { /* perhaps images, here in one row each */
        shape = tp_shape_of(r->like->x);
        shape.v[0] = r->n;
    }
    r->x = tp_store_values(s, tp_zeros(c, shape, TP_F64));
    if (!r->x || r->target < 0) return r->x != NULL;
    if (r->kind == TP_TARGET_CLASSES)
        r->indices = tp_store_targets(s, tp_zeros(c, TP_SHAPE(r->n), TP_I64));
    else
        r->numbers = tp_store_targets(s, tp_zeros(c, TP_SHAPE(r->n), TP_F64));
    return tp_ok(c);
}

static bool name_columns(const tp_reading *r, tp_store *s)
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
    for (int i = 0; i < r->features; i++) texts[i] = r->names.names->at[r->source[i]];
    s->columns = tp_names_new(c, texts, r->features);
    tp_free(c, texts, size);
    const char *target = r->target >= 0 ? r->names.names->at[r->target] : NULL;
    if (target && *target) s->target = tp_names_new(c, &target, 1);
    return tp_ok(c);
}

static bool name_values(tp_reading *r, tp_store *s)
{
    s->classes = tp_values_take(&r->classes);
    if (!r->values) return true;
    size_t size = (size_t)r->features * sizeof *s->categories;
    s->categories = tp_alloc(r->context, size);
    if (!s->categories) return false;
    for (int i = 0; i < r->features; i++) s->categories[i] = tp_values_take(&r->values[i]);
    return true;
}

bool tp_reading_fill(tp_reading *r, tp_store *s)
{
    return make_values(r) && (r->like ? set_all_values(r) : find_all_values(r)) && make_store(r, s) &&
           tp_table_each(&r->table, read_row, r) && fill_gaps(r) && name_columns(r, s) && name_values(r, s);
}

/* --- open --- */

static void free_reading(tp_reading *r)
{
    tp_context *c = r->context;
    size_t columns = (size_t)r->table.columns;
    for (int i = 0; r->values && i < r->features; i++) tp_values_free(&r->values[i]);
    tp_free(c, r->values, (size_t)r->features * sizeof *r->values);
    tp_values_free(&r->classes);
    tp_values_free(&r->names);
    tp_free(c, r->source, columns * sizeof *r->source);
    tp_free(c, r->balance, columns * sizeof *r->balance);
    tp_free(c, r->column, columns);
    tp_table_close(&r->table);
}

tp_dataset *tp_csv_open(tp_context *c, const char *path, const tp_dataset_options *o)
{
    tp_reading r = {.context = c,
                    .options = o,
                    .like = o->like ? o->like->store : NULL,
                    .target = -1,
                    .names.context = c,
                    .classes.context = c};
    tp_mark scope = tp_open_no_grad(c);
    tp_store *s = NULL;
    if (tp_table_open(&r.table, c, path, o->separator) && tp_reading_plan(&r)) s = tp_store_new(c);
    bool filled = s && tp_reading_fill(&r, s);
    free_reading(&r);
    tp_close_scope(c, scope);
    if (s && !filled) {
        tp_object_release(&s->object);
        s = NULL;
    }
    return tp_dataset_of(c, s);
}
