/* run.c - the folder of a run: model, best model, history, configuration, times. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 4096 };

const char *cli_run_path(const char *folder, const char *file)
{
    static char path[PATH];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return path;
}

static bool exists(const char *folder, const char *file)
{
    struct stat s;
    return stat(cli_run_path(folder, file), &s) == 0;
}

/* mkdir -p */
static bool make_folder(const char *folder)
{
    char path[PATH];
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

int cli_run_check(const cli_args *args, const char *folder)
{
    if (strlen(folder) > PATH - 64) return cli_usage(args, "-o: the path is too long");
    if (!exists(folder, "model.safetensors") || cli_given(args, "--overwrite")) return CLI_OK;
    return cli_usage(args, "%s holds a finished run; --overwrite replaces it", folder);
}

int cli_run_start(const char *folder, json_t *config)
{
    static const char *const files[] = {"model.safetensors", "best.safetensors", "history.jsonl",
                                        "timing.jsonl"};
    bool ok = make_folder(folder);
    for (int i = 0; ok && i < (int)(sizeof files / sizeof *files); i++)
        ok = unlink(cli_run_path(folder, files[i])) == 0 || errno == ENOENT;
    FILE *f = ok ? fopen(cli_run_path(folder, "config.json"), "w") : NULL;
    ok = f && json_dumpf(config, f, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) == 0 && fputc('\n', f) != EOF;
    if (f && fclose(f) != 0) ok = false;
    if (!ok) fprintf(stderr, "taper: %s: %s\n", folder, strerror(errno));
    return ok ? CLI_OK : CLI_FAILED;
}

bool cli_run_append(const char *folder, const char *file, json_t *line)
{
    FILE *f = fopen(cli_run_path(folder, file), "a");
    bool ok = f && json_dumpf(line, f, CLI_JSON) == 0 && fputc('\n', f) != EOF;
    if (f && fclose(f) != 0) ok = false;
    json_decref(line);
    if (!ok) fprintf(stderr, "taper: %s: %s\n", cli_run_path(folder, file), strerror(errno));
    return ok;
}
