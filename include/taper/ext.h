/* ext.h - for authors of ops, backends and bindings. docs/adding-an-op.md shows both kinds of op. */
#ifndef TAPER_EXT_H
#define TAPER_EXT_H

#include <taper/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An op's contract. */
typedef struct tp_op tp_op;
/* One call of an op, as its rules see it. */
typedef struct tp_call tp_call;

/* Limits of a row. */
enum { TP_MAX_IN = 8, TP_MAX_OUT = 4, TP_MAX_ATTR = 6, TP_MEMO = 4 };

/* What a kernel sees of a tensor: element (i,j,..) is data[i * stride[0] + j * stride[1] + ..]. */
typedef struct tp_array {
    void *data;
    tp_dtype dtype;
    int rank;
    int64_t size[TP_INTERNAL_RANK];
    int64_t stride[TP_INTERNAL_RANK]; /* in elements; 0 where broadcast, negative where reversed */
} tp_array;

/* The value of one attribute; which member counts is in the op's tp_attr_info. */
typedef union tp_attr {
    bool b;
    int64_t i; /* int, axis, dtype */
    double d;
    const tp_ints *v; /* ints, axes, shape */
} tp_attr;

/* The kind of an attribute. An axis or axes is negative by the time rules and kernels see it. */
typedef enum tp_attr_type {
    TP_ATTR_BOOL,
    TP_ATTR_INT,
    TP_ATTR_DOUBLE,
    TP_ATTR_DTYPE,
    TP_ATTR_AXIS,
    TP_ATTR_AXES,
    TP_ATTR_INTS,
    TP_ATTR_SHAPE
} tp_attr_type;

/* One attribute of a row: its type, name and the default in other languages, as text. */
typedef struct tp_attr_info {
    tp_attr_type type;
    const char *name;
    const char *value;
} tp_attr_info;

/* The call: what was given, and where its parts are. */
struct tp_call {
    tp_context *context;
    const tp_op *op;
    const tp_attr *attr;
    int n_in, n_out;
    int loops;             /* in eval: how many leading axes of all arrays are loops */
    tp_tensor *const *in;  /* in a derivative rule: only what `reads` names, else NULL */
    tp_tensor *const *out; /* likewise */
    tp_tensor **memo;      /* in `pull`: TP_MEMO results that it keeps for other inputs, NULL at first */
    const struct tp_value *values; /* private; see tp_call_shape */
};

/* Shape and dtype of an input, or of output i as input n_in + i, whether or not its value was kept. */
TP_API tp_shape tp_call_shape(const tp_call *call, int i);

/* The dtype of the same. */
TP_API tp_dtype tp_call_dtype(const tp_call *call, int i);

/* Records a failure of the call: "name signature: text". */
TP_API void tp_call_fail(const tp_call *call, tp_status status, const char *text, ...) TP_PRINTF(3, 4);

/* Writes all elements of every output. Inputs are converted to one dtype as `types` says; loop axes are
 * broadcast against each other already, so all arrays have the same loop axes before their core axes; where
 * dense elements are all there is, one axis of them. */
typedef void tp_eval_fn(const tp_call *call, const tp_array *in, const tp_array *out);

/* For ops that only rearrange: fills size, stride and data of `out` as a view of `in`; false if this
 * shape has no such view, then `eval` copies. */
typedef bool tp_view_fn(const tp_call *call, const tp_array *in, tp_array *out);

/* Works out the output shapes where the signature cannot; false after tp_call_fail. Only in_shape and
 * attributes may be read. */
typedef bool tp_shape_fn(const tp_call *call, const tp_shape *in_shape, tp_shape *out_shape);

/* Elementwise derivative dy/dx_i, in terms of the tensors that `reads` names. A bool result is a gate:
 * the derivative is 1 where true and 0 elsewhere, whatever comes from above. */
typedef tp_tensor *tp_slope_fn(const tp_call *call, int i);

/* Input i's share of the gradient, given the outputs' cotangents `u` (NULL where zero). The result may
 * have more loop axes than the input: the engine sums them down. NULL means zero. */
typedef tp_tensor *tp_pull_fn(const tp_call *call, int i, tp_tensor *const *u);

/* Output o's tangent, given the inputs' tangents `t` (NULL where zero). The result may lack loop axes:
 * the engine expands them. NULL means zero. */
typedef tp_tensor *tp_push_fn(const tp_call *call, int o, tp_tensor *const *t);

/* How an op is linear: in all its differentiable inputs together, or in each with the others fixed. */
typedef enum tp_linearity { TP_NOT_LINEAR, TP_LINEAR, TP_MULTILINEAR } tp_linearity;

/* Fills attributes for test sample `k` (0 to 15) given the shapes drawn for the inputs, which it may change;
 * false when there is no sample k of such shapes. `room` has space for the lists. */
typedef bool tp_sample_fn(int k, int n_in, tp_shape *in_shape, tp_attr *attr, tp_ints *room);

#define TP_IN(i)  (1u << (i))        /* in `reads`: input i */
#define TP_OUT(i) (1u << (24 + (i))) /* in `reads`: output i */
#define TP_IN_ALL 0xffffffu          /* in `reads`: every input, a list's too */

