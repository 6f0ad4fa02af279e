/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/memory.h"

/* The result of a call, repeated while a signal interrupts it, unless a test makes the operation
 * fail. */
#define CALL(operation, call)                                                                      \
    ({                                                                                             \
        __typeof__(call) result_ = -1;                                                             \
        int fault_ = pkv__fault(operation);                                                        \
        if (fault_)                                                                                \
            errno = fault_;                                                                        \
        else                                                                                       \
            do                                                                                     \
                result_ = (call);                                                                  \
            while (result_ < 0 && errno == EINTR);                                                 \
        result_;                                                                                   \
    })

static int open_failed(const char *path, pkv_error *error)
{
    int code = pkv__error_errno(error, errno, "cannot open %s", path);
    if (errno == ENOENT)
        code = PKV_E_NOT_FOUND;
    else if (errno == EEXIST)
        code = PKV_E_EXISTS;
    if (error)
        error->code = code;
    return code;
}

static int not_regular(const char *path, pkv_error *error)
{
    return pkv__error(error, PKV_E_SYSTEM, -1, "cannot open %s: it is not a regular file", path);
}

static int require_regular(int fd, const char *path, pkv_error *error)
{
    struct stat st;
    if (CALL("stat", fstat(fd, &st)) < 0)
        return pkv__error_errno(error, errno, "cannot look at %s", path);
    return S_ISREG(st.st_mode) ? 0 : not_regular(path, error);
}

/* O_NONBLOCK means nothing to a regular file; to a pipe, that nobody is waited for. One that was
 * just made is what it should be. */
int pkv__file_open(const char *path, int flags, pkv_error *error)
{
    int fd = CALL("open", open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640));
    if (fd < 0) /* ENXIO: a socket, or a pipe that nobody reads */
        return errno == ENXIO ? not_regular(path, error) : open_failed(path, error);
    if (flags & (O_DIRECTORY | O_EXCL))
        return fd;
    int rc = require_regular(fd, path, error);
    if (rc == 0)
        return fd;
    pkv__file_close(fd);
    return rc;
}

int pkv__file_open_any(const char *path, pkv_error *error)
{
    int fd = CALL("open", open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY));
    return fd < 0 ? open_failed(path, error) : fd;
}

int pkv__file_check_regular(const char *path, pkv_error *error)
{
    struct stat st;
    if (CALL("stat", stat(path, &st)) < 0)
        return open_failed(path, error);
    return S_ISREG(st.st_mode) ? 0 : not_regular(path, error);
}

void pkv__file_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

