/* format.c - tensors as text, as NumPy's str() writes them. */
#include "tensor/dtype.h"
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PRECISION = 8,    /* digits after the point */
    THRESHOLD = 1000, /* more elements are summarized ... */
    EDGE = 3,         /* ... by this many at each end of an axis */
    LINE_WIDTH = 75,  /* before a row of elements is wrapped */
    MAX_DIGITS = 17,  /* that any f64 needs */
    ELEMENT_TEXT = 64 /* room for an element as text, padded */
};

static double load(const char *element, tp_dtype dtype)
{
    double x;
    tp_convert(&x, 1, TP_F64, element, 1, dtype, 1);
    return x;
}

/* x rounded to the dtype. */
static double in_dtype(double x, tp_dtype dtype)
{
    char element[sizeof(double)];
    tp_convert(element, 1, dtype, &x, 1, TP_F64, 1);
    return load(element, dtype);
}

/* --- decimal numbers; no text here has a decimal point, so the locale's does not matter --- */

/* A finite number: +-d.ddd * 10^exponent, without trailing zeros. */
typedef struct decimal {
    bool negative;
    int n;
    char digits[MAX_DIGITS + 1];
    int exponent;
} decimal;

/* x rounded to n digits. */
static decimal rounded(double x, int n)
{
    char text[48];
    decimal d = {.negative = signbit(x)};
    snprintf(text, sizeof text, "%.*e", n - 1, fabs(x));
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9') d.digits[d.n++] = *p;
    d.exponent = (int)strtol(p + 1, NULL, 10);
    while (d.n > 1 && d.digits[d.n - 1] == '0') d.n--;
    d.digits[d.n] = 0;
    return d;
}

/* The value of the dtype nearest to integer * 10^exponent. */
static double nearest(unsigned long long integer, int exponent, tp_dtype dtype)
{
    char text[48];
    snprintf(text, sizeof text, "%llue%d", integer, exponent);
    if (dtype == TP_F32) return (double)strtof(text, NULL);
    double x = strtod(text, NULL);
    if (dtype == TP_F64) return x;
    return in_dtype(x, dtype);
}

/* The fewest digits that no other number of the dtype is nearer to. Where the number nearest in n digits is
 * another's (below a power of two the numbers are closer), one of its neighbours may be this one's. */
static decimal shortest(double x, tp_dtype dtype)
{
    for (int n = 1; n < MAX_DIGITS; n++) {
        char text[48];
        decimal d = rounded(x, n);
        unsigned long long integer = strtoull(d.digits, NULL, 10);
        for (int k = d.n; k < n; k++) integer *= 10;
        for (int k = 0; k < 3; k++) {
            unsigned long long candidate = k == 0 ? integer : k == 1 ? integer + 1 : integer - 1;
            if (nearest(candidate, d.exponent - n + 1, dtype) != fabs(x)) continue;
            int length = snprintf(text, sizeof text, "%llu", candidate);
            d.exponent += length - n;
            while (length > 1 && text[length - 1] == '0') length--;
            d.n = length;
            memcpy(d.digits, text, (size_t)length);
            return d;
        }
    }
    return rounded(x, MAX_DIGITS);
}

/* As many digits as needed, at most PRECISION after the point of the notation used. */
static decimal digits_of(double x, tp_dtype dtype, bool scientific)
{
    decimal d = shortest(x, dtype);
    int whole = scientific ? 1 : d.exponent + 1;
    return d.n > whole + PRECISION ? rounded(x, whole + PRECISION) : d;
}

static int exponent_digits(const decimal *d)
{
    int e = abs(d->exponent);
    return e >= 100 ? 3 : 2;
}

/* Characters before and after the point, which the exponent's are not among. */
static void measure(const decimal *d, bool scientific, int *before, int *after)
{
    int whole = scientific ? 1 : d->exponent + 1;
    *before = d->negative + (whole > 1 ? whole : 1);
    *after = d->n > whole ? d->n - whole : 0;
}

/* --- how the elements of one tensor are written --- */

typedef struct format {
    tp_array a;
    bool summary;
    bool scientific;
    double smallest, largest; /* magnitudes of the finite elements that are not 0 */
    int before, after;        /* most characters on each side of the point */
    int exponent;             /* most digits of an exponent */
    int width;                /* of an element */

    char *buf; /* where the text goes, and what of it there is so far */
    size_t n, length;
    int column; /* characters on the line so far ... */
    int spaces; /* ... and those at its end that are written once something follows */
} format;

