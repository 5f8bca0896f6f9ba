/* fuzz.h - what the fuzz targets share: fuzz.c runs the one target of its program, by libFuzzer or by
 * replay.c, and checks what must hold after any input. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <taper/ext.h>
#include <taper/taper.h>

#include <stdint.h>

/* The target: reads an input, and checks what the reader says of it and made of it. Its scope is closed after
 * it. */
void fuzz_target(tp_context *c, const uint8_t *data, size_t size);

/* The memory of the context, and what makes it ready for the next input; zeros: malloc's. */
typedef struct fuzz_memory {
    tp_allocator allocator;
    void (*rewind)(void);
} fuzz_memory;
extern fuzz_memory fuzz_heap;

/* Aborts where `condition` is false; that is a finding. */
#define HOLDS(condition) ((condition) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_failed(const char *file, int line, const char *condition);

/* True if no call has failed; else a message says why, and the context is made usable again. */
bool fuzz_accepted(tp_context *c);

/* The same for a call that returns a status. */
bool fuzz_took(tp_context *c, tp_status status);

/* The path of a file in a folder of this process's own. */
const char *fuzz_path(const char *name);

/* Makes `data` the content of that file, which nothing else replaces; returns its path. */
const char *fuzz_file(const char *name, const uint8_t *data, size_t size);

void fuzz_remove(const char *name);

/* A file that the target accepts, kept by fuzz_keep_example: where there are no files to begin with. NULL:
 * none. */
extern const uint8_t *fuzz_example;
extern size_t fuzz_example_size;
void fuzz_keep_example(const char *path);
bool fuzz_is_example(const uint8_t *data, size_t size);

/* The input as a text, that ends at its first byte 0; until the next one. */
const char *fuzz_text(const uint8_t *data, size_t size);

/* Same dtype, shape and bits. */
void fuzz_same(const tp_tensor *a, const tp_tensor *b);

/* Since the input came the context has held at most its size, and `more`. */
void fuzz_frugal(const tp_context *c, size_t size, size_t more);

#endif
