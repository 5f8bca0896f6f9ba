#include "fixture.h"

#include <taper/ext.h>

/* Wrong calls of every row, made from the row and one of its samples. */

typedef struct row {
    tp_context *c, *other;
    const tp_op *op;
    const tp_sample *sample;
    tp_tensor *in[TP_SAMPLE_INPUTS + 1];
    tp_attr attr[TP_MAX_ATTR];
    int n_in;
    int calls;
    bool taken;
} row;

static const char *input_name(const row *r, int i)
{
    static char name[64];
    snprintf(name, sizeof name, r->op->n_in < 0 ? "%s[%d]" : "%s", r->op->in_name[r->op->n_in < 0 ? 0 : i],
             i);
    return name;
}

/* The sample's own arguments, for the next wrong call to spoil one of. */
static void restore(row *r)
{
    r->n_in = r->sample->n_in;
    for (int i = 0; i < r->n_in; i++) r->in[i] = r->sample->in[i];
    memcpy(r->attr, r->sample->attr, sizeof r->attr);
}

static void put_shape(char *text, size_t room, const tp_tensor *t)
{
    size_t used = strlen(text);
    used += (size_t)snprintf(text + used, room - used, "[");
    for (int i = 0; i < tp_rank(t); i++)
        used += (size_t)snprintf(text + used, room - used, i ? ",%lld" : "%lld", (long long)tp_size(t, i));
    snprintf(text + used, room - used, "]");
}

/* The call as it stands must fail with this text and leave nothing behind. */
static void refused(row *r, tp_status status, const char *text)
{
    tp_tensor *extra[TP_MAX_OUT];
    tp_mark scope = tp_open_scope(r->c);
    tp_tensor *y = tp_apply(r->op, r->n_in, r->in, r->attr, extra);
    bool nil = tp_is_nil(y);
    for (int o = 1; o < r->op->n_out; o++) nil = nil && tp_is_nil(extra[o - 1]);
    tp_close_scope(r->c, scope);
    if (!nil || tp_error(r->c) != status || strcmp(tp_error_text(r->c), text) != 0) {
        print_error("%s: expected %d '%s', got %d '%s'\n", r->op->name, (int)status, text,
                    (int)tp_error(r->c), tp_error_text(r->c));
        fail();
    }
    if (getenv("SHOW")) print_message("%s\n", text);
    tp_clear(r->c);
    restore(r);
    r->calls++;
}

static void argument(row *r, tp_status status, const char *format, int i)
{
    char text[256], what[200];
    snprintf(what, sizeof what, format, input_name(r, i));
    snprintf(text, sizeof text, "%s: %s", r->op->name, what);
    refused(r, status, text);
}

static void wrong_handles(row *r)
{
    tp_mark scope = tp_open_scope_named(r->c, "the loop");
    tp_tensor *stale = NUMBER(r->c, 1);
    tp_close_scope(r->c, scope);
    for (int i = 0; i < r->sample->n_in; i++) {
        r->in[i] = tp_nil(r->c);
        argument(r, TP_ERR_ARGUMENT, "argument '%s' is nil", i);
        r->in[i] = stale;
        argument(r, TP_ERR_STATE, "argument '%s' was freed when the scope opened at the loop was closed", i);
        if (r->n_in == 1) continue; /* the context of the call is that of its arguments */
        r->in[i] = NULL;
        argument(r, TP_ERR_ARGUMENT, "argument '%s' is NULL", i);
        if (i == 0) continue;
        r->in[i] = NUMBER(r->other, 1);
        argument(r, TP_ERR_ARGUMENT, "argument '%s' belongs to another context", i);
    }
}

static void wrong_count(row *r)
{
    char text[128];
    if (r->op->n_in < 0) return;
    int n = r->op->n_in;
    const char *s = r->op->signature;
    snprintf(text, sizeof text, "%s%s%s: takes %d input%s, got %d", r->op->name, s ? " " : "", s ? s : "", n,
             n > 1 ? "s" : "", n + 1);
    r->in[r->n_in++] = NUMBER(r->c, 1);
    refused(r, TP_ERR_ARGUMENT, text);
}

static void wrong_dtype(row *r)
{
    for (int i = 0; i < r->sample->n_in; i++) {
        char letter = r->op->types[r->op->n_in < 0 ? 0 : i], text[160];
        if (letter != 'I' && letter != 'K') continue;
        r->in[i] = tp_zeros(r->c, tp_shape_of(r->in[i]), TP_F32);
        snprintf(text, sizeof text, "%s%s%s: argument '%s' takes %s, got f32", r->op->name,
                 r->op->signature ? " " : "", r->op->signature ? r->op->signature : "", input_name(r, i),
                 letter == 'I' ? "integers" : "a u64 key");
        refused(r, TP_ERR_DTYPE, text);
    }
}

