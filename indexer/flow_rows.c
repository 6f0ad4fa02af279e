/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/flow_rows.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "indexer/flow_rows_internal.h"

PKV__DEFINE_CLEANUP(struct pkv__flow_rows, pkv__flow_rows_free);

int pkv__flow_rows_new(struct pkv__flow_rows **rows, const char *spill_path)
{
    struct pkv__flow_rows *made PKV__AUTO(pkv__flow_rows_free) = pkv__alloc_zero(1, sizeof *made);
    if (!made || (spill_path && !(made->spill_path = pkv__strdup(spill_path))) ||
        pkv__flow_table_new(&made->table) < 0 || pkv__packet_log_new(&made->log) < 0 ||
        pkv__intern_new(&made->hosts, sizeof(struct pkv__flow_host)) < 0 ||
        pkv__intern_new(&made->tunnels, sizeof(struct pkv__flow_tunnel)) < 0)
        return PKV_E_MEMORY;
    pkv__flow_rows_limit(made, PKV__FLOWS_MAX, PKV__EPOCH_PACKETS_MAX);
    *rows = PKV__STEAL(made);
    return 0;
}

void pkv__flow_rows_limit(struct pkv__flow_rows *rows, uint32_t flows, uint32_t packets)
{
    rows->flows_max = flows;
    rows->packets_max = packets;
}

struct pkv__flow_rows *pkv__flow_rows_free(struct pkv__flow_rows *rows)
{
    if (!rows)
        return NULL;
    (void)pkv__flow_table_free(rows->table);
    (void)pkv__packet_log_free(rows->log);
    (void)pkv__intern_free(rows->hosts);
    (void)pkv__intern_free(rows->tunnels);
    (void)pkv__scratch_free(rows->scratch);
    pkv__free(rows->ends);
    pkv__free(rows->tunnel_of);
    pkv__free(rows->spill_path);
    pkv__free(rows->epochs);
    pkv__free(rows);
    return NULL;
}

static int add_host(struct pkv__flow_rows *rows, const struct pkv__flow_key *key, unsigned side,
                    uint32_t *number)
{
    struct pkv__flow_host host = {.length = key->address_length};
    memcpy(host.bytes, key->address[side], sizeof host.bytes);
    return pkv__intern_add(rows->hosts, &host, number);
}

static int add_tunnel(struct pkv__flow_rows *rows, const struct pkv__flow_key *key,
                      uint32_t *number)
{
    if (key->tunnel == PKV__TUNNEL_NONE) {
        *number = 0;
        return 0;
    }
    struct pkv__flow_tunnel tunnel = {
        .vni = key->vni, .kind = key->tunnel, .outer_length = key->outer_length};
    memcpy(tunnel.outer, key->outer, sizeof tunnel.outer);
    int rc = pkv__intern_add(rows->tunnels, &tunnel, number);
    *number += 1;
    return rc;
}

static int add_flow(struct pkv__flow_rows *rows, const struct pkv__flow_key *key)
{
    size_t wanted = rows->count + (size_t)1;
    if (pkv__grow(&rows->ends, &rows->ends_capacity, wanted, sizeof *rows->ends) < 0 ||
        pkv__grow(&rows->tunnel_of, &rows->tunnel_of_capacity, wanted, sizeof *rows->tunnel_of) <
            0 ||
        add_host(rows, key, 0, &rows->ends[rows->count][0]) < 0 ||
        add_host(rows, key, 1, &rows->ends[rows->count][1]) < 0 ||
        add_tunnel(rows, key, &rows->tunnel_of[rows->count]) < 0)
        return PKV_E_MEMORY;
    rows->count++;
    return 0;
}

static int32_t protocol_of(const struct pkv__flow_key *key)
{
    if (key->class_ == PKV__CLASS_IP)
        return key->protocol;
    return key->class_ == PKV__CLASS_MALFORMED ? -1 : 65536 + (int32_t)key->ethertype;
}

/* Times come from the file, so their difference may not fit. */
static int64_t duration_of(const struct pkv__flow *flow)
{
    int64_t duration;
    return __builtin_sub_overflow(flow->last_ns, flow->first_ns, &duration) ? INT64_MAX : duration;
}

static struct pkv__flow_row row_of(const struct pkv__flow_rows *rows, const struct pkv__flow *flow)
{
    uint32_t id = rows->first_id + flow->id;
    unsigned src = flow->initiator & 1u, dst = src ^ 1u;
    return (struct pkv__flow_row){
        .first_ns = flow->first_ns,
        .duration_ns = duration_of(flow),
        .packets = {flow->packets[src], flow->packets[dst]},
        .bytes = {flow->bytes[src], flow->bytes[dst]},
        .hosts = {rows->ends[id][src], rows->ends[id][dst]},
        .tunnel = rows->tunnel_of[id],
        .protocol = protocol_of(&flow->key),
        .ports = {flow->key.port[src], flow->key.port[dst]},
        .tcp_flags = {flow->tcp_flags[src], flow->tcp_flags[dst]},
        .has_ports = flow->has_ports,
        .orphan = flow->key.orphan,
        .icmp = pkv__flow_icmp(flow),
    };
}

