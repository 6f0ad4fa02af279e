/* SPDX-License-Identifier: BSD-2-Clause */
#include "packet/decode_internal.h"

enum { PROTOCOL_UDP = 17 };
enum { PORT_VXLAN = 4789, PORT_GPE = 4790, PORT_GENEVE = 6081 };
enum { VXLAN_FLAG_VNI = 0x08, GPE_FLAG_NEXT_PROTOCOL = 0x04, TUNNEL_HEADER_BYTES = 8 };

/* Next protocols of VXLAN-GPE and NSH, which agree. */
enum { NEXT_IPV4 = 1, NEXT_IPV6 = 2, NEXT_ETHERNET = 3, NEXT_NSH = 4, NEXT_MPLS = 5 };

enum { NSH_HEADERS_MAX = 2 }; /* a service chain in a service chain; more is left to Wireshark */

static uint16_t ethertype_of_next(uint8_t next)
{
    switch (next) {
    case NEXT_IPV4:
        return PKV__ETHERTYPE_IPV4;
    case NEXT_IPV6:
        return PKV__ETHERTYPE_IPV6;
    case NEXT_ETHERNET:
        return PKV__ETHERTYPE_ETHERNET;
    case NEXT_NSH:
        return PKV__ETHERTYPE_NSH;
    case NEXT_MPLS:
        return PKV__ETHERTYPE_MPLS;
    default:
        return 0;
    }
}

/* Walks one Network Service Header; *ethertype becomes that of what it carries. */
static bool walk_nsh(struct pkv__decoding *d, uint16_t *ethertype)
{
    struct pkv__cursor header = pkv__cursor_sub(&d->rest, 8);
    unsigned version = pkv__cursor_u8(&header) >> 6;
    unsigned words = pkv__cursor_u8(&header) & 0x3f;
    pkv__cursor_skip(&header, 1); /* kind of metadata */
    *ethertype = ethertype_of_next(pkv__cursor_u8(&header));
    if (header.failed || version != 0 || words < 2)
        return false;
    pkv__cursor_skip(&d->rest, words * 4 - 8);
    return !d->rest.failed;
}

static void set_payload(struct pkv__decoding *d, struct pkv__payload *payload, uint16_t ethertype)
{
    payload->known = true;
    for (unsigned n = 0; ethertype == PKV__ETHERTYPE_NSH && n < NSH_HEADERS_MAX; n++)
        if (!walk_nsh(d, &ethertype)) {
            payload->known = false;
            return;
        }
    payload->ethernet = ethertype == PKV__ETHERTYPE_ETHERNET;
    payload->ethertype = payload->ethernet ? 0 : ethertype;
}

/* Reserved bits are ignored, as RFC 7348 asks; what Cisco's group policy puts there is none of
 * ours. */
static bool decode_vxlan(struct pkv__decoding *d, struct pkv__payload *payload, bool gpe)
{
    uint8_t flags = pkv__cursor_u8(&d->rest);
    if (d->rest.failed || (!gpe && !(flags & VXLAN_FLAG_VNI)))
        return false;
    d->facts->tunnel = PKV__TUNNEL_VXLAN;
    d->facts->vni = 0;
    struct pkv__cursor header = pkv__cursor_sub(&d->rest, TUNNEL_HEADER_BYTES - 1);
    if (header.failed)
        return true;
    pkv__cursor_skip(&header, 2);
    uint8_t next = pkv__cursor_u8(&header);
    uint32_t vni = pkv__cursor_u24be(&header);
    if (flags & VXLAN_FLAG_VNI)
        d->facts->vni = vni;
    bool ethernet = !gpe || !(flags & GPE_FLAG_NEXT_PROTOCOL);
    set_payload(d, payload, ethernet ? PKV__ETHERTYPE_ETHERNET : ethertype_of_next(next));
    return true;
}

/* Another version of GENEVE may put anything anywhere: RFC 8926 has it dropped, so it is no tunnel.
 */
static bool decode_geneve(struct pkv__decoding *d, struct pkv__payload *payload)
{
    uint8_t version_length = pkv__cursor_u8(&d->rest);
    if (d->rest.failed || version_length >> 6 != 0)
        return false;
    d->facts->tunnel = PKV__TUNNEL_GENEVE;
    d->facts->vni = 0;
    struct pkv__cursor header = pkv__cursor_sub(&d->rest, TUNNEL_HEADER_BYTES - 1);
    if (header.failed)
        return true;
    pkv__cursor_skip(&header, 1); /* flags */
    uint16_t ethertype = pkv__cursor_u16be(&header);
    d->facts->vni = pkv__cursor_u24be(&header);
    pkv__cursor_skip(&d->rest, (version_length & 0x3fu) * 4);
    if (!d->rest.failed)
        set_payload(d, payload, ethertype);
    return true;
}

static bool may_nest(uint8_t kind_outside, uint16_t port)
{
    return kind_outside == PKV__TUNNEL_NONE ||
           (kind_outside == PKV__TUNNEL_GENEVE && port != PORT_GENEVE);
}

bool pkv__tunnel_decode(struct pkv__decoding *d, struct pkv__payload *payload)
{
    const struct pkv__layer *layer = &d->facts->inner;
    if (layer->protocol != PROTOCOL_UDP || !layer->has_ports || d->rest.failed ||
        !may_nest((uint8_t)d->facts->tunnel, layer->dst_port))
        return false;
    *payload = (struct pkv__payload){0};
    switch (layer->dst_port) {
    case PORT_VXLAN:
        return decode_vxlan(d, payload, false);
    case PORT_GPE:
        return decode_vxlan(d, payload, true);
    case PORT_GENEVE:
        return decode_geneve(d, payload);
    default:
        return false;
    }
}
