/* criterion.c - criteria as text. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static char *text_of(const tp_module *m)
{
    size_t n = tp_criterion_text(m, NULL, 0) + 1;
    char *text = malloc(n);
    HOLDS(n > 1 && text && tp_criterion_text(m, text, n) == n - 1);
    return text;
}

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    tp_module *criterion = tp_criterion_named(c, fuzz_text(data, size));
    if (!fuzz_accepted(c)) return;
    char *text = text_of(criterion);
    tp_module *again = tp_criterion_named(c, text);
    HOLDS(tp_ok(c) && tp_buffers(again) == tp_buffers(criterion));
    for (int i = 0; i < tp_buffers(again); i++)
        fuzz_same(tp_buffer_at(criterion, i, NULL, 0), tp_buffer_at(again, i, NULL, 0));
    char *text_again = text_of(again);
    HOLDS(strcmp(text, text_again) == 0);
    free(text);
    free(text_again);
}
