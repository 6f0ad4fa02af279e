/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/flow_rows.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "indexer/intern.h"
#include "indexer/packet_log.h"
#include "indexer/spill.h"

/* Flows that went to the temporary file together: rows, then lists, each behind its length of 32
 * bits. */
struct epoch {
    uint64_t rows_at, lists_at;
    uint32_t flows;
};

struct pkv__flow_rows {
    struct pkv__flow_table *table; /* flows of the epoch at hand: ids from first_id on */
    struct pkv__packet_log *log;
    struct pkv__intern *hosts, *tunnels;
    uint32_t (*ends)[2]; /* by id: hosts at the key sides */
    uint32_t *tunnel_of; /* by id: 0, or number of the tunnel + 1 */
    size_t ends_capacity, tunnel_of_capacity;
    uint32_t first_id, count;
    uint64_t first_ordinal;
    char *spill_path;
    struct pkv__spill *spill;
    struct epoch *epochs;
    size_t epochs_count, epochs_capacity;
};

PKV__DEFINE_CLEANUP(struct pkv__flow_rows, pkv__flow_rows_free);

int pkv__flow_rows_new(struct pkv__flow_rows **rows, const char *spill_path)
{
    struct pkv__flow_rows *made PKV__AUTO(pkv__flow_rows_free) = pkv__alloc_zero(1, sizeof *made);
    if (!made || !(made->spill_path = pkv__strdup(spill_path)) ||
        pkv__flow_table_new(&made->table) < 0 || pkv__packet_log_new(&made->log) < 0 ||
        pkv__intern_new(&made->hosts, sizeof(struct pkv__flow_host)) < 0 ||
        pkv__intern_new(&made->tunnels, sizeof(struct pkv__flow_tunnel)) < 0)
        return PKV_E_MEMORY;
    *rows = PKV__STEAL(made);
    return 0;
}

struct pkv__flow_rows *pkv__flow_rows_free(struct pkv__flow_rows *rows)
{
    if (!rows)
        return NULL;
    (void)pkv__flow_table_free(rows->table);
    (void)pkv__packet_log_free(rows->log);
    (void)pkv__intern_free(rows->hosts);
    (void)pkv__intern_free(rows->tunnels);
    (void)pkv__spill_free(rows->spill);
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
    };
}

