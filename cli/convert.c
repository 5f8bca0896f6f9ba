/* convert.c - `taper convert`: tensors from a file of one format to another. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number of the tensor of that name, -1 if there is none. */
static int find(const cli_file *f, const char *name)
{
    for (int i = 0; cli_file_name(f, i); i++)
        if (strcmp(cli_file_name(f, i), name) == 0) return i;
    return -1;
}

/* Says that one tensor is to be chosen, and of which; the names as far as there is room. */
static int ask_for_name(const cli_args *args, const cli_file *f, cli_format out)
{
    char names[400] = "";
    size_t n = 0;
    for (int i = 0; cli_file_name(f, i) && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", cli_file_name(f, i));
    if (n >= sizeof names) memcpy(names + sizeof names - 4, "...", 4);
    return cli_usage(args, "'%s' has %d tensors, and %s takes one; choose by --tensor NAME, of: %s", f->path,
                     cli_file_count(f), cli_format_name(out), names);
}

static tp_status save(tp_context *c, const cli_args *args, const cli_file *f, const tp_named_tensor *named,
                      int n)
{
    const char *path = args->name[1];
    switch (cli_format_of(path)) {
    case CLI_SAFETENSORS: return tp_safetensors_save(c, path, named, n, NULL, 0);
    case CLI_NPZ: return tp_npz_save(c, path, named, n, .deflate = cli_given(args, "--deflate"));
    case CLI_NPY: return tp_npy_save(named[0].tensor, path);
    case CLI_IDX: return tp_idx_save(named[0].tensor, path);
    default:
        return f->format == CLI_CSV ? tp_dataset_save(f->table, path) : tp_csv_save(named[0].tensor, path);
    }
}

/* Reads tensors first .. first + n - 1 and writes them. */
static int copy(tp_context *c, const cli_args *args, const cli_file *f, int first, int n)
{
    tp_named_tensor *named = calloc((size_t)n + 1, sizeof *named);
    if (!named) return cli_failed(NULL, CLI_FAILED);
    for (int i = 0; i < n; i++)
        named[i] = (tp_named_tensor){cli_file_name(f, first + i), cli_file_read(f, first + i)};
    int status = tp_ok(c) ? CLI_OK : cli_failed(c, CLI_DATA);
    if (status == CLI_OK) {
        tp_status saved = save(c, args, f, named, n);
        if (saved != TP_OK) {
            fprintf(stderr, "taper: %s\n", tp_error_text(c));
            status = saved == TP_ERR_IO || saved == TP_ERR_MEMORY ? CLI_FAILED : CLI_USAGE;
        }
    }
    free(named);
    return status;
}

static int convert(tp_context *c, const cli_args *args)
{
    cli_file f;
    const char *in = args->name[0], *out = args->name[1], *name = cli_text(args, "--tensor");
    if (cli_check_format(args, in) != CLI_OK || cli_check_format(args, out) != CLI_OK) return CLI_USAGE;
    cli_format format = cli_format_of(out);
    if (cli_given(args, "--deflate") && format != CLI_NPZ)
        return cli_usage(args, "--deflate is for npz files");
    if (!cli_file_open(c, in, cli_integer(args, "--most"), &f)) return cli_failed(c, CLI_DATA);
    int first = name ? find(&f, name) : 0, n = name ? 1 : cli_file_count(&f);
    if (first < 0) return cli_unknown("tensor", name, cli_file_name, &f);
    bool many = format == CLI_SAFETENSORS || format == CLI_NPZ;
    return many || n == 1 ? copy(c, args, &f, first, n) : ask_for_name(args, &f, format);
}

static const cli_flag flags[] = {
    {"--tensor", CLI_TEXT, "NAME", .help = "that tensor alone"},
    {"--deflate", .help = "compresses an npz file"},
    {"--most", CLI_INTEGER, "BYTES", "that a compressed tensor of IN may unpack to", "1073741824", .least = 1,
     .most = 9e15},
    {0},
};

const cli_verb cli_convert = {
    .name = "convert",
    .arguments = "IN OUT [--tensor NAME] [--deflate] [--most BYTES]",
    .summary = "Writes the tensors of a file in another format.",
    .details =
        "Formats go by the names' ends: .safetensors, .npy, .npz, .csv, and IDX with idx*-ubyte, or\n"
        "idx*-ubyte.gz where it is compressed. npy, CSV and IDX files have one tensor, which is called like\n"
        "the file; a CSV file's is [rows,columns] of f64, and a text in it the number of that text among\n"
        "the column's sorted ones. Metadata are left behind.\n\n"
        "example: taper convert runs/digits/model.safetensors weights.npz\n"
        "         taper convert weights.npz first.csv --tensor 0.weight\n",
    .flags = {flags},
    .least = 2,
    .most = 2,
    .run = convert,
};
