/* gradcheck.c - the gradient check of a net and its loss. */
#include "nn/module.h"

#include <string.h>

/* --- check --- */

typedef struct problem {
    tp_module *net, *criterion;
    tp_tensor *x, *target;
} problem;

static tp_tensor *loss_of(tp_context *c, tp_tensor *const *parameters, void *user)
{
    (void)c, (void)parameters; /* the net's own */
    problem *p = user;
    return tp_loss(p->criterion, tp_forward(p->net, p->x), p->target);
}

static tp_tensor *in_f64(tp_tensor *t)
{
    tp_tensor *bare = tp_detach(t);
    return tp_dtype_is_float(tp_dtype_of(t)) ? tp_cast(bare, TP_F64) : bare;
}

static bool check_copies(tp_context *c, const problem *given, int n, tp_tensor **parameters,
                         tp_gradcheck_result *found, const tp_gradcheck_options *options)
{
    tp_mark scope = tp_open_scope(c);
    problem p = {tp_module_clone(given->net, TP_F64), tp_module_clone(given->criterion, TP_F64),
                 in_f64(given->x), in_f64(given->target)};
    for (int i = 0; i < n && tp_ok(c); i++) parameters[i] = tp_parameter_at(p.net, i, NULL, 0);
    bool right = tp_ok(c) && tp_gradcheck_with(c, loss_of, &p, n, parameters, found, options);
    tp_close_scope(c, scope);
    return right;
}

/* The numbers of the worst element. */
static void put_worst(tp_writer *w, const tp_gradcheck_result *r)
{
    if (r->at >= 0) tp_put(w, ", worst %.2e", r->worst);
    if (!r->wrong) return;
    tp_put(w, " at element %lld: reverse %.9g", (long long)r->at, r->reverse);
    if (!r->no_forward) tp_put(w, ", forward %.9g", r->forward);
    tp_put(w, ", numerical %.9g", r->numerical);
}

/* Says which parameter is to blame. */
static void report(tp_context *c, tp_module *net, int n, const tp_gradcheck_result *found)
{
    char path[TP_PATH], text[512];
    tp_writer w = {text, sizeof text, 0};
    int i = 0, most = 0;
    while (i < n && !found[i].wrong) i++;
    for (int k = 0; k < n; k++) most = found[k].kinks > found[most].kinks ? k : most;
    const tp_gradcheck_result *r = &found[i < n ? i : most];
    tp_parameter_at(net, i < n ? i : most, path, sizeof path);
    tp_put(&w, "%lld of %lld elements %s", (long long)(i < n ? r->wrong : r->kinks), (long long)r->numel,
           i < n ? "are wrong" : "are at kinks, more than 1 % of all are");
    if (i < n) put_worst(&w, r);
    tp_report(c, TP_ERR_STATE, "tp_gradcheck_module: %s: %s", path, text);
}

bool tp_gradcheck_module_with(tp_module *net, tp_module *criterion, tp_tensor *x, tp_tensor *target,
                              tp_gradcheck_result *results, const tp_gradcheck_options *options)
{
    static const char call[] = "tp_gradcheck_module";
    tp_context *c = tp_module_usable(net, call);
    if (!c || !tp_object_usable(c, criterion ? &criterion->object : NULL, call, "criterion") ||
        !tp_object_usable(c, (tp_object *)x, call, "x") ||
        !tp_object_usable(c, (tp_object *)target, call, "target"))
        return false;
    int n = tp_parameters(net);
    if (n == 0 && tp_ok(c)) tp_fail(c, TP_ERR_ARGUMENT, "%s: this %s has no parameters", call, net->kind);
    size_t bytes = (size_t)n * (sizeof(tp_tensor *) + sizeof *results);
    tp_gradcheck_result *found = n ? tp_alloc(c, bytes) : NULL;
    if (!found) return false;
    memset(found, 0, bytes);
    bool right = check_copies(c, &(problem){net, criterion, x, target}, n, (tp_tensor **)(void *)(found + n),
                              found, options);
    if (tp_ok(c) && !right) report(c, net, n, found);
    if (results) memcpy(results, found, (size_t)n * sizeof *results);
    tp_free(c, found, bytes);
    return right;
}

size_t tp_gradcheck_print(tp_module *net, const tp_gradcheck_result *results, char *buf, size_t n)
{
    char path[TP_PATH], shape[TP_SIZES_TEXT];
    tp_writer w = {buf, n, 0};
    int count = tp_parameters(net);
    for (int i = 0; i < count; i++) {
        const tp_gradcheck_result *r = &results[i];
        tp_tensor *t = tp_parameter_at(net, i, path, sizeof path);
        tp_put(&w, "%s %s %lld: ", path, tp_sizes_text(tp_shape_of(t), shape, sizeof shape),
               (long long)r->numel);
        if (r->wrong) tp_put(&w, "%lld wrong", (long long)r->wrong);
        if (!r->wrong) tp_put(&w, "right");
        put_worst(&w, r);
        if (r->kinks) tp_put(&w, ", %lld at kinks", (long long)r->kinks);
        tp_put(&w, "\n");
    }
    if (count && results[0].no_forward)
        tp_put(&w, "without forward mode, which %s does not have\n", results[0].no_forward);
    return w.length;
}
