/* matmul.c - products of matrices, by themselves and in layers.
 *
 * Order of the sum over k (section 10 of the design): blocks of 256; in a block one chain of fused
 * multiply-adds in ascending k that starts from +0, or, where n < 4, sixteen chains (k mod 16) joined by
 * halves; block sums are added in ascending order. */
#include "ops/core.h"
#include "ops/elementwise.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <math.h>

enum { BLOCK = 256, NARROW = 4, COLUMNS = 64 };

/* A matrix of any layout; steps between rows and between columns, in elements. */
typedef struct matrix {
    void *data;
    int64_t size[2], step[2];
} matrix;

#define FMA(T) _Generic((T)0, float : fmaf, double : fma)

/* One matrix product. */
#define PRODUCT(T)                                                                                       \
    static T narrow_block_##T(const T *a, int64_t sa, const T *b, int64_t sb, int64_t n)                 \
    {                                                                                                    \
        T lane[TP_LANES] = {0};                                                                          \
        for (int64_t k = 0; k < n; k++)                                                                  \
            lane[k % TP_LANES] = FMA(T)(a[k * sa], b[k * sb], lane[k % TP_LANES]);                       \
        TP_JOIN_LANES(T, lane)                                                                           \
        return lane[0];                                                                                  \
    }                                                                                                    \
    static void wide_block_##T(const T *a, int64_t sa, const T *b, const int64_t *sb, int64_t k_size,    \
                               T *chain, int64_t columns)                                                \
    {                                                                                                    \
        for (int64_t j = 0; j < columns; j++) chain[j] = 0;                                              \
        for (int64_t k = 0; k < k_size; k++)                                                             \
            for (int64_t j = 0; j < columns; j++)                                                        \
                chain[j] = FMA(T)(a[k * sa], b[k * sb[0] + j * sb[1]], chain[j]);                        \
    }                                                                                                    \
    static void row_##T(const T *a, int64_t sa, const T *b, const int64_t *sb, T *y, int64_t sy,         \
                        int64_t k_size, int64_t n)                                                       \
    {                                                                                                    \
        for (int64_t j = 0; j < n; j++) y[j * sy] = 0;                                                   \
        for (int64_t k = 0; k < k_size; k += BLOCK) {                                                    \
            int64_t depth = k_size - k < BLOCK ? k_size - k : BLOCK;                                     \
            const T *ak = a + k * sa, *bk = b + k * sb[0];                                               \
            for (int64_t j = 0; n < NARROW && j < n; j++)                                                \
                y[j * sy] += narrow_block_##T(ak, sa, bk + j * sb[1], sb[0], depth);                     \
            for (int64_t j = 0; n >= NARROW && j < n; j += COLUMNS) {                                    \
                T chain[COLUMNS];                                                                        \
                int64_t columns = n - j < COLUMNS ? n - j : COLUMNS;                                     \
                wide_block_##T(ak, sa, bk + j * sb[1], sb, depth, chain, columns);                       \
                for (int64_t c = 0; c < columns; c++) y[(j + c) * sy] += chain[c];                       \
            }                                                                                            \
        }                                                                                                \
    }                                                                                                    \
    static void product_##T(matrix a, matrix b, matrix y)                                                \
    {                                                                                                    \
        const T *pa = a.data, *pb = b.data;                                                              \
        T *py = y.data;                                                                                  \
        for (int64_t i = 0; i < y.size[0]; i++)                                                          \
            row_##T(pa + i * a.step[0], a.step[1], pb, b.step, py + i * y.step[0], y.step[1], a.size[1], \
                    y.size[1]);                                                                          \
    }

/* Bias and activation, after the product. */
#define FINISH(T)                                                                     \
    static void finish_##T(matrix y, const tp_array *bias, const char *at, bool relu) \
    {                                                                                 \
        const T *b = (const T *)(const void *)at;                                     \
        const int64_t step = bias->stride[bias->rank - 1];                            \
        for (int64_t i = 0; i < y.size[0]; i++)                                       \
            for (int64_t j = 0; j < y.size[1]; j++) {                                 \
                T *to = (T *)y.data + i * y.step[0] + j * y.step[1];                  \
                *to += b[j * step];                                                   \
                if (relu) *to = m_max(*to, 0);                                        \
            }                                                                         \
    }

