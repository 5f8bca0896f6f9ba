/* apply.c - one call of an op: check, convert, work out shapes, run, record. */
#include "base/fpmode.h"
#include "op/node.h"
#include "op/signature.h"
#include "tensor/dtype.h"

#include <taper/ops.h>

#include <stdio.h>
#include <string.h>

enum { FEW = 5 }; /* inputs that need no allocation */

/* A call while it is worked out. */
typedef struct frame {
    tp_call call;
    tp_attr attr[TP_MAX_ATTR];
    tp_ints lists[TP_MAX_ATTR]; /* axes, made negative */
    tp_tensor *few[FEW];
    tp_shape few_shapes[FEW];
    tp_array few_arrays[FEW];
    tp_tensor **in; /* given, or converted and then owned by the frame */
    tp_shape *in_shape;
    tp_array *in_array;
    tp_shape out_shape[TP_MAX_OUT];
    tp_dtype out_dtype[TP_MAX_OUT];
    tp_tensor *out[TP_MAX_OUT];
    const tp_row *row;
    tp_row own;         /* of an op that is no row */
    bool flat;          /* every array is taken as one row ... */
    int64_t elements;   /* ... of so many elements */
    uint32_t converted; /* bit i: in[i] is the frame's own (lists: all or none) */
    tp_dtype dtype;     /* what F and N inputs are promoted to */
} frame;

void tp_call_fail(const tp_call *call, tp_status status, const char *text, ...)
{
    char message[TP_ERROR_TEXT];
    va_list args;
    va_start(args, text);
    vsnprintf(message, sizeof message, text, args);
    va_end(args);
    const tp_op *op = call->op;
    if (op->signature)
        tp_fail(call->context, status, "%s %s: %s", op->name, op->signature, message);
    else
        tp_fail(call->context, status, "%s: %s", op->name, message);
}

tp_shape tp_call_shape(const tp_call *call, int i)
{
    const tp_value *v = &call->values[i];
    tp_shape shape = {.n = v->rank};
    memcpy(shape.v, v->size, (size_t)v->rank * sizeof *v->size);
    return shape;
}

tp_dtype tp_call_dtype(const tp_call *call, int i) { return call->values[i].dtype; }

static const char *input_name(const tp_op *op, int i, char *buf, size_t n)
{
    if (op->n_in >= 0) return op->in_name[i];
    snprintf(buf, n, "%s[%d]", op->in_name[0], i);
    return buf;
}

static bool usable_inputs(const tp_call *call, tp_tensor *const *in)
{
    char name[64];
    for (int i = 0, n = call->n_in; i < n; i++)
        if (tp_absent(in[i]) || in[i]->object.context != call->context || in[i]->object.refs <= 0)
            return tp_tensor_usable(call->context, in[i], call->op->name,
                                    input_name(call->op, i, name, sizeof name));
    return true;
}

/* A dtype that is one, a list as long as it says; axes are looked at by themselves. */
static bool attribute_usable(const tp_call *call, const tp_attr_info *info, tp_attr attr)
{
    if (info->type == TP_ATTR_DTYPE && !tp_dtype_size((tp_dtype)attr.i)) {
        tp_fail(call->context, TP_ERR_DTYPE, "%s: %lld is no dtype", call->op->name, (long long)attr.i);
        return false;
    }
    bool list = info->type == TP_ATTR_SHAPE || info->type == TP_ATTR_INTS;
    if (!list || (attr.v->n >= 0 && attr.v->n <= TP_INTERNAL_RANK)) return true;
    tp_call_fail(call, TP_ERR_ARGUMENT, "argument '%s' has %d numbers, takes 0 to %d", info->name, attr.v->n,
                 TP_INTERNAL_RANK);
    return false;
}

