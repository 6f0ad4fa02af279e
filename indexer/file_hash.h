/* SPDX-License-Identifier: BSD-2-Clause */
/* The SHA-256 of a file whose bytes mostly come by anyway; those that do not are read. One thread.
 */
#ifndef PKV_INDEXER_FILE_HASH_H
#define PKV_INDEXER_FILE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include <pktvault/error.h>

struct pkv__file_hash;

int pkv__file_hash_open(struct pkv__file_hash **hash, const char *path, pkv_error *error);
struct pkv__file_hash *
pkv__file_hash_free(struct pkv__file_hash *hash); /* NULL is fine; returns NULL */

/* Bytes of the file from `offset` on, not before what was added last. What lies between is read. */
int pkv__file_hash_add(struct pkv__file_hash *hash, int64_t offset, const void *data, size_t length,
                       pkv_error *error);

/* Reads the rest of the file. */
int pkv__file_hash_end(struct pkv__file_hash *hash, char hex[65], int64_t *file_bytes,
                       pkv_error *error);

#endif
