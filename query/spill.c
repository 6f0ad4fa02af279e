/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/spill.h"

#include <fcntl.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

/* Not the archive: a reader may have no right to write there. */
#define SPILL_DIRECTORY "/var/tmp"

struct pkv__spill {
    int fd;
    uint64_t end;
};

int pkv__spill_new(struct pkv__spill **spill, pkv_error *error)
{
    struct pkv__spill *made = pkv__alloc_zero(1, sizeof(*made));
    if (!made)
        return pkv__error_memory(error);
    made->fd = pkv__file_open(SPILL_DIRECTORY, O_TMPFILE | O_RDWR, error);
    if (made->fd < 0) {
        int rc = made->fd;
        pkv__free(made);
        return rc;
    }
    *spill = made;
    return PKV_OK;
}

int pkv__spill_write(struct pkv__spill *spill, const void *data, size_t length, uint64_t *offset,
                     pkv_error *error)
{
    int rc =
        pkv__file_write_at(spill->fd, data, length, (int64_t)spill->end, SPILL_DIRECTORY, error);
    if (rc)
        return rc;
    *offset = spill->end;
    spill->end += length;
    return PKV_OK;
}

int pkv__spill_read(struct pkv__spill *spill, void *data, size_t length, uint64_t offset,
                    pkv_error *error)
{
    ssize_t got =
        pkv__file_read_at(spill->fd, data, length, (int64_t)offset, SPILL_DIRECTORY, error);
    if (got < 0)
        return (int)got;
    if ((size_t)got != length)
        return pkv__error(error, PKV_E_SYSTEM, -1, "%s: the temporary file became shorter",
                          SPILL_DIRECTORY);
    return PKV_OK;
}

struct pkv__spill *pkv__spill_free(struct pkv__spill *spill)
{
    if (spill)
        pkv__file_close(spill->fd);
    pkv__free(spill);
    return NULL;
}