PRODUCT(float)
PRODUCT(double)
FINISH(float)
FINISH(double)

static matrix matrix_of(const tp_array *a, char *at)
{
    const int64_t *size = a->size + a->rank - 2, *step = a->stride + a->rank - 2;
    return (matrix){at, {size[0], size[1]}, {step[0], step[1]}};
}

static matrix turned_matrix(const tp_array *a, char *at)
{
    matrix m = matrix_of(a, at);
    return (matrix){at, {m.size[1], m.size[0]}, {m.step[1], m.step[0]}};
}

static void product(tp_dtype dtype, matrix a, matrix b, matrix y)
{
    (dtype == TP_F64 ? product_double : product_float)(a, b, y);
}

/* Runs `eval` on arrays of f32 in the place of half formats. */
static void in_work_dtype(const tp_call *call, const tp_array *in, const tp_array *out, tp_eval_fn *eval)
{
    enum { MOST = 4 };
    const int n_in = call->n_in, n = n_in + call->n_out;
    if (tp_work_dtype(in[0].dtype) == in[0].dtype) {
        eval(call, in, out);
        return;
    }
    tp_array wide[MOST];
    int made = 0;
    while (made < n && tp_wide_open(call, made < n_in ? &in[made] : &out[made - n_in], &wide[made])) made++;
    if (made == n) {
        for (int i = 0; i < n_in; i++) tp_array_copy(&wide[i], &in[i]);
        eval(call, wide, wide + n_in);
        for (int o = 0; o < call->n_out; o++) tp_array_copy(&out[o], &wide[n_in + o]);
    }
    while (made-- > 0) tp_wide_close(call, &wide[made]);
}

static tp_tensor *turned(tp_tensor *t) { return tp_transpose(t, -1, -2); }

/* --- matmul_2d --- */

static void products(const tp_call *call, const tp_array *in, const tp_array *out)
{
    tp_walk w;
    if (!tp_walk_call(&w, call, in, out)) return;
    do product(in->dtype, matrix_of(&in[0], w.at[0]), matrix_of(&in[1], w.at[1]), matrix_of(out, w.at[2]));
    while (tp_walk_next(&w));
}

static void matmul_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    in_work_dtype(call, in, out, products);
}

static tp_tensor *matmul_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return i == 0 ? tp_matmul_2d(u[0], turned(call->in[1])) : tp_matmul_2d(turned(call->in[0]), u[0]);
}

const tp_rules tp_rules_matmul_2d = {
    .eval = matmul_eval, .linear = TP_MULTILINEAR, .pull = matmul_pull, .reads = TP_IN(0) | TP_IN(1)};

/* --- affine and affine_relu --- */

static void affine(const tp_call *call, const tp_array *in, const tp_array *out, bool relu)
{
    tp_walk w;
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        matrix y = matrix_of(out, w.at[3]);
        product(in->dtype, matrix_of(&in[0], w.at[0]), turned_matrix(&in[1], w.at[1]), y);
        (in->dtype == TP_F64 ? finish_double : finish_float)(y, &in[2], w.at[2], relu);
    } while (tp_walk_next(&w));
}

static void affine_only(const tp_call *call, const tp_array *in, const tp_array *out)
{
    affine(call, in, out, false);
}

static void affine_then_relu(const tp_call *call, const tp_array *in, const tp_array *out)
{
    affine(call, in, out, true);
}

static void affine_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    in_work_dtype(call, in, out, affine_only);
}

static void affine_relu_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    in_work_dtype(call, in, out, affine_then_relu);
}

/* x w^T, and the bias where there is one. */
static tp_tensor *affine_of(tp_tensor *x, tp_tensor *w, tp_tensor *bias)
{
    return bias ? tp_affine(x, w, bias) : tp_matmul_2d(x, turned(w));
}

