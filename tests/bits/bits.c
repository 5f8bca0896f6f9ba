/* bits.c - one hash per row of the table, over the values, gradients and tangents of generated calls. Equal
 * output from two builds means equal bits; check_bits.sh makes the builds. */
#include <taper/ext.h>
#include <taper/grad.h>
#include <taper/ops.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VARIANTS = 8, MOST_IN = TP_SAMPLE_INPUTS, MOST_ELEMENTS = 1 << 14 };

/* What is being hashed: one call after another of one row. */
typedef struct run {
    tp_context *c;
    const tp_op *op;
    uint64_t hash, random;
    int calls; /* that succeeded */
} run;

static const tp_dtype dtypes[] = {TP_F64, TP_F32, TP_F16, TP_BF16, TP_I64, TP_I32, TP_U8, TP_BOOL};

/* --- hashing --- */

static void hash_bytes(run *r, const void *data, size_t n)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < n; i++) r->hash = (r->hash ^ byte[i]) * 1099511628211u; /* FNV-1a */
}

/* NaNs are equal whatever their sign and payload. */
static void hash_tensor(run *r, const tp_tensor *t)
{
    static double values[MOST_ELEMENTS];
    tp_dtype dtype = tp_dtype_of(t);
    size_t n = (size_t)tp_numel(t), size = tp_dtype_size(dtype);
    tp_shape shape = tp_shape_of(t);
    hash_bytes(r, &dtype, sizeof dtype);
    hash_bytes(r, shape.v, (size_t)shape.n * sizeof *shape.v);
    if (n > MOST_ELEMENTS) {
        fprintf(stderr, "%s: a result of %zu elements\n", r->op->name, n);
        exit(1);
    }
    if (tp_dtype_is_float(dtype)) { /* exact in double */
        tp_read_doubles(t, values, (int64_t)n);
        for (size_t i = 0; i < n; i++)
            hash_bytes(r, values[i] == values[i] ? &values[i] : (const double[]){0.5}, sizeof *values);
    } else {
        tp_read(t, values, n * size);
        hash_bytes(r, values, n * size);
    }
}

/* --- inputs --- */

static uint64_t next_random(run *r)
{
    r->random = r->random * 6364136223846793005u + 1442695040888963407u;
    return r->random >> 33;
}

/* What an input of this type letter is given where the call is of `dtype`. */
static tp_dtype taken(char letter, tp_dtype dtype)
{
    return letter == 'I' ? TP_I64 : letter == 'B' ? TP_BOOL : letter == 'K' ? TP_U64 : dtype;
}

/* The values of input i: indices are 0 or 1, which every axis drawn here has. */
static tp_tensor *draw(run *r, int i, const tp_shape *shape, tp_dtype dtype)
{
    static double values[MOST_ELEMENTS];
    const tp_rules *rules = r->op->rules;
    char letter = r->op->types[r->op->n_in < 0 ? 0 : i];
    double lo = i < 3 ? rules->lo[i] : 0, hi = i < 3 ? rules->hi[i] : 0;
    int64_t n = 1;
    for (int k = 0; k < shape->n; k++) n *= shape->v[k];
    if (n > MOST_ELEMENTS) n = 0;
    if (lo == 0 && hi == 0) {
        lo = -2;
        hi = 2;
    }
    for (int64_t k = 0; k < n; k++) {
        double at = (double)next_random(r) * 0x1p-31;
        values[k] = letter == 'I' ? (at < 0.5 ? 0 : 1) : lo + (hi - lo) * at;
        if (!tp_dtype_is_float(dtype) && letter != 'I') values[k] *= 5;
    }
    return tp_from_doubles(r->c, *shape, taken(letter, dtype), values);
}

/* Adds an argument's shape, "(m,k)" at `at`, to the loops in `shape`; returns where the argument ends. */
static const char *core_shape(const char *at, int variant, tp_shape *shape)
{
    static const int64_t sizes[VARIANTS][3] = {{4, 3, 5}, {2, 6, 2},   {3, 2, 3}, {70, 2, 3},
                                               {7, 3, 9}, {300, 3, 8}, {2, 2, 2}, {17, 5, 40}};
    for (; *at != ')'; at++) {
        if (*at >= '0' && *at <= '9')
            shape->v[shape->n++] = *at - '0';
        else if (*at >= 'a' && *at <= 'z')
            shape->v[shape->n++] = sizes[variant][*at == 'k' ? 0 : *at == 'm' ? 1 : 2];
    }
    return at;
}

