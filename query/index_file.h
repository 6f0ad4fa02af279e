/* SPDX-License-Identifier: BSD-2-Clause */
/* Look-ups in the index file of one segment. */
#ifndef PKV_QUERY_INDEX_FILE_H
#define PKV_QUERY_INDEX_FILE_H

#include <sqlite3.h>

#include "query/plan.h"
#include "schema/database.h"

struct pkv__index_tunnel {
    uint8_t kind, outer_length;
    uint32_t vni;
    uint8_t outer[2][16];
};

struct pkv__index_file {
    sqlite3 *db;
    struct pkv__database_work work;
    sqlite3_stmt *host, *host_flows, *flow, *posting,
        *block;                        /* by id; prepared with the first use */
    struct pkv__index_tunnel *tunnels; /* by id */
    size_t tunnel_count, tunnel_capacity;
    struct pkv__address *hosts; /* where all were read */
    int64_t host_count, block_count, flow_count;
    int64_t base_ns; /* that the times of blocks and flows count from */
    pkv_error *error;
};

int pkv__index_file_open(struct pkv__index_file *file, const char *path, pkv_error *error);
void pkv__index_file_close(struct pkv__index_file *file);

/* Ids of hosts whose address lies in [low, high] of this length: *first to *last (exclusive). */
int pkv__index_file_hosts(struct pkv__index_file *file, const uint8_t *low, const uint8_t *high,
                          uint8_t length, int64_t *first, int64_t *last);
/* Appends the flows of a host. */
int pkv__index_file_flows_of(struct pkv__index_file *file, int64_t host, struct pkv__id_set *set);

/* Calls `take` for the flows of a set, but those of which it is easily seen that they have no
 * packet in [since, until). Non-zero stops. */
typedef int pkv__index_flow_fn(void *context, uint32_t id, const struct pkv__flow_row *row);
int pkv__index_file_flows(struct pkv__index_file *file, const struct pkv__id_set *set,
                          pkv__index_flow_fn *take, void *context);

/* Calls `packet` with the ordinals of a flow and whether its initiator sent it. */
typedef int pkv__index_packet_fn(void *context, uint32_t ordinal, bool by_responder);
int pkv__index_file_posting(struct pkv__index_file *file, uint32_t flow,
                            pkv__index_packet_fn *packet, void *context);

/* Block number `id`. */
int pkv__index_file_block(struct pkv__index_file *file, int64_t id, struct pkv__plan_block *block);
/* All of them in order. */
typedef int pkv__index_block_fn(void *context, const struct pkv__plan_block *block);
int pkv__index_file_blocks(struct pkv__index_file *file, pkv__index_block_fn *row, void *context);

int pkv__index_file_interfaces(struct pkv__index_file *file, struct pkv__plan *plan);

#endif
