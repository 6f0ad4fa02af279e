/* SPDX-License-Identifier: BSD-2-Clause */
/* Terms and what stands in front of their values. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "query/filter_parse.h"

/* Names of protocols that are terms of their own. number: of IP, or an Ethertype where networks is
 * 0. */
static const struct protocol {
    const char *name;
    enum pkv__family family;
    uint8_t networks;
    uint16_t number;
} protocols[] = {
    {"ip", PKV__FAMILY_IP, 0, 0x0800},
    {"ip6", PKV__FAMILY_IP6, 0, 0x86dd},
    {"arp", PKV__FAMILY_ARP, 0, 0x0806},
    {"rarp", PKV__FAMILY_RARP, 0, 0x8035},
    {"tcp", PKV__FAMILY_TCP, PKV__NET_IP | PKV__NET_IP6, 6},
    {"udp", PKV__FAMILY_UDP, PKV__NET_IP | PKV__NET_IP6, 17},
    {"sctp", PKV__FAMILY_SCTP, PKV__NET_IP | PKV__NET_IP6, 132},
    {"icmp", PKV__FAMILY_OTHER, PKV__NET_IP, 1},
    {"icmp6", PKV__FAMILY_OTHER, PKV__NET_IP6, 58},
    {"igmp", PKV__FAMILY_OTHER, PKV__NET_IP, 2},
    {"igrp", PKV__FAMILY_OTHER, PKV__NET_IP, 9},
    {"esp", PKV__FAMILY_OTHER, PKV__NET_IP | PKV__NET_IP6, 50},
    {"pim", PKV__FAMILY_OTHER, PKV__NET_IP | PKV__NET_IP6, 103},
    {"vrrp", PKV__FAMILY_OTHER, PKV__NET_IP, 112},
    {"carp", PKV__FAMILY_OTHER, PKV__NET_IP, 112},
};

/* Words that cannot be values. Those that no table here knows go to libpcap with what follows. */
static const char *const keywords[] = {
    "outer",      "vni",        "truncated",   "malformed", "community-id", "vxlan",     "src",
    "dst",        "host",       "net",         "mask",      "port",         "portrange", "proto",
    "protochain", "gateway",    "ether",       "link",      "vlan",         "len",       "length",
    "less",       "greater",    "broadcast",   "multicast", "inbound",      "outbound",  "ifindex",
    "byte",       "ah",         "atalk",       "aarp",      "decnet",       "lat",       "sca",
    "moprc",      "mopdl",      "iso",         "es-is",     "esis",         "is-is",     "isis",
    "clnp",       "stp",        "ipx",         "netbeui",   "l1",           "l2",        "iih",
    "lsp",        "snp",        "csnp",        "psnp",      "fddi",         "tr",        "ppp",
    "slip",       "wlan",       "type",        "subtype",   "addr1",        "addr2",     "addr3",
    "addr4",      "ra",         "ta",          "mpls",      "pppoed",       "pppoes",    "geneve",
    "llc",        "on",         "ifname",      "rnr",       "rulenum",      "reason",    "rset",
    "ruleset",    "srnr",       "subrulenum",  "action",    "vpi",          "vci",       "lane",
    "metac",      "bcc",        "sc",          "ilmic",     "oamf4ec",      "oamf4sc",   "oam",
    "oamf4",      "connectmsg", "metaconnect", "radio",     "dir",          "sio",       "opc",
    "dpc",        "sls",        "dnet",        "dhost",     "icmptype",     "icmpcode",  "tcpflags",
    "radius",
};

static const struct protocol *protocol_find(const struct pkv__token *token)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
        if (pkv__token_is(token, protocols[i].name))
            return &protocols[i];
    return NULL;
}

bool pkv__parse_is_keyword(const struct pkv__token *token)
{
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
        if (pkv__token_is(token, keywords[i]))
            return true;
    return protocol_find(token) != NULL;
}

