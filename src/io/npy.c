/* npy.c - NumPy's npy files: "\x93NUMPY", the version (2 bytes), the length of the header (little-endian, 2
 * bytes in version 1, else 4), the header, the elements. The header is a dict as Python writes it:
 * {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#include "io/npy.h"

#include <stdio.h>
#include <string.h>

enum { MOST_HEADER = 1 << 16, MOST_DEPTH = 16, ALIGNMENT = 64 };

static const char magic[6] = "\x93NUMPY";

static const char *const descr_of[TP_DTYPES] = {
    [TP_BOOL] = "|b1", [TP_U8] = "|u1",  [TP_I8] = "|i1",  [TP_U16] = "<u2",
    [TP_I16] = "<i2",  [TP_U32] = "<u4", [TP_I32] = "<i4", [TP_U64] = "<u8",
    [TP_I64] = "<i8",  [TP_F16] = "<f2", [TP_F32] = "<f4", [TP_F64] = "<f8",
};

/* --- the header as text --- */

/* The header while it is read. */
typedef struct text {
    const tp_bytes *b;
    const char *at, *end;
} text;

/* Where in the file the next character is. */
static int64_t place(const text *t) { return t->b->at - (t->end - t->at); }

static bool bad(const text *t, const char *what)
{
    if (t->at == t->end) return tp_bytes_bad(t->b, place(t), "%s expected, the header ends", what);
    return tp_bytes_bad(t->b, place(t), "%s expected, not '%.1s'", what,
                        *t->at >= ' ' && *t->at <= '~' ? t->at : "?");
}

static void skip_spaces(text *t)
{
    while (t->at < t->end && *t->at == ' ') t->at++;
}

/* Whether the next character is that, which is then taken. */
static bool take(text *t, char wanted)
{
    skip_spaces(t);
    if (t->at == t->end || *t->at != wanted) return false;
    t->at++;
    return true;
}

static bool take_word(text *t, const char *word)
{
    size_t n = strlen(word);
    skip_spaces(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n) != 0) return false;
    t->at += n;
    return true;
}

/* A text in quotes, without escapes. */
static bool read_quoted(text *t, const char **value, size_t *n)
{
    skip_spaces(t);
    char quote = t->at < t->end ? *t->at : 0;
    if (quote != '\'' && quote != '"') return bad(t, "a text in quotes");
    *value = ++t->at;
    while (t->at < t->end && *t->at != quote && *t->at != '\\') t->at++;
    if (t->at == t->end || *t->at != quote) return bad(t, "the end of a text in quotes");
    *n = (size_t)(t->at++ - *value);
    return true;
}

/* --- dtypes --- */

/* Passes over a list: the fields of a structured dtype, which Taper does not have. */
static bool skip_list(text *t)
{
    char closing[MOST_DEPTH];
    int depth = 0;
    do {
        const char *unused;
        size_t n;
        skip_spaces(t);
        if (t->at == t->end) return bad(t, "the end of a list");
        char c = *t->at;
        if ((c == '[' || c == '(') && depth == MOST_DEPTH) return bad(t, "a list less deep");
        if (c == '\'' || c == '"') {
            if (!read_quoted(t, &unused, &n)) return false;
            continue;
        }
        if (c == '[' || c == '(') closing[depth++] = c == '[' ? ']' : ')';
        if ((c == ']' || c == ')') && c != closing[--depth]) return bad(t, "the other bracket");
        t->at++;
    } while (depth > 0);
    return true;
}

/* The dtype that `descr` stands for: an order ('|' only of single bytes), a kind, a size. */
static tp_dtype find_dtype(const char *descr, bool *big_endian)
{
    for (int d = 0; d < TP_DTYPES; d++) {
        if (!descr_of[d] || !*descr || strcmp(descr + 1, descr_of[d] + 1) != 0) continue;
        *big_endian = *descr == '>';
        bool order = *descr == '<' || *descr == '>' || *descr == *descr_of[d];
        return order ? (tp_dtype)d : TP_DTYPES;
    }
    return TP_DTYPES;
}

static bool read_descr(text *t, tp_npy *head)
{
    const char *value;
    size_t n, most = sizeof head->dtype_name - 1;
    skip_spaces(t);
    if (t->at < t->end && *t->at == '[') {
        value = t->at;
        if (!skip_list(t)) return false;
        n = (size_t)(t->at - value);
    } else if (!read_quoted(t, &value, &n)) {
        return false;
    }
    snprintf(head->dtype_name, sizeof head->dtype_name, "%.*s", (int)(n < most ? n : most), value);
    head->dtype = n < most ? find_dtype(head->dtype_name, &head->big_endian) : TP_DTYPES;
    return true;
}

