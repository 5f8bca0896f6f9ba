/* idx.c - a folder of IDX files, as those of MNIST: images and labels for training and for testing. */
#include "data/dataset.h"

#include <taper/io.h>

#include <sys/stat.h>

#include <stdio.h>
#include <string.h>

enum { PATH = 1024 };

/* Images u8 [n,h,w] and labels u8 [n]; for training, for testing, or both after one another. */
typedef struct part {
    tp_tensor *images, *labels;
} part;

static bool exists(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0;
}

/* Reads FOLDER/PREFIX-NAME or FOLDER/PREFIX-NAME.gz, of u8 with `rank` axes; nil after recording why not.
 * `path` is where it was found. */
static tp_tensor *read_file(tp_context *c, const char *folder, const char *prefix, const char *name, int rank,
                            char path[PATH])
{
    static const char *const endings[] = {"", ".gz"};
    int found = 0, length = 0;
    while (found < 2) {
        length = snprintf(path, PATH, "%s/%s-%s%s", folder, prefix, name, endings[found]);
        if (length >= PATH || exists(path)) break;
        found++;
    }
    if (found == 2 || length >= PATH) {
        tp_fail(c, TP_ERR_IO, "%s/%s-%s: there is no such file, with or without .gz", folder, prefix, name);
        return tp_nil(c);
    }
    tp_tensor *t = tp_idx_read(c, path);
    if (tp_is_nil(t) || (tp_dtype_of(t) == TP_U8 && tp_rank(t) == rank)) return t;
    tp_fail(c, TP_ERR_DATA, "%s: it holds %s of %d axes; u8 of %d are needed", path,
            tp_dtype_name(tp_dtype_of(t)), tp_rank(t), rank);
    return tp_nil(c);
}

/* Reads the files of one prefix; false after recording what is wrong. */
static bool read_part(tp_context *c, part *p, const char *folder, const char *prefix)
{
    char path[PATH];
    p->images = read_file(c, folder, prefix, "images-idx3-ubyte", 3, path);
    p->labels = read_file(c, folder, prefix, "labels-idx1-ubyte", 1, path);
    if (!tp_ok(c) || tp_size(p->images, 0) == tp_size(p->labels, 0)) return tp_ok(c);
    tp_fail(c, TP_ERR_DATA, "%s: %lld labels for %lld images", path, (long long)tp_size(p->labels, 0),
            (long long)tp_size(p->images, 0));
    return false;
}

/* Puts what is for testing behind what is for training. */
static bool join(tp_context *c, part *p, const part *test, const char *folder)
{
    for (int i = 1; i < 3; i++)
        if (tp_size(p->images, i) != tp_size(test->images, i)) {
            tp_fail(c, TP_ERR_DATA, "%s: the images for testing have another size than those for training",
                    folder);
            return false;
        }
    p->images = tp_concat(TP_TENSORS(p->images, test->images), 0);
    p->labels = tp_concat(TP_TENSORS(p->labels, test->labels), 0);
    return tp_ok(c);
}

/* Reads what `o` asks for; false after recording what is wrong. */
static bool read_parts(tp_context *c, part *p, const char *folder, const tp_dataset_options *o)
{
    part test;
    bool train = !o->split || strcmp(o->split, "test") != 0;
    if (!read_part(c, p, folder, train ? "train" : "t10k")) return false;
    bool both = train && (!o->split || strcmp(o->split, "train") != 0);
    if (both && !(read_part(c, &test, folder, "t10k") && join(c, p, &test, folder))) return false;
    if (tp_size(p->images, 0) > 0) return true;
    tp_fail(c, TP_ERR_DATA, "%s: there are no images", folder);
    return false;
}

static bool fill(tp_store *s, const part *p)
{
    tp_context *c = s->object.context;
    int most = 0;
    tp_store_values(s, p->images);
    tp_store_targets(s, tp_cast(p->labels, TP_I64));
    if (!tp_ok(c)) return false;
    const uint8_t *labels = tp_data(p->labels);
    for (int64_t i = 0; i < s->n; i++)
        if (labels[i] > most) most = labels[i];
    s->classes = tp_names_numbered(c, most + 1);
    return s->classes != NULL;
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
    part p;
    tp_mark scope = tp_open_no_grad(c);
    tp_store *s = read_parts(c, &p, folder, o) ? tp_store_new(c) : NULL;
    bool good = s && fill(s, &p) && (!o->like || fit(s, o->like->store, folder));
    tp_close_scope(c, scope);
    if (s && !good) {
        tp_object_release(&s->object);
        s = NULL;
    }
    return tp_dataset_of(c, s);
}
