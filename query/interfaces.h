/* SPDX-License-Identifier: BSD-2-Clause */
/* Interfaces over all archives and segments, equal ones united; numbered as their first packets are
 * given. */
#ifndef PKV_QUERY_INTERFACES_H
#define PKV_QUERY_INTERFACES_H

#include "archive/pcapng.h"
#include "query/flow_set.h"
#include "query/plan.h"

struct pkv__interfaces {
    struct pkv__interface *items;
    size_t count, capacity;
    uint32_t *slots; /* of those that segments describe: number + 1; 0: free; at most half in use */
    size_t slots_count, united;
    struct pkv__flow_set tunnels; /* identities of which only the tunnel is set */
    uint32_t *tunnel_ids;         /* by number in `tunnels` */
    size_t tunnel_capacity;
};

/* The query's number of a segment's interface. */
int pkv__interfaces_of_plan(struct pkv__interfaces *interfaces, struct pkv__plan *plan,
                            uint32_t local, uint32_t *id, pkv_error *error);

/* The number of the Ethernet interface that stands for a tunnel, "vni 100 (web) 10.0.0.20". label
 * NULL: no name. */
int pkv__interfaces_of_tunnel(struct pkv__interfaces *interfaces, const struct pkv__flow_key *flow,
                              const struct pkv__facts *facts, const char *label, uint32_t *id,
                              pkv_error *error);

void pkv__interfaces_deinit(struct pkv__interfaces *interfaces);

#endif
