/* random.c - draws from a key: element i of the output comes from block i of Philox under (seed, counter), so
 * that neither order nor threads matter. */
#include "base/random.h"
#include "base/context.h"
#include "base/vmath.h"
#include "ops/core.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <math.h>
#include <string.h>

static const char why[] = "random draws do not depend on a float";

/* --- from random bits to numbers --- */

/* Block i of a key's stream: 128 bits, the high half first. */
static void block(const uint64_t key[2], uint64_t i, uint64_t bits[2])
{
    const uint32_t counter[4] = {(uint32_t)i, (uint32_t)(i >> 32), (uint32_t)key[1],
                                 (uint32_t)(key[1] >> 32)};
    const uint32_t seed[2] = {(uint32_t)key[0], (uint32_t)(key[0] >> 32)};
    uint32_t word[4];
    tp_philox4x32(counter, seed, word);
    bits[0] = (uint64_t)word[0] << 32 | word[1];
    bits[1] = (uint64_t)word[2] << 32 | word[3];
}

/* Uniform in [0,1): the multiples of 2^-53. */
static double unit(uint64_t bits) { return (double)(bits >> 11) * 0x1p-53; }

/* The high half of a product. */
static uint64_t high_product(uint64_t a, uint64_t b)
{
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (uint32_t)middle;
    return a1 * b1 + (middle >> 32) + (other >> 32);
}

/* Uniform in 0 ... n-1: the 128 bits as a fraction, times n; off from even by less than 2^-64. */
static uint64_t below(const uint64_t bits[2], uint64_t n)
{
    uint64_t high = bits[0] * n, sum = high + high_product(bits[1], n);
    return high_product(bits[0], n) + (sum < high);
}

typedef union number {
    double d;
    int64_t i;
} number;

/* An element from its bits: a double, or an integer as the row has it. */
typedef number draw_fn(const tp_attr *attr, tp_dtype dtype, const uint64_t bits[2]);

/* The key at the position of `w`. */
static void read_key(const tp_walk *w, const tp_array *keys, uint64_t key[2])
{
    key[0] = TP_AT(uint64_t, *w, 0)[0];
    key[1] = TP_AT(uint64_t, *w, 0)[keys->stride[keys->rank - 1]];
}

/* What the numbers are, and in which dtype they come. */
typedef struct law {
    const tp_call *call;
    draw_fn *draw;
    tp_dtype drawn;
} law;

/* Elements i .. i + n - 1 of the row where the walk over keys and outputs stands. */
static void draw_span(const tp_walk *w, int64_t i, int64_t n, const void *of)
{
    const law *l = of;
    const tp_array *out = w->array[1];
    const int64_t end = i + n;
    number numbers[TP_BLOCK];
    uint64_t key[2], bits[2];
    read_key(w, w->array[0], key);
    while (i < end) {
        char *to = w->at[1] + i * tp_bytes(out->dtype);
        int64_t m = 0;
        for (; m < TP_BLOCK && i < end; m++, i++) {
            block(key, (uint64_t)i, bits);
            numbers[m] = l->draw(l->call->attr, out->dtype, bits);
        }
        tp_convert(to, 1, out->dtype, numbers, 1, l->drawn, m);
    }
}

/* Fills the output, key by key, with numbers of the dtype `drawn`. */
static void draw_all(const tp_call *call, const tp_array *in, const tp_array *out, draw_fn *draw,
                     tp_dtype drawn)
{
    const int keys = in->rank - 1;
    const law l = {call, draw, drawn};
    tp_walk w;
    if (tp_walk_start(&w, keys, 2, (const tp_array *const[]){in, out}))
        tp_each_span(&w, tp_shape_numel(out->size + keys, out->rank - keys), 1, TP_COST_DRAW, draw_span, &l);
}

/* --- shapes --- */

/* The output has the key's leading axes, then the shape asked for. */
static bool shape_after_key(const tp_call *call, const tp_shape *key, const tp_shape *shape, tp_shape *out)
{
    if (key->n < 1 || key->v[key->n - 1] != 2 || shape->n < 0 || key->n - 1 + shape->n > TP_INTERNAL_RANK) {
        tp_call_fail(call, TP_ERR_SHAPE, "takes a key of shape [2], from tp_next_key");
        return false;
    }
    *out = *key;
    out->n += shape->n - 1;
    memcpy(out->v + key->n - 1, shape->v, (size_t)shape->n * sizeof *shape->v);
    return true;
}

/* The same for a row of floats, whose attributes are shape, what `fits` says, ..., dtype. */
static bool float_shape(const tp_call *call, const tp_shape *in, tp_shape *out, bool fits, const char *text)
{
    tp_dtype dtype = (tp_dtype)call->attr[call->op->n_attr - 1].i;
    if (!tp_dtype_is_float(dtype)) {
        tp_call_fail(call, TP_ERR_DTYPE, "draws floats, got dtype %s", tp_dtype_name(dtype));
        return false;
    }
    if (!fits) tp_call_fail(call, TP_ERR_ARGUMENT, text, call->attr[1].d, call->attr[2].d);
    return fits && shape_after_key(call, in, call->attr[0].v, out);
}

