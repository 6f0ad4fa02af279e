/* SPDX-License-Identifier: BSD-2-Clause */
/* Losses that no catalog and no scan of the range tells: those in the journals of lanes, which no
 * segment tells yet, and those that a segment tells which began after the range. */
#ifndef PKV_QUERY_UNTOLD_H
#define PKV_QUERY_UNTOLD_H

#include "query/missing.h"
#include "query/segments.h"

/* Of all lanes of the archive, but what pkv__untold_of_segment will add for a candidate; journals
 * that cannot be read are told as such. PKV_E_MEMORY, as below. */
int pkv__untold_of_lanes(const char *directory, uint32_t archive,
                         const struct pkv__segments *segments,
                         const struct pkv__segments_request *request,
                         struct pkv__missing_list *missing, pkv_error *error);

/* Of the journal, for an open segment whose statistics `losses` has. */
int pkv__untold_of_segment(const char *directory, const struct pkv__segment_name *name,
                           struct pkv__losses *losses, pkv_error *error);

/* Of the first block of a segment that has no packet of the range. */
int pkv__untold_of_head(const char *directory, const struct pkv__segment_file *file,
                        const struct pkv__segments_request *request,
                        struct pkv__missing_list *missing, pkv_error *error);

#endif
