/* einsum.c - sums of products by subscripts: diagonals, then one matrix product for each further operand. */
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <string.h>

/* A label stands for one letter, in the order of the output that is not given, or for one axis of an
 * ellipsis, counted from the last. */
enum { LETTERS = 52, LABELS = LETTERS + TP_INTERNAL_RANK, DOTS = -1 };

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* A set of labels. */
typedef uint64_t label_set;

static label_set set_of(int label) { return (label_set)1 << label; }

/* Labels in order; one more for the ellipsis while it stands for itself. */
typedef struct label_list {
    int n;
    int v[TP_INTERNAL_RANK + 1];
} label_list;

/* A tensor with a label for each axis. */
typedef struct operand {
    tp_tensor *t;
    label_list labels;
} operand;

typedef struct einsum {
    tp_context *c;
    const char *text, *at;
    int64_t size[LABELS]; /* 0: not met yet; zero sizes are kept as -1 */
    int count[LABELS];    /* how often a label stands in the operands */
    int dots;             /* axes that an ellipsis stands for, at most */
    label_list output;
} einsum;

static label_set set_of_list(const label_list *list)
{
    label_set set = 0;
    for (int i = 0; i < list->n; i++) set |= set_of(list->v[i]);
    return set;
}

/* --- reading the subscripts --- */

static bool fail(const einsum *e, tp_status status, const char *what)
{
    tp_fail(e->c, status, "einsum \"%s\": at %d: %s", e->text, (int)(e->at - e->text), what);
    return false;
}

/* The labels up to the next ',', "->" or the end; an ellipsis is DOTS. */
static bool read_term(einsum *e, label_list *list)
{
    bool dots = false;
    list->n = 0;
    for (; *e->at && *e->at != ',' && *e->at != '-'; e->at++) {
        const char *letter = strchr(letters, *e->at);
        if (*e->at == ' ') continue;
        if (*e->at == '.' && (dots || strncmp(e->at, "...", 3) != 0))
            return fail(e, TP_ERR_ARGUMENT, "'.' stands only in one ellipsis '...' of an operand");
        if (*e->at != '.' && !letter)
            return fail(e, TP_ERR_ARGUMENT, "neither a letter, ',', '...' nor '->'");
        if (list->n > TP_INTERNAL_RANK) return fail(e, TP_ERR_ARGUMENT, "too many subscripts");
        list->v[list->n++] = letter ? (int)(letter - letters) : DOTS;
        if (!letter) {
            dots = true;
            e->at += 2;
        }
    }
    return true;
}

/* Puts `n` labels of axes in the place of the ellipsis. */
static void spell_dots(label_list *list, int n)
{
    label_list spelt = {0};
    for (int i = 0; i < list->n; i++) {
        if (list->v[i] != DOTS) spelt.v[spelt.n++] = list->v[i];
        for (int k = n; list->v[i] == DOTS && k > 0; k--) spelt.v[spelt.n++] = LETTERS + k - 1;
    }
    *list = spelt;
}

static bool has_dots(const label_list *list)
{
    for (int i = 0; i < list->n; i++)
        if (list->v[i] == DOTS) return true;
    return false;
}

/* Notes the size of a label; sizes of 1 are broadcast. */
static bool note_size(einsum *e, int label, int64_t size)
{
    int64_t *have = &e->size[label];
    if (size == 0) size = -1;
    if (*have == 0 || *have == 1) *have = size;
    e->count[label]++;
    if (size == 1 || size == *have) return true;
    return fail(e, TP_ERR_SHAPE, "an axis has another size than under its subscript before");
}

static bool read_operand(einsum *e, operand *o)
{
    if (!read_term(e, &o->labels)) return false;
    bool dots = has_dots(&o->labels);
    int more = o->t->rank - (o->labels.n - dots);
    if (more < 0 || (more > 0 && !dots))
        return fail(e, TP_ERR_SHAPE, "the operand has another number of axes than subscripts");
    spell_dots(&o->labels, more);
    if (more > e->dots) e->dots = more;
    for (int i = 0; i < o->labels.n; i++)
        if (!note_size(e, o->labels.v[i], o->t->size[i])) return false;
    return true;
}

