/* json.c - jansson kept from what it does where malloc fails.
 *
 * Its lexer (2.14) gathers each token in one buffer, and where that cannot grow it goes on without a byte: a
 * text is cut short, or an assertion ends the program. So it reads [0.00..0,TEXT] and not TEXT: within the
 * zeros, where a missing one does no harm, the buffer grows to more than any token of the text needs. */
#include <taper/ext.h>
#include <taper/io.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char start[] = "[0.";

/* What jansson still has to read. */
typedef struct feed {
    size_t at, zeros, n; /* bytes handed over; zeros to begin with; bytes of the text */
    const char *text;
    bool no_memory;
} feed;

/* Hands over the next bytes of one part. The zeros are more than one time that the buffer is full. */
static size_t next_bytes(void *buffer, size_t most, void *user)
{
    feed *f = user;
    const size_t head = sizeof start - 1, comma = head + f->zeros, text = comma + 1, end = text + f->n;
    size_t at = f->at, n = at < head    ? head - at
                           : at < comma ? comma - at
                           : at < text  ? 1
                           : at < end   ? end - at
                                        : 1;
    if (errno == ENOMEM) f->no_memory = true; /* before a number clears it */
    if (f->no_memory || at > end) return 0;
    if (n > most) n = most;
    f->at += n;
    if (at >= text && at < end)
        memcpy(buffer, f->text + (at - text), n);
    else if (at < head)
        memcpy(buffer, start + at, n);
    else
        memset(buffer, at < comma ? '0' : at < text ? ',' : ']', n);
    return n;
}

/* Says what is wrong as if the text had been read alone. */
static void blame(json_error_t *error, const feed *f, bool several)
{
    static const char bracket[] = " near ']'", end[] = " near end of file";
    int before = (int)(sizeof start - 1 + f->zeros + 1);
    size_t length = strlen(error->text), cut = sizeof bracket - 1;
    error->position = error->position > before ? error->position - before : 0;
    if (several) snprintf(error->text, sizeof error->text, "more than one value");
    if (several || (size_t)error->position <= f->n) return;
    error->position = (int)f->n; /* it was the bracket behind the text */
    if (length >= cut && length + sizeof end <= sizeof error->text &&
        strcmp(error->text + length - cut, bracket) == 0)
        memcpy(error->text + length - cut, end, sizeof end);
}

json_t *tp_json_parse(tp_context *c, const char *text, size_t n, json_error_t *error, const char *call)
{
    /* A buffer of 2^k bytes, 16 at first, doubles where a token of 2^k - 1 goes on. It is to have room for
     * one of n + 1; a number of half its length makes it so, and ends where there is room. */
    size_t length = 8;
    while (2 * length < n + 2) length *= 2;
    feed f = {.zeros = length - 2, .text = text, .n = n};
    errno = 0;
    json_t *both = json_load_callback(next_bytes, &f, JSON_REJECT_DUPLICATES, error);
    json_t *json = json_array_size(both) == 2 ? json_incref(json_array_get(both, 1)) : NULL;
    if (!both && (f.no_memory || errno == ENOMEM)) {
        tp_fail(c, TP_ERR_MEMORY, "%s: no memory for JSON", call);
        return NULL;
    }
    if (!json) blame(error, &f, both != NULL);
    json_decref(both);
    return json;
}
