/* softmax.c - what e^x is summed for, with the maximum taken out first. */
#include "base/simd.h"
#include "base/vmath.h"
#include "ops/reduce.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <taper/ops.h>

#include <math.h>

/* --- softmax and log_softmax --- */

/* What is made of one row, in place. */
typedef void row_fn(void *row, int64_t n);

/* shift: x - max, so that no e^x overflows; -inf - -inf is NaN, as PyTorch has it for a row of -inf.
 * few: the sum of e^x of fewer than TP_LANES elements, and they: -inf in the other lanes adds 0. */
#define SHARED(T, level, target)                                                       \
    target static void shift_##T##_##level(T *x, int64_t n)                            \
    {                                                                                  \
        T max = (T)-INFINITY;                                                          \
        for (int64_t k = 0; k < n; k++) max = x[k] > max || x[k] != x[k] ? x[k] : max; \
        for (int64_t k = 0; k < n; k++) x[k] -= max;                                   \
    }                                                                                  \
    target static T few_##T##_##level(const T *x, int64_t n, T *e)                     \
    {                                                                                  \
        tp_sum_##T sum = {.blocks = 0};                                                \
        for (int l = 0; l < TP_LANES; l++) e[l] = (T)-INFINITY;                        \
        for (int64_t k = 0; k < n; k++) e[k] = x[k];                                   \
        for (int l = 0; l < TP_LANES; l++) e[l] = m_exp(e[l]);                         \
        tp_sum_##T##_add(&sum, e, TP_LANES);                                           \
        return tp_sum_##T##_end(&sum);                                                 \
    }
#define SOFTMAX(T, level, target)                                               \
    target static void softmax_##T##_##level(void *row, int64_t n)              \
    {                                                                           \
        T *x = row, e[TP_LANES];                                                \
        tp_sum_##T sum = {.blocks = 0};                                         \
        shift_##T##_##level(x, n);                                              \
        if (n < TP_LANES) {                                                     \
            T total = few_##T##_##level(x, n, e);                               \
            for (int64_t k = 0; k < n; k++) x[k] = e[k] / total;                \
            return;                                                             \
        }                                                                       \
        for (int64_t k = 0; k < n; k++) x[k] = m_exp(x[k]);                     \
        for (int64_t k = 0; k < n; k += TP_BLOCK)                               \
            tp_sum_##T##_add(&sum, x + k, n - k < TP_BLOCK ? n - k : TP_BLOCK); \
        T total = tp_sum_##T##_end(&sum);                                       \
        for (int64_t k = 0; k < n; k++) x[k] /= total;                          \
    }
#define LOG_SOFTMAX(T, level, target)                                                 \
    target static void log_softmax_##T##_##level(void *row, int64_t n)                \
    {                                                                                 \
        T *x = row, e[TP_BLOCK];                                                      \
        tp_sum_##T sum = {.blocks = 0};                                               \
        shift_##T##_##level(x, n);                                                    \
        for (int64_t k = 0; n >= TP_LANES && k < n; k += TP_BLOCK) {                  \
            int64_t m = n - k < TP_BLOCK ? n - k : TP_BLOCK;                          \
            for (int64_t j = 0; j < m; j++) e[j] = m_exp(x[k + j]);                   \
            tp_sum_##T##_add(&sum, e, m);                                             \
        }                                                                             \
        T total = n < TP_LANES ? few_##T##_##level(x, n, e) : tp_sum_##T##_end(&sum); \
        T log_total = m_log(total);                                                   \
        for (int64_t k = 0; k < n; k++) x[k] -= log_total;                            \
    }

#define ROWS(T, level, target) \
    SHARED(T, level, target) SOFTMAX(T, level, target) LOG_SOFTMAX(T, level, target)

ROWS(float, baseline, )
ROWS(double, baseline, )
#if defined(__x86_64__)
ROWS(float, avx2, TP_AVX2)
ROWS(double, avx2, TP_AVX2)
ROWS(float, avx512, TP_AVX512)
ROWS(double, avx512, TP_AVX512)
#endif

#define LEVEL(name, level)                          \
    {                                               \
        name##_float_##level, name##_double_##level \
    }
#if defined(__x86_64__)
#define LEVELS(name)                                                  \
    {                                                                 \
        LEVEL(name, baseline), LEVEL(name, avx2), LEVEL(name, avx512) \
    }
