/* taper.c - KIND SIZES [BATCH OPTIMIZER] [--save FILE]: does one piece of work when asked, for peers.py.
 *
 * "step 784-100-10 64 sgd": forward, loss, backward and update of Linears with ReLU and cross-entropy; with
 *     one output, sigmoid and binary cross-entropy from logits.
 * "epoch 784-100-10 64 sgd": such steps over 60000 images of bytes, shuffled and scaled.
 * "predict 784-100-10 1": forward alone.
 * "add 4": a + b with its gradient recorded. "dot 1000000": a . b.
 *
 * --save writes weights, data and the order of the first epoch for the peers. Lines of the standard input
 * ask, each for a number: SECONDS, the mean microseconds of one piece of work over so long, or of a single
 * one if that takes longer; "check", what came out at the end of 20 steps (the loss, or a sum of the
 * results); "memory", the peak in KiB; "pieces N", nothing but to do so many. */
#include <taper/taper.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { IMAGES = 60000, MOST_SIZES = 8, CHECKED = 20, SEED = 1 };

/* --- the work --- */

typedef struct bench {
    tp_context *c;
    tp_module *net;
    tp_optimizer *optimizer;
    tp_loader *loader;
    tp_tensor *x, *y;
    bool binary;
    void (*work)(struct bench *);
    double value; /* of the last piece, where `look` is set */
    bool look;
} bench;

static void note(bench *b, tp_tensor *t)
{
    if (b->look) b->value = tp_item(t);
}

static void step_on(bench *b, tp_tensor *x, tp_tensor *y)
{
    tp_mark scope = tp_open_scope(b->c);
    tp_tensor *out = tp_forward(b->net, x);
    tp_tensor *loss = b->binary ? tp_bce_with_logits(out, y) : tp_cross_entropy(out, y);
    tp_backward(loss);
    tp_optimizer_step(b->optimizer);
    note(b, loss);
    tp_close_scope(b->c, scope);
}

static void step(bench *b) { step_on(b, b->x, b->y); }

/* The check sees the first batches only. */
static void epoch(bench *b)
{
    tp_batch batch;
    for (int i = 0; !(b->look && i == CHECKED) && tp_loader_next(b->loader, &batch); i++)
        step_on(b, batch.x, batch.y);
}

static void predict(bench *b)
{
    tp_mark scope = tp_open_no_grad(b->c);
    tp_tensor *out = tp_forward(b->net, b->x);
    if (b->look) note(b, tp_sum(out, TP_ALL, false));
    tp_close_scope(b->c, scope);
}

static void add(bench *b)
{
    tp_mark scope = tp_open_scope(b->c);
    tp_tensor *out = tp_add(b->x, b->y);
    if (b->look) note(b, tp_sum(out, TP_ALL, false));
    tp_close_scope(b->c, scope);
}

static void dot(bench *b)
{
    tp_mark scope = tp_open_scope(b->c);
    note(b, tp_dot(b->x, b->y));
    tp_close_scope(b->c, scope);
}

/* --- making it --- */

static int64_t make_net(bench *b, const char *text, int64_t *in)
{
    int64_t size[MOST_SIZES];
    int n = 0;
    for (char *end; n < MOST_SIZES && *text; text = *end ? end + 1 : end) size[n++] = strtoll(text, &end, 10);
    *in = size[0];
    if (n < 2) return 0;
    b->binary = size[n - 1] == 1;
    b->net = tp_sequential(b->c);
    for (int i = 0; i < n - 1; i++) {
        if (i) tp_sequential_add(b->net, b->binary ? tp_sigmoid_layer(b->c) : tp_relu_layer(b->c));
        tp_sequential_add(b->net, tp_linear(b->c, size[i], size[i + 1]));
    }
    return size[n - 1];
}

static tp_loader *load(bench *b, tp_tensor *x, int64_t batch)
{
    tp_dataset *images = tp_dataset_new(b->c, x, b->y);
    tp_dataset_scale(images, x == b->x ? TP_SCALE_UNIT : TP_SCALE_NONE);
    return tp_loader_new(images, .batch_size = batch, .shuffle = true, .seed = SEED, .drop_last = true);
}