/* --- shape and the rest --- */

static bool read_size(text *t, int64_t *size)
{
    const char *first = t->at;
    for (*size = 0; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
        if (__builtin_mul_overflow(*size, 10, size) || __builtin_add_overflow(*size, *t->at - '0', size))
            return bad(t, "a size below 2^63");
    if (t->at == first) return bad(t, "a size");
    if (*first != '0' || t->at == first + 1) return true;
    t->at = first;
    return bad(t, "a size without zeros in front");
}

/* A tuple: (), (3,), (3, 4) or (3, 4,). */
static bool read_shape(text *t, tp_npy *head)
{
    bool comma = true;
    head->shape.n = 0;
    if (!take(t, '(')) return bad(t, "the tuple of a shape");
    for (; (!comma && head->shape.n == 1) || !take(t, ')'); comma = take(t, ',')) {
        if (!comma || head->shape.n == TP_MAX_RANK) return bad(t, comma ? "at most 8 sizes" : "a comma");
        if (!read_size(t, &head->shape.v[head->shape.n++])) return false;
    }
    return true;
}

static bool read_order(text *t, tp_npy *head)
{
    head->fortran_order = take_word(t, "True");
    return head->fortran_order || take_word(t, "False") || bad(t, "True or False");
}

static const char *const keys[] = {"descr", "fortran_order", "shape"};
enum { KEYS = 3 };

/* Reads a key with its colon: one that is not yet `seen`. */
static bool read_key(text *t, bool *seen, int *k)
{
    const char *key;
    size_t n;
    if (!read_quoted(t, &key, &n)) return false;
    for (*k = 0; *k < KEYS; ++*k)
        if (!seen[*k] && strlen(keys[*k]) == n && memcmp(keys[*k], key, n) == 0) break;
    if (*k == KEYS)
        return tp_bytes_bad(
            t->b, place(t),
            "before this, one of the keys descr, fortran_order and shape expected, each once, not '%.*s'",
            n < 32 ? (int)n : 32, key);
    seen[*k] = true;
    return take(t, ':') || bad(t, "a colon");
}

static bool read_dict(text *t, tp_npy *head)
{
    static bool (*const readers[])(text *, tp_npy *) = {read_descr, read_order, read_shape};
    bool seen[KEYS] = {false}, comma = true;
    int k;
    if (!take(t, '{')) return bad(t, "a dict");
    while (!take(t, '}')) {
        if (!comma) return bad(t, "a comma");
        if (!read_key(t, seen, &k) || !readers[k](t, head)) return false;
        comma = take(t, ',');
    }
    for (k = 0; k < KEYS; k++)
        if (!seen[k]) return tp_bytes_bad(t->b, place(t), "the dict ends without the key %s", keys[k]);
    skip_spaces(t);
    if (t->at < t->end && *t->at == '\n') t->at++;
    return t->at == t->end || bad(t, "the end of the header");
}

bool tp_npy_head(tp_bytes *b, tp_npy *head)
{
    unsigned char start[12];
    *head = (tp_npy){.dtype = TP_DTYPES};
    if (!tp_bytes_take(b, start, 10)) return false;
    if (memcmp(start, magic, sizeof magic) != 0) return tp_bytes_bad(b, 0, "it is no npy file");
    if (start[6] < 1 || start[6] > 3 || start[7] != 0)
        return tp_bytes_bad(b, 6, "version %d.%d, which is none of 1.0, 2.0 and 3.0", start[6], start[7]);
    size_t length = (size_t)(start[8] | start[9] << 8);
    if (start[6] > 1) {
        if (!tp_bytes_take(b, start + 10, 2)) return false;
        length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
    }
    if (length > MOST_HEADER || (int64_t)length > b->size - b->at)
        return tp_bytes_bad(b, 8, "a header of %zu bytes, of %lld that follow; at most %d", length,
                            (long long)(b->size - b->at), MOST_HEADER);
    char *header = tp_alloc(b->c, length + 1);
    if (!header) return false;
    text t = {.b = b, .at = header, .end = header + length};
    bool good = tp_bytes_take(b, header, length) && read_dict(&t, head);
    tp_free(b->c, header, length + 1);
    return good && (head->dtype == TP_DTYPES || tp_bytes_fit(b, head->shape, head->dtype));
}

/* --- read --- */

static void reverse(tp_ints *list)
{
    for (int i = 0, k = list->n - 1; i < k; i++, k--) {
        int64_t v = list->v[i];
        list->v[i] = list->v[k];
        list->v[k] = v;
    }
}

tp_tensor *tp_npy_elements(tp_bytes *b, const tp_npy *head)
{
    tp_shape shape = head->shape;
    if (head->dtype == TP_DTYPES) {
        tp_fail(b->c, TP_ERR_DTYPE, "%s: %s is of dtype '%s', which Taper does not have", b->call, b->name,
                head->dtype_name);
        return tp_nil(b->c);
    }
    if (head->fortran_order) reverse(&shape);
    tp_tensor *t = tp_bytes_tensor(b, shape, head->dtype, head->big_endian);
    if (!head->fortran_order || shape.n < 2 || tp_is_nil(t)) return t;
    tp_axes axes = {.n = shape.n};
    for (int i = 0; i < axes.n; i++) axes.v[i] = axes.n - 1 - i;
    tp_tensor *view = tp_permute(t, axes);
    tp_drop(t);
    return view;
}

tp_tensor *tp_npy_read(tp_context *c, const char *path)
{
    static const char call[] = "tp_npy_read";
    tp_input in;
    tp_bytes b;
    tp_npy head;
    if (!tp_ok(c)) return tp_nil(c);
    tp_tensor *t = tp_nil(c);
    if (tp_input_open(&in, c, path, call)) {
        tp_bytes_of_file(&b, &in, call);
        if (tp_npy_head(&b, &head)) t = tp_npy_elements(&b, &head);
    }
    tp_input_close(&in);
    return t;
}

tp_status tp_npy_look(tp_context *c, const char *path, tp_npy *what)
{
    static const char call[] = "tp_npy_look";
    tp_input in;
    tp_bytes b;
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    if (!what) return tp_report(c, TP_ERR_ARGUMENT, "%s: argument 'what' is NULL", call);
    if (tp_input_open(&in, c, path, call)) {
        tp_bytes_of_file(&b, &in, call);
        tp_npy_head(&b, what);
    }
    tp_input_close(&in);
    return tp_settle(c);
}

/* --- write --- */

size_t tp_npy_write_head(const tp_tensor *t, char head[TP_NPY_MOST_HEAD], const char *call)
{
    enum { START = 10 };
    const char *descr = descr_of[tp_dtype_of(t)];
    if (!descr) {
        tp_fail(tp_context_of(t), TP_ERR_DTYPE, "%s: NumPy has no dtype %s", call,
                tp_dtype_name(tp_dtype_of(t)));
        return 0;
    }
    size_t n = START;
    n += (size_t)snprintf(head + n, TP_NPY_MOST_HEAD - n,
                          "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < tp_rank(t); i++)
        n +=
            (size_t)snprintf(head + n, TP_NPY_MOST_HEAD - n, i ? ", %lld" : "%lld", (long long)tp_size(t, i));
    n += (size_t)snprintf(head + n, TP_NPY_MOST_HEAD - n, tp_rank(t) == 1 ? ",), }" : "), }");
    while ((n + 1) % ALIGNMENT) head[n++] = ' ';
    head[n++] = '\n';
    memcpy(head, magic, sizeof magic);
    head[6] = 1;
    head[7] = 0;
    head[8] = (char)((n - START) & 255);
    head[9] = (char)((n - START) >> 8);
    return n;
}

tp_status tp_npy_save(tp_tensor *t, const char *path)
{
    static const char call[] = "tp_npy_save";
    tp_context *c = tp_context_of(t);
    char head[TP_NPY_MOST_HEAD];
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    size_t n = tp_object_usable(c, (tp_object *)t, call, "t") ? tp_npy_write_head(t, head, call) : 0;
    if (n) {
        tp_mark scope = tp_open_no_grad(c);
        tp_tensor *elements = tp_in_order(t, false);
        tp_output o = {.c = c, .call = call, .path = path};
        tp_output_open(&o);
        tp_output_put(&o, head, n);
        tp_output_put(&o, tp_data(elements), (size_t)tp_numel(t) * tp_dtype_size(tp_dtype_of(t)));
        tp_output_close(&o);
        tp_close_scope(c, scope);
    }
    return tp_settle(c);
}
