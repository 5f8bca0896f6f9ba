/* checkpoint.c - checkpoints: safetensors files whose tensors are all that a training has in memory, and
 * whose metadata says in numbers where it stands. There are two files in a folder; the newer one is never
 * touched while the other is replaced. */
#include "train/checkpoint.h"
#include "train/place.h"

#include <taper/io.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "taper.checkpoint"

static const char call[] = "tp_fit";

enum { FILES = 2, LONGEST_NAME = 2100, LONGEST_PATH = 8192 };

static const char *const file_names[FILES] = {"checkpoint-a.safetensors", "checkpoint-b.safetensors"};

/* --- tensors by name --- */

typedef struct parts {
    tp_context *c;
    tp_named_tensor *v; /* names are its own */
    int n, room;
} parts;

static void release(parts *p)
{
    for (int i = 0; i < p->n; i++) tp_free(p->c, (char *)p->v[i].name, strlen(p->v[i].name) + 1);
    tp_free(p->c, p->v, (size_t)p->room * sizeof *p->v);
    *p = (parts){.c = p->c};
}

/* Room for one more; false after recording that there is none. */
static bool grow(parts *p)
{
    if (p->n < p->room) return true;
    int room = p->room ? 2 * p->room : 32;
    tp_named_tensor *v = tp_alloc(p->c, (size_t)room * sizeof *v);
    if (!v) return false;
    if (p->n) memcpy(v, p->v, (size_t)p->n * sizeof *v);
    tp_free(p->c, p->v, (size_t)p->room * sizeof *v);
    p->v = v;
    p->room = room;
    return true;
}

static void add(parts *p, const char *kind, const char *path, tp_tensor *t)
{
    size_t size = strlen(kind) + strlen(path) + 1;
    if (!tp_ok(p->c) || !grow(p)) return;
    char *name = tp_alloc(p->c, size);
    if (!name) return;
    snprintf(name, size, "%s%s", kind, path);
    p->v[p->n++] = (tp_named_tensor){name, t};
}

static const char model[] = "model.", best[] = "best.", states[] = "optimizer.", gradient[] = "gradient.";

static void add_module(parts *p, const char *kind, tp_module *m)
{
    char path[LONGEST_NAME];
    for (int i = 0, n = tp_parameters(m); i < n; i++) {
        tp_tensor *t = tp_parameter_at(m, i, path, sizeof path);
        add(p, kind, path, t);
    }
    for (int i = 0, n = tp_buffers(m); i < n; i++) {
        tp_tensor *t = tp_buffer_at(m, i, path, sizeof path);
        add(p, kind, path, t);
    }
}

/* What the training has all the time: is overwritten when it goes on. */
static void add_lasting(parts *p, const tp_training *t)
{
    char path[LONGEST_NAME];
    tp_optimizer *opt = t->state.optimizer;
    add_module(p, model, t->state.net);
    if (t->kept) add_module(p, best, t->kept);
    for (int i = 0, n = tp_optimizer_states(opt); i < n; i++) {
        tp_tensor *state = tp_optimizer_state_at(opt, i, path, sizeof path);
        add(p, states, path, state);
    }
}

/* What it has now and then: gradients between batches of one step, and the epoch's outputs. */
static void add_passing(parts *p, const tp_training *t)
{
    char path[LONGEST_NAME];
    for (int i = 0, n = tp_parameters(t->state.net); i < n; i++) {
        tp_tensor *g = tp_grad_of(tp_parameter_at(t->state.net, i, path, sizeof path));
        if (!tp_is_nil(g)) add(p, gradient, path, g);
    }
    if (t->seen.at == 0) return;
    add(p, "epoch.", "outputs", tp_slice(t->seen.outputs, 0, 0, t->seen.at, 1));
    if (t->seen.targets) add(p, "epoch.", "targets", tp_slice(t->seen.targets, 0, 0, t->seen.at, 1));
}

static void add_history(parts *p, const tp_history *h)
{
    double none = 0;
    add(p, "history", "",
        tp_from_doubles(p->c, TP_SHAPE(h->n, TP_HISTORY_NAMES), TP_F64, h->n ? h->epochs->v : &none));
}

/* --- save --- */

