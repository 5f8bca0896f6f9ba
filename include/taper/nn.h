/* nn.h - modules: what has parameters and a forward pass; layers, losses, initialization. */
#ifndef TAPER_NN_H
#define TAPER_NN_H

#include <taper/grad.h>
#include <taper/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A module: named parameters (trained), buffers (saved, not trained) and children, a train flag, and a
 * forward pass. Belongs to the scope it was made in; a child belongs to its parents as well. */
typedef struct tp_module tp_module;

/* --- modules of your own ----------------------------------------------------------------------- */

/* What a module computes from one input. */
typedef tp_tensor *tp_forward_fn(tp_module *m, tp_tensor *x);

/* A module named `kind` in messages and prints, with a copy of `size` bytes of `data` (zeros if NULL) for its
 * forward pass. The data goes along where the module is shared, so it must not point to parts of the module:
 * those are found by name (tp_parameter, tp_child). `forward` may be NULL for a mere container. */
TP_API tp_module *tp_module_new(tp_context *c, const char *kind, tp_forward_fn *forward, const void *data,
                                size_t size);

/* The kind given to tp_module_new; "nil" for nil. */
TP_API const char *tp_module_kind(const tp_module *m);

/* The copy of the data given to tp_module_new; NULL for nil. */
TP_API void *tp_module_data(tp_module *m);

/* Makes `t` a trained parameter of the module under a name without dots; returns it. The module owns it from
 * now on. */
TP_API tp_tensor *tp_module_add_parameter(tp_module *m, const char *name, tp_tensor *t);

/* The same for what is saved but not trained. */
TP_API tp_tensor *tp_module_add_buffer(tp_module *m, const char *name, tp_tensor *t);

/* Makes `child` part of the module; returns it. A module may be a child in several places: its parameters are
 * then shared. */
TP_API tp_module *tp_module_add_child(tp_module *m, const char *name, tp_module *child);

/* The context's inert module. */
TP_API tp_module *tp_nil_module(tp_context *c);

/* tp_keep for a module: the current scope's reference moves to the enclosing scope. */
TP_API tp_module *tp_module_keep(tp_module *m);

/* True for nil and NULL. */
TP_API bool tp_module_is_nil(const tp_module *m);

/* --- use --------------------------------------------------------------------------------------- */

/* The module's result for `x`. Runs in an inner scope; only the result, and where a graph is kept what that
 * needs, stays. An error inside names the module's path: "mlp.fc1: matmul_2d ...". */
TP_API tp_tensor *tp_forward(tp_module *m, tp_tensor *x);

/* Sets the train flag here and in all children; modules start in training. */
TP_API void tp_train(tp_module *m);

/* Clears it: dropout passes everything, buffers stay as they are. */
TP_API void tp_eval(tp_module *m);

/* The flag. */
TP_API bool tp_is_training(const tp_module *m);

/* --- parameters by path ------------------------------------------------------------------------ */

/* The parameter at a path such as "0.weight" or "encoder.1.bias"; nil with an error if there is none. */
TP_API tp_tensor *tp_parameter(tp_module *m, const char *path);

/* The buffer at a path; likewise. */
TP_API tp_tensor *tp_buffer(tp_module *m, const char *path);

/* The child at a path; likewise. */
TP_API tp_module *tp_child(tp_module *m, const char *path);

/* How many children the module itself has. */
TP_API int tp_children(const tp_module *m);

/* Child i (0 to tp_children - 1), in order of adding; writes its name to `name` if that is not NULL. */
TP_API tp_module *tp_child_at(tp_module *m, int i, char *name, size_t n);

/* The parameter or buffer at a path; NULL, and no error, if there is none. */
TP_API tp_tensor *tp_module_find(tp_module *m, const char *path);

/* How many different parameters there are, children's included; a shared one counts once. */
TP_API int tp_parameters(const tp_module *m);

/* Parameter i (0 to tp_parameters - 1), in order of making, depth first; writes its first path to `path` if
 * that is not NULL. */
TP_API tp_tensor *tp_parameter_at(tp_module *m, int i, char *path, size_t n);

/* How many different buffers there are. */
TP_API int tp_buffers(const tp_module *m);

