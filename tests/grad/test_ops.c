/* Every row of the table through tp_check_op, one test a row. */
#include "testing.h"

#include <taper/ext.h>

#include <stdio.h>
#include <stdlib.h>

static long long all_samples, all_checks;

static void test_row(void **state)
{
    const tp_op *op = *state;
    tp_context *c = tp_open(NULL);
    tp_op_report r;
    bool right = tp_check_op(c, op, &r);
    printf("%-20s %4d samples %6lld checks %3d refused %3d not finite %4d kinks\n", op->name, r.samples,
           (long long)r.checks, r.refused, r.not_finite, r.kinks);
    if (r.refused) printf("    refused: %s\n", r.why);
    for (int k = 0; k < r.failures && k < TP_REPORT_FAILURES; k++)
        print_error("%s: %s: sample %d (%s): worst %g: %s\n", op->name, r.failure[k].check,
                    r.failure[k].sample, r.failure[k].kind, r.failure[k].worst, r.failure[k].text);
    all_samples += r.samples;
    all_checks += r.checks;
    assert_int_equal(r.failures, 0);
    assert_true(right);
    assert_true(r.samples > 0);
    assert_true(r.refused + r.not_finite < r.samples);
    assert_int_equal(tp_close(c), 0);
}

int main(int argc, char **argv)
{
    int n = 0, taken = 0;
    while (tp_op_at(n)) n++;
    struct CMUnitTest *tests = calloc((size_t)n, sizeof *tests);
    for (int i = 0; tests && i < n; i++) {
        const tp_op *op = tp_op_at(i);
        if (argc > 1 && tp_op_find(argv[1]) != op) continue;
        tests[taken++] = (struct CMUnitTest){
            .name = op->name, .test_func = test_row, .initial_state = (void *)(uintptr_t)op};
    }
    if (!taken) fprintf(stderr, "there is no row '%s'\n", argc > 1 ? argv[1] : "");
    int failed = taken == 0 || _cmocka_run_group_tests("ops", tests, (size_t)taken, NULL, NULL);
    printf("%d rows, %lld samples, %lld checks\n", taken, all_samples, all_checks);
    free(tests);
    return failed;
}
