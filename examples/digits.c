/* digits.c - trains a net 64-128-10 on handwritten digits. Usage: digits [seed [file.csv]] */
#include <taper/taper.h>

#include <stdio.h>
#include <stdlib.h>

enum { PIXELS = 64, IMAGES = 1797, HELD_OUT = 360, TRAIN = IMAGES - HELD_OUT, BATCH = 32, EPOCHS = 20 };
static float images[IMAGES][PIXELS + 1]; /* pixels of 0 to 16, then the label */

static bool read_images(const char *path)
{
    FILE *f = fopen(path, "r");
    bool ok = f && fscanf(f, "%*[^\n]") == 0; /* the header row */
    for (float *v = images[0]; ok && v <= &images[IMAGES - 1][PIXELS]; v++)
        ok = fscanf(f, "%f,", v) == 1 && *v >= 0 && *v <= 16;
    if (f) fclose(f);
    if (!ok) fprintf(stderr, "digits: cannot read %d images of %d pixels from %s\n", IMAGES, PIXELS, path);
    return ok;
}

static tp_tensor *predict(tp_tensor *const w[4], tp_tensor *x) /* [n,64] to scores [n,10] */
{
    return tp_add(tp_matmul(tp_relu(tp_add(tp_matmul(x, w[0]), w[1])), w[2]), w[3]);
}

static double train_step(tp_tensor *const w[4], tp_tensor *x, tp_tensor *label) /* gives the loss */
{
    tp_tensor *log_p = tp_gather(tp_log_softmax(predict(w, x), -1), label, -1);
    tp_tensor *loss = tp_neg(tp_mean(log_p, TP_ALL, false));
    tp_backward(loss);
    for (int i = 0; i < 4; i++) tp_sgd_update(w[i], tp_grad_of(w[i]), 0.5);
    for (int i = 0; i < 4; i++) tp_zero_grad(w[i]);
    return tp_item(loss);
}

static void report(const int64_t guess[HELD_OUT])
{
    int right = 0;
    for (int i = 0; i < HELD_OUT; i++) right += guess[i] == (int64_t)images[TRAIN + i][PIXELS];
    printf("accuracy %.4f on %d images held out\n", (double)right / HELD_OUT, HELD_OUT);
    for (int i = 0; i < 3; i++) {
        printf("\npredicted %d, labelled %d\n", (int)guess[i], (int)images[TRAIN + i][PIXELS]);
        for (int p = 0; p < PIXELS; p++)
            printf("%.2s%s", &"  ..++##@@"[(int)images[TRAIN + i][p] / 4 * 2], p % 8 < 7 ? "" : "\n");
    }
}

int main(int argc, char **argv)
{
    static int64_t order[TRAIN], guess[HELD_OUT];
    uint32_t seed = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
    if (!read_images(argc > 2 ? argv[2] : "data/digits/digits.csv")) return 1;
    tp_randomstate random;
    tp_randomstate_seed(&random, seed);
    tp_randomstate_shuffle(&random, images, IMAGES, sizeof *images);
    tp_context *c = tp_open(&(tp_options){.seed = seed});
    tp_tensor *all = tp_from_array(c, TP_SHAPE(IMAGES, PIXELS + 1), TP_F32, images);
    tp_tensor *x = tp_mul_scalar(tp_slice(all, 1, 0, PIXELS, 1), 1.0 / 16);
    tp_tensor *label = tp_cast(tp_slice(all, 1, PIXELS, TP_END, 1), TP_I64); /* [1797,1] */
    const tp_shape shape[] = {TP_SHAPE(PIXELS, 128), TP_SHAPE(128), TP_SHAPE(128, 10), TP_SHAPE(10)};
    tp_tensor *w[4];
    for (int i = 0; i < 4; i++) w[i] = tp_require_grad(tp_uniform(c, shape[i], -0.1, 0.1, TP_F32));

    for (int epoch = 1; epoch <= EPOCHS && tp_ok(c); epoch++) {
        double loss = 0;
        tp_randomstate_permutation(&random, order, TRAIN); /* the last 360 are never trained on */
        for (int at = 0; at + BATCH <= TRAIN && tp_ok(c); at += BATCH) {
            tp_mark step = tp_open_scope(c);
            tp_tensor *batch = tp_from_array(c, TP_SHAPE(BATCH), TP_I64, order + at);
            loss += train_step(w, tp_index_select(x, 0, batch), tp_index_select(label, 0, batch));
            tp_close_scope(c, step);
        }
        if (tp_ok(c)) printf("epoch %2d  loss %.9f\n", epoch, loss / (TRAIN / BATCH));
    }

    tp_tensor *best = tp_argmax(predict(w, tp_slice(x, 0, TRAIN, TP_END, 1)), TP_AXES(-1), false);
    if (tp_read(best, guess, sizeof guess) == TP_OK) report(guess);
    if (!tp_ok(c)) fprintf(stderr, "digits: %s\n", tp_error_text(c));
    return tp_close(c);
}
