/* info.c - `taper info`: the version, the machine and the build. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "cli.h"

#include <taper/ext.h>
#include <taper/taper.h>

#include <sched.h>
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

static int usable_cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static int info(tp_context *c, const cli_args *args)
{
    (void)c, (void)args;
    printf("version    %s\n", tp_version());
    print_processor();
    const char *wanted = getenv("TAPER_SIMD");
    printf("simd       %s", tp_simd_level());
    if (wanted && *wanted && strcmp(wanted, tp_simd_level()) != 0)
        printf(" (this processor has no TAPER_SIMD=%s)", wanted);
    printf("\n");
    printf("threads    1 (this version computes on the calling thread), cores usable: %d\n", usable_cores());
    printf("compiler   %s\n", TAPER_COMPILER);
    printf("build      %s, %s\n", TAPER_BUILD_TYPE, TAPER_BUILD_FLAGS);
    return CLI_OK;
}

const cli_verb cli_info = {
    .name = "info",
    .arguments = "",
    .summary = "Shows version, processor, SIMD level, threads and build.",
    .details = "example: taper info\n",
    .run = info,
};
