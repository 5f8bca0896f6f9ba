/* data.c - what a model file says of data, JSON. */
#include "fuzz.h"
#include "io/safetensors.h"

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    static const char call[] = "fuzz";
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    tp_dataset *d = tp_data_from_json(c, json, call);
    json_decref(json);
    if (!fuzz_accepted(c)) return;
    json_t *once = tp_data_to_json(c, d, call);
    HOLDS(once != NULL);
    json_t *twice = tp_data_to_json(c, tp_data_from_json(c, once, call), call);
    HOLDS(json_equal(once, twice));
    json_decref(once);
    json_decref(twice);
}
