/* bytes.h - bytes that come one after another, from a file or unpacked from one; tensors from them, and back.
 */
#ifndef IO_BYTES_H
#define IO_BYTES_H

#include "io/file.h"

enum { TP_BYTES_NAME = 640 };

/* The bytes of a file or of an entry of an archive. */
typedef struct tp_bytes tp_bytes;
struct tp_bytes {
    tp_context *c;
    const char *call;         /* for messages ... */
    char name[TP_BYTES_NAME]; /* ... what they are: "'a.npz': array 'x'" */
    int64_t at, size;         /* the place of the next one, and how many there are */
    void *from;
    bool (*next)(tp_bytes *b, void *data, size_t n); /* the next n; false after recording why not */
    bool (*end)(tp_bytes *b); /* after the last one: whether all were right; NULL: they are */
};

/* The bytes of an open file. */
void tp_bytes_of_file(tp_bytes *b, tp_input *in, const char *call);

/* Takes the next n, which may be more than there are; false after recording what is wrong. */
bool tp_bytes_take(tp_bytes *b, void *data, size_t n);

/* Records what is wrong at byte `at`; returns false. */
TP_PRINTF(3, 4) bool tp_bytes_bad(const tp_bytes *b, int64_t at, const char *text, ...);

/* Whether elements of that shape are what is left; records why not. */
bool tp_bytes_fit(const tp_bytes *b, tp_shape shape, tp_dtype dtype);

/* A tensor of all that is left, which fits; nil after recording what is wrong. */
tp_tensor *tp_bytes_tensor(tp_bytes *b, tp_shape shape, tp_dtype dtype, bool big_endian);

/* `t`, or a copy if it is not, with its elements in row-major order and in that order of bytes. */
tp_tensor *tp_in_order(tp_tensor *t, bool big_endian);

/* Reverses the bytes of each of `n` elements where the machine has the other order. */
void tp_byte_order(void *data, int64_t n, size_t size, bool big_endian);

#endif
