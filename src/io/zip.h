/* zip.h - the directory of a zip archive, checked. */
#ifndef IO_ZIP_H
#define IO_ZIP_H

#include "io/bytes.h"

/* An entry as the directory has it. */
typedef struct tp_zip_entry {
    int64_t at;           /* where its local header begins */
    int64_t packed, size; /* bytes in the archive, and unpacked */
    int64_t name;         /* where its name begins, in the directory ... */
    int name_length;      /* ... and its bytes */
    uint32_t crc;
    int flags, method;
} tp_zip_entry;

/* The directory of an archive. */
typedef struct tp_zip {
    tp_bytes bytes; /* of the archive */
    unsigned char *directory;
    int64_t directory_at, directory_size;
    tp_zip_entry *entries; /* in the directory's order */
    int64_t n;
} tp_zip;

/* Reads the directory and checks that the entries and it fill the file, without gaps or overlaps; that no two
 * have one name; and that none is encrypted. False after recording what is wrong; tp_zip_free in any case. */
bool tp_zip_read(tp_zip *z, tp_input *in, const char *call);

void tp_zip_free(tp_zip *z);

/* Why a name is none for an entry, NULL if it is one. */
const char *tp_zip_bad_name(const char *name, size_t length);

#endif
