/* run.c - the folder of a run: model, best model, history, configuration, times, checkpoints. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *cli_run_path(const char *folder, const char *file)
{
    static char path[CLI_PATH + 64];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return path;
}

static bool exists(const char *folder, const char *file)
{
    struct stat s;
    return stat(cli_run_path(folder, file), &s) == 0;
}

static void failed(const char *path) { fprintf(stderr, "taper: %s: %s\n", path, strerror(errno)); }

/* --- begin ------------------------------------------------------------------------------------- */

/* mkdir -p */
static bool make_folder(const char *folder)
{
    char path[CLI_PATH];
    snprintf(path, sizeof path, "%s", folder);
    for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST) return false;
    }
    struct stat s;
    if (mkdir(path, 0777) == 0) return true;
    if (errno != EEXIST || stat(path, &s) != 0) return false;
    errno = ENOTDIR;
    return S_ISDIR(s.st_mode);
}

bool cli_run_finished(const char *folder) { return exists(folder, "model.safetensors"); }

#define CHECKPOINT_A "checkpoints/checkpoint-a.safetensors"
#define CHECKPOINT_B "checkpoints/checkpoint-b.safetensors"

int cli_run_check(const cli_args *args, const char *folder)
{
    if (strlen(folder) >= CLI_PATH) return cli_usage(args, "the path of the folder is too long");
    if (cli_given(args, "--overwrite") || cli_given(args, "--resume")) return CLI_OK;
    if (cli_run_finished(folder))
        return cli_usage(args, "%s holds a finished run; --overwrite replaces it", folder);
    if (exists(folder, CHECKPOINT_A) || exists(folder, CHECKPOINT_B))
        return cli_usage(args, "%s holds a run; --resume goes on with it, --overwrite replaces it", folder);
    return CLI_OK;
}

/* The fewest digits of 15 and 17 that all numbers read back from. The caller frees it; NULL without memory.
 */
static char *config_text(const json_t *config)
{
    char *text = json_dumps(config, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_t *back = text ? json_loads(text, 0, NULL) : NULL;
    if (back && !json_equal(config, back)) {
        free(text);
        text = json_dumps(config, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    }
    json_decref(back);
    return text;
}

/* Writes JSON as a file of a run; false after saying why not. */
static bool write_json(tp_context *c, const char *folder, const char *file, const json_t *json)
{
    char *text = config_text(json);
    size_t length = text ? strlen(text) : 0;
    if (text) text[length] = '\n'; /* in place of the 0 */
    bool ok = text && tp_write_file(c, cli_run_path(folder, file), text, length + 1) == TP_OK;
    free(text);
    if (!ok) cli_failed(text ? c : NULL, CLI_FAILED);
    return ok;
}

/* Writes down where data from files lies, which config.json does not say; false after saying why not. */
static bool write_place(tp_context *c, const cli_args *args, const char *folder)
{
    const char *name = cli_text(args, "--data"), *kind = strncmp(name, "mnist:", 6) == 0 ? "mnist:" : "";
    char *path = *kind || cli_data_is_file(name) ? realpath(name + strlen(kind), NULL) : NULL;
    json_t *local = path ? json_pack("{s:s+}", "data", kind, path) : NULL;
    bool ok = !local || write_json(c, folder, CLI_LOCAL, local);
    json_decref(local);
    free(path);
    return ok;
}

int cli_run_start(tp_context *c, const cli_args *args, const char *folder, const json_t *config)
{
    static const char *const files[] = {"config.json",      CLI_LOCAL,       "model.safetensors",
                                        "best.safetensors", "history.jsonl", "timing.jsonl",
                                        CHECKPOINT_A,       CHECKPOINT_B};
    bool ok = make_folder(folder);
    for (int i = 0; ok && i < (int)(sizeof files / sizeof *files); i++)
        ok = unlink(cli_run_path(folder, files[i])) == 0 || errno == ENOENT;
    if (!ok) failed(folder);
    ok = ok && write_place(c, args, folder) && write_json(c, folder, "config.json", config);
    return ok ? CLI_OK : CLI_FAILED;
}

/* --- go on ------------------------------------------------------------------------------------- */

bool cli_run_append(const char *folder, const char *file, json_t *line)
{
    const char *path = cli_run_path(folder, file);
    FILE *f = fopen(path, "a");
    long end = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    bool ok = end >= 0 && json_dumpf(line, f, CLI_JSON) == 0 && fputc('\n', f) != EOF && fflush(f) == 0;
    json_decref(line);
    if (!ok) failed(path);
    if (f) fclose(f);
    if (!ok && end >= 0 && truncate(path, end) != 0) failed(path);
    return ok;
}

void cli_run_cut(const char *folder, const char *file, int64_t lines)
{
    const char *path = cli_run_path(folder, file);
    FILE *f = fopen(path, "r");
    if (!f) return;
    for (int c = 0; lines > 0 && (c = getc(f)) != EOF;) lines -= c == '\n';
    long end = ftell(f);
    fclose(f);
    if (end >= 0 && truncate(path, end) != 0) failed(path);
}

bool cli_run_write(tp_context *c, const char *folder, const char *file, json_t *lines)
{
    char *text = NULL;
    size_t size, i;
    json_t *line;
    FILE *f = open_memstream(&text, &size);
    bool ok = f != NULL;
    json_array_foreach(lines, i, line) ok = ok && json_dumpf(line, f, CLI_JSON) == 0 && fputc('\n', f) != EOF;
    if (f && fclose(f) != 0) ok = false;
    json_decref(lines);
    bool written = ok && tp_write_file(c, cli_run_path(folder, file), text, size) == TP_OK;
    if (!written) cli_failed(ok ? c : NULL, CLI_FAILED);
    free(text);
    return written;
}
