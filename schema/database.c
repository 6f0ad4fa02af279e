/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/database.h"

#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "schema/database_internal.h"
#include "schema/page_sum.h"

static const char *file_name(sqlite3 *db)
{
    const char *path = db ? sqlite3_db_filename(db, "main") : NULL;
    return path && *path ? path : "database";
}

/* Its file, or that of its WAL; NULL: there is none. */
static sqlite3_file *file_of(sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(db, "main", which, &file);
    return rc == SQLITE_OK && file && file->pMethods ? file : NULL;
}

/* Files of versions that had no sums begin with a page that reserves nothing. */
static bool is_without_sums(sqlite3 *db)
{
    uint8_t header[PKV__PAGE_HEADER_BYTES];
    sqlite3_file *file = file_of(db, SQLITE_FCNTL_FILE_POINTER);
    return file && file->pMethods->xRead(file, header, sizeof header, 0) == SQLITE_OK &&
           pkv__page_sum_page_bytes(header) && header[PKV__PAGE_RESERVED_AT] == 0;
}

static int page_error(sqlite3 *db, pkv_error *error)
{
    uint32_t page = pkv__page_sum_vfs_damaged(db);
    if (page == 1 && is_without_sums(db))
        return pkv__error(error, PKV_E_FORMAT, -1,
                          "%s is no database of this version, its pages have no sums: "
                          "pktvault index --rebuild makes it anew",
                          file_name(db));
    return pkv__error(error, PKV_E_FORMAT, -1, "%s: page %u is damaged", file_name(db), page);
}

int pkv__database_error(sqlite3 *db, int rc, pkv_error *error)
{
    if (db && rc == SQLITE_IOERR_DATA)
        return page_error(db, error);
    int primary = rc & 0xff;
    if (primary == SQLITE_NOMEM)
        return pkv__error_memory(error);
    /* Our SQL is right: what it lacks, or cannot hold, is the file's fault. */
    bool damaged = primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB ||
                   primary == SQLITE_ERROR || primary == SQLITE_TOOBIG;
    if (primary == SQLITE_INTERRUPT)
        return pkv__error(error, PKV_E_FORMAT, -1, "%s: there is more in it than its size explains",
                          file_name(db));
    bool latest = db && (sqlite3_extended_errcode(db) & 0xff) == primary;
    return pkv__error(error, damaged ? PKV_E_FORMAT : PKV_E_SYSTEM, -1, "%s: SQLite: %s",
                      file_name(db), latest ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

int pkv__database_prepare(sqlite3_stmt **statement, sqlite3 *db, const char *sql, pkv_error *error)
{
    sqlite3_stmt *made = NULL;
    int rc = sqlite3_prepare_v3(db, sql, -1, 0, &made, NULL);
    if (rc != SQLITE_OK)
        return pkv__database_error(db, rc, error);
    *statement = made;
    return 0;
}

int pkv__database_exec(sqlite3 *db, const char *sql, pkv_error *error)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : pkv__database_error(db, rc, error);
}

int pkv__database_integer(sqlite3 *db, const char *sql, int64_t *value, pkv_error *error)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = pkv__database_prepare(&statement, db, sql, error);
    if (rc < 0)
        return rc;
    rc = sqlite3_step(statement);
    if (rc != SQLITE_ROW)
        return pkv__database_error(db, rc, error);
    *value = sqlite3_column_int64(statement, 0);
    return 0;
}

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("/-_.~", c) != NULL);
}

/* An absolute path gets an empty authority, since "file://x/y" would name a host. */
static void put_uri(struct pkv__buffer *uri, const char *path, const char *parameters)
{
    pkv__buffer_printf(uri, "file:%s", *path == '/' ? "//" : "");
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;
        if (is_plain(c))
            pkv__buffer_u8(uri, c);
        else
            pkv__buffer_printf(uri, "%%%02X", c);
    }
    pkv__buffer_printf(uri, "?cache=private%s", parameters);
    pkv__buffer_u8(uri, 0);
}

static void limit(sqlite3 *db)
{
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, PKV__DATABASE_VALUE_MAX_BYTES);
    (void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
    (void)sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
}

static int64_t bytes_of(sqlite3 *db, int which)
{
    sqlite3_file *file = file_of(db, which);
    sqlite3_int64 bytes = 0;
    return file && file->pMethods->xFileSize(file, &bytes) == SQLITE_OK ? bytes : 0;
}

/* With its WAL. */
static int64_t database_bytes(sqlite3 *db)
{
    return bytes_of(db, SQLITE_FCNTL_FILE_POINTER) + bytes_of(db, SQLITE_FCNTL_JOURNAL_POINTER);
}

void pkv__database_limit(sqlite3 *db, int64_t at_least)
{
    int64_t bytes = database_bytes(db);
    if (bytes < at_least)
        bytes = at_least;
    if (bytes < PKV__DATABASE_VALUE_MAX_BYTES)
        (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, (int)bytes);
}

enum { INSTRUCTIONS_A_CHECK = 10000 };

