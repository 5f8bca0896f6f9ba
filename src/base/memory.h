/* memory.h - the one way to memory: a pool over the host's allocation hook, a cache per context. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <taper/base.h>

#include <stdatomic.h>
#include <stdint.h>

enum { TP_BINS = 160 }; /* size classes: four to each power of two */

/* Shared by a context and the storages made in it, which may outlive it in another context. */
typedef struct tp_pool {
    tp_allocator allocator;
    void *user;
    size_t limit;
    atomic_size_t used;      /* bytes taken from the hook, caches included */
    atomic_size_t elsewhere; /* bytes that other contexts gave back since the cache last settled */
    atomic_llong storages;   /* OPEN less the storages given back elsewhere; when the context has closed,
                                those still in use */
} tp_pool;

/* Freed blocks of one context by size class, each list linked through the blocks, which begin with the next
 * one and their size. */
typedef struct tp_cache {
    tp_pool *pool;
    void *bins[TP_BINS];
    size_t live; /* bytes handed out and not given back, save for `elsewhere` */
    size_t peak;
    long long storages; /* made here and not given back here */
    bool off;
} tp_cache;

tp_pool *tp_pool_new(const tp_options *options);

/* The context has closed, `storages` of its storages are not back yet: the last of them frees the pool. */
void tp_pool_close(tp_pool *pool, long long storages);

/* Returns a block of `rounded` bytes to the hook. */
void tp_pool_give_back(tp_pool *pool, void *block, size_t rounded);

/* A storage was given back in another context. */
void tp_pool_storage_back(tp_pool *pool);

/* A block in a cache. */
typedef struct tp_cached {
    void *next;
    size_t size;
} tp_cached;

enum { TP_LARGE = 1 << 22, TP_LARGE_STEP = 1 << 19 };

/* The size class of `size` and, through `rounded`, the bytes a block of that class has. Classes are
 * 64, 80, 96, 112, 128, 160, ...: four per power of two, so at most a quarter is lost. Of a large block that
 * would be much: those have multiples of half a MiB, of which several share a class. */
static inline int tp_size_class(size_t size, size_t *rounded)
{
    if (size <= 64) {
        *rounded = 64;
        return 0;
    }
    int log2 = 63 - __builtin_clzll((unsigned long long)(size - 1)); /* 2^log2 < size <= 2^(log2+1) */
    size_t step = (size_t)1 << (log2 - 2);
    size_t k = (size - 1) >> (log2 - 2); /* 4..7 */
    if (size > TP_LARGE && step > TP_LARGE_STEP)
        *rounded = (size + TP_LARGE_STEP - 1) / TP_LARGE_STEP * TP_LARGE_STEP;
    else
        *rounded = (k + 1) * step;
    return (log2 - 6) * 4 + (int)k - 3;
}

/* A block of `rounded` bytes that is not the first of its bin (>= TP_BINS: it has none), or NULL. */
void *tp_cache_search(tp_cache *cache, int bin, size_t rounded);

/* Takes what other contexts gave back out of `live`, and notes the peak. */
void tp_cache_settle(tp_cache *cache);

/* A block of `size` bytes aligned as malloc does, or NULL. */
static inline void *tp_cache_alloc(tp_cache *cache, size_t size)
{
    if (size > SIZE_MAX / 4) return NULL;
    size_t rounded;
    int bin = tp_size_class(size, &rounded);
    tp_cached *block = bin < TP_BINS ? cache->bins[bin] : NULL;
    if (block && block->size == rounded)
        cache->bins[bin] = block->next;
    else if (!(block = tp_cache_search(cache, bin, rounded)))
        return NULL;
    cache->live += rounded;
    if (cache->live > cache->peak) tp_cache_settle(cache);
    return block;
}

/* Takes back a block of tp_cache_alloc; `size` as asked for. NULL is allowed. */
static inline void tp_cache_free(tp_cache *cache, void *block, size_t size)
{
    if (!block) return;
    size_t rounded;
    int bin = tp_size_class(size, &rounded);
    cache->live -= rounded;
    if (cache->off || bin >= TP_BINS) {
        tp_pool_give_back(cache->pool, block, rounded);
        return;
    }
    *(tp_cached *)block = (tp_cached){cache->bins[bin], rounded};
    cache->bins[bin] = block;
}

/* Bytes handed out and not given back. */
size_t tp_cache_live(const tp_cache *cache);

/* Gives a block back to its pool past any cache: for storage whose context is another one. */
void tp_pool_free(tp_pool *pool, void *block, size_t size);

/* Returns the cached blocks to the hook. */
void tp_cache_trim(tp_cache *cache);

#endif
