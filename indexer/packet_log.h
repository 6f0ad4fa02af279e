/* SPDX-License-Identifier: BSD-2-Clause */
/* Which flow each packet belongs to, in the order of the packets: four bytes a packet, nothing else
 * while they come. Sorted by flow at the end, it gives the posting lists. One thread. */
#ifndef PKV_INDEXER_PACKET_LOG_H
#define PKV_INDEXER_PACKET_LOG_H

#include <stdint.h>

#include "base/buffer.h"

struct pkv__packet_log;

int pkv__packet_log_new(struct pkv__packet_log **log);
struct pkv__packet_log *
pkv__packet_log_free(struct pkv__packet_log *log); /* NULL is fine; returns NULL */
void pkv__packet_log_clear(struct pkv__packet_log *log);

/* The next packet: flow below 2^31, side 0 or 1. PKV_E_MEMORY. */
int pkv__packet_log_add(struct pkv__packet_log *log, uint32_t flow, unsigned side);
uint32_t
pkv__packet_log_count(const struct pkv__packet_log *log); /* at most PKV__EPOCH_PACKETS_MAX */
uint64_t pkv__packet_log_bytes(const struct pkv__packet_log *log); /* memory held */

/* The packets by flow: those of flow f stand in entries[starts[f]] … entries[starts[f + 1] - 1],
 * ascending, as number of the packet in the log * 2 + side. */
struct pkv__packets_by_flow {
    uint32_t *starts, *entries;
};
int pkv__packet_log_sort(const struct pkv__packet_log *log, uint32_t flows,
                         struct pkv__packets_by_flow *sorted);
void pkv__packets_by_flow_deinit(struct pkv__packets_by_flow *sorted);

/* Appends the posting list of a flow as index.sql describes it. `first_ordinal`: of the log's first
 * packet. */
void pkv__packets_by_flow_encode(const struct pkv__packets_by_flow *sorted, uint32_t flow,
                                 uint64_t first_ordinal, unsigned initiator,
                                 struct pkv__buffer *list);

#endif
