#include "op/signature.h"

#include <string.h>

enum { ALL_DIMS = 24, MAX_CORE = TP_INTERNAL_RANK };

int tp_next_argument(const char **at, tp_dim *names)
{
    int n = 0;
    while (**at && **at != '(') ++*at;
    if (!**at) return -1;
    for (++*at; **at != ')'; n++) {
        size_t length = 0;
        for (const char *p = *at; p[length] && p[length] != ',' && p[length] != ')';) length++;
        if (n == TP_MAX_DIMS || length == 0 || !(*at)[length]) return -1;
        names[n] = (tp_dim){*at, length, -1};
        *at += length;
        if (**at == ',') ++*at;
    }
    ++*at;
    return n;
}

/* Whether the signature names all arguments, with no more sizes than there is room for. */
static bool is_signature(const tp_call *call)
{
    tp_dim names[TP_MAX_DIMS];
    const char *p = call->op->signature;
    int sizes = 0;
    for (int i = 0; i < call->n_in + call->n_out; i++) {
        int n = tp_next_argument(&p, names);
        if (n < 0 || (sizes += n) > ALL_DIMS) {
            tp_fail(call->context, TP_ERR_ARGUMENT, "%s: '%s' is no signature for %d inputs and %d outputs",
                    call->op->name, call->op->signature, call->n_in, call->n_out);
            return false;
        }
    }
    return true;
}

int tp_attr_of_type(const tp_op *op, tp_attr_type type)
{
    for (int i = 0; i < op->n_attr; i++)
        if (op->attr[i].type == type) return i;
    return -1;
}

bool tp_keeps_dim(const tp_call *call)
{
    for (int i = 0; i < call->op->n_attr; i++)
        if (strcmp(call->op->attr[i].name, "keepdim") == 0) return call->attr[i].b;
    return false;
}

int tp_core_rank(const tp_call *call, int i)
{
    const tp_op *op = call->op;
    if (!op->signature || op->rules->shape) return -1;
    int axes = tp_attr_of_type(op, TP_ATTR_AXES);
    if (axes >= 0 && i < call->n_in) return call->attr[axes].v->n;
    tp_dim names[TP_MAX_DIMS];
    const char *p = op->signature;
    int n = 0;
    for (int k = 0; k <= i; k++) n = tp_next_argument(&p, names);
    return n;
}

/* The core axes of an argument, negative. `n` is what next_argument said. Returns how many there are. */
static int core_axes(const tp_call *call, int n, bool input, int *axes)
{
    int list = tp_attr_of_type(call->op, TP_ATTR_AXES), one = tp_attr_of_type(call->op, TP_ATTR_AXIS);
    if (list >= 0 && input) {
        const tp_ints *v = call->attr[list].v;
        /* in ascending order, however they were given, so that the elements are taken row-major */
        for (int i = 0; i < v->n; i++) {
            int at = i;
            for (; at > 0 && axes[at - 1] > v->v[i]; at--) axes[at] = axes[at - 1];
            axes[at] = (int)v->v[i];
        }
        return v->n;
    }
    if (one >= 0 && n == 1) {
        axes[0] = (int)call->attr[one].i;
        return 1;
    }
    for (int i = 0; i < n; i++) axes[i] = i - n;
    return n;
}

static bool cannot_take(const tp_call *call, const tp_shape *in_shape)
{
    char text[512] = "", one[256];
    for (int i = 0; i < call->n_in && i < TP_MAX_IN; i++) {
        size_t used = strlen(text);
        tp_shape_text(in_shape[i].v, in_shape[i].n, one, sizeof one);
        if (used + strlen(one) + 3 > sizeof text) break;
        memcpy(text + used, ", ", 3);
        memcpy(text + used + (i ? 2 : 0), one, strlen(one) + 1);
    }
    tp_call_fail(call, TP_ERR_SHAPE, "cannot take %s", text);
    return false;
}

/* Finds or makes the entry of a name; a number stands for itself, an int attribute of that name gives
 * the size. */
