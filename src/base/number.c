/* number.c - numbers as text, with a decimal point in every locale. */
#include <taper/ext.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes this thread read and write as in C; returns what leave takes. */
static locale_t enter(locale_t *before)
{
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    *before = uselocale(plain);
    return plain;
}

static void leave(locale_t plain, locale_t before)
{
    uselocale(before);
    if (plain) freelocale(plain);
}

size_t tp_parse_number(const char *text, double *value)
{
    const char *digits = text + (*text == '+' || *text == '-');
    bool named = strncmp(digits, "inf", 3) == 0 || strncmp(digits, "nan", 3) == 0;
    if (named) { /* and not "infinity", "INF" or "nan(7)" */
        double magnitude = *digits == 'i' ? strtod("inf", NULL) : strtod("nan", NULL);
        *value = *text == '-' ? -magnitude : magnitude;
        return (size_t)(digits - text) + 3;
    }
    bool decimal = (*digits >= '0' && *digits <= '9') || *digits == '.';
    if (!decimal || (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))) return 0;
    char *end;
    locale_t before, plain = enter(&before);
    *value = strtod(text, &end);
    leave(plain, before);
    return (size_t)(end - text);
}

size_t tp_number_text(double value, char *buf, size_t n)
{
    enum { MOST_DIGITS = 17 }; /* that any f64 needs */
    char text[32] = "nan";     /* without a sign */
    bool whole = fabs(value) < 1e15 && value == floor(value);
    locale_t before, plain = enter(&before);
    if (whole) snprintf(text, sizeof text, "%.0f", value);
    for (int digits = 1; value == value && !whole && digits <= MOST_DIGITS; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    leave(plain, before);
    return (size_t)snprintf(buf, n, "%s", text);
}
