/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of flows as the identities that a scan would find. */
#include <string.h>

#include "query/index_internal.h"
#include "schema/database.h"

#define FLOW_COLUMNS                                                                               \
    "SELECT id, tunnel, protocol, src, dst, src_port, dst_port, after_ns, duration_ns, "           \
    "src_packets, src_bytes, "                                                                     \
    "dst_packets, dst_bytes, src_flags, dst_flags, orphan, icmp FROM flow"

static void set_class(struct pkv__flow_key *key, int64_t protocol)
{
    if (protocol < 0) {
        key->class_ = PKV__CLASS_MALFORMED;
    } else if (protocol < 65536) {
        key->class_ = PKV__CLASS_IP;
        key->protocol = (uint8_t)protocol;
    } else {
        key->ethertype = (uint16_t)(protocol - 65536);
        bool arp = key->ethertype == 0x0806 || key->ethertype == 0x8035;
        key->class_ = arp && key->address_length == 4 ? PKV__CLASS_ARP : PKV__CLASS_OTHER;
    }
}

static void set_tunnel(struct pkv__flow_key *key, const struct pkv__index_tunnel *tunnel)
{
    key->tunnel = tunnel->kind;
    key->vni = tunnel->vni;
    key->outer_length = tunnel->outer_length;
    memcpy(key->outer, tunnel->outer, sizeof(key->outer));
}

/* As flow/ orders them: the lower (address, port) first. */
static void set_ends(struct pkv__plan_flow *flow, const struct pkv__address *src,
                     const struct pkv__address *dst, uint16_t src_port, uint16_t dst_port)
{
    struct pkv__flow_key *key = &flow->key;
    int order = memcmp(src->bytes, dst->bytes, 16);
    unsigned side = order < 0 || (order == 0 && src_port <= dst_port) ? 0 : 1;
    key->address_length = src->length > dst->length ? src->length : dst->length;
    memcpy(key->address[side], src->bytes, 16);
    memcpy(key->address[!side], dst->bytes, 16);
    key->port[side] = src_port;
    key->port[!side] = dst_port;
    flow->initiator = (uint8_t)side;
}

static void set_counts(const struct pkv__index_file *file, struct pkv__flow_row *row,
                       sqlite3_stmt *s)
{
    unsigned src = row->flow.initiator, dst = !src;
    row->flow.first_ns = pkv__index_plus(file->base_ns, sqlite3_column_int64(s, 7));
    row->last_ns = pkv__index_plus(row->flow.first_ns, sqlite3_column_int64(s, 8));
    row->packets[src] = (uint64_t)sqlite3_column_int64(s, 9);
    row->bytes[src] = (uint64_t)sqlite3_column_int64(s, 10);
    row->packets[dst] = (uint64_t)sqlite3_column_int64(s, 11);
    row->bytes[dst] = (uint64_t)sqlite3_column_int64(s, 12);
    row->tcp_flags[src] = (uint8_t)sqlite3_column_int(s, 13);
    row->tcp_flags[dst] = (uint8_t)sqlite3_column_int(s, 14);
    row->flow.syn = (row->tcp_flags[0] | row->tcp_flags[1]) >> 1 & 1;
}

static int read_flow(struct pkv__index_file *file, sqlite3_stmt *s, struct pkv__flow_row *row)
{
    struct pkv__plan_flow *flow = &row->flow;
    struct pkv__address src = {.length = 0}, dst = {.length = 0};
    int64_t tunnel = sqlite3_column_int64(s, 1);
    memset(row, 0, sizeof(*row));
    if (tunnel < 0 || tunnel >= (int64_t)file->tunnel_count)
        return pkv__index_damaged(file, "a flow has no tunnel");
    int rc = pkv__index_host(file, sqlite3_column_int64(s, 3), &src);
    if (!rc)
        rc = pkv__index_host(file, sqlite3_column_int64(s, 4), &dst);
    if (rc)
        return rc;
    flow->has_ports = sqlite3_column_type(s, 5) != SQLITE_NULL;
    set_ends(flow, &src, &dst, (uint16_t)sqlite3_column_int(s, 5),
             (uint16_t)sqlite3_column_int(s, 6));
    set_class(&flow->key, sqlite3_column_int64(s, 2));
    set_tunnel(&flow->key, &file->tunnels[tunnel]);
    flow->key.orphan = sqlite3_column_int(s, 15) == 1;
    flow->icmp =
        sqlite3_column_type(s, 16) == SQLITE_NULL ? -1 : sqlite3_column_int(s, 16) & 0xffff;
    set_counts(file, row, s);
    return PKV_OK;
}

static int all_flows(struct pkv__index_file *file, pkv__index_flow_fn *take, void *context)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    struct pkv__flow_row row;
    int64_t next = 0;
    int rc = pkv__index_read_hosts(file);
    if (!rc)
        rc = pkv__database_prepare(&s, file->db, FLOW_COLUMNS, file->error);
    if (rc)
        return rc;
    while ((rc = pkv__index_step(file, s)) == 1) {
        int64_t id = sqlite3_column_int64(s, 0);
        if (id < next || id >= file->flow_count)
            return pkv__index_damaged(file, "flows are not in order");
        next = id + 1;
        rc = read_flow(file, s, &row);
        if (!rc)
            rc = take(context, (uint32_t)id, &row);
        if (rc)
            return rc;
    }
    return rc;
}

static int one_flow(struct pkv__index_file *file, uint32_t id, pkv__index_flow_fn *take,
                    void *context)
{
    struct pkv__flow_row row;
    int rc = pkv__index_look_up(file, &file->flow, FLOW_COLUMNS " WHERE id = ?", id);
    if (rc)
        return rc;
    rc = pkv__index_step(file, file->flow);
    if (rc != 1)
        return rc ? rc : pkv__index_damaged(file, "a flow is missing");
    rc = read_flow(file, file->flow, &row);
    return rc ? rc : take(context, id, &row);
}

int pkv__index_file_flows(struct pkv__index_file *file, const struct pkv__id_set *set,
                          pkv__index_flow_fn *take, void *context)
{
    if (set->all)
        return all_flows(file, take, context);
    int rc = PKV_OK;
    for (size_t i = 0; i < set->count && !rc; i++)
        rc = one_flow(file, set->ids[i], take, context);
    return rc;
}
