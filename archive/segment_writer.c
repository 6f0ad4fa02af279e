/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/segment_writer.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "archive/lz4_block.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

struct pkv__segment_writer {
    int fd;
    int64_t bytes;     /* of the file up to the last whole block */
    int64_t synced;    /* of these */
    bool torn;         /* behind `bytes` may stand a part of a block that could not be written */
    bool named_safely; /* the directories on the way to the file have been synced */
    bool renamed;
    char *root, *open_path, *sealed_path; /* of the archive; of the file */
};

struct pkv__segment_writer *pkv__segment_writer_free(struct pkv__segment_writer *writer)
{
    if (!writer)
        return NULL;
    pkv__file_close(writer->fd);
    pkv__free(writer->root);
    pkv__free(writer->open_path);
    pkv__free(writer->sealed_path);
    pkv__free(writer);
    return NULL;
}
PKV__DEFINE_CLEANUP(struct pkv__segment_writer, pkv__segment_writer_free);

/* The path of the directory that holds `path`; free with pkv__free. */
static char *parent_of(const char *path)
{
    char *parent = pkv__strdup(path);
    char *slash = parent ? strrchr(parent, '/') : NULL;
    if (slash)
        *slash = '\0';
    return parent;
}

static int make_day(const char *path, pkv_error *error)
{
    char *day PKV__AUTO_FREE = parent_of(path);
    return day ? pkv__file_make_directories(day, error) : pkv__error_memory(error);
}

