/* SPDX-License-Identifier: BSD-2-Clause */
/* The indexer's hand on catalog.sqlite (schema/catalog.sql): the only one that writes. One thread.
 */
#ifndef PKV_INDEXER_CATALOG_H
#define PKV_INDEXER_CATALOG_H

#include "indexer/segment_index.h"
#include "schema/database.h"

struct pkv__catalog;

/* Opens; makes it where there is none, and anew where it is damaged or of another version (*anew,
 * with the reason in *error). PKV_E_SYSTEM, PKV_E_MEMORY. */
int pkv__catalog_new(struct pkv__catalog **catalog, const char *directory, bool *anew,
                     pkv_error *error);
struct pkv__catalog *
pkv__catalog_free(struct pkv__catalog *catalog); /* NULL is fine; returns NULL */

/* Deletes the catalog's files. */
int pkv__catalog_forget(const char *directory, pkv_error *error);

/* All that the catalog says of a segment, in one transaction, in place of what it said before. */
int pkv__catalog_put(struct pkv__catalog *catalog, const struct pkv__segment_index *index,
                     pkv_error *error);
/* The same within a transaction of the caller. */
int pkv__catalog_put_rows(sqlite3 *db, const struct pkv__segment_index *index, pkv_error *error);
int pkv__catalog_remove(struct pkv__catalog *catalog, const struct pkv__segment_name *name,
                        pkv_error *error);

/* Calls `segment` with each segment of the catalog; a negative answer ends it. */
typedef int pkv__catalog_fn(void *context, const struct pkv__segment_name *name);
int pkv__catalog_each(struct pkv__catalog *catalog, pkv__catalog_fn *segment, void *context,
                      pkv_error *error);

/* Somebody has deleted or replaced the file. */
bool pkv__catalog_is_gone(const struct pkv__catalog *catalog);

#endif
