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
            reach_note(f->rest ? REACH_REFUSED_WITH_REST : REACH_REFUSED);
            return NULL;
        }
        return ledger_take(&f->books, new_size);
    }
    return ledger_allocator(&f->books, block, old_size, new_size);
}

static inline tp_context *faulty_open(faulty *f, bool rest)
{
    *f = (faulty){.rest = rest};
    ledger_start(&f->books);
    return tp_open(&(tp_options){.allocator = faulty_allocator, .allocator_user = f, .no_cache = true});
}

/* Whether all allocations after the failing one fail too, as FAULT_TESTS has it. */
static bool all_after;

static inline int one_fails(void **state)
{
    all_after = false;
    return open_context(state);
}

static inline int all_fail(void **state)
{
    all_after = true;
    return open_context(state);
}

/* A test of failing allocations, twice: one fails, and all from it on. */
#define FAULT_TESTS(function)                                                       \
    {#function ", one fails", function, one_fails, close_context, NULL},            \
    {                                                                               \
#function ", all from one on fail", function, all_fail, close_context, NULL \
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

/* What a call gave: how many elements, and a hash (FNV-1a) of their bits. */
typedef struct outcome {
    int64_t n;
    uint64_t hash;
} outcome;

static inline void outcome_number(outcome *o, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    o->hash = (o->hash ^ bits) * 0x100000001b3;
    o->hash ^= o->hash >> 32;
    o->n++;
}

static inline void outcome_add(outcome *o, const tp_tensor *t)
{
    int64_t n = tp_numel(t);
    double *values = malloc((size_t)n * sizeof *values + 1);
    assert_non_null(values);
    assert_true(n == 0 || tp_read_doubles(t, values, n) == TP_OK);
    for (int64_t i = 0; i < n; i++) outcome_number(o, values[i]);
    free(values);
}

static inline bool outcome_equal(const outcome *a, const outcome *b)
{
    return a->n == b->n && a->hash == b->hash;
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
