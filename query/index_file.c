/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/index_file.h"

#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "query/index_internal.h"
#include "schema/database.h"

int pkv__index_step(struct pkv__index_file *file, sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : pkv__database_error(file->db, rc, file->error);
}

int pkv__index_damaged(struct pkv__index_file *file, const char *what)
{
    const char *path = sqlite3_db_filename(file->db, "main");
    return pkv__error(file->error, PKV_E_FORMAT, -1, "%s: %s", path ? path : "index", what);
}

int pkv__index_look_up(struct pkv__index_file *file, sqlite3_stmt **statement, const char *sql,
                       int64_t id)
{
    int rc = *statement ? PKV_OK : pkv__database_prepare(statement, file->db, sql, file->error);
    if (rc)
        return rc;
    (void)sqlite3_reset(*statement);
    rc = sqlite3_bind_int64(*statement, 1, id);
    return rc == SQLITE_OK ? PKV_OK : pkv__database_error(file->db, rc, file->error);
}

static int read_counts(struct pkv__index_file *file)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc = pkv__database_prepare(&s, file->db,
                                   "SELECT (SELECT coalesce(max(id) + 1, 0) FROM host), "
                                   "(SELECT coalesce(max(id) + 1, 0) FROM block), "
                                   "(SELECT coalesce(max(id) + 1, 0) FROM flow), "
                                   "(SELECT value FROM meta WHERE key = 'base_ns')",
                                   file->error);
    if (!rc)
        rc = pkv__index_step(file, s);
    if (rc != 1)
        return rc;
    file->host_count = sqlite3_column_int64(s, 0);
    file->block_count = sqlite3_column_int64(s, 1);
    file->flow_count = sqlite3_column_int64(s, 2);
    file->base_ns = sqlite3_column_int64(s, 3);
    bool sound = file->host_count >= 0 && file->block_count >= 0 && file->flow_count >= 0 &&
                 sqlite3_column_type(s, 3) == SQLITE_INTEGER;
    return sound ? PKV_OK : pkv__index_damaged(file, "no counts");
}

/* False: nothing that an address can be. */
static bool read_address(sqlite3_stmt *statement, int column, struct pkv__address *address)
{
    const void *data = sqlite3_column_blob(statement, column);
    int length = sqlite3_column_bytes(statement, column);
    *address = (struct pkv__address){.length = 0};
    if (length != 0 && length != 4 && length != 6 && length != 16)
        return false;
    if (data)
        memcpy(address->bytes, data, (size_t)length);
    address->length = data ? (uint8_t)length : 0;
    return true;
}

static bool read_tunnel(sqlite3_stmt *s, struct pkv__index_tunnel *tunnel)
{
    struct pkv__address a, b;
    int64_t kind = sqlite3_column_int64(s, 1), vni = sqlite3_column_int64(s, 2);
    if (kind < PKV__TUNNEL_NONE || kind > PKV__TUNNEL_GENEVE || vni < 0 || vni > PKV__VNI_MAX ||
        !read_address(s, 3, &a) || !read_address(s, 4, &b))
        return false;
    tunnel->kind = (uint8_t)kind;
    tunnel->vni = (uint32_t)vni;
    tunnel->outer_length = a.length > b.length ? a.length : b.length;
    memcpy(tunnel->outer[0], a.bytes, sizeof(a.bytes));
    memcpy(tunnel->outer[1], b.bytes, sizeof(b.bytes));
    return true;
}

static int read_tunnels(struct pkv__index_file *file)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc = pkv__database_prepare(
        &s, file->db, "SELECT id, kind, vni, a, b FROM tunnel ORDER BY id", file->error);
    if (rc)
        return rc;
    while ((rc = pkv__index_step(file, s)) == 1) {
        if (sqlite3_column_int64(s, 0) != (int64_t)file->tunnel_count)
            return pkv__index_damaged(file, "tunnels are not numbered 0, 1, …");
        if (pkv__grow(&file->tunnels, &file->tunnel_capacity, file->tunnel_count + 1,
                      sizeof(*file->tunnels)))
            return pkv__error_memory(file->error);
        if (!read_tunnel(s, &file->tunnels[file->tunnel_count++]))
            return pkv__index_damaged(file, "a tunnel is broken");
    }
    return rc;
}

int pkv__index_file_open(struct pkv__index_file *file, const char *path, pkv_error *error)
{
    *file = (struct pkv__index_file){.error = error};
    int rc = pkv__index_open(&file->db, path, error);
    if (rc)
        return rc;
    pkv__database_limit_work(&file->work, file->db);
    rc = read_tunnels(file);
    if (!rc)
        rc = read_counts(file);
    if (rc)
        pkv__index_file_close(file);
    return rc;
}

