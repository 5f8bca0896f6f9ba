/* info.c - `taper info`: the version, the machine and the build. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "cli.h"

#include <taper/taper.h>

#include <sched.h>
#include <stdio.h>
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

/* The widest of the levels that kernels can be written for. */
static const char *simd_level(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return "avx512";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "avx2";
#endif
    return "baseline";
}

static int usable_cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static int info(const cli_args *args)
{
    (void)args;
    printf("version    %s\n", tp_version());
    print_processor();
    printf("simd       %s (this version's kernels are portable C and use the baseline)\n", simd_level());
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
