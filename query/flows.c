/* SPDX-License-Identifier: BSD-2-Clause */
/* Flows over a range, one a key, whatever the segments. */
#include <stdlib.h>
#include <string.h>

#include <pktvault/time.h>

#include "base/error.h"
#include "base/memory.h"
#include "packet/names.h"
#include "query/query_internal.h"

/* What is added up. A group of flows uses the key with parts of it zeroed; side 0 and 1 as in the
 * key. */
struct group {
    int64_t first_ns, last_ns;
    int64_t initiator_ns; /* of the segment's flow that told the initiator */
    uint64_t packets[2], bytes[2];
    uint8_t flags[2], initiator, sure, has_ports;
    int icmp; /* as pkv__flow_icmp, of the flow that told the initiator */
    char vni_name[33];
};

struct flows {
    struct pkv_query *query;
    int by;
    struct pkv__flow_set keys;
    struct group *groups; /* by number in `keys` */
    size_t capacity;
    pkv_error *error;
};

/* What of a flow is counted in the range. */
struct counted {
    int64_t first_ns, last_ns;
    uint64_t packets[2], bytes[2];
    uint8_t flags[2];
};

static int find(struct flows *f, const struct pkv__flow_key *key, struct group **group)
{
    int rc = pkv__flow_set_add(&f->keys, key, f->error);
    if (rc < 0)
        return rc;
    size_t number = pkv__flow_set_find(&f->keys, key);
    if (rc == 1) {
        if (pkv__grow(&f->groups, &f->capacity, number + 1, sizeof(*f->groups)))
            return pkv__error_memory(f->error);
        f->groups[number] =
            (struct group){.first_ns = INT64_MAX, .last_ns = INT64_MIN, .initiator_ns = INT64_MAX};
    }
    *group = &f->groups[number];
    return PKV_OK;
}

/* A SYN decides who began, else who came first; of equal knowledge the earlier. */
static void learn_initiator(struct group *group, uint8_t initiator,
                            const struct pkv__plan_flow *flow)
{
    bool sure = flow->syn;
    if (group->sure > sure || (group->sure == sure && flow->first_ns >= group->initiator_ns))
        return;
    group->sure = sure;
    group->initiator = initiator;
    group->icmp = flow->icmp;
    group->initiator_ns = flow->first_ns;
}

static int add(struct flows *f, const struct pkv__flow_key *key, const struct pkv__plan_flow *flow,
               unsigned initiator, const struct counted *c, const char *vni_name)
{
    struct group *group = NULL;
    int rc = find(f, key, &group);
    if (rc)
        return rc;
    learn_initiator(group, (uint8_t)initiator, flow);
    group->first_ns = c->first_ns < group->first_ns ? c->first_ns : group->first_ns;
    group->last_ns = c->last_ns > group->last_ns ? c->last_ns : group->last_ns;
    group->has_ports |= flow->has_ports;
    for (unsigned side = 0; side < 2; side++) {
        group->packets[side] += c->packets[side];
        group->bytes[side] += c->bytes[side];
        group->flags[side] |= c->flags[side];
    }
    if (vni_name && !*group->vni_name)
        (void)strncat(group->vni_name, vni_name, sizeof(group->vni_name) - 1);
    return PKV_OK;
}

static void swap_sides(struct counted *c)
{
    struct counted other = *c;
    for (unsigned side = 0; side < 2; side++) {
        c->packets[side] = other.packets[!side];
        c->bytes[side] = other.bytes[!side];
        c->flags[side] = other.flags[!side];
    }
}

/* The tunnel's kind and VNI; for a flow or pair also what carried it. */
static struct pkv__flow_key tunnel_key(const struct pkv__flow_key *from)
{
    return (struct pkv__flow_key){.tunnel = from->tunnel, .vni = from->vni};
}

/* A host's row: side 0 is what it sent, side 1 what it received. */
static int add_host(struct flows *f, const struct pkv__plan_flow *flow, unsigned side,
                    const struct counted *c, const char *name)
{
    struct pkv__flow_key key = tunnel_key(&flow->key);
    struct counted own = *c;
    key.class_ = flow->key.class_ == PKV__CLASS_ARP ? PKV__CLASS_IP : flow->key.class_;
    key.address_length = flow->key.address_length;
    memcpy(key.address[0], flow->key.address[side], 16);
    if (side)
        swap_sides(&own);
    return add(f, &key, flow, 0, &own, name);
}

static int add_hosts(struct flows *f, const struct pkv__plan_flow *flow, const struct counted *c,
                     const char *name)
{
    int rc = add_host(f, flow, 0, c, name);
    if (rc || memcmp(flow->key.address[0], flow->key.address[1], 16) == 0)
        return rc;
    return add_host(f, flow, 1, c, name);
}

/* By the port that was called: that of the responder. */
static int add_port(struct flows *f, const struct pkv__plan_flow *flow, const struct counted *c,
                    const char *name)
{
    struct pkv__flow_key key = tunnel_key(&flow->key);
    struct counted own = *c;
    key.class_ = flow->key.class_;
    key.protocol = flow->key.protocol;
    key.ethertype = flow->key.ethertype;
    key.port[1] = flow->has_ports ? flow->key.port[!flow->initiator] : 0;
    if (flow->initiator)
        swap_sides(&own);
    return add(f, &key, flow, 0, &own, name);
}