void pkv__index_file_close(struct pkv__index_file *file)
{
    (void)sqlite3_finalize(file->host);
    (void)sqlite3_finalize(file->host_flows);
    (void)sqlite3_finalize(file->flow);
    (void)sqlite3_finalize(file->posting);
    (void)sqlite3_finalize(file->block);
    pkv__free(file->tunnels);
    pkv__free(file->hosts);
    pkv__database_close(file->db);
    *file = (struct pkv__index_file){0};
}

int pkv__index_host(struct pkv__index_file *file, int64_t id, struct pkv__address *address)
{
    if (file->hosts && id >= 0 && id < file->host_count) {
        *address = file->hosts[id];
        return PKV_OK;
    }
    int rc = pkv__index_look_up(file, &file->host, "SELECT address FROM host WHERE id = ?", id);
    if (rc)
        return rc;
    rc = pkv__index_step(file, file->host);
    if (rc != 1)
        return rc ? rc : pkv__index_damaged(file, "a host is missing");
    return read_address(file->host, 0, address) ? PKV_OK
                                                : pkv__index_damaged(file, "a host is broken");
}

/* Grown with the rows: a single one may have any number. */
static int add_host(struct pkv__index_file *file, sqlite3_stmt *s, size_t *count, size_t *capacity)
{
    if (sqlite3_column_int64(s, 0) != (int64_t)*count)
        return pkv__index_damaged(file, "hosts are not numbered 0, 1, …");
    if (pkv__grow(&file->hosts, capacity, *count + 1, sizeof(*file->hosts)))
        return pkv__error_memory(file->error);
    return read_address(s, 1, &file->hosts[(*count)++])
               ? PKV_OK
               : pkv__index_damaged(file, "a host is broken");
}

int pkv__index_read_hosts(struct pkv__index_file *file)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    size_t count = 0, capacity = 0;
    if (file->hosts)
        return PKV_OK;
    int rc = pkv__database_prepare(&s, file->db, "SELECT id, address FROM host ORDER BY id",
                                   file->error);
    while (!rc && (rc = pkv__index_step(file, s)) == 1)
        rc = add_host(file, s, &count, &capacity);
    if (!rc && (int64_t)count != file->host_count)
        rc = pkv__index_damaged(file, "hosts are not numbered 0, 1, …");
    if (rc) {
        pkv__free(file->hosts);
        file->hosts = NULL;
    }
    return rc;
}

/* Order of the host table: length, then bytes. */
static int compare_host(const struct pkv__address *host, const uint8_t *bytes, uint8_t length)
{
    if (host->length != length)
        return host->length < length ? -1 : 1;
    return memcmp(host->bytes, bytes, length);
}

