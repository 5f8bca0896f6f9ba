/* expect.h - what the programs of docs/systems share: each number is shown next to the one it has to be. */
#ifndef EXAMPLES_EXPECT_H
#define EXAMPLES_EXPECT_H

#include <taper/taper.h>

#include <math.h>
#include <stdio.h>

enum { OFF = 5 }; /* the exit code if a number is not what it has to be */

static int off; /* how many are not */

/* Prints a number, and what it has to be within `tolerance`. */
static inline void expect(const char *what, double got, double wanted, double tolerance)
{
    bool right = fabs(got - wanted) <= tolerance;
    printf("%-28s %18.14g  expected %18.14g%s\n", what, got, wanted, right ? "" : "  OFF");
    off += !right;
}

/* The same for number i of a sequence. */
static inline void expect_at(const char *what, int i, double got, double wanted, double tolerance)
{
    char line[64];
    snprintf(line, sizeof line, "%s %d", what, i);
    expect(line, got, wanted, tolerance);
}

/* Ends main: closes the context, says what went wrong. */
static inline int finish(tp_context *c)
{
    if (!tp_ok(c)) fprintf(stderr, "%s\n", tp_error_text(c));
    int failed = tp_close(c);
    if (off) fprintf(stderr, "%d numbers are off\n", off);
    return failed ? failed : off ? OFF : 0;
}

#endif
