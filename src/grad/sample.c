/* sample.c - the test cases of an op, drawn from its row alone: shapes by its signature, attributes by their
 * types, values by lo, hi and kink. */
#include "base/context.h"
#include "base/random.h"
#include "op/signature.h"
#include "tensor/tensor.h"

#include <taper/ext.h>
#include <taper/ops.h>

#include <math.h>
#include <string.h>

enum { ALL_SIZES = -2, NO_SIZE = -1, SAME_SIZE = 3, ROW_SAMPLES = 16 };

/* How the elements of an input lie in memory. */
typedef enum layout { ROW_MAJOR, TRANSPOSED, STEPPED, REVERSED, EXPANDED } layout;

/* One kind of sample: the loops of even and odd inputs, and what is special. */
typedef struct plan {
    const char *kind;
    const char *unsigned_kind; /* its name where the op has no loops to tell from core axes; NULL: the same */
    tp_ints loops[2];
    bool ranked; /* core axes take the place of leading loops, so that the rank is that of `loops` */
    bool every;  /* with every choice of attributes, not with two of them */
    bool mixed;  /* for two inputs or more with a signature */
    bool same;   /* one tensor in two slots */
    layout layout;
    int special;  /* the core size that is not the usual: its number, ALL_SIZES or NO_SIZE */
    int64_t size; /* what it is instead */
} plan;

#define BOTH(n, ...)           \
    {                          \
        {n, {__VA_ARGS__}},    \
        {                      \
            n, { __VA_ARGS__ } \
        }                      \
    }
#define RANK(name, n, ...)                                                                             \
    {                                                                                                  \
        .kind = name, .loops = BOTH(n, __VA_ARGS__), .ranked = true, .every = true, .special = NO_SIZE \
    }
#define LOOPS(name, other, n, ...)                                                          \
    {                                                                                       \
        .kind = name, .unsigned_kind = other, .loops = BOTH(n, __VA_ARGS__), .every = true, \
        .special = NO_SIZE                                                                  \
    }
#define MIXED(name, n, a, b, m, d, e)                                                        \
    {                                                                                        \
        .kind = name, .loops = {{n, {a, b}}, {m, {d, e}}}, .mixed = true, .special = NO_SIZE \
    }
#define LAID(name, how)                                                         \
    {                                                                           \
        .kind = name, .loops = BOTH(2, 2, 3), .layout = how, .special = NO_SIZE \
    }

static const plan plans[] = {
    RANK("rank 0", 0, 0),
    RANK("rank 1", 1, 3),
    RANK("rank 2", 2, 2, 3),
    RANK("rank 3", 3, 2, 3, 2),
    RANK("rank 4", 4, 2, 1, 2, 3),
    LOOPS("size-1 loop", "size-1 axis", 2, 1, 2),
    LOOPS("size-1 loop", "size-1 axis", 2, 3, 1),
    LOOPS("zero-size loop", "zero-size axis", 1, 0),
    LOOPS("zero-size loop", "zero-size axis", 2, 2, 0),
    MIXED("broadcast", 2, 2, 3, 1, 3, 0),
    MIXED("broadcast", 0, 0, 0, 2, 2, 3),
    MIXED("broadcast", 2, 3, 1, 2, 1, 2),
    MIXED("broadcast to zero size", 1, 1, 0, 1, 0, 0),
    LAID("transposed", TRANSPOSED),
    LAID("stepped", STEPPED),
    LAID("reversed", REVERSED),
    LAID("expanded", EXPANDED),
    {.kind = "same tensor twice", .loops = BOTH(1, 2), .same = true, .special = ALL_SIZES, .size = SAME_SIZE},
};

