/* base.h - contexts, scopes, errors, shapes, dtypes and random streams. */
#ifndef TAPER_BASE_H
#define TAPER_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the shared library exports, and calls whose text is checked like printf's. */
#if defined(__GNUC__)
#define TP_API                 __attribute__((visibility("default")))
#define TP_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define TP_API
#define TP_PRINTF(text, first)
#endif

/* The version of these headers; the build reads it from here. */
#define TP_VERSION_MAJOR 0
#define TP_VERSION_MINOR 1
#define TP_VERSION_PATCH 0

/* "0.1.0": the version of the library that runs, which may differ from the headers'. */
TP_API const char *tp_version(void);

/* A context owns everything made in it. One thread uses it at a time; threads use one each. */
typedef struct tp_context tp_context;

/* A tensor handle: shape, strides and a reference to storage. Belongs to the scope it was made in. */
typedef struct tp_tensor tp_tensor;

/* --- status ------------------------------------------------------------------------------------ */

/* What went wrong; the text says where. */
typedef enum tp_status {
    TP_OK = 0,
    TP_ERR_MEMORY,   /* the allocation hook returned NULL, or .memory_limit was reached */
    TP_ERR_ARGUMENT, /* a value outside what the call takes */
    TP_ERR_SHAPE,    /* shapes that do not fit each other or the op's signature */
    TP_ERR_DTYPE,    /* a dtype the call does not take */
    TP_ERR_STATE,    /* a call that comes too late or too early: a released graph, a closed scope */
    TP_ERR_IO,       /* the operating system refused to read or write */
    TP_ERR_DATA,     /* a file that is not what it should be */
    TP_ERR_DIVERGED  /* a training came to a loss or gradient that is not finite */
} tp_status;

/* True until a call on this context has failed; false for NULL. One check per step is enough: after a
 * failure every call returns an inert nil and nothing has an effect. */
TP_API bool tp_ok(const tp_context *c);

/* The status of the first failure since tp_open or tp_clear. */
TP_API tp_status tp_error(const tp_context *c);

/* The message of the first failure, or else of the last call whose returned status said what was wrong; ""
 * where there is none. Lives as long as the context. */
TP_API const char *tp_error_text(const tp_context *c);

/* Forgets the failure. Nil handles got meanwhile stay nil. */
TP_API void tp_clear(tp_context *c);

/* Calls `handler` at each first failure, so that a debugger can stop there; NULL takes it away. */
TP_API void tp_on_error(tp_context *c, void (*handler)(tp_context *c, void *user), void *user);

/* In an option that takes a number and whose 0 means the default: a literal 0. */
enum { TP_ZERO = -2147483647 - 1 };

/* --- context ----------------------------------------------------------------------------------- */

/* The one allocation hook: new_size 0 frees `block`; block NULL allocates; otherwise resizes. old_size is
 * the size `block` was allocated with. Returns NULL when it cannot; must be callable from any thread. */
typedef void *(*tp_allocator)(void *user, void *block, size_t old_size, size_t new_size);

/* Options of tp_open. A field left zero is the default. */
typedef struct tp_options {
    size_t struct_size;     /* sizeof(tp_options); 0 means this version's */
    uint64_t seed;          /* of the random stream; see tp_seed */
    tp_allocator allocator; /* NULL: libc's realloc and free */
    void *allocator_user;   /* handed to `allocator` */
    size_t memory_limit;    /* bytes this context may hold, caches included; 0: no limit */
    bool no_cache;          /* give freed memory back at once */
    bool check;             /* never reuse handles, so that a stale one is a named error (costs memory) */
} tp_options;

/* A new context, or NULL when there is no memory for one. NULL options are the defaults. */
TP_API tp_context *tp_open(const tp_options *options);

/* Frees the context and everything made in it. Returns 0 if no failure was pending, else 1: a main's
 * exit code. NULL is allowed (returns 1). */
TP_API int tp_close(tp_context *c);

/* Bytes held now, and the most held at any time, both without the cache of freed blocks. */
TP_API size_t tp_memory_used(const tp_context *c);

