#include "base/context.h"

#include <stdio.h>
#include <string.h>

bool tp_ok(const tp_context *c) { return c && c->status == TP_OK; }

tp_status tp_error(const tp_context *c) { return c ? c->status : TP_ERR_ARGUMENT; }

const char *tp_error_text(const tp_context *c) { return c ? c->text : "the context is NULL"; }

void tp_clear(tp_context *c)
{
    if (!c) return;
    c->status = TP_OK;
    c->text[0] = 0;
}

void tp_on_error(tp_context *c, void (*handler)(tp_context *c, void *user), void *user)
{
    if (!c) return;
    c->on_error = handler;
    c->on_error_user = user;
}

/* Texts of files and of users may be part of it: no control character gets to a terminal. */
static void write_text(tp_context *c, const char *text, va_list args)
{
    size_t used = c->path_length ? (size_t)snprintf(c->text, sizeof c->text, "%s: ", c->path) : 0;
    vsnprintf(c->text + used, sizeof c->text - used, text, args);
    for (char *p = c->text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127) *p = '?';
}

void tp_fail(tp_context *c, tp_status status, const char *text, ...)
{
    if (!c || c->status != TP_OK) return;
    va_list args;
    va_start(args, text);
    write_text(c, text, args);
    va_end(args);
    c->status = status;
    if (c->on_error) c->on_error(c, c->on_error_user);
}

tp_status tp_report(tp_context *c, tp_status status, const char *text, ...)
{
    if (!c || c->status != TP_OK) return c ? c->status : status;
    va_list args;
    va_start(args, text);
    write_text(c, text, args);
    va_end(args);
    return status;
}

size_t tp_path_push(tp_context *c, const char *name)
{
    if (!c || !name || !name[0]) return c ? c->path_length : 0;
    size_t before = c->path_length, most = sizeof c->path - 1, n = strlen(name);
    if (before && before < most) c->path[c->path_length++] = '.';
    if (n > most - c->path_length) n = most - c->path_length;
    memcpy(c->path + c->path_length, name, n);
    c->path_length += n;
    c->path[c->path_length] = 0;
    return before;
}

void tp_path_pop(tp_context *c, size_t before)
{
    if (!c || before > c->path_length) return;
    c->path_length = before;
    c->path[before] = 0;
}

void tp_fail_memory(tp_context *c, const char *call, size_t bytes)
{
    size_t limit = c->cache.pool->limit,
           used = atomic_load_explicit(&c->cache.pool->used, memory_order_relaxed);
    if (limit)
        tp_fail(c, TP_ERR_MEMORY, "%s: no memory for %zu bytes: %zu of the %zu of .memory_limit are in use",
                call, bytes, used, limit);
    else
        tp_fail(c, TP_ERR_MEMORY, "%s: no memory for %zu bytes", call, bytes);
}
