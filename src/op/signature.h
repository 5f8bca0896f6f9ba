/* signature.h - shapes by signature: which axes are loops, which are core, what comes out. */
#ifndef OP_SIGNATURE_H
#define OP_SIGNATURE_H

#include "tensor/tensor.h"

#include <taper/ext.h>

/* Limits of a signature: core axes of one argument, of all; arguments. */
enum { TP_MAX_DIMS = 8, TP_ALL_DIMS = 24, TP_MAX_ARGUMENTS = TP_MAX_IN + TP_MAX_OUT };

/* One named size of a signature: "k" of "(m,k),(k,n)->(m,n)". */
typedef struct tp_dim {
    const char *name;
    size_t length;
    int64_t size; /* -1: not known yet */
} tp_dim;

/* Steps over the next argument of the signature at *at and writes its names; returns how many core axes it
 * has, -1 if the signature is not one. */
int tp_next_argument(const char **at, tp_dim *names);

/* A signature, read. Sizes of one name are the same, so they are known by a number. */
typedef struct tp_signature {
    bool elementwise;                           /* "()->()" and its like: all axes are loops */
    int8_t arguments;                           /* how many it names, up to where it is not one */
    int8_t axes, axis, keepdim;                 /* the attributes of these types and of this name, -1: none */
    int8_t sizes;                               /* different ones */
    int8_t core[TP_MAX_ARGUMENTS];              /* core axes of an argument ... */
    int8_t size[TP_MAX_ARGUMENTS][TP_MAX_DIMS]; /* ... and which sizes they have */
    int8_t number[TP_ALL_DIMS];                 /* what size a digit gives, -1: none does ... */
    int8_t attr[TP_ALL_DIMS];                   /* ... and the int attribute of that name, -1: none */
} tp_signature;

/* Reads the signature of an op; without one nothing but its attributes is known. */
void tp_read_signature(const tp_op *op, tp_signature *s);

/* Index of the op's attribute of that type, -1 if it has none. */
int tp_attr_of_type(const tp_op *op, tp_attr_type type);

/* The value of the bool attribute keepdim; false where there is none. */
bool tp_keeps_dim(const tp_call *call);

/* How many core axes argument i (an input, or output i - n_in) has in this call; -1 where the op has no
 * signature. */
int tp_core_rank(const tp_call *call, int i);

/* Works out the output shapes; false after recording what does not fit. */
bool tp_resolve_shapes(const tp_call *call, const tp_signature *s, const tp_shape *in_shape,
                       tp_shape *out_shape);

/* Turns arrays as the tensors have them into what `eval` wants: loops first and broadcast, then core
 * axes. Returns the number of loops. No-op (0) for an op without a signature. */
int tp_arrange(const tp_call *call, const tp_signature *s, tp_array *in, tp_array *out);

#endif
