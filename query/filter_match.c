/* SPDX-License-Identifier: BSD-2-Clause */
/* Terms on a packet: true or false. */
#include <string.h>

#include "query/filter_node.h"
#include "query/frame.h"

bool pkv__node_prefix(const struct pkv__node *node, unsigned *bits)
{
    unsigned n = 0, whole = node->address.length * 8u;
    while (n < whole && node->mask[n / 8] >> (7 - n % 8) & 1)
        n++;
    *bits = n;
    for (unsigned i = n; i < whole; i++)
        if (node->mask[i / 8] >> (7 - i % 8) & 1)
            return false;
    return true;
}

bool pkv__node_covers(const struct pkv__node *node, const uint8_t *address, uint8_t length)
{
    if (length != node->address.length)
        return false;
    for (unsigned i = 0; i < length; i++)
        if ((address[i] & node->mask[i]) != node->address.bytes[i])
            return false;
    return true;
}

static bool direction_match(enum pkv__direction direction, bool src, bool dst)
{
    switch (direction) {
    case PKV__SRC:
        return src;
    case PKV__DST:
        return dst;
    case PKV__BOTH:
        return src && dst;
    default:
        return src || dst;
    }
}

/* The network that a layer's addresses belong to: a bit of PKV__NET_…, or 0. */
static unsigned network_of(const struct pkv__layer *layer)
{
    if (layer->class_ == PKV__CLASS_IP)
        return layer->src.length == 16 ? PKV__NET_IP6 : PKV__NET_IP;
    if (layer->class_ == PKV__CLASS_ARP)
        return layer->ethertype == 0x8035 ? PKV__NET_RARP : PKV__NET_ARP;
    return 0;
}

static bool address_match(const struct pkv__node *node, const struct pkv__layer *layer)
{
    if (!(network_of(layer) & node->networks))
        return false;
    return direction_match(node->direction,
                           pkv__node_covers(node, layer->src.bytes, layer->src.length),
                           pkv__node_covers(node, layer->dst.bytes, layer->dst.length));
}

static bool mac_match(const struct pkv__node *node, const struct pkv__layer *layer)
{
    return layer->has_macs &&
           direction_match(node->direction, pkv__node_covers(node, layer->src_mac, 6),
                           pkv__node_covers(node, layer->dst_mac, 6));
}

static unsigned transport_of(uint8_t protocol)
{
    return protocol == 6     ? PKV__TRANSPORT_TCP
           : protocol == 17  ? PKV__TRANSPORT_UDP
           : protocol == 132 ? PKV__TRANSPORT_SCTP
                             : 0;
}

static bool in_range(const struct pkv__node *node, uint32_t value)
{
    return value >= node->first && value <= node->last;
}

static bool port_match(const struct pkv__node *node, const struct pkv__layer *layer)
{
    if (layer->class_ != PKV__CLASS_IP || !layer->has_ports ||
        !(transport_of(layer->protocol) & node->transports))
        return false;
    return direction_match(node->direction, in_range(node, layer->src_port),
                           in_range(node, layer->dst_port));
}

static bool ethertype_match(const struct pkv__node *node, const struct pkv__layer *layer)
{
    if (layer->class_ == PKV__CLASS_IP)
        return node->first == (layer->src.length == 16 ? 0x86ddu : 0x0800u);
    return layer->ethertype == node->first;
}

static bool vlan_match(const struct pkv__node *node, const struct pkv__layer *layer)
{
    for (unsigned i = 0; i < layer->vlan_count; i++)
        if (in_range(node, layer->vlan[i] & 0xfffu))
            return true;
    return false;
}

static bool bpf_match(const struct pkv__node *node, const struct pkv__subject *s)
{
    struct pkv__frame frame;
    pkv__frame_untagged(&frame, s->facts, s->packet, s->link_type, s->scratch);
    return pkv__bpf_match(node->bpf, frame.link_type, frame.data, frame.captured_bytes,
                          frame.original_bytes);
}

static bool community_match(const struct pkv__node *node, const struct pkv__subject *s)
{
    char text[PKV__COMMUNITY_ID_TEXT];
    if (!s->flow)
        return false;
    pkv__flow_community_id(text, s->flow, s->initiator, s->icmp);
    return strcmp(text, node->text) == 0;
}

static bool term_match(const struct pkv__node *node, const struct pkv__subject *s)
{
    const struct pkv__facts *facts = s->facts;
    const struct pkv__layer *layer = node->outer ? &facts->outer : &facts->inner;
    if (node->outer && facts->tunnel == PKV__TUNNEL_NONE)
        return false;
    switch (node->kind) {
    case PKV__NODE_TRUE:
        return true;
    case PKV__NODE_ADDRESS:
        return address_match(node, layer);
    case PKV__NODE_MAC:
        return mac_match(node, layer);
    case PKV__NODE_PORT:
        return port_match(node, layer);
    case PKV__NODE_PROTOCOL:
        return layer->class_ == PKV__CLASS_IP && layer->protocol == node->first &&
               (network_of(layer) & node->networks);
    case PKV__NODE_ETHERTYPE:
        return ethertype_match(node, layer);
    case PKV__NODE_VLAN:
        return vlan_match(node, layer);
    case PKV__NODE_VNI:
        return facts->tunnel != PKV__TUNNEL_NONE && in_range(node, facts->vni);
    case PKV__NODE_TRUNCATED:
        return facts->truncated;
    case PKV__NODE_MALFORMED:
        return facts->malformed;
    case PKV__NODE_COMMUNITY_ID:
        return community_match(node, s);
    default:
        return bpf_match(node, s);
    }
}

bool pkv__node_match(const struct pkv__node *node, const struct pkv__subject *subject)
{
    switch (node->kind) {
    case PKV__NODE_NOT:
        return !pkv__node_match(node->child, subject);
    case PKV__NODE_AND:
        for (node = node->child; node; node = node->next)
            if (!pkv__node_match(node, subject))
                return false;
        return true;
    case PKV__NODE_OR:
        for (node = node->child; node; node = node->next)
            if (pkv__node_match(node, subject))
                return true;
        return false;
    default:
        return term_match(node, subject);
    }
}

uint64_t pkv__node_own(const struct pkv__node *node, const struct pkv__subject *subject)
{
    if (node->own)
        return (uint64_t)term_match(node, subject) << (node->own - 1);
    uint64_t own = 0;
    for (node = node->child; node; node = node->next)
        own |= pkv__node_own(node, subject);
    return own;
}
