/* Checkpoints are saved and loaded while libc's allocator fails under jansson and libc itself. */
#define _GNU_SOURCE
#include "mallocs.h"

#include "faults.h"
#include "io/refusals.h" /* no waiting for the disk */
#include "train/sets.h"

/* The context's own memory, which does not fail. */
static void *safe_allocator(void *user, void *block, size_t old_size, size_t new_size)
{
    long at = heap.at;
    heap.at = 0;
    void *resized = ledger_allocator(user, block, old_size, new_size);
    heap.at = at;
    return resized;
}

/* What a training of two epochs has come to after some; 0 after a failure. */
static uint64_t train(tp_context *c, int64_t epochs, bool resume)
{
    tp_mark scope = tp_open_scope(c);
    tp_seed(c, 3);
    tp_dataset *data = three_classes(c, 7, 4, 1);
    tp_module *net = tp_sequential(c, tp_linear(c, 4, 3));
    tp_optimizer *opt = tp_sgd(net, .lr = 0.1, .momentum = 0.9);
    tp_fit(net, opt, data, .epochs = epochs, .batch_size = 4, .schedule = tp_exponential_lr(opt, 0.75),
           .checkpoint = folder, .resume = resume, .patience = 3);
    uint64_t bits = tp_ok(c) ? bits_of(net) : 0;
    tp_close_scope(c, scope);
    return bits;
}

/* The first epoch (else the second, from its checkpoint), while the at-th call of malloc fails: it ends as
 * ever, or for want of memory; its files go on to the same end. False if there are fewer calls. */
static bool fail_at(long at, bool rest, bool first, const uint64_t *wanted)
{
    ledger mine;
    ledger_start(&mine);
    tp_context *c = tp_open(&(tp_options){.allocator = safe_allocator, .allocator_user = &mine});
    heap_arm(at, rest);
    uint64_t bits = train(c, first ? 1 : 2, !first);
    bool refused = heap_disarm();
    EXPECT(tp_ok(c) || tp_error(c) == TP_ERR_MEMORY, "fit", at, c);
    EXPECT(!tp_ok(c) || bits == wanted[first ? 0 : 1], "fit", at, c);
    EXPECT(refused || tp_ok(c), "fit", at, c);
    tp_clear(c);
    bits = train(c, 2, true);
    EXPECT(tp_ok(c) && bits == wanted[1], "resume", at, c);
    tp_close(c);
    EXPECT(mine.blocks == 0, "fit", at, NULL);
    return refused;
}

static void test_libc_fails(void **state)
{
    static bytes file;
    tp_context *c = *state;
#ifndef COUNTS
    print_message("a sanitizer has libc's allocator in its hands\n");
    skip();
#endif
    uint64_t first = train(c, 1, false);
    get_bytes(in_folder("checkpoint-a.safetensors"), &file);
    const uint64_t wanted[] = {first, train(c, 2, true)};
    assert_true(tp_ok(c) && wanted[0] != wanted[1]);
    for (int way = 0; way < 4; way++) {
        bool begins = way / 2;
        long at = 1;
        do {
            folder_files(remove);
            if (!begins) put_bytes(in_folder("checkpoint-a.safetensors"), file.v, file.n);
        } while (fail_at(at++, way % 2, begins, wanted));
        assert_true(at > 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {FILE_TEST(test_libc_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
