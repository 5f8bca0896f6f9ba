/* values.c - the distinct values of a column, sorted to be found. */
#include "data/values.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 256, LARGE = 1 << 18 }; /* bytes to add texts in; of names whose old blocks are given back */

static int compare(const char *a, const char *b, bool numbers)
{
    double x = 0, y = 0;
    if (!numbers) return strcmp(a, b);
    tp_number(a, &x);
    tp_number(b, &y);
    return (x > y) - (x < y);
}

static int in_order(const tp_value *p, const tp_value *q, bool numbers)
{
    int order = compare(p->text, q->text, numbers);
    return order ? order : (p->index > q->index) - (p->index < q->index);
}

static int compare_texts(const void *a, const void *b) { return in_order(a, b, false); }

static int compare_numbers(const void *a, const void *b) { return in_order(a, b, true); }

static void sort(tp_value *list, size_t n, bool numbers)
{
    qsort(list, n, sizeof *list, numbers ? compare_numbers : compare_texts);
}

static void free_sorted(tp_values *v)
{
    if (v->sorted) tp_free(v->context, v->sorted, (size_t)v->names->n * sizeof *v->sorted);
    v->sorted = NULL;
}

static void free_added(tp_values *v)
{
    tp_free(v->context, v->added, v->added_room);
    v->added = NULL;
    v->added_used = v->added_room = 0;
}

void tp_values_free(tp_values *v)
{
    free_sorted(v);
    free_added(v);
    tp_names_free(v->context, v->names);
    v->names = NULL;
}

tp_names *tp_values_take(tp_values *v)
{
    tp_names *names = v->names;
    free_sorted(v);
    v->names = NULL;
    return names;
}

int64_t tp_values_find(const tp_values *v, const char *text)
{
    double number;
    int first = 0, end = v->names ? v->names->n : 0;
    if (v->numbers && !tp_number(text, &number)) return -1;
    while (first < end) {
        int middle = first + (end - first) / 2;
        int order = compare(text, v->sorted ? v->sorted[middle].text : v->names->at[middle], v->numbers);
        if (order == 0) return v->sorted ? v->sorted[middle].index : middle;
        if (order < 0)
            end = middle;
        else
            first = middle + 1;
    }
    return -1;
}

bool tp_values_set(tp_values *v, tp_names *names)
{
    v->names = names;
    v->sorted = names && names->n ? tp_alloc(v->context, (size_t)names->n * sizeof *v->sorted) : NULL;
    if (!v->sorted) return names && !names->n;
    for (int i = 0; i < names->n; i++) v->sorted[i] = (tp_value){names->at[i], i};
    sort(v->sorted, (size_t)names->n, v->numbers);
    return true;
}

const char *tp_values_twice(const tp_values *v)
{
    for (int i = 1; i < v->names->n; i++) {
        const char *text = v->sorted[i].text;
        if (*text && strcmp(text, v->sorted[i - 1].text) == 0) return text;
    }
    return NULL;
}

/* --- one by one --- */

/* The names and those of a sorted list, each once; NULL after recording the failure. What is in the names
 * already keeps its text. */
static tp_names *merge(const tp_values *v, tp_value *list, size_t n)
{
    size_t before = v->names ? (size_t)v->names->n : 0, fresh = 0, size = sizeof(tp_names);
    if (v->names) size = v->names->size;
    for (size_t i = 0; i < n; i++) {
        bool twice = i && compare(list[i].text, list[i - 1].text, v->numbers) == 0;
        if (twice || tp_values_find(v, list[i].text) >= 0) continue;
        size += sizeof(char *) + strlen(list[i].text) + 1;
        list[fresh++] = list[i];
    }
    if (before + fresh > INT_MAX) {
        tp_fail(v->context, TP_ERR_DATA, "tp_dataset_open: a column of text has too many different values");
        return NULL;
    }
    tp_names *names = tp_alloc(v->context, size);
    if (!names) return NULL;
    *names = (tp_names){.n = (int)(before + fresh), .size = size};
    char *to = (char *)(names->at + names->n);
    for (size_t i = 0, k = 0, at = 0; at < before + fresh; at++) {
        bool old = k == fresh || (i < before && compare(v->names->at[i], list[k].text, v->numbers) < 0);
        const char *text = old ? v->names->at[i++] : list[k++].text;
        size_t length = strlen(text) + 1;
        names->at[at] = memcpy(to, text, length);
        to += length;
    }
    return names;
}

bool tp_values_settle(tp_values *v)
{
    size_t n = 0, i = 0;
    if (v->added_used == 0) return true;
    const char *end = v->added + v->added_used;
    for (const char *text = v->added; text < end; text += strlen(text) + 1) n++;
    tp_value *list = tp_alloc(v->context, n * sizeof *list);
    if (!list) return false;
    for (const char *text = v->added; text < end; text += strlen(text) + 1, i++)
        list[i] = (tp_value){text, (int64_t)i};
    sort(list, n, v->numbers);
    tp_names *names = merge(v, list, n);
    tp_free(v->context, list, n * sizeof *list);
    free_added(v);
    if (!names) return false;
    tp_names_free(v->context, v->names);
    v->names = names;
    if (names->size > LARGE) tp_memory_trim(v->context);
    return true;
}

/* Room for more texts grows with the names, so that to settle takes little time for each. */
bool tp_values_add(tp_values *v, const char *text)
{
    size_t length = strlen(text) + 1;
    if (tp_values_find(v, text) >= 0) return true;
    if (v->added_used + length > v->added_room) {
        if (!tp_values_settle(v)) return false;
        size_t room = v->names ? v->names->size / 4 : 0;
        if (room < LEAST) room = LEAST;
        if (room < length) room = length;
        v->added = tp_alloc(v->context, room);
        if (!v->added) return false;
        v->added_room = room;
    }
    memcpy(v->added + v->added_used, text, length);
    v->added_used += length;
    return true;
}