/* Buffer i, as tp_parameter_at. */
TP_API tp_tensor *tp_buffer_at(tp_module *m, int i, char *path, size_t n);

/* Elements of all parameters together. */
TP_API int64_t tp_parameter_numel(const tp_module *m);

/* Stops (or starts again) the training of all parameters of the module. */
TP_API void tp_freeze(tp_module *m, bool frozen);

/* Copies parameters and buffers of `from` into `to`, which must have the same paths and shapes; all of them,
 * or none after recording which does not match. */
TP_API tp_status tp_module_copy(tp_module *to, tp_module *from);

/* A copy of `m` that shares nothing with it, floats converted to `dtype` (TP_BOOL: as they are): the same
 * tree, train flags, frozen parameters, and parameters that are one in several places. */
TP_API tp_module *tp_module_clone(tp_module *m, tp_dtype dtype);

/* A module like `m` that computes with `parameters`, in the order of tp_parameter_at and of the shapes there,
 * in place of m's own (torch.func.functional_call): gradients and tangents go through to what they were made
 * from. Buffers are m's. */
TP_API tp_module *tp_module_with_parameters(tp_module *m, tp_tensor *const *parameters);

/* A read-only view of `m` in another context, for prediction in another thread: the same tree and storage, in
 * evaluation. `m` must stay as it is while the call runs; its storage lives as long as anyone needs it. */
TP_API tp_module *tp_share(tp_context *c, const tp_module *m);

/* Writes the tree of modules, a line each with path, and those of parameters and buffers with shapes and
 * counts, into `buf` as snprintf does; returns the whole length. */
TP_API size_t tp_module_print(const tp_module *m, char *buf, size_t n);

/* --- layers ------------------------------------------------------------------------------------ */

/* Options of tp_linear. */
typedef struct tp_linear_options {
    size_t struct_size; /* sizeof(tp_linear_options); 0 means this version's */
    bool no_bias;
    tp_dtype dtype; /* of the parameters; left zero: f32 */
} tp_linear_options;

/* x W' + b over the last axis: [.., in] -> [.., out]. Parameters `weight` [out,in] and `bias` [out], both
 * uniform in (-1/sqrt(in), 1/sqrt(in)) to start with, as PyTorch's. */
TP_API tp_module *tp_linear_with(tp_context *c, int64_t in, int64_t out, const tp_linear_options *options);

/* The activations of ops.h as modules, with PyTorch's defaults. */
TP_API tp_module *tp_relu_layer(tp_context *c);
/* 1 / (1 + e^-x) */
TP_API tp_module *tp_sigmoid_layer(tp_context *c);
/* tanh(x) */
TP_API tp_module *tp_tanh_layer(tp_context *c);
/* x P(normal < x) */
TP_API tp_module *tp_gelu_layer(tp_context *c);
/* The same, approximately, by tanh. */
TP_API tp_module *tp_gelu_tanh_layer(tp_context *c);
/* x sigmoid(x) */
TP_API tp_module *tp_silu_layer(tp_context *c);
/* x where positive, else negative_slope x */
TP_API tp_module *tp_leaky_relu_layer(tp_context *c, double negative_slope);
/* x where positive, else alpha (e^x - 1) */
TP_API tp_module *tp_elu_layer(tp_context *c, double alpha);
/* log(1 + e^x) */
TP_API tp_module *tp_softplus_layer(tp_context *c);
/* log(sigmoid(x)) */
TP_API tp_module *tp_log_sigmoid_layer(tp_context *c);
/* x tanh(softplus(x)) */
TP_API tp_module *tp_mish_layer(tp_context *c);
/* elu with the constants that keep mean 0 and variance 1 */
TP_API tp_module *tp_selu_layer(tp_context *c);
/* x, but at least min, then at most max */
TP_API tp_module *tp_hardtanh_layer(tp_context *c, double min, double max);
/* softmax over an axis */
TP_API tp_module *tp_softmax_layer(tp_context *c, int axis);
/* log-softmax over an axis */
TP_API tp_module *tp_log_softmax_layer(tp_context *c, int axis);

