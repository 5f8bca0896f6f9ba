/* npy.h - the inside of an npy file. */
#ifndef IO_NPY_H
#define IO_NPY_H

#include "io/bytes.h"

#include <taper/io.h>

enum { TP_NPY_MOST_HEAD = 256 }; /* bytes before the elements in what is written here */

/* Reads what stands before the elements and checks that they fit; false after recording what is wrong. */
bool tp_npy_head(tp_bytes *b, tp_npy *head);

/* Reads the elements, which come next; nil after recording what is wrong. */
tp_tensor *tp_npy_elements(tp_bytes *b, const tp_npy *head);

/* Writes what stands before the elements of `t` into `head`; returns how much, 0 after recording why there is
 * no such file of it. */
size_t tp_npy_write_head(const tp_tensor *t, char head[TP_NPY_MOST_HEAD], const char *call);

#endif
