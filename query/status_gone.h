/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_QUERY_STATUS_GONE_H
#define PKV_QUERY_STATUS_GONE_H

#include "query/catalog.h"

/* How many segments of the catalog have no file any more; added to *gone. */
int pkv__status_count_gone(struct pkv__catalog *catalog, const char *directory, uint64_t *gone,
                           pkv_error *error);

#endif
