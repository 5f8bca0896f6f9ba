/* tree.c - whole modules: shared with another context, cloned, copied, printed. */
#include "nn/module.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- share and clone --- */

/* The tensor of `to` that stands where `t` stands in `from`, as far as `to` is built; NULL if nowhere. */
static tp_tensor *twin(const tp_module *to, const tp_module *from, const tp_tensor *t)
{
    for (int i = 0; i < to->n; i++) {
        const tp_entry *mine = &to->entries[i], *theirs = &from->entries[i];
        if (theirs->tensor == t) return mine->tensor;
        tp_tensor *found = theirs->child ? twin(mine->child, theirs->child, t) : NULL;
        if (found) return found;
    }
    return NULL;
}

/* How the parts of a module are made anew: as views in `c`, as copies with floats in `dtype`, or as others
 * that take their place. */
typedef struct remake {
    tp_context *c;
    bool share;
    tp_dtype dtype;          /* TP_BOOL: as they are */
    tp_tensor *const *given; /* the next parameter; NULL: none is given */
    tp_module *to;           /* the roots */
    const tp_module *from;
} remake;

static tp_module *remake_one(const remake *r, const tp_module *from)
{
    tp_module *m = tp_module_new(r->c, from->kind, from->forward, from->data, from->data_size);
    if (tp_module_is_nil(m)) return m;
    m->loss = from->loss;
    m->training = from->training && !r->share;
    return m;
}

/* The copy of a matrix lies as the matrix does, for tp_linear has a weight [out,in] over storage [in,out]. */
static tp_tensor *copy_tensor(const remake *r, tp_tensor *t)
{
    tp_mark scope = tp_open_no_grad(r->c);
    bool turned = tp_rank(t) == 2 && !tp_is_contiguous(t);
    bool cast = r->dtype != TP_BOOL && tp_dtype_is_float(tp_dtype_of(t)) && tp_dtype_of(t) != r->dtype;
    tp_tensor *from = turned ? tp_transpose(t, 0, 1) : t;
    tp_tensor *copy = cast ? tp_cast(from, r->dtype) : tp_clone(from);
    if (turned) copy = tp_transpose(copy, 0, 1);
    tp_keep(copy);
    tp_close_scope(r->c, scope);
    return copy;
}

static bool same_shape(const tp_tensor *a, const tp_tensor *b)
{
    bool same = tp_rank(a) == tp_rank(b);
    for (int i = 0; same && i < tp_rank(a); i++) same = tp_size(a, i) == tp_size(b, i);
    return same;
}

/* Appends to `m` the tensor that is given in place of one of `from`; a buffer stays. */
static void replace_tensor(remake *r, tp_module *m, tp_entry part)
{
    static const char call[] = "tp_module_with_parameters";
    char have[TP_SIZES_TEXT], want[TP_SIZES_TEXT];
    tp_tensor *known = twin(r->to, r->from, part.tensor), *old = part.tensor;
    if (known || !part.buffer) part.tensor = known ? known : *r->given++;
    part.shared = true;
    if (!tp_object_usable(r->c, (tp_object *)part.tensor, call, "parameters")) return;
    if (same_shape(part.tensor, old))
        tp_module_append(m, part.name, part, call);
    else
        tp_fail(r->c, TP_ERR_SHAPE, "%s: '%s' is %s, got %s", call, part.name,
                tp_sizes_text(tp_shape_of(old), want, sizeof want),
                tp_sizes_text(tp_shape_of(part.tensor), have, sizeof have));
}

/* Appends to `m` what a tensor of `from` becomes. */
static void remake_tensor(remake *r, tp_module *m, tp_entry part)
{
    if (r->given) {
        replace_tensor(r, m, part);
        return;
    }
    tp_tensor *known = twin(r->to, r->from, part.tensor);
    bool frozen = !part.buffer && !r->share && !tp_requires_grad(part.tensor);
    part.tensor = known ? known : r->share ? tp_share_tensor(r->c, part.tensor) : copy_tensor(r, part.tensor);
    part.shared = r->share;
    if (tp_ok(r->c) && tp_module_append(m, part.name, part, r->share ? "tp_share" : "tp_module_clone") &&
        frozen)
        tp_stop_grad(part.tensor);
}

static void remake_parts(remake *r, tp_module *m, const tp_module *from)
{
    for (int i = 0; i < from->n && tp_ok(r->c); i++) {
        tp_entry part = from->entries[i];
        if (part.tensor) {
            remake_tensor(r, m, part);
            continue;
        }
        tp_module *child = tp_module_add_child(m, part.name, remake_one(r, part.child));
        if (tp_ok(r->c)) remake_parts(r, child, part.child);
    }
}

static tp_module *remake_all(remake *r)
{
    tp_mark scope = tp_open_scope(r->c);
    r->to = tp_module_keep(remake_one(r, r->from));
    if (tp_ok(r->c)) remake_parts(r, r->to, r->from);
    tp_close_scope(r->c, scope);
    return tp_ok(r->c) ? r->to : tp_nil_module(r->c);
}

tp_module *tp_share(tp_context *c, const tp_module *m)
{
    if (!tp_ok(c)) return tp_nil_module(c);
    if (tp_module_is_nil(m) || m->object.refs <= 0) { /* a failure of this context, not of m's */
        tp_fail(c, TP_ERR_ARGUMENT, "tp_share: argument 'm' is nil, NULL or freed");
        return tp_nil_module(c);
    }
    return remake_all(&(remake){.c = c, .share = true, .from = m});
}