/* The most bytes in use at one time since tp_open or the last tp_memory_reset_peak. */
TP_API size_t tp_memory_peak(const tp_context *c);

/* Starts a new measurement of the peak. */
TP_API void tp_memory_reset_peak(tp_context *c);

/* Gives the cache of freed blocks back to the allocator. */
TP_API void tp_memory_trim(tp_context *c);

/* --- threads ----------------------------------------------------------------------------------- */

/* How many threads large calls may use, the calling one included: what TAPER_THREADS says, or else as many as
 * the CPUs that the process may run on. No result depends on it, not in one bit. One pool serves the process:
 * its threads sleep when there is nothing to do; a call that finds it at work for another thread runs on its
 * own thread alone, as all calls do in a child after fork(), where this is 1. */
TP_API int tp_threads(void);

/* Uses n threads from now on, at most 256, or fewer if the system does not give them; n < 1: as many as at
 * the start. May be called from any thread. */
TP_API void tp_set_threads(int n);

/* --- scopes ------------------------------------------------------------------------------------ */

/* A place in a context's list of scopes; 0 is no place. */
typedef uint64_t tp_mark;

/* Opens a scope: what is made from now on belongs to it. `where` names it in messages about stale
 * handles and must outlive the context. */
TP_API tp_mark tp_open_scope_named(tp_context *c, const char *where);

#define TP_TEXT_(x)      #x
/* The value of a macro as text. */
#define TP_TEXT(x)       TP_TEXT_(x)
/* Opens a scope named after this line. */
#define tp_open_scope(c) tp_open_scope_named((c), __FILE__ ":" TP_TEXT(__LINE__))

/* A scope in which nothing is recorded for backward; closing it restores what was. */
TP_API tp_mark tp_open_no_grad(tp_context *c);

/* Releases everything made since the mark, scopes left open inside included. Works on a failed context. */
TP_API void tp_close_scope(tp_context *c, tp_mark mark);

/* Moves the current scope's reference to the enclosing scope, history included; returns `t`. A tensor
 * of an outer scope stays where it is. */
TP_API tp_tensor *tp_keep(tp_tensor *t);

/* Releases `t` now instead of when its scope, which must be the current one, closes: for a long chain in one
 * scope, where each result replaces the one before it. A tensor of an outer scope stays. */
TP_API void tp_drop(tp_tensor *t);

/* --- shapes and dtypes ------------------------------------------------------------------------- */

/* Limits of shapes. */
enum {
    TP_MAX_RANK = 8,       /* axes a tensor of the user may have */
    TP_INTERNAL_RANK = 12, /* with leading axes of directions, in derivatives */
    TP_ALL_AXES = -1
};

/* A short list of integers: a shape, axes, steps. n = TP_ALL_AXES stands for all axes. */
typedef struct tp_ints {
    int n;
    int64_t v[TP_INTERNAL_RANK];
} tp_ints;

typedef tp_ints tp_shape; /* sizes, outermost axis first; n is the rank, 0 for a scalar */
typedef tp_ints tp_axes;  /* axes, negative ones count from the last */