/* What all samples of one call share. */
typedef struct sampler {
    tp_context *c;
    const tp_op *op;
    void (*each)(const tp_sample *sample, void *user);
    void *user;
    tp_dim dims[2 * TP_MAX_DIMS]; /* the distinct core sizes of the inputs */
    int n_dims, widest;           /* ... and the most core axes an input has */
    int count, drawn;
    uint32_t random; /* counter of the stream */
    tp_sample now;
    tp_shape shape[TP_SAMPLE_INPUTS];
    tp_ints room[TP_MAX_ATTR];
} sampler;

static char letter(const tp_op *op, int i) { return op->types[op->n_in < 0 ? 0 : i]; }

static bool is_real(const tp_op *op, int i) { return strchr("FNA", letter(op, i)) != NULL; }

/* Uniform in [0,1), the next of the stream. */
static double draw(sampler *s)
{
    const uint32_t counter[4] = {s->random++}, key[2] = {0x7a9e, 0};
    uint32_t word[4];
    tp_philox4x32(counter, key, word);
    return word[0] * 0x1p-32;
}

/* --- core sizes --- */

static bool same_name(const tp_dim *a, const char *name, size_t length)
{
    return a->length == length && memcmp(a->name, name, length) == 0;
}

/* The int attribute that gives the size of that name, -1 if none does. */
static int size_attribute(const tp_op *op, const tp_dim *d)
{
    for (int k = 0; k < op->n_attr; k++)
        if (op->attr[k].type == TP_ATTR_INT && same_name(d, op->attr[k].name, strlen(op->attr[k].name)))
            return k;
    return -1;
}

static bool is_axes_op(const tp_op *op) { return tp_attr_of_type(op, TP_ATTR_AXES) >= 0; }

/* Core names of input i; none where the op has no signature, or where attribute `axes` says which they are.
 */
static int core_names(const tp_op *op, int i, tp_dim *names)
{
    if (!op->signature || is_axes_op(op)) return 0;
    const char *at = op->signature;
    int n = 0;
    for (int k = 0; k <= (op->n_in < 0 ? 0 : i); k++) n = tp_next_argument(&at, names);
    return n;
}

static void collect_dims(sampler *s)
{
    static const int64_t usual[] = {3, 2, 4, 2};
    int inputs = s->op->n_in < 0 ? 1 : s->op->n_in;
    for (int i = 0; i < inputs; i++) {
        tp_dim names[TP_MAX_DIMS];
        int n = core_names(s->op, i, names);
        if (n > s->widest) s->widest = n;
        for (int k = 0; k < n; k++) {
            bool known = false;
            for (int j = 0; j < s->n_dims; j++)
                known = known || same_name(&s->dims[j], names[k].name, names[k].length);
            if (known) continue;
            s->dims[s->n_dims] = names[k];
            s->dims[s->n_dims].size = usual[s->n_dims % 4];
            s->n_dims++;
        }
    }
}

static int64_t core_size(const sampler *s, const plan *p, const tp_dim *name)
{
    int attribute = size_attribute(s->op, name);
    if (attribute >= 0) return s->now.attr[attribute].i;
    if (*name->name >= '0' && *name->name <= '9') return *name->name - '0';
    for (int j = 0; j < s->n_dims; j++)
        if (same_name(&s->dims[j], name->name, name->length))
            return p->special == ALL_SIZES || p->special == j ? p->size : s->dims[j].size;
    return 1;
}

/* --- attributes --- */

/* A default as the row writes it; 0 where it is no number. The locale plays no part. */
static double number(const char *text)
{
    double value = 0, scale = 1, sign = *text == '-' ? -1 : 1;
    if (*text == '-') text++;
    bool point = false;
    for (; (*text >= '0' && *text <= '9') || *text == '.'; text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        value = value * 10 + (*text - '0');
        if (point) scale *= 10;
    }
    return sign * value / scale * (*text == 'e' ? pow(10, number(text + 1)) : 1);
}

