/* grad.h - derivatives: backward, grad, vjp, jvp, jacobian, hessian, hvp, streaming forward mode, gradient
 * check. */
#ifndef TAPER_GRAD_H
#define TAPER_GRAD_H

#include <taper/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- leaves ------------------------------------------------------------------------------------ */

/* Makes a float tensor a leaf whose gradient is wanted; returns it. An error if it has a history. */
TP_API tp_tensor *tp_require_grad(tp_tensor *t);

/* A leaf whose gradient is no longer wanted; what was recorded before still reaches it. Returns it. */
TP_API tp_tensor *tp_stop_grad(tp_tensor *leaf);

/* True for a leaf made by tp_require_grad. */
TP_API bool tp_requires_grad(const tp_tensor *t);

/* True if backward from `t` can reach a leaf. */
TP_API bool tp_has_history(const tp_tensor *t);

/* The gradient that backward has added up in a leaf, with its shape; nil (no error) before the first
 * backward. It lives with the leaf; further backwards add into the same tensor. */
TP_API tp_tensor *tp_grad_of(const tp_tensor *leaf);

/* Drops a leaf's gradient. */
TP_API void tp_zero_grad(tp_tensor *leaf);

/* --- reverse mode ------------------------------------------------------------------------------ */

/* Options of the calls below. */
typedef struct tp_grad_options {
    size_t struct_size; /* sizeof(tp_grad_options); 0 means this version's */
    bool retain;        /* tp_backward keeps the graph, so that it can be walked again */
    bool record;        /* the result has a history and can be differentiated again; nothing to tp_backward */
} tp_grad_options;

/* Adds the gradient of `y` (one element) to every leaf it came from, then releases the graph. All leaves
 * get their share, or on failure none. */
TP_API void tp_backward_with(tp_tensor *y, const tp_grad_options *options);

/* The gradient of `y` (one element) with respect to `x`, a leaf or a result on the way; the shape of x. Zeros
 * where y does not depend on x. Keeps the graph. */
TP_API tp_tensor *tp_grad_with(tp_tensor *y, tp_tensor *x, const tp_grad_options *options);

/* The gradients with respect to several tensors in one sweep: all of them or, on failure, nil in each. */
TP_API void tp_grads_with(tp_tensor *y, int n, tp_tensor *const *xs, tp_tensor **gradients,
                          const tp_grad_options *options);

/* J' u: `u` has the shape of y, or [K, shape of y] for K at once; the result that of x, or [K, shape of x].
 */
TP_API tp_tensor *tp_vjp_with(tp_tensor *y, tp_tensor *x, tp_tensor *u, const tp_grad_options *options);

/* --- forward mode over a recorded graph -------------------------------------------------------- */

/* J v: `v` has the shape of x, or [K, shape of x]; the result that of y, or [K, shape of y]. */
TP_API tp_tensor *tp_jvp_with(tp_tensor *y, tp_tensor *x, tp_tensor *v, const tp_grad_options *options);

/* --- whole matrices ---------------------------------------------------------------------------- */

/* dy/dx of shape [shape of y, shape of x], by rows or by columns, whichever are fewer. */
TP_API tp_tensor *tp_jacobian_with(tp_tensor *y, tp_tensor *x, const tp_grad_options *options);

/* The second derivative of `y` (one element): [shape of x, shape of x]. */
TP_API tp_tensor *tp_hessian_with(tp_tensor *y, tp_tensor *x, const tp_grad_options *options);

/* The Hessian of `y` (one element) times `v` (the shape of x), without making the Hessian. */
TP_API tp_tensor *tp_hvp_with(tp_tensor *y, tp_tensor *x, tp_tensor *v, const tp_grad_options *options);

#ifndef __cplusplus
/* tp_backward_with with options by name: tp_backward(y) or tp_backward(y, .retain = true). */
#define tp_backward(...)        tp_backward_(__VA_ARGS__, .struct_size = sizeof(tp_grad_options))
#define tp_backward_(y, ...)    tp_backward_with((y), &(const tp_grad_options){__VA_ARGS__})
/* tp_grad_with with options by name: tp_grad(y, x) or tp_grad(y, x, .record = true). */
#define tp_grad(...)            tp_grad_(__VA_ARGS__, .struct_size = sizeof(tp_grad_options))
#define tp_grad_(y, x, ...)     tp_grad_with((y), (x), &(const tp_grad_options){__VA_ARGS__})
/* tp_vjp_with with options by name: tp_vjp(y, x, u) or tp_vjp(y, x, u, .record = true). */
#define tp_vjp(...)             tp_vjp_(__VA_ARGS__, .struct_size = sizeof(tp_grad_options))
#define tp_vjp_(y, x, u, ...)   tp_vjp_with((y), (x), (u), &(const tp_grad_options){__VA_ARGS__})
/* tp_jvp_with with options by name: tp_jvp(y, x, v) or tp_jvp(y, x, v, .record = true). */
#define tp_jvp(...)             tp_jvp_(__VA_ARGS__, .struct_size = sizeof(tp_grad_options))
#define tp_jvp_(y, x, v, ...)   tp_jvp_with((y), (x), (v), &(const tp_grad_options){__VA_ARGS__})
/* tp_jacobian_with with options by name: tp_jacobian(y, x) or tp_jacobian(y, x, .record = true). */
#define tp_jacobian(...)        tp_jacobian_(__VA_ARGS__, .struct_size = sizeof(tp_grad_options))
#define tp_jacobian_(y, x, ...) tp_jacobian_with((y), (x), &(const tp_grad_options){__VA_ARGS__})
/* tp_hessian_with with options by name: tp_hessian(y, x) or tp_hessian(y, x, .record = true). */
#define tp_hessian(...)         tp_hessian_(__VA_ARGS__, .struct_size = sizeof(tp_grad_options))
#define tp_hessian_(y, x, ...)  tp_hessian_with((y), (x), &(const tp_grad_options){__VA_ARGS__})
/* tp_hvp_with with options by name: tp_hvp(y, x, v) or tp_hvp(y, x, v, .record = true). */
#define tp_hvp(...)             tp_hvp_(__VA_ARGS__, .struct_size = sizeof(tp_grad_options))
#define tp_hvp_(y, x, v, ...)   tp_hvp_with((y), (x), (v), &(const tp_grad_options){__VA_ARGS__})
#endif

