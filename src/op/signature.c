#include "op/signature.h"

#include <string.h>

enum { MAX_CORE = TP_INTERNAL_RANK };

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

static bool is_called(const char *name, const tp_dim *d)
{
    return strlen(name) == d->length && memcmp(name, d->name, d->length) == 0;
}

/* The number of the size of that name, which is among the `s->sizes` known or a new one. */
static int size_number(const tp_op *op, tp_signature *s, tp_dim *known, const tp_dim *name)
{
    for (int i = 0; i < s->sizes; i++)
        if (known[i].length == name->length && memcmp(known[i].name, name->name, name->length) == 0) return i;
    int n = s->sizes++;
    known[n] = *name;
    s->number[n] = (int8_t)(*name->name >= '0' && *name->name <= '9' ? *name->name - '0' : -1);
    s->attr[n] = -1;
    for (int i = 0; i < op->n_attr; i++)
        if (op->attr[i].type == TP_ATTR_INT && is_called(op->attr[i].name, name)) s->attr[n] = (int8_t)i;
    return n;
}

void tp_read_signature(const tp_op *op, tp_signature *s)
{
    s->axes = (int8_t)tp_attr_of_type(op, TP_ATTR_AXES);
    s->axis = (int8_t)tp_attr_of_type(op, TP_ATTR_AXIS);
    s->keepdim = -1;
    for (int i = op->n_attr - 1; i >= 0; i--)
        if (strcmp(op->attr[i].name, "keepdim") == 0) s->keepdim = (int8_t)i;
    s->arguments = s->sizes = 0;
    s->elementwise = false;
    if (!op->signature || op->rules->shape) return;
    /* "()" for each argument, "," or "->" between them */
    s->elementwise = op->n_in > 0 && strlen(op->signature) == (size_t)(3 * (op->n_in + op->n_out));
    tp_dim known[TP_ALL_DIMS], names[TP_MAX_DIMS];
    const char *p = op->signature;
    for (int sizes = 0; s->arguments < TP_MAX_ARGUMENTS; s->arguments++) {
        int n = tp_next_argument(&p, names);
        if (n < 0 || (sizes += n) > TP_ALL_DIMS) return;
        s->core[s->arguments] = (int8_t)n;
        for (int k = 0; k < n; k++) s->size[s->arguments][k] = (int8_t)size_number(op, s, known, &names[k]);
    }
}

static bool keeps_dim(const tp_call *call, const tp_signature *s)
{
    return s->keepdim >= 0 && call->attr[s->keepdim].b;
}

