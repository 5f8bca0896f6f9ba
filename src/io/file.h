/* file.h - files, read at any place and written as a whole. */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <taper/ext.h>

/* A file being written: it takes the place of the old one at the end, if all went well until then. */
typedef struct tp_output {
    tp_context *c;
    const char *call, *path; /* for messages */
    char *temp;              /* the path of the temporary file, in the same folder */
    size_t temp_size;
    int fd;
} tp_output;

/* Starts a file; `c`, `call` and `path` are set. All failures are recorded in the context, and after one
 * nothing has an effect; tp_output_close is called in any case. */
void tp_output_open(tp_output *o);

/* Writes the next bytes. */
void tp_output_put(tp_output *o, const void *data, size_t size);

/* Puts the file in its place, or removes it after a failure. */
void tp_output_close(tp_output *o);

/* A regular file open for reading. */
typedef struct tp_input {
    tp_context *c;
    char *path; /* a copy, for messages */
    size_t path_size;
    int fd; /* -1: closed */
    int64_t size;
} tp_input;

/* Opens a file; false after recording why not. `in` can be closed in any case. */
bool tp_input_open(tp_input *in, tp_context *c, const char *path, const char *call);

/* Reads `size` bytes from place `at` on; false after recording why not. */
bool tp_input_read(tp_input *in, int64_t at, void *data, size_t size, const char *call);

/* Maps `size` bytes from place `at` on, before which there are 8 at least: memory that can be changed, of
 * which the file sees nothing. NULL after recording why not; tp_input_unmap gives it back. */
void *tp_input_map(tp_input *in, int64_t at, size_t size, const char *call);

void tp_input_unmap(void *data);

/* Closes it. */
void tp_input_close(tp_input *in);

/* For a call that returns a status and has used others that fail: makes their failure its own, and the
 * context usable. */
tp_status tp_settle(tp_context *c);

#endif
