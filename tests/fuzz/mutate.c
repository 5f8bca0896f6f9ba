/* mutate.c - changes an input so that what is checked first still holds: JSON stays JSON, what is packed can
 * be unpacked, a safetensors file has the length and hashes of its new header. */
#include "fuzz.h"
#include "io/safetensors.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

static uint64_t state;

/* A number below n (xorshift64*). */
static size_t draw(size_t n)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (size_t)((state * 0x2545f4914f6cdd1du) >> 32) % n;
}

/* --- JSON --- */

static json_t *any_value(void)
{
    static const json_int_t numbers[] = {0, 1, -1, 2, 3, 255, INT32_MAX, 1LL << 40, INT64_MAX, INT64_MIN};
    static const char *const texts[] = {"", "0", "nan", "inf", "f32", "none", "18446744073709551615", "../x"};
    switch (draw(8)) {
    case 0: return json_null();
    case 1: return json_boolean(draw(2));
    case 2: return json_object();
    case 3: return json_array();
    case 4: return json_string(texts[draw(sizeof texts / sizeof *texts)]);
    case 5: return json_real(draw(2) ? 1e308 : -0.5);
    default: return json_integer(numbers[draw(sizeof numbers / sizeof *numbers)]);
    }
}

static json_t *mutate_text(const json_t *text, size_t most);

/* Another value in place of this one. */
static json_t *mutate_value(const json_t *value, size_t most)
{
    size_t way = draw(4);
    if (way == 0) return any_value();
    if (json_is_integer(value))
        return json_integer((json_int_t)((uint64_t)json_integer_value(value) + draw(5) - 2));
    if (json_is_string(value)) return mutate_text(value, most);
    if (json_is_array(value) && draw(2)) {
        json_t *list = json_deep_copy(value);
        json_array_append_new(list, way == 1 ? any_value() : json_deep_copy(json_array_get(value, 0)));
        return list;
    }
    if (json_is_object(value) && draw(4) == 0) {
        json_t *object = json_deep_copy(value);
        json_object_set_new(object, "x", any_value());
        return object;
    }
    return any_value();
}

/* Changes or removes member i. */
static void mutate_member(json_t *tree, void *at, size_t i, size_t most)
{
    const json_t *member = at ? json_object_iter_value(at) : json_array_get(tree, i);
    bool gone = draw(5) == 0;
    json_t *value = gone ? NULL : mutate_value(member, most);
    if (at && gone) json_object_del(tree, json_object_iter_key(at));
    if (!at && gone) json_array_remove(tree, i);
    if (at && !gone) json_object_iter_set_new(tree, at, value);
    if (!at && !gone) json_array_set_new(tree, i, value);
}

/* Changes or removes a member, or something in it. */
static void mutate_tree(json_t *tree, size_t most)
{
    size_t n = json_is_array(tree) ? json_array_size(tree) : json_object_size(tree), i = n ? draw(n) : 0;
    if (n == 0) return;
    void *at = json_object_iter(tree);
    for (size_t k = 0; at && k < i; k++) at = json_object_iter_next(tree, at);
    json_t *member = at ? json_object_iter_value(at) : json_array_get(tree, i);
    if ((json_is_array(member) || json_is_object(member)) && draw(4))
        mutate_tree(member, most);
    else
        mutate_member(tree, at, i, most);
}

/* Writes a tree; the old text stays where there is no room. */
static size_t dump(const json_t *tree, uint8_t *data, size_t size, size_t most)
{
    size_t n = json_dumpb(tree, NULL, 0, JSON_COMPACT);
    return n == 0 || n > most ? size : json_dumpb(tree, (char *)data, most, JSON_COMPACT);
}

static size_t mutate_json(uint8_t *data, size_t size, size_t most)
{
    json_t *tree = draw(3) ? json_loadb((const char *)data, size, 0, NULL) : NULL;
    if (!tree) return LLVMFuzzerMutate(data, size, most);
    for (size_t n = 1 + draw(3); n > 0; n--) mutate_tree(tree, most);
    size = dump(tree, data, size, most);
    json_decref(tree);
    return size;
}

static json_t *mutate_text(const json_t *text, size_t most)
{
    size_t size = json_string_length(text);
    char *copy = malloc(most);
    if (!copy || size > most) size = 0;
    if (copy && size) memcpy(copy, json_string_value(text), size);
    if (copy)
        size = size && *copy == '{' ? mutate_json((uint8_t *)copy, size, most)
                                    : LLVMFuzzerMutate((uint8_t *)copy, size, most);
    json_t *mutated = json_stringn(copy, size);
    free(copy);
    return mutated ? mutated : any_value();
}

/* --- safetensors --- */

static size_t header_length(const uint8_t *data, size_t size)
{
    size_t length = 0;
    if (size < TP_LENGTH_BYTES + 2 || data[TP_LENGTH_BYTES] != '{') return 0;
    for (int i = TP_LENGTH_BYTES; i-- > 0;) length = length << 8 | data[i];
    return length <= size - TP_LENGTH_BYTES ? length : 0;
}

typedef struct range {
    size_t begin, end;
} range;

static int by_place(const void *a, const void *b)
{
    const range *x = a, *y = b;
    return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1) : (x->end > y->end) - (x->end < y->end);
}