/* All that is no tensor; NULL after recording why not. The caller frees *size bytes. */
static char *numbers_text(const tp_checkpoints *k, const tp_training *t, size_t *size)
{
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(17);
    json_t *json = tp_place_to_json(t, k->number);
    *size = json ? json_dumpb(json, NULL, 0, flags) + 1 : 0;
    char *text = *size > 1 ? tp_alloc(t->c, *size) : NULL;
    bool whole = text && json_dumpb(json, text, *size - 1, flags) == *size - 1;
    if (whole) text[*size - 1] = 0;
    json_decref(json);
    if (whole) return text;
    tp_fail(t->c, TP_ERR_MEMORY, "%s: no memory for a checkpoint", call);
    tp_free(t->c, text, *size);
    return NULL;
}

/* Whether there is something worth to be kept. */
static bool weights_finite(tp_checkpoints *k, const tp_training *t)
{
    char path[LONGEST_NAME];
    for (int i = 0, n = tp_parameters(t->state.net); i < n; i++)
        if (!tp_all_finite(tp_parameter_at(t->state.net, i, path, sizeof path)) && tp_ok(t->c)) {
            snprintf(k->failure, sizeof k->failure, "the parameter %.400s is not finite", path);
            return false;
        }
    return tp_ok(t->c);
}

/* What failed becomes a text; the context is usable again. */
static void pass_over(tp_checkpoints *k, tp_context *c)
{
    snprintf(k->failure, sizeof k->failure, "%s", tp_error_text(c));
    if (!tp_ok(c)) tp_clear(c);
}

static void path_of(const tp_checkpoints *k, int file, char *path)
{
    snprintf(path, LONGEST_PATH, "%s/%s", k->folder, file_names[file]);
}

static void save(tp_checkpoints *k, const tp_training *t)
{
    char path[LONGEST_PATH];
    parts p = {.c = t->c};
    size_t size;
    char *text = numbers_text(k, t, &size);
    add_lasting(&p, t);
    add_passing(&p, t);
    add_history(&p, t->history);
    path_of(k, k->file, path);
    const tp_metadata metadata = {KEY, text};
    if (!tp_ok(t->c) || tp_safetensors_save(t->c, path, p.v, p.n, &metadata, 1) != TP_OK) pass_over(k, t->c);
    if (text) tp_free(t->c, text, size);
    release(&p);
}

bool tp_checkpoint_save(tp_checkpoints *k, tp_training *t)
{
    tp_mark scope = tp_open_no_grad(t->c);
    k->failure[0] = 0;
    if (weights_finite(k, t)) save(k, t);
    if (!tp_ok(t->c)) pass_over(k, t->c);
    tp_close_scope(t->c, scope);
    if (k->failure[0]) return false;
    k->number++;
    k->file = 1 - k->file;
    return true;
}

/* --- go on --- */

/* A checkpoint in memory. */
typedef struct loaded {
    json_t *json;
    parts tensors;
} loaded;

static tp_tensor *find(const loaded *l, const char *name)
{
    for (int i = 0; i < l->tensors.n; i++)
        if (strcmp(l->tensors.v[i].name, name) == 0) return l->tensors.v[i].tensor;
    return NULL;
}

/* What follows `kind` in a name; NULL if it begins otherwise. */
static const char *after(const char *name, const char *kind)
{
    return strncmp(name, kind, strlen(kind)) == 0 ? name + strlen(kind) : NULL;
}

static bool alike(const tp_tensor *a, const tp_tensor *b)
{
    tp_shape s = tp_shape_of(a), z = tp_shape_of(b);
    return tp_dtype_of(a) == tp_dtype_of(b) && s.n == z.n &&
           memcmp(s.v, z.v, (size_t)s.n * sizeof s.v[0]) == 0;
}

static void wrong(const tp_training *t, const char *what)
{
    tp_fail(t->c, TP_ERR_DATA, "%s: in the checkpoint '%s' is not as it should be", call, what);
}

/* Overwrites weights and states: all of them, or after a failure none. */
static void put_lasting(tp_training *t, const loaded *l)
{
    parts now = {.c = t->c};
    int there = 0;
    for (int i = 0; i < l->tensors.n; i++) {
        const char *name = l->tensors.v[i].name, *state = after(name, states);
        if (state) tp_optimizer_state(t->state.optimizer, state);
        there += state || after(name, model) || after(name, best);
    }
    add_lasting(&now, t);
    for (int i = 0; i < now.n && tp_ok(t->c); i++) {
        const tp_tensor *value = find(l, now.v[i].name);
        if (!value || !alike(value, now.v[i].tensor))
            tp_fail(t->c, TP_ERR_DATA, "%s: the checkpoint has no '%.200s' of this shape and dtype", call,
                    now.v[i].name);
        else
            tp_data_mut(now.v[i].tensor); /* a read-only one is refused */
    }
    if (tp_ok(t->c) && there != now.n) wrong(t, "model");
    for (int i = 0; i < now.n && tp_ok(t->c); i++) {
        const tp_tensor *value = find(l, now.v[i].name);
        tp_write(now.v[i].tensor, tp_data(value),
                 (size_t)tp_numel(value) * tp_dtype_size(tp_dtype_of(value)));
    }
    release(&now);
}