static int larger(int a, int b) { return a > b ? a : b; }

static void measure_magnitude(format *f, const char *element)
{
    double x = fabs(load(element, f->a.dtype));
    if (isfinite(x)) {
        if (x > f->largest) f->largest = x;
        if (x > 0 && x < f->smallest) f->smallest = x;
    }
}

static void measure_float(format *f, const char *element)
{
    double x = load(element, f->a.dtype);
    if (!isfinite(x)) {
        if (f->width < 3 + (x < 0)) f->width = 3 + (x < 0);
        return;
    }
    int before, after;
    decimal d = digits_of(x, f->a.dtype, f->scientific);
    measure(&d, f->scientific, &before, &after);
    f->before = larger(f->before, before);
    f->after = larger(f->after, after);
    f->exponent = larger(f->exponent, exponent_digits(&d));
}

static int write_integer(const format *f, const char *element, char *text)
{
    if (f->a.dtype == TP_U64) {
        uint64_t u;
        memcpy(&u, element, sizeof u);
        return snprintf(text, ELEMENT_TEXT, "%*llu", f->width, (unsigned long long)u);
    }
    int64_t i;
    tp_convert(&i, 1, TP_I64, element, 1, f->a.dtype, 1);
    return snprintf(text, ELEMENT_TEXT, "%*lld", f->width, (long long)i);
}

static void measure_integer(format *f, const char *element)
{
    char text[ELEMENT_TEXT];
    f->width = larger(f->width, write_integer(f, element, text));
}

/* Visits what will be written, from `axis` inward. */
static void visit(format *f, int axis, const char *at, void (*element)(format *f, const char *element))
{
    if (axis == f->a.rank) {
        element(f, at);
        return;
    }
    int64_t size = f->a.size[axis], step = f->a.stride[axis] * (int64_t)tp_dtype_size(f->a.dtype);
    for (int64_t i = 0; i < size; i++) {
        if (i == EDGE && f->summary && size > 2 * EDGE) i = size - EDGE;
        visit(f, axis + 1, at + i * step, element);
    }
}

/* NumPy's rule; it divides in the dtype. */
static bool wants_exponent(const format *f)
{
    return f->largest > 0 &&
           (f->largest >= 1e8 || f->smallest < 1e-4 || in_dtype(f->largest / f->smallest, f->a.dtype) > 1000);
}

static void plan(format *f)
{
    if (f->a.dtype == TP_BOOL) {
        f->width = f->a.rank ? 5 : 0;
    } else if (!tp_dtype_is_float(f->a.dtype)) {
        visit(f, 0, f->a.data, measure_integer);
    } else {
        f->smallest = INFINITY;
        visit(f, 0, f->a.data, measure_magnitude);
        f->scientific = wants_exponent(f);
        visit(f, 0, f->a.data, measure_float);
        if (f->before) /* something is finite */
            f->width = larger(f->width, f->before + 1 + f->after + (f->scientific ? 2 + f->exponent : 0));
    }
}

/* --- elements --- */

/* `count` digits from place `from` on, 0 where d has none. */
static char *put_digits(char *p, const decimal *d, int from, int count)
{
    for (int k = from; k < from + count; k++) *p++ = k >= 0 && k < d->n ? d->digits[k] : '0';
    return p;
}

static char *put_whole(char *p, const decimal *d, bool scientific)
{
    if (d->negative) *p++ = '-';
    return put_digits(p, d, scientific || d->exponent >= 0 ? 0 : -1,
                      scientific || d->exponent < 0 ? 1 : d->exponent + 1);
}

static char *put_exponent(char *p, const decimal *d, int digits)
{
    return p + snprintf(p, 8, "e%c%0*d", d->exponent < 0 ? '-' : '+', digits, abs(d->exponent));
}

static const char *not_finite(double x) { return isnan(x) ? "nan" : x < 0 ? "-inf" : "inf"; }

