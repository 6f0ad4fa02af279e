/* SPDX-License-Identifier: BSD-2-Clause */
#include "packet/decode_internal.h"

#include <string.h>

enum { MAC_BYTES = 6 };

/* ARPHRD_ values whose protocol field is no Ethertype: LINKTYPE_LINUX_SLL at tcpdump.org. */
enum { ARPHRD_FRAD = 770, ARPHRD_IPGRE = 778, ARPHRD_80211_RADIOTAP = 803, ARPHRD_NETLINK = 824 };

static bool is_vlan(uint16_t ethertype)
{
    return ethertype == PKV__ETHERTYPE_VLAN || ethertype == PKV__ETHERTYPE_QINQ ||
           ethertype == PKV__ETHERTYPE_QINQ_OLD;
}

static void decode_tags(struct pkv__decoding *d, struct pkv__layer *layer, uint16_t ethertype)
{
    while (is_vlan(ethertype) && layer->vlan_count < PKV__VLAN_TAGS_MAX) {
        struct pkv__cursor tag = pkv__cursor_sub(&d->rest, 4);
        if (tag.failed) {
            layer->ethertype = ethertype;
            pkv__decoding_malformed(d, layer);
            return;
        }
        layer->vlan[layer->vlan_count++] = pkv__cursor_u16be(&tag);
        ethertype = pkv__cursor_u16be(&tag);
    }
    pkv__network_decode(d, layer, ethertype >= PKV__ETHERTYPE_MIN ? ethertype : 0);
}

static void set_mac(struct pkv__address *address, const uint8_t *mac)
{
    memcpy(address->bytes, mac, MAC_BYTES);
    address->length = MAC_BYTES;
}

static void decode_ethernet(struct pkv__decoding *d, struct pkv__layer *layer)
{
    struct pkv__cursor header = pkv__cursor_sub(&d->rest, 2 * MAC_BYTES + 2);
    if (header.failed) {
        pkv__decoding_malformed(d, layer);
        return;
    }
    (void)pkv__cursor_copy(&header, layer->dst_mac, MAC_BYTES);
    (void)pkv__cursor_copy(&header, layer->src_mac, MAC_BYTES);
    layer->has_macs = true;
    decode_tags(d, layer, pkv__cursor_u16be(&header));
    if (layer->class_ == PKV__CLASS_OTHER) {
        set_mac(&layer->src, layer->src_mac);
        set_mac(&layer->dst, layer->dst_mac);
    }
}

/* What both "cooked" headers of Linux hold, in their different orders. */
struct cooked {
    uint16_t ethertype, arphrd;
    unsigned address_length;
    uint8_t address[8];
};

static void decode_cooked(struct pkv__decoding *d, struct pkv__layer *layer,
                          const struct cooked *cooked)
{
    bool typed = cooked->arphrd != ARPHRD_FRAD && cooked->arphrd != ARPHRD_IPGRE &&
                 cooked->arphrd != ARPHRD_80211_RADIOTAP && cooked->arphrd != ARPHRD_NETLINK;
    decode_tags(d, layer, typed ? cooked->ethertype : 0);
    if (cooked->address_length != MAC_BYTES)
        return;
    memcpy(layer->src_mac, cooked->address, MAC_BYTES);
    if (layer->class_ == PKV__CLASS_OTHER)
        set_mac(&layer->src, layer->src_mac);
}

static void decode_sll(struct pkv__decoding *d, struct pkv__layer *layer)
{
    struct pkv__cursor header = pkv__cursor_sub(&d->rest, 16);
    if (header.failed) {
        pkv__decoding_malformed(d, layer);
        return;
    }
    struct cooked cooked;
    pkv__cursor_skip(&header, 2); /* packet type */
    cooked.arphrd = pkv__cursor_u16be(&header);
    cooked.address_length = pkv__cursor_u16be(&header);
    (void)pkv__cursor_copy(&header, cooked.address, sizeof cooked.address);
    cooked.ethertype = pkv__cursor_u16be(&header);
    decode_cooked(d, layer, &cooked);
}

static void decode_sll2(struct pkv__decoding *d, struct pkv__layer *layer)
{
    struct pkv__cursor header = pkv__cursor_sub(&d->rest, 20);
    if (header.failed) {
        pkv__decoding_malformed(d, layer);
        return;
    }
    struct cooked cooked;
    cooked.ethertype = pkv__cursor_u16be(&header);
    pkv__cursor_skip(&header, 2 + 4); /* reserved, interface */
    cooked.arphrd = pkv__cursor_u16be(&header);
    pkv__cursor_skip(&header, 1); /* packet type */
    cooked.address_length = pkv__cursor_u8(&header);
    (void)pkv__cursor_copy(&header, cooked.address, sizeof cooked.address);
    decode_cooked(d, layer, &cooked);
}

/* AF_INET is 2 everywhere; AF_INET6 is 24, 28 or 30 on the BSDs and macOS, 10 on Linux. */
static uint16_t ethertype_of_family(uint32_t family)
{
    switch (family) {
    case 2:
        return PKV__ETHERTYPE_IPV4;
    case 10:
    case 24:
    case 28:
    case 30:
        return PKV__ETHERTYPE_IPV6;
    default:
        return 0;
    }
}

/* LOOP is big endian; NULL is in the order of the host that captured, whichever that was. */
static void decode_loopback(struct pkv__decoding *d, struct pkv__layer *layer)
{
    uint32_t family = pkv__cursor_u32be(&d->rest);
    if (d->rest.failed) {
        pkv__decoding_malformed(d, layer);
        return;
    }
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    pkv__network_decode(d, layer, ethertype_of_family(family));
}

static void decode_raw(struct pkv__decoding *d, struct pkv__layer *layer)
{
    struct pkv__cursor peek = d->rest;
    unsigned version = pkv__cursor_u8(&peek) >> 4;
    if (version == 4)
        pkv__network_decode(d, layer, PKV__ETHERTYPE_IPV4);
    else if (version == 6)
        pkv__network_decode(d, layer, PKV__ETHERTYPE_IPV6);
    else
        pkv__decoding_malformed(d, layer);
}

void pkv__link_decode(struct pkv__decoding *d, struct pkv__layer *layer, uint16_t link_type)
{
    switch (link_type) {
    case PKV__LINK_ETHERNET:
        decode_ethernet(d, layer);
        break;
    case PKV__LINK_SLL:
        decode_sll(d, layer);
        break;
    case PKV__LINK_SLL2:
        decode_sll2(d, layer);
        break;
    case PKV__LINK_RAW:
        decode_raw(d, layer);
        break;
    case PKV__LINK_IPV4:
        pkv__network_decode(d, layer, PKV__ETHERTYPE_IPV4);
        break;
    case PKV__LINK_IPV6:
        pkv__network_decode(d, layer, PKV__ETHERTYPE_IPV6);
        break;
    case PKV__LINK_NULL:
    case PKV__LINK_LOOP:
        decode_loopback(d, layer);
        break;
    default:
        layer->class_ = PKV__CLASS_OTHER;
    }
}
