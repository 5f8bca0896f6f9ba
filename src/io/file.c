/* file.c - files, read at any place and written as a whole. */
#include "io/file.h"

#include <taper/io.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

tp_status tp_settle(tp_context *c)
{
    char text[1024];
    if (tp_ok(c)) return TP_OK;
    tp_status status = tp_error(c);
    snprintf(text, sizeof text, "%s", tp_error_text(c));
    tp_clear(c);
    return tp_report(c, status, "%s", text);
}

static void fail_errno(tp_context *c, const char *call, const char *what, const char *path)
{
    char reason[128];
    tp_status status = errno == ENOMEM ? TP_ERR_MEMORY : TP_ERR_IO;
    if (strerror_r(errno, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "error %d", errno);
    tp_fail(c, status, "%s: cannot %s '%.700s': %s", call, what, path, reason);
}

/* --- written --- */

/* Bytes of the path up to its last name. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* A new file beside the one at `path`. Its own name is short, so that it can be made where the other can. One
 * left by a process that was killed stays: its number in the name does not say that it is gone, for the
 * process may run on another machine or in another container that uses the same folder. */
static void open_temp(tp_output *o)
{
    size_t folder = folder_length(o->path), room = o->temp_size - folder;
    memcpy(o->temp, o->path, folder);
    for (int i = 0; o->fd < 0; i++) {
        snprintf(o->temp + folder, room, ".taper-%ld-%d.tmp", (long)getpid(), i);
        o->fd = open(o->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (o->fd < 0 && errno != EEXIST && errno != EINTR) {
            fail_errno(o->c, o->call, "write", o->path);
            return;
        }
    }
}

void tp_output_open(tp_output *o)
{
    struct stat status;
    o->fd = -1;
    o->temp = NULL;
    if (!o->path) tp_fail(o->c, TP_ERR_ARGUMENT, "%s: argument 'path' is NULL", o->call);
    if (!tp_ok(o->c)) return;
    if (stat(o->path, &status) == 0 && !S_ISREG(status.st_mode)) {
        tp_fail(o->c, TP_ERR_IO, "%s: cannot write '%s': it is no regular file", o->call, o->path);
        return;
    }
    o->temp_size = folder_length(o->path) + 64;
    o->temp = tp_alloc(o->c, o->temp_size);
    if (o->temp) open_temp(o);
}

void tp_output_put(tp_output *o, const void *data, size_t size)
{
    const char *next = data;
    while (size > 0 && tp_ok(o->c)) {
        ssize_t wrote = write(o->fd, next, size);
        if (wrote < 0 && errno != EINTR) fail_errno(o->c, o->call, "write", o->path);
        if (wrote <= 0) continue;
        next += wrote;
        size -= (size_t)wrote;
    }
}

static int sync_file(int fd)
{
    int result;
    do result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result;
}

/* Makes the new name last. Not every file system can sync a folder; those say EINVAL. */
static void sync_folder(tp_output *o)
{
    size_t length = folder_length(o->path);
    memcpy(o->temp, o->path, length);
    snprintf(o->temp + length, o->temp_size - length, ".");
    int fd = open(o->temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (sync_file(fd) != 0 && errno != EINVAL)) fail_errno(o->c, o->call, "sync", o->temp);
    if (fd >= 0) close(fd);
}

void tp_output_close(tp_output *o)
{
    if (o->fd >= 0) {
        if (tp_ok(o->c) && sync_file(o->fd) != 0) fail_errno(o->c, o->call, "write", o->path);
        /* after EINTR the descriptor is closed all the same */
        if (close(o->fd) != 0 && errno != EINTR) fail_errno(o->c, o->call, "write", o->path);
        if (tp_ok(o->c) && rename(o->temp, o->path) != 0) fail_errno(o->c, o->call, "write", o->path);
        if (tp_ok(o->c))
            sync_folder(o);
        else
            unlink(o->temp);
    }
    tp_free(o->c, o->temp, o->temp_size);
}

tp_status tp_write_file(tp_context *c, const char *path, const void *data, size_t size)
{
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    if (!data && size) return tp_report(c, TP_ERR_ARGUMENT, "tp_write_file: argument 'data' is NULL");
    tp_output o = {.c = c, .call = "tp_write_file", .path = path};
    tp_output_open(&o);
    tp_output_put(&o, data, size);
    tp_output_close(&o);
    return tp_settle(c);
}

tp_status tp_remove_leftovers(tp_context *c, const char *folder)
{
    static const char call[] = "tp_remove_leftovers", head[] = ".taper-", tail[] = ".tmp";
    if (!tp_ok(c)) return c ? tp_error(c) : TP_ERR_ARGUMENT;
    if (!folder) return tp_report(c, TP_ERR_ARGUMENT, "%s: argument 'folder' is NULL", call);
    DIR *dir = opendir(folder);
    if (!dir) fail_errno(c, call, "read", folder);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length > sizeof head + sizeof tail && strncmp(entry->d_name, head, sizeof head - 1) == 0 &&
            strcmp(entry->d_name + length - (sizeof tail - 1), tail) == 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir) closedir(dir);
    return tp_settle(c);
}

/* --- read --- */

bool tp_input_open(tp_input *in, tp_context *c, const char *path, const char *call)
{
    struct stat status;
    *in = (tp_input){.c = c, .fd = -1};
    if (!path) tp_fail(c, TP_ERR_ARGUMENT, "%s: argument 'path' is NULL", call);
    if (!tp_ok(c)) return false;
    in->path = tp_alloc(c, strlen(path) + 1);
    if (!in->path) return false;
    in->path_size = strlen(path) + 1;
    memcpy(in->path, path, in->path_size);
    in->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe without a writer is not waited for */
    if (in->fd < 0 || fstat(in->fd, &status) != 0)
        fail_errno(c, call, "read", path);
    else if (!S_ISREG(status.st_mode))
        tp_fail(c, TP_ERR_IO, "%s: cannot read '%s': it is no regular file", call, path);
    else
        in->size = status.st_size;
    return tp_ok(c);
}

static void fail_shorter(const tp_input *in, int64_t end, const char *call)
{
    tp_fail(in->c, TP_ERR_DATA, "%s: '%s' ends at byte %lld; it has become shorter", call, in->path,
            (long long)end);
}

bool tp_input_read(tp_input *in, int64_t at, void *data, size_t size, const char *call)
{
    char *next = data;
    while (size > 0 && tp_ok(in->c)) {
        ssize_t got = pread(in->fd, next, size, (off_t)at);
        if (got < 0 && errno != EINTR) fail_errno(in->c, call, "read", in->path);
        if (got == 0) fail_shorter(in, at, call);
        if (got <= 0) continue;
        next += got;
        at += got;
        size -= (size_t)got;
    }
    return tp_ok(in->c);
}

/* Where the mapping of `data` begins. The size stands right before the data, in place of what the file has
 * there: nothing else would know it when the last tensor goes, perhaps after the context. */
static char *mapping_of(char *data)
{
    uintptr_t place = (uintptr_t)(data - sizeof(size_t));
    return data - sizeof(size_t) - place % (uintptr_t)sysconf(_SC_PAGESIZE);
}

void *tp_input_map(tp_input *in, int64_t at, size_t size, const char *call)
{
    struct stat status;
    int64_t first = at - (int64_t)sizeof size;
    first -= first % sysconf(_SC_PAGESIZE);
    if (fstat(in->fd, &status) != 0) {
        fail_errno(in->c, call, "read", in->path);
    } else if (status.st_size < at + (int64_t)size) {
        fail_shorter(in, status.st_size, call);
    } else {
        size_t before = (size_t)(at - first);
        char *start = mmap(NULL, before + size, PROT_READ | PROT_WRITE, MAP_PRIVATE, in->fd, (off_t)first);
        if (start != MAP_FAILED) {
            memcpy(start + before - sizeof size, &size, sizeof size);
            return start + before;
        }
        fail_errno(in->c, call, "map", in->path);
    }
    return NULL;
}

void tp_input_unmap(void *data)
{
    size_t size;
    char *start = mapping_of(data);
    memcpy(&size, (char *)data - sizeof size, sizeof size);
    munmap(start, (size_t)((char *)data - start) + size);
}

void tp_input_close(tp_input *in)
{
    if (in->fd >= 0) close(in->fd);
    in->fd = -1;
    tp_free(in->c, in->path, in->path_size);
    in->path = NULL;
}
