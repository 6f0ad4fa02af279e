/* SPDX-License-Identifier: BSD-2-Clause */
/* A plan by reading the segment from its start: for what is not indexed. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/options.h"
#include "query/plan.h"

struct scan {
    struct pkv__plan *plan;
    const struct pkv__plan_request *request;
    const struct pkv__scan_events *events;
    struct pkv__plan_counts *counts;
    struct pkv__segment_reader *reader;
    struct pkv__flow_table *flows;
    struct pkv__buffer scratch;
    struct pkv__plan_block block; /* at hand */
    uint32_t ordinal;
    bool import;
    pkv_error *error;
};

static void take_name(void *context, const char *text, size_t length)
{
    struct scan *s = context;
    char copy[80];
    uint32_t first, last;
    const char *label;
    if (length >= sizeof(copy))
        return;
    memcpy(copy, text, length);
    copy[length] = 0;
    if (pkv__options_vni(copy, &first, &last, &label) == 0)
        (void)pkv__vni_names_add(&s->plan->names, first, last, label, strlen(label));
}

static bool wanted(struct scan *s, const pkv_packet *packet, struct pkv__facts *facts,
                   const struct pkv__flow *flow)
{
    const struct pkv__plan_request *r = s->request;
    if (packet->time_ns < pkv__plan_since(s->plan, r, s->block.offset) ||
        packet->time_ns >= r->until_ns)
        return false;
    s->counts->packets_checked++;
    if (r->whole)
        return pkv__flow_set_has(r->whole, &flow->key);
    struct pkv__subject subject = {.facts = facts,
                                   .packet = packet,
                                   .link_type =
                                       s->plan->interfaces[packet->interface_id].view.link_type,
                                   .flow = &flow->key,
                                   .initiator = flow->initiator,
                                   .icmp = pkv__flow_icmp(flow),
                                   .scratch = &s->scratch};
    return pkv__filter_match(r->filter, &subject);
}

/* The number of the flow in the plan, which is given with its first packet; kept in the flow's
 * `user`, plus one. */
static int plan_flow(struct scan *s, struct pkv__flow *flow, uint32_t *number)
{
    if (!flow->user) {
        struct pkv__plan_flow *made;
        int rc = pkv__plan_add_flow(s->plan, &made);
        if (rc)
            return rc;
        made->key = flow->key;
        flow->user = (void *)(uintptr_t)s->plan->flow_count;
    }
    *number = (uint32_t)(uintptr_t)flow->user - 1;
    return PKV_OK;
}

static void widen(struct pkv__plan_block *block, int64_t time_ns)
{
    if (!block->entries++)
        block->first_ns = block->last_ns = time_ns;
    if (time_ns < block->first_ns)
        block->first_ns = time_ns;
    if (time_ns > block->last_ns)
        block->last_ns = time_ns;
}

static int scan_packet(struct scan *s, const struct pkv__pcapng_block *block)
{
    pkv_packet packet;
    struct pkv__facts facts;
    struct pkv__flow *flow;
    unsigned side;
    uint32_t number;
    if (pkv__pcapng_get_packet(block, &packet) || packet.interface_id >= s->plan->interface_count)
        return PKV_E_FORMAT;
    pkv__decode(&facts, s->plan->interfaces[packet.interface_id].view.link_type, packet.data,
                packet.captured_bytes, packet.original_bytes);
    int rc = pkv__flow_table_add(s->flows, &facts, packet.time_ns, &flow, &side);
    uint32_t ordinal = s->ordinal++;
    if (rc || !wanted(s, &packet, &facts, flow))
        return rc;
    rc = plan_flow(s, flow, &number);
    if (!rc)
        rc = pkv__plan_add_entry(s->plan, ordinal, number * 4 + side);
    if (!rc)
        widen(&s->block, packet.time_ns);
    return rc;
}

static int scan_section(struct scan *s, const struct pkv__pcapng_block *block)
{
    struct pkv__section section;
    if (pkv__pcapng_get_section(block, &section))
        return PKV_E_FORMAT;
    s->import = section.import;
    pkv__pcapng_get_vni_names(block, take_name, s);
    return PKV_OK;
}

static int scan_interface(struct scan *s, const struct pkv__pcapng_block *block)
{
    struct pkv__interface interface_;
    int rc = pkv__pcapng_get_interface(block, &interface_);
    if (rc)
        return rc;
    rc = pkv__plan_add_interface(s->plan, &interface_.view);
    pkv__interface_deinit(&interface_);
    /* The indexer, too, takes one too many for damage of its block. */
    return rc == PKV_E_LIMIT ? PKV_E_FORMAT : rc;
}

static int scan_statistics(struct scan *s, const struct pkv__pcapng_block *block)
{
    struct pkv__statistics statistics;
    uint32_t interface_id;
    if (pkv__pcapng_get_statistics(block, &interface_id, &statistics))
        return PKV_E_FORMAT;
    if (s->events->statistics)
        s->events->statistics(s->events->context, interface_id, &statistics);
    return PKV_OK;
}

