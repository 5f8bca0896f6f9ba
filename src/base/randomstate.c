/* randomstate.c: NumPy's RandomState. The generator is MT19937 of Matsumoto and Nishimura (ACM TOMACS 8,
 * 1998) with their seeding of 2002; NumPy has frozen the order in which its legacy distributions take words
 * from it. */
#include "base/random.h"

#include <math.h>

enum { N = 624, M = 397 };

void tp_randomstate_seed(tp_randomstate *rs, uint32_t seed)
{
    rs->mt[0] = seed;
    for (uint32_t i = 1; i < N; i++) {
        uint32_t prev = rs->mt[i - 1];
        rs->mt[i] = 1812433253u * (prev ^ (prev >> 30)) + i;
    }
    rs->position = N;
    rs->has_gauss = false;
    rs->gauss = 0.0;
}

static void refill(tp_randomstate *rs)
{
    uint32_t *mt = rs->mt;
    for (int i = 0; i < N; i++) {
        uint32_t y = (mt[i] & 0x80000000u) | (mt[(i + 1) % N] & 0x7fffffffu);
        mt[i] = mt[(i + M) % N] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    rs->position = 0;
}

static uint32_t next32(tp_randomstate *rs)
{
    if (rs->position == N) refill(rs);
    uint32_t y = rs->mt[rs->position++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static uint64_t next64(tp_randomstate *rs)
{
    uint64_t high = next32(rs);
    return high << 32 | next32(rs);
}

/* 53 bits, the upper 27 first. */
static double next_double(tp_randomstate *rs)
{
    uint64_t high = next32(rs) >> 5;
    uint64_t low = next32(rs) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

/* Marsaglia's polar method; of a pair the second value is returned first. */
static double next_gauss(tp_randomstate *rs)
{
    if (rs->has_gauss) {
        double gauss = rs->gauss;
        rs->has_gauss = false;
        rs->gauss = 0.0;
        return gauss;
    }
    double x, y, r2;
    do {
        x = 2.0 * next_double(rs) - 1.0;
        y = 2.0 * next_double(rs) - 1.0;
        r2 = x * x + y * y;
    } while (r2 >= 1.0 || r2 == 0.0);
    double f = sqrt(-2.0 * log(r2) / r2);
    rs->gauss = f * x;
    rs->has_gauss = true;
    return f * y;
}

/* Uniform in [0, max], by rejection under the smallest mask; max = 0 takes no word. */
static uint64_t next_bounded(tp_randomstate *rs, uint64_t max)
{
    if (max == 0) return 0;
    uint64_t mask = max;
    for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
    uint64_t value;
    do value = (max <= UINT32_MAX ? next32(rs) : next64(rs)) & mask;
    while (value > max);
    return value;
}

void tp_randomstate_rand(tp_randomstate *rs, double *out, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = next_double(rs);
}

void tp_randomstate_randn(tp_randomstate *rs, double *out, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = next_gauss(rs);
}

bool tp_randomstate_uniform(tp_randomstate *rs, double low, double high, double *out, size_t n)
{
    double range = high - low;
    if (!isfinite(range)) return false;
    for (size_t i = 0; i < n; i++) out[i] = low + range * next_double(rs);
    return true;
}

bool tp_randomstate_normal(tp_randomstate *rs, double mean, double std, double *out, size_t n)
{
    if (signbit(std) && !isnan(std)) return false;
    for (size_t i = 0; i < n; i++) out[i] = mean + std * next_gauss(rs);
    return true;
}

bool tp_randomstate_randint(tp_randomstate *rs, int64_t low, int64_t high, int64_t *out, size_t n)
{
    if (high <= low) return false;
    uint64_t max = (uint64_t)high - (uint64_t)low - 1;
    for (size_t i = 0; i < n; i++) out[i] = (int64_t)((uint64_t)low + next_bounded(rs, max));
    return true;
}

void tp_randomstate_permutation(tp_randomstate *rs, int64_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = (int64_t)i;
    tp_randomstate_shuffle(rs, out, n, sizeof *out);
}

/* Fisher-Yates from the end, as NumPy goes. */
void tp_randomstate_shuffle(tp_randomstate *rs, void *base, size_t n, size_t size)
{
    unsigned char *rows = base;
    for (size_t i = n; i-- > 1;) {
        unsigned char *a = rows + i * size;
        unsigned char *b = rows + (size_t)next_bounded(rs, i) * size;
        for (size_t k = 0; k < size; k++) {
            unsigned char byte = a[k];
            a[k] = b[k];
            b[k] = byte;
        }
    }
}
