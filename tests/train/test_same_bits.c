/* test_same_bits.c - three whole trainings give the same bits with any number of threads and at any level of
 * instructions, and those in golden/trainings.def, which other machines and compilers are held to.
 * `test_train_same_bits --write`, from the top of the source tree, makes that file anew: for the day when the
 * bits are meant to change. */
#include "base/pool.h"
#include "base/simd.h"
#include "fixture.h"

#include <taper/ext.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW
#endif
#endif

/* Adam, dropout, shuffled batches of which the last is not full. */
typedef struct training {
    const char *name, *net;
    tp_shape sample;
    int64_t classes, samples, batch, epochs; /* 1 class: a number 0 or 1 */
} training;

static const training trainings[] = {
    {"30-50-1", "linear 50, sigmoid, dropout p=0.2, linear 1", {1, {30}}, 1, 300, 128, 3},
    {"784-100-10", "linear 100, relu, dropout p=0.2, linear 10", {2, {28, 28}}, 10, 150, 64, 2},
    {"784-512-512-10",
     "linear 512, relu, dropout p=0.2, linear 512, relu, dropout p=0.2, linear 10",
     {2, {28, 28}},
     10,
     150,
     128,
     1}};
enum {
    TRAININGS = sizeof trainings / sizeof *trainings,
#ifdef SLOW
    RUN = TRAININGS - 1 /* the largest would take minutes */
#else
    RUN = TRAININGS
#endif
};

/* Hashes of what a training leaves. */
typedef struct bits {
    uint64_t parameters, states, predictions;
} bits;

static const struct {
    const char *name;
    bits bits;
} golden[TRAININGS] = {
#define TRAINING(name, parameters, states, predictions) {name, {parameters, states, predictions}},
#include "golden/trainings.def"
};

/* FNV-1a, over the elements in row-major order. */
static void hash_tensor(uint64_t *hash, tp_tensor *t)
{
    tp_tensor *whole = tp_contiguous(tp_detach(t));
    const unsigned char *byte = tp_data(whole);
    size_t n = (size_t)tp_numel(whole) * tp_dtype_size(tp_dtype_of(whole));
    for (size_t i = 0; i < n; i++) *hash = (*hash ^ byte[i]) * 0x100000001b3;
}

/* Images of bytes, or rows of floats; all of it drawn from the context's stream. */
static tp_dataset *draw(tp_context *c, const training *t)
{
    bool image = t->sample.n > 1;
    tp_shape shape =
        image ? TP_SHAPE(t->samples, t->sample.v[0], t->sample.v[1]) : TP_SHAPE(t->samples, t->sample.v[0]);
    tp_tensor *x = image ? tp_randint(c, 0, 256, shape, TP_U8) : tp_uniform(c, shape, -1, 1, TP_F32);
    tp_tensor *y = tp_randint(c, 0, image ? t->classes : 2, TP_SHAPE(t->samples), TP_I64);
    tp_dataset *data = tp_dataset_new(c, x, image ? y : tp_cast(y, TP_F32));
    tp_dataset_scale(data, TP_SCALE_FOUND);
    return data;
}

/* A sample's prediction does not depend on what stands beside it. */
static void expect_same_alone(tp_module *net, tp_dataset *data, tp_tensor *together)
{
    int64_t last = tp_dataset_size(data) - 1, row[] = {0, 1, 77, last};
    tp_dataset *some = tp_dataset_rows(data, row, 4);
    uint64_t alone = 0, beside = 0;
    hash_tensor(&alone, tp_predict(net, some, .batch_size = 1));
    hash_tensor(&beside, tp_index_select(together, 0,
                                         tp_from_array(tp_context_of(together), TP_SHAPE(4), TP_I64, row)));
    assert_true(alone == beside);
}

static bits run(tp_context *c, const training *t)
{
    bits b = {0xcbf29ce484222325, 0xcbf29ce484222325, 0xcbf29ce484222325};
    tp_mark scope = tp_open_scope(c);
    tp_seed(c, 6);
    tp_dataset *data = draw(c, t);
    tp_module *net = tp_net(c, t->net, t->sample);
    tp_optimizer *adam = tp_adam(net, .lr = 0.01);
    tp_module *criterion = t->classes == 1 ? tp_bce_with_logits_criterion(c) : tp_cross_entropy_criterion(c);
    tp_fit(net, adam, data, .epochs = t->epochs, .batch_size = t->batch, .criterion = criterion);
    tp_tensor *predictions = tp_predict(net, data);
    for (int i = 0; i < tp_parameters(net); i++) hash_tensor(&b.parameters, tp_parameter_at(net, i, NULL, 0));
    for (int i = 0; i < tp_optimizer_states(adam); i++)
        hash_tensor(&b.states, tp_optimizer_state_at(adam, i, NULL, 0));
    hash_tensor(&b.predictions, predictions);
    expect_same_alone(net, data, predictions);
    assert_true(tp_ok(c));
    tp_close_scope(c, scope);
    return b;
}

static void expect_golden(tp_context *c, int i, int threads)
{
    bits wanted = golden[i].bits;
    tp_set_threads(threads);
    int64_t forks = tp_parallel_forks();
    bits got = run(c, &trainings[i]);
    bool split = tp_parallel_forks() > forks;
    if (memcmp(&got, &wanted, sizeof got) != 0) {
        print_error("%s, %s, %d threads: other bits of%s%s%s\n", golden[i].name, tp_simd_level(), threads,
                    got.parameters == wanted.parameters ? "" : " parameters",
                    got.states == wanted.states ? "" : " states",
                    got.predictions == wanted.predictions ? "" : " predictions");
        fail();
    }
    /* the smallest is hardly worth it, and `eval` multiplies alone */
    if (threads == 1 || (i > 0 && tp_simd_in_use() != TP_SIMD_BASELINE)) assert_true(split == (threads > 1));
}

static void test_threads_and_levels(void **state)
{
    static const int threads[] = {1, 2, 3, 5, 8};
    for (int i = 0; i < RUN; i++) {
        assert_string_equal(golden[i].name, trainings[i].name);
        for (int level = 0; level <= (int)tp_simd_widest(); level++) {
            tp_simd_use((tp_simd)level);
            for (size_t k = 0; k < sizeof threads / sizeof *threads; k++)
                expect_golden(*state, i, threads[k]);
        }
    }
}

static int write_golden(void)
{
    FILE *f = fopen("tests/golden/trainings.def", "w");
    tp_context *c = tp_open(NULL);
    if (!f || !c) return 1;
    fprintf(f,
            "/* trainings.def - made by test_train_same_bits --write: parameters, states, predictions */\n");
    for (int i = 0; i < TRAININGS; i++) {
        bits b = run(c, &trainings[i]);
        fprintf(f, "TRAINING(\"%s\", 0x%016llx, 0x%016llx, 0x%016llx)\n", trainings[i].name,
                (unsigned long long)b.parameters, (unsigned long long)b.states,
                (unsigned long long)b.predictions);
    }
    return fclose(f) | tp_close(c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {TEST(test_threads_and_levels)};
    if (argc == 2 && strcmp(argv[1], "--write") == 0) return write_golden();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
