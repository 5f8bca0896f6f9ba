#include "ops/loops.h"

#include "ops/elementwise.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <stdlib.h>

bool tp_walk_start(tp_walk *w, int loops, int arrays, const tp_array *const *array)
{
    w->arrays = arrays;
    w->loops = loops;
    for (int k = 0; k < arrays; k++) {
        w->array[k] = array[k];
        w->at[k] = array[k]->data;
    }
    for (int i = 0; i < loops; i++) {
        w->index[i] = 0;
        if (array[arrays - 1]->size[i] == 0) return false;
    }
    return true;
}

bool tp_walk_next(tp_walk *w)
{
    for (int i = w->loops - 1; i >= 0; i--) {
        int64_t size = w->array[w->arrays - 1]->size[i];
        bool over = ++w->index[i] == size;
        int64_t step = over ? 1 - size : 1;
        for (int k = 0; k < w->arrays; k++)
            w->at[k] += step * w->array[k]->stride[i] * tp_bytes(w->array[k]->dtype);
        if (!over) return true;
        w->index[i] = 0;
    }
    return false;
}

bool tp_walk_call(tp_walk *w, const tp_call *call, const tp_array *in, const tp_array *out)
{
    const tp_array *array[TP_LOOP_ARRAYS];
    int n = 0;
    for (int i = 0; i < call->n_in; i++) array[n++] = &in[i];
    for (int o = 0; o < call->n_out; o++) array[n++] = &out[o];
    return tp_walk_start(w, call->loops, n, array);
}

void tp_walk_go(tp_walk *w, int64_t p)
{
    for (int i = w->loops - 1; i >= 0 && p; i--) {
        int64_t size = w->array[w->arrays - 1]->size[i];
        w->index[i] = p % size;
        p /= size;
        for (int k = 0; k < w->arrays; k++)
            w->at[k] += w->index[i] * w->array[k]->stride[i] * tp_bytes(w->array[k]->dtype);
    }
}

/* --- shared out over threads --- */

static int64_t positions_of(const tp_walk *w)
{
    int64_t n = 1;
    for (int i = 0; i < w->loops; i++) n *= w->array[w->arrays - 1]->size[i];
    return n;
}

typedef struct positions {
    const tp_walk *start;
    int64_t n;
    char *room;
    size_t each; /* bytes of room from one part's to the next */
    tp_positions_fn *run;
    const void *of;
} positions;

static void run_positions(void *work, int part, int parts)
{
    const positions *s = work;
    const int64_t first = tp_part_start(s->n, 1, part, parts), end = tp_part_start(s->n, 1, part + 1, parts);
    tp_walk w = *s->start;
    tp_walk_go(&w, first);
    s->run(&w, end - first, s->room + (size_t)part * s->each, s->of);
}

void tp_each_position(const tp_call *call, tp_walk *w, int64_t elements, tp_cost cost, size_t room,
                      tp_positions_fn *run, const void *of)
{
    enum { LINE = 128 };
    const int64_t n = positions_of(w);
    void *rooms = NULL;
    int parts = tp_parts_worth(n * elements, cost),
        most = tp_parallel_most(n * elements, TP_PART_LEAST / (int)cost);
    if (parts > n) parts = (int)n;
    if (most > n) most = (int)n;
    const size_t each = most < 2 ? room : (room + LINE) / LINE * LINE + LINE; /* lines are one thread's */
    if (room && !(rooms = tp_alloc(call->context, each * (size_t)most))) return;
    if (parts == 1)
        run(w, n, rooms, of);
    else
        tp_parallel(parts, run_positions, &(positions){w, n, rooms, each, run, of});
    if (room) tp_free(call->context, rooms, each * (size_t)most);
}

typedef struct spans {
    const tp_walk *start;
    int64_t n, length, grain; /* elements of all rows and of one; parts end at a multiple of the grain */
    tp_span_fn *run;
    const void *of;
} spans;

static void run_spans(void *work, int part, int parts)
{
    const spans *s = work;
    int64_t i = tp_part_start(s->n, s->grain, part, parts), m, from = 0;
    const int64_t end = tp_part_start(s->n, s->grain, part + 1, parts);
    tp_walk w = *s->start;
    if (i) {
        tp_walk_go(&w, i / s->length);
        from = i % s->length;
    }
    for (; i < end; i += m, from = 0, tp_walk_next(&w)) {
        m = s->length - from < end - i ? s->length - from : end - i;
        s->run(&w, from, m, s->of);
    }
}

