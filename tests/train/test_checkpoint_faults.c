/* A training goes on when its checkpoints cannot be written, and with too little memory it ends in order. */
#define _GNU_SOURCE
#include "io/refusals.h"
#include "train/sets.h"

#include "faults.h"

/* What a training has come to. */
typedef struct end {
    uint64_t bits;
    double loss;
    int lost; /* batches after which a checkpoint was missing */
} end;

static bool watch(const tp_fit_state *s, void *user)
{
    end *e = user;
    if (s->lost && os.failed) assert_non_null(strstr(s->lost, strerror(os.code)));
    e->lost += s->lost != NULL;
    return true;
}

/* Two epochs of two steps, each of which is saved. */
static end train(tp_context *c, bool resume)
{
    end e = {0};
    tp_mark scope = tp_open_scope(c);
    tp_seed(c, 3);
    tp_dataset *data = three_classes(c, 7, 4, 1);
    tp_module *net = tp_sequential(c, tp_linear(c, 4, 3));
    tp_history *h =
        tp_fit(net, tp_sgd(net, .lr = 0.1, .momentum = 0.9), data, .epochs = 2, .batch_size = 4,
               .checkpoint = folder, .checkpoint_every = 1, .resume = resume, .on_batch = watch, .user = &e);
    e.loss = tp_history_get(h, 1, "loss");
    e.bits = tp_ok(c) ? bits_of(net) : 0;
    tp_close_scope(c, scope);
    return e;
}

/* One call after another fails, or all from it on: the training goes on, and from its files too. */
static void refuse(tp_context *c, int code, bool rest)
{
    end whole = train(c, false);
    assert_true(tp_ok(c) && whole.lost == 0);
    int lost = 0, at = 1;
    do {
        folder_files(remove);
        os.at = at++;
        os.code = code;
        os.rest = rest;
        os.calls = 0;
        os.failed = NULL;
        end e = train(c, false);
        os.at = 0;
        lost += e.lost;
        assert_true(tp_ok(c) && e.bits == whole.bits && e.loss == whole.loss);
        e = train(c, true);
        assert_true(tp_ok(c) && e.bits == whole.bits && e.loss == whole.loss);
    } while (os.failed);
    assert_true(lost > 3 && at > 5 * 8); /* five of at least 8 calls */
}

static void test_refusals(void **state)
{
    static const int codes[] = {ENOSPC, EIO, EDQUOT};
    for (int i = 0; i < 3; i++)
        for (int rest = 0; rest < 2; rest++) {
            refuse(*state, codes[i], rest);
            folder_files(remove);
        }
}

static void test_interruptions(void **state)
{
    end whole = train(*state, false);
    folder_files(remove);
    os.hesitates = true;
    end e = train(*state, false);
    os.hesitates = false;
    assert_true(e.lost == 0 && e.bits == whole.bits);
    assert_true(train(*state, true).bits == whole.bits);
}

/* The at-th allocation fails, or all from it on: the training ends as ever, or for want of memory; its files
 * go on to the same end. */
static bool fail_at(long at, bool rest, bool resume, const end *whole)
{
    faulty f;
    tp_context *c = faulty_open(&f, rest);
    faulty_arm(&f, at);
    end e = train(c, resume);
    bool refused = faulty_disarm(&f);
    EXPECT(tp_ok(c) || tp_error(c) == TP_ERR_MEMORY, "fit", at, c);
    EXPECT(!tp_ok(c) || (e.bits == whole->bits && e.loss == whole->loss), "fit", at, c);
    tp_clear(c);
    e = train(c, true);
    EXPECT(tp_ok(c) && e.bits == whole->bits && e.loss == whole->loss, "resume", at, c);
    tp_close(c);
    EXPECT(f.books.blocks == 0, "fit", at, NULL);
    return refused;
}

static void test_memory(void **state)
{
    end whole = train(*state, false);
    for (int rest = 0; rest < 2; rest++) {
        long at = 1;
        do folder_files(remove);
        while (fail_at(at++, rest, false, &whole));
        assert_true(at > 100);
        /* to go on from a checkpoint with steps to come */
        static bytes file;
        get_bytes(in_folder("checkpoint-b.safetensors"), &file);
        at = 1;
        do {
            folder_files(remove);
            put_bytes(in_folder("checkpoint-b.safetensors"), file.v, file.n);
        } while (fail_at(at++, rest, true, &whole));
        assert_true(at > 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_refusals),
        FILE_TEST(test_interruptions),
        FILE_TEST(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
