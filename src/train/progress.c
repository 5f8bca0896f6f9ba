/* progress.c - a line an epoch, and on a terminal a bar. Only there are times printed, so that a log is the
 * same at each run. */
#include "train/progress.h"

#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

tp_progress tp_progress_start(FILE *log, double epochs)
{
    tp_progress p = {.log = log, .terminal = log && isatty(fileno(log)), .before = epochs};
    p.started = now();
    return p;
}

/* " name 0.1234", or with a mantissa and exponent what is very small or large; a point in every locale. */
static void put_number(FILE *log, const char *name, double x)
{
    double size = fabs(x);
    int exponent = 0;
    if (!isfinite(x)) {
        fprintf(log, "  %s %s", name, isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
        return;
    }
    if (size > 0 && (size < 1e-3 || size >= 1e6)) {
        exponent = (int)floor(log10(size));
        size /= pow(10, exponent);
    }
    long long digits = llround(size * 1e4);
    fprintf(log, "  %s %s%lld.%04lld", name, x < 0 ? "-" : "", digits / 10000, digits % 10000);
    if (exponent) fprintf(log, "e%d", exponent);
}

static void put_epoch(FILE *log, const tp_fit_state *state)
{
    char count[32];
    int width = snprintf(count, sizeof count, "%lld", (long long)state->epochs);
    fprintf(log, "epoch %*lld/%s", width, (long long)state->epoch + 1, count);
}

void tp_progress_batch(tp_progress *p, const tp_fit_state *state, int64_t size, double loss)
{
    enum { WIDTH = 24 };
    if (!p->terminal) return;
    double time = now();
    p->done += size;
    if (time < p->drawn + 0.1) return;
    p->drawn = time;
    double rate = (double)p->done / (time - p->started);
    /* all batches count as equal; those of this run so far give the pace */
    double epochs = (double)state->epoch + (double)state->batch / (double)state->batches;
    double left = (time - p->started) * ((double)state->epochs - epochs) / (epochs - p->before);
    int full = (int)(WIDTH * state->batch / state->batches);
    fputc('\r', p->log);
    put_epoch(p->log, state);
    fprintf(p->log, "  [%.*s%*s]  %lld/%lld", full, "========================", WIDTH - full, "",
            (long long)state->batch, (long long)state->batches);
    put_number(p->log, "loss", loss);
    fprintf(p->log, "  %.0f samples/s  %lld:%02lld left\033[K", rate, (long long)left / 60,
            (long long)left % 60);
    fflush(p->log);
}

/* The loss and the one score that says most. */
static void put_scores(FILE *log, const tp_scores *s, const char *loss, const char *accuracy, const char *r2)
{
    put_number(log, loss, s->loss);
    if (!isnan(s->accuracy)) put_number(log, accuracy, s->accuracy);
    if (!isnan(s->r2)) put_number(log, r2, s->r2);
}

void tp_progress_epoch(tp_progress *p, const tp_fit_state *state)
{
    if (!p->log) return;
    if (p->terminal) fputc('\r', p->log);
    put_epoch(p->log, state);
    put_scores(p->log, state->train, "loss", "accuracy", "r2");
    if (state->validation) put_scores(p->log, state->validation, "val_loss", "val_accuracy", "val_r2");
    if (p->terminal) fprintf(p->log, "  %.0f s\033[K", now() - p->started);
    fputc('\n', p->log);
    fflush(p->log);
}

void tp_progress_note(tp_progress *p, const char *what, const char *text)
{
    if (!p->log) return;
    if (p->terminal) fputs("\r\033[K", p->log);
    fprintf(p->log, "%s%s\n", what, text);
    fflush(p->log);
}

void tp_progress_end(tp_progress *p)
{
    if (!p->terminal) return;
    fputs("\r\033[K", p->log);
    fflush(p->log);
}
