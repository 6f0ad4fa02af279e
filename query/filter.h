/* SPDX-License-Identifier: BSD-2-Clause */
/* A compiled filter expression: pcap-filter(7) on the inner packet, with terms of our own. A filter
 * does not change once it is made, but for programs of libpcap that are compiled when a link type
 * is first met; those are guarded, so several threads may use one filter. */
#ifndef PKV_QUERY_FILTER_H
#define PKV_QUERY_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include <pktvault/packet.h>

#include "base/buffer.h"
#include "flow/flow.h"

struct pkv__filter;

/* A name of VNIs as an archive knows it. */
struct pkv__vni_name {
    uint32_t first, last;
    char label[33];
};

struct pkv__vni_names {
    struct pkv__vni_name *names;
    size_t count, capacity;
    const pkv_error *unread; /* why there may be more; NULL: these are all */
};

/* Fetches the names when an expression uses one. 0 or an error. */
typedef int pkv__vni_names_fn(void *context, const struct pkv__vni_names **names, pkv_error *error);

/* text NULL or "": everything. exact: tcpdump's meaning. Errors: PKV_E_SYNTAX (offset: of the
 * character, from 0; the text counts columns from 1), PKV_E_LIMIT, PKV_E_MEMORY. */
int pkv__filter_new(struct pkv__filter **filter, const char *text, bool exact,
                    pkv__vni_names_fn *names, void *context, pkv_error *error);
struct pkv__filter *pkv__filter_free(struct pkv__filter *filter); /* NULL is fine; returns NULL */

bool pkv__filter_is_everything(const struct pkv__filter *filter);

/* A packet to be judged. `flow` is that which it belongs to; scratch is the thread's own. */
struct pkv__subject {
    const struct pkv__facts *facts;
    const pkv_packet *packet;
    uint16_t link_type;
    const struct pkv__flow_key *flow;
    unsigned initiator;
    int icmp; /* as pkv__flow_icmp */
    struct pkv__buffer *scratch;
};

bool pkv__filter_match(struct pkv__filter *filter, const struct pkv__subject *subject);

enum pkv__truth { PKV__NO = 0, PKV__MAYBE = 1, PKV__YES = 2 };

/* Whether the packets of a flow match: yes and no hold for each of them. */
enum pkv__truth pkv__filter_flow(struct pkv__filter *filter, const struct pkv__flow_key *key,
                                 bool has_ports, unsigned initiator, int icmp);

/* What the catalog says of a segment; NULL views: not known. */
struct pkv__segment_summary {
    const uint8_t *addresses, *ports, *vnis;
    size_t addresses_length, ports_length, vnis_length;
};

/* What of it can rule a segment out. */
enum { PKV__SUMMARY_ADDRESSES = 1, PKV__SUMMARY_PORTS = 2, PKV__SUMMARY_VNIS = 4 };
unsigned pkv__filter_summaries(const struct pkv__filter *filter);

/* False: no packet of the segment can match. */
bool pkv__filter_segment(const struct pkv__filter *filter,
                         const struct pkv__segment_summary *summary);

/* A set of flows: flow ids, ascending; all: no bound is known. */
struct pkv__id_set {
    uint32_t *ids;
    size_t count, capacity;
    bool all;
};
void pkv__id_set_deinit(struct pkv__id_set *set);

/* Fills in the flows of which an end is an address in [address & mask]. A set with `all`: too many
 * to be worth it. */
typedef int pkv__flows_of_fn(void *context, const struct pkv__address *address, const uint8_t *mask,
                             struct pkv__id_set *set, pkv_error *error);

/* The flows that can match, by the addresses that the expression makes necessary. */
int pkv__filter_candidates(const struct pkv__filter *filter, pkv__flows_of_fn *flows_of,
                           void *context, struct pkv__id_set *set, pkv_error *error);

#endif