/* All axes but the first as one: [n, ..] -> [n, m]. */
TP_API tp_module *tp_flatten_layer(tp_context *c);

/* In training, zeros with probability p (0 to 1) and scales the rest by 1/(1-p); otherwise passes x on. */
TP_API tp_module *tp_dropout_layer(tp_context *c, double p);

/* Modules one after another, children "0", "1", ...: `modules` ends with NULL. */
TP_API tp_module *tp_sequential_of(tp_context *c, tp_module *const *modules);

/* Puts one more module at the end; returns the sequence. */
TP_API tp_module *tp_sequential_add(tp_module *sequence, tp_module *m);

#ifndef __cplusplus
/* tp_linear(c, 64, 10) or tp_linear(c, 64, 10, .no_bias = true). */
#define tp_linear(...)              tp_linear_(__VA_ARGS__, .struct_size = sizeof(tp_linear_options))
#define tp_linear_(c, in, out, ...) tp_linear_with((c), (in), (out), &(const tp_linear_options){__VA_ARGS__})
/* tp_sequential(c, tp_linear(c, 64, 128), tp_relu_layer(c), tp_linear(c, 128, 10)); tp_sequential(c) is
 * empty. */
#define tp_sequential(...)          tp_sequential_(__VA_ARGS__, NULL)
#define tp_sequential_(c, ...)      tp_sequential_of((c), (tp_module *const[]){__VA_ARGS__})
#endif

/* --- nets as text ------------------------------------------------------------------------------ */

/* Options of tp_net. */
typedef struct tp_net_options {
    size_t struct_size; /* sizeof(tp_net_options); 0 means this version's */
    tp_dtype dtype;     /* of the parameters; left zero: f32 */
    bool no_flatten;    /* make what is written and no more */
    int64_t most;       /* elements that all parameters together may have; left zero: any number */
} tp_net_options;

/* The sequence of layers of a text such as "linear 256, relu, dropout p=0.5, (linear 10 bias=false)", where
 * parentheses hold a sequence in the sequence. Widths follow from `input`, the shape of one sample. Where a
 * linear meets samples of several axes, a flatten is put in front of it. Errors name the column. */
TP_API tp_module *tp_net_with(tp_context *c, const char *text, tp_shape input, const tp_net_options *options);

/* The name of the i-th layer that a text can have, NULL past the end. */
TP_API const char *tp_layer_name_at(int i);

/* Writes the text of a sequence into `buf` as snprintf does; returns the whole length. tp_net with
 * .no_flatten makes the same tree of it. 0, with the reason in tp_error_text, where no text says what
 * the module is. */
TP_API size_t tp_net_text(const tp_module *m, char *buf, size_t n);

#ifndef __cplusplus
/* tp_net(c, "linear 100, relu, linear 10", TP_SHAPE(28, 28)), or with options by name: .dtype = TP_F64. */
#define tp_net(...)                  tp_net_(__VA_ARGS__, .struct_size = sizeof(tp_net_options))
#define tp_net_(c, text, input, ...) tp_net_with((c), (text), (input), &(const tp_net_options){__VA_ARGS__})
#endif

/* --- losses ------------------------------------------------------------------------------------ */

/* Names, options and values are PyTorch's; shapes are not broadcast. */

/* What is made of the losses of the elements. */
typedef enum tp_reduction {
    TP_MEAN,        /* their mean, weighted where there are class weights */
    TP_SUM,         /* their sum */
    TP_NO_REDUCTION /* all of them */
} tp_reduction;

/* Options of tp_cross_entropy. */
typedef struct tp_cross_entropy_options {
    size_t struct_size; /* sizeof(tp_cross_entropy_options); 0 means this version's */
    tp_reduction reduction;
    tp_tensor *weight;      /* of each class, [classes]; NULL: 1 */
    int64_t ignore_index;   /* a label that counts for nothing; left zero: -100; TP_ZERO: class 0 */
    double label_smoothing; /* this part of each target, 0 to 1, goes to all classes alike */
} tp_cross_entropy_options;

