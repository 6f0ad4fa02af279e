/* SPDX-License-Identifier: BSD-2-Clause */
/* Flows of one segment: which packets belong together. The indexer and a scan use the same table,
 * fed with the same packets from the start of the segment, so they agree. One thread. */
#ifndef PKV_FLOW_FLOW_H
#define PKV_FLOW_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/decode.h"

/* Identity: padding-free, zeroed, compared as bytes. Addresses in ascending order (address, then
 * port). */
struct pkv__flow_key {
    uint8_t tunnel; /* enum pkv__tunnel */
    uint8_t class_; /* enum pkv__class */
    uint8_t orphan; /* 1: has ports that are not known: fragments whose first was not seen, packets
                       cut before their ports */
    uint8_t protocol;                     /* IP protocol; 0 for the other classes */
    uint16_t ethertype;                   /* of PKV__CLASS_OTHER and of ARP; 0 for IP */
    uint8_t address_length, outer_length; /* 0, 4, 6, 16 */
    uint32_t vni;
    uint16_t port[2];
    uint8_t address[2][16];
    uint8_t outer[2][16];
    /* two outer addresses unordered: the lower first */
};

struct pkv__flow {
    struct pkv__flow_key key;
    uint32_t id;       /* 0, 1, … in order of the first packet */
    uint8_t initiator; /* index into key.address/port of who began it: SYN, or the target of
                          SYN+ACK, else first */
    bool has_ports;
    uint8_t tcp_flags[2]; /* seen from key side 0 and side 1 */
    bool has_icmp; /* type and code of the initiator's first ICMP packet: for the Community ID */
    uint8_t icmp_type, icmp_code;
    int64_t first_ns, last_ns;
    uint64_t packets[2], bytes[2]; /* inner frames (original bytes) sent by side 0 and side 1 */
    void *user;                    /* the caller's: the indexer's posting list; NULL at first */
};

struct pkv__flow_table;

int pkv__flow_table_new(struct pkv__flow_table **table);
struct pkv__flow_table *
pkv__flow_table_free(struct pkv__flow_table *table);       /* NULL is fine; returns NULL */
void pkv__flow_table_clear(struct pkv__flow_table *table); /* for the next segment; keeps memory */

/* Attributes a packet. *flow is valid until the next add; *side is the key side that sent it (0
 * where both sides are equal). A later fragment whose first was seen gets that one's flow, and its
 * ports are filled in: inner later fragments in facts->inner; for an outer later fragment, tunnel,
 * VNI and the whole inner layer's addresses, protocol and ports are set in *facts
 * (inner_captured_bytes 0, as its bytes are no frame). Errors: PKV_E_MEMORY. */
int pkv__flow_table_add(struct pkv__flow_table *table, struct pkv__facts *facts, int64_t time_ns,
                        struct pkv__flow **flow, unsigned *side);

/* Flows in order of id; NULL behind the last. */
struct pkv__flow *pkv__flow_table_at(const struct pkv__flow_table *table, uint32_t id);
uint32_t pkv__flow_table_count(const struct pkv__flow_table *table);
uint64_t pkv__flow_table_bytes(const struct pkv__flow_table *table); /* memory held */

/* Puts into the facts of a later fragment, inner or outer, what its flow's identity knows, as
 * pkv__flow_table_add does: for packets that are found through the index. `side` sent it. */
void pkv__flow_complete_facts(struct pkv__facts *facts, const struct pkv__flow_key *key,
                              bool has_ports, unsigned side);

/* Community ID v1 (https://github.com/corelight/community-id-spec), seed 0; "" where the flow has
 * none: not IP, or its ports are not known. `icmp`: as pkv__flow_icmp gives it. */
#define PKV__COMMUNITY_ID_TEXT 40
void pkv__flow_community_id(char text[PKV__COMMUNITY_ID_TEXT], const struct pkv__flow_key *key,
                            unsigned initiator, int icmp);

/* Type * 256 + code of the first ICMP or ICMPv6 packet that the initiator sent, or -1. */
static inline int pkv__flow_icmp(const struct pkv__flow *flow)
{
    return flow->has_icmp ? flow->icmp_type << 8 | flow->icmp_code : -1;
}

#endif
