/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses and nets. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/filter_parse.h"

int pkv__parse_mac(struct pkv__parser *p, struct pkv__node **node)
{
    char text[32];
    unsigned b[6];
    char rest;
    if (!pkv__parse_word(p->at, text, sizeof(text)) ||
        sscanf(text, "%2x%*[:.-]%2x%*[:.-]%2x%*[:.-]%2x%*[:.-]%2x%*[:.-]%2x%c", &b[0], &b[1], &b[2],
               &b[3], &b[4], &b[5], &rest) != 6)
        return pkv__parse_expected(p, "an Ethernet address such as 02:00:00:00:00:01");
    if (p->qualifier.outer)
        return pkv__parse_error(p, p->at,
                                "'outer' takes IP addresses and ports, no Ethernet addresses");
    int rc = pkv__parse_node(p, node, PKV__NODE_MAC);
    if (rc)
        return rc;
    (*node)->address.length = 6;
    for (unsigned i = 0; i < 6; i++) {
        (*node)->address.bytes[i] = (uint8_t)b[i];
        (*node)->mask[i] = 0xff;
    }
    p->at++;
    return pkv__parse_finish(p, *node, text);
}

static int networks_of(struct pkv__parser *p, bool v6, uint8_t *networks)
{
    switch (p->qualifier.family) {
    case PKV__FAMILY_ANY:
        *networks = v6 ? PKV__NET_IP6 : PKV__NET_IP | PKV__NET_ARP | PKV__NET_RARP;
        return PKV_OK;
    case PKV__FAMILY_IP:
        *networks = PKV__NET_IP;
        break;
    case PKV__FAMILY_ARP:
        *networks = PKV__NET_ARP;
        break;
    case PKV__FAMILY_RARP:
        *networks = PKV__NET_RARP;
        break;
    case PKV__FAMILY_IP6:
        *networks = PKV__NET_IP6;
        break;
    default:
        return pkv__parse_error(p, p->at, "'%s' takes a port, no address", p->qualifier.prefix);
    }
    if (v6 != (*networks == PKV__NET_IP6))
        return pkv__parse_expected(p, v6 ? "an IPv4 address" : "an IPv6 address");
    return PKV_OK;
}

/* One to four decimal parts, without leading zeros; *parts of them. */
static bool parse_dotted(const char *text, uint8_t bytes[4], unsigned *parts)
{
    *parts = 0;
    memset(bytes, 0, 4);
    for (;;) {
        char *end = NULL;
        if (*text < '0' || *text > '9' || *parts == 4 || pkv__parse_has_leading_zero(text))
            return false;
        unsigned long value = strtoul(text, &end, 10);
        if (value > 255 || end - text > 3)
            return false;
        bytes[(*parts)++] = (uint8_t)value;
        if (!*end)
            return true;
        if (*end != '.')
            return false;
        text = end + 1;
    }
}

static void mask_of_bits(uint8_t *mask, unsigned length, unsigned bits)
{
    for (unsigned i = 0; i < length; i++) {
        unsigned left = bits > i * 8 ? bits - i * 8 : 0;
        mask[i] = (uint8_t)(left >= 8 ? 0xffu : 0xff00u >> left);
    }
}

static bool has_host_bits(const struct pkv__node *node)
{
    for (unsigned i = 0; i < node->address.length; i++)
        if (node->address.bytes[i] & (uint8_t)~node->mask[i])
            return true;
    return false;
}

/* "/24" or "mask 255.255.255.0" behind a net, into the node's mask. */
static int parse_net_length(struct pkv__parser *p, struct pkv__node *node,
                            const struct pkv__token *start)
{
    unsigned whole = node->address.length * 8u, parts;
    uint64_t bits = 0;
    char text[32];
    if (p->at->kind == PKV__TOKEN_SLASH) {
        p->at++;
        if (pkv__parse_number(p->at, &bits) || bits > whole)
            return pkv__parse_expected(p, whole == 32 ? "a length of 0 to 32"
                                                      : "a length of 0 to 128");
        mask_of_bits(node->mask, node->address.length, (unsigned)bits);
        p->at++;
    } else if (pkv__token_is(p->at, "mask")) {
        p->at++;
        if (whole != 32 || !pkv__parse_word(p->at, text, sizeof(text)) ||
            !parse_dotted(text, node->mask, &parts) || parts != 4)
            return pkv__parse_expected(p, whole == 32 ? "a mask such as 255.255.255.0"
                                                      : "/ and a length");
        p->at++;
    } else {
        return PKV_OK;
    }
    if (has_host_bits(node))
        return pkv__parse_error(
            p, start, "'%.*s' has bits set behind the net: write the first address of the net",
            (int)start->length, start->text);
    return PKV_OK;
}

static int address_text(struct pkv__parser *p, struct pkv__node *node)
{
    char address[INET6_ADDRSTRLEN], mask[INET6_ADDRSTRLEN], id[128];
    unsigned bits = 0;
    bool v6 = node->address.length == 16;
    for (unsigned i = 0; i < node->address.length; i++)
        node->address.bytes[i] &= node->mask[i];
    (void)inet_ntop(v6 ? AF_INET6 : AF_INET, node->address.bytes, address, sizeof(address));
    (void)inet_ntop(v6 ? AF_INET6 : AF_INET, node->mask, mask, sizeof(mask));
    if (p->qualifier.type == PKV__TYPE_HOST)
        (void)snprintf(id, sizeof(id), "%s", address);
    else if (pkv__node_prefix(node, &bits))
        (void)snprintf(id, sizeof(id), "%s/%u", address, bits);
    else
        (void)snprintf(id, sizeof(id), "%s mask %s", address, mask);
    return pkv__parse_finish(p, node, id);
}

static bool looks_like_name(const char *text)
{
    return text[strspn(text, "0123456789.:abcdefABCDEF")] != 0;
}

static int bad_address(struct pkv__parser *p, const char *text)
{
    if (looks_like_name(text))
        return pkv__parse_error(
            p, p->at, "expected an address, not '%.80s': names of hosts and nets are not resolved",
            text);
    return pkv__parse_expected(p, "an address such as 10.0.0.1 or 2001:db8::1");
}

int pkv__parse_address(struct pkv__parser *p, struct pkv__node **node)
{
    char text[80];
    unsigned parts = 4;
    struct pkv__address address = {.length = 0};
    const struct pkv__token *start = p->at;
    bool net = p->qualifier.type == PKV__TYPE_NET;
    if (!pkv__parse_word(p->at, text, sizeof(text)))
        return pkv__parse_expected(p, net ? "a net such as 10.0.0.0/8"
                                          : "an address such as 10.0.0.1 or 2001:db8::1");
    if (inet_pton(AF_INET6, text, address.bytes) == 1)
        address.length = 16;
    else if (parse_dotted(text, address.bytes, &parts) && (net || parts == 4))
        address.length = 4;
    else
        return bad_address(p, text);
    int rc = pkv__parse_node(p, node, PKV__NODE_ADDRESS);
    if (!rc)
        rc = networks_of(p, address.length == 16, &(*node)->networks);
    if (rc)
        return rc;
    (*node)->address = address;
    mask_of_bits((*node)->mask, address.length, address.length == 16 ? 128 : parts * 8);
    p->at++;
    if (net && (rc = parse_net_length(p, *node, start)))
        return rc;
    return address_text(p, *node);
}
