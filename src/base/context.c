#include "base/context.h"

#include <stdio.h>
#include <string.h>

static void scope_destroy(tp_object *object)
{
    tp_cache_free(&object->context->cache, object, sizeof(tp_scope));
}

static const tp_class scope_class = {"scope", scope_destroy};

static void ring_insert_before(tp_object *place, tp_object *object)
{
    object->prev = place->prev;
    object->next = place;
    place->prev->next = object;
    place->prev = object;
}

static void ring_remove(tp_object *object)
{
    object->prev->next = object->next;
    object->next->prev = object->prev;
    object->prev = object->next = NULL;
}

/* What is in the ring has a scope. (No condition here: gcc 12 -O3 -mtune=native splits the loops over the
 * ring at one, wrongly.) */
static void leave_scope(tp_object *object)
{
    ring_remove(object);
    object->scope = NULL;
}

tp_context *tp_open(const tp_options *options)
{
    tp_options defaults = {0};
    if (!options) options = &defaults;
    tp_pool *pool = tp_pool_new(options);
    if (!pool) return NULL;
    tp_cache cache = {.pool = pool, .off = options->no_cache};
    tp_context *c = tp_cache_alloc(&cache, sizeof *c);
    if (!c) {
        tp_pool_close(pool, 0);
        return NULL;
    }
    memset(c, 0, sizeof *c);
    c->cache = cache;
    c->objects.next = c->objects.prev = &c->objects;
    c->root.where = "the context";
    c->call = "tp_open";
    c->scope = &c->root;
    c->check = options->check;
    c->grad_enabled = true;
    c->seed = options->seed;
    return c;
}

int tp_close(tp_context *c)
{
    if (!c) return 1;
    int result = c->status == TP_OK ? 0 : 1;
    while (c->objects.prev != &c->objects) {
        tp_object *object = c->objects.prev;
        leave_scope(object);
        tp_object_release(object);
    }
    for (tp_object *next, *object = c->stale; object; object = next) {
        next = object->next;
        tp_cache_free(&c->cache, object, object->size);
    }
    tp_cache cache = c->cache;
    tp_cache_free(&cache, c, sizeof *c);
    tp_cache_trim(&cache);
    tp_pool_close(cache.pool, cache.storages);
    return result;
}

size_t tp_memory_used(const tp_context *c) { return c ? tp_cache_live(&c->cache) : 0; }

size_t tp_memory_peak(const tp_context *c) { return c ? c->cache.peak : 0; }

void tp_memory_reset_peak(tp_context *c)
{
    if (c) c->cache.peak = tp_cache_live(&c->cache);
}

void tp_memory_trim(tp_context *c)
{
    if (c) tp_cache_trim(&c->cache);
}

void *tp_alloc(tp_context *c, size_t size) { return tp_take(c, size); }

void tp_free(tp_context *c, void *block, size_t size) { tp_cache_free(&c->cache, block, size); }

/* --- objects --- */

static bool is_nil(const tp_object *object) { return !object || !object->type || !object->type->destroy; }

const char *tp_freed_when(const tp_object *object, char when[TP_WHEN])
{
    if (!object->freed_in) return "by tp_drop or tp_release";
    snprintf(when, TP_WHEN, "when the scope opened at %s was closed", object->freed_in);
    return when;
}

bool tp_object_usable(tp_context *c, const tp_object *object, const char *call, const char *argument)
{
    if (!c || c->status != TP_OK) return false;
    c->call = call;
    if (is_nil(object)) {
        tp_fail(c, TP_ERR_ARGUMENT, "%s: argument '%s' is %s", call, argument, object ? "nil" : "NULL");
        return false;
    }
    if (object->context != c) {
        tp_fail(c, TP_ERR_ARGUMENT, "%s: argument '%s' belongs to another context", call, argument);
        return false;
    }
    if (object->refs > 0) return true;
    char when[TP_WHEN];
    tp_fail(c, TP_ERR_STATE, "%s: argument '%s' was freed %s", call, argument, tp_freed_when(object, when));
    return false;
}

void *tp_nil_object(tp_context *c, const tp_class *type)
{
    static tp_nil_room nowhere; /* zeros: a nil without a context */
    if (!c) return &nowhere;
    int i = 0;
    while (i < TP_NILS - 1 && c->nils[i].object.type && c->nils[i].object.type != type) i++;
    c->nils[i].object.type = type;
    c->nils[i].object.context = c;
    return &c->nils[i];
}

