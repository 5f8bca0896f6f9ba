/* prefetch.c - a thread that makes one batch ahead, in memory of its own. It reads the data set and writes
 * that memory and the loader's order; it makes no call on the context. */
#include "data/loader.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

struct tp_prefetch {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool asked, made, stop; /* asked: the thread has a batch to make, or has made it */
    int64_t epoch, at;      /* which */
    size_t size;            /* of the memory */
    char *x, *y;
};

static void *run(void *loader)
{
    tp_loader *l = loader;
    tp_prefetch *p = l->prefetch;
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        if (p->asked && !p->made) {
            pthread_mutex_unlock(&p->lock);
            tp_loader_fill(l, p->epoch, p->at, p->x, p->y);
            pthread_mutex_lock(&p->lock);
            p->made = true;
            pthread_cond_signal(&p->changed);
        } else {
            pthread_cond_wait(&p->changed, &p->lock);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Starts the thread with all signals blocked: they are the program's. */
static bool create(tp_loader *l)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool created = pthread_create(&l->prefetch->thread, NULL, run, l) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return created;
}

bool tp_prefetch_start(tp_loader *l)
{
    tp_context *c = l->object.context;
    size_t samples = (size_t)tp_size(l->x[0], 0), size = samples * (l->x_size + l->y_size) + 1;
    tp_prefetch *p = tp_alloc(c, sizeof *p);
    char *memory = p ? tp_alloc(c, size) : NULL;
    if (memory) {
        memset(p, 0, sizeof *p);
        p->size = size;
        p->x = memory;
        p->y = l->y[0] ? memory + samples * l->x_size : NULL;
        pthread_mutex_init(&p->lock, NULL);
        pthread_cond_init(&p->changed, NULL);
        l->prefetch = p;
        if (create(l)) return true;
        l->prefetch = NULL;
        tp_fail(c, TP_ERR_MEMORY, "tp_loader_new: the system starts no thread more");
        tp_free(c, memory, size);
    }
    tp_free(c, p, sizeof *p);
    return false;
}

static void ask(tp_prefetch *p, int64_t epoch, int64_t at)
{
    pthread_mutex_lock(&p->lock);
    p->asked = true;
    p->made = false;
    p->epoch = epoch;
    p->at = at;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void wait_for(tp_prefetch *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->asked && !p->made) pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void tp_prefetch_fill(tp_loader *l, int64_t next_epoch, int64_t next_at, void *x, void *y)
{
    tp_prefetch *p = l->prefetch;
    wait_for(p);
    if (!p->asked || p->epoch != l->epoch || p->at != l->at) { /* the first one, or after a seek */
        ask(p, l->epoch, l->at);
        wait_for(p);
    }
    size_t count = (size_t)tp_loader_count(l, l->at);
    memcpy(x, p->x, count * l->x_size);
    if (y) memcpy(y, p->y, count * l->y_size);
    ask(p, next_epoch, next_at);
}

void tp_prefetch_stop(tp_loader *l)
{
    tp_prefetch *p = l->prefetch;
    tp_context *c = l->object.context;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    tp_free(c, p->x, p->size);
    tp_free(c, p, sizeof *p);
}
