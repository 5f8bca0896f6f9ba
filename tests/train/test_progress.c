#define _XOPEN_SOURCE 700 /* pseudo terminals */

#include "train/sets.h"

#include "comma.h"

#include <fcntl.h>
#include <unistd.h>

enum { TEXT = 1 << 16 };

/* What a training of three epochs writes to `log`; with `held_out`, two of classes. */
static void train(tp_context *c, FILE *log, bool classes)
{
    tp_dataset *data = classes ? three_classes(c, 200, 4, 1) : line(c, 40, 0, 1);
    tp_module *net = linear_net(c, classes ? 4 : 2, classes ? 3 : 1, TP_F64);
    tp_fit(net, tp_sgd(net, .lr = 0.1), data, .epochs = 3, .validation = classes ? data : NULL, .log = log);
}

static void text_of_training(tp_context *c, char *text, bool classes)
{
    FILE *log = tmpfile();
    tp_seed(c, 0);
    train(c, log, classes);
    rewind(log);
    text[fread(text, 1, TEXT - 1, log)] = '\0';
    fclose(log);
}

/* How often `what` stands in the text. */
static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++) n++;
    return n;
}

static void test_lines(void **state)
{
    tp_context *c = *state;
    static char text[TEXT], again[TEXT];
    double loss, accuracy, val_loss, val_accuracy;
    int end = 0;
    text_of_training(c, text, true);
    assert_int_equal(sscanf(text,
                            "epoch 1/3  loss %lf  accuracy %lf  val_loss %lf  val_accuracy %lf\nepoch 2/3%n",
                            &loss, &accuracy, &val_loss, &val_accuracy, &end),
                     4);
    assert_true(end > 0 && val_loss < loss && accuracy <= 1 && val_accuracy <= 1);
    assert_int_equal(count(text, "\n"), 3);
    assert_int_equal(count(text, "\r"), 0);
    text_of_training(c, again, true);
    assert_string_equal(text, again);
    text_of_training(c, text, false);
    assert_int_equal(sscanf(text, "epoch 1/3  loss %lf  r2 %lf\nepoch 2/3", &loss, &accuracy), 2);
    assert_int_equal(count(text, "accuracy") + count(text, "nan"), 0);
}

/* Numbers of any size, as they are printed. */
static void test_numbers(void **state)
{
    tp_context *c = *state;
    static const double targets[] = {0, 2, 0.03, 1e-4, 3e9, 0.099995};
    static const char *const texts[] = {"0.0000", "4.0000", "9.0000e-4", "1.0000e-8", "9.0000e18", "0.0100"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char text[256] = "", wanted[64];
        FILE *log = tmpfile();
        tp_module *net = tp_sequential(c, tp_linear(c, 1, 1, .dtype = TP_F64));
        tp_init_constant(tp_parameter(net, "0.weight"), 0);
        tp_init_constant(tp_parameter(net, "0.bias"), 0);
        tp_fit(net, tp_sgd(net),
               tp_dataset_new(c, tp_ones(c, TP_SHAPE(2, 1), TP_F64), VECTOR(c, targets[i], -targets[i])),
               .epochs = 1, .log = log);
        rewind(log);
        assert_true(fread(text, 1, sizeof text - 1, log) > 0);
        fclose(log);
        snprintf(wanted, sizeof wanted, "epoch 1/1  loss %s  r2 ", texts[i]);
        assert_memory_equal(text, wanted, strlen(wanted));
    }
}

static void in_a_comma_locale(void)
{
    static char text[TEXT];
    tp_context *c = tp_open(NULL);
    text_of_training(c, text, true);
    assert_true(count(text, ".") == 3 * 4 && count(text, ",") == 0);
    tp_close(c);
}

static void test_decimal_comma(void **state)
{
    (void)state;
    if (!with_decimal_comma(in_a_comma_locale)) skip();
}

static void test_terminal(void **state)
{
    tp_context *c = *state;
    static char text[TEXT];
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) skip();
    FILE *log = fopen(ptsname(master), "w");
    assert_non_null(log);
    train(c, log, true);
    for (size_t n = 0; count(text, "\n") < 3;) {
        ssize_t more = read(master, text + n, TEXT - 1 - n);
        assert_true(more > 0);
        n += (size_t)more;
    }
    static const char bar[] = "\repoch 1/3  [===                     ]  1/7  loss ";
    assert_memory_equal(text, bar, sizeof bar - 1);
    assert_non_null(strstr(text, " left\033[K\repoch"));
    assert_non_null(strstr(text, " s\033[K\r\n"));
    assert_non_null(strstr(text, " samples/s  "));
    fclose(log);
    close(master);
}

static const struct CMUnitTest tests[] = {TEST(test_lines), TEST(test_numbers), TEST(test_decimal_comma),
                                          TEST(test_terminal)};

int main(void) { return cmocka_run_group_tests(tests, NULL, NULL); }