static tp_dim *look_up(const tp_call *call, tp_dim *dims, int *n, const tp_dim *name)
{
    for (int i = 0; i < *n; i++)
        if (dims[i].length == name->length && memcmp(dims[i].name, name->name, name->length) == 0)
            return &dims[i];
    tp_dim *d = &dims[(*n)++];
    *d = *name;
    if (*name->name >= '0' && *name->name <= '9') d->size = *name->name - '0';
    for (int i = 0; i < call->op->n_attr; i++) {
        const tp_attr_info *info = &call->op->attr[i];
        if (info->type == TP_ATTR_INT && strlen(info->name) == name->length &&
            memcmp(info->name, name->name, name->length) == 0)
            d->size = call->attr[i].i;
    }
    return d;
}

/* Broadcasts the loop axes of one input into `loops`, which holds those of the inputs before it,
 * right-aligned. */
static bool broadcast_loops(const tp_shape *shape, const bool *is_core, int core, tp_shape *loops)
{
    int own = shape->n - core;
    if (own > loops->n) {
        int more = own - loops->n;
        memmove(loops->v + more, loops->v, (size_t)loops->n * sizeof loops->v[0]);
        for (int i = 0; i < more; i++) loops->v[i] = 1;
        loops->n = own;
    }
    int at = loops->n - own;
    for (int i = 0; i < shape->n; i++) {
        if (is_core[i]) continue;
        int64_t have = loops->v[at], size = shape->v[i];
        if (have != size && have != 1 && size != 1) return false;
        if (have == 1) loops->v[at] = size;
        at++;
    }
    return true;
}

static bool mark_core(const int *axes, int n, int rank, bool *is_core)
{
    memset(is_core, 0, TP_INTERNAL_RANK * sizeof *is_core);
    for (int i = 0; i < n; i++) {
        if (axes[i] < -rank) return false;
        is_core[axes[i] + rank] = true;
    }
    return true;
}

/* Binds one input: its core sizes to the names, its loops into the common ones; *most becomes the most core
 * axes. */
static bool bind_input(const tp_call *call, const char **p, const tp_shape *shape, tp_dim *dims, int *n_dims,
                       tp_shape *loops, int *most)
{
    tp_dim names[TP_MAX_DIMS];
    int axes[MAX_CORE];
    bool is_core[TP_INTERNAL_RANK];
    int n = tp_next_argument(p, names);
    int core = core_axes(call, n, true, axes);
    if (core > *most) *most = core;
    if (!mark_core(axes, core, shape->n, is_core)) return false;
    for (int k = 0; k < n && n == core; k++) {
        tp_dim *d = look_up(call, dims, n_dims, &names[k]);
        int64_t size = shape->v[axes[k] + shape->n];
        if (d->size >= 0 && d->size != size) return false;
        d->size = size;
    }
    return broadcast_loops(shape, is_core, core, loops);
}

/* The shape of an output: loops, with its core sizes where its core axes stand. */
static void output_shape(const tp_call *call, const char **p, tp_dim *dims, int *n_dims,
                         const tp_shape *loops, tp_shape *out)
{
    tp_dim names[TP_MAX_DIMS];
    int axes[MAX_CORE];
    bool is_core[TP_INTERNAL_RANK];
    int n = tp_next_argument(p, names);
    int core = core_axes(call, n == 0 && tp_keeps_dim(call) ? 1 : n, tp_keeps_dim(call), axes);
    out->n = loops->n + core;
    if (out->n > TP_INTERNAL_RANK) return; /* the caller refuses it */
    mark_core(axes, core, out->n, is_core);
    for (int i = 0, at = 0; i < out->n; i++) out->v[i] = is_core[i] ? 1 : loops->v[at++];
    for (int k = 0; k < n; k++) out->v[axes[k] + out->n] = look_up(call, dims, n_dims, &names[k])->size;
}

bool tp_is_elementwise(const tp_op *op)
{
    if (!op->signature || op->rules->shape) return false;
    /* "()" for each argument, "," or "->" between them */
    return op->n_in > 0 && strlen(op->signature) == (size_t)(3 * (op->n_in + op->n_out));
}

static bool same_shape(const tp_shape *a, const tp_shape *b)
{
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (a->v[i] != b->v[i]) return false;
    return true;
}

