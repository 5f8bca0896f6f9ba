/* module.c - the tree of modules: parameters, buffers, children. */
#include "nn/module.h"

#include <stdio.h>
#include <string.h>

static void module_destroy(tp_object *object)
{
    tp_module *m = (tp_module *)object;
    for (int i = 0; i < m->n; i++) {
        if (m->entries[i].child) tp_object_release(&m->entries[i].child->object);
        if (m->entries[i].tensor) tp_release(m->entries[i].tensor);
    }
    tp_free(object->context, m->entries, (size_t)m->room * sizeof *m->entries);
    tp_free(object->context, m->data, m->data_size);
    for (int i = 0; i < 2; i++) tp_free(object->context, m->list[i].at, m->list[i].size);
    tp_object_free(object, sizeof *m, true);
}

static const tp_class module_class = {"module", module_destroy};
static const tp_class nil_class = {"nil module", NULL};

tp_module *tp_nil_module(tp_context *c) { return tp_nil_object(c, &nil_class); }

bool tp_module_is_nil(const tp_module *m) { return !m || m->object.type != &module_class; }

tp_context *tp_module_usable(const tp_module *m, const char *call)
{
    tp_context *c = m ? m->object.context : NULL;
    return tp_object_usable(c, m ? &m->object : NULL, call, "m") ? c : NULL;
}

tp_module *tp_module_new(tp_context *c, const char *kind, tp_forward_fn *forward, const void *data,
                         size_t size)
{
    if (!tp_ok(c)) return tp_nil_module(c);
    tp_module *m = tp_alloc(c, sizeof *m);
    void *copy = m && size ? tp_alloc(c, size) : NULL;
    if (!m || (size && !copy)) {
        tp_free(c, m, sizeof *m);
        return tp_nil_module(c);
    }
    memset(m, 0, sizeof *m);
    tp_object_init(&m->object, &module_class, c);
    snprintf(m->kind, sizeof m->kind, "%s", kind ? kind : "module");
    if (size && data) memcpy(copy, data, size);
    if (size && !data) memset(copy, 0, size);
    m->forward = forward;
    m->data = copy;
    m->data_size = size;
    m->training = true;
    return m;
}

const char *tp_module_kind(const tp_module *m) { return tp_module_is_nil(m) ? "nil" : m->kind; }

void *tp_module_data(tp_module *m) { return tp_module_is_nil(m) ? NULL : m->data; }

tp_module *tp_module_keep(tp_module *m)
{
    if (!tp_module_is_nil(m)) tp_object_keep(&m->object);
    return m;
}

/* --- parts --- */

tp_entry *tp_module_entry(const tp_module *m, const char *name, size_t length)
{
    for (int i = 0; i < m->n; i++)
        if (strlen(m->entries[i].name) == length && memcmp(m->entries[i].name, name, length) == 0)
            return &m->entries[i];
    return NULL;
}

/* Why a name cannot be that of a new part, NULL if it can. */
static const char *bad_name(const tp_module *m, const char *name)
{
    if (!name || !*name) return "is missing";
    if (strlen(name) >= TP_NAME) return "is longer than 31 characters";
    if (strchr(name, '.')) return "has a dot, which separates names in paths";
    return tp_module_entry(m, name, strlen(name)) ? "is taken" : NULL;
}

static bool grow(tp_module *m)
{
    if (m->n < m->room) return true;
    tp_context *c = m->object.context;
    int room = m->room ? 2 * m->room : 4;
    tp_entry *entries = tp_alloc(c, (size_t)room * sizeof *entries);
    if (!entries) return false;
    if (m->n) memcpy(entries, m->entries, (size_t)m->n * sizeof *entries);
    tp_free(c, m->entries, (size_t)m->room * sizeof *entries);
    m->entries = entries;
    m->room = room;
    return true;
}

bool tp_module_append(tp_module *m, const char *name, tp_entry part, const char *call)
{
    const char *bad = bad_name(m, name);
    if (bad) tp_fail(m->object.context, TP_ERR_ARGUMENT, "%s: the name '%s' %s", call, name ? name : "", bad);
    if (bad || !grow(m)) return false;
    if (part.tensor && !part.buffer && !part.shared && tp_is_nil(tp_require_grad(part.tensor))) return false;
    snprintf(part.name, sizeof part.name, "%s", name);
    if (part.tensor) tp_retain(part.tensor);
    if (part.child) tp_object_retain(&part.child->object);
    m->entries[m->n++] = part;
    tp_nil_module(m->object.context)->added++;
    return true;
}

static tp_tensor *add_tensor(tp_module *m, const char *name, tp_tensor *t, bool buffer, const char *call)
{
    tp_context *c = tp_module_usable(m, call);
    tp_entry part = {.tensor = t, .buffer = buffer};
    if (!c) return tp_nil(m ? m->object.context : tp_context_of(t));
    bool added = tp_object_usable(c, (tp_object *)t, call, "t") && tp_module_append(m, name, part, call);
    return added ? t : tp_nil(c);
}

