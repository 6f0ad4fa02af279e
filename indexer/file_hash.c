/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/file_hash.h"

#include <fcntl.h>

#include "archive/chain.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#define PIECE_BYTES 65536u

struct pkv__file_hash {
    int fd;
    char *path;
    int64_t offset; /* hashed so far */
    struct pkv__sha256 *sha256;
};

PKV__DEFINE_CLEANUP(struct pkv__file_hash, pkv__file_hash_free);

int pkv__file_hash_open(struct pkv__file_hash **hash, const char *path, pkv_error *error)
{
    struct pkv__file_hash *made PKV__AUTO(pkv__file_hash_free) = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    made->fd = -1;
    made->path = pkv__strdup(path);
    made->sha256 = pkv__sha256_new();
    if (!made->path || !made->sha256)
        return pkv__error_memory(error);
    made->fd = pkv__file_open(path, O_RDONLY, error);
    if (made->fd < 0)
        return made->fd;
    *hash = PKV__STEAL(made);
    return 0;
}

struct pkv__file_hash *pkv__file_hash_free(struct pkv__file_hash *hash)
{
    if (hash) {
        pkv__file_close(hash->fd);
        pkv__free(hash->path);
        (void)pkv__sha256_free(hash->sha256);
    }
    pkv__free(hash);
    return NULL;
}

/* From where it stands to `end`, or to the end of the file if that comes first. */
static int read_to(struct pkv__file_hash *hash, int64_t end, pkv_error *error)
{
    uint8_t piece[PIECE_BYTES];
    while (hash->offset < end) {
        int64_t left = end - hash->offset;
        size_t wanted = left < (int64_t)sizeof piece ? (size_t)left : sizeof piece;
        ssize_t got = pkv__file_read_at(hash->fd, piece, wanted, hash->offset, hash->path, error);
        if (got < 0)
            return (int)got;
        if (got == 0)
            return 0;
        pkv__sha256_add(hash->sha256, piece, (size_t)got);
        hash->offset += got;
    }
    return 0;
}

int pkv__file_hash_add(struct pkv__file_hash *hash, int64_t offset, const void *data, size_t length,
                       pkv_error *error)
{
    int rc = read_to(hash, offset, error);
    if (rc < 0)
        return rc;
    if (hash->offset != offset)
        return pkv__error(error, PKV_E_FORMAT, offset, "%s has changed while it was read",
                          hash->path);
    pkv__sha256_add(hash->sha256, data, length);
    hash->offset += (int64_t)length;
    return 0;
}

int pkv__file_hash_end(struct pkv__file_hash *hash, char hex[65], int64_t *file_bytes,
                       pkv_error *error)
{
    int rc = read_to(hash, INT64_MAX, error);
    if (rc < 0)
        return rc;
    pkv__sha256_hex(hash->sha256, hex);
    *file_bytes = hash->offset;
    return 0;
}
