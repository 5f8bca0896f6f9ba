/* paths.c - parameters and buffers of a tree of modules, by number and by path. */
#include "nn/module.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* A walk over the different tensors of one role, depth first, in order of making. */
typedef struct walk {
    tp_context *c;
    bool buffers;
    tp_tensor **seen; /* those met so far, so that a shared one counts once */
    int n, room;
    int wanted;         /* stop at this one; -1: at none */
    char path[TP_PATH]; /* of the entry at hand */
} walk;

static bool is_new(const walk *w, const tp_tensor *t)
{
    for (int i = 0; i < w->n; i++)
        if (w->seen[i] == t) return false;
    return true;
}

static bool note(walk *w, tp_tensor *t)
{
    if (w->n == w->room) {
        int room = w->room ? 2 * w->room : 32;
        tp_tensor **seen = tp_alloc(w->c, (size_t)room * sizeof *seen);
        if (!seen) return false;
        if (w->n) memcpy(seen, w->seen, (size_t)w->n * sizeof *seen);
        tp_free(w->c, w->seen, (size_t)w->room * sizeof *seen);
        w->seen = seen;
        w->room = room;
    }
    w->seen[w->n++] = t;
    return w->n - 1 != w->wanted;
}

/* False once the wanted tensor was met, or without memory; its path then stands in w->path. */
static bool walk_module(walk *w, const tp_module *m, size_t length)
{
    for (int i = 0; i < m->n; i++) {
        const tp_entry *e = &m->entries[i];
        int wrote = snprintf(w->path + length, sizeof w->path - length, "%s%s", length ? "." : "", e->name);
        if (e->child && !walk_module(w, e->child, length + (size_t)wrote)) return false;
        if (e->tensor && e->buffer == w->buffers && is_new(w, e->tensor) && !note(w, e->tensor)) return false;
    }
    return true;
}

static void walk_end(walk *w) { tp_free(w->c, w->seen, (size_t)w->room * sizeof *w->seen); }

static int count(const tp_module *m, bool buffers, const char *call)
{
    walk w = {.c = tp_module_usable(m, call), .buffers = buffers, .wanted = -1};
    if (!w.c) return 0;
    bool done = walk_module(&w, m, 0);
    walk_end(&w);
    return done ? w.n : 0;
}

static tp_tensor *at(tp_module *m, bool buffers, int i, char *path, size_t n, const char *call)
{
    walk w = {.c = tp_module_usable(m, call), .buffers = buffers, .wanted = i};
    if (!w.c) return tp_nil(m ? m->object.context : NULL);
    walk_module(&w, m, 0);
    tp_tensor *t = i >= 0 && w.n == i + 1 ? w.seen[i] : tp_nil(w.c);
    if (tp_is_nil(t))
        tp_fail(w.c, TP_ERR_ARGUMENT, "%s: there is no number %d, only 0 to %d", call, i, w.n - 1);
    else if (path && n)
        snprintf(path, n, "%s", w.path);
    walk_end(&w);
    return t;
}

int tp_parameters(const tp_module *m) { return count(m, false, "tp_parameters"); }

int tp_buffers(const tp_module *m) { return count(m, true, "tp_buffers"); }

tp_tensor *tp_parameter_at(tp_module *m, int i, char *path, size_t n)
{
    return at(m, false, i, path, n, "tp_parameter_at");
}

tp_tensor *tp_buffer_at(tp_module *m, int i, char *path, size_t n)
{
    return at(m, true, i, path, n, "tp_buffer_at");
}

int64_t tp_parameter_numel(const tp_module *m)
{
    walk w = {.c = tp_module_usable(m, "tp_parameter_numel"), .wanted = -1};
    int64_t numel = 0;
    if (!w.c) return 0;
    if (walk_module(&w, m, 0))
        for (int i = 0; i < w.n; i++) numel += tp_numel(w.seen[i]);
    walk_end(&w);
    return numel;
}

/* --- by path --- */

/* The module that the path up to its last name leads to, and that name; NULL if there is none. */
static tp_module *parent_of(tp_module *m, const char *path, const char **last)
{
    for (const char *dot; (dot = strchr(path, '.')) != NULL; path = dot + 1) {
        tp_entry *e = tp_module_entry(m, path, (size_t)(dot - path));
        if (!e || !e->child) return NULL;
        m = e->child;
    }
    *last = path;
    return m;
}

