/* tensor.h - the inside of a tensor: a handle over counted storage. */
#ifndef TENSOR_TENSOR_H
#define TENSOR_TENSOR_H

#include "base/context.h"
#include "tensor/dtype.h"

#include <taper/ext.h>
#include <taper/tensor.h>

/* Counted memory, independent of contexts. The header stands at the start of the block it describes. */
typedef struct tp_storage {
    void *data;    /* 64-byte aligned if ours */
    size_t bytes;  /* of data */
    tp_pool *pool; /* where the block came from */
    size_t block;  /* bytes of the block, header included */
    atomic_int refs;
    atomic_uint version;         /* counts overwrites */
    int device;                  /* 0: this machine's memory */
    void (*deleter)(void *user); /* foreign memory */
    void *user;
} tp_storage;

struct tp_tensor {
    tp_object object;
    tp_storage *storage; /* NULL: nil */
    int64_t offset;      /* in elements */
    tp_dtype dtype;
    int rank;
    int64_t size[TP_INTERNAL_RANK];
    int64_t stride[TP_INTERNAL_RANK]; /* in elements */
    bool read_only;

    /* where it stands in derivatives; the objects are those of op/node.h */
    bool requires_grad;      /* a leaf */
    int node_output;         /* which output of `node` this is */
    tp_object *node;         /* the recorded call that made it, a tp_node */
    tp_object *tangents;     /* streaming forward mode: tp_tangents, innermost level first */
    tp_tensor *leaf;         /* the leaf this handle stands for, if it is not one itself */
    tp_tensor *grad;         /* a leaf's gradient */
    tp_tensor *pending;      /* its share in the sweep that runs ... */
    tp_tensor *next_pending; /* ... and the next leaf that has one */
};

/* --- storage --- */

/* New storage of `bytes` with one reference, or NULL after recording the failure. */
tp_storage *tp_storage_new(tp_context *c, size_t bytes);

/* Storage over foreign memory; `deleter` runs when the last reference goes. NULL after a failure. */
tp_storage *tp_storage_wrap(tp_context *c, void *data, size_t bytes, void (*deleter)(void *user), void *user);

static inline void tp_storage_retain(tp_storage *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

void tp_storage_release(tp_context *c, tp_storage *s);

/* --- tensors --- */

/* A row-major tensor with fresh storage, not initialized; nil after recording the failure. Sizes must
 * have been checked. */
tp_tensor *tp_tensor_new(tp_context *c, const tp_shape *shape, tp_dtype dtype);

/* A handle with nothing but its head; the caller fills in shape and storage. NULL after a failure. */
tp_tensor *tp_tensor_handle(tp_context *c);

/* A handle of `c` on the same elements as `t`, with no derivatives; nil after a failure. */
tp_tensor *tp_tensor_alias(tp_context *c, const tp_tensor *t);

/* Takes the scope's reference: the caller releases the handle. Nil is allowed. */
tp_tensor *tp_tensor_own(tp_tensor *t);
void tp_tensor_release(tp_tensor *t);
void tp_tensor_retain(tp_tensor *t);

/* tp_is_nil, without a call. */
static inline bool tp_absent(const tp_tensor *t) { return !t || !t->storage; }

/* The tensor as kernels see it. */
static inline void tp_tensor_array(const tp_tensor *t, tp_array *a)
{
    a->data = (char *)t->storage->data + t->offset * tp_bytes(t->dtype);
    a->dtype = t->dtype;
    a->rank = t->rank;
    for (int i = 0; i < t->rank; i++) {
        a->size[i] = t->size[i];
        a->stride[i] = t->stride[i];
    }
}

/* True for a handle that can be looked at; records the use of a stale one. */
bool tp_tensor_alive(const tp_tensor *t, const char *call);

/* True if `t` can be used by a call of `c`; otherwise records why not, naming call and argument. */
bool tp_tensor_usable(tp_context *c, const tp_tensor *t, const char *call, const char *argument);

/* Checks sizes >= 0, the rank and that the product fits; records the failure. */
bool tp_shape_usable(tp_context *c, const tp_shape *shape, tp_dtype dtype, const char *call);

/* Whether the n elements of `t` lie one after another, in whatever order of the axes. */
bool tp_is_dense(const tp_tensor *t, int64_t n);

/* The storage was overwritten. */
static inline void tp_tensor_touch(const tp_tensor *t)
{
    atomic_fetch_add_explicit(&t->storage->version, 1, memory_order_relaxed);
}

/* --- shapes --- */

static inline int64_t tp_shape_numel(const int64_t *size, int rank)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++) n *= size[i];
    return n;
}

static inline void tp_row_major(const int64_t *size, int rank, int64_t *stride)
{
    int64_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= size[i] > 0 ? size[i] : 1;
    }
}

/* Writes "[2,3]" into `buf` and returns it. */
const char *tp_shape_text(const int64_t *size, int rank, char *buf, size_t n);

/* Makes `axis` negative; 0 after recording that it is outside. */
int tp_negative_axis(tp_context *c, const char *call, int64_t axis, int rank);

/* Makes all of `axes` negative, TP_ALL into a list of all; false after recording that one is outside or given
 * twice. */
bool tp_negative_axes(tp_context *c, const char *call, tp_axes *axes, int rank);

/* --- elements --- */

/* Copies all elements of `from` to `to` (same shape, any strides), converting the dtype: floats to
 * integers saturate, NaN becomes 0; to bool is != 0. */
void tp_array_copy(const tp_array *to, const tp_array *from);

#endif
