/* npz.c - npz files. */
#include "fuzz.h"

#include <stdlib.h>

enum { MOST = 1 << 20 };

/* Writes the arrays that were read, every second time compressed, and reads them again. */
static void round_trip(tp_context *c, const tp_named_tensor *tensors, int n, bool deflate)
{
    HOLDS(fuzz_took(c, tp_npz_save(c, fuzz_path("out"), tensors, n, .deflate = deflate)));
    tp_npz *f = tp_npz_open(c, fuzz_path("out"));
    HOLDS(tp_npz_count(f) == n);
    for (int i = 0; i < n; i++) fuzz_same(tensors[i].tensor, tp_npz_read(f, tensors[i].name));
}

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    tp_npz *f = tp_npz_open(c, fuzz_file("in", data, size), .most = MOST);
    if (!fuzz_accepted(c)) return;
    int n = tp_npz_count(f), read = 0;
    tp_named_tensor *tensors = calloc((size_t)n + 1, sizeof *tensors);
    HOLDS(tensors != NULL);
    for (int i = 0; i < n; i++) {
        const char *name = tp_npz_name(f, i);
        tp_tensor *t = tp_npz_read(f, name);
        HOLDS(tp_npz_look(f, i) != NULL);
        if (fuzz_accepted(c)) tensors[read++] = (tp_named_tensor){name, t};
    }
    fuzz_frugal(c, size, (size_t)(n + 1) * MOST);
    round_trip(c, tensors, read, size % 2);
    free(tensors);
}