/* Where libpcap's term ends: at the next and, or, or closing parenthesis that is not within it. */
static const struct pkv__token *bpf_end(const struct pkv__token *at)
{
    unsigned depth = 0;
    for (; at->kind != PKV__TOKEN_END; at++) {
        if (at->kind == PKV__TOKEN_OPEN || at->kind == PKV__TOKEN_BRACKET_OPEN)
            depth++;
        else if (at->kind == PKV__TOKEN_CLOSE || at->kind == PKV__TOKEN_BRACKET_CLOSE) {
            if (!depth)
                break;
            depth--;
        } else if (!depth && (at->kind == PKV__TOKEN_AND || at->kind == PKV__TOKEN_OR))
            break;
    }
    return at;
}

/* libpcap would ask the network for a name. */
static bool asks_for_name(const struct pkv__token *at)
{
    if (pkv__token_is(at, "gateway"))
        return true;
    if (!pkv__token_is(at, "host") && !pkv__token_is(at, "net") && !pkv__token_is(at, "src") &&
        !pkv__token_is(at, "dst"))
        return false;
    const struct pkv__token *value = &at[1];
    if (value->kind != PKV__TOKEN_WORD || pkv__parse_is_keyword(value))
        return false;
    for (size_t i = 0; i < value->length; i++)
        if (!strchr("0123456789.:-abcdefABCDEFxX", value->text[i]))
            return true;
    return false;
}

static int refuse_names(struct pkv__parser *p, const struct pkv__token *start,
                        const struct pkv__token *end)
{
    for (; start < end; start++)
        if (asks_for_name(start))
            return pkv__parse_error(p, start,
                                    "names of hosts and nets are not resolved: write addresses");
    return PKV_OK;
}

/* How much libpcap may take for its optimizer: each load of bytes is a test of its own. */
static int weigh_bpf(struct pkv__parser *p, const struct pkv__token *start, size_t length)
{
    unsigned loads = 0;
    for (const struct pkv__token *at = start; at < p->at; at++)
        loads += at->kind == PKV__TOKEN_BRACKET_OPEN;
    if (length > PKV__LIBPCAP_TERM_MAX_BYTES)
        return pkv__error(p->error, PKV_E_LIMIT, (int64_t)start->column - 1,
                          "column %zu: a term that libpcap compiles is longer than %u bytes",
                          start->column, PKV__LIBPCAP_TERM_MAX_BYTES);
    return pkv__parse_weigh(p, loads > 1 ? loads - 1 : 0);
}

int pkv__parse_bpf(struct pkv__parser *p, const struct pkv__token *start, struct pkv__node **node)
{
    p->at = bpf_end(start);
    p->qualifier.type = PKV__TYPE_NONE;
    if (p->at == start)
        return pkv__parse_expected(p, "a term");
    const struct pkv__token *last = p->at - 1;
    size_t length = (size_t)(last->text + last->length - start->text);
    int rc = refuse_names(p, start, p->at);
    if (!rc)
        rc = weigh_bpf(p, start, length);
    if (!rc)
        rc = pkv__parse_node(p, node, PKV__NODE_BPF);
    if (rc)
        return rc;
    char *text = pkv__alloc(length + 1);
    if (!text)
        return pkv__error_memory(p->error);
    memcpy(text, start->text, length);
    text[length] = 0;
    (*node)->text = text;
    pkv_error inner = {0};
    rc = pkv__bpf_new(&(*node)->bpf, text, &inner);
    if (rc == PKV_E_SYNTAX)
        return pkv__parse_error(p, start, "'%.200s': %s", text, inner.text);
    return rc ? pkv__error_memory(p->error) : PKV_OK;
}

static int parse_protocol(struct pkv__parser *p, const struct protocol *protocol,
                          struct pkv__node **node)
{
    int rc =
        pkv__parse_node(p, node, protocol->networks ? PKV__NODE_PROTOCOL : PKV__NODE_ETHERTYPE);
    if (rc)
        return rc;
    (*node)->networks = protocol->networks;
    (*node)->first = (*node)->last = protocol->number;
    p->qualifier.type = PKV__TYPE_NONE;
    return pkv__parse_set_text(p, *node, "%s", protocol->name);
}

