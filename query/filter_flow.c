/* SPDX-License-Identifier: BSD-2-Clause */
/* Terms on a whole flow and on a whole segment, in three values. */
#include <string.h>

#include "base/cursor.h"
#include "query/filter_node.h"
#include "schema/summary.h"

struct flow {
    const struct pkv__flow_key *key;
    bool has_ports;
    unsigned initiator;
    int icmp;
};

static enum pkv__truth truth(bool value)
{
    return value ? PKV__YES : PKV__NO;
}

/* Of a term that both ends' values decide: known for every packet unless it asks which end sent. */
static enum pkv__truth by_ends(enum pkv__direction direction, bool a, bool b)
{
    if (direction == PKV__EITHER)
        return truth(a || b);
    if (direction == PKV__BOTH)
        return truth(a && b);
    return a && b ? PKV__YES : a || b ? PKV__MAYBE : PKV__NO;
}

static unsigned network_of(const struct pkv__flow_key *key)
{
    if (key->class_ == PKV__CLASS_IP)
        return key->address_length == 16 ? PKV__NET_IP6 : PKV__NET_IP;
    if (key->class_ == PKV__CLASS_ARP)
        return key->ethertype == 0x8035 ? PKV__NET_RARP : PKV__NET_ARP;
    return 0;
}

static enum pkv__truth address_truth(const struct pkv__node *node, const struct pkv__flow_key *key)
{
    if (node->outer) {
        if (key->tunnel == PKV__TUNNEL_NONE)
            return PKV__NO;
        return by_ends(node->direction, pkv__node_covers(node, key->outer[0], key->outer_length),
                       pkv__node_covers(node, key->outer[1], key->outer_length));
    }
    if (!(network_of(key) & node->networks))
        return PKV__NO;
    return by_ends(node->direction, pkv__node_covers(node, key->address[0], key->address_length),
                   pkv__node_covers(node, key->address[1], key->address_length));
}

static enum pkv__truth port_truth(const struct pkv__node *node, const struct flow *flow)
{
    const struct pkv__flow_key *key = flow->key;
    if (node->outer)
        return key->tunnel == PKV__TUNNEL_NONE ? PKV__NO : PKV__MAYBE;
    unsigned of = key->protocol == 6     ? PKV__TRANSPORT_TCP
                  : key->protocol == 17  ? PKV__TRANSPORT_UDP
                  : key->protocol == 132 ? PKV__TRANSPORT_SCTP
                                         : 0;
    if (key->class_ != PKV__CLASS_IP || !(of & node->transports))
        return PKV__NO;
    /* A cut packet has no ports and shares the flow of real ports of 0. */
    if (key->orphan || !flow->has_ports || !key->port[0] || !key->port[1])
        return PKV__MAYBE;
    return by_ends(node->direction, key->port[0] >= node->first && key->port[0] <= node->last,
                   key->port[1] >= node->first && key->port[1] <= node->last);
}

static enum pkv__truth ethertype_truth(const struct pkv__node *node,
                                       const struct pkv__flow_key *key)
{
    if (key->class_ == PKV__CLASS_IP)
        return truth(node->first == (key->address_length == 16 ? 0x86ddu : 0x0800u));
    return PKV__MAYBE;
}

static enum pkv__truth community_truth(const struct pkv__node *node, const struct flow *flow)
{
    char text[PKV__COMMUNITY_ID_TEXT];
    pkv__flow_community_id(text, flow->key, flow->initiator, flow->icmp);
    return truth(strcmp(text, node->text) == 0);
}

static enum pkv__truth term_truth(const struct pkv__node *node, const struct flow *flow)
{
    const struct pkv__flow_key *key = flow->key;
    switch (node->kind) {
    case PKV__NODE_TRUE:
        return PKV__YES;
    case PKV__NODE_ADDRESS:
        return address_truth(node, key);
    case PKV__NODE_PORT:
        return port_truth(node, flow);
    case PKV__NODE_PROTOCOL:
        return truth(key->class_ == PKV__CLASS_IP && key->protocol == node->first &&
                     (network_of(key) & node->networks));
    case PKV__NODE_ETHERTYPE:
        return ethertype_truth(node, key);
    case PKV__NODE_VNI:
        return truth(key->tunnel != PKV__TUNNEL_NONE && key->vni >= node->first &&
                     key->vni <= node->last);
    case PKV__NODE_COMMUNITY_ID:
        return community_truth(node, flow);
    default:
        return PKV__MAYBE;
    }
}

/* Later fragments of outer packets belong to the flow inside, but tcpdump sees them as what they
 * are. */
static bool may_be_outer_fragment(const struct pkv__node *node, const struct pkv__flow_key *key)
{
    if (key->tunnel == PKV__TUNNEL_NONE)
        return false;
    if (node->kind == PKV__NODE_PROTOCOL)
        return node->first == 17;
    return node->kind == PKV__NODE_ADDRESS &&
           (pkv__node_covers(node, key->outer[0], key->outer_length) ||
            pkv__node_covers(node, key->outer[1], key->outer_length));
}

/* What tcpdump sees is what the decoder saw only in an ordinary packet, and then not always: an
 * address or port that no packet of the flow has is all that is sure. */