/* Whether all gradients are such as the parameters to be trained have. */
static bool right_gradients(const tp_training *t, const loaded *l)
{
    for (int i = 0; i < l->tensors.n; i++) {
        const char *path = after(l->tensors.v[i].name, gradient);
        const tp_tensor *p = path ? tp_module_find(t->state.net, path) : NULL;
        if (path && !(p && alike(p, l->tensors.v[i].tensor) && !tp_place_is_frozen(l->json, path)))
            return false;
    }
    return true;
}

/* A gradient is that of the parameter times it. */
static void put_gradients(tp_training *t, const loaded *l)
{
    tp_optimizer_zero_grad(t->state.optimizer);
    for (int i = 0; i < l->tensors.n && tp_ok(t->c); i++) {
        const char *path = after(l->tensors.v[i].name, gradient);
        tp_tensor *g = l->tensors.v[i].tensor;
        if (path) tp_backward(tp_sum(tp_mul(tp_module_find(t->state.net, path), g), TP_ALL, false));
    }
}

/* Samples of the epoch that have been seen. */
static int64_t seen_at(const tp_training *t, const tp_place *p)
{
    int64_t at = p->batch * t->o->batch_size;
    return at < t->seen.n ? at : t->seen.n;
}

/* Whether there are outputs and targets of them. */
static bool right_seen(const loaded *l, int64_t at)
{
    const tp_tensor *outputs = find(l, "epoch.outputs"), *targets = find(l, "epoch.targets");
    return at == 0 || (outputs && targets && tp_size(outputs, 0) == at && tp_size(targets, 0) == at);
}

/* How many epochs there are in the history, which it fills; -1 after recording that it is wrong. */
static int64_t put_history(tp_training *t, const loaded *l)
{
    tp_tensor *rows = find(l, "history");
    if (!rows || tp_rank(rows) != 2 || tp_size(rows, 1) != TP_HISTORY_NAMES || tp_dtype_of(rows) != TP_F64) {
        wrong(t, "history");
        return -1;
    }
    const tp_epoch *epochs = tp_data(rows);
    for (int64_t i = 0; i < tp_size(rows, 0); i++)
        if (!tp_history_append(t->history, epochs[i])) return -1;
    return tp_size(rows, 0);
}

/* All is looked at before anything is overwritten. */
static void put(tp_training *t, const loaded *l, int64_t *number)
{
    tp_place p;
    if (!tp_place_same_training(t, l->json)) return;
    const char *field = tp_place_read(&p, l->json);
    if (!field) field = tp_place_impossible(&p, t, l->json, put_history(t, l));
    if (!field && !right_gradients(t, l)) field = "gradient";
    if (!field && !right_seen(l, seen_at(t, &p))) field = "epoch.outputs";
    if (field) wrong(t, field);
    put_lasting(t, l);
    if (!tp_ok(t->c)) return;
    tp_place_go(t, &p, l->json);
    put_gradients(t, l);
    int64_t at = seen_at(t, &p);
    if (at) tp_gather_batch(&t->seen, find(l, "epoch.outputs"), find(l, "epoch.targets"), at, call);
    *number = p.number;
}

/* --- the folder --- */

/* The metadata of a file that is open; NULL after recording why there is none. */
static json_t *numbers_of(tp_context *c, tp_safetensors *f, const char *path)
{
    const char *text = tp_safetensors_metadata(f, KEY);
    bool hashed = tp_safetensors_is_hashed(f);
    json_error_t error;
    json_t *json = text && hashed ? tp_json_parse(c, text, strlen(text), &error, call) : NULL;
    if (!text || !hashed)
        tp_fail(c, TP_ERR_DATA, "%s: '%s' is no checkpoint: it has no %s", call, path, text ? "hashes" : KEY);
    else if (!json)
        tp_fail(c, TP_ERR_DATA, "%s: '%s' is no checkpoint: byte %d of %s: %s", call, path, error.position,
                KEY, error.text);
    return json;
}

