/* table.c - CSV by libcsv: quoting of RFC 4180, spaces around fields that are not quoted left out. */
#include "data/table.h"

#include <sys/stat.h>

#include <csv.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { CHUNK = 1 << 16, MOST_FIELD = 1 << 20, MOST_COLUMNS = 1 << 20 };

/* --- memory --- */

/* Makes room for `more` items of `size` bytes behind `used`; false after recording the failure. */
static bool make_room(tp_context *c, void *block, size_t used, size_t more, size_t *room, size_t size)
{
    if (used + more <= *room) return true;
    size_t wider = *room ? 2 * *room : 256;
    while (wider < used + more) wider *= 2;
    void *old, *grown = tp_alloc(c, wider * size);
    if (!grown) return false;
    memcpy(&old, block, sizeof old); /* block is the address of a pointer of any type */
    if (used) memcpy(grown, old, used * size);
    tp_free(c, old, *room * size);
    memcpy(block, &grown, sizeof grown);
    *room = wider;
    return true;
}

/* libcsv's memory comes from the context of the thread that reads. */
static _Thread_local tp_context *reading;

typedef union head {
    size_t size;
    max_align_t align;
} head;

static void parser_free(void *block)
{
    if (block) tp_free(reading, (head *)block - 1, ((head *)block - 1)->size);
}

static void *parser_realloc(void *block, size_t size)
{
    if (size > MOST_FIELD) return NULL;
    head *grown = tp_alloc(reading, sizeof *grown + size);
    if (!grown) return NULL;
    grown->size = sizeof *grown + size;
    if (block) {
        size_t before = ((head *)block - 1)->size - sizeof *grown;
        memcpy(grown + 1, block, before < size ? before : size);
        parser_free(block);
    }
    return grown + 1;
}

/* --- what libcsv calls --- */

typedef struct reader {
    tp_table *t;
    tp_row_fn *each;
    void *user;
    int64_t line;      /* on which the row begins */
    int64_t breaks;    /* line ends within its fields so far */
    bool spaces;       /* the separator is the space: any number of them count as one */
    bool after_return; /* the last row ended with a carriage return */
} reader;

static void fail_at(reader *r, const char *what)
{
    tp_fail(r->t->context, TP_ERR_DATA, "%s: line %lld: %s", r->t->file, (long long)(r->line + r->breaks),
            what);
}

static void on_field(void *text, size_t length, void *user)
{
    reader *r = user;
    tp_table *t = r->t;
    tp_context *c = t->context;
    r->after_return = false;
    if (!tp_ok(c) || (!text && r->spaces)) return;
    if (length && memchr(text, 0, length)) {
        fail_at(r, "a byte 0: this is no text file");
        return;
    }
    if (t->fields == MOST_COLUMNS) {
        fail_at(r, "more than 1048576 fields");
        return;
    }
    if (!make_room(c, &t->text, t->text_used, length + 1, &t->text_room, 1) ||
        !make_room(c, &t->field, t->fields, 1, &t->fields_room, sizeof *t->field))
        return;
    t->field[t->fields++] = t->text_used;
    if (length) memcpy(t->text + t->text_used, text, length);
    t->text[t->text_used + length] = 0;
    t->text_used += length + 1;
    for (const char *p = text, *end = p ? p + length : p; p < end; p++)
        r->breaks += *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] != '\n'));
}

static void end_row(reader *r)
{
    tp_table *t = r->t;
    if (t->columns == 0) t->columns = (int)t->fields;
    t->line = r->line;
    if (t->fields != (size_t)t->columns)
        tp_fail(t->context, TP_ERR_DATA, "%s: line %lld has %zu fields; the first line has %d", t->file,
                (long long)r->line, t->fields, t->columns);
    else
        r->each(r->user);
    t->row++;
}

/* The end of a line, `end` its character or -1; also of an empty line, and of each half of a CR LF. */
static void on_row(int end, void *user)
{
    reader *r = user;
    bool second_half = end == '\n' && r->after_return;
    if (r->t->fields && tp_ok(r->t->context)) end_row(r);
    if (!second_half) r->line += 1 + r->breaks;
    r->breaks = 0;
    r->t->fields = r->t->text_used = 0;
    r->after_return = end == '\r';
}

/* --- the separator --- */

/* How often `separator` stands in a line outside quotes; of spaces, each run between other characters counts
 * once. Moves *text behind the line; -1 if the text ends before it does. */