static bool make_vectors(bench *b, int64_t n, bool adds)
{
    b->work = adds ? add : dot;
    b->x = tp_uniform(b->c, TP_SHAPE(n), 0, 1, TP_F32);
    b->y = tp_uniform(b->c, TP_SHAPE(n), 0, 1, TP_F32);
    if (adds) tp_require_grad(b->x);
    return true;
}

static void draw(bench *b, bool images, int64_t batch, int64_t in, int64_t out)
{
    b->x = images ? tp_randint(b->c, 0, 256, TP_SHAPE(IMAGES, in), TP_U8)
                  : tp_uniform(b->c, TP_SHAPE(batch, in), 0, 1, TP_F32);
    b->y = tp_randint(b->c, 0, b->binary ? 2 : out, TP_SHAPE(images ? IMAGES : batch), TP_I64);
    if (b->binary) b->y = tp_unsqueeze(tp_cast(b->y, TP_F32), 1);
    if (images) b->loader = load(b, b->x, batch);
}

static bool make(bench *b, int n, char **text)
{
    const char *kind = text[0];
    int64_t in, out = make_net(b, text[1], &in), batch = n > 2 ? atoll(text[2]) : 0;
    bool predicts = strcmp(kind, "predict") == 0;
    if (n == 2) return make_vectors(b, in, strcmp(kind, "add") == 0);
    if (!out || batch < 1) return false;
    b->work = strcmp(kind, "epoch") == 0 ? epoch : predicts ? predict : step;
    draw(b, b->work == epoch, batch, in, out);
    if (predicts)
        tp_eval(b->net);
    else if (n == 4)
        b->optimizer = tp_optimizer_named(
            b->net, text[3], &(tp_optimizer_options){.lr = strcmp(text[3], "adam") == 0 ? 1e-3 : 1e-2});
    return predicts || b->optimizer;
}

static void save(bench *b, const char *path)
{
    enum { MOST = 2 * MOST_SIZES };
    static char name[MOST][64];
    tp_named_tensor all[MOST + 3] = {{"x", b->x}, {"y", b->y}};
    int n = 2;
    if (b->loader) { /* numbers in place of images */
        tp_batch order;
        tp_loader *l = load(b, tp_unsqueeze(tp_arange(b->c, 0, IMAGES, 1, TP_F32), 1), IMAGES);
        if (tp_loader_next(l, &order)) all[n++] = (tp_named_tensor){"order", order.x};
    }
    for (int i = 0; b->net && i < tp_parameters(b->net); i++, n++) {
        all[n].tensor = tp_parameter_at(b->net, i, name[i], sizeof name[i]);
        all[n].name = name[i];
    }
    if (tp_npz_save(b->c, path, all, n) != TP_OK) fprintf(stderr, "%s\n", tp_error_text(b->c));
}

/* --- asking --- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double check(bench *b)
{
    b->look = true;
    for (int i = 0; i < (b->loader ? 1 : CHECKED); i++) b->work(b);
    b->look = false;
    if (b->loader) tp_loader_seek(b->loader, 1, 0);
    return b->value;
}

static double memory(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss;
}

static double microseconds(bench *b, double seconds)
{
    int64_t done = 0;
    for (double start = now();;) {
        for (int64_t i = done ? done : 1; i > 0; i--, done++) b->work(b);
        double time = now() - start;
        if (time >= seconds) return 1e6 * time / (double)done;
    }
}

static double answer(bench *b, const char *line)
{
    int pieces = 0;
    if (strcmp(line, "check\n") == 0) return check(b);
    if (strcmp(line, "memory\n") == 0) return memory();
    if (sscanf(line, "pieces %d", &pieces) != 1) return microseconds(b, atof(line));
    for (int i = 0; i < pieces; i++) b->work(b);
    return pieces;
}

int main(int n, char **text)
{
    bench b = {.c = tp_open(&(tp_options){.seed = SEED})};
    char line[100];
    bool saves = n > 4 && strcmp(text[n - 2], "--save") == 0;
    if (!b.c || n < 3 || !make(&b, n - 1 - 2 * saves, text + 1)) return 1;
    if (saves) save(&b, text[n - 1]);
    while (tp_ok(b.c) && fgets(line, sizeof line, stdin)) {
        printf("%.9g\n", answer(&b, line));
        fflush(stdout);
    }
    if (!tp_ok(b.c)) fprintf(stderr, "%s\n", tp_error_text(b.c));
    return tp_close(b.c);
}
