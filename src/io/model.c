/* model.c - model files: a net, its weights, and what data it takes. */
#include "io/safetensors.h"

#include <string.h>

#define NET_KEY       "taper.net"
#define DTYPE_KEY     "taper.dtype"
#define DATA_KEY      "taper.data"
#define CRITERION_KEY "taper.criterion"

/* --- save --- */

static const char saving[] = "tp_model_save";

/* The dtype that all parameters have; TP_DTYPES after recording that they have several. */
static tp_dtype dtype_of_all(tp_context *c, tp_module *net)
{
    int n = tp_parameters(net);
    tp_dtype dtype = n ? tp_dtype_of(tp_parameter_at(net, 0, NULL, 0)) : TP_F32;
    for (int i = 1; i < n; i++)
        if (tp_dtype_of(tp_parameter_at(net, i, NULL, 0)) != dtype) {
            tp_fail(c, TP_ERR_DTYPE,
                    "%s: the parameters are of several dtypes, so tp_net cannot make the net", saving);
            return TP_DTYPES;
        }
    return dtype;
}

/* What `write` says of a module; NULL after recording why there is no text. The caller frees *size bytes. */
static char *text_of(tp_context *c, const tp_module *m, size_t (*write)(const tp_module *, char *, size_t),
                     size_t *size)
{
    size_t length = write(m, NULL, 0);
    if (length == 0) {
        char why[512];
        strncpy(why, tp_error_text(c), sizeof why - 1);
        why[sizeof why - 1] = 0;
        tp_fail(c, TP_ERR_ARGUMENT, "%s: %s; tp_module_save writes the weights alone", saving, why);
        return NULL;
    }
    *size = length + 1;
    char *text = tp_alloc(c, *size);
    if (text) write(m, text, *size);
    return text;
}

/* The data as JSON text; likewise. */
static char *data_text(tp_context *c, const tp_dataset *data, size_t *size)
{
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(17);
    json_t *json = tp_data_to_json(c, data, saving);
    if (!json) return NULL;
    *size = json_dumpb(json, NULL, 0, flags) + 1;
    char *text = tp_alloc(c, *size);
    bool whole = text && *size > 1 && json_dumpb(json, text, *size - 1, flags) == *size - 1;
    json_decref(json);
    if (whole)
        text[*size - 1] = 0;
    else
        tp_fail(c, TP_ERR_MEMORY, "%s: no memory for the data as JSON", saving);
    return text;
}

static tp_status save(tp_context *c, tp_module *net, const char *path, const tp_model_options *o)
{
    size_t net_size = 0, data_size = 0, criterion_size = 0;
    tp_dtype dtype = dtype_of_all(c, net);
    char *text = tp_ok(c) ? text_of(c, net, tp_net_text, &net_size) : NULL, *criterion = NULL;
    if (o->criterion && tp_ok(c)) criterion = text_of(c, o->criterion, tp_criterion_text, &criterion_size);
    char *data = tp_ok(c) ? data_text(c, o->data, &data_size) : NULL;
    tp_status status;
    if (tp_ok(c)) {
        const tp_metadata metadata[] = {
            {NET_KEY, text}, {DTYPE_KEY, tp_dtype_name(dtype)}, {DATA_KEY, data}, {CRITERION_KEY, criterion}};
        status = tp_state_save(net, path, metadata, criterion ? 4 : 3, saving);
    } else
        status = tp_settle(c);
    tp_free(c, text, net_size);
    tp_free(c, data, data_size);
    tp_free(c, criterion, criterion_size);
    return status;
}

tp_status tp_model_save_with(tp_module *net, const char *path, const tp_model_options *options)
{
    tp_object *object = (tp_object *)net;
    tp_context *c = net ? object->context : NULL;
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    const tp_dataset *data = options ? options->data : NULL;
    if (!data)
        return tp_report(c, TP_ERR_ARGUMENT, "%s: .data is missing; tp_module_save writes the weights alone",
                         saving);
    if (!tp_object_usable(c, object, saving, "net") ||
        !tp_object_usable(c, (const tp_object *)data, saving, "data"))
        return tp_settle(c);
    tp_mark scope = tp_open_no_grad(c);
    tp_status status = save(c, net, path, options);
    tp_close_scope(c, scope);
    return status;
}

/* --- open --- */

static const char opening[] = "tp_model_open";

struct tp_model {
    tp_object object;
    tp_module *net;
    tp_dataset *data;
    tp_module *criterion; /* NULL: none */
};

static void model_destroy(tp_object *object)
{
    tp_model *m = (tp_model *)object;
    tp_object_release((tp_object *)m->net);
    tp_object_release((tp_object *)m->data);
    tp_object_release((tp_object *)m->criterion);
    m->net = m->criterion = NULL;
    m->data = NULL;
    tp_object_free(object, sizeof *m, true);
}