/* How many values of an attribute there are to try on an input of that rank. */
static int choices(const tp_op *op, int k, int rank)
{
    switch (op->attr[k].type) {
    case TP_ATTR_BOOL:
    case TP_ATTR_INT:
    case TP_ATTR_DOUBLE: return 2;
    case TP_ATTR_AXIS: return rank == 0 ? 0 : rank == 1 ? 2 : rank == 2 ? 3 : 4;
    case TP_ATTR_AXES: return rank == 0 ? 2 : rank == 1 ? 4 : 5;
    default: return 1;
    }
}

static void choose(sampler *s, int k, int choice, int rank)
{
    const tp_attr_info *info = &s->op->attr[k];
    tp_attr *attr = &s->now.attr[k];
    const int64_t axis[] = {-1, 0, rank - 1, -2};
    const tp_ints axes[] = {{TP_ALL_AXES, {0}}, {0, {0}}, {1, {0}}, {1, {-1}}, {2, {-1, 0}}};
    switch (info->type) {
    case TP_ATTR_BOOL: attr->b = choice == 1; break;
    case TP_ATTR_INT: attr->i = (int64_t)number(info->value) + choice; break;
    case TP_ATTR_DOUBLE:
        attr->d = number(info->value);
        if (choice) attr->d = attr->d == 0 ? 0.75 : attr->d * 1.5;
        break;
    case TP_ATTR_DTYPE: attr->i = TP_F64; break;
    case TP_ATTR_AXIS: attr->i = rank ? axis[choice] : 0; break;
    default: s->room[k] = info->type == TP_ATTR_AXES ? axes[choice] : TP_NONE; attr->v = &s->room[k];
    }
}

/* --- shapes --- */

/* loops + core, the one core axis of an op with attribute `axis` in its place. */
static tp_shape input_shape(const sampler *s, const plan *p, int i)
{
    tp_dim names[TP_MAX_DIMS];
    if (s->op->in_place && i < s->op->n_out) i = 0; /* what is overwritten has one shape */
    int n = core_names(s->op, i, names), one = tp_attr_of_type(s->op, TP_ATTR_AXIS);
    tp_shape shape = p->loops[i % 2];
    if (p->ranked) {
        shape.n -= s->widest;
        memmove(shape.v, shape.v + s->widest, (size_t)shape.n * sizeof shape.v[0]);
    }
    int rank0 = p->loops[0].n + (p->ranked ? 0 : s->widest), place = shape.n;
    if (one >= 0 && n == 1) {
        int64_t axis = s->now.attr[one].i;
        int from_end = (int)(axis < 0 ? -axis : rank0 - axis);
        while (shape.n + 1 < from_end) {
            memmove(shape.v + 1, shape.v, (size_t)shape.n++ * sizeof shape.v[0]);
            shape.v[0] = 1;
        }
        place = shape.n + 1 - from_end;
    }
    memmove(shape.v + place + n, shape.v + place, (size_t)(shape.n - place) * sizeof shape.v[0]);
    for (int k = 0; k < n; k++) shape.v[place + k] = core_size(s, p, &names[k]);
    shape.n += n;
    if (letter(s->op, i) == 'K' && !s->op->signature) shape.v[shape.n++] = 2;
    return shape;
}

/* --- values --- */

static void range(const tp_rules *rules, int i, double *lo, double *hi)
{
    *lo = i < 3 ? rules->lo[i] : 0;
    *hi = i < 3 ? rules->hi[i] : 0;
    if (*lo == 0 && *hi == 0) *lo = -2, *hi = 2;
}

/* The range that all slots of one tensor allow. */
static void common_range(const tp_op *op, int n_in, double *lo, double *hi)
{
    range(op->rules, 0, lo, hi);
    for (int i = 1; i < n_in && op->n_in > 0; i++) {
        double a, b;
        range(op->rules, i, &a, &b);
        *lo = a > *lo ? a : *lo;
        *hi = b < *hi ? b : *hi;
    }
}

/* What `index` inputs point into: the first core axis of the first input; where that has none, the int
 * attribute that names a size; else 3. */