static bool shape_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    (void)n_in, (void)in;
    *room = k == 0 ? TP_SCALAR : k == 1 ? TP_SHAPE(5) : TP_SHAPE(2, 0, 3);
    attr[0].v = room;
    return k < 3;
}

/* --- rows of floats --- */

/* Cut to the bits the dtype holds, so that 1 is never reached. */
static number uniform_draw(const tp_attr *attr, tp_dtype dtype, const uint64_t bits[2])
{
    int digits = dtype == TP_F64 ? 53 : dtype == TP_F32 ? 24 : dtype == TP_F16 ? 11 : 8;
    uint64_t mask = ~(uint64_t)0 << (64 - digits);
    return (number){.d = attr[1].d + (attr[2].d - attr[1].d) * unit(bits[0] & mask)};
}

static bool uniform_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    return float_shape(call, in, out, call->attr[1].d <= call->attr[2].d, "low is %g, high is %g");
}

static void uniform_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    draw_all(call, in, out, uniform_draw, TP_F64);
}

const tp_rules tp_rules_uniform_from = {
    .eval = uniform_eval, .shape = uniform_shape, .nodiff = why, .sample = shape_sample};

/* Box and Muller, "A note on the generation of random normal deviates", 1958; one of the pair. */
static number normal_draw(const tp_attr *attr, tp_dtype dtype, const uint64_t bits[2])
{
    (void)dtype;
    double radius = sqrt(-2 * m_log(1 - unit(bits[0]))), angle = 6.283185307179586 * unit(bits[1]);
    return (number){.d = attr[1].d + attr[2].d * (radius * m_cos(angle))};
}

static bool normal_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    return float_shape(call, in, out, call->attr[2].d >= 0, "mean is %g, std is %g");
}

static void normal_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    draw_all(call, in, out, normal_draw, TP_F64);
}

const tp_rules tp_rules_normal_from = {
    .eval = normal_eval, .shape = normal_shape, .nodiff = why, .sample = shape_sample};

static number mask_draw(const tp_attr *attr, tp_dtype dtype, const uint64_t bits[2])
{
    (void)dtype;
    return (number){.d = unit(bits[0]) < attr[1].d ? 0 : 1 / (1 - attr[1].d)};
}

static bool mask_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    return float_shape(call, in, out, call->attr[1].d >= 0 && call->attr[1].d <= 1, "p is %g");
}

static void mask_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    draw_all(call, in, out, mask_draw, TP_F64);
}

const tp_rules tp_rules_dropout_mask_from = {
    .eval = mask_eval, .shape = mask_shape, .nodiff = why, .sample = shape_sample};

/* --- bernoulli_from --- */

static bool bernoulli_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    return shape_after_key(call, &in[0], &in[1], out);
}

/* Draws the m elements from i on; false after recording that a p is no probability. */
static bool toss(const tp_call *call, const uint64_t key[2], int64_t i, const double *p, double *y, int64_t m)
{
    for (int64_t k = 0; k < m; k++) {
        uint64_t bits[2];
        if (!(p[k] >= 0 && p[k] <= 1)) {
            tp_call_fail(call, TP_ERR_ARGUMENT, "p[%lld] is %g, outside 0 to 1", (long long)(i + k), p[k]);
            return false;
        }
        block(key, (uint64_t)(i + k), bits);
        y[k] = unit(bits[0]) < p[k];
    }
    return true;
}

static void bernoulli_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    double buffer[TP_BLOCK], y[TP_BLOCK];
    const double *p;
    uint64_t key[2];
    char *to = out->data;
    tp_core core;
    tp_walk w;
    if (!tp_walk_start(&w, in->rank - 1, 1, (const tp_array *const[]){in})) return;
    tp_core_open(&core, &in[1], 0, TP_F64);
    do {
        read_key(&w, in, key);
        tp_core_start(&core, in[1].data);
        for (int64_t i = 0, m; p = tp_core_next(&core, buffer, &m), m > 0; i += m) {
            if (!toss(call, key, i, p, y, m)) return;
            tp_convert(to, 1, out->dtype, y, 1, TP_F64, m);
            to += m * (int64_t)tp_dtype_size(out->dtype);
        }
    } while (tp_walk_next(&w));
}

const tp_rules tp_rules_bernoulli_from = {.eval = bernoulli_eval,
                                          .shape = bernoulli_shape,
                                          .nodiff = why,
                                          .hi = {0, 1},
                                          .narrow = "a probability lies in 0 to 1"};

/* --- rows of integers --- */

