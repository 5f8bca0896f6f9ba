/* tp_fit takes nothing from libc's allocator once its first epochs are over. */
#include "mallocs.h"
#include "train/sets.h"

enum { EPOCHS = 16 };
static long at_end_of[EPOCHS];

static bool count(const tp_fit_state *state, void *user)
{
    (void)user;
    at_end_of[state->epoch] = heap.calls;
    return true;
}

static void expect_no_malloc(tp_context *c, tp_dataset *data, tp_dataset *held_out,
                             const tp_fit_options *options)
{
    tp_module *net = dropout_net(c, 4, 3, TP_F32);
    tp_fit_options o = *options;
    o.epochs = EPOCHS;
    o.patience = EPOCHS;
    o.validation = held_out;
    o.on_epoch = count;
    tp_optimizer *opt = tp_adam(net);
    o.schedule = tp_exponential_lr(opt, 0.9);
    tp_fit_with(net, opt, data, &o);
    assert_true(tp_ok(c));
#ifdef COUNTS
    assert_true(at_end_of[0] > 0); /* they are counted */
#endif
    assert_int_equal(at_end_of[EPOCHS - 1], at_end_of[1]);
}

static void test_fit_calls_no_malloc_after_two_epochs(void **state)
{
    (void)state;
    tp_context *c = tp_open(NULL);
    tp_dataset *data = three_classes(c, 50, 4, 1), *held_out = three_classes(c, 30, 4, 2);
    expect_no_malloc(c, data, held_out, &(tp_fit_options){0});
    expect_no_malloc(c, data, held_out, &(tp_fit_options){.accumulate = 2, .clip_norm = 1, .clip_value = 1});
    expect_no_malloc(c, data, held_out, &(tp_fit_options){.prefetch = true, .drop_last = true});
    assert_int_equal(tp_close(c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fit_calls_no_malloc_after_two_epochs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
