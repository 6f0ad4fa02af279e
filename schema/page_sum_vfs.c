/* SPDX-License-Identifier: BSD-2-Clause */
/* https://www.sqlite.org/c3ref/vfs.html, https://www.sqlite.org/c3ref/io_methods.html
 *
 * Only the main file of a database has sums. Frames of a write-ahead log have checksums of their
 * own, and come into the main file as pages; journals and temporary files are passed through. */
#include <stdatomic.h>
#include <string.h>

#include "schema/page_sum.h"

enum { PATH_BYTES = 512 }; /* that SQLite's own VFS for Unix takes */

struct file {
    sqlite3_file base;
    sqlite3_file *real;
    bool has_sums;
    int page_bytes;        /* 0: not known yet */
    uint32_t damaged;      /* page that was read last with a wrong sum */
    uint8_t *room;         /* for one page */
    sqlite3_int64 room_is; /* bytes */
};

static struct file *ours(sqlite3_file *file)
{
    return (struct file *)(void *)file;
}

#define REAL(file, method, ...) ours(file)->real->pMethods->method(ours(file)->real, ##__VA_ARGS__)

/* SQLite's copy of a page stays as it is. */
static uint8_t *room_for(struct file *file, int bytes)
{
    if (file->room_is < bytes) {
        sqlite3_free(file->room);
        file->room = sqlite3_malloc(bytes);
        file->room_is = file->room ? bytes : 0;
    }
    return file->room;
}

static int damaged(struct file *file, sqlite3_int64 offset)
{
    file->damaged = file->page_bytes ? (uint32_t)(offset / file->page_bytes) + 1 : 1;
    return SQLITE_IOERR_DATA;
}

/* The size is not checked before the page is: with a wrong one no sum fits. */
static int learn_page_bytes(struct file *file)
{
    uint8_t header[PKV__PAGE_HEADER_BYTES];
    if (file->page_bytes)
        return SQLITE_OK;
    int rc = REAL(&file->base, xRead, header, sizeof header, 0);
    if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
        return rc;
    file->page_bytes = (int)pkv__page_sum_page_bytes(header);
    return file->page_bytes ? SQLITE_OK : damaged(file, 0);
}

/* A page that is not there, or not all of it, is none that was written. */
static int read_page(struct file *file, uint8_t *page, sqlite3_int64 offset)
{
    int rc = REAL(&file->base, xRead, page, file->page_bytes, offset);
    if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
        return rc;
    uint32_t number = (uint32_t)(offset / file->page_bytes) + 1;
    if (!pkv__page_sum_fits(page, (size_t)file->page_bytes, number) ||
        (number == 1 && page[PKV__PAGE_RESERVED_AT] != PKV__PAGE_SUM_BYTES))
        return damaged(file, offset);
    return SQLITE_OK;
}

/* SQLite made with SQLITE_DIRECT_OVERFLOW_READ reads content past its cache. */
static int read_part(struct file *file, void *data, int bytes, sqlite3_int64 offset)
{
    int at = (int)(offset % file->page_bytes);
    if (bytes > file->page_bytes - at)
        return damaged(file, offset);
    uint8_t *page = room_for(file, file->page_bytes);
    if (!page)
        return SQLITE_IOERR_NOMEM;
    int rc = read_page(file, page, offset - at);
    if (rc == SQLITE_OK)
        memcpy(data, page + at, (size_t)bytes);
    return rc;
}

/* Of its header SQLite reads the page size, and whether the file has changed, before it reads the
 * first page as a page. */
static int file_read(sqlite3_file *base, void *data, int bytes, sqlite3_int64 offset)
{
    struct file *file = ours(base);
    if (!file->has_sums || offset + bytes <= PKV__PAGE_HEADER_BYTES)
        return REAL(base, xRead, data, bytes, offset);
    int rc = learn_page_bytes(file);
    if (rc != SQLITE_OK)
        return rc;
    if (bytes == file->page_bytes && offset % bytes == 0)
        return read_page(file, data, offset);
    return read_part(file, data, bytes, offset);
}

/* A file whose pages have no room for a sum would lose what stands there. */
static bool has_room(const uint8_t *page, int bytes, sqlite3_int64 offset)
{
    return bytes > PKV__PAGE_HEADER_BYTES && offset % bytes == 0 &&
           (offset || page[PKV__PAGE_RESERVED_AT] == PKV__PAGE_SUM_BYTES);
}

/* SQLite writes nothing to the main file but whole pages. */
static int file_write(sqlite3_file *base, const void *data, int bytes, sqlite3_int64 offset)
{
    struct file *file = ours(base);
    if (!file->has_sums)
        return REAL(base, xWrite, data, bytes, offset);
    if (!has_room(data, bytes, offset))
        return SQLITE_IOERR_WRITE;
    uint8_t *page = room_for(file, bytes);
    if (!page)
        return SQLITE_IOERR_NOMEM;
    memcpy(page, data, (size_t)bytes);
    pkv__page_sum_put(page, (size_t)bytes, (uint32_t)(offset / bytes) + 1);
    file->page_bytes = bytes;
    return REAL(base, xWrite, page, bytes, offset);
}

static int file_close(sqlite3_file *base)
{
    struct file *file = ours(base);
    int rc = REAL(base, xClose);
    sqlite3_free(file->room);
    sqlite3_free(file->real);
    return rc;
}

/* The rest is passed through. */

static int file_truncate(sqlite3_file *file, sqlite3_int64 bytes)
{
    return REAL(file, xTruncate, bytes);
}