static int add_pair(struct flows *f, const struct pkv__plan_flow *flow, const struct counted *c,
                    const char *name)
{
    struct pkv__flow_key key = flow->key;
    key.class_ = flow->key.class_ == PKV__CLASS_ARP ? PKV__CLASS_IP : flow->key.class_;
    key.orphan = key.protocol = 0;
    key.ethertype = 0;
    key.port[0] = key.port[1] = 0;
    return add(f, &key, flow, flow->initiator, c, name);
}

static int add_counted(struct flows *f, struct pkv__plan *plan, const struct pkv__plan_flow *flow,
                       const struct counted *c)
{
    f->query->report.packets += c->packets[0] + c->packets[1];
    f->query->report.bytes += c->bytes[0] + c->bytes[1];
    pkv__flow_count_add(&f->query->flows, &flow->key);
    pkv__query_read_names(f->query, plan);
    const char *name = flow->key.tunnel ? pkv__vni_names_find(&plan->names, flow->key.vni) : NULL;
    struct pkv__flow_key vni;
    switch (f->by) {
    case PKV_BY_PAIR:
        return add_pair(f, flow, c, name);
    case PKV_BY_HOST:
        return add_hosts(f, flow, c, name);
    case PKV_BY_PORT:
        return add_port(f, flow, c, name);
    case PKV_BY_VNI:
        vni = tunnel_key(&flow->key);
        return add(f, &vni, flow, 0, c, name);
    default:
        return add(f, &flow->key, flow, flow->initiator, c, name);
    }
}

static void count_packet(struct counted *c, const struct pkv__facts *facts,
                         const pkv_packet *packet, unsigned side)
{
    if (!c->packets[0] && !c->packets[1])
        c->first_ns = c->last_ns = packet->time_ns;
    if (packet->time_ns < c->first_ns)
        c->first_ns = packet->time_ns;
    if (packet->time_ns > c->last_ns)
        c->last_ns = packet->time_ns;
    c->packets[side]++;
    c->bytes[side] += facts->inner_original_bytes;
    c->flags[side] |= facts->inner.has_tcp_flags ? facts->inner.tcp_flags : 0;
}

static int count_run(struct flows *f, struct pkv__run *run, struct counted *counted)
{
    int rc = PKV_OK;
    for (run->at = 0; run->at < run->count && !rc; run->at++) {
        const struct pkv__plan_entry *entry = &run->plan->entries[run->items[run->at].entry];
        struct pkv__facts facts;
        pkv_packet packet;
        rc = pkv__run_packet(run, &packet, f->error);
        if (rc)
            break;
        pkv__plan_facts(run->plan, entry, &packet, &facts);
        count_packet(&counted[entry->flow / 4], &facts, &packet, entry->flow & 1);
    }
    return rc;
}

static int count_packets(struct flows *f, struct pkv__plan *plan, struct counted *counted)
{
    int rc = PKV_OK;
    for (size_t i = 0; i < plan->block_count && !rc; i++) {
        struct pkv__run *run = NULL;
        rc = pkv__query_check_canceled(f->query, f->error);
        if (!rc)
            rc = pkv__query_load(f->query, plan, i, &f->query->request, &run, f->error);
        if (!rc && run)
            rc = count_run(f, run, counted);
        (void)pkv__run_free(run);
    }
    return rc;
}

static int count_row(void *context, struct pkv__plan *plan, const struct pkv__flow_row *row)
{
    struct counted c = {.first_ns = row->flow.first_ns, .last_ns = row->last_ns};
    memcpy(c.packets, row->packets, sizeof(c.packets));
    memcpy(c.bytes, row->bytes, sizeof(c.bytes));
    memcpy(c.flags, row->tcp_flags, sizeof(c.flags));
    return add_counted(context, plan, &row->flow, &c);
}

/* Flows that do not lie in the range and match as a whole. */
static int count_plan(struct flows *f, struct pkv__plan *plan)
{
    PKV__AUTO_FREE struct counted *counted =
        pkv__alloc_zero(plan->flow_count + 1, sizeof(*counted));
    if (!counted)
        return pkv__error_memory(f->error);
    int rc = count_packets(f, plan, counted);
    for (size_t i = 0; i < plan->flow_count && !rc; i++)
        if (counted[i].packets[0] || counted[i].packets[1])
            rc = add_counted(f, plan, &plan->flows[i], &counted[i]);
    return rc;
}

static int count_segments(struct flows *f, bool twice)
{
    struct pkv_query *query = f->query;
    struct pkv__plan_request request = query->request;
    int rc = PKV_OK;
    request.row = count_row;
    request.context = f;
    request.twice = twice;
    for (size_t i = 0; i < query->segments.count && !rc; i++) {
        struct pkv__plan *plan = NULL;
        rc = pkv__query_check_canceled(query, f->error);
        if (!rc)
            rc = pkv__query_plan(query, (uint32_t)i, &request, &plan, f->error);
        if (!rc)
            rc = count_plan(f, plan);
        pkv__query_drop_plan(query, plan);
    }
    return rc;
}

