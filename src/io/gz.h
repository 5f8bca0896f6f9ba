/* gz.h - bytes packed by gzip. */
#ifndef IO_GZ_H
#define IO_GZ_H

#include "io/bytes.h"

#include <zlib.h>

enum { TP_GZ_CHUNK = 1 << 14, TP_GZ_RATIO = 1032 }; /* deflate makes no more of a byte than that */

/* A file being unpacked or packed. */
typedef struct tp_gz {
    tp_context *c;
    tp_input *in;
    tp_output *out;
    int64_t at; /* in the packed file */
    z_stream z;
    bool packing, open, ended;
    unsigned char chunk[TP_GZ_CHUNK];
} tp_gz;

/* True if the file begins as gzip's do. */
bool tp_gz_is(tp_input *in, const char *call);

/* Unpacks a file of one gzip member: `b`, whose size is not known and is set by who reads it, has its bytes.
 * False after recording why not; tp_gz_close in any case. */
bool tp_gz_read(tp_gz *g, tp_bytes *b, tp_input *in, const char *call);

/* Starts to pack into `out`; failures are recorded, and after one nothing has an effect. */
void tp_gz_write(tp_gz *g, tp_output *out);

/* Packs the next bytes; the last ones with `last`. */
void tp_gz_put(tp_gz *g, const void *data, size_t n, bool last);

void tp_gz_close(tp_gz *g);

#endif
