/* place.h - where a training stands, in numbers. */
#ifndef TRAIN_PLACE_H
#define TRAIN_PLACE_H

#include "train/checkpoint.h"

#include <jansson.h>

/* Where a training stands; beside it in the JSON are its options, schedules and what is frozen. */
typedef struct tp_place {
    int64_t number; /* of the checkpoint */
    int64_t epoch, batch, best_epoch, since_best, steps;
    uint64_t seed, counter; /* of the context's random stream */
    double epoch_loss, last_loss, lr, best, base_lr;
} tp_place;

/* All of a training that is no tensor, as JSON; NULL without memory. */
json_t *tp_place_to_json(const tp_training *t, int64_t number);

/* Takes the place from JSON; the name of what is not there as it should be, NULL if all is. */
const char *tp_place_read(tp_place *p, const json_t *json);

/* Whether the JSON comes from a training with the same options; records where they differ. */
bool tp_place_same_training(const tp_training *t, const json_t *json);

/* The name of what a training with so many epochs in its history cannot have; NULL if it can stand there,
 * with its schedules as the JSON says. */
const char *tp_place_impossible(const tp_place *p, const tp_training *t, const json_t *json, int64_t epochs);

/* Whether the JSON says that the parameter at that path is not trained. */
bool tp_place_is_frozen(const json_t *json, const char *path);

/* Puts it there, which is possible, and the rest of the JSON. */
void tp_place_go(tp_training *t, const tp_place *p, const json_t *json);

#endif
