/* SPDX-License-Identifier: BSD-2-Clause */
/* A temporary file that is written from front to back, then read. It has no name: nothing is left
 * of it after a crash. One thread. */
#ifndef PKV_INDEXER_SCRATCH_FILE_H
#define PKV_INDEXER_SCRATCH_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <pktvault/error.h>

struct pkv__scratch;

/* path NULL: not in the archive, but where the system keeps temporary files. */
int pkv__scratch_new(struct pkv__scratch **scratch, const char *path, pkv_error *error);
struct pkv__scratch *
pkv__scratch_free(struct pkv__scratch *scratch); /* NULL is fine; returns NULL */
int pkv__scratch_put(struct pkv__scratch *scratch, const void *data, size_t length,
                     pkv_error *error);
uint64_t
pkv__scratch_bytes(const struct pkv__scratch *scratch); /* put so far: where the next will stand */
int pkv__scratch_get(struct pkv__scratch *scratch, uint64_t offset, void *data, size_t length,
                     pkv_error *error);

#endif
