/* fixture.h - a context for each test, over an allocator that checks sizes and counts what is out. */
#ifndef TAPER_FIXTURE_H
#define TAPER_FIXTURE_H

#include "reach.h"
#include "testing.h"

#include <taper/taper.h>

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an allocation hook has given out. */
typedef struct ledger {
    atomic_size_t blocks, bytes, calls, most; /* calls: allocations; most: of bytes */
    atomic_long left;                         /* allocations until all fail; negative: none does */
} ledger;

static inline void *ledger_take(ledger *books, size_t size)
{
    if (books->left == 0) return NULL;
    if (books->left > 0) books->left--;
    size_t *head = malloc(size + 16);
    if (!head) return NULL;
    head[0] = size;
    atomic_fetch_add(&books->blocks, 1);
    atomic_fetch_add(&books->calls, 1);
    size_t bytes = atomic_fetch_add(&books->bytes, size) + size;
    if (bytes > books->most) books->most = bytes;
    return head + 2;
}

/* The hook. A block must come back with the size it was taken with. */
static inline void *ledger_allocator(void *user, void *block, size_t old_size, size_t new_size)
{
    ledger *books = user;
    if (!block && new_size) reach_note(books->left == 0 ? REACH_REFUSED_WITH_REST : REACH_GIVEN);
    if (!block) return new_size ? ledger_take(books, new_size) : NULL;
    size_t *head = (size_t *)block - 2;
    if (head[0] != old_size || new_size != 0) abort();
    atomic_fetch_sub(&books->blocks, 1);
    atomic_fetch_sub(&books->bytes, old_size);
    memset(block, 0xa5, old_size);
    free(head);
    return NULL;
}

static inline void ledger_start(ledger *books)
{
    memset(books, 0, sizeof *books);
    books->left = -1;
}

/* The books of the test's own context. */
static ledger books;

static inline int open_context(void **state)
{
    ledger_start(&books);
    *state = tp_open(&(tp_options){.allocator = ledger_allocator, .allocator_user = &books, .check = true});
    return *state ? 0 : -1;
}

/* A test ends without a failure pending and without a leak. */
static inline int close_context(void **state)
{
    tp_context *c = *state;
    if (!tp_ok(c)) print_error("pending: %s\n", tp_error_text(c));
    int pending = tp_close(c);
    if (books.blocks) print_error("%zu blocks leaked\n", (size_t)books.blocks);
    return pending || books.blocks ? -1 : 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_context, close_context)

/* Asserts that the context has failed so, with `text` in its message, and clears it. */
static inline void expect_error_(tp_context *c, tp_status status, const char *text, const char *file,
                                 int line)
{
    if (tp_error(c) != status || !strstr(tp_error_text(c), text)) {
        print_error("expected %d '%s', got %d '%s'\n", (int)status, text, (int)tp_error(c), tp_error_text(c));
        _fail(file, line);
    }
    tp_clear(c);
}
#define expect_error(c, status, text) expect_error_((c), (status), (text), __FILE__, __LINE__)

/* A call returned its status: the text says why, the context is usable. */
#define expect_report(c, text)                       \
    do {                                             \
        assert_true(tp_ok(c));                       \
        assert_string_equal(tp_error_text(c), text); \
    } while (0)

static inline void expect_near_(double got, double wanted, double tolerance, const char *file, int line)
{
    if (got == wanted || fabs(got - wanted) <= tolerance || (got != got && wanted != wanted)) return;
    print_error("expected %.17g, got %.17g\n", wanted, got);
    _fail(file, line);
}
#define expect_near(got, wanted, tolerance) expect_near_((got), (wanted), (tolerance), __FILE__, __LINE__)

enum { MOST_VALUES = 1024 };

/* Asserts shape and elements, the latter to 1e-12 of their size. */
static inline void expect_values_(const tp_tensor *t, tp_shape shape, const double *wanted, const char *file,
                                  int line)
{
    double got[MOST_VALUES];
    tp_shape have = tp_shape_of(t);
    if (tp_is_nil(t)) print_error("nil: %s\n", tp_error_text(tp_context_of(t)));
    if (tp_is_nil(t) || have.n != shape.n || memcmp(have.v, shape.v, (size_t)shape.n * sizeof shape.v[0])) {
        print_error("another shape\n");
        _fail(file, line);
    }
    if (tp_read_doubles(t, got, tp_numel(t)) != TP_OK) _fail(file, line);
    for (int64_t k = 0; k < tp_numel(t); k++)
        expect_near_(got[k], wanted[k], 1e-12 * (1 + fabs(wanted[k])), file, line);
}
#define expect_values(t, shape, ...) \
    expect_values_((t), (shape), (const double[]){__VA_ARGS__}, __FILE__, __LINE__)
#define expect_item(t, value) expect_values((t), TP_SCALAR, value)

/* f64 tensors of given values. */
#define VECTOR(c, ...)                                                                       \
    tp_from_doubles((c), TP_SHAPE(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), TP_F64, \
                    (double[]){__VA_ARGS__})
#define MATRIX(c, m, n, ...) tp_from_doubles((c), TP_SHAPE((m), (n)), TP_F64, (double[]){__VA_ARGS__})
#define NUMBER(c, value)     tp_scalar((c), (value), TP_F64)

#endif
