/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the index file of a segment (schema/index.sql): sorted, in one go, under another name
 * until it is whole and on the disk. An index that is there is replaced. */
#ifndef PKV_INDEXER_INDEX_WRITER_H
#define PKV_INDEXER_INDEX_WRITER_H

#include "indexer/segment_index.h"
#include "schema/database.h"

/* After pkv__segment_index_end. Errors: PKV_E_SYSTEM, PKV_E_MEMORY; nothing but a file that is no
 * index is left behind. */
int pkv__index_write(const struct pkv__segment_index *index, const char *directory,
                     pkv_error *error);

/* Its rows alone, into the tables of an index that are empty. */
int pkv__index_put(const struct pkv__segment_index *index, sqlite3 *db, pkv_error *error);

#endif
