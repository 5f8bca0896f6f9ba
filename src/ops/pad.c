/* pad.c - a border of one value, or with negative widths a crop: the opposite widths lead back. */
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

static int64_t positive(int64_t n) { return n > 0 ? n : 0; }

/* The size of an axis between the cuts of negative widths; negative if they overlap. */
static int64_t inner_size(int64_t size, int64_t before, int64_t after)
{
    if (before < -size || after < -size) return -1;
    return size - positive(-before) - positive(-after);
}

static bool pad_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    const tp_ints *before = call->attr[0].v, *after = call->attr[1].v;
    char text[256];
    if (before->n != after->n || before->n < 0 || before->n > in->n) {
        tp_call_fail(call, TP_ERR_SHAPE, "cannot take %d widths before and %d after for %s", before->n,
                     after->n, tp_shape_text(in->v, in->n, text, sizeof text));
        return false;
    }
    *out = *in;
    for (int i = 0; i < before->n; i++) {
        int64_t *size = &out->v[in->n - before->n + i], inner = inner_size(*size, before->v[i], after->v[i]);
        if (inner < 0 || __builtin_add_overflow(inner, positive(before->v[i]), size) ||
            __builtin_add_overflow(*size, positive(after->v[i]), size)) {
            tp_call_fail(call, TP_ERR_SHAPE, "axis %d of %s cannot have %lld more before and %lld after",
                         i - before->n, tp_shape_text(in->v, in->n, text, sizeof text),
                         (long long)before->v[i], (long long)after->v[i]);
            return false;
        }
    }
    return true;
}

static void pad_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    const tp_ints *before = call->attr[0].v, *after = call->attr[1].v;
    int64_t size = (int64_t)tp_dtype_size(out->dtype);
    char element[8];
    tp_convert(element, 1, out->dtype, &call->attr[2].d, 1, TP_F64, 1);
    tp_array value = {.data = element, .dtype = out->dtype, .rank = out->rank}, from = in[0], to = out[0];
    tp_array_copy(&out[0], &value);
    for (int i = 0; i < before->n; i++) {
        int axis = out->rank - before->n + i;
        to.size[axis] = from.size[axis] = inner_size(in->size[axis], before->v[i], after->v[i]);
        from.data = (char *)from.data + positive(-before->v[i]) * from.stride[axis] * size;
        to.data = (char *)to.data + positive(before->v[i]) * to.stride[axis] * size;
    }
    tp_array_copy(&to, &from);
}

static tp_tensor *pad_push(const tp_call *call, int o, tp_tensor *const *t)
{
    (void)o;
    return tp_pad(t[0], *call->attr[0].v, *call->attr[1].v, 0);
}

static tp_tensor *pad_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    tp_ints before = *call->attr[0].v, after = *call->attr[1].v;
    for (int k = 0; k < before.n; k++) {
        before.v[k] = -before.v[k];
        after.v[k] = -after.v[k];
    }
    return tp_pad(u[0], before, after, 0);
}

/* The last axis grown, all axes grown, the last axis cut before and grown after. */
static bool pad_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in;
    room[0].n = room[1].n = k == 1 ? in->n : 1;
    attr[0].v = &room[0];
    attr[1].v = &room[1];
    attr[2].d = k == 1 ? 0 : 1.5;
    for (int i = 0; i < room->n; i++) {
        room[0].v[i] = k == 2 ? -1 : i + 1;
        room[1].v[i] = 2;
    }
    return k == 1 || (k < 3 && in->n > 0 && in->v[in->n - 1] > 0);
}

const tp_rules tp_rules_pad = {
    .eval = pad_eval, .shape = pad_shape, .push = pad_push, .pull = pad_pull, .sample = pad_sample};
