/* signature.h - shapes by signature: which axes are loops, which are core, what comes out. */
#ifndef OP_SIGNATURE_H
#define OP_SIGNATURE_H

#include "tensor/tensor.h"

#include <taper/ext.h>

enum { TP_MAX_DIMS = 8 }; /* core axes of one argument */

/* One named size of a signature: "k" of "(m,k),(k,n)->(m,n)". */
typedef struct tp_dim {
    const char *name;
    size_t length;
    int64_t size; /* -1: not known yet */
} tp_dim;

/* Steps over the next argument of the signature at *at and writes its names; returns how many core axes it
 * has, -1 if the signature is not one. */
int tp_next_argument(const char **at, tp_dim *names);

/* Index of the op's attribute of that type, -1 if it has none. */
int tp_attr_of_type(const tp_op *op, tp_attr_type type);

/* The value of the bool attribute keepdim; false where there is none. */
bool tp_keeps_dim(const tp_call *call);

/* How many core axes argument i (an input, or output i - n_in) has in this call; -1 where the op has no
 * signature. */
int tp_core_rank(const tp_call *call, int i);

/* Works out the output shapes; false after recording what does not fit. */
bool tp_resolve_shapes(const tp_call *call, bool elementwise, const tp_shape *in_shape, tp_shape *out_shape);

/* True for "()->()" and its like: all axes are loops. */
bool tp_is_elementwise(const tp_op *op);

/* Turns arrays as the tensors have them into what `eval` wants: loops first and broadcast, then core
 * axes. Returns the number of loops. No-op (0) for an op without a signature. */
int tp_arrange(const tp_call *call, bool elementwise, tp_array *in, tp_array *out);

#endif