static void forget(struct flows *f)
{
    pkv__flow_set_deinit(&f->keys);
    pkv__free(f->groups);
    f->groups = NULL;
    f->capacity = 0;
}

static int count_again(struct flows *f)
{
    forget(f);
    pkv__flow_count_deinit(&f->query->flows);
    f->query->report = (pkv_query_report){0};
    int rc = pkv__query_find_segments(f->query, f->error);
    return rc ? rc : count_segments(f, true);
}

struct sort_item {
    const struct pkv__flow_key *key;
    const struct group *group;
    uint64_t value;
};

static int compare(const void *a, const void *b)
{
    const struct sort_item *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    if (x->group->first_ns != y->group->first_ns)
        return x->group->first_ns < y->group->first_ns ? -1 : 1;
    return memcmp(x->key, y->key, sizeof(*x->key));
}

static uint64_t sort_value(const struct group *group, int sort)
{
    if (sort == PKV_SORT_BYTES)
        return group->bytes[0] + group->bytes[1];
    return sort == PKV_SORT_PACKETS ? group->packets[0] + group->packets[1] : 0;
}

static void set_address(pkv_address *to, const uint8_t bytes[16], uint8_t length)
{
    memcpy(to->bytes, bytes, sizeof(to->bytes));
    to->length = length;
}

static void fill_protocol(pkv_flow *flow, const struct flows *f, const struct pkv__flow_key *key)
{
    bool has_protocol = f->by == PKV_BY_FLOW || f->by == PKV_BY_PORT;
    if (!has_protocol)
        return;
    flow->protocol_number = key->protocol;
    (void)pkv__names_protocol(flow->protocol, key->class_, key->protocol, key->ethertype);
}

static void fill(pkv_flow *flow, const struct flows *f, const struct pkv__flow_key *key,
                 const struct group *group)
{
    unsigned src = group->initiator, dst = !src;
    *flow = (pkv_flow){.first_ns = group->first_ns,
                       .last_ns = group->last_ns,
                       .tunnel = key->tunnel,
                       .vni = key->vni,
                       .vni_name = *group->vni_name ? group->vni_name : NULL};
    set_address(&flow->outer_a, key->outer[0], key->outer_length);
    set_address(&flow->outer_b, key->outer[1], key->outer_length);
    set_address(&flow->src, key->address[src],
                f->by == PKV_BY_PORT || f->by == PKV_BY_VNI ? 0 : key->address_length);
    set_address(&flow->dst, key->address[dst], f->by <= PKV_BY_PAIR ? key->address_length : 0);
    fill_protocol(flow, f, key);
    flow->has_ports =
        group->has_ports && !key->orphan && (f->by == PKV_BY_FLOW || f->by == PKV_BY_PORT);
    flow->src_port = key->port[src];
    flow->dst_port = key->port[dst];
    flow->src_packets = group->packets[src];
    flow->src_bytes = group->bytes[src];
    flow->dst_packets = group->packets[dst];
    flow->dst_bytes = group->bytes[dst];
    flow->src_flags = group->flags[src];
    flow->dst_flags = group->flags[dst];
    if (f->by == PKV_BY_FLOW)
        pkv__flow_community_id(flow->community_id, key, src, group->icmp);
}

static int deliver(struct flows *f, int sort, uint64_t limit, pkv_flow_fn *row, void *context)
{
    size_t count = f->keys.count;
    PKV__AUTO_FREE struct sort_item *items = pkv__alloc_zero(count + 1, sizeof(*items));
    if (!items)
        return pkv__error_memory(f->error);
    for (size_t i = 0; i < count; i++)
        items[i] =
            (struct sort_item){&f->keys.keys[i], &f->groups[i], sort_value(&f->groups[i], sort)};
    qsort(items, count, sizeof(*items), compare);
    for (size_t i = 0; i < count && (!limit || i < limit); i++) {
        pkv_flow flow;
        fill(&flow, f, items[i].key, items[i].group);
        if (row(context, &flow))
            break;
    }
    return PKV_OK;
}

int pkv_query_flows(pkv_query *query, int by, int sort, uint64_t limit, pkv_flow_fn *row,
                    void *context, pkv_error *error)
{
    struct flows flows = {.query = query, .by = by, .error = error};
    if (query->flags & (PKV_QUERY_WHOLE | PKV_QUERY_DEDUP))
        return pkv__error(error, PKV_E_UNSUPPORTED, -1,
                          "flows are counted in the range and as they were mirrored: "
                          "neither --whole nor --dedup applies");
    int rc = count_segments(&flows, false);
    if (rc == PKV__PLAN_SPOILED)
        rc = count_again(&flows);
    if (!rc)
        rc = deliver(&flows, sort, limit, row, context);
    forget(&flows);
    return rc;
}
