/* faults.h - allocations that fail one after another, and what must hold after each. */
#ifndef TAPER_FAULTS_H
#define TAPER_FAULTS_H

#include "fixture.h"

/* An allocation hook of which the at-th allocation fails, and with `rest` all after it. */
typedef struct faulty {
    ledger books;
    long asked, at; /* allocations since it was armed; at 0: none fails */
    bool rest;
    long refused;
} faulty;

static inline void *faulty_allocator(void *user, void *block, size_t old_size, size_t new_size)
{
    faulty *f = user;
    if (!block && new_size && f->at) {
        f->asked++;
        if (f->asked == f->at || (f->rest && f->asked > f->at)) {
            f->refused++;
            return NULL;
        }
    }
    return ledger_allocator(&f->books, block, old_size, new_size);
}

static inline tp_context *faulty_open(faulty *f, bool rest)
{
    *f = (faulty){.rest = rest};
    ledger_start(&f->books);
    return tp_open(&(tp_options){.allocator = faulty_allocator, .allocator_user = f, .no_cache = true});
}

static inline void faulty_arm(faulty *f, long at)
{
    f->at = at;
    f->asked = f->refused = 0;
}

/* True if something was refused since the last faulty_arm; arms nothing any more. */
static inline bool faulty_disarm(faulty *f)
{
    f->at = 0;
    return f->refused > 0;
}

/* What a call gave: the elements of its results in a row. */
typedef struct outcome {
    int n;
    double value[MOST_VALUES];
} outcome;

static inline void outcome_add(outcome *o, const tp_tensor *t)
{
    int64_t n = tp_numel(t);
    assert_true(o->n + n <= MOST_VALUES);
    if (n && tp_read_doubles(t, o->value + o->n, n) == TP_OK) o->n += (int)n;
}

static inline bool outcome_equal(const outcome *a, const outcome *b)
{
    return a->n == b->n && memcmp(a->value, b->value, (size_t)a->n * sizeof a->value[0]) == 0;
}

/* Fails the test, saying where in the walk it stands. */
#define EXPECT(condition, name, at, c)                                                           \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            print_error("%s, allocation %ld: not %s; error %d '%s'\n", (name), (at), #condition, \
                        (int)tp_error(c), tp_error_text(c));                                     \
            fail();                                                                              \
        }                                                                                        \
    } while (0)

/* A failed allocation is blamed on a call. */
static inline bool names_a_call(const char *text)
{
    const char *colon = strstr(text, ": no memory for ");
    return colon && colon > text;
}

#endif