/* The shapes of the inputs: loops that broadcast, then core axes. */
static void draw_shapes(const tp_op *op, int variant, int n_in, tp_shape *shape)
{
    static const tp_shape loops[VARIANTS][2] = {
        {{1, {3}}, {1, {3}}},    {{2, {2, 3}}, {1, {1}}}, {{0, {0}}, {0, {0}}},       {{1, {6}}, {1, {1}}},
        {{2, {3, 1}}, {1, {2}}}, {{0, {0}}, {1, {2}}},    {{3, {2, 1, 3}}, {1, {3}}}, {{1, {5}}, {0, {0}}}};
    static const tp_shape plain[4] = {{2, {4, 3}}, {1, {6}}, {3, {2, 3, 4}}, {2, {2, 6}}};
    const char *at = op->signature;
    for (int i = 0; i < n_in; i++) {
        int of = op->in_place && i < op->n_out ? 0 : i; /* what is overwritten has one shape */
        shape[i] = op->types[0] == 'K' ? TP_SHAPE(2) : at ? loops[variant][of % 2] : plain[variant % 4];
        if (at) at = strchr(core_shape(strchr(at, '('), variant, &shape[i]), ')') + 1;
    }
}

/* Attributes: the row's own sample, or something of each type. */
static bool draw_attributes(const tp_op *op, int variant, int n_in, tp_shape *shape, tp_attr *attr,
                            tp_ints *room)
{
    for (int i = 0; i < op->n_attr; i++) {
        room[i] = op->attr[i].type == TP_ATTR_AXES    ? (variant % 3 ? TP_AXES(-1) : TP_ALL)
                  : op->attr[i].type == TP_ATTR_SHAPE ? TP_SHAPE(3, 40)
                                                      : TP_INTS(1);
        switch (op->attr[i].type) {
        case TP_ATTR_BOOL: attr[i].b = variant % 2; break;
        case TP_ATTR_INT: attr[i].i = 1; break;
        case TP_ATTR_DOUBLE: attr[i].d = variant % 2 ? 0.5 : strtod(op->attr[i].value, NULL); break;
        case TP_ATTR_DTYPE: attr[i].i = variant % 2 ? TP_F32 : TP_F64; break;
        case TP_ATTR_AXIS: attr[i].i = -1; break;
        default: attr[i].v = &room[i];
        }
    }
    return !op->rules->sample || op->rules->sample(variant, n_in, shape, attr, room + TP_MAX_ATTR);
}

/* --- one call --- */

/* Hashes a result that the engine may also refuse to give: then the message. */
static void hash_result(run *r, const tp_tensor *t)
{
    const char *text = tp_error_text(r->c);
    hash_bytes(r, text, strlen(text));
    if (!tp_is_nil(t)) hash_tensor(r, t);
}

static tp_tensor *ones_like(const tp_tensor *t)
{
    return tp_ones(tp_context_of(t), tp_shape_of(t), tp_dtype_of(t));
}

/* Gradients to every float input, and the gradient of the gradient. */
static void hash_gradients(run *r, tp_tensor *y, int n_in, tp_tensor *const *in)
{
    const tp_grad_options record = {.struct_size = sizeof record, .record = true};
    for (int i = 0; i < n_in && tp_ok(r->c); i++) {
        if (!tp_requires_grad(in[i])) continue;
        tp_tensor *g = tp_vjp_with(y, in[i], ones_like(y), &record);
        hash_result(r, g);
        if (tp_has_history(g)) hash_result(r, tp_vjp_with(g, in[i], ones_like(g), NULL));
    }
}

static void hash_tangents(run *r, int n_in, tp_tensor *const *in, const tp_attr *attr)
{
    tp_tensor *dual[MOST_IN], *extra[TP_MAX_OUT];
    int level = tp_open_forward(r->c);
    for (int i = 0; i < n_in; i++)
        dual[i] = tp_requires_grad(in[i]) ? tp_dual(tp_detach(in[i]), ones_like(in[i]), level, 0) : in[i];
    tp_tensor *y = tp_apply(r->op, n_in, dual, attr, extra);
    hash_result(r, tp_tangent(y, level, 0));
    tp_close_forward(r->c, level);
}

