/* memory.h - the one way to memory: a pool over the host's allocation hook, a cache per context. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <taper/base.h>

#include <stdatomic.h>

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

/* A storage was given back in another context. */
void tp_pool_storage_back(tp_pool *pool);

/* A block of `size` bytes aligned as malloc does, or NULL. */
void *tp_cache_alloc(tp_cache *cache, size_t size);

/* Takes back a block of tp_cache_alloc; `size` as asked for. NULL is allowed. */
void tp_cache_free(tp_cache *cache, void *block, size_t size);

/* Bytes handed out and not given back. */
size_t tp_cache_live(const tp_cache *cache);

/* Gives a block back to its pool past any cache: for storage whose context is another one. */
void tp_pool_free(tp_pool *pool, void *block, size_t size);

/* Returns the cached blocks to the hook. */
void tp_cache_trim(tp_cache *cache);

#endif
