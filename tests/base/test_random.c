#include "testing.h"

#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The philox4x32 10 rows of Random123's kat_vectors: zeros, ones, digits of pi. */
static void test_philox_known_answers(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } kat[] = {
        {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof kat / sizeof *kat; i++) {
        uint32_t out[4];
        tp_philox4x32(kat[i].counter, kat[i].key, out);
        assert_memory_equal(out, kat[i].out, sizeof out);

        memcpy(out, kat[i].counter, sizeof out);
        tp_philox4x32(out, kat[i].key, out);
        assert_memory_equal(out, kat[i].out, sizeof out);
    }
}

/* Below, the draws of tests/golden/make_randomstate.py, by the same names. Each fills COUNT words of 8 bytes.
 */

enum { COUNT = 1000000 };

static void draw_rand(tp_randomstate *rs, void *out) { tp_randomstate_rand(rs, out, COUNT); }
static void draw_randn(tp_randomstate *rs, void *out) { tp_randomstate_randn(rs, out, COUNT); }
static void draw_permutation(tp_randomstate *rs, void *out) { tp_randomstate_permutation(rs, out, COUNT); }

static void draw_uniform(tp_randomstate *rs, void *out)
{
    assert_true(tp_randomstate_uniform(rs, -3.0, 10.5, out, COUNT));
}

static void draw_uniform_reversed(tp_randomstate *rs, void *out)
{
    assert_true(tp_randomstate_uniform(rs, 1.0, 0.1, out, COUNT));
}

static void draw_normal(tp_randomstate *rs, void *out)
{
    assert_true(tp_randomstate_normal(rs, -2.0, 0.3, out, COUNT));
}

#define RANDINT(name, low, high)                                        \
    static void draw_randint_##name(tp_randomstate *rs, void *out)      \
    {                                                                   \
        assert_true(tp_randomstate_randint(rs, low, high, out, COUNT)); \
    }
RANDINT(digits, 0, 10)
RANDINT(one, 7, 8)
RANDINT(power, 0, 1024)
RANDINT(negative, -100, -3)
RANDINT(word, 0, INT64_C(1) << 32)
RANDINT(word_and_one, 0, (INT64_C(1) << 32) + 1)
RANDINT(wide, -INT64_C(1000000000000000), INT64_C(1000000000000000))
RANDINT(full, INT64_MIN, INT64_MAX)

static void draw_shuffle(tp_randomstate *rs, void *out)
{
    unsigned char(*rows)[3] = malloc(COUNT * sizeof *rows);
    assert_non_null(rows);
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < 3; k++) rows[i][k] = (unsigned char)(i >> 8 * k);
    }
    tp_randomstate_shuffle(rs, rows, COUNT, sizeof *rows);
    int64_t *values = out;
    for (int i = 0; i < COUNT; i++) values[i] = rows[i][0] + (rows[i][1] << 8) + (rows[i][2] << 16);
    free(rows);
}

static void draw_mixed(tp_randomstate *rs, void *out)
{
    double *values = out;
    for (int turn = 0; turn < COUNT / 20; turn++, values += 20) {
        int64_t whole[13];
        tp_randomstate_randn(rs, values, 3);
        assert_true(tp_randomstate_randint(rs, 0, 10, whole, 2));
        assert_true(tp_randomstate_normal(rs, 1.0, 2.0, values + 5, 2));
        tp_randomstate_rand(rs, values + 7, 1);
        assert_true(tp_randomstate_uniform(rs, -1.0, 1.0, values + 8, 1));
        assert_true(tp_randomstate_randint(rs, 3, 4, whole + 2, 1));
        assert_true(tp_randomstate_randint(rs, -(INT64_C(1) << 40), INT64_C(1) << 40, whole + 3, 1));
        tp_randomstate_permutation(rs, whole + 4, 9);
        for (int i = 0; i < 2; i++) values[3 + i] = (double)whole[i];
        for (int i = 0; i < 11; i++) values[9 + i] = (double)whole[2 + i];
    }
}

/* CRC-32 as zlib computes it: crc is that of the bytes before, 0 at first. */
static uint32_t crc32(uint32_t crc, const void *data, size_t size)
{
    uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
    }
    crc = ~crc;
    for (const unsigned char *p = data, *end = p + size; p < end; p++) {
        crc = table[(crc ^ *p) & 0xff] ^ crc >> 8;
    }
    return ~crc;
}

typedef struct golden {
    uint32_t seed;
    void (*draw)(tp_randomstate *, void *);
    enum { F64, I64 } type;
    uint32_t crc, crc_without_fma;
    const char *first;
} golden;

/* The first five as text; then all, and the state they leave. glibc's log, and so NumPy's normals, differ in
 * some last bits between CPUs with and without FMA. */
