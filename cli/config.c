/* config.c - the settings of a training as JSON, and a command line made of them again. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 1 << 20 };

/* What the results do not depend on. */
static bool is_setting(const cli_flag *f) { return strcmp(f->name, "--threads") != 0; }

/* The name of a flag as other programs write such names: batch_size. */
static void key_of(const cli_flag *f, char *key, size_t size)
{
    snprintf(key, size, "%s", f->name + 2);
    for (char *dash; (dash = strchr(key, '-')) != NULL;) *dash = '_';
}

static json_t *value_of(const cli_args *args, const cli_flag *f)
{
    if (f->kind == CLI_INTEGER) return json_integer((json_int_t)cli_integer(args, f->name));
    if (f->kind == CLI_NUMBER) return json_real(cli_number(args, f->name));
    return json_string(cli_text(args, f->name));
}

json_t *cli_config_of(const cli_args *args)
{
    json_t *config = json_pack("{s:s}", "version", tp_version());
    char key[40];
    for (int g = 0; g < CLI_SETTINGS; g++)
        for (const cli_flag *f = args->verb->flags[g]; f->name; f++) {
            if (!is_setting(f) || !cli_text(args, f->name)) continue;
            key_of(f, key, sizeof key);
            json_object_set_new(config, key, value_of(args, f));
        }
    return config;
}

/* --- read -------------------------------------------------------------------------------------- */

/* The flag that a key stands for, NULL if there is none. */
static const cli_flag *flag_of(const cli_verb *verb, const char *key)
{
    char known[40];
    for (int g = 0; g < CLI_SETTINGS; g++)
        for (const cli_flag *f = verb->flags[g]; f->name; f++) {
            key_of(f, known, sizeof known);
            if (is_setting(f) && strcmp(key, known) == 0) return f;
        }
    return NULL;
}

/* Makes text of a number, as it stands in a command line; false if the value is neither. */
static bool to_text(json_t *config, const char *key, const json_t *value)
{
    char text[40];
    if (json_is_string(value)) return true;
    if (!json_is_number(value)) return false;
    if (json_is_integer(value))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    else
        tp_number_text(json_real_value(value), text, sizeof text);
    return json_object_set_new(config, key, json_string(text)) == 0;
}

/* Takes a setting into the command line; false after saying what is wrong. */
static bool take(cli_args *args, json_t *config, const char *path, const char *key)
{
    const cli_flag *f = flag_of(args->verb, key);
    bool good = f && to_text(config, key, json_object_get(config, key)) &&
                cli_give(args, f->name, json_string_value(json_object_get(config, key))) == CLI_OK;
    if (!f)
        fprintf(stderr, "taper: %s: there is no setting '%s'\n", path, key);
    else if (!good)
        fprintf(stderr, "taper: %s: '%s' is not as it should be\n", path, key);
    return good;
}

/* The object in a JSON file; NULL after saying what is wrong. */
static json_t *load(const char *path)
{
    struct stat s;
    json_error_t error;
    if (stat(path, &s) != 0) {
        fprintf(stderr, "taper: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    if (!S_ISREG(s.st_mode) || s.st_size > MOST_BYTES) {
        fprintf(stderr, "taper: %s: not a file of at most %d bytes\n", path, MOST_BYTES);
        return NULL;
    }
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!json) fprintf(stderr, "taper: %s: line %d: %s\n", path, error.line, error.text);
    if (!json || json_is_object(json)) return json;
    fprintf(stderr, "taper: %s: not a JSON object\n", path);
    json_decref(json);
    return NULL;
}

/* Lets the file at `path`, if there is one, say where the data lies; false after saying what is wrong. */
static bool place_data(json_t *config, const char *path)
{
    if (access(path, F_OK) != 0) return true;
    json_t *local = load(path);
    const json_t *data = json_object_get(local, "data");
    bool good = json_is_string(data) && json_object_set(config, "data", (json_t *)data) == 0;
    if (local && !good) fprintf(stderr, "taper: %s: 'data' is not as it should be\n", path);
    json_decref(local);
    return good;
}

json_t *cli_config_take(cli_args *args, const char *folder)
{
    char path[CLI_PATH + 16];
    snprintf(path, sizeof path, "%s", cli_run_path(folder, "config.json"));
    json_t *config = load(path);
    bool good = config && place_data(config, cli_run_path(folder, CLI_LOCAL));
    for (void *at = json_object_iter(config), *next; good && at; at = next) {
        const char *key = json_object_iter_key(at);
        next = json_object_iter_next(config, at);
        if (strcmp(key, "version") != 0) good = take(args, config, path, key);
    }
    for (int i = 0; good && i < 2; i++) {
        good = cli_given(args, args->verb->needed[i]);
        if (!good) fprintf(stderr, "taper: %s: '%s' is missing\n", path, args->verb->needed[i] + 2);
    }
    if (good) return config;
    json_decref(config);
    return NULL;
}