/* The core axes of an argument, negative. `n` is how many the signature names. Returns how many there are. */
static int core_axes(const tp_call *call, const tp_signature *s, int n, bool input, int *axes)
{
    const int list = s->axes, one = s->axis;
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

/* Broadcasts the loop axes of one input, `own` sizes, into `loops`, which holds those of the inputs before
 * it, right-aligned. */
static bool broadcast_loops(const int64_t *size, int own, tp_shape *loops)
{
    if (own > loops->n) {
        int more = own - loops->n;
        memmove(loops->v + more, loops->v, (size_t)loops->n * sizeof loops->v[0]);
        for (int i = 0; i < more; i++) loops->v[i] = 1;
        loops->n = own;
    }
    int64_t *have = loops->v + loops->n - own;
    for (int i = 0; i < own; i++) {
        if (have[i] != size[i] && have[i] != 1 && size[i] != 1) return false;
        if (have[i] == 1) have[i] = size[i];
    }
    return true;
}

static bool stand_last(const int *axes, int n)
{
    for (int k = 0; k < n; k++)
        if (axes[k] != k - n) return false;
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

/* A call's shapes while they are worked out. */
typedef struct binding {
    const tp_call *call;
    const tp_signature *s;
    int64_t size[TP_ALL_DIMS]; /* of each name; -1: not known yet */
    tp_shape loops;            /* of the inputs so far */
    int most;                  /* core axes of any of them */
} binding;

static void start_binding(binding *b, const tp_call *call, const tp_signature *s)
{
    b->call = call;
    b->s = s;
    b->loops.n = b->most = 0;
    for (int k = 0; k < s->sizes; k++) b->size[k] = s->attr[k] >= 0 ? call->attr[s->attr[k]].i : s->number[k];
}

/* Binds input i: its core sizes to the names, its loops into the common ones. */
static bool bind_input(binding *b, int i, const tp_shape *shape)
{
    int axes[MAX_CORE], own = 0;
    int64_t loops[TP_INTERNAL_RANK];
    bool is_core[TP_INTERNAL_RANK];
    int n = b->s->core[i];
    int core = core_axes(b->call, b->s, n, true, axes);
    if (core > b->most) b->most = core;
    const bool last = stand_last(axes, core);
    if (last ? core > shape->n : !mark_core(axes, core, shape->n, is_core)) return false;
    for (int k = 0; k < n && n == core; k++) {
        int64_t *known = &b->size[b->s->size[i][k]], size = shape->v[axes[k] + shape->n];
        if (*known >= 0 && *known != size) return false;
        *known = size;
    }
    if (last) return broadcast_loops(shape->v, shape->n - core, &b->loops);
    for (int k = 0; k < shape->n; k++)
        if (!is_core[k]) loops[own++] = shape->v[k];
    return broadcast_loops(loops, own, &b->loops);
}

/* The shape of argument i, an output: loops, with its core sizes where its core axes stand. */
static void output_shape(const binding *b, int i, tp_shape *out)
{
    int axes[MAX_CORE];
    bool is_core[TP_INTERNAL_RANK];
    int n = b->s->core[i];
    bool kept = keeps_dim(b->call, b->s);
    int core = core_axes(b->call, b->s, n == 0 && kept ? 1 : n, kept, axes);
    out->n = b->loops.n + core;
    if (out->n > TP_INTERNAL_RANK) return; /* the caller refuses it */
    mark_core(axes, core, out->n, is_core);
    for (int k = 0, at = 0; k < out->n; k++) out->v[k] = is_core[k] ? 1 : b->loops.v[at++];
    for (int k = 0; k < n; k++) out->v[axes[k] + out->n] = b->size[b->s->size[i][k]];
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
    out->n = in_shape[0].n;
    for (int i = 0; i < out->n; i++) out->v[i] = in_shape[0].v[i];
    for (int i = 1; i < call->n_in; i++)
        if (!same_shape(&in_shape[i], out) && !broadcast_loops(in_shape[i].v, in_shape[i].n, out))
            return cannot_take(call, in_shape);
    for (int o = 1; o < call->n_out; o++) out[o] = out[0];
    return true;
}

bool tp_resolve_shapes(const tp_call *call, const tp_signature *s, const tp_shape *in_shape,
                       tp_shape *out_shape)
{
    const tp_op *op = call->op;
    if (op->rules->shape) return op->rules->shape(call, in_shape, out_shape);
    if (s->elementwise) return elementwise_shape(call, in_shape, out_shape);
    if (call->n_in + call->n_out > s->arguments) {
        tp_fail(call->context, TP_ERR_ARGUMENT, "%s: '%s' is no signature for %d inputs and %d outputs",
                op->name, op->signature, call->n_in, call->n_out);
        return false;
    }
    binding b;
    start_binding(&b, call, s);
    for (int i = 0; i < call->n_in; i++)
        if (!bind_input(&b, i, &in_shape[i])) return cannot_take(call, in_shape);
    if (b.loops.n + b.most > TP_INTERNAL_RANK)
        return cannot_take(call, in_shape); /* eval gets all loops of each */
    for (int o = 0; o < call->n_out; o++) {
        output_shape(&b, call->n_in + o, &out_shape[o]);
        if (out_shape[o].n > TP_INTERNAL_RANK) return cannot_take(call, in_shape);
    }
    return true;
}

/* Puts core axes last. */
static void core_last(tp_array *a, const int *axes, int n)
{
    bool is_core[TP_INTERNAL_RANK];
    if (stand_last(axes, n)) return;
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

int tp_arrange(const tp_call *call, const tp_signature *s, tp_array *in, tp_array *out)
{
    if (s->elementwise) {
        for (int i = 0; i < call->n_in; i++) broadcast_array(&in[i], 0, &out[0], out[0].rank);
        return out[0].rank;
    }
    if (!s->arguments) return 0;
    int core[TP_MAX_ARGUMENTS], axes[MAX_CORE], loops = 0;
    for (int i = 0; i < call->n_in; i++) {
        core[i] = core_axes(call, s, s->core[i], true, axes);
        core_last(&in[i], axes, core[i]);
        if (in[i].rank - core[i] > loops) loops = in[i].rank - core[i];
    }
    for (int o = 0; o < call->n_out; o++) {
        int n = s->core[call->n_in + o];
        bool kept = n == 0 && keeps_dim(call, s);
        int k = core_axes(call, s, kept ? 1 : n, kept, axes);
        core_last(&out[o], axes, k);
        if (kept) out[o].rank -= k;
    }
    for (int i = 0; i < call->n_in; i++) broadcast_array(&in[i], core[i], &out[0], loops);
    return loops;
}
