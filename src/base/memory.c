#include "base/memory.h"

#include <stdlib.h>

/* More storages than there can be: a pool is not freed while its context is open. */
#define OPEN (1LL << 62)

static void *libc_allocator(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user, (void)old_size;
    if (new_size) return realloc(block, new_size);
    free(block);
    return NULL;
}

tp_pool *tp_pool_new(const tp_options *options)
{
    tp_allocator allocator = options->allocator ? options->allocator : libc_allocator;
    tp_pool *pool = allocator(options->allocator_user, NULL, 0, sizeof *pool);
    if (!pool) return NULL;
    pool->allocator = allocator;
    pool->user = options->allocator_user;
    pool->limit = options->memory_limit;
    atomic_init(&pool->used, 0);
    atomic_init(&pool->elsewhere, 0);
    atomic_init(&pool->storages, OPEN);
    return pool;
}

void tp_pool_close(tp_pool *pool, long long storages)
{
    long long before = atomic_fetch_add_explicit(&pool->storages, storages - OPEN, memory_order_acq_rel);
    if (before + storages - OPEN == 0) pool->allocator(pool->user, pool, sizeof *pool, 0);
}

void tp_pool_storage_back(tp_pool *pool)
{
    if (atomic_fetch_sub_explicit(&pool->storages, 1, memory_order_acq_rel) == 1)
        pool->allocator(pool->user, pool, sizeof *pool, 0);
}

static void *pool_alloc(tp_pool *pool, size_t size)
{
    size_t used = atomic_fetch_add_explicit(&pool->used, size, memory_order_relaxed);
    bool over = pool->limit && (size > pool->limit || used > pool->limit - size);
    void *block = over ? NULL : pool->allocator(pool->user, NULL, 0, size);
    if (!block) atomic_fetch_sub_explicit(&pool->used, size, memory_order_relaxed);
    return block;
}

void tp_pool_give_back(tp_pool *pool, void *block, size_t rounded)
{
    pool->allocator(pool->user, block, rounded, 0);
    atomic_fetch_sub_explicit(&pool->used, rounded, memory_order_relaxed);
}

void tp_pool_free(tp_pool *pool, void *block, size_t size)
{
    size_t rounded;
    tp_size_class(size, &rounded);
    atomic_fetch_add_explicit(&pool->elsewhere, rounded, memory_order_relaxed);
    tp_pool_give_back(pool, block, rounded);
}

size_t tp_cache_live(const tp_cache *cache)
{
    return cache->live - atomic_load_explicit(&cache->pool->elsewhere, memory_order_relaxed);
}

void tp_cache_settle(tp_cache *cache)
{
    if (atomic_load_explicit(&cache->pool->elsewhere, memory_order_relaxed))
        cache->live -= atomic_exchange_explicit(&cache->pool->elsewhere, 0, memory_order_relaxed);
    if (cache->live > cache->peak) cache->peak = cache->live;
}

/* Takes a block of that size out of a bin; NULL if there is none. */
static void *take(void **bin, size_t size)
{
    for (tp_cached *block; (block = *bin) != NULL; bin = &block->next)
        if (block->size == size) {
            *bin = block->next;
            return block;
        }
    return NULL;
}

void *tp_cache_search(tp_cache *cache, int bin, size_t rounded)
{
    void *block = bin < TP_BINS ? take(&cache->bins[bin], rounded) : NULL;
    if (!block) block = pool_alloc(cache->pool, rounded);
    if (block || cache->off) return block;
    tp_cache_trim(cache);
    return pool_alloc(cache->pool, rounded);
}

void tp_cache_trim(tp_cache *cache)
{
    for (int bin = 0; bin < TP_BINS; bin++)
        while (cache->bins[bin]) {
            tp_cached *block = cache->bins[bin];
            cache->bins[bin] = block->next;
            tp_pool_give_back(cache->pool, block, block->size);
        }
}
