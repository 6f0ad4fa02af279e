/* SPDX-License-Identifier: BSD-2-Clause */
/* A temporary file that is written from front to back, then read. It has no name: nothing is left
 * of it after a crash. One thread. */
#ifndef PKV_INDEXER_SPILL_H
#define PKV_INDEXER_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include <pktvault/error.h>

struct pkv__spill;

int pkv__spill_new(struct pkv__spill **spill, const char *path, pkv_error *error);
struct pkv__spill *pkv__spill_free(struct pkv__spill *spill); /* NULL is fine; returns NULL */
int pkv__spill_put(struct pkv__spill *spill, const void *data, size_t length, pkv_error *error);
uint64_t
pkv__spill_bytes(const struct pkv__spill *spill); /* put so far: where the next will stand */
int pkv__spill_get(struct pkv__spill *spill, uint64_t offset, void *data, size_t length,
                   pkv_error *error);

#endif
