/* shared_model.c - two threads predict with one model, each in a context of its own. */
#include <taper/taper.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLES = 1000, FEATURES = 8, CLASSES = 3, HALF = SAMPLES / 2 };

/* What a thread has to do: half of the samples. */
typedef struct job {
    const tp_module *model;
    float (*x)[FEATURES];
    float y[HALF][CLASSES];
    int failed;
} job;

/* Class probabilities of the job's samples. */
static int predict(tp_context *c, tp_module *m, job *j)
{
    tp_mark scope = tp_open_scope(c);
    tp_tensor *y = tp_forward(m, tp_from_array(c, TP_SHAPE(HALF, FEATURES), TP_F32, j->x));
    int failed = tp_read(y, j->y, sizeof j->y) != TP_OK;
    tp_close_scope(c, scope);
    return failed;
}

static void *run(void *user)
{
    job *j = user;
    tp_context *c = tp_open(NULL); /* contexts are not shared, weights are */
    j->failed = predict(c, tp_share(c, j->model), j);
    if (!tp_ok(c)) fprintf(stderr, "shared_model: %s\n", tp_error_text(c));
    tp_close(c);
    return NULL;
}

int main(void)
{
    static float x[SAMPLES][FEATURES];
    static job jobs[2], alone[2];
    pthread_t threads[2];
    tp_context *c = tp_open(NULL);
    tp_module *model = tp_net(c, "linear 64, relu, linear 3, softmax", TP_SHAPE(FEATURES));
    tp_eval(model);
    tp_read(tp_normal(c, TP_SHAPE(SAMPLES, FEATURES), 0, 1, TP_F32), x, sizeof x);
    if (!tp_ok(c)) {
        fprintf(stderr, "shared_model: %s\n", tp_error_text(c));
        return 1;
    }
    for (int i = 0; i < 2; i++) jobs[i] = alone[i] = (job){.model = model, .x = x + i * HALF};

    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, run, &jobs[i]) != 0) return 1; /* ends the other thread, too */
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);

    int count[CLASSES] = {0}, same = 1;
    for (int i = 0; i < 2; i++) {
        same &= predict(c, model, &alone[i]) == 0 && !jobs[i].failed;
        same &= memcmp(jobs[i].y, alone[i].y, sizeof alone[i].y) == 0;
        for (int s = 0; s < HALF; s++) {
            const float *p = jobs[i].y[s];
            count[p[1] > p[0] ? p[2] > p[1] ? 2 : 1 : p[2] > p[0] ? 2 : 0]++;
        }
    }
    printf("%d samples in two threads: %d, %d and %d of each class\n", SAMPLES, count[0], count[1], count[2]);
    printf("bits of one thread: %s\n", same ? "the same" : "others");
    return tp_close(c) || !same;
}
