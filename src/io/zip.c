/* zip.c - what libzip does not look at: whether the parts of an archive fill it, each byte once.
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
#include "io/zip.h"

#include <stdlib.h>
#include <string.h>

enum { LOCAL = 30, CENTRAL = 46, END = 22, LOCATOR = 20, END64 = 56 }; /* bytes of the fixed parts */
enum { ENCRYPTED = 1, DESCRIPTOR = 8, STORED = 0, DEFLATED = 8, MOST_RATIO = 1032 };

/* The number in n bytes at `at`, little-endian. */
static uint64_t number(const unsigned char *at, int n)
{
    uint64_t value = 0;
    while (n-- > 0) value = value << 8 | at[n];
    return value;
}

/* Whether `n` bytes at `at` of the file can be read, and begin with "PK" and these two. */
static bool read_part(tp_zip *z, int64_t at, void *part, size_t n, const char *two, const char *what)
{
    tp_bytes *b = &z->bytes;
    const unsigned char *start = part;
    if (at < 0 || at > b->size - (int64_t)n)
        return tp_bytes_bad(b, at, "the file has no room for %s here", what);
    b->at = at;
    if (!tp_bytes_take(b, part, n)) return false;
    if (memcmp(start, "PK", 2) == 0 && memcmp(start + 2, two, 2) == 0) return true;
    return tp_bytes_bad(b, at, "%s expected", what);
}

/* --- the end of the file --- */

/* Finds the directory by the record in 64 bits, which lies before the other. */
static bool read_end64(tp_zip *z, int64_t end, uint64_t *count)
{
    unsigned char locator[LOCATOR], record[END64];
    if (!read_part(z, end - LOCATOR, locator, LOCATOR, "\6\7", "the place of the end record")) return false;
    int64_t at = end - LOCATOR - END64;
    if (number(locator + 4, 4) != 0 || number(locator + 8, 8) != (uint64_t)at || number(locator + 16, 4) != 1)
        return tp_bytes_bad(&z->bytes, end - LOCATOR, "the end record is not right before this");
    if (!read_part(z, at, record, END64, "\6\6", "the end record of 64 bits")) return false;
    bool whole = number(record + 4, 8) == END64 - 12 && number(record + 16, 8) == 0 &&
                 number(record + 24, 8) == number(record + 32, 8);
    uint64_t size = number(record + 40, 8), start = number(record + 48, 8);
    if (!whole || size > (uint64_t)at || start != (uint64_t)at - size)
        return tp_bytes_bad(&z->bytes, at, "the directory does not end here, or is in several files");
    *count = number(record + 32, 8);
    z->directory_at = (int64_t)start;
    z->directory_size = (int64_t)size;
    return true;
}

static bool read_end(tp_zip *z, uint64_t *count)
{
    unsigned char end[END];
    int64_t at = z->bytes.size - END;
    if (at < 0)
        return tp_bytes_bad(&z->bytes, 0, "it is no zip archive: it has %lld bytes",
                            (long long)z->bytes.size);
    if (!read_part(z, at, end, END, "\5\6", "the end of a zip archive, without a comment,")) return false;
    uint64_t size = number(end + 12, 4), start = number(end + 16, 4);
    *count = number(end + 10, 2);
    if (*count == 0xffff || size == 0xffffffff || start == 0xffffffff) return read_end64(z, at, count);
    bool whole = number(end + 4, 4) == 0 && number(end + 8, 2) == *count && number(end + 20, 2) == 0;
    if (!whole || size > (uint64_t)at || start != (uint64_t)at - size)
        return tp_bytes_bad(&z->bytes, at, "the directory does not end here, or is in several files");
    z->directory_at = (int64_t)start;
    z->directory_size = (int64_t)size;
    return true;
}

/* --- the directory --- */

const char *tp_zip_bad_name(const char *name, size_t length)
{
    if (length == 0) return "is empty";
    if (memchr(name, 0, length)) return "has a byte 0";
    if (name[0] == '/') return "begins with a slash";
    for (size_t i = 0; i < length; i++) { /* a part ".." */
        bool begins = i == 0 || name[i - 1] == '/' || name[i - 1] == '\\';
        bool dots = length - i >= 2 && name[i] == '.' && name[i + 1] == '.';
        bool ends = length - i == 2 || (dots && (name[i + 2] == '/' || name[i + 2] == '\\'));
        if (begins && dots && ends) return "leads out of its folder";
    }
    return NULL;
}