tp_tensor *tp_module_add_parameter(tp_module *m, const char *name, tp_tensor *t)
{
    return add_tensor(m, name, t, false, "tp_module_add_parameter");
}

tp_tensor *tp_module_add_buffer(tp_module *m, const char *name, tp_tensor *t)
{
    return add_tensor(m, name, t, true, "tp_module_add_buffer");
}

/* How many levels of modules there are below `m`; more than TP_DEPTH if `wanted` is among them. */
static int levels_below(const tp_module *m, const tp_module *wanted)
{
    if (m == wanted) return TP_DEPTH;
    int most = 0;
    for (int i = 0; i < m->n; i++) {
        int levels = m->entries[i].child ? 1 + levels_below(m->entries[i].child, wanted) : 0;
        if (levels > most) most = levels;
    }
    return most;
}

static void set_level(tp_module *m, int level)
{
    if (m->level >= level) return;
    m->level = level;
    for (int i = 0; i < m->n; i++)
        if (m->entries[i].child) set_level(m->entries[i].child, level + 1);
}

tp_module *tp_module_add_child(tp_module *m, const char *name, tp_module *child)
{
    static const char call[] = "tp_module_add_child";
    tp_context *c = tp_module_usable(m, call);
    if (!c) return tp_nil_module(m ? m->object.context : NULL);
    if (!tp_object_usable(c, child ? &child->object : NULL, call, "child")) return tp_nil_module(c);
    if (m->level + 1 + levels_below(child, m) >= TP_DEPTH) {
        tp_fail(c, TP_ERR_ARGUMENT, "%s: '%s' would hold itself, or be nested more than %d deep", call,
                name ? name : "", TP_DEPTH - 1);
        return tp_nil_module(c);
    }
    if (!tp_module_append(m, name, (tp_entry){.child = child}, call)) return tp_nil_module(c);
    set_level(child, m->level + 1);
    if (!child->name[0]) snprintf(child->name, sizeof child->name, "%s", name);
    return child;
}

/* --- use --- */

/* Runs `forward`, or the module as a criterion where there is a target, in a scope of its own; NULL after
 * recording why there is no result. */
static tp_tensor *run(tp_context *c, tp_module *m, tp_forward_fn *forward, tp_tensor *x, tp_tensor *target,
                      const char *call)
{
    if (target ? !m->loss : !forward) {
        tp_fail(c, TP_ERR_STATE, "%s: this %s %s", call, m->kind,
                target ? "is no criterion" : "has no forward pass");
        return NULL;
    }
    tp_mark scope = tp_open_scope_named(c, m->kind);
    if (!scope) return NULL;
    tp_tensor *y = tp_keep(target ? m->loss(m, x, target) : forward(m, x));
    tp_close_scope(c, scope);
    if (!y) tp_fail(c, TP_ERR_STATE, "%s: the function of this %s gave NULL", call, m->kind);
    return tp_ok(c) ? y : NULL;
}

static tp_tensor *run_named(tp_context *c, tp_module *m, tp_forward_fn *forward, tp_tensor *x,
                            tp_tensor *target, const char *call)
{
    size_t outside = tp_path_push(c, m->name);
    tp_tensor *y = run(c, m, forward, x, target, call);
    tp_path_pop(c, outside);
    return y ? y : tp_nil(c);
}

tp_tensor *tp_forward_by(tp_module *m, tp_forward_fn *forward, tp_tensor *x)
{
    tp_context *c = tp_module_usable(m, "tp_forward");
    if (!c) return tp_nil(m ? m->object.context : tp_context_of(x));
    if (!tp_object_usable(c, (tp_object *)x, "tp_forward", "x")) return tp_nil(c);
    return run_named(c, m, forward, x, NULL, "tp_forward");
}

tp_tensor *tp_forward(tp_module *m, tp_tensor *x)
{
    return tp_forward_by(m, tp_module_is_nil(m) ? NULL : m->forward, x);
}

tp_tensor *tp_loss(tp_module *criterion, tp_tensor *x, tp_tensor *target)
{
    tp_context *c = tp_module_usable(criterion, "tp_loss");
    if (!c) return tp_nil(criterion ? criterion->object.context : tp_context_of(x));
    bool usable = tp_object_usable(c, (tp_object *)x, "tp_loss", "x") &&
                  tp_object_usable(c, (tp_object *)target, "tp_loss", "target");
    return usable ? run_named(c, criterion, NULL, x, target, "tp_loss") : tp_nil(c);
}

static void set_training(tp_module *m, bool training)
{
    m->training = training;
    for (int i = 0; i < m->n; i++)
        if (m->entries[i].child) set_training(m->entries[i].child, training);
}

void tp_train(tp_module *m)
{
    if (tp_module_usable(m, "tp_train")) set_training(m, true);
}

void tp_eval(tp_module *m)
{
    if (tp_module_usable(m, "tp_eval")) set_training(m, false);
}

bool tp_is_training(const tp_module *m) { return !tp_module_is_nil(m) && m->training; }
