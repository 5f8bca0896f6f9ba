/* mallocs.h - counts the calls of libc's allocator. Its functions are replaced by ones that count, which
 * needs glibc's other names for them; sanitizers have replaced them already. */
#ifndef TAPER_MALLOCS_H
#define TAPER_MALLOCS_H

#include "fixture.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTS
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef COUNTS
#endif
#endif

static long calls;

#ifdef COUNTS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

void *malloc(size_t size) { return calls++, __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return calls++, __libc_calloc(n, size); }
void *realloc(void *block, size_t size) { return calls++, __libc_realloc(block, size); }
void free(void *block) { calls++, __libc_free(block); }
#endif

#endif
