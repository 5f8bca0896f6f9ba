/* reduce.c - sums and means over any axes. */
#include "ops/reduce.h"

#include "op/signature.h"
#include "ops/elementwise.h"
#include "tensor/dtype.h"

#include <taper/ops.h>

#include <string.h>

/* --- what reductions share --- */

/* A kernel chosen for the dtypes of a call. */
typedef struct reducer {
    const tp_call *call;
    tp_reduce_fn *run;
    tp_columns_fn *columns;
    tp_dtype work, result;
    const tp_array *in, *out;
    int64_t block; /* columns taken at once */
} reducer;

/* Reduces the core elements at `from` to the element at `to`. */
static void reduce(const reducer *r, tp_core *core, char *from, char *to)
{
    union {
        double d;
        float f;
        int64_t i;
    } result;
    tp_core_start(core, from);
    if (r->out->dtype == r->result) {
        r->run(r->call, core, to);
    } else {
        r->run(r->call, core, &result);
        tp_convert(to, 1, r->out->dtype, &result, 1, r->result, 1);
    }
}

static void reduce_each(tp_walk *w, int64_t n, void *room, const void *of)
{
    (void)room;
    const reducer *r = of;
    tp_core core;
    tp_core_open(&core, r->in, r->call->loops, r->work);
    for (; n > 0; n--, tp_walk_next(w)) reduce(r, &core, w->at[0], w->at[1]);
}

/* --- columns --- */

enum { FEW = 16 }; /* columns turned into rows at once */

/* Whether core elements are apart, and those of the next result lie between them: then several results at
 * once read memory in order. */
static bool in_columns(const tp_call *call, const tp_array *in, const tp_core *core)
{
    int last = call->loops - 1;
    return last >= 0 && core->array.rank == 1 && core->step != 1 && in->stride[last] == 1 &&
           in->size[last] > 1;
}

/* How many columns there are in the block where the walk stands. */
static int64_t columns_here(const tp_walk *w, const reducer *r)
{
    int last = r->call->loops - 1;
    int64_t left = r->in->size[last] - w->index[last] * r->block;
    return left < r->block ? left : r->block;
}

/* Rows of a few columns are PAD apart, or those of large powers of two would fall on each other in the cache.
 */
static int64_t padded(int64_t n)
{
    enum { PAD = 16 };
    return n + PAD;
}

/* The columns are turned into rows, a few at a time, in `few`. */
static void turn_columns(tp_walk *w, int64_t n, void *few, const void *of)
{
    const reducer *r = of;
    const tp_array *in = r->in, *out = r->out;
    tp_core core;
    tp_core_open(&core, in, r->call->loops, r->work);
    const int64_t count = core.numel, step = core.step * tp_bytes(in->dtype), row = padded(count);
    const int64_t size = tp_bytes(r->work), to_step = out->stride[r->call->loops - 1] * tp_bytes(out->dtype);
    const tp_array rows = {.dtype = r->work, .rank = 1, .size = {count}, .stride = {1}};
    tp_core_open(&core, &rows, 0, r->work);
    for (; n > 0; n--, tp_walk_next(w)) {
        const int64_t m = columns_here(w, r);
        for (int64_t k = 0; k < count; k++)
            tp_convert((char *)few + k * size, row, r->work, w->at[0] + k * step, 1, in->dtype, m);
        for (int64_t i = 0; i < m; i++)
            reduce(r, &core, (char *)few + i * row * size, w->at[1] + i * to_step);
    }
}

/* The columns as they are. */
static void run_columns(tp_walk *w, int64_t n, void *room, const void *of)
{
    (void)room;
    const reducer *r = of;
    tp_core core;
    tp_core_open(&core, r->in, r->call->loops, r->work);
    for (; n > 0; n--, tp_walk_next(w))
        r->columns(w->at[0], core.numel, core.step, columns_here(w, r), w->at[1]);
}

/* A position is a block of columns then, `count` rows high: of as many columns as a kernel takes, or half of
 * them where that leaves the threads a block each. */
static void each_column(reducer *r, int64_t count)
{
    enum { READ = 4 }; /* elements read in the time in which one is read and written */
    const int last = r->call->loops - 1;
    const int64_t columns = r->in->size[last];
    const bool as_they_are = r->columns && r->out->stride[last] == 1;
    tp_array blocks[2] = {*r->in, *r->out};
    r->block = !as_they_are ? FEW : columns > TP_COLUMNS ? TP_COLUMNS : TP_COLUMNS / 2;
    for (int i = 0; i < 2; i++) {
        blocks[i].size[last] = (columns + r->block - 1) / r->block;
        blocks[i].stride[last] *= r->block;
    }
    tp_walk w;
    if (!tp_walk_start(&w, last + 1, 2, (const tp_array *const[]){&blocks[0], &blocks[1]})) return;
    if (as_they_are)
        tp_each_position(r->call, &w, (count * r->block + READ - 1) / READ, TP_COST_PASS, 0, run_columns, r);
    else
        tp_each_position(r->call, &w, count * r->block, TP_COST_CONVERT,
                         (size_t)(FEW * padded(count) * tp_bytes(r->work)), turn_columns, r);
}