/* Cross-entropy of softmax(logits) and targets. Classes are axis 1 of the logits [n,classes,..], axis 0 of a
 * vector; targets are class indices of an integer dtype, without that axis, or distributions of the logits'
 * shape. The mean of weighted losses of class indices is divided by the sum of their weights. */
TP_API tp_tensor *tp_cross_entropy_with(tp_tensor *logits, tp_tensor *target,
                                        const tp_cross_entropy_options *options);

/* Options of tp_nll_loss. */
typedef struct tp_nll_loss_options {
    size_t struct_size; /* sizeof(tp_nll_loss_options); 0 means this version's */
    tp_reduction reduction;
    tp_tensor *weight;    /* as in tp_cross_entropy_options */
    int64_t ignore_index; /* likewise */
} tp_nll_loss_options;

/* Negative log likelihood: tp_cross_entropy for log-probabilities in place of logits, and class indices. */
TP_API tp_tensor *tp_nll_loss_with(tp_tensor *log_p, tp_tensor *target, const tp_nll_loss_options *options);

/* Options of tp_bce_with_logits. */
typedef struct tp_bce_with_logits_options {
    size_t struct_size; /* sizeof(tp_bce_with_logits_options); 0 means this version's */
    tp_reduction reduction;
    tp_tensor *weight;     /* of each element, broadcast; NULL: 1 */
    tp_tensor *pos_weight; /* of targets 1, broadcast; NULL: 1 */
} tp_bce_with_logits_options;

/* Binary cross-entropy of sigmoid(logits) and targets of 0 to 1. */
TP_API tp_tensor *tp_bce_with_logits_with(tp_tensor *logits, tp_tensor *target,
                                          const tp_bce_with_logits_options *options);

/* Options of tp_binary_cross_entropy. */
typedef struct tp_binary_cross_entropy_options {
    size_t struct_size; /* sizeof(tp_binary_cross_entropy_options); 0 means this version's */
    tp_reduction reduction;
    tp_tensor *weight; /* of each element, broadcast; NULL: 1 */
} tp_binary_cross_entropy_options;

/* Binary cross-entropy of probabilities and targets of 0 to 1; logs are at least -100. */
TP_API tp_tensor *tp_binary_cross_entropy_with(tp_tensor *p, tp_tensor *target,
                                               const tp_binary_cross_entropy_options *options);

/* Options of tp_mse_loss and tp_l1_loss. */
typedef struct tp_loss_options {
    size_t struct_size; /* sizeof(tp_loss_options); 0 means this version's */
    tp_reduction reduction;
} tp_loss_options;

/* (x - target)^2 */
TP_API tp_tensor *tp_mse_loss_with(tp_tensor *x, tp_tensor *target, const tp_loss_options *options);

/* |x - target| */
TP_API tp_tensor *tp_l1_loss_with(tp_tensor *x, tp_tensor *target, const tp_loss_options *options);

/* Options of tp_huber_loss. */
typedef struct tp_huber_loss_options {
    size_t struct_size; /* sizeof(tp_huber_loss_options); 0 means this version's */
    tp_reduction reduction;
    double delta; /* above 0; left zero: 1 */
} tp_huber_loss_options;

/* d^2 / 2 of differences d up to delta, from there on delta (|d| - delta / 2). */
TP_API tp_tensor *tp_huber_loss_with(tp_tensor *x, tp_tensor *target, const tp_huber_loss_options *options);

/* Options of tp_smooth_l1_loss. */
typedef struct tp_smooth_l1_loss_options {
    size_t struct_size; /* sizeof(tp_smooth_l1_loss_options); 0 means this version's */
    tp_reduction reduction;
    double beta; /* left zero: 1; TP_ZERO: 0, which is tp_l1_loss */
} tp_smooth_l1_loss_options;

/* d^2 / (2 beta) of differences d up to beta, from there on |d| - beta / 2. */
TP_API tp_tensor *tp_smooth_l1_loss_with(tp_tensor *x, tp_tensor *target,
                                         const tp_smooth_l1_loss_options *options);

#ifndef __cplusplus
/* tp_cross_entropy_with with options by name: tp_cross_entropy(x, y, .weight = w). */
#define tp_cross_entropy(...) tp_cross_entropy_(__VA_ARGS__, .struct_size = sizeof(tp_cross_entropy_options))
#define tp_cross_entropy_(x, y, ...) \
    tp_cross_entropy_with((x), (y), &(const tp_cross_entropy_options){__VA_ARGS__})
