/* SPDX-License-Identifier: BSD-2-Clause */
/* A packet while it is decoded, and the steps of that: link layer, network, transport, tunnel. */
#ifndef PKV_PACKET_DECODE_INTERNAL_H
#define PKV_PACKET_DECODE_INTERNAL_H

#include "base/cursor.h"
#include "packet/decode.h"

enum {
    PKV__ETHERTYPE_IPV4 = 0x0800,
    PKV__ETHERTYPE_ARP = 0x0806,
    PKV__ETHERTYPE_ETHERNET = 0x6558, /* "transparent Ethernet bridging", of GENEVE */
    PKV__ETHERTYPE_RARP = 0x8035,
    PKV__ETHERTYPE_VLAN = 0x8100,
    PKV__ETHERTYPE_IPV6 = 0x86dd,
    PKV__ETHERTYPE_MPLS = 0x8847,
    PKV__ETHERTYPE_MPLS_UPSTREAM = 0x8848,
    PKV__ETHERTYPE_QINQ = 0x88a8,
    PKV__ETHERTYPE_NSH = 0x894f,
    PKV__ETHERTYPE_QINQ_OLD = 0x9100,
    PKV__ETHERTYPE_MIN = 0x0600 /* below: an 802.3 length */
};

struct pkv__decoding {
    struct pkv__facts *facts;
    const uint8_t *data;     /* offsets count from here */
    struct pkv__cursor rest; /* captured bytes of the layer at hand that were not read yet */
    uint64_t wire_end;       /* offset where that layer ends by its lengths, captured or not */
    uint64_t network_end;    /* the same of the IP packet last seen; 0: its length says nothing */
};

static inline uint32_t pkv__decoding_offset(const struct pkv__decoding *d)
{
    return (uint32_t)(d->rest.at - d->data);
}

/* A header ended before its fields did: that is the sender's doing only if nothing was cut off. */
static inline void pkv__decoding_cut(struct pkv__decoding *d)
{
    if (!d->facts->truncated)
        d->facts->malformed = true;
}

/* There is too little to say even who talks to whom. */
static inline void pkv__decoding_malformed(struct pkv__decoding *d, struct pkv__layer *layer)
{
    layer->class_ = PKV__CLASS_MALFORMED;
    d->facts->malformed = true;
}

/* Each reads its headers at d->rest into *layer and goes on to the next. */
void pkv__link_decode(struct pkv__decoding *d, struct pkv__layer *layer, uint16_t link_type);
void pkv__network_decode(struct pkv__decoding *d, struct pkv__layer *layer, uint16_t ethertype);
void pkv__transport_decode(struct pkv__decoding *d, struct pkv__layer *layer);

/* What a tunnel holds. */
struct pkv__payload {
    bool known;    /* false: the tunnel's header is cut or contradicts itself */
    bool ethernet; /* else by ethertype, without a link layer; 0: of no known type */
    uint16_t ethertype;
};

/* Whether the packet, decoded into facts->inner, opens a tunnel. Then tunnel and VNI are set, and
 * d->rest is its payload. */
bool pkv__tunnel_decode(struct pkv__decoding *d, struct pkv__payload *payload);

#endif