/* Takes what does not fit into 32 bits from the extra field of 64 bits; false if it is not there. */
static bool read_extra(const unsigned char *extra, size_t n, uint64_t *const value[3])
{
    while (n >= 4) {
        size_t length = (size_t)number(extra + 2, 2);
        if (length > n - 4) return false;
        if (number(extra, 2) == 1) {
            const unsigned char *at = extra + 4;
            for (int i = 0; i < 3; i++) {
                if (*value[i] != 0xffffffff) continue;
                if (length < 8) return false;
                *value[i] = number(at, 8);
                at += 8;
                length -= 8;
            }
            return true;
        }
        extra += 4 + length;
        n -= 4 + length;
    }
    return *value[0] != 0xffffffff && *value[1] != 0xffffffff && *value[2] != 0xffffffff;
}

/* What is wrong with an entry, NULL if nothing is. */
static const char *wrong(const tp_zip *z, const tp_zip_entry *e)
{
    if (e->flags & ENCRYPTED) return "an entry that is encrypted";
    if (e->method != STORED && e->method != DEFLATED) return "an entry that is neither stored nor deflated";
    if (e->at < 0 || e->packed < 0 || e->size < 0 || e->at > z->directory_at ||
        e->packed > z->directory_at - e->at)
        return "an entry that is not within the bytes before the directory";
    if (e->method == STORED && e->size != e->packed) return "a stored entry of two sizes";
    if (e->size / MOST_RATIO > e->packed) return "an entry of more bytes than its packed ones can give";
    return NULL;
}

/* Reads the entry at `at` of the directory and moves that behind it. */
static bool read_entry(tp_zip *z, int64_t *at, tp_zip_entry *e)
{
    const unsigned char *record = z->directory + *at;
    int64_t left = z->directory_size - *at, place = z->directory_at + *at;
    if (left < CENTRAL || memcmp(record, "PK\1\2", 4) != 0)
        return tp_bytes_bad(&z->bytes, place, "an entry of the directory expected");
    size_t name = (size_t)number(record + 28, 2), extra = (size_t)number(record + 30, 2),
           comment = (size_t)number(record + 32, 2);
    if ((size_t)left - CENTRAL < name + extra + comment)
        return tp_bytes_bad(&z->bytes, place, "an entry longer than the directory");
    uint64_t packed = number(record + 20, 4), size = number(record + 24, 4), start = number(record + 42, 4);
    if (!read_extra(record + CENTRAL + name, extra, (uint64_t *const[3]){&size, &packed, &start}))
        return tp_bytes_bad(&z->bytes, place, "an extra field that is not what it should be");
    *e = (tp_zip_entry){.at = (int64_t)start, .packed = (int64_t)packed, .size = (int64_t)size};
    e->name = *at + CENTRAL;
    e->name_length = (int)name;
    e->flags = (int)number(record + 8, 2);
    e->method = (int)number(record + 10, 2);
    e->crc = (uint32_t)number(record + 16, 4);
    const char *why = tp_zip_bad_name((const char *)z->directory + e->name, name);
    if (why) return tp_bytes_bad(&z->bytes, place, "the name of an entry %s", why);
    why = wrong(z, e);
    if (why) return tp_bytes_bad(&z->bytes, place, "%s", why);
    *at += CENTRAL + (int64_t)(name + extra + comment);
    return true;
}

static bool read_entries(tp_zip *z, uint64_t count)
{
    int64_t at = 0;
    if (count > (uint64_t)z->directory_size / CENTRAL)
        return tp_bytes_bad(&z->bytes, z->directory_at, "%llu entries in a directory of %lld bytes",
                            (unsigned long long)count, (long long)z->directory_size);
    z->directory = tp_alloc(z->bytes.c, (size_t)z->directory_size + 1);
    z->entries = tp_alloc(z->bytes.c, (size_t)count * sizeof *z->entries + 1);
    z->n = (int64_t)count;
    z->bytes.at = z->directory_at;
    if (!z->directory || !z->entries) return false;
    if (!tp_bytes_take(&z->bytes, z->directory, (size_t)z->directory_size)) return false;
    for (uint64_t i = 0; i < count; i++)
        if (!read_entry(z, &at, &z->entries[i])) return false;
    return at == z->directory_size ||
           tp_bytes_bad(&z->bytes, z->directory_at + at, "bytes of the directory after its last entry");
}

