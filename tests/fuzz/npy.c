/* npy.c - npy files. */
#include "fuzz.h"

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    tp_npy what;
    const char *path = fuzz_file("in", data, size);
    bool looked = fuzz_took(c, tp_npy_look(c, path, &what));
    tp_tensor *t = tp_npy_read(c, path);
    fuzz_frugal(c, size, 1 << 20);
    if (!fuzz_accepted(c)) return;
    HOLDS(looked && what.dtype == tp_dtype_of(t) && what.shape.n == tp_rank(t));
    HOLDS(fuzz_took(c, tp_npy_save(t, fuzz_path("out"))));
    fuzz_same(t, tp_npy_read(c, fuzz_path("out")));
}