/* The first id whose address is not below (or, with `above`, is above) the bytes. */
static int host_bound(struct pkv__index_file *file, const uint8_t *bytes, uint8_t length,
                      bool above, int64_t *bound)
{
    int64_t low = 0, high = file->host_count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        struct pkv__address host = {.length = 0};
        int rc = pkv__index_host(file, middle, &host);
        if (rc)
            return rc;
        int order = compare_host(&host, bytes, length);
        if (order < 0 || (above && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    *bound = low;
    return PKV_OK;
}

int pkv__index_file_hosts(struct pkv__index_file *file, const uint8_t *low, const uint8_t *high,
                          uint8_t length, int64_t *first, int64_t *last)
{
    int rc = host_bound(file, low, length, false, first);
    return rc ? rc : host_bound(file, high, length, true, last);
}

int pkv__index_file_flows_of(struct pkv__index_file *file, int64_t host, struct pkv__id_set *set)
{
    int rc =
        pkv__index_look_up(file, &file->host_flows, "SELECT flows FROM host WHERE id = ?", host);
    if (rc)
        return rc;
    rc = pkv__index_step(file, file->host_flows);
    if (rc != 1)
        return rc ? rc : pkv__index_damaged(file, "a host is missing");
    const void *data = sqlite3_column_blob(file->host_flows, 0);
    struct pkv__cursor c = pkv__cursor(data, (size_t)sqlite3_column_bytes(file->host_flows, 0));
    uint64_t id = 0;
    for (bool first = true; pkv__cursor_left(&c); first = false) {
        uint64_t step = pkv__cursor_varint(&c);
        if (c.failed || (!step && !first) || step > UINT32_MAX)
            return pkv__index_damaged(file, "a list of flows is broken");
        id += step;
        if (id >= (uint64_t)file->flow_count)
            return pkv__index_damaged(file, "a list of flows is broken");
        if (pkv__grow(&set->ids, &set->capacity, set->count + 1, sizeof(*set->ids)))
            return pkv__error_memory(file->error);
        set->ids[set->count++] = (uint32_t)id;
    }
    return PKV_OK;
}

int pkv__index_file_posting(struct pkv__index_file *file, uint32_t flow,
                            pkv__index_packet_fn *packet, void *context)
{
    int rc =
        pkv__index_look_up(file, &file->posting, "SELECT ordinals FROM flow WHERE id = ?", flow);
    if (rc)
        return rc;
    rc = pkv__index_step(file, file->posting);
    if (rc != 1)
        return rc ? rc : pkv__index_damaged(file, "a posting list is missing");
    const void *data = sqlite3_column_blob(file->posting, 0);
    struct pkv__cursor c = pkv__cursor(data, (size_t)sqlite3_column_bytes(file->posting, 0));
    uint64_t ordinal = 0;
    rc = PKV_OK;
    for (bool first = true; pkv__cursor_left(&c) && !rc; first = false) {
        uint64_t value = pkv__cursor_varint(&c);
        ordinal += value >> 1;
        if (c.failed || (value < 2 && !first) || ordinal > UINT32_MAX)
            return pkv__index_damaged(file, "a posting list is broken");
        rc = packet(context, (uint32_t)ordinal, value & 1);
    }
    return rc;
}

#define BLOCK_COLUMNS                                                                              \
    "SELECT offset, stored_bytes, first_ordinal, packets, after_ns, duration_ns FROM block"

static void read_block(const struct pkv__index_file *file, sqlite3_stmt *s,
                       struct pkv__plan_block *block)
{
    int64_t first_ns = pkv__index_plus(file->base_ns, sqlite3_column_int64(s, 4));
    *block =
        (struct pkv__plan_block){.offset = sqlite3_column_int64(s, 0),
                                 .stored_bytes = (uint32_t)sqlite3_column_int64(s, 1),
                                 .first_ordinal = (uint32_t)sqlite3_column_int64(s, 2),
                                 .packets = (uint32_t)sqlite3_column_int64(s, 3),
                                 .first_ns = first_ns,
                                 .last_ns = pkv__index_plus(first_ns, sqlite3_column_int64(s, 5))};
}

int pkv__index_file_block(struct pkv__index_file *file, int64_t id, struct pkv__plan_block *block)
{
    int rc = pkv__index_look_up(file, &file->block, BLOCK_COLUMNS " WHERE id = ?", id);
    if (rc)
        return rc;
    rc = pkv__index_step(file, file->block);
    if (rc != 1)
        return rc ? rc : pkv__index_damaged(file, "a block is missing");
    read_block(file, file->block, block);
    return PKV_OK;
}

int pkv__index_file_blocks(struct pkv__index_file *file, pkv__index_block_fn *row, void *context)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc = pkv__database_prepare(&s, file->db, BLOCK_COLUMNS " ORDER BY id", file->error);
    if (rc)
        return rc;
    while ((rc = pkv__index_step(file, s)) == 1) {
        struct pkv__plan_block block;
        read_block(file, s, &block);
        rc = row(context, &block);
        if (rc)
            return rc;
    }
    return rc;
}

int pkv__index_file_interfaces(struct pkv__index_file *file, struct pkv__plan *plan)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc = pkv__database_prepare(
        &s, file->db,
        "SELECT id, link_type, snap_length, name, description, options FROM interface ORDER BY id",
        file->error);
    if (rc)
        return rc;
    while ((rc = pkv__index_step(file, s)) == 1) {
        if (sqlite3_column_int64(s, 0) != (int64_t)plan->interface_count)
            return pkv__index_damaged(file, "interfaces are not numbered 0, 1, …");
        pkv_interface view = {.link_type = (uint16_t)sqlite3_column_int(s, 1),
                              .snap_length = (uint32_t)sqlite3_column_int64(s, 2),
                              .name = (const char *)sqlite3_column_text(s, 3),
                              .description = (const char *)sqlite3_column_text(s, 4),
                              .options = sqlite3_column_blob(s, 5),
                              .options_bytes = (uint32_t)sqlite3_column_bytes(s, 5)};
        rc = pkv__plan_add_interface(plan, &view);
        if (rc)
            return rc == PKV_E_MEMORY ? pkv__error_memory(file->error)
                                      : pkv__index_damaged(file, "too many interfaces");
    }
    return rc;
}
