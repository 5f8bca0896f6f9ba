#include "base/simd.h"

#include <taper/ext.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[TP_SIMD_LEVELS] = {"baseline", "avx2", "avx512"};

tp_simd tp_simd_widest(void)
{
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return TP_SIMD_BASELINE;
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return wide ? TP_SIMD_AVX512 : TP_SIMD_AVX2;
#else
    return TP_SIMD_BASELINE;
#endif
}

/* A level that TAPER_SIMD names and this processor has; any other text leaves the widest. */
static tp_simd wanted(void)
{
    const char *name = getenv("TAPER_SIMD");
    tp_simd widest = tp_simd_widest();
    for (int level = 0; name && level < (int)widest; level++)
        if (strcmp(names[level], name) == 0) return (tp_simd)level;
    return widest;
}

static atomic_int in_use = -1; /* found at the first look; two threads that look at once find the same */

tp_simd tp_simd_in_use(void)
{
    int level = atomic_load_explicit(&in_use, memory_order_relaxed);
    if (level < 0) tp_simd_use(wanted());
    return (tp_simd)atomic_load_explicit(&in_use, memory_order_relaxed);
}

void tp_simd_use(tp_simd level)
{
    tp_simd widest = tp_simd_widest();
    atomic_store_explicit(&in_use, (int)(level < widest ? level : widest), memory_order_relaxed);
}

const char *tp_simd_level(void) { return names[tp_simd_in_use()]; }