static int write_float(const format *f, double x, char *text)
{
    if (!isfinite(x)) return snprintf(text, ELEMENT_TEXT, "%*s", f->width, not_finite(x));
    decimal d = digits_of(x, f->a.dtype, f->scientific);
    int before, after;
    measure(&d, f->scientific, &before, &after);
    int least = f->scientific ? 1 + f->after : d.exponent + 1;
    if (d.n < least) d = rounded(x, least); /* fills up with its own digits, not with zeros */
    int tail = 1 + f->after + (f->scientific ? 2 + f->exponent : 0);
    char *p = text;
    while (p < text + f->width - tail - before) *p++ = ' ';
    p = put_whole(p, &d, f->scientific);
    *p++ = '.';
    p = put_digits(p, &d, f->scientific ? 1 : d.exponent + 1, f->scientific ? f->after : after);
    if (f->scientific) p = put_exponent(p, &d, f->exponent);
    while (p < text + f->width) *p++ = ' ';
    return (int)(p - text);
}

/* A scalar has all its digits, and a notation of its own. */
static int write_scalar(double x, tp_dtype dtype, char *text)
{
    if (!isfinite(x)) return snprintf(text, ELEMENT_TEXT, "%s", not_finite(x));
    bool scientific = x != 0 && !(fabs(x) >= 1e-4 && fabs(x) < 1e16);
    decimal d = shortest(x, dtype);
    int before, after;
    measure(&d, scientific, &before, &after);
    if (!scientific && after == 0) after = 1;
    char *p = put_whole(text, &d, scientific);
    if (after) *p++ = '.';
    p = put_digits(p, &d, scientific ? 1 : d.exponent + 1, after);
    if (scientific) p = put_exponent(p, &d, exponent_digits(&d));
    return (int)(p - text);
}

static int write_element(const format *f, const char *element, char *text)
{
    tp_dtype dtype = f->a.dtype;
    if (dtype == TP_BOOL) return snprintf(text, ELEMENT_TEXT, "%*s", f->width, *element ? "True" : "False");
    if (!tp_dtype_is_float(dtype)) return write_integer(f, element, text);
    double x = load(element, dtype);
    return f->a.rank ? write_float(f, x, text) : write_scalar(x, dtype, text);
}

/* --- lines --- */

static void put_char(format *f, char ch)
{
    if (f->length + 1 < f->n) f->buf[f->length] = ch;
    f->length++;
}

static void put(format *f, char ch)
{
    f->column++;
    if (ch == ' ') {
        f->spaces++;
        return;
    }
    for (; ch != '\n' && f->spaces; f->spaces--) put_char(f, ' ');
    put_char(f, ch);
    if (ch == '\n') f->column = f->spaces = 0;
}

static void put_times(format *f, char ch, int times)
{
    while (times-- > 0) put(f, ch);
}

/* A word, on a new line if this one has words and no room. */
static void put_word(format *f, const char *word, int n)
{
    int rank = f->a.rank;
    if (f->column > rank && f->column + n > LINE_WIDTH - rank) {
        put(f, '\n');
        put_times(f, ' ', rank);
    }
    for (int i = 0; i < n; i++) put(f, word[i]);
}

static void put_block(format *f, int axis, const char *at)
{
    int rank = f->a.rank;
    if (axis == rank) {
        char text[ELEMENT_TEXT];
        put_word(f, text, write_element(f, at, text));
        return;
    }
    int64_t size = f->a.size[axis], step = f->a.stride[axis] * (int64_t)tp_dtype_size(f->a.dtype);
    put(f, '[');
    for (int64_t i = 0; i < size; i++) {
        bool gap = i == EDGE && f->summary && size > 2 * EDGE;
        if (gap) i = size - EDGE - 1;
        put_times(f, '\n', i ? rank - axis - 1 : 0);
        put_times(f, ' ', i ? (axis == rank - 1 ? 1 : axis + 1) : 0);
        if (gap)
            put_word(f, "...", 3);
        else
            put_block(f, axis + 1, at + i * step);
    }
    put(f, ']');
}

size_t tp_format(const tp_tensor *t, char *buf, size_t n)
{
    if (!tp_tensor_alive(t, "tp_format")) return (size_t)snprintf(buf, n, "nil");
    if (tp_numel(t) == 0) return (size_t)snprintf(buf, n, "[]");
    format f = {.buf = buf, .n = n, .summary = tp_numel(t) > THRESHOLD};
    tp_tensor_array(t, &f.a);
    plan(&f);
    put_block(&f, 0, f.a.data);
    if (n) buf[f.length < n ? f.length : n - 1] = 0;
    return f.length;
}