/* "->" and the labels of the result; where it is left out: the ellipsis, then what stands once. */
static bool read_output(einsum *e)
{
    label_list *list = &e->output;
    if (!*e->at) {
        for (int k = e->dots; k > 0; k--) list->v[list->n++] = LETTERS + k - 1;
        for (int k = 0; k < LETTERS; k++) {
            if (e->count[k] != 1) continue;
            if (list->n == TP_INTERNAL_RANK) return fail(e, TP_ERR_SHAPE, "the result has too many axes");
            list->v[list->n++] = k;
        }
        return true;
    }
    if (strncmp(e->at, "->", 2) != 0) return fail(e, TP_ERR_ARGUMENT, "'-' stands only in '->'");
    e->at += 2;
    if (!read_term(e, list)) return false;
    if (*e->at) return fail(e, TP_ERR_ARGUMENT, "the result has one term");
    if (list->n - has_dots(list) + (has_dots(list) ? e->dots : 0) > TP_INTERNAL_RANK)
        return fail(e, TP_ERR_SHAPE, "the result has too many axes");
    spell_dots(list, e->dots);
    label_set seen = 0;
    for (int i = 0; i < list->n; i++) {
        if (!e->count[list->v[i]])
            return fail(e, TP_ERR_ARGUMENT, "a subscript of the result is in no operand");
        if (seen & set_of(list->v[i]))
            return fail(e, TP_ERR_ARGUMENT, "a subscript of the result stands twice");
        seen |= set_of(list->v[i]);
    }
    return true;
}

static bool read_all(einsum *e, int n, operand *o)
{
    for (int i = 0; i < n; i++) {
        if (i && *e->at != ',') return fail(e, TP_ERR_ARGUMENT, "there are more operands than terms");
        e->at += i > 0;
        if (!read_operand(e, &o[i])) return false;
    }
    if (*e->at == ',') return fail(e, TP_ERR_ARGUMENT, "there are more terms than operands");
    return read_output(e);
}

/* --- computing --- */

/* Axes with the same label become their diagonal. */
static bool take_diagonals(einsum *e, operand *o)
{
    label_list *list = &o->labels;
    for (int i = 0; i < list->n; i++)
        for (int k = i + 1; k < list->n; k++) {
            if (list->v[i] != list->v[k]) continue;
            if (tp_size(o->t, i) != tp_size(o->t, k))
                return fail(e, TP_ERR_SHAPE, "a subscript that repeats has axes of different sizes");
            int label = list->v[i], at = 0;
            o->t = tp_diagonal(o->t, 0, i, k);
            for (int j = 0; j < list->n; j++)
                if (j != i && j != k) list->v[at++] = list->v[j];
            list->v[at++] = label;
            list->n = at;
            i = -1; /* from the start */
            break;
        }
    return true;
}

/* Sums over the labels that are not in `keep`. */
static void sum_out(operand *o, label_set keep)
{
    tp_axes axes = TP_NONE;
    label_list left = {0};
    for (int i = 0; i < o->labels.n; i++) {
        if (keep & set_of(o->labels.v[i]))
            left.v[left.n++] = o->labels.v[i];
        else
            axes.v[axes.n++] = i;
    }
    if (axes.n) o->t = tp_sum(o->t, axes, false);
    o->labels = left;
}

/* Adds the labels of `from` that are in `set`. */
static void append(label_list *list, const label_list *from, label_set set)
{
    for (int i = 0; i < from->n; i++)
        if (set & set_of(from->v[i])) list->v[list->n++] = from->v[i];
}

/* The tensor with its axes in the order of `to`. */
static tp_tensor *in_order(const operand *o, const label_list *to)
{
    tp_axes axes = {.n = to->n};
    for (int i = 0; i < to->n; i++)
        for (int k = 0; k < o->labels.n; k++)
            if (o->labels.v[k] == to->v[i]) axes.v[i] = k;
    return tp_permute(o->t, axes);
}

/* The axes from `first` on as groups of `n` and the rest, one axis each. */
static tp_tensor *in_groups(tp_tensor *t, int first, int n)
{
    tp_shape s = tp_shape_of(t), to = {.n = 2, .v = {1, 1}};
    for (int i = first; i < s.n; i++) to.v[i >= first + n] *= s.v[i];
    return tp_reshape_axes(t, s.n - first, to);
}