/* Makes axis attributes negative, against the rank of the first input. */
static bool resolve_axes(frame *f, const tp_attr *attr)
{
    const tp_op *op = f->call.op;
    tp_context *c = f->call.context;
    int rank = f->call.n_in ? f->call.in[0]->rank : 0, lists = 0;
    for (int i = 0; i < op->n_attr; i++) {
        f->attr[i] = attr[i];
        if (op->attr[i].type == TP_ATTR_AXIS) {
            f->attr[i].i = tp_negative_axis(c, op->name, attr[i].i, rank);
            if (f->attr[i].i == 0) return false;
        }
        if (!attribute_usable(&f->call, &op->attr[i], attr[i])) return false;
        if (op->attr[i].type != TP_ATTR_AXES) continue;
        tp_ints *list = &f->lists[lists++];
        *list = *attr[i].v;
        if (!tp_negative_axes(c, op->name, list, rank)) return false;
        f->attr[i].v = list;
    }
    return true;
}

/* --- dtypes --- */

static char type_letter(const tp_op *op, int i) { return op->types[op->n_in < 0 ? 0 : i]; }

/* The dtype input i is converted to; the input's own where it stays. */
static bool wanted_dtype(const frame *f, int i, tp_dtype *dtype)
{
    tp_dtype given = f->call.in[i]->dtype;
    *dtype = given;
    switch (type_letter(f->call.op, i)) {
    case 'F':
    case 'N': *dtype = f->dtype; return true;
    case 'B': *dtype = TP_BOOL; return true;
    case 'I': *dtype = TP_I64; return given >= TP_U8 && given <= TP_I64;
    case 'K': return given == TP_U64;
    default: return true;
    }
}

/* The dtype that all F and N inputs are promoted to. */
static tp_dtype promoted(const frame *f)
{
    const tp_op *op = f->call.op;
    tp_dtype dtype = TP_BOOL; /* promotes to whatever comes */
    bool real = false;
    for (int i = 0; i < f->call.n_in; i++) {
        char letter = type_letter(op, i);
        if (letter == 'F' || letter == 'N') dtype = tp_promote(dtype, f->call.in[i]->dtype);
        real = real || letter == 'F';
    }
    return real && !tp_dtype_is_float(dtype) ? TP_F32 : dtype;
}

/* Puts a converted input in the place of the one given. */
static bool convert(frame *f, int i, tp_dtype dtype)
{
    bool list = f->call.op->n_in < 0;
    tp_tensor *cast = tp_tensor_own(tp_cast(f->in[i], dtype));
    if (tp_is_nil(cast)) return false;
    for (int k = 0; list && !f->converted && k < f->call.n_in; k++) tp_tensor_retain(f->in[k]);
    if (list) tp_tensor_release(f->in[i]);
    f->converted |= list ? ~0u : 1u << i;
    f->in[i] = cast;
    return true;
}

/* The common call: every input has the dtype it is wanted in. */
static bool agree(frame *f)
{
    bool first = true;
    f->dtype = TP_BOOL;
    for (int i = 0, n = f->call.n_in; i < n; i++) {
        const char letter = type_letter(f->call.op, i);
        const tp_dtype given = f->in[i]->dtype;
        if (letter == 'F' || letter == 'N') {
            if ((letter == 'F' && !tp_is_float(given)) || (!first && given != f->dtype)) return false;
            f->dtype = given;
            first = false;
        } else if (letter != 'A' && given != (letter == 'B' ? TP_BOOL : letter == 'I' ? TP_I64 : TP_U64)) {
            return false;
        }
    }
    return true;
}

static bool convert_inputs(frame *f)
{
    const tp_op *op = f->call.op;
    if (agree(f)) return true;
    f->dtype = promoted(f);
    for (int i = 0; i < f->call.n_in; i++) {
        tp_dtype dtype;
        if (!wanted_dtype(f, i, &dtype)) {
            char name[64];
            tp_call_fail(&f->call, TP_ERR_DTYPE, "argument '%s' takes %s, got %s",
                         input_name(op, i, name, sizeof name),
                         type_letter(op, i) == 'K' ? "a u64 key" : "integers",
                         tp_dtype_name(f->call.in[i]->dtype));
            return false;
        }
        if (dtype != f->in[i]->dtype && !convert(f, i, dtype)) return false;
    }
    return true;
}

