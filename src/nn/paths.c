/* paths.c - parameters and buffers of a tree of modules, by number and by path. */
#include "nn/module.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* --- by number --- */

/* The bytes that a list of the tensors of one role takes, a shared one in all its places; `length` is that of
 * the path to `m`. */
static size_t list_size(const tp_module *m, bool buffers, size_t length)
{
    size_t size = 0;
    for (int i = 0; i < m->n; i++) {
        const tp_entry *e = &m->entries[i];
        size_t end = length + (length > 0) + strlen(e->name);
        if (e->child) size += list_size(e->child, buffers, end);
        if (e->tensor && e->buffer == buffers) size += sizeof(tp_listed) + end + 1;
    }
    return size;
}

/* A list being filled: tensors from its start on, their paths from its end on. */
typedef struct walk {
    bool buffers;
    tp_list *list;
    char *text;         /* the last path so far */
    char path[TP_PATH]; /* of the part at hand */
} walk;

static bool is_new(const tp_list *l, const tp_tensor *t)
{
    for (int i = 0; i < l->n; i++)
        if (l->at[i].tensor == t) return false;
    return true;
}

static void list_module(walk *w, const tp_module *m, size_t length)
{
    for (int i = 0; i < m->n; i++) {
        const tp_entry *e = &m->entries[i];
        int wrote = snprintf(w->path + length, sizeof w->path - length, "%s%s", length ? "." : "", e->name);
        size_t end = length + (size_t)wrote;
        if (e->child) list_module(w, e->child, end);
        if (!e->tensor || e->buffer != w->buffers || !is_new(w->list, e->tensor)) continue;
        w->text -= end + 1;
        memcpy(w->text, w->path, end + 1);
        w->list->at[w->list->n++] = (tp_listed){e->tensor, w->text};
    }
}

/* The list of one role, made again only where modules have got parts: going over all by number takes no time
 * to speak of. NULL after recording why there is none. */
static const tp_list *list_of(const tp_module *m, bool buffers, const char *call)
{
    tp_context *c = tp_module_usable(m, call);
    if (!c) return NULL;
    tp_list *l = &((tp_module *)m)->list[buffers];
    if (l->added == tp_nil_module(c)->added) return l;
    tp_free(c, l->at, l->size);
    *l = (tp_list){.size = list_size(m, buffers, 0)};
    l->at = l->size ? tp_alloc(c, l->size) : NULL;
    if (l->size && !l->at) return NULL;
    if (l->at) list_module(&(walk){.buffers = buffers, .list = l, .text = (char *)l->at + l->size}, m, 0);
    l->added = tp_nil_module(c)->added;
    return l;
}

static tp_tensor *at(tp_module *m, bool buffers, int i, char *path, size_t n, const char *call)
{
    const tp_list *l = list_of(m, buffers, call);
    tp_context *c = m ? m->object.context : NULL;
    if (!l) return tp_nil(c);
    if (i < 0 || i >= l->n) {
        tp_fail(c, TP_ERR_ARGUMENT, "%s: there is no number %d, only 0 to %d", call, i, l->n - 1);
        return tp_nil(c);
    }
    if (path && n) snprintf(path, n, "%s", l->at[i].path);
    return l->at[i].tensor;
}

int tp_parameters(const tp_module *m)
{
    const tp_list *l = list_of(m, false, "tp_parameters");
    return l ? l->n : 0;
}

int tp_buffers(const tp_module *m)
{
    const tp_list *l = list_of(m, true, "tp_buffers");
    return l ? l->n : 0;
}

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
    const tp_list *l = list_of(m, false, "tp_parameter_numel");
    int64_t numel = 0;
    for (int i = 0; l && i < l->n; i++) numel += tp_numel(l->at[i].tensor);
    return numel;
}

void tp_freeze(tp_module *m, bool frozen)
{
    const tp_list *l = list_of(m, false, "tp_freeze");
    for (int i = 0; l && i < l->n; i++)
        frozen ? tp_stop_grad(l->at[i].tensor) : tp_require_grad(l->at[i].tensor);
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