void tp_each_span(tp_walk *w, int64_t length, int64_t elements, tp_cost cost, tp_span_fn *run, const void *of)
{
    enum { GRAIN = 64 }; /* elements: no line of the cache is written by two threads */
    spans s = {w, positions_of(w) * length, length, elements < GRAIN ? GRAIN : 1, run, of};
    tp_parallel(tp_parts_worth(s.n * elements, cost), run_spans, &s);
}

/* --- elementwise --- */

enum { CHUNK = 128, MAX_OPERANDS = 9 };

/* A kernel chosen for the dtypes of a call. */
typedef struct kernel {
    tp_inner_fn *run;
    const tp_attr *attr;
    tp_dtype first, input, output; /* what it reads and writes */
    int inputs;                    /* the operands after these are outputs; one: steps are 1 */
    tp_cost cost;
} kernel;

static inline kernel choose(const tp_call *call, tp_dtype dtype, const tp_inner *inner)
{
    tp_dtype work = tp_work_dtype(dtype);
    if (work == TP_U64 && !inner->u64) work = TP_I64;
    tp_inner_fn *run = work == TP_F32   ? inner->f32
                       : work == TP_F64 ? inner->f64
                       : work == TP_U64 ? inner->u64
                                        : inner->i64;
    return (kernel){.run = run,
                    .attr = call->attr,
                    .first = inner->by_bool ? TP_BOOL : work,
                    .input = work,
                    .output = inner->to_bool ? TP_BOOL : work,
                    .inputs = call->n_in,
                    .cost = inner->cost ? inner->cost : TP_COST_PASS};
}

static tp_dtype wanted(const kernel *f, int k)
{
    return k >= f->inputs ? f->output : k == 0 ? f->first : f->input;
}

/* Whether the kernel can work where an array lies. */
static bool takes(const kernel *f, int k, tp_dtype dtype, int64_t step)
{
    return dtype == wanted(f, k) && (step == 1 || f->inputs > 1);
}

/* One row of elements, by way of buffers where the kernel does not take an array as it is. */
static void run_row(const kernel *f, const tp_array *const *array, int n, void *const *at, int64_t count,
                    const int64_t *step)
{
    _Alignas(16) char buffer[MAX_OPERANDS][CHUNK * 8];
    int64_t chunk = count;
    for (int k = 0; k < n; k++)
        if (!takes(f, k, array[k]->dtype, step[k])) chunk = CHUNK;
    for (int64_t start = 0; start < count; start += chunk) {
        int64_t m = count - start < chunk ? count - start : chunk, s[MAX_OPERANDS];
        void *p[MAX_OPERANDS];
        for (int k = 0; k < n; k++) {
            tp_dtype own = array[k]->dtype;
            bool direct = takes(f, k, own, step[k]);
            char *from = (char *)at[k] + start * step[k] * tp_bytes(own);
            p[k] = direct ? from : buffer[k];
            s[k] = direct ? step[k] : 1;
            if (!direct && k < f->inputs) tp_convert(buffer[k], 1, wanted(f, k), from, step[k], own, m);
        }
        f->run(p, s, m, f->attr);
        for (int k = f->inputs; k < n; k++) {
            tp_dtype own = array[k]->dtype;
            char *to = (char *)at[k] + start * step[k] * tp_bytes(own);
            if (p[k] != to) tp_convert(to, step[k], own, p[k], 1, f->output, m);
        }
    }
}

/* A kernel and where it runs. */
typedef struct rows {
    const kernel *f;
    int64_t step[MAX_OPERANDS];
    bool direct; /* the kernel takes all arrays as they are */
} rows;

static void run_span(const tp_walk *w, int64_t from, int64_t n, const void *of)
{
    const rows *r = of;
    void *at[MAX_OPERANDS];
    for (int k = 0; k < w->arrays; k++) at[k] = w->at[k] + from * r->step[k] * tp_bytes(w->array[k]->dtype);
    if (r->direct)
        r->f->run(at, r->step, n, r->f->attr);
    else
        run_row(r->f, w->array, w->arrays, at, n, r->step);
}

/* The step at which all elements can be taken in one row: 1 if they lie row-major without gaps, 0 if all
 * are one; -1 if there is none. */