static enum pkv__truth exact_truth(const struct pkv__node *node, const struct flow *flow)
{
    enum pkv__truth value = term_truth(node, flow);
    if (node->own)
        return value;
    bool sure = node->kind == PKV__NODE_ADDRESS || node->kind == PKV__NODE_PORT ||
                node->kind == PKV__NODE_PROTOCOL;
    if (!sure || value != PKV__NO || flow->key->class_ != PKV__CLASS_IP ||
        may_be_outer_fragment(node, flow->key))
        return PKV__MAYBE;
    return PKV__NO;
}

/* What a term says of the flow or of the segment that is judged. */
typedef enum pkv__truth leaf_fn(const struct pkv__node *node, const void *judged, bool exact);

static enum pkv__truth tree_truth(const struct pkv__node *node, leaf_fn *leaf, const void *judged,
                                  bool exact)
{
    enum pkv__truth value;
    switch (node->kind) {
    case PKV__NODE_NOT:
        return (enum pkv__truth)(PKV__YES - tree_truth(node->child, leaf, judged, exact));
    case PKV__NODE_AND:
        value = PKV__YES;
        for (node = node->child; node && value != PKV__NO; node = node->next) {
            enum pkv__truth one = tree_truth(node, leaf, judged, exact);
            value = one < value ? one : value;
        }
        return value;
    case PKV__NODE_OR:
        value = PKV__NO;
        for (node = node->child; node && value != PKV__YES; node = node->next) {
            enum pkv__truth one = tree_truth(node, leaf, judged, exact);
            value = one > value ? one : value;
        }
        return value;
    default:
        return leaf(node, judged, exact);
    }
}

static enum pkv__truth flow_leaf(const struct pkv__node *node, const void *flow, bool exact)
{
    return exact ? exact_truth(node, flow) : term_truth(node, flow);
}

enum pkv__truth pkv__filter_flow(struct pkv__filter *filter, const struct pkv__flow_key *key,
                                 bool has_ports, unsigned initiator, int icmp)
{
    struct flow flow = {key, has_ports, initiator, icmp};
    enum pkv__truth value = tree_truth(filter->root, flow_leaf, &flow, filter->exact);
    /* A cut field makes tcpdump reject a packet whatever the expression says: only the program
     * knows. */
    return filter->exact && value == PKV__YES && filter->root->kind != PKV__NODE_TRUE ? PKV__MAYBE
                                                                                      : value;
}

static bool may_have_address(const struct pkv__node *node, const struct pkv__segment_summary *s)
{
    unsigned bits = 0, whole = node->address.length * 8u;
    if (!s->addresses)
        return true;
    (void)pkv__node_prefix(node, &bits);
    if (bits < whole)
        bits = pkv__summary_prefix(node->address.length, bits);
    return !bits || pkv__filter_may_have(
                        s->addresses, s->addresses_length,
                        pkv__summary_address(node->address.bytes, node->address.length, bits));
}

static bool may_have_port(const struct pkv__node *node, const struct pkv__segment_summary *s)
{
    /* Each look costs a hash and has a chance of a false yes; a wide range is in nearly every
     * segment anyway. */
    if (!s->ports || node->last - node->first > 64)
        return true;
    for (uint32_t port = node->first; port <= node->last; port++)
        if (pkv__filter_may_have(s->ports, s->ports_length, pkv__summary_port((uint16_t)port)))
            return true;
    return false;
}

static bool may_have_vni(const struct pkv__node *node, const struct pkv__segment_summary *s)
{
    if (!s->vnis)
        return true;
    struct pkv__cursor c = pkv__cursor(s->vnis, s->vnis_length);
    uint64_t vni = 0;
    while (pkv__cursor_left(&c) && !c.failed) {
        vni += pkv__cursor_varint(&c);
        if (vni >= node->first && vni <= node->last)
            return true;
    }
    return c.failed;
}

static enum pkv__truth segment_leaf(const struct pkv__node *node, const void *summary, bool exact)
{
    bool may = true;
    switch (node->kind) {
    case PKV__NODE_ADDRESS:
        may = may_have_address(node, summary);
        break;
    case PKV__NODE_PORT:
        may = may_have_port(node, summary);
        break;
    case PKV__NODE_VNI:
        may = may_have_vni(node, summary);
        break;
    default:
        break;
    }
    return may || (exact && !node->own) ? PKV__MAYBE : PKV__NO;
}

unsigned pkv__filter_summaries(const struct pkv__filter *filter)
{
    unsigned summaries = 0;
    for (const struct pkv__node *node = filter->nodes; node; node = node->all)
        summaries |= node->kind == PKV__NODE_ADDRESS ? PKV__SUMMARY_ADDRESSES
                     : node->kind == PKV__NODE_PORT  ? PKV__SUMMARY_PORTS
                     : node->kind == PKV__NODE_VNI   ? PKV__SUMMARY_VNIS
                                                     : 0u;
    return summaries;
}

bool pkv__filter_segment(const struct pkv__filter *filter,
                         const struct pkv__segment_summary *summary)
{
    return tree_truth(filter->root, segment_leaf, summary, filter->exact) != PKV__NO;
}
