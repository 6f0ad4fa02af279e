/* SPDX-License-Identifier: BSD-2-Clause */
#include "packet/decode_internal.h"

enum {
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_DCCP = 33,
    PROTOCOL_ICMP6 = 58,
    PROTOCOL_SCTP = 132,
    PROTOCOL_UDPLITE = 136
};

static bool read_ports(struct pkv__decoding *d, struct pkv__layer *layer)
{
    struct pkv__cursor ports = pkv__cursor_sub(&d->rest, 4);
    if (ports.failed) {
        pkv__decoding_cut(d);
        return false;
    }
    layer->src_port = pkv__cursor_u16be(&ports);
    layer->dst_port = pkv__cursor_u16be(&ports);
    layer->has_ports = true;
    return true;
}

static void decode_tcp(struct pkv__decoding *d, struct pkv__layer *layer)
{
    if (!read_ports(d, layer))
        return;
    pkv__cursor_skip(&d->rest, 8); /* sequence, acknowledgment */
    struct pkv__cursor header = pkv__cursor_sub(&d->rest, 2);
    if (header.failed) {
        pkv__decoding_cut(d);
        return;
    }
    unsigned header_bytes = (pkv__cursor_u8(&header) >> 4) * 4u;
    layer->tcp_flags = pkv__cursor_u8(&header);
    layer->has_tcp_flags = true;
    if (header_bytes < 20)
        d->facts->malformed = true;
}

/* The length of the datagram counts where it is shorter than the IP packet, or where fragments hold
 * the rest; 0 means "to the end". */
static void decode_udp(struct pkv__decoding *d, struct pkv__layer *layer)
{
    if (!read_ports(d, layer))
        return;
    struct pkv__cursor header = pkv__cursor_sub(&d->rest, 4);
    if (header.failed) {
        pkv__decoding_cut(d);
        return;
    }
    uint32_t length = pkv__cursor_u16be(&header);
    if (length == 0)
        return;
    uint64_t end = (uint64_t)layer->transport_offset + length;
    if (length < 8 || (end > d->wire_end && !layer->fragment))
        d->facts->malformed = true;
    else
        d->wire_end = end;
    if (length >= 8 && length - 8 < pkv__cursor_left(&d->rest))
        d->rest = pkv__cursor(d->rest.at, length - 8);
}

static void decode_icmp(struct pkv__decoding *d, struct pkv__layer *layer)
{
    struct pkv__cursor header = pkv__cursor_sub(&d->rest, 2);
    if (header.failed) {
        pkv__decoding_cut(d);
        return;
    }
    layer->icmp_type = pkv__cursor_u8(&header);
    layer->icmp_code = pkv__cursor_u8(&header);
    layer->has_icmp = true;
}

void pkv__transport_decode(struct pkv__decoding *d, struct pkv__layer *layer)
{
    if (pkv__cursor_left(&d->rest) > 0)
        layer->transport_offset = pkv__decoding_offset(d);
    switch (layer->protocol) {
    case PROTOCOL_TCP:
        decode_tcp(d, layer);
        break;
    case PROTOCOL_UDP:
        decode_udp(d, layer);
        break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6:
        decode_icmp(d, layer);
        break;
    case PROTOCOL_DCCP:
    case PROTOCOL_SCTP:
    case PROTOCOL_UDPLITE:
        (void)read_ports(d, layer);
        break;
    default:
        break;
    }
}
