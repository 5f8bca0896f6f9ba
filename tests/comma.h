/* comma.h - a locale with a decimal comma, of our own making. */
#ifndef TAPER_COMMA_H
#define TAPER_COMMA_H

#include "testing.h"

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Runs `check` in that locale; false if it could not be made. */
static inline bool with_decimal_comma(void (*check)(void))
{
    char folder[] = "/tmp/taper-comma-XXXXXX", command[256];
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command,
             "cd %s && printf 'LC_NUMERIC\\ndecimal_point \",\"\\nthousands_sep \".\"\\ngrouping 3\\nEND "
             "LC_NUMERIC\\n' >source && localedef -c -i source ./comma >log 2>&1; test -d comma",
             folder);
    bool made = system(command) == 0;
    setenv("LOCPATH", folder, 1);
    bool set = made && setlocale(LC_NUMERIC, "comma");
    if (set) {
        char probe[16];
        snprintf(probe, sizeof probe, "%.1f", 0.5);
        assert_string_equal(probe, "0,5");
        check();
        snprintf(probe, sizeof probe, "%.1f", 0.5);
        assert_string_equal(probe, "0,5"); /* and it is still there */
    }
    setlocale(LC_NUMERIC, "C");
    unsetenv("LOCPATH");
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    return set;
}

#endif
