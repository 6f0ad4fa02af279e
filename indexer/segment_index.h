/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of one segment, gathered block by block, in the order of the file; then written by
 * index_writer and catalog. One thread. */
#ifndef PKV_INDEXER_SEGMENT_INDEX_H
#define PKV_INDEXER_SEGMENT_INDEX_H

#include "archive/segment_reader.h"

struct pkv__segment_index;

/* `directory`: the archive, where temporary files may be made; NULL: outside of it. PKV_E_MEMORY.
 */
int pkv__segment_index_new(struct pkv__segment_index **index, const char *directory,
                           const struct pkv__segment_name *name);
struct pkv__segment_index *
pkv__segment_index_free(struct pkv__segment_index *index); /* NULL is fine; returns NULL */

/* Takes the next raw block. What cannot be understood is damage, no error. PKV_E_MEMORY,
 * PKV_E_SYSTEM. */
int pkv__segment_index_add(struct pkv__segment_index *index, const struct pkv__raw_block *block,
                           pkv_error *error);

/* Notes a part of the segment file that cannot be read. `offset` -1: the whole. */
int pkv__segment_index_add_damage(struct pkv__segment_index *index, int64_t offset,
                                  const char *reason);

/* All blocks have been taken; the file has `stored_bytes` and this SHA-256. PKV_E_MEMORY,
 * PKV_E_SYSTEM. */
int pkv__segment_index_end(struct pkv__segment_index *index, int64_t stored_bytes,
                           const char sha256[65], pkv_error *error);

const struct pkv__segment_name *pkv__segment_index_name(const struct pkv__segment_index *index);
uint64_t pkv__segment_index_packets(const struct pkv__segment_index *index);
uint64_t pkv__segment_index_flows(const struct pkv__segment_index *index);
uint64_t pkv__segment_index_bytes(const struct pkv__segment_index *index); /* memory held */
bool pkv__segment_index_is_damaged(const struct pkv__segment_index *index);

#endif