void tp_each_reduction(const tp_call *call, const tp_array *in, const tp_array *out,
                       const tp_reduction *kernel)
{
    enum { ROW = 256 }; /* elements passed over in the time that a row takes, however short */
    tp_dtype work = tp_work_dtype(in[0].dtype);
    if (work == TP_U64 && !kernel->u64) work = TP_I64;
    tp_reduce_fn *run = work == TP_F32   ? kernel->f32
                        : work == TP_F64 ? kernel->f64
                        : work == TP_U64 ? kernel->u64
                                         : kernel->i64;
    reducer r = {.call = call,
                 .run = run,
                 .work = work,
                 .result = kernel->to_index ? TP_I64 : work,
                 .in = in,
                 .out = out};
    r.columns = in->dtype == TP_F32 ? kernel->f32_columns : in->dtype == TP_F64 ? kernel->f64_columns : NULL;
    tp_core core;
    tp_core_open(&core, in, call->loops, work);
    tp_walk w;
    if (in_columns(call, in, &core))
        each_column(&r, core.numel);
    else if (tp_walk_call(&w, call, in, out))
        tp_each_position(call, &w, core.numel + ROW, kernel->cost ? kernel->cost : TP_COST_PASS, 0,
                         reduce_each, &r);
}

bool tp_some_elements(const tp_call *call, const tp_array *in)
{
    for (int i = call->loops; i < in->rank; i++) {
        if (in->size[i]) continue;
        char text[256];
        const tp_tensor *x = call->in[0];
        tp_call_fail(call, TP_ERR_SHAPE,
                     "no elements to choose from: an axis of %s to be reduced is of size 0",
                     tp_shape_text(x->size, x->rank, text, sizeof text));
        return false;
    }
    return true;
}

const tp_axes *tp_reduced_axes(const tp_call *call)
{
    return call->attr[tp_attr_of_type(call->op, TP_ATTR_AXES)].v;
}

int64_t tp_reduced_count(const tp_call *call)
{
    const tp_axes *axes = tp_reduced_axes(call);
    tp_shape in = tp_call_shape(call, 0);
    int64_t n = 1;
    for (int i = 0; i < axes->n; i++) n *= in.v[axes->v[i] + in.n];
    return n;
}

tp_tensor *tp_with_reduced_axes(const tp_call *call, tp_tensor *t)
{
    const tp_axes *axes = tp_reduced_axes(call);
    if (tp_keeps_dim(call) || axes->n == 0) return t;
    tp_shape in = tp_call_shape(call, 0), shape = {0};
    int lead = tp_rank(t) - (in.n - axes->n);
    bool gone[TP_INTERNAL_RANK] = {false};
    for (int i = 0; i < axes->n; i++) gone[axes->v[i] + in.n] = true;
    for (int i = 0; i < lead; i++) shape.v[shape.n++] = tp_size(t, i);
    for (int i = 0; i < in.n; i++) shape.v[shape.n++] = gone[i] ? 1 : in.v[i];
    return tp_reshape(t, shape);
}

tp_tensor *tp_share_ties(const tp_call *call, tp_tensor *ties)
{
    tp_tensor *count = tp_sum(ties, *tp_reduced_axes(call), true);
    return tp_div(tp_cast(ties, tp_call_dtype(call, 0)), count);
}

tp_tensor *tp_pull_weighted(const tp_call *call, tp_tensor *u, tp_tensor *weight)
{
    return tp_mul(tp_with_reduced_axes(call, u), weight);
}

tp_tensor *tp_push_weighted(const tp_call *call, tp_tensor *t, tp_tensor *weight)
{
    return tp_sum(tp_mul(t, weight), *tp_reduced_axes(call), tp_keeps_dim(call));
}

/* --- sum and mean --- */

#define SUM(T)                                                             \
    static void sum_##T(const tp_call *call, tp_core *core, void *result)  \
    {                                                                      \
        (void)call;                                                        \
        *(T *)result = tp_core_sum_##T(core);                              \
    }                                                                      \
    static void mean_##T(const tp_call *call, tp_core *core, void *result) \
    {                                                                      \
        (void)call;                                                        \
        *(T *)result = tp_core_sum_##T(core) / (T)core->numel;             \
    }