static int file_sync(sqlite3_file *file, int flags)
{
    return REAL(file, xSync, flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *bytes)
{
    return REAL(file, xFileSize, bytes);
}

static int file_lock(sqlite3_file *file, int level)
{
    return REAL(file, xLock, level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return REAL(file, xUnlock, level);
}

static int file_check_reserved_lock(sqlite3_file *file, int *held)
{
    return REAL(file, xCheckReservedLock, held);
}

static int file_control(sqlite3_file *file, int what, void *argument)
{
    return REAL(file, xFileControl, what, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    return REAL(file, xSectorSize);
}

static int file_characteristics(sqlite3_file *file)
{
    return REAL(file, xDeviceCharacteristics);
}

static int file_shm_map(sqlite3_file *file, int page, int bytes, int extend, void volatile **memory)
{
    return REAL(file, xShmMap, page, bytes, extend, memory);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return REAL(file, xShmLock, offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    REAL(file, xShmBarrier);
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
    return REAL(file, xShmUnmap, remove);
}

/* Version 2: with shared memory, but without xFetch, which would give pages past xRead. */
#define METHODS(version)                                                                           \
    {                                                                                              \
        .iVersion = (version), .xClose = file_close, .xRead = file_read, .xWrite = file_write,     \
        .xTruncate = file_truncate, .xSync = file_sync, .xFileSize = file_size,                    \
        .xLock = file_lock, .xUnlock = file_unlock,                                                \
        .xCheckReservedLock = file_check_reserved_lock, .xFileControl = file_control,              \
        .xSectorSize = file_sector_size, .xDeviceCharacteristics = file_characteristics,           \
        .xShmMap = file_shm_map, .xShmLock = file_shm_lock, .xShmBarrier = file_shm_barrier,       \
        .xShmUnmap = file_shm_unmap                                                                \
    }

static const sqlite3_io_methods without_shm = METHODS(1), with_shm = METHODS(2);

static sqlite3_vfs *below(void)
{
    return sqlite3_vfs_find(NULL);
}

/* What xOpen leaves with methods is to be closed, also where it failed. */
static int open_real(struct file *file, sqlite3_vfs *vfs, const char *name, int flags,
                     int *out_flags)
{
    int rc = vfs->xOpen(vfs, name, file->real, flags, out_flags);
    if (rc != SQLITE_OK && file->real->pMethods)
        (void)REAL(&file->base, xClose);
    if (rc == SQLITE_OK)
        file->base.pMethods = file->real->pMethods->iVersion < 2 ? &without_shm : &with_shm;
    return rc;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                    int *out_flags)
{
    struct file *file = ours(base);
    memset(file, 0, sizeof *file);
    vfs = below();
    file->real = vfs ? sqlite3_malloc(vfs->szOsFile) : NULL;
    if (!file->real)
        return SQLITE_NOMEM;
    memset(file->real, 0, (size_t)vfs->szOsFile);
    file->has_sums = flags & SQLITE_OPEN_MAIN_DB;
    int rc = open_real(file, vfs, name, flags, out_flags);
    if (rc != SQLITE_OK)
        sqlite3_free(file->real);
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    vfs = below();
    return vfs->xDelete(vfs, name, sync_directory);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *answer)
{
    vfs = below();
    return vfs->xAccess(vfs, name, flags, answer);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int bytes, char *full)
{
    vfs = below();
    return vfs->xFullPathname(vfs, name, bytes <= vfs->mxPathname ? bytes : vfs->mxPathname + 1,
                              full);
}

static int vfs_randomness(sqlite3_vfs *vfs, int bytes, char *random)
{
    vfs = below();
    return vfs->xRandomness(vfs, bytes, random);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    vfs = below();
    return vfs->xSleep(vfs, microseconds);
}

static int vfs_current_time(sqlite3_vfs *vfs, double *julian_day)
{
    vfs = below();
    return vfs->xCurrentTime(vfs, julian_day);
}

static int vfs_last_error(sqlite3_vfs *vfs, int bytes, char *text)
{
    vfs = below();
    return vfs->xGetLastError ? vfs->xGetLastError(vfs, bytes, text) : 0;
}

/* Extensions are never loaded: it has no xDlOpen. */
static sqlite3_vfs page_sum_vfs = {
    .iVersion = 1,
    .szOsFile = sizeof(struct file),
    .mxPathname = PATH_BYTES,
    .zName = PKV__PAGE_SUM_VFS,
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_pathname,
    .xRandomness = vfs_randomness,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_current_time,
    .xGetLastError = vfs_last_error,
};

static atomic_bool is_registered;

/* Not by pthread_once: a failure for lack of memory is not for good. SQLite itself sees to threads,
 * and to what is registered twice. */
int pkv__page_sum_vfs_register(void)
{
    if (sqlite3_vfs_find(PKV__PAGE_SUM_VFS))
        return SQLITE_OK;
    int rc = sqlite3_vfs_register(&page_sum_vfs, 0);
    if (rc == SQLITE_OK)
        atomic_store(&is_registered, true);
    return rc;
}

/* SQLite may stay when the library is unloaded. */
__attribute__((destructor)) static void unregister(void)
{
    if (atomic_load(&is_registered))
        (void)sqlite3_vfs_unregister(&page_sum_vfs);
}

uint32_t pkv__page_sum_vfs_damaged(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || !file ||
        !file->pMethods || file->pMethods->xRead != file_read)
        return 0;
    return ours(file)->damaged;
}