/* Values, gradients and tangents of one call. */
static void hash_call(run *r, int n_in, tp_tensor *const *in, const tp_attr *attr)
{
    const tp_op *op = r->op;
    tp_tensor *extra[TP_MAX_OUT];
    for (int i = 0; i < n_in; i++) {
        char letter = op->types[op->n_in < 0 ? 0 : i];
        bool real = strchr("FNA", letter) && tp_dtype_is_float(tp_dtype_of(in[i]));
        if (real && !op->rules->nodiff && !op->in_place) tp_require_grad(in[i]);
    }
    tp_tensor *y = tp_apply(op, n_in, in, attr, extra);
    hash_result(r, y);
    for (int o = 1; o < op->n_out; o++) hash_result(r, extra[o - 1]);
    if (!tp_ok(r->c)) return;
    r->calls++;
    if (!tp_has_history(y)) return;
    hash_gradients(r, y, n_in, in);
    if (tp_ok(r->c)) hash_tangents(r, n_in, in, attr);
}

/* A call on inputs of this file's own: longer ones than the samples, and integers. */
static void hash_variant(run *r, int variant, tp_dtype dtype)
{
    int n_in = r->op->n_in < 0 ? 3 : r->op->n_in;
    tp_shape shape[MOST_IN];
    tp_attr attr[TP_MAX_ATTR];
    tp_ints room[2 * TP_MAX_ATTR];
    tp_tensor *in[MOST_IN];
    draw_shapes(r->op, variant, n_in, shape);
    if (!draw_attributes(r->op, variant, n_in, shape, attr, room)) return;
    for (int i = 0; i < n_in; i++) in[i] = draw(r, i, &shape[i], dtype);
    hash_call(r, n_in, in, attr);
}

/* A sample of the row's generated tests, in f32 and in f64. */
static void hash_sample(const tp_sample *sample, void *user)
{
    run *r = user;
    tp_tensor *in[TP_SAMPLE_INPUTS];
    for (int i = 0; i < sample->n_in; i++)
        in[i] = tp_dtype_of(sample->in[i]) == TP_F64 ? tp_cast(sample->in[i], TP_F32) : sample->in[i];
    hash_call(r, sample->n_in, in, sample->attr);
    tp_clear(r->c);
    hash_call(r, sample->n_in, sample->in, sample->attr);
    tp_clear(r->c);
}

static bool hash_row(tp_context *c, const tp_op *op)
{
    run r = {.c = c, .op = op, .hash = 14695981039346656037u, .random = 1};
    for (int variant = 0; variant < VARIANTS; variant++) {
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
            tp_mark mark = tp_open_scope(c);
            hash_variant(&r, variant, dtypes[d]);
            tp_clear(c);
            tp_close_scope(c, mark);
        }
    }
    tp_op_samples(c, op, hash_sample, &r);
    printf("%-24s %4d calls %016llx\n", op->name, r.calls, (unsigned long long)r.hash);
    return r.calls > 0;
}

/* A few steps of a net with products large enough for threads: backward, accumulation in the leaves and the
 * update. */
static void hash_training(tp_context *c)
{
    run r = {.c = c, .op = tp_op_find("matmul_2d"), .hash = 14695981039346656037u, .random = 1};
    tp_tensor *w1 = tp_require_grad(draw(&r, 0, &TP_SHAPE(96, 160), TP_F32));
    tp_tensor *w2 = tp_require_grad(draw(&r, 0, &TP_SHAPE(160, 5), TP_F32));
    for (int step = 0; step < 5; step++) {
        tp_mark mark = tp_open_scope(c);
        tp_tensor *x = draw(&r, 0, &TP_SHAPE(100, 96), TP_F32);
        tp_tensor *hidden = tp_relu(tp_matmul(tp_mul_scalar(x, 0.1), w1));
        tp_tensor *p = tp_log_softmax(tp_matmul(hidden, w2), -1);
        tp_backward_with(tp_sum(tp_select(p, 1, step), TP_ALL, false), NULL);
        tp_tensor *const weights[] = {w1, w2};
        for (int i = 0; i < 2; i++) {
            hash_tensor(&r, tp_grad_of(weights[i]));
            hash_tensor(&r, tp_sgd_update(weights[i], tp_grad_of(weights[i]), 1e-2));
        }
        tp_close_scope(c, mark);
    }
    printf("%-24s            %016llx\n", "training", (unsigned long long)r.hash);
}

int main(void)
{
    bool all = true;
    tp_context *c = tp_open(NULL);
    if (!c) return 1;
    for (int i = 0; tp_op_at(i); i++) all = hash_row(c, tp_op_at(i)) && all;
    hash_training(c);
    if (!all) fprintf(stderr, "a row has no call that succeeds\n");
    return tp_close(c) || !all;
}