static int each_row_at_hand(const struct pkv__flow_rows *rows, pkv__flow_row_fn *row, void *context)
{
    uint32_t count = pkv__flow_table_count(rows->table);
    for (uint32_t i = 0; i < count; i++) {
        struct pkv__flow_row r = row_of(rows, pkv__flow_table_at(rows->table, i));
        int rc = row(context, rows->first_id + i, &r);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int each_sorted_list(const struct pkv__flow_rows *rows,
                            const struct pkv__packets_by_flow *sorted, pkv__flow_list_fn *list,
                            void *context)
{
    struct pkv__buffer bytes = {0};
    uint32_t count = pkv__flow_table_count(rows->table);
    int rc = 0;
    for (uint32_t i = 0; rc >= 0 && i < count; i++) {
        unsigned initiator = pkv__flow_table_at(rows->table, i)->initiator;
        pkv__buffer_clear(&bytes);
        pkv__packets_by_flow_encode(sorted, i, rows->first_ordinal, initiator, &bytes);
        rc = bytes.failed ? PKV_E_MEMORY
                          : list(context, rows->first_id + i, bytes.data, bytes.length);
    }
    pkv__buffer_deinit(&bytes);
    return rc < 0 ? rc : 0;
}

static int each_list_at_hand(const struct pkv__flow_rows *rows, pkv__flow_list_fn *list,
                             void *context, pkv_error *error)
{
    struct pkv__packets_by_flow sorted;
    if (pkv__packet_log_sort(rows->log, pkv__flow_table_count(rows->table), &sorted) < 0)
        return pkv__error_memory(error);
    int rc = each_sorted_list(rows, &sorted, list, context);
    pkv__packets_by_flow_deinit(&sorted);
    return rc;
}

struct spilling {
    struct pkv__spill *spill;
    pkv_error *error;
};

static int spill_row(void *context, uint32_t id, const struct pkv__flow_row *row)
{
    (void)id;
    struct spilling *s = context;
    return pkv__spill_put(s->spill, row, sizeof *row, s->error);
}

static int spill_list(void *context, uint32_t id, const uint8_t *list, size_t length)
{
    (void)id;
    struct spilling *s = context;
    uint32_t bytes = (uint32_t)length;
    int rc = pkv__spill_put(s->spill, &bytes, sizeof bytes, s->error);
    return rc < 0 ? rc : pkv__spill_put(s->spill, list, length, s->error);
}

static int spill_at_hand(struct pkv__flow_rows *rows, struct epoch *epoch, pkv_error *error)
{
    struct spilling spilling = {rows->spill, error};
    *epoch = (struct epoch){.rows_at = pkv__spill_bytes(rows->spill),
                            .flows = pkv__flow_table_count(rows->table)};
    int rc = each_row_at_hand(rows, spill_row, &spilling);
    if (rc < 0)
        return rc;
    epoch->lists_at = pkv__spill_bytes(rows->spill);
    return each_list_at_hand(rows, spill_list, &spilling, error);
}

static int end_epoch(struct pkv__flow_rows *rows, pkv_error *error)
{
    if (!rows->spill) {
        int rc = pkv__spill_new(&rows->spill, rows->spill_path, error);
        if (rc < 0)
            return rc;
    }
    if (pkv__grow(&rows->epochs, &rows->epochs_capacity, rows->epochs_count + 1,
                  sizeof *rows->epochs) < 0)
        return pkv__error_memory(error);
    int rc = spill_at_hand(rows, &rows->epochs[rows->epochs_count], error);
    if (rc < 0)
        return rc;
    rows->epochs_count++;
    rows->first_id = rows->count;
    rows->first_ordinal += pkv__packet_log_count(rows->log);
    pkv__flow_table_clear(rows->table);
    pkv__packet_log_clear(rows->log);
    return 0;
}

static int each_spilled_row(const struct pkv__flow_rows *rows, pkv__flow_row_fn *row, void *context,
                            pkv_error *error)
{
    uint32_t id = 0;
    for (size_t e = 0; e < rows->epochs_count; e++)
        for (uint32_t i = 0; i < rows->epochs[e].flows; i++, id++) {
            struct pkv__flow_row r;
            uint64_t at = rows->epochs[e].rows_at + i * (uint64_t)sizeof r;
            int rc = pkv__spill_get(rows->spill, at, &r, sizeof r, error);
            if (rc < 0 || (rc = row(context, id, &r)) < 0)
                return rc;
        }
    return 0;
}

static int get_list(const struct pkv__flow_rows *rows, uint64_t *at, struct pkv__buffer *bytes,
                    pkv_error *error)
{
    uint32_t length;
    int rc = pkv__spill_get(rows->spill, *at, &length, sizeof length, error);
    if (rc < 0)
        return rc;
    pkv__buffer_clear(bytes);
    if (!pkv__buffer_reserve(bytes, length))
        return pkv__error_memory(error);
    rc = pkv__spill_get(rows->spill, *at + sizeof length, bytes->data, length, error);
    bytes->length = length;
    *at += sizeof length + (uint64_t)length;
    return rc;
}

static int each_spilled_list(const struct pkv__flow_rows *rows, pkv__flow_list_fn *list,
                             void *context, pkv_error *error)
{
    struct pkv__buffer bytes = {0};
    uint32_t id = 0;
    int rc = 0;
    for (size_t e = 0; rc >= 0 && e < rows->epochs_count; e++) {
        uint64_t at = rows->epochs[e].lists_at;
        for (uint32_t i = 0; rc >= 0 && i < rows->epochs[e].flows; i++, id++) {
            rc = get_list(rows, &at, &bytes, error);
            if (rc >= 0)
                rc = list(context, id, bytes.data, bytes.length);
        }
    }
    pkv__buffer_deinit(&bytes);
    return rc < 0 ? rc : 0;
}

int pkv__flow_rows_add(struct pkv__flow_rows *rows, struct pkv__facts *facts, int64_t time_ns,
                       pkv_error *error)
{
    if (pkv__flow_table_count(rows->table) >= PKV__FLOWS_MAX ||
        pkv__packet_log_count(rows->log) >= PKV__EPOCH_PACKETS_MAX) {
        int rc = end_epoch(rows, error);
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

int pkv__flow_rows_each(const struct pkv__flow_rows *rows, pkv__flow_row_fn *row,
                        pkv__flow_list_fn *list, void *context, pkv_error *error)
{
    int rc = each_spilled_row(rows, row, context, error);
    if (rc >= 0)
        rc = each_row_at_hand(rows, row, context);
    if (rc >= 0)
        rc = each_spilled_list(rows, list, context, error);
    if (rc >= 0)
        rc = each_list_at_hand(rows, list, context, error);
    return rc;
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