static int64_t flat_step(const tp_array *a)
{
    if (a->rank == 1) return a->stride[0] == 1 || a->size[0] == 1 ? 1 : a->stride[0] == 0 ? 0 : -1;
    int64_t dense = 1, zero = 0;
    for (int i = a->rank - 1; i >= 0; i--) {
        if (a->size[i] != 1 && a->stride[i] != dense) zero = 1;
        dense *= a->size[i];
    }
    if (!zero) return 1;
    for (int i = 0; i < a->rank; i++)
        if (a->size[i] != 1 && a->stride[i] != 0) return -1;
    return 0;
}

/* The common case: one row of each array, in the kernel's dtypes, and one thread. False if it is not. */
static bool run_flat(const kernel *f, const tp_array *in, const tp_array *out, int n)
{
    void *p[MAX_OPERANDS];
    int64_t step[MAX_OPERANDS], count = 1;
    for (int i = 0; i < out->rank; i++) count *= out->size[i];
    if (tp_parts_worth(count, f->cost) > 1) return false;
    for (int k = 0; k < n; k++) {
        const tp_array *a = k < f->inputs ? &in[k] : &out[k - f->inputs];
        if (a->dtype != wanted(f, k)) return false;
        step[k] = flat_step(a);
        if (step[k] < 0 || (step[k] == 0 && f->inputs == 1)) return false;
        p[k] = a->data;
    }
    f->run(p, step, count, f->attr);
    return true;
}

static void swap(int64_t *v, int i, int k)
{
    int64_t first = v[i];
    v[i] = v[k];
    v[k] = first;
}

/* Puts the axes in the order in which the output lies in memory, for one that is overwritten in place may be
 * transposed; elements do not care. */
static void sort_axes(tp_array *const *array, int n, int rank)
{
    const int64_t *step = array[n - 1]->stride;
    for (int end = 1; end < rank; end++)
        for (int i = end; i > 0 && llabs(step[i - 1]) < llabs(step[i]); i--)
            for (int k = 0; k < n; k++) {
                swap(array[k]->size, i - 1, i);
                swap(array[k]->stride, i - 1, i);
            }
}

/* Whether axis i and the one before it can be walked as one. */
static bool mergeable(tp_array *const *array, int n, int i)
{
    for (int k = 0; k < n; k++) {
        const tp_array *a = array[k];
        if (a->size[i] != 1 && a->size[i - 1] != 1 && a->stride[i - 1] != a->stride[i] * a->size[i])
            return false;
    }
    return true;
}

/* Joins the last axes of all arrays while they lie one after another; returns the rank left. */
static int merge_axes(tp_array *const *array, int n, int rank)
{
    for (; rank > 1 && mergeable(array, n, rank - 1); rank--)
        for (int k = 0; k < n; k++) {
            if (array[k]->size[rank - 1] != 1) array[k]->stride[rank - 2] = array[k]->stride[rank - 1];
            array[k]->size[rank - 2] *= array[k]->size[rank - 1];
        }
    for (int k = 0; k < n; k++) array[k]->rank = rank;
    return rank;
}

void tp_each_element(const tp_call *call, const tp_array *in, const tp_array *out, const tp_inner *inner)
{
    int n = call->n_in + call->n_out;
    kernel f =
        choose(call, in[call->n_in - 1].dtype, inner); /* the last input's: `where` has its condition first */
    if (run_flat(&f, in, out, n)) return;
    tp_array copy[MAX_OPERANDS], *merged[MAX_OPERANDS] = {NULL};
    const tp_array *array[MAX_OPERANDS];
    for (int k = 0; k < n; k++) {
        copy[k] = k < f.inputs ? in[k] : out[k - f.inputs];
        array[k] = merged[k] = &copy[k];
    }
    sort_axes(merged, n, call->loops);
    int rank = merge_axes(merged, n, call->loops);
    rows r = {.f = &f, .direct = true};
    tp_walk w;
    if (!tp_walk_start(&w, rank > 0 ? rank - 1 : 0, n, array)) return;
    for (int k = 0; k < n; k++) {
        r.step[k] = rank > 0 ? copy[k].stride[rank - 1] : 1;
        r.direct = r.direct && takes(&f, k, copy[k].dtype, r.step[k]);
    }
    const tp_cost cost = r.direct || f.cost > TP_COST_CONVERT ? f.cost : TP_COST_CONVERT;
    tp_each_span(&w, rank > 0 ? copy[n - 1].size[rank - 1] : 1, 1, cost, run_span, &r);
}

tp_tensor *tp_like(tp_tensor *t, double value) { return tp_scalar(tp_context_of(t), value, tp_dtype_of(t)); }
