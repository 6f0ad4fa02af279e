/* SPDX-License-Identifier: BSD-2-Clause */
#include "packet/decode_internal.h"

enum {
    NEXT_HOP_BY_HOP = 0,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_AH = 51,
    NEXT_NONE = 59,
    NEXT_DESTINATION = 60,
    NEXT_MOBILITY = 135,
    NEXT_HIP = 139,
    NEXT_SHIM6 = 140
};

/* The packet that began at `start` is `length` bytes by its header; 0: to the end, as segmentation
 * offload leaves it. What follows is link layer padding; what is missing was cut off. */
static void limit_to_length(struct pkv__decoding *d, struct pkv__layer *layer, uint32_t start,
                            uint32_t length)
{
    d->network_end = length ? (uint64_t)start + length : 0;
    if (!length)
        return;
    d->wire_end = d->network_end;
    uint32_t rest = length - (pkv__decoding_offset(d) - start);
    if (rest < pkv__cursor_left(&d->rest))
        d->rest = pkv__cursor(d->rest.at, rest);
    else if (rest > pkv__cursor_left(&d->rest))
        layer->truncated = d->facts->truncated = true;
}

/* `offset` and `more` as in the headers; an IPv6 packet in one "atomic" fragment (RFC 6946) is no
 * fragment. */
static void set_fragment(struct pkv__layer *layer, uint32_t offset, bool more, uint32_t id)
{
    if (offset == 0 && !more)
        return;
    layer->fragment = true;
    layer->first_fragment = offset == 0;
    layer->fragment_id = id;
}

static void read_address(struct pkv__cursor *from, struct pkv__address *address, uint8_t length)
{
    (void)pkv__cursor_copy(from, address->bytes, length);
    address->length = length;
}

static void decode_ipv4_payload(struct pkv__decoding *d, struct pkv__layer *layer,
                                uint32_t header_bytes, uint32_t total_bytes)
{
    if (header_bytes < 20 || (total_bytes && total_bytes < header_bytes)) {
        d->facts->malformed = true;
        return;
    }
    limit_to_length(d, layer, layer->network_offset, total_bytes);
    pkv__cursor_skip(&d->rest, header_bytes - 20);
    if (d->rest.failed)
        pkv__decoding_cut(d);
    else if (!layer->fragment || layer->first_fragment)
        pkv__transport_decode(d, layer);
}

static void decode_ipv4(struct pkv__decoding *d, struct pkv__layer *layer)
{
    layer->network_offset = pkv__decoding_offset(d);
    struct pkv__cursor header = pkv__cursor_sub(&d->rest, 20);
    uint8_t version_length = pkv__cursor_u8(&header);
    if (header.failed || version_length >> 4 != 4) {
        pkv__decoding_malformed(d, layer);
        return;
    }
    layer->class_ = PKV__CLASS_IP;
    pkv__cursor_skip(&header, 1); /* type of service */
    uint16_t total_bytes = pkv__cursor_u16be(&header);
    uint16_t id = pkv__cursor_u16be(&header);
    uint16_t fragment = pkv__cursor_u16be(&header);
    set_fragment(layer, fragment & 0x1fff, fragment & 0x2000, id);
    pkv__cursor_skip(&header, 1); /* time to live */
    layer->protocol = pkv__cursor_u8(&header);
    pkv__cursor_skip(&header, 2); /* checksum */
    read_address(&header, &layer->src, 4);
    read_address(&header, &layer->dst, 4);
    decode_ipv4_payload(d, layer, (version_length & 15u) * 4, total_bytes);
}

static void read_fragment_header(struct pkv__cursor *header, struct pkv__layer *layer)
{
    uint16_t fragment = pkv__cursor_u16be(header);
    set_fragment(layer, fragment >> 3, fragment & 1, pkv__cursor_u32be(header));
}

static bool is_extension(uint8_t type)
{
    switch (type) {
    case NEXT_HOP_BY_HOP:
    case NEXT_ROUTING:
    case NEXT_FRAGMENT:
    case NEXT_AH:
    case NEXT_DESTINATION:
    case NEXT_MOBILITY:
    case NEXT_HIP:
    case NEXT_SHIM6:
        return true;
    default:
        return false;
    }
}

/* Walks one extension header of `type` and answers what is next; NEXT_NONE behind one that says
 * something by itself (mobility, HIP, shim6) leaves that one as the protocol. Fails by the cursor.
 */
static uint8_t walk_extension(struct pkv__decoding *d, struct pkv__layer *layer, uint8_t type)
{
    uint8_t next = pkv__cursor_u8(&d->rest);
    uint8_t length = pkv__cursor_u8(&d->rest);
    if (type == NEXT_FRAGMENT) {
        struct pkv__cursor header = pkv__cursor_sub(&d->rest, 6);
        if (!header.failed)
            read_fragment_header(&header, layer);
    } else if (type == NEXT_AH) {
        pkv__cursor_skip(&d->rest, (length + 2u) * 4 - 2);
    } else {
        pkv__cursor_skip(&d->rest, (length + 1u) * 8 - 2);
    }
    return next;
}