static int set_paths(struct pkv__segment_writer *writer, const char *directory,
                     const struct pkv__segment_name *name, pkv_error *error)
{
    char open[PKV__SEGMENT_PATH_TEXT], sealed[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(open, name, true);
    pkv__segment_path(sealed, name, false);
    writer->root = pkv__strdup(directory);
    writer->open_path = pkv__archive_join(directory, open);
    writer->sealed_path = pkv__archive_join(directory, sealed);
    if (!writer->root || !writer->open_path || !writer->sealed_path)
        return pkv__error_memory(error);
    if (pkv__file_exists(writer->open_path) || pkv__file_exists(writer->sealed_path))
        return pkv__error(error, PKV_E_EXISTS, -1, "%s: this segment exists already",
                          writer->sealed_path);
    return 0;
}

static int write_beginning(struct pkv__segment_writer *writer, struct iovec *head, const char *path,
                           pkv_error *error)
{
    uint8_t header[PKV__LZ4_HEADER_BYTES];
    pkv__lz4_header(header);
    struct iovec pieces[] = {{header, sizeof header}, *head};
    int rc = pkv__file_write_pieces_at(writer->fd, pieces, 2, 0, path, error);
    if (rc == 0)
        rc = pkv__file_sync(writer->fd, path, error);
    writer->bytes = writer->synced = (int64_t)(sizeof header + head->iov_len);
    return rc;
}

/* The file gets its name only when it is locked and the disk has its beginning: recovery takes any
 * that it can lock, and its writer relies on the first block, whatever befalls the rest. Until then
 * it is locks/lane-N.new, which the holder of the lane overwrites at will. Directories are made
 * last: where the archive has gone, no other one may begin in its place. */
static int create_file(struct pkv__segment_writer *writer, const struct pkv__segment_name *name,
                       struct iovec *head, pkv_error *error)
{
    char *path PKV__AUTO_FREE =
        pkv__printf("%s/locks/lane-%" PRIu32 ".new", writer->root, name->lane);
    if (!path)
        return pkv__error_memory(error);
    int rc = pkv__file_unlink(path, error);
    if (rc < 0)
        return rc;
    writer->fd = pkv__file_open(path, O_RDWR | O_CREAT | O_EXCL, error);
    if (writer->fd < 0)
        return writer->fd;
    rc = pkv__file_lock(writer->fd, path, error);
    if (rc == 0)
        rc = write_beginning(writer, head, path, error);
    if (rc == 0)
        rc = make_day(writer->open_path, error);
    return rc < 0 ? rc : pkv__file_rename(path, writer->open_path, error);
}

int pkv__segment_writer_open(struct pkv__segment_writer **writer, const char *directory,
                             const struct pkv__segment_name *name, const uint8_t *head,
                             size_t length, pkv_error *error)
{
    struct iovec first = {(void *)(uintptr_t)head, length};
    struct pkv__segment_writer *made PKV__AUTO(pkv__segment_writer_free) =
        pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    made->fd = -1;
    int rc = set_paths(made, directory, name, error);
    if (rc == 0)
        rc = create_file(made, name, &first, error);
    if (rc < 0)
        return rc;
    *writer = PKV__STEAL(made);
    return 0;
}

static int cut_back(struct pkv__segment_writer *writer, pkv_error *error)
{
    if (!writer->torn)
        return 0;
    int rc = pkv__file_truncate(writer->fd, writer->bytes, writer->open_path, error);
    if (rc == 0)
        writer->torn = false;
    return rc;
}

static int put(struct pkv__segment_writer *writer, struct iovec *pieces, int count,
               pkv_error *error)
{
    int rc = cut_back(writer, error);
    if (rc < 0)
        return rc;
    rc = pkv__file_write_pieces_at(writer->fd, pieces, count, writer->bytes, writer->open_path,
                                   error);
    if (rc < 0) {
        writer->torn = true;
        (void)cut_back(writer, NULL);
    }
    return rc;
}

int pkv__segment_writer_write(struct pkv__segment_writer *writer, const uint8_t *block,
                              size_t length, pkv_error *error)
{
    struct iovec piece = {(void *)(uintptr_t)block, length};
    return pkv__segment_writer_write_blocks(writer, &piece, 1, error);
}

int pkv__segment_writer_write_blocks(struct pkv__segment_writer *writer, struct iovec *blocks,
                                     int count, pkv_error *error)
{
    int64_t length = 0;
    for (int i = 0; i < count; i++)
        length += (int64_t)blocks[i].iov_len;
    int rc = put(writer, blocks, count, error);
    if (rc == 0)
        writer->bytes += length;
    return rc;
}

static int sync_names(struct pkv__segment_writer *writer, pkv_error *error)
{
    if (writer->named_safely)
        return 0;
    int rc = pkv__archive_sync_names(writer->root, writer->open_path, error);
    writer->named_safely = rc == 0;
    return rc;
}

int pkv__segment_writer_sync(struct pkv__segment_writer *writer, pkv_error *error)
{
    int rc = pkv__file_sync(writer->fd, writer->open_path, error);
    if (rc < 0)
        return rc;
    writer->synced = writer->bytes;
    return sync_names(writer, error);
}

int64_t pkv__segment_writer_unsynced_bytes(const struct pkv__segment_writer *writer)
{
    return writer->bytes - writer->synced;
}

int pkv__segment_writer_cut(struct pkv__segment_writer *writer, pkv_error *error)
{
    writer->bytes = writer->synced;
    writer->torn = true;
    return cut_back(writer, error);
}

int64_t pkv__segment_writer_bytes(const struct pkv__segment_writer *writer)
{
    return writer->bytes;
}

static int end_and_rename(struct pkv__segment_writer *writer, pkv_error *error)
{
    uint8_t end[PKV__LZ4_END_BYTES] = {0};
    struct iovec piece = {end, sizeof end};
    int rc = put(writer, &piece, 1, error);
    if (rc == 0) {
        writer->torn =
            true; /* a block written after a seal that failed starts before the end mark */
        rc = pkv__segment_writer_sync(writer, error);
    }
    if (rc == 0)
        rc = pkv__file_rename(writer->open_path, writer->sealed_path, error);
    writer->renamed = rc == 0;
    return rc;
}

int pkv__segment_writer_seal(struct pkv__segment_writer *writer, pkv_error *error)
{
    int rc = writer->renamed ? 0 : end_and_rename(writer, error);
    if (rc < 0)
        return rc;
    char *day PKV__AUTO_FREE = parent_of(writer->sealed_path);
    return day ? pkv__file_sync_directory(day, error) : pkv__error_memory(error);
}
