#include "fixture.h"

#include <taper/ext.h>

static double minimum(tp_tensor *t) { return tp_item(tp_min(t, TP_ALL, false)); }
static double maximum(tp_tensor *t) { return tp_item(tp_max(t, TP_ALL, false)); }
static double mean(tp_tensor *t) { return tp_item(tp_mean(t, TP_ALL, false)); }
static double deviation(tp_tensor *t) { return tp_item(tp_std(t, TP_ALL, 1, false)); }

enum { OUT = 200, IN = 50, FIELD = 4 };

/* With n draws the mean is off by std / sqrt(n), the deviation by about as much: five times that is allowed.
 */
static void expect_uniform(tp_tensor *t, double low, double high)
{
    double std = (high - low) / sqrt(12), error = 5 * std / sqrt((double)tp_numel(t));
    expect_near(mean(t), (low + high) / 2, error);
    expect_near(deviation(t), std, error);
    assert_true(minimum(t) >= low && minimum(t) < low + (high - low) * 0.01);
    assert_true(maximum(t) <= high && maximum(t) > high - (high - low) * 0.01);
}

static void expect_normal(tp_tensor *t, double center, double std)
{
    double error = 5 * std / sqrt((double)tp_numel(t));
    expect_near(mean(t), center, error);
    expect_near(deviation(t), std, error);
    assert_true(maximum(t) > center + 3 * std && maximum(t) < center + 6 * std);
    assert_true(minimum(t) < center - 3 * std && minimum(t) > center - 6 * std);
}

static void test_statistics(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = tp_require_grad(tp_zeros(c, TP_SHAPE(OUT, IN), TP_F64));
    assert_ptr_equal(tp_init_constant(t, 3), t);
    expect_near(minimum(t), 3, 0);
    expect_near(maximum(t), 3, 0);
    expect_uniform(tp_init_uniform(t, -1, 3), -1, 3);
    expect_normal(tp_init_normal(t, 5, 2), 5, 2);
    double xavier = sqrt(6.0 / (IN + OUT)), kaiming = sqrt(6.0 / IN);
    expect_uniform(tp_init_xavier_uniform(t, 1), -xavier, xavier);
    expect_uniform(tp_init_xavier_uniform(t, 2), -2 * xavier, 2 * xavier);
    expect_normal(tp_init_xavier_normal(t, 1), 0, sqrt(2.0 / (IN + OUT)));
    expect_uniform(tp_init_kaiming_uniform(t, 0), -kaiming, kaiming);
    double leaky = sqrt(6.0 / ((1 + 0.25) * IN));
    expect_uniform(tp_init_kaiming_uniform(t, 0.5), -leaky, leaky);
    expect_normal(tp_init_kaiming_normal(t, 0), 0, sqrt(2.0 / IN));
    assert_true(tp_requires_grad(t));
}

/* Axes after the first two are a field: each of its places counts as an input and as an output. */
static void test_field(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = tp_zeros(c, TP_SHAPE(OUT, IN, 2, 2), TP_F64);
    double bound = sqrt(6.0 / (IN * FIELD)), xavier = sqrt(2.0 / ((IN + OUT) * FIELD));
    expect_uniform(tp_init_kaiming_uniform(t, 0), -bound, bound);
    expect_normal(tp_init_xavier_normal(t, 1), 0, xavier);
}

/* A layer starts as PyTorch's: weight and bias uniform to 1 / sqrt(in), by the context's stream. */
static void test_linear(void **state)
{
    tp_context *c = *state;
    tp_seed(c, 1);
    tp_module *m = tp_linear(c, IN, OUT * 10, .dtype = TP_F64);
    tp_tensor *w = tp_parameter(m, "weight"), *b = tp_parameter(m, "bias");
    double bound = 1 / sqrt(IN);
    expect_uniform(w, -bound, bound);
    expect_uniform(b, -bound, bound);
    tp_seed(c, 1);
    tp_tensor *again = tp_parameter(tp_linear(c, IN, OUT * 10, .dtype = TP_F64), "weight");
    expect_near(tp_item(tp_any(tp_ne(w, again), TP_ALL, false)), 0, 0);
    tp_tensor *other = tp_parameter(tp_linear(c, IN, OUT * 10, .dtype = TP_F64), "weight");
    expect_near(tp_item(tp_all(tp_ne(w, other), TP_ALL, false)), 1, 0);
}

static void test_refused(void **state)
{
    tp_context *c = *state;
    tp_tensor *t = tp_ones(c, TP_SHAPE(3), TP_F32);
    assert_true(tp_is_nil(tp_init_kaiming_uniform(t, 0)));
    expect_error(c, TP_ERR_SHAPE, "tp_init_kaiming_uniform: takes a weight [out,in,..], got 1 axes");
    assert_true(tp_is_nil(tp_init_uniform(tp_tanh(tp_require_grad(t)), 0, 1)));
    expect_error(c, TP_ERR_STATE, "has a history");
    expect_near(minimum(t), 1, 0);
    assert_true(tp_is_nil(tp_init_uniform(NULL, 0, 1)));
    assert_true(tp_is_nil(tp_init_normal(tp_nil(c), 0, 1)));
    assert_false(tp_ok(c));
    tp_clear(c);
    tp_tensor *none = tp_zeros(c, TP_SHAPE(0, 3), TP_F32);
    assert_ptr_equal(tp_init_xavier_uniform(none, 1), none);
}

static const struct CMUnitTest tests[] = {
    TEST(test_statistics),
    TEST(test_field),
    TEST(test_linear),
    TEST(test_refused),
};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