/* The behaviour of an op: its kernel and exactly one derivative fact (slope; linear + pull; push + pull;
 * pull alone for a user's op; nodiff). */
typedef struct tp_rules {
    tp_eval_fn *eval;
    tp_view_fn *view;
    tp_shape_fn *shape;

    tp_slope_fn *slope;
    tp_linearity linear;
    tp_pull_fn *pull;
    tp_push_fn *push;
    const char *nodiff; /* why there is no derivative */

    uint32_t reads;   /* what the derivative rules read: TP_IN(0) | TP_OUT(0); all else is not kept */
    bool no_batch;    /* takes no leading axis of directions: rules run once per direction */
    const char *text; /* the expression of an elementwise op, for docs and code emission */

    /* how tests draw inputs */
    double lo[3], hi[3]; /* per input; both 0: -2 to 2 */
    double kink[4];      /* points where no derivative is taken ... */
    int kinks;           /* ... and how many there are */
    const char *narrow;  /* why lo and hi are not the op's whole domain */
    tp_sample_fn *sample;
} tp_rules;

/* The contract of an op: a row of ops.def, or a user's own static const. */
struct tp_op {
    const char *name;
    const char *signature; /* NumPy gufunc: "(m,k),(k,n)->(m,n)"; leading axes are loops. With an
                              attribute of type axis the core axis stands there, else last; with one
                              of type axes the input's core axes are reduced */
    const char *types;     /* a letter each, "FF->F": F float (integers become f32), N number, A any:
                              F and N are promoted to one dtype; I integer, i64 as result; B bool; K key (u64) */
    int n_in;              /* -1: a list */
    const char *const *in_name;
    int n_out;
    const char *const *out_name;
    int n_attr;
    const tp_attr_info *attr;
    bool in_place; /* output o is input o, overwritten */
    const char *doc;
    const tp_rules *rules;
    int row; /* its place in ops.def, from 1; 0: not there, then its contract is checked at each call */
};

/* Checks, runs and records one call; the result is the first output. `extra` receives the others (NULL:
 * not wanted). Attributes are in the op's order; axes may be counted from either end. */
TP_API tp_tensor *tp_apply(const tp_op *op, int n_in, tp_tensor *const *in, const tp_attr *attr,
                           tp_tensor **extra);

/* The table: row i in the order of ops.def, NULL past the end. */
TP_API const tp_op *tp_op_at(int i);

/* The row of that name, NULL if there is none. */
TP_API const tp_op *tp_op_find(const char *name);

/* The instructions that kernels use: the widest set this processor has, or the narrower one that the
 * environment variable TAPER_SIMD named at the first call: "baseline" (`eval` alone), "avx2" or "avx512". */
TP_API const char *tp_simd_level(void);

/* --- the generated tests ----------------------------------------------------------------------- */

enum { TP_SAMPLE_INPUTS = 5 }; /* inputs of a sample; a list has at most 3 */

/* A test case of an op: what it is called with. Made from the row alone, the same at every run: inputs in f64
 * where they are real, drawn from lo to hi and away from kinks, no two values equal; index inputs lie in the
 * first core axis of the first input (or in 0 .. the int attribute that sizes the result), negative ones too.
 */
typedef struct tp_sample {
    const char *kind; /* what is special about it: "rank 2", "zero-size core", "transposed", ... */
    int n_in;
    tp_tensor *in[TP_SAMPLE_INPUTS]; /* the same handle twice where the kind says so */
    tp_attr attr[TP_MAX_ATTR];
} tp_sample;

/* Kind i that samples may be of, NULL past the end. */
TP_API const char *tp_sample_kind(int i);

/* Why an op has no sample of a kind; for a kind of which it has none. */
TP_API const char *tp_why_no_sample(const tp_op *op, const char *kind);

/* Calls `each` with every sample of the op, each in a scope of its own; returns how many there are. */
TP_API int tp_op_samples(tp_context *c, const tp_op *op, void (*each)(const tp_sample *sample, void *user),
                         void *user);

enum { TP_REPORT_FAILURES = 8 }; /* failures a report describes; the others it counts */

/* A check that failed. */
typedef struct tp_op_failure {
    const char *check; /* "<u, J t> = <J' u, t>", ... */
    const char *kind;  /* of the sample */
    int sample;        /* its number, from 1 */
    double worst;      /* the largest difference; NaN where a call failed */
    char text[256];    /* the numbers, or the error */
} tp_op_failure;

/* What tp_check_op found. */
typedef struct tp_op_report {
    const tp_op *op;
    int samples;
    int refused;    /* samples without elements that the op takes none of ... */
    char why[256];  /* ... and what it says of the first */
    int not_finite; /* samples whose result is no number, so that it has no quotient of differences */
    int kinks;      /* elements at which one-sided differences disagree; nothing to compare */
    int64_t checks;
    int failures;
    tp_op_failure failure[TP_REPORT_FAILURES];
} tp_op_report;

