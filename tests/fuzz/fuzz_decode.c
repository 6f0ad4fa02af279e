/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets into decoder, flow table, names and Community ID. An input is a byte that chooses the
 * link type, then packets: captured length, and by how much the original was longer (16 bits each,
 * little endian), data. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "flow/flow.h"
#include "packet/names.h"

static const uint16_t link_types[] = {PKV__LINK_ETHERNET, PKV__LINK_RAW,  PKV__LINK_SLL,
                                      PKV__LINK_SLL2,     PKV__LINK_NULL, PKV__LINK_LOOP,
                                      PKV__LINK_IPV4,     PKV__LINK_IPV6, 147};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_layer(const struct pkv__layer *layer, uint32_t captured)
{
    require(layer->class_ <= PKV__CLASS_MALFORMED);
    require(layer->vlan_count <= PKV__VLAN_TAGS_MAX);
    require(layer->network_offset <= captured && layer->transport_offset <= captured);
    require(layer->src.length <= 16 && layer->dst.length <= 16);
    if (layer->class_ == PKV__CLASS_IP)
        require(layer->src.length == 4 || layer->src.length == 16);
    require(!layer->has_ports || layer->transport_offset > 0);
    require(!layer->first_fragment || layer->fragment);
}

static void check_facts(const struct pkv__facts *facts, uint32_t captured)
{
    check_layer(&facts->inner, captured);
    if (facts->tunnel != PKV__TUNNEL_NONE)
        check_layer(&facts->outer, captured);
    require(facts->vni <= PKV__VNI_MAX);
    require(facts->inner_offset <= captured);
    require(facts->inner_captured_bytes <= captured - facts->inner_offset);
    require(facts->inner_original_bytes >= facts->inner_captured_bytes);
    require(facts->inner.class_ != PKV__CLASS_MALFORMED || facts->malformed);
}

static void check_flow(const struct pkv__flow *flow)
{
    char name[PKV__NAMES_PROTOCOL_BYTES], id[PKV__COMMUNITY_ID_TEXT];
    require(strlen(pkv__names_protocol(name, flow->key.class_, flow->key.protocol,
                                       flow->key.ethertype)) > 0);
    pkv__flow_community_id(id, &flow->key, flow->initiator, pkv__flow_icmp(flow));
    require(strlen(id) == 0 || strlen(id) == 30);
    require(flow->initiator < 2 && flow->first_ns <= flow->last_ns);
}

static bool is_same_address(const struct pkv__address *a, const struct pkv__address *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool is_same_layer(const struct pkv__layer *a, const struct pkv__layer *b)
{
    return a->class_ == b->class_ && a->protocol == b->protocol && a->ethertype == b->ethertype &&
           a->has_ports == b->has_ports && a->src_port == b->src_port &&
           a->dst_port == b->dst_port && a->fragment == b->fragment &&
           is_same_address(&a->src, &b->src) && is_same_address(&a->dst, &b->dst);
}

static bool is_same(const struct pkv__facts *a, const struct pkv__facts *b)
{
    return a->tunnel == b->tunnel && a->vni == b->vni && is_same_layer(&a->outer, &b->outer) &&
           is_same_layer(&a->inner, &b->inner) && a->inner_offset == b->inner_offset &&
           a->inner_captured_bytes == b->inner_captured_bytes &&
           a->inner_original_bytes == b->inner_original_bytes && a->malformed == b->malformed &&
           a->truncated == b->truncated;
}

/* What is completed from the flow's identity alone must be what the table said. */
static void add(struct pkv__flow_table *table, struct pkv__facts *facts, int64_t time_ns)
{
    struct pkv__facts own = *facts;
    struct pkv__flow *flow;
    unsigned side;
    if (pkv__flow_table_add(table, facts, time_ns, &flow, &side) < 0)
        return;
    require(side < 2);
    pkv__flow_complete_facts(&own, &flow->key, flow->has_ports, side);
    require(is_same(&own, facts));
    check_flow(flow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pkv__flow_table *table;
    if (!table && pkv__flow_table_new(&table) < 0)
        return 0;
    pkv__flow_table_clear(table);
    struct pkv__cursor input = pkv__cursor(data, size);
    uint16_t link = link_types[pkv__cursor_u8(&input) % (sizeof link_types / sizeof *link_types)];
    for (int64_t n = 0; pkv__cursor_left(&input) > 4; n++) {
        uint32_t captured = pkv__cursor_u16le(&input), more = pkv__cursor_u16le(&input);
        if (captured > pkv__cursor_left(&input))
            captured = (uint32_t)pkv__cursor_left(&input);
        struct pkv__facts facts;
        pkv__decode(&facts, link, pkv__cursor_take(&input, captured), captured, captured + more);
        check_facts(&facts, captured);
        add(table, &facts, n * 1000000000);
    }
    return 0;
}