SUM(float)
SUM(double)

/* The order of lanes.h for many columns at once: what is a lane there is a row of lanes here. */
#define SUM_COLUMNS(name, target, T, ending)                                                              \
    target static void name##_block(const T *x, int64_t n, int64_t step, int64_t m, T(*lane)[TP_COLUMNS]) \
    {                                                                                                     \
        memset(lane, 0, TP_LANES * sizeof *lane);                                                         \
        for (int64_t k = 0; k < n; k++) {                                                                 \
            T *sum = lane[k % TP_LANES];                                                                  \
            const T *row = x + k * step;                                                                  \
            TP_INDEPENDENT for (int64_t c = 0; c < m; c++) sum[c] += row[c];                              \
        }                                                                                                 \
        for (int half = TP_LANES / 2; half > 0; half /= 2)                                                \
            for (int l = 0; l < half; l++)                                                                \
                for (int64_t c = 0; c < m; c++) lane[l][c] = lane[l][c] + lane[l + half][c];              \
    }                                                                                                     \
    target static void name(const void *x, int64_t n, int64_t step, int64_t m, void *result)              \
    {                                                                                                     \
        T lane[TP_LANES][TP_COLUMNS], *y = result;                                                        \
        tp_sum_##T sum[TP_COLUMNS];                                                                       \
        for (int64_t c = 0; c < m; c++) sum[c].blocks = 0;                                                \
        for (int64_t k = 0; k < n; k += TP_BLOCK) {                                                       \
            int64_t left = n - k;                                                                         \
            name##_block((const T *)x + k * step, left < TP_BLOCK ? left : TP_BLOCK, step, m, lane);      \
            for (int64_t c = 0; c < m; c++) tp_sum_##T##_block(&sum[c], lane[0][c]);                      \
        }                                                                                                 \
        for (int64_t c = 0; c < m; c++) y[c] = tp_sum_##T##_end(&sum[c]) ending;                          \
    }

#if defined(__x86_64__)
#define COLUMNS(name, ...)                                                                      \
    SUM_COLUMNS(name##_baseline, , __VA_ARGS__)                                                 \
    SUM_COLUMNS(name##_avx2, TP_AVX2, __VA_ARGS__)                                              \
    SUM_COLUMNS(name##_avx512, TP_AVX512, __VA_ARGS__)                                          \
    static void name(const void *x, int64_t n, int64_t step, int64_t m, void *y)                \
    {                                                                                           \
        static tp_columns_fn *const by_level[] = {name##_baseline, name##_avx2, name##_avx512}; \
        by_level[tp_simd_in_use()](x, n, step, m, y);                                           \
    }
#else
#define COLUMNS(name, ...) SUM_COLUMNS(name, , __VA_ARGS__)
#endif

COLUMNS(sum_columns_float, float, )
COLUMNS(sum_columns_double, double, )
COLUMNS(mean_columns_float, float, / (float)n)
COLUMNS(mean_columns_double, double, / (double)n)

static void sum_i64(const tp_call *call, tp_core *core, void *result)
{
    (void)call;
    uint64_t buffer[TP_BLOCK], sum = 0; /* wraps */
    const uint64_t *x;
    for (int64_t n; x = tp_core_next(core, buffer, &n), n > 0;)
        for (int64_t k = 0; k < n; k++) sum += x[k];
    *(uint64_t *)result = sum;
}

static void sum_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    static const tp_reduction kernel = {.f32 = sum_float,
                                        .f64 = sum_double,
                                        .i64 = sum_i64,
                                        .f32_columns = sum_columns_float,
                                        .f64_columns = sum_columns_double};
    tp_each_reduction(call, in, out, &kernel);
}

static void mean_eval(const tp_call *call, const tp_array *in, const tp_array *out)
{
    static const tp_reduction kernel = {.f32 = mean_float,
                                        .f64 = mean_double,
                                        .f32_columns = mean_columns_float,
                                        .f64_columns = mean_columns_double};
    tp_each_reduction(call, in, out, &kernel);
}

static tp_tensor *sum_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return tp_with_reduced_axes(call, u[0]);
}

static tp_tensor *mean_pull(const tp_call *call, int i, tp_tensor *const *u)
{
    (void)i;
    return tp_div(tp_with_reduced_axes(call, u[0]), tp_like(u[0], (double)tp_reduced_count(call)));
}

const tp_rules tp_rules_sum = {.eval = sum_eval, .linear = TP_LINEAR, .pull = sum_pull};
const tp_rules tp_rules_mean = {.eval = mean_eval, .linear = TP_LINEAR, .pull = mean_pull};
