/* SPDX-License-Identifier: BSD-2-Clause */
/* How many different flows there were: exact up to a limit of memory. Of a flow, 64 bits of a keyed
 * hash are kept; among a million of them the chance that two are alike is 1 in 30 million. */
#ifndef PKV_QUERY_FLOW_COUNT_H
#define PKV_QUERY_FLOW_COUNT_H

#include "flow/flow.h"

struct pkv__flow_count {
    uint64_t *slots; /* hashes; 0 is free */
    size_t slot_count, count;
    bool more; /* past the limit, or out of memory: there may be more than `count` */
};

void pkv__flow_count_add(struct pkv__flow_count *count, const struct pkv__flow_key *key);
void pkv__flow_count_deinit(struct pkv__flow_count *count);

#endif