static inline tp_dtype output_dtype(const frame *f, int o)
{
    const tp_op *op = f->call.op;
    switch (op->types[(op->n_in < 0 ? 1 : op->n_in) + 2 + o]) {
    case 'B': return TP_BOOL;
    case 'I': return TP_I64;
    case 'S': return tp_dtype_is_float(f->dtype) ? f->dtype : TP_I64;
    case 'D': return (tp_dtype)f->attr[tp_attr_of_type(op, TP_ATTR_DTYPE)].i;
    case 'A': return f->in[0]->dtype;
    default: return f->dtype;
    }
}

/* --- outputs --- */

static bool make_view(frame *f)
{
    tp_rules const *rules = f->call.op->rules;
    if (!rules->view) return false;
    tp_array a;
    a.dtype = f->out_dtype[0];
    a.rank = f->out_shape[0].n;
    a.data = f->in_array[0].data;
    memcpy(a.size, f->out_shape[0].v, sizeof a.size);
    if (!rules->view(&f->call, &f->in_array[0], &a)) return false;
    tp_tensor *t = f->out[0] = tp_tensor_alias(f->call.context, f->in[0]);
    if (tp_is_nil(t)) return true;
    t->rank = a.rank;
    memcpy(t->size, a.size, sizeof t->size);
    memcpy(t->stride, a.stride, sizeof t->stride);
    t->offset += ((char *)a.data - (char *)f->in_array[0].data) / (ptrdiff_t)tp_dtype_size(t->dtype);
    return true;
}

static bool make_outputs(frame *f)
{
    tp_context *c = f->call.context;
    for (int o = 0; o < f->call.n_out; o++) {
        f->out[o] = tp_tensor_new(c, &f->out_shape[o], f->out_dtype[o]);
        if (tp_absent(f->out[o])) return false;
    }
    return true;
}

/* --- one row --- */

/* How many elements `t` has; -1 unless they lie row-major without gaps, or in any order of the axes where the
 * result will lie as they do. */
static int64_t dense_elements(const tp_tensor *t, bool any_order)
{
    int64_t n = 1;
    bool row_major = true;
    for (int i = t->rank - 1; i >= 0; i--) {
        row_major = row_major && (t->stride[i] == n || t->size[i] == 1);
        n *= t->size[i];
    }
    return row_major || (any_order && tp_is_dense(t, n)) ? n : -1;
}

static bool lies_as(const tp_tensor *t, const tp_tensor *like)
{
    if (t->rank != like->rank) return false;
    for (int i = 0; i < t->rank; i++)
        if (t->size[i] != like->size[i] || t->stride[i] != like->stride[i]) return false;
    return true;
}

/* `t` as n elements a step apart. */
static void as_row(const tp_tensor *t, int64_t n, int64_t step, tp_array *a)
{
    a->data = (char *)t->storage->data + t->offset * tp_bytes(t->dtype);
    a->dtype = t->dtype;
    a->rank = 1;
    a->size[0] = n;
    a->stride[0] = step;
}

/* Elementwise with nothing to convert, all inputs dense and of one shape but for scalars. Every
 * array is one row then, with nothing to broadcast and no size to check. */
static bool take_rows(frame *f)
{
    const int n_in = f->call.n_in;
    tp_tensor *const *in = f->in;
    const tp_tensor *like = in[0];
    if (!f->row->signature.elementwise || f->call.op->rules->view) return false;
    for (int i = 1; i < n_in && !like->rank; i++) like = in[i];
    const int64_t n = dense_elements(like, f->call.op->in_place);
    if (n < 0) return false;
    for (int i = 0; i < n_in; i++) {
        if (in[i] != like && in[i]->rank && !lies_as(in[i], like)) return false;
        as_row(in[i], n, in[i]->rank || !like->rank, &f->in_array[i]);
    }
    f->elements = n;
    for (int o = 0; o < f->call.n_out; o++) {
        f->out_dtype[o] = output_dtype(f, o);
        f->out_shape[o].n = like->rank;
        for (int k = 0; k < like->rank; k++) f->out_shape[o].v[k] = like->size[k];
    }
    return true;
}

