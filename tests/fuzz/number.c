/* number.c - numbers as text, with strtod as the judge. */
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    (void)c;
    char prefix[4096], text[64], *end;
    double value, again;
    const char *all = fuzz_text(data, size);
    size_t n = tp_parse_number(all, &value);
    if (n == 0 || n >= sizeof prefix) return;
    memcpy(prefix, all, n);
    prefix[n] = 0;
    double wanted = strtod(prefix, &end);
    HOLDS(*end == 0 && (isnan(wanted) ? isnan(value) : memcmp(&wanted, &value, sizeof value) == 0));
    size_t length = tp_number_text(value, text, sizeof text);
    HOLDS(length < sizeof text && tp_parse_number(text, &again) == length);
    HOLDS(isnan(value) ? isnan(again) : memcmp(&again, &value, sizeof value) == 0);
}