/* tp_nll_loss_with with options by name: tp_nll_loss(x, y, .ignore_index = 3). */
#define tp_nll_loss(...)        tp_nll_loss_(__VA_ARGS__, .struct_size = sizeof(tp_nll_loss_options))
#define tp_nll_loss_(x, y, ...) tp_nll_loss_with((x), (y), &(const tp_nll_loss_options){__VA_ARGS__})
/* tp_bce_with_logits_with with options by name: tp_bce_with_logits(x, y, .pos_weight = w). */
#define tp_bce_with_logits(...) \
    tp_bce_with_logits_(__VA_ARGS__, .struct_size = sizeof(tp_bce_with_logits_options))
#define tp_bce_with_logits_(x, y, ...) \
    tp_bce_with_logits_with((x), (y), &(const tp_bce_with_logits_options){__VA_ARGS__})
/* tp_binary_cross_entropy_with with options by name: tp_binary_cross_entropy(p, y, .reduction = TP_SUM). */
#define tp_binary_cross_entropy(...) \
    tp_binary_cross_entropy_(__VA_ARGS__, .struct_size = sizeof(tp_binary_cross_entropy_options))
#define tp_binary_cross_entropy_(x, y, ...) \
    tp_binary_cross_entropy_with((x), (y), &(const tp_binary_cross_entropy_options){__VA_ARGS__})
/* tp_mse_loss_with with options by name: tp_mse_loss(x, y) or tp_mse_loss(x, y, .reduction = TP_SUM). */
#define tp_mse_loss(...)          tp_mse_loss_(__VA_ARGS__, .struct_size = sizeof(tp_loss_options))
#define tp_mse_loss_(x, y, ...)   tp_mse_loss_with((x), (y), &(const tp_loss_options){__VA_ARGS__})
/* tp_l1_loss_with with options by name: tp_l1_loss(x, y). */
#define tp_l1_loss(...)           tp_l1_loss_(__VA_ARGS__, .struct_size = sizeof(tp_loss_options))
#define tp_l1_loss_(x, y, ...)    tp_l1_loss_with((x), (y), &(const tp_loss_options){__VA_ARGS__})
/* tp_huber_loss_with with options by name: tp_huber_loss(x, y, .delta = 2). */
#define tp_huber_loss(...)        tp_huber_loss_(__VA_ARGS__, .struct_size = sizeof(tp_huber_loss_options))
#define tp_huber_loss_(x, y, ...) tp_huber_loss_with((x), (y), &(const tp_huber_loss_options){__VA_ARGS__})
/* tp_smooth_l1_loss_with with options by name: tp_smooth_l1_loss(x, y, .beta = 0.5). */
#define tp_smooth_l1_loss(...) \
    tp_smooth_l1_loss_(__VA_ARGS__, .struct_size = sizeof(tp_smooth_l1_loss_options))
#define tp_smooth_l1_loss_(x, y, ...) \
    tp_smooth_l1_loss_with((x), (y), &(const tp_smooth_l1_loss_options){__VA_ARGS__})
#endif

/* --- losses as modules ------------------------------------------------------------------------- */

/* A module made of a loss and its options, for a trainer: a criterion. Class weights are its buffers. */

/* What a criterion computes from outputs and targets. */
typedef tp_tensor *tp_loss_fn(tp_module *criterion, tp_tensor *x, tp_tensor *target);

/* The criterion's loss; runs as tp_forward does. */
TP_API tp_tensor *tp_loss(tp_module *criterion, tp_tensor *x, tp_tensor *target);

/* A criterion of your own; the arguments are tp_module_new's. */
TP_API tp_module *tp_criterion_new(tp_context *c, const char *kind, tp_loss_fn *loss, const void *data,
                                   size_t size);

/* The criterion of a text: its name and, if they are not the defaults, its options by theirs, as in
 * "cross_entropy label_smoothing=0.1 weight=1,2.5,1" or "huber delta=2 reduction=sum". */