/* --- without gaps, overlaps and duplicates --- */

/* For sorting: an entry with its name. */
typedef struct named {
    const tp_zip_entry *entry;
    const unsigned char *name;
} named;

static int by_place(const void *a, const void *b)
{
    int64_t x = ((const named *)a)->entry->at, y = ((const named *)b)->entry->at;
    return (x > y) - (x < y);
}

static int by_name(const void *a, const void *b)
{
    const named *x = a, *y = b;
    int n = x->entry->name_length, m = y->entry->name_length;
    int order = memcmp(x->name, y->name, (size_t)(n < m ? n : m));
    return order ? order : (n > m) - (n < m);
}

/* Whether an entry's own header says the same of it as the directory. Sizes may be in an extra field, and
 * they and the CRC-32 in a data descriptor; libzip looks at these. */
static bool same_header(tp_zip *z, const tp_zip_entry *e, const unsigned char *header)
{
    unsigned char part[256];
    const unsigned char *name = z->directory + e->name;
    size_t left = (size_t)e->name_length;
    bool same = number(header + 26, 2) == left && number(header + 8, 2) == (uint64_t)e->method &&
                ((e->flags & DESCRIPTOR) || number(header + 14, 4) == e->crc);
    for (size_t n; same && left > 0; name += n, left -= n) {
        n = left < sizeof part ? left : sizeof part;
        if (!tp_bytes_take(&z->bytes, part, n)) return false;
        same = memcmp(part, name, n) == 0;
    }
    return same || tp_bytes_bad(&z->bytes, e->at, "an entry of which the directory says something else");
}

/* The local header says how long the entry is; what follows is the next one, perhaps after a data descriptor.
 */
static bool follows(tp_zip *z, const tp_zip_entry *e, int64_t next)
{
    unsigned char header[LOCAL];
    if (!read_part(z, e->at, header, LOCAL, "\3\4", "an entry") || !same_header(z, e, header)) return false;
    int64_t end = e->at + LOCAL + (int64_t)(number(header + 26, 2) + number(header + 28, 2)) + e->packed;
    int64_t gap = next - end;
    bool described = (e->flags & DESCRIPTOR) && (gap == 12 || gap == 16 || gap == 20 || gap == 24);
    if (gap == 0 || described) return true;
    return tp_bytes_bad(&z->bytes, end, "an entry ends here, and the next one begins at byte %lld",
                        (long long)next);
}

static bool check(tp_zip *z, named *list)
{
    for (int64_t i = 0; i < z->n; i++) list[i] = (named){&z->entries[i], z->directory + z->entries[i].name};
    qsort(list, (size_t)z->n, sizeof *list, by_name);
    for (int64_t i = 1; i < z->n; i++)
        if (by_name(&list[i - 1], &list[i]) == 0)
            return tp_bytes_bad(&z->bytes, z->directory_at + list[i].entry->name,
                                "the name '%.*s' a second time", list[i].entry->name_length,
                                (const char *)list[i].name);
    qsort(list, (size_t)z->n, sizeof *list, by_place);
    int64_t first = z->n ? list[0].entry->at : z->directory_at;
    if (first != 0)
        return tp_bytes_bad(&z->bytes, 0, "the first entry begins at byte %lld", (long long)first);
    for (int64_t i = 0; i < z->n; i++)
        if (!follows(z, list[i].entry, i + 1 < z->n ? list[i + 1].entry->at : z->directory_at)) return false;
    return true;
}

bool tp_zip_read(tp_zip *z, tp_input *in, const char *call)
{
    uint64_t count = 0;
    *z = (tp_zip){.n = 0};
    tp_bytes_of_file(&z->bytes, in, call);
    if (!read_end(z, &count) || !read_entries(z, count)) return false;
    size_t size = (size_t)z->n * sizeof(named) + 1;
    named *list = tp_alloc(in->c, size);
    bool good = list && check(z, list);
    tp_free(in->c, list, size);
    return good;
}

void tp_zip_free(tp_zip *z)
{
    tp_free(z->bytes.c, z->directory, (size_t)z->directory_size + 1);
    tp_free(z->bytes.c, z->entries, (size_t)z->n * sizeof *z->entries + 1);
    z->directory = NULL;
    z->entries = NULL;
}
