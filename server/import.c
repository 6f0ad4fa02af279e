/* SPDX-License-Identifier: BSD-2-Clause */
#include <pktvault/writer.h>

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/capture_file.h"
#include "archive/directory.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "server/import_known.h"
#include "server/writer_internal.h"

#define PROGRESS_PACKETS 16384u
#define END_BYTES (64 << 10)
#define NAME_BYTES 200
#define LOCK_TRIES 100

struct import {
    const char *directory, *path;
    unsigned flags;
    pkv_progress_fn *progress;
    void *context;
    int fd;   /* of a regular file; else -1 */
    int lock; /* the lock file of that hash; -1: none */
    bool locked;
    char *lock_path;
    uint64_t all_bytes; /* of it */
    char ends[33];      /* a hash of them */
    uint64_t skip;      /* packets that an interrupted import has stored already */
    uint64_t seen;
    struct pkv__capture_file *file;
    pkv_writer *writer;
    pkv_import_report report;
};

static bool wants_to_stop(const struct import *import, uint64_t done)
{
    return import->progress && import->progress(import->context, done, import->all_bytes) != 0;
}

static int canceled(const struct import *import, pkv_error *error)
{
    return pkv__error(error, PKV_E_CANCELED, -1, "%s: import was stopped", import->path);
}

/* All of it: only where the archive may have the file. */
static int hash_content(const struct import *import, char hex[33], pkv_error *error)
{
    struct pkv__capture_file *file;
    int rc = pkv__capture_file_open(&file, import->path, error);
    if (rc < 0)
        return rc;
    rc = pkv__capture_file_content(file, hex, error);
    (void)pkv__capture_file_free(file);
    return rc;
}

/* A hash of the file's ends and size, by which it is looked for. */
static int hash_ends(struct import *import, pkv_error *error)
{
    uint8_t *end PKV__AUTO_FREE = pkv__alloc(END_BYTES);
    struct pkv__hash128 *hash = pkv__hash128_new();
    int64_t size = pkv__file_size(import->fd, import->path, error);
    int rc = size < 0 ? (int)size : end && hash ? 0 : pkv__error_memory(error);
    for (unsigned last = 0; rc == 0 && last < 2; last++) {
        int64_t at = last && size > END_BYTES ? size - END_BYTES : 0;
        ssize_t got = pkv__file_read_at(import->fd, end, END_BYTES, at, import->path, error);
        if (got < 0)
            rc = (int)got;
        else
            pkv__hash128_add(hash, end, (size_t)got);
    }
    if (rc == 0) {
        import->all_bytes = (uint64_t)size;
        pkv__hash128_add(hash, &import->all_bytes, sizeof import->all_bytes);
        pkv__hash128_hex(hash, import->ends);
    }
    (void)pkv__hash128_free(hash);
    return rc;
}

/* Standard input, pipes and the like can be read once only: they are imported without being
 * recognised. */
static int identify(struct import *import, pkv_error *error)
{
    struct stat status;
    if (strcmp(import->path, "-") == 0)
        return 0;
    if (stat(import->path, &status) == 0 && !S_ISREG(status.st_mode))
        return 0;
    import->fd = pkv__file_open(import->path, O_RDONLY, error);
    if (import->fd < 0)
        return import->fd;
    int rc = hash_ends(import, error);
    return rc == 0 && wants_to_stop(import, 0) ? canceled(import, error) : rc;
}

/* Who had the lock removes the file before he lets it go, so that what is locked now may be gone.
 */
static int try_lock(struct import *import, pkv_error *error)
{
    pkv__file_close(import->lock);
    import->lock = pkv__file_open(import->lock_path, O_RDWR | O_CREAT, error);
    if (import->lock < 0)
        return import->lock;
    int rc = pkv__file_lock(import->lock, import->lock_path, error);
    import->locked = rc == 0 && pkv__file_is_at(import->lock, import->lock_path);
    return rc;
}

/* One import of a file at a time in an archive: before the other one has written, nothing shows it.
 */
static int lock_file(struct import *import, pkv_error *error)
{
    char relative[64];
    (void)snprintf(relative, sizeof relative, "locks/import-%s", import->ends);
    import->lock_path = pkv__archive_join(import->directory, relative);
    if (!import->lock_path)
        return pkv__error_memory(error);
    int rc = 0;
    for (unsigned tries = 0; rc == 0 && !import->locked && tries < LOCK_TRIES; tries++)
        rc = try_lock(import, error);
    if (import->locked || (rc < 0 && rc != PKV_E_BUSY))
        return rc;
    return pkv__error(error, PKV_E_BUSY, -1, "%s: another process imports this file now",
                      import->path);
}

static void unlock_file(struct import *import)
{
    if (import->locked)
        (void)pkv__file_unlink(import->lock_path, NULL);
    pkv__file_close(import->lock);
    pkv__free(import->lock_path);
}

/* Refuses what is there; an import that was interrupted is resumed behind its last packet, if that
 * is what the file begins with. */
static int compare_with_parts(struct import *import, struct pkv__import_parts *parts,
                              pkv_error *error)
{
    struct pkv__known known;
    char content[33];
    int rc = hash_content(import, content, error);
    if (rc < 0)
        return rc;
    pkv__import_parts_judge(parts, content, &known);
    if (known.complete)
        return pkv__error(error, PKV_E_EXISTS, -1,
                          "%s: the archive has this file already (--again to import it again)",
                          import->path);
    if (known.running)
        return pkv__error(error, PKV_E_BUSY, -1, "%s: another process imports this file now",
                          import->path);
    if (known.other)
        return 0;
    if (known.holes)
        return pkv__error(
            error, PKV_E_EXISTS, -1,
            "%s: an earlier import was interrupted, and not all of what it stored is there still "
            "(--again to import the file again)",
            import->path);
    rc = pkv__import_parts_are_beginning(parts, import->path, error);
    if (rc == 1)
        import->skip = known.packets;
    return rc < 0 ? rc : 0;
}

