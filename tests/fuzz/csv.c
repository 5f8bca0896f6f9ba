/* csv.c - CSV files as data sets, with options that depend on the size. */
#include "fuzz.h"

#include <string.h>

/* Reads what was written, which has a row of names and commas. */
static void round_trip(tp_context *c, tp_dataset *d)
{
    tp_target_kind kind = tp_dataset_target_kind(d);
    HOLDS(fuzz_took(c, tp_dataset_save(d, fuzz_path("out"))));
    tp_dataset *again = tp_dataset_open(c, fuzz_path("out"), .header = TP_HEADER_YES, .separator = ',',
                                        .kind = kind, .like = d);
    HOLDS(tp_ok(c));
    fuzz_same(tp_dataset_x(d, TP_F64), tp_dataset_x(again, TP_F64));
    if (kind != TP_TARGET_NONE) fuzz_same(tp_dataset_y(d, TP_F64), tp_dataset_y(again, TP_F64));
    HOLDS(tp_dataset_classes(d) == tp_dataset_classes(again));
}

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    static const tp_dataset_options options[] = {
        {0},
        {.missing = TP_MISSING_MEAN, .kind = TP_TARGET_NONE, .separator = ','},
        {.missing = TP_MISSING_DROP, .header = TP_HEADER_NO, .target = "0"},
    };
    tp_dataset *d = tp_dataset_open_with(c, fuzz_file("in", data, size), &options[size % 3]);
    fuzz_frugal(c, 64 * size, 1 << 20);
    if (fuzz_accepted(c)) round_trip(c, d);
}
