/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/spill.h"

#include <fcntl.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#define PIECE_BYTES ((size_t)1 << 20)

struct pkv__spill {
    int fd;
    char *path;
    uint64_t written;
    struct pkv__buffer piece; /* put, but not written */
};

int pkv__spill_new(struct pkv__spill **spill, const char *path, pkv_error *error)
{
    struct pkv__spill *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    made->path = pkv__strdup(path);
    made->fd = made->path ? pkv__file_open(path, O_RDWR | O_CREAT | O_TRUNC, error)
                          : pkv__error_memory(error);
    int rc = made->fd < 0 ? made->fd : pkv__file_unlink(path, error);
    if (rc < 0) {
        (void)pkv__spill_free(made);
        return rc;
    }
    *spill = made;
    return 0;
}

struct pkv__spill *pkv__spill_free(struct pkv__spill *spill)
{
    if (spill) {
        pkv__file_close(spill->fd);
        pkv__buffer_deinit(&spill->piece);
        pkv__free(spill->path);
    }
    pkv__free(spill);
    return NULL;
}

static int flush(struct pkv__spill *spill, pkv_error *error)
{
    int rc = pkv__file_write_at(spill->fd, spill->piece.data, spill->piece.length,
                                (int64_t)spill->written, spill->path, error);
    if (rc < 0)
        return rc;
    spill->written += spill->piece.length;
    pkv__buffer_clear(&spill->piece);
    return 0;
}

int pkv__spill_put(struct pkv__spill *spill, const void *data, size_t length, pkv_error *error)
{
    pkv__buffer_bytes(&spill->piece, data, length);
    if (spill->piece.failed)
        return pkv__error_memory(error);
    return spill->piece.length < PIECE_BYTES ? 0 : flush(spill, error);
}

uint64_t pkv__spill_bytes(const struct pkv__spill *spill)
{
    return spill->written + spill->piece.length;
}

int pkv__spill_get(struct pkv__spill *spill, uint64_t offset, void *data, size_t length,
                   pkv_error *error)
{
    int rc = spill->piece.length ? flush(spill, error) : 0;
    if (rc < 0)
        return rc;
    ssize_t got = pkv__file_read_at(spill->fd, data, length, (int64_t)offset, spill->path, error);
    if (got < 0)
        return (int)got;
    if ((size_t)got < length)
        return pkv__error(error, PKV_E_FORMAT, (int64_t)offset, "%s: the temporary file has shrunk",
                          spill->path);
    return 0;
}
