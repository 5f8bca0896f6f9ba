/* A training that checkpoints after each step is killed at random instants, again and again, and goes on:
 * nothing that was saved is lost, and it ends with the bits of the undisturbed one. TAPER_KILLS says how
 * often. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "io/files.h"
#include "train/sets.h"

#include <taper/ext.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { STEPS = 3 * 20 };

/* What the process that is killed leaves. */
typedef struct trace {
    volatile int64_t begun; /* steps; all before them are saved */
    volatile uint64_t bits; /* of the weights at the end */
} trace;

/* A kill loses nothing that was written, synced or not. */
int fsync(int fd) { return fd < 0 ? -1 : 0; }

static bool note(const tp_fit_state *s, void *user)
{
    ((trace *)user)->begun = tp_optimizer_steps(s->optimizer);
    return !s->lost;
}

static void train(trace *left, const char *checkpoint)
{
    tp_context *c = tp_open(NULL);
    tp_module *net = dropout_net(c, 4, 3, TP_F32);
    tp_fit(net, tp_adam(net, .lr = 0.01), three_classes(c, 120, 4, 1), .epochs = 3, .batch_size = 6,
           .patience = 2, .checkpoint = checkpoint, .checkpoint_every = checkpoint != NULL,
           .resume = checkpoint != NULL, .on_batch = note, .user = left);
    if (tp_ok(c)) left->bits = bits_of(net);
    tp_close(c);
}

/* The steps in a checkpoint, all of which can be read; 0 without a file. */
static int64_t steps_in(tp_context *c, const char *name)
{
    static const char key[] = "\"steps\":";
    double steps = 0;
    if (access(in_folder(name), F_OK) != 0) return 0;
    tp_mark scope = tp_open_scope(c);
    tp_safetensors *f = tp_safetensors_open(c, in_folder(name));
    for (int i = 0; i < tp_safetensors_count(f); i++) tp_safetensors_read(f, tp_safetensors_name(f, i));
    const char *text = tp_safetensors_metadata(f, "taper.checkpoint");
    assert_true(tp_ok(c) && text && strstr(text, key));
    tp_parse_number(strstr(text, key) + strlen(key), &steps);
    tp_close_scope(c, scope);
    return (int64_t)steps;
}

/* Runs the training in a process that is killed after so many microseconds; true if it had ended before. */
static bool killed(trace *left, long after)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        train(left, folder);
        _exit(0);
    }
    nanosleep(&(struct timespec){.tv_nsec = after * 1000}, NULL);
    kill(child, SIGKILL);
    assert_true(waitpid(child, &status, 0) == child);
    assert_true(WIFEXITED(status) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    return WIFEXITED(status);
}

static void test_kill(void **state)
{
    tp_context *c = *state;
    const char *text = getenv("TAPER_KILLS");
    long kills = text ? strtol(text, NULL, 10) : 20, longest = 1000;
    uint64_t random = 1;
    trace whole = {0},
          *left = mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(left != MAP_FAILED);
    train(&whole, NULL);
    assert_int_equal(whole.begun, STEPS);
    int ends = 0;
    for (long killed_so_far = 0; killed_so_far < kills || !ends;) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        if (killed(left, (long)((random >> 33) % (uint64_t)longest))) {
            assert_true(left->bits == whole.bits);
            assert_int_equal(folder_files(remove), 2);
            *left = (trace){0};
            ends++;
            continue;
        }
        killed_so_far++;
        int64_t a = steps_in(c, "checkpoint-a.safetensors"), b = steps_in(c, "checkpoint-b.safetensors");
        int64_t newest = a > b ? a : b, older = a > b ? b : a, saved = left->begun ? left->begun - 1 : 0;
        assert_true(newest == saved || newest == saved + 1 || newest == STEPS);
        assert_true(newest == STEPS || older == (newest ? newest - 1 : 0));
        longest = newest == saved && newest == 0 ? 2 * longest : longest; /* too short for a slow machine */
    }
    print_message("%ld kills, %d trainings to the end\n", kills, ends);
    munmap(left, sizeof *left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {FILE_TEST(test_kill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
