/* refusals.h - an operating system that refuses. The program's own write, fsync, close and rename come before
 * libc's; none of them waits for the disk. */
#ifndef IO_REFUSALS_H
#define IO_REFUSALS_H

#ifndef _GNU_SOURCE
#error "define _GNU_SOURCE before all headers, for syscall"
#endif

#include "io/files.h"

#include <errno.h>
#include <sys/syscall.h>

/* What happens to the calls, counted from when it is armed. */
static struct {
    int at, code; /* the at-th fails with `code`; 0: none does */
    bool rest;    /* and all after it */
    int calls;
    bool hesitates; /* writes are short, and interrupted every other time */
    const char *failed;
} os;

static bool refused(const char *name)
{
    os.calls++;
    if (os.at == 0 || (os.rest ? os.calls < os.at : os.calls != os.at)) return false;
    os.failed = name;
    errno = os.code;
    return true;
}

static bool interrupted(void)
{
    static int times;
    if (!os.hesitates || times++ % 2) return false;
    errno = EINTR;
    return true;
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (refused("write") || interrupted()) return -1;
    return syscall(SYS_write, fd, data, os.hesitates && size > 5 ? 5 : size);
}

int fsync(int fd) { return refused("fsync") || interrupted() || fd < 0 ? -1 : 0; }

/* A file is closed even where that fails. */
int close(int fd)
{
    bool failing = refused("close") || interrupted();
    int code = errno, result = (int)syscall(SYS_close, fd);
    errno = code;
    return failing ? -1 : result;
}

int rename(const char *from, const char *to)
{
    if (refused("rename")) return -1;
    unlink(to);
    return (int)syscall(SYS_renameat, -100, from, -100, to); /* AT_FDCWD */
}

#endif
