/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/complain.h"

enum { OUTPUT_BUFFER_BYTES = 65536 };

void cli_output_begin(void)
{
    static char buffer[OUTPUT_BUFFER_BYTES];
    (void)setvbuf(stdout, buffer, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, sizeof buffer);
}

static int
    failure; /* errno of the first flush that failed: the C library forgets it, and the data */

bool cli_output_flush(void)
{
    errno = 0;
    if (fflush(stdout) != 0 && failure == 0)
        failure = errno;
    return !ferror(stdout);
}

bool cli_output_failed(void)
{
    return ferror(stdout) != 0;
}

bool cli_output_reader_left(int fd)
{
    struct pollfd where = {.fd = fd};
    return poll(&where, 1, 0) == 1 && (where.revents & POLLERR);
}

int cli_output_end(int status)
{
    if (cli_output_flush())
        return status;
    if (failure == EPIPE || cli_output_reader_left(STDOUT_FILENO))
        return CLI_DONE;
    cli_complain("cannot write standard output%s%s", failure ? ": " : "",
                 failure ? strerror(failure) : "");
    return CLI_FAILED;
}

bool cli_file_open(struct cli_file *file, const char *path)
{
    struct stat facts;
    *file = (struct cli_file){.path = path, .fd = STDOUT_FILENO};
    if (strcmp(path, "-") != 0) {
        file->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        file->is_new = file->fd >= 0;
        if (!file->is_new)
            file->fd = open(path, O_WRONLY | O_CLOEXEC);
    }
    if (file->fd < 0) {
        cli_complain("cannot write %s: %s", path, strerror(errno));
        return false;
    }
    if (fstat(file->fd, &facts) == 0) {
        file->is_regular = S_ISREG(facts.st_mode);
        file->device = facts.st_dev;
        file->inode = facts.st_ino;
    }
    return true;
}

static bool begin_file(struct cli_file *file)
{
    bool truncate = file->is_regular && file->fd != STDOUT_FILENO && !file->has_begun;
    file->has_begun = true;
    if (truncate && ftruncate(file->fd, 0) != 0)
        file->error = errno;
    return file->error == 0;
}

int cli_file_write(void *context, const void *bytes, size_t length)
{
    struct cli_file *file = context;
    const char *at = bytes;
    if (!begin_file(file))
        return -1;
    while (length > 0) {
        ssize_t written = write(file->fd, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            file->error = errno;
            return -1;
        }
        at += written;
        length -= (size_t)written;
    }
    return 0;
}

bool cli_file_reader_left(const struct cli_file *file)
{
    return file->error == EPIPE;
}

/* The path may be another file's by now. */
static void remove_own(const struct cli_file *file)
{
    struct stat facts;
    if (lstat(file->path, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_dev == file->device &&
        facts.st_ino == file->inode)
        (void)unlink(file->path);
}

/* What was there before, or is another's by a link, such as /dev/stdout, is not ours to remove;
 * what it held is gone since the first byte. */
static void discard(const struct cli_file *file)
{
    if (file->is_new)
        remove_own(file);
    else if (file->is_regular && file->has_begun && ftruncate(file->fd, 0) != 0)
        cli_complain("%s is not whole, and cannot be emptied: %s", file->path, strerror(errno));
}

bool cli_file_close(struct cli_file *file, bool keep)
{
    bool is_stdout = file->fd == STDOUT_FILENO;
    if (!is_stdout && (!keep || file->error != 0))
        discard(file);
    if (!is_stdout && close(file->fd) != 0 && file->error == 0) {
        file->error = errno;
        if (file->is_new)
            remove_own(file);
    }
    if (file->error != 0 && file->error != EPIPE)
        cli_complain("cannot write %s: %s", is_stdout ? "standard output" : file->path,
                     strerror(file->error));
    return file->error == 0;
}