static int64_t count_in_line(const char **text, const char *end, char separator, bool *blank)
{
    int64_t n = 0;
    bool quoted = false, run = true;
    const char *p = *text;
    for (*blank = true; p < end && (quoted || (*p != '\n' && *p != '\r')); p++) {
        if (*p == '"') quoted = !quoted;
        bool here = !quoted && *p == separator;
        if (here && !(separator == ' ' && run)) n++;
        run = here;
        if (*p != ' ') *blank = false;
    }
    if (separator == ' ' && run && n) n--; /* spaces at the end */
    if (p == end) return -1;
    *text = p + 1;
    return n;
}

/* True if each of the first lines has the separator, and all as often. */
static bool separates(const char *text, size_t n, char separator)
{
    const char *end = text + n;
    int64_t first = 0;
    for (int lines = 0; lines < 32;) {
        bool blank;
        int64_t count = count_in_line(&text, end, separator, &blank);
        if (count < 0) break;
        if (blank) continue;
        if (count == 0 || (first && count != first)) return false;
        first = count;
        lines++;
    }
    return first > 0;
}

char tp_find_separator(const char *text, size_t n)
{
    /* The comma late: it may stand in numbers. The space last: it may stand in texts. */
    static const char candidates[] = {'\t', ';', '|', ',', ' '};
    for (size_t i = 0; i < sizeof candidates; i++)
        if (separates(text, n, candidates[i])) return candidates[i];
    const char *line = memchr(text, '\n', n);
    size_t length = line ? (size_t)(line - text) : n;
    for (size_t i = 0; i + 1 < sizeof candidates; i++)
        if (memchr(text, candidates[i], length)) return candidates[i];
    return ',';
}

/* --- read --- */

static void fail_errno(tp_table *t, const char *what, int error)
{
    char why[128];
    if (strerror_r(error, why, sizeof why)) snprintf(why, sizeof why, "error %d", error);
    tp_fail(t->context, TP_ERR_IO, "%.700s: %s: %s", t->file, what, why);
}

/* Parses a piece of the file; false after recording what is wrong with it. */
static bool parse(reader *r, struct csv_parser *parser, const char *text, size_t n)
{
    if (csv_parse(parser, text, n, on_field, on_row, r) < n && tp_ok(r->t->context))
        fail_at(r, csv_error(parser) == CSV_EPARSE ? "a quote within a field that is not in quotes"
                                                   : "a field of more than 1 MiB; is a quote missing?");
    return tp_ok(r->t->context);
}

/* Keeps a copy of what can be read only once; false after recording why there is none. */
static bool keep(tp_table *t, const char *chunk, size_t n)
{
    if (!t->copy) t->copy = tmpfile();
    if (t->copy && fwrite(chunk, 1, n, t->copy) == n) return true;
    fail_errno(t, "cannot keep a copy of it", errno);
    return false;
}

/* The next piece of the file, shorter than CHUNK - 1 if it is the last; false after recording the failure. */
static bool read_piece(tp_table *t, FILE *file, char *chunk, size_t *n)
{
    errno = 0;
    *n = fread(chunk, 1, CHUNK - 1, file);
    if (ferror(file)) fail_errno(t, "cannot read", errno);
    return tp_ok(t->context) && (file != t->in || t->regular || keep(t, chunk, *n));
}

/* Whether a file, of which the bytes before `end` were read, is not shorter than it was, nor another one than
 * when it was read before; in the first reading that can be told only of regular ones. */
static bool same(tp_table *t, FILE *file, int64_t end, uint64_t hash)
{
    struct stat status;
    if (!t->again && t->regular && fstat(fileno(file), &status) == 0) t->end = status.st_size;
    if (end < t->end)
        tp_fail(t->context, TP_ERR_DATA, "%s ends at byte %lld; it has become shorter", t->file,
                (long long)end);
    else if (t->again && hash != t->hash)
        tp_table_changed(t);
    t->end = end;
    t->hash = hash;
    return tp_ok(t->context);
}

