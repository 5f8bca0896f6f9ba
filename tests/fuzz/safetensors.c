/* safetensors.c - safetensors files. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

/* What a file has, that a file written here can have. */
typedef struct content {
    tp_named_tensor *tensors;
    tp_metadata *metadata;
    int n, n_metadata;
} content;

static content read_all(tp_context *c, tp_safetensors *f)
{
    int n = tp_safetensors_count(f), keys = 0;
    while (tp_safetensors_key(f, keys)) keys++;
    content all = {calloc((size_t)n + 1, sizeof *all.tensors), calloc((size_t)keys + 1, sizeof *all.metadata),
                   0, 0};
    HOLDS(all.tensors && all.metadata);
    for (int i = 0; i < n; i++) {
        const char *name = tp_safetensors_name(f, i);
        tp_tensor *t = tp_safetensors_read(f, name);
        HOLDS(tp_safetensors_dtype(f, i) != TP_DTYPES || tp_is_nil(t));
        if (fuzz_accepted(c)) all.tensors[all.n++] = (tp_named_tensor){name, t};
    }
    for (int i = 0; i < keys; i++) {
        const char *key = tp_safetensors_key(f, i);
        if (strcmp(key, "taper.hash") == 0 || strcmp(key, "taper.tensor_hashes") == 0) continue;
        all.metadata[all.n_metadata++] = (tp_metadata){key, tp_safetensors_metadata(f, key)};
    }
    return all;
}

static void round_trip(tp_context *c, const content *all)
{
    const char *path = fuzz_path("out");
    HOLDS(fuzz_took(c, tp_safetensors_save(c, path, all->tensors, all->n, all->metadata, all->n_metadata)));
    tp_safetensors *f = tp_safetensors_open(c, path);
    HOLDS(tp_safetensors_count(f) == all->n && tp_safetensors_is_hashed(f));
    for (int i = 0; i < all->n; i++)
        fuzz_same(all->tensors[i].tensor, tp_safetensors_read(f, all->tensors[i].name));
    for (int i = 0; i < all->n_metadata; i++) {
        const char *value = tp_safetensors_metadata(f, all->metadata[i].key);
        HOLDS(value && strcmp(value, all->metadata[i].value) == 0);
    }
}

/* Tensors that lie in the file are those that are read from it. */
static void map(tp_context *c, const content *all)
{
    tp_safetensors *f = tp_safetensors_open(c, fuzz_path("in"), .mapped = true);
    HOLDS(tp_ok(c));
    for (int i = 0; i < all->n; i++)
        fuzz_same(all->tensors[i].tensor, tp_safetensors_read(f, all->tensors[i].name));
}

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    tp_safetensors *f = tp_safetensors_open(c, fuzz_file("in", data, size));
    if (!fuzz_accepted(c)) return;
    content all = read_all(c, f);
    fuzz_frugal(c, size, 1 << 20);
    map(c, &all);
    round_trip(c, &all);
    free(all.tensors);
    free(all.metadata);
}
