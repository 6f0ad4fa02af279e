/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the flow table: keys, and the fragment trains that lead to flows. */
#ifndef PKV_FLOW_FLOW_INTERNAL_H
#define PKV_FLOW_FLOW_INTERNAL_H

#include "flow/flow.h"

enum {
    PKV__PROTOCOL_ICMP = 1,
    PKV__PROTOCOL_TCP = 6,
    PKV__PROTOCOL_UDP = 17,
    PKV__PROTOCOL_DCCP = 33,
    PKV__PROTOCOL_ICMP6 = 58,
    PKV__PROTOCOL_IP6_OPTIONS = 60,
    PKV__PROTOCOL_SCTP = 132,
    PKV__PROTOCOL_UDPLITE = 136
};

/* Whether flows of the IP protocol are told apart by ports. */
bool pkv__key_protocol_has_ports(uint8_t protocol);

/* The identity of the packet by its own headers, and the side that sent it. */
void pkv__key_make(struct pkv__flow_key *key, const struct pkv__facts *facts, unsigned *side);

/* The identity of the tunnel alone: kind, VNI, outer addresses. */
void pkv__key_set_tunnel(struct pkv__flow_key *key, const struct pkv__facts *facts);

static inline bool pkv__key_is_later_fragment(const struct pkv__layer *layer)
{
    return layer->fragment && !layer->first_fragment;
}

/* Fragment trains: which flow the first fragment of each belonged to. At most PKV__FRAGMENTS_MAX;
 * the oldest is forgotten first. */
struct pkv__fragments;

struct pkv__fragments *pkv__fragments_new(void); /* NULL: out of memory */
struct pkv__fragments *pkv__fragments_free(struct pkv__fragments *fragments);
void pkv__fragments_clear(struct pkv__fragments *fragments);
uint64_t pkv__fragments_bytes(const struct pkv__fragments *fragments);

/* Remembers that the first fragments of this packet, outer and inner, belong to `flow` and were
 * sent by `side`. */
void pkv__fragments_remember(struct pkv__fragments *fragments, const struct pkv__facts *facts,
                             int64_t time_ns, struct pkv__flow *flow, unsigned side);

/* The flow of a later fragment, or NULL. */
struct pkv__flow *pkv__fragments_find(const struct pkv__fragments *fragments,
                                      const struct pkv__facts *facts, int64_t time_ns,
                                      unsigned *side);

#endif
