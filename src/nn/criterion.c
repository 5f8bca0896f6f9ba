/* criterion.c - the losses of loss.c as modules, which carry their options along. */
#include "nn/module.h"

#include <string.h>

tp_module *tp_criterion_new(tp_context *c, const char *kind, tp_loss_fn *loss, const void *data, size_t size)
{
    tp_module *m = tp_module_new(c, kind, NULL, data, size);
    if (!tp_module_is_nil(m)) m->loss = loss;
    return m;
}

/* name, function, options, and where tensors are among them (0: there is none) */
#define CRITERIA(ROW)                                                                                   \
    ROW(cross_entropy, tp_cross_entropy_with, tp_cross_entropy_options,                                 \
        offsetof(tp_cross_entropy_options, weight), 0)                                                  \
    ROW(nll, tp_nll_loss_with, tp_nll_loss_options, offsetof(tp_nll_loss_options, weight), 0)           \
    ROW(bce_with_logits, tp_bce_with_logits_with, tp_bce_with_logits_options,                           \
        offsetof(tp_bce_with_logits_options, weight), offsetof(tp_bce_with_logits_options, pos_weight)) \
    ROW(binary_cross_entropy, tp_binary_cross_entropy_with, tp_binary_cross_entropy_options,            \
        offsetof(tp_binary_cross_entropy_options, weight), 0)                                           \
    ROW(mse, tp_mse_loss_with, tp_loss_options, 0, 0)                                                   \
    ROW(l1, tp_l1_loss_with, tp_loss_options, 0, 0)                                                     \
    ROW(huber, tp_huber_loss_with, tp_huber_loss_options, 0, 0)                                         \
    ROW(smooth_l1, tp_smooth_l1_loss_with, tp_smooth_l1_loss_options, 0, 0)

typedef struct criterion {
    const char *name;
    tp_loss_fn *loss;
    size_t size; /* of the options */
    size_t weight, pos_weight;
} criterion;

/* Sets the tensor at a place of the options to the buffer of that name. */
static void restore(const tp_module *m, void *options, size_t at, const char *name)
{
    tp_entry *e = at ? tp_module_entry(m, name, strlen(name)) : NULL;
    if (e) memcpy((char *)options + at, &e->tensor, sizeof e->tensor);
}

#define LOSS(name, function, type, at_weight, at_pos_weight)                     \
    static tp_tensor *name##_loss(tp_module *m, tp_tensor *x, tp_tensor *target) \
    {                                                                            \
        type o = *(const type *)m->data;                                         \
        restore(m, &o, at_weight, "weight");                                     \
        restore(m, &o, at_pos_weight, "pos_weight");                             \
        return function(x, target, &o);                                          \
    }
CRITERIA(LOSS)

#define DATA(name, function, type, weight, pos_weight) {#name, name##_loss, sizeof(type), weight, pos_weight},
static const criterion criteria[] = {CRITERIA(DATA)};
enum { N = sizeof criteria / sizeof *criteria };

/* Moves the tensor at a place of the options, if there is one, into a buffer, which is shared and saved. */
static void make_buffer(tp_module *m, size_t at, const char *name)
{
    tp_tensor *t = NULL;
    if (at) memcpy(&t, (char *)m->data + at, sizeof t);
    if (!t) return;
    memset((char *)m->data + at, 0, sizeof t);
    tp_module_add_buffer(m, name, t);
}

static tp_module *make(tp_context *c, const criterion *row, const void *options)
{
    tp_module *m = tp_criterion_new(c, row->name, row->loss, options, row->size);
    if (tp_module_is_nil(m)) return m;
    make_buffer(m, row->weight, "weight");
    make_buffer(m, row->pos_weight, "pos_weight");
    return tp_ok(c) ? m : tp_nil_module(c);
}

#define INDEX(name, function, type, weight, pos_weight) index_##name,
enum { CRITERIA(INDEX) };

#define MAKE(name, function, type, weight, pos_weight)                        \
    tp_module *tp_##name##_criterion_with(tp_context *c, const type *options) \
    {                                                                         \
        return make(c, &criteria[index_##name], options);                     \
    }
CRITERIA(MAKE)

/* --- by name --- */

const char *tp_criterion_name_at(int i) { return i >= 0 && i < N ? criteria[i].name : NULL; }

static const char *name_at(const void *unused, int i)
{
    (void)unused;
    return tp_criterion_name_at(i);
}

tp_module *tp_criterion_named(tp_context *c, const char *name)
{
    for (int i = 0; name && i < N; i++)
        if (strcmp(criteria[i].name, name) == 0) return make(c, &criteria[i], NULL);
    if (name)
        tp_fail(c, TP_ERR_ARGUMENT, "tp_criterion_named: there is no loss '%s'; the nearest is '%s'", name,
                tp_nearest_name(name, name_at, NULL));
    else
        tp_fail(c, TP_ERR_ARGUMENT, "tp_criterion_named: argument 'name' is NULL");
    return tp_nil_module(c);
}
