/* The samples that ops are tested on: are they what they are said to be? */
#include "testing.h"

#include <taper/ext.h>
#include <taper/ops.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { KINDS = 32, MOST = 400 };

/* What one walk over an op's samples saw. */
typedef struct survey {
    const tp_op *op;
    int count[KINDS];
    int views, all;
    double value[MOST]; /* the first float of each sample */
    tp_attr first[TP_MAX_ATTR];
    bool varies[TP_MAX_ATTR];
    void (*look)(const tp_sample *s, const tp_op *op);
} survey;

static bool same_attribute(const tp_attr_info *info, const tp_attr *a, const tp_ints *kept, const tp_attr *b)
{
    switch (info->type) {
    case TP_ATTR_BOOL: return a->b == b->b;
    case TP_ATTR_DOUBLE: return a->d == b->d;
    case TP_ATTR_INT:
    case TP_ATTR_DTYPE:
    case TP_ATTR_AXIS: return a->i == b->i;
    default: return memcmp(kept, b->v, sizeof *kept) == 0;
    }
}

static tp_ints first_list[TP_MAX_ATTR];

static void see(const tp_sample *s, void *user)
{
    survey *v = user;
    int k = 0;
    while (tp_sample_kind(k) && strcmp(tp_sample_kind(k), s->kind)) k++;
    assert_non_null(tp_sample_kind(k));
    v->count[k]++;
    for (int a = 0; a < v->op->n_attr; a++) {
        bool list = v->op->attr[a].type >= TP_ATTR_AXES;
        if (v->all == 0) {
            v->first[a] = s->attr[a];
            if (list) first_list[a] = *s->attr[a].v;
        }
        if (!same_attribute(&v->op->attr[a], &v->first[a], &first_list[a], &s->attr[a])) v->varies[a] = true;
    }
    for (int i = 0; i < s->n_in; i++) v->views += !tp_is_contiguous(s->in[i]);
    if (tp_numel(s->in[0]) && v->all < MOST) {
        int64_t zero[TP_INTERNAL_RANK] = {0};
        tp_ints index = {.n = tp_rank(s->in[0])};
        memcpy(index.v, zero, sizeof zero);
        v->value[v->all] = tp_get(s->in[0], index);
    }
    v->all++;
    if (v->look) v->look(s, v->op);
}

static survey walk(tp_context *c, const char *name, void (*look)(const tp_sample *s, const tp_op *op))
{
    survey v = {.op = tp_op_find(name), .look = look};
    assert_non_null(v.op);
    int n = tp_op_samples(c, v.op, see, &v);
    assert_int_equal(n, v.all);
    assert_true(tp_ok(c));
    return v;
}

static int count_of(const survey *v, const char *kind)
{
    for (int k = 0; tp_sample_kind(k); k++)
        if (strcmp(tp_sample_kind(k), kind) == 0) return v->count[k];
    return -1;
}

/* What has no sample has a reason. Returns how many kinds have none. */
static int empty_kinds(const survey *v)
{
    int empty = 0;
    for (int k = 0; tp_sample_kind(k); k++) {
        if (v->count[k]) continue;
        const char *why = tp_why_no_sample(v->op, tp_sample_kind(k));
        assert_true(why && *why);
        empty++;
        if (strstr(why, "its own")) printf("%s: no sample %s: %s\n", v->op->name, tp_sample_kind(k), why);
    }
    return empty;
}

/* Every attribute takes two values, except where another dtype than f64 would blur the differences. */
static void expect_two_values(const survey *v)
{
    for (int a = 0; a < v->op->n_attr; a++)
        if (!v->varies[a] && v->op->attr[a].type != TP_ATTR_DTYPE && !v->op->rules->nodiff)
            fail_msg("%s: samples give attribute '%s' one value only", v->op->name, v->op->attr[a].name);
}

/* A range narrower than the usual has a reason. */
static bool is_narrow(const tp_op *op)
{
    const tp_rules *r = op->rules;
    bool narrow = false;
    for (int i = 0; i < 3; i++)
        narrow = narrow || ((r->lo[i] > -2 || r->hi[i] < 2) && (r->lo[i] != 0 || r->hi[i] != 0));
    if (narrow && !r->narrow && !r->nodiff) fail_msg("%s: a narrow range without a reason", op->name);
    if (r->narrow) printf("%s: narrow: %s\n", op->name, r->narrow);
    return r->narrow;
}

