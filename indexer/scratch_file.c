/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/scratch_file.h"

#include <fcntl.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#define PIECE_BYTES ((size_t)1 << 20)
#define ELSEWHERE "/var/tmp"

struct pkv__scratch {
    int fd;
    char *path;
    uint64_t written;
    struct pkv__buffer piece; /* put, but not written */
};

int pkv__scratch_new(struct pkv__scratch **scratch, const char *path, pkv_error *error)
{
    struct pkv__scratch *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    int flags = path ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR | O_TMPFILE;
    made->path = pkv__strdup(path ? path : ELSEWHERE);
    made->fd = made->path ? pkv__file_open(made->path, flags, error) : pkv__error_memory(error);
    int rc = made->fd < 0 || !path ? made->fd : pkv__file_unlink(path, error);
    if (rc < 0) {
        (void)pkv__scratch_free(made);
        return rc;
    }
    *scratch = made;
    return 0;
}

struct pkv__scratch *pkv__scratch_free(struct pkv__scratch *scratch)
{
    if (scratch) {
        pkv__file_close(scratch->fd);
        pkv__buffer_deinit(&scratch->piece);
        pkv__free(scratch->path);
    }
    pkv__free(scratch);
    return NULL;
}

static int flush(struct pkv__scratch *scratch, pkv_error *error)
{
    int rc = pkv__file_write_at(scratch->fd, scratch->piece.data, scratch->piece.length,
                                (int64_t)scratch->written, scratch->path, error);
    if (rc < 0)
        return rc;
    scratch->written += scratch->piece.length;
    pkv__buffer_clear(&scratch->piece);
    return 0;
}

int pkv__scratch_put(struct pkv__scratch *scratch, const void *data, size_t length,
                     pkv_error *error)
{
    pkv__buffer_bytes(&scratch->piece, data, length);
    if (scratch->piece.failed)
        return pkv__error_memory(error);
    return scratch->piece.length < PIECE_BYTES ? 0 : flush(scratch, error);
}

uint64_t pkv__scratch_bytes(const struct pkv__scratch *scratch)
{
    return scratch->written + scratch->piece.length;
}

int pkv__scratch_get(struct pkv__scratch *scratch, uint64_t offset, void *data, size_t length,
                     pkv_error *error)
{
    int rc = scratch->piece.length ? flush(scratch, error) : 0;
    if (rc < 0)
        return rc;
    ssize_t got =
        pkv__file_read_at(scratch->fd, data, length, (int64_t)offset, scratch->path, error);
    if (got < 0)
        return (int)got;
    if ((size_t)got < length)
        return pkv__error(error, PKV_E_FORMAT, (int64_t)offset, "%s: the temporary file has shrunk",
                          scratch->path);
    return 0;
}
