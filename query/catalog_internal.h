/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_QUERY_CATALOG_INTERNAL_H
#define PKV_QUERY_CATALOG_INTERNAL_H

#include <sqlite3.h>

#include "query/catalog.h"
#include "schema/database.h"

struct pkv__catalog {
    sqlite3 *db;
    struct pkv__database_work work; /* since begin */
};

/* Steps and answers 1 for a row, 0 behind the last. */
int pkv__catalog_step(struct pkv__catalog *catalog, sqlite3_stmt *statement, pkv_error *error);

#endif