/* The digests of all tensors that lie within the `size` bytes of `data`. */
static json_t *digests_of(const json_t *header, const uint8_t *data, size_t size)
{
    enum { MOST = 256 };
    range ranges[MOST];
    char digests[MOST * TP_DIGEST];
    size_t n = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)header, name, value)
    {
        const json_t *offsets = json_object_get(value, "data_offsets");
        range r = {(size_t)json_integer_value(json_array_get(offsets, 0)),
                   (size_t)json_integer_value(json_array_get(offsets, 1))};
        if (offsets && n < MOST && r.begin <= r.end && r.end <= size) ranges[n++] = r;
    }
    qsort(ranges, n, sizeof *ranges, by_place);
    for (size_t i = 0; i < n; i++)
        tp_digest(data + ranges[i].begin, ranges[i].end - ranges[i].begin, digests + i * TP_DIGEST);
    return json_stringn(digests, n * TP_DIGEST);
}

/* Puts a header in front of `size` bytes of `data`, with hashes if it has a place for them. */
static size_t seal(json_t *header, uint8_t *file, size_t most, const uint8_t *data, size_t size)
{
    json_t *metadata = json_object_get(header, "__metadata__");
    if (json_object_get(metadata, TP_DIGESTS_KEY))
        json_object_set_new(metadata, TP_DIGESTS_KEY, digests_of(header, data, size));
    if (json_object_get(metadata, TP_HASH_KEY))
        json_object_set_new(metadata, TP_HASH_KEY,
                            json_stringn("00000000000000000000000000000000", TP_DIGEST));
    size_t length = json_dumpb(header, NULL, 0, JSON_COMPACT), start = TP_LENGTH_BYTES + length;
    if (length == 0 || start + size > most) return 0;
    for (int i = 0; i < TP_LENGTH_BYTES; i++) file[i] = (uint8_t)(length >> 8 * i & 255);
    json_dumpb(header, (char *)file + TP_LENGTH_BYTES, length, JSON_COMPACT);
    const size_t digest_at = TP_LENGTH_BYTES + strlen(TP_HASHED_START);
    if (length > digest_at + TP_DIGEST &&
        memcmp(file + TP_LENGTH_BYTES, TP_HASHED_START, strlen(TP_HASHED_START)) == 0) {
        char digest[TP_DIGEST];
        tp_digest(file, start, digest);
        memcpy(file + digest_at, digest, TP_DIGEST);
    }
    memcpy(file + start, data, size);
    return start + size;
}

static size_t mutate_safetensors(uint8_t *file, size_t size, size_t most)
{
    size_t length = header_length(file, size), start = TP_LENGTH_BYTES + length, sealed = 0,
           rest = size - start;
    json_t *header = length ? json_loadb((const char *)file + TP_LENGTH_BYTES, length, 0, NULL) : NULL;
    uint8_t *data = malloc(most + 1);
    if (!header || !data) {
        json_decref(header);
        free(data);
        return LLVMFuzzerMutate(file, size, most);
    }
    memcpy(data, file + start, rest);
    if (draw(4) == 0 && rest) {
        size_t all = rest;
        rest = LLVMFuzzerMutate(data, rest, draw(4) ? rest : most);
        if (draw(8)) rest = all; /* what was cut off is there still, or the buffer's next bytes */
    } else {
        for (size_t n = 1 + draw(3); n > 0; n--) mutate_tree(header, most);
    }
    sealed = seal(header, file, most, data, rest);
    json_decref(header);
    free(data);
    return sealed ? sealed : LLVMFuzzerMutate(file, size, most);
}

/* --- gzip --- */

static size_t mutate_gz(uint8_t *data, size_t size, size_t most)
{
    enum { GZIP = 16 + MAX_WBITS, MOST = 1 << 14 };
    static uint8_t bytes[MOST];
    z_stream z = {.next_in = data, .avail_in = (uInt)size, .next_out = bytes, .avail_out = MOST};
    if (inflateInit2(&z, GZIP) != Z_OK) return size;
    bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END;
    size_t n = MOST - z.avail_out;
    inflateEnd(&z);
    if (!whole) return LLVMFuzzerMutate(data, size, most);
    n = LLVMFuzzerMutate(bytes, n, MOST);
    z = (z_stream){.next_in = bytes, .avail_in = (uInt)n, .next_out = data, .avail_out = (uInt)most};
    if (deflateInit2(&z, 1, Z_DEFLATED, GZIP, 1, Z_DEFAULT_STRATEGY) != Z_OK) return size;
    size = deflate(&z, Z_FINISH) == Z_STREAM_END ? most - z.avail_out : 0;
    deflateEnd(&z);
    return size;
}

/* --- */

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    state = (uint64_t)seed << 1 | 1;
    draw(2);
    if (fuzz_example && fuzz_example_size <= most && !header_length(data, size)) {
        memcpy(data, fuzz_example, fuzz_example_size);
        size = fuzz_example_size;
    }
    if (draw(6) == 0) return LLVMFuzzerMutate(data, size, most);
    if (size > 18 && data[0] == 0x1f && data[1] == 0x8b) return mutate_gz(data, size, most);
    if (header_length(data, size)) return mutate_safetensors(data, size, most);
    if (size && *data == '{') return mutate_json(data, size, most);
    return LLVMFuzzerMutate(data, size, most);
}
