/* SPDX-License-Identifier: BSD-2-Clause */
/* What may be in a segment: the columns of the catalog's table `summary`. */
#ifndef PKV_INDEXER_INDEX_SUMMARY_H
#define PKV_INDEXER_INDEX_SUMMARY_H

#include "base/buffer.h"
#include "indexer/segment_index.h"

struct pkv__index_summary {
    struct pkv__buffer addresses, ports, vnis, link_types;
};

int pkv__index_summary_init(struct pkv__index_summary *summary,
                            const struct pkv__segment_index *index);
void pkv__index_summary_deinit(struct pkv__index_summary *summary);

#endif