TP_API tp_module *tp_criterion_named(tp_context *c, const char *text);

/* The i-th name it takes, which is the criterion's kind as well; NULL past the end. */
TP_API const char *tp_criterion_name_at(int i);

/* Writes the text of a criterion into `buf` as snprintf does; returns the whole length. 0, with the reason in
 * tp_error_text, where no text makes it: one of the user's, or with weights of several axes. */
TP_API size_t tp_criterion_text(const tp_module *m, char *buf, size_t n);

/* tp_cross_entropy as a module. */
TP_API tp_module *tp_cross_entropy_criterion_with(tp_context *c, const tp_cross_entropy_options *options);
/* tp_nll_loss as a module. */
TP_API tp_module *tp_nll_criterion_with(tp_context *c, const tp_nll_loss_options *options);
/* tp_bce_with_logits as a module. */
TP_API tp_module *tp_bce_with_logits_criterion_with(tp_context *c, const tp_bce_with_logits_options *options);
/* tp_binary_cross_entropy as a module. */
TP_API tp_module *tp_binary_cross_entropy_criterion_with(tp_context *c,
                                                         const tp_binary_cross_entropy_options *options);
/* tp_mse_loss as a module. */
TP_API tp_module *tp_mse_criterion_with(tp_context *c, const tp_loss_options *options);
/* tp_l1_loss as a module. */
TP_API tp_module *tp_l1_criterion_with(tp_context *c, const tp_loss_options *options);
/* tp_huber_loss as a module. */
TP_API tp_module *tp_huber_criterion_with(tp_context *c, const tp_huber_loss_options *options);
/* tp_smooth_l1_loss as a module. */
TP_API tp_module *tp_smooth_l1_criterion_with(tp_context *c, const tp_smooth_l1_loss_options *options);

#ifndef __cplusplus
/* tp_cross_entropy_criterion(c) or tp_cross_entropy_criterion(c, .weight = w). */
#define tp_cross_entropy_criterion(...) \
    tp_cross_entropy_criterion_(__VA_ARGS__, .struct_size = sizeof(tp_cross_entropy_options))
#define tp_cross_entropy_criterion_(c, ...) \
    tp_cross_entropy_criterion_with((c), &(const tp_cross_entropy_options){__VA_ARGS__})
/* tp_nll_criterion(c) or tp_nll_criterion(c, .ignore_index = 3). */
#define tp_nll_criterion(...)     tp_nll_criterion_(__VA_ARGS__, .struct_size = sizeof(tp_nll_loss_options))
#define tp_nll_criterion_(c, ...) tp_nll_criterion_with((c), &(const tp_nll_loss_options){__VA_ARGS__})
/* tp_bce_with_logits_criterion(c) or tp_bce_with_logits_criterion(c, .pos_weight = w). */
#define tp_bce_with_logits_criterion(...) \
    tp_bce_with_logits_criterion_(__VA_ARGS__, .struct_size = sizeof(tp_bce_with_logits_options))
#define tp_bce_with_logits_criterion_(c, ...) \
    tp_bce_with_logits_criterion_with((c), &(const tp_bce_with_logits_options){__VA_ARGS__})
/* tp_binary_cross_entropy_criterion(c). */
#define tp_binary_cross_entropy_criterion(...) \
    tp_binary_cross_entropy_criterion_(__VA_ARGS__, .struct_size = sizeof(tp_binary_cross_entropy_options))
#define tp_binary_cross_entropy_criterion_(c, ...) \
    tp_binary_cross_entropy_criterion_with((c), &(const tp_binary_cross_entropy_options){__VA_ARGS__})