static int64_t index_range(const sampler *s)
{
    tp_dim names[TP_MAX_DIMS];
    const tp_shape *first = &s->shape[0];
    int axis = tp_attr_of_type(s->op, TP_ATTR_AXIS), n = core_names(s->op, 0, names);
    if (axis >= 0 && first->n && letter(s->op, 0) != 'I') {
        int64_t at = s->now.attr[axis].i;
        return first->v[at < 0 ? at + first->n : at];
    }
    if (n && letter(s->op, 0) != 'I') return first->v[first->n - n];
    for (int k = 0; k < s->op->n_attr; k++)
        if (s->op->attr[k].type == TP_ATTR_INT && s->now.attr[k].i > 0) return s->now.attr[k].i;
    return SAME_SIZE;
}

static double away_from_kinks(const tp_rules *rules, double x)
{
    const double margin = 0.05;
    for (int k = 0; k < rules->kinks; k++) {
        double d = x - rules->kink[k];
        if (fabs(d) < margin) x += copysign(margin, d);
    }
    return x;
}

/* Value k of input i. Floats are spread over lo to hi so that no two of all inputs are equal or near: [lo,
 * hi] is cut into `cells`, each holds one value of each input. */
static double value(sampler *s, int i, int64_t k, int64_t cells, double lo, double hi)
{
    int64_t step = cells % 7 ? 7 : cells % 5 ? 5 : cells % 11 ? 11 : 1, n;
    switch (letter(s->op, i)) {
    case 'B': return draw(s) < 0.5;
    case 'K': return floor(draw(s) * 1000);
    case 'I': /* from the end too where there is one: an index alone is a class */
        n = index_range(s);
        return floor(draw(s) * (double)n) - (letter(s->op, 0) != 'I' && draw(s) < 0.5 ? (double)n : 0);
    default: break;
    }
    double in_cell = ((double)i + 0.2 + 0.6 * draw(s)) / s->now.n_in;
    double x = lo + (hi - lo) * ((double)((k * step + i) % cells) + in_cell) / (double)cells;
    return away_from_kinks(s->op->rules, x);
}

static tp_dtype dtype_of(const tp_op *op, int i)
{
    switch (letter(op, i)) {
    case 'B': return TP_BOOL;
    case 'I': return TP_I64;
    case 'K': return TP_U64;
    default: return TP_F64;
    }
}

/* --- layouts --- */

/* The shape of the row-major tensor that `lay_out` makes a view of `shape` of. */
static tp_shape base_shape(tp_shape shape, layout how, int axis)
{
    int last = shape.n - 1;
    if (how == TRANSPOSED && shape.n >= 2) {
        int64_t size = shape.v[last];
        shape.v[last] = shape.v[last - 1];
        shape.v[last - 1] = size;
    }
    if (how == STEPPED && shape.n) shape.v[last] = 2 * shape.v[last] + 1;
    if (how == EXPANDED && shape.n) shape.v[axis] = 1;
    return shape;
}

static tp_tensor *lay_out(tp_tensor *x, layout how, const tp_shape *shape)
{
    int last = shape->n - 1;
    if (how == TRANSPOSED && shape->n >= 2) return tp_transpose(x, -1, -2);
    if (how == STEPPED && shape->n) return tp_slice_axis(x, -1, 1, shape->v[last], 2);
    if (how == EXPANDED && shape->n) return tp_expand(x, *shape);
    for (int k = 0; how == REVERSED && k < shape->n; k++)
        if (shape->v[k]) x = tp_slice_axis(x, k, shape->v[k] - 1, shape->v[k], -1);
    return x;
}

