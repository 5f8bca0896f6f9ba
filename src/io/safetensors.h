/* safetensors.h - the inside of a safetensors file. */
#ifndef IO_SAFETENSORS_H
#define IO_SAFETENSORS_H

#include "io/bytes.h"

#include <taper/io.h>

#include <jansson.h>

/* One tensor of a file. */
typedef struct tp_record {
    const char *name;
    char dtype_name[24];
    tp_dtype dtype; /* TP_DTYPES: none of Taper's */
    tp_shape shape;
    int64_t begin, end; /* the place of its bytes, counted from the end of the header */
} tp_record;

struct tp_safetensors {
    tp_object object;
    tp_input in;
    bool mapped;
    json_t *names;       /* of the tensors, with their numbers; owns the names */
    json_t *metadata;    /* NULL: none */
    tp_record *records;  /* in order of place */
    const char *digests; /* 32 digits a record; NULL: none */
    int n, room;
    int64_t data; /* where the header ends */
};

enum { TP_DIGEST = 32, TP_LENGTH_BYTES = 8, TP_HEADER_MOST = 16 << 20 };

/* How a file with hashes begins, after the length of its header; the digest of the header follows. */
#define TP_HASHED_START "{\"__metadata__\":{\"taper.hash\":\""
#define TP_HASH_KEY     "taper.hash"
#define TP_DIGESTS_KEY  "taper.tensor_hashes"

/* Writes the digest of `size` bytes of `data`: TP_DIGEST digits and no more. */
void tp_digest(const void *data, size_t size, char *digits);

/* The name of a dtype in such files. */
const char *tp_record_dtype_name(tp_dtype dtype);

/* Reads and checks the header, of at most `most` bytes, of a file whose `in` is open; false after recording
 * what is wrong. */
bool tp_header_read(tp_safetensors *f, int64_t most);

/* The number of the tensor of that name, -1 if there is none. */
int tp_record_find(const tp_safetensors *f, const char *name);

/* Writes the parameters and buffers of a module with metadata. */
tp_status tp_state_save(tp_module *m, const char *path, const tp_metadata *metadata, int n, const char *call);

/* Overwrites those of a module from a file, as tp_module_load does; records what is wrong. */
void tp_state_load(tp_module *m, tp_safetensors *f, const tp_module_load_options *o, const char *call);

/* A data set without its samples as JSON; NULL after recording why not. */
json_t *tp_data_to_json(tp_context *c, const tp_dataset *d, const char *call);

/* The way back; nil after recording what is wrong. */
tp_dataset *tp_data_from_json(tp_context *c, const json_t *text, const char *call);

#endif
