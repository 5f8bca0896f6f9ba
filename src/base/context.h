/* context.h - what a context holds, and the objects that live in its scopes. */
#ifndef BASE_CONTEXT_H
#define BASE_CONTEXT_H

#include "base/memory.h"

#include <taper/ext.h>

#include <stdarg.h>

typedef struct tp_scope tp_scope;
struct tp_node;

struct tp_scope {
    tp_object object; /* its place in the list is where the scope begins */
    tp_scope *outer;
    const char *where;
    tp_mark mark;
    bool grad_enabled; /* to restore */
};

/* Nested forward levels: each may put one axis of directions before the user's TP_MAX_RANK axes. */
enum { TP_MAX_LEVELS = TP_INTERNAL_RANK - TP_MAX_RANK };

enum { TP_ERROR_TEXT = 1024, TP_PATH_TEXT = 256, TP_NILS = 16 };

/* Room for the inert object of one noun. */
typedef union tp_nil_room {
    max_align_t align;
    tp_object object;
    char bytes[512];
} tp_nil_room;

struct tp_context {
    tp_cache cache;

    tp_object objects; /* ring of all objects owned by scopes */
    tp_scope root;
    tp_scope *scope; /* the innermost */
    tp_mark last_mark;
    tp_object *dead; /* queue of objects to destroy, linked by next */
    bool draining;
    tp_object *stale;    /* with .check: freed handles, kept so that their use is seen */
    const char *closing; /* the scope that is being closed */
    bool check;

    tp_status status;
    char text[TP_ERROR_TEXT];
    char path[TP_PATH_TEXT]; /* the modules that run, "mlp.fc1", in front of messages */
    size_t path_length;
    void (*on_error)(tp_context *c, void *user);
    void *on_error_user;

    const char *call; /* the call that checked its arguments last; a failed allocation names it */

    bool grad_enabled;
    struct tp_node *first_node, *last_node; /* recorded calls, oldest first */
    int levels[TP_MAX_LEVELS];              /* open levels of streaming forward mode, outermost first */
    int n_levels;
    int last_level;

    uint64_t seed, counter;

    /* one inert object per noun, made on first use without allocating */
    tp_nil_room nils[TP_NILS];
};

/* The rest of what contexts and objects can do is in ext.h, for modules are made of the same. */

enum { TP_WHEN = 256 };

/* When a stale handle was freed, for messages; may be written to `when`. */
const char *tp_freed_when(const tp_object *object, char when[TP_WHEN]);

void tp_fail_memory(tp_context *c, const char *call, size_t bytes);

/* tp_object_init_unowned, without a call. */
static inline void tp_object_begin(tp_object *object, const tp_class *type, tp_context *c)
{
    object->type = type;
    object->context = c;
    object->prev = object->next = NULL;
    object->scope = NULL;
    object->refs = 1;
    object->freed_in = NULL;
    object->size = 0;
}

/* Destroys an object that has no reference left, and what it held. */
void tp_object_bury(tp_object *object);

/* tp_object_release of what is neither NULL nor nil. */
static inline void tp_object_let_go(tp_object *object)
{
    if (--object->refs <= 0) tp_object_bury(object);
}

/* tp_alloc, without a call where a block is at hand. */
static inline void *tp_take(tp_context *c, size_t size)
{
    void *block = tp_cache_alloc(&c->cache, size);
    if (!block) tp_fail_memory(c, c->call, size);
    return block;
}

#endif