static tp_entry *entry_at(tp_module *m, const char *path)
{
    const char *last;
    tp_module *parent = path ? parent_of(m, path, &last) : NULL;
    return parent ? tp_module_entry(parent, last, strlen(last)) : NULL;
}

tp_tensor *tp_module_find(tp_module *m, const char *path)
{
    tp_entry *e = tp_module_is_nil(m) ? NULL : entry_at(m, path);
    return e ? e->tensor : NULL;
}

/* --- what was meant by a path that leads nowhere --- */

/* The parts a path can name. */
typedef enum part { PARAMETER, BUFFER, MODULE } part;

static const char *const part_names[] = {"parameter", "buffer", "module"};

/* A search for the path of that role nearest to the one wanted. */
typedef struct search {
    const char *wanted;
    part role;
    int distance;
    char path[TP_PATH], nearest[TP_PATH];
} search;

static void search_module(search *s, const tp_module *m, size_t length)
{
    for (int i = 0; i < m->n; i++) {
        const tp_entry *e = &m->entries[i];
        int wrote = snprintf(s->path + length, sizeof s->path - length, "%s%s", length ? "." : "", e->name);
        part role = e->child ? MODULE : e->buffer ? BUFFER : PARAMETER;
        int distance = role == s->role ? tp_edit_distance(s->wanted, s->path) : INT_MAX;
        if (distance < s->distance) {
            s->distance = distance;
            memcpy(s->nearest, s->path, length + (size_t)wrote + 1);
        }
        if (e->child) search_module(s, e->child, length + (size_t)wrote);
    }
}

static void fail_path(const tp_module *m, const char *path, part role, const char *call)
{
    search s = {.wanted = path ? path : "", .role = role, .distance = INT_MAX};
    search_module(&s, m, 0);
    bool found = s.distance < INT_MAX;
    tp_fail(m->object.context, TP_ERR_ARGUMENT, "%s: there is no %s '%s' in this %s%s%s%s", call,
            part_names[role], s.wanted, m->kind, found ? "; the nearest is '" : "", s.nearest,
            found ? "'" : "");
}

static tp_tensor *tensor_at(tp_module *m, const char *path, part role, const char *call)
{
    tp_context *c = tp_module_usable(m, call);
    if (!c) return tp_nil(m ? m->object.context : NULL);
    tp_entry *e = entry_at(m, path);
    if (e && e->tensor && e->buffer == (role == BUFFER)) return e->tensor;
    fail_path(m, path, role, call);
    return tp_nil(c);
}

tp_tensor *tp_parameter(tp_module *m, const char *path)
{
    return tensor_at(m, path, PARAMETER, "tp_parameter");
}

tp_tensor *tp_buffer(tp_module *m, const char *path) { return tensor_at(m, path, BUFFER, "tp_buffer"); }

tp_module *tp_child(tp_module *m, const char *path)
{
    tp_context *c = tp_module_usable(m, "tp_child");
    if (!c) return tp_nil_module(m ? m->object.context : NULL);
    tp_entry *e = entry_at(m, path);
    if (e && e->child) return e->child;
    fail_path(m, path, MODULE, "tp_child");
    return tp_nil_module(c);
}

/* --- children by number --- */

int tp_children(const tp_module *m)
{
    int n = 0;
    if (!tp_module_usable(m, "tp_children")) return 0;
    for (int i = 0; i < m->n; i++) n += m->entries[i].child != NULL;
    return n;
}

tp_module *tp_child_at(tp_module *m, int i, char *name, size_t n)
{
    tp_context *c = tp_module_usable(m, "tp_child_at");
    if (!c) return tp_nil_module(m ? m->object.context : NULL);
    int left = i;
    for (int k = 0; k < m->n; k++) {
        const tp_entry *e = &m->entries[k];
        if (!e->child || left-- != 0) continue;
        if (name && n) snprintf(name, n, "%s", e->name);
        return e->child;
    }
    tp_fail(c, TP_ERR_ARGUMENT, "tp_child_at: there is no number %d among the %d children of this %s", i,
            tp_children(m), m->kind);
    return tp_nil_module(c);
}

/* --- training stopped --- */

void tp_freeze(tp_module *m, bool frozen)
{
    walk w = {.c = tp_module_usable(m, "tp_freeze"), .wanted = -1};
    if (!w.c) return;
    if (walk_module(&w, m, 0))
        for (int i = 0; i < w.n; i++) frozen ? tp_stop_grad(w.seen[i]) : tp_require_grad(w.seen[i]);
    walk_end(&w);
}