static const tp_class model_class = {"model", model_destroy};
static const tp_class nil_class = {"nil model", NULL};

tp_model *tp_nil_model(tp_context *c) { return tp_nil_object(c, &nil_class); }

bool tp_model_is_nil(const tp_model *m) { return !m || m->object.type != &model_class; }

tp_model *tp_model_keep(tp_model *m)
{
    if (!tp_model_is_nil(m)) tp_object_keep(&m->object);
    return m;
}

/* The metadata of that key; NULL after recording that it is missing. */
static const char *metadata_of(tp_safetensors *f, const char *key)
{
    const char *value = tp_safetensors_metadata(f, key);
    if (!value || !tp_safetensors_is_hashed(f)) {
        tp_fail(f->in.c, TP_ERR_DATA,
                "%s: '%s' is no model file: it has no %s; tp_module_load reads weights alone", opening,
                f->in.path, value ? "hashes" : key);
        return NULL;
    }
    return value;
}

static tp_dtype dtype_named(const char *name)
{
    int d = 0;
    while (d < TP_DTYPES && strcmp(tp_dtype_name((tp_dtype)d), name) != 0) d++;
    return (tp_dtype)d;
}

/* How many elements the net of a file can have: each takes a byte or more. Some more are allowed, for the
 * message then says which tensor does not fit; a text that asks for huge ones gets no memory for them. */
static int64_t most_elements(const tp_safetensors *f) { return (f->in.size - f->data) + (1 << 20); }

/* Says in which file the text is that cannot be read. */
static void name_file(tp_context *c, const tp_safetensors *f)
{
    char text[512];
    tp_status status = tp_error(c) == TP_ERR_MEMORY ? TP_ERR_MEMORY : TP_ERR_DATA;
    snprintf(text, sizeof text, "%s", tp_error_text(c));
    tp_clear(c);
    tp_fail(c, status, "%s: '%s': %s", opening, f->in.path, text);
}

static void read_model(tp_model *m, tp_safetensors *f)
{
    tp_context *c = m->object.context;
    const char *text = metadata_of(f, NET_KEY), *dtype = text ? metadata_of(f, DTYPE_KEY) : NULL;
    const char *data = dtype ? metadata_of(f, DATA_KEY) : NULL;
    const char *criterion = tp_safetensors_metadata(f, CRITERION_KEY);
    if (!data) return;
    json_error_t error;
    json_t *json = tp_json_parse(c, data, strlen(data), &error, opening);
    if (!json)
        tp_fail(c, TP_ERR_DATA, "%s: byte %d: %s", DATA_KEY, error.position, error.text);
    else if (dtype_named(dtype) == TP_DTYPES)
        tp_fail(c, TP_ERR_DATA, "%s: there is no dtype '%.20s'", DTYPE_KEY, dtype);
    if (tp_ok(c)) m->data = tp_data_from_json(c, json, opening);
    json_decref(json);
    m->net = tp_net(c, text, tp_dataset_sample_shape(m->data), .dtype = dtype_named(dtype),
                    .no_flatten = true, .most = most_elements(f));
    if (criterion) m->criterion = tp_criterion_named(c, criterion);
    if (!tp_ok(c)) {
        name_file(c, f);
        return;
    }
    tp_state_load(m->net, f, &(const tp_module_load_options){0}, opening);
    tp_eval(m->net);
}

tp_model *tp_model_open(tp_context *c, const char *path)
{
    if (!tp_ok(c)) return tp_nil_model(c);
    tp_model *m = tp_alloc(c, sizeof *m);
    if (!m) return tp_nil_model(c);
    memset(m, 0, sizeof *m);
    tp_object_init(&m->object, &model_class, c);
    tp_mark scope = tp_open_scope(c);
    tp_safetensors *f = tp_safetensors_open(c, path);
    if (tp_ok(c)) read_model(m, f);
    if (!tp_ok(c)) m->net = m->criterion = NULL, m->data = NULL;
    if (m->net) tp_object_retain((tp_object *)m->net);
    if (m->data) tp_object_retain((tp_object *)m->data);
    if (m->criterion) tp_object_retain((tp_object *)m->criterion);
    tp_close_scope(c, scope);
    if (tp_ok(c)) return m;
    tp_object_drop(&m->object);
    return tp_nil_model(c);
}

tp_module *tp_model_net(const tp_model *m)
{
    return m && m->net ? m->net : tp_nil_module(m ? m->object.context : NULL);
}

tp_dataset *tp_model_data(const tp_model *m)
{
    return m && m->data ? m->data : tp_nil_dataset(m ? m->object.context : NULL);
}

tp_module *tp_model_criterion(const tp_model *m)
{
    return m && m->criterion ? m->criterion : tp_nil_module(m ? m->object.context : NULL);
}