#else
#define LEVELS(name)          \
    {                         \
        LEVEL(name, baseline) \
    }
#endif

/* Puts what was made of a row where the walk stands: in[0]'s rows are read, the last array is written. */
typedef void put_fn(const tp_array *out, const tp_walk *w, void *row, int64_t n);

static void put_row(const tp_array *out, const tp_walk *w, void *row, int64_t n)
{
    tp_convert(w->at[w->arrays - 1], out->stride[out->rank - 1], out->dtype, row, 1,
               tp_work_dtype(out->dtype), n);
}

typedef struct row_job {
    row_fn *run;
    put_fn *put;
    const tp_array *in, *out;
} row_job;

static void run_some(tp_walk *w, int64_t rows, void *row, const void *of)
{
    const row_job *j = of;
    const tp_array *in = j->in;
    const int64_t n = in->size[in->rank - 1], step = in->stride[in->rank - 1];
    for (; rows > 0; rows--, tp_walk_next(w)) {
        tp_convert(row, 1, tp_work_dtype(in->dtype), w->at[0], step, in->dtype, n);
        j->run(row, n);
        j->put(j->out, w, row, n);
    }
}

/* With indices, eval runs where there are no rows too. */
static void each_row(const tp_call *call, const tp_array *in, const tp_array *out, row_fn *run, put_fn *put)
{
    enum { ROW = 128 }; /* elements in the time that a row takes, however short */
    const int64_t n = in[0].size[in[0].rank - 1];
    const row_job job = {run, put, in, out};
    tp_walk w;
    if (tp_walk_call(&w, call, in, out))
        tp_each_position(call, &w, n + ROW, TP_COST_SOFTMAX,
                         (size_t)((n + 1) * tp_bytes(tp_work_dtype(in[0].dtype))), run_some, &job);
}

static void softmax_rows(const tp_call *call, const tp_array *in, const tp_array *out, put_fn *put)
{
    static row_fn *const rows[][2] = LEVELS(softmax);
    each_row(call, in, out, rows[tp_simd_in_use()][in[0].dtype == TP_F64], put);
}

static void log_softmax_rows(const tp_call *call, const tp_array *in, const tp_array *out, put_fn *put)
{
    static row_fn *const rows[][2] = LEVELS(log_softmax);
    each_row(call, in, out, rows[tp_simd_in_use()][in[0].dtype == TP_F64], put);
}

static void softmax_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    softmax_rows(call, in, out, put_row);
}

static void log_softmax_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    log_softmax_rows(call, in, out, put_row);
}

static tp_tensor *total(const tp_call *call, tp_tensor *x)
{
    return tp_sum(x, TP_AXES(call->attr[0].i), true);
}

/* y (u - sum(u y)): the Jacobian diag(y) - y y' is symmetric, so that pull and push are one. */
static tp_tensor *softmax_product(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    tp_tensor *y = call->out[0];
    return tp_mul(y, tp_sub(u[0], total(call, tp_mul(u[0], y))));
}

static tp_tensor *log_softmax_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return tp_sub(u[0], tp_mul(tp_exp(call->out[0]), total(call, u[0])));
}

static tp_tensor *log_softmax_push(const tp_call *call, int o, tp_tensor *const *t)
{
    (void)o;
    return tp_sub(t[0], total(call, tp_mul(tp_exp(call->out[0]), t[0])));
}

const tp_rules tp_rules_softmax = {
    .eval = softmax_eval, .pull = softmax_product, .push = softmax_product, .reads = TP_OUT(0)};
const tp_rules tp_rules_log_softmax = {
    .eval = log_softmax_eval, .pull = log_softmax_pull, .push = log_softmax_push, .reads = TP_OUT(0)};

/* --- cross-entropy with a class --- */

static int64_t class_at(const tp_walk *w, int64_t n)
{
    return tp_place(*(const int64_t *)(const void *)w->at[1], n);
}

static void put_loss(const tp_array *out, const tp_walk *w, void *row, int64_t n)
{
    const tp_dtype work = tp_work_dtype(out->dtype);
    const int64_t k = class_at(w, n);
    if (work == TP_F64)
        *(double *)row = -((double *)row)[k];
    else
        *(float *)row = -((float *)row)[k];
    tp_convert(w->at[2], 1, out->dtype, row, 1, work, 1);
}

