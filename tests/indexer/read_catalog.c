/* SPDX-License-Identifier: BSD-2-Clause */
/* read_catalog ARCHIVE: opens the catalog as readers do and prints the number of its segments. */
#include <stdio.h>

#include "schema/database.h"

int main(int argc, char **argv)
{
    sqlite3 *db;
    pkv_error error;
    sqlite3_stmt *statement;
    if (argc != 2)
        return 2;
    int rc = pkv__catalog_open_read(&db, argv[1], &error);
    if (rc == 0)
        rc = pkv__database_prepare(&statement, db, "SELECT count(*) FROM segment", &error);
    if (rc < 0) {
        (void)fprintf(stderr, "read_catalog: %d %s\n", rc, error.text);
        return 1;
    }
    rc = sqlite3_step(statement);
    (void)printf("%d\n", rc == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -rc);
    (void)sqlite3_finalize(statement);
    pkv__database_close(db);
    return rc != SQLITE_ROW;
}