/* Whether an input holds indices: they are looked at even where the output has no elements. */
static bool has_indices(const frame *f)
{
    for (int i = 0; i < f->call.n_in; i++)
        if (type_letter(f->call.op, i) == 'I' && tp_numel(f->in[i])) return true;
    return false;
}

static bool evaluate(frame *f)
{
    if (!tp_fp_mode_is_default()) {
        tp_call_fail(&f->call, TP_ERR_STATE,
                     "the program has changed the rounding mode or flushes subnormals to zero");
        return false;
    }
    tp_array out[TP_MAX_OUT];
    int64_t elements = 0;
    for (int o = 0; o < f->call.n_out; o++) {
        if (f->flat) {
            as_row(f->out[o], f->elements, 1, &out[o]);
            elements += f->elements;
            continue;
        }
        tp_tensor_array(f->out[o], &out[o]);
        elements += tp_shape_numel(out[o].size, out[o].rank);
    }
    f->call.out = f->out;
    if (elements || has_indices(f)) {
        f->call.loops = f->flat ? 1 : tp_arrange(&f->call, &f->row->signature, f->in_array, out);
        tp_kernel_fn *kernel = f->row->kernel;
        if (!kernel || !kernel(&f->call, f->in_array, out))
            f->call.op->rules->eval(&f->call, f->in_array, out);
    }
    return f->call.context->status == TP_OK;
}

/* What an in-place op may overwrite: its own elements, once each, with no history that would go stale. */
static bool overwritable(const frame *f, int o)
{
    tp_tensor *t = f->in[o];
    const char *why = t->read_only                  ? "is shared, read-only"
                      : t->node || t->leaf          ? "has a history; only a leaf can be updated in place"
                      : t->tangents                 ? "carries tangents"
                      : t->dtype != f->out_dtype[o] ? "has another dtype than the result"
                                                    : NULL;
    for (int i = 0; !why && i < t->rank; i++)
        if (t->stride[i] == 0 && t->size[i] > 1) why = "has elements that share memory";
    bool fits = f->out_shape[o].n == t->rank;
    for (int i = 0; fits && i < t->rank; i++) fits = f->out_shape[o].v[i] == t->size[i];
    if (!why && !fits) why = "would have to grow to the result's shape";
    if (why) tp_call_fail(&f->call, TP_ERR_STATE, "argument '%s' %s", f->call.op->in_name[o], why);
    return !why;
}

/* The addresses between which all elements lie. */
static void extent(const tp_array *a, uintptr_t *low, uintptr_t *high)
{
    *low = (uintptr_t)a->data;
    *high = *low + (uintptr_t)tp_bytes(a->dtype);
    for (int i = 0; i < a->rank; i++) {
        if (a->size[i] < 2) continue;
        int64_t reach = (a->size[i] - 1) * a->stride[i] * tp_bytes(a->dtype);
        *(reach < 0 ? low : high) += (uintptr_t)reach;
    }
}

static bool same_elements(const tp_array *a, const tp_array *b)
{
    bool same = a->data == b->data && a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++) same = a->size[i] == b->size[i] && a->stride[i] == b->stride[i];
    return same;
}

/* No input may see elements of input o that are overwritten before it is read: those in another order. And
 * none may be overwritten twice. */