/* Reads and parses the whole file, `chunk` at a time. */
static void read_all(reader *r, struct csv_parser *parser, FILE *file, char *chunk)
{
    tp_table *t = r->t;
    int64_t at = t->start;
    uint64_t hash = 0;
    size_t n = CHUNK - 1;
    for (bool first = true; n == CHUNK - 1; first = false) {
        if (!read_piece(t, file, chunk, &n)) return;
        size_t skip = first && n >= 3 && memcmp(chunk, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* byte order mark */
        at += (int64_t)n;
        hash = XXH3_64bits_withSeed(chunk, n, hash);
        if (first) {
            chunk[n] = '\n'; /* so that the last line of a short file counts */
            if (!t->separator) t->separator = tp_find_separator(chunk + skip, n + (n < CHUNK - 1) - skip);
            csv_set_delim(parser, (unsigned char)t->separator);
            r->spaces = t->separator == ' ';
        }
        if (!parse(r, parser, chunk + skip, n - skip)) return;
    }
    if (!same(t, file, at, hash)) return;
    if (csv_fini(parser, on_field, on_row, r) && tp_ok(t->context)) fail_at(r, "the file ends within quotes");
}

/* Opens a file; NULL after recording why not. A pipe that nobody writes to would be waited for without end.
 */
static FILE *open_file(tp_table *t, const char *path)
{
    struct stat status;
    struct pollfd poll_read = {.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), .events = POLLIN};
    int fd = poll_read.fd;
    char first;
    ssize_t got = -1; /* of the first byte: 0 if there is no writer, -1 if none has come yet */
    if (fd < 0 || fstat(fd, &status) != 0) {
        fail_errno(t, "cannot open", errno);
    } else {
        if (S_ISFIFO(status.st_mode) && poll(&poll_read, 1, 0) == 0) got = read(fd, &first, 1);
        FILE *file = got != 0 && fcntl(fd, F_SETFL, 0) == 0 ? fdopen(fd, "rb") : NULL;
        if (file && got == 1) ungetc(first, file);
        if (file) return file;
        if (got == 0)
            tp_fail(t->context, TP_ERR_IO, "%s: a pipe that nobody writes to", t->file);
        else
            fail_errno(t, "cannot open", errno);
    }
    if (fd >= 0) close(fd);
    return NULL;
}

bool tp_table_open(tp_table *t, tp_context *c, const char *path, char separator)
{
    bool standard = strcmp(path, "-") == 0;
    struct stat status;
    *t = (tp_table){.context = c, .file = standard ? "standard input" : path, .separator = separator};
    t->in = standard ? stdin : open_file(t, path);
    if (!t->in) return false;
    t->regular = fstat(fileno(t->in), &status) == 0 && S_ISREG(status.st_mode);
    if (t->regular) t->start = ftello(t->in);
    return true;
}

void tp_table_close(tp_table *t)
{
    if (t->in && t->in != stdin) fclose(t->in);
    if (t->copy) fclose(t->copy);
    tp_free(t->context, t->text, t->text_room);
    tp_free(t->context, t->field, t->fields_room * sizeof *t->field);
}

/* The file at its start; NULL after recording why not. */
static FILE *rewound(tp_table *t)
{
    FILE *file = t->again && !t->regular ? t->copy : t->in;
    if (!t->again || fseeko(file, t->start, SEEK_SET) == 0) return file;
    fail_errno(t, "cannot read it again", errno);
    return NULL;
}

bool tp_table_each(tp_table *t, tp_row_fn *each, void *user)
{
    tp_context *c = t->context, *outer = reading;
    struct csv_parser parser;
    char *chunk = tp_alloc(c, CHUNK);
    FILE *file = chunk ? rewound(t) : NULL;
    t->row = 0;
    if (file && csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL | CSV_EMPTY_IS_NULL) != 0) {
        tp_fail(c, TP_ERR_MEMORY, "%s: libcsv cannot start", t->file);
    } else if (file) {
        reading = c;
        csv_set_realloc_func(&parser, parser_realloc);
        csv_set_free_func(&parser, parser_free);
        csv_set_blk_size(&parser, CHUNK);
        read_all(&(reader){.t = t, .each = each, .user = user, .line = 1}, &parser, file, chunk);
        csv_free(&parser);
        reading = outer;
    }
    tp_free(c, chunk, CHUNK);
    t->again = true;
    return tp_ok(c);
}

void tp_table_changed(tp_table *t)
{
    tp_fail(t->context, TP_ERR_DATA, "%s: the file changed while it was read", t->file);
}

const char *tp_table_at(const tp_table *t, int column) { return t->text + t->field[column]; }

/* --- fields --- */

bool tp_number(const char *text, double *value)
{
    size_t n = tp_parse_number(text, value);
    char first = text[*text == '-' || *text == '+'];
    return n && !text[n] && first != 'i' && first != 'n'; /* not inf, not nan */
}

bool tp_missing_text(const char *text)
{
    static const char *const words[] = {"", "?", "na", "nan", "null"};
    char lower[5] = "";
    size_t n = strlen(text);
    if (n >= sizeof lower) return false;
    for (size_t i = 0; i < n; i++)
        lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(lower, words[i]) == 0) return true;
    return false;
}
