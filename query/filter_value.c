/* SPDX-License-Identifier: BSD-2-Clause */
/* Values: addresses, nets, ports, protocols, VNIs. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "query/filter_parse.h"

/* A zero-terminated copy of a token; false: longer than any value. */
static bool copy(const struct pkv__token *token, char *to, size_t room)
{
    if (token->kind != PKV__TOKEN_WORD || token->length >= room)
        return false;
    memcpy(to, token->text, token->length);
    to[token->length] = 0;
    return true;
}

static bool number_of(const char *text, uint64_t *value)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end = NULL;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    *value = strtoull(text, &end, hex ? 16 : 10);
    return !*end && *value <= UINT32_MAX;
}

int pkv__parse_number(const struct pkv__token *token, uint64_t *value)
{
    char text[32];
    return copy(token, text, sizeof(text)) && number_of(text, value) ? PKV_OK : PKV_E_SYNTAX;
}

static int finish_address(struct pkv__parser *p, struct pkv__node *node, const char *id)
{
    const struct pkv__qualifier *q = &p->qualifier;
    node->direction = q->direction;
    node->outer = q->outer;
    for (unsigned i = 0; i < node->address.length; i++)
        node->address.bytes[i] &= node->mask[i];
    if (q->outer) {
        int rc = pkv__parse_own(p, node);
        if (rc)
            return rc;
    }
    return pkv__parse_set_text(p, node, "%s %s", q->prefix, id);
}