/* tx w^T + x tw^T + tbias */
static tp_tensor *affine_push(const tp_call *call, int o, tp_tensor *const *t)
{
    tp_tensor *y = t[0] ? affine_of(t[0], call->in[1], t[2]) : NULL;
    tp_tensor *more = t[1] ? affine_of(call->in[0], t[1], t[0] ? NULL : t[2]) : NULL;
    (void)o;
    if (y && more) return tp_add(y, more);
    return y ? y : more ? more : tp_unsqueeze(t[2], -2);
}

enum { WEIGHT_T, BIAS, GATED }; /* places in call->memo */

/* The gradients of weight and bias come from one call. */
static tp_tensor *pull_from(const tp_call *call, int i, tp_tensor *u)
{
    if (i == 0) return tp_matmul_2d(u, call->in[1]);
    if (!call->memo[WEIGHT_T]) call->memo[WEIGHT_T] = tp_affine_grad(call->in[0], u, &call->memo[BIAS]);
    return i == 1 ? turned(call->memo[WEIGHT_T]) : call->memo[BIAS];
}

static tp_tensor *affine_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    return pull_from(call, i, u[0]);
}

static tp_tensor *affine_relu_push(const tp_call *call, int o, tp_tensor *const *t)
{
    return tp_relu_grad(affine_push(call, o, t), call->out[0]);
}

static tp_tensor *affine_relu_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    if (!call->memo[GATED]) call->memo[GATED] = tp_relu_grad(u[0], call->out[0]);
    return pull_from(call, i, call->memo[GATED]);
}

const tp_rules tp_rules_affine = {
    .eval = affine_eval, .push = affine_push, .pull = affine_pull, .reads = TP_IN(0) | TP_IN(1)};

const tp_rules tp_rules_affine_relu = {.eval = affine_relu_eval,
                                       .push = affine_relu_push,
                                       .pull = affine_relu_pull,
                                       .reads = TP_IN(0) | TP_IN(1) | TP_OUT(0)};

/* --- affine_grad --- */

static void affine_grads(const tp_call *call, const tp_array *in, const tp_array *out)
{
    float one_float = 1;
    double one_double = 1;
    tp_walk w;
    if (!tp_walk_call(&w, call, in, out)) return;
    do {
        const matrix x = turned_matrix(&in[0], w.at[0]), u = matrix_of(&in[1], w.at[1]);
        const matrix ones = {in->dtype == TP_F64 ? (void *)&one_double : &one_float, {1, x.size[1]}, {0, 0}};
        product(in->dtype, x, u, matrix_of(&out[0], w.at[2]));
        product(in->dtype, ones, u, (matrix){w.at[3], {1, u.size[1]}, {0, out[1].stride[out[1].rank - 1]}});
    } while (tp_walk_next(&w));
}

static void affine_grad_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    in_work_dtype(call, in, out, affine_grads);
}

static tp_tensor *affine_grad_push(const tp_call *call, int o, tp_tensor *const *t)
{
    if (o == 1) return t[1] ? tp_sum(t[1], TP_AXES(-2), false) : NULL;
    tp_tensor *y = t[0] ? tp_matmul_2d(turned(t[0]), call->in[1]) : NULL;
    tp_tensor *more = t[1] ? tp_matmul_2d(turned(call->in[0]), t[1]) : NULL;
    return y && more ? tp_add(y, more) : y ? y : more;
}

static tp_tensor *affine_grad_pull(const tp_call *call, int i, tp_tensor *const *v)
{
    if (i == 0) return v[0] ? tp_matmul_2d(call->in[1], turned(v[0])) : NULL;
    return v[0] ? affine_of(call->in[0], turned(v[0]), v[1]) : tp_unsqueeze(v[1], -2);
}

const tp_rules tp_rules_affine_grad = {.eval = affine_grad_eval,
                                       .push = affine_grad_push,
                                       .pull = affine_grad_pull,
                                       .reads = TP_IN(0) | TP_IN(1)};
