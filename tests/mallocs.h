/* mallocs.h - counts the calls of libc's allocator, and lets it fail. Its functions are replaced by ones that
 * do so, which needs glibc's other names for them; sanitizers have replaced them already. */
#ifndef TAPER_MALLOCS_H
#define TAPER_MALLOCS_H

#include "fixture.h"

#include <errno.h>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTS
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef COUNTS
#endif
#endif

static struct {
    atomic_long calls;
    atomic_long blocks; /* that are out */
    /* The at-th allocation since it was armed fails, and with `rest` all after it; at 0: none does. */
    atomic_long at, asked, refused;
    bool rest;
} heap;

static inline void heap_arm(long at, bool rest)
{
    heap.asked = heap.refused = 0;
    heap.rest = rest;
    heap.at = at;
}

/* True if something was refused since heap_arm; nothing fails any more. */
static inline bool heap_disarm(void)
{
    heap.at = 0;
    return heap.refused > 0;
}

#ifdef COUNTS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static bool heap_refuses(void)
{
    heap.calls++;
    if (heap.at == 0) return false;
    long asked = ++heap.asked;
    bool refuses = heap.rest ? asked >= heap.at : asked == heap.at;
    heap.refused += refuses;
    if (refuses) reach_note(heap.rest ? REACH_REFUSED_WITH_REST : REACH_REFUSED);
    if (refuses) errno = ENOMEM;
    return refuses;
}

static void *handed_out(void *block)
{
    heap.blocks += block != NULL;
    return block;
}

/* Visible, so that the libraries call them too. */
#pragma GCC visibility push(default)
void *malloc(size_t size) { return heap_refuses() ? NULL : handed_out(__libc_malloc(size)); }
void *calloc(size_t n, size_t size) { return heap_refuses() ? NULL : handed_out(__libc_calloc(n, size)); }

void *realloc(void *block, size_t size)
{
    if (size && heap_refuses()) return NULL;
    void *resized = __libc_realloc(block, size);
    if (resized || size == 0) heap.blocks -= block != NULL;
    return handed_out(resized);
}

void free(void *block)
{
    heap.calls++;
    heap.blocks -= block != NULL;
    __libc_free(block);
}
#pragma GCC visibility pop
#endif

#endif