/* The shape all inputs broadcast to, which all outputs have. */
static bool elementwise_shape(const tp_call *call, const tp_shape *in_shape, tp_shape *out)
{
    static const bool no_core[TP_INTERNAL_RANK];
    out->n = in_shape[0].n;
    for (int i = 0; i < out->n; i++) out->v[i] = in_shape[0].v[i];
    for (int i = 1; i < call->n_in; i++)
        if (!same_shape(&in_shape[i], out) && !broadcast_loops(&in_shape[i], no_core, 0, out))
            return cannot_take(call, in_shape);
    for (int o = 1; o < call->n_out; o++) out[o] = out[0];
    return true;
}

bool tp_resolve_shapes(const tp_call *call, bool elementwise, const tp_shape *in_shape, tp_shape *out_shape)
{
    const tp_op *op = call->op;
    if (op->rules->shape) return op->rules->shape(call, in_shape, out_shape);
    if (elementwise) return elementwise_shape(call, in_shape, out_shape);
    if (!is_signature(call)) return false;
    tp_dim dims[ALL_DIMS];
    int n_dims = 0, most = 0;
    tp_shape loops = {0};
    const char *p = op->signature;
    for (int i = 0; i < call->n_in; i++)
        if (!bind_input(call, &p, &in_shape[i], dims, &n_dims, &loops, &most))
            return cannot_take(call, in_shape);
    if (loops.n + most > TP_INTERNAL_RANK)
        return cannot_take(call, in_shape); /* eval gets all loops of each */
    for (int i = 0; i < call->n_out; i++) {
        output_shape(call, &p, dims, &n_dims, &loops, &out_shape[i]);
        if (out_shape[i].n > TP_INTERNAL_RANK) return cannot_take(call, in_shape);
    }
    return true;
}

/* Puts core axes last. */
static void core_last(tp_array *a, const int *axes, int n)
{
    bool is_core[TP_INTERNAL_RANK];
    tp_array b = *a;
    int at = 0;
    mark_core(axes, n, a->rank, is_core);
    for (int i = 0; i < b.rank; i++) {
        if (is_core[i]) continue;
        a->size[at] = b.size[i];
        a->stride[at++] = b.stride[i];
    }
    for (int k = 0; k < n; k++, at++) {
        a->size[at] = b.size[axes[k] + b.rank];
        a->stride[at] = b.stride[axes[k] + b.rank];
    }
}

/* Gives the array as many loops as the widest has, by axes of stride 0. */
static void broadcast_array(tp_array *a, int core, const tp_array *to, int loops)
{
    int more = loops + core - a->rank;
    if (more > 0) {
        memmove(a->size + more, a->size, (size_t)a->rank * sizeof a->size[0]);
        memmove(a->stride + more, a->stride, (size_t)a->rank * sizeof a->stride[0]);
        for (int i = 0; i < more; i++) a->size[i] = 1;
        a->rank += more;
    }
    for (int i = 0; i < loops; i++) {
        if (a->size[i] == to->size[i]) continue;
        a->size[i] = to->size[i];
        a->stride[i] = 0;
    }
}

int tp_arrange(const tp_call *call, bool elementwise, tp_array *in, tp_array *out)
{
    const tp_op *op = call->op;
    if (!op->signature || op->rules->shape) return 0;
    if (elementwise) {
        for (int i = 0; i < call->n_in; i++) broadcast_array(&in[i], 0, &out[0], out[0].rank);
        return out[0].rank;
    }
    const char *p = op->signature;
    int core[TP_MAX_IN], axes[MAX_CORE], loops = 0;
    tp_dim names[TP_MAX_DIMS];
    for (int i = 0; i < call->n_in; i++) {
        core[i] = core_axes(call, tp_next_argument(&p, names), true, axes);
        core_last(&in[i], axes, core[i]);
        if (in[i].rank - core[i] > loops) loops = in[i].rank - core[i];
    }
    for (int o = 0; o < call->n_out; o++) {
        int n = tp_next_argument(&p, names);
        bool kept = n == 0 && tp_keeps_dim(call);
        int k = core_axes(call, kept ? 1 : n, kept, axes);
        core_last(&out[o], axes, k);
        if (kept) out[o].rank -= k;
    }
    for (int i = 0; i < call->n_in; i++) broadcast_array(&in[i], core[i], &out[0], loops);
    return loops;
}
