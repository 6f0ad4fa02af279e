/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/insert.h"

#include <string.h>

void pkv__insert_init(struct pkv__insert *insert, sqlite3 *db, const char *sql)
{
    *insert = (struct pkv__insert){.db = db};
    insert->rc = sqlite3_prepare_v3(db, sql, -1, 0, &insert->statement, NULL);
}

int pkv__insert_deinit(struct pkv__insert *insert, pkv_error *error)
{
    int rc = insert->rc == SQLITE_OK ? 0 : pkv__database_error(insert->db, insert->rc, error);
    (void)sqlite3_finalize(insert->statement);
    insert->statement = NULL;
    return rc;
}

static void keep(struct pkv__insert *insert, int rc)
{
    if (insert->rc == SQLITE_OK)
        insert->rc = rc;
}

void pkv__insert_integer(struct pkv__insert *insert, int64_t value)
{
    keep(insert, sqlite3_bind_int64(insert->statement, ++insert->column, value));
}

void pkv__insert_count(struct pkv__insert *insert, uint64_t value)
{
    pkv__insert_integer(insert, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void pkv__insert_null(struct pkv__insert *insert)
{
    keep(insert, sqlite3_bind_null(insert->statement, ++insert->column));
}

void pkv__insert_text(struct pkv__insert *insert, const char *text)
{
    keep(insert, sqlite3_bind_text(insert->statement, ++insert->column, text, -1, SQLITE_STATIC));
}

/* SQLite takes a null pointer for NULL, whatever the length. */
void pkv__insert_blob(struct pkv__insert *insert, const void *data, size_t length)
{
    keep(insert, sqlite3_bind_blob64(insert->statement, ++insert->column, data ? data : "", length,
                                     SQLITE_STATIC));
}

void pkv__insert_put(struct pkv__insert *insert)
{
    insert->column = 0;
    if (insert->rc != SQLITE_OK)
        return;
    int rc = sqlite3_step(insert->statement);
    keep(insert, rc == SQLITE_DONE ? SQLITE_OK : rc);
    keep(insert, sqlite3_reset(insert->statement));
}
