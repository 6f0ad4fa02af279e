/* SPDX-License-Identifier: BSD-2-Clause */
/* What the databases of an archive have in common. */
#ifndef PKV_SCHEMA_DATABASE_INTERNAL_H
#define PKV_SCHEMA_DATABASE_INTERNAL_H

#include "schema/database.h"

extern const char pkv__catalog_sql[], pkv__index_sql[];

#define PKV__CATALOG_APPLICATION 0x504b5643
#define PKV__INDEX_APPLICATION 0x504b5649
/* Who raises that of the index raises this: with a new catalog every index is made anew. */
#define PKV__CATALOG_VERSION 4
#define PKV__INDEX_VERSION 3

/* Opens the file through a URI ("" or "&immutable=1" appended to its parameters) with SQLITE_OPEN_…
 * flags, and hardens the connection. Pages of a file with a name have sums (page_sum.h). */
int pkv__database_open(sqlite3 **db, const char *path, const char *parameters, int flags,
                       pkv_error *error);

/* Before the first page of a new file is written: room for the sums. */
void pkv__database_reserve(sqlite3 *db);

/* No value is longer than the file, or than `at_least`: a schema from a stranger may have columns
 * that are computed, hundreds of megabytes a row out of nothing. */
void pkv__database_limit(sqlite3 *db, int64_t at_least);

/* A database without a name: in memory, and in a temporary file of SQLite's where it grows. */
int pkv__database_create_temporary(sqlite3 **db, const char *schema, pkv_error *error);

/* PKV_E_FORMAT unless the file says that it is ours, of this version. */
int pkv__database_check(sqlite3 *db, const char *path, int application, int version,
                        pkv_error *error);

/* The first column of the first row of a statement. */
int pkv__database_integer(sqlite3 *db, const char *sql, int64_t *value, pkv_error *error);

static inline void pkv__database_cleanup(sqlite3 **db)
{
    pkv__database_close(*db);
}
#define PKV__AUTO_DATABASE __attribute__((cleanup(pkv__database_cleanup)))

#endif