static int parse_mac(struct pkv__parser *p, struct pkv__node **node)
{
    char text[32];
    unsigned b[6];
    char rest;
    if (!copy(p->at, text, sizeof(text)) ||
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
    return finish_address(p, *node, text);
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

/* One to four decimal parts; *parts of them. */
static bool parse_dotted(const char *text, uint8_t bytes[4], unsigned *parts)
{
    *parts = 0;
    memset(bytes, 0, 4);
    for (;;) {
        char *end = NULL;
        if (*text < '0' || *text > '9' || *parts == 4)
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
        if (whole != 32 || !copy(p->at, text, sizeof(text)) ||
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
    return finish_address(p, node, id);
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

static int parse_address(struct pkv__parser *p, struct pkv__node **node)
{
    char text[80];
    unsigned parts = 4;
    struct pkv__address address = {.length = 0};
    const struct pkv__token *start = p->at;
    bool net = p->qualifier.type == PKV__TYPE_NET;
    if (!copy(p->at, text, sizeof(text)))
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

/* As libpcap: a service that only one transport has is bound to it. */
static bool service(const char *name, uint32_t *port, uint8_t *transports)
{
    struct servent entry, *found = NULL;
    char memory[1024];
    bool any = false;
    uint8_t of = 0;
    static const struct {
        const char *name;
        uint8_t bit;
    } names[] = {{"tcp", PKV__TRANSPORT_TCP}, {"udp", PKV__TRANSPORT_UDP}};
    for (size_t i = 0; i < 2; i++) {
        if (getservbyname_r(name, names[i].name, &entry, memory, sizeof(memory), &found) || !found)
            continue;
        uint32_t number = ntohs((uint16_t)found->s_port);
        if (any && number != *port)
            continue;
        *port = number;
        any = true;
        of |= names[i].bit;
    }
    if (of == PKV__TRANSPORT_TCP || of == PKV__TRANSPORT_UDP)
        *transports &= of;
    return any;
}

static int transports_of(struct pkv__parser *p, uint8_t *transports)
{
    switch (p->qualifier.family) {
    case PKV__FAMILY_ANY:
        *transports = PKV__TRANSPORT_TCP | PKV__TRANSPORT_UDP | PKV__TRANSPORT_SCTP;
        return PKV_OK;
    case PKV__FAMILY_TCP:
        *transports = PKV__TRANSPORT_TCP;
        return PKV_OK;
    case PKV__FAMILY_UDP:
        *transports = PKV__TRANSPORT_UDP;
        return PKV_OK;
    case PKV__FAMILY_SCTP:
        *transports = PKV__TRANSPORT_SCTP;
        return PKV_OK;
    default:
        return pkv__parse_error(p, p->at, "'%s' has no meaning: ports belong to tcp, udp and sctp",
                                p->qualifier.prefix);
    }
}

static bool port_of(const char *text, uint32_t *port, uint8_t *transports)
{
    uint64_t number = 0;
    if (!number_of(text, &number))
        return service(text, port, transports) && *transports;
    *port = (uint32_t)number;
    return number <= 65535;
}

/* As libpcap: a range is bound to a transport only where both its ends are. */
static bool port_range(char *text, uint32_t *first, uint32_t *last, uint8_t *transports)
{
    char *dash = strchr(text, '-');
    uint8_t of_first = *transports, of_last = *transports;
    if (dash)
        *dash = 0;
    bool good = port_of(text, first, &of_first) && port_of(dash ? dash + 1 : text, last, &of_last);
    if (dash)
        *dash = '-';
    if (of_first == of_last)
        *transports = of_first;
    return good;
}

static int parse_port(struct pkv__parser *p, struct pkv__node **node)
{
    char text[80];
    bool range = p->qualifier.type == PKV__TYPE_PORTRANGE;
    int rc = pkv__parse_node(p, node, PKV__NODE_PORT);
    if (!rc)
        rc = transports_of(p, &(*node)->transports);
    if (rc)
        return rc;
    struct pkv__node *n = *node;
    if (!copy(p->at, text, sizeof(text)))
        return pkv__parse_expected(p, range ? "two ports such as 8000-8080"
                                            : "a port such as 443 or https");
    bool good = range ? port_range(text, &n->first, &n->last, &n->transports)
                      : port_of(text, &n->first, &n->transports);
    if (!good)
        return pkv__parse_expected(
            p, range ? "two ports such as 8000-8080"
                     : "a port of 0 to 65535 or a name of /etc/services that has it here");
    if (!range)
        n->last = n->first;
    if (n->first > n->last) {
        uint32_t swap = n->first;
        n->first = n->last;
        n->last = swap;
    }
    p->at++;
    return finish_address(p, n, text);
}

static const struct {
    const char *name;
    uint32_t number;
} ethertypes[] = {{"ip", 0x0800}, {"ip6", 0x86dd}, {"arp", 0x0806}, {"rarp", 0x8035}};

static bool protocol_number(const char *text, bool link, uint32_t *number)
{
    uint64_t value = 0;
    if (number_of(text, &value)) {
        *number = (uint32_t)value;
        return value <= (link ? 65535u : 255u);
    }
    if (*text == '\\')
        text++;
    for (size_t i = 0; link && i < sizeof(ethertypes) / sizeof(ethertypes[0]); i++)
        if (strcmp(text, ethertypes[i].name) == 0) {
            *number = ethertypes[i].number;
            return true;
        }
    struct protoent entry, *found = NULL;
    char memory[1024];
    if (link || getprotobyname_r(text, &entry, memory, sizeof(memory), &found) || !found)
        return false;
    *number = (uint32_t)found->p_proto;
    return true;
}

/* What the decoder walks through instead of naming: libpcap says where such a header stands. */
static bool is_extension(uint32_t protocol)
{
    static const uint8_t extensions[] = {0, 43, 44, 51, 60, 135, 139, 140};
    for (size_t i = 0; i < sizeof(extensions); i++)
        if (extensions[i] == protocol)
            return true;
    return false;
}

static int protocol_networks(struct pkv__parser *p, uint8_t *networks)
{
    switch (p->qualifier.family) {
    case PKV__FAMILY_ANY:
        *networks = PKV__NET_IP | PKV__NET_IP6;
        return PKV_OK;
    case PKV__FAMILY_IP:
        *networks = PKV__NET_IP;
        return PKV_OK;
    case PKV__FAMILY_IP6:
        *networks = PKV__NET_IP6;
        return PKV_OK;
    case PKV__FAMILY_LINK:
        *networks = 0;
        return PKV_OK;
    default:
        return pkv__parse_error(p, p->at,
                                "'%s' has no meaning: expected ip, ip6 or ether before 'proto'",
                                p->qualifier.prefix);
    }
}

static int parse_protocol_value(struct pkv__parser *p, struct pkv__node **node)
{
    char text[80];
    bool link = p->qualifier.family == PKV__FAMILY_LINK;
    int rc = pkv__parse_node(p, node, link ? PKV__NODE_ETHERTYPE : PKV__NODE_PROTOCOL);
    if (!rc)
        rc = protocol_networks(p, &(*node)->networks);
    if (rc)
        return rc;
    struct pkv__node *n = *node;
    if (p->qualifier.outer || p->qualifier.direction != PKV__EITHER)
        return pkv__parse_error(p, p->at, "'proto' takes neither a direction nor 'outer'");
    if (!copy(p->at, text, sizeof(text)) || !protocol_number(text, link, &n->first))
        return pkv__parse_expected(p, link ? "an Ethertype such as 0x0806"
                                           : "a protocol of 0 to 255 or its name");
    n->last = n->first;
    p->at++;
    rc = pkv__parse_set_text(p, n, "%s %u", p->qualifier.prefix, (unsigned)n->first);
    if (rc || (link ? n->first > 1500 : !is_extension(n->first)))
        return rc;
    n->kind = PKV__NODE_BPF;
    return pkv__bpf_new(&n->bpf, n->text, p->error);
}

static int vni_node(struct pkv__parser *p, struct pkv__node **node, uint32_t first, uint32_t last)
{
    int rc = pkv__parse_node(p, node, PKV__NODE_VNI);
    if (rc)
        return rc;
    (*node)->first = first;
    (*node)->last = last;
    return pkv__parse_own(p, *node);
}

static bool vni_range(char *text, uint32_t *first, uint32_t *last)
{
    uint64_t low = 0, high = 0;
    char *dash = strchr(text, '-');
    if (dash)
        *dash = 0;
    bool good = number_of(text, &low) && number_of(dash ? dash + 1 : text, &high);
    if (dash)
        *dash = '-';
    *first = (uint32_t)low;
    *last = (uint32_t)high;
    return good && low <= high && high <= PKV__VNI_MAX;
}

static int unknown_name(struct pkv__parser *p, const char *text, const struct pkv__vni_names *names)
{
    char list[300] = "";
    size_t used = 0;
    for (size_t i = 0; i < names->count && used + 40 < sizeof(list); i++) {
        if (strstr(list, names->names[i].label))
            continue;
        int more = snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
                            names->names[i].label);
        used += more > 0 ? (size_t)more : 0;
    }
    if (!used)
        return pkv__parse_error(p, p->at, "'%.40s' is no VNI: the archive has no names of VNIs",
                                text);
    return pkv__parse_error(p, p->at, "'%.40s' is no name of a VNI; known are: %s", text, list);
}

/* A name may stand for several ranges over time: any of them. */
static int parse_vni_name(struct pkv__parser *p, const char *text, struct pkv__node **node)
{
    static const struct pkv__vni_names none = {0};
    const struct pkv__vni_names *names = &none;
    int rc = p->names ? p->names(p->context, &names, p->error) : PKV_OK;
    struct pkv__node *any = NULL;
    if (!rc)
        rc = pkv__parse_node(p, &any, PKV__NODE_OR);
    if (rc)
        return rc;
    struct pkv__node **next = &any->child;
    for (size_t i = 0; i < names->count && !rc; i++) {
        if (strcmp(names->names[i].label, text) != 0)
            continue;
        rc = vni_node(p, next, names->names[i].first, names->names[i].last);
        if (!rc)
            next = &(*next)->next;
    }
    *node = any;
    return rc || any->child ? rc : unknown_name(p, text, names);
}

static int parse_vni(struct pkv__parser *p, struct pkv__node **node)
{
    char text[80];
    uint32_t first = 0, last = PKV__VNI_MAX;
    if (!copy(p->at, text, sizeof(text)))
        return pkv__parse_expected(p, "a VNI, a range such as 100-149, a name, or 'any'");
    int rc;
    if (strcmp(text, "any") == 0 || vni_range(text, &first, &last))
        rc = vni_node(p, node, first, last);
    else if (*text >= '0' && *text <= '9')
        return pkv__parse_expected(p,
                                   "a VNI of 0 to 16777215 or an ascending range such as 100-149");
    else
        rc = parse_vni_name(p, text, node);
    p->at++;
    return rc;
}

int pkv__parse_value(struct pkv__parser *p, struct pkv__node **node)
{
    switch (p->qualifier.type) {
    case PKV__TYPE_HOST:
        return p->qualifier.family == PKV__FAMILY_LINK ? parse_mac(p, node)
                                                       : parse_address(p, node);
    case PKV__TYPE_NET:
        return parse_address(p, node);
    case PKV__TYPE_PORT:
    case PKV__TYPE_PORTRANGE:
        return parse_port(p, node);
    case PKV__TYPE_PROTO:
        return parse_protocol_value(p, node);
    default:
        return parse_vni(p, node);
    }
}
