/* idx.c - IDX files, as those of MNIST, plain or compressed: big-endian numbers 0, 0, dtype, rank, then the
 * sizes (4 bytes each), then the values. http://yann.lecun.com/exdb/mnist/ */
#include "data/dataset.h"

#include <sys/stat.h>

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { IDX_U8 = 8, MOST_AXES = 4 };

/* A file of bytes. */
typedef struct idx {
    char path[1024];
    gzFile file;
    int64_t size[MOST_AXES];
    int64_t bytes; /* values in all */
} idx;

static bool exists(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

static bool fail_data(tp_context *c, const idx *f, const char *what)
{
    tp_fail(c, TP_ERR_DATA, "%s: %s", f->path, what);
    return false;
}

/* Records why zlib could not read on. */
static bool fail_read(tp_context *c, const idx *f)
{
    int error;
    const char *why = gzerror(f->file, &error);
    if (error == Z_ERRNO)
        tp_fail(c, TP_ERR_IO, "%s: cannot read", f->path);
    else if (error == Z_MEM_ERROR)
        tp_fail(c, TP_ERR_MEMORY, "%s: no memory for zlib", f->path);
    else if (error == Z_OK || error == Z_BUF_ERROR)
        return fail_data(c, f, "the file is cut short");
    else
        tp_fail(c, TP_ERR_DATA, "%s: %s", f->path, why);
    return false;
}

/* Reads exactly n bytes. */
static bool read_bytes(tp_context *c, const idx *f, void *out, int64_t n)
{
    char *to = out;
    while (n > 0) {
        unsigned piece = n < 1 << 30 ? (unsigned)n : 1u << 30;
        int got = gzread(f->file, to, piece);
        if (got <= 0) return fail_read(c, f);
        to += got;
        n -= got;
    }
    return true;
}

static bool read_head(tp_context *c, idx *f, int rank)
{
    unsigned char head[4 + 4 * MOST_AXES];
    if (!read_bytes(c, f, head, 4 + 4 * rank)) return false;
    if (head[0] || head[1] || head[2] != IDX_U8 || head[3] != rank) {
        tp_fail(c, TP_ERR_DATA,
                "%s: begins with bytes %d %d %d %d; an IDX file of u8 with %d axes begins with 0 0 8 %d",
                f->path, head[0], head[1], head[2], head[3], rank, rank);
        return false;
    }
    f->bytes = 1;
    for (int i = 0; i < rank; i++) {
        const unsigned char *b = head + 4 + 4 * i;
        f->size[i] = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
        if (f->size[i] && f->bytes > (INT64_C(1) << 48) / f->size[i])
            return fail_data(c, f, "its sizes are too large");
        f->bytes *= f->size[i];
    }
    return true;
}

/* Reads to the end, so that the sizes are known to be true before there is memory for them; then goes back.
 */
static bool check_length(tp_context *c, const idx *f, int rank)
{
    char skipped[1 << 14];
    int64_t real = 0;
    int got;
    while ((got = gzread(f->file, skipped, sizeof skipped)) > 0) real += got;
    if (got < 0 || (real < f->bytes && gzerror(f->file, &got) && got != Z_OK)) return fail_read(c, f);
    if (real != f->bytes) {
        tp_fail(c, TP_ERR_DATA, "%s: has %lld values; its sizes say %lld", f->path, (long long)real,
                (long long)f->bytes);
        return false;
    }
    if (gzseek(f->file, 4 + 4 * rank, SEEK_SET) < 0) return fail_read(c, f);
    return true;
}

/* Opens FOLDER/NAME or FOLDER/NAME.gz and checks its head and length. */
static bool open_idx(tp_context *c, idx *f, const char *folder, const char *name, int rank)
{
    static const char *const endings[] = {"", ".gz"};
    *f = (idx){0};
    for (int i = 0; i < 2 && !f->file; i++) {
        int length = snprintf(f->path, sizeof f->path, "%s/%s%s", folder, name, endings[i]);
        if (length > 0 && (size_t)length < sizeof f->path && exists(f->path)) f->file = gzopen(f->path, "rb");
    }
    if (f->file) return read_head(c, f, rank) && check_length(c, f, rank);
    tp_fail(c, TP_ERR_IO, "%s/%s: there is no such file that can be read, with or without .gz", folder, name);
    return false;
}

static void close_idx(idx *f)
{
    if (f->file) gzclose_r(f->file);
    f->file = NULL;
}

/* --- images and labels --- */

/* One pair of files. */
typedef struct part {
    idx images, labels;
} part;

static bool open_part(tp_context *c, part *p, const char *folder, const char *prefix)
{
    char name[64];
    *p = (part){.images = {.file = NULL}};
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", prefix);
    if (!open_idx(c, &p->images, folder, name, 3)) return false;
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", prefix);
    if (!open_idx(c, &p->labels, folder, name, 1)) return false;
    if (p->images.size[0] == p->labels.size[0]) return true;
    tp_fail(c, TP_ERR_DATA, "%s: %lld labels for %lld images", p->labels.path, (long long)p->labels.size[0],
            (long long)p->images.size[0]);
    return false;
}

/* The images of n parts, one after another. */
static bool fill_images(tp_store *s, const part *parts, int n, int64_t samples)
{
    tp_context *c = s->object.context;
    const int64_t *size = parts[0].images.size;
    unsigned char *x = tp_store_values(s, tp_zeros(c, TP_SHAPE(samples, size[1], size[2]), TP_U8));
    for (int i = 0; x && i < n; i++) {
        if (!read_bytes(c, &parts[i].images, x, parts[i].images.bytes)) return false;
        x += parts[i].images.bytes;
    }
    return x != NULL;
}

static bool fill_labels(tp_store *s, const part *parts, int n, int64_t samples)
{
    tp_context *c = s->object.context;
    int64_t *y = tp_store_targets(s, tp_zeros(c, TP_SHAPE(samples), TP_I64)), most = -1;
    for (int i = 0; y && i < n; i++)
        for (int64_t left = parts[i].labels.bytes; left > 0;) {
            unsigned char labels[1024];
            int64_t piece = left < (int64_t)sizeof labels ? left : (int64_t)sizeof labels;
            if (!read_bytes(c, &parts[i].labels, labels, piece)) return false;
            for (int64_t k = 0; k < piece; k++) {
                if (labels[k] > most) most = labels[k];
                *y++ = labels[k];
            }
            left -= piece;
        }
    if (y) s->classes = tp_names_numbered(c, (int)most + 1);
    return s->classes != NULL;
}

/* The parts as a store; NULL after recording what is wrong. */
static tp_store *read_parts(tp_context *c, const part *parts, int n)
{
    int64_t samples = 0;
    for (int i = 0; i < n; i++) {
        const int64_t *size = parts[i].images.size, *first = parts[0].images.size;
        samples += size[0];
        if (size[1] == first[1] && size[2] == first[2]) continue;
        fail_data(c, &parts[i].images, "its images have another size than those for training");
        return NULL;
    }
    if (samples == 0) {
        fail_data(c, &parts[0].images, "there are no images");
        return NULL;
    }
    tp_store *s = tp_store_new(c);
    if (!s || (fill_images(s, parts, n, samples) && fill_labels(s, parts, n, samples))) return s;
    tp_object_release(&s->object);
    return NULL;
}

/* Gives the data the names of `like`; false after recording why they do not fit. */
static bool fit(tp_store *s, const tp_store *like, const char *folder)
{
    tp_context *c = s->object.context;
    tp_shape shape = tp_shape_of(s->x), other = tp_shape_of(like->x);
    int classes = s->classes->n;
    if (shape.n != other.n || memcmp(shape.v + 1, other.v + 1, 2 * sizeof shape.v[0]) != 0) {
        tp_fail(c, TP_ERR_DATA, "%s: its images of %lld x %lld are not what is expected", folder,
                (long long)shape.v[1], (long long)shape.v[2]);
        return false;
    }
    if (!like->classes) return true;
    if (classes > like->classes->n) {
        tp_fail(c, TP_ERR_DATA, "%s: a label of %d, where %d classes are expected", folder, classes - 1,
                like->classes->n);
        return false;
    }
    tp_names_free(c, s->classes);
    s->classes = tp_names_new(c, like->classes->at, like->classes->n);
    return s->classes != NULL;
}

tp_dataset *tp_idx_open(tp_context *c, const char *folder, const tp_dataset_options *o)
{
    static const char *const prefix[] = {"train", "t10k"};
    part parts[2] = {{.images = {.file = NULL}}};
    bool train = !o->split || strcmp(o->split, "test") != 0,
         test = !o->split || strcmp(o->split, "train") != 0;
    int n = 0;
    bool opened = true;
    for (int i = 0; i < 2 && opened; i++)
        if (i ? test : train) opened = open_part(c, &parts[n++], folder, prefix[i]);
    tp_mark scope = tp_open_no_grad(c);
    tp_store *s = opened ? read_parts(c, parts, n) : NULL;
    tp_close_scope(c, scope);
    for (int i = 0; i < n; i++) {
        close_idx(&parts[i].images);
        close_idx(&parts[i].labels);
    }
    if (s && o->like && !fit(s, o->like->store, folder)) {
        tp_object_release(&s->object);
        s = NULL;
    }
    return tp_dataset_of(c, s);
}
