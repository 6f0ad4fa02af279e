/* SPDX-License-Identifier: BSD-2-Clause */
/* A packet in the words of a line of text. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "packet/names.h"
#include "query/frame.h"
#include "query/query_internal.h"

_Static_assert((int)PKV_TUNNEL_VXLAN == (int)PKV__TUNNEL_VXLAN &&
                   (int)PKV_TUNNEL_GENEVE == (int)PKV__TUNNEL_GENEVE,
               "tunnels have one number inside and outside");

static void set_address(pkv_address *to, const struct pkv__address *from)
{
    memcpy(to->bytes, from->bytes, sizeof(to->bytes));
    to->length = from->length;
}

static void set_mac(pkv_address *to, const uint8_t *mac)
{
    memcpy(to->bytes, mac, 6);
    to->length = 6;
}

/* "S", "SA", "PA": as letters, in the order that tcpdump's readers know; "." for a lone ACK. */
static void tcp_info(char *to, size_t room, uint8_t flags)
{
    static const char letters[] = {'F', 'S', 'R', 'P', 'A', 'U', 'E', 'C'};
    static const uint8_t order[] = {1, 0, 2, 3, 5, 6, 7, 4};
    size_t used = 0;
    for (size_t i = 0; i < sizeof(order) && used + 1 < room; i++)
        if (flags >> order[i] & 1)
            to[used++] = letters[order[i]];
    to[used] = 0;
}

static void arp_info(char *to, size_t room, const struct pkv__layer *layer)
{
    char src[INET_ADDRSTRLEN] = "", dst[INET_ADDRSTRLEN] = "";
    (void)inet_ntop(AF_INET, layer->src.bytes, src, sizeof(src));
    (void)inet_ntop(AF_INET, layer->dst.bytes, dst, sizeof(dst));
    if (layer->arp_operation == 1)
        (void)snprintf(to, room, "who-has %s", dst);
    else if (layer->arp_operation == 2)
        (void)snprintf(to, room, "is-at %s", src);
    else
        (void)snprintf(to, room, "operation %u", layer->arp_operation);
}

static void info(pkv_summary *summary, const struct pkv__layer *layer)
{
    if (layer->class_ == PKV__CLASS_ARP)
        arp_info(summary->info, sizeof(summary->info), layer);
    else if (layer->has_tcp_flags)
        tcp_info(summary->info, sizeof(summary->info), layer->tcp_flags);
    else if (layer->has_icmp)
        (void)snprintf(summary->info, sizeof(summary->info), "%u/%u", layer->icmp_type,
                       layer->icmp_code);
}

static void set_outer(pkv_summary *summary, const struct pkv__facts *facts)
{
    set_address(&summary->outer_src, &facts->outer.src);
    set_address(&summary->outer_dst, &facts->outer.dst);
    summary->outer_src_port = facts->outer.src_port;
    summary->outer_dst_port = facts->outer.dst_port;
}

static void set_inner(pkv_summary *summary, const struct pkv__layer *layer)
{
    set_address(&summary->src, &layer->src);
    set_address(&summary->dst, &layer->dst);
    if (!layer->src.length && layer->has_macs) {
        set_mac(&summary->src, layer->src_mac);
        set_mac(&summary->dst, layer->dst_mac);
    }
    summary->has_ports = layer->has_ports;
    summary->src_port = layer->src_port;
    summary->dst_port = layer->dst_port;
    summary->tcp_flags = layer->tcp_flags;
    info(summary, layer);
}

void pkv_query_summary(const pkv_query *query, pkv_summary *summary)
{
    struct pkv__facts facts;
    memset(summary, 0, sizeof(*summary));
    if (!query->current)
        return;
    const struct pkv__plan *plan = query->current->plan;
    pkv__plan_facts(plan, pkv__query_entry(query), &query->packet, &facts);
    summary->tunnel = (int)facts.tunnel;
    summary->vni = facts.vni;
    if (facts.tunnel != PKV__TUNNEL_NONE) {
        summary->vni_name = pkv__vni_names_find(&plan->names, facts.vni);
        set_outer(summary, &facts);
    }
    set_inner(summary, &facts.inner);
    summary->flags = (uint8_t)((facts.truncated ? PKV_SUMMARY_TRUNCATED : 0) |
                               (facts.malformed ? PKV_SUMMARY_MALFORMED : 0) |
                               (facts.inner.fragment ? PKV_SUMMARY_FRAGMENT : 0));
    summary->inner_bytes = facts.inner_original_bytes;
    (void)pkv__names_protocol(summary->protocol, facts.inner.class_, facts.inner.protocol,
                              facts.inner.ethertype);
}
