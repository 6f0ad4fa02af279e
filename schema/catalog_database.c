/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "schema/database.h"
#include "schema/database_internal.h"

/* A summary with some hundred addresses fits a page with its like: a page is a system call. */
#define PKV__CATALOG_PAGE_BYTES "16384"

static char *join(const char *directory, const char *name)
{
    return pkv__printf("%s/%s", directory, name);
}

/* Persistent: a reader without the right to write opens the catalog after a clean stop only where
 * -wal and -shm are still there. Readers leave the WAL alone also where they could write. */
static void keep_wal(sqlite3 *db)
{
    int on = 1;
    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
}

/* One that is there is not even opened: closing it would take away the locks that SQLite holds on
 * it in this process (POSIX). */
static int make_file(const char *path, pkv_error *error)
{
    int fd = pkv__file_open(path, O_RDWR | O_CREAT | O_EXCL, error);
    if (fd < 0)
        return fd == PKV_E_EXISTS ? 0 : fd;
    pkv__file_close(fd);
    return 0;
}

/* What is in the WAL of a catalog that is refused stays there: another version's has no room for
 * sums. */
static void checkpoint_on_close(sqlite3 *db, bool on)
{
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !on, NULL);
}

static int set_up(sqlite3 *db, pkv_error *error)
{
    (void)sqlite3_busy_timeout(db, PKV__CATALOG_WAIT_MS);
    keep_wal(db);
    checkpoint_on_close(db, false);
    pkv__database_reserve(db);
    return pkv__database_exec(db,
                              "PRAGMA page_size = " PKV__CATALOG_PAGE_BYTES
                              "; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 250; "
                              "PRAGMA synchronous = NORMAL; "
                              "PRAGMA journal_size_limit = 4194304",
                              error);
}

static int make_tables(sqlite3 *db, pkv_error *error)
{
    int64_t tables = 0, application = 0;
    int rc = pkv__database_integer(db, "SELECT count(*) FROM sqlite_schema", &tables, error);
    if (rc == 0)
        rc = pkv__database_integer(db, "PRAGMA application_id", &application, error);
    if (rc < 0 || tables || application)
        return rc;
    rc = pkv__database_exec(db, "BEGIN IMMEDIATE", error);
    if (rc == 0)
        rc = pkv__database_exec(db, pkv__catalog_sql, error);
    return rc < 0 ? rc : pkv__database_exec(db, "COMMIT", error);
}

int pkv__catalog_open(sqlite3 **db, const char *directory, pkv_error *error)
{
    PKV__AUTO_FREE char *path = join(directory, "catalog.sqlite");
    if (!path)
        return pkv__error_memory(error);
    int rc = make_file(path, error);
    if (rc < 0)
        return rc;
    PKV__AUTO_DATABASE sqlite3 *opened = NULL;
    rc = pkv__database_open(&opened, path, "", SQLITE_OPEN_READWRITE, error);
    if (rc == 0)
        rc = set_up(opened, error);
    if (rc == 0)
        rc = make_tables(opened, error);
    if (rc == 0)
        rc = pkv__database_check(opened, path, PKV__CATALOG_APPLICATION, PKV__CATALOG_VERSION,
                                 error);
    if (rc < 0)
        return rc;
    checkpoint_on_close(opened, true);
    *db = PKV__STEAL(opened);
    return 0;
}

int pkv__catalog_create_temporary(sqlite3 **db, pkv_error *error)
{
    return pkv__database_create_temporary(db, pkv__catalog_sql, error);
}

static int open_shared(sqlite3 **db, const char *path, const char *parameters, pkv_error *error)
{
    PKV__AUTO_DATABASE sqlite3 *opened = NULL;
    int rc = pkv__database_open(&opened, path, parameters, SQLITE_OPEN_READONLY, error);
    if (rc < 0)
        return rc;
    pkv__database_limit(opened, PKV__CATALOG_VALUE_BYTES);
    (void)sqlite3_busy_timeout(opened, PKV__CATALOG_WAIT_MS);
    checkpoint_on_close(opened, false);
    keep_wal(opened);
    rc = pkv__database_check(opened, path, PKV__CATALOG_APPLICATION, PKV__CATALOG_VERSION, error);
    if (rc < 0)
        return rc;
    *db = PKV__STEAL(opened);
    return 0;
}

static bool is_empty_or_missing(const char *path)
{
    PKV__AUTO_CLOSE int fd = pkv__file_open(path, O_RDONLY, NULL);
    return fd >= 0 ? pkv__file_size(fd, path, NULL) == 0 : !pkv__file_exists(path);
}

/* Whether the file alone is the whole catalog: no indexer runs, and none died with changes in the
 * WAL. */
static bool is_at_rest(const char *directory, const char *path)
{
    PKV__AUTO_FREE char *lock = join(directory, "locks/indexer");
    PKV__AUTO_FREE char *wal = pkv__printf("%s-wal", path);
    return lock && wal && !pkv__file_is_locked(lock) && is_empty_or_missing(wal);
}

int pkv__catalog_open_read(sqlite3 **db, const char *directory, pkv_error *error)
{
    PKV__AUTO_FREE char *path = join(directory, "catalog.sqlite");
    if (!path)
        return pkv__error_memory(error);
    if (!pkv__file_exists(path))
        return pkv__error(error, PKV_E_NOT_FOUND, -1, "no catalog %s: pktvault index makes it",
                          path);
    int rc = open_shared(db, path, "", error);
    if (rc == PKV_E_SYSTEM && is_at_rest(directory, path))
        rc = open_shared(db, path, "&immutable=1", error);
    return rc;
}