#ifdef __cplusplus
#define TP_LIST_(type, ...) \
    (type{(int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})
#define TP_EMPTY_(type, count) (type{(count), {0}})
#else
#define TP_LIST_(type, ...) \
    ((type){(int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})
#define TP_EMPTY_(type, count) ((type){(count), {0}})
#endif
#define TP_SHAPE(...) TP_LIST_(tp_ints, __VA_ARGS__)  /* TP_SHAPE(2, 3) */
#define TP_AXES(...)  TP_LIST_(tp_ints, __VA_ARGS__)  /* TP_AXES(0, -1) */
#define TP_INTS(...)  TP_LIST_(tp_ints, __VA_ARGS__)  /* any short list */
#define TP_SCALAR     TP_EMPTY_(tp_ints, 0)           /* the shape of a scalar */
#define TP_NONE       TP_EMPTY_(tp_ints, 0)           /* no axes */
#define TP_ALL        TP_EMPTY_(tp_ints, TP_ALL_AXES) /* all axes */

/* Element types. bf16, f16 and the unusual integers are for storage, casts and comparison. */
typedef enum tp_dtype {
    TP_BOOL,
    TP_U8,
    TP_I8,
    TP_U16,
    TP_I16,
    TP_U32,
    TP_I32,
    TP_U64,
    TP_I64,
    TP_F16,
    TP_BF16,
    TP_F32,
    TP_F64,
    TP_DTYPES /* how many there are */
} tp_dtype;

/* Bytes of one element; 0 for a value that is no dtype. */
TP_API size_t tp_dtype_size(tp_dtype d);

/* "f32", "i64", "bool" ...; "?" for a value that is no dtype. */
TP_API const char *tp_dtype_name(tp_dtype d);

/* True for f16, bf16, f32 and f64: what a derivative can be taken of. */
TP_API bool tp_dtype_is_float(tp_dtype d);

/* The dtype both can be converted to (torch.promote_types). u16, u32 and u64 with a signed type go to the
 * next wider signed type, at most i64. */
TP_API tp_dtype tp_promote(tp_dtype a, tp_dtype b);

/* --- random streams ---------------------------------------------------------------------------- */

/* Starts the context's stream at (seed, counter 0). Every random op takes the next counter. */
TP_API void tp_seed(tp_context *c, uint64_t seed);

/* The seed of the stream. */
TP_API uint64_t tp_random_seed(const tp_context *c);

/* Where the stream stands, to be saved and set again. */
TP_API uint64_t tp_random_counter(const tp_context *c);

/* Sets the stream's counter, as a trainer does from its step. */
TP_API void tp_set_random_counter(tp_context *c, uint64_t counter);

/* The stream of numpy.random.RandomState (MT19937 and the legacy distributions), bit for bit: n draws here
 * and size=n there give the same values and leave the same state. Seed before the first draw; a copy of the
 * struct continues on its own.
 *
 * The fields are those of RandomState.get_state(): position is the next word of mt to use (624: none is
 * left), gauss the second normal of the last pair, waiting where has_gauss is set. Normals take libm's log,
 * so their last bit is as portable as that. */
typedef struct tp_randomstate {
    uint32_t mt[624];
    int position;
    bool has_gauss;
    double gauss;
} tp_randomstate;

/* RandomState(seed). */
TP_API void tp_randomstate_seed(tp_randomstate *rs, uint32_t seed);

/* Uniform in [0, 1), multiples of 2^-53. */
TP_API void tp_randomstate_rand(tp_randomstate *rs, double *out, size_t n);

/* Standard normal, in pairs by the polar method. */
TP_API void tp_randomstate_randn(tp_randomstate *rs, double *out, size_t n);

/* The next three return false, and neither draw nor write, for the arguments that NumPy refuses. */

/* low + (high - low) * rand: in [low, high), or in (high, low] where high < low, before rounding. False if
 * high - low is not finite. */
TP_API bool tp_randomstate_uniform(tp_randomstate *rs, double low, double high, double *out, size_t n);

/* mean + std * randn. False if std is negative or -0; a NaN passes through. */
TP_API bool tp_randomstate_normal(tp_randomstate *rs, double mean, double std, double *out, size_t n);

/* Integers, uniform in [low, high), as randint(low, high, n, dtype=np.int64). False if high <= low. */
TP_API bool tp_randomstate_randint(tp_randomstate *rs, int64_t low, int64_t high, int64_t *out, size_t n);

/* 0 ... n-1 in random order, as permutation(n). */
TP_API void tp_randomstate_permutation(tp_randomstate *rs, int64_t *out, size_t n);

/* Shuffles n rows of size bytes in place, as shuffle of an array does along its first axis. */
TP_API void tp_randomstate_shuffle(tp_randomstate *rs, void *base, size_t n, size_t size);

#ifdef __cplusplus
}
#endif
#endif
