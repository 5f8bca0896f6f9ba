/* context.h - what a context holds, and the objects that live in its scopes. */
#ifndef BASE_CONTEXT_H
#define BASE_CONTEXT_H

#include "base/memory.h"

#include <stdarg.h>

typedef struct tp_object tp_object;
typedef struct tp_scope tp_scope;
struct tp_node;

/* What kind of object this is. `destroy` frees what it holds and then itself; it runs from a queue, so
 * a chain of objects is freed without recursion. */
typedef struct tp_class {
    const char *name;
    void (*destroy)(tp_object *object);
} tp_class;

/* The head of everything that is counted: tensors, recorded calls, scopes. */
struct tp_object {
    const tp_class *class;
    tp_context *context;
    tp_object *prev, *next; /* neighbours among the objects owned by scopes, in order of making */
    tp_scope *scope;        /* the scope that owns one reference; NULL: none does */
    int refs;
    const char *freed_in; /* with .check: the scope that freed this stale handle */
    size_t size;          /* with .check: of the stale handle's block */
};

struct tp_scope {
    tp_object object; /* its place in the list is where the scope begins */
    tp_scope *outer;
    const char *where;
    tp_mark mark;
    bool grad_enabled; /* to restore */
};

/* Nested forward levels: each may put one axis of directions before the user's TP_MAX_RANK axes. */
enum { TP_MAX_LEVELS = TP_INTERNAL_RANK - TP_MAX_RANK };

enum { TP_ERROR_TEXT = 1024, TP_NILS = 4, TP_NIL_SIZE = 512 };

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
    void (*on_error)(tp_context *c, void *user);
    void *on_error_user;

    bool grad_enabled;
    struct tp_node *first_node, *last_node; /* recorded calls, oldest first */
    int levels[TP_MAX_LEVELS];              /* open levels of streaming forward mode, outermost first */
    int n_levels;
    int last_level;

    uint64_t seed, counter;

    /* one inert object per noun, made on first use without allocating */
    union {
        max_align_t align;
        char bytes[TP_NIL_SIZE];
    } nils[TP_NILS];
};

/* --- errors --- */

/* Records the first failure: formats the text, sets the status, calls the handler. Later ones are
 * dropped. Allocates nothing. */
void tp_fail(tp_context *c, tp_status status, const char *text, ...) TP_PRINTF(3, 4);
void tp_fail_memory(tp_context *c, const char *what, size_t bytes);

/* --- memory of a context --- */

/* A block, or NULL after recording the failure. */
void *tp_alloc(tp_context *c, size_t size);
void tp_free(tp_context *c, void *block, size_t size);

/* --- objects --- */

/* Starts the head of a new object with one reference, owned by the current scope. */
void tp_object_init(tp_object *object, const tp_class *class, tp_context *c);

/* The same, owned by the caller. */
void tp_object_init_unowned(tp_object *object, const tp_class *class, tp_context *c);

void tp_object_retain(tp_object *object);

/* Drops a reference; the last one queues the object for destruction. NULL is allowed. */
void tp_object_release(tp_object *object);

/* Takes the scope's reference over: the caller releases it. No-op where no scope owns the object. */
void tp_object_disown(tp_object *object);

/* Moves the scope's reference one scope outward if the current scope owns it. */
void tp_object_keep(tp_object *object);

/* Ends `destroy`: frees the memory, or keeps the handle as stale with .check on. */
void tp_object_free(tp_object *object, size_t size, bool handle);

#endif
