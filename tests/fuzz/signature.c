/* signature.c - shape signatures of ops: "23 3>1 (m,k),(k)->(m)" is one with inputs of [2,3] and [3], one
 * output. */
#include "fuzz.h"

#include <string.h>

/* Touches all elements. */
static void eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    for (int i = 0; i < call->n_in + call->n_out; i++) {
        const tp_array *a = i < call->n_in ? &in[i] : &out[i - call->n_in];
        int64_t last = 0;
        for (int k = 0; k < a->rank; k++) {
            if (a->size[k] == 0) last = -1;
            if (last >= 0) last += (a->size[k] - 1) * a->stride[k];
        }
        if (last >= 0 && i >= call->n_in) memset((char *)a->data + last * 8, 0, 8);
        if (last >= 0 && i < call->n_in) HOLDS(*((const double *)a->data + last) == 0);
    }
}

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    static const char *const names[TP_MAX_IN] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    static const tp_rules rules = {.eval = eval, .nodiff = "it is made up"};
    tp_tensor *in[TP_MAX_IN], *extra[TP_MAX_OUT];
    const char *p = fuzz_text(data, size);
    tp_op op = {
        .name = "made_up", .types = "FFFFFFFF->FFFF", .in_name = names, .out_name = names, .rules = &rules};
    for (; op.n_in < TP_MAX_IN && *p >= '0' && *p <= '9'; op.n_in++) {
        tp_shape shape = TP_SCALAR;
        for (; *p >= '0' && *p <= '9' && shape.n < TP_MAX_RANK; p++) shape.v[shape.n++] = *p % 4;
        in[op.n_in] = tp_zeros(c, shape, TP_F64);
        p += *p == ' ';
    }
    if (*p++ != '>' || *p < '0' || *p > '4') return;
    char types[32];
    op.n_out = *p++ - '0';
    memcpy(types, op.types, sizeof "FFFFFFFF->FFFF");
    memmove(types + op.n_in, types + TP_MAX_IN, 2 + (size_t)op.n_out);
    types[op.n_in + 2 + op.n_out] = 0;
    op.types = types;
    op.signature = p + (*p == ' ');
    tp_apply(&op, op.n_in, in, NULL, extra);
    fuzz_frugal(c, 0, 1 << 24);
    fuzz_accepted(c);
}
