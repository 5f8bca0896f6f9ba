/* idx.c - IDX files, plain or packed by gzip. */
#include "fuzz.h"

enum { MOST = 1 << 20 };

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    bool packed = size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
    tp_tensor *t = tp_idx_read(c, fuzz_file("in", data, size), .most = MOST);
    fuzz_frugal(c, size, packed ? 2 * MOST : MOST);
    if (!fuzz_accepted(c)) return;
    const char *path = fuzz_path(packed ? "out.gz" : "out");
    HOLDS(fuzz_took(c, tp_idx_save(t, path)));
    fuzz_same(t, tp_idx_read(c, path));
}
