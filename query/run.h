/* SPDX-License-Identifier: BSD-2-Clause */
/* The packets of one block that are asked for, decoded and in order of time and ordinal. */
#ifndef PKV_QUERY_RUN_H
#define PKV_QUERY_RUN_H

#include "query/plan.h"
#include "query/spill.h"

struct pkv__run_item {
    int64_t time_ns;
    uint64_t offset; /* of the pcapng block in `data`, or in the spill file */
    uint32_t length, entry;
};

struct pkv__run {
    struct pkv__plan *plan;
    struct pkv__run_item *items;
    size_t count, capacity, at;
    struct pkv__buffer data;
    struct pkv__spill *spill; /* where the data went; NULL: it is in memory */
    size_t held_bytes;
};

/* What a thread needs to load runs. */
struct pkv__run_scratch {
    struct pkv__buffer frame;
};

/* Reads block number `block` of the plan. Errors: PKV_E_FORMAT the block cannot be read (the text
 * says why), PKV_E_SYSTEM, PKV_E_MEMORY. */
int pkv__run_load(struct pkv__run **run, struct pkv__plan *plan, size_t block,
                  const struct pkv__plan_request *request, struct pkv__segment_reader *reader,
                  struct pkv__run_scratch *scratch, uint64_t *checked, pkv_error *error);

/* Moves the data out of memory; it comes back packet by packet. */
int pkv__run_spill(struct pkv__run *run, struct pkv__spill *spill, pkv_error *error);

/* The packet at the head: valid until the run advances. */
int pkv__run_packet(struct pkv__run *run, pkv_packet *packet, pkv_error *error);
struct pkv__run *pkv__run_free(struct pkv__run *run);

/* Completes what the packet's headers say by what its flow is known to be. */
void pkv__plan_facts(const struct pkv__plan *plan, const struct pkv__plan_entry *entry,
                     const pkv_packet *packet, struct pkv__facts *facts);

#endif
