/* state.c - the parameters and buffers of modules, saved and loaded. */
#include "io/safetensors.h"

#include <stdarg.h>
#include <stdio.h>

enum { PATH = 2048 }; /* no path is longer: 64 levels of names of 31 */

enum { MISSING = -1, UNFIT = -2 }; /* in place of a number in the file */

/* --- all tensors of a module --- */

/* One of them. */
typedef struct part {
    tp_tensor *tensor;
    char path[PATH];  /* the first of its paths */
    int found;        /* for loading: its number in the file, or why there is none ... */
    tp_tensor *value; /* ... and its value there */
} part;

/* Parameters, then buffers. */
typedef struct state {
    tp_context *c;
    tp_module *m;
    part *parts;
    int n;
} state;

static bool state_open(state *s, tp_module *m, const char *call)
{
    tp_object *object = (tp_object *)m;
    *s = (state){.c = m ? object->context : NULL, .m = m};
    if (!tp_object_usable(s->c, object, call, "m")) return false;
    int parameters = tp_parameters(m), n = parameters + tp_buffers(m);
    s->parts = tp_ok(s->c) ? tp_alloc(s->c, (size_t)n * sizeof *s->parts + 1) : NULL;
    if (!s->parts) return false;
    s->n = n;
    for (int i = 0; i < n; i++) {
        part *p = &s->parts[i];
        p->tensor = i < parameters ? tp_parameter_at(m, i, p->path, PATH)
                                   : tp_buffer_at(m, i - parameters, p->path, PATH);
        p->found = MISSING;
        p->value = NULL;
    }
    return tp_ok(s->c);
}

static void state_close(state *s)
{
    if (s->parts) tp_free(s->c, s->parts, (size_t)s->n * sizeof *s->parts + 1);
}

/* --- save --- */

static tp_status save(const state *s, const char *path, const tp_metadata *metadata, int n)
{
    size_t size = (size_t)s->n * sizeof(tp_named_tensor) + 1;
    tp_named_tensor *named = tp_alloc(s->c, size);
    if (!named) return tp_settle(s->c);
    for (int i = 0; i < s->n; i++) named[i] = (tp_named_tensor){s->parts[i].path, s->parts[i].tensor};
    tp_status status = tp_safetensors_save(s->c, path, named, s->n, metadata, n);
    tp_free(s->c, named, size);
    return status;
}

tp_status tp_state_save(tp_module *m, const char *path, const tp_metadata *metadata, int n, const char *call)
{
    state s;
    tp_context *c = m ? ((tp_object *)m)->context : NULL;
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    tp_status status = state_open(&s, m, call) ? save(&s, path, metadata, n) : tp_settle(c);
    state_close(&s);
    return status;
}

tp_status tp_module_save(tp_module *m, const char *path)
{
    return tp_state_save(m, path, NULL, 0, "tp_module_save");
}

/* --- load --- */

/* A list that is written as far as there is room. */
typedef struct list {
    char *buf;
    size_t n, length;
} list;

TP_PRINTF(2, 3) static void put(list *l, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    bool room = l->length < l->n;
    int wrote = vsnprintf(room ? l->buf + l->length : NULL, room ? l->n - l->length : 0, text, args);
    va_end(args);
    l->length += (size_t)wrote;
}

/* Starts an item of the list. */
static void put_name(list *l, const char *name) { put(l, "%s'%.100s' is ", l->length ? ", " : "", name); }

static void put_type(list *l, const char *dtype, tp_shape shape)
{
    put(l, "%.20s [", dtype);
    for (int i = 0; i < shape.n; i++) put(l, "%s%lld", i ? "," : "", (long long)shape.v[i]);
    put(l, "]");
}

static bool same_shape(tp_shape a, tp_shape b)
{
    bool same = a.n == b.n;
    for (int i = 0; same && i < a.n; i++) same = a.v[i] == b.v[i];
    return same;
}

/* Finds for tensor i of the file its place in the module, and lists it if it does not fit. */
static void match_one(state *s, const tp_safetensors *f, int i, list *l)
{
    const char *name = tp_safetensors_name(f, i);
    tp_dtype dtype = tp_safetensors_dtype(f, i);
    tp_shape shape = tp_safetensors_shape(f, i);
    tp_tensor *t = tp_module_find(s->m, name);
    if (!t) {
        put_name(l, name);
        put(l, "in the file only");
        return;
    }
    bool fits = dtype == tp_dtype_of(t) && same_shape(shape, tp_shape_of(t));
    for (int k = 0; k < s->n; k++)
        if (s->parts[k].tensor == t) s->parts[k].found = fits ? i : UNFIT;
    if (fits) return;
    put_name(l, name);
    put_type(l, tp_dtype_name(tp_dtype_of(t)), tp_shape_of(t));
    put(l, " here and ");
    put_type(l, dtype == TP_DTYPES ? tp_safetensors_dtype_name(f, i) : tp_dtype_name(dtype), shape);
    put(l, " in the file");
}

static void match(state *s, const tp_safetensors *f, list *l)
{
    for (int i = 0; i < tp_safetensors_count(f); i++) match_one(s, f, i, l);
    for (int k = 0; k < s->n; k++) {
        if (s->parts[k].found != MISSING) continue;
        put_name(l, s->parts[k].path);
        put(l, "not in the file");
    }
}

/* Reads everything that fits, then overwrites: nothing can fail any more when the first is overwritten. */
static void overwrite(state *s, tp_safetensors *f)
{
    for (int k = 0; k < s->n; k++)
        if (s->parts[k].found >= 0)
            s->parts[k].value = tp_safetensors_read(f, tp_safetensors_name(f, s->parts[k].found));
    for (int k = 0; k < s->n && tp_ok(s->c); k++)
        if (s->parts[k].value) tp_data_mut(s->parts[k].tensor); /* a read-only one is refused */
    for (int k = 0; k < s->n && tp_ok(s->c); k++) {
        const tp_tensor *value = s->parts[k].value;
        if (value)
            tp_write(s->parts[k].tensor, tp_data(value),
                     (size_t)tp_numel(value) * tp_dtype_size(tp_dtype_of(value)));
    }
}

static void load(state *s, tp_safetensors *f, const tp_module_load_options *o, const char *call)
{
    char text[800];
    list own = {text, sizeof text, 0}, theirs = {o->differences, o->differences_size, 0};
    match(s, f, &own);
    if (o->differences) match(s, f, &theirs);
    if (own.length == 0 || o->partial)
        overwrite(s, f);
    else
        tp_fail(s->c, TP_ERR_DATA, "%s: '%.100s' does not fit: %s", call, f->in.path, text);
}

void tp_state_load(tp_module *m, tp_safetensors *f, const tp_module_load_options *o, const char *call)
{
    state s;
    tp_mark scope = tp_open_scope(f->object.context);
    if (state_open(&s, m, call)) load(&s, f, o, call);
    state_close(&s);
    tp_close_scope(f->object.context, scope);
}

tp_status tp_module_load_with(tp_module *m, const char *path, const tp_module_load_options *options)
{
    static const char call[] = "tp_module_load";
    tp_module_load_options o = options ? *options : (tp_module_load_options){0};
    tp_object *object = (tp_object *)m;
    tp_context *c = m ? object->context : NULL;
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    if (o.differences_size) o.differences[0] = 0;
    tp_mark scope = tp_open_scope(c);
    if (tp_object_usable(c, object, call, "m")) {
        tp_safetensors *f = tp_safetensors_open(c, path);
        if (tp_ok(c)) tp_state_load(m, f, &o, call);
    }
    tp_close_scope(c, scope);
    return tp_settle(c);
}
