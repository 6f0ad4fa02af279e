/* SPDX-License-Identifier: BSD-2-Clause */
/* https://www.sqlite.org/c3ref/vfs.html, https://www.sqlite.org/malloc.html#memory_allocation */
#include "tests/fault/inject_sqlite.h"

#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

static sqlite3_mem_methods real_memory;
static sqlite3_vfs *real_vfs;

static void *failing_malloc(int bytes)
{
    return inject_now(INJECT_SQLITE_MEMORY, "malloc") ? NULL : real_memory.xMalloc(bytes);
}

static void *failing_realloc(void *old, int bytes)
{
    return inject_now(INJECT_SQLITE_MEMORY, "realloc") ? NULL : real_memory.xRealloc(old, bytes);
}

/* A file of ours, with the real one behind it in the same memory. */
struct file {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct file *)(void *)file)->real;
}

#define FAIL(name, code)                                                                           \
    do {                                                                                           \
        if (inject_now(INJECT_SQLITE_FILES, name))                                                 \
            return code;                                                                           \
    } while (0)
#define REAL(file, method, ...) real_of(file)->pMethods->method(real_of(file), ##__VA_ARGS__)

static int file_close(sqlite3_file *file)
{
    return REAL(file, xClose);
}
static int file_read(sqlite3_file *file, void *data, int bytes, sqlite3_int64 offset)
{
    FAIL("read", SQLITE_IOERR_READ);
    return REAL(file, xRead, data, bytes, offset);
}
static int file_write(sqlite3_file *file, const void *data, int bytes, sqlite3_int64 offset)
{
    FAIL("write", SQLITE_FULL);
    return REAL(file, xWrite, data, bytes, offset);
}
static int file_truncate(sqlite3_file *file, sqlite3_int64 bytes)
{
    FAIL("truncate", SQLITE_IOERR_TRUNCATE);
    return REAL(file, xTruncate, bytes);
}
static int file_sync(sqlite3_file *file, int flags)
{
    FAIL("sync", SQLITE_IOERR_FSYNC);
    return REAL(file, xSync, flags);
}
static int file_size(sqlite3_file *file, sqlite3_int64 *bytes)
{
    FAIL("size", SQLITE_IOERR_FSTAT);
    return REAL(file, xFileSize, bytes);
}
static int file_lock(sqlite3_file *file, int level)
{
    FAIL("lock", SQLITE_IOERR_LOCK);
    return REAL(file, xLock, level);
}
static int file_unlock(sqlite3_file *file, int level)
{
    return REAL(file, xUnlock, level);
}
static int file_check_reserved_lock(sqlite3_file *file, int *held)
{
    FAIL("check lock", SQLITE_IOERR_CHECKRESERVEDLOCK);
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
    FAIL("shm map", SQLITE_IOERR_SHMMAP);
    return REAL(file, xShmMap, page, bytes, extend, memory);
}
static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    if (flags & SQLITE_SHM_LOCK)
        FAIL("shm lock", SQLITE_IOERR_SHMLOCK);
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

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *out_flags)
{
    struct file *made = (struct file *)(void *)file;
    (void)vfs;
    made->base.pMethods = NULL;
    made->real = (sqlite3_file *)(void *)(made + 1);
    FAIL("open", SQLITE_CANTOPEN);
    int rc = real_vfs->xOpen(real_vfs, name, made->real, flags, out_flags);
    if (made->real->pMethods)
        made->base.pMethods = &methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs;
    FAIL("delete", SQLITE_IOERR_DELETE);
    return real_vfs->xDelete(real_vfs, name, sync_directory);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *answer)
{
    (void)vfs;
    FAIL("access", SQLITE_IOERR_ACCESS);
    return real_vfs->xAccess(real_vfs, name, flags, answer);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int bytes, char *full)
{
    (void)vfs;
    FAIL("path", SQLITE_CANTOPEN);
    return real_vfs->xFullPathname(real_vfs, name, bytes, full);
}

void inject_sqlite_install(void)
{
    static sqlite3_vfs failing;
    sqlite3_mem_methods memory;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory) != SQLITE_OK)
        abort();
    memory = real_memory;
    memory.xMalloc = failing_malloc;
    memory.xRealloc = failing_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK)
        abort();
    real_vfs = sqlite3_vfs_find(NULL);
    if (!real_vfs)
        abort();
    failing = *real_vfs;
    failing.zName = "failing";
    failing.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    failing.pNext = NULL;
    failing.xOpen = vfs_open;
    failing.xDelete = vfs_delete;
    failing.xAccess = vfs_access;
    failing.xFullPathname = vfs_full_pathname;
    if (sqlite3_vfs_register(&failing, 1) != SQLITE_OK)
        abort();
}