static bool others_apart(const frame *f, int o)
{
    uintptr_t low, high, first, end;
    const tp_array *target = &f->in_array[o];
    char name[64];
    extent(target, &low, &high);
    for (int i = o + 1; i < f->call.n_in; i++) {
        extent(&f->in_array[i], &first, &end);
        bool read_only = i >= f->call.n_out;
        if (end <= low || first >= high || (read_only && same_elements(&f->in_array[i], target))) continue;
        tp_call_fail(&f->call, TP_ERR_STATE, "argument '%s' shares memory with '%s', which is overwritten",
                     input_name(f->call.op, i, name, sizeof name), f->call.op->in_name[o]);
        return false;
    }
    return true;
}

/* `targets` are the inputs as they were given. */
static bool run_in_place(frame *f, tp_tensor *const *targets)
{
    const tp_op *op = f->call.op;
    for (int o = 0; o < op->n_out; o++) {
        if (f->in[o] != targets[o]) {
            tp_call_fail(&f->call, TP_ERR_DTYPE, "argument '%s' has dtype %s, the result %s", op->in_name[o],
                         tp_dtype_name(targets[o]->dtype), tp_dtype_name(f->out_dtype[o]));
            return false;
        }
        if (!overwritable(f, o) || !others_apart(f, o)) return false;
    }
    for (int o = 0; o < op->n_out; o++) f->out[o] = targets[o];
    if (!evaluate(f)) return false;
    for (int o = 0; o < op->n_out; o++) tp_tensor_touch(targets[o]);
    return true;
}

/* --- the call --- */

static bool frame_open(frame *f)
{
    int n = f->call.n_in;
    if (n <= FEW) {
        f->in = f->few;
        f->in_shape = f->few_shapes;
        f->in_array = f->few_arrays;
        return true;
    }
    char *block =
        tp_alloc(f->call.context, (size_t)n * (sizeof *f->in + sizeof *f->in_shape + sizeof *f->in_array));
    if (!block) return false;
    f->in = (tp_tensor **)(void *)block;
    f->in_shape = (tp_shape *)(void *)(block + (size_t)n * sizeof *f->in);
    f->in_array = (tp_array *)(void *)(block + (size_t)n * (sizeof *f->in + sizeof *f->in_shape));
    return true;
}

static void frame_close(frame *f)
{
    int n = f->call.n_in;
    for (int i = 0; f->converted && i < n; i++)
        if (f->call.op->n_in < 0 || f->converted >> i & 1) tp_tensor_release(f->in[i]);
    if (n > FEW)
        tp_free(f->call.context, f->in,
                (size_t)n * (sizeof *f->in + sizeof *f->in_shape + sizeof *f->in_array));
}

static bool any_tracked(const frame *f)
{
    for (int i = 0, n = f->call.n_in; i < n; i++)
        if (tp_tracked(f->in[i])) return true;
    return false;
}

static bool any_tangents(const frame *f)
{
    for (int i = 0; i < f->call.n_in; i++)
        if (f->in[i]->tangents) return true;
    return false;
}

static void describe_inputs(frame *f)
{
    for (int i = 0; i < f->call.n_in; i++) {
        f->in_shape[i].n = f->in[i]->rank;
        for (int k = 0; k < f->in[i]->rank; k++) f->in_shape[i].v[k] = f->in[i]->size[k];
        tp_tensor_array(f->in[i], &f->in_array[i]);
    }
}

/* Says what the inputs and outputs are. */
static bool work_out(frame *f)
{
    describe_inputs(f);
    if (!tp_resolve_shapes(&f->call, &f->row->signature, f->in_shape, f->out_shape)) return false;
    for (int o = 0; o < f->call.n_out; o++) { /* a view too must have a size that can be counted */
        f->out_dtype[o] = output_dtype(f, o);
        if (!tp_shape_usable(f->call.context, &f->out_shape[o], f->out_dtype[o], f->call.op->name))
            return false;
    }
    return true;
}

