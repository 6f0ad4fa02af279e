/* SPDX-License-Identifier: BSD-2-Clause */
/* SQLite databases of an archive: making, opening, versions. Files are opened as SQLite advises for
 * files from strangers: defensive, no trusted schema, no extensions, cell size checks; readers
 * read-only. Each of their pages has a sum (schema/page_sum.h), which is checked when it is read.
 */
#ifndef PKV_SCHEMA_DATABASE_H
#define PKV_SCHEMA_DATABASE_H

#include <stdbool.h>

#include <sqlite3.h>

#include <pktvault/error.h>

/* A new index at `path` (which must not exist): no journal, no sync, page size; the caller syncs
 * and renames. */
int pkv__index_create(sqlite3 **db, const char *path, int page_bytes, pkv_error *error);

/* An index, immutable and read-only. Errors: PKV_E_NOT_FOUND, PKV_E_FORMAT (damaged, another
 * version, not an index). */
int pkv__index_open(sqlite3 **db, const char *path, pkv_error *error);

/* The catalog for the indexer: made if need be, WAL, persistent. PKV_E_FORMAT: damaged or another
 * version: rebuild. */
int pkv__catalog_open(sqlite3 **db, const char *directory, pkv_error *error);

/* The catalog for readers, who may have no right to write. PKV_E_NOT_FOUND, PKV_E_FORMAT,
 * PKV_E_SYSTEM. */
int pkv__catalog_open_read(sqlite3 **db, const char *directory, pkv_error *error);

/* The empty tables of an index or a catalog in a temporary database, outside of the archive. */
int pkv__index_create_temporary(sqlite3 **db, pkv_error *error);
int pkv__catalog_create_temporary(sqlite3 **db, pkv_error *error);

/* How much a connection may still do: a file whose pages are shared has rows without end. */
struct pkv__database_work {
    sqlite3 *db;
    int64_t bytes; /* of the file, with its WAL */
    int64_t instructions, fetched;
};

/* From here on, what takes more instructions and pages than the size of the file explains ends with
 * PKV_E_FORMAT. (But count(*) is a single instruction.) `work` lives as long as the connection. */
void pkv__database_limit_work(struct pkv__database_work *work, sqlite3 *db);

void pkv__database_close(sqlite3 *db); /* NULL is fine */

/* sqlite3_prepare_v3 and sqlite3_exec with errors in our form ("FILE: SQLite: …"; PKV_E_FORMAT for
 * SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_ERROR (a table is missing), SQLITE_TOOBIG and
 * SQLITE_INTERRUPT (too much work), and for a page with a wrong sum, "FILE: page N is damaged";
 * PKV_E_MEMORY for SQLITE_NOMEM, else PKV_E_SYSTEM). */
int pkv__database_prepare(sqlite3_stmt **statement, sqlite3 *db, const char *sql, pkv_error *error);
int pkv__database_exec(sqlite3 *db, const char *sql, pkv_error *error);
int pkv__database_error(sqlite3 *db, int rc,
                        pkv_error *error); /* for a result of sqlite3_step and others */

static inline void pkv__statement_cleanup(sqlite3_stmt **statement)
{
    (void)sqlite3_finalize(*statement);
}
#define PKV__AUTO_STATEMENT __attribute__((cleanup(pkv__statement_cleanup)))

#endif
