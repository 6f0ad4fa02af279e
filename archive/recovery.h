/* SPDX-License-Identifier: BSD-2-Clause */
/* Sealing what a dead writer left. */
#ifndef PKV_ARCHIVE_RECOVERY_H
#define PKV_ARCHIVE_RECOVERY_H

#include "archive/directory.h"

/* Locks the ".open" file, cuts it behind the last block that is whole and valid (a zero size word
 * means "nothing yet"), appends a block with an ISB per interface that says so (statistics of the
 * last one seen, `recovered`), the end mark, seals. A file without a section header is removed,
 * since nothing was stored in it. 0 sealed; 1 removed (PKV__RECOVERY_REMOVED); PKV_E_BUSY: its
 * writer lives, or another recovers it; PKV_E_NOT_FOUND: there is none (any more). */
enum { PKV__RECOVERY_REMOVED = 1 };
int pkv__recover(const char *directory, const struct pkv__segment_name *name, pkv_error *error);

#endif