/* The number of a checkpoint; -1 if there is none, or after passing it over. */
static int64_t number_at(tp_checkpoints *k, tp_context *c, const char *path)
{
    tp_place p = {.number = -1};
    if (access(path, F_OK) != 0) return -1;
    tp_mark scope = tp_open_scope(c);
    json_t *json = numbers_of(c, tp_safetensors_open(c, path), path);
    const char *field = json ? tp_place_read(&p, json) : NULL;
    if (json && !field && p.number < 0) field = "number";
    if (field) tp_fail(c, TP_ERR_DATA, "%s: in '%s' '%s' is not as it should be", call, path, field);
    if (field) p.number = -1;
    json_decref(json);
    if (p.number < 0 && tp_error(c) != TP_ERR_MEMORY) pass_over(k, c);
    tp_close_scope(c, scope);
    return p.number;
}

/* Reads all of a checkpoint; false after passing it over, or for want of memory. */
static bool get(tp_checkpoints *k, tp_context *c, const char *path, loaded *l)
{
    tp_safetensors *f = tp_safetensors_open(c, path);
    l->tensors.c = c;
    l->json = numbers_of(c, f, path);
    for (int i = 0; i < tp_safetensors_count(f) && tp_ok(c); i++) {
        const char *name = tp_safetensors_name(f, i);
        add(&l->tensors, "", name, tp_safetensors_read(f, name));
    }
    if (tp_ok(c)) return true;
    if (tp_error(c) != TP_ERR_MEMORY) pass_over(k, c);
    return false;
}

/* True if the training is there now; false if the file was passed over, or after a failure. */
static bool load(tp_checkpoints *k, tp_training *t, int file)
{
    char path[LONGEST_PATH];
    loaded l = {0};
    tp_mark scope = tp_open_scope(t->c);
    path_of(k, file, path);
    bool readable = get(k, t->c, path, &l);
    if (readable) put(t, &l, &k->number);
    release(&l.tensors);
    json_decref(l.json);
    tp_close_scope(t->c, scope);
    k->number++;
    k->file = 1 - file;
    return readable && tp_ok(t->c);
}

/* Goes on from the newest that can be read. */
static bool go_on(tp_checkpoints *k, tp_training *t)
{
    char path[LONGEST_PATH];
    int64_t number[FILES];
    for (int i = 0; i < FILES; i++) {
        path_of(k, i, path);
        number[i] = number_at(k, t->c, path);
    }
    int newer = number[1] > number[0];
    for (int i = 0; i < FILES && tp_ok(t->c); i++) {
        int file = i ? 1 - newer : newer;
        if (number[file] >= 0 && load(k, t, file)) return true;
    }
    if (k->failure[0])
        tp_fail(t->c, TP_ERR_DATA, "%s: no checkpoint in '%.300s' can be read: %s", call, k->folder,
                k->failure);
    return tp_ok(t->c);
}

/* Records that the folder is in use already. */
static bool empty(const tp_checkpoints *k, tp_context *c)
{
    char path[LONGEST_PATH];
    for (int i = 0; i < FILES; i++) {
        path_of(k, i, path);
        if (access(path, F_OK) == 0)
            tp_fail(c, TP_ERR_STATE,
                    "%s: '%.300s' has checkpoints of another training; .resume goes on with it", call,
                    k->folder);
    }
    return tp_ok(c);
}

bool tp_checkpoints_open(tp_checkpoints *k, tp_training *t)
{
    tp_context *c = t->c;
    tp_status status;
    *k = (tp_checkpoints){.folder = t->o->checkpoint};
    if (!k->folder && (t->o->resume || t->o->checkpoint_every))
        tp_fail(c, TP_ERR_ARGUMENT, "%s: .resume and .checkpoint_every take a folder .checkpoint", call);
    if (!k->folder || !tp_ok(c)) return tp_ok(c);
    if (strlen(k->folder) > LONGEST_PATH / 2)
        tp_fail(c, TP_ERR_ARGUMENT, "%s: the path .checkpoint is too long", call);
    else if (mkdir(k->folder, 0777) != 0 && errno != EEXIST)
        tp_fail(c, TP_ERR_IO, "%s: cannot make the folder '%.300s'", call, k->folder);
    else if ((status = tp_remove_leftovers(c, k->folder)) != TP_OK)
        tp_fail(c, status, "%s: cannot read the folder '%.300s'", call, k->folder);
    if (!tp_ok(c)) return false;
    return t->o->resume ? go_on(k, t) : empty(k, c);
}
