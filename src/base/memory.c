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

enum { LARGE = 1 << 22, LARGE_STEP = 1 << 19 };

/* The size class of `size` and, through `rounded`, the bytes a block of that class has. Classes are
 * 64, 80, 96, 112, 128, 160, ...: four per power of two, so at most a quarter is lost. Of a large block that
 * would be much: those have multiples of half a MiB, of which several share a class. */
static int size_class(size_t size, size_t *rounded)
{
    if (size <= 64) {
        *rounded = 64;
        return 0;
    }
    int log2 = 63 - __builtin_clzll((unsigned long long)(size - 1)); /* 2^log2 < size <= 2^(log2+1) */
    size_t step = (size_t)1 << (log2 - 2);
    size_t k = (size - 1) >> (log2 - 2); /* 4..7 */
    if (size > LARGE && step > LARGE_STEP) step = LARGE_STEP;
    *rounded = (size + step - 1) / step * step;
    return (log2 - 6) * 4 + (int)k - 3;
}

/* A block in a cache. */
typedef struct cached {
    void *next;
    size_t size;
} cached;

/* Takes a block of that size out of a bin; NULL if there is none. */
static void *take(void **bin, size_t size)
{
    for (cached *block; (block = *bin) != NULL; bin = &block->next)
        if (block->size == size) {
            *bin = block->next;
            return block;
        }
    return NULL;
}

static void *pool_alloc(tp_pool *pool, size_t size)
{
    size_t used = atomic_fetch_add_explicit(&pool->used, size, memory_order_relaxed);
    bool over = pool->limit && (size > pool->limit || used > pool->limit - size);
    void *block = over ? NULL : pool->allocator(pool->user, NULL, 0, size);
    if (!block) atomic_fetch_sub_explicit(&pool->used, size, memory_order_relaxed);
    return block;
}

static void pool_free_rounded(tp_pool *pool, void *block, size_t rounded)
{
    pool->allocator(pool->user, block, rounded, 0);
    atomic_fetch_sub_explicit(&pool->used, rounded, memory_order_relaxed);
}

void tp_pool_free(tp_pool *pool, void *block, size_t size)
{
    size_t rounded;
    size_class(size, &rounded);
    atomic_fetch_add_explicit(&pool->elsewhere, rounded, memory_order_relaxed);
    pool_free_rounded(pool, block, rounded);
}

size_t tp_cache_live(const tp_cache *cache)
{
    return cache->live - atomic_load_explicit(&cache->pool->elsewhere, memory_order_relaxed);
}

/* Takes what other contexts gave back out of `live`. */
static void settle(tp_cache *cache)
{
    if (atomic_load_explicit(&cache->pool->elsewhere, memory_order_relaxed))
        cache->live -= atomic_exchange_explicit(&cache->pool->elsewhere, 0, memory_order_relaxed);
}

void *tp_cache_alloc(tp_cache *cache, size_t size)
{
    if (size > SIZE_MAX / 4) return NULL;
    size_t rounded;
    int bin = size_class(size, &rounded);
    void *block = bin < TP_BINS ? take(&cache->bins[bin], rounded) : NULL;
    if (!block) block = pool_alloc(cache->pool, rounded);
    if (!block && !cache->off) {
        tp_cache_trim(cache);
        block = pool_alloc(cache->pool, rounded);
    }
    if (!block) return NULL;
    settle(cache);
    cache->live += rounded;
    if (cache->live > cache->peak) cache->peak = cache->live;
    return block;
}

void tp_cache_free(tp_cache *cache, void *block, size_t size)
{
    if (!block) return;
    size_t rounded;
    int bin = size_class(size, &rounded);
    cache->live -= rounded;
    if (cache->off || bin >= TP_BINS) {
        pool_free_rounded(cache->pool, block, rounded);
        return;
    }
    *(cached *)block = (cached){cache->bins[bin], rounded};
    cache->bins[bin] = block;
}

void tp_cache_trim(tp_cache *cache)
{
    for (int bin = 0; bin < TP_BINS; bin++)
        while (cache->bins[bin]) {
            cached *block = cache->bins[bin];
            cache->bins[bin] = block->next;
            pool_free_rounded(cache->pool, block, block->size);
        }
}