static number randint_draw(const tp_attr *attr, tp_dtype dtype, const uint64_t bits[2])
{
    (void)dtype;
    uint64_t low = (uint64_t)attr[1].i, high = (uint64_t)attr[2].i;
    return (number){.i = (int64_t)(low + below(bits, high - low))};
}

static bool randint_shape(const tp_call *call, const tp_shape *in, tp_shape *out)
{
    if (call->attr[1].i >= call->attr[2].i) {
        tp_call_fail(call, TP_ERR_ARGUMENT, "low is %lld, high is %lld", (long long)call->attr[1].i,
                     (long long)call->attr[2].i);
        return false;
    }
    return shape_after_key(call, in, call->attr[0].v, out);
}

static void randint_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    draw_all(call, in, out, randint_draw, TP_I64);
}

static bool randint_sample(int k, int n_in, tp_shape *in, tp_attr *attr, tp_ints *room)
{
    attr[1].i = -k;
    attr[2].i = 10;
    return shape_sample(k, n_in, in, attr, room);
}

const tp_rules tp_rules_randint_from = {
    .eval = randint_eval, .shape = randint_shape, .nodiff = why, .sample = randint_sample};

/* Fisher and Yates, from the end: element i changes places with one of 0 ... i, by block i. */
static void permutation_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    int64_t n = call->attr[0].i, step = out->stride[out->rank - 1];
    uint64_t key[2], bits[2];
    tp_walk w;
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        int64_t *to = TP_AT(int64_t, w, 1);
        read_key(&w, in, key);
        for (int64_t i = 0; i < n; i++) to[i * step] = i;
        for (int64_t i = n - 1; i > 0; i--) {
            block(key, (uint64_t)i, bits);
            int64_t *other = &to[(int64_t)below(bits, (uint64_t)i + 1) * step], swap = *other;
            *other = to[i * step];
            to[i * step] = swap;
        }
    } while (tp_walk_next(&w));
}

const tp_rules tp_rules_permutation_from = {.eval = permutation_eval, .nodiff = why};

/* --- with the context's stream --- */

tp_tensor *tp_next_key(tp_context *c)
{
    if (!tp_ok(c)) return tp_nil(c);
    const uint64_t key[2] = {c->seed, c->counter};
    tp_tensor *t = tp_from_array(c, TP_SHAPE(2), TP_U64, key);
    if (!tp_is_nil(t)) c->counter++;
    return t;
}

/* A composite that takes keys, from its beginning. */
typedef struct drawing {
    tp_context *c;
    uint64_t counter;
    tp_mark scope;
} drawing;

static drawing begin(tp_context *c) { return (drawing){c, tp_random_counter(c), tp_open_scope(c)}; }

/* Its end: one that failed has drawn nothing. */
static tp_tensor *end(drawing d, tp_tensor *result)
{
    if (d.c && d.c->status != TP_OK) d.c->counter = d.counter;
    tp_keep(result);
    tp_close_scope(d.c, d.scope);
    return result;
}

tp_tensor *tp_uniform(tp_context *c, tp_shape shape, double low, double high, tp_dtype dtype)
{
    drawing d = begin(c);
    return end(d, tp_uniform_from(tp_next_key(c), shape, low, high, dtype));
}

tp_tensor *tp_normal(tp_context *c, tp_shape shape, double mean, double std, tp_dtype dtype)
{
    drawing d = begin(c);
    return end(d, tp_normal_from(tp_next_key(c), shape, mean, std, dtype));
}

tp_tensor *tp_randint(tp_context *c, int64_t low, int64_t high, tp_shape shape, tp_dtype dtype)
{
    drawing d = begin(c);
    return end(d, tp_randint_from(tp_next_key(c), shape, low, high, dtype));
}

tp_tensor *tp_permutation(tp_context *c, int64_t n)
{
    drawing d = begin(c);
    return end(d, tp_permutation_from(tp_next_key(c), n));
}

tp_tensor *tp_bernoulli(tp_tensor *p)
{
    drawing d = begin(tp_context_of(p));
    return end(d, tp_bernoulli_from(tp_next_key(d.c), p));
}

tp_tensor *tp_dropout(tp_tensor *x, double p, bool train)
{
    tp_context *c = tp_context_of(x);
    if (!tp_tensor_usable(c, x, "dropout", "x")) return tp_nil(c);
    if (!(p >= 0 && p <= 1)) {
        tp_fail(c, TP_ERR_ARGUMENT, "dropout: p is %g, outside 0 to 1", p);
        return tp_nil(c);
    }
    if (!train) return x;
    tp_dtype dtype = tp_dtype_is_float(x->dtype) ? x->dtype : TP_F32;
    drawing d = begin(c);
    return end(d, tp_mul(x, tp_dropout_mask_from(tp_next_key(c), tp_shape_of(x), p, dtype)));
}
