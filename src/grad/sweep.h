/* sweep.h - what the walks over the recorded graph share. */
#ifndef GRAD_SWEEP_H
#define GRAD_SWEEP_H

#include "op/node.h"

#include <taper/grad.h>
#include <taper/ops.h>

/* Options with defaults for NULL. */
tp_grad_options tp_grad_options_of(const tp_grad_options *options);

/* Marks the calls that `y` came from (`visited`), newest first; fails if one was released. Undo with
 * tp_unmark. */
bool tp_mark_ancestors(tp_tensor *y, const char *call);

/* Of the marked calls, keeps `needed` those through which some xs[i] reaches y. */
void tp_mark_descendants(tp_tensor *y, int n, tp_tensor *const *xs);

/* Clears marks and slots of y's call and all before it. */
void tp_unmark(tp_tensor *y);

/* True if the handles stand for the same place in the graph: one result, or one leaf. */
bool tp_same_place(const tp_value *value, tp_tensor *x);

/* The name of a recorded call that has no forward mode; NULL if it has one. */
const char *tp_forwardless(const tp_node *node);

/* Checks that `x` is in a graph, naming the call. */
bool tp_in_graph(tp_context *c, tp_tensor *x, const char *call, const char *argument);

/* Whether `v` has the shape of `like` (*batched false) or one leading axis more (*batched true); otherwise
 * fails. */
bool tp_matches(tp_context *c, tp_tensor *v, tp_tensor *like, bool *batched, const char *call,
                const char *argument);

/* Room for the handles of one call. */
typedef struct tp_handles {
    tp_tensor **in, **out, **slots;
    size_t bytes;
} tp_handles;

bool tp_handles_open(tp_node *node, tp_handles *h);
void tp_handles_close(tp_node *node, tp_handles *h);

#endif
