/* random.c - draws from a key: element i of the output comes from block i of Philox under (seed, counter), so
 * that neither order nor threads matter. */
#include "base/random.h"
#include "base/context.h"
#include "ops/loops.h"
#include "tensor/dtype.h"

#include <taper/ops.h>

#include <string.h>

static const char why[] = "random draws do not depend on a float";

/* The output has the key's leading axes, then the shape asked for. */
static bool from_key_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    const tp_ints *shape = call->attr[0].v;
    if (in->n < 1 || in->v[in->n - 1] != 2 || in->n - 1 + shape->n > TP_INTERNAL_RANK) {
        tp_call_fail(call, TP_ERR_SHAPE, "takes a key of shape [2], from tp_next_key");
        return false;
    }
    *out = *in;
    out->n += shape->n - 1;
    memcpy(out->v + in->n - 1, shape->v, (size_t)shape->n * sizeof *shape->v);
    return true;
}

/* The four words of block i of a key's stream. */
static void block(const uint64_t key[2], uint64_t i, uint32_t word[4])
{
    const uint32_t counter[4] = {(uint32_t)i, (uint32_t)(i >> 32), (uint32_t)key[1],
                                 (uint32_t)(key[1] >> 32)};
    const uint32_t seed[2] = {(uint32_t)key[0], (uint32_t)(key[0] >> 32)};
    tp_philox4x32(counter, seed, word);
}

/* Uniform in [0,1): the top 53 bits of two words, or, rounding down, the top 24 of one. */
static double uniform_f64(const uint32_t *word)
{
    return (double)(((uint64_t)word[0] << 32 | word[1]) >> 11) * 0x1p-53;
}

static float uniform_f32(const uint32_t *word) { return (float)(word[0] >> 8) * 0x1p-24f; }

static void uniform_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_array keys = in[0];
    tp_walk w;
    (void)call;
    int64_t n = 1, size = (int64_t)tp_dtype_size(out->dtype);
    char *to = out->data;
    for (int i = in->rank - 1; i < out->rank; i++) n *= out->size[i];
    if (!tp_walk_start(&w, in->rank - 1, 1, (const tp_array *const[]){&keys})) return;
    do {
        const uint64_t key[2] = {TP_AT(uint64_t, w, 0)[0], TP_AT(uint64_t, w, 0)[in->stride[in->rank - 1]]};
        for (int64_t i = 0; i < n; i++, to += size) {
            uint32_t word[4];
            block(key, (uint64_t)i, word);
            double d = uniform_f64(word);
            float f = uniform_f32(word);
            if (out->dtype == TP_F64)
                tp_convert(to, 1, out->dtype, &d, 1, TP_F64, 1);
            else
                tp_convert(to, 1, out->dtype, &f, 1, TP_F32, 1);
        }
    } while (tp_walk_next(&w));
}

const tp_rules tp_rules_uniform_from = {.eval = uniform_eval, .shape = from_key_shape, .nodiff = why};

tp_tensor *tp_next_key(tp_context *c)
{
    if (!tp_ok(c)) return tp_nil(c);
    const uint64_t key[2] = {c->seed, c->counter};
    tp_tensor *t = tp_from_array(c, TP_SHAPE(2), TP_U64, key);
    if (!tp_is_nil(t)) c->counter++;
    return t;
}

/* Ends a composite that took keys since `counter`: one that failed has drawn nothing. */
static tp_tensor *drawn(tp_context *c, tp_mark scope, uint64_t counter, tp_tensor *result)
{
    if (c && c->status != TP_OK) c->counter = counter;
    tp_keep(result);
    tp_close_scope(c, scope);
    return result;
}

tp_tensor *tp_uniform(tp_context *c, tp_shape shape, double low, double high, tp_dtype dtype)
{
    uint64_t counter = tp_random_counter(c);
    tp_mark scope = tp_open_scope(c);
    tp_tensor *u = tp_uniform_from(tp_next_key(c), shape, dtype);
    if (low != 0 || high != 1) u = tp_add_scalar(tp_mul_scalar(u, high - low), low);
    return drawn(c, scope, counter, u);
}