/* Pages so far: a single instruction may follow a chain of them. */
static int64_t fetched(sqlite3 *db)
{
    int hits = 0, misses = 0, unused;
    (void)sqlite3_db_status(db, SQLITE_DBSTATUS_CACHE_HIT, &hits, &unused, 0);
    (void)sqlite3_db_status(db, SQLITE_DBSTATUS_CACHE_MISS, &misses, &unused, 0);
    return (int64_t)(uint32_t)hits + (uint32_t)misses;
}

static int is_too_much(void *context)
{
    struct pkv__database_work *work = context;
    work->instructions += INSTRUCTIONS_A_CHECK;
    return work->instructions + fetched(work->db) - work->fetched >
           PKV__DATABASE_WORK_MIN + PKV__DATABASE_WORK_A_BYTE * work->bytes;
}

void pkv__database_limit_work(struct pkv__database_work *work, sqlite3 *db)
{
    *work =
        (struct pkv__database_work){.db = db, .bytes = database_bytes(db), .fetched = fetched(db)};
    sqlite3_progress_handler(db, INSTRUCTIONS_A_CHECK, is_too_much, work);
}

/* https://www.sqlite.org/security.html, for files from strangers. */
static int harden(sqlite3 *db, bool reader, pkv_error *error)
{
    (void)sqlite3_extended_result_codes(db, 1);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    if (reader)
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    limit(db);
    return pkv__database_exec(db, "PRAGMA cell_size_check = ON", error);
}

/* SQLite would wait for the writer of a pipe that stands in the place of one of its files. It looks
 * at no other than the first where `immutable` is said. */
static int check_files(const char *path, bool alone, pkv_error *error)
{
    static const char *const others[] = {"-wal", "-shm", "-journal"};
    int rc = pkv__file_check_regular(path, error);
    for (size_t i = 0; rc == 0 && !alone && i < sizeof others / sizeof *others; i++) {
        PKV__AUTO_FREE char *other = pkv__printf("%s%s", path, others[i]);
        if (!other)
            return pkv__error_memory(error);
        pkv_error why;
        rc = pkv__file_check_regular(other, &why);
        if (rc == PKV_E_NOT_FOUND)
            rc = 0;
        else if (rc < 0 && error)
            *error = why;
    }
    return rc;
}

/* SQLite does not know the name of what it could not open. */
static int open_failed(sqlite3 *db, int rc, const char *path, pkv_error *error)
{
    int code = pkv__database_error(db, rc, error);
    if (code == PKV_E_MEMORY || !*path)
        return code;
    return pkv__error(error, code, -1, "cannot open %s: SQLite: %s", path, sqlite3_errstr(rc));
}

void pkv__database_reserve(sqlite3 *db)
{
    int bytes = PKV__PAGE_SUM_BYTES;
    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

static int open_uri(sqlite3 **db, const char *path, const char *uri, int flags)
{
    int rc = pkv__page_sum_vfs_register();
    if (rc != SQLITE_OK)
        return rc;
    return sqlite3_open_v2(uri, db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                           *path ? PKV__PAGE_SUM_VFS : NULL);
}

int pkv__database_open(sqlite3 **db, const char *path, const char *parameters, int flags,
                       pkv_error *error)
{
    int checked = *path ? check_files(path, strstr(parameters, "immutable=1"), error) : 0;
    if (checked < 0)
        return checked;
    struct pkv__buffer uri = {0};
    put_uri(&uri, path, parameters);
    if (uri.failed) {
        pkv__buffer_deinit(&uri);
        return pkv__error_memory(error);
    }
    PKV__AUTO_DATABASE sqlite3 *opened = NULL;
    int rc = open_uri(&opened, path, (const char *)uri.data, flags);
    pkv__buffer_deinit(&uri);
    if (rc != SQLITE_OK)
        return open_failed(opened, rc, path, error);
    rc = harden(opened, flags & SQLITE_OPEN_READONLY, error);
    if (rc < 0)
        return rc;
    *db = PKV__STEAL(opened);
    return 0;
}

int pkv__database_create_temporary(sqlite3 **db, const char *schema, pkv_error *error)
{
    PKV__AUTO_DATABASE sqlite3 *made = NULL;
    int rc = pkv__database_open(&made, "", "", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
    if (rc == 0)
        rc = pkv__database_exec(made,
                                "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; "
                                "PRAGMA cache_size = -16384",
                                error);
    if (rc == 0)
        rc = pkv__database_exec(made, schema, error);
    if (rc < 0)
        return rc;
    *db = PKV__STEAL(made);
    return 0;
}

int pkv__database_check(sqlite3 *db, const char *path, int application, int version,
                        pkv_error *error)
{
    int64_t id = 0, found = 0;
    int rc = pkv__database_integer(db, "PRAGMA application_id", &id, error);
    if (rc == 0)
        rc = pkv__database_integer(db, "PRAGMA user_version", &found, error);
    if (rc < 0)
        return rc;
    if (id != application)
        return pkv__error(error, PKV_E_FORMAT, -1,
                          "%s is not what its name says: its application id is %#llx", path,
                          (unsigned long long)id);
    if (found != version)
        return pkv__error(error, PKV_E_FORMAT, -1,
                          "%s has version %lld, this program reads version %d: "
                          "pktvault index --rebuild makes it anew",
                          path, (long long)found, version);
    return 0;
}

void pkv__database_close(sqlite3 *db)
{
    (void)sqlite3_close_v2(db);
}
