/* net.c - nets as text. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 12 };

static char *text_of(const tp_module *m)
{
    size_t n = tp_net_text(m, NULL, 0) + 1;
    char *text = malloc(n);
    HOLDS(n > 1 && text && tp_net_text(m, text, n) == n - 1);
    return text;
}

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    tp_shape shape = TP_SHAPE(2, 3);
    tp_module *net = tp_net(c, fuzz_text(data, size), shape, .most = MOST);
    if (!fuzz_accepted(c)) return;
    char *text = text_of(net);
    tp_module *again = tp_net(c, text, shape, .most = MOST, .no_flatten = true);
    HOLDS(tp_ok(c) && tp_parameters(again) == tp_parameters(net));
    char *text_again = text_of(again);
    HOLDS(strcmp(text, text_again) == 0);
    free(text);
    free(text_again);
}
