#include "testing.h"

#include <taper/base.h>

#include <stdio.h>

static void test_version_matches_headers(void **state)
{
    (void)state;
    int major = -1, minor = -1, patch = -1;
    assert_int_equal(sscanf(tp_version(), "%d.%d.%d", &major, &minor, &patch), 3);
    assert_int_equal(major, TP_VERSION_MAJOR);
    assert_int_equal(minor, TP_VERSION_MINOR);
    assert_int_equal(patch, TP_VERSION_PATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_version_matches_headers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