static tp_tensor *make_input(sampler *s, const plan *p, int i, int64_t cells)
{
    double lo, hi;
    if (p->same)
        common_range(s->op, s->now.n_in, &lo, &hi);
    else
        range(s->op->rules, s->op->n_in < 0 ? 0 : i, &lo, &hi);
    tp_shape base = base_shape(s->shape[i], p->layout, i % 2 ? s->shape[i].n - 1 : 0);
    int64_t n = tp_shape_numel(base.v, base.n);
    size_t bytes = (size_t)n * sizeof(double);
    double *values = tp_alloc(s->c, bytes);
    if (!values) return tp_nil(s->c);
    for (int64_t k = 0; k < n; k++) values[k] = value(s, i, k, cells, lo, hi);
    tp_tensor *x = tp_from_doubles(s->c, base, dtype_of(s->op, i), values);
    tp_free(s->c, values, bytes);
    return lay_out(x, p->layout, &s->shape[i]);
}

/* Puts one tensor into two slots that take the same; false if there are no two. */
static bool share(sampler *s)
{
    double lo, hi;
    common_range(s->op, s->now.n_in, &lo, &hi);
    for (int i = 0; i < s->now.n_in && lo < hi; i++)
        for (int j = i + 1; is_real(s->op, i) && j < s->now.n_in; j++) {
            bool fits = is_real(s->op, j) && s->shape[i].n == s->shape[j].n;
            for (int k = 0; fits && k < s->shape[i].n; k++) fits = s->shape[i].v[k] == s->shape[j].v[k];
            if (!fits) continue;
            s->now.in[j] = s->now.in[i];
            return true;
        }
    return false;
}

/* --- the walk over kinds, attributes and lengths of lists --- */

/* Whether every index has something to point into. */
static bool has_range(const sampler *s)
{
    for (int i = 0; i < s->now.n_in; i++)
        if (letter(s->op, i) == 'I' && index_range(s) == 0 && tp_shape_numel(s->shape[i].v, s->shape[i].n))
            return false;
    return true;
}

static void emit(sampler *s, const plan *p)
{
    int64_t cells = 1;
    if (!has_range(s)) return;
    for (int i = 0; i < s->now.n_in; i++) {
        tp_shape base = base_shape(s->shape[i], p->layout, 0);
        int64_t n = tp_shape_numel(base.v, base.n);
        cells = n > cells ? n : cells;
    }
    tp_mark scope = tp_open_scope(s->c);
    for (int i = 0; i < s->now.n_in; i++) s->now.in[i] = make_input(s, p, i, cells);
    if (tp_ok(s->c) && (!p->same || share(s))) {
        s->each(&s->now, s->user);
        s->count++;
    }
    tp_close_scope(s->c, scope);
}

static void draw_shapes(sampler *s, const plan *p)
{
    for (int i = 0; i < s->now.n_in; i++) s->shape[i] = input_shape(s, p, i);
    int axis = tp_attr_of_type(s->op, TP_ATTR_AXIS);
    if (s->op->n_in > 0 || s->op->signature || axis < 0 || s->op->rules->sample) return;
    for (int i = 1; i < s->now.n_in && !p->same; i++) { /* a list joined along an axis */
        int64_t at = s->now.attr[axis].i;
        s->shape[i].v[at < 0 ? at + s->shape[i].n : at] += i;
    }
}

/* The samples of one kind whose attributes the row chooses itself. */
static void chosen_by_row(sampler *s, const plan *p, int rank)
{
    for (int k = 0; k < ROW_SAMPLES; k++) {
        for (int j = 0; j < s->op->n_attr; j++) choose(s, j, 0, rank);
        draw_shapes(s, p);
        if (s->op->rules->sample(k, s->now.n_in, s->shape, s->now.attr, s->room)) emit(s, p);
    }
}

/* The samples of one kind with every choice of attributes, or two of them, other ones each time. */
static void chosen_by_type(sampler *s, const plan *p, int rank)
{
    int all = 1;
    for (int k = 0; k < s->op->n_attr; k++) all *= choices(s->op, k, rank);
    int some = p->every || all < 2 ? all : 2;
    for (int n = 0; n < some; n++) {
        int rest = some == all ? n : (s->drawn++ * 7 + n) % all;
        for (int k = 0; k < s->op->n_attr; k++) {
            int of = choices(s->op, k, rank);
            choose(s, k, rest % of, rank);
            rest /= of;
        }
        draw_shapes(s, p);
        emit(s, p);
    }
}