static int each_sorted(const struct pkv__flow_rows *rows, const struct pkv__packets_by_flow *sorted,
                       pkv__flow_row_fn *flow, void *context, pkv_error *error)
{
    struct pkv__buffer list = {0};
    uint32_t count = pkv__flow_table_count(rows->table);
    int rc = 0;
    for (uint32_t i = 0; rc >= 0 && i < count; i++) {
        const struct pkv__flow *at = pkv__flow_table_at(rows->table, i);
        struct pkv__flow_row row = row_of(rows, at);
        pkv__buffer_clear(&list);
        pkv__packets_by_flow_encode(sorted, i, rows->first_ordinal, at->initiator, &list);
        rc =
            list.failed ? pkv__error_memory(error) : flow(context, rows->first_id + i, &row, &list);
    }
    pkv__buffer_deinit(&list);
    return rc < 0 ? rc : 0;
}

int pkv__flow_rows_each_at_hand(const struct pkv__flow_rows *rows, pkv__flow_row_fn *flow,
                                void *context, pkv_error *error)
{
    struct pkv__packets_by_flow sorted;
    if (pkv__packet_log_sort(rows->log, pkv__flow_table_count(rows->table), &sorted) < 0)
        return pkv__error_memory(error);
    int rc = each_sorted(rows, &sorted, flow, context, error);
    pkv__packets_by_flow_deinit(&sorted);
    return rc;
}

/* Where a part has gone to the file the rest may as well, and leaves its memory to those who sort.
 */
int pkv__flow_rows_finish(struct pkv__flow_rows *rows, pkv_error *error)
{
    if (!rows->epochs_count)
        return 0;
    int rc = pkv__flow_rows_end_epoch(rows, error);
    if (rc < 0)
        return rc;
    rows->table = pkv__flow_table_free(rows->table);
    rows->log = pkv__packet_log_free(rows->log);
    if (pkv__flow_table_new(&rows->table) < 0 || pkv__packet_log_new(&rows->log) < 0)
        return pkv__error_memory(error);
    return 0;
}

int pkv__flow_rows_add(struct pkv__flow_rows *rows, struct pkv__facts *facts, int64_t time_ns,
                       pkv_error *error)
{
    if (pkv__flow_table_count(rows->table) >= rows->flows_max ||
        pkv__packet_log_count(rows->log) >= rows->packets_max) {
        int rc = pkv__flow_rows_end_epoch(rows, error);
        if (rc < 0)
            return rc;
    }
    struct pkv__flow *flow;
    unsigned side;
    if (pkv__flow_table_add(rows->table, facts, time_ns, &flow, &side) < 0)
        return pkv__error_memory(error);
    if (rows->first_id + flow->id == rows->count && add_flow(rows, &flow->key) < 0)
        return pkv__error_memory(error);
    if (pkv__packet_log_add(rows->log, flow->id, side) < 0)
        return pkv__error_memory(error);
    return 0;
}

int pkv__flow_rows_each(const struct pkv__flow_rows *rows, pkv__flow_row_fn *flow, void *context,
                        pkv_error *error)
{
    int rc = pkv__flow_rows_each_spilled(rows, flow, context, error);
    return rc < 0 ? rc : pkv__flow_rows_each_at_hand(rows, flow, context, error);
}

uint32_t pkv__flow_rows_count(const struct pkv__flow_rows *rows)
{
    return rows->count;
}

uint64_t pkv__flow_rows_bytes(const struct pkv__flow_rows *rows)
{
    return pkv__flow_table_bytes(rows->table) + pkv__packet_log_bytes(rows->log) +
           pkv__intern_bytes(rows->hosts) + pkv__intern_bytes(rows->tunnels) +
           rows->ends_capacity * sizeof *rows->ends +
           rows->tunnel_of_capacity * sizeof *rows->tunnel_of;
}

uint32_t pkv__flow_rows_hosts(const struct pkv__flow_rows *rows)
{
    return pkv__intern_count(rows->hosts);
}

uint32_t pkv__flow_rows_tunnels(const struct pkv__flow_rows *rows)
{
    return pkv__intern_count(rows->tunnels);
}

const struct pkv__flow_host *pkv__flow_rows_host(const struct pkv__flow_rows *rows, uint32_t number)
{
    return pkv__intern_at(rows->hosts, number);
}

const struct pkv__flow_tunnel *pkv__flow_rows_tunnel(const struct pkv__flow_rows *rows,
                                                     uint32_t number)
{
    return pkv__intern_at(rows->tunnels, number);
}

const uint32_t *pkv__flow_rows_ends(const struct pkv__flow_rows *rows, uint32_t id)
{
    return rows->ends[id];
}
