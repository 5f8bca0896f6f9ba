/* module.h - the inside of a module. */
#ifndef NN_MODULE_H
#define NN_MODULE_H

#include <taper/ext.h>
#include <taper/nn.h>

enum { TP_NAME = 32, TP_DEPTH = 64, TP_PATH = TP_NAME * TP_DEPTH };

/* One named part of a module: a tensor or a child, each a reference. */
typedef struct tp_entry {
    char name[TP_NAME];
    tp_tensor *tensor; /* a parameter, or a buffer ... */
    bool buffer;
    bool shared;      /* a read-only view: never trained */
    tp_module *child; /* ... or a module */
} tp_entry;

/* A tensor below a module, and its first path. */
typedef struct tp_listed {
    tp_tensor *tensor;
    const char *path;
} tp_listed;

/* The different tensors of one role below a module, depth first, in order of making. */
typedef struct tp_list {
    tp_listed *at; /* the paths stand at the end */
    size_t size;   /* bytes there */
    int n;
    int64_t added; /* the list is right while the nil module has the same */
} tp_list;

struct tp_module {
    tp_object object;
    char kind[TP_NAME];
    char name[TP_NAME]; /* in its first parent */
    tp_forward_fn *forward;
    tp_loss_fn *loss; /* of a criterion */
    void *data;
    size_t data_size;
    tp_entry *entries;
    int n, room;
    int level; /* how far below a root, at most */
    bool training;
    tp_list list[2]; /* parameters and buffers, made when asked for */
    int64_t added;   /* of the nil module: parts that all modules of the context have got so far */
};

/* The context if the module can be used there; NULL after recording why not. */
tp_context *tp_module_usable(const tp_module *m, const char *call);

/* Appends a part, a tensor or a child, which is retained; false after recording why not. */
bool tp_module_append(tp_module *m, const char *name, tp_entry part, const char *call);

/* The part of that name, NULL if there is none. */
tp_entry *tp_module_entry(const tp_module *m, const char *name, size_t length);

/* --- layers as text --- */

enum { TP_LAYER_ARGS = 2 };

typedef enum tp_layer_arg_type { TP_NUMBER, TP_INTEGER, TP_FLAG } tp_layer_arg_type;

/* What a text can say of a layer. Values are doubles, whatever the type. */
typedef struct tp_layer_arg {
    const char *name;
    tp_layer_arg_type type;
    bool required;
    double normal; /* where it is not given */
} tp_layer_arg;

/* A layer that a text can name. */
typedef struct tp_layer {
    const char *name;
    tp_forward_fn *forward; /* by which such a module is known again */
    tp_module *(*make)(tp_context *c, const double *arg, int64_t in, tp_dtype dtype);
    /* The arguments of a module, false if none make it; NULL: they are its data. */
    bool (*read)(const tp_module *m, double *arg);
    bool sized;                                     /* made for the size `in` of the last axis ... */
    double (*numel)(const double *arg, int64_t in); /* ... with parameters of so many elements */
    int n_args;
    tp_layer_arg args[TP_LAYER_ARGS];
} tp_layer;

/* The i-th layer of the table, NULL past the end. */
const tp_layer *tp_layer_at(int i);

tp_forward_fn tp_sequential_forward;

/* tp_forward with another function than the module's own. */
tp_tensor *tp_forward_by(tp_module *m, tp_forward_fn *forward, tp_tensor *x);

/* --- text --- */

/* Text that is written as far as there is room, and counted. */
typedef struct tp_writer {
    char *buf;
    size_t n, length;
} tp_writer;

/* Appends printf's text. */
void tp_put(tp_writer *w, const char *text, ...) TP_PRINTF(2, 3);

/* "[2,3]" in `buf`, which it returns. */
const char *tp_sizes_text(tp_shape shape, char *buf, size_t n);

/* Room for that of any tensor. */
enum { TP_SIZES_TEXT = 256 };

#endif
