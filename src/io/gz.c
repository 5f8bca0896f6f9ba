/* gz.c - bytes packed by gzip (RFC 1952), by zlib with the context's memory. */
#include "io/gz.h"

#include <stddef.h>
#include <string.h>

enum { GZIP = 16 + MAX_WBITS, MOST_PIECE = 1 << 30 };

/* --- memory --- */

typedef union head {
    size_t size;
    max_align_t align;
} head;

static voidpf take(voidpf c, uInt items, uInt size)
{
    size_t bytes = sizeof(head) + (size_t)items * size;
    head *block = tp_alloc(c, bytes);
    if (!block) return Z_NULL;
    block->size = bytes;
    return block + 1;
}

static void give(voidpf c, voidpf block)
{
    head *h = (head *)block - 1;
    tp_free(c, h, h->size);
}

static void start(tp_gz *g, tp_context *c)
{
    memset(g, 0, offsetof(tp_gz, chunk));
    g->c = c;
    g->z.zalloc = take;
    g->z.zfree = give;
    g->z.opaque = c;
}

void tp_gz_close(tp_gz *g)
{
    if (g->open && g->packing) deflateEnd(&g->z);
    if (g->open && !g->packing) inflateEnd(&g->z);
    g->open = false;
}

/* --- unpack --- */

bool tp_gz_is(tp_input *in, const char *call)
{
    unsigned char magic[2];
    return in->size >= 2 && tp_input_read(in, 0, magic, 2, call) && magic[0] == 0x1f && magic[1] == 0x8b;
}

/* Unpacks up to `n` bytes and counts them off; false after recording what is wrong. */
static bool unpack(tp_bytes *b, size_t *n)
{
    tp_gz *g = b->from;
    if (g->z.avail_in == 0 && g->at < g->in->size) {
        int64_t left = g->in->size - g->at;
        size_t piece = left < TP_GZ_CHUNK ? (size_t)left : TP_GZ_CHUNK;
        if (!tp_input_read(g->in, g->at, g->chunk, piece, b->call)) return false;
        g->at += (int64_t)piece;
        g->z.next_in = g->chunk;
        g->z.avail_in = (uInt)piece;
    }
    bool all_read = g->z.avail_in == 0;
    uInt room = *n < MOST_PIECE ? (uInt)*n : MOST_PIECE;
    g->z.avail_out = room;
    int result = inflate(&g->z, Z_NO_FLUSH);
    *n -= room - g->z.avail_out;
    g->ended = result == Z_STREAM_END;
    if (!tp_ok(b->c)) return false; /* no memory */
    if (result == Z_OK || g->ended || (result == Z_BUF_ERROR && !all_read)) return true;
    return tp_bytes_bad(b, g->at - g->z.avail_in, "what is packed %s%s",
                        result == Z_BUF_ERROR ? "is cut short" : "is damaged: ",
                        result == Z_BUF_ERROR ? ""
                        : g->z.msg            ? g->z.msg
                                              : zError(result));
}

static bool next_unpacked(tp_bytes *b, void *data, size_t n)
{
    tp_gz *g = b->from;
    g->z.next_out = data;
    while (n > 0) {
        if (g->ended)
            return tp_bytes_bad(b, g->at - g->z.avail_in, "%zu bytes fewer are packed than there should be",
                                n);
        if (!unpack(b, &n)) return false;
    }
    return true;
}

static bool end_unpacked(tp_bytes *b)
{
    tp_gz *g = b->from;
    unsigned char more;
    size_t n = 1;
    g->z.next_out = &more;
    while (!g->ended && n > 0)
        if (!unpack(b, &n)) return false;
    int64_t at = g->at - g->z.avail_in;
    if (n == 0) return tp_bytes_bad(b, at, "more is packed than there should be");
    return at == g->in->size || tp_bytes_bad(b, at, "bytes after the end of what is packed");
}

bool tp_gz_read(tp_gz *g, tp_bytes *b, tp_input *in, const char *call)
{
    start(g, in->c);
    g->in = in;
    tp_bytes_of_file(b, in, call);
    b->size = INT64_MAX;
    b->from = g;
    b->next = next_unpacked;
    b->end = end_unpacked;
    g->open = inflateInit2(&g->z, GZIP) == Z_OK;
    if (!g->open) tp_fail(in->c, TP_ERR_MEMORY, "%s: no memory for zlib", call);
    return g->open;
}

/* --- pack --- */

void tp_gz_write(tp_gz *g, tp_output *out)
{
    start(g, out->c);
    g->out = out;
    g->packing = true;
    if (!tp_ok(out->c)) return;
    g->open = deflateInit2(&g->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    if (!g->open) tp_fail(out->c, TP_ERR_MEMORY, "%s: no memory for zlib", out->call);
}

void tp_gz_put(tp_gz *g, const void *data, size_t n, bool last)
{
    int result = Z_OK;
    g->z.next_in = (Bytef *)data; /* which zlib does not write */
    while (g->open && tp_ok(g->c) && (n > 0 || last) && result != Z_STREAM_END) {
        uInt piece = n < MOST_PIECE ? (uInt)n : MOST_PIECE;
        g->z.avail_in = piece;
        g->z.next_out = g->chunk;
        g->z.avail_out = TP_GZ_CHUNK;
        result = deflate(&g->z, last && n == piece ? Z_FINISH : Z_NO_FLUSH);
        n -= piece - g->z.avail_in;
        tp_output_put(g->out, g->chunk, TP_GZ_CHUNK - g->z.avail_out);
    }
}