/* tp_mse_criterion(c) or tp_mse_criterion(c, .reduction = TP_SUM). */
#define tp_mse_criterion(...)       tp_mse_criterion_(__VA_ARGS__, .struct_size = sizeof(tp_loss_options))
#define tp_mse_criterion_(c, ...)   tp_mse_criterion_with((c), &(const tp_loss_options){__VA_ARGS__})
/* tp_l1_criterion(c). */
#define tp_l1_criterion(...)        tp_l1_criterion_(__VA_ARGS__, .struct_size = sizeof(tp_loss_options))
#define tp_l1_criterion_(c, ...)    tp_l1_criterion_with((c), &(const tp_loss_options){__VA_ARGS__})
/* tp_huber_criterion(c) or tp_huber_criterion(c, .delta = 2). */
#define tp_huber_criterion(...)     tp_huber_criterion_(__VA_ARGS__, .struct_size = sizeof(tp_huber_loss_options))
#define tp_huber_criterion_(c, ...) tp_huber_criterion_with((c), &(const tp_huber_loss_options){__VA_ARGS__})
/* tp_smooth_l1_criterion(c) or tp_smooth_l1_criterion(c, .beta = 0.5). */
#define tp_smooth_l1_criterion(...) \
    tp_smooth_l1_criterion_(__VA_ARGS__, .struct_size = sizeof(tp_smooth_l1_loss_options))
#define tp_smooth_l1_criterion_(c, ...) \
    tp_smooth_l1_criterion_with((c), &(const tp_smooth_l1_loss_options){__VA_ARGS__})
#endif

/* --- gradient check of a net -------------------------------------------------------------------- */

/* tp_gradcheck (grad.h) of tp_loss(criterion, tp_forward(net, x), target) by each parameter of the net,
 * frozen or not: its terms and options. It works on copies in f64 with the random draws of one step, and
 * leaves net, criterion and random stream as they are. `results` is NULL or has room for tp_parameters(net).
 * If it fails, tp_error_text names the first parameter whose gradient is wrong; the context stays usable. */
TP_API bool tp_gradcheck_module_with(tp_module *net, tp_module *criterion, tp_tensor *x, tp_tensor *target,
                                     tp_gradcheck_result *results, const tp_gradcheck_options *options);

/* Writes what was found, a line for each parameter with path, shape, size and worst relative difference, into
 * `buf` as snprintf does; returns the whole length. */
TP_API size_t tp_gradcheck_print(tp_module *net, const tp_gradcheck_result *results, char *buf, size_t n);

#ifndef __cplusplus
/* tp_gradcheck_module(net, criterion, x, y, NULL) or tp_gradcheck_module(.., results, .tolerance = 1e-5). */
#define tp_gradcheck_module(...) \
    tp_gradcheck_module_(__VA_ARGS__, .struct_size = sizeof(tp_gradcheck_options))
#define tp_gradcheck_module_(net, criterion, x, target, results, ...)      \
    tp_gradcheck_module_with((net), (criterion), (x), (target), (results), \
                             &(const tp_gradcheck_options){__VA_ARGS__})
#endif

/* --- layers by hand ----------------------------------------------------------------------------- */

/* A module that computes a function with a backward pass of its own (grad.h) from its input and its
 * parameters, in order of adding: in[0] is x, in[1] the first parameter. */
TP_API tp_module *tp_function_layer(tp_context *c, const tp_function *f);

/* --- initialization ---------------------------------------------------------------------------- */

/* Each overwrites all elements of a parameter, drawn from the context's stream where random; returns it. */

/* All elements `value`. */
TP_API tp_tensor *tp_init_constant(tp_tensor *t, double value);
/* Uniform in [low, high). */
TP_API tp_tensor *tp_init_uniform(tp_tensor *t, double low, double high);
/* Normal. */
TP_API tp_tensor *tp_init_normal(tp_tensor *t, double mean, double std);
/* Glorot & Bengio 2010, for a weight [out,in,..]: uniform with deviation gain sqrt(2 / (in + out)). */
TP_API tp_tensor *tp_init_xavier_uniform(tp_tensor *t, double gain);
/* The same, normal. */
TP_API tp_tensor *tp_init_xavier_normal(tp_tensor *t, double gain);
/* He et al. 2015, for a weight [out,in,..] before a leaky ReLU of slope a: uniform with deviation sqrt(2 /
 * ((1 + a^2) in)). */
TP_API tp_tensor *tp_init_kaiming_uniform(tp_tensor *t, double a);
/* The same, normal. */
TP_API tp_tensor *tp_init_kaiming_normal(tp_tensor *t, double a);

#ifdef __cplusplus
}
#endif
#endif
