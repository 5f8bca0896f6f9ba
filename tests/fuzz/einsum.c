/* einsum.c - equations of einsum: "23 3 ij,j->i" takes ones of [2,3] and [3]. */
#include "fuzz.h"

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    enum { MOST = 4 };
    tp_tensor *in[MOST];
    int n = 0;
    const char *p = fuzz_text(data, size);
    for (; n < MOST && *p >= '0' && *p <= '9'; n++) {
        tp_shape shape = TP_SCALAR;
        for (; *p >= '0' && *p <= '9' && shape.n < 5; p++) shape.v[shape.n++] = *p % 4;
        in[n] = tp_ones(c, shape, TP_F64);
        p += *p == ' ';
    }
    if (n) tp_einsum(p, n, in);
    fuzz_accepted(c);
}
