/* SPDX-License-Identifier: BSD-2-Clause */
/* One segment on its way from the file into an index: its blocks, and the hash of its bytes, in one
 * pass. Sealed or still growing. One thread. */
#ifndef PKV_INDEXER_INTAKE_H
#define PKV_INDEXER_INTAKE_H

#include "indexer/segment_index.h"

struct pkv__intake;

/* Errors: PKV_E_NOT_FOUND (sealed or removed meanwhile), PKV_E_SYSTEM, PKV_E_MEMORY. */
int pkv__intake_open(struct pkv__intake **intake, const char *directory,
                     const struct pkv__segment_name *name, bool open, pkv_error *error);
/* A sealed segment, by one who may not write into the archive and looks at each block that can be
 * read before it is taken; a negative answer ends it. */
typedef int pkv__intake_look_fn(void *context, const struct pkv__raw_block *block);
int pkv__intake_open_to_look(struct pkv__intake **intake, const char *directory,
                             const struct pkv__segment_name *name, pkv__intake_look_fn *look,
                             void *context, pkv_error *error);

struct pkv__intake *pkv__intake_free(struct pkv__intake *intake); /* NULL is fine; returns NULL */

/* Takes at most `blocks` blocks. 1: there may be more; 0: no more for now. What cannot be read is
 * noted as damage; in a growing segment it is PKV_E_FORMAT: read it again once it is sealed.
 * PKV_E_SYSTEM, PKV_E_MEMORY. */
int pkv__intake_advance(struct pkv__intake *intake, unsigned blocks, pkv_error *error);

/* Takes a block of a segment that was opened while it grew, known from elsewhere, and those before
 * it. PKV_E_FORMAT: they cannot be read. PKV_E_SYSTEM, PKV_E_MEMORY. */
int pkv__intake_give(struct pkv__intake *intake, const struct pkv__raw_block *block,
                     pkv_error *error);

/* After 0 from a segment that is sealed by now: its end. PKV_E_FORMAT: opened while it grew, and it
 * did not end as it should: read it again. */
int pkv__intake_end(struct pkv__intake *intake, pkv_error *error);

struct pkv__segment_index *pkv__intake_index(struct pkv__intake *intake); /* owned by the intake */
const char *pkv__intake_sha256(const struct pkv__intake *intake);         /* after the end */

#endif