/* Gives each axis with a label in `set` the size that the label has. */
static void broadcast(const einsum *e, operand *o, label_set set)
{
    tp_shape shape = tp_shape_of(o->t);
    for (int i = 0; i < o->labels.n; i++)
        if (set & set_of(o->labels.v[i]))
            shape.v[i] = e->size[o->labels.v[i]] < 0 ? 0 : e->size[o->labels.v[i]];
    o->t = tp_expand(o->t, shape);
}

/* a times b, summed over the labels that both have and `keep` has not. */
static bool multiply(einsum *e, operand *a, operand *b, label_set keep)
{
    sum_out(a, keep | set_of_list(&b->labels));
    sum_out(b, keep | set_of_list(&a->labels));
    label_set in_a = set_of_list(&a->labels), in_b = set_of_list(&b->labels), both = in_a & in_b;
    label_list order_a = {0}, order_b = {0}, result = {0};
    broadcast(e, a, both);
    broadcast(e, b, both);
    append(&order_a, &a->labels, both & keep);
    order_b = order_a;
    int batch = order_a.n;
    append(&order_a, &a->labels, in_a & ~both);
    int left = order_a.n - batch;
    result = order_a;
    append(&order_a, &a->labels, both & ~keep);
    append(&order_b, &a->labels, both & ~keep);
    int summed = order_b.n - batch, right = b->labels.n - order_b.n;
    append(&order_b, &b->labels, in_b & ~both);
    if (batch + left + right > TP_INTERNAL_RANK || batch + 2 > TP_INTERNAL_RANK)
        return fail(e, TP_ERR_SHAPE, "a product on the way has too many axes");
    append(&result, &b->labels, in_b & ~both);
    tp_tensor *ta = in_order(a, &order_a), *tb = in_order(b, &order_b);
    tp_shape shape = tp_shape_of(ta), of_b = tp_shape_of(tb);
    memcpy(shape.v + batch + left, of_b.v + batch + summed, (size_t)right * sizeof *shape.v);
    shape.n = batch + left + right;
    ta = in_groups(ta, batch, left);
    tb = in_groups(tb, batch, summed);
    tp_tensor *y = summed ? tp_matmul_2d(ta, tb) : tp_mul(ta, tb);
    *a = (operand){tp_reshape(y, shape), result};
    return true;
}

static tp_tensor *compute(einsum *e, int n, operand *o)
{
    label_set later = 0;
    if (!read_all(e, n, o)) return tp_nil(e->c);
    for (int i = 0; i < n; i++)
        if (!take_diagonals(e, &o[i])) return tp_nil(e->c);
    for (int i = 1; i < n && tp_ok(e->c); i++) {
        later = set_of_list(&e->output);
        for (int k = i + 1; k < n; k++) later |= set_of_list(&o[k].labels);
        if (!multiply(e, &o[0], &o[i], later)) return tp_nil(e->c);
    }
    if (!tp_ok(e->c)) return tp_nil(e->c);
    sum_out(&o[0], set_of_list(&e->output));
    return in_order(&o[0], &e->output);
}

tp_tensor *tp_einsum(const char *subscripts, int n, tp_tensor *const *xs)
{
    tp_context *c = n > 0 && xs ? tp_context_of(xs[0]) : NULL;
    for (int i = 0; i < n; i++)
        if (!tp_tensor_usable(c, xs[i], "einsum", "xs")) return tp_nil(c);
    if (!tp_ok(c)) return tp_nil(c);
    if (!subscripts) {
        tp_fail(c, TP_ERR_ARGUMENT, "einsum: subscripts are NULL");
        return tp_nil(c);
    }
    size_t bytes = (size_t)n * sizeof(operand);
    einsum e = {.c = c, .text = subscripts, .at = subscripts};
    tp_mark scope = tp_open_scope(c);
    operand *o = tp_alloc(c, bytes);
    tp_tensor *y = tp_nil(c);
    if (o) {
        for (int i = 0; i < n; i++) o[i] = (operand){.t = xs[i]};
        y = tp_keep(compute(&e, n, o));
        tp_free(c, o, bytes);
    }
    tp_close_scope(c, scope);
    return y;
}