static void softmax_cross_entropy_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    if (tp_indices_fit(call, &in[1], in[0].size[in[0].rank - 1])) log_softmax_rows(call, in, out, put_loss);
}

static void put_less_one(const tp_array *out, const tp_walk *w, void *row, int64_t n)
{
    const int64_t k = class_at(w, n);
    if (tp_work_dtype(out->dtype) == TP_F64)
        ((double *)row)[k] -= 1;
    else
        ((float *)row)[k] -= 1;
    put_row(out, w, row, n);
}

static void softmax_less_one_hot_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    if (tp_indices_fit(call, &in[1], in[0].size[in[0].rank - 1])) softmax_rows(call, in, out, put_less_one);
}

static tp_tensor *class_slope(const tp_call *call)
{
    return tp_softmax_less_one_hot(call->in[0], call->in[1], (int)call->attr[0].i);
}

static tp_tensor *softmax_cross_entropy_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return tp_mul(class_slope(call), tp_unsqueeze(u[0], (int)call->attr[0].i));
}

static tp_tensor *softmax_cross_entropy_push(const tp_call *call, int o, tp_tensor *const *t)
{
    (void)o;
    return tp_sum(tp_mul(class_slope(call), t[0]), TP_AXES(call->attr[0].i), false);
}

/* As of softmax, whose result it has but for a constant. */
static tp_tensor *softmax_less_one_hot_product(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    tp_tensor *y = tp_softmax(call->in[0], (int)call->attr[0].i);
    return tp_mul(y, tp_sub(u[0], total(call, tp_mul(u[0], y))));
}

const tp_rules tp_rules_softmax_cross_entropy = {.eval = softmax_cross_entropy_eval,
                                                 .pull = softmax_cross_entropy_pull,
                                                 .push = softmax_cross_entropy_push,
                                                 .reads = TP_IN(0) | TP_IN(1)};
const tp_rules tp_rules_softmax_less_one_hot = {.eval = softmax_less_one_hot_eval,
                                                .pull = softmax_less_one_hot_product,
                                                .push = softmax_less_one_hot_product,
                                                .reads = TP_IN(0)};

/* --- logsumexp --- */

/* An infinite maximum is not taken out: inf - inf would be NaN where PyTorch has inf or -inf. */
#define LOGSUMEXP(name, target, T)                                                         \
    TP_REDUCE_(name, target)                                                               \
    {                                                                                      \
        (void)call;                                                                        \
        T buffer[TP_BLOCK], e[TP_BLOCK], max = (T)-INFINITY;                               \
        const T *x;                                                                        \
        tp_sum_##T sum = {.blocks = 0};                                                    \
        for (int64_t n; x = tp_core_next(core, buffer, &n), n > 0;)                        \
            for (int64_t k = 0; k < n; k++) max = x[k] > max || x[k] != x[k] ? x[k] : max; \
        if (max - max != 0) max = 0;                                                       \
        tp_core_again(core);                                                               \
        for (int64_t n; x = tp_core_next(core, buffer, &n), n > 0;) {                      \
            for (int64_t k = 0; k < n; k++) e[k] = m_exp(x[k] - max);                      \
            tp_sum_##T##_add(&sum, e, n);                                                  \
        }                                                                                  \
        *(T *)result = max + m_log(tp_sum_##T##_end(&sum));                                \
    }

TP_REDUCE(LOGSUMEXP, logsumexp_float, float)
TP_REDUCE(LOGSUMEXP, logsumexp_double, double)

static void logsumexp_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    static const tp_reduction kernel = {
        .f32 = logsumexp_float, .f64 = logsumexp_double, .cost = TP_COST_FUNCTION};
    tp_each_reduction(call, in, out, &kernel);
}

/* e^(x - y): NaN for a row of -inf, as PyTorch's. */
static tp_tensor *logsumexp_weight(const tp_call *call)
{
    return tp_exp(tp_sub(call->in[0], tp_with_reduced_axes(call, call->out[0])));
}

TP_WEIGHTED(logsumexp)

const tp_rules tp_rules_logsumexp = {
    .eval = logsumexp_eval, .pull = logsumexp_pull, .push = logsumexp_push, .reads = TP_IN(0) | TP_OUT(0)};
