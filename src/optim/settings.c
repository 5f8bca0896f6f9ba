/* settings.c - options as numbers, with their defaults and bounds. */
#include "optim/optim.h"

#include <math.h>
#include <string.h>

static double given(const tp_setting *s, const void *options)
{
    double number;
    bool flag;
    if (!options) return 0;
    const char *field = (const char *)options + s->offset;
    memcpy(s->flag ? (void *)&flag : (void *)&number, field, s->flag ? sizeof flag : sizeof number);
    return s->flag ? flag : number;
}

bool tp_read_settings(tp_context *c, const char *call, int n, const tp_setting *settings,
                      const double *defaults, const void *options, double *numbers)
{
    for (int i = 0; i < n; i++) {
        const tp_setting *s = &settings[i];
        double value = given(s, options);
        if (isnan(defaults[i]) && value != 0) {
            tp_fail(c, TP_ERR_ARGUMENT, "%s: takes no .%s", call, s->name);
            return false;
        }
        numbers[i] = value == 0 ? defaults[i] : value == TP_ZERO ? 0 : value;
        if (isnan(defaults[i]) || s->flag) continue;
        if (!isfinite(numbers[i]) || (s->below > 0 && !(numbers[i] >= 0 && numbers[i] < s->below))) {
            tp_fail(c, TP_ERR_ARGUMENT, "%s: .%s takes %s, got %g", call, s->name,
                    s->below == 0  ? "a finite number"
                    : s->below > 1 ? "a finite number, 0 or more"
                                   : "0 or more, but less than 1",
                    numbers[i]);
            return false;
        }
    }
    return true;
}