static void sample_plan(sampler *s, const plan *p)
{
    const tp_op *op = s->op;
    bool told = op->signature && !is_axes_op(op); /* loops and core axes can be told apart */
    if (p->mixed && (!told || op->n_in < 2)) return;
    if (p->ranked && p->loops[0].n < s->widest) return;
    s->now.kind = !told && p->unsigned_kind ? p->unsigned_kind : p->kind;
    int rank = p->loops[0].n + (p->ranked ? 0 : s->widest);
    int longest = op->n_in < 0 ? 3 : op->n_in;
    for (s->now.n_in = op->n_in < 0 && !p->same ? 1 : longest; s->now.n_in <= longest; s->now.n_in++)
        (op->rules->sample ? chosen_by_row : chosen_by_type)(s, p, rank);
}

static void sample_core(sampler *s, int which, int64_t size)
{
    plan p = LOOPS(size ? "size-1 core" : "zero-size core", NULL, 1, 2);
    p.special = which;
    p.size = size;
    sample_plan(s, &p);
}

const char *tp_sample_kind(int i)
{
    static const char *const kinds[] = {"rank 0",
                                        "rank 1",
                                        "rank 2",
                                        "rank 3",
                                        "rank 4",
                                        "size-1 loop",
                                        "zero-size loop",
                                        "size-1 core",
                                        "zero-size core",
                                        "size-1 axis",
                                        "zero-size axis",
                                        "broadcast",
                                        "broadcast to zero size",
                                        "transposed",
                                        "stepped",
                                        "reversed",
                                        "expanded",
                                        "same tensor twice"};
    return i >= 0 && i < (int)(sizeof kinds / sizeof *kinds) ? kinds[i] : NULL;
}

/* Why an op has no sample with a special axis; NULL if the kind is not about one. */
static const char *why_no_axis(const tp_op *op, const char *kind)
{
    bool axis = strstr(kind, "axis"), core = strstr(kind, "core"), loop = strstr(kind, "loop");
    if (!axis && !core && !loop) return NULL;
    if (loop || !op->signature || is_axes_op(op)) return "its loops and core axes are not told apart";
    return axis ? "its axes are loops or core axes" : "it has no core axes";
}

const char *tp_why_no_sample(const tp_op *op, const char *kind)
{
    bool same = strstr(kind, "same"), cast = strstr(kind, "broadcast");
    if (op->n_in == 1 && (same || cast)) return "it has one input";
    if (cast) return op->n_in < 0 ? "a list is not broadcast" : "its shapes follow a rule of their own";
    if (strstr(kind, "rank")) return "it needs more axes";
    if (why_no_axis(op, kind)) return why_no_axis(op, kind);
    if (op->rules->narrow) return op->rules->narrow;
    return same ? "no two inputs take the same tensor" : "its own samples leave it out";
}

int tp_op_samples(tp_context *c, const tp_op *op, void (*each)(const tp_sample *sample, void *user),
                  void *user)
{
    if (!tp_ok(c)) return 0;
    sampler s = {.c = c, .op = op, .each = each, .user = user};
    collect_dims(&s);
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) sample_plan(&s, &plans[i]);
    for (int j = 0; j < s.n_dims; j++) {
        const tp_dim *d = &s.dims[j];
        if (size_attribute(op, d) >= 0 || (*d->name >= '0' && *d->name <= '9')) continue;
        sample_core(&s, j, 1);
        sample_core(&s, j, 0);
    }
    if (s.n_dims > 1) sample_core(&s, ALL_SIZES, 0);
    return s.count;
}
