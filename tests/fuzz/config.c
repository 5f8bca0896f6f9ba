/* config.c - the settings of a run, JSON, as a command line. */
#include "fuzz.h"

#include "../../cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *cli_program = "taper";
const cli_verb *cli_verb_at(int i) { return i == 0 ? &cli_train : NULL; }
const char *cli_verb_name(const void *unused, int i) { return unused || i ? NULL : "train"; }

void fuzz_target(tp_context *c, const uint8_t *data, size_t size)
{
    (void)c;
    static char flag[] = "--resume";
    static FILE *nowhere;
    char folder[600];
    if (!nowhere) stderr = nowhere = fopen("/dev/null", "w"); /* nobody reads what is wrong with each input */
    HOLDS(nowhere != NULL);
    cli_args args;
    snprintf(folder, sizeof folder, "%s", fuzz_path(""));
    HOLDS(cli_read_args(&args, &cli_train, 2, (char *[]){flag, folder}) == CLI_OK);
    fuzz_file("config.json", data, size);
    json_t *config = cli_config_take(&args, folder);
    if (!config) return;
    cli_check_schedule(&args);
    json_t *once = cli_config_of(&args);
    static char text[1 << 16];
    size_t length = json_dumpb(once, text, sizeof text, 0);
    HOLDS(length > 0 && length <= sizeof text);
    fuzz_file("config.json", (const uint8_t *)text, length);
    cli_args again;
    HOLDS(cli_read_args(&again, &cli_train, 2, (char *[]){flag, folder}) == CLI_OK);
    json_t *config_again = cli_config_take(&again, folder);
    HOLDS(config_again != NULL);
    json_t *twice = cli_config_of(&again);
    HOLDS(json_equal(once, twice));
    json_decref(config);
    json_decref(config_again);
    json_decref(once);
    json_decref(twice);
}