/* --- derivatives by hand ------------------------------------------------------------------------ */

/* A function with a backward pass of its own, both written with ops; a static const. */
typedef struct tp_function {
    const char *name;
    /* The result; nothing is recorded. */
    tp_tensor *(*forward)(tp_tensor *const *in);
    /* The gradient with respect to in[i], of its shape, given y = forward(in) and the gradient `dy` with
     * respect to y; NULL: zero. Called for the inputs whose gradient is wanted, which are floats. */
    tp_tensor *(*backward)(int i, tp_tensor *const *in, tp_tensor *y, tp_tensor *dy);
} tp_function;

/* The function of `n` tensors. It can be differentiated again, as its backward pass is made of ops, and has
 * no forward mode, which is an error that names it. */
TP_API tp_tensor *tp_call_function(const tp_function *f, int n, tp_tensor *const *in);

/* --- gradient check ---------------------------------------------------------------------------- */

/* The function to check: one element in f64, computed from the tensors given. It must give the same value
 * each time; random draws repeat. */
typedef tp_tensor *tp_gradcheck_fn(tp_context *c, tp_tensor *const *xs, void *user);

/* Options of tp_gradcheck. */
typedef struct tp_gradcheck_options {
    size_t struct_size; /* sizeof(tp_gradcheck_options); 0 means this version's */
    double step;        /* h of the differences, times max(1, |x|); 0: 1e-5 */
    double tolerance;   /* t below; 0: 1e-6 */
} tp_gradcheck_options;

/* What tp_gradcheck found in one tensor. */
typedef struct tp_gradcheck_result {
    int64_t numel;
    int64_t wrong; /* elements whose derivatives disagree */
    int64_t kinks; /* elements that have no derivative to compare */
    double worst;  /* the largest |a-b| / (|a|+|b|) among the three ways; 0 where differences resolve none */
    int64_t at;    /* the element it was found at, counted row-major; -1: there was none to compare */
    double reverse, forward, numerical; /* its three derivatives */
    const char *no_forward; /* a function or op on the way that has no forward mode, so that forward is
                               reverse here; NULL: there is none */
} tp_gradcheck_result;

/* Compares the gradients of `f` with respect to `n` f64 tensors by reverse, by forward and by central
 * differences. Two agree if |a-b| <= t (|a|+|b|) or |a-b| <= 10 eps max(1,|f|) / h, which is what a
 * difference cannot resolve. Where the one-sided differences disagree, h is halved up to 8 times; then the
 * element is at a kink. True if no element is wrong and at most 1 % are at kinks. The tensors are overwritten
 * while this runs, and restored, as is the random stream; `results` (n of them, or NULL) says what was found.
 */
TP_API bool tp_gradcheck_with(tp_context *c, tp_gradcheck_fn *f, void *user, int n, tp_tensor *const *xs,
                              tp_gradcheck_result *results, const tp_gradcheck_options *options);

#ifndef __cplusplus
/* tp_gradcheck_with with options by name: tp_gradcheck(c, f, NULL, 1, &x, NULL, .step = 1e-4). */
#define tp_gradcheck(...) tp_gradcheck_(__VA_ARGS__, .struct_size = sizeof(tp_gradcheck_options))
#define tp_gradcheck_(c, f, user, n, xs, results, ...) \
    tp_gradcheck_with((c), (f), (user), (n), (xs), (results), &(const tp_gradcheck_options){__VA_ARGS__})
#endif

/* --- streaming forward mode -------------------------------------------------------------------- */

/* Opens a level: from now on tensors made by tp_dual carry tangents through every op, and no graph is
 * needed. Levels nest, up to 4; returns 0 after a failure. */
TP_API int tp_open_forward(tp_context *c);

/* Closes a level and those inside it: their tangents are gone. */
TP_API void tp_close_forward(tp_context *c, int level);

/* `x` with the tangent `v` at the level: of x's shape, or [K, shape of x] for K directions at once. Tangents
 * of the same source (any number >= 0) belong to one direction and add up where they meet; each source is
 * carried by itself. */
TP_API tp_tensor *tp_dual(tp_tensor *x, tp_tensor *v, int level, int source);

/* The same with every unit vector as a direction: K = tp_numel(x), so that the tangent of a result is its
 * Jacobian. */
TP_API tp_tensor *tp_dual_identity(tp_tensor *x, int level, int source);

/* The tangent `y` carries of that level and source, [K, shape of y] or the shape of y; nil, without an error,
 * if it carries none: y does not depend on the source. */
TP_API tp_tensor *tp_tangent(tp_tensor *y, int level, int source);

#ifdef __cplusplus
}
#endif
#endif
