/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

/* As wide as any number, so that the file is overwritten in place and never shorter than before. */
#define SEQUENCE_TEXT 21

struct pkv__lane_lock {
    int fd;
    uint32_t number;
    uint64_t sequence; /* given last */
    char *path;
};

static int read_sequence(struct pkv__lane_lock *lock, pkv_error *error)
{
    char text[SEQUENCE_TEXT + 1] = "";
    ssize_t got = pkv__file_read_at(lock->fd, text, SEQUENCE_TEXT, 0, lock->path, error);
    if (got < 0)
        return (int)got;
    if (got == 0)
        return 0;
    char *end;
    errno = 0;
    lock->sequence = strtoull(text, &end, 10);
    if (errno || end == text || *end != '\n' || lock->sequence == UINT64_MAX)
        return pkv__error(error, PKV_E_FORMAT, 0, "%s: holds no sequence number", lock->path);
    return 0;
}

struct pkv__lane_lock *pkv__lane_unlock(struct pkv__lane_lock *lock)
{
    if (!lock)
        return NULL;
    pkv__file_close(lock->fd);
    pkv__free(lock->path);
    pkv__free(lock);
    return NULL;
}
PKV__DEFINE_CLEANUP(struct pkv__lane_lock, pkv__lane_unlock);

int pkv__lane_lock(struct pkv__lane_lock **lock, const char *directory, uint32_t lane,
                   pkv_error *error)
{
    struct pkv__lane_lock *made PKV__AUTO(pkv__lane_unlock) = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    made->fd = -1;
    made->number = lane;
    made->path = pkv__printf("%s/locks/lane-%" PRIu32, directory, lane);
    if (!made->path)
        return pkv__error_memory(error);
    made->fd = pkv__file_open(made->path, O_RDWR | O_CREAT, error);
    if (made->fd < 0)
        return made->fd;
    int rc = pkv__file_lock(made->fd, made->path, error);
    if (rc == PKV_E_BUSY)
        return pkv__error(error, PKV_E_BUSY, -1, "%s: another writer records into this lane",
                          made->path);
    if (rc == 0)
        rc = read_sequence(made, error);
    if (rc == 0 && made->sequence == 0)
        rc = pkv__archive_sync_names(directory, made->path, error);
    if (rc < 0)
        return rc;
    *lock = PKV__STEAL(made);
    return 0;
}

int pkv__lane_lock_any(struct pkv__lane_lock **lock, const char *directory, uint32_t first,
                       uint32_t last, pkv_error *error)
{
    int rc = PKV_E_BUSY;
    for (uint32_t lane = first; lane <= last && rc < 0; lane++) {
        rc = pkv__lane_lock(lock, directory, lane, error);
        if (rc == PKV_E_MEMORY)
            break;
    }
    if (rc != PKV_E_BUSY)
        return rc;
    return pkv__error(error, PKV_E_LIMIT, -1,
                      "%s: all lanes from %" PRIu32 " to %" PRIu32 " are in use by other writers",
                      directory, first, last);
}

uint32_t pkv__lane_lock_number(const struct pkv__lane_lock *lock)
{
    return lock->number;
}

int pkv__lane_lock_next(struct pkv__lane_lock *lock, uint64_t *sequence, pkv_error *error)
{
    char text[SEQUENCE_TEXT + 1];
    uint64_t next = lock->sequence + 1;
    (void)snprintf(text, sizeof text, "%020" PRIu64 "\n", next);
    int rc = pkv__file_write_at(lock->fd, text, SEQUENCE_TEXT, 0, lock->path, error);
    if (rc == 0)
        rc = pkv__file_sync(lock->fd, lock->path, error);
    if (rc < 0)
        return rc;
    lock->sequence = next;
    *sequence = next;
    return 0;
}

int pkv__indexer_lock(const char *directory, pkv_error *error)
{
    char *path PKV__AUTO_FREE = pkv__archive_join(directory, "locks/indexer");
    if (!path)
        return pkv__error_memory(error);
    int fd = pkv__file_open(path, O_RDWR | O_CREAT, error);
    if (fd < 0)
        return fd;
    int rc = pkv__file_lock(fd, path, error);
    if (rc == 0)
        return fd;
    pkv__file_close(fd);
    if (rc == PKV_E_BUSY)
        return pkv__error(error, rc, -1, "%s: another indexer runs in this archive", path);
    return rc;
}