static int scan_pcapng(struct scan *s, const struct pkv__pcapng_block *block)
{
    switch (block->type) {
    case PKV__PCAPNG_PACKET:
        return scan_packet(s, block);
    case PKV__PCAPNG_SECTION:
        return scan_section(s, block);
    case PKV__PCAPNG_INTERFACE:
        return scan_interface(s, block);
    case PKV__PCAPNG_STATISTICS:
        return scan_statistics(s, block);
    default:
        return PKV_OK;
    }
}

static void damage(struct scan *s, const pkv_error *error)
{
    if (s->events->damage)
        s->events->damage(s->events->context, s->plan->path, error);
}

static int scan_raw(struct scan *s, const struct pkv__raw_block *raw)
{
    struct pkv__pcapng_block block;
    size_t offset = 0;
    int rc;
    while ((rc = pkv__pcapng_next(raw->raw, raw->raw_bytes, &offset, &block)) == 1) {
        rc = scan_pcapng(s, &block);
        if (rc)
            break;
    }
    if (rc != PKV_E_FORMAT)
        return rc;
    pkv_error inner;
    (void)pkv__error(&inner, PKV_E_FORMAT, raw->offset,
                     "%s: the block at byte %lld holds broken pcapng", s->plan->path,
                     (long long)raw->offset);
    damage(s, &inner);
    return PKV_OK;
}

static int scan_block(struct scan *s, const struct pkv__raw_block *raw)
{
    s->block = (struct pkv__plan_block){.offset = raw->offset,
                                        .stored_bytes = raw->stored_bytes,
                                        .first_ordinal = s->ordinal,
                                        .entry = (uint32_t)s->plan->entry_count};
    s->counts->blocks++;
    s->plan->scanned_bytes = raw->offset + raw->stored_bytes;
    int rc = scan_raw(s, raw);
    s->block.packets = s->ordinal - s->block.first_ordinal;
    if (!rc && s->block.entries)
        rc = pkv__plan_add_block(s->plan, &s->block);
    return rc;
}

static bool canceled(const struct scan *s)
{
    return s->request->cancel && __atomic_load_n(s->request->cancel, __ATOMIC_RELAXED);
}

static int scan_blocks(struct scan *s)
{
    struct pkv__raw_block raw;
    pkv_error inner = {0};
    int rc;
    while ((rc = pkv__segment_reader_next(s->reader, &raw, &inner)) != 0) {
        if (canceled(s))
            return pkv__error(s->error, PKV_E_CANCELED, -1, "canceled");
        if (rc == PKV_E_FORMAT) {
            damage(s, &inner);
            continue;
        }
        if (rc == 1)
            rc = scan_block(s, &raw);
        if (rc)
            return rc == PKV_E_MEMORY
                       ? pkv__error_memory(s->error)
                       : pkv__error(s->error, rc, inner.offset, "%s: %s", s->plan->path,
                                    *inner.text ? inner.text : "past a limit of a segment");
    }
    return PKV_OK;
}

/* What the table knows at the end: later packets may have told who began, or added counts. */
static void finish_flow(struct pkv__plan_flow *to, const struct pkv__flow *flow)
{
    to->has_ports = flow->has_ports;
    to->initiator = flow->initiator;
    to->icmp = pkv__flow_icmp(flow);
    to->syn = (flow->tcp_flags[0] | flow->tcp_flags[1]) >> 1 & 1;
    to->first_ns = flow->first_ns;
}

static void finish(struct scan *s)
{
    uint32_t count = pkv__flow_table_count(s->flows);
    int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
    for (uint32_t id = 0; id < count; id++) {
        const struct pkv__flow *flow = pkv__flow_table_at(s->flows, id);
        first_ns = flow->first_ns < first_ns ? flow->first_ns : first_ns;
        last_ns = flow->last_ns > last_ns ? flow->last_ns : last_ns;
        if (flow->user)
            finish_flow(&s->plan->flows[(uintptr_t)flow->user - 1], flow);
    }
    s->counts->flows_seen += count;
    s->counts->flows_matched += s->plan->flow_count;
    if (s->events->coverage)
        s->events->coverage(s->events->context, first_ns, last_ns, s->import);
    pkv__plan_sort_blocks(s->plan);
}

int pkv__plan_from_scan(struct pkv__plan *plan, const struct pkv__plan_request *request,
                        const struct pkv__scan_events *events, struct pkv__plan_counts *counts,
                        pkv_error *error)
{
    struct scan s = {
        .plan = plan, .request = request, .events = events, .counts = counts, .error = error};
    plan->scanned = plan->named = true;
    int rc = pkv__segment_reader_open(&s.reader, plan->path, error);
    if (rc)
        return rc;
    rc = pkv__flow_table_new(&s.flows) ? pkv__error_memory(error) : scan_blocks(&s);
    if (!rc)
        finish(&s);
    pkv__buffer_deinit(&s.scratch);
    (void)pkv__flow_table_free(s.flows);
    (void)pkv__segment_reader_free(s.reader);
    return rc;
}