/* "src", "dst", "src or dst", "src and dst" and the two the other way round. */
static bool parse_direction(struct pkv__parser *p, struct pkv__qualifier *q)
{
    bool src = pkv__token_is(p->at, "src");
    if (!src && !pkv__token_is(p->at, "dst"))
        return false;
    q->direction = src ? PKV__SRC : PKV__DST;
    bool operator_follows = p->at[1].kind == PKV__TOKEN_AND || p->at[1].kind == PKV__TOKEN_OR;
    if (operator_follows && pkv__token_is(&p->at[2], src ? "dst" : "src")) {
        q->direction = p->at[1].kind == PKV__TOKEN_AND ? PKV__BOTH : PKV__EITHER;
        p->at += 2;
    }
    p->at++;
    return true;
}

static bool parse_type(struct pkv__parser *p, struct pkv__qualifier *q)
{
    static const struct {
        const char *name;
        enum pkv__type type;
    } types[] = {{"host", PKV__TYPE_HOST},
                 {"net", PKV__TYPE_NET},
                 {"port", PKV__TYPE_PORT},
                 {"portrange", PKV__TYPE_PORTRANGE},
                 {"proto", PKV__TYPE_PROTO}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (pkv__token_is(p->at, types[i].name)) {
            q->type = types[i].type;
            p->at++;
            return true;
        }
    return false;
}

static void set_prefix(struct pkv__qualifier *q, const char *family)
{
    static const char *const directions[] = {"", "src ", "dst ", "src and dst "};
    static const char *const types[] = {"", "host", "net", "port", "portrange", "proto", ""};
    (void)snprintf(q->prefix, sizeof(q->prefix), "%s%s%s%s", family, *family ? " " : "",
                   directions[q->direction], types[q->type]);
}

/* libpcap's: "ip broadcast", "ip protochain 6", "tcp[13] = 2", and names no table here has. */
static bool is_bpf(const struct pkv__token *at)
{
    return at->kind == PKV__TOKEN_BRACKET_OPEN || at->kind == PKV__TOKEN_OPERATOR ||
           pkv__token_is(at, "broadcast") || pkv__token_is(at, "multicast") ||
           pkv__token_is(at, "protochain");
}

static int no_type(struct pkv__parser *p, const struct pkv__qualifier *q,
                   const struct pkv__token *start, const struct protocol *protocol,
                   struct pkv__node **node)
{
    if (q->family == PKV__FAMILY_LINK)
        return pkv__parse_bpf(p, start, node);
    if (protocol && !q->outer)
        return parse_protocol(p, protocol, node);
    if (q->outer)
        return pkv__parse_expected(p, "src, dst, host, net, port or portrange after 'outer'");
    return pkv__parse_bpf(p, start, node);
}

static int parse_qualified(struct pkv__parser *p, struct pkv__node **node)
{
    const struct pkv__token *start = p->at;
    struct pkv__qualifier q = {0};
    if (pkv__token_is(p->at, "outer")) {
        q.outer = true;
        p->at++;
    }
    char family[16] = "";
    const struct protocol *protocol = protocol_find(p->at);
    bool link = pkv__token_is(p->at, "ether") || pkv__token_is(p->at, "link");
    if (protocol || link) {
        q.family = protocol ? protocol->family : PKV__FAMILY_LINK;
        (void)snprintf(family, sizeof(family), "%.*s", (int)p->at->length, p->at->text);
        p->at++;
    }
    if (is_bpf(p->at))
        return pkv__parse_bpf(p, start, node);
    bool direction = parse_direction(p, &q);
    bool type = parse_type(p, &q);
    if (pkv__token_is(p->at, "broadcast") || pkv__token_is(p->at, "multicast"))
        return pkv__parse_bpf(p, start, node);
    if (!direction && !type)
        return no_type(p, &q, start, protocol, node);
    if (!type)
        q.type = PKV__TYPE_HOST;
    if (q.family == PKV__FAMILY_OTHER)
        return pkv__parse_error(p, start, "'%s' cannot stand before an address or port", family);
    set_prefix(&q, family);
    p->qualifier = q;
    return PKV_OK;
}

/* "vlan" and "vlan 5". */
static int parse_vlan(struct pkv__parser *p, struct pkv__node **node)
{
    uint64_t id = 0;
    p->at++;
    if (is_bpf(p->at))
        return pkv__parse_bpf(p, p->at - 1, node);
    bool given = p->at->kind == PKV__TOKEN_WORD;
    if (given && (pkv__parse_number(p->at, &id) || id > 4095))
        return pkv__parse_expected(p, "a VLAN number of 0 to 4095, or nothing, after 'vlan'");
    int rc = pkv__parse_node(p, node, PKV__NODE_VLAN);
    if (rc)
        return rc;
    (*node)->first = given ? (uint32_t)id : 0;
    (*node)->last = given ? (uint32_t)id : 4095;
    p->qualifier.type = PKV__TYPE_NONE;
    if (!given)
        return pkv__parse_set_text(p, *node, "vlan");
    p->at++;
    return pkv__parse_set_text(p, *node, "vlan %u", (unsigned)id);
}

static int parse_flag(struct pkv__parser *p, struct pkv__node **node, enum pkv__node_kind kind)
{
    p->at++;
    p->qualifier.type = PKV__TYPE_NONE;
    int rc = pkv__parse_node(p, node, kind);
    return rc ? rc : pkv__parse_own(p, *node);
}

static int parse_community_id(struct pkv__parser *p, struct pkv__node **node)
{
    int rc = parse_flag(p, node, PKV__NODE_COMMUNITY_ID);
    if (rc)
        return rc;
    if (p->at->kind != PKV__TOKEN_STRING || p->at->length < 5 ||
        memcmp(p->at->text, "\"1:", 3) != 0)
        return pkv__parse_expected(
            p, "a Community ID such as \"1:hO+sN4H+MG5MY/8hIrXPqc4ZQz4=\", in double quotes,");
    rc = pkv__parse_set_text(p, *node, "%.*s", (int)(p->at->length - 2), p->at->text + 1);
    p->at++;
    return rc;
}

int pkv__parse_term(struct pkv__parser *p, struct pkv__node **node)
{
    const struct pkv__token *start = p->at;
    if (pkv__token_is(start, "vni")) {
        p->qualifier = (struct pkv__qualifier){.type = PKV__TYPE_VNI};
        p->at++;
        return PKV_OK;
    }
    if (pkv__token_is(start, "vxlan"))
        return pkv__parse_error(p, start,
                                "'vxlan' is no term of pktvault: write 'vni %.*s' (or 'vni any')",
                                start[1].kind == PKV__TOKEN_WORD ? (int)start[1].length : 3,
                                start[1].kind == PKV__TOKEN_WORD ? start[1].text : "100");
    if (pkv__token_is(start, "gateway"))
        return pkv__parse_error(
            p, start, "'gateway' needs names of hosts, which are not resolved: write 'ether host'");
    if (pkv__token_is(start, "truncated"))
        return parse_flag(p, node, PKV__NODE_TRUNCATED);
    if (pkv__token_is(start, "malformed"))
        return parse_flag(p, node, PKV__NODE_MALFORMED);
    if (pkv__token_is(start, "community-id"))
        return parse_community_id(p, node);
    if (pkv__token_is(start, "vlan"))
        return parse_vlan(p, node);
    if (pkv__parse_is_keyword(start))
        return parse_qualified(p, node);
    if (start[1].kind == PKV__TOKEN_OPERATOR || start[1].kind == PKV__TOKEN_BRACKET_OPEN ||
        strncmp(start->text, "len-", 4) == 0)
        return pkv__parse_bpf(p, start, node);
    return pkv__parse_expected(p, "a term such as 'host 10.0.0.1', 'port 80', 'vni 100' or 'tcp'");
}