static void wrong_axis(row *r)
{
    int rank = tp_rank(r->sample->in[0]);
    for (int k = 0; k < r->op->n_attr; k++) {
        tp_attr_type type = r->op->attr[k].type;
        char text[128];
        if (type != TP_ATTR_AXIS && type != TP_ATTR_AXES) continue;
        for (int side = 0; side < 2; side++) {
            int axis = side ? rank : -rank - 1;
            tp_ints list = TP_INTS(axis);
            snprintf(text, sizeof text, "%s: axis %d is outside a tensor of rank %d", r->op->name, axis,
                     rank);
            if (type == TP_ATTR_AXIS)
                r->attr[k].i = axis;
            else
                r->attr[k].v = &list;
            refused(r, TP_ERR_SHAPE, text);
        }
        if (type == TP_ATTR_AXIS) continue;
        r->attr[k].v = &TP_INTS(0, -rank);
        snprintf(text, sizeof text, "%s: axis %d is given twice", r->op->name, -rank);
        refused(r, TP_ERR_ARGUMENT, text);
        r->attr[k].v = &(tp_ints){.n = 13};
        snprintf(text, sizeof text, "%s: 13 axes are too many", r->op->name);
        refused(r, TP_ERR_ARGUMENT, text);
    }
}

static void wrong_dtype_attribute(row *r)
{
    for (int k = 0; k < r->op->n_attr; k++) {
        char text[128];
        if (r->op->attr[k].type != TP_ATTR_DTYPE) continue;
        snprintf(text, sizeof text, "%s: 99 is no dtype", r->op->name);
        r->attr[k].i = 99;
        refused(r, TP_ERR_DTYPE, text);
    }
}

/* The number of core axes an input has in the signature; -1 where `axes` says how many. */
static int core_of(const tp_op *op, int i)
{
    const char *at = op->signature;
    for (int k = 0; k < op->n_attr; k++)
        if (op->attr[k].type == TP_ATTR_AXES) return -1;
    for (int k = 0; k <= i; k++) at = strchr(at, '(') + 1;
    int n = *at != ')';
    for (; *at != ')'; at++) n += *at == ',';
    return n;
}

/* Puts a tensor with too few axes for the core, or with sizes that fit nowhere, in place of input i. False
 * where every shape fits. */
static bool spoil_shape(row *r, int i, bool axis)
{
    int core = core_of(r->op, i);
    if (core > 0 && !(axis && i == 0)) {
        while (tp_rank(r->in[i]) >= core) r->in[i] = tp_select(r->in[i], -1, 0);
        return true;
    }
    if (core != 0 || r->op->n_in == 1) return false;
    r->in[i] = tp_zeros(r->c, TP_SHAPE(17, 17), tp_dtype_of(r->in[i]));
    return true;
}

static void wrong_shape(row *r)
{
    const tp_op *op = r->op;
    bool axis = false;
    for (int k = 0; k < op->n_attr; k++) axis = axis || op->attr[k].type == TP_ATTR_AXIS;
    for (int i = 0; op->signature && i < op->n_in; i++) {
        char text[512];
        if (!spoil_shape(r, i, axis)) continue;
        snprintf(text, sizeof text, "%s %s: cannot take ", op->name, op->signature);
        for (int k = 0; k < op->n_in; k++) {
            if (k) strcat(text, ", ");
            put_shape(text, sizeof text, r->in[k]);
        }
        refused(r, TP_ERR_SHAPE, text);
    }
}

static void each_sample(const tp_sample *sample, void *user)
{
    row *r = user;
    for (int i = 0; i < sample->n_in; i++)
        if (tp_numel(sample->in[i]) == 0) return;
    if (r->taken || strcmp(sample->kind, "rank 2") != 0) return;
    r->taken = true;
    r->sample = sample;
    restore(r);
    wrong_handles(r);
    wrong_count(r);
    wrong_dtype(r);
    wrong_axis(r);
    wrong_dtype_attribute(r);
    wrong_shape(r);
}

static void test_rows(void **state)
{
    int rows = 0, calls = 0;
    row r = {.c = *state, .other = tp_open(NULL)};
    for (; (r.op = tp_op_at(rows)); rows++) {
        r.taken = false;
        r.calls = 0;
        tp_op_samples(r.c, r.op, each_sample, &r);
        if (!r.taken || !r.calls) print_error("%s: no wrong call was made\n", r.op->name);
        assert_true(r.taken && r.calls);
        calls += r.calls;
    }
    tp_close(r.other);
    print_message("%d rows, %d wrong calls\n", rows, calls);
}

static const struct CMUnitTest tests[] = {TEST(test_rows)};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
