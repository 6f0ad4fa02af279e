/* SPDX-License-Identifier: BSD-2-Clause */
/* Values: protocols and VNIs, and what all values share. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "query/filter_parse.h"

bool pkv__parse_word(const struct pkv__token *token, char *to, size_t room)
{
    if (token->kind != PKV__TOKEN_WORD || token->length >= room)
        return false;
    memcpy(to, token->text, token->length);
    to[token->length] = 0;
    return true;
}

bool pkv__parse_has_leading_zero(const char *text)
{
    return text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

bool pkv__parse_digits(const char *text, uint64_t *value)
{
    if (*text < '0' || *text > '9' || pkv__parse_has_leading_zero(text))
        return false;
    char *end = NULL;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    *value = strtoull(text, &end, hex ? 16 : 10);
    return !*end && *value <= UINT32_MAX;
}

int pkv__parse_number(const struct pkv__token *token, uint64_t *value)
{
    char text[32];
    return pkv__parse_word(token, text, sizeof(text)) && pkv__parse_digits(text, value)
               ? PKV_OK
               : PKV_E_SYNTAX;
}

int pkv__parse_finish(struct pkv__parser *p, struct pkv__node *node, const char *id)
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

static const struct {
    const char *name;
    uint32_t number;
} ethertypes[] = {{"ip", 0x0800}, {"ip6", 0x86dd}, {"arp", 0x0806}, {"rarp", 0x8035}};

static bool protocol_number(const char *text, bool link, uint32_t *number)
{
    uint64_t value = 0;
    if (pkv__parse_digits(text, &value)) {
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
    if (!pkv__parse_word(p->at, text, sizeof(text)) || !protocol_number(text, link, &n->first))
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
    bool good = pkv__parse_digits(text, &low) && pkv__parse_digits(dash ? dash + 1 : text, &high);
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
    if (names->unread)
        return pkv__error(p->error, names->unread->code, -1,
                          "whether '%.40s' is the name of a VNI is not known: %s", text,
                          names->unread->text);
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
    if (!pkv__parse_word(p->at, text, sizeof(text)))
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
        return p->qualifier.family == PKV__FAMILY_LINK ? pkv__parse_mac(p, node)
                                                       : pkv__parse_address(p, node);
    case PKV__TYPE_NET:
        return pkv__parse_address(p, node);
    case PKV__TYPE_PORT:
    case PKV__TYPE_PORTRANGE:
        return pkv__parse_port(p, node);
    case PKV__TYPE_PROTO:
        return parse_protocol_value(p, node);
    default:
        return parse_vni(p, node);
    }
}
