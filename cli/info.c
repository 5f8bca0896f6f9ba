/* info.c - `taper info`: the version, the machine and the build. */
#include "cli.h"

#include <taper/ext.h>
#include <taper/taper.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The processor's name, as Linux tells it. */
static void print_processor(void)
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    const char *name = NULL;
    while (f && !name && fgets(line, sizeof line, f))
        if (strncmp(line, "model name", 10) == 0) name = strchr(line, ':');
    printf("processor  %s", name ? name + 2 : "unknown\n");
    if (f) fclose(f);
}

static int show_build(void)
{
    printf("version    %s\n", tp_version());
    print_processor();
    const char *wanted = getenv("TAPER_SIMD");
    printf("simd       %s", tp_simd_level());
    if (wanted && *wanted && strcmp(wanted, tp_simd_level()) != 0)
        printf(" (this processor has no TAPER_SIMD=%s)", wanted);
    printf("\n");
    printf("threads    %d\n", tp_threads());
    printf("compiler   %s\n", TAPER_COMPILER);
    printf("build      %s, %s\n", TAPER_BUILD_TYPE, TAPER_BUILD_FLAGS);
    return CLI_OK;
}

/* --- a file ------------------------------------------------------------------------------------ */

enum { MOST_SHOWN = 200 };

/* A text of a file, without what a terminal might obey, and no more of it than is of use. */
static void print_text(const char *text, int width)
{
    int n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p && n < MOST_SHOWN; p++, n++) {
        bool control = *p < ' ' || *p == 127 || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0);
        if (control)
            n += printf("\\x%02x", *p) - 1;
        else
            putchar(*p);
    }
    if (n >= MOST_SHOWN) n += printf("...");
    printf("%*s", n < width ? width - n : 0, "");
}

static void print_tensors(const cli_file *f)
{
    char shape[CLI_SHAPE_TEXT];
    printf("tensors    %d\n", cli_file_count(f));
    for (int i = 0; i < cli_file_count(f); i++) {
        printf("  ");
        print_text(cli_file_name(f, i), 30);
        putchar(' ');
        print_text(cli_file_dtype(f, i), 6);
        printf(" %s\n", cli_shape_text(cli_file_shape(f, i), shape));
    }
}

static void print_metadata(const cli_file *f)
{
    const char *key;
    if (tp_safetensors_key(f->safetensors, 0)) puts("metadata");
    for (int i = 0; (key = tp_safetensors_key(f->safetensors, i)); i++) {
        printf("  ");
        print_text(key, 30);
        putchar(' ');
        print_text(tp_safetensors_metadata(f->safetensors, key), 0);
        putchar('\n');
    }
}

static void print_columns(const cli_file *f)
{
    int64_t columns = cli_file_shape(f, 0).v[1];
    printf("columns    %lld\n", (long long)columns);
    for (int i = 0; i < columns; i++) {
        char number[24];
        const char *name = tp_dataset_feature_name(f->table, i);
        int values = 0;
        while (tp_dataset_category(f->table, i, values)) values++;
        snprintf(number, sizeof number, "%d", i);
        printf("  ");
        print_text(name ? name : number, 30);
        if (values)
            printf(" text, %d different\n", values);
        else
            puts(" numbers");
    }
}

static int show_file(tp_context *c, const char *path)
{
    cli_file f;
    if (!cli_file_open(c, path, 0, &f)) return cli_failed(c, CLI_DATA);
    bool model = tp_safetensors_metadata(f.safetensors, "taper.net") != NULL;
    printf("format     %s%s%s\n", cli_format_name(f.format),
           tp_safetensors_is_hashed(f.safetensors) ? ", hashed" : "", model ? ", a model" : "");
    print_tensors(&f);
    if (f.format == CLI_SAFETENSORS) print_metadata(&f);
    if (f.format == CLI_CSV) print_columns(&f);
    return CLI_OK;
}

static int info(tp_context *c, const cli_args *args)
{
    if (args->names == 0) return show_build();
    int status = cli_check_format(args, args->name[0]);
    return status == CLI_OK ? show_file(c, args->name[0]) : status;
}

const cli_verb cli_info = {
    .name = "info",
    .arguments = "[FILE]",
    .summary = "Shows what is in a file; or version, processor, SIMD level, threads and build.",
    .details =
        "Of a file, whose name ends with .safetensors, .npy, .npz, .csv, idx*-ubyte or idx*-ubyte.gz: its\n"
        "tensors with dtype and shape, its metadata or columns.\n\n"
        "example: taper info runs/digits/model.safetensors\n",
    .most = 1,
    .run = info,
};
