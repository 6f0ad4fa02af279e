/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes in, facts out: what a packet is, without I/O, allocation or state.
 *
 * VXLAN: RFC 7348; VXLAN-GPE: draft-ietf-nvo3-vxlan-gpe; NSH: RFC 8300; GENEVE: RFC 8926;
 * 802.1Q/ad; IPv4: RFC 791; IPv6 and its extension headers: RFC 8200, RFC 6564; AH: RFC 4302; MPLS:
 * RFC 3032; TCP: RFC 9293; ICMP: RFC 792; ICMPv6: RFC 4443; SCTP: RFC 9260; ARP: RFC 826;
 * LINKTYPE_: tcpdump.org. */
#ifndef PKV_PACKET_DECODE_H
#define PKV_PACKET_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

enum pkv__tunnel { PKV__TUNNEL_NONE = 0, PKV__TUNNEL_VXLAN = 1, PKV__TUNNEL_GENEVE = 2 };

/* LINKTYPE_ numbers that are decoded; every other is stored and indexed as malformed-free "other".
 */
enum pkv__link {
    PKV__LINK_NULL = 0,
    PKV__LINK_ETHERNET = 1,
    PKV__LINK_RAW = 101, /* IPv4 or IPv6, by its version */
    PKV__LINK_LOOP = 108,
    PKV__LINK_SLL = 113,
    PKV__LINK_IPV4 = 228,
    PKV__LINK_IPV6 = 229,
    PKV__LINK_SLL2 = 276
};

struct pkv__address {
    uint8_t bytes[16];
    uint8_t length; /* 0: none, 4, 16; 6: a MAC */
};

/* What one stack of headers (outer or inner) says. */
enum pkv__class {
    PKV__CLASS_IP,    /* IPv4 or IPv6: src, dst, protocol */
    PKV__CLASS_ARP,   /* src, dst: sender and target protocol address; arp_operation */
    PKV__CLASS_OTHER, /* ethertype and MACs (src, dst of 6 bytes; of 0 where the link has none) */
    PKV__CLASS_MALFORMED /* not even that: too short, or not of the version that it should be */
};

struct pkv__layer {
    uint8_t class_; /* enum pkv__class */
    uint8_t vlan_count;
    uint16_t vlan[PKV__VLAN_TAGS_MAX]; /* tag control information, outermost first */
    uint16_t ethertype;                /* behind the tags; an 802.3 length field gives 0 */
    bool has_macs;
    uint8_t src_mac[6], dst_mac[6];
    struct pkv__address src, dst;

    uint8_t protocol; /* behind the extension headers that could be walked */
    bool has_ports;   /* TCP, UDP, UDP-Lite, SCTP, DCCP whose ports are here */
    uint16_t src_port, dst_port;
    bool has_tcp_flags;
    uint8_t tcp_flags;
    bool has_icmp;
    uint8_t icmp_type, icmp_code;
    uint16_t arp_operation;

    bool fragment; /* of a fragmented IP packet */
    bool first_fragment;
    uint32_t fragment_id;

    bool truncated;            /* the IP length says that there was more than was captured */
    uint32_t network_offset;   /* of the IP or ARP header from the start of the packet's data */
    uint32_t transport_offset; /* of the header of `protocol`; 0: none here */
};

struct pkv__facts {
    enum pkv__tunnel tunnel; /* NONE: `outer` is empty and `inner` is the packet itself */
    uint32_t vni;
    struct pkv__layer outer, inner;
    uint32_t inner_offset;         /* of the inner frame in the data */
    uint32_t inner_captured_bytes; /* of the inner frame */
    uint32_t inner_original_bytes; /* as the source said: original length less what stands around it
                                      by the outer lengths (never below what was captured); where
                                      the IP length shows that the mirror cut: with that. A first
                                      outer fragment counts the whole frame */
    uint16_t inner_link_type; /* PKV__LINK_ETHERNET, or PKV__LINK_RAW for an IP payload; no tunnel:
                                 the capture's */
    uint16_t inner_ethertype; /* of a payload without a link layer, else 0 */
    bool truncated; /* snap length, or an IP length (outer or inner) beyond what is there */
    bool malformed; /* a header that cannot be, or ends before its fields do though nothing was cut
                       off; always where inner.class_ is MALFORMED */
};

/* Decodes a packet of `captured` bytes, `original` on the wire. Always fills in *facts; never
 * fails.
 *
 * A UDP datagram to port 4789 whose VXLAN header has the I bit, to 4790 (VXLAN-GPE), or to 6081
 * (GENEVE) is a tunnel; the datagram of one inside another is not looked into, but for VXLAN in
 * GENEVE, where the VXLAN is what counts
 * (`outer` is then the layer that carries the VXLAN). A tunnel header that is cut or contradicts
 * itself: the tunnel with what is known of it, inner class MALFORMED. A later fragment of an outer
 * packet has no tunnel: it is known by its own addresses and fragment_id, and flow/ gives it to the
 * flow of its first fragment. GENEVE of another version than 0 is no tunnel, as its VNI may be
 * anywhere; on 4789 the P bit of VXLAN-GPE is a reserved bit and ignored. An IPv4 total length
 * (IPv6 payload length, UDP length) of 0 means "to the end": segmentation offload, RFC 2675. */
void pkv__decode(struct pkv__facts *facts, uint16_t link_type, const uint8_t *data,
                 uint32_t captured, uint32_t original);

#endif
