/* probe.h - an op at one sample, as a function from one vector to another: all its float inputs in a row to
 * all its float outputs in a row, with its derivatives by every way there is. */
#ifndef GRAD_PROBE_H
#define GRAD_PROBE_H

#include "op/node.h"

#include <taper/grad.h>
#include <taper/ops.h>

/* How a vector is cut into tensors. */
typedef struct tp_parts {
    int n;
    tp_shape shape[TP_SAMPLE_INPUTS];
    int64_t numel[TP_SAMPLE_INPUTS];
    int64_t total;
} tp_parts;

enum { TP_UNBATCHED = -1, TP_PROBE_ROOM = 1 << 18 };

/* An op at one sample. */
typedef struct tp_probe {
    tp_context *c;
    const tp_op *op;
    const tp_sample *sample;
    tp_parts x, y;
    tp_tensor *variable[TP_SAMPLE_INPUTS];
    int slot[TP_SAMPLE_INPUTS]; /* which variable stands in it; -1: none, the input is fixed */
    int float_out[TP_MAX_OUT];  /* the outputs that make up y */
    double *room;               /* TP_PROBE_ROOM doubles, cut off from the front */
    int64_t used;
} tp_probe;

/* Takes the sample's inputs apart and calls the op once. False if the op refuses it: the context has failed.
 */
bool tp_probe_start(tp_probe *p);

/* `n` doubles of the probe's room; the caller has seen to it that they are there. */
double *tp_probe_take(tp_probe *p, int64_t n);

/* Each of these fills in `out`; x NULL stands for the sample's own tensors, views as they are. Failures stay
 * in the context. */

/* y(x) */
void tp_probe_value(tp_probe *p, const double *x, const double *unused, double *out);
/* J t, over a recorded graph */
void tp_probe_jvp(tp_probe *p, const double *x, const double *t, double *out);
/* J t, streaming */
void tp_probe_stream(tp_probe *p, const double *x, const double *t, double *out);
/* J' u */
void tp_probe_vjp(tp_probe *p, const double *x, const double *u, double *out);

/* The same for k directions at once: t holds [k, ..] for each part, and so does out. */
void tp_probe_jvps(tp_probe *p, int64_t k, const double *t, double *out);
void tp_probe_streams(tp_probe *p, int64_t k, const double *t, double *out);
void tp_probe_vjps(tp_probe *p, int64_t k, const double *u, double *out);

/* What leaves hold after tp_backward of u'y, and after another; whether a third, of the released graph, was
 * refused. */
bool tp_probe_backward(tp_probe *p, const double *u, double *once, double *twice);

/* Direction k of `all` directions. */
void tp_probe_pick(const tp_parts *parts, int64_t all, int64_t k, const double *from, double *to);

/* Every output, integers too, of the op on the sample's inputs and on others like them: `alone`, one call
 * each; `together`, one call on both with a leading axis more. Returns how many numbers; 0 where the op takes
 * no leading axis. */
int64_t tp_probe_pair(tp_probe *p, double **alone, double **together);

/* Second derivatives, of a bent y: see probe.c. First the first derivatives to take differences of. */
void tp_probe_bent_vjp(tp_probe *p, const double *x, const double *u, double *out);
void tp_probe_bent_stream(tp_probe *p, const double *x, const double *t, double *out);

/* H t of u'y: reverse over reverse, reverse over forward; reverse over reverse and forward over reverse in k
 * directions (or TP_UNBATCHED). */
void tp_probe_reverse_reverse(tp_probe *p, const double *u, const double *t, double *out);
void tp_probe_reverse_forward(tp_probe *p, const double *u, const double *t, double *out);
void tp_probe_reverse_reverses(tp_probe *p, int64_t k, const double *u, const double *t, double *out);
void tp_probe_forward_reverse(tp_probe *p, int64_t k, const double *u, const double *t, double *out);

/* The derivative along s of J t, by two levels, in TP_UNBATCHED or k directions each: [k of s, k of t, ..]
 * for each part. */
void tp_probe_forward_forward(tp_probe *p, int64_t k, const double *s, const double *t, double *out);

#endif