void tp_object_init_unowned(tp_object *object, const tp_class *type, tp_context *c)
{
    tp_object_begin(object, type, c);
}

void tp_object_init(tp_object *object, const tp_class *type, tp_context *c)
{
    tp_object_begin(object, type, c);
    object->scope = c->scope;
    ring_insert_before(&c->objects, object);
}

void tp_object_retain(tp_object *object) { object->refs++; }

void tp_object_bury(tp_object *object)
{
    tp_context *c = object->context;
    if (c->draining) { /* by a call of this function further out */
        object->next = c->dead;
        c->dead = object;
        return;
    }
    c->draining = true;
    object->type->destroy(object);
    while ((object = c->dead) != NULL) {
        c->dead = object->next;
        object->type->destroy(object);
    }
    c->draining = false;
}

void tp_object_release(tp_object *object)
{
    if (!is_nil(object)) tp_object_let_go(object);
}

void tp_object_disown(tp_object *object)
{
    if (object->scope) leave_scope(object);
}

void tp_object_drop(tp_object *object)
{
    if (object->scope != object->context->scope) return;
    tp_object_disown(object);
    tp_object_release(object);
}

void tp_object_keep(tp_object *object)
{
    tp_scope *scope = object->context->scope;
    if (object->scope != scope || !scope->outer) return;
    ring_remove(object);
    ring_insert_before(&scope->object, object);
    object->scope = scope->outer;
}

void tp_object_free(tp_object *object, size_t size, bool handle)
{
    tp_context *c = object->context;
    if (!(handle && c->check)) {
        tp_free(c, object, size);
        return;
    }
    object->freed_in = c->closing;
    object->size = size;
    object->next = c->stale;
    c->stale = object;
}

/* --- scopes --- */

tp_mark tp_open_scope_named(tp_context *c, const char *where)
{
    if (!c) return 0;
    tp_scope *scope = tp_cache_alloc(&c->cache, sizeof *scope);
    if (!scope) {
        tp_fail_memory(c, "tp_open_scope", sizeof *scope);
        return 0;
    }
    tp_object_init(&scope->object, &scope_class, c);
    scope->outer = c->scope;
    scope->where = where;
    scope->mark = ++c->last_mark;
    scope->grad_enabled = c->grad_enabled;
    c->scope = scope;
    return scope->mark;
}

tp_mark tp_open_no_grad(tp_context *c)
{
    tp_mark mark = tp_open_scope_named(c, "a no-grad scope");
    if (mark) c->grad_enabled = false;
    return mark;
}

static bool scope_is_open(const tp_context *c, tp_mark mark)
{
    for (const tp_scope *s = c->scope; s; s = s->outer)
        if (s->mark == mark) return true;
    return false;
}

static void close_innermost(tp_context *c)
{
    tp_scope *scope = c->scope;
    c->closing = scope->where;
    while (c->objects.prev != &scope->object) {
        tp_object *object = c->objects.prev;
        leave_scope(object);
        tp_object_let_go(object);
    }
    c->closing = NULL;
    c->grad_enabled = scope->grad_enabled;
    c->scope = scope->outer;
    leave_scope(&scope->object);
    tp_object_let_go(&scope->object);
}

void tp_close_scope(tp_context *c, tp_mark mark)
{
    if (!c || mark == 0) return;
    if (!scope_is_open(c, mark)) {
        tp_fail(c, TP_ERR_STATE, "tp_close_scope: the scope of mark %llu is closed already",
                (unsigned long long)mark);
        return;
    }
    bool last = false;
    while (!last) {
        last = c->scope->mark == mark;
        close_innermost(c);
    }
}

/* --- random streams --- */

void tp_seed(tp_context *c, uint64_t seed)
{
    if (!c || c->status != TP_OK) return;
    c->seed = seed;
    c->counter = 0;
}

uint64_t tp_random_seed(const tp_context *c) { return c ? c->seed : 0; }

uint64_t tp_random_counter(const tp_context *c) { return c ? c->counter : 0; }

void tp_set_random_counter(tp_context *c, uint64_t counter)
{
    if (c && c->status == TP_OK) c->counter = counter;
}
