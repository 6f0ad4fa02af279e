/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_QUERY_CATALOG_INTERNAL_H
#define PKV_QUERY_CATALOG_INTERNAL_H

#include <sqlite3.h>

#include "query/catalog.h"

struct pkv__catalog {
    sqlite3 *db;
    /* Work since begin: a file whose pages are shared has rows without end. */
    int64_t instructions, fetched, work_max;
};

/* Steps and answers 1 for a row, 0 behind the last; PKV_E_FORMAT where answering takes more work
 * than the size of the file explains. */
int pkv__catalog_step(struct pkv__catalog *catalog, sqlite3_stmt *statement, pkv_error *error);

#endif