/* False: what follows is no transport header. */
static bool walk_extensions(struct pkv__decoding *d, struct pkv__layer *layer)
{
    for (unsigned n = 0; is_extension(layer->protocol); n++) {
        if (n == PKV__EXTENSIONS_MAX) {
            d->facts->malformed = true;
            return false;
        }
        uint8_t type = layer->protocol;
        struct pkv__cursor before = d->rest;
        uint8_t next = walk_extension(d, layer, type);
        if (d->rest.failed) {
            pkv__decoding_cut(d);
            return false;
        }
        if (next == NEXT_NONE && type >= NEXT_MOBILITY) {
            d->rest = before;
            return true;
        }
        layer->protocol = next;
        if (layer->fragment && !layer->first_fragment)
            return false;
    }
    return true;
}

static void decode_ipv6(struct pkv__decoding *d, struct pkv__layer *layer)
{
    layer->network_offset = pkv__decoding_offset(d);
    struct pkv__cursor header = pkv__cursor_sub(&d->rest, 40);
    uint32_t version = pkv__cursor_u32be(&header) >> 28;
    if (header.failed || version != 6) {
        pkv__decoding_malformed(d, layer);
        return;
    }
    layer->class_ = PKV__CLASS_IP;
    uint32_t payload_bytes = pkv__cursor_u16be(&header);
    layer->protocol = pkv__cursor_u8(&header);
    pkv__cursor_skip(&header, 1); /* hop limit */
    read_address(&header, &layer->src, 16);
    read_address(&header, &layer->dst, 16);
    limit_to_length(d, layer, layer->network_offset, payload_bytes ? 40 + payload_bytes : 0);
    if (walk_extensions(d, layer))
        pkv__transport_decode(d, layer);
}

static void decode_arp(struct pkv__decoding *d, struct pkv__layer *layer)
{
    layer->network_offset = pkv__decoding_offset(d);
    pkv__cursor_skip(&d->rest, 2); /* kind of hardware */
    uint16_t protocol = pkv__cursor_u16be(&d->rest);
    uint8_t hardware_bytes = pkv__cursor_u8(&d->rest);
    uint8_t protocol_bytes = pkv__cursor_u8(&d->rest);
    if (!d->rest.failed && (protocol != PKV__ETHERTYPE_IPV4 || protocol_bytes != 4)) {
        layer->class_ = PKV__CLASS_OTHER;
        return;
    }
    uint16_t operation = pkv__cursor_u16be(&d->rest);
    struct pkv__cursor addresses = pkv__cursor_sub(&d->rest, (hardware_bytes + 4u) * 2);
    if (addresses.failed) {
        pkv__decoding_malformed(d, layer);
        return;
    }
    layer->class_ = PKV__CLASS_ARP;
    layer->arp_operation = operation;
    pkv__cursor_skip(&addresses, hardware_bytes);
    read_address(&addresses, &layer->src, 4);
    pkv__cursor_skip(&addresses, hardware_bytes);
    read_address(&addresses, &layer->dst, 4);
}

/* MPLS does not say what it carries; IP is told by its version, all else stays MPLS. */
static void decode_mpls(struct pkv__decoding *d, struct pkv__layer *layer)
{
    bool bottom = false;
    layer->class_ = PKV__CLASS_OTHER;
    for (unsigned n = 0; n < PKV__MPLS_LABELS_MAX && !bottom; n++)
        bottom = pkv__cursor_u32be(&d->rest) & 0x100;
    struct pkv__cursor peek = d->rest;
    unsigned version = pkv__cursor_u8(&peek) >> 4;
    if (bottom && version == 4)
        pkv__network_decode(d, layer, PKV__ETHERTYPE_IPV4);
    else if (bottom && version == 6)
        pkv__network_decode(d, layer, PKV__ETHERTYPE_IPV6);
    else if (peek.failed)
        pkv__decoding_cut(d);
}

void pkv__network_decode(struct pkv__decoding *d, struct pkv__layer *layer, uint16_t ethertype)
{
    layer->ethertype = ethertype;
    switch (ethertype) {
    case PKV__ETHERTYPE_IPV4:
        decode_ipv4(d, layer);
        break;
    case PKV__ETHERTYPE_IPV6:
        decode_ipv6(d, layer);
        break;
    case PKV__ETHERTYPE_ARP:
    case PKV__ETHERTYPE_RARP:
        decode_arp(d, layer);
        break;
    case PKV__ETHERTYPE_MPLS:
    case PKV__ETHERTYPE_MPLS_UPSTREAM:
        decode_mpls(d, layer);
        break;
    default:
        layer->class_ = PKV__CLASS_OTHER;
    }
}