/* Checks the derivatives of an op, also one of your own, on all its samples: reverse, recorded and streaming
 * forward, in one and more directions, all second derivatives, against each other and against differences;
 * views; and `reads`. True if all agree. */
TP_API bool tp_check_op(tp_context *c, const tp_op *op, tp_op_report *report);

/* --- objects of your own ----------------------------------------------------------------------- */

/* Everything that lives in scopes begins with a tp_object: tensors, and modules, optimizers, loaders alike.
 */
typedef struct tp_object tp_object;

/* What kind of object it is. `destroy` frees what the object holds, then the object by tp_object_free; it
 * runs from a queue, so a chain of objects is freed without recursion. A nil's class has no `destroy`. */
typedef struct tp_class {
    const char *name;
    void (*destroy)(tp_object *object);
} tp_class;

/* The head of an object. Private but for `type` and `context`. */
struct tp_object {
    const tp_class *type;
    tp_context *context;
    tp_object *prev, *next; /* neighbours among the objects owned by scopes, in order of making */
    struct tp_scope *scope; /* the scope that owns one reference; NULL: none does */
    int refs;
    const char *freed_in; /* with .check: the scope that freed this stale handle */
    size_t size;          /* with .check: of the stale handle's block */
};

/* Starts the head of a new object with one reference, owned by the current scope. */
TP_API void tp_object_init(tp_object *object, const tp_class *type, tp_context *c);

/* The same, owned by the caller. */
TP_API void tp_object_init_unowned(tp_object *object, const tp_class *type, tp_context *c);

/* Another reference. */
TP_API void tp_object_retain(tp_object *object);

/* Drops a reference; the last one queues the object for destruction. NULL and nil are allowed. */
TP_API void tp_object_release(tp_object *object);

/* Takes the scope's reference over: the caller releases it. No-op where no scope owns the object. */
TP_API void tp_object_disown(tp_object *object);

/* Drops the scope's reference now if the current scope owns it. */
TP_API void tp_object_drop(tp_object *object);

/* Moves the scope's reference one scope outward if the current scope owns it. */
TP_API void tp_object_keep(tp_object *object);

/* Ends `destroy`: frees the object's memory of `size` bytes, or, with .check on, keeps a `handle` that users
 * hold, so that its use later is a named error. */
TP_API void tp_object_free(tp_object *object, size_t size, bool handle);

/* True if `object` can be used by a call of `c`; otherwise records why not (NULL, nil, another context's,
 * freed), naming call and argument. */
TP_API bool tp_object_usable(tp_context *c, const tp_object *object, const char *call, const char *argument);

/* The context's inert object of a class without `destroy`: zeros behind the head, for objects of up to 512
 * bytes. */
TP_API void *tp_nil_object(tp_context *c, const tp_class *type);

/* Records the first failure of a context: printf's text, at most 1023 characters. Allocates nothing. */
TP_API void tp_fail(tp_context *c, tp_status status, const char *text, ...) TP_PRINTF(3, 4);

/* For a call that returns a status: sets the text, leaves the context usable and returns `status`; on a
 * failed context it returns the first failure and changes nothing. */
TP_API tp_status tp_report(tp_context *c, tp_status status, const char *text, ...) TP_PRINTF(3, 4);

/* Names what runs from now on, in front of messages ("mlp.fc1: ..."); an empty name adds nothing. Returns
 * what tp_path_pop takes. */
TP_API size_t tp_path_push(tp_context *c, const char *name);

/* Goes back to the names there were before. */
TP_API void tp_path_pop(tp_context *c, size_t before);

/* Memory of the context, aligned as malloc's; NULL after recording the failure. */
TP_API void *tp_alloc(tp_context *c, size_t size);

/* Gives it back; `size` as asked for. NULL is allowed. */
TP_API void tp_free(tp_context *c, void *block, size_t size);

/* --- names ------------------------------------------------------------------------------------- */

/* The i-th of some names, NULL past the end. */
typedef const char *tp_name_at_fn(const void *names, int i);

/* Edits (insert, delete, replace a letter) from `a` to the first 64 characters of `b`. */
TP_API int tp_edit_distance(const char *a, const char *b);

/* The name that takes the fewest edits to get to, the first of them; NULL if there are no names. */
TP_API const char *tp_nearest_name(const char *given, tp_name_at_fn *name_at, const void *names);

/* --- numbers as text --------------------------------------------------------------------------- */

/* Reads the decimal number that `text` begins with, or inf or nan, whatever the locale; returns how many
 * characters it takes, 0 if there is none. */
TP_API size_t tp_parse_number(const char *text, double *value);

/* Writes the fewest digits that read back as `value`, whole numbers up to 1e15 without an exponent, into
 * `buf` as snprintf does; returns the length. */
TP_API size_t tp_number_text(double value, char *buf, size_t n);

/* --- bindings ---------------------------------------------------------------------------------- */

/* Another reference to a handle, outside any scope; each needs a tp_release before tp_close. For bindings. */
TP_API tp_tensor *tp_retain(tp_tensor *t);

/* Drops a reference got by tp_retain. */
TP_API void tp_release(tp_tensor *t);

#ifdef __cplusplus
}
#endif
#endif