tp_module *tp_module_clone(tp_module *m, tp_dtype dtype)
{
    tp_context *c = tp_module_usable(m, "tp_module_clone");
    if (!c) return tp_nil_module(m ? m->object.context : NULL);
    if (dtype != TP_BOOL && !tp_dtype_is_float(dtype)) {
        tp_fail(c, TP_ERR_DTYPE, "tp_module_clone: takes a float dtype, or TP_BOOL for none, got %s",
                tp_dtype_name(dtype));
        return tp_nil_module(c);
    }
    return remake_all(&(remake){.c = c, .dtype = dtype, .from = m});
}

tp_module *tp_module_with_parameters(tp_module *m, tp_tensor *const *parameters)
{
    tp_context *c = tp_module_usable(m, "tp_module_with_parameters");
    if (!c) return tp_nil_module(m ? m->object.context : NULL);
    return remake_all(&(remake){.c = c, .given = parameters, .from = m});
}

/* --- copy --- */

/* Records what keeps `from` from being copied to `to`; NULL stands for a part that is not there. */
static void fail_part(tp_context *c, const char *path, const tp_entry *to, const tp_entry *from)
{
    char have[TP_SIZES_TEXT], want[TP_SIZES_TEXT];
    if (!to || !from || !to->tensor || !from->tensor || to->buffer != from->buffer) {
        tp_fail(c, TP_ERR_ARGUMENT, "tp_module_copy: '%s' is %s", path,
                !to     ? "not in `to`"
                : !from ? "not in `from`"
                        : "another kind of part in `to` and in `from`");
        return;
    }
    tp_fail(c, TP_ERR_SHAPE, "tp_module_copy: '%s' is %s in `to`, %s in `from`", path,
            tp_sizes_text(tp_shape_of(to->tensor), have, sizeof have),
            tp_sizes_text(tp_shape_of(from->tensor), want, sizeof want));
}

static bool parts_match(const tp_entry *to, const tp_entry *from)
{
    if (!to || !from || !to->child != !from->child || to->buffer != from->buffer) return false;
    return to->child || same_shape(to->tensor, from->tensor);
}

/* Goes over all parts of both: copies them, or only finds out whether each can be overwritten. */
static void copy_parts(tp_module *to, tp_module *from, bool copy, char *path, size_t length)
{
    tp_context *c = to->object.context;
    for (int i = 0; i < to->n + from->n && tp_ok(c); i++) {
        const char *name = i < to->n ? to->entries[i].name : from->entries[i - to->n].name;
        tp_entry *a = tp_module_entry(to, name, strlen(name)), *b = tp_module_entry(from, name, strlen(name));
        int wrote = snprintf(path + length, TP_PATH - length, "%s%s", length ? "." : "", name);
        if (!parts_match(a, b))
            fail_part(c, path, a, b);
        else if (i < to->n && a->child)
            copy_parts(a->child, b->child, copy, path, length + (size_t)wrote);
        else if (i < to->n)
            tp_assign(a->tensor, copy ? b->tensor : a->tensor);
    }
}

tp_status tp_module_copy(tp_module *to, tp_module *from)
{
    tp_context *c = to ? to->object.context : NULL;
    char path[TP_PATH], text[1024];
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    if (tp_module_usable(to, "tp_module_copy") &&
        tp_object_usable(c, from ? &from->object : NULL, "tp_module_copy", "from"))
        for (int copy = 0; copy < 2; copy++) copy_parts(to, from, copy, path, 0);
    if (tp_ok(c)) return TP_OK;
    tp_status status = tp_error(c);
    snprintf(text, sizeof text, "%s", tp_error_text(c));
    tp_clear(c);
    return tp_report(c, status, "%s", text);
}

/* --- print --- */

void tp_put(tp_writer *w, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    bool room = w->length < w->n;
    int wrote = vsnprintf(room ? w->buf + w->length : NULL, room ? w->n - w->length : 0, text, args);
    va_end(args);
    w->length += (size_t)wrote;
}

const char *tp_sizes_text(tp_shape shape, char *buf, size_t n)
{
    tp_writer w = {buf, n, 0};
    tp_put(&w, "[");
    for (int i = 0; i < shape.n; i++) tp_put(&w, "%s%lld", i ? "," : "", (long long)shape.v[i]);
    tp_put(&w, "]");
    return buf;
}

static void print_parts(tp_writer *w, const tp_module *m, char *path, size_t length, int depth)
{
    char shape[TP_SIZES_TEXT];
    for (int i = 0; i < m->n; i++) {
        const tp_entry *e = &m->entries[i];
        int wrote = snprintf(path + length, TP_PATH - length, "%s%s", length ? "." : "", e->name);
        if (e->child)
            tp_put(w, "%*s%s: %s\n", 2 * depth, "", path, e->child->kind);
        else
            tp_put(w, "%*s%s %s %lld%s\n", 2 * depth, "", path,
                   tp_sizes_text(tp_shape_of(e->tensor), shape, sizeof shape), (long long)tp_numel(e->tensor),
                   e->buffer ? ", a buffer" : "");
        if (e->child) print_parts(w, e->child, path, length + (size_t)wrote, depth + 1);
    }
}

size_t tp_module_print(const tp_module *m, char *buf, size_t n)
{
    tp_writer w = {buf, n, 0};
    char path[TP_PATH];
    if (tp_module_is_nil(m)) {
        tp_put(&w, "nil\n");
        return w.length;
    }
    tp_put(&w, "%s\n", m->kind);
    print_parts(&w, m, path, 0, 1);
    tp_put(&w, "%lld parameters\n", (long long)tp_parameter_numel(m));
    return w.length;
}
