/* tree.c - whole modules: shared with another context, copied, printed. */
#include "nn/module.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- share --- */

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

static tp_module *share_one(tp_context *c, const tp_module *from)
{
    tp_module *m = tp_module_new(c, from->kind, from->forward, from->data, from->data_size);
    if (tp_module_is_nil(m)) return m;
    m->loss = from->loss;
    m->training = false;
    return m;
}

/* Fills `m` with views of what is in `from`; both are below the roots given. */
static void share_parts(tp_module *m, const tp_module *from, const tp_module *root,
                        const tp_module *from_root)
{
    tp_context *c = m->object.context;
    for (int i = 0; i < from->n && tp_ok(c); i++) {
        tp_entry part = from->entries[i];
        if (part.child) {
            part.child = tp_module_add_child(m, part.name, share_one(c, from->entries[i].child));
            if (tp_ok(c)) share_parts(part.child, from->entries[i].child, root, from_root);
            continue;
        }
        tp_tensor *known = twin(root, from_root, part.tensor);
        part.tensor = known ? known : tp_share_tensor(c, part.tensor);
        part.shared = true;
        if (tp_ok(c)) tp_module_append(m, part.name, part, "tp_share");
    }
}

tp_module *tp_share(tp_context *c, const tp_module *m)
{
    if (!tp_ok(c)) return tp_nil_module(c);
    if (tp_module_is_nil(m) || m->object.refs <= 0) { /* a failure of this context, not of m's */
        tp_fail(c, TP_ERR_ARGUMENT, "tp_share: argument 'm' is nil, NULL or freed");
        return tp_nil_module(c);
    }
    tp_mark scope = tp_open_scope(c);
    tp_module *view = tp_module_keep(share_one(c, m));
    if (tp_ok(c)) share_parts(view, m, view, m);
    tp_close_scope(c, scope);
    return tp_ok(c) ? view : tp_nil_module(c);
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

static bool same_shape(const tp_tensor *a, const tp_tensor *b)
{
    bool same = tp_rank(a) == tp_rank(b);
    for (int i = 0; same && i < tp_rank(a); i++) same = tp_size(a, i) == tp_size(b, i);
    return same;
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

/* Text that is written as far as there is room, and counted. */
typedef struct writer {
    char *buf;
    size_t n, length;
} writer;

TP_PRINTF(2, 3) static void put(writer *w, const char *text, ...)
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
    writer w = {buf, n, 0};
    put(&w, "[");
    for (int i = 0; i < shape.n; i++) put(&w, "%s%lld", i ? "," : "", (long long)shape.v[i]);
    put(&w, "]");
    return buf;
}

static void print_parts(writer *w, const tp_module *m, char *path, size_t length, int depth)
{
    char shape[TP_SIZES_TEXT];
    for (int i = 0; i < m->n; i++) {
        const tp_entry *e = &m->entries[i];
        int wrote = snprintf(path + length, TP_PATH - length, "%s%s", length ? "." : "", e->name);
        if (e->child)
            put(w, "%*s%s: %s\n", 2 * depth, "", path, e->child->kind);
        else
            put(w, "%*s%s %s %lld%s\n", 2 * depth, "", path,
                tp_sizes_text(tp_shape_of(e->tensor), shape, sizeof shape), (long long)tp_numel(e->tensor),
                e->buffer ? ", a buffer" : "");
        if (e->child) print_parts(w, e->child, path, length + (size_t)wrote, depth + 1);
    }
}

size_t tp_module_print(const tp_module *m, char *buf, size_t n)
{
    writer w = {buf, n, 0};
    char path[TP_PATH];
    if (tp_module_is_nil(m)) {
        put(&w, "nil\n");
        return w.length;
    }
    put(&w, "%s\n", m->kind);
    print_parts(&w, m, path, 0, 1);
    put(&w, "%lld parameters\n", (long long)tp_parameter_numel(m));
    return w.length;
}