ssize_t pkv__file_read(int fd, void *data, size_t length, const char *path, pkv_error *error)
{
    size_t done = 0;
    while (done < length) {
        ssize_t n = CALL("read", read(fd, (char *)data + done, length - done));
        if (n < 0)
            return pkv__error_errno(error, errno, "cannot read %s", path);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

ssize_t pkv__file_read_at(int fd, void *data, size_t length, int64_t offset, const char *path,
                          pkv_error *error)
{
    size_t done = 0;
    while (done < length) {
        ssize_t n =
            CALL("read", pread(fd, (char *)data + done, length - done, offset + (int64_t)done));
        if (n < 0)
            return pkv__error_errno(error, errno, "cannot read %s", path);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

int pkv__file_write(int fd, const void *data, size_t length, const char *path, pkv_error *error)
{
    size_t done = 0;
    while (done < length) {
        ssize_t n = CALL("write", write(fd, (const char *)data + done, length - done));
        if (n < 0)
            return pkv__error_errno(error, errno, "cannot write %s", path);
        done += (size_t)n;
    }
    return 0;
}

int pkv__file_write_at(int fd, const void *data, size_t length, int64_t offset, const char *path,
                       pkv_error *error)
{
    size_t done = 0;
    while (done < length) {
        ssize_t n = CALL(
            "write", pwrite(fd, (const char *)data + done, length - done, offset + (int64_t)done));
        if (n < 0)
            return pkv__error_errno(error, errno, "cannot write %s", path);
        done += (size_t)n;
    }
    return 0;
}

/* Moves the pieces on by what was written. */
static void pass_over(struct iovec **pieces, int *count, size_t written)
{
    while (*count > 0 && written >= (*pieces)->iov_len) {
        written -= (*pieces)->iov_len;
        ++*pieces;
        --*count;
    }
    if (*count > 0) {
        (*pieces)->iov_base = (char *)(*pieces)->iov_base + written;
        (*pieces)->iov_len -= written;
    }
}

int pkv__file_write_pieces_at(int fd, struct iovec *pieces, int count, int64_t offset,
                              const char *path, pkv_error *error)
{
    while (count > 0) {
        ssize_t n = CALL("write", pwritev(fd, pieces, count, offset));
        if (n < 0)
            return pkv__error_errno(error, errno, "cannot write %s", path);
        offset += n;
        pass_over(&pieces, &count, (size_t)n);
    }
    return 0;
}

int pkv__file_sync(int fd, const char *path, pkv_error *error)
{
    return CALL("sync", fdatasync(fd)) < 0 ? pkv__error_errno(error, errno, "cannot sync %s", path)
                                           : 0;
}

void pkv__file_forget(int fd)
{
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

int pkv__file_truncate(int fd, int64_t length, const char *path, pkv_error *error)
{
    return CALL("truncate", ftruncate(fd, length)) < 0
               ? pkv__error_errno(error, errno, "cannot truncate %s", path)
               : 0;
}

int64_t pkv__file_size(int fd, const char *path, pkv_error *error)
{
    struct stat st;
    if (CALL("stat", fstat(fd, &st)) < 0)
        return pkv__error_errno(error, errno, "cannot look at %s", path);
    return st.st_size;
}

int pkv__file_rename(const char *from, const char *to, pkv_error *error)
{
    return CALL("rename", rename(from, to)) < 0
               ? pkv__error_errno(error, errno, "cannot rename %s to %s", from, to)
               : 0;
}

int pkv__file_unlink(const char *path, pkv_error *error)
{
    if (CALL("unlink", unlink(path)) < 0 && errno != ENOENT)
        return pkv__error_errno(error, errno, "cannot remove %s", path);
    return 0;
}

int pkv__file_free_space(const char *path, uint64_t *free_bytes, uint64_t *all_bytes,
                         pkv_error *error)
{
    struct statvfs st;
    if (CALL("statvfs", statvfs(path, &st)) < 0)
        return pkv__error_errno(error, errno, "cannot look at the file system of %s", path);
    *free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    *all_bytes = (uint64_t)st.f_blocks * st.f_frsize;
    return 0;
}

static int lock(int fd, int operation, const char *path, pkv_error *error)
{
    if (CALL("lock", flock(fd, operation | LOCK_NB)) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return pkv__error(error, PKV_E_BUSY, -1, "%s is locked by another process", path);
    return pkv__error_errno(error, errno, "cannot lock %s", path);
}

int pkv__file_lock(int fd, const char *path, pkv_error *error)
{
    return lock(fd, LOCK_EX, path, error);
}

int pkv__file_share_lock(int fd, const char *path, pkv_error *error)
{
    return lock(fd, LOCK_SH, path, error);
}

bool pkv__file_is_locked(const char *path)
{
    PKV__AUTO_CLOSE int fd = pkv__file_open(path, O_RDONLY, NULL);
    return fd >= 0 && CALL("lock", flock(fd, LOCK_SH | LOCK_NB)) < 0 && errno == EWOULDBLOCK;
}

static int too_large(const char *path, size_t limit, pkv_error *error)
{
    return pkv__error(error, PKV_E_LIMIT, -1, "%s is larger than %zu bytes", path, limit);
}

/* A pipe has no size, nor has a file of the kernel's: it is read to its end, if that comes soon. */
static int read_whole(int fd, const char *path, size_t limit, char **text, size_t *length,
                      pkv_error *error)
{
    int64_t size = pkv__file_size(fd, path, error);
    if (size < 0)
        return (int)size;
    if (size > 0 && (uint64_t)size > limit)
        return too_large(path, limit, error);
    if (size == 0 && limit > PKV__SIZELESS_MAX_BYTES)
        limit = PKV__SIZELESS_MAX_BYTES;
    size_t room = size > 0 ? (size_t)size : limit + 1;
    PKV__AUTO_FREE char *data = pkv__alloc(room + 1);
    if (!data)
        return pkv__error_memory(error);
    ssize_t got = pkv__file_read(fd, data, room, path, error);
    if (got < 0)
        return (int)got;
    if ((size_t)got > limit)
        return too_large(path, limit, error);
    data[got] = 0;
    *length = (size_t)got;
    *text = PKV__STEAL(data);
    return 0;
}

int pkv__file_read_all(const char *path, size_t limit, char **text, size_t *length,
                       pkv_error *error)
{
    PKV__AUTO_CLOSE int fd = pkv__file_open(path, O_RDONLY, error);
    return fd < 0 ? fd : read_whole(fd, path, limit, text, length, error);
}

int pkv__file_read_any(const char *path, size_t limit, char **text, size_t *length,
                       pkv_error *error)
{
    PKV__AUTO_CLOSE int fd = pkv__file_open_any(path, error);
    return fd < 0 ? fd : read_whole(fd, path, limit, text, length, error);
}
