/* values.c - the distinct values of a column, sorted to be found. */
#include "data/values.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const tp_value_of *p = a, *q = b;
    if (isnan(p->number)) return strcmp(p->text, q->text);
    return (p->number > q->number) - (p->number < q->number);
}

static int compare_in_order(const void *a, const void *b)
{
    const tp_value_of *p = a, *q = b;
    int order = compare(a, b);
    return order ? order : (p->index > q->index) - (p->index < q->index);
}

static tp_value_of value_of(const char *text, int64_t index, bool number)
{
    tp_value_of v = {.text = text, .number = NAN, .index = index};
    if (number && !tp_number(text, &v.number)) v.number = NAN;
    return v;
}

static bool make_room(tp_values *v, tp_context *c, int64_t n, bool numbers)
{
    *v = (tp_values){.context = c, .room = n, .numbers = numbers};
    v->at = n ? tp_alloc(c, (size_t)n * sizeof *v->at) : NULL;
    return !n || v->at;
}

void tp_values_free(tp_values *v)
{
    if (v->at) tp_free(v->context, v->at, (size_t)v->room * sizeof *v->at);
}

bool tp_values_of_column(tp_values *v, const tp_table *t, int column, const int64_t *rows, int64_t n,
                         bool numbers)
{
    if (!make_room(v, t->context, n, numbers)) return false;
    int64_t all = 0;
    for (int64_t i = 0; i < n; i++) {
        const char *text = tp_table_at(t, rows[i], column);
        if (!tp_missing_text(text)) v->at[all++] = value_of(text, i, numbers);
    }
    if (all) qsort(v->at, (size_t)all, sizeof *v->at, compare_in_order);
    for (int64_t i = 0; i < all; i++) {
        if (i && compare(&v->at[i], &v->at[v->n - 1]) == 0) continue;
        v->at[v->n] = v->at[i];
        v->at[v->n].index = v->n;
        v->n++;
    }
    return true;
}

bool tp_values_of_names(tp_values *v, tp_context *c, const tp_names *names, bool numbers)
{
    double number;
    for (int i = 0; i < names->n; i++) numbers = numbers && tp_number(names->at[i], &number);
    if (!make_room(v, c, names->n, numbers)) return false;
    for (; v->n < names->n; v->n++) v->at[v->n] = value_of(names->at[v->n], v->n, numbers);
    if (v->n) qsort(v->at, (size_t)v->n, sizeof *v->at, compare_in_order);
    return true;
}

int64_t tp_values_find(const tp_values *v, const char *text)
{
    tp_value_of key = value_of(text, 0, v->numbers), *found = NULL;
    if (v->n && !isnan(key.number) == v->numbers)
        found = bsearch(&key, v->at, (size_t)v->n, sizeof key, compare);
    return found ? found->index : -1;
}

tp_names *tp_values_names(const tp_values *v)
{
    if (v->n > INT_MAX) {
        tp_fail(v->context, TP_ERR_DATA, "tp_dataset_open: a column of text has too many different values");
        return NULL;
    }
    size_t size = (size_t)v->n * sizeof(char *) + 1;
    const char **texts = tp_alloc(v->context, size);
    if (!texts) return NULL;
    for (int64_t i = 0; i < v->n; i++) texts[i] = v->at[i].text;
    tp_names *names = tp_names_new(v->context, texts, (int)v->n);
    tp_free(v->context, texts, size);
    return names;
}