static int compare_with_archive(struct import *import, pkv_error *error)
{
    struct pkv__import_parts *parts;
    if (import->fd < 0 || import->flags & PKV_IMPORT_AGAIN)
        return 0;
    int rc = lock_file(import, error);
    if (rc == 0)
        rc = pkv__import_parts_find(&parts, import->directory, import->ends, error);
    if (rc < 0)
        return rc;
    rc = parts ? compare_with_parts(import, parts, error) : 0;
    (void)pkv__import_parts_free(parts);
    return rc;
}

static int open_writer(struct import *import, const pkv_options *options, pkv_error *error)
{
    const char *slash = strrchr(import->path, '/');
    char name[NAME_BYTES], origin[NAME_BYTES + 100];
    (void)snprintf(name, sizeof name, "%s", slash ? slash + 1 : import->path);
    for (char *c = name; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = '?';
    if (import->fd < 0)
        (void)snprintf(origin, sizeof origin, "import %s", name);
    else
        (void)snprintf(origin, sizeof origin, "import %s ends %s bytes %" PRIu64, name,
                       import->ends, import->all_bytes);
    int rc = pkv_writer_open(&import->writer, import->directory, origin, options, error);
    if (rc == 0)
        pkv__writer_set_position(import->writer, import->skip);
    return rc;
}

static void count(pkv_import_report *report, const struct pkv__capture_item *item)
{
    int64_t time_ns = item->packet.time_ns;
    if (!report->packets || time_ns < report->first_ns)
        report->first_ns = time_ns;
    if (!report->packets || time_ns > report->last_ns)
        report->last_ns = time_ns;
    report->packets++;
    report->bytes += item->packet.captured_bytes;
    report->without_time += item->without_time;
}

static int take_packet(struct import *import, const struct pkv__capture_item *item,
                       pkv_error *error)
{
    if (import->seen++ < import->skip)
        return 0;
    int rc = pkv_writer_append(import->writer, &item->packet, error);
    if (rc < 0)
        return rc;
    count(&import->report, item);
    if (import->seen % PROGRESS_PACKETS == 0 &&
        wants_to_stop(import, pkv__capture_file_bytes_read(import->file)))
        return canceled(import, error);
    return 0;
}

static int take(struct import *import, int what, const struct pkv__capture_item *item,
                pkv_error *error)
{
    uint32_t id;
    if (what == PKV__CAPTURE_PACKET)
        return take_packet(import, item, error);
    if (what == PKV__CAPTURE_INTERFACE)
        return pkv_writer_add_interface(import->writer, &id, &item->interface_, error);
    return 0;
}

static bool is_of_the_file(int rc)
{
    return rc == PKV_E_FORMAT || rc == PKV_E_LIMIT || rc == PKV_E_INVALID ||
           rc == PKV_E_UNSUPPORTED;
}

static int complete(struct import *import, pkv_error *error)
{
    char content[33];
    int rc = pkv__capture_file_content(import->file, content, error);
    if (rc == 0)
        pkv__writer_set_complete(import->writer, content);
    return rc;
}

/* 0 also where the file breaks: then all that can be had of it was taken, and the report says
 * where. */
static int take_all(struct import *import, pkv_error *error)
{
    struct pkv__capture_item item;
    pkv_error local = {0, -1, ""};
    int what, rc = 0;
    while (rc == 0 && (what = pkv__capture_file_next(import->file, &item, &local)) != 0)
        rc = what < 0 ? what : take(import, what, &item, &local);
    if (is_of_the_file(rc)) {
        import->report.broken_at =
            local.offset >= 0 ? local.offset : (int64_t)pkv__capture_file_bytes_read(import->file);
        (void)snprintf(import->report.broken, sizeof import->report.broken, "%.199s", local.text);
        rc = 0;
    } else if (rc < 0 && error) {
        *error = local;
    }
    return rc == 0 ? complete(import, error) : rc;
}

static int run(struct import *import, const pkv_options *options, pkv_error *error)
{
    int rc = identify(import, error);
    if (rc == 0)
        rc = pkv__capture_file_open(&import->file, import->path, error);
    if (rc == 0)
        rc = pkv__archive_create(import->directory, error);
    if (rc == 0)
        rc = compare_with_archive(import, error);
    if (rc == 0)
        rc = open_writer(import, options, error);
    if (rc < 0)
        return rc;
    rc = take_all(import, error);
    import->report.segments = pkv__writer_segments(import->writer);
    import->report.file_bytes = pkv__capture_file_bytes_read(import->file);
    import->report.skipped_blocks = pkv__capture_file_skipped(import->file);
    int closed = pkv_writer_close(import->writer, rc < 0 ? NULL : error);
    return rc < 0 ? rc : closed;
}

int pkv_import_file(const char *directory, const char *path, unsigned flags,
                    const pkv_options *options, pkv_progress_fn *progress, void *context,
                    pkv_import_report *report, pkv_error *error)
{
    struct import import = {.directory = directory,
                            .path = path,
                            .flags = flags,
                            .progress = progress,
                            .context = context,
                            .fd = -1,
                            .lock = -1,
                            .report = {.broken_at = -1}};
    int rc = run(&import, options, error);
    (void)pkv__capture_file_free(import.file);
    pkv__file_close(import.fd);
    unlock_file(&import);
    if (report)
        *report = import.report;
    return rc;
}
