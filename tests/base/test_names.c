#include "fixture.h"

#include <taper/ext.h>

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(tp_edit_distance("", ""), 0);
    assert_int_equal(tp_edit_distance("", "abc"), 3);
    assert_int_equal(tp_edit_distance("abc", ""), 3);
    assert_int_equal(tp_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(tp_edit_distance("flaw", "lawn"), 2);
    assert_int_equal(tp_edit_distance("intention", "execution"), 5);
    assert_int_equal(tp_edit_distance("ab", "ba"), 2);
}

/* Only the first 64 characters of the second name count. */
static void test_long(void **state)
{
    (void)state;
    char a[301], b[201];
    memset(a, 'x', 300);
    memset(b, 'x', 200);
    a[300] = b[200] = 0;
    assert_int_equal(tp_edit_distance(a, b), 300 - 64);
    assert_int_equal(tp_edit_distance("", b), 64);
}

static const char *name_at(const void *names, int i) { return ((const char *const *)names)[i]; }

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"relu", "gelu", "linear", NULL}, *const none[] = {NULL};
    assert_string_equal(tp_nearest_name("linaer", name_at, names), "linear");
    assert_string_equal(tp_nearest_name("gelu", name_at, names), "gelu");
    assert_string_equal(tp_nearest_name("elu", name_at, names), "relu"); /* the first of equals */
    assert_null(tp_nearest_name("relu", name_at, none));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_distance),
    cmocka_unit_test(test_long),
    cmocka_unit_test(test_nearest),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
