/* SPDX-License-Identifier: BSD-2-Clause */
/* A temporary file without a name, for packets that have to wait. */
#ifndef PKV_QUERY_SPILL_H
#define PKV_QUERY_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include <pktvault/error.h>

struct pkv__spill;

int pkv__spill_new(struct pkv__spill **spill, pkv_error *error);
/* Appends; *offset is where. */
int pkv__spill_write(struct pkv__spill *spill, const void *data, size_t length, uint64_t *offset,
                     pkv_error *error);
int pkv__spill_read(struct pkv__spill *spill, void *data, size_t length, uint64_t offset,
                    pkv_error *error);
struct pkv__spill *pkv__spill_free(struct pkv__spill *spill); /* NULL is fine; returns NULL */

#endif
