#include "comma.h"
#include "fixture.h"

#include <taper/ext.h>

static void expect_parsed(const char *text, size_t length, double wanted)
{
    double value = 7;
    assert_int_equal(tp_parse_number(text, &value), length);
    if (length) expect_near(value, wanted, 0);
}

static void expect_text(double value, const char *wanted)
{
    char text[32], start[3];
    assert_int_equal(tp_number_text(value, text, sizeof text), strlen(wanted));
    assert_string_equal(text, wanted);
    assert_int_equal(tp_number_text(value, start, sizeof start), strlen(wanted));
    assert_memory_equal(start, wanted, strlen(wanted) < 2 ? strlen(wanted) : 2);
}

static void check_all(void)
{
    expect_parsed("0.5", 3, 0.5);
    expect_parsed("-12.25e-1,7", 9, -1.225);
    expect_parsed("+.5)", 3, 0.5);
    expect_parsed("3;4", 1, 3);
    expect_parsed("0.1,2", 3, 0.1);
    expect_parsed("1e999", 5, INFINITY);
    expect_parsed("-inf", 4, -INFINITY);
    expect_parsed("nan", 3, NAN);
    const char *const none[] = {"", "x", "-", ".", "0x10", " 1", ",5", "e5", "-0X1"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) expect_parsed(none[i], 0, 0);
    expect_text(0, "0");
    expect_text(-0.0, "-0");
    expect_text(10, "10");
    expect_text(-1000000, "-1000000");
    expect_text(1e15, "1e+15");
    expect_text(0.1, "0.1");
    expect_text(1e-3, "0.001");
    expect_text(-2.5e30, "-2.5e+30");
    expect_text(1.0 / 3, "0.3333333333333333");
    expect_text(0x1p-1074, "5e-324");
    expect_text(0.1 + 0.2, "0.30000000000000004");
    expect_text(INFINITY, "inf");
    expect_text(-NAN, "nan");
}

static void test_numbers(void **state)
{
    (void)state;
    check_all();
}

/* A locale changes nothing, neither here nor for the host. */
static void test_decimal_comma(void **state)
{
    (void)state;
    if (!with_decimal_comma(check_all)) skip();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_numbers),
    cmocka_unit_test(test_decimal_comma),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
