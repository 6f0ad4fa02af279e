/* SPDX-License-Identifier: BSD-2-Clause */
/* The flows of a segment as rows of its index, with their posting lists. Those at hand are in the
 * flow table; past the limits of an epoch they go to a temporary file, so that memory stays
 * bounded. One thread. */
#ifndef PKV_INDEXER_FLOW_ROWS_H
#define PKV_INDEXER_FLOW_ROWS_H

#include <pktvault/error.h>

#include "flow/flow.h"

#include "base/buffer.h"

struct pkv__flow_row {
    int64_t first_ns, duration_ns;
    uint64_t packets[2], bytes[2]; /* 0: sent by the initiator */
    uint32_t hosts[2];             /* numbers in pkv__flow_rows_hosts */
    uint32_t tunnel;               /* 0: none, else number in pkv__flow_rows_tunnels + 1 */
    int32_t protocol;              /* as in index.sql */
    uint16_t ports[2];
    uint8_t tcp_flags[2];
    bool has_ports, orphan;
    int32_t icmp; /* as pkv__flow_icmp */
};

/* An end of a flow; all bytes count. */
struct pkv__flow_host {
    uint8_t length, bytes[16];
};

/* What carried flows; all bytes count. */
struct pkv__flow_tunnel {
    uint32_t vni;
    uint8_t kind, outer_length, outer[2][16], pad[2];
};

struct pkv__flow_rows;

/* spill_path: where a temporary file may be made; NULL: as pkv__scratch_new. */
int pkv__flow_rows_new(struct pkv__flow_rows **rows, const char *spill_path);
struct pkv__flow_rows *
pkv__flow_rows_free(struct pkv__flow_rows *rows); /* NULL is fine; returns NULL */

/* Other limits of an epoch than those of base/limits.h. Before the first packet. */
void pkv__flow_rows_limit(struct pkv__flow_rows *rows, uint32_t flows, uint32_t packets);

/* The next packet; completes its facts as pkv__flow_table_add does. PKV_E_MEMORY, PKV_E_SYSTEM. */
int pkv__flow_rows_add(struct pkv__flow_rows *rows, struct pkv__facts *facts, int64_t time_ns,
                       pkv_error *error);

/* After the last packet, before anything below. PKV_E_SYSTEM, PKV_E_MEMORY. */
int pkv__flow_rows_finish(struct pkv__flow_rows *rows, pkv_error *error);

uint32_t pkv__flow_rows_count(const struct pkv__flow_rows *rows);
uint64_t pkv__flow_rows_bytes(const struct pkv__flow_rows *rows); /* memory held */
uint32_t pkv__flow_rows_hosts(const struct pkv__flow_rows *rows);
uint32_t pkv__flow_rows_tunnels(const struct pkv__flow_rows *rows);
const struct pkv__flow_host *pkv__flow_rows_host(const struct pkv__flow_rows *rows,
                                                 uint32_t number);
const struct pkv__flow_tunnel *pkv__flow_rows_tunnel(const struct pkv__flow_rows *rows,
                                                     uint32_t number);
/* Hosts at both key sides of flow `id`. */
const uint32_t *pkv__flow_rows_ends(const struct pkv__flow_rows *rows, uint32_t id);

/* Calls `flow` for every flow with its posting list, in order of id; a negative answer ends it. */
typedef int pkv__flow_row_fn(void *context, uint32_t id, const struct pkv__flow_row *row,
                             const struct pkv__buffer *list);
int pkv__flow_rows_each(const struct pkv__flow_rows *rows, pkv__flow_row_fn *flow, void *context,
                        pkv_error *error);

#endif
