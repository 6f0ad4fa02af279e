/* SPDX-License-Identifier: BSD-2-Clause */
/* What a query has to read of one segment: which packets of which blocks. Made from the segment's
 * index, or by scanning the segment from its start; both give the same. */
#ifndef PKV_QUERY_PLAN_H
#define PKV_QUERY_PLAN_H

#include "archive/directory.h"
#include "archive/pcapng.h"
#include "archive/segment_reader.h"
#include "base/buffer.h"
#include "query/filter.h"
#include "query/flow_set.h"

/* A flow of the segment that has packets in the plan. */
struct pkv__plan_flow {
    struct pkv__flow_key key;
    uint8_t has_ports, initiator, syn; /* syn: a SYN was seen, so that the initiator is sure */
    uint8_t given;                     /* a packet of it was given */
    int icmp;                          /* as pkv__flow_icmp */
    int64_t first_ns;
};

/* The same as an index has it, with what all of its packets in the segment come to; by key side. */
struct pkv__flow_row {
    struct pkv__plan_flow flow;
    int64_t last_ns;
    uint64_t packets[2], bytes[2];
    uint8_t tcp_flags[2];
};

/* A packet that is asked for. */
struct pkv__plan_entry {
    uint32_t ordinal;
    uint32_t flow; /* number in `flows` times four, + 2: to be checked against the filter, + key
                      side that sent it */
};

struct pkv__plan_block {
    int64_t offset;
    uint32_t stored_bytes, first_ordinal, packets;
    int64_t first_ns, last_ns;
    uint32_t entry, entries; /* range of its entries */
};

struct pkv__plan {
    char *path;
    uint32_t segment; /* number in the query */
    /* The search before this one read blocks up to here, and gave what they have that is earlier
     * than the request's since_ns; of blocks behind, all from late_ns on is new. */
    int64_t known_bytes, late_ns;
    int64_t scanned_bytes; /* behind the last block that the scan could read */
    bool scanned, named;
    struct pkv__plan_block *blocks; /* those with entries, by time and then number */
    size_t block_count, block_capacity, next_block, next_ahead;
    struct pkv__plan_entry *entries; /* by ordinal */
    size_t entry_count, entry_capacity;
    struct pkv__plan_flow *flows;
    size_t flow_count, flow_capacity;
    struct pkv__interface *interfaces;
    uint32_t *interface_map; /* to the query's numbers; UINT32_MAX: not given yet */
    size_t interface_count, interface_capacity;
    struct pkv__vni_names names;
    unsigned runs; /* that hold packets of it */
};

/* Takes a flow as a whole; its row lasts until this returns. Non-zero stops. */
typedef int pkv__flow_row_fn(void *context, struct pkv__plan *plan,
                             const struct pkv__flow_row *row);

/* What to look for. */
struct pkv__plan_request {
    struct pkv__filter *filter;
    const struct pkv__flow_set
        *whole; /* where not NULL: all packets of these flows, and the filter is not asked */
    int64_t since_ns, until_ns;
    /* In place of since_ns for blocks that the search before this one did not read: where it read
     * nothing of the segment, and where it read some. */
    int64_t late_ns, begin_ns;
    /* Where not NULL: takes flows of an index that lie in the range and match, so that they need no
     * entries. An index that shows its damage
     * late has given some by then, unless it is read twice. */
    pkv__flow_row_fn *row;
    void *context;
    bool twice;
    const int *cancel;
};

/* Counts for the report. */
struct pkv__plan_counts {
    uint64_t flows_seen, flows_matched, blocks, packets_checked;
    uint64_t rows; /* given to the request's `row` */
};

/* Receives what a scan meets beside packets. Any may be NULL. */
struct pkv__scan_events {
    void *context;
    void (*statistics)(void *context, uint32_t interface_id,
                       const struct pkv__statistics *statistics);
    void (*damage)(void *context, const char *path, const pkv_error *error);
    void (*coverage)(void *context, int64_t first_ns, int64_t last_ns, bool import);
};

int pkv__plan_from_index(struct pkv__plan *plan, const char *index_path,
                         const struct pkv__plan_request *request, struct pkv__plan_counts *counts,
                         pkv_error *error);
int pkv__plan_from_scan(struct pkv__plan *plan, const struct pkv__plan_request *request,
                        const struct pkv__scan_events *events, struct pkv__plan_counts *counts,
                        pkv_error *error);

int pkv__plan_new(struct pkv__plan **plan, const char *path, uint32_t segment, pkv_error *error);
void pkv__plan_clear(struct pkv__plan *plan); /* keeps path, segment and what is known */
struct pkv__plan *pkv__plan_free(struct pkv__plan *plan); /* NULL is fine; returns NULL */

/* From when on packets of the block at an offset are wanted. */
int64_t pkv__plan_since(const struct pkv__plan *plan, const struct pkv__plan_request *request,
                        int64_t offset);

/* For the makers of plans. */
int pkv__plan_add_flow(struct pkv__plan *plan, struct pkv__plan_flow **flow);
int pkv__plan_add_entry(struct pkv__plan *plan, uint32_t ordinal, uint32_t flow);
int pkv__plan_add_block(struct pkv__plan *plan, const struct pkv__plan_block *block);
int pkv__plan_add_interface(struct pkv__plan *plan, const pkv_interface *view);
int pkv__plan_sort_entries(struct pkv__plan *plan);
void pkv__plan_sort_blocks(struct pkv__plan *plan);

int pkv__vni_names_add(struct pkv__vni_names *names, uint32_t first, uint32_t last,
                       const char *label, size_t length);
const char *pkv__vni_names_find(const struct pkv__vni_names *names, uint32_t vni);
void pkv__vni_names_deinit(struct pkv__vni_names *names);

#endif
