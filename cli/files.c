/* files.c - files of tensors: their formats by name, and what they hold. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

/* --- formats ----------------------------------------------------------------------------------- */

static const struct {
    const char *ending, *part; /* how names end, and what they have before */
    cli_format format;
} endings[] = {
    {".safetensors", "", CLI_SAFETENSORS},
    {".npy", "", CLI_NPY},
    {".npz", "", CLI_NPZ},
    {".csv", "", CLI_CSV},
    {"-ubyte", "idx", CLI_IDX},
    {"-ubyte.gz", "idx", CLI_IDX},
};
enum { ENDINGS = sizeof endings / sizeof *endings };

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The entry of the table for a path, -1 if there is none. */
static int ending_of(const char *path)
{
    const char *base = base_of(path);
    size_t n = strlen(base);
    for (int i = 0; i < ENDINGS; i++) {
        size_t m = strlen(endings[i].ending);
        if (n > m && strcmp(base + n - m, endings[i].ending) == 0 && strstr(base, endings[i].part)) return i;
    }
    return -1;
}

cli_format cli_format_of(const char *path)
{
    int i = ending_of(path);
    return i < 0 ? CLI_NO_FORMAT : endings[i].format;
}

const char *cli_format_name(cli_format format)
{
    static const char *const names[] = {"safetensors", "npy", "npz", "CSV", "IDX"};
    return names[format];
}

int cli_check_format(const cli_args *args, const char *path)
{
    if (cli_format_of(path) != CLI_NO_FORMAT) return CLI_OK;
    return cli_usage(
        args, "'%s' does not end with .safetensors, .npy, .npz, .csv, idx*-ubyte or idx*-ubyte.gz", path);
}

/* --- what is in a file ------------------------------------------------------------------------- */

/* The path without folder and ending: the name of what has none in the file. */
static void name_by_path(cli_file *f, const char *path)
{
    const char *base = base_of(path);
    size_t n = strlen(base) - strlen(endings[ending_of(path)].ending);
    snprintf(f->name, sizeof f->name, "%.*s", (int)n, base);
}

bool cli_file_open(tp_context *c, const char *path, int64_t most, cli_file *f)
{
    *f = (cli_file){.context = c, .path = path, .format = cli_format_of(path)};
    name_by_path(f, path);
    if (f->format == CLI_SAFETENSORS) f->safetensors = tp_safetensors_open(c, path);
    if (f->format == CLI_NPY && tp_npy_look(c, path, &f->npy) != TP_OK) return false;
    if (f->format == CLI_NPZ) f->npz = tp_npz_open(c, path, .most = most);
    if (f->format == CLI_CSV) f->table = tp_dataset_open(c, path, .kind = TP_TARGET_NONE);
    if (f->format == CLI_IDX) f->tensor = tp_idx_read(c, path, .most = most);
    return tp_ok(c);
}

int cli_file_count(const cli_file *f)
{
    if (f->format == CLI_SAFETENSORS) return tp_safetensors_count(f->safetensors);
    return f->format == CLI_NPZ ? tp_npz_count(f->npz) : 1;
}

const char *cli_file_name(const void *file, int i)
{
    const cli_file *f = file;
    if (f->format == CLI_SAFETENSORS) return tp_safetensors_name(f->safetensors, i);
    if (f->format == CLI_NPZ) return tp_npz_name(f->npz, i);
    return i == 0 ? f->name : NULL;
}

/* What npy says of array i. */
static const tp_npy *npy_at(const cli_file *f, int i)
{
    return f->format == CLI_NPY ? &f->npy : tp_npz_look(f->npz, i);
}

const char *cli_file_dtype(const cli_file *f, int i)
{
    tp_dtype dtype = TP_F64;
    const char *name = NULL; /* in the file */
    if (f->format == CLI_SAFETENSORS) {
        dtype = tp_safetensors_dtype(f->safetensors, i);
        name = tp_safetensors_dtype_name(f->safetensors, i);
    } else if (f->format == CLI_NPY || f->format == CLI_NPZ) {
        dtype = npy_at(f, i)->dtype;
        name = npy_at(f, i)->dtype_name;
    } else if (f->format == CLI_IDX) {
        dtype = tp_dtype_of(f->tensor);
    }
    return dtype == TP_DTYPES ? name : tp_dtype_name(dtype);
}

tp_shape cli_file_shape(const cli_file *f, int i)
{
    if (f->format == CLI_SAFETENSORS) return tp_safetensors_shape(f->safetensors, i);
    if (f->format == CLI_NPY || f->format == CLI_NPZ) return npy_at(f, i)->shape;
    if (f->format == CLI_IDX) return tp_shape_of(f->tensor);
    return TP_SHAPE(tp_dataset_size(f->table), tp_dataset_sample_shape(f->table).v[0]);
}

tp_tensor *cli_file_read(const cli_file *f, int i)
{
    if (f->format == CLI_SAFETENSORS) return tp_safetensors_read(f->safetensors, cli_file_name(f, i));
    if (f->format == CLI_NPZ) return tp_npz_read(f->npz, cli_file_name(f, i));
    if (f->format == CLI_NPY) return tp_npy_read(f->context, f->path);
    return f->format == CLI_IDX ? f->tensor : tp_dataset_x(f->table, TP_F64);
}
