/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <stdio.h>

#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "schema/database.h"
#include "schema/database_internal.h"

/* SQLite would make the file with other permissions than the rest of the archive has. */
static int make_file(const char *path, pkv_error *error)
{
    int fd = pkv__file_open(path, O_RDWR | O_CREAT | O_EXCL, error);
    if (fd < 0)
        return fd;
    pkv__file_close(fd);
    return 0;
}

int pkv__index_create(sqlite3 **db, const char *path, int page_bytes, pkv_error *error)
{
    char pragmas[200];
    (void)snprintf(pragmas, sizeof pragmas,
                   "PRAGMA page_size = %d; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
                   "PRAGMA locking_mode = EXCLUSIVE",
                   page_bytes);
    int rc = make_file(path, error);
    if (rc < 0)
        return rc;
    PKV__AUTO_DATABASE sqlite3 *made = NULL;
    rc = pkv__database_open(&made, path, "", SQLITE_OPEN_READWRITE, error);
    if (rc == 0) /* SQLite refuses to switch the journal off for a defensive connection */
        (void)sqlite3_db_config(made, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    if (rc == 0)
        pkv__database_reserve(made);
    if (rc == 0)
        rc = pkv__database_exec(made, pragmas, error);
    if (rc == 0)
        rc = pkv__database_exec(made, pkv__index_sql, error);
    if (rc < 0)
        return rc;
    *db = PKV__STEAL(made);
    return 0;
}

int pkv__index_create_temporary(sqlite3 **db, pkv_error *error)
{
    return pkv__database_create_temporary(db, pkv__index_sql, error);
}

int pkv__index_open(sqlite3 **db, const char *path, pkv_error *error)
{
    if (pkv__file_is_gone(path))
        return pkv__error(error, PKV_E_NOT_FOUND, -1, "no index %s", path);
    PKV__AUTO_DATABASE sqlite3 *opened = NULL;
    int rc = pkv__database_open(&opened, path, "&immutable=1", SQLITE_OPEN_READONLY, error);
    if (rc < 0)
        return rc;
    pkv__database_limit(opened, PKV__INDEX_VALUE_BYTES);
    rc = pkv__database_check(opened, path, PKV__INDEX_APPLICATION, PKV__INDEX_VERSION, error);
    if (rc < 0)
        return rc;
    *db = PKV__STEAL(opened);
    return 0;
}
