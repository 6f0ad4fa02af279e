/* SPDX-License-Identifier: BSD-2-Clause */
/* For those who write down what a segment index holds. */
#ifndef PKV_INDEXER_SEGMENT_INDEX_INTERNAL_H
#define PKV_INDEXER_SEGMENT_INDEX_INTERNAL_H

#include "archive/losses.h"
#include "archive/pcapng.h"
#include "indexer/flow_rows.h"
#include "indexer/segment_index.h"

struct pkv__index_block {
    int64_t offset;
    uint32_t stored_bytes, raw_bytes;
    uint64_t first_ordinal;
    uint32_t packets;
    int64_t first_ns, last_ns;
};

struct pkv__index_interface {
    struct pkv__interface description;
    uint64_t packets;
};

struct pkv__index_damage {
    int64_t offset;
    char *reason;
};

struct pkv__index_vni_name {
    uint32_t first, last;
    char *label;
};

struct pkv__segment_index {
    struct pkv__segment_name name;
    char stem[PKV__SEGMENT_STEM_TEXT];
    char uuid[37], sha256[65];
    char *origin; /* NULL: none */
    bool import, recovered, has_packets;
    int64_t end_ns; /* of the coverage; INT64_MIN until known */
    int64_t first_ns, last_ns;
    uint64_t packets, raw_bytes, blocks;
    int64_t stored_bytes;

    struct pkv__flow_rows *flows;
    struct pkv__losses *losses;
    uint64_t ports[65536 / 64]; /* inner and outer ports seen: a bit each */

    struct pkv__index_block *block; /* those with packets */
    size_t block_count, block_capacity;
    struct pkv__index_interface *interface_;
    size_t interface_count, interface_capacity;
    struct pkv__index_damage *damage; /* one an offset */
    size_t damage_count, damage_capacity;
    struct pkv__index_vni_name *vni_name;
    size_t vni_name_count, vni_name_capacity;
};

/* Start and end of the coverage. */
void pkv__segment_index_coverage(const struct pkv__segment_index *index, int64_t *start_ns,
                                 int64_t *end_ns);

/* Takes what the section header says. PKV_E_MEMORY. */
int pkv__segment_index_add_section(struct pkv__segment_index *index,
                                   const struct pkv__pcapng_block *block);

#endif