static void test_golden(void **state)
{
    const golden *g = *state;
    void *values = malloc(COUNT * 8);
    assert_non_null(values);
    tp_randomstate rs;
    tp_randomstate_seed(&rs, g->seed);
    g->draw(&rs, values);

    char first[160] = "";
    for (int i = 0; i < 5; i++) {
        char number[32];
        if (g->type == F64) {
            snprintf(number, sizeof number, "%s%.17g", i ? " " : "", ((double *)values)[i]);
        } else {
            snprintf(number, sizeof number, "%s%lld", i ? " " : "", (long long)((int64_t *)values)[i]);
        }
        strcat(first, number);
    }
    uint32_t crc = crc32(0, values, COUNT * 8);
    crc = crc32(crc, rs.mt, sizeof rs.mt);
    crc = crc32(crc, (int32_t[]){rs.position, rs.has_gauss}, 8);
    crc = crc32(crc, &rs.gauss, sizeof rs.gauss);
    free(values);
    assert_string_equal(first, g->first);
    if (crc != g->crc_without_fma) assert_int_equal(crc, g->crc);
}

static void test_refused_arguments_change_nothing(void **state)
{
    (void)state;
    tp_randomstate rs, before;
    memset(&rs, 0, sizeof rs);
    tp_randomstate_seed(&rs, 5);
    double one;
    tp_randomstate_randn(&rs, &one, 1);
    memcpy(&before, &rs, sizeof rs);

    int64_t whole[2] = {11, 12};
    assert_false(tp_randomstate_randint(&rs, 3, 3, whole, 2));
    assert_false(tp_randomstate_randint(&rs, 3, 2, whole, 2));
    assert_false(tp_randomstate_randint(&rs, INT64_MAX, INT64_MIN, whole, 2));
    assert_true(whole[0] == 11 && whole[1] == 12);

    double real[2] = {11.0, 12.0};
    assert_false(tp_randomstate_uniform(&rs, 0.0, INFINITY, real, 2));
    assert_false(tp_randomstate_uniform(&rs, NAN, 1.0, real, 2));
    assert_false(tp_randomstate_uniform(&rs, -1e308, 1e308, real, 2));
    assert_false(tp_randomstate_normal(&rs, 0.0, -1.0, real, 2));
    assert_false(tp_randomstate_normal(&rs, 0.0, -0.0, real, 2));
    assert_true(real[0] == 11.0 && real[1] == 12.0);

    assert_memory_equal(&rs, &before, sizeof rs);
}

static void test_no_draws_change_nothing(void **state)
{
    (void)state;
    tp_randomstate rs, before;
    memset(&rs, 0, sizeof rs);
    tp_randomstate_seed(&rs, 5);
    memcpy(&before, &rs, sizeof rs);
    tp_randomstate_rand(&rs, NULL, 0);
    tp_randomstate_randn(&rs, NULL, 0);
    assert_true(tp_randomstate_uniform(&rs, 0.0, 1.0, NULL, 0));
    assert_true(tp_randomstate_normal(&rs, 0.0, 1.0, NULL, 0));
    assert_true(tp_randomstate_randint(&rs, 0, 9, NULL, 0));
    tp_randomstate_permutation(&rs, NULL, 0);
    tp_randomstate_shuffle(&rs, NULL, 0, 8);
    tp_randomstate_shuffle(&rs, &(int){0}, 1, sizeof(int));
    assert_memory_equal(&rs, &before, sizeof rs);
}

static void test_nan_std_gives_nan(void **state)
{
    (void)state;
    tp_randomstate rs;
    tp_randomstate_seed(&rs, 5);
    double real[2] = {0.0, 0.0};
    assert_true(tp_randomstate_normal(&rs, 0.0, -NAN, real, 2));
    assert_true(isnan(real[0]) && isnan(real[1]));
}

/* Four words that put the polar method's point at the centre, where r2 is 0: NumPy goes on to the next four.
 */
static void test_randn_skips_the_centre(void **state)
{
    (void)state;
    tp_randomstate rs, next;
    double half[2], gauss, expected;
    tp_randomstate_seed(&rs, 5);
    tp_randomstate_rand(&rs, half, 1);
    rs.position = 0;
    rs.mt[0] = rs.mt[2] = 0x80102204; /* tempered: 2^31 */
    rs.mt[1] = rs.mt[3] = 0;
    next = rs;
    tp_randomstate_rand(&next, half, 2);
    assert_true(half[0] == 0.5 && half[1] == 0.5);
    tp_randomstate_randn(&next, &expected, 1);
    tp_randomstate_randn(&rs, &gauss, 1);
    assert_memory_equal(&gauss, &expected, sizeof gauss);
}

#define GOLDEN(seed, name, type, crc, crc_without_fma, first) \
    {#name " from seed " #seed, test_golden, NULL, NULL,      \
     &(golden){seed, draw_##name, type, crc, crc_without_fma, first}},

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_philox_known_answers),    cmocka_unit_test(test_refused_arguments_change_nothing),
    cmocka_unit_test(test_no_draws_change_nothing), cmocka_unit_test(test_nan_std_gives_nan),
    cmocka_unit_test(test_randn_skips_the_centre),
#include "golden/randomstate.def"
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