static bool run(frame *f, tp_tensor *const *in)
{
    tp_context *c = f->call.context;
    const tp_op *op = f->call.op;
    if (!convert_inputs(f)) return false;
    f->flat = take_rows(f);
    if (!f->flat && !work_out(f)) return false;
    if (op->in_place) return run_in_place(f, in);
    if (!make_view(f) && !(make_outputs(f) && evaluate(f))) return false;
    if (c->status != TP_OK) return false;
    if (op->rules->nodiff) return true;
    if (c->grad_enabled && any_tracked(f) && !tp_record(&f->call, f->in, f->out)) return false;
    return !c->n_levels || !any_tangents(f) || tp_carry_tangents(&f->call, f->in, f->out);
}

static bool right_outputs(const tp_op *op)
{
    return op->n_out >= 1 && op->n_out <= TP_MAX_OUT && !(op->in_place && op->n_in < op->n_out);
}

/* What an author of an op can get wrong that would lead a call astray. */
static const char *malformed(const tp_op *op)
{
    int n = op->n_in < 0 ? 1 : op->n_in;
    if (op->n_in > TP_MAX_IN || !right_outputs(op)) return "number of inputs or outputs";
    if (op->n_attr < 0 || op->n_attr > TP_MAX_ATTR) return "number of attributes";
    if (!op->types || strlen(op->types) != (size_t)(n + 2 + op->n_out)) return "types";
    if (!op->rules || !(op->rules->eval || op->rules->view)) return "rules";
    if (!op->signature && !op->rules->shape) return "signature";
    return NULL;
}

static bool right_number(const tp_call *call)
{
    int takes = call->op->n_in;
    const char *wrong = call->op->row ? NULL : malformed(call->op);
    if (wrong)
        tp_fail(call->context, TP_ERR_ARGUMENT, "%s: the op's %s cannot be right", call->op->name, wrong);
    if (wrong || (takes < 0 ? call->n_in > 0 : call->n_in == takes)) return !wrong;
    tp_call_fail(call, TP_ERR_ARGUMENT, "takes %d input%s, got %d", takes < 0 ? 1 : takes,
                 takes < 0   ? " or more"
                 : takes > 1 ? "s"
                             : "",
                 call->n_in);
    return false;
}

/* Hands the outputs out, or frees what a failed call made. */
static void finish(frame *f, bool done, tp_tensor **extra)
{
    for (int o = 0; o < f->call.n_out; o++) {
        if (!done && !f->call.op->in_place) tp_tensor_release(tp_tensor_own(f->out[o]));
        if (o && extra && done) extra[o - 1] = f->out[o];
    }
}

/* The call, from inputs in the caller's array to outputs in the frame and in `extra`. */
static bool compute(frame *f, tp_tensor *const *in, tp_tensor **extra)
{
    for (int i = 0, n = f->call.n_in; i < n; i++) f->in[i] = in[i];
    memset(f->out, 0, sizeof f->out);
    f->call.in = f->in;
    bool done = run(f, in);
    frame_close(f);
    finish(f, done, extra);
    return done;
}

/* The context of the first input that has one. */
static tp_context *context_of(int n, tp_tensor *const *in)
{
    for (int i = 0; in && i < n; i++)
        if (in[i] && in[i]->object.context) return in[i]->object.context;
    return NULL;
}

tp_tensor *tp_apply(const tp_op *op, int n_in, tp_tensor *const *in, const tp_attr *attr, tp_tensor **extra)
{
    tp_context *c = context_of(n_in, in);
    for (int o = 1; extra && o < op->n_out; o++) extra[o - 1] = tp_nil(c);
    if (!c || c->status != TP_OK) return tp_nil(c);

    frame f;
    f.call = (tp_call){.context = c, .op = op, .attr = f.attr, .n_in = n_in, .n_out = op->n_out, .in = in};
    f.converted = 0;
    if (!right_number(&f.call) || !usable_inputs(&f.call, in) || !resolve_axes(&f, attr)) return tp_nil(c);
    f.row = tp_row_of(op, &f.own);
    const char *before = c->call;
    c->call = op->name;
    bool done = frame_open(&f) && compute(&f, in, extra);
    c->call = before;
    return done ? f.out[0] : tp_nil(c);
}
