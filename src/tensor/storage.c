#include "tensor/tensor.h"

enum { ALIGNMENT = 64 };

/* The header must not push the data off its alignment more than the slack allows. */
static size_t block_size(size_t bytes) { return sizeof(tp_storage) + ALIGNMENT + bytes; }

static inline tp_storage *storage_init(tp_context *c, size_t block)
{
    tp_storage *s = tp_take(c, block);
    if (!s) return NULL;
    s->pool = c->cache.pool;
    s->block = block;
    s->device = 0;
    s->deleter = NULL;
    s->user = NULL;
    atomic_init(&s->refs, 1);
    atomic_init(&s->version, 0);
    c->cache.storages++;
    return s;
}

tp_storage *tp_storage_new(tp_context *c, size_t bytes)
{
    if (bytes > SIZE_MAX / 4) {
        tp_fail_memory(c, c->call, bytes);
        return NULL;
    }
    tp_storage *s = storage_init(c, block_size(bytes));
    if (!s) return NULL;
    uintptr_t start = (uintptr_t)s + sizeof *s;
    s->data = (char *)s + sizeof *s + (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT;
    s->bytes = bytes;
    return s;
}

tp_storage *tp_storage_wrap(tp_context *c, void *data, size_t bytes, void (*deleter)(void *user), void *user)
{
    tp_storage *s = storage_init(c, sizeof *s);
    if (!s) return NULL;
    s->data = data ? data : s; /* no elements: any address, so that offsets from it are defined */
    s->bytes = bytes;
    s->deleter = deleter;
    s->user = user;
    return s;
}

void tp_storage_release(tp_context *c, tp_storage *s)
{
    if (!s) return;
    /* the only owner needs no atomic exchange: nobody else can take a reference any more */
    if (atomic_load_explicit(&s->refs, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (s->deleter) s->deleter(s->user);
    tp_pool *pool = s->pool;
    if (pool == c->cache.pool) {
        c->cache.storages--;
        tp_cache_free(&c->cache, s, s->block);
    } else {
        tp_pool_free(pool, s, s->block);
        tp_pool_storage_back(pool);
    }
}
