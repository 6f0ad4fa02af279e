/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/flow_internal.h"

#include <string.h>

_Static_assert(sizeof(struct pkv__flow_key) == 80, "keys are compared as bytes: no padding");

bool pkv__key_protocol_has_ports(uint8_t protocol)
{
    switch (protocol) {
    case PKV__PROTOCOL_TCP:
    case PKV__PROTOCOL_UDP:
    case PKV__PROTOCOL_DCCP:
    case PKV__PROTOCOL_SCTP:
    case PKV__PROTOCOL_UDPLITE:
        return true;
    default:
        return false;
    }
}

void pkv__key_set_tunnel(struct pkv__flow_key *key, const struct pkv__facts *facts)
{
    key->tunnel = (uint8_t)facts->tunnel;
    if (facts->tunnel == PKV__TUNNEL_NONE)
        return;
    key->vni = facts->vni;
    key->outer_length = facts->outer.src.length;
    const struct pkv__address *src = &facts->outer.src, *dst = &facts->outer.dst;
    unsigned first = memcmp(src->bytes, dst->bytes, sizeof src->bytes) <= 0 ? 0 : 1;
    memcpy(key->outer[first], src->bytes, sizeof src->bytes);
    memcpy(key->outer[!first], dst->bytes, sizeof dst->bytes);
}

/* Endpoints in ascending order; the sender's place among them. */
static unsigned set_endpoints(struct pkv__flow_key *key, const struct pkv__layer *layer)
{
    const struct pkv__address *src = &layer->src, *dst = &layer->dst;
    key->address_length = src->length > dst->length ? src->length : dst->length;
    int order = memcmp(src->bytes, dst->bytes, sizeof src->bytes);
    if (order == 0)
        order = (int)layer->src_port - (int)layer->dst_port;
    unsigned side = order <= 0 ? 0 : 1;
    memcpy(key->address[side], src->bytes, sizeof src->bytes);
    memcpy(key->address[!side], dst->bytes, sizeof dst->bytes);
    key->port[side] = layer->src_port;
    key->port[!side] = layer->dst_port;
    return side;
}

/* A later fragment of IPv6 may begin with options that hide what the first one was. */
static bool ports_are_unknown(const struct pkv__layer *layer)
{
    if (pkv__key_protocol_has_ports(layer->protocol))
        return !layer->has_ports;
    return layer->protocol == PKV__PROTOCOL_IP6_OPTIONS && pkv__key_is_later_fragment(layer);
}

void pkv__key_make(struct pkv__flow_key *key, const struct pkv__facts *facts, unsigned *side)
{
    const struct pkv__layer *layer = &facts->inner;
    memset(key, 0, sizeof *key);
    pkv__key_set_tunnel(key, facts);
    key->class_ = layer->class_;
    *side = 0;
    if (layer->class_ == PKV__CLASS_MALFORMED)
        return;
    *side = set_endpoints(key, layer);
    if (layer->class_ == PKV__CLASS_IP) {
        key->protocol = layer->protocol;
        key->orphan = ports_are_unknown(layer);
    } else {
        key->ethertype = layer->ethertype;
    }
}

static void set_address(struct pkv__address *address, const uint8_t bytes[16], uint8_t length)
{
    memcpy(address->bytes, bytes, sizeof address->bytes);
    address->length = length;
}

static void complete_layer(struct pkv__layer *layer, const struct pkv__flow_key *key,
                           bool has_ports, unsigned side)
{
    layer->protocol = key->protocol;
    layer->has_ports = has_ports && !key->orphan;
    layer->src_port = layer->has_ports ? key->port[side] : 0;
    layer->dst_port = layer->has_ports ? key->port[!side] : 0;
}

/* What the first fragment's inner layer was, as far as the identity holds it. */
static void make_layer(struct pkv__layer *layer, const struct pkv__flow_key *key, bool has_ports,
                       unsigned side)
{
    memset(layer, 0, sizeof *layer);
    layer->class_ = key->class_;
    if (key->class_ == PKV__CLASS_MALFORMED)
        return;
    set_address(&layer->src, key->address[side], key->address_length);
    set_address(&layer->dst, key->address[!side], key->address_length);
    if (key->class_ == PKV__CLASS_IP)
        layer->ethertype = key->address_length == 4 ? 0x0800 : 0x86dd;
    else
        layer->ethertype = key->ethertype;
    if (key->class_ == PKV__CLASS_OTHER && key->address_length == 6) {
        layer->has_macs = true;
        memcpy(layer->src_mac, layer->src.bytes, sizeof layer->src_mac);
        memcpy(layer->dst_mac, layer->dst.bytes, sizeof layer->dst_mac);
    }
    complete_layer(layer, key, has_ports, side);
}

void pkv__flow_complete_facts(struct pkv__facts *facts, const struct pkv__flow_key *key,
                              bool has_ports, unsigned side)
{
    if (facts->inner.class_ != PKV__CLASS_IP || !pkv__key_is_later_fragment(&facts->inner))
        return;
    if ((uint8_t)facts->tunnel == key->tunnel) {
        complete_layer(&facts->inner, key, has_ports, side);
        return;
    }
    facts->tunnel = (enum pkv__tunnel)key->tunnel;
    facts->vni = key->vni;
    facts->outer = facts->inner;
    facts->inner_offset = 0;
    facts->inner_captured_bytes = facts->inner_original_bytes = 0;
    facts->inner_link_type = PKV__LINK_RAW;
    facts->inner_ethertype = 0;
    make_layer(&facts->inner, key, has_ports, side);
    if (key->class_ == PKV__CLASS_MALFORMED)
        facts->malformed = true;
}