static void test_every_row(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    int empty = 0, narrow = 0, n = 0;
    for (const tp_op *op; (op = tp_op_at(n)); n++) {
        survey v = walk(c, op->name, NULL);
        empty += empty_kinds(&v);
        narrow += is_narrow(op);
        expect_two_values(&v);
        assert_true(v.views > 0);
    }
    printf("%d rows, %d empty kinds, %d narrowed ranges\n", n, empty, narrow);
    assert_int_equal(tp_close(c), 0);
}

static void test_kinds_of_matmul(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    survey v = walk(c, "matmul_2d", NULL);
    assert_int_equal(count_of(&v, "rank 0") + count_of(&v, "rank 1"), 0);
    assert_string_equal(tp_why_no_sample(v.op, "rank 1"), "it needs more axes");
    assert_int_equal(count_of(&v, "rank 4"), 1);
    assert_int_equal(count_of(&v, "size-1 core"), 3);    /* m, k, n */
    assert_int_equal(count_of(&v, "zero-size core"), 4); /* and all */
    assert_int_equal(count_of(&v, "broadcast"), 3);
    assert_int_equal(count_of(&v, "same tensor twice"), 1);
    assert_int_equal(tp_close(c), 0);
}

/* --- single samples --- */

static void same_twice(const tp_sample *s, const tp_op *op)
{
    (void)op;
    assert_true((s->in[0] == s->in[1]) == (strcmp(s->kind, "same tensor twice") == 0));
}

static void all_of_one_sign(const tp_sample *s, const tp_op *op)
{
    double x[64];
    assert_int_equal(tp_read_doubles(s->in[0], x, tp_numel(s->in[0])), TP_OK);
    for (int64_t k = 0; k < tp_numel(s->in[0]); k++) {
        assert_true(x[k] >= op->rules->lo[0] && x[k] <= op->rules->hi[0]);
        assert_true(x[k] > 0);
    }
}

static void away_from_0(const tp_sample *s, const tp_op *op)
{
    double x[64];
    (void)op;
    tp_read_doubles(s->in[0], x, tp_numel(s->in[0]));
    for (int64_t k = 0; k < tp_numel(s->in[0]); k++) assert_true(fabs(x[k]) >= 0.05);
}

static void all_different(const tp_sample *s, const tp_op *op)
{
    double x[128];
    int64_t n = tp_numel(s->in[0]), m = tp_numel(s->in[1]);
    (void)op;
    if (strcmp(s->kind, "expanded") == 0 || strcmp(s->kind, "same tensor twice") == 0) return;
    tp_read_doubles(s->in[0], x, n);
    tp_read_doubles(s->in[1], x + n, m);
    for (int64_t i = 0; i < n + m; i++)
        for (int64_t k = 0; k < i; k++) assert_true(fabs(x[i] - x[k]) > 1e-3);
}

static bool below_0;

static void in_range(const tp_sample *s, const tp_op *op)
{
    double index[64];
    int axis = (int)s->attr[0].i;
    (void)op;
    tp_read_doubles(s->in[1], index, tp_numel(s->in[1]));
    for (int64_t k = 0; k < tp_numel(s->in[1]); k++) {
        double n = (double)tp_size(s->in[0], axis);
        assert_true(index[k] >= -n && index[k] < n);
        below_0 = below_0 || index[k] < 0;
    }
}

static int longest, shortest;

static void lengths(const tp_sample *s, const tp_op *op)
{
    (void)op;
    longest = s->n_in > longest ? s->n_in : longest;
    shortest = s->n_in < shortest ? s->n_in : shortest;
}

static void test_values(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    walk(c, "mul", same_twice);
    walk(c, "log", all_of_one_sign);
    walk(c, "relu", away_from_0);
    walk(c, "maximum", all_different);
    walk(c, "gather", in_range);
    assert_true(below_0);
    shortest = 9;
    walk(c, "concat", lengths);
    assert_int_equal(shortest, 1);
    assert_int_equal(longest, 3);
    assert_int_equal(tp_close(c), 0);
}

static void test_the_same_each_time(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    survey a = walk(c, "sort", NULL), b = walk(c, "sort", NULL);
    assert_int_equal(a.all, b.all);
    assert_memory_equal(a.value, b.value, sizeof a.value);
    assert_true(a.value[3] != a.value[4]);
    assert_int_equal(tp_close(c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row),
        cmocka_unit_test(test_kinds_of_matmul),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_the_same_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
