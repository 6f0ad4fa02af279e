/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows into a table: bind the columns from left to right, then put. The first failure sticks. */
#ifndef PKV_INDEXER_INSERT_H
#define PKV_INDEXER_INSERT_H

#include <stddef.h>
#include <stdint.h>

#include "schema/database.h"

struct pkv__insert {
    sqlite3 *db;
    sqlite3_stmt *statement;
    int column;
    int rc; /* of SQLite */
};

void pkv__insert_init(struct pkv__insert *insert, sqlite3 *db, const char *sql);
int pkv__insert_deinit(struct pkv__insert *insert, pkv_error *error); /* what failed, or 0 */

void pkv__insert_integer(struct pkv__insert *insert, int64_t value);
void pkv__insert_count(struct pkv__insert *insert, uint64_t value); /* past INT64_MAX: that */
void pkv__insert_null(struct pkv__insert *insert);
/* Views that must last until the row is put. */
void pkv__insert_text(struct pkv__insert *insert, const char *text); /* NULL: NULL */
void pkv__insert_blob(struct pkv__insert *insert, const void *data, size_t length);
void pkv__insert_put(struct pkv__insert *insert);

#endif
